#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "sys.h"

/* Where nothing tells of a change: this often files are looked at, ms; and names each so many times. */
#define POLL_MS      100
#define POLL_NAMES   5

#define EVENTS_BYTES 16384

/* A ring is mapped: its file changes without an event, and is closed when its writer ends. */
#define WANTED                                                                                 \
	(IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |    \
	    IN_DELETE_SELF | IN_MOVE_SELF)

struct watch {
	int wake;    /* an eventfd */
	int inotify; /* or -1 */
	int *wd;     /* in order, which is that in which they were added */
	size_t n, cap;
	bool polling; /* some of what is to be watched is not */
	unsigned polls;
};

int
watch_new(struct watch **ret, auditq_error *err)
{
	struct watch *w = calloc(1, sizeof *w);

	if (w == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "watch");
	if ((w->wake = sys->eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
		const int e = errno;

		free(w);
		return qerror_set(err, AUDITQ_EIO, e, NULL, "cannot make an event descriptor");
	}
	w->inotify = sys->inotify_init(IN_CLOEXEC | IN_NONBLOCK);
	w->polling = w->inotify < 0;
	*ret = w;
	return 0;
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	if (w->inotify >= 0)
		(void)sys->close(w->inotify);
	(void)sys->close(w->wake);
	free(w->wd);
	free(w);
}

void
watch_wake(struct watch *w)
{
	const uint64_t one = 1;
	const int e = errno;

	/* It fails only when it was woken 2^64 - 2 times. */
	(void)sys->write(w->wake, &one, sizeof one);
	errno = e;
}

void
watch_calm(struct watch *w)
{
	uint64_t times;

	/* It fails when there was none. */
	(void)sys->read(w->wake, &times, sizeof times);
}

/* ---- what is watched ---- */

/* Other machines change what is there, and the kernel does not hear of it. */
static bool
is_remote(const char *path)
{
	const int fd = sys->openat(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
	struct statfs fs;
	int r;

	if (fd < 0)
		return false;
	r = sys->fstatfs(fd, &fs);
	(void)sys->close(fd);
	if (r < 0)
		return false;
	switch ((unsigned long)fs.f_type) {
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case CEPH_SUPER_MAGIC:
	case V9FS_MAGIC:
	case AFS_SUPER_MAGIC:
	case FUSE_SUPER_MAGIC: return true;
	default: return false;
	}
}

/* Where it stands, or belongs. */
static size_t
find(const struct watch *w, int wd)
{
	size_t i = w->n;

	while (i > 0 && w->wd[i - 1] >= wd)
		i--;
	return i;
}

static int
remember(struct watch *w, int wd, auditq_error *err)
{
	const size_t i = find(w, wd);

	if (i < w->n && w->wd[i] == wd)
		return 0;
	if (w->n == w->cap) {
		const size_t cap = w->cap == 0 ? 16 : 2 * w->cap;
		int *grown = realloc(w->wd, cap * sizeof *grown);

		if (grown == NULL)
			return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "watch");
		w->wd = grown;
		w->cap = cap;
	}
	memmove(&w->wd[i + 1], &w->wd[i], (w->n - i) * sizeof *w->wd);
	w->wd[i] = wd;
	w->n++;
	return 1;
}

static void
forget(struct watch *w, int wd)
{
	const size_t i = find(w, wd);

	if (i == w->n || w->wd[i] != wd)
		return;
	w->n--;
	memmove(&w->wd[i], &w->wd[i + 1], (w->n - i) * sizeof *w->wd);
}

int
watch_add(struct watch *w, const char *path, auditq_error *err)
{
	int wd;

	if (w->inotify < 0)
		return 0;
	wd = sys->inotify_add_watch(w->inotify, path, WANTED);
	if (wd >= 0) {
		w->polling = w->polling || is_remote(path);
		return remember(w, wd, err);
	}
	/* Too many watches, or a directory that may not be read. */
	if (errno != ENOENT && errno != ENOTDIR)
		w->polling = true;
	return 0;
}

/* ---- waiting ---- */

static bool
ends_in_tmp(const char *name)
{
	const size_t n = strlen(name);

	return n >= 4 && strcmp(name + n - 4, ".tmp") == 0;
}

static unsigned
change_of(struct watch *w, const struct inotify_event *e)
{
	if ((e->mask & IN_IGNORED) != 0)
		forget(w, e->wd);
	/* It goes on under another name, where it may not be asked for. */
	if ((e->mask & IN_MOVE_SELF) != 0)
		(void)sys->inotify_rm_watch(w->inotify, e->wd);
	if ((e->mask & (IN_IGNORED | IN_MOVE_SELF | IN_DELETE_SELF | IN_Q_OVERFLOW)) != 0)
		return WATCH_DATA | WATCH_NAMES;
	if (e->len > 0 && ends_in_tmp(e->name))
		return 0;
	if ((e->mask & IN_MODIFY) != 0)
		return WATCH_DATA;
	/* Only of a ring it means anything that its writer closed it. */
	if ((e->mask & IN_CLOSE_WRITE) != 0 && e->len > 0 && strstr(e->name, ".ring") == NULL)
		return 0;
	return WATCH_DATA | WATCH_NAMES;
}

static unsigned
read_events(struct watch *w)
{
	_Alignas(struct inotify_event) char buf[EVENTS_BYTES];
	unsigned changes = 0;
	ssize_t n;

	while ((n = sys->read(w->inotify, buf, sizeof buf)) > 0) {
		const struct inotify_event *e;

		for (const char *at = buf; at < buf + n; at += sizeof *e + e->len) {
			e = (const struct inotify_event *)(const void *)at;
			changes |= change_of(w, e);
		}
	}
	return changes;
}

static unsigned
poll_changes(struct watch *w)
{
	return ++w->polls % POLL_NAMES == 0 ? WATCH_DATA | WATCH_NAMES : WATCH_DATA;
}

int
watch_wait(struct watch *w, int timeout_ms, unsigned *changes, auditq_error *err)
{
	struct pollfd fds[2] = { { w->wake, POLLIN, 0 }, { w->inotify, POLLIN, 0 } };
	const bool look = w->polling && (timeout_ms < 0 || timeout_ms > POLL_MS);
	int n;

	*changes = 0;
	n = sys->poll(fds, 2, look ? POLL_MS : timeout_ms);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0)
		return qerror_set(err, AUDITQ_EIO, errno, NULL, "cannot wait");
	if ((fds[0].revents & POLLIN) != 0)
		*changes |= WATCH_WOKEN;
	if (fds[1].revents != 0)
		*changes |= read_events(w);
	if (n == 0 && look)
		*changes |= poll_changes(w);
	return 0;
}
