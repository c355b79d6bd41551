/*
 * question - what a query asks, as the builder's calls have put it together.
 */
#ifndef QUESTION_H
#define QUESTION_H

#include "match.h"
#include "qerror.h"
#include "taker.h"
#include "zone.h"

struct question_list {
	char **p;
	size_t n;
};

struct question {
	struct question_list path, run, stage; /* run: ids and prefixes */
	struct question_list regex_text;       /* as they were given */
	struct question_regexes {
		struct match_regex *p;
		size_t n;
	} regex; /* of those texts */
	bool run_last;
	const struct match_run
	    *exact; /* or NULL; runs by their whole ids, sorted, instead of all these */
	size_t nexact;
	bool failed;
	unsigned levels;       /* as in match_query */
	int64_t after, before; /* INT64_MIN, INT64_MAX: open */
	int64_t now;           /* CLOCK_NONE: not asked for so far */
	struct zone *zone;     /* owned; NULL: UTC */
	struct expr *where;    /* all that was given, and-ed */
	bool invert; /* the records that do not fit; but the window stays what it is */
	struct schema *schema; /* that all files are read under; NULL: each under its own */
	uint64_t limit;        /* UINT64_MAX: none */
	uint64_t tail;         /* UINT64_MAX: all, not the last so many */
	bool expand_run;       /* what matches stands for its whole run */
	uint32_t lines_before, lines_after; /* of the run of what matches */
	bool reverse;
	bool follow;   /* go on with records as they come */
	char *cursor;  /* a file; NULL: none */
	unsigned jobs; /* 0: as many as there are processors */
	bool use_index;
	uint64_t memory;
	struct qwarn warn;
	auditq_progress_fn *progress; /* or NULL */
	void *progress_arg;
	auditq_cache_t *cache;
	const struct taker *taker; /* or NULL: lines are given in order */
};

/* What it asks of a line, but for the runs. */
static inline struct match_query
question_query(const struct question *q)
{
	return (struct match_query){ .stage = (const char *const *)q->stage.p,
		.nstage = q->stage.n,
		.failed = q->failed,
		.levels = q->levels,
		.where = q->where,
		.regex = q->regex.p,
		.nregex = q->regex.n,
		.invert = q->invert };
}

/* Whether an effective time is in the window; CLOCK_NONE is only in one that is open on both sides. */
static inline bool
question_in_window(const struct question *q, int64_t ts)
{
	if (ts == CLOCK_NONE)
		return q->after == INT64_MIN && q->before == INT64_MAX;
	return ts >= q->after && (ts < q->before || q->before == INT64_MAX);
}

/* Whether it asks for some lines only, by more than their time and their run's id. */
static inline bool
question_chooses(const struct question *q)
{
	return q->stage.n > 0 || q->failed || q->levels != 0 || q->where != NULL ||
	    q->regex.n > 0 || q->invert || q->run_last;
}

/* The same files and how they are searched, but all lines, in order. */
static inline struct question
question_of_all(const struct question *q)
{
	return (struct question){ .path = q->path,
		.after = INT64_MIN,
		.before = INT64_MAX,
		.now = q->now,
		.schema = q->schema,
		.limit = UINT64_MAX,
		.tail = UINT64_MAX,
		.jobs = q->jobs,
		.use_index = q->use_index,
		.memory = q->memory,
		.warn = q->warn,
		.progress = q->progress,
		.progress_arg = q->progress_arg,
		.cache = q->cache };
}

#endif
