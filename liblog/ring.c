/* ring - the mapped half: make it, reserve, commit, drain. */
#include "ring_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "bytes.h"
#include "path.h"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

struct ring {
	uint8_t *map;
	size_t map_bytes;
	_Atomic uint64_t *head, *tail_seq, *tail_pos, *dropped, *reported;
	struct ring_entry *entry;
	char *data;
	uint32_t granules;  /* a power of two */
	atomic_bool moving; /* the tail is: tail_pos may be behind */

	/* The drain's own: what it gave, and what it has freed. */
	uint64_t next_seq, freed_seq;
	uint32_t next_pos, freed_pos;

	int fd;    /* holds the lock */
	int dirfd; /* a duplicate */
	char name[PATH_NAME_MAX];
};

/* ---- making one ---- */

/* Shared mappings of files elsewhere may lose stores, fault late, or not be coherent with
 * read(2). */
static int
check_file_system(int fd, const char *dir, alog_error *err)
{
	struct statfs fs;

	if (sys->fstatfs(fd, &fs) < 0)
		return error_set(err, ALOG_EIO, errno, dir, "cannot tell the file system");
	switch ((unsigned long)fs.f_type) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case TMPFS_MAGIC: return 0;
	}
	return error_set(err, ALOG_EUNSUPPORTED, 0, dir,
	    "a ring needs ext4, XFS or tmpfs, this file system is 0x%lx; set ring_dir",
	    (unsigned long)fs.f_type);
}

static int
fill_header(uint8_t *h, const struct ring_owner *owner, uint64_t bytes)
{
	memcpy(h + RING_AT_MAGIC, RING_MAGIC, 8);
	put_le32(h + RING_AT_VERSION, RING_VERSION);
	put_le64(h + RING_AT_BYTES, bytes);
	if (ring_boot_id(h + RING_AT_BOOT) < 0)
		return -1;
	put_le32(h + RING_AT_PID, owner->pid);
	put_le32(h + RING_AT_UID, owner->uid);
	memcpy(h + RING_AT_WRITER, owner->writer, 16);
	memcpy(h + RING_AT_SERVICE, owner->service, strnlen(owner->service, 64));
	memcpy(h + RING_AT_HOST, owner->host, strnlen(owner->host, 64));
	put_le32(h + RING_AT_CRC,
	    (uint32_t)crc32(0, h + RING_AT_BYTES, RING_STATIC_END - RING_AT_BYTES));
	return 0;
}

static void
attach(struct ring *r, uint64_t bytes)
{
	r->head = (void *)(r->map + RING_AT_HEAD);
	r->tail_seq = (void *)(r->map + RING_AT_TAIL_SEQ);
	r->tail_pos = (void *)(r->map + RING_AT_TAIL_POS);
	r->dropped = (void *)(r->map + RING_AT_DROPPED);
	r->reported = (void *)(r->map + RING_AT_REPORTED);
	r->granules = (uint32_t)(bytes / RING_GRAIN);
	r->entry = (void *)(r->map + RING_HEADER);
	r->data = (char *)(r->map + RING_HEADER) + (size_t)r->granules * sizeof *r->entry;
	r->next_seq = 1;
}

/* Allocate, map and touch: after this no store can fail for want of space. */
static int
map_file(struct ring *r, const char *dir, uint64_t bytes, alog_error *err)
{
	int e;

	r->map_bytes = RING_HEADER + bytes / RING_GRAIN * sizeof(struct ring_entry) + bytes;
	if (sys->fallocate(r->fd, 0, (off_t)r->map_bytes) < 0)
		return error_set(err, ALOG_EIO, errno, dir,
		    "no room for a ring of %zu bytes; set ring_dir", r->map_bytes);
	r->map = sys->mmap(r->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd);
	if (r->map == MAP_FAILED) {
		e = errno;
		r->map = NULL;
		return error_set(err, ALOG_EIO, e, dir, "cannot map the ring; set ring_dir");
	}
	if (sys->madvise(r->map, r->map_bytes, MADV_DONTFORK) < 0)
		return error_set(
		    err, ALOG_EIO, errno, dir, "cannot keep the ring from children");
	memset(r->map, 0, r->map_bytes);
	return 0;
}

