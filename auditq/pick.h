/*
 * pick - which lines a question picks: found by a first search, recognised again among others afterwards.
 */
#ifndef PICK_H
#define PICK_H

#include "search.h"

struct pick;

/* Searches; all is as for search_new.  q may have a limit, or a tail. */
int pick_new(struct pick **ret, const struct question *q, bool *stop, auditq_counts *counts,
    auditq_error *err);
void pick_free(struct pick *p);

/* The runs of the lines, by their ids in order; borrowed. */
const struct match_run *pick_runs(const struct pick *p, size_t *n);
/* Whether some of the lines have no run. */
bool pick_loose(const struct pick *p);
/* Whether a line that s gave is one of them: 1, 0, negative. */
int pick_is(
    struct pick *p, const struct search *s, const struct batch_line *line, auditq_error *err);
/* Likewise, and whether it has no run. */
int pick_is_loose(
    struct pick *p, const struct search *s, const struct batch_line *line, auditq_error *err);
/* The number of the line's run in pick_runs to *run; SIZE_MAX: it has none, or another. */
int pick_run(const struct pick *p, const struct search *s, const struct batch_line *line,
    size_t *run, auditq_error *err);

#endif
