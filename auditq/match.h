/*
 * match - what a query asks of a single line, compiled for one schema.
 *
 * The time window is not part of it: that is about effective times, which the caller knows.
 */
#ifndef MATCH_H
#define MATCH_H

#include "expr.h"
#include "schema.h"

struct match_run {
	const char *id;
	size_t n;
	bool exact; /* else every id that starts with it */
};

/* A pattern over the string in a field, or over the line as it is stored. */
struct match_regex {
	const char *field; /* nfield bytes; NULL: the line */
	size_t nfield;
	const char *pattern; /* PCRE2 */
	size_t npattern;
};

/* Each part narrows the question; all zeros asks for every line.  All is borrowed. */
struct match_query {
	const struct match_run *run; /* any of nrun */
	size_t nrun;
	bool
	    runs_sorted; /* all are exact, and in ascending order as match_run_compare has it */
	const char *const *stage; /* any of nstage */
	size_t nstage;
	bool failed;
	unsigned
	    levels; /* any of the bits 1 << level; a line without a level has none; 0: not asked */
	const struct expr *where;        /* or NULL */
	const struct match_regex *regex; /* any of nregex */
	size_t nregex;
	bool invert;             /* the lines for which not all of that holds */
	const char *const *want; /* fields that match_wanted gives; names as for schema_role */
	size_t nwant;
	bool outcome; /* match_failed and match_ended will be asked */
};

/* What match_line found on its way. */
struct match_facts {
	int64_t ts; /* the line's own time; CLOCK_NONE: none */
};

/* The order of the bytes of ids; of two of which one begins the other, that comes first. */
int match_run_compare(const char *a, size_t na, const char *b, size_t nb);
/* Where an id stands in a sorted list; n: it is not there. */
size_t match_run_find(const struct match_run *run, size_t n, const char *id, size_t nid);

struct match; /* for one thread at a time */

/*
 * query and schema are borrowed until match_free.  AUDITQ_EREGEX: a pattern is wrong, err->offset
 * is the position in the text of the expression, or in the pattern; AUDITQ_ENOMEM.
 */
int match_new(struct match **ret, const struct match_query *query, const struct schema *schema,
    auditq_error *err);
void match_free(struct match *m);

/*
 * 1: the line matches; 0: it does not.  AUDITQ_EJSON: it is no JSON object (err is untouched, ts is
 * CLOCK_NONE).  Else the query must be given up: AUDITQ_EREGEX, a pattern took too many steps;
 * AUDITQ_ENOMEM.
 */
int match_line(
    struct match *m, const char *line, size_t n, struct match_facts *facts, auditq_error *err);

/* What the line that match_line has just been given has in field want[i]; of a role, the first value that is
 * of use, else the first that is there. */
const struct field *match_wanted(const struct match *m, size_t i);
/* The same as a finite number; a duration in ms, and only from 0 on. */
bool match_wanted_ms(const struct match *m, size_t i, double *out);
/* Whether that line failed; whether it has a status. */
bool match_failed(const struct match *m);
bool match_ended(const struct match *m);

#endif
