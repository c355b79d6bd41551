#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"

static int
target_error(const struct target *t, int code, const char *what, auditq_error *err)
{
	return qerror_set(err, code, errno, t->path, "%s", what);
}

static int
open_dir(struct target *t, auditq_error *err)
{
	size_t n = (size_t)(t->name - t->path);
	char *dir;

	if ((dir = n > 0 ? strndup(t->path, n) : strdup(".")) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, t->path, "a file to be made");
	t->dir = sys->openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	free(dir);
	if (t->dir < 0)
		return target_error(t, errno == ENOENT ? AUDITQ_ENOENT : AUDITQ_EIO,
		    "cannot open its directory", err);
	return 0;
}

/* Only a regular file may be replaced, and only by force. */
static int
check_free(const struct target *t, auditq_error *err)
{
	struct stat st;

	if (sys->fstatat(t->dir, t->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : target_error(t, AUDITQ_EIO, "cannot stat", err);
	if (!S_ISREG(st.st_mode))
		return qerror_set(err, AUDITQ_EEXIST, 0, t->path, "not a regular file");
	if (!t->force)
		return qerror_set(err, AUDITQ_EEXIST, 0, t->path, "there already");
	return 0;
}

static int
make_temp(struct target *t, auditq_error *err)
{
	uint64_t random;

	if (sys->getrandom(&random, sizeof random) < 0)
		return target_error(t, AUDITQ_EIO, "no random bytes", err);
	if (asprintf(&t->temp, ".auditq-%016llx.tmp", (unsigned long long)random) < 0) {
		t->temp = NULL;
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, t->path, "a file to be made");
	}
	t->fd = sys->openat(t->dir, t->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	return t->fd < 0 ? target_error(t, AUDITQ_EIO, "cannot create", err) : 0;
}

int
target_open(struct target *t, const char *path, bool force, auditq_error *err)
{
	const char *slash = strrchr(path, '/');
	int r;

	*t = (struct target){ .path = path, .dir = -1, .fd = -1, .force = force };
	t->name = slash != NULL ? slash + 1 : path;
	if (*t->name == '\0')
		return qerror_set(err, AUDITQ_EINVAL, 0, path, "not the name of a file");
	if ((r = open_dir(t, err)) < 0 || (r = check_free(t, err)) < 0)
		return r;
	return make_temp(t, err);
}

int
target_write(void *arg, const void *data, size_t n)
{
	struct target *t = arg;

	if (sys_write_all(t->fd, data, n, NULL) == 0)
		return 0;
	t->os_errno = errno;
	return AUDITQ_EIO;
}

/* Without force a file that came meanwhile is not replaced: link() never overwrites.  A file system
 * without links gets what a second look can give. */
static int
take_name(struct target *t, auditq_error *err)
{
	int r;

	if (!t->force) {
		if (sys->linkat(t->dir, t->temp, t->dir, t->name) == 0)
			return 0;
		if (errno == EEXIST)
			return qerror_set(err, AUDITQ_EEXIST, 0, t->path, "there already");
		if ((r = check_free(t, err)) < 0)
			return r;
	}
	if (sys->renameat(t->dir, t->temp, t->dir, t->name) < 0)
		return target_error(t, AUDITQ_EIO, "cannot rename", err);
	return 0;
}

int
target_finish(struct target *t, auditq_error *err)
{
	int r;

	if (sys->fsync(t->fd) < 0)
		return target_error(t, AUDITQ_EIO, "cannot write", err);
	if ((r = take_name(t, err)) < 0)
		return r;
	if (sys_sync_dir(t->dir) < 0)
		return target_error(t, AUDITQ_EIO, "cannot sync its directory", err);
	return 0;
}

void
target_close(struct target *t)
{
	if (t->fd >= 0) {
		sys->unlinkat(t->dir, t->temp, 0);
		sys->close(t->fd);
	}
	if (t->dir >= 0)
		sys->close(t->dir);
	free(t->temp);
}
