#include "catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"

/* A directory that changed so recently may be changing: times of files are coarse. */
#define LIST_RECENT CLOCK_S
/* Of one directory while it changes. */
#define LISTINGS 8

struct walk {
	struct catalog *c;
	int64_t after, before;
	bool *missing; /* or NULL: a given path must be there */
	const struct qwarn *warn;
	auditq_error *err;
	char **dir; /* directories still to be read */
	size_t ndir, cap_dir, cap_file, cap_read;
};

static int
no_memory(const struct walk *w)
{
	return qerror_set(w->err, AUDITQ_ENOMEM, ENOMEM, NULL, "list of files");
}

static void
warn_errno(const struct walk *w, const char *path, int e, const char *what)
{
	/* What is gone was removed by its owner; what cannot be read is missing in the answer. */
	bool lost = e != ENOENT;

	qwarn_send(w->warn, lost ? AUDITQ_EIO : AUDITQ_ENOENT, lost, path, 0, 0, "%s: %s", what,
	    strerrordesc_np(e));
}

/* dir and name joined, to be freed; NULL: out of memory. */
static char *
join(const char *dir, const char *name)
{
	size_t n = strlen(dir);
	char *path;

	if (asprintf(&path, n > 0 && dir[n - 1] == '/' ? "%s%s" : "%s/%s", dir, name) < 0)
		return NULL;
	return path;
}

/* ---- names ---- */

static bool
ends_with(const char *s, size_t n, const char *end)
{
	size_t k = strlen(end);

	return n > k && memcmp(s + n - k, end, k) == 0;
}

/* Length of a name without the endings of a log file; 0: it is none. */
static size_t
stem_length(const char *name)
{
	static const char *const ends[] = { ".jsonl", ".ndjson", ".json", ".log" };
	size_t n = strlen(name);

	if (ends_with(name, n, ".gz"))
		n -= 3;
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (ends_with(name, n, ends[i]))
			return n - strlen(ends[i]);
	return 0;
}

