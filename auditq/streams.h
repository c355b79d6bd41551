/*
 * streams - the files of a plan that no index speaks for, sifted one after another by all workers.
 */
#ifndef STREAMS_H
#define STREAMS_H

#include "tasks.h"

/* Sift them all: nothing is left to finish. */
int streams_sift(struct tasks *t, auditq_error *err);

#endif
