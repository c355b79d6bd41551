#include "relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)1 << 20)
#define SIZE_MIN    (UINT64_C(4) << 20) /* stored; less is done before it pays */
/* Read and not joined yet. */
#define BLOCKS_MAX 8
#define BYTES_MAX  ((size_t)8 << 20)

struct relay;

/* One block at a time is read, into the source's own memory. */
struct reading {
	struct work work; /* first */
	struct relay *relay;
	struct source_block block;
	struct sift_result result; /* r: 1, a block; 0, the end */
};

/* A block on its way. */
struct piece {
	struct work work; /* first */
	struct relay *relay;
	struct source_block block; /* its text is ours */
	bool first;
	struct notes notes; /* of reading it */
	struct sift_result result;
};

struct relay {
	struct sift *sift;
	struct workers *workers;
	size_t file;
	struct source *source;
	struct reading reading;
	struct piece piece[BLOCKS_MAX]; /* a ring */
	size_t first, n, most;
	size_t held; /* bytes in them */
	bool any;
	int64_t ts;    /* effective time of the last line joined */
	uint64_t told; /* stored bytes, of those read */
	sift_result_fn *take;
	void *arg;
};

static void
run_reading(struct work *work, unsigned slot)
{
	struct reading *r = (struct reading *)work;
	const struct relay *relay = r->relay;

	(void)slot;
	r->result.r = sift_read(relay->sift, relay->file, relay->source, &r->block, &r->result);
}

static void
run_piece(struct work *work, unsigned slot)
{
	static const int64_t none = CLOCK_NONE;
	struct piece *p = (struct piece *)work;
	const struct relay *r = p->relay;

	sift_lines(r->sift, slot, r->file, &p->block, p->first ? &none : NULL, &p->result);
}

/* The first of the pieces, when it is done: what was said of reading it, its first lines, and the others. */
static int
join(struct relay *r, auditq_error *err)
{
	struct piece *p = &r->piece[r->first];
	struct sift_result left_out = { .notes = p->notes };
	struct source_block head = p->block;
	int rc;

	workers_wait(r->workers, &p->work);
	r->first = (r->first + 1) % BLOCKS_MAX;
	r->n--;
	rc = r->take(r->arg, &left_out, err);
	if (rc == 0 && p->result.r == 0 && p->result.head > 0) {
		head.n = (size_t)(p->result.head - head.offset);
		head.n = head.n < p->block.n ? head.n : p->block.n;
		sift_lines(r->sift, 0, r->file, &head, &r->ts, &left_out);
		left_out.counts.lines = left_out.counts.bytes_inflated = 0;
		rc = r->take(r->arg, &left_out, err);
		batch_release(&left_out.batch);
	}
	if (p->result.ts != CLOCK_NONE)
		r->ts = p->result.ts;
	if (rc == 0)
		rc = r->take(r->arg, &p->result, err);
	notes_release(&p->result.notes);
	batch_release(&p->result.batch);
	r->held -= p->block.n;
	free((char *)p->block.p);
	return rc;
}

static void
begin_reading(struct relay *r)
{
	r->reading.work = (struct work){ .run = run_reading };
	r->reading.relay = r;
	workers_add(r->workers, &r->reading.work);
}

/* A block was read: have it sifted, and meanwhile the next one read. */
static int
pass_on(struct relay *r, auditq_error *err)
{
	struct piece *p = &r->piece[(r->first + r->n) % BLOCKS_MAX];
	const struct source_block *block = &r->reading.block;
	char *text = malloc(block->n + 1);

	if (text == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "search");
	memcpy(text, block->p, block->n);
	*p = (struct piece){ .work.run = run_piece,
		.relay = r,
		.block = *block,
		.first = !r->any,
		.notes = r->reading.result.notes };
	p->block.p = text;
	r->reading.result = (struct sift_result){ 0 };
	r->any = true;
	r->n++;
	r->held += p->block.n;
	begin_reading(r);
	workers_add(r->workers, &p->work);
	return 0;
}

/* How much was read since the last time; while nobody reads. */
static int
tell_bytes(struct relay *r, auditq_error *err)
{
	struct sift_result so_far = { 0 };

	so_far.counts.bytes_read = source_bytes_read(r->source) - r->told;
	r->told += so_far.counts.bytes_read;
	return r->take(r->arg, &so_far, err);
}

static int
run_all(struct relay *r, auditq_error *err)
{
	struct sift_result *read = &r->reading.result;
	int rc = 0;

	begin_reading(r);
	for (;;) {
		workers_wait(r->workers, &r->reading.work);
		/* Before it is read on. */
		rc = rc < 0 ? rc : tell_bytes(r, err);
		if (rc == 0 && read->r > 0 && (rc = pass_on(r, err)) == 0) {
			while (rc == 0 && (r->n > r->most || r->held > BYTES_MAX))
				rc = join(r, err);
			continue;
		}
		break;
	}
	while (r->n > 0) {
		int one = join(r, err);

		rc = rc < 0 ? rc : one;
	}
	/* What was said of the end. */
	if (rc == 0)
		rc = r->take(r->arg, read, err);
	notes_release(&read->notes);
	return rc;
}

bool
relay_suits(const struct plan_file *f, const struct workers *workers)
{
	if (workers_count(workers) == 1 || f->plain || f->ours)
		return false;
	return f->in->kind == CATALOG_STDIN ||
	    (f->in->kind == CATALOG_REGULAR && f->in->size >= SIZE_MIN);
}

int
relay_sift(struct sift *s, struct workers *workers, size_t file, sift_result_fn *take,
    void *arg, auditq_error *err)
{
	struct relay *r = calloc(1, sizeof *r);
	struct sift_result end = { 0 };
	auditq_error ignored;
	int rc;

	if (r == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "search");
	*r = (struct relay){ .sift = s, .workers = workers, .file = file, .ts = CLOCK_NONE };
	r->take = take;
	r->arg = arg;
	r->most = workers_count(workers) < BLOCKS_MAX ? workers_count(workers) : BLOCKS_MAX - 1;
	qerror_reset(&ignored);
	if (sift_open(s, file, BLOCK_BYTES, &r->reading.result.notes, &r->source, &ignored) <
	    0) {
		free(r);
		return 0;
	}
	rc = run_all(r, err);
	end.counts.bytes_read = source_bytes_read(r->source) - r->told;
	source_close(r->source);
	free(r);
	return rc < 0 || (rc = take(arg, &end, err)) < 0 ? rc : 1;
}
