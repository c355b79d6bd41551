/*
 * tail - the last answers of a search, in order.
 *
 * They are looked for latest first, so that no more is read than holds them, and then turned around; what
 * does not fit into memory meanwhile spills to an unlinked temporary file.
 */
#ifndef TAIL_H
#define TAIL_H

#include "search.h"

struct tail;

/* Take the last n lines from a search that gives the latest first; it is borrowed. */
int tail_collect(struct tail **ret, struct search *latest_first, uint64_t n, size_t max_bytes,
    auditq_error *err);
/* 1, and the next line, first to last, valid until the next call; 0; negative. */
int tail_next(struct tail *t, struct batch_line *line, auditq_error *err);
uint64_t tail_spilled(const struct tail *t);
void tail_free(struct tail *t);

#endif
