/*
 * steps - a block of lines that are followed, as what is given and what is passed by: a step for each matching
 * line, with those before it.
 *
 * What a step passes by is considered when it is taken, not before: so it is known at any time up to where
 * the answer was given.
 */
#ifndef STEPS_H
#define STEPS_H

#include "followed.h"
#include "question.h"

/* A line that is given. */
struct follow_line {
	const char *p;
	size_t n;
	int64_t ts;
	const char *path;
	uint64_t offset;
	const struct schema *schema; /* as long as the follow */
};

struct steps_step {
	const char *path;
	const char *line; /* NULL: none of them matches */
	size_t n;
	int64_t ts;                    /* of the last line */
	uint64_t offset;               /* of that line */
	struct headway_writer *writer; /* of records with these numbers; or NULL */
	uint64_t first, last;
	struct headway_file *place; /* of these bytes; or NULL */
	uint64_t begin, end;
};

struct steps {
	const struct question *q;
	const struct qwarn *warn;
	auditq_counts *counts;
	struct match_query query;
	struct match_run *run;
	bool none; /* the last run was asked for, and there is none: no line matches */
	struct steps_match {
		const struct schema *schema;
		struct match *match;
	} * match; /* one a schema */
	size_t nmatch;

	const struct schema *schema; /* of a block */
	struct steps_step *step;     /* of that block */
	size_t n, cap, next;
};

int steps_init(struct steps *s, const struct question *q, const char *last,
    const struct qwarn *warn, auditq_counts *counts, auditq_error *err);
void steps_release(struct steps *s);

/* Whole lines of a file from an offset on, borrowed until steps_next has given all; number is that of the first, 0: not
 * known. */
int steps_take(struct steps *s, struct followed *file, const char *block, size_t n,
    uint64_t offset, uint64_t number, auditq_error *err);
/* What the ring of a writer holds. */
int steps_take_ring(struct steps *s, struct headway_writer *writer, const struct spool *spool,
    const char *path, auditq_error *err);
/* 1, and the next matching line; 0: there is none. */
int steps_next(
    struct steps *s, struct headway *headway, struct follow_line *out, auditq_error *err);
/* Whether there is a next one. */
bool steps_ready(const struct steps *s);

#endif
