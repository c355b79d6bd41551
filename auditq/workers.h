/*
 * workers - threads that do pieces of work in the order they were added.
 *
 * Whoever waits for a piece works too, so that n workers are n - 1 threads and the caller; one worker
 * is no thread at all.
 */
#ifndef WORKERS_H
#define WORKERS_H

#include "qerror.h"

struct workers;

/* To be embedded in what has to be done.  slot: 0 ... n - 1, in use by one piece at a time. */
struct work {
	void (*run)(struct work *work, unsigned slot);
	struct work *next;
	enum { WORK_NEW, WORK_QUEUED, WORK_RUNNING, WORK_DONE } state;
};

int workers_new(struct workers **ret, unsigned n, auditq_error *err);
unsigned workers_count(const struct workers *w);
/* One thread at a time adds and waits. */
void workers_add(struct workers *w, struct work *work);
/* Return when it is done, doing it if nobody else has begun. */
void workers_wait(struct workers *w, struct work *work);
/* Forget what nobody has begun, and return when the rest is done. */
void workers_drop(struct workers *w);
void workers_free(struct workers *w); /* as workers_drop */

#endif
