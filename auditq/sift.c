#include "sift.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "field.h"
#include "scan.h"
#include "source.h"
#include "successor.h"
#include "sys.h"

#define BLOCK_BYTES ((size_t)256 << 10)

struct sift_slot {
	struct match **match; /* one a schema, made when it is needed */
	struct libdeflate_decompressor *inflate;
	struct successor *moved;
	uint8_t *stored; /* a member as it is in the file */
	char *plain;
	size_t stored_cap, plain_cap;
	struct candidates candidates;
};

/* A piece under way. */
struct piece {
	struct sift *s;
	struct sift_slot *slot;
	struct sift_result *out;
	struct match *match;
	const char *path;
	uint32_t rank;
	int64_t ts;                               /* effective time of the line before */
	bool moved;                               /* the file has no name any more */
	bool waiting;                             /* for a line with a time: ts is not known */
	uint64_t bad_line, bad_count, bad_offset; /* unreadable lines one after another */
};

int
sift_init(struct sift *s, unsigned nslot, auditq_error *err)
{
	int r;

	if ((r = require_init(&s->require, s->query, err)) < 0)
		return r;
	if ((s->slot = calloc(nslot, sizeof *s->slot)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "workers");
	s->nslot = nslot;
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
	require_release(&s->require);
	s->slot = NULL;
	s->nslot = 0;
}

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

static int
begin(struct piece *p, struct sift *s, unsigned slot, size_t file, struct sift_result *out)
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
	candidates_require(&p->slot->candidates, &s->require, NULL, 0);
	return get_match(p, f->schema);
}

/* ---- notes ---- */

static void
note(struct piece *p, int code, bool lost, uint64_t line, uint64_t offset, const char *text)
{
	struct qwarn to = notes_target(&p->out->notes);

	qwarn_send(&to, code, lost, p->path, line, offset, "%s", text);
}

static void
end_bad_lines(struct piece *p)
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

static void
add_bad_line(struct piece *p, uint64_t offset, uint64_t line)
{
	p->out->counts.unreadable++;
	if (p->bad_count > 0 && line == p->bad_line + p->bad_count) {
		p->bad_count++;
		return;
	}
	end_bad_lines(p);
	p->bad_line = line;
	p->bad_offset = offset;
	p->bad_count = 1;
}

/* ---- lines ---- */

static int
no_memory(struct piece *p)
{
	return qerror_set(&p->out->err, AUDITQ_ENOMEM, ENOMEM, p->path, "matching lines");
}

static int
sort_batch(struct piece *p)
{
	const struct sift *s = p->s;
	struct batch *b = &p->out->batch;

	if (batch_sort(b, s->q->reverse) < 0 || (b->n > s->keep && batch_keep(b, s->keep) < 0))
		return no_memory(p);
	return 0;
}

static int
flush(struct piece *p)
{
	int r;

	if (p->out->batch.n == 0)
		return 0;
	if ((r = sort_batch(p)) < 0)
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
	return batch_add(&p->out->batch, &key, line, n) < 0 ? no_memory(p) : 0;
}