/* Whether all times of that day, and of its neighbours, lie outside the window. */
static bool
day_outside(const struct walk *w, int32_t day)
{
	if (w->after >= w->before)
		return true;
	return (w->after != INT64_MIN && day + 1 < clock_day(w->after)) ||
	    (w->before != INT64_MAX && day - 1 > clock_day(w->before - 1));
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* ---- files ---- */

static struct catalog_file *
new_file(struct walk *w, char *path_take)
{
	struct catalog *c = w->c;

	if (path_take == NULL)
		return NULL;
	if (c->n == w->cap_file) {
		size_t cap = w->cap_file == 0 ? 64 : 2 * w->cap_file;
		struct catalog_file *grown = realloc(c->file, cap * sizeof *grown);

		if (grown == NULL) {
			free(path_take);
			return NULL;
		}
		c->file = grown;
		w->cap_file = cap;
	}
	c->file[c->n] = (struct catalog_file){ .path = path_take };
	return &c->file[c->n++];
}

static int
add_file(struct walk *w, char *path_take, const struct stat *st)
{
	struct path_segment seg;
	struct catalog_file *f;
	int32_t day;
	size_t stem;

	if (path_take == NULL)
		return no_memory(w);
	stem = stem_length(base_name(path_take));
	if (clock_parse_day(base_name(path_take), stem, &day) == 0 && day_outside(w, day)) {
		w->c->listed++;
		w->c->pruned++;
		free(path_take);
		return 0;
	}
	if ((f = new_file(w, path_take)) == NULL)
		return no_memory(w);
	f->kind = CATALOG_REGULAR;
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	f->size = (uint64_t)st->st_size;
	f->mtime = (int64_t)st->st_mtim.tv_sec * CLOCK_S + st->st_mtim.tv_nsec;
	if (path_parse_segment(base_name(f->path), &seg)) {
		f->open = seg.kind == PATH_PLAIN;
		f->number = seg.number;
		/* What pack makes holds records of many writers. */
		if (!seg.packed)
			memcpy(f->writer, seg.writer, sizeof f->writer);
	}
	return 0;
}

static int
push_dir(struct walk *w, char *path_take)
{
	if (path_take == NULL)
		return no_memory(w);
	if (w->ndir == w->cap_dir) {
		size_t cap = w->cap_dir == 0 ? 64 : 2 * w->cap_dir;
		char **grown = realloc(w->dir, cap * sizeof(char *));

		if (grown == NULL) {
			free(path_take);
			return no_memory(w);
		}
		w->dir = grown;
		w->cap_dir = cap;
	}
	w->dir[w->ndir++] = path_take;
	return 0;
}

static int
add_dir(struct walk *w, char *path_take)
{
	const char *name;
	int32_t day;

	if (path_take == NULL)
		return no_memory(w);
	name = base_name(path_take);
	if (path_parse_partition(name, &day) ||
	    clock_parse_day(name, strlen(name), &day) == 0) {
		w->c->partitions++;
		if (day_outside(w, day)) {
			w->c->partitions_pruned++;
			free(path_take);
			return 0;
		}
	}
	return push_dir(w, path_take);
}

/* Names may come and go there; the path is taken over. */
static int
add_read(struct walk *w, char *path_take)
{
	struct catalog *c = w->c;

	if (path_take == NULL)
		return no_memory(w);
	if (c->ndir == w->cap_read) {
		size_t cap = w->cap_read == 0 ? 16 : 2 * w->cap_read;
		char **grown = realloc(c->dir, cap * sizeof(char *));

		if (grown == NULL) {
			free(path_take);
			return no_memory(w);
		}
		c->dir = grown;
		w->cap_read = cap;
	}
	c->dir[c->ndir++] = path_take;
	return 0;
}

/* ---- rings ---- */

static int
add_ring(struct walk *w, int dirfd, const char *name, const char *writer, char *path_take)
{
	struct catalog_file *f;
	auditq_error why;
	struct stat st;
	int fd, r;

	if ((f = new_file(w, path_take)) == NULL)
		return no_memory(w);
	f->kind = CATALOG_RING;
	memcpy(f->writer, writer, sizeof f->writer);
	/* The name of a ring that lies elsewhere is a link to it. */
	fd = sys->openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0) {
		/* A writer that closes removes its ring when all of it stands in segments. */
		if (errno != ENOENT)
			warn_errno(w, f->path, errno, "cannot open");
		else if (sys->fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			qwarn_send(w->warn, AUDITQ_ENOENT, true, f->path, 0, 0,
			    "the ring it leads to is not here; its records are not known");
		return 0;
	}
	qerror_reset(&why);
	if ((r = spool_read(&f->spool, fd, f->path, &why)) < 0)
		qwarn_send(w->warn, r, true, f->path, 0, why.offset, "%s", why.text);
	(void)sys->close(fd);
	return 0;
}

/* Read the rings of a root, if it is one; before it is listed, so that a record that leaves its ring
 * meanwhile is found in a segment. */
static int
read_rings(struct walk *w, int rootfd, const char *root)
{
	char *dir, writer[PATH_WRITER_LENGTH + 1];
	struct sys_names names = { 0 };
	int fd = sys_opendir_at(rootfd, PATH_RING_DIR), r = 0;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if ((dir = join(root, PATH_RING_DIR)) == NULL)
		r = no_memory(w);
	else if (fd < 0 || sys_list(fd, &names) < 0)
		warn_errno(w, dir, errno, "cannot list");
	for (size_t i = 0; i < names.n && r == 0; i++)
		if (path_parse_ring(names.name[i], writer))
			r = add_ring(w, fd, names.name[i], writer, join(dir, names.name[i]));
	sys_names_free(&names);
	if (fd >= 0)
		(void)sys->close(fd);
	if (r == 0)
		return add_read(w, dir);
	free(dir);
	return r;
}

/* ---- directories ---- */

/* Whether the directory has changed since it looked like this, as far as times tell. */
static bool
has_changed(int fd, const struct stat *before)
{
	struct stat after;

	return sys->fstat(fd, &after) < 0 || after.st_mtim.tv_sec != before->st_mtim.tv_sec ||
	    after.st_mtim.tv_nsec != before->st_mtim.tv_nsec;
}

/* Or may have: times of files are coarse. */
static bool
may_have_changed(int fd, const struct stat *before)
{
	int64_t changed = (int64_t)before->st_mtim.tv_sec * CLOCK_S + before->st_mtim.tv_nsec;
	int64_t now;

	return sys->realtime(&now) < 0 || now < changed || now - changed < LIST_RECENT ||
	    has_changed(fd, before);
}

/* Names of either listing, once each, in order; those of `more` are taken over. */
static int
merge_names(struct sys_names *names, struct sys_names *more)
{
	struct sys_names all = { .name = calloc(names->n + more->n + 1, sizeof(char *)) };
	size_t i = 0, j = 0;

	if (all.name == NULL)
		return -1;
	while (i < names->n || j < more->n) {
		int c = i == names->n ? 1
		    : j == more->n    ? -1
				      : strcmp(names->name[i], more->name[j]);

		all.name[all.n++] = c <= 0 ? names->name[i] : more->name[j];
		if (c == 0)
			free(more->name[j]);
		i += c <= 0;
		j += c >= 0;
	}
	free(names->name);
	free(more->name);
	*names = all;
	*more = (struct sys_names){ 0 };
	return 0;
}

/* Add what one more listing finds. */
static int
list_once(int fd, struct sys_names *names, struct stat *before)
{
	struct sys_names more = { 0 };
	int r;

	if (sys->fstat(fd, before) < 0 || sys_list(fd, &more) < 0)
		return -1;
	r = merge_names(names, &more);
	sys_names_free(&more);
	return r;
}

/* A listing can miss a file under both names while it is sealed, or compacted into another; but what was
 * renamed while the first was made is there before the second begins, so that either has it: unless it
 * moves once more, which takes longer than a listing, and is seen. */
static int
list_all(int fd, struct sys_names *names)
{
	struct stat before;
	int r = list_once(fd, names, &before);

	if (r < 0 || !may_have_changed(fd, &before))
		return r;
	for (int left = LISTINGS - 1; left > 0; left--)
		if ((r = list_once(fd, names, &before)) < 0 || !has_changed(fd, &before))
			break;
	return r;
}

/* What may be a symlink to a file; the path is taken over. */
static int
add_entry(struct walk *w, int dirfd, const char *name, char *path_take)
{
	struct stat st;

	if (sys->fstatat(dirfd, name, &st, 0) < 0)
		warn_errno(w, path_take, errno, "cannot stat");
	else if (S_ISREG(st.st_mode))
		return add_file(w, path_take, &st);
	else
		qwarn_send(w->warn, AUDITQ_EINVAL, true, path_take, 0, 0, "not a regular file");
	free(path_take);
	return 0;
}

/* Of a plain file that is gone, what it was sealed or compressed to, which was whole before the plain one went.
 * 1; 0: there is none; negative. */
static int
add_sealed(struct walk *w, const char *path)
{
	struct stat st;
	char *sealed;
	int r;

	if (!ends_with(path, strlen(path), ".jsonl"))
		return 0;
	if (asprintf(&sealed, "%s.gz", path) < 0)
		return no_memory(w);
	if (sys->fstatat(AT_FDCWD, sealed, &st, 0) < 0 || !S_ISREG(st.st_mode)) {
		free(sealed);
		return 0;
	}
	return (r = add_file(w, sealed, &st)) < 0 ? r : 1;
}

static int
add_name(struct walk *w, int dirfd, const char *dir, const char *name)
{
	struct stat st;
	char *path;
	int e, r = 0;

	if (name[0] == '.' || name[0] == '_' || ends_with(name, strlen(name), ".tmp"))
		return 0;
	if ((path = join(dir, name)) == NULL)
		return no_memory(w);
	if (sys->fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		e = errno;
		if (e != ENOENT || (r = add_sealed(w, path)) == 0)
			warn_errno(w, path, e, "cannot stat");
	} else if (S_ISDIR(st.st_mode)) {
		return add_dir(w, path);
	} else if (stem_length(name) > 0) {
		return S_ISREG(st.st_mode) ? add_file(w, path, &st)
					   : add_entry(w, dirfd, name, path);
	}
	free(path);
	return r < 0 ? r : 0;
}

static int
read_dir(struct walk *w, const char *path)
{
	struct sys_names names = { 0 };
	size_t first = w->ndir;
	int fd, r;

	/* Given paths may be symlinks; what is found below is pushed only when it is none. */
	fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0) {
		warn_errno(w, path, errno, "cannot open");
		return 0;
	}
	r = read_rings(w, fd, path);
	if (r == 0 && list_all(fd, &names) < 0)
		warn_errno(w, path, errno, "cannot list");
	for (size_t i = 0; i < names.n && r == 0; i++)
		r = add_name(w, fd, path, names.name[i]);
	sys_names_free(&names);
	(void)sys->close(fd);
	/* They come off the stack in the order of their names. */
	for (size_t i = first, j = w->ndir; i + 1 < j; i++) {
		char *swap = w->dir[i];

		w->dir[i] = w->dir[--j];
		w->dir[j] = swap;
	}
	return r;
}

