/*
 * chart - records counted in groups and over time: a table with bars, or rows for programs.
 */
#ifndef CHART_H
#define CHART_H

#include "ask.h"
#include "screen.h"

struct chart_options {
	const char *by, *top, *hist;
};

/* clang-format off */
/* Rows of a table whose values have a struct chart_options at offset `at`. */
#define CHART_OPTIONS(at)                                                                      \
	{ "by", 0, OPT_TEXT, (at) + offsetof(struct chart_options, by), "F,...",               \
	  "count for each value of field F, or each combination; most first" },                \
	{ "top", 0, OPT_TEXT, (at) + offsetof(struct chart_options, top), "F,...[:N]",         \
	  "the same, the N most frequent only; default: 10" },                                 \
	{ "hist", 0, OPT_TEXT, (at) + offsetof(struct chart_options, hist), "STEP",            \
	  "count for each part of time, such as 5m, 1h or 1d; also with --by or --top" }
/* clang-format on */

/* Whether any of it is asked for. */
bool chart_asked(const struct chart_options *opt);
/* To standard output; format NULL: the table.  The records that were found go to *n. */
int chart_print(struct ask *a, const struct chart_options *opt, const struct screen *screen,
    const auditq_export_options *format, uint64_t *n, auditq_error *err);

#endif
