/*
 * context - loggers, runs, stages and bound fields as their users hold them.
 *
 * A context owns the JSON text of what is bound to it, so contexts need each other only to pass
 * levels on.
 */
#ifndef CONTEXT_H
#define CONTEXT_H

#include <stdatomic.h>

#include "logger.h"
#include "record.h"

struct alog_context {
	_Atomic int level; /* must be first: alog_enabled reads it */
	bool own_level;    /* set on this very context */
	struct logger *log;
	struct alog_context *parent, *child, *prev, *next; /* the tree, under log->lock */
	char *text;                                        /* owns what base points to */
	struct record_base base;
	char *run_id;  /* decoded; NULL outside a run */
	int64_t begun; /* settings_ticks, of a run or stage */
};

/* What is to be added to a child's bound text. */
struct context_more {
	const char *run_id; /* NULL: the parent's */
	const char *stage;  /* NULL: the parent's */
	const alog_field *fields;
	size_t n;
};

/* A child of parent, with more bound to it. */
int context_make(struct alog_context **ret, struct alog_context *parent,
    const struct context_more *more, alog_error *err);
/* A root context. */
int context_make_root(struct alog_context **ret, struct logger *log, alog_error *err);
/* Take out of the tree and free; drops the logger's last reference. */
void context_free(struct alog_context *ctx);

#endif
