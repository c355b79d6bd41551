/*
 * twins - records that were given already.
 *
 * The same record in two files of a writer has the same number and the same time, so only what was
 * given at one time has to be remembered.  Where it is not known who wrote a line, its bytes tell.
 */
#ifndef TWINS_H
#define TWINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct twin {
	const char *writer; /* NULL: an empty place */
	uint64_t seq;
	uint32_t file;
	bool doubtful;
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
/* The same of a line in a file of a group: it was given before when it was in another file of the group, and one of the
 * two files is doubtful. */
int twins_check_line(struct twins *t, int64_t ts, const char *group, uint32_t file,
    bool doubtful, const char *line, size_t n);
void twins_release(struct twins *t);

#endif
