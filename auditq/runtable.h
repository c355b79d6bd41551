/*
 * runtable - what an archive's tables tell of its runs: all that there is to tell, or nothing.
 */
#ifndef RUNTABLE_H
#define RUNTABLE_H

#include "plan.h"
#include "story.h"

struct runtable;

/* Of an archive none of whose lines is unreadable.  1: to be freed; 0: it does not tell, and has to be read (which
 * also says what is wrong with it); negative. */
int runtable_load(struct runtable **ret, const struct plan_file *f, auditq_error *err);
void runtable_free(struct runtable *t);

/* In ascending order of their ids. */
size_t runtable_count(const struct runtable *t);
const struct format_run *runtable_run(const struct runtable *t, size_t i);
/* Whether run i has a record of any of the stages that are asked for. */
bool runtable_has_stage(const struct runtable *t, size_t i, const struct question *q);
/* All of run i's records in the archive, whose writer lives or not; borrowed, until the next call. */
const struct story *runtable_story(struct runtable *t, size_t i, bool alive);

size_t runtable_members(const struct runtable *t);

#endif
