/*
 * widen - the answers of a question that asks for more than what matches: the whole runs of matches, or lines of
 * their runs around them.
 *
 * A first search finds the runs of what matches, a second one gives their lines, of any time.  What matches without
 * having a run stands for itself.
 */
#ifndef WIDEN_H
#define WIDEN_H

#include "around.h"

struct widen;

struct widen_line {
	struct batch_line line;
	const char *path;
	const struct schema *schema;
	bool match; /* with whole runs: not told */
	bool first; /* of a group of lines; with whole runs: never */
};

bool widen_asked(const struct question *q);

/* q is borrowed; stop is as for search_new.  The files are read more than once. */
int widen_new(struct widen **ret, const struct question *q, bool *stop, auditq_error *err);
void widen_free(struct widen *w);

/* 1, and the next line, valid until the next call; 0; negative. */
int widen_next(struct widen *w, struct widen_line *out, auditq_error *err);
/* What all searches did so far. */
void widen_counts(struct widen *w, auditq_counts *out);

#endif
