/* sift_moved - lines that are in another file than when they were planned. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"
#include "sequence.h"
#include "sift_piece.h"
#include "successor.h"

/* One after another that could not be made durable, of a writer that tries each second. */
#define SEGMENTS_MAX 16
#define BLOCK_BYTES  ((size_t)256 << 10)

int
sift_forgive(struct piece *p, int r)
{
	auditq_error *err = &p->out->err;

	if (r != AUDITQ_EIO && r != AUDITQ_ENOENT && r != AUDITQ_EINVAL &&
	    r != AUDITQ_EVERSION && r != AUDITQ_ECORRUPT)
		return r;
	sift_note(p, r, r != AUDITQ_ENOENT, 0, err->offset, err->text);
	qerror_reset(err);
	return 0;
}

/* ---- by compaction ---- */

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

/* What cannot be read is the archive that has the lines now. */
static int
forgive_successor(struct piece *p, int r)
{
	const char *own = p->path, *archive = successor_path(p->slot->moved);

	if (archive != NULL)
		p->path = archive;
	r = sift_forgive(p, r);
	p->path = own;
	return r;
}

int
sift_moved(struct piece *p, uint64_t from, uint64_t n, uint64_t line)
{
	struct plan_file *f = &p->s->plan->file[p->rank];
	struct moved m = { p, line };
	int r = successor_read(
	    &p->slot->moved, p->path, from, n, sift_moved_lines, &m, &p->out->err);

	if (r < 0)
		return forgive_successor(p, r);
	sift_end_bad_lines(p);
	if (r == 0 && !__atomic_exchange_n(&f->gone, true, __ATOMIC_RELAXED))
		sift_note(p, AUDITQ_ENOENT, false, 0, 0,
		    "removed since it was listed, as retention does");
	return 0;
}

/* ---- by a writer that could not make them durable ---- */

/* Whether a segment of the file's writer was planned: then it is read, and all that is in it.  But one that may share
 * records with this may have been read before they were moved; what is given twice is dropped. */
static bool
is_planned(const struct plan *plan, const struct catalog_file *file, uint32_t number)
{
	for (size_t i = 0; i < plan->catalog.n; i++)
		if (plan->catalog.file[i].kind == CATALOG_REGULAR &&
		    plan->catalog.file[i].number == number &&
		    strcmp(plan->catalog.file[i].writer, file->writer) == 0)
			return true;
	return false;
}

/* The path of another open segment of the file's writer, in the same partition, to be freed. */
static char *
path_of(const struct catalog_file *file, uint32_t number)
{
	const char *slash = strrchr(file->path, '/'),
		   *name = slash == NULL ? file->path : slash + 1;
	struct path_segment seg;
	char base[PATH_NAME_MAX], *path;

	if (!path_parse_segment(name, &seg))
		return NULL;
	seg.number = number;
	seg.kind = PATH_PLAIN;
	path_segment(base, &seg);
	return asprintf(&path, "%.*s%s", (int)(name - file->path), file->path, base) < 0 ? NULL
											 : path;
}

/* Lines up to a record, behind which nothing was moved, but those that were read before they were moved.  1: that was
 * met; 0; negative. */
static int
sift_up_to(struct piece *p, const struct source_block *b, uint64_t last)
{
	const char *at = b->p, *line;
	size_t n;
	int r;

	while (scan_line(&at, b->p + b->n, &line, &n)) {
		uint64_t seq;

		if (sequence_of_lines(line, (size_t)(at - line), &seq)) {
			if (seq > last)
				return 1;
			if (seq <= p->last_seq)
				continue;
			p->last_seq = seq;
		}
		if ((r = sift_line(p, line, n, p->end + (uint64_t)(line - b->p), 0)) < 0)
			return r;
		p->out->counts.lines++;
	}
	p->end += b->n;
	return p->last_seq >= last;
}

static int
sift_segment(struct piece *p, const char *path, uint64_t last)
{
	const struct source_options opt = { .block_bytes = BLOCK_BYTES,
		.open_segment = true,
		.warn = notes_target(&p->out->notes),
		.cancel = p->s->cancel };
	struct source_block block;
	struct source *source;
	int r = source_open(&source, path, &opt, &p->out->err);

	if (r < 0)
		return r;
	while ((r = source_next(source, &block, &p->out->err)) > 0)
		if ((r = sift_up_to(p, &block, last)) != 0)
			break;
	p->out->counts.bytes_read += source_bytes_read(source);
	source_close(source);
	return r < 0 ? r : 0;
}

int
sift_rescued(struct piece *p, uint64_t last)
{
	const struct plan_file *f = &p->s->plan->file[p->rank];
	const uint64_t begin = p->end;
	int r = 0;

	if (f->in->writer[0] == '\0' && f->plain)
		sift_note(p, AUDITQ_EIO, true, 0, begin,
		    "ends here, before its length when it was listed: cut, or replaced, while it was read");
	/* All that recovery cuts is a line that never was whole. */
	if (!f->in->open || f->in->writer[0] == '\0' || (f->seqs && p->last_seq >= last))
		return 0;
	if (!f->seqs) {
		sift_note(p, AUDITQ_EIO, true, 0, begin,
		    "cut while it was read, and it is not known what is missing");
		return 0;
	}
	for (uint32_t i = 1; i <= SEGMENTS_MAX && p->last_seq < last; i++) {
		char *path;

		if (!f->shared && is_planned(p->s->plan, f->in, f->in->number + i))
			return 0;
		if ((path = path_of(f->in, f->in->number + i)) == NULL)
			return sift_no_memory(p);
		r = sift_segment(p, path, last);
		free(path);
		if (r < 0)
			break;
	}
	sift_end_bad_lines(p);
	if (r < 0 && r != AUDITQ_ENOENT)
		return sift_forgive(p, r);
	qerror_reset(&p->out->err);
	if (p->last_seq < last)
		sift_note(p, AUDITQ_EIO, true, 0, begin,
		    "cut while it was read, and the next segment does not have what is missing");
	return 0;
}

void
sift_between(struct sift *s, unsigned slot, size_t file, uint64_t cut, uint64_t after,
    uint64_t last, struct sift_result *out)
{
	struct piece p;

	if ((out->r = sift_begin(&p, s, slot, file, out)) < 0)
		return;
	p.end = cut;
	p.last_seq = after;
	if ((out->r = sift_rescued(&p, last)) == 0)
		out->r = sift_flush(&p);
}
