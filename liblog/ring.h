/*
 * ring - the memory-mapped spool of one writer: reserve, commit, drain, read back.
 *
 * Many producers, one drain, no locks.  The file is cut in granules of 64 bytes.  One 64-bit word, the
 * head, holds {asleep, position, count}; one compare-and-swap on it gives a producer both its room and its
 * sequence number.  The producer copies its record there and then store-releases the sequence number
 * into the entry of the first granule: that commits it.  Sequence numbers never repeat, so an entry left
 * by an earlier lap can't be taken for a new one, and an uncommitted record hides none behind
 * it.  The tail {sequence number, position} frees room; it moves when the records stand in a segment.  Rewinding
 * skips to the next lap, when nothing is left, so that a mostly idle ring stays in a few warm pages.
 *
 * On disk: docs/format.md, "The ring".
 */
#ifndef RING_H
#define RING_H

#include <stdatomic.h>
#include <stdbool.h>

#include "sys.h"

#define RING_VERSION   1
#define RING_GRAIN     64u
#define RING_HEADER    4096u
#define RING_BYTES_MIN (64u << 10)
#define RING_BYTES_MAX (1u << 30)

struct ring;

/* Who owns a ring; texts are NUL-terminated, cut when longer. */
struct ring_owner {
	char writer[17];
	char service[65];
	char host[65];
	uint32_t pid;
	uint32_t uid;
};

/*
 * Make <writer>.ring in the directory dirfd (dir is its name, for messages): under a temporary
 * name, locked, allocated and touched, then linked.  mode is that of segments: who may read
 * these may read what is on its way to them.  ALOG_EUNSUPPORTED on a file system that must
 * not be mapped.
 */
int ring_create(struct ring **ret, int dirfd, const char *dir, const struct ring_owner *owner,
    uint64_t bytes, mode_t mode, alog_error *err);
/* Unlink its file: nothing is left in it. */
void ring_remove(struct ring *r);
/* Give up the lock, so that recovery may take what is left; the mapping stays. */
void ring_unlock(struct ring *r);
/* Unmap, unlock, free.  NULL is legal. */
void ring_close(struct ring *r);
/* In a forked child, where the mapping does not exist: close the inherited descriptor / free
 * the rest. */
void ring_fork_close(struct ring *r);
void ring_fork_free(struct ring *r);

/* ---- producers: any thread ---- */

struct ring_slot {
	uint64_t seq;
	char *p; /* len bytes to be filled between reserve and commit */
	uint32_t granule;
	uint32_t len;
	bool wake; /* the drain is to be woken after the commit */
};

enum { RING_FULL = 1, RING_SHUT = 2 };

/* 0 and a slot, or RING_FULL, or RING_SHUT.  len: 1 to ring_record_max. */
int ring_reserve(struct ring *r, uint32_t len, struct ring_slot *slot);
/* splice: where in the record the drain inserts the digits of the sequence number. */
void ring_commit(struct ring *r, const struct ring_slot *slot, uint16_t splice);
/* Sequence number of the newest record reserved; 0: none. */
uint64_t ring_head_seq(const struct ring *r);
/* Longest record it can take: a quarter of it. */
uint32_t ring_record_max(const struct ring *r);
/* Records that found no room, counted in the file so that recovery sees them. */
void ring_count_drop(struct ring *r);
uint64_t ring_dropped(const struct ring *r);
/* How many of them a gap record tells of already. */
void ring_set_reported(struct ring *r, uint64_t n);
uint64_t ring_reported(const struct ring *r);

/* ---- the drain: one thread ---- */

struct ring_record {
	uint64_t seq;
	const char *p; /* in the mapping, valid until released */
	uint32_t len;
	uint16_t splice;
};

/* The next committed record that was not yet given: 1, or 0 when there is none now. */
int ring_next(struct ring *r, struct ring_record *out);
/* Free all records given so far: they stand in a segment. */
void ring_release(struct ring *r);
/* Give the records since the last release again. */
void ring_unread(struct ring *r);
/* When nothing is reserved: go on at the start of the next lap. */
void ring_rewind(struct ring *r);
/* Say that the drain is about to sleep: true when nothing is reserved, and the next producer
 * will find slot.wake set. */
bool ring_sleep(struct ring *r);
/* Take no more records; those reserved before still come. */
void ring_shut(struct ring *r);

/* ---- reading a ring file, of a dead or a living writer ---- */

struct ring_copy {
	struct ring_owner owner;
	uint8_t boot[16];
	bool this_boot;
	bool
	    blank; /* the power went before any of it reached the disk: all is 0, the owner "" */
	uint64_t head_seq;       /* newest reserved */
	uint64_t tail_seq;       /* newest freed */
	uint64_t lost;           /* dropped, and not yet told by a gap record */
	struct ring_record *rec; /* committed with tail_seq < seq, by seq; p in the copy */
	size_t n;
	char *data;
	uint64_t data_offset; /* of data in the file */
};

/*
 * Copy what a ring file holds; it may be in use (records that the drain frees meanwhile are left out: they
 * stand in a segment by then).  ALOG_ECORRUPT, ALOG_EVERSION, ALOG_EIO, ALOG_ENOMEM.
 */
int ring_read(struct ring_copy *out, int fd, const char *path, alog_error *err);
void ring_copy_free(struct ring_copy *copy);

#endif
