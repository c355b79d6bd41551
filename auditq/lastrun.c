#include "lastrun.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fnv.h"
#include "scan.h"
#include "sorter.h"
#include "source.h"
#include "successor.h"

#define BLOCK_BYTES ((size_t)256 << 10)
#define RECENT      1024 /* runs that a file is remembered to have told of */
#define PIECES      64   /* under way at a time */

struct told {
	uint64_t hash, ts;
	bool used;
};

/* One file's piece of work. */
struct piece {
	struct work work; /* first */
	struct hunt *hunt;
	size_t file;
	struct told *recent; /* RECENT, while it is read */
	char *id;            /* a decoded one */
	size_t id_cap;
	int64_t ts; /* effective time of the line before */
	int r;
	auditq_error err;
	struct notes notes;
	auditq_counts counts;
};

/*
 * Starts of runs are sorted by (hash of the id, time): so the first of each id is its earliest, and
 * the latest of these is found in one pass without a table of all runs.
 */
struct hunt {
	const struct plan *plan;
	const struct question *q;
	const bool *stop;
	pthread_mutex_t lock;
	struct sorter *sorter;
};

/* Times as unsigned numbers of the same order; but no time comes last, for a run that has others starts at those. */
#define NO_TIME UINT64_MAX

static uint64_t
time_bits(int64_t ts)
{
	return ts == CLOCK_NONE ? NO_TIME : (uint64_t)ts ^ UINT64_C(1) << 63;
}

static int
add_start(struct piece *p, const char *id, size_t n, int64_t ts)
{
	uint64_t hash = fnv(FNV_START, id, n);
	struct batch_key key = { .ts = (int64_t)hash, .offset = time_bits(ts) };
	struct told *told = p->recent == NULL ? NULL : &p->recent[hash % RECENT];
	int r;

	if (told != NULL && told->used && told->hash == hash && told->ts <= key.offset)
		return 0;
	if (told != NULL)
		*told = (struct told){ hash, key.offset, true };
	(void)pthread_mutex_lock(&p->hunt->lock);
	r = sorter_add(p->hunt->sorter, &key, id, n, &p->err);
	(void)pthread_mutex_unlock(&p->hunt->lock);
	return r;
}

/* ---- reading a file ---- */

static int
add_line(struct piece *p, const struct schema *schema, const char *line, size_t n)
{
	struct schema_facts facts;

	if (scan_blank(line, n) || schema_read(schema, line, n, &facts) < 0)
		return 0;
	if (facts.ts != CLOCK_NONE)
		p->ts = facts.ts;
	if (facts.run.type != FIELD_STRING || !question_in_window(p->hunt->q, p->ts))
		return 0;
	if (!facts.run.escaped)
		return add_start(p, facts.run.p, facts.run.n, p->ts);
	if (facts.run.n > p->id_cap) {
		free(p->id);
		p->id_cap = 0;
		if ((p->id = malloc(facts.run.n)) == NULL)
			return qerror_set(&p->err, AUDITQ_ENOMEM, ENOMEM, NULL, "a run's id");
		p->id_cap = facts.run.n;
	}
	return add_start(p, p->id, field_decode(&facts.run, p->id, p->id_cap), p->ts);
}

static int
read_blocks(struct piece *p, struct source *source, const struct schema *schema)
{
	struct source_block block;
	int r;

	while ((r = source_next(source, &block, &p->err)) > 0) {
		const char *at = block.p, *line;
		size_t n;

		p->counts.bytes_inflated += block.n;
		while (scan_line(&at, block.p + block.n, &line, &n))
			if ((r = add_line(p, schema, line, n)) < 0)
				return r;
	}
	return r;
}

static int
add_moved_lines(void *arg, const char *lines, size_t n, uint64_t offset)
{
	struct piece *p = arg;
	const struct schema *schema =
	    &p->hunt->plan->schema[p->hunt->plan->file[p->file].schema];
	const char *at = lines, *line;
	size_t len;
	int r = 0;

	(void)offset;
	p->counts.bytes_inflated += n;
	while (r == 0 && scan_line(&at, lines + n, &line, &len))
		r = add_line(p, schema, line, len);
	return r;
}

