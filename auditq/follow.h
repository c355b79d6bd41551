/*
 * follow - the records of a trail that were not considered so far, in the order in which they are found, across
 * everything that becomes of files: they grow, are rolled, sealed, compacted, rotated, removed.
 *
 * It reads in passes.  A pass takes what open files have got, and then, when names may have changed, lists
 * them all and reads what is new; last comes what rings hold that no file has.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "headway.h"
#include "question.h"
#include "steps.h"
#include "watch.h"

struct follow;

/* All is borrowed.  watch: of what is listed, or NULL, when there is to be one pass.  stop (atomic) is polled. */
int follow_new(struct follow **ret, const struct question *q, struct headway *headway,
    struct watch *watch, const bool *stop, auditq_counts *counts, auditq_error *err);
void follow_free(struct follow *f);

/* Take all that is there now as considered. */
int follow_skip(struct follow *f, auditq_error *err);
/* A line that was given by others, which is considered by that. */
int follow_given(struct follow *f, const struct follow_line *line, auditq_error *err);

/* Before the first line is asked for: the run that `last` stands for, borrowed, or NULL. */
int follow_ask(struct follow *f, const char *last, auditq_error *err);
/* 1, and the next line that matches, valid until the next call; it is considered by that.  0: there is no more for
 * now.  Negative. */
int follow_next(struct follow *f, struct follow_line *out, auditq_error *err);
/* Whether follow_next would give more without looking at files. */
bool follow_ready(const struct follow *f);
/* Wait until there may be more, at most so many ms (-1: for ever).  0; negative. */
int follow_wait(struct follow *f, int timeout_ms, auditq_error *err);
/* Complete the headway, for a cursor. */
void follow_mark(struct follow *f);

#endif
