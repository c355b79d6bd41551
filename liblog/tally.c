#include "tally.h"

#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "names.h"
#include "section.h"
#include "total.h"

struct run {
	int64_t first_ts, last_ts;
	uint32_t records, failed;
	uint16_t first_member, last_member;
	int32_t failed_stage;
	bool began, ended, status_failed;
	struct section_course course;
};

struct tally {
	struct names *run_names, *stage_names;
	struct run *run; /* by number in run_names */
	size_t run_cap;
	struct section_rollup *stage; /* by number in stage_names, and one; 0: no stage */
	size_t stage_cap;
	bool runs_incomplete, stages_incomplete;
};

struct tally *
tally_new(void)
{
	struct tally *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->run_names = names_new(FORMAT_RUNS_MAX, SIZE_MAX);
	t->stage_names = names_new(FORMAT_STAGES_MAX, SIZE_MAX);
	t->stage_cap = 8;
	t->stage = calloc(t->stage_cap, sizeof *t->stage);
	if (t->run_names == NULL || t->stage_names == NULL || t->stage == NULL) {
		tally_free(t);
		return NULL;
	}
	return t;
}

void
tally_free(struct tally *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; t->stage != NULL && i < t->stage_cap; i++)
		sketch_release(&t->stage[i].sketch);
	free(t->stage);
	free(t->run);
	names_free(t->run_names);
	names_free(t->stage_names);
	free(t);
}

/* Results of number_of other than a number. */
enum { MISSING = -1, NOMEM = -2 };

/* The number of a name, MISSING when it is not to be in the table, or NOMEM. */
static int32_t
number_of(struct names *names, const struct field *name, bool *incomplete)
{
	char decoded[FORMAT_NAME_MAX];
	const char *s = name->p;
	size_t n = name->n;
	int32_t i = NAMES_FULL;

	if (name->escaped) {
		n = field_decode(name, decoded, sizeof decoded);
		s = decoded;
	}
	if (n <= sizeof decoded && (i = names_add(names, s, n)) == NAMES_NOMEM)
		return NOMEM;
	if (i < 0) {
		*incomplete = true;
		return MISSING;
	}
	return i;
}

/* The rollup of the line's stage: its index, MISSING or NOMEM. */
static int32_t
stage_of(struct tally *t, const struct schema_facts *facts)
{
	int32_t i;

	if (facts->stage.type != FIELD_STRING)
		return 0;
	if ((i = number_of(t->stage_names, &facts->stage, &t->stages_incomplete)) < 0)
		return i;
	if ((size_t)++i >= t->stage_cap) {
		struct section_rollup *stage =
		    realloc(t->stage, 2 * t->stage_cap * sizeof *stage);
		if (stage == NULL)
			return NOMEM;
		memset(stage + t->stage_cap, 0, t->stage_cap * sizeof *stage);
		t->stage = stage;
		t->stage_cap *= 2;
	}
	return i;
}

static int
rollup_add(struct section_rollup *r, const struct schema_facts *facts)
{
	double d = facts->duration;

	if (facts->has_duration) {
		if (sketch_add(&r->sketch, d) < 0)
			return -1;
		r->min = r->durations == 0 || d < r->min ? d : r->min;
		r->max = r->durations == 0 || d > r->max ? d : r->max;
		total_add(&r->sum, &r->rest, d);
		r->durations++;
	}
	r->records++;
	r->ends += facts->has_status;
	r->failed += facts->failed;
	return 0;
}

/* The run of the line: its number, MISSING (also when it has none) or NOMEM. */
static int32_t
run_of(struct tally *t, const struct schema_facts *facts, uint16_t member)
{
	int32_t i;

	if (facts->run.type != FIELD_STRING)
		return MISSING;
	if ((i = number_of(t->run_names, &facts->run, &t->runs_incomplete)) < 0)
		return i;
	if ((size_t)i >= t->run_cap) {
		size_t cap = t->run_cap == 0 ? 64 : 2 * t->run_cap;
		struct run *run = realloc(t->run, cap * sizeof *run);
		if (run == NULL)
			return NOMEM;
		memset(run + t->run_cap, 0, (cap - t->run_cap) * sizeof *run);
		t->run = run;
		t->run_cap = cap;
	}
	if (t->run[i].records == 0)
		t->run[i] = (struct run){
			.first_ts = CLOCK_NONE,
			.last_ts = CLOCK_NONE,
			.first_member = member,
			.failed_stage = -1,
			.course.failed_stage = -1,
		};
	return i;
}

/* Whether the name of one stage is before that of another in bytewise order; any is before none. */
static bool
is_before(const struct tally *t, int32_t a, int32_t b)
{
	const char *x, *y;
	size_t nx, ny;
	int c;

	if (a <= 0 || b <= 0)
		return a > 0;
	x = names_get(t->stage_names, (uint32_t)a - 1, &nx);
	y = names_get(t->stage_names, (uint32_t)b - 1, &ny);
	c = memcmp(x, y, nx < ny ? nx : ny);
	return c < 0 || (c == 0 && nx < ny);
}