/* Link the finished file under its name, so that nobody ever sees a half-made ring. */
static int
make_file(struct ring *r, const char *dir, const struct ring_owner *owner, uint64_t bytes,
    mode_t mode, alog_error *err)
{
	char tmp[PATH_NAME_MAX + 8];
	int rc;

	path_ring(r->name, owner->writer);
	(void)snprintf(tmp, sizeof tmp, "%s.tmp", r->name);
	r->fd = sys->openat(r->dirfd, tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
	if (r->fd < 0)
		return error_set(err, ALOG_EIO, errno, dir, "cannot make a ring; set ring_dir");
	if ((rc = check_file_system(r->fd, dir, err)) == 0)
		rc = map_file(r, dir, bytes, err);
	if (rc == 0 && sys->flock(r->fd, LOCK_EX | LOCK_NB) < 0)
		rc = error_set(err, ALOG_EIO, errno, dir, "cannot lock the ring");
	if (rc == 0 && fill_header(r->map, owner, bytes) < 0)
		rc = error_set(err, ALOG_EIO, errno, dir, "cannot tell the boot");
	if (rc == 0) {
		attach(r, bytes);
		if (sys->linkat(r->dirfd, tmp, r->dirfd, r->name) < 0)
			rc = error_set(err, ALOG_EIO, errno, dir, "cannot name the ring");
	}
	(void)sys->unlinkat(r->dirfd, tmp, 0);
	return rc;
}

int
ring_create(struct ring **ret, int dirfd, const char *dir, const struct ring_owner *owner,
    uint64_t bytes, mode_t mode, alog_error *err)
{
	struct ring *r;
	int rc;

	if (bytes < RING_BYTES_MIN || bytes > RING_BYTES_MAX || (bytes & (bytes - 1)) != 0)
		return error_set(err, ALOG_EINVAL, 0, NULL,
		    "ring_bytes must be a power of two from 64 KiB to 1 GiB");
	if ((r = calloc(1, sizeof *r)) == NULL)
		return error_set(err, ALOG_ENOMEM, ENOMEM, NULL, "ring");
	r->fd = -1;
	if ((r->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0)) < 0)
		rc = error_set(err, ALOG_EIO, errno, dir, "cannot open");
	else
		rc = make_file(r, dir, owner, bytes, mode, err);
	if (rc < 0) {
		ring_close(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void
ring_remove(struct ring *r)
{
	(void)sys->unlinkat(r->dirfd, r->name, 0);
}

void
ring_unlock(struct ring *r)
{
	/* The mapping holds the open file, and with it the lock, after the close. */
	if (r->fd >= 0)
		(void)sys->flock(r->fd, LOCK_UN);
	ring_fork_close(r);
}

void
ring_close(struct ring *r)
{
	if (r == NULL)
		return;
	if (r->map != NULL)
		(void)sys->munmap(r->map, r->map_bytes);
	ring_fork_close(r);
	free(r);
}

void
ring_fork_close(struct ring *r)
{
	const int fd = r->fd, dirfd = r->dirfd;

	/* First forgotten, as in segment_close. */
	r->fd = r->dirfd = -1;
	if (fd >= 0)
		(void)sys->close(fd);
	if (dirfd >= 0)
		(void)sys->close(dirfd);
}

void
ring_fork_free(struct ring *r)
{
	free(r);
}

/* ---- producers ---- */

static void
relax(unsigned spins)
{
	if (spins > 64)
		(void)sched_yield();
	else
		atomic_signal_fence(memory_order_seq_cst);
}

/* Granules in use as a producer with this head sees them. */
static uint64_t
used_granules(const struct ring *r, uint64_t head)
{
	uint64_t tail_seq = atomic_load_explicit(r->tail_seq, memory_order_acquire);

	/* Everything was drained; while the tail moves, tail_pos may be behind. */
	if (ring_head_count(head) == (uint32_t)tail_seq)
		return 0;
	return (ring_head_pos(head) - atomic_load_explicit(r->tail_pos, memory_order_acquire)) &
	    RING_POS_MASK;
}

int
ring_reserve(struct ring *r, uint32_t len, struct ring_slot *slot)
{
	uint64_t head = atomic_load_explicit(r->head, memory_order_relaxed), old, used;
	uint32_t need = ring_granules(len), pos, off, skip, quarter = r->granules / 4;
	bool full = false;

	for (unsigned spins = 0;; spins++) {
		if ((head & RING_SHUT_BIT) != 0)
			return RING_SHUT;
		pos = ring_head_pos(head);
		off = pos & (r->granules - 1);
		skip = off + need > r->granules ? r->granules - off : 0;
		used = used_granules(r, head);
		if (used + skip + need > r->granules) {
			/* It may only look full: with a head that is stale, or a tail that
			 * has moved by half.  So it must look so twice. */
			old = head;
			head = atomic_load_explicit(r->head, memory_order_acquire);
			if (full && head == old)
				return RING_FULL;
			full = head == old &&
			    !atomic_load_explicit(&r->moving, memory_order_acquire);
			relax(spins);
			continue;
		}
		full = false;
		old = (((uint64_t)pos + skip + need) & RING_POS_MASK) << 32 |
		    (uint32_t)(ring_head_count(head) + 1);
		if (atomic_compare_exchange_weak_explicit(
			r->head, &head, old, memory_order_acq_rel, memory_order_relaxed))
			break;
	}
	slot->granule = skip > 0 ? 0 : off;
	slot->p = r->data + (size_t)slot->granule * RING_GRAIN;
	slot->len = len;
	/* The tail can't pass a record that isn't committed, so it is behind by less than 2^31. */
	slot->seq = ring_widen(
	    ring_head_count(head) + 1, atomic_load_explicit(r->tail_seq, memory_order_relaxed));
	slot->wake =
	    (head & RING_ASLEEP) != 0 || (used < quarter && used + skip + need >= quarter);
	return 0;
}

void
ring_commit(struct ring *r, const struct ring_slot *slot, uint16_t splice)
{
	struct ring_entry *e = &r->entry[slot->granule];

	e->len = slot->len;
	e->splice = splice;
	atomic_store_explicit(&e->seq, slot->seq, memory_order_release);
}

uint64_t
ring_head_seq(const struct ring *r)
{
	uint64_t tail = atomic_load_explicit(r->tail_seq, memory_order_acquire);

	return ring_widen(
	    ring_head_count(atomic_load_explicit(r->head, memory_order_acquire)), tail);
}

uint32_t
ring_record_max(const struct ring *r)
{
	return r->granules / 4 * RING_GRAIN;
}

void
ring_count_drop(struct ring *r)
{
	atomic_fetch_add_explicit(r->dropped, 1, memory_order_relaxed);
}

uint64_t
ring_dropped(const struct ring *r)
{
	return atomic_load_explicit(r->dropped, memory_order_relaxed);
}

void
ring_set_reported(struct ring *r, uint64_t n)
{
	atomic_store_explicit(r->reported, n, memory_order_relaxed);
}

uint64_t
ring_reported(const struct ring *r)
{
	return atomic_load_explicit(r->reported, memory_order_relaxed);
}

/* ---- the drain ---- */

static bool
committed(const struct ring *r, uint32_t granule)
{
	return atomic_load_explicit(&r->entry[granule].seq, memory_order_acquire) ==
	    r->next_seq;
}

/* The start of the lap after the one that pos stands in; pos itself at a start. */
static uint32_t
next_lap(const struct ring *r, uint32_t pos)
{
	return (uint32_t)(((uint64_t)pos + r->granules - 1) & ~((uint64_t)r->granules - 1) &
	    RING_POS_MASK);
}

int
ring_next(struct ring *r, struct ring_record *out)
{
	uint32_t off = r->next_pos & (r->granules - 1);

	if (!committed(r, off)) {
		/* It may have had no room before the end of the lap. */
		if (off == 0 || !committed(r, 0))
			return 0;
		r->next_pos = next_lap(r, r->next_pos);
		off = 0;
	}
	out->seq = r->next_seq;
	out->p = r->data + (size_t)off * RING_GRAIN;
	out->len = r->entry[off].len;
	out->splice = r->entry[off].splice;
	r->next_pos =
	    (uint32_t)(((uint64_t)r->next_pos + ring_granules(out->len)) & RING_POS_MASK);
	r->next_seq++;
	return 1;
}

void
ring_release(struct ring *r)
{
	r->freed_seq = r->next_seq - 1;
	r->freed_pos = r->next_pos;
	/* The number first: who reads the file must not take for a record what the position
	 * lets a producer overwrite. */
	atomic_store_explicit(&r->moving, true, memory_order_relaxed);
	atomic_store_explicit(r->tail_seq, r->freed_seq, memory_order_release);
	atomic_store_explicit(r->tail_pos, r->freed_pos, memory_order_release);
	atomic_store_explicit(&r->moving, false, memory_order_release);
}

void
ring_unread(struct ring *r)
{
	r->next_seq = r->freed_seq + 1;
	r->next_pos = r->freed_pos;
}

void
ring_rewind(struct ring *r)
{
	uint64_t head = atomic_load_explicit(r->head, memory_order_relaxed), to;
	uint32_t start = next_lap(r, r->freed_pos);

	if (ring_head_count(head) != (uint32_t)r->freed_seq || start == r->freed_pos)
		return;
	to = (head & (RING_ASLEEP | RING_SHUT_BIT)) | (uint64_t)start << 32 |
	    ring_head_count(head);
	atomic_store_explicit(&r->moving, true, memory_order_relaxed);
	if (atomic_compare_exchange_strong_explicit(
		r->head, &head, to, memory_order_acq_rel, memory_order_relaxed)) {
		r->next_pos = r->freed_pos = start;
		atomic_store_explicit(r->tail_pos, start, memory_order_release);
	}
	atomic_store_explicit(&r->moving, false, memory_order_release);
}

bool
ring_sleep(struct ring *r)
{
	uint64_t head = atomic_load_explicit(r->head, memory_order_relaxed);

	if (ring_head_count(head) != (uint32_t)r->freed_seq)
		return false;
	return atomic_compare_exchange_strong_explicit(
	    r->head, &head, head | RING_ASLEEP, memory_order_acq_rel, memory_order_relaxed);
}

void
ring_shut(struct ring *r)
{
	atomic_fetch_or_explicit(r->head, RING_SHUT_BIT, memory_order_acq_rel);
}
