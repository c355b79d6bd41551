#include "followed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "followed_inside.h"
#include "sys.h"

/* Descriptors that are kept open, so that what is written to a file after it lost its name is read. */
#define FDS_MAX 256

/* A quarter of what the process may have. */
static size_t
fds_max(void)
{
	const long all = sysconf(_SC_OPEN_MAX);

	return all < 0 || all / 4 > FDS_MAX ? FDS_MAX : (size_t)all / 4;
}

int
followed_no_memory(const char *path, auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, path, "files that are followed");
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* ---- the table ---- */

/* Where it stands, or belongs. */
static size_t
find(const struct followed_files *all, uint64_t dev, uint64_t ino)
{
	size_t lo = 0, hi = all->n;

	while (lo < hi) {
		const size_t mid = (lo + hi) / 2;
		const struct followed *f = all->file[mid];

		if (f->dev < dev || (f->dev == dev && f->ino < ino))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void
close_fd(struct followed_files *all, struct followed *f)
{
	if (f->fd < 0)
		return;
	(void)sys->close(f->fd);
	f->fd = -1;
	all->fds--;
}

static void
followed_free(struct followed_files *all, struct followed *f)
{
	if (f == NULL)
		return;
	close_fd(all, f);
	free(f->part);
	free(f->path);
	free(f);
}

static struct followed *
insert(struct followed_files *all, size_t i, const struct catalog_file *in)
{
	struct followed *f;

	if (all->n == all->cap) {
		const size_t cap = all->cap == 0 ? 64 : 2 * all->cap;
		struct followed **grown =
		    reallocarray(all->file, cap, sizeof(struct followed *));

		if (grown == NULL)
			return NULL;
		all->file = grown;
		all->cap = cap;
	}
	if ((f = calloc(1, sizeof *f)) == NULL)
		return NULL;
	*f = (struct followed){ .dev = in->dev,
		.ino = in->ino,
		.fd = -1,
		.schema = &schema_default,
		.ts = CLOCK_NONE };
	if ((f->path = strdup(in->path)) == NULL) {
		free(f);
		return NULL;
	}
	memmove(&all->file[i + 1], &all->file[i], (all->n - i) * sizeof(struct followed *));
	all->file[i] = f;
	all->n++;
	return f;
}

static void
drop(struct followed_files *all, size_t i)
{
	followed_free(all, all->file[i]);
	all->n--;
	memmove(&all->file[i], &all->file[i + 1], (all->n - i) * sizeof(struct followed *));
}

/* ---- meeting a file ---- */

bool
followed_same_segment(const char *a, const char *b)
{
	struct path_segment x, y;

	return a != NULL && path_parse_segment(base_name(a), &x) &&
	    path_parse_segment(base_name(b), &y) && x.number == y.number &&
	    strcmp(x.writer, y.writer) == 0;
}

/* A descriptor; -1: it is gone; -2: it cannot be read, which was said. */
static int
open_listed(const struct followed_files *all, const struct catalog_file *in)
{
	const int fd =
	    sys->openat(AT_FDCWD, in->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return -1;
	if (fd < 0) {
		qwarn_send(all->warn, AUDITQ_EIO, true, in->path, 0, 0, "cannot open: %s",
		    strerrordesc_np(errno));
		return -2;
	}
	/* What has that name now is what the next listing is about. */
	if (sys->fstat(fd, &st) < 0 || st.st_dev != in->dev || st.st_ino != in->ino) {
		(void)sys->close(fd);
		return -1;
	}
	return fd;
}

static bool
is_same(const struct followed *f, const struct catalog_file *in)
{
	struct path_segment seg;

	/* An inode is soon used again. */
	if (path_parse_segment(base_name(in->path), &seg))
		return followed_same_segment(f->path, in->path) &&
		    f->gzip == (seg.kind == PATH_SEALED);
	if (f->gzip)
		return strcmp(f->path, in->path) == 0 ||
		    (f->size == in->size && f->mtime == in->mtime);
	return f->fd >= 0 || f->place == NULL || f->place->mark.offset == 0 ||
	    f->at <= in->size;
}

/* It could not be read when it was met, and nothing is known of it. */
static bool
is_unread(const struct followed *f)
{
	return f->over && f->place == NULL && !f->numbered;
}

static bool
has_changed(const struct followed *f, const struct catalog_file *in)
{
	return f->size != in->size || f->mtime != in->mtime;
}

static int
rename_to(struct followed *f, const char *path, auditq_error *err)
{
	char *copy;

	if (strcmp(f->path, path) == 0)
		return 0;
	if ((copy = strdup(path)) == NULL)
		return followed_no_memory(path, err);
	free(f->path);
	f->path = copy;
	return 0;
}

static void
touch(const struct followed_files *all, struct followed *f)
{
	f->pass = all->pass;
	if (f->writer != NULL)
		f->writer->met = all->now_s;
	if (f->place != NULL)
		f->place->met = all->now_s;
	for (size_t i = 0; i < f->nparts; i++)
		f->part[i].writer->met = all->now_s;
}

/* It was met before.  1; 0: it cannot be opened any more. */
static int
meet_again(struct followed_files *all, struct followed *f, const struct catalog_file *in,
    auditq_error *err)
{
	int fd, r;

	if ((r = rename_to(f, in->path, err)) < 0)
		return r;
	touch(all, f);
	if (f->over && has_changed(f, in))
		f->over = false;
	f->size = in->size;
	f->mtime = in->mtime;
	if (f->over || f->gzip || f->fd >= 0)
		return 1;
	if (in->size == f->at)
		return 1;
	if ((fd = open_listed(all, in)) < 0) {
		f->over = fd == -2;
		return f->over;
	}
	f->fd = fd;
	all->fds++;
	if (f->place->mark.offset > 0 && mark_match(&f->place->mark, f->fd) == MARK_OTHER)
		r = followed_restart(all, f, err);
	return r < 0 ? r : 1;
}

/* 1; FOLLOWED_LATER; negative.  What cannot be read, without a descriptor, is over. */
static int
meet_first(struct followed_files *all, struct followed *f, int fd,
    const struct catalog_file *in, auditq_error *err)
{
	if (all->asked != NULL)
		f->schema = all->asked;
	if (fd >= 0)
		return followed_look(all, f, fd, in, err);
	f->over = true;
	return 1;
}

int
followed_begin(struct followed_files *all, auditq_error *err)
{
	int64_t now;

	if (sys->realtime(&now) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, NULL, "the clock");
	all->now_s = now / CLOCK_S;
	all->pass++;
	return 0;
}

int
followed_meet(struct followed_files *all, const struct catalog_file *in, struct followed **ret,
    auditq_error *err)
{
	size_t i = find(all, in->dev, in->ino);
	struct followed *f;
	int fd, r;

	if (i < all->n && all->file[i]->dev == in->dev && all->file[i]->ino == in->ino) {
		f = all->file[i];
		if (is_same(f, in) && !(is_unread(f) && has_changed(f, in))) {
			*ret = f;
			return meet_again(all, f, in, err);
		}
		drop(all, i);
	}
	if ((fd = open_listed(all, in)) == -1)
		return 0;
	if ((f = insert(all, i, in)) == NULL)
		r = followed_no_memory(in->path, err);
	else
		r = meet_first(all, f, fd, in, err);
	if (r == 1 && fd >= 0 && !f->gzip && !f->over) {
		f->fd = fd;
		all->fds++;
	} else if (fd >= 0) {
		(void)sys->close(fd);
	}
	if (r != 1) {
		if (f != NULL)
			drop(all, i);
		return r;
	}
	f->size = in->size;
	f->mtime = in->mtime;
	touch(all, f);
	all->shut |= is_unread(f);
	*ret = f;
	return 1;
}

/* ---- what becomes of them ---- */

void
followed_end(struct followed_files *all)
{
	for (size_t i = all->n; i > 0; i--) {
		const struct followed *f = all->file[i - 1];
		struct stat st;

		if (f->pass == all->pass)
			continue;
		/* What still has a name may be written by who has it open; what has none, too: but not for long. */
		if (f->fd < 0 || sys->fstat(f->fd, &st) < 0 ||
		    (st.st_nlink == 0 && (uint64_t)st.st_size == f->at))
			drop(all, i - 1);
	}
}

bool
followed_is_over(const struct followed *f)
{
	if (f->over)
		return true;
	if (!f->numbered)
		return false;
	for (size_t i = 0; i < f->nparts; i++)
		if (!spans_has_all(&f->part[i].writer->seen, f->part[i].first, f->part[i].last))
			return false;
	return f->nparts > 0 || spans_has_all(&f->writer->seen, f->first, f->last);
}

void
followed_rest(struct followed_files *all, struct followed *f)
{
	if (f->fd < 0)
		return;
	/* It may be cut, compressed or gone when it is looked at again. */
	if (f->writer == NULL && f->place->mark.offset != f->at)
		(void)mark_take(&f->place->mark, f->fd, f->at);
	if (all->fds > fds_max()) {
		close_fd(all, f);
		all->shut = true;
	}
}

struct headway_writer *
followed_writer(const struct followed *f, uint64_t offset)
{
	for (size_t i = 0; i < f->nparts; i++)
		if (offset >= f->part[i].offset && offset < f->part[i].end)
			return f->part[i].writer;
	return f->writer;
}

void
followed_release(struct followed_files *all)
{
	for (size_t i = 0; i < all->n; i++)
		followed_free(all, all->file[i]);
	for (size_t i = 0; i < all->nschema; i++)
		free((void *)all->schema[i]);
	free(all->schema);
	free(all->file);
	*all = (struct followed_files){ 0 };
}
