#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int
posix_openat(int dir, const char *name, int flags, mode_t mode)
{
	return openat(dir, name, flags | O_CLOEXEC, mode);
}

static int
posix_fallocate_errno(int fd, off_t off, off_t len)
{
	const int e = posix_fallocate(fd, off, len);

	if (e == 0)
		return 0;
	errno = e;
	return -1;
}

static int
posix_writeback(int fd, off_t off, off_t len)
{
	return sync_file_range(fd, off, len, SYNC_FILE_RANGE_WRITE);
}

static int
posix_linkat(int fromdir, const char *from, int todir, const char *to)
{
	return linkat(fromdir, from, todir, to, 0);
}

static void *
posix_mmap(size_t len, int prot, int flags, int fd)
{
	return mmap(NULL, len, prot, flags, fd, 0);
}

static struct dirent *
posix_readdir(DIR *d)
{
	errno = 0;
	return readdir(d);
}

static int
posix_getrandom(void *buf, size_t n)
{
	char *p = buf;

	while (n > 0) {
		const ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno != EINTR)
			return -1;
		if (got > 0) {
			p += got;
			n -= (size_t)got;
		}
	}
	return 0;
}

static int
read_clock(clockid_t id, int64_t *ns)
{
	struct timespec ts;
	int64_t t;

	if (clock_gettime(id, &ts) < 0)
		return -1;
	if (__builtin_mul_overflow((int64_t)ts.tv_sec, INT64_C(1000000000), &t) ||
	    __builtin_add_overflow(t, (int64_t)ts.tv_nsec, &t)) {
		errno = EOVERFLOW;
		return -1;
	}
	*ns = t;
	return 0;
}

static int
posix_realtime(int64_t *ns)
{
	return read_clock(CLOCK_REALTIME, ns);
}

static int
posix_monotonic(int64_t *ns)
{
	return read_clock(CLOCK_MONOTONIC, ns);
}

const struct sys_ops sys_posix = {
	.openat = posix_openat,
	.close = close,
	.read = read,
	.pread = pread,
	.write = write,
	.pwrite = pwrite,
	.ftruncate = ftruncate,
	.fallocate = posix_fallocate_errno,
	.fsync = fsync,
	.fdatasync = fdatasync,
	.writeback = posix_writeback,
	.fstat = fstat,
	.fstatfs = fstatfs,
	.fstatat = fstatat,
	.mkdirat = mkdirat,
	.unlinkat = unlinkat,
	.renameat = renameat,
	.linkat = posix_linkat,
	.flock = flock,
	.mmap = posix_mmap,
	.munmap = munmap,
	.madvise = madvise,
	.fdopendir = fdopendir,
	.readdir = posix_readdir,
	.closedir = closedir,
	.getrandom = posix_getrandom,
	.realtime = posix_realtime,
	.monotonic = posix_monotonic,
	.inotify_init = inotify_init1,
	.inotify_add_watch = inotify_add_watch,
	.inotify_rm_watch = inotify_rm_watch,
	.eventfd = eventfd,
	.poll = poll,
};

const struct sys_ops *sys = &sys_posix;

int
sys_write_all(int fd, const void *buf, size_t n, size_t *done)
{
	const char *p = buf;
	size_t at = 0;
	int r = 0;

	while (at < n) {
		const ssize_t put = sys->write(fd, p + at, n - at);

		if (put > 0) {
			at += (size_t)put;
		} else if (put == 0 || errno != EINTR) {
			/* A device that takes nothing and gives no reason would be asked for ever. */
			if (put == 0)
				errno = EIO;
			r = -1;
			break;
		}
	}
	if (done != NULL)
		*done = at;
	return r;
}

int
sys_pwrite_all(int fd, const void *buf, size_t n, off_t off)
{
	const char *p = buf;

	while (n > 0) {
		const ssize_t put = sys->pwrite(fd, p, n, off);

		if (put > 0) {
			p += put;
			n -= (size_t)put;
			off += put;
		} else if (put == 0) {
			errno = EIO;
			return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

ssize_t
sys_pread_all(int fd, void *buf, size_t n, off_t off)
{
	char *p = buf;
	size_t at = 0;

	while (at < n) {
		const ssize_t got = sys->pread(fd, p + at, n - at, off + (off_t)at);

		if (got == 0)
			break;
		if (got > 0)
			at += (size_t)got;
		else if (errno != EINTR)
			return -1;
	}
	return (ssize_t)at;
}

int
sys_opendir_at(int dir, const char *name)
{
	int fd;

	do
		fd = sys->openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	while (fd < 0 && errno == EINTR);
	return fd;
}

int
sys_sync_dir(int dirfd)
{
	int r;

	do
		r = sys->fsync(dirfd);
	while (r < 0 && errno == EINTR);
	return r;
}

static int
names_add(struct sys_names *names, size_t *cap, const char *name)
{
	if (names->n == *cap) {
		const size_t more = *cap == 0 ? 16 : 2 * *cap;
		char **grown = reallocarray(names->name, more, sizeof *grown);

		if (grown == NULL)
			return -1;
		names->name = grown;
		*cap = more;
	}
	if ((names->name[names->n] = strdup(name)) == NULL)
		return -1;
	names->n++;
	return 0;
}

static int
read_names(DIR *d, struct sys_names *names)
{
	const struct dirent *e;
	size_t cap = 0;

	while ((e = sys->readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (names_add(names, &cap, e->d_name) < 0)
			return -1;
	}
	return errno == 0 ? 0 : -1;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
sys_list(int dirfd, struct sys_names *out)
{
	struct sys_names names = { 0 };
	DIR *d;
	int fd, r, e;

	/* A description of its own: the caller's directory position is left alone. */
	if ((fd = sys_opendir_at(dirfd, ".")) < 0)
		return -1;
	if ((d = sys->fdopendir(fd)) == NULL) {
		e = errno;
		(void)sys->close(fd);
		errno = e;
		return -1;
	}
	r = read_names(d, &names);
	e = errno;
	(void)sys->closedir(d);
	if (r < 0) {
		sys_names_free(&names);
		errno = e;
		return -1;
	}
	if (names.n > 1)
		qsort(names.name, names.n, sizeof *names.name, compare_names);
	*out = names;
	return 0;
}

void
sys_names_free(struct sys_names *names)
{
	if (names == NULL)
		return;
	for (size_t i = 0; i < names->n; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct sys_names){ 0 };
}
