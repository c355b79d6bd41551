/*
 * nearest - the name that was probably meant, of those that there are.
 */
#ifndef NEAREST_H
#define NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/* Longer names are not compared. */
#define NEAREST_MAX 63

/* Names are offered one by one; the first of the nearest is kept. */
struct nearest {
	const char *written; /* borrowed */
	size_t nwritten;
	size_t
	    distance; /* of name: 0, the same but for case; what begins with `written` is 1 away */
	bool tied;    /* another was as near */
	char name[NEAREST_MAX + 1]; /* "": none is near */
};

void nearest_init(struct nearest *near, const char *written, size_t n);
void nearest_offer(struct nearest *near, const char *name, size_t n);
/* The same, compared by a part of it. */
void nearest_offer_by(
    struct nearest *near, const char *part, size_t npart, const char *name, size_t n);
/* All of them at once; the last is NULL. */
void nearest_of(struct nearest *near, const char *written, const char *const *names);

#endif
