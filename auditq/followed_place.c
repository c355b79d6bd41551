#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "followed_inside.h"
#include "gunzip.h"
#include "sys.h"

/* A gzip file that ends early is in the making when it was written to so recently. */
#define RECENT_S 60

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* ---- which place is whose ---- */

static bool
is_used(const struct followed_files *all, const struct headway_file *place)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->file[i]->place == place)
			return true;
	return false;
}

/* By a file that has a name in this listing. */
static bool
is_listed(const struct followed_files *all, const struct headway_file *place)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->file[i]->place == place && all->file[i]->pass == all->pass)
			return true;
	return false;
}

/* Of a segment: as what it was met before, plain or sealed. */
static struct headway_file *
find_segment(const struct followed_files *all, const char *path)
{
	struct headway *p = all->headway;

	for (size_t i = 0; i < p->nfile; i++)
		if (followed_same_segment(p->file[i]->path, path))
			return p->file[i];
	return NULL;
}

/* Whether a file of others has what was read at a place. */
static enum mark_result
compare(const struct followed_files *all, const struct headway_file *place, bool gzip, int fd,
    const struct catalog_file *in)
{
	const struct mark *mark = &place->mark;

	/* What is short may be alike by chance: then it is the same only where the other is gone. */
	if (mark->offset == 0 || (mark->offset < MARK_BYTES && is_listed(all, place)))
		return MARK_OTHER;
	if (gzip)
		return mark_match_gzip(mark, fd, in->path);
	return mark->offset <= in->size ? mark_match(mark, fd) : MARK_OTHER;
}

struct finding {
	bool later;      /* it may turn out which one */
	bool unreadable; /* so that it is not known */
};

/* The place with what the file begins with: it was renamed, copied or compressed. */
static struct headway_file *
find_content(const struct followed_files *all, bool gzip, int fd, const struct catalog_file *in,
    struct finding *finding)
{
	const struct headway *p = all->headway;

	for (size_t i = 0; i < p->nfile; i++)
		switch (compare(all, p->file[i], gzip, fd, in)) {
		case MARK_HOLDS: *finding = (struct finding){ 0 }; return p->file[i];
		case MARK_UNREADABLE: finding->unreadable = true; break;
		case MARK_CUT:
			finding->later = in->mtime / CLOCK_S > all->now_s - RECENT_S;
			break;
		case MARK_OTHER: break;
		}
	return NULL;
}

/* Of a file of others. */
static struct headway_file *
find_place(const struct followed_files *all, bool gzip, int fd, const struct catalog_file *in,
    struct finding *finding)
{
	struct headway_file *place = headway_inode(all->headway, in->dev, in->ino);

	if (place != NULL && gzip && place->whole && place->size == in->size)
		return place;
	if (place != NULL && !gzip && !place->whole && headway_done(place) <= in->size &&
	    (place->mark.offset == 0 || mark_match(&place->mark, fd) == MARK_HOLDS))
		return place;
	return find_content(all, gzip, fd, in, finding);
}

/* ---- having one ---- */

/* A new place, with what was considered at another one; that may be NULL. */
static struct headway_file *
new_place(struct followed_files *all, const char *path, const struct headway_file *from)
{
	struct headway_file *place = headway_file(all->headway, path);

	if (place == NULL || from == NULL)
		return place;
	for (size_t i = 0; i < from->seen.n; i++)
		if (spans_add(&place->seen, from->seen.p[i].first, from->seen.p[i].last) < 0)
			return NULL;
	place->ts = from->ts;
	place->mark = from->mark;
	return place;
}

static int
take(struct followed *f, struct headway_file *place, const struct catalog_file *in,
    auditq_error *err)
{
	char *path;

	if (place->path == NULL || strcmp(place->path, in->path) != 0) {
		if ((path = strdup(in->path)) == NULL)
			return followed_no_memory(in->path, err);
		free(place->path);
		place->path = path;
	}
	place->dev = in->dev;
	place->ino = in->ino;
	f->place = place;
	f->ts = place->ts;
	f->at = headway_done(place);
	f->over = f->gzip && place->whole && place->size == in->size;
	return 1;
}