/* Line number 0: not known. */
static int
sift_line(struct piece *p, const char *line, size_t n, uint64_t offset, uint64_t number)
{
	struct match_facts facts;
	int r;

	if (scan_blank(line, n))
		return 0;
	if (n > SOURCE_LINE_MAX) {
		note(p, AUDITQ_ETOOBIG, true, number, offset,
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
			add_bad_line(p, offset, number);
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

/*
 * All lines of a block; *number is moved on.  Of a line that cannot match only that it can be read is
 * made sure of, and its time is read when a line behind it needs it.
 */
static int
sift_block(struct piece *p, const char *block, size_t n, uint64_t offset, uint64_t *number)
{
	const char *at = block, *end = block + n, *known = block, *line, *next = NULL;
	struct candidates_walk walk;
	size_t len, nnext;
	bool walking = false;
	int r;

	for (; scan_line(&at, end, &line, &len); ++*number) {
		if (!walking && !p->waiting && p->slot->candidates.n > 0) {
			walking = true;
			known = line;
			candidates_begin(&walk, &p->slot->candidates, line, end);
			if (!candidates_next(&walk, &next, &nnext))
				next = NULL;
		}
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
			next = NULL;
	}
	if (walking)
		catch_up(p, known, end);
	return 0;
}

/* Only the lines of a member that could match; it has no unreadable ones, which would have to be told. */
static int
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
	}
	return 0;
}

/* ---- members ---- */

static void *
grow(void *buf, size_t *cap, size_t n)
{
	void *grown;

	if (*cap >= n)
		return buf;
	free(buf);
	*cap = 0;
	if ((grown = malloc(n)) != NULL)
		*cap = n;
	return grown;
}

/* A descriptor; -1: it cannot be opened, which was noted, or it is gone. */
static int
open_archive(struct piece *p, const struct plan_member *m)
{
	const struct catalog_file *in = p->s->plan->file[p->rank].in;
	struct stat st;
	int fd =
	    sys->openat(AT_FDCWD, in->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);

	p->moved = fd < 0 && errno == ENOENT;
	if (fd < 0 && !p->moved)
		note(p, AUDITQ_EIO, true, 0, m->offset, "cannot open");
	if (fd < 0)
		return -1;
	if (sys->fstat(fd, &st) == 0 && st.st_dev == in->dev && st.st_ino == in->ino &&
	    (uint64_t)st.st_size == in->size)
		return fd;
	note(p, AUDITQ_EIO, true, 0, m->offset, "replaced since it was listed");
	(void)sys->close(fd);
	return -1;
}

/* Read the member as it is stored.  1; 0: it cannot be read, which was noted, or is gone; negative. */
static int
read_stored(struct piece *p, const struct plan_member *m)
{
	ssize_t n;
	int fd;

	p->slot->stored = grow(p->slot->stored, &p->slot->stored_cap, m->member_bytes);
	if (p->slot->stored == NULL)
		return no_memory(p);
	if ((fd = open_archive(p, m)) < 0)
		return 0;
	n = sys_pread_all(fd, p->slot->stored, m->member_bytes, (off_t)m->offset);
	(void)sys->close(fd);
	if (n < 0 || (size_t)n != m->member_bytes) {
		note(p, AUDITQ_EIO, true, 0, m->offset, "cannot read a member");
		return 0;
	}
	p->out->counts.bytes_read += m->member_bytes;
	return 1;
}

/* Decompress to dst and check it.  1; 0: damaged, which was noted, or gone; negative. */
static int
inflate_to(struct piece *p, const struct plan_member *m, char *dst)
{
	size_t used, got;
	int r = read_stored(p, m);

	if (r <= 0)
		return r;
	if (p->slot->inflate == NULL &&
	    (p->slot->inflate = libdeflate_alloc_decompressor()) == NULL)
		return no_memory(p);
	if (libdeflate_gzip_decompress_ex(p->slot->inflate, p->slot->stored, m->member_bytes,
		dst, m->payload_bytes, &used, &got) != LIBDEFLATE_SUCCESS ||
	    used != m->member_bytes || got != m->payload_bytes) {
		note(p, AUDITQ_ECORRUPT, true, 0, m->offset,
		    "damaged member: its lines are lost");
		return 0;
	}
	p->out->counts.members_inflated++;
	return 1;
}

/* Through the cache; *entry is to be released. */
static int
get_cached(struct piece *p, const struct plan_member *m, struct cache_entry **entry)
{
	const struct catalog_file *in = p->s->plan->file[p->rank].in;
	struct cache_key key = { in->dev, in->ino, in->size, in->mtime, m->offset };
	char *plain;
	int r;

	if ((*entry = cache_get(p->s->cache, &key)) != NULL) {
		p->out->counts.members_cached++;
		return 1;
	}
	if ((plain = malloc((size_t)m->payload_bytes + 1)) == NULL)
		return no_memory(p);
	if ((r = inflate_to(p, m, plain)) <= 0) {
		free(plain);
		return r;
	}
	*entry = cache_put_take(p->s->cache, &key, plain, m->payload_bytes);
	return *entry == NULL ? no_memory(p) : 1;
}

static int
sift_payload(struct piece *p, const struct plan_member *m, const char *plain)
{
	uint64_t line = m->line;
	int r;

	p->ts = m->ts_before;
	p->out->counts.bytes_inflated += m->payload_bytes;
	p->out->counts.lines += m->lines;
	candidates_require(&p->slot->candidates, &p->s->require, m->literal.p, m->literal.n);
	if (m->readable && p->slot->candidates.n > 0)
		r = sift_candidates(p, m, plain);
	else
		r = sift_block(p, plain, m->payload_bytes, m->plain_offset, &line);
	if (r < 0)
		return r;
	end_bad_lines(p);
	p->out->counts.members_without_match += p->out->counts.matched == 0;
	return sort_batch(p);
}

/* ---- files that are gone ---- */

/* A file that cannot be read is lost to the answer; the rest goes on. */
static int
forgive(struct piece *p, int r)
{
	auditq_error *err = &p->out->err;

	if (r != AUDITQ_EIO && r != AUDITQ_ENOENT && r != AUDITQ_EINVAL &&
	    r != AUDITQ_EVERSION && r != AUDITQ_ECORRUPT)
		return r;
	note(p, r, r != AUDITQ_ENOENT, 0, err->offset, err->text);
	qerror_reset(err);
	return 0;
}

struct moved {
	struct piece *p;
	uint64_t line; /* number of the next one */
};

static int
sift_moved_lines(void *arg, const char *lines, size_t n, uint64_t offset)
{
	struct moved *m = arg;
	const uint64_t first = m->line;
	int r = sift_block(m->p, lines, n, offset, &m->line);

	m->p->out->counts.bytes_inflated += n;
	m->p->out->counts.lines += m->line - first;
	return r;
}

/* n bytes of lines of a file that is gone: by compaction, which put them into another; or by retention, which
 * is said once. */
static int
sift_moved(struct piece *p, uint64_t from, uint64_t n, uint64_t line)
{
	struct plan_file *f = &p->s->plan->file[p->rank];
	struct moved m = { p, line };
	int r = successor_read(
	    &p->slot->moved, p->path, from, n, sift_moved_lines, &m, &p->out->err);

	if (r < 0)
		return forgive(p, r);
	end_bad_lines(p);
	if (r == 0 && !__atomic_exchange_n(&f->gone, true, __ATOMIC_RELAXED))
		note(p, AUDITQ_ENOENT, false, 0, from,
		    "removed since it was listed, as retention does");
	return 0;
}

static int
sift_moved_member(struct piece *p, const struct plan_member *m)
{
	int r;

	p->ts = m->ts_before;
	if ((r = sift_moved(p, m->plain_offset, m->payload_bytes, m->line)) < 0)
		return r;
	return sort_batch(p);
}

void
sift_member(struct sift *s, unsigned slot, size_t file, const struct plan_member *m,
    struct sift_result *out)
{
	struct cache_entry *entry = NULL;
	struct piece p;

	if ((out->r = begin(&p, s, slot, file, out)) < 0)
		return;
	if (s->cache != NULL) {
		if ((out->r = get_cached(&p, m, &entry)) > 0)
			out->r = sift_payload(&p, m, entry->data);
		cache_release(s->cache, entry);
	} else {
		p.slot->plain =
		    grow(p.slot->plain, &p.slot->plain_cap, (size_t)m->payload_bytes + 1);
		if (p.slot->plain == NULL)
			out->r = no_memory(&p);
		else if ((out->r = inflate_to(&p, m, p.slot->plain)) > 0)
			out->r = sift_payload(&p, m, p.slot->plain);
	}
	if (out->r == 0 && p.moved)
		out->r = sift_moved_member(&p, m);
}

/* ---- files and rings ---- */

static int
sift_stream(struct piece *p, struct source *source)
{
	struct source_block block;
	uint64_t number;
	int r;

	while ((r = source_next(source, &block, &p->out->err)) > 0) {
		number = block.line;
		if ((r = sift_block(p, block.p, block.n, block.offset, &number)) < 0)
			return r;
		if (p->out->batch.bytes > p->s->flush_bytes && (r = flush(p)) < 0)
			return r;
		p->out->counts.bytes_inflated += block.n;
		p->out->counts.lines += number - block.line;
	}
	p->out->cut = r < 0;
	return r < 0 ? forgive(p, r) : 0;
}

/* The footer knows how many lines there should be. */
static void
check_complete(struct piece *p)
{
	const struct plan_file *f = &p->s->plan->file[p->rank];
	struct qwarn to = notes_target(&p->out->notes);

	if (f->ours && p->out->counts.lines < f->lines && !notes_lost(&p->out->notes))
		qwarn_send(&to, AUDITQ_ECORRUPT, true, p->path, 0, 0,
		    "%llu lines are missing: members were taken out",
		    (unsigned long long)(f->lines - p->out->counts.lines));
}

static int
sift_regular(struct piece *p)
{
	const struct catalog_file *in = p->s->plan->file[p->rank].in;
	struct source_options opt = { .block_bytes = BLOCK_BYTES,
		.open_segment = in->open,
		.warn = notes_target(&p->out->notes),
		.cancel = p->s->cancel };
	struct source *source;
	int r;

	r = source_open(&source, in->path, &opt, &p->out->err);
	if (r == AUDITQ_ENOENT) {
		qerror_reset(&p->out->err);
		return sift_moved(p, 0, UINT64_MAX, 1);
	}
	if (r < 0)
		return forgive(p, r);
	r = sift_stream(p, source);
	p->out->counts.bytes_read += source_bytes_read(source);
	source_close(source);
	end_bad_lines(p);
	if (r == 0)
		check_complete(p);
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

	if ((out->r = begin(&p, s, slot, file, out)) < 0)
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
	end_bad_lines(&p);
	out->ts = p.ts;
	if (out->r == 0)
		out->r = flush(&p);
}

int
sift_open(const struct sift *s, size_t file, size_t block_bytes, struct notes *notes,
    struct source **ret, auditq_error *err)
{
	const struct catalog_file *in = s->plan->file[file].in;
	struct source_options opt = { .block_bytes = block_bytes,
		.open_segment = in->open,
		.warn = notes_target(notes),
		.cancel = s->cancel };

	return source_open(ret, in->path, &opt, err);
}

int
sift_read(struct sift *s, size_t file, struct source *source, struct source_block *block,
    struct sift_result *out)
{
	struct piece p = { .s = s, .out = out, .path = s->plan->file[file].in->path };
	int r = source_next(source, block, &out->err);

	return r < 0 ? forgive(&p, r) : r;
}

void
sift_lines(struct sift *s, unsigned slot, size_t file, const struct source_block *block,
    const int64_t *ts_before, struct sift_result *out)
{
	uint64_t number = block->line;
	struct piece p;

	if ((out->r = begin(&p, s, slot, file, out)) < 0)
		return;
	p.waiting = ts_before == NULL;
	p.ts = ts_before == NULL ? CLOCK_NONE : *ts_before;
	out->r = sift_block(&p, block->p, block->n, block->offset, &number);
	end_bad_lines(&p);
	out->counts.bytes_inflated = block->n;
	out->counts.lines = number - block->line;
	out->ts = p.ts;
	if (out->r == 0)
		out->r = flush(&p);
}

static int
sift_ring(struct piece *p)
{
	const struct spool *spool = &p->s->plan->file[p->rank].in->spool;
	int r;

	for (size_t i = 0; i < spool->n; i++) {
		const struct spool_line *line = &spool->line[i];

		if ((r = sift_line(p, line->p, line->n, line->offset, i + 1)) < 0)
			return r;
	}
	p->out->counts.lines += spool->n;
	end_bad_lines(p);
	return 0;
}

void
sift_file(struct sift *s, unsigned slot, size_t file, struct sift_result *out)
{
	struct piece p;

	if ((out->r = begin(&p, s, slot, file, out)) < 0)
		return;
	if (s->plan->file[file].in->kind == CATALOG_RING)
		out->r = sift_ring(&p);
	else
		out->r = sift_regular(&p);
	if (out->r == 0)
		out->r = flush(&p);
}

int
sift_take(struct sift *s, const struct batch_line *line, auditq_error *err)
{
	const struct taker *taker = s->q->taker;
	struct sift_result out;
	struct match_facts facts;
	struct piece p;
	int r;

	if ((r = begin(&p, s, 0, line->key.path, &out)) == 0 &&
	    (r = match_line(p.match, line->p, line->n, &facts, &out.err)) > 0)
		r = taker->line(taker->arg, 0, p.rank, line->key.ts, p.match, &out.err);
	if (r < 0 && err != NULL)
		*err = out.err;
	return r;
}
