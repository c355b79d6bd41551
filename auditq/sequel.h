/*
 * sequel - the answers behind those that were given before: what came since a cursor was stored, in order; or
 * records as they come.
 */
#ifndef SEQUEL_H
#define SEQUEL_H

#include "follow.h"

struct sequel;

/*
 * All is borrowed; q says whether there is a cursor, and with watch records are given as they come.  What is there now
 * is considered already, unless a cursor says otherwise, or is begun with a limit and a window: then *resumed is set.
 */
int sequel_new(struct sequel **ret, const struct question *q, struct watch *watch,
    const bool *stop, auditq_counts *counts, bool *resumed, auditq_error *err);
/* Before the first answer: the run that `last` stands for, or NULL. */
int sequel_ask(struct sequel *s, const char *last, auditq_error *err);
/* A line was given that a search found. */
int sequel_given(struct sequel *s, const struct follow_line *line, auditq_error *err);
/* 1, and the next line, valid until the next call; 0 at the end, which is there only without a watch; negative. */
int sequel_next(struct sequel *s, struct follow_line *out, auditq_error *err);
/* Whether the next one is there without waiting. */
bool sequel_ready(const struct sequel *s);
/* Store the cursor: up to the line that was given last. */
int sequel_store(struct sequel *s, auditq_error *err);
uint64_t sequel_spilled(const struct sequel *s);
void sequel_free(struct sequel *s);

#endif
