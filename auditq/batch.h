/*
 * batch - lines in memory with the keys that order them: what one member or one file matched.
 */
#ifndef BATCH_H
#define BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The order of answers: (ts, path, offset). */
struct batch_key {
	int64_t ts;
	uint32_t path; /* rank of the path */
	uint32_t aux;  /* carried along, not compared */
	uint64_t offset;
};

struct batch_line {
	struct batch_key key;
	const char *p;
	size_t n;
};

struct batch_chunk;

/* All zeros is an empty batch. */
struct batch {
	struct batch_line *line; /* in the order added, or sorted */
	size_t n, cap;
	struct batch_chunk *chunk; /* where the text is */
	size_t bytes;              /* held in memory, with the room that sorting will need */
	bool unsorted;             /* some line came after one with a greater key */
};

int batch_compare(const struct batch_key *a, const struct batch_key *b);

/* Copies the line.  0, or -1 when out of memory. */
int batch_add(struct batch *b, const struct batch_key *key, const char *line, size_t n);
/* Stable; in reverse, exactly the reverse of forward.  Once, after the last line.  0, or -1 when
 * out of memory. */
int batch_sort(struct batch *b, bool reverse);
/* Forget all lines but the first n, and their memory if that is worth it.  0 or -1. */
int batch_keep(struct batch *b, size_t n);
/* Back to empty. */
void batch_release(struct batch *b);

#endif
