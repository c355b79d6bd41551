/*
 * screen - whether answers go to a terminal, and what that changes: colours, width, a pager.
 */
#ifndef SCREEN_H
#define SCREEN_H

#include "opt.h"

struct screen_options {
	const char *color, *pager; /* auto (NULL), always, never */
};

/* clang-format off */
/* Rows of a table whose values have a struct screen_options at offset `at`. */
#define SCREEN_OPTIONS(at)                                                                     \
	{ "color", 0, OPT_TEXT, (at) + offsetof(struct screen_options, color), "WHEN",         \
	  "colours: auto, the default, on a terminal; always; never" },                        \
	{ NULL, 0, OPT_VALUES, 0, NULL, "auto always never" },                                 \
	{ "pager", 0, OPT_TEXT, (at) + offsetof(struct screen_options, pager), "WHEN",         \
	  "through $AUDITQ_PAGER, $PAGER or less: auto, the default, on a terminal; "          \
	  "always; never" },                                                                   \
	{ NULL, 0, OPT_VALUES, 0, NULL, "auto always never" }
/* clang-format on */

struct screen {
	bool terminal; /* what is printed ends up on one */
	bool color;
	unsigned width; /* of the terminal, in cells; 0: there is none */
	bool paged;     /* a pager is wanted, from screen_begin on */
};

#define SCREEN_BOLD   "\033[1m"
#define SCREEN_RED    "\033[1;31m"
#define SCREEN_YELLOW "\033[33m"
#define SCREEN_CYAN   "\033[36m"
/* Of an auditq_run_status; NULL: none. */
const char *screen_status_color(int status);

/* used: answers go to standard output.  False: what is wrong with the options has been said. */
bool screen_open(struct screen *s, const struct screen_options *opt, bool used);
/* Before the first output: from here on it goes through the pager, words for people too. */
void screen_begin(const struct screen *s);
/* After the last: wait until the pager ends, if there is one. */
void screen_end(void);

#endif
