#include "sift.h"

#include <errno.h>
#include <stdlib.h>

#include "sequence.h"
#include "sift_piece.h"
#include "successor.h"

#define BLOCK_BYTES ((size_t)256 << 10)

int
sift_init(struct sift *s, unsigned nslot, auditq_error *err)
{
	int r;

	s->require = calloc(s->plan->nschema, sizeof *s->require);
	s->slot = calloc(nslot, sizeof *s->slot);
	if (s->require == NULL || s->slot == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "workers");
	s->nslot = nslot;
	for (size_t i = 0; i < s->plan->nschema; i++)
		if ((r = require_init(&s->require[i], s->query, &s->plan->schema[i], err)) < 0)
			return r;
	return 0;
}

static void
slot_release(const struct sift *s, struct sift_slot *slot)
{
	for (size_t i = 0; slot->match != NULL && i < s->plan->nschema; i++)
		match_free(slot->match[i]);
	free(slot->match);
	libdeflate_free_decompressor(slot->inflate);
	successor_free(slot->moved);
	free(slot->stored);
	free(slot->plain);
}

void
sift_release(struct sift *s)
{
	for (unsigned i = 0; i < s->nslot; i++)
		slot_release(s, &s->slot[i]);
	free(s->slot);
	for (size_t i = 0; s->require != NULL && i < s->plan->nschema; i++)
		require_release(&s->require[i]);
	free(s->require);
	s->require = NULL;
	s->slot = NULL;
	s->nslot = 0;
}

/* ---- files and rings ---- */

static void
mark_numbers(struct piece *p, const struct source_block *b)
{
	if (p->out->first_seq == 0)
		(void)sequence_of_first(b->p, b->n, &p->out->first_seq);
	(void)sequence_of_lines(b->p, b->n, &p->last_seq);
}

static int
sift_stream(struct piece *p, struct source *source)
{
	const bool open = p->s->plan->file[p->rank].in->open;
	struct source_block block;
	uint64_t number;
	int r;

	while ((r = source_next(source, &block, &p->out->err)) > 0) {
		number = block.line;
		p->end = block.offset + block.n;
		if (open)
			mark_numbers(p, &block);
		if ((r = sift_block(p, block.p, block.n, block.offset, &number)) < 0)
			return r;
		source_counted(source, number - block.line);
		if (p->out->batch.bytes > p->s->flush_bytes && (r = sift_flush(p)) < 0)
			return r;
		p->out->counts.bytes_inflated += block.n;
		p->out->counts.lines += number - block.line;
	}
	p->out->cut = r < 0;
	p->out->lines = source_lines(source);
	return r < 0 ? sift_forgive(p, r) : 0;
}

static int
sift_regular(struct piece *p)
{
	const struct plan_file *f = &p->s->plan->file[p->rank];
	struct source *source;
	bool lacking;
	int r = sift_open(p->s, p->rank, BLOCK_BYTES, &p->out->notes, &source, &p->out->err);

	if (r == AUDITQ_ENOENT) {
		qerror_reset(&p->out->err);
		return sift_moved(p, 0, UINT64_MAX, 1);
	}
	if (r < 0)
		return sift_forgive(p, r);
	r = sift_stream(p, source);
	p->out->counts.bytes_read += source_bytes_read(source);
	/* A line in the making was read, though not given; of a file that was sealed only the lines tell. */
	lacking = source_bytes_read(source) < f->in->size && p->end < f->in->size;
	source_close(source);
	sift_end_bad_lines(p);
	if (r == 0 && !p->out->cut && lacking)
		r = sift_rescued(p, f->last_seq);
	return r;
}

