#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keeper.h"
#include "record.h"
#include "ring.h"
#include "thread.h"
#include "trail.h"

#define MS            INT64_C(1000000)
#define IDLE_NS       (1000 * MS) /* of nothing, and the thread sleeps until it is called */
#define DRAIN_BATCHES 16
#define GAP_MAX       4096 /* a gap record with the longest identity there can be */
#define BACKOFF_MIN   (10 * MS)
#define BACKOFF_MAX   (1000 * MS)

struct writer {
	const struct settings *set;
	struct monitor *mon;
	struct segment_root root;
	struct ring *ring;
	struct keeper *keeper;
	struct record_base base; /* of gap records */
	char id[PATH_WRITER_LENGTH + 1];
	bool linked; /* <root>/.ring has a link to the ring */
	bool astray; /* the root is not at its path, or cannot be seen there, which was told */

	pthread_t thread;
	bool running;
	_Atomic uint32_t wake;    /* 1: look at the ring now; a futex */
	_Atomic uint32_t room;    /* counts releases; a futex for producers that wait */
	_Atomic uint32_t waiting; /* producers on it */
	atomic_bool stop;

	/* The drain's own. */
	struct trail trail;
	int64_t backoff, unsynced_since, active_at;

	pthread_mutex_t lock; /* of the rest */
	pthread_cond_t synced;
	uint64_t want; /* somebody waits for this seq to be durable */
	uint64_t durable;
	uint64_t lost,
	    told; /* newest record that is lost; the one by which callers of writer_sync_all know */
	unsigned failures; /* of syncs */
	bool done;
};

static int64_t
monotonic(void)
{
	int64_t now = 0;

	(void)sys->monotonic(&now);
	return now;
}

static void
wake(struct writer *w)
{
	atomic_store_explicit(&w->wake, 1, memory_order_release);
	thread_wake(&w->wake, 1);
}

/* ---- producers ---- */

/* Wait for a release, or until the deadline. */
static bool
wait_for_room(struct writer *w, uint32_t seen, int64_t deadline)
{
	if (monotonic() >= deadline)
		return false;
	wake(w);
	atomic_fetch_add(&w->waiting, 1);
	thread_wait(&w->room, seen, deadline);
	atomic_fetch_sub(&w->waiting, 1);
	return true;
}

static int
reserve_blocking(struct writer *w, uint32_t n, struct ring_slot *slot)
{
	const int64_t deadline =
	    w->set->overflow == ALOG_BLOCK ? monotonic() + w->set->block_ms * MS : 0;
	uint32_t seen;
	int rc;

	do {
		seen = atomic_load(&w->room);
		if ((rc = ring_reserve(w->ring, n, slot)) != RING_FULL)
			return rc;
	} while (w->set->overflow == ALOG_BLOCK && wait_for_room(w, seen, deadline));
	ring_count_drop(w->ring);
	return RING_FULL;
}

int
writer_put(struct writer *w, const char *rec, size_t n, uint16_t splice, uint64_t *seq)
{
	struct ring_slot slot;
	int rc = ring_reserve(w->ring, (uint32_t)n, &slot);

	if (rc == RING_FULL)
		rc = reserve_blocking(w, (uint32_t)n, &slot);
	if (rc != 0)
		return rc == RING_SHUT ? ALOG_ECLOSED : ALOG_EDROPPED;
	memcpy(slot.p, rec, n);
	ring_commit(w->ring, &slot, splice);
	if (slot.wake)
		wake(w);
	*seq = slot.seq;
	return 0;
}

uint64_t
writer_head_seq(const struct writer *w)
{
	return ring_head_seq(w->ring);
}

uint64_t
writer_dropped(const struct writer *w)
{
	return ring_dropped(w->ring);
}

/* Wait for a number to be durable, or lost; the caller holds the lock. */
static int
await(struct writer *w, uint64_t seq, int64_t timeout_ms)
{
	const int64_t deadline = timeout_ms < 0 ? INT64_MAX : monotonic() + timeout_ms * MS;
	const unsigned failures = w->failures;
	int rc = 0;

	if (w->want < seq)
		w->want = seq;
	if (w->durable < seq && !w->done) {
		wake(w);
		while (w->durable < seq && w->failures == failures && !w->done && rc == 0)
			rc = thread_cond_wait(&w->synced, &w->lock, deadline);
	}
	if (w->failures != failures)
		return ALOG_EIO;
	if (w->durable >= seq)
		return 0;
	return w->done ? ALOG_ECLOSED : ALOG_ETIMEOUT;
}

