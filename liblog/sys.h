/*
 * sys - every fallible call to the operating system, the clocks and randomness.
 *
 * Library code calls through the table; a test swaps the pointer and makes the Nth call fail.
 * The functions have the signatures, results and errno of those they are named after.
 */
#ifndef SYS_H
#define SYS_H

#include <dirent.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>

#include "error.h"

struct sys_ops {
	int (*openat)(int dir, const char *name, int flags, mode_t mode);
	int (*close)(int fd);
	ssize_t (*read)(int fd, void *buf, size_t n);
	ssize_t (*pread)(int fd, void *buf, size_t n, off_t off);
	ssize_t (*write)(int fd, const void *buf, size_t n);
	ssize_t (*pwrite)(int fd, const void *buf, size_t n, off_t off);
	int (*ftruncate)(int fd, off_t len);
	int (*fallocate)(int fd, off_t off, off_t len); /* posix_fallocate, but errno and -1 */
	int (*fsync)(int fd);
	int (*fdatasync)(int fd);
	/* sync_file_range with SYNC_FILE_RANGE_WRITE alone: begin to write, wait for nothing. */
	int (*writeback)(int fd, off_t off, off_t len);
	int (*fstat)(int fd, struct stat *st);
	int (*fstatfs)(int fd, struct statfs *fs);
	int (*fstatat)(int dir, const char *name, struct stat *st, int flags);
	int (*mkdirat)(int dir, const char *name, mode_t mode);
	int (*unlinkat)(int dir, const char *name, int flags);
	int (*renameat)(int fromdir, const char *from, int todir, const char *to);
	int (*linkat)(int fromdir, const char *from, int todir, const char *to);
	int (*flock)(int fd, int op);
	void *(*mmap)(size_t len, int prot, int flags, int fd);
	int (*munmap)(void *p, size_t len);
	int (*madvise)(void *p, size_t len, int advice);
	DIR *(*fdopendir)(int fd);
	struct dirent *(*readdir)(DIR *d); /* errno 0 at the end */
	int (*closedir)(DIR *d);
	int (*getrandom)(void *buf, size_t n); /* all of n or -1 */
	int (*realtime)(int64_t *ns);          /* CLOCK_REALTIME, since 1970 */
	int (*monotonic)(int64_t *ns);         /* CLOCK_MONOTONIC */
	int (*inotify_init)(int flags);
	int (*inotify_add_watch)(int fd, const char *path, uint32_t mask);
	int (*inotify_rm_watch)(int fd, int wd);
	int (*eventfd)(unsigned initial, int flags);
	int (*poll)(struct pollfd *fds, nfds_t n, int timeout_ms);
};

extern const struct sys_ops sys_posix; /* the real ones */
extern const struct sys_ops *sys;      /* the ones in use; only tests write it */

/* Built on the table; EINTR and short counts are resumed. */

/* Write all of buf; *done (may be NULL) is what was written, on failure too.  0 or -1 and errno. */
int sys_write_all(int fd, const void *buf, size_t n, size_t *done);
int sys_pwrite_all(int fd, const void *buf, size_t n, off_t off);
/* Read up to n bytes at off; the count, short only at end of file, or -1 and errno. */
ssize_t sys_pread_all(int fd, void *buf, size_t n, off_t off);
/* Open a directory below dir for reading its names, not through a symlink; fd or -1. */
int sys_opendir_at(int dir, const char *name);
/* fsync the directory itself. */
int sys_sync_dir(int dirfd);
/* List names of a directory (without . and ..), sorted bytewise; free with sys_names_free.
 * dirfd is not consumed.  0, or -1 and errno. */
struct sys_names {
	char **name;
	size_t n;
};
int sys_list(int dirfd, struct sys_names *out);
void sys_names_free(struct sys_names *names);

#endif
