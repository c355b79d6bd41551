/*
 * faults - a table of system calls of which the Nth fails, or is never reached.
 *
 *     faults_begin(FAULT_FAIL, n, EIO);      the nth call from here, from 0, fails
 *     ... the scenario ...
 *     if (!faults_end()) the scenario has fewer calls: the sweep is over
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys.h"

enum fault {
	FAULT_FAIL, /* the nth call */
	FAULT_FOREVER, /* the nth and all later ones; EINTR: every other one, or nothing would end */
	FAULT_SHORT,  /* the nth, where it writes, writes half; all later writes fail */
	FAULT_DIE,    /* the process is killed instead of the nth call */
	FAULT_BRIEF,  /* the nth, where it reads or writes, moves one byte */
	FAULT_SLICES, /* the nth and all later ones move half of what they should */
	FAULT_NONE,   /* none: only that the nth was reached is told, by faults.fired */
};

static struct {
	enum fault kind;
	atomic_long at, n;
	int error;
	atomic_bool fired;
	const char *_Atomic call; /* the function that was to fail */
} faults;

static inline bool
fault_due_in(const char *call)
{
	const long n = faults.n++;
	const bool once = faults.kind == FAULT_FAIL || faults.kind == FAULT_BRIEF;
	const bool due = n == faults.at || (!once && n > faults.at);

	if (!due)
		return false;
	if (!faults.fired)
		faults.call = call;
	faults.fired = true;
	if (faults.kind == FAULT_DIE)
		(void)raise(SIGKILL);
	if (faults.kind == FAULT_FOREVER && faults.error == EINTR && (n - faults.at) % 2 != 0)
		return false;
	errno = faults.error;
	return faults.kind != FAULT_SHORT && faults.kind != FAULT_BRIEF &&
	    faults.kind != FAULT_SLICES && faults.kind != FAULT_NONE;
}

#define fault_due() fault_due_in(__func__)

/* How much of n bytes this call moves: 0, it fails. */
static inline size_t
fault_share(const char *call, size_t n)
{
	const long before = faults.n;

	if (fault_due_in(call))
		return 0;
	if (faults.kind == FAULT_BRIEF && before == faults.at && n > 1)
		return 1;
	return faults.kind == FAULT_SLICES && before >= faults.at && n > 1 ? n / 2 : n;
}

static inline int
fault_openat(int dir, const char *name, int flags, mode_t mode)
{
	return fault_due() ? -1 : sys_posix.openat(dir, name, flags, mode);
}

/* A close that fails has closed, on Linux. */
static inline int
fault_close(int fd)
{
	const bool due = fault_due();
	const int e = errno, rc = sys_posix.close(fd);

	if (!due)
		return rc;
	errno = e;
	return -1;
}

static inline ssize_t
fault_pread(int fd, void *buf, size_t n, off_t off)
{
	return (n = fault_share(__func__, n)) == 0 ? -1 : sys_posix.pread(fd, buf, n, off);
}

static inline ssize_t
fault_read(int fd, void *buf, size_t n)
{
	return (n = fault_share(__func__, n)) == 0 ? -1 : sys_posix.read(fd, buf, n);
}

static inline ssize_t
fault_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	return (n = fault_share(__func__, n)) == 0 ? -1 : sys_posix.pwrite(fd, buf, n, off);
}

static inline ssize_t
fault_write(int fd, const void *buf, size_t n)
{
	const bool first = !faults.fired;

	if ((n = fault_share(__func__, n)) == 0)
		return -1;
	if (faults.kind != FAULT_SHORT || !faults.fired)
		return sys_posix.write(fd, buf, n);
	if (first)
		return sys_posix.write(fd, buf, n > 1 ? n / 2 : n);
	errno = faults.error;
	return -1;
}

static inline int
fault_ftruncate(int fd, off_t len)
{
	return fault_due() ? -1 : sys_posix.ftruncate(fd, len);
}

static inline int
fault_fallocate(int fd, off_t off, off_t len)
{
	return fault_due() ? -1 : sys_posix.fallocate(fd, off, len);
}

