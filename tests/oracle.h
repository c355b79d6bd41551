/*
 * oracle - a root whose lines are known, asked in every way after its files were tampered with.
 *
 * Of each answer it is made sure that every line in it is one that was written, no more often than it was; that
 * what is missing is in a part that was damaged; that a loss is told whenever something is missing; and that
 * whatever is told is of the file and the place that were tampered with.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <inttypes.h>

#include "auditq.h"
#include "scratch.h"

#define ORACLE_LINES 256
#define ORACLE_SHOWN 8 /* wrong answers of a test */

struct oracle_line {
	char text[200];
	unsigned part;  /* of the file, below 64: what is damaged together */
	unsigned times; /* that it stands there */
	bool needle, failed;
};

/* From the first to the last; none where the last is the smaller. */
struct oracle_span {
	uint64_t first, last;
};
#define ORACLE_NOWHERE ((struct oracle_span){ 1, 0 })

/* Where a warning may be: its offset where it has no line, else a line and its offset. */
struct oracle_places {
	struct oracle_span stored[3];
	struct oracle_lines {
		struct oracle_span line, text;
	} lines[2];
};

struct oracle {
	char root[SCRATCH_MAX];
	const char *file; /* in the path that what is told has to name; NULL: any */
	struct oracle_places places;
	bool placed; /* what is told is held against them */
	struct oracle_line line[ORACLE_LINES];
	size_t n;
	bool unchecked; /* no checksum covers the lines: one whose text changed may be shown */
	bool quiet;     /* nothing tells that lines of damaged parts were there */
	uint64_t cases, silent, told, located, wrong;
};

/* What a question is about, and how it is put. */
enum oracle_what { ORACLE_ALL, ORACLE_NEEDLE, ORACLE_FAILED, ORACLE_RECENT };
enum oracle_how { ORACLE_LIST, ORACLE_COUNT, ORACLE_STATS };

static const struct oracle_ask {
	const char *name;
	enum oracle_what what;
	enum oracle_how how;
	bool index;
} oracle_asks[] = {
	{ "all", ORACLE_ALL, ORACLE_LIST, true },
	{ "all, no index", ORACLE_ALL, ORACLE_LIST, false },
	{ "a run", ORACLE_NEEDLE, ORACLE_LIST, true },
	{ "a run, no index", ORACLE_NEEDLE, ORACLE_LIST, false },
	{ "count", ORACLE_ALL, ORACLE_COUNT, true },
	{ "count, no index", ORACLE_ALL, ORACLE_COUNT, false },
	{ "count of failed", ORACLE_FAILED, ORACLE_COUNT, true },
	{ "stats", ORACLE_ALL, ORACLE_STATS, true },
};

struct oracle_answer {
	unsigned times[ORACLE_LINES];
	uint64_t n, strange;
	unsigned lost, located,
	    elsewhere; /* located: where it has to be; elsewhere: not there */
	char said[1024];
	int r;
	auditq_error err;
	const struct oracle *of;
};

static inline bool
oracle_within(const struct oracle_span *span, uint64_t at)
{
	return span->first <= at && at <= span->last;
}

static inline bool
oracle_within_lines(const struct oracle_lines *l, const auditq_warning *w)
{
	return oracle_within(&l->line, w->line) && oracle_within(&l->text, w->offset);
}

/* Whether a warning says where the damage is. */
static inline bool
oracle_locates(const struct oracle *o, const auditq_warning *w)
{
	const struct oracle_places *p = &o->places;

	if (w->text[0] == '\0' || (o->file != NULL && strstr(w->path, o->file) == NULL))
		return false;
	if (w->line > 0)
		return oracle_within_lines(&p->lines[0], w) ||
		    oracle_within_lines(&p->lines[1], w);
	return oracle_within(&p->stored[0], w->offset) ||
	    oracle_within(&p->stored[1], w->offset) || oracle_within(&p->stored[2], w->offset);
}

static inline void
oracle_on_warning(void *arg, const auditq_warning *w)
{
	struct oracle_answer *a = arg;
	const size_t n = strlen(a->said);

	a->lost += w->lost;
	if (a->of->placed && oracle_locates(a->of, w))
		a->located++;
	else if (a->of->placed)
		a->elsewhere++;
	(void)snprintf(a->said + n, sizeof a->said - n, "%s%s:%" PRIu64 " @%" PRIu64 " %s\n",
	    w->lost ? "LOST " : "", w->path, w->line, w->offset, w->text);
}

static inline bool
oracle_wants(const struct oracle_ask *ask, const struct oracle_line *l)
{
	return ask->what == ORACLE_ALL || (ask->what == ORACLE_NEEDLE && l->needle) ||
	    (ask->what == ORACLE_FAILED && l->failed);
}

