/*
 * passes - several searches over the same files for one answer: what they warn of is told once, what they did
 * is added up.
 */
#ifndef PASSES_H
#define PASSES_H

#include "notes.h"

/* All zeros, but for `to`, is the beginning. */
struct passes {
	struct qwarn to;
	struct notes_sent sent;
	unsigned done;
	uint64_t repeated,
	    repeated_lost; /* warnings of the pass at hand that were told before */
	auditq_counts counts;
};

/* Where the searches' warnings go; p must not move. */
struct qwarn passes_target(struct passes *p);
/* A search is over, and counted that. */
void passes_add(struct passes *p, const auditq_counts *counts);

#endif
