#include "merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spill.h"

/* So many runs of one level become one run of the next: 64 batches, 4096 batches … */
#define FAN_IN 64
#define LEVELS 6

/* What is merged: a batch in memory, or a run in a file. */
struct stream {
	struct batch batch;
	size_t at;                   /* in batch */
	struct spill_reader *reader; /* NULL: the batch */
	unsigned level;              /* of the file it is in */
	struct batch_key key;        /* of its next line */
	uint64_t born;               /* equal keys: the stream that came first */
};

struct heap {
	struct stream **s;
	size_t n, cap;
};

struct merge {
	size_t max_bytes, held;
	bool reverse;
	struct heap heap;
	bool taken; /* the first stream's line was taken, and is still to be passed */
	struct batch_line line;
	uint64_t born;
	struct spill *file[LEVELS];
	size_t runs[LEVELS]; /* in that file */
};

static bool
before(const struct merge *m, const struct stream *a, const struct stream *b)
{
	int c = batch_compare(&a->key, &b->key);

	if (c == 0)
		c = a->born < b->born ? -1 : 1;
	return m->reverse ? c > 0 : c < 0;
}

static void
sift_down(const struct merge *m, struct heap *h, size_t i)
{
	struct stream *s = h->s[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= h->n)
			break;
		if (child + 1 < h->n && before(m, h->s[child + 1], h->s[child]))
			child++;
		if (!before(m, h->s[child], s))
			break;
		h->s[i] = h->s[child];
		i = child;
	}
	h->s[i] = s;
}

static int
heap_push(const struct merge *m, struct heap *h, struct stream *s, auditq_error *err)
{
	size_t i = h->n;

	if (h->n == h->cap) {
		size_t cap = h->cap == 0 ? 64 : 2 * h->cap;
		struct stream **grown = realloc(h->s, cap * sizeof(struct stream *));

		if (grown == NULL)
			return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "merge");
		h->s = grown;
		h->cap = cap;
	}
	h->n++;
	for (; i > 0 && before(m, s, h->s[(i - 1) / 2]); i = (i - 1) / 2)
		h->s[i] = h->s[(i - 1) / 2];
	h->s[i] = s;
	return 0;
}

static void
stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	batch_release(&s->batch);
	spill_reader_free(s->reader);
	free(s);
}

/* Move to the stream's next line: 1, 0 at its end, negative. */
static int
stream_step(struct stream *s, auditq_error *err)
{
	if (s->reader != NULL)
		return spill_next(s->reader, &s->key, err);
	if (++s->at == s->batch.n)
		return 0;
	s->key = s->batch.line[s->at].key;
	return 1;
}

static int
stream_line(const struct stream *s, struct batch_line *line, auditq_error *err)
{
	if (s->reader == NULL) {
		*line = s->batch.line[s->at];
		return 0;
	}
	line->key = s->key;
	return spill_text(s->reader, &line->p, &line->n, err);
}

/* Pass the first line of the first stream. */
static int
heap_step(struct merge *m, struct heap *h, auditq_error *err)
{
	struct stream *s = h->s[0];
	int r = stream_step(s, err);

	if (r < 0)
		return r;
	if (r == 0) {
		m->held -= s->batch.bytes;
		if (s->reader != NULL)
			m->runs[s->level]--;
		stream_free(s);
		h->s[0] = h->s[--h->n];
	}
	if (h->n > 0)
		sift_down(m, h, 0);
	return 0;
}

static void
heap_release(struct heap *h)
{
	for (size_t i = 0; i < h->n; i++)
		stream_free(h->s[i]);
	free(h->s);
}

int
merge_new(struct merge **ret, size_t max_bytes, bool reverse, auditq_error *err)
{
	struct merge *m = calloc(1, sizeof *m);

	if (m == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "merge");
	m->max_bytes = max_bytes;
	m->reverse = reverse;
	*ret = m;
	return 0;
}