int
followed_take_place(struct followed_files *all, struct followed *f, int fd,
    const struct catalog_file *in, auditq_error *err)
{
	struct headway_file *place;
	struct path_segment seg;
	struct finding finding = { 0 };

	if (path_parse_segment(base_name(in->path), &seg) && !seg.packed) {
		place = headway_inode(all->headway, in->dev, in->ino);
		if (place == NULL || !followed_same_segment(place->path, in->path))
			place = f->gzip ? find_segment(all, in->path) : NULL;
	} else {
		place = find_place(all, f->gzip, fd, in, &finding);
		if (finding.unreadable) {
			qwarn_send(all->warn, AUDITQ_EIO, true, in->path, 0, 0,
			    "cannot read: so it is not known what of it is new");
			f->over = true;
			return 1;
		}
		if (finding.later)
			return FOLLOWED_LATER;
		/* Either goes its own way from there. */
		if (place != NULL && is_listed(all, place))
			place = new_place(all, in->path, place);
	}
	if (place == NULL && (place = new_place(all, in->path, NULL)) == NULL)
		return followed_no_memory(in->path, err);
	return take(f, place, in, err);
}

int
followed_restart(struct followed_files *all, struct followed *f, auditq_error *err)
{
	struct headway_file *place = f->place;

	/* A copy of what it was may come. */
	if (f->writer == NULL) {
		if ((place = new_place(all, f->path, NULL)) == NULL)
			return followed_no_memory(f->path, err);
		place->dev = f->place->dev;
		place->ino = f->place->ino;
		place->met = all->now_s;
		f->place->dev = f->place->ino = 0;
		f->place = place;
	}
	spans_release(&place->seen);
	place->mark.offset = 0;
	place->ts = f->ts = CLOCK_NONE;
	f->at = 0;
	f->skipping = false;
	return 0;
}

/* ---- rotated files ---- */

static bool
is_it(const struct headway_file *place, int fd, const char *path)
{
	uint8_t magic[2];

	if (sys_pread_all(fd, magic, sizeof magic, 0) == sizeof magic &&
	    gunzip_magic(magic, sizeof magic))
		return mark_match_gzip(&place->mark, fd, path) == MARK_HOLDS;
	return mark_match(&place->mark, fd) == MARK_HOLDS;
}

/* The file of a directory that has what was read of a plain file of others; it gets the path, to be freed. */
static char *
find_beside(const struct headway_file *place, struct stat *st)
{
	const char *base = base_name(place->path);
	char *dir = strndup(place->path, (size_t)(base - place->path)), *path = NULL;
	struct sys_names names = { 0 };
	int dirfd = -1, fd;

	if (dir != NULL)
		dirfd = sys->openat(AT_FDCWD, dir[0] == '\0' ? "." : dir,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dirfd >= 0)
		(void)sys_list(dirfd, &names);
	for (size_t i = 0; i < names.n && path == NULL; i++) {
		if (strncmp(names.name[i], base, strlen(base)) != 0)
			continue;
		fd = sys->openat(
		    dirfd, names.name[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
		if (fd < 0)
			continue;
		if (sys->fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
		    is_it(place, fd, names.name[i]) &&
		    asprintf(&path, "%s%s", dir, names.name[i]) < 0)
			path = NULL;
		(void)sys->close(fd);
	}
	sys_names_free(&names);
	if (dirfd >= 0)
		(void)sys->close(dirfd);
	free(dir);
	return path;
}

int
followed_rotated(
    struct followed_files *all, size_t *i, struct followed **ret, auditq_error *err)
{
	const struct headway *p = all->headway;

	for (; *i < p->nordered; ++*i) {
		const struct headway_file *place = p->file[*i];
		struct catalog_file in = { 0 };
		struct stat st;
		int r;

		if (place->path == NULL || place->mark.offset == 0 || place->whole ||
		    is_used(all, place) || (in.path = find_beside(place, &st)) == NULL)
			continue;
		in.dev = st.st_dev;
		in.ino = st.st_ino;
		in.size = (uint64_t)st.st_size;
		r = followed_meet(all, &in, ret, err);
		free(in.path);
		if (r != 0) {
			++*i;
			return r;
		}
	}
	return 0;
}

/* ---- marks ---- */

static void
mark(const struct followed *f)
{
	const uint64_t done = headway_done(f->place);
	int fd = f->fd;
	struct stat st;

	if (done == f->place->mark.offset)
		return;
	if (fd < 0)
		fd = sys->openat(
		    AT_FDCWD, f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return;
	/* An older mark is one, too. */
	if (sys->fstat(fd, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino)
		(void)mark_take(&f->place->mark, fd, done);
	if (fd != f->fd)
		(void)sys->close(fd);
}

void
followed_mark(struct followed_files *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (!all->file[i]->gzip && all->file[i]->place != NULL &&
		    all->file[i]->writer == NULL)
			mark(all->file[i]);
}
