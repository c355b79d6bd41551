/* pack_store - see pack_store.h */
#include "pack_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "sys.h"

enum { FILE_MODE = 0640, DIR_MODE = 0750 };

/* ---- the lock ---- */

/* Whether the name still stands for the file that was locked: who held it before removes it. */
static bool
still_named(const struct pack_store *s)
{
	struct stat named, held;

	return sys->fstat(s->lock, &held) == 0 &&
	    sys->fstatat(s->dir, s->lock_name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

/* 1: locked; 0: the file went away meanwhile. */
static int
try_lock(struct pack_store *s, auditq_error *err)
{
	s->lock = sys->openat(
	    s->dir, s->lock_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (s->lock < 0)
		return qerror_set(
		    err, AUDITQ_EIO, errno, s->root, "cannot create %s", s->lock_name);
	if (sys->flock(s->lock, LOCK_EX | LOCK_NB) == 0 && still_named(s))
		return 1;
	const int e = errno;
	sys->close(s->lock);
	s->lock = -1;
	if (e == EWOULDBLOCK)
		return qerror_set(
		    err, AUDITQ_EBUSY, 0, s->root, "this input is being packed already");
	return 0;
}

int
pack_store_open(struct pack_store *s, const char *root, const char *id, auditq_error *err)
{
	int r, tries = 100;

	*s = (struct pack_store){ .root = root, .dir = -1, .lock = -1 };
	(void)snprintf(s->tag, sizeof s->tag, "%s", id);
	s->made_root = sys->mkdirat(AT_FDCWD, root, DIR_MODE) == 0;
	if (!s->made_root && errno != EEXIST)
		return qerror_set(err, AUDITQ_EIO, errno, root, "cannot make the directory");
	s->dir = sys->openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (s->dir < 0)
		return qerror_set(err, AUDITQ_EIO, errno, root, "cannot open the directory");
	(void)snprintf(s->lock_name, sizeof s->lock_name, ".pack-%s.lock", s->tag);
	while ((r = try_lock(s, err)) == 0 && --tries > 0)
		;
	if (r == 0)
		return qerror_set(err, AUDITQ_EBUSY, 0, root, "cannot lock %s", s->lock_name);
	return r < 0 ? r : 0;
}

/* ---- files ---- */

static int
file_error(const struct pack_file *f, const char *what, auditq_error *err)
{
	return qerror_set(err, AUDITQ_EIO, errno, f->path, "%s", what);
}

static struct pack_file *
add_file(struct pack_store *s, int base, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct pack_file *f;

	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 16 : 2 * s->cap;
		if ((f = realloc(s->file, cap * sizeof *f)) == NULL)
			return NULL;
		s->file = f;
		s->cap = cap;
	}
	f = &s->file[s->n];
	*f = (struct pack_file){ .base = base };
	f->ndir = slash == NULL ? 0 : (size_t)(slash + 1 - path);
	if ((f->path = strdup(path)) == NULL)
		return NULL;
	if (asprintf(&f->temp, "%.*s.%s.%s.tmp", (int)f->ndir, path, path + f->ndir, s->tag) <
	    0) {
		free(f->path);
		return NULL;
	}
	s->n++;
	return f;
}

/* The name of its directory, which the caller frees. */
static char *
directory(const struct pack_file *f)
{
	return f->ndir == 0 ? strdup(".") : strndup(f->path, f->ndir);
}

static int
make_directory(const struct pack_store *s, struct pack_file *f, auditq_error *err)
{
	char *dir;
	int r = 0;

	if (f->base != s->dir || f->ndir == 0)
		return 0;
	if ((dir = directory(f)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, f->path, "pack");
	f->made_dir = sys->mkdirat(f->base, dir, DIR_MODE) == 0;
	if (!f->made_dir && errno != EEXIST)
		r = file_error(f, "cannot make its directory", err);
	free(dir);
	return r;
}

int
pack_store_create(struct pack_store *s, int base, const char *path, auditq_error *err)
{
	struct pack_file *f = add_file(s, base, path);
	int fd, r;

	if (f == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, path, "pack");
	if ((r = make_directory(s, f, err)) < 0)
		return r;
	fd = sys->openat(
	    f->base, f->temp, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return file_error(f, "cannot create", err);
	f->made = true;
	return fd;
}

/* Take back what was done for a file: its name, or its temporary name, and its directory. */
static void
undo(struct pack_file *f)
{
	char *dir;

	if (f->made)
		sys->unlinkat(f->base, f->named ? f->path : f->temp, 0);
	if (f->made_dir && (dir = directory(f)) != NULL) {
		sys->unlinkat(f->base, dir, AT_REMOVEDIR);
		free(dir);
	}
	f->made = false;
	f->made_dir = false;
}

void
pack_store_drop(struct pack_store *s)
{
	struct pack_file *f = &s->file[--s->n];

	undo(f);
	free(f->path);
	free(f->temp);
}

static bool
same_directory(const struct pack_file *a, const struct pack_file *b)
{
	return a->base == b->base && a->ndir == b->ndir &&
	    memcmp(a->path, b->path, a->ndir) == 0;
}

static int
sync_directory(const struct pack_file *f, auditq_error *err)
{
	char *dir = directory(f);
	int fd, r = 0;

	if (dir == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, f->path, "pack");
	fd = sys->openat(f->base, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0 || sys_sync_dir(fd) < 0)
		r = file_error(f, "cannot sync its directory", err);
	if (fd >= 0)
		sys->close(fd);
	free(dir);
	return r;
}

static int
name_files(struct pack_store *s, auditq_error *err)
{
	int r;

	for (size_t i = 0; i < s->n; i++) {
		struct pack_file *f = &s->file[i];
		if (sys->renameat(f->base, f->temp, f->base, f->path) < 0)
			return file_error(f, "cannot rename", err);
		f->named = true;
	}
	for (size_t i = 0; i < s->n; i++)
		if (i == 0 || !same_directory(&s->file[i], &s->file[i - 1]))
			if ((r = sync_directory(&s->file[i], err)) < 0)
				return r;
	if (sys_sync_dir(s->dir) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, s->root, "cannot sync the directory");
	return 0;
}

int
pack_store_publish(struct pack_store *s, auditq_error *err)
{
	int r = name_files(s, err);

	for (size_t i = 0; r == 0 && i < s->n; i++)
		s->file[i].made = s->file[i].made_dir = false; /* not ours to undo any more */
	return r;
}

void
pack_store_free(struct pack_store *s)
{
	while (s->n > 0)
		pack_store_drop(s);
	free(s->file);
	if (s->lock >= 0) {
		sys->unlinkat(s->dir, s->lock_name, 0);
		sys->close(s->lock);
	}
	if (s->dir >= 0)
		sys->close(s->dir);
	/* A root that was made for nothing; one with anything in it stays. */
	if (s->made_root)
		sys->unlinkat(AT_FDCWD, s->root, AT_REMOVEDIR);
}
