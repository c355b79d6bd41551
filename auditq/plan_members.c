/* plan_members - which members of one archive have to be read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gunzip.h"
#include "plan.h"
#include "prune.h"

struct choice {
	const struct question *q;
	const struct match_query *query;
	const struct index *ix;
	bool *by_run; /* members that the run table excludes; NULL: it cannot tell */
	uint64_t *answered;
	auditq_counts *counts;
};

bool
plan_asks_index(const struct question *q, const struct match_query *query)
{
	return query->nrun > 0 || query->nstage > 0 || q->where != NULL || query->nregex > 0;
}

static unsigned
index_parts(const struct question *q, const struct match_query *query)
{
	unsigned want = query->nrun > 0 ? INDEX_RUN_TABLE : 0;

	if (plan_asks_index(q, query))
		want |= INDEX_FILTERS;
	return want;
}

/* Mark the members between a run's first and last. */
static void
include_run(bool *excluded, size_t n, const struct format_run *run)
{
	for (size_t i = run->first_member; i <= run->last_member && i < n; i++)
		excluded[i] = false;
}

/* What to look for in the table: what is asked for, or every run, when so much is asked that each is looked up
 * there. */
static struct section_id *
ids_to_seek(const struct match_query *query, size_t *n)
{
	struct section_id *id = malloc(query->nrun * sizeof *id);

	*n = query->runs_sorted ? 1 : query->nrun;
	if (id != NULL && query->runs_sorted)
		section_id_set(&id[0], "", 0, false);
	for (size_t i = 0; id != NULL && !query->runs_sorted && i < *n; i++)
		section_id_set(&id[i], query->run[i].id, query->run[i].n, query->run[i].exact);
	return id;
}

static bool
is_asked(const struct match_query *query, const struct format_run *run)
{
	return !query->runs_sorted ||
	    match_run_find(query->run, query->nrun, run->id, run->nid) < query->nrun;
}

