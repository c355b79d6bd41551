#include "resume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"

#define WINDOW (64u << 10)

/* The number in a record's line; 0: it has none. */
static uint64_t
seq_of(const char *line, size_t n)
{
	struct field_path path;
	struct field seq;
	uint64_t u;

	field_path_set(&path, "seq", 3);
	if (field_get(line, n, &path, 1, &seq) < 0 || seq.type != FIELD_NUMBER ||
	    !field_u64(&seq, &u))
		return 0;
	return u;
}

/* The number of the last line that has one; whole: the first line is not cut. */
static uint64_t
newest_in(const char *lines, size_t n, bool whole)
{
	uint64_t seq = 0;

	while (n > 0 && seq == 0) {
		const char *nl = memrchr(lines, '\n', n - 1);
		const size_t begin = nl != NULL ? (size_t)(nl - lines) + 1 : 0;

		if (nl == NULL && !whole)
			break;
		seq = seq_of(lines + begin, n - 1 - begin);
		n = begin;
	}
	return seq;
}

/* The newest number in a plain segment that was cut to whole lines.  It stands in the last line as a
 * rule, which is short: longer windows are for the rest. */
static int
last_seq(const struct segment *seg, uint64_t *seq, alog_error *err)
{
	size_t n = 0;

	*seq = 0;
	for (uint64_t window = WINDOW; *seq == 0 && n < seg->bytes; window *= 8) {
		char *tail;
		ssize_t got;

		n = (size_t)(seg->bytes < window ? seg->bytes : window);
		if ((tail = malloc(n)) == NULL)
			return error_set(err, ALOG_ENOMEM, ENOMEM, seg->name, "last line");
		got = sys_pread_all(seg->fd, tail, n, (off_t)(seg->bytes - n));
		if (got == (ssize_t)n)
			*seq = newest_in(tail, n, n == seg->bytes);
		else if (got >= 0)
			errno = EIO; /* it shrank */
		free(tail);
		if (got != (ssize_t)n)
			return error_set(err, ALOG_EIO, errno, seg->name, "cannot read");
	}
	return 0;
}

int
resume_footer(const struct segment_root *root, const struct inventory_item *item,
    struct format_footer *out, alog_error *err)
{
	const int dirfd = segment_open_partition(root, item->day);
	int fd, rc;

	if (dirfd < 0)
		return error_set(err, ALOG_EIO, errno, item->name, "cannot open its partition");
	fd = sys->openat(dirfd, item->name, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0) {
		rc = error_set(err, ALOG_EIO, errno, item->name, "cannot open");
	} else {
		rc = archive_read_footer(fd, item->bytes, item->name, out, err);
		(void)sys->close(fd);
	}
	(void)sys->close(dirfd);
	return rc;
}

bool
resume_sealed(const struct segment_root *root, const struct inventory_item *item, size_t i)
{
	struct format_footer total;

	return i > 0 && item[i - 1].id.number == item[i].id.number &&
	    resume_footer(root, &item[i - 1], &total, NULL) == 0;
}

/* The newest number in an archive; 0 where it can't tell. */
static int
archive_seq(const struct segment_root *root, const struct inventory_item *item, uint64_t *seq,
    alog_error *err)
{
	struct format_footer total;
	alog_error why = { 0 };

	*seq = 0;
	if (resume_footer(root, item, &total, &why) == 0) {
		*seq = total.seqs ? total.last_seq : 0;
		return 0;
	}
	if (why.code == ALOG_ECORRUPT || why.os_errno == ENOENT)
		return 0;
	if (err != NULL)
		*err = why;
	return why.code;
}

int
resume_open(struct resume *out, const struct segment_root *root,
    const struct inventory_item *item, size_t n, alog_error *err)
{
	struct resume r = { .seg = SEGMENT_NONE };
	int rc = 0;

	if (n > 0)
		r.number = item[n - 1].id.number;
	for (size_t i = n; rc == 0 && i-- > 0 && r.seq == 0;) {
		struct segment seg;
		uint64_t cut;

		if (item[i].id.kind == PATH_SEALED) {
			rc = archive_seq(root, &item[i], &r.seq, err);
			continue;
		}
		/* Sealed, and killed before the plain file went: the archive counts. */
		if (resume_sealed(root, item, i))
			continue;
		if ((rc = segment_reopen(&seg, root, item[i].day, item[i].name, &cut, err)) < 0)
			break;
		r.torn += cut > 0;
		rc = last_seq(&seg, &r.seq, err);
		if (i == n - 1)
			r.seg = seg;
		else
			segment_close(&seg);
	}
	if (rc < 0) {
		segment_close(&r.seg);
		return rc;
	}
	*out = r;
	return 0;
}
