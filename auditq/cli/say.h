/*
 * say - words for people, on standard error: "auditq: " and one line, control characters made
 * visible, since file names and log lines are part of many.
 */
#ifndef SAY_H
#define SAY_H

#include "auditq.h"

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A line that the next one takes the place of, and any words; NULL: no more of them, and it goes. */
void say_progress(const char *text);
/* "path: text". */
void say_error(const auditq_error *err);
/* What is wrong with an argument, and a caret under the place. */
void say_argument(const char *argument, const auditq_error *err);
/* "path:line: text", or with the byte where the line is not known. */
void say_warning(const auditq_warning *w);

#endif
