#include "steps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "scan.h"
#include "source.h"

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "lines that are followed");
}

static const char *const seq_name = "seq";

static int
set_runs(struct steps *s, const char *last, auditq_error *err)
{
	const struct question *q = s->q;
	size_t n = 0;

	if ((s->run = calloc(q->run.n + 1, sizeof *s->run)) == NULL)
		return no_memory(err);
	for (; n < q->run.n; n++)
		s->run[n] = (struct match_run){ q->run.p[n], strlen(q->run.p[n]), false };
	if (last != NULL)
		s->run[n++] = (struct match_run){ last, strlen(last), true };
	s->query.run = s->run;
	s->query.nrun = n;
	/* There is no last run: no record is of it. */
	if (q->run_last && n == 0) {
		s->none = !q->invert;
		s->query =
		    (struct match_query){ .want = s->query.want, .nwant = s->query.nwant };
	}
	return 0;
}

int
steps_init(struct steps *s, const struct question *q, const char *last,
    const struct qwarn *warn, auditq_counts *counts, auditq_error *err)
{
	*s = (struct steps){ .q = q, .warn = warn, .counts = counts };
	s->query = question_query(q);
	s->query.want = &seq_name;
	s->query.nwant = 1;
	return set_runs(s, last, err);
}

void
steps_release(struct steps *s)
{
	for (size_t i = 0; i < s->nmatch; i++)
		match_free(s->match[i].match);
	free(s->match);
	free(s->run);
	free(s->step);
	*s = (struct steps){ 0 };
}

/* ---- matching ---- */

static int
get_match(struct steps *s, const struct schema *schema, struct match **ret, auditq_error *err)
{
	struct steps_match *grown;
	size_t i = 0;
	int r;

	while (i < s->nmatch && s->match[i].schema != schema)
		i++;
	if (i == s->nmatch) {
		if ((grown = reallocarray(s->match, i + 1, sizeof *grown)) == NULL)
			return no_memory(err);
		s->match = grown;
		s->match[i].schema = schema;
		if ((r = match_new(&s->match[i].match, &s->query, schema, err)) < 0)
			return r;
		s->nmatch++;
	}
	*ret = s->match[i].match;
	return 0;
}

/* A block, or a ring, that is cut into steps. */
struct cutting {
	struct steps *s;
	struct match *match;
	const char *path;
	struct headway_file *place; /* or NULL */
	uint64_t from;              /* where in it the last step ended */
	int64_t ts;
	const struct spool_line *record; /* of a ring, that is looked at */
};

struct line {
	const char *p;
	size_t n;
	uint64_t offset, number;
	struct headway_writer *writer; /* of its records with a number; or NULL */
};

static int
add_step(struct cutting *c, const struct steps_step *step, auditq_error *err)
{
	struct steps *s = c->s;

	if (s->n == s->cap) {
		const size_t cap = s->cap == 0 ? 64 : 2 * s->cap;
		struct steps_step *grown = realloc(s->step, cap * sizeof *grown);

		if (grown == NULL)
			return no_memory(err);
		s->step = grown;
		s->cap = cap;
	}
	s->step[s->n++] = *step;
	return 0;
}

/* What a line is about is added to the step before, if that gives no line and goes on there. */
static int
join(struct cutting *c, const struct steps_step *step, auditq_error *err)
{
	struct steps *s = c->s;
	struct steps_step *before = s->n > 0 ? &s->step[s->n - 1] : NULL;

	if (before == NULL || before->line != NULL || before->writer != step->writer ||
	    (step->writer != NULL && before->last + 1 != step->first))
		return add_step(c, step, err);
	before->line = step->line;
	before->n = step->n;
	before->offset = step->offset;
	before->ts = step->ts;
	before->last = step->last;
	before->end = step->end;
	return 0;
}

static void
tell_unreadable(const struct cutting *c, const struct line *line)
{
	c->s->counts->unreadable++;
	qwarn_send(c->s->warn, AUDITQ_EJSON, true, c->path, line->number,
	    c->record != NULL ? c->record->place : line->offset, "not a JSON object");
}

static bool
number_of(const struct match *m, uint64_t *seq)
{
	const struct field *f = match_wanted(m, 0);

	return f->type == FIELD_NUMBER && field_u64(f, seq);
}

