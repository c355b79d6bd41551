/*
 * progress - a line on the terminal that says how far a query is, once it has taken a second.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "auditq.h"

struct progress {
	int64_t begin; /* ns */
};

/* Only where standard error is a terminal that is not dumb.  p must outlast the query. */
void progress_begin(struct progress *p, auditq_t *q);

#endif
