/*
 * line - a line for people, put together in output.line: cells in columns, colours, blanks.
 *
 * Text of others is made safe for a terminal.  Out of memory is told by line_finish.
 */
#ifndef LINE_H
#define LINE_H

#include "output.h"

#define LINE_RESET  "\033[0m"
#define LINE_DIM    "\033[2m"
#define LINE_BOLD   "\033[1m"
#define LINE_RED    "\033[1;31m"
#define LINE_YELLOW "\033[33m"
#define LINE_CYAN   "\033[36m"

void line_add(struct output *o, const char *s, size_t n);
void line_text(struct output *o, const char *s);
/* If colours are asked for. */
void line_color(struct output *o, const char *color);
void line_blanks(struct output *o, size_t n);
/* Text of others; a tab is a blank, so that columns hold.  The cells that it takes. */
size_t line_safe(struct output *o, const char *s, size_t n);
/* The same of a value, as people read it. */
size_t line_value(struct output *o, const struct field *value);
/* A value in a column that is as wide as the widest so far, within bounds; the cells that it takes. */
size_t line_cell(
    struct output *o, const struct field *value, const char *color, size_t *widest);
/* The line goes out, without the blanks at its end.  0, or AUDITQ_ENOMEM. */
int line_finish(struct output *o);

#endif
