#include "sift_piece.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "scan.h"
#include "source.h"
#include "vouch.h"

static int
get_match(struct piece *p, unsigned schema)
{
	const struct sift *s = p->s;
	int r;

	if (p->slot->match == NULL &&
	    (p->slot->match = calloc(s->plan->nschema, sizeof(struct match *))) == NULL)
		return qerror_set(&p->out->err, AUDITQ_ENOMEM, ENOMEM, NULL, "match");
	if (p->slot->match[schema] == NULL &&
	    (r = match_new(&p->slot->match[schema], s->query, &s->plan->schema[schema],
		 &p->out->err)) < 0)
		return r;
	p->match = p->slot->match[schema];
	return 0;
}

int
sift_begin(struct piece *p, struct sift *s, unsigned slot, size_t file, struct sift_result *out)
{
	const struct plan_file *f = &s->plan->file[file];

	*out = (struct sift_result){ 0 };
	*p = (struct piece){ .s = s,
		.slot = &s->slot[slot],
		.out = out,
		.path = f->in->path,
		.rank = (uint32_t)file,
		.ts = CLOCK_NONE };
	if (__atomic_load_n(s->cancel, __ATOMIC_RELAXED))
		return qerror_set(&out->err, AUDITQ_ECANCELED, 0, NULL, "canceled");
	candidates_require(&p->slot->candidates, &s->require[f->schema], NULL, 0);
	return get_match(p, f->schema);
}

/* ---- notes ---- */

void
sift_note(
    struct piece *p, int code, bool lost, uint64_t line, uint64_t offset, const char *text)
{
	struct qwarn to = notes_target(&p->out->notes);

	qwarn_send(&to, code, lost, p->path, line, offset, "%s", text);
}

void
sift_end_bad_lines(struct piece *p)
{
	struct qwarn to = notes_target(&p->out->notes);

	if (p->bad_count == 1)
		qwarn_send(&to, AUDITQ_EJSON, true, p->path, p->bad_line, p->bad_offset,
		    "not a JSON object");
	else if (p->bad_count > 1)
		qwarn_send(&to, AUDITQ_EJSON, true, p->path, p->bad_line, p->bad_offset,
		    "%llu lines are not JSON objects", (unsigned long long)p->bad_count);
	p->bad_count = 0;
}

/* Where a line stands: a record of a ring in the file, since a ring has no lines to count. */
static uint64_t
place_of(const struct piece *p, uint64_t offset)
{
	return p->record != NULL ? p->record->place : offset;
}

static void
add_bad_line(struct piece *p, uint64_t offset, uint64_t line)
{
	p->out->counts.unreadable++;
	if (p->bad_count > 0 && line == p->bad_line + p->bad_count) {
		p->bad_count++;
		return;
	}
	sift_end_bad_lines(p);
	p->bad_line = line;
	p->bad_offset = offset;
	p->bad_count = 1;
}

/* ---- lines ---- */

int
sift_no_memory(struct piece *p)
{
	return qerror_set(&p->out->err, AUDITQ_ENOMEM, ENOMEM, p->path, "matching lines");
}

int
sift_sort(struct piece *p)
{
	const struct sift *s = p->s;
	struct batch *b = &p->out->batch;

	if (batch_sort(b, s->q->reverse) < 0 || (b->n > s->keep && batch_keep(b, s->keep) < 0))
		return sift_no_memory(p);
	return 0;
}

int
sift_flush(struct piece *p)
{
	int r;

	if (p->out->batch.n == 0)
		return 0;
	if ((r = sift_sort(p)) < 0)
		return r;
	return p->s->flush(p->s->arg, &p->out->batch, &p->out->err);
}

static int
keep_line(struct piece *p, const char *line, size_t n, uint64_t offset)
{
	struct batch_key key = { .ts = p->ts, .path = p->rank, .offset = offset };
	const struct taker *taker = p->s->q->taker;

	p->out->counts.matched++;
	if (taker != NULL && !p->s->plan->file[p->rank].shared)
		return taker->line(taker->arg, (unsigned)(p->slot - p->s->slot), p->rank, p->ts,
		    p->match, &p->out->err);
	if (p->s->counting)
		return 0;
	return batch_add(&p->out->batch, &key, line, n) < 0 ? sift_no_memory(p) : 0;
}

