#include "rollups.h"

#include <errno.h>
#include <string.h>

bool
rollups_suffice(const struct question *q)
{
	return q->run.n == 0 && !q->run_last && !q->failed && q->levels == 0 &&
	    q->where == NULL && q->regex.n == 0 && !q->invert;
}

static bool
wholly_inside(const struct question *q, const struct plan_file *f)
{
	if (q->after == INT64_MIN && q->before == INT64_MAX)
		return true;
	return !f->untimed && f->min_ts != CLOCK_NONE && question_in_window(q, f->min_ts) &&
	    question_in_window(q, f->max_ts);
}

/* Whether every line of the file is in some rollup.  Lines that are not JSON are none's, and are to be told. */
static bool
all_there(const struct index *ix)
{
	const struct format_footer *footer = index_footer(ix);
	uint64_t records = 0, failed = 0;
	bool complete;
	size_t n = index_rollups(ix, &complete);

	for (size_t i = 0; i < n; i++) {
		const struct index_rollup *r = index_rollup(ix, i);

		records += r->records;
		failed += r->failed;
	}
	for (size_t i = 0; i < sizeof footer->levels / sizeof footer->levels[0]; i++)
		records -= footer->levels[i];
	return complete && records == 0 && failed == footer->failed && footer->unreadable == 0;
}

int
rollups_load(
    struct index **ret, const struct plan_file *f, const struct question *q, auditq_error *err)
{
	const struct catalog_file *in = f->in;
	struct index *ix;
	auditq_error error;
	int r;

	if (f->how != PLAN_ARCHIVE || f->shared || !wholly_inside(q, f))
		return 0;
	qerror_reset(&error);
	r = index_load_file(&ix, in->path, in->size, INDEX_ROLLUPS, &error);
	if (r == AUDITQ_ENOMEM)
		return qerror_set(err, r, ENOMEM, in->path, "index");
	if (r < 0)
		return 0;
	if (!all_there(ix)) {
		index_free(ix);
		return 0;
	}
	*ret = ix;
	return 1;
}

bool
rollups_asked(const struct question *q, const struct index_rollup *r)
{
	for (size_t i = 0; i < q->stage.n; i++)
		if (r->stage != NULL && strlen(q->stage.p[i]) == r->nstage &&
		    memcmp(q->stage.p[i], r->stage, r->nstage) == 0)
			return true;
	return q->stage.n == 0;
}
