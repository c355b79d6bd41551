/*
 * twins - records that were given already.
 *
 * The same record in two files of a writer has the same number and the same time, so only what was
 * given at one time has to be remembered.
 */
#ifndef TWINS_H
#define TWINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct twin {
	const char *writer; /* NULL: an empty place */
	uint64_t seq;
};

/* All zeros is empty. */
struct twins {
	int64_t ts;
	struct twin *place; /* a hash table, at most half full */
	size_t n, cap;
};

/* 1: the record was given before; 0: it is new, and remembered; -1: out of memory.  writer is
 * borrowed until the time changes. */
int twins_check(struct twins *t, int64_t ts, const char *writer, uint64_t seq);
void twins_release(struct twins *t);

#endif