int
sift_line(struct piece *p, const char *line, size_t n, uint64_t offset, uint64_t number)
{
	struct match_facts facts;
	int r;

	if (scan_blank(line, n))
		return 0;
	if (n > SOURCE_LINE_MAX) {
		sift_note(p, AUDITQ_ETOOBIG, true, number, place_of(p, offset),
		    "a line that is too long was skipped");
		return 0;
	}
	r = match_line(p->match, line, n, &facts, &p->out->err);
	if (r < 0 && r != AUDITQ_EJSON)
		return r;
	if (facts.ts != CLOCK_NONE) {
		p->ts = facts.ts;
		p->waiting = false;
	} else if (p->waiting) {
		p->out->head = offset + n + 1;
		return 0;
	}
	if (r == AUDITQ_EJSON) {
		if (question_in_window(p->s->q, p->ts))
			add_bad_line(p, place_of(p, offset), number);
		return 0;
	}
	if (r == 0 || !question_in_window(p->s->q, p->ts))
		return 0;
	return keep_line(p, line, n, offset);
}

/* The effective time before `line`, from the lines behind `from`: the last of them that has a time. */
static void
catch_up(struct piece *p, const char *from, const char *line)
{
	const struct schema *schema = &p->s->plan->schema[p->s->plan->file[p->rank].schema];
	int64_t ts = CLOCK_NONE;

	while (line > from && ts == CLOCK_NONE) {
		const char *end = line - (line[-1] == '\n');
		const char *feed = memrchr(from, '\n', (size_t)(end - from));

		line = feed == NULL ? from : feed + 1;
		ts = schema_time(schema, line, (size_t)(end - line));
	}
	if (ts != CLOCK_NONE)
		p->ts = ts;
}

/* ---- lines of a block that cannot match ---- */

#define PATIENCE_MAX 64

struct passing {
	const char *sound; /* the end of lines that are vouched for */
	/* Lines that are read one by one before that is tried again: more and more while it is in vain. */
	unsigned wait, patience;
};

/* On from `from`, the start of a line, to behind lines that can surely be read, but not beyond `stop`. */
static const char *
pass_by(
    struct passing *w, const char *from, const char *stop, const char *end, uint64_t *number)
{
	uint64_t lines = 0;

	if (from < w->sound) {
		stop = stop < w->sound ? stop : w->sound;
		*number += scan_feeds(from, stop);
		return stop;
	}
	if (w->wait > 0 || end - from > SOURCE_LINE_MAX) {
		w->wait -= w->wait > 0;
		return from;
	}
	w->sound = vouch_lines(vouch_best_way(), from, end, &lines);
	if (w->sound == from) {
		w->patience = w->patience < PATIENCE_MAX ? 2 * w->patience + 1 : PATIENCE_MAX;
		w->wait = w->patience;
		return from;
	}
	w->patience = 0;
	*number += stop < w->sound ? scan_feeds(from, stop) : lines;
	return stop < w->sound ? stop : w->sound;
}

int
sift_block(struct piece *p, const char *block, size_t n, uint64_t offset, uint64_t *number)
{
	const char *at = block, *end = block + n, *known = block, *line, *next = end;
	struct passing passing = { .sound = block };
	struct candidates_walk walk;
	size_t len, nnext;
	bool walking = false;
	int r;

	for (;; ++*number) {
		if (!walking && !p->waiting && p->slot->candidates.n > 0) {
			walking = true;
			known = at;
			candidates_begin(&walk, &p->slot->candidates, at, end);
			if (!candidates_next(&walk, &next, &nnext))
				next = end;
		}
		if (walking)
			at = pass_by(&passing, at, next, end, number);
		if (!scan_line(&at, end, &line, &len))
			break;
		if (walking && line != next && len <= SOURCE_LINE_MAX &&
		    field_check(line, len, NULL, NULL) == 0)
			continue;
		if (walking)
			catch_up(p, known, line);
		known = at;
		if ((r = sift_line(p, line, len, offset + (uint64_t)(line - block), *number)) <
		    0)
			return r;
		if (line == next && !candidates_next(&walk, &next, &nnext))
			next = end;
	}
	if (walking)
		catch_up(p, known, end);
	return 0;
}

int
sift_candidates(struct piece *p, const struct plan_member *m, const char *block)
{
	struct candidates_walk walk;
	const char *known = block, *line;
	size_t n;
	int r;

	candidates_begin(&walk, &p->slot->candidates, block, block + m->payload_bytes);
	while (candidates_next(&walk, &line, &n)) {
		if (!m->timed)
			catch_up(p, known, line);
		known = walk.at;
		if ((r = sift_line(p, line, n, m->plain_offset + (uint64_t)(line - block), 0)) <
		    0)
			return r;
		/* In a member that should have none, which only its number locates. */
		if (p->bad_count > 0 && p->bad_line == 0)
			p->bad_line = m->line + scan_feeds(block, line);
	}
	return 0;
}
