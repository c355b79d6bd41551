/*
 * export - all answers of a query, in a format, to a callback or into a file.
 *
 * A file is written under a temporary name beside its own and takes its name when it is complete
 * and on the disk: whoever sees the name sees all of it.
 */
#include "auditq.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "sys.h"

int
auditq_format_parse(const char *name)
{
	return output_format_parse(name);
}

/* ---- to a callback ---- */

static int
record_error(int code, const auditq_record *rec, auditq_error *err)
{
	switch (code) {
	case AUDITQ_EJSON:
		return qerror_set_at(err, code, rec->path, rec->offset, "not a JSON object");
	case AUDITQ_ENOMEM:
		return qerror_set(err, code, 0, rec->path, "a field of %zu bytes", rec->len);
	}
	return code;
}

static int
export_records(auditq_t *q, struct output *o, auditq_error *err)
{
	auditq_record rec;
	int r;

	while ((r = auditq_next(q, &rec, err)) > 0)
		if ((r = output_record(o, rec.line, rec.len)) < 0)
			return record_error(r, &rec, err);
	return r < 0 ? r : output_end(o);
}

int
auditq_export_to(auditq_t *q, auditq_write_fn *fn, void *arg, const auditq_export_options *opt,
    uint64_t *n, auditq_error *err)
{
	struct output *o;
	int r;

	qerror_reset(err);
	if (q == NULL || fn == NULL)
		return qerror_set(
		    err, AUDITQ_EINVAL, 0, NULL, "no query or nothing to write to");
	if ((r = output_new(&o, opt, fn, arg, err)) < 0)
		return r;
	if ((r = export_records(q, o, err)) < 0)
		qerror_set(err, r, 0, NULL, "the output was stopped");
	else if (n != NULL)
		*n = o->records;
	output_free(o);
	return r;
}

/* ---- into a file ---- */

struct target {
	const char *path; /* for messages */
	const char *name; /* its last part */
	char *temp;       /* the name that it has until it is complete */
	int dir;
	int fd;
	bool force;
	int os_errno; /* of the write that failed */
};

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
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, t->path, "export");
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
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, t->path, "export");
	}
	t->fd = sys->openat(t->dir, t->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	return t->fd < 0 ? target_error(t, AUDITQ_EIO, "cannot create", err) : 0;
}

static int
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

static int
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

static int
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

/* Nothing of the temporary name stays, whether it was renamed, linked or is to be given up. */
static void
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

int
auditq_export(auditq_t *q, const char *path, const auditq_export_options *opt, uint64_t *n,
    auditq_error *err)
{
	struct target t;
	bool force =
	    opt != NULL && opt->size > offsetof(auditq_export_options, force) && opt->force;
	uint64_t records = 0;
	int r;

	qerror_reset(err);
	if (q == NULL || path == NULL)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "no query or no path");
	if ((r = target_open(&t, path, force, err)) == 0)
		r = auditq_export_to(q, target_write, &t, opt, &records, err);
	if (r < 0 && t.os_errno != 0) {
		qerror_reset(err);
		qerror_set(err, AUDITQ_EIO, t.os_errno, path, "cannot write");
	}
	if (r == 0)
		r = target_finish(&t, err);
	if (r == 0 && n != NULL)
		*n = records;
	target_close(&t);
	return r;
}