/* A failed record, before it is counted. */
static void
failure_add(const struct tally *t, struct run *r, int64_t ts, int32_t stage)
{
	struct section_course *c = &r->course;

	/* Stage 0 is of the records without one. */
	if (r->failed == 0 && stage > 0)
		r->failed_stage = stage;
	if (r->failed > 0 &&
	    (ts > c->failed_at ||
		(ts == c->failed_at && !is_before(t, stage, c->failed_stage))))
		return;
	c->failed_at = ts;
	c->failed_stage = stage > 0 ? stage : -1;
}

static void
event_add(struct run *r, const struct schema_facts *facts, int64_t ts)
{
	struct section_course *c = &r->course;

	if (field_equals(&facts->event, "run.begin", 9)) {
		c->begin = !r->began || ts > c->begin ? ts : c->begin;
		r->began = true;
	} else if (field_equals(&facts->event, "run.end", 7)) {
		if (!r->ended || ts > c->end) {
			c->end = ts;
			c->end_failed = facts->failed;
		} else if (ts == c->end) {
			c->end_failed |= facts->failed;
		}
		r->ended = true;
		r->status_failed = facts->failed;
	}
}

static void
run_add(const struct tally *t, struct run *r, const struct schema_facts *facts, int64_t ts,
    uint16_t member, int32_t stage)
{
	if (ts != CLOCK_NONE) {
		r->first_ts = r->first_ts == CLOCK_NONE || ts < r->first_ts ? ts : r->first_ts;
		r->last_ts = ts > r->last_ts ? ts : r->last_ts;
	}
	if (stage > 0)
		r->course.stages[(stage - 1) / 64] |= UINT64_C(1) << (stage - 1) % 64;
	if (facts->failed)
		failure_add(t, r, ts, stage);
	r->failed += facts->failed;
	r->records++;
	r->last_member = member;
	if (facts->event.type == FIELD_STRING)
		event_add(r, facts, ts);
}

int
tally_add(struct tally *t, const struct schema_facts *facts, int64_t ts, uint16_t member)
{
	int32_t stage = stage_of(t, facts), run;

	if (stage == NOMEM || (stage >= 0 && rollup_add(&t->stage[stage], facts) < 0))
		return -1;
	if ((run = run_of(t, facts, member)) == NOMEM)
		return -1;
	if (run >= 0)
		run_add(t, &t->run[run], facts, ts, member, stage);
	return 0;
}

struct entry {
	const char *id;
	size_t nid;
	const struct run *run;
};

static int
by_id(const void *va, const void *vb)
{
	const struct entry *a = va, *b = vb;
	int c = memcmp(a->id, b->id, a->nid < b->nid ? a->nid : b->nid);

	return c != 0 ? c : (a->nid > b->nid) - (a->nid < b->nid);
}

static struct format_run
run_of_entry(const struct entry *e)
{
	const struct run *r = e->run;
	struct format_run run = {
		.nid = (uint8_t)e->nid,
		.began = r->began,
		.ended = r->ended,
		.status_failed = r->status_failed,
		.first_ts = r->first_ts,
		.last_ts = r->last_ts,
		.records = r->records,
		.failed = r->failed,
		.first_member = r->first_member,
		.last_member = r->last_member,
		.failed_stage = r->failed_stage,
	};

	memcpy(run.id, e->id, e->nid);
	return run;
}

int
tally_put_runs(const struct tally *t, struct bytes_out *runs, struct bytes_out *courses,
    int64_t base, bool *incomplete)
{
	uint32_t n = names_count(t->run_names), nstage = names_count(t->stage_names);
	bool complete = !t->runs_incomplete && !t->stages_incomplete;
	struct entry *list = calloc((size_t)n + 1, sizeof *list);

	if (list == NULL)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		list[i].id = names_get(t->run_names, i, &list[i].nid);
		list[i].run = &t->run[i];
	}
	qsort(list, n, sizeof *list, by_id);
	bytes_put_u32(runs, n);
	if (complete)
		section_put_courses(courses, nstage);
	for (uint32_t i = 0; i < n; i++) {
		const struct format_run run = run_of_entry(&list[i]);

		section_put_run(runs, &run, base);
		if (complete)
			section_put_course(courses, &run, &list[i].run->course, nstage);
	}
	free(list);
	*incomplete = t->runs_incomplete;
	return runs->failed || courses->failed ? -1 : 0;
}

int
tally_put_rollups(const struct tally *t, struct bytes_out *b, bool *incomplete)
{
	uint32_t n = names_count(t->stage_names) + 1;

	bytes_put_u32(b, n);
	for (uint32_t i = 0; i < n; i++) {
		struct section_rollup r = t->stage[i];
		if (i > 0)
			r.stage = names_get(t->stage_names, i - 1, &r.nstage);
		section_put_rollup(b, &r);
	}
	*incomplete = t->stages_incomplete;
	return b->failed ? -1 : 0;
}
