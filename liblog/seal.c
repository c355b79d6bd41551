#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_BLOCK (1u << 20)

/* A growing buffer over the plain file that always begins at a line. */
struct lines {
	int fd;
	uint64_t offset; /* of what was read so far */
	char *p;
	size_t n, cap;
};

/* Read one more block behind what is there: bytes read, 0 at the end, -1. */
static ssize_t
fill(struct lines *in)
{
	char *grown;
	ssize_t got;

	if (in->cap - in->n < READ_BLOCK) {
		if ((grown = realloc(in->p, in->cap + READ_BLOCK)) == NULL)
			return -1;
		in->p = grown;
		in->cap += READ_BLOCK;
	}
	got = sys_pread_all(in->fd, in->p + in->n, READ_BLOCK, (off_t)in->offset);
	if (got > 0) {
		in->offset += (uint64_t)got;
		in->n += (size_t)got;
	}
	return got;
}

/* Hand every whole line to the archive; a tail without a line feed is not a record. */
static int
copy_lines(struct lines *in, struct archive *a, const struct seal_options *opt,
    const char *name, uint64_t *count, alog_error *err)
{
	size_t begin, searched = 0;
	const char *nl;
	ssize_t got;
	int rc;

	while ((got = fill(in)) > 0) {
		if (opt->cancel != NULL && atomic_load(opt->cancel))
			return error_set(err, ALOG_ETIMEOUT, 0, name, "sealing was cancelled");
		for (begin = 0; (nl = memchr(in->p + searched, '\n', in->n - searched)) != NULL;
		     begin = searched) {
			const size_t end = (size_t)(nl - in->p);

			if ((rc = archive_add(a, in->p + begin, end - begin, err)) < 0)
				return rc;
			++*count;
			searched = end + 1;
		}
		memmove(in->p, in->p + begin, in->n - begin);
		in->n -= begin;
		searched = in->n;
	}
	if (got < 0)
		return error_set(err, ALOG_EIO, errno, name, "cannot read");
	return 0;
}

static int
write_archive(int in_fd, int out_fd, const char *name, const struct seal_options *opt,
    uint8_t digest[32], uint64_t *count, alog_error *err)
{
	struct archive_options ao = { .gzip_level = opt->gzip_level, .path = name };
	struct lines in = { .fd = in_fd };
	struct path_segment id;
	struct format_footer total;
	struct archive *a = NULL;
	struct stat st;
	int rc;

	if (sys->fstat(in_fd, &st) < 0)
		return error_set(err, ALOG_EIO, errno, name, "cannot stat");
	ao.expected_bytes = (uint64_t)st.st_size;
	if (path_parse_segment(name, &id))
		memcpy(ao.writer, id.writer, sizeof ao.writer);
	memcpy(ao.previous, digest, 32);
	if ((rc = archive_begin(&a, out_fd, &ao, err)) < 0)
		return rc;
	rc = copy_lines(&in, a, opt, name, count, err);
	free(in.p);
	if (rc < 0 || *count == 0) {
		archive_abort(a);
		return rc;
	}
	if ((rc = archive_finish(a, &total, err)) == 0)
		memcpy(digest, total.whole, 32);
	return rc;
}

/* The order is what makes it safe: see seal.h. */
static int
publish(
    int dirfd, int fd, const char *tmp, const char *sealed, const char *name, alog_error *err)
{
	if (sys->fsync(fd) < 0)
		return error_set(err, ALOG_EIO, errno, sealed, "fsync");
	if (sys->renameat(dirfd, tmp, dirfd, sealed) < 0)
		return error_set(err, ALOG_EIO, errno, sealed, "rename");
	if (sys_sync_dir(dirfd) < 0)
		return error_set(err, ALOG_EIO, errno, sealed, "fsync of its directory");
	if (sys->unlinkat(dirfd, name, 0) < 0)
		return error_set(
		    err, ALOG_EIO, errno, name, "cannot remove the sealed segment");
	return 0;
}

int
seal_segment(int dirfd, const char *name, const struct seal_options *opt, uint8_t digest[32],
    alog_error *err)
{
	char sealed[PATH_NAME_MAX], tmp[PATH_NAME_MAX + 8];
	uint8_t whole[32];
	uint64_t count = 0;
	int in, out, rc;

	memcpy(whole, digest, sizeof whole);
	(void)snprintf(sealed, sizeof sealed, "%s.gz", name);
	(void)snprintf(tmp, sizeof tmp, "%s.tmp", sealed);
	if ((in = sys->openat(dirfd, name, O_RDONLY | O_NOFOLLOW, 0)) < 0)
		return error_set(err, ALOG_EIO, errno, name, "cannot open");
	/* A left-over of a writer that died while sealing. */
	(void)sys->unlinkat(dirfd, tmp, 0);
	out = sys->openat(dirfd, tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, opt->mode);
	if (out < 0) {
		rc = error_set(err, ALOG_EIO, errno, tmp, "cannot make");
		(void)sys->close(in);
		return rc;
	}
	rc = write_archive(in, out, name, opt, whole, &count, err);
	if (rc == 0 && count > 0)
		rc = publish(dirfd, out, tmp, sealed, name, err);
	else if (rc == 0 && sys->unlinkat(dirfd, name, 0) < 0)
		rc = error_set(err, ALOG_EIO, errno, name, "cannot remove the empty segment");
	if (rc < 0 || count == 0)
		(void)sys->unlinkat(dirfd, tmp, 0);
	else
		memcpy(digest, whole, sizeof whole);
	(void)sys->close(out);
	(void)sys->close(in);
	return rc;
}