static int
look_up_runs(struct choice *c, auditq_error *err)
{
	struct index_walk walk = index_walk_runs(c->ix);
	size_t n = index_members(c->ix), nid;
	struct section_id *id;
	struct format_run run;
	bool complete = false;
	int r;

	if (c->query->nrun == 0 || c->query->invert)
		return 0;
	(void)index_runs(c->ix, &complete);
	if (!complete)
		return 0;
	c->by_run = malloc(n * sizeof *c->by_run + 1);
	if (c->by_run == NULL || (id = ids_to_seek(c->query, &nid)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "plan");
	memset(c->by_run, true, n * sizeof *c->by_run);
	while ((r = index_seek_run(c->ix, &walk, id, nid, &run, err)) > 0)
		if (is_asked(c->query, &run))
			include_run(c->by_run, n, &run);
	free(id);
	return r;
}

static uint64_t
records(const struct format_data *d)
{
	uint64_t n = 0;

	for (size_t i = 0; i < sizeof d->levels / sizeof d->levels[0]; i++)
		n += d->levels[i];
	return n;
}

/* Whether the summary tells exactly how many lines match, all of them being in the window. */
static bool
summary_counts(const struct choice *c, const struct format_data *d, bool all, uint64_t *n)
{
	const struct match_query *query = c->query;

	*n = records(d);
	if (all)
		return true;
	if (query->nrun > 0 || query->nstage > 0 || query->where != NULL || query->nregex > 0 ||
	    query->invert || (query->failed && query->levels != 0))
		return false;
	*n = query->failed ? d->failed : 0;
	for (int i = 0; i < SCHEMA_LEVELS; i++)
		*n += (query->levels >> i & 1) != 0 ? d->levels[i] : 0;
	return true;
}

static bool
time_excludes(const struct question *q, const struct format_data *d)
{
	if (q->after == INT64_MIN && q->before == INT64_MAX)
		return false;
	/* A line without an effective time is in no bounded window. */
	return d->min_ts == CLOCK_NONE || d->max_ts < q->after ||
	    (q->before != INT64_MAX && d->min_ts >= q->before);
}

static bool
wholly_inside(const struct question *q, const struct format_data *d)
{
	bool untimed = d->ts_before == CLOCK_NONE && d->untimed > 0;

	if (q->after == INT64_MIN && q->before == INT64_MAX)
		return true;
	return !untimed && question_in_window(q, d->min_ts) && question_in_window(q, d->max_ts);
}

/* Whether member i has to be read. */
static bool
choose(struct choice *c, size_t i)
{
	const struct format_data *d = index_member(c->ix, i);
	enum prune_answer answer = PRUNE_SOME;
	enum prune_reason reason = PRUNE_BY_COUNTS;
	uint64_t n;

	if (time_excludes(c->q, d)) {
		c->counts->members_by_time++;
		return false;
	}
	/* What is unreadable in it is to be told. */
	if (d->unreadable > 0)
		return true;
	if (c->by_run != NULL && c->by_run[i]) {
		c->counts->members_by_run++;
		return false;
	}
	answer = prune_member(c->query, c->ix, i, &reason);
	if (answer == PRUNE_NONE) {
		c->counts->members_by_counts += reason == PRUNE_BY_COUNTS;
		c->counts->members_by_run += reason == PRUNE_BY_RUN;
		c->counts->members_by_filter += reason == PRUNE_BY_FILTER;
		return false;
	}
	if (c->answered != NULL && wholly_inside(c->q, d) &&
	    summary_counts(c, d, answer == PRUNE_ALL, &n)) {
		*c->answered += n;
		c->counts->members_answered++;
		return false;
	}
	return true;
}

static int
choose_all(struct choice *c, struct plan_member **out, size_t *nout, auditq_error *err)
{
	size_t n = index_members(c->ix);
	struct plan_member *chosen = malloc((n + 1) * sizeof *chosen);
	uint64_t line = 1;
	size_t k = 0;

	if (chosen == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "plan");
	for (size_t i = 0; i < n; i++) {
		const struct format_data *d = index_member(c->ix, i);

		if (choose(c, i)) {
			chosen[k] = (struct plan_member){
				.offset = index_offset(c->ix, i),
				.plain_offset = index_plain_offset(c->ix, i),
				.line = line,
				.member_bytes = d->member_bytes,
				.payload_bytes = d->payload_bytes,
				.lines = d->lines,
				.readable = d->unreadable == 0,
				.timed = d->untimed == 0,
				.untimed = d->ts_before == CLOCK_NONE && d->untimed > 0,
				.min_ts = d->min_ts,
				.max_ts = d->max_ts,
				.ts_before = d->ts_before,
			};
			memcpy(chosen[k++].digest, d->digest, sizeof d->digest);
		}
		line += d->lines;
	}
	c->counts->members += n;
	*out = chosen;
	*nout = k;
	return 0;
}

/* Whether all members can be held in memory. */
static bool
members_fit(const struct index *ix)
{
	for (size_t i = 0; i < index_members(ix); i++) {
		const struct format_data *d = index_member(ix, i);

		if (d->payload_bytes > GUNZIP_WHOLE_MAX || d->member_bytes > GUNZIP_WHOLE_MAX)
			return false;
	}
	return true;
}

static int
load(struct index **ix, const struct catalog_file *f, struct pages *pages, unsigned want,
    auditq_error *err)
{
	if (pages != NULL)
		return index_load_pages(ix, pages, want, err);
	return index_load_file(ix, f->path, f->size, want, err);
}

/* An archive of any kind can be read as a stream, which says why it cannot be opened. */
static int
unusable(const struct catalog_file *f, int code, const auditq_error *why,
    const struct qwarn *warn, auditq_error *err)
{
	if (code == AUDITQ_ENOMEM)
		return qerror_set(err, code, ENOMEM, f->path, "index");
	if (code != AUDITQ_ENOENT)
		qwarn_send(warn, code, false, f->path, 0, why->offset,
		    "no usable index, so all of it is read: %s", why->text);
	return 1;
}

/* What was found out at the start is handed over. */
static int
take_planned(struct plan *p, struct plan_file *f, struct plan_member **out, size_t *n)
{
	if (f->unusable)
		return 1;
	(void)__atomic_sub_fetch(&p->kept, f->nmember, __ATOMIC_RELAXED);
	*out = f->member;
	*n = f->nmember;
	f->member = NULL;
	return 0;
}

int
plan_members(struct plan *p, size_t file, struct pages *pages, const struct question *q,
    const struct match_query *query, struct plan_member **out, size_t *n, uint64_t *answered,
    const struct qwarn *warn, auditq_counts *counts, auditq_error *err)
{
	struct choice c = { .q = q, .query = query, .answered = answered, .counts = counts };
	struct plan_file *f = &p->file[file];
	struct index *ix = NULL;
	auditq_error why;
	int r;

	if (f->planned)
		return take_planned(p, f, out, n);
	qerror_reset(&why);
	if ((r = load(&ix, f->in, pages, index_parts(q, query), &why)) == 0) {
		c.ix = ix;
		r = look_up_runs(&c, &why);
	}
	if (r < 0)
		r = unusable(f->in, r, &why, warn, err);
	else
		r = members_fit(ix) ? choose_all(&c, out, n, err) : 1;
	free(c.by_run);
	index_free(ix);
	return r;
}
