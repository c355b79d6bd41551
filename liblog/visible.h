/*
 * visible - JSON as a terminal may be given it.
 *
 * JSON escapes what is below U+0020 and leaves the rest as it stands; of that a terminal obeys DEL, the C1 controls, and
 * the marks and overrides of direction.  Written as escapes they do nothing, and the value is the same.
 */
#ifndef VISIBLE_H
#define VISIBLE_H

#include "jbuf.h"

/* Append JSON text, or a piece of it that is cut between characters; the number of characters that were appended. */
size_t visible_put(struct jbuf *b, const char *s, size_t n);

#endif
