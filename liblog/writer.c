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
	if (seq != NULL)
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

int
writer_sync(struct writer *w, uint64_t seq, int64_t timeout_ms)
{
	const int64_t deadline = timeout_ms < 0 ? INT64_MAX : monotonic() + timeout_ms * MS;
	unsigned failures;
	int rc = 0;

	(void)pthread_mutex_lock(&w->lock);
	failures = w->failures;
	if (w->want < seq)
		w->want = seq;
	if (w->durable < seq && !w->done) {
		wake(w);
		while (w->durable < seq && w->failures == failures && !w->done && rc == 0)
			rc = thread_cond_wait(&w->synced, &w->lock, deadline);
	}
	if (w->durable >= seq && w->failures == failures)
		rc = 0;
	else if (w->failures != failures)
		rc = ALOG_EIO;
	else
		rc = w->done ? ALOG_ECLOSED : ALOG_ETIMEOUT;
	(void)pthread_mutex_unlock(&w->lock);
	return rc;
}

/* ---- the drain ---- */

static void
release(struct writer *w)
{
	ring_release(w->ring);
	atomic_fetch_add(&w->room, 1);
	if (atomic_load(&w->waiting) > 0)
		thread_wake(&w->room, INT_MAX);
}

/* Dropped records become a gap record as soon as there is room for it. */
static void
tell_gap(struct writer *w)
{
	const uint64_t dropped = ring_dropped(w->ring), told = ring_reported(w->ring);
	char line[1024];
	struct jbuf out = { line, 0, sizeof line };
	struct ring_slot slot;
	uint16_t splice;

	if (dropped == told)
		return;
	record_gap(&w->base, settings_now(w->set), dropped - told, "overflow", &out, &splice);
	if (jbuf_full(&out) || ring_reserve(w->ring, (uint32_t)out.len, &slot) != 0)
		return;
	memcpy(slot.p, line, out.len);
	ring_commit(w->ring, &slot, splice);
	ring_set_reported(w->ring, dropped);
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
		tell_gap(w);
		ring_rewind(w->ring);
		return batches == DRAIN_BATCHES;
	}
	ring_unread(w->ring);
	monitor_error(w->mon, &err);
	return rc;
}

static uint64_t
wanted(struct writer *w)
{
	uint64_t want;

	(void)pthread_mutex_lock(&w->lock);
	want = w->want;
	(void)pthread_mutex_unlock(&w->lock);
	return want;
}

/* Make it durable when somebody waits for it, or when it has waited long enough. */
static void
sync_if_due(struct writer *w, int64_t now)
{
	alog_error err = { 0 };
	int rc;

	if (w->trail.written_seq == w->trail.durable_seq) {
		w->unsynced_since = 0;
		return;
	}
	if (w->unsynced_since == 0)
		w->unsynced_since = now;
	if (wanted(w) <= w->trail.durable_seq && !atomic_load(&w->stop) &&
	    now - w->unsynced_since < w->set->fdatasync_ms * MS)
		return;
	if ((rc = trail_sync(&w->trail, &err)) < 0)
		monitor_error(w->mon, &err);
	else
		w->unsynced_since = 0;
	(void)pthread_mutex_lock(&w->lock);
	w->durable = w->trail.durable_seq;
	w->failures += rc < 0;
	(void)pthread_cond_broadcast(&w->synced);
	(void)pthread_mutex_unlock(&w->lock);
}

