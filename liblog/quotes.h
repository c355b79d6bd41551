/*
 * quotes - where the quotes of a line stand, found many bytes at a time.
 *
 * In a line without backslashes they are the ends of its strings, by turns.
 */
#ifndef QUOTES_H
#define QUOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUOTES_LINE_MAX 4096
#define QUOTES_ROOM     (QUOTES_LINE_MAX + 64) /* the ways write ahead of what they found */

/* How it is done; all ways give the same. */
enum quotes_way { QUOTES_PORTABLE, QUOTES_SSE2, QUOTES_AVX2, QUOTES_NEON };

/* The best way here. */
enum quotes_way quotes_best_way(void);
/* Whether this machine has it. */
bool quotes_has_way(enum quotes_way way);

/*
 * The places of all quotes in a line of at most QUOTES_LINE_MAX bytes, in order; their number, or -1
 * when the line has a backslash or a control character (below 0x20).
 */
int quotes_find(enum quotes_way way, const char *line, size_t n, uint16_t at[QUOTES_ROOM]);

#endif
