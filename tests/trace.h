/*
 * trace - what a program does to files, recorded through the table of system calls.
 *
 * Every call that changes a file or a directory is kept, in its order, with what it wrote; also across fork and
 * the death of a process.  A memory-mapped ring is written without calls: what it holds is kept with each of them.
 * Nothing is ever synced; that it would have been is recorded.
 */
#ifndef TRACE_H
#define TRACE_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "scratch.h"
#include "sys.h"

enum trace_kind {
	TRACE_CREATE,   /* a file, ino, as name in dir */
	TRACE_MKDIR,    /* likewise */
	TRACE_RENAME,   /* name in dir to to in todir */
	TRACE_LINK,     /* of ino, as name in dir */
	TRACE_UNLINK,   /* name in dir; an empty directory too */
	TRACE_WRITE,    /* n bytes at off */
	TRACE_TRUNCATE, /* to off bytes */
	TRACE_SYNC,     /* a file, or a directory */
	TRACE_RING,     /* all n bytes of a ring, as they are now */
	TRACE_DURABLE,  /* somebody was told that records from off to n are durable */
};

struct trace_op {
	enum trace_kind kind;
	uint64_t ino, dir, todir, off;
	size_t n;
	char name[96], to[96];
	const char *data;
};

#define TRACE_OPS   65536
#define TRACE_BYTES (size_t)(1u << 30) /* of address space; what is used is less */

struct trace {
	atomic_flag busy;
	int ring; /* a descriptor of the ring in use, -1: none */
	long
	    life; /* after so many more changes the process that makes them dies; 0: of old age */
	size_t n, bytes;
	struct trace_op op[TRACE_OPS];
	char data[TRACE_BYTES];
};

static struct trace *trace;

static inline void
trace_lock(void)
{
	while (atomic_flag_test_and_set(&trace->busy))
		(void)sched_yield();
}

static inline void
trace_unlock(void)
{
	atomic_flag_clear(&trace->busy);
}

static inline struct trace_op *
trace_add(enum trace_kind kind, uint64_t ino)
{
	struct trace_op *op = &trace->op[trace->n++];

	if (trace->n == TRACE_OPS)
		abort();
	*op = (struct trace_op){ .kind = kind, .ino = ino };
	return op;
}

/* A change is complete. */
static inline void
trace_done(void)
{
	if (trace->life > 0 && --trace->life == 0)
		(void)raise(SIGKILL);
	trace_unlock();
}

static inline char *
trace_room(size_t n)
{
	char *p = trace->data + trace->bytes;

	if (n > TRACE_BYTES - trace->bytes)
		abort();
	trace->bytes += n;
	return p;
}

/* What the ring holds at this moment, before what comes next. */
static inline void
trace_ring(void)
{
	struct trace_op *op;
	struct stat st;
	char *p;

	if (trace->ring < 0 || fstat(trace->ring, &st) < 0 || st.st_size == 0)
		return;
	p = trace_room((size_t)st.st_size);
	if (pread(trace->ring, p, (size_t)st.st_size, 0) != (ssize_t)st.st_size)
		abort();
	op = trace_add(TRACE_RING, st.st_ino);
	op->n = (size_t)st.st_size;
	op->data = p;
}

/* The inode of the directory that a path stands in, and its name there. */
static inline uint64_t
trace_place(int dir, const char *path, char name[96])
{
	const char *slash = strrchr(path, '/');
	struct stat st;
	char parent[SCRATCH_MAX + 64];
	int rc;

	(void)snprintf(name, 96, "%s", slash != NULL ? slash + 1 : path);
	(void)snprintf(
	    parent, sizeof parent, "%.*s", slash != NULL ? (int)(slash - path) : 0, path);
	rc = slash != NULL ? fstatat(dir, parent, &st, 0)
	    : dir >= 0     ? fstat(dir, &st)
			   : fstatat(dir, ".", &st, 0);
	return rc == 0 ? st.st_ino : 0;
}

static inline uint64_t
trace_inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static inline int
trace_openat(int dir, const char *path, int flags, mode_t mode)
{
	struct trace_op *op;
	struct stat st;
	bool made;
	int fd, e;

	trace_lock();
	made = (flags & O_CREAT) != 0 && fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0;
	fd = sys_posix.openat(dir, path, flags, mode);
	e = errno;
	if (fd >= 0 && made) {
		trace_ring();
		op = trace_add(TRACE_CREATE, trace_inode(fd));
		op->dir = trace_place(dir, path, op->name);
	} else if (fd >= 0 && (flags & O_TRUNC) != 0) {
		(void)trace_add(TRACE_TRUNCATE, trace_inode(fd));
	}
	if (fd >= 0 && (strstr(path, ".ring.tmp") != NULL || scratch_ends(path, ".ring")) &&
	    (flags & O_DIRECTORY) == 0)
		trace->ring = fd;
	trace_unlock();
	errno = e;
	return fd;
}

