/* nearest - the name that was probably meant. */
#ifndef NEAREST_H
#define NEAREST_H

#include <stddef.h>

/* How far a name is from what was written: 0 the same; what it begins with is near. */
size_t nearest_distance(const char *name, const char *written);
/* A name as far as that, or farther, was not meant. */
size_t nearest_limit(const char *written);
/* The nearest of some names, of which the last is NULL; NULL: none is near. */
const char *nearest_of(const char *const *names, const char *written);

#endif
