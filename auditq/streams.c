#include "streams.h"

#include "relay.h"

/* Files, and ranges of files, that are begun and not finished. */
#define STREAMS_MAX 64

static int
add_ranges(struct tasks *t, size_t file, struct ranges *ranges, auditq_error *err)
{
	struct source_range range;
	int r = 0;

	while (r == 0 && ranges_next(ranges, &range))
		if ((r = tasks_add_range(t, file, ranges, &range, err)) == 0)
			r = tasks_finish(t, STREAMS_MAX - 1, err);
	return r;
}

static int
begin(struct tasks *t, size_t file, auditq_error *err)
{
	struct ranges *ranges;
	int r = ranges_open(&ranges, t->sift, file, err);

	if (r < 0)
		return r;
	if (r > 0) {
		r = add_ranges(t, file, ranges, err);
		ranges_release(ranges);
		return r;
	}
	r = tasks_add_file(t, file, err);
	return r < 0 ? r : tasks_finish(t, STREAMS_MAX - 1, err);
}

/* All workers to one file: for when there are fewer of them than workers. */
static int
relay(struct tasks *t, size_t file, auditq_error *err)
{
	int r = tasks_finish(t, 0, err);

	if (r == 0)
		r = relay_sift(t->sift, t->workers, file, t->take, t->arg, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return begin(t, file, err);
}

int
streams_sift(struct tasks *t, auditq_error *err)
{
	const struct plan *plan = t->sift->plan;
	size_t large = 0;
	int r = 0;

	for (size_t i = 0; i < plan->catalog.n; i++)
		large +=
		    plan->file[i].how == PLAN_STREAM && relay_suits(&plan->file[i], t->workers);
	for (size_t i = 0; i < plan->catalog.n && r == 0; i++) {
		const struct plan_file *f = &plan->file[i];

		if (f->how != PLAN_STREAM)
			continue;
		if (large < workers_count(t->workers) && relay_suits(f, t->workers))
			r = relay(t, i, err);
		else
			r = begin(t, i, err);
	}
	return r < 0 ? r : tasks_finish(t, 0, err);
}