/* ---- given paths ---- */

static int
add_missing(struct walk *w, const char *path)
{
	/* It may have been sealed since its name was looked up. */
	int r = add_sealed(w, path);

	if (r != 0)
		return r < 0 ? r : 0;
	if (w->missing == NULL)
		return qerror_set(w->err, AUDITQ_ENOENT, ENOENT, path, "cannot open");
	*w->missing = true;
	return 0;
}

static int
add_given(struct walk *w, const char *path)
{
	struct catalog_file *f;
	struct stat st;
	int r = 0;

	if (strcmp(path, "-") == 0) {
		if ((f = new_file(w, strdup(path))) == NULL)
			return no_memory(w);
		f->kind = CATALOG_STDIN;
		return 0;
	}
	if (sys->fstatat(AT_FDCWD, path, &st, 0) < 0) {
		if (errno == ENOENT)
			return add_missing(w, path);
		warn_errno(w, path, errno, "cannot stat");
		return 0;
	}
	if (S_ISREG(st.st_mode))
		return add_file(w, strdup(path), &st);
	if (!S_ISDIR(st.st_mode)) {
		qwarn_send(w->warn, AUDITQ_EINVAL, true, path, 0, 0, "not a regular file");
		return 0;
	}
	r = add_dir(w, strdup(path));
	while (r == 0 && w->ndir > 0) {
		char *dir = w->dir[--w->ndir];

		if ((r = read_dir(w, dir)) == 0)
			r = add_read(w, dir);
		else
			free(dir);
	}
	return r;
}

