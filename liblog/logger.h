/*
 * logger - what all contexts of one alog_open share; and contexts themselves.
 *
 * A context owns the JSON text of what is bound to it, so contexts need each other only to
 * pass levels on.  The logger lives until it is closed and the last of its contexts is freed.
 */
#ifndef LOGGER_H
#define LOGGER_H

#include <stdatomic.h>

#include "record.h"
#include "writer.h"

struct logger {
	struct settings set;
	struct monitor mon;
	struct writer *_Atomic writer; /* NULL: disabled, or a child could not start one */
	atomic_bool closed;
	atomic_int refs;             /* contexts */
	_Atomic uint32_t *fork_word; /* a page that is zero in a child */
	pthread_mutex_t lock; /* of the tree of contexts, and of starting a child's writer */
	char identity[2048];  /* ,"service":"…","host":"…","pid":N */
	size_t nidentity;
	struct logger *next; /* all loggers of the process, for fork */
};

struct alog_context {
	_Atomic int level; /* must be first: alog_enabled reads it */
	bool own_level;    /* set on this very context */
	struct logger *log;
	struct alog_context *parent, *child, *prev, *next; /* the tree, under log->lock */
	char *text;                                /* owns what base points to */
	struct record_base base;
	char *run_id;  /* decoded; NULL outside a run */
	int64_t begun; /* monotonic ns, of a run or stage */
};

/* What is to be added to a child's bound text. */
struct context_more {
	const char *run_id; /* NULL: the parent's */
	const char *stage;  /* NULL: the parent's */
	const alog_field *fields;
	size_t n;
};

/* A child of parent, with more bound to it. */
int context_make(
    struct alog_context **ret, struct alog_context *parent, const struct context_more *more, alog_error *err);
/* A root context. */
int context_make_root(struct alog_context **ret, struct logger *log, alog_error *err);
/* Take out of the tree and free; drops the logger's last reference. */
void context_free(struct alog_context *ctx);

/* The writer to use now: starts a child process's own at its first use; NULL when there is none. */
struct writer *logger_writer(struct logger *log);
/* A context is gone. */
void logger_unref(struct logger *log);

/* Encode and put a record; *seq (may be NULL) gets its number. */
int emit_record(struct alog_context *ctx, const struct record *rec, uint64_t *seq);

#endif
