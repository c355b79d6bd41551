/* plan_replaced - compacted archives: what of the catalog they stand for, and whose records are in them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "sys.h"

/* Length of a path's directory, with its slash. */
static size_t
directory(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? 0 : (size_t)(slash + 1 - path);
}

static bool
same_directory(const struct plan *p, size_t a, size_t b)
{
	const char *x = p->catalog.file[a].path, *y = p->catalog.file[b].path;
	const size_t n = directory(x);

	return n == directory(y) && memcmp(x, y, n) == 0;
}

/* Nearly always a compacted archive is alone with others that it does not know, and no ring is of its
 * writers: but that is not seen from outside. */
static bool
may_matter(const struct plan *p, size_t i, bool rings)
{
	return rings || (i > 0 && same_directory(p, i - 1, i)) ||
	    (i + 1 < p->catalog.n && same_directory(p, i, i + 1));
}

/* The file of the catalog with that path, or NULL. */
static struct plan_file *
find(struct plan *p, const char *path)
{
	size_t lo = 0, hi = p->catalog.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strcmp(p->catalog.file[mid].path, path);

		if (c == 0)
			return &p->file[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* Leave out the replaced file, if it is still there: until it was removed both are whole. */
static int
leave_out(struct plan *p, const char *archive, const struct section_replaced *old,
    auditq_counts *counts, auditq_error *err)
{
	struct plan_file *f;
	char *path;

	if (asprintf(&path, "%.*s%.*s", (int)directory(archive), archive, (int)old->nname,
		old->name) < 0)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, archive, "plan");
	f = find(p, path);
	free(path);
	if (f == NULL || !f->ours || memcmp(f->whole, old->whole, sizeof f->whole) != 0)
		return 0;
	counts->files_replaced += !f->replaced;
	f->replaced = true;
	f->how = PLAN_SKIP;
	f->seqs = false;
	return 0;
}

static bool
has_ring(const struct plan *p, const char *writer)
{
	for (size_t i = 0; i < p->catalog.n; i++)
		if (p->catalog.file[i].kind == CATALOG_RING &&
		    strcmp(p->catalog.file[i].writer, writer) == 0)
			return true;
	return false;
}

/* The records of a ring that was read before it was removed may stand here by now.  Of other writers nothing
 * has to be known: no two of their files that share records are ever compacted. */
static int
keep_part(
    struct plan *p, struct plan_file *f, const struct section_replaced *old, auditq_error *err)
{
	struct plan_part part = {
		.offset = old->offset, .bytes = old->bytes, .first = old->first_seq
	};
	struct path_segment seg;
	struct plan_part *grown;
	char name[PATH_NAME_MAX];

	part.last = old->last_seq;
	if (!old->numbered || old->nname >= sizeof name)
		return 0;
	memcpy(name, old->name, old->nname);
	name[old->nname] = '\0';
	if (!path_parse_segment(name, &seg) || seg.packed || !has_ring(p, seg.writer))
		return 0;
	memcpy(part.writer, seg.writer, sizeof part.writer);
	part.number = seg.number;
	if ((grown = realloc(f->part, (f->nparts + 1) * sizeof *grown)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, f->in->path, "plan");
	f->part = grown;
	f->part[f->nparts++] = part;
	p->nparts++;
	return 0;
}

static int
look_into(struct plan *p, size_t i, bool rings, const struct qwarn *warn, auditq_counts *counts,
    auditq_error *err)
{
	struct plan_file *f = &p->file[i];
	const char *path = f->in->path;
	struct index *ix = NULL;
	auditq_error why;
	int fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	int r;

	qerror_reset(&why);
	/* One that is gone is itself replaced: then all is listed again. */
	r = fd < 0 ? qerror_set(&why, errno == ENOENT ? AUDITQ_ENOENT : AUDITQ_EIO, errno, path,
			 "cannot open")
		   : index_load(&ix, fd, f->in->size, path, INDEX_REPLACED, &why);
	if (fd >= 0)
		(void)sys->close(fd);
	if (r == AUDITQ_ENOMEM)
		return qerror_set(err, r, ENOMEM, path, "index");
	if (r < 0) {
		qwarn_send(warn, r, r != AUDITQ_ENOENT, path, 0, why.offset,
		    "what files it stands for is not known, their lines may be shown twice: %s",
		    why.text);
		return 0;
	}
	for (size_t k = 0; k < index_replaced(ix) && r == 0; k++) {
		const struct section_replaced *old = index_replaced_file(ix, k);

		if ((r = leave_out(p, path, old, counts, err)) == 0 && rings)
			r = keep_part(p, f, old, err);
	}
	index_free(ix);
	return r;
}

int
plan_replaced(
    struct plan *p, const struct qwarn *warn, auditq_counts *counts, auditq_error *err)
{
	bool rings = false;
	int r = 0;

	for (size_t i = 0; i < p->catalog.n; i++)
		rings = rings || p->catalog.file[i].kind == CATALOG_RING;
	for (size_t i = 0; i < p->catalog.n && r == 0; i++)
		if (p->file[i].compacted && may_matter(p, i, rings))
			r = look_into(p, i, rings, warn, counts, err);
	return r;
}

const char *
plan_writer(const struct plan *p, size_t file, uint64_t offset)
{
	const struct plan_file *f = &p->file[file];

	if (!f->compacted)
		return f->in->writer;
	for (size_t i = 0; i < f->nparts; i++)
		if (offset >= f->part[i].offset &&
		    offset - f->part[i].offset < f->part[i].bytes)
			return f->part[i].writer;
	return NULL;
}
