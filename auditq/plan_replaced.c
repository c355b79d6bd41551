/*
 * plan_replaced - compacted archives: what of the catalog they stand for, and whose records are in them.
 *
 * What an archive lists is believed when its `whole` holds, which covers that list: so no archive is left out for its own
 * sake, nor two for each other's.  What is listed and still there is left out when all lines of the archive can be read,
 * too, which `whole` does not tell.  An archive that may have been compacted and can't be asked or read makes a group
 * with all that it may stand for, as does what may be listed and can't be asked: what stands in it and in another of the
 * group is given once.
 */
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

/* The file of the catalog that has the listed name, or NULL. */
static int
find_listed(struct plan *p, const char *archive, const struct section_replaced *old,
    struct plan_file **ret, auditq_error *err)
{
	char *path;

	if (asprintf(&path, "%.*s%.*s", (int)directory(archive), archive, (int)old->nname,
		old->name) < 0)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, archive, "plan");
	*ret = find(p, path);
	free(path);
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

/* 0, or why what it lists is not to be believed: AUDITQ_ECORRUPT, or as pages_open. */
static int
check_whole(int fd, const struct catalog_file *in, auditq_error *err)
{
	struct pages pages;
	int r;

	if ((r = pages_open(&pages, fd, in->size, in->path, err)) < 0)
		return r;
	if ((r = pages_whole_holds(&pages, err)) == 0)
		r = qerror_set(
		    err, AUDITQ_ECORRUPT, 0, in->path, "the digest of the whole is wrong");
	pages_close(&pages);
	return r < 0 ? r : 0;
}

static void
on_loss(void *arg, const auditq_warning *w)
{
	if (w->lost)
		(void)qerror_set_at(arg, w->code, w->path, w->offset, "%s", w->text);
}

/* 0, or why not all of its lines can be read. */
static int
check_lines(const struct catalog_file *in, auditq_error *err)
{
	const struct source_options opt = { .warn = { on_loss, err } };
	struct source_block block;
	struct source *s;
	int r;

	if ((r = source_open(&s, in->path, &opt, err)) < 0)
		return r;
	while (err->code == 0 && (r = source_next(s, &block, err)) > 0)
		;
	source_close(s);
	return err->code != 0 ? err->code : r;
}

/* Leave out what is listed and still there: until it was removed both are whole.  That is a short time, in which the
 * lines of an archive that is to be read are read once more. */
static int
leave_out(struct plan *p, const struct plan_file *f, int fd, const struct index *ix,
    auditq_counts *counts, auditq_error *err)
{
	bool checked = false;
	int r;

	for (size_t k = 0; k < index_replaced(ix); k++) {
		const struct section_replaced *listed = index_replaced_file(ix, k);
		struct plan_file *old = NULL;

		if ((r = find_listed(p, f->in->path, listed, &old, err)) < 0)
			return r;
		if (old == NULL || old->replaced)
			continue;
		if (!old->ours) {
			/* It does not say whether it is what is meant. */
			old->doubtful = true;
			continue;
		}
		if (memcmp(old->whole, listed->whole, sizeof old->whole) != 0)
			continue;
		if (!checked &&
		    ((r = check_whole(fd, f->in, err)) < 0 ||
			(f->how != PLAN_SKIP && (r = check_lines(f->in, err)) < 0)))
			return r;
		checked = true;
		counts->files_replaced++;
		old->replaced = true;
		old->how = PLAN_SKIP;
		old->seqs = false;
	}
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
	if (r == 0)
		r = leave_out(p, f, fd, ix, counts, &why);
	if (fd >= 0)
		(void)sys->close(fd);
	for (size_t k = 0; rings && r == 0 && k < index_replaced(ix); k++)
		r = keep_part(p, f, index_replaced_file(ix, k), &why);
	index_free(ix);
	if (r == AUDITQ_ENOMEM)
		return qerror_set(err, r, ENOMEM, path, "index");
	if (r < 0) {
		f->doubtful = r != AUDITQ_ENOENT;
		qwarn_send(warn, r, false, path, 0, why.offset,
		    "the files that it stands for are not left out: %s", why.text);
	}
	return 0;
}

/* ---- archives that cannot be asked ---- */

/* Sealed by a logger or made by compaction; then the length of what comes before the writer in its path. */
static size_t
up_to_writer(const char *path, struct path_segment *seg)
{
	const size_t n = directory(path);

	if (!path_parse_segment(path + n, seg) || seg->kind != PATH_SEALED || seg->packed)
		return 0;
	return n + strlen(seg->service) + 1;
}

/* Whether the file may stand for others, or others for it, and can't tell. */
static bool
is_doubtful(const struct plan_file *f)
{
	struct path_segment seg;

	if (f->how == PLAN_SKIP || f->in->kind != CATALOG_REGULAR ||
	    up_to_writer(f->in->path, &seg) == 0)
		return false;
	return f->doubtful || (!f->ours && seg.number == 1);
}

/* Make a group of the archives of the file's directory and service, which stand together in the catalog. */
static void
make_group(struct plan *p, size_t i)
{
	struct path_segment seg;
	const char *path = p->file[i].in->path;
	const size_t n = up_to_writer(path, &seg);
	size_t first = i, end = i + 1, members = 0;

	while (first > 0 && strncmp(p->file[first - 1].in->path, path, n) == 0)
		first--;
	while (end < p->catalog.n && strncmp(p->file[end].in->path, path, n) == 0)
		end++;
	for (int pass = 0; pass < 2; pass++)
		for (size_t k = first; k < end && (pass == 0 || members > 1); k++) {
			struct plan_file *f = &p->file[k];

			if (f->how == PLAN_SKIP || up_to_writer(f->in->path, &seg) == 0)
				continue;
			members += pass == 0;
			if (pass == 1) {
				f->group = p->file[first].in->path;
				f->shared = p->shared = true;
			}
		}
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
	for (size_t i = 0; i < p->catalog.n && r == 0; i++) {
		p->file[i].doubtful = is_doubtful(&p->file[i]);
		if (p->file[i].doubtful && p->file[i].group == NULL)
			make_group(p, i);
	}
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
