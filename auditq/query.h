/*
 * query - the public handle: a question, and the search that answers it.
 */
#ifndef QUERY_H
#define QUERY_H

#include "passes.h"
#include "question.h"
#include "search.h"
#include "sequel.h"
#include "tail.h"
#include "widen.h"

struct auditq {
	struct question ask;
	auditq_error wrong; /* the builder's first error */

	struct question latest;      /* of a tail: its search gives the latest first */
	struct search *search;       /* under way; NULL: not begun, or over */
	struct tail *tail;           /* taken from it, if it was asked for */
	struct widen *widen;         /* instead of both, if more than matches was asked for */
	unsigned marks;              /* of the record given last */
	const struct schema *schema; /* of that record; NULL: it may be gone */
	unsigned schemas;            /* how often it was another than before */
	bool begun;
	struct sequel *sequel; /* what comes behind that, with a cursor or when following */
	struct watch *watch;   /* when following */
	uint64_t first; /* of those with which it begins, as many may be left to be given */
	bool over;      /* nothing more is given, but the failure if there was one */
	auditq_error failure;
	uint64_t given;
	auditq_counts counts; /* of the last search */
	struct passes passes; /* of auditq_runs, which auditq_tree goes on with */
	bool stdin_used;

	/* Atomic, set by auditq_cancel in any thread.  Each search polls a flag of its own. */
	bool canceled, stop_next, stop_count;
};

/* The zone of times that are told. */
const struct zone *query_zone(const auditq_t *q);
/* What the record that was given last is read under, and how often that was another than of the record before. */
const struct schema *query_schema(const auditq_t *q, unsigned *changes);

/* Give all that a question of q's asks for to its taker. */
int query_take(auditq_t *q, const struct question *ask, auditq_error *err);

/* Give all that a question of q's asks for, in order, to a function, which returns 0 or a negative code. */
typedef int query_line_fn(
    void *arg, const struct schema *schema, const struct batch_line *line, auditq_error *err);
int query_each(
    auditq_t *q, const struct question *ask, query_line_fn *fn, void *arg, auditq_error *err);

#endif
