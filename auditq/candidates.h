/*
 * candidates - the lines of a block that could match, by what must stand in them as bytes.
 */
#ifndef CANDIDATES_H
#define CANDIDATES_H

#include "require.h"

#define CANDIDATES_CLAUSES_MAX (REQUIRE_CLAUSES_MAX + 1)

/* For one thread at a time.  All zeros: nothing is required. */
struct candidates {
	const struct scan_set *clause[CANDIDATES_CLAUSES_MAX];
	size_t n;
	/* What each clause let through, of the blocks that were searched for it. */
	struct {
		uint64_t bytes, lines;
	} trial[CANDIDATES_CLAUSES_MAX];
	const char *literal; /* of the last clause, where it is no part of the query's: */
	size_t nliteral;
	struct scan_set own;
};

/* Lines have to have something of each clause; r is borrowed.  literal, unless NULL, is one more thing to be
 * in them, but for lines with \u; it is compared by its place, and borrowed until the next call. */
void candidates_require(
    struct candidates *c, const struct require *r, const char *literal, size_t n);

struct candidates_walk {
	struct candidates *c;
	const char *at, *end;
	size_t lead; /* the clause that is searched for */
};

/* The candidates among the lines of a block, in order. */
void candidates_begin(
    struct candidates_walk *w, struct candidates *c, const char *block, const char *end);
/* The next one, without its line feed; false: there is no more. */
bool candidates_next(struct candidates_walk *w, const char **line, size_t *n);

#endif
