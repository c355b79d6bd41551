#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <string.h>

#define TAIL_BLOCK 65536
#define PAGE       4096 /* the last one is likely to be written to again */

/* The root was made just now: its name must be durable where it stands, too. */
static int
sync_parent(const struct segment_root *root)
{
	const int fd = sys->openat(root->fd, "..", O_RDONLY | O_DIRECTORY, 0);
	int rc, e;

	/* A parent that may be searched but not read can't be synced by anybody like us. */
	if (fd < 0)
		return errno == EACCES ? 0 : -1;
	rc = sys_sync_dir(fd);
	e = errno;
	(void)sys->close(fd);
	errno = e;
	return rc;
}

int
segment_root_open(struct segment_root *root, alog_error *err)
{
	const bool made = sys->mkdirat(AT_FDCWD, root->path, root->dir_mode) == 0;

	if (!made && errno != EEXIST)
		return error_set(err, ALOG_EIO, errno, root->path, "cannot make the root");
	root->fd = sys->openat(AT_FDCWD, root->path, O_RDONLY | O_DIRECTORY, 0);
	if (root->fd < 0)
		return error_set(err, ALOG_EIO, errno, root->path, "cannot open the root");
	if (made && sync_parent(root) < 0)
		return error_set(err, ALOG_EIO, errno, root->path, "fsync of its directory");
	return 0;
}

int
segment_open_partition(const struct segment_root *root, int32_t day)
{
	char name[PATH_NAME_MAX];

	path_partition(name, day);
	return sys_opendir_at(root->fd, name);
}

static int
make_partition(const struct segment_root *root, int32_t day)
{
	char name[PATH_NAME_MAX];

	path_partition(name, day);
	if (sys->mkdirat(root->fd, name, root->dir_mode) < 0 && errno != EEXIST)
		return -1;
	return sys_opendir_at(root->fd, name);
}

int
segment_create(struct segment *seg, const struct segment_root *root, int32_t day,
    const struct path_segment *id, alog_error *err)
{
	struct segment s = SEGMENT_NONE;
	char partition[PATH_NAME_MAX];

	s.day = day;
	s.number = id->number;
	path_segment(s.name, id);
	/* Retention may remove an empty partition between any two of these calls. */
	for (int tries = 0; s.fd < 0; tries++) {
		int e = 0;

		if ((s.dirfd = make_partition(root, day)) >= 0)
			s.fd = sys->openat(s.dirfd, s.name,
			    O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW, root->file_mode);
		if (s.fd < 0) {
			e = errno;
			if (s.dirfd >= 0)
				(void)sys->close(s.dirfd);
		}
		if (s.fd < 0 && (e != ENOENT || tries == 2)) {
			path_partition(partition, day);
			return error_set(err, ALOG_EIO, e, root->path, "cannot make %s/%s",
			    partition, s.name);
		}
	}
	*seg = s;
	return 0;
}

/* Length of the file up to and with its last line feed; -1 and errno. */
static int64_t
whole_lines(int fd, uint64_t size)
{
	char block[TAIL_BLOCK];
	const char *nl;

	while (size > 0) {
		const size_t want = size < sizeof block ? (size_t)size : sizeof block;
		const ssize_t got = sys_pread_all(fd, block, want, (off_t)(size - want));

		if (got < 0)
			return -1;
		if ((nl = memrchr(block, '\n', (size_t)got)) != NULL)
			return (int64_t)(size - want + (size_t)(nl - block) + 1);
		size -= want;
	}
	return 0;
}

int
segment_reopen(struct segment *seg, const struct segment_root *root, int32_t day,
    const char *name, uint64_t *cut, alog_error *err)
{
	struct segment s = SEGMENT_NONE;
	struct path_segment id;
	struct stat st;
	int64_t whole = -1;

	if (!path_parse_segment(name, &id))
		return error_set(err, ALOG_EINVAL, 0, name, "not a segment's name");
	s.day = day;
	s.number = id.number;
	strcpy(s.name, name); /* what parses is no longer than what path_segment makes */
	if ((s.dirfd = segment_open_partition(root, day)) < 0)
		return error_set(err, ALOG_EIO, errno, name, "cannot open its partition");
	s.fd = sys->openat(s.dirfd, name, O_RDWR | O_APPEND | O_NOFOLLOW, 0);
	if (s.fd >= 0 && sys->fstat(s.fd, &st) == 0) {
		errno = EINVAL;
		whole = S_ISREG(st.st_mode) ? whole_lines(s.fd, (uint64_t)st.st_size) : -1;
	}
	if (whole < 0 || (whole < st.st_size && sys->ftruncate(s.fd, whole) < 0)) {
		const int e = errno;

		segment_close(&s);
		return error_set(err, ALOG_EIO, e, name, "cannot reopen");
	}
	*cut = (uint64_t)(st.st_size - whole);
	s.bytes = s.begun = (uint64_t)whole;
	s.inherited = whole > 0;
	*seg = s;
	return 0;
}

/*
 * Keep the disk busy meanwhile, for who syncs waits for all that it has not written yet: at a gigabyte a
 * second, 35 ms at the end of a segment of 64 MiB, and 1 ms so.  When this fails the sync will tell.
 */
static void
begin_writeback(struct segment *seg)
{
	const uint64_t whole = seg->bytes - seg->bytes % PAGE;

	if (whole < seg->begun + SEGMENT_WRITEBACK)
		return;
	(void)sys->writeback(seg->fd, (off_t)seg->begun, (off_t)(whole - seg->begun));
	seg->begun = whole;
}

int
segment_append(struct segment *seg, const char *lines, size_t n, bool *broken, alog_error *err)
{
	int e;

	if (sys_write_all(seg->fd, lines, n, NULL) == 0) {
		seg->bytes += n;
		seg->crc = libdeflate_crc32(seg->crc, lines, n);
		begin_writeback(seg);
		return 0;
	}
	e = errno;
	*broken = sys->ftruncate(seg->fd, (off_t)seg->bytes) < 0 || e == EIO;
	return error_set(err, ALOG_EIO, e, seg->name, "cannot write");
}

int
segment_sync(struct segment *seg, const struct segment_root *root, alog_error *err)
{
	if (sys->fdatasync(seg->fd) < 0)
		return error_set(err, ALOG_EIO, errno, seg->name, "fdatasync");
	if (!seg->entered) {
		if (sys_sync_dir(seg->dirfd) < 0 || sys_sync_dir(root->fd) < 0)
			return error_set(
			    err, ALOG_EIO, errno, seg->name, "fsync of its directory");
		seg->entered = true;
	}
	seg->durable = seg->bytes;
	seg->crc = 0;
	seg->inherited = false;
	return 0;
}

bool
segment_linked(const struct segment *seg)
{
	struct stat st;

	/* A call that fails says nothing about the name. */
	return sys->fstat(seg->fd, &st) < 0 || st.st_nlink > 0;
}

void
segment_close(struct segment *seg)
{
	const struct segment old = *seg;

	/* First forgotten: a child that is forked meanwhile closes what it finds here, and the
	 * number of a closed descriptor may be somebody else's by then. */
	*seg = SEGMENT_NONE;
	if (old.fd >= 0)
		(void)sys->close(old.fd);
	if (old.dirfd >= 0)
		(void)sys->close(old.dirfd);
}