int
writer_sync(struct writer *w, uint64_t seq, int64_t timeout_ms)
{
	int rc;

	(void)pthread_mutex_lock(&w->lock);
	rc = await(w, seq, timeout_ms);
	/* It may have been lost before we came to wait for it. */
	if (rc == 0 && seq <= w->lost)
		rc = ALOG_EIO;
	(void)pthread_mutex_unlock(&w->lock);
	return rc;
}

int
writer_sync_all(struct writer *w, int64_t timeout_ms)
{
	const uint64_t seq = ring_head_seq(w->ring);
	int rc;

	(void)pthread_mutex_lock(&w->lock);
	rc = await(w, seq, timeout_ms);
	if (rc == 0 && w->told < w->lost)
		rc = ALOG_EIO;
	if (rc == ALOG_EIO)
		w->told = w->lost;
	(void)pthread_mutex_unlock(&w->lock);
	return rc;
}

/* ---- the drain ---- */

/* Whether everything in the ring is in the files. */
static bool
drained(const struct writer *w)
{
	return ring_head_seq(w->ring) <= w->trail.written_seq;
}

static void
release(struct writer *w)
{
	ring_release(w->ring);
	atomic_fetch_add(&w->room, 1);
	if (atomic_load(&w->waiting) > 0)
		thread_wake(&w->room, INT_MAX);
}

/* Dropped records become a gap record as soon as there is room for it; in a ring that takes no more
 * records, as the one behind its last. */
static int
tell_gap(struct writer *w, alog_error *err)
{
	const uint64_t dropped = ring_dropped(w->ring), told = ring_reported(w->ring);
	char line[GAP_MAX];
	struct jbuf out = { line, 0, sizeof line };
	struct ring_record last = { .seq = w->trail.written_seq + 1, .p = line };
	struct ring_slot slot;
	int rc;

	if (dropped == told)
		return 0;
	record_gap(
	    &w->base, settings_now(w->set), dropped - told, "overflow", &out, &last.splice);
	last.len = (uint32_t)out.len;
	rc = ring_reserve(w->ring, last.len, &slot);
	if (rc == 0) {
		memcpy(slot.p, line, last.len);
		ring_commit(w->ring, &slot, last.splice);
	} else if (rc == RING_FULL || !drained(w)) {
		return 0;
	} else if ((rc = trail_put(&w->trail, &last, err)) < 0 ||
	    (rc = trail_flush(&w->trail, err)) < 0) {
		return rc;
	}
	ring_set_reported(w->ring, dropped);
	return 0;
}

/* What is committed, into the files, a few batches at a time so that those who wait for
 * durability are served under any load.  1: there is more; 0; negative after an error was reported. */
static int
drain(struct writer *w)
{
	struct ring_record rec;
	alog_error err = { 0 };
	int rc = 0, batches = 0;
	bool any = false;

	while (rc == 0 && batches < DRAIN_BATCHES && ring_next(w->ring, &rec)) {
		any = true;
		if (rec.seq <= w->trail.written_seq)
			continue; /* given again after a failure further on */
		rc = trail_put(&w->trail, &rec, &err);
		if (rc == 0 && w->trail.nbatch >= TRAIL_BATCH &&
		    (rc = trail_flush(&w->trail, &err)) == 0) {
			release(w);
			batches++;
		}
	}
	if (any)
		w->active_at = monotonic();
	if (rc == 0 && (rc = trail_flush(&w->trail, &err)) == 0) {
		release(w);
		rc = tell_gap(w, &err);
		ring_rewind(w->ring);
		if (rc == 0)
			return batches == DRAIN_BATCHES;
	}
	ring_unread(w->ring);
	monitor_error(w->mon, &err);
	return rc;
}

/* Tell those who wait what is durable now (a roll syncs too), or that something failed; the newest
 * number that one of them waits for. */
