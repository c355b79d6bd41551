/*
 * lastrun - the run that started last: of the earliest times of all runs in the window, the latest.
 *
 * From the run tables of archives that lie wholly in the window; what else there is, is read.  Memory is
 * bounded however many runs there are.
 */
#ifndef LASTRUN_H
#define LASTRUN_H

#include "notes.h"
#include "plan.h"
#include "workers.h"

/* *id (n bytes, to be freed) of the run, NULL: there is none; of two that started together, that with the
 * greater id.  stop (atomic) is polled.  What cannot be read goes to warn, numbers to counts. */
int lastrun_find(const struct plan *plan, const struct question *q, const bool *stop,
    struct workers *workers, const struct qwarn *warn, auditq_counts *counts, char **id,
    size_t *n, auditq_error *err);

#endif