static inline int
trace_close(int fd)
{
	int rc;

	trace_lock();
	if (fd == trace->ring)
		trace->ring = -1;
	rc = sys_posix.close(fd);
	trace_unlock();
	return rc;
}

static inline void
trace_written(int fd, const void *buf, size_t n, off_t off)
{
	struct trace_op *op;
	char *p;

	trace_ring();
	op = trace_add(TRACE_WRITE, trace_inode(fd));
	p = trace_room(n);
	memcpy(p, buf, n);
	op->data = p;
	op->n = n;
	op->off = (uint64_t)off;
}

static inline ssize_t
trace_write(int fd, const void *buf, size_t n)
{
	ssize_t put;

	trace_lock();
	if ((put = sys_posix.write(fd, buf, n)) > 0)
		trace_written(fd, buf, (size_t)put, lseek(fd, 0, SEEK_CUR) - put);
	trace_done();
	return put;
}

static inline ssize_t
trace_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	ssize_t put;

	trace_lock();
	if ((put = sys_posix.pwrite(fd, buf, n, off)) > 0)
		trace_written(fd, buf, (size_t)put, off);
	trace_done();
	return put;
}

static inline int
trace_ftruncate(int fd, off_t len)
{
	int rc;

	trace_lock();
	if ((rc = sys_posix.ftruncate(fd, len)) == 0) {
		trace_ring();
		trace_add(TRACE_TRUNCATE, trace_inode(fd))->off = (uint64_t)len;
	}
	trace_done();
	return rc;
}

static inline int
trace_fsync(int fd)
{
	trace_lock();
	trace_ring();
	(void)trace_add(TRACE_SYNC, trace_inode(fd));
	trace_done();
	return 0;
}

static inline int
trace_mkdirat(int dir, const char *path, mode_t mode)
{
	struct trace_op *op;
	struct stat st;
	int rc;

	trace_lock();
	if ((rc = sys_posix.mkdirat(dir, path, mode)) == 0 && fstatat(dir, path, &st, 0) == 0) {
		trace_ring();
		op = trace_add(TRACE_MKDIR, st.st_ino);
		op->dir = trace_place(dir, path, op->name);
	}
	trace_done();
	return rc;
}

static inline int
trace_unlinkat(int dir, const char *path, int flags)
{
	struct trace_op *op;
	int rc, e;

	trace_lock();
	rc = sys_posix.unlinkat(dir, path, flags);
	e = errno;
	if (rc == 0) {
		trace_ring();
		op = trace_add(TRACE_UNLINK, 0);
		op->dir = trace_place(dir, path, op->name);
	}
	trace_done();
	errno = e;
	return rc;
}

static inline int
trace_renameat(int fromdir, const char *from, int todir, const char *to)
{
	struct trace_op *op;
	int rc, e;

	trace_lock();
	rc = sys_posix.renameat(fromdir, from, todir, to);
	e = errno;
	if (rc == 0) {
		trace_ring();
		op = trace_add(TRACE_RENAME, 0);
		op->dir = trace_place(fromdir, from, op->name);
		op->todir = trace_place(todir, to, op->to);
	}
	trace_done();
	errno = e;
	return rc;
}

static inline int
trace_linkat(int fromdir, const char *from, int todir, const char *to)
{
	struct trace_op *op;
	struct stat st;
	int rc, e;

	trace_lock();
	rc = sys_posix.linkat(fromdir, from, todir, to);
	e = errno;
	if (rc == 0 && fstatat(todir, to, &st, 0) == 0) {
		trace_ring();
		op = trace_add(TRACE_LINK, st.st_ino);
		op->dir = trace_place(todir, to, op->name);
	}
	trace_done();
	errno = e;
	return rc;
}

/* Records from first to last were said to be durable. */
static inline void
trace_durable(uint64_t first, uint64_t last)
{
	struct trace_op *op;

	trace_lock();
	op = trace_add(TRACE_DURABLE, 0);
	op->off = first;
	op->n = last;
	trace_unlock();
}

/* Record from now on, in this process and those it forks. */
static inline void
trace_begin(struct sys_ops *ops)
{
	if (trace == NULL)
		trace = mmap(NULL, sizeof *trace, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (trace == MAP_FAILED)
		abort();
	trace->n = trace->bytes = 0;
	trace->ring = -1;
	trace->life = 0;
	trace_unlock();
	*ops = sys_posix;
	ops->openat = trace_openat;
	ops->close = trace_close;
	ops->write = trace_write;
	ops->pwrite = trace_pwrite;
	ops->ftruncate = trace_ftruncate;
	ops->fsync = trace_fsync;
	ops->fdatasync = trace_fsync;
	ops->mkdirat = trace_mkdirat;
	ops->unlinkat = trace_unlinkat;
	ops->renameat = trace_renameat;
	ops->linkat = trace_linkat;
	sys = ops;
}

/* After the death of a process that recorded: it may have held the lock, and its ring is not open here. */
static inline void
trace_resume(void)
{
	trace->ring = -1;
	trace->life = 0;
	trace_unlock();
}

#endif
