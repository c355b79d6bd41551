/*
 * frontier - what a search has not begun yet, by the first time at which it is needed.
 */
#ifndef FRONTIER_H
#define FRONTIER_H

#include "plan.h"

/* An archive that is not planned, or a member of one that is. */
struct pending {
	int64_t from; /* no line of it comes before that time, in the order of answers */
	size_t file;
	bool archive;
	struct plan_member member;
};

/* All zeros, but for reverse, is empty. */
struct frontier {
	bool reverse; /* the order of answers */
	struct pending *heap;
	size_t n, cap;
};

/* 0, or -1 when out of memory. */
int frontier_push(struct frontier *f, const struct pending *p);
/* The first; there must be one. */
struct pending frontier_pop(struct frontier *f);
void frontier_release(struct frontier *f);

/* Where lines between these times begin, in the order of answers; lines without a time come before all. */
int64_t frontier_from(const struct frontier *f, int64_t min_ts, int64_t max_ts, bool untimed);
/* Whether a line of this time may be given while what begins at `from` is not open. */
bool frontier_precedes(const struct frontier *f, int64_t ts, int64_t from);

#endif
