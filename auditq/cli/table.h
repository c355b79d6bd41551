/*
 * table - cells in columns, for people.
 *
 * Whatever is in a cell, it takes one line; the text is safe for a terminal.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first `left` columns stand at the left, the others at the right. */
struct table {
	size_t columns, left;
	bool color;
	char **cell;        /* row by row */
	const char **paint; /* of each cell; NULL: none */
	size_t n, cap;
	bool failed; /* out of memory */
};

/* At most TABLE_CELL_MAX bytes are shown. */
enum { TABLE_CELL_MAX = 200 };
void table_cell(struct table *t, const char *s, size_t n);
void table_text(struct table *t, const char *text);
void table_count(struct table *t, uint64_t n);
/* The last cell's colour, if the table has any: what turns it on, borrowed; NULL: none. */
void table_paint(struct table *t, const char *paint);
/* All rows as text, to be freed; NULL: out of memory, now or when a cell was added. */
char *table_format(const struct table *t);
void table_free(struct table *t);

#endif