/* Lines that compaction put into another file meanwhile; without one, the file was retired. */
static int
read_moved(struct piece *p)
{
	auditq_error why = p->err;
	struct successor *s = NULL;
	int r;

	qerror_reset(&p->err);
	r = successor_read(&s, p->hunt->plan->file[p->file].in->path, 0, UINT64_MAX,
	    add_moved_lines, p, &p->err);
	successor_free(s);
	if (r != 0)
		return r < 0 ? r : 0;
	p->err = why;
	return why.code;
}

static int
read_file(struct piece *p)
{
	const struct plan_file *f = &p->hunt->plan->file[p->file];
	struct source_options opt = { .block_bytes = BLOCK_BYTES,
		.open_segment = f->in->open,
		.warn = notes_target(&p->notes),
		.cancel = p->hunt->stop };
	struct source *source;
	int r;

	if ((p->recent = calloc(RECENT, sizeof *p->recent)) == NULL)
		return qerror_set(&p->err, AUDITQ_ENOMEM, ENOMEM, NULL, "runs");
	p->ts = CLOCK_NONE;
	r = source_open(&source, f->in->path, &opt, &p->err);
	if (r == AUDITQ_ENOENT)
		return read_moved(p);
	if (r < 0)
		return r;
	r = read_blocks(p, source, &p->hunt->plan->schema[f->schema]);
	p->counts.bytes_read += source_bytes_read(source);
	source_close(source);
	return r;
}

static int
read_ring(struct piece *p)
{
	const struct plan_file *f = &p->hunt->plan->file[p->file];
	const struct spool *spool = &f->in->spool;
	int r = 0;

	p->ts = CLOCK_NONE;
	for (size_t i = 0; i < spool->n && r == 0; i++)
		r = add_line(
		    p, &p->hunt->plan->schema[f->schema], spool->line[i].p, spool->line[i].n);
	return r;
}

/* ---- run tables ---- */

/* 1: the table told all; 0: the file has to be read; negative. */
static int
read_table(struct piece *p)
{
	const struct plan_file *f = &p->hunt->plan->file[p->file];
	const struct question *q = p->hunt->q;
	auditq_error error;
	struct index *ix;
	bool complete = false;
	size_t n;
	int r = 1;

	if (f->how != PLAN_ARCHIVE || f->untimed || !question_in_window(q, f->min_ts) ||
	    !question_in_window(q, f->max_ts))
		return 0;
	qerror_reset(&error);
	if (index_load_file(&ix, f->in->path, f->in->size, INDEX_RUNS, &error) < 0)
		return 0;
	n = index_runs(ix, &complete);
	for (size_t i = 0; complete && i < n && r > 0; i++) {
		const struct format_run *run = index_run(ix, i);

		if (add_start(p, run->id, run->nid, run->first_ts) < 0)
			r = p->err.code;
	}
	index_free(ix);
	return complete ? r : 0;
}

static void
run_piece(struct work *work, unsigned slot)
{
	struct piece *p = (struct piece *)work;
	int r;

	(void)slot;
	if (p->hunt->plan->file[p->file].in->kind == CATALOG_RING)
		r = read_ring(p);
	else if ((r = read_table(p)) == 0)
		r = read_file(p);
	free(p->recent);
	free(p->id);
	p->r = r == AUDITQ_ENOMEM || r == AUDITQ_ECANCELED ? r : 0;
	if (r < 0 && p->r == 0) {
		struct qwarn to = notes_target(&p->notes);

		qwarn_send(&to, r, r != AUDITQ_ENOENT, p->err.path, 0, p->err.offset, "%s",
		    p->err.text);
	}
}

/* ---- the latest start ---- */

struct ids {
	char **id;
	size_t *length;
	size_t n;
};

static bool
ids_have(const struct ids *ids, const char *id, size_t n)
{
	for (size_t i = 0; i < ids->n; i++)
		if (ids->length[i] == n && memcmp(ids->id[i], id, n) == 0)
			return true;
	return false;
}

static void
ids_clear(struct ids *ids)
{
	for (size_t i = 0; i < ids->n; i++)
		free(ids->id[i]);
	free(ids->id);
	free(ids->length);
	*ids = (struct ids){ 0 };
}

