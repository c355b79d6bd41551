/*
 * cells - rows that are no records as JSON objects, for what writes records.
 *
 * Each call appends a member; the first one opens the object.
 */
#ifndef CELLS_H
#define CELLS_H

#include "clock.h"
#include "jbuf.h"

/* Append all members of a row, and the end. */
typedef void cells_fn(struct jbuf *b, const void *row);

/* The row as one line, in a buffer that grows: zeroed at first, its p to be freed.  0 or -1: out of memory. */
int cells_line(struct jbuf *b, cells_fn *put, const void *row);

void cells_count(struct jbuf *b, const char *name, uint64_t n);
/* A NULL is null. */
void cells_text(struct jbuf *b, const char *name, const char *s, size_t n);
/* RFC 3339, UTC; CLOCK_NONE is null. */
void cells_time(struct jbuf *b, const char *name, int64_t ns);
/* From one time to the other, in ms with whole microseconds; of CLOCK_NONE it is null. */
void cells_span(struct jbuf *b, const char *name, int64_t from, int64_t to);
void cells_end(struct jbuf *b);

#endif