void
merge_free(struct merge *m)
{
	if (m == NULL)
		return;
	heap_release(&m->heap);
	for (size_t i = 0; i < LEVELS; i++)
		spill_free(m->file[i]);
	free(m);
}

uint64_t
merge_spilled(const struct merge *m)
{
	uint64_t n = 0;

	for (size_t i = 0; i < LEVELS; i++)
		n += m->file[i] == NULL ? 0 : spill_written(m->file[i]);
	return n;
}

/* Write all of part to the file of a level, as one run that then takes its place in the heap. */
static int
write_run(struct merge *m, struct heap *part, unsigned level, auditq_error *err)
{
	struct stream *run;
	int r;

	if (m->file[level] == NULL && (r = spill_new(&m->file[level], err)) < 0)
		return r;
	while (part->n > 0) {
		struct batch_line line;

		if ((r = stream_line(part->s[0], &line, err)) < 0 ||
		    (r = spill_add(m->file[level], &line, err)) < 0 ||
		    (r = heap_step(m, part, err)) < 0)
			return r;
	}
	if ((run = calloc(1, sizeof *run)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "merge");
	run->level = level;
	run->born = m->born++;
	if ((r = spill_end(m->file[level], &run->reader, err)) < 0 ||
	    (r = spill_next(run->reader, &run->key, err)) < 0 ||
	    (r = heap_push(m, &m->heap, run, err)) < 0) {
		stream_free(run);
		return r;
	}
	m->runs[level]++;
	return 0;
}

/* Whether a stream is to be merged into a run of this level. */
static bool
goes_to(const struct stream *s, unsigned level)
{
	return level == 0 ? s->reader == NULL : s->reader != NULL && s->level == level - 1;
}

/* Merge what is in memory, or all runs of the level below, into one run. */
static int
spill_to(struct merge *m, unsigned level, auditq_error *err)
{
	struct heap part = { 0 }, rest = { 0 };
	int r = 0;

	for (size_t i = 0; i < m->heap.n && r == 0; i++) {
		struct stream *s = m->heap.s[i];

		r = heap_push(m, goes_to(s, level) ? &part : &rest, s, err);
	}
	if (r < 0) {
		free(part.s);
		free(rest.s);
		return r;
	}
	free(m->heap.s);
	m->heap = rest;
	r = write_run(m, &part, level, err);
	heap_release(&part);
	if (r == 0 && level > 0)
		r = spill_reset(m->file[level - 1], err);
	if (r == 0 && m->runs[level] >= FAN_IN && level + 1 < LEVELS)
		r = spill_to(m, level + 1, err);
	return r;
}

/* The line given last is passed only now, so that it stayed valid until this call. */
static int
settle(struct merge *m, auditq_error *err)
{
	if (!m->taken)
		return 0;
	m->taken = false;
	return heap_step(m, &m->heap, err);
}

int
merge_take(struct merge *m, struct batch *sorted, auditq_error *err)
{
	struct stream *s;
	int r;

	if ((r = settle(m, err)) < 0 || sorted->n == 0) {
		batch_release(sorted);
		return r;
	}
	if ((s = calloc(1, sizeof *s)) == NULL) {
		batch_release(sorted);
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "merge");
	}
	s->batch = *sorted;
	*sorted = (struct batch){ 0 };
	s->key = s->batch.line[0].key;
	s->born = m->born++;
	if ((r = heap_push(m, &m->heap, s, err)) < 0) {
		stream_free(s);
		return r;
	}
	m->held += s->batch.bytes;
	return m->held > m->max_bytes ? spill_to(m, 0, err) : 0;
}

int
merge_peek(struct merge *m, const struct batch_line **line, auditq_error *err)
{
	int r;

	if ((r = settle(m, err)) < 0)
		return r;
	if (m->heap.n == 0)
		return 0;
	if ((r = stream_line(m->heap.s[0], &m->line, err)) < 0)
		return r;
	*line = &m->line;
	return 1;
}

void
merge_advance(struct merge *m)
{
	m->taken = true;
}