/* Somebody removed our file, or the root: begin again, in a root that is there. */
static void
check_linked(struct writer *w)
{
	struct segment_root fresh = w->root;
	alog_error err = { 0 };

	if (w->trail.seg.fd < 0 || segment_linked(&w->trail.seg))
		return;
	error_set(&err, ALOG_EIO, ENOENT, w->trail.seg.name,
	    "the segment was removed under its writer");
	monitor_error(w->mon, &err);
	segment_close(&w->trail.seg);
	w->trail.durable_seq = w->trail.written_seq;
	if (segment_root_open(&fresh, &err) == 0) {
		(void)sys->close(w->root.fd);
		w->root.fd = fresh.fd;
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
	if (wanted(w) > w->trail.durable_seq)
		return now + 1 * MS;
	if (w->unsynced_since == 0 && now - w->active_at >= IDLE_NS && ring_sleep(w->ring))
		return INT64_MAX;
	return now + w->set->written_ms * MS;
}

/* Whether everything that was accepted before the ring was shut is in the files. */
static bool
drained(const struct writer *w)
{
	return ring_head_seq(w->ring) == w->trail.written_seq;
}

static void *
run(void *arg)
{
	struct writer *w = arg;
	int64_t now, checked = 0;
	int more;

	for (;;) {
		atomic_store_explicit(&w->wake, 0, memory_order_relaxed);
		more = drain(w);
		now = monotonic();
		if (now - checked >= 1000 * MS) {
			check_linked(w);
			checked = now;
		}
		sync_if_due(w, now);
		if (atomic_load(&w->stop) && drained(w) &&
		    w->trail.written_seq == w->trail.durable_seq)
			break;
		if (more <= 0)
			thread_wait(&w->wake, 0, sleep_until(w, now, more < 0));
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

/* Where the ring lies, and for a ring elsewhere the link that leads to it. */
static int
make_ring(struct writer *w, alog_error *err)
{
	struct ring_owner owner = { .pid = (uint32_t)getpid(), .uid = (uint32_t)geteuid() };
	char path[PATH_MAX], name[PATH_NAME_MAX];
	int rings, dirfd, rc;

	(void)strcpy(owner.writer, w->id);
	(void)snprintf(owner.service, sizeof owner.service, "%s", w->set->service);
	(void)snprintf(owner.host, sizeof owner.host, "%s", w->set->host);
	if (sys->mkdirat(w->root.fd, PATH_RING_DIR, w->root.dir_mode) < 0 && errno != EEXIST)
		return error_set(err, ALOG_EIO, errno, w->root.path, "cannot make .ring");
	if ((rings = sys_opendir_at(w->root.fd, PATH_RING_DIR)) < 0)
		return error_set(err, ALOG_EIO, errno, w->root.path, "cannot open .ring");
	if (w->set->ring_dir == NULL) {
		rc =
		    ring_create(&w->ring, rings, w->root.path, &owner, w->set->ring_bytes, err);
		(void)sys->close(rings);
		return rc;
	}
	dirfd = sys->openat(AT_FDCWD, w->set->ring_dir, O_RDONLY | O_DIRECTORY, 0);
	if (dirfd < 0 || realpath(w->set->ring_dir, path) == NULL) {
		rc = error_set(err, ALOG_EIO, errno, w->set->ring_dir, "cannot open ring_dir");
	} else {
		const size_t n = strlen(path);

		path_ring(name, w->id);
		(void)snprintf(path + n, sizeof path - n, "/%s", name);
		rc = ring_create(
		    &w->ring, dirfd, w->set->ring_dir, &owner, w->set->ring_bytes, err);
		if (rc == 0 && symlinkat(path, rings, name) < 0)
			rc = error_set(
			    err, ALOG_EIO, errno, w->root.path, "cannot link .ring/%s", name);
		w->linked = rc == 0;
	}
	if (dirfd >= 0)
		(void)sys->close(dirfd);
	(void)sys->close(rings);
	return rc;
}

/* Nothing is left that only the ring knows. */
static void
remove_ring(struct writer *w)
{
	char name[PATH_NAME_MAX];
	int rings;

	ring_remove(w->ring);
	if (!w->linked || (rings = sys_opendir_at(w->root.fd, PATH_RING_DIR)) < 0)
		return;
	path_ring(name, w->id);
	(void)sys->unlinkat(rings, name, 0);
	(void)sys->close(rings);
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
		.monitor = w->mon,
		.finished = on_finished,
		.arg = w,
		.seg = SEGMENT_NONE };
	if ((rc = trail_init(&w->trail, err)) < 0 ||
	    (rc = keeper_start(&w->keeper, w->set, &w->root, w->id, w->mon, err)) < 0)
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
writer_start(struct writer **ret, const struct settings *set, const char *identity, size_t n,
    struct monitor *mon, alog_error *err)
{
	struct writer *w;
	int rc;

	if ((w = calloc(1, sizeof *w)) == NULL)
		return error_set(err, ALOG_ENOMEM, ENOMEM, NULL, "writer");
	w->set = set;
	w->mon = mon;
	w->root = (struct segment_root){ -1, set->root, set->file_mode, set->dir_mode };
	w->base = (struct record_base){
		.run = "", .stage = "", .bound = "", .identity = identity, .nidentity = n
	};
	w->trail.seg = SEGMENT_NONE;
	(void)pthread_mutex_init(&w->lock, NULL);
	thread_cond_init(&w->synced);
	if ((rc = start(w, err)) < 0) {
		if (w->ring != NULL)
			remove_ring(w);
		writer_free(w);
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
	bool done, sealed;

	ring_shut(w->ring);
	atomic_store(&w->stop, true);
	wake(w);
	(void)pthread_mutex_lock(&w->lock);
	while (!w->done && thread_cond_wait(&w->synced, &w->lock, deadline) == 0)
		;
	done = w->done;
	(void)pthread_mutex_unlock(&w->lock);
	if (!done)
		return ALOG_ETIMEOUT; /* the disk does not answer, and its thread stays with it */
	(void)pthread_join(w->thread, NULL);
	w->running = false;
	if (trail_finish(&w->trail, &err) < 0)
		monitor_error(w->mon, &err);
	sealed = keeper_stop(w->keeper, deadline);
	w->keeper = NULL;
	if (sealed)
		remove_ring(w);
	ring_unlock(w->ring);
	return sealed ? 0 : ALOG_ETIMEOUT;
}

void
writer_free(struct writer *w)
{
	/* A thread that hangs in a call keeps what it uses. */
	if (w == NULL || w->running)
		return;
	trail_close(&w->trail);
	ring_close(w->ring);
	if (w->root.fd >= 0)
		(void)sys->close(w->root.fd);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
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
