/* scan - lines and literals in a block of bytes. */
#ifndef SCAN_H
#define SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The line that starts at *at, without its line feed, and on to the next; the last line of a
 * block may have no line feed.  False at the end.
 */
bool scan_line(const char **at, const char *end, const char **line, size_t *n);

/* Whether a line is only spaces, tabs and carriage returns: skipped, and no fault. */
bool scan_blank(const char *line, size_t n);

/* How many line feeds. */
uint64_t scan_feeds(const char *from, const char *end);

/* How a set is searched; all ways find the same. */
enum scan_way { SCAN_PORTABLE, SCAN_AVX2, SCAN_AVX512, SCAN_NEON };

/* The best way here. */
enum scan_way scan_best_way(void);
/* Whether this machine has it. */
bool scan_has_way(enum scan_way way);

#define SCAN_NEEDLES_MAX 32
#define SCAN_WINDOW      3

struct scan_needle {
	const char *p;
	size_t n;
	bool fold;     /* ASCII letters match in either case; p has them in lower case */
	size_t window; /* where in it the bytes stand that are searched first */
	unsigned bucket;
};

/*
 * Needles that are looked for together, in one pass (the Teddy algorithm of Hyperscan).  Of each needle
 * three bytes, its window, make a filter.  A place passes when for some bucket of needles it has
 * possible bytes in all three positions; there the needles of the bucket are compared.
 * Constant once made, and then for any number of threads.
 */
struct scan_set {
	enum scan_way way;
	size_t n;
	struct scan_needle needle[SCAN_NEEDLES_MAX];
	uint8_t bytes[SCAN_WINDOW][256]; /* buckets that may have the byte there */
	/* The same of its half bytes: a superset, for shuffles. */
	uint8_t low[SCAN_WINDOW][16], high[SCAN_WINDOW][16];
	uint8_t beyond[SCAN_WINDOW]; /* buckets with a needle shorter than its window */
};

/* An empty set; nothing is found with it. */
void scan_set_init(struct scan_set *set);
/* p is borrowed, n at least 1.  False when the set is full. */
bool scan_set_add(struct scan_set *set, const char *p, size_t n, bool fold);
/*
 * A byte of some needle in [from, end), NULL when there is none: where needles contain no line feed, one
 * in the first line that has any.
 */
const char *scan_set_find(const struct scan_set *set, const char *from, const char *end);

#endif