static inline void
oracle_take(const struct oracle *o, struct oracle_answer *a, const auditq_record *rec)
{
	a->n++;
	for (size_t i = 0; i < o->n; i++)
		if (strlen(o->line[i].text) == rec->len &&
		    memcmp(o->line[i].text, rec->line, rec->len) == 0) {
			a->times[i]++;
			return;
		}
	a->strange++;
}

static inline void
oracle_execute(const struct oracle *o, const struct oracle_ask *ask, struct oracle_answer *a)
{
	auditq_t *q = auditq_new();
	auditq_stats_t *stats = NULL;
	auditq_stats_row row = { .size = sizeof row };
	auditq_record rec;

	*a = (struct oracle_answer){ .of = o };
	auditq_path(q, o->root);
	auditq_jobs(q, 1);
	auditq_use_index(q, ask->index);
	auditq_on_warning(q, oracle_on_warning, a);
	if (ask->what == ORACLE_NEEDLE)
		auditq_run(q, "needle");
	if (ask->what == ORACLE_FAILED)
		auditq_failed(q);
	switch (ask->how) {
	case ORACLE_COUNT: a->r = auditq_count(q, &a->n, &a->err); break;
	case ORACLE_STATS:
		a->r = auditq_stats(q,
		    &(auditq_stats_options){ .size = sizeof(auditq_stats_options) }, &stats,
		    &a->err);
		if (a->r == 0 && auditq_stats_get(stats, 0, &row) == 0)
			a->n = row.records;
		auditq_stats_free(stats);
		break;
	case ORACLE_LIST:
		while ((a->r = auditq_next(q, &rec, &a->err)) > 0)
			oracle_take(o, a, &rec);
		break;
	}
	auditq_free(q);
}

/* What is wrong with an answer when the parts of the mask are damaged; NULL: nothing. */
static inline const char *
oracle_judge(const struct oracle *o, const struct oracle_ask *ask,
    const struct oracle_answer *a, uint64_t damaged)
{
	uint64_t want = 0, least = 0;
	bool missing = false, doubled = false;

	if (a->r < 0)
		return a->err.text;
	for (size_t i = 0; i < o->n; i++) {
		const struct oracle_line *l = &o->line[i];
		const bool whole = (damaged >> l->part & 1) == 0, wanted = oracle_wants(ask, l);

		want += wanted ? l->times : 0;
		least += wanted && whole ? l->times : 0;
		if (ask->how != ORACLE_LIST)
			continue;
		if (!wanted && a->times[i] > 0)
			return "a line that was not asked for";
		if (wanted && whole && a->times[i] < l->times)
			return "a line is missing that is not damaged";
		doubled = doubled || a->times[i] > l->times;
		missing = missing || (wanted && a->times[i] < l->times);
	}
	if (ask->how != ORACLE_LIST) {
		missing = a->n < want;
		doubled = a->n > want && !o->unchecked;
		if (a->n < least)
			return "counted too few";
	}
	if (doubled)
		return "a line too often";
	if (a->strange > 0 && !o->unchecked)
		return "a line that was never written";
	if (missing && a->lost == 0 && a->strange == 0 && !o->quiet &&
	    (!o->unchecked || (ask->what == ORACLE_ALL && ask->how == ORACLE_LIST)))
		return "a loss without a word";
	if (a->lost > 0 && o->file != NULL && strstr(a->said, o->file) == NULL)
		return "a loss without its file";
	if (a->elsewhere > 0)
		return "what is told is not where the damage is";
	return NULL;
}

/* All that is told has to be between these offsets of the stored file, or at the other one, and of no line. */
static inline void
oracle_expect(struct oracle *o, uint64_t first, uint64_t last, uint64_t or_at)
{
	o->placed = true;
	o->places = (struct oracle_places){ { { first, last }, { or_at, or_at },
						ORACLE_NOWHERE },
		{ { ORACLE_NOWHERE, ORACLE_NOWHERE }, { ORACLE_NOWHERE, ORACLE_NOWHERE } } };
}

/* Ask everything; what, at: of what was done, for the message.  What is wrong is counted. */
static inline void
oracle_check(struct oracle *o, uint64_t damaged, const char *what, size_t at)
{
	for (size_t i = 0; i < sizeof oracle_asks / sizeof oracle_asks[0]; i++) {
		struct oracle_answer a;
		const char *wrong;

		oracle_execute(o, &oracle_asks[i], &a);
		wrong = oracle_judge(o, &oracle_asks[i], &a, damaged);
		o->cases++;
		o->told += a.lost > 0;
		o->located += a.located;
		o->silent += a.said[0] == '\0';
		if (wrong != NULL && o->wrong++ < ORACLE_SHOWN)
			print_error("%s %zu, %s: %s (%llu lines, %llu strange)\n%s", what, at,
			    oracle_asks[i].name, wrong, (unsigned long long)a.n,
			    (unsigned long long)a.strange, a.said);
	}
}

#endif
