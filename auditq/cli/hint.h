/*
 * hint - why nothing was found: names that were asked for and do not occur.
 */
#ifndef HINT_H
#define HINT_H

#include "ask.h"

/* On standard error, a line for each; of a query that gave nothing. */
void hint(const struct ask *a);

#endif
