/*
 * sequence - the numbers of records: where one writer's files overlap.
 *
 * A writer numbers its records densely.  The same number in two of its files is the same record: a
 * tail written again after an fsync failed, or a ring whose records reached a segment meanwhile.
 */
#ifndef SEQUENCE_H
#define SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEQUENCE_RING UINT32_MAX /* comes behind the segments */

/* One segment of a writer, or its ring. */
struct sequence {
	const char *writer;
	uint32_t number; /* of the segment, or SEQUENCE_RING */
	size_t file;     /* the caller's */
	bool known;      /* the numbers are: */
	uint64_t first, last;
	bool shared; /* out: some records may be in another file too */
};

/* The number of a record, line[0..n); false: it has none. */
bool sequence_number(const char *line, size_t n, uint64_t *seq);

/* Numbers of the first and the last whole record of a plain segment of size bytes; false: not known. */
bool sequence_of_plain(int fd, uint64_t size, uint64_t *first, uint64_t *last);

/* The number of the first, or the last, of some whole lines; false: not known. */
bool sequence_of_first(const char *lines, size_t n, uint64_t *first);
bool sequence_of_lines(const char *lines, size_t n, uint64_t *last);

/* Sort by writer and number, and set `shared` of the segments. */
void sequence_check(struct sequence *s, size_t n);

#endif