/* A line that was not considered in its place: perhaps it was under its number. */
static int
cut_line(struct cutting *c, const struct line *line, auditq_error *err)
{
	struct steps *s = c->s;
	struct steps_step step = { .path = c->path, .offset = line->offset, .place = c->place };
	struct match_facts facts;
	int r = match_line(c->match, line->p, line->n, &facts, err);
	bool wanted;

	if (r < 0 && r != AUDITQ_EJSON)
		return r;
	if (facts.ts != CLOCK_NONE)
		c->ts = facts.ts;
	if (r != AUDITQ_EJSON && line->writer != NULL && number_of(c->match, &step.first)) {
		if (spans_has(&line->writer->seen, step.first))
			return 0;
		step.writer = line->writer;
		step.last = step.first;
	}
	s->counts->lines++;
	wanted = question_in_window(s->q, c->ts);
	if (r == AUDITQ_EJSON && wanted)
		tell_unreadable(c, line);
	if (r > 0 && wanted && !s->none) {
		s->counts->matched++;
		step.line = line->p;
		step.n = line->n;
	}
	step.ts = c->ts;
	step.begin = c->from;
	c->from = line->offset + line->n + 1;
	step.end = c->from;
	return join(c, &step, err);
}

int
steps_take(struct steps *s, struct followed *file, const char *block, size_t n, uint64_t offset,
    uint64_t number, auditq_error *err)
{
	struct cutting c = {
		.s = s, .path = file->path, .place = file->place, .from = offset, .ts = file->ts
	};
	const char *at = block, *end = block + n;
	struct line line = { .number = number };
	int r = get_match(s, file->schema, &c.match, err);

	s->schema = file->schema;
	s->n = s->next = 0;
	for (; r >= 0 && scan_line(&at, end, &line.p, &line.n); line.number += number > 0) {
		line.offset = offset + (uint64_t)(line.p - block);
		if (scan_blank(line.p, line.n) ||
		    (c.place != NULL && spans_has(&c.place->seen, line.offset)))
			continue;
		line.writer = followed_writer(file, line.offset);
		r = cut_line(&c, &line, err);
	}
	file->ts = c.ts;
	s->counts->bytes_inflated += n;
	/* What stands behind the last step was passed by. */
	if (r >= 0 && c.place != NULL && c.from < offset + n) {
		const struct steps_step rest = {
			.ts = c.ts, .place = c.place, .begin = c.from, .end = offset + n
		};

		r = add_step(&c, &rest, err);
	}
	return r;
}

int
steps_take_ring(struct steps *s, struct headway_writer *writer, const struct spool *spool,
    const char *path, auditq_error *err)
{
	struct cutting c = { .s = s, .path = path, .ts = CLOCK_NONE };
	int r = get_match(s, &schema_default, &c.match, err);

	s->schema = &schema_default;
	s->n = s->next = 0;
	for (size_t i = 0; i < spool->n && r >= 0; i++) {
		const struct spool_line *in = &spool->line[i];
		const struct line line = {
			.p = in->p, .n = in->n, .offset = in->offset, .writer = writer
		};

		c.record = in;
		if (!spans_has(&writer->seen, in->seq))
			r = cut_line(&c, &line, err);
	}
	return r;
}

/* ---- giving ---- */

static int
consider(const struct steps_step *step)
{
	if (step->writer != NULL && spans_add(&step->writer->seen, step->first, step->last) < 0)
		return -1;
	if (step->place == NULL)
		return 0;
	step->place->ts = step->ts;
	return spans_add(&step->place->seen, step->begin, step->end - 1);
}

int
steps_next(struct steps *s, struct headway *headway, struct follow_line *out, auditq_error *err)
{
	while (s->next < s->n) {
		const struct steps_step *step = &s->step[s->next++];

		headway->changed = true;
		if (consider(step) < 0)
			return no_memory(err);
		if (step->line == NULL)
			continue;
		*out = (struct follow_line){ .p = step->line,
			.n = step->n,
			.ts = step->ts,
			.path = step->path,
			.offset = step->offset,
			.schema = s->schema };
		return 1;
	}
	return 0;
}

bool
steps_ready(const struct steps *s)
{
	for (size_t i = s->next; i < s->n; i++)
		if (s->step[i].line != NULL)
			return true;
	return false;
}