static int
ids_add(struct ids *ids, const char *id, size_t n)
{
	char **grown = realloc(ids->id, (ids->n + 1) * sizeof(char *));
	size_t *length;

	if (grown == NULL)
		return -1;
	ids->id = grown;
	if ((length = realloc(ids->length, (ids->n + 1) * sizeof *length)) == NULL)
		return -1;
	ids->length = length;
	if ((ids->id[ids->n] = malloc(n + 1)) == NULL)
		return -1;
	memcpy(ids->id[ids->n], id, n);
	ids->length[ids->n++] = n;
	return 0;
}

/* A greater time, or the same and a greater id. */
static bool
is_later(uint64_t ts, const char *id, size_t n, uint64_t than, const char *other, size_t nother)
{
	int c;

	if (other == NULL || ts != than)
		return other == NULL || ts > than;
	c = memcmp(id, other, n < nother ? n : nother);
	return c > 0 || (c == 0 && n > nother);
}

static int
find_latest(struct sorter *sorter, char **id, size_t *nid, auditq_error *err)
{
	struct ids same = { 0 }; /* ids of the hash at hand: nearly always one */
	struct batch_key key;
	int64_t hash = 0;
	uint64_t latest = 0, start;
	const char *p;
	size_t n;
	int r;

	if ((r = sorter_finish(sorter, err)) < 0)
		return r;
	while ((r = sorter_next(sorter, &key, &p, &n, err)) > 0) {
		if (key.ts != hash)
			ids_clear(&same);
		hash = key.ts;
		if (ids_have(&same, p, n))
			continue;
		if (ids_add(&same, p, n) < 0)
			break;
		start = key.offset == NO_TIME ? 0 : key.offset;
		if (!is_later(start, p, n, latest, *id, *nid))
			continue;
		free(*id);
		if ((*id = malloc(n + 1)) == NULL)
			break;
		memcpy(*id, p, n);
		*nid = n;
		latest = start;
	}
	ids_clear(&same);
	return r > 0 ? qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "runs") : r;
}

/* ---- all files ---- */

static int
finish_piece(struct piece *p, struct workers *workers, const struct qwarn *warn,
    auditq_counts *counts, auditq_error *err)
{
	workers_wait(workers, &p->work);
	counts->bytes_read += p->counts.bytes_read;
	counts->bytes_inflated += p->counts.bytes_inflated;
	notes_deliver(&p->notes, warn);
	if (p->r < 0 && err != NULL && err->code == 0)
		*err = p->err;
	return p->r;
}

/* A few pieces at a time; all are waited for, since they must not outlive this call. */
static int
read_all(struct hunt *hunt, struct workers *workers, const struct qwarn *warn,
    auditq_counts *counts, auditq_error *err)
{
	struct piece *piece = calloc(PIECES, sizeof *piece);
	int r = 0;

	if (piece == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "runs");
	for (size_t i = 0; r == 0 && i < hunt->plan->catalog.n;) {
		size_t begun = 0;

		for (; begun < PIECES && i < hunt->plan->catalog.n; i++) {
			if (hunt->plan->file[i].how == PLAN_SKIP)
				continue;
			piece[begun] =
			    (struct piece){ .work.run = run_piece, .hunt = hunt, .file = i };
			workers_add(workers, &piece[begun++].work);
		}
		for (size_t k = 0; k < begun; k++) {
			int one = finish_piece(&piece[k], workers, warn, counts, err);

			r = r < 0 ? r : one;
		}
	}
	free(piece);
	return r;
}

int
lastrun_find(const struct plan *plan, const struct question *q, const bool *stop,
    struct workers *workers, const struct qwarn *warn, auditq_counts *counts, char **id,
    size_t *n, auditq_error *err)
{
	struct hunt hunt = { .plan = plan, .q = q, .stop = stop };
	int r;

	if ((r = sorter_new(&hunt.sorter, q->memory / 2, false, err)) < 0)
		return r;
	(void)pthread_mutex_init(&hunt.lock, NULL);
	r = read_all(&hunt, workers, warn, counts, err);
	if (r == 0)
		r = find_latest(hunt.sorter, id, n, err);
	(void)pthread_mutex_destroy(&hunt.lock);
	sorter_free(hunt.sorter);
	return r;
}
