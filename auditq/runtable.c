#include "runtable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rollups.h"

struct stage {
	uint64_t hash;
	size_t number; /* of its rollup */
};

struct runtable {
	struct index *ix;
	struct stage stage[FORMAT_STAGES_MAX]; /* in ascending order of their hashes */
	size_t nstage;

	struct story story; /* the one at hand, of these: */
	uint64_t hash[FORMAT_STAGES_MAX];
	char name[FORMAT_NAME_MAX];
};

static int
by_hash(const void *va, const void *vb)
{
	const struct stage *a = va, *b = vb;

	return (a->hash > b->hash) - (a->hash < b->hash);
}

/* Rollup 0 is of the records without a stage. */
static void
list_stages(struct runtable *t)
{
	bool complete;
	size_t n = index_rollups(t->ix, &complete);

	for (size_t i = 1; i < n; i++) {
		const struct index_rollup *r = index_rollup(t->ix, i);

		if (r->stage != NULL)
			t->stage[t->nstage++] =
			    (struct stage){ story_stage(r->stage, r->nstage), i };
	}
	qsort(t->stage, t->nstage, sizeof t->stage[0], by_hash);
}

int
runtable_load(struct runtable **ret, const struct plan_file *f, auditq_error *err)
{
	struct runtable *t;
	auditq_error why;
	int r;

	if (f->how != PLAN_ARCHIVE)
		return 0;
	if ((t = calloc(1, sizeof *t)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, f->in->path, "runs");
	qerror_reset(&why);
	r = index_load_file(
	    &t->ix, f->in->path, f->in->size, INDEX_RUNS | INDEX_ROLLUPS | INDEX_COURSES, &why);
	if (r < 0 || index_course(t->ix, 0) == NULL || index_footer(t->ix)->unreadable > 0) {
		runtable_free(t);
		return r == AUDITQ_ENOMEM ? qerror_set(err, r, ENOMEM, f->in->path, "index")
					  : 0;
	}
	list_stages(t);
	*ret = t;
	return 1;
}

void
runtable_free(struct runtable *t)
{
	if (t == NULL)
		return;
	index_free(t->ix);
	free(t);
}

size_t
runtable_count(const struct runtable *t)
{
	bool complete;

	return index_runs(t->ix, &complete);
}

const struct format_run *
runtable_run(const struct runtable *t, size_t i)
{
	return index_run(t->ix, i);
}

static bool
has_stage(const struct section_course *course, size_t rollup)
{
	return (course->stages[(rollup - 1) / 64] >> (rollup - 1) % 64 & 1) != 0;
}

bool
runtable_has_stage(const struct runtable *t, size_t i, const struct question *q)
{
	const struct section_course *course = index_course(t->ix, i);

	for (size_t k = 0; k < t->nstage; k++)
		if (has_stage(course, t->stage[k].number) &&
		    rollups_asked(q, index_rollup(t->ix, t->stage[k].number)))
			return true;
	return false;
}

const struct story *
runtable_story(struct runtable *t, size_t i, bool alive)
{
	const struct format_run *run = index_run(t->ix, i);
	const struct section_course *course = index_course(t->ix, i);
	const struct index_rollup *failed =
	    course->failed_stage < 0 ? NULL : index_rollup(t->ix, (size_t)course->failed_stage);
	struct story *s = &t->story;

	*s = (struct story){ .records = run->records,
		.failed = run->failed,
		.first = run->first_ts,
		.last = run->last_ts,
		.begun = run->began,
		.ended = run->ended,
		.begin = course->begin,
		.end = course->end,
		.end_failed = course->end_failed,
		.begin_alive = alive,
		.last_alive = alive,
		.failed_at = course->failed_at,
		.stage = t->hash };
	for (size_t k = 0; k < t->nstage; k++)
		if (has_stage(course, t->stage[k].number))
			t->hash[s->nstage++] = t->stage[k].hash;
	if (failed != NULL && failed->stage != NULL) {
		memcpy(t->name, failed->stage, failed->nstage);
		s->failed_stage = t->name;
		s->nfailed_stage = failed->nstage;
	}
	return s;
}

size_t
runtable_members(const struct runtable *t)
{
	return index_members(t->ix);
}
