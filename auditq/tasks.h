/*
 * tasks - pieces of work that a search has given to its workers, in the order in which it needs what comes of
 * them.
 */
#ifndef TASKS_H
#define TASKS_H

#include "ranges.h"
#include "sift.h"
#include "workers.h"

struct task;

struct tasks {
	struct sift *sift;
	struct workers *workers;
	sift_result_fn *take; /* called by the one thread that adds and finishes tasks */
	void *arg;

	struct task *first, **last;
	size_t n;
	uint64_t bytes; /* of the members in them, decompressed */
};

/* t must not move; sift, workers and arg are borrowed. */
void tasks_init(struct tasks *t, struct sift *sift, struct workers *workers,
    sift_result_fn *take, void *arg);
/* After the workers: forget what was begun. */
void tasks_release(struct tasks *t);

/* from: no line of the member comes before that time, in the order of answers. */
int tasks_add_member(struct tasks *t, size_t file, const struct plan_member *member,
    int64_t from, auditq_error *err);
int tasks_add_file(struct tasks *t, size_t file, auditq_error *err);
/* A piece of a file.  The task is its user. */
int tasks_add_range(struct tasks *t, size_t file, struct ranges *ranges,
    const struct source_range *range, auditq_error *err);

/* Wait for the first tasks, and give away what came of them, until `most` are left. */
int tasks_finish(struct tasks *t, size_t most, auditq_error *err);
/* When the first task begins; false: there is none. */
bool tasks_from(const struct tasks *t, int64_t *from);

#endif
