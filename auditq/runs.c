/* runs - the public list of runs: a muster of a query's files, chosen and ordered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "muster.h"
#include "passes.h"
#include "query.h"
#include "sorter.h"

/* Of the memory of a query, this part is for each of two sorters. */
#define SORTER_PART 4

struct auditq_runs {
	struct sorter *sorter; /* the answer, in order */
	uint64_t left;         /* of them to be given */
	struct story story;    /* of the row at hand, and all of it as bytes: */
	struct bytes_out row;
};

/* What is being asked. */
struct asking {
	auditq_t *q;
	unsigned status;
	bool chosen; /* only runs with a line that was asked for */
	struct passes passes;
	struct muster *muster;
	struct bytes_out row;
	uint64_t spilled;
};

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "runs");
}

const char *
auditq_run_status_name(int status)
{
	switch (status) {
	case AUDITQ_RUN_OK: return "ok";
	case AUDITQ_RUN_FAILED: return "failed";
	case AUDITQ_RUN_INCOMPLETE: return "incomplete";
	case AUDITQ_RUN_RUNNING: return "running";
	default: return NULL;
	}
}

static int
status_of(const struct story *s)
{
	static const int status[] = { [STORY_OK] = AUDITQ_RUN_OK,
		[STORY_FAILED] = AUDITQ_RUN_FAILED,
		[STORY_INCOMPLETE] = AUDITQ_RUN_INCOMPLETE,
		[STORY_RUNNING] = AUDITQ_RUN_RUNNING };

	return status[story_status(s)];
}

/* ---- which runs ---- */

static bool
is_asked(const struct asking *a, const struct story *s)
{
	if (s->records == 0 || (a->status != 0 && (a->status & (unsigned)status_of(s)) == 0))
		return false;
	return !a->chosen || s->chosen;
}

/* ---- in order ---- */

static uint64_t
get_be(const char *id, size_t n, size_t at, size_t width)
{
	uint64_t v = 0;

	for (size_t i = at; i < at + width; i++)
		v = v << 8 | (i < n ? (unsigned char)id[i] : 0);
	return v;
}

/* By their start, then by what their ids begin with. */
static struct batch_key
key_of(const struct story *s, const char *id, size_t n)
{
	return (struct batch_key){ .ts = s->first,
		.path = (uint32_t)get_be(id, n, 0, 4),
		.offset = get_be(id, n, 4, 8) };
}

static int
add_row(struct asking *a, struct sorter *sorter, const char *id, size_t n,
    const struct story *s, auditq_error *err)
{
	struct batch_key key = key_of(s, id, n);

	a->row.n = 0;
	story_put(s, &a->row);
	bytes_put(&a->row, id, n);
	if (a->row.failed)
		return no_memory(err);
	return sorter_add(sorter, &key, (const char *)a->row.p, a->row.n, err);
}

static int
order_rows(struct asking *a, struct sorter *sorter, auditq_error *err)
{
	const struct story *s;
	const char *id;
	size_t n;
	int r = muster_finish(a->muster, err);

	if (r < 0)
		return r;
	while ((r = muster_next(a->muster, &id, &n, &s, err)) > 0)
		if (is_asked(a, s) && (r = add_row(a, sorter, id, n, s, err)) < 0)
			return r;
	return r < 0 ? r : sorter_finish(sorter, err);
}

/* The last so many, which are given latest first, once more in order. */
static int
take_tail(struct sorter **sorter, uint64_t n, size_t max_bytes, auditq_error *err)
{
	struct batch_key key;
	struct sorter *tail;
	const char *row;
	size_t len;
	int r = sorter_new(&tail, max_bytes, false, err);

	if (r < 0)
		return r;
	while (n-- > 0 && (r = sorter_next(*sorter, &key, &row, &len, err)) > 0)
		if ((r = sorter_add(tail, &key, row, len, err)) < 0)
			break;
	if (r >= 0)
		r = sorter_finish(tail, err);
	if (r < 0) {
		sorter_free(tail);
		return r;
	}
	sorter_free(*sorter);
	*sorter = tail;
	return 0;
}

/* ---- asking ---- */

static int
search(struct asking *a, struct question *ask, const struct taker *taker, auditq_error *err)
{
	int r;

	ask->warn = passes_target(&a->passes);
	ask->taker = taker;
	r = query_take(a->q, ask, err);
	passes_add(&a->passes, &a->q->counts);
	return r < 0 ? r : muster_gather(a->muster, err);
}

