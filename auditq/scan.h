/* scan - lines and literals in a block of bytes. */
#ifndef SCAN_H
#define SCAN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The line that starts at *at, without its line feed, and on to the next; the last line of a
 * block may have no line feed.  False at the end.
 */
bool scan_line(const char **at, const char *end, const char **line, size_t *n);

/* The first place of needle in hay, or NULL; an empty needle is everywhere. */
const char *scan_find(const char *hay, size_t n, const char *needle, size_t nneedle);

/* Whether a line is only spaces, tabs and carriage returns: skipped, and no fault. */
bool scan_blank(const char *line, size_t n);

#endif
