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

/* By files that have a name in this listing. */
static void
find_listed(const struct followed_files *all)
{
	for (size_t i = 0; i < all->headway->nfile; i++)
		all->headway->file[i]->listed = false;
	for (size_t i = 0; i < all->n; i++)
		if (all->file[i]->place != NULL && all->file[i]->pass == all->pass)
			all->file[i]->place->listed = true;
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
compare(const struct headway_file *place, const struct mark_head *head, bool gzip, int fd,
    const struct catalog_file *in)
{
	const struct mark *mark = &place->mark;
	uint64_t bytes;

	/* What is short may be alike by chance: then it is the same only where the other is gone. */
	if (mark->offset == 0 || (mark->offset < MARK_BYTES && place->listed) ||
	    !mark_may_hold(mark, head))
		return MARK_OTHER;
	if (gzip)
		return mark_match_gzip(mark, fd, in->path, &bytes);
	return mark->offset <= in->size ? mark_match(mark, fd) : MARK_OTHER;
}

struct finding {
	bool later;      /* it may turn out which one */
	bool unreadable; /* so that it is not known */
};

/* The place with what the file begins with: it was renamed, copied or compressed.  Of several, which may be copies of
 * each other's beginning, the one with most of it. */
static struct headway_file *
find_content(const struct followed_files *all, bool gzip, int fd, const struct catalog_file *in,
    struct finding *finding)
{
	const bool recent = in->mtime / CLOCK_S > all->now_s - RECENT_S;
	const struct headway *p = all->headway;
	struct headway_file *best = NULL;
	struct mark_head head;

	if (gzip)
		mark_head_gzip(&head, fd, in->path);
	else
		mark_head_plain(&head, fd);
	for (size_t i = 0; i < p->nfile; i++) {
		const enum mark_result r = compare(p->file[i], &head, gzip, fd, in);

		if (r == MARK_UNREADABLE)
			finding->unreadable = true;
		else if ((r == MARK_CUT || r == MARK_PARTLY) && recent)
			finding->later = true;
		/* What compressed it was killed: it stays as it is. */
		else if ((r == MARK_HOLDS || r == MARK_PARTLY) &&
		    (best == NULL || p->file[i]->mark.offset > best->mark.offset))
			best = p->file[i];
	}
	if (best != NULL)
		*finding = (struct finding){ 0 };
	return best;
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
		find_listed(all);
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
		if (place != NULL && place->listed)
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

/* A file that has what was read of another one. */
struct holder {
	struct stat st;
	uint64_t bytes; /* of its content */
};

static bool
holds(const struct headway_file *place, int fd, const char *path, struct holder *out)
{
	uint8_t magic[2];

	if (sys->fstat(fd, &out->st) < 0 || !S_ISREG(out->st.st_mode))
		return false;
	out->bytes = (uint64_t)out->st.st_size;
	if (sys_pread_all(fd, magic, sizeof magic, 0) == sizeof magic &&
	    gunzip_magic(magic, sizeof magic))
		return mark_match_gzip(&place->mark, fd, path, &out->bytes) == MARK_HOLDS;
	return mark_match(&place->mark, fd) == MARK_HOLDS;
}

static bool
is_inode(const struct headway_file *place, const struct holder *h)
{
	return h->st.st_dev == place->dev && h->st.st_ino == place->ino;
}

/* Of copies the file itself, or else the one that goes on furthest. */
static bool
is_rather(const struct headway_file *place, const struct holder *a, const struct holder *b)
{
	if (is_inode(place, a) != is_inode(place, b))
		return is_inode(place, a);
	return a->bytes > b->bytes;
}

/* A name of a directory that is chosen, or NULL. */
static const char *
choose(const struct headway_file *place, int dirfd, const struct sys_names *names,
    struct holder *chosen)
{
	const char *base = base_name(place->path), *name = NULL;

	for (size_t i = 0; i < names->n; i++) {
		struct holder h = { 0 };
		int fd;

		if (strncmp(names->name[i], base, strlen(base)) != 0)
			continue;
		fd = sys->openat(
		    dirfd, names->name[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
		if (fd < 0)
			continue;
		if (holds(place, fd, names->name[i], &h) &&
		    (name == NULL || is_rather(place, &h, chosen))) {
			name = names->name[i];
			*chosen = h;
		}
		(void)sys->close(fd);
	}
	return name;
}

/* The file of a directory that has what was read of a plain file of others; its path is to be freed. */
static bool
find_beside(const struct headway_file *place, struct catalog_file *in)
{
	const size_t n = (size_t)(base_name(place->path) - place->path);
	struct sys_names names = { 0 };
	const char *name = NULL;
	struct holder h = { 0 };
	char *dir = strndup(place->path, n);
	int dirfd = -1;

	if (dir != NULL)
		dirfd = sys->openat(AT_FDCWD, dir[0] == '\0' ? "." : dir,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dirfd >= 0) {
		(void)sys_list(dirfd, &names);
		name = choose(place, dirfd, &names, &h);
		(void)sys->close(dirfd);
	}
	if (name != NULL && asprintf(&in->path, "%s%s", dir, name) < 0)
		name = NULL;
	if (name != NULL) {
		in->dev = h.st.st_dev;
		in->ino = h.st.st_ino;
		in->size = (uint64_t)h.st.st_size;
	}
	sys_names_free(&names);
	free(dir);
	return name != NULL;
}

int
followed_rotated(
    struct followed_files *all, size_t *i, struct followed **ret, auditq_error *err)
{
	const struct headway *p = all->headway;

	for (; *i < p->nordered; ++*i) {
		const struct headway_file *place = p->file[*i];
		struct catalog_file in = { 0 };
		int r;

		if (place->path == NULL || place->mark.offset == 0 || place->whole ||
		    is_used(all, place) || !find_beside(place, &in))
			continue;
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
