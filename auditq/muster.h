/*
 * muster - all runs of a trail, put together from what its files tell of them.
 *
 * A search's taker: workers tell the stories of the runs that they meet, each by itself, in bounded memory, and
 * archives that can tell their own are not read; the pieces are sorted by run and joined.
 */
#ifndef MUSTER_H
#define MUSTER_H

#include "question.h"
#include "story.h"

struct muster;

int muster_new(struct muster **ret, size_t max_bytes, auditq_error *err);
void muster_free(struct muster *m);

/* For a search of lines that choose their runs; q is what it asks, borrowed until it is over. */
const struct taker *muster_chooser(struct muster *m, const struct question *q);
/* For a search of all lines of runs. */
const struct taker *muster_taker(struct muster *m, const struct question *q);
/* The runs that were chosen, by their ids in order; borrowed.  NULL: too many to be listed. */
int muster_chosen(struct muster *m, const struct match_run **run, size_t *n, auditq_error *err);
/* A search is over. */
int muster_gather(struct muster *m, auditq_error *err);

/* No more searches; before muster_next. */
int muster_finish(struct muster *m, auditq_error *err);
/* 1, and the next run, each once, valid until the next call; 0; negative. */
int muster_next(struct muster *m, const char **id, size_t *n, const struct story **story,
    auditq_error *err);
uint64_t muster_spilled(const struct muster *m); /* bytes */

#endif
