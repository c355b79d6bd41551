/*
 * vouch - how far lines are surely JSON objects, found many bytes at a time.
 *
 * For those who pass by lines that cannot match, and have to know that they could be read.  What is vouched for
 * field_check accepts, too.  The reverse does not hold: vouched for are only objects of strings, numbers and
 * words, without anything nested, without escapes, exponents, and spaces other than one behind a colon or a
 * comma.  Most lines of logs are of that kind.
 */
#ifndef VOUCH_H
#define VOUCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How it is done; all ways but the first vouch for the same. */
enum vouch_way { VOUCH_NONE, VOUCH_AVX2, VOUCH_AVX512, VOUCH_NEON };

/* The best way here.  With none, nothing is vouched for. */
enum vouch_way vouch_best_way(void);
/* Whether this machine has it. */
bool vouch_has_way(enum vouch_way way);

/*
 * The end of the lines from `from` on, the start of a line, of which each is vouched for; their number is added
 * to *lines.  It is behind a line feed, or it is `from`.  What stands in the last 63 bytes before end is not
 * looked at.
 */
const char *vouch_lines(enum vouch_way way, const char *from, const char *end, uint64_t *lines);

#endif