void
sift_range(struct sift *s, unsigned slot, size_t file, const struct source_range *range,
    const int64_t *ts_before, bool again, struct sift_result *out)
{
	struct source_options opt = { .block_bytes = BLOCK_BYTES,
		.open_segment = s->plan->file[file].in->open,
		.cancel = s->cancel,
		.range = range };
	struct source *source;
	struct piece p;

	if ((out->r = sift_begin(&p, s, slot, file, out)) < 0)
		return;
	/* What the source has to say of these lines it has said before. */
	if (!again)
		opt.warn = notes_target(&out->notes);
	p.waiting = ts_before == NULL;
	p.ts = ts_before == NULL ? CLOCK_NONE : *ts_before;
	if ((out->r = source_open(&source, p.path, &opt, &out->err)) < 0)
		return;
	out->r = sift_stream(&p, source);
	if (!again)
		out->counts.bytes_read += source_bytes_read(source);
	else
		out->counts.lines = out->counts.bytes_inflated = 0;
	source_close(source);
	sift_end_bad_lines(&p);
	out->ts = p.ts;
	out->last_seq = p.last_seq;
	if (out->r == 0)
		out->r = sift_flush(&p);
}

int
sift_open(const struct sift *s, size_t file, size_t block_bytes, struct notes *notes,
    struct source **ret, auditq_error *err)
{
	struct plan_file *f = &s->plan->file[file];
	struct source_options opt = { .block_bytes = block_bytes,
		.open_segment = f->in->open,
		.warn = notes_target(notes),
		.cancel = s->cancel };

	if (f->head == NULL)
		return source_open(ret, f->in->path, &opt, err);
	source_hand_over(f->head, &opt.warn, opt.cancel);
	*ret = f->head;
	f->head = NULL;
	return 0;
}

int
sift_read(struct sift *s, size_t file, struct source *source, struct source_block *block,
    struct sift_result *out)
{
	struct piece p = { .s = s, .out = out, .path = s->plan->file[file].in->path };
	int r = source_next(source, block, &out->err);

	return r < 0 ? sift_forgive(&p, r) : r;
}

void
sift_lines(struct sift *s, unsigned slot, size_t file, const struct source_block *block,
    const int64_t *ts_before, struct sift_result *out)
{
	uint64_t number = block->line;
	struct piece p;

	if ((out->r = sift_begin(&p, s, slot, file, out)) < 0)
		return;
	p.waiting = ts_before == NULL;
	p.ts = ts_before == NULL ? CLOCK_NONE : *ts_before;
	out->r = sift_block(&p, block->p, block->n, block->offset, &number);
	sift_end_bad_lines(&p);
	out->counts.bytes_inflated = block->n;
	out->counts.lines = number - block->line;
	out->ts = p.ts;
	if (out->r == 0)
		out->r = sift_flush(&p);
}

static int
sift_ring(struct piece *p)
{
	const struct spool *spool = &p->s->plan->file[p->rank].in->spool;
	int r;

	for (size_t i = 0; i < spool->n; i++) {
		const struct spool_line *line = p->record = &spool->line[i];

		if ((r = sift_line(p, line->p, line->n, line->offset, 0)) < 0)
			return r;
	}
	p->out->counts.lines += spool->n;
	sift_end_bad_lines(p);
	return 0;
}

void
sift_file(struct sift *s, unsigned slot, size_t file, struct sift_result *out)
{
	struct piece p;

	if ((out->r = sift_begin(&p, s, slot, file, out)) < 0)
		return;
	if (s->plan->file[file].in->kind == CATALOG_RING)
		out->r = sift_ring(&p);
	else
		out->r = sift_regular(&p);
	if (out->r == 0)
		out->r = sift_flush(&p);
}

int
sift_take(struct sift *s, const struct batch_line *line, auditq_error *err)
{
	const struct taker *taker = s->q->taker;
	struct sift_result out;
	struct match_facts facts;
	struct piece p;
	int r;

	if ((r = sift_begin(&p, s, 0, line->key.path, &out)) == 0 &&
	    (r = match_line(p.match, line->p, line->n, &facts, &out.err)) > 0)
		r = taker->line(taker->arg, 0, p.rank, line->key.ts, p.match, &out.err);
	if (r < 0 && err != NULL)
		*err = out.err;
	return r;
}