static uint64_t
tell_durable(struct writer *w, bool failed)
{
	uint64_t want;

	(void)pthread_mutex_lock(&w->lock);
	want = w->want;
	if (failed || w->durable != w->trail.durable_seq) {
		w->durable = w->trail.durable_seq;
		w->lost = w->trail.lost_seq;
		w->failures += failed;
		(void)pthread_cond_broadcast(&w->synced);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return want;
}

/* Make it durable when somebody waits for it, or when it has waited long enough. */
static int
sync_if_due(struct writer *w, int64_t now)
{
	const uint64_t want = tell_durable(w, false);
	alog_error err = { 0 };
	int rc;

	if (w->trail.written_seq == w->trail.durable_seq) {
		w->unsynced_since = 0;
		return 0;
	}
	if (w->unsynced_since == 0)
		w->unsynced_since = now;
	if (want <= w->trail.durable_seq && !atomic_load(&w->stop) &&
	    now - w->unsynced_since < w->set->fdatasync_ms * MS)
		return 0;
	if ((rc = trail_sync(&w->trail, &err)) < 0)
		monitor_error(w->mon, &err);
	else
		w->unsynced_since = 0;
	(void)tell_durable(w, rc < 0);
	return rc;
}

/* Somebody renamed the root, or put another in its place: we go on in ours, where our ring is, and say so. */
static void
check_path(struct writer *w)
{
	struct stat own, st = { 0 };
	alog_error err = { 0 };

	if (sys->fstat(w->root.fd, &own) < 0 ||
	    (sys->fstatat(AT_FDCWD, w->root.path, &st, 0) < 0 && errno != ENOENT))
		(void)error_set(&err, ALOG_EIO, errno, w->root.path,
		    "cannot see whether the root is still at its path");
	else if (st.st_ino != own.st_ino || st.st_dev != own.st_dev)
		(void)error_set(&err, ALOG_EIO, ENOENT, w->root.path,
		    "the root was renamed or replaced: its writer goes on in the old one");
	if (err.code != 0 && !w->astray)
		monitor_warning(w->mon, &err);
	w->astray = err.code != 0;
}

/* Somebody removed our file, or the root: begin again, in a root that is there. */
static void
check_linked(struct writer *w)
{
	struct segment_root fresh = w->root;
	alog_error err = { 0 };
	struct stat st;

	if (w->trail.seg.fd >= 0 && !segment_linked(&w->trail.seg)) {
		error_set(&err, ALOG_EIO, ENOENT, w->trail.seg.name,
		    "the segment was removed under its writer");
		monitor_error(w->mon, &err);
		trail_removed(&w->trail);
		(void)tell_durable(w, true);
	}
	if (sys->fstat(w->root.fd, &st) < 0 || st.st_nlink > 0)
		return;
	error_reset(&err);
	error_set(
	    &err, ALOG_EIO, ENOENT, w->root.path, "the root was removed under its writer");
	monitor_error(w->mon, &err);
	/* The keeper goes on with the same descriptor, so it must be the same number. */
	if (segment_root_open(&fresh, NULL) == 0) {
		(void)dup3(fresh.fd, w->root.fd, O_CLOEXEC);
		(void)sys->close(fresh.fd);
	}
}

/* Until when to sleep: INT64_MAX for ever, which needs that the next producer wakes us. */
static int64_t
sleep_until(struct writer *w, int64_t now, bool failed)
{
	if (failed) {
		w->backoff = w->backoff == 0 ? BACKOFF_MIN : w->backoff * 2;
		if (w->backoff > BACKOFF_MAX)
			w->backoff = BACKOFF_MAX;
		return now + w->backoff;
	}
	w->backoff = 0;
	/* Somebody waits for a record that its thread has not committed yet. */
	if (tell_durable(w, false) > w->trail.durable_seq)
		return now + 1 * MS;
	if (w->unsynced_since == 0 && now - w->active_at >= IDLE_NS && ring_sleep(w->ring))
		return INT64_MAX;
	return now + w->set->written_ms * MS;
}

static void *
run(void *arg)
{
	struct writer *w = arg;
	int64_t now, checked = 0;
	int more, rc;

	for (;;) {
		atomic_store_explicit(&w->wake, 0, memory_order_relaxed);
		more = drain(w);
		now = monotonic();
		if (now - checked >= 1000 * MS) {
			check_linked(w);
			check_path(w);
			checked = now;
		}
		rc = sync_if_due(w, now);
		if (atomic_load(&w->stop) && drained(w) &&
		    w->trail.written_seq == w->trail.durable_seq)
			break;
		if (more <= 0)
			thread_wait(&w->wake, 0, sleep_until(w, now, more < 0 || rc < 0));
	}
	(void)pthread_mutex_lock(&w->lock);
	w->done = true;
	(void)pthread_cond_broadcast(&w->synced);
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* A segment is complete.  At close a small one stays plain, for recovery or compaction to join. */
static void
on_finished(void *arg, int32_t day, const char *name, uint64_t bytes)
{
	struct writer *w = arg;

	if ((w->set->flags & ALOG_NO_SEAL) != 0 ||
	    (atomic_load(&w->stop) && bytes < w->set->seal_bytes))
		return;
	keeper_seal(w->keeper, day, name);
}

/* ---- start ---- */

/* A ring elsewhere, and in <root>/.ring the link to it.  The link is there before the ring and gets
 * its name after it, so that recovery finds a ring whenever we are killed. */
static int
make_linked_ring(struct writer *w, int rings, const struct ring_owner *owner, alog_error *err)
{
	const char *dir = w->set->ring_dir;
	char path[PATH_MAX], name[PATH_NAME_MAX], tmp[PATH_NAME_MAX + 8];
	const int dirfd = sys->openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
	size_t n;
	int rc;

	if (dirfd < 0 || realpath(dir, path) == NULL) {
		rc = error_set(err, ALOG_EIO, errno, dir, "cannot open ring_dir");
		if (dirfd >= 0)
			(void)sys->close(dirfd);
		return rc;
	}
	path_ring(name, w->id);
	(void)snprintf(tmp, sizeof tmp, "%s.tmp", name);
	n = strlen(path);
	(void)snprintf(path + n, sizeof path - n, "/%s", name);
	if (symlinkat(path, rings, tmp) < 0) {
		rc = error_set(err, ALOG_EIO, errno, w->root.path, "cannot link .ring/%s", tmp);
	} else {
		rc = ring_create(
		    &w->ring, dirfd, dir, owner, w->set->ring_bytes, w->root.file_mode, err);
		if (rc == 0 && sys->renameat(rings, tmp, rings, name) < 0)
			rc = error_set(
			    err, ALOG_EIO, errno, w->root.path, "cannot name .ring/%s", name);
		if (rc < 0)
			(void)sys->unlinkat(rings, tmp, 0);
		w->linked = rc == 0;
	}
	(void)sys->close(dirfd);
	return rc;
}

static int
make_ring(struct writer *w, alog_error *err)
{
	struct ring_owner owner = { .pid = (uint32_t)getpid(), .uid = (uint32_t)geteuid() };
	int rings, rc;

	(void)strcpy(owner.writer, w->id);
	(void)snprintf(owner.service, sizeof owner.service, "%s", w->set->service);
	(void)snprintf(owner.host, sizeof owner.host, "%s", w->set->host);
	if (sys->mkdirat(w->root.fd, PATH_RING_DIR, w->root.dir_mode) < 0 && errno != EEXIST)
		return error_set(err, ALOG_EIO, errno, w->root.path, "cannot make .ring");
	if ((rings = sys_opendir_at(w->root.fd, PATH_RING_DIR)) < 0)
		return error_set(err, ALOG_EIO, errno, w->root.path, "cannot open .ring");
	if (w->set->ring_dir != NULL)
		rc = make_linked_ring(w, rings, &owner, err);
	else
		rc = ring_create(&w->ring, rings, w->root.path, &owner, w->set->ring_bytes,
		    w->root.file_mode, err);
	(void)sys->close(rings);
	return rc;
}

/* Nothing is left that only the ring knows.  The name goes first, as in recovery. */
static void
remove_ring(struct writer *w)
{
	char name[PATH_NAME_MAX], tmp[PATH_NAME_MAX + 8];
	const int rings = w->linked ? sys_opendir_at(w->root.fd, PATH_RING_DIR) : -1;

	path_ring(name, w->id);
	(void)snprintf(tmp, sizeof tmp, "%s.tmp", name);
	if (rings >= 0)
		(void)sys->renameat(rings, name, rings, tmp);
	ring_remove(w->ring);
	if (rings >= 0) {
		(void)sys->unlinkat(rings, tmp, 0);
		(void)sys->close(rings);
	}
}

/* Where anybody may write, anybody may remove or forge. */
void
writer_warn(struct writer *w)
{
	alog_error err = { 0 };
	struct stat st;

	if (sys->fstat(w->root.fd, &st) < 0 || (st.st_mode & S_IWOTH) == 0)
		return;
	(void)error_set(&err, ALOG_EINVAL, 0, w->root.path,
	    "anybody may write in the root (mode %04o)", (unsigned)st.st_mode & 07777);
	monitor_warning(w->mon, &err);
}

static int
start(struct writer *w, alog_error *err)
{
	int rc, e;

	if (path_make_writer(w->id) < 0)
		return error_set(err, ALOG_EIO, errno, NULL, "no random numbers");
	if ((rc = segment_root_open(&w->root, err)) < 0 || (rc = make_ring(w, err)) < 0)
		return rc;
	w->trail = (struct trail){ .root = &w->root,
		.service = w->set->service,
		.writer = w->id,
		.segment_bytes = w->set->segment_bytes,
		.base = &w->base,
		.monitor = w->mon,
		.finished = on_finished,
		.arg = w,
		.seg = SEGMENT_NONE };
	if ((rc = trail_init(&w->trail, err)) < 0 ||
	    (rc = keeper_start(&w->keeper, w->set, &w->root, w->mon, err)) < 0)
		return rc;
	w->active_at = monotonic();
	if ((e = thread_start(&w->thread, run, w)) != 0) {
		(void)keeper_stop(w->keeper, 0);
		w->keeper = NULL;
		return error_set(err, ALOG_EIO, e, NULL, "cannot start a thread");
	}
	w->running = true;
	return 0;
}

int
writer_start(struct writer **ret, const struct settings *set,
    const struct record_identity *identity, struct monitor *mon, alog_error *err)
{
	struct writer *w;
	int rc;

	if ((w = calloc(1, sizeof *w)) == NULL)
		return error_set(err, ALOG_ENOMEM, ENOMEM, NULL, "writer");
	w->set = set;
	w->mon = mon;
	w->root = (struct segment_root){ -1, set->root, set->file_mode, set->dir_mode };
	w->base =
	    (struct record_base){ .run = "", .stage = "", .bound = "", .identity = identity };
	w->trail.seg = SEGMENT_NONE;
	(void)pthread_mutex_init(&w->lock, NULL);
	thread_cond_init(&w->synced);
	if ((rc = start(w, err)) < 0) {
		if (w->ring != NULL)
			remove_ring(w);
		(void)writer_free(w);
		return rc;
	}
	*ret = w;
	return 0;
}

/* ---- the end ---- */

int
writer_stop(struct writer *w)
{
	const int64_t deadline = monotonic() + w->set->close_ms * MS;
	alog_error err = { 0 };
	struct keeper *keeper = w->keeper;
	bool done, sealed;

	ring_shut(w->ring);
	atomic_store(&w->stop, true);
	wake(w);
	(void)pthread_mutex_lock(&w->lock);
	while (!w->done && thread_cond_wait(&w->synced, &w->lock, deadline) == 0)
		;
	done = w->done;
	(void)pthread_mutex_unlock(&w->lock);
	if (!done) {
		/* The disk does not answer; its thread goes on by itself. */
		(void)pthread_detach(w->thread);
		return ALOG_ETIMEOUT;
	}
	(void)pthread_join(w->thread, NULL);
	w->running = false;
	if (trail_finish(&w->trail, &err) < 0)
		monitor_error(w->mon, &err);
	/* A child that is forked meanwhile must not find what is being freed. */
	w->keeper = NULL;
	sealed = keeper_stop(keeper, deadline);
	/* What stayed plain was reported; the ring leads recovery to it. */
	if (sealed)
		remove_ring(w);
	ring_unlock(w->ring);
	return 0;
}

bool
writer_free(struct writer *w)
{
	if (w == NULL)
		return true;
	if (w->running)
		return false;
	trail_close(&w->trail);
	ring_close(w->ring);
	if (w->root.fd >= 0)
		(void)sys->close(w->root.fd);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
	return true;
}

/* ---- fork ---- */

void
writer_fork_close(struct writer *w)
{
	ring_fork_close(w->ring);
	segment_close(&w->trail.seg);
	if (w->root.fd >= 0)
		(void)sys->close(w->root.fd);
	w->root.fd = -1;
}

void
writer_fork_free(struct writer *w)
{
	if (w == NULL)
		return;
	free(w->trail.batch);
	ring_fork_free(w->ring);
	keeper_fork_free(w->keeper);
	free(w);
}