/* No test pulls the plug: nobody waits for the disk. */
static inline int
fault_fsync(int fd)
{
	(void)fd;
	return fault_due() ? -1 : 0;
}

static inline int
fault_fstat(int fd, struct stat *st)
{
	return fault_due() ? -1 : sys_posix.fstat(fd, st);
}

static inline int
fault_fstatfs(int fd, struct statfs *fs)
{
	return fault_due() ? -1 : sys_posix.fstatfs(fd, fs);
}

static inline int
fault_fstatat(int dir, const char *name, struct stat *st, int flags)
{
	return fault_due() ? -1 : sys_posix.fstatat(dir, name, st, flags);
}

static inline int
fault_mkdirat(int dir, const char *name, mode_t mode)
{
	return fault_due() ? -1 : sys_posix.mkdirat(dir, name, mode);
}

static inline int
fault_unlinkat(int dir, const char *name, int flags)
{
	return fault_due() ? -1 : sys_posix.unlinkat(dir, name, flags);
}

static inline int
fault_renameat(int fromdir, const char *from, int todir, const char *to)
{
	return fault_due() ? -1 : sys_posix.renameat(fromdir, from, todir, to);
}

static inline int
fault_linkat(int fromdir, const char *from, int todir, const char *to)
{
	return fault_due() ? -1 : sys_posix.linkat(fromdir, from, todir, to);
}

static inline int
fault_flock(int fd, int op)
{
	return fault_due() ? -1 : sys_posix.flock(fd, op);
}

static inline int
fault_writeback(int fd, off_t off, off_t len)
{
	return fault_due() ? -1 : sys_posix.writeback(fd, off, len);
}

static inline void *
fault_mmap(size_t len, int prot, int flags, int fd)
{
	return fault_due() ? MAP_FAILED : sys_posix.mmap(len, prot, flags, fd);
}

static inline int
fault_madvise(void *p, size_t len, int advice)
{
	return fault_due() ? -1 : sys_posix.madvise(p, len, advice);
}

static inline DIR *
fault_fdopendir(int fd)
{
	return fault_due() ? NULL : sys_posix.fdopendir(fd);
}

static inline struct dirent *
fault_readdir(DIR *d)
{
	return fault_due() ? NULL : sys_posix.readdir(d);
}

static inline int
fault_getrandom(void *buf, size_t n)
{
	return fault_due() ? -1 : sys_posix.getrandom(buf, n);
}

static inline void
faults_begin(enum fault kind, long at, int error)
{
	static struct sys_ops faulty;

	faulty = sys_posix;
	faulty.openat = fault_openat;
	faulty.close = fault_close;
	faulty.read = fault_read;
	faulty.pread = fault_pread;
	faulty.write = fault_write;
	faulty.pwrite = fault_pwrite;
	faulty.ftruncate = fault_ftruncate;
	faulty.fallocate = fault_fallocate;
	faulty.fsync = fault_fsync;
	faulty.fdatasync = fault_fsync;
	faulty.writeback = fault_writeback;
	faulty.fstat = fault_fstat;
	faulty.fstatat = fault_fstatat;
	faulty.fstatfs = fault_fstatfs;
	faulty.mkdirat = fault_mkdirat;
	faulty.unlinkat = fault_unlinkat;
	faulty.renameat = fault_renameat;
	faulty.linkat = fault_linkat;
	faulty.flock = fault_flock;
	faulty.mmap = fault_mmap;
	faulty.madvise = fault_madvise;
	faulty.fdopendir = fault_fdopendir;
	faulty.readdir = fault_readdir;
	faulty.getrandom = fault_getrandom;
	faults.kind = kind;
	faults.at = at;
	faults.n = 0;
	faults.error = error;
	faults.fired = false;
	faults.call = NULL;
	sys = &faulty;
}

/* Nothing fails any more, while threads still use the table; whether the fault was met. */
static inline bool
faults_heal(void)
{
	faults.at = LONG_MAX;
	return faults.fired;
}

/* Back to the real calls; whether the fault was met. */
static inline bool
faults_end(void)
{
	sys = &sys_posix;
	return faults.fired;
}

/* How many descriptors are open: as many as before, or some leaked. */
static inline size_t
faults_descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#endif
