/*
 * ask - what commands about records have in common: which records, how they are found, what could not
 * be read, and the exit status.
 */
#ifndef ASK_H
#define ASK_H

#include "auditq.h"
#include "opt.h"
#include "progress.h"

/* Of a command line; part of what a command's table fills. */
struct ask_options {
	struct opt_list run, stage, level, where, regex;
	const char *after, *before, *on, *zone, *schema;
	uint64_t jobs;
	bool failed, invert, utc, no_index, strict, explain;
};

/* clang-format off */
/* Rows of a table whose values have a struct ask_options at offset `at`. */
#define ASK_ZONE(at)                                                                           \
	{ "tz", 0, OPT_TEXT, (at) + offsetof(struct ask_options, zone), "ZONE",                \
	  "of times that are shown, or given without a zone, and of days: Europe/Berlin, "     \
	  "+02:00, local" },                                                                   \
	{ "utc", 0, OPT_FLAG, (at) + offsetof(struct ask_options, utc), NULL,                  \
	  "the same as --tz UTC, which is the default" }

#define ASK_WHICH(at)                                                                          \
	{ "run", 0, OPT_LIST, (at) + offsetof(struct ask_options, run), "ID",                  \
	  "of this run: its id, a prefix of it, or 'last', the run that started last" },       \
	{ "stage", 0, OPT_LIST, (at) + offsetof(struct ask_options, stage), "NAME",            \
	  "of this stage" },                                                                   \
	{ "failed", 0, OPT_FLAG, (at) + offsetof(struct ask_options, failed), NULL,            \
	  "that failed: status is 'failed', or there is no status and the level is "           \
	  "error or above" },                                                                  \
	{ "level", 0, OPT_LIST, (at) + offsetof(struct ask_options, level), "LEVEL",           \
	  "of this level and above; =LEVEL or a list: exactly these" },                        \
	{ NULL, 0, OPT_VALUES, 0, NULL, "trace debug info notice warn error critical" },       \
	{ "after", 'S', OPT_TEXT, (at) + offsetof(struct ask_options, after), "TIME",          \
	  "at or after TIME" },                                                                \
	{ "since", 0, OPT_ALIAS, 0, NULL, NULL },                                              \
	{ "before", 'U', OPT_TEXT, (at) + offsetof(struct ask_options, before), "TIME",        \
	  "before TIME" },                                                                     \
	{ "until", 0, OPT_ALIAS, 0, NULL, NULL },                                              \
	{ "on", 0, OPT_TEXT, (at) + offsetof(struct ask_options, on), "DAY[..DAY]",            \
	  "of this day, or of the days from the first to the last" },                          \
	ASK_ZONE(at),                                                                          \
	{ "where", 0, OPT_LIST, (at) + offsetof(struct ask_options, where), "EXPR",            \
	  "for which EXPR is true; repeated: all of them" },                                   \
	{ "regex", 'e', OPT_LIST, (at) + offsetof(struct ask_options, regex), "[FIELD~]RE",    \
	  "in which the pattern is found, in the line or in FIELD; repeated: any of them" },   \
	{ "invert", 'v', OPT_FLAG, (at) + offsetof(struct ask_options, invert), NULL,          \
	  "the others: for which not all of that holds; the times stay" }

#define ASK_HOW(at)                                                                            \
	{ "jobs", 'j', OPT_U64, (at) + offsetof(struct ask_options, jobs), "N",                \
	  "threads; 0, the default: one per processor" },                                      \
	{ "no-index", 0, OPT_FLAG, (at) + offsetof(struct ask_options, no_index), NULL,        \
	  "read everything in the window; the answer is the same" },                           \
	{ "schema", 0, OPT_TEXT, (at) + offsetof(struct ask_options, schema), "NAME|FILE",     \
	  "what time, run, stage, level and failed mean: a schema by its name (auditq "        \
	  "schemas), or a JSON file (default: as archives say, or recognised)" },              \
	{ NULL, 0, OPT_VALUES, 0, NULL, OPT_SCHEMAS },                                         \
	{ "strict", 0, OPT_FLAG, (at) + offsetof(struct ask_options, strict), NULL,            \
	  "stop at the first thing that cannot be read" },                                     \
	{ "explain", 0, OPT_FLAG, (at) + offsetof(struct ask_options, explain), NULL,          \
	  "say afterwards what was read, what was not, and why" }
/* clang-format on */

void ask_options_free(struct ask_options *opt);

/* A query that is under way. */
struct ask {
	const struct ask_options *opt;
	auditq_t *q;
	const char *shown; /* the run that is to be shown, or NULL */
	struct progress progress;
	uint64_t warnings;
	bool lost; /* and --strict: it is over */
};

/* Make the query.  False: what is wrong has been said, and there is nothing to end. */
bool ask_begin(struct ask *a, const struct ask_options *opt, const struct opt_list *paths);
/* The exit status, after what is to be said: r is what the answer ended with, err why if that is
 * negative (code 0: it has been said).  Frees the query. */
int ask_end(struct ask *a, int r, const auditq_error *err, bool any);

#endif
