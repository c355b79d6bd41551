/*
 * living - whether the writer of a file lives: its ring is there, and locked.
 */
#ifndef LIVING_H
#define LIVING_H

#include "plan.h"

/* One state a file of the plan, by its rank; zeroed.  Any thread. */
struct living {
	const struct plan *plan;
	uint8_t *state; /* atomic */
};

int living_init(struct living *l, const struct plan *plan, auditq_error *err);
bool living_writer(struct living *l, size_t file);
void living_release(struct living *l);

#endif