/* The runs that lines choose, then what there is to say of all that may have been chosen. */
static int
collect(struct asking *a, auditq_error *err)
{
	struct question chosen = a->q->ask, all = question_of_all(&a->q->ask);
	int r = 0;

	chosen.limit = chosen.tail = UINT64_MAX;
	chosen.reverse = false;
	if (!a->chosen) {
		all.run = a->q->ask.run;
	} else if ((r = search(a, &chosen, muster_chooser(a->muster, &chosen), err)) < 0 ||
	    (r = muster_chosen(a->muster, &all.exact, &all.nexact, err)) < 0 ||
	    (all.exact != NULL && all.nexact == 0)) {
		return r;
	}
	return search(a, &all, muster_taker(a->muster, &all), err);
}

static int
make(struct asking *a, auditq_runs_t *runs, auditq_error *err)
{
	const struct question *ask = &a->q->ask;
	size_t part = ask->memory / SORTER_PART;
	bool tail = ask->tail != UINT64_MAX;
	int r;

	if ((r = muster_new(&a->muster, part, err)) < 0 || (r = collect(a, err)) < 0 ||
	    (r = sorter_new(&runs->sorter, part, ask->reverse || tail, err)) < 0 ||
	    (r = order_rows(a, runs->sorter, err)) < 0)
		return r;
	a->spilled = muster_spilled(a->muster) + sorter_spilled(runs->sorter);
	runs->left = ask->limit;
	return tail ? take_tail(&runs->sorter, ask->tail, part, err) : 0;
}

int
auditq_runs(auditq_t *q, const auditq_runs_options *opt, auditq_runs_t **ret, auditq_error *err)
{
	auditq_runs_options given = { 0 };
	auditq_runs_t *runs;
	struct asking a;
	int r;

	qerror_reset(err);
	if (q == NULL || ret == NULL)
		return qerror_set(
		    err, AUDITQ_EINVAL, 0, NULL, "no query or no place for its runs");
	if (opt != NULL)
		memcpy(&given, opt, opt->size < sizeof given ? opt->size : sizeof given);
	if ((runs = calloc(1, sizeof *runs)) == NULL)
		return no_memory(err);
	a = (struct asking){ .q = q,
		.status = given.status,
		.chosen = question_chooses(&q->ask) || q->ask.after != INT64_MIN ||
		    q->ask.before != INT64_MAX,
		.passes.to = q->ask.warn };
	r = make(&a, runs, err);
	muster_free(a.muster);
	bytes_out_free(&a.row);
	q->passes = a.passes;
	q->counts = a.passes.counts;
	q->counts.spilled += a.spilled;
	if (r < 0) {
		auditq_runs_free(runs);
		return r;
	}
	*ret = runs;
	return 0;
}

void
auditq_runs_free(auditq_runs_t *runs)
{
	if (runs == NULL)
		return;
	story_release(&runs->story);
	bytes_out_free(&runs->row);
	sorter_free(runs->sorter);
	free(runs);
}

/* ---- answers ---- */

static auditq_run_row
row_of(const struct story *s, const struct bytes_in *id)
{
	return (auditq_run_row){ .size = sizeof(auditq_run_row),
		.id = (const char *)id->p,
		.id_len = id->n,
		.status = status_of(s),
		.first = s->first,
		.last = s->last,
		.records = s->records,
		.failed = s->failed,
		.stages = s->nstage,
		.failed_at = s->failed > 0 ? s->failed_at : CLOCK_NONE,
		.failed_stage = s->failed_stage,
		.failed_stage_len = s->nfailed_stage };
}

int
auditq_runs_next(auditq_runs_t *runs, auditq_run_row *row, auditq_error *err)
{
	struct batch_key key;
	struct bytes_in in = { .failed = false };
	auditq_run_row full;
	const char *text;
	size_t size;
	int r;

	qerror_reset(err);
	if (runs == NULL || row == NULL || row->size < sizeof row->size)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "no runs or no row");
	if (runs->left == 0)
		return 0;
	if ((r = sorter_next(runs->sorter, &key, &text, &in.n, err)) <= 0)
		return r;
	runs->left--;
	runs->row.n = 0;
	bytes_put(&runs->row, text, in.n);
	if (runs->row.failed)
		return no_memory(err);
	in.p = runs->row.p;
	story_release(&runs->story);
	if (story_get(&runs->story, &in) < 0)
		return no_memory(err);
	full = row_of(&runs->story, &in);
	size = row->size < sizeof full ? row->size : sizeof full;
	full.size = size;
	memcpy(row, &full, size);
	return 1;
}
