/*
 * term - text that is safe to show on a terminal, whatever is in it.
 *
 * C0 and C1 control characters, DEL, and the characters that turn the direction of text come out
 * as \u001b, bytes that are no UTF-8 as \x9b.  A tab stays, a line feed stays where lines are
 * expected, and so does the CR before it.
 *
 * The library and the command line both link it: each writes to terminals what others have logged.
 */
#ifndef TERM_H
#define TERM_H

#include <stdbool.h>
#include <stddef.h>

/* Zero at the start of a text; characters may be split between pieces. */
struct term {
	bool lines; /* the text has lines; else a line feed is shown as \u000a */
	unsigned char held[4];
	size_t nheld;
};

enum { TERM_PIECE = 4096, TERM_ROOM = 6 * (TERM_PIECE + 4) };

/* At most TERM_PIECE bytes; returns the length of what was written. */
size_t term_escape(struct term *t, const char *s, size_t n, char dst[TERM_ROOM]);
/* What is held of a character that never became whole. */
size_t term_end(struct term *t, char dst[TERM_ROOM]);

/* The cells that UTF-8 text without control characters takes: none for marks that combine, two for wide
 * characters (Unicode 15, East Asian Width W and F, and emoji), whatever the locale. */
size_t term_cells(const char *s, size_t n);

#endif
