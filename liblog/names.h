/* names - a bounded set of byte strings, numbered in the order in which they came. */
#ifndef NAMES_H
#define NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names;

enum {
	NAMES_FULL = -1, /* not in the set, and the set is full */
	NAMES_NOMEM = -2,
};

/* A set of at most max names, and of max_bytes of them unless it is one alone; NULL when out of memory. */
struct names *names_new(uint32_t max, size_t max_bytes);
void names_free(struct names *set);

/* The number of a name, added when it is new; or NAMES_FULL, NAMES_NOMEM. */
int32_t names_add(struct names *set, const char *s, size_t n);
bool names_has(const struct names *set, const char *s, size_t n);
uint32_t names_count(const struct names *set);
/* Name i, valid until the next names_add. */
const char *names_get(const struct names *set, uint32_t i, size_t *n);

#endif
