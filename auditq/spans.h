/*
 * spans - a set of numbers, as the spans without a hole that it consists of.
 */
#ifndef SPANS_H
#define SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Both are in it. */
struct span {
	uint64_t first, last;
};

/* In order, none touching the next.  All zeros is empty. */
struct spans {
	struct span *p;
	size_t n, cap;
};

bool spans_has(const struct spans *s, uint64_t number);
/* Whether all of [first, last] is in it. */
bool spans_has_all(const struct spans *s, uint64_t first, uint64_t last);
/* 0, or -1 when out of memory.  At the end it takes no time. */
int spans_add(struct spans *s, uint64_t first, uint64_t last);
void spans_release(struct spans *s);

#endif