/* ---- the whole ---- */

static void
file_release(struct catalog_file *f)
{
	spool_release(&f->spool);
	free(f->path);
}

static int
by_inode(const void *x, const void *y)
{
	const struct catalog_file *a = x, *b = y;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	return strcmp(a->path, b->path);
}

static int
by_path(const void *x, const void *y)
{
	const struct catalog_file *a = x, *b = y;

	return strcmp(a->path, b->path);
}

static bool
same_file(const struct catalog_file *a, const struct catalog_file *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == CATALOG_REGULAR)
		return a->dev == b->dev && a->ino == b->ino;
	return strcmp(a->path, b->path) == 0;
}

/* One of each file: that with the least path. */
static void
drop_doubles(struct catalog *c)
{
	size_t n = 0;

	if (c->n == 0)
		return;
	qsort(c->file, c->n, sizeof *c->file, by_inode);
	for (size_t i = 0; i < c->n; i++) {
		if (n > 0 && same_file(&c->file[n - 1], &c->file[i]))
			file_release(&c->file[i]);
		else
			c->file[n++] = c->file[i];
	}
	c->n = n;
}

/* Whether files from `lo` on, in order, have this path with ".gz" behind it. */
static bool
has_sealed(const struct catalog *c, size_t lo, const char *path)
{
	size_t n = strlen(path), hi = c->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const char *p = c->file[mid].path;
		int cmp = strncmp(p, path, n);

		if (cmp == 0)
			cmp = strcmp(p + n, ".gz");
		if (cmp == 0)
			return true;
		if (cmp < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* A plain segment beside its .gz is about to be unlinked by who sealed it, which renamed a .gz that had all of
 * its lines.  Others promise nothing: gzip(1) fills the .gz in its place, and what it keeps may grow. */
static void
drop_sealed(struct catalog *c)
{
	size_t n = 0;

	if (c->n == 0)
		return;
	qsort(c->file, c->n, sizeof *c->file, by_path);
	for (size_t i = 0; i < c->n; i++) {
		if (c->file[i].open && has_sealed(c, i + 1, c->file[i].path))
			file_release(&c->file[i]);
		else
			c->file[n++] = c->file[i];
	}
	c->n = n;
}

int
catalog_list(struct catalog *out, const char *const *paths, size_t npath, int64_t after,
    int64_t before, bool *missing, const struct qwarn *warn, auditq_error *err)
{
	struct walk w = { .c = out,
		.after = after,
		.before = before,
		.missing = missing,
		.warn = warn,
		.err = err };
	int r = 0;

	*out = (struct catalog){ 0 };
	for (size_t i = 0; i < npath && r == 0; i++)
		r = add_given(&w, paths[i]);
	while (w.ndir > 0)
		free(w.dir[--w.ndir]);
	free(w.dir);
	if (r < 0)
		return r;
	drop_doubles(out);
	drop_sealed(out);
	for (size_t i = 0; i < out->n; i++) {
		out->listed += out->file[i].kind != CATALOG_RING;
		out->bytes += out->file[i].size;
	}
	return 0;
}

void
catalog_release(struct catalog *c)
{
	for (size_t i = 0; i < c->n; i++)
		file_release(&c->file[i]);
	for (size_t i = 0; i < c->ndir; i++)
		free(c->dir[i]);
	free(c->dir);
	free(c->file);
	*c = (struct catalog){ 0 };
}
