/*
 * ringed - for tests of the ring: one in a directory of its own, and records that prove themselves.
 *
 * The module is included, not linked: its own numbers are forged to see them wrap, and its file is made
 * as a dead writer leaves it.
 */
#ifndef RINGED_H
#define RINGED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <pthread.h>
#include <sys/resource.h>

#include "faults.h"
#include "ring.c" /* NOLINT(bugprone-suspicious-include): see above */
#include "sanitizer.h"
#include "scratch.h"

#define BYTES    65536u
#define GRANULES (BYTES / RING_GRAIN)
#define WRITER   "00112233445566aa"

static const struct ring_owner owner = { WRITER, "service", "host", 4711, 1000 };

struct place {
	char dir[SCRATCH_MAX];
	int dirfd;
	struct ring *ring;
};

static inline void
place_open(struct place *p)
{
	alog_error err = { 0 };

	scratch_make(p->dir);
	p->dirfd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ring_create(&p->ring, p->dirfd, p->dir, &owner, BYTES, 0600, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void
place_close(struct place *p)
{
	ring_close(p->ring);
	(void)close(p->dirfd);
	scratch_remove(p->dir);
}

static inline int
place_file(const struct place *p)
{
	const int fd = openat(p->dirfd, WRITER ".ring", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* ---- records that prove themselves: the number, then bytes that follow from it ---- */

static inline void
fill_record(char *p, uint32_t len, uint64_t n)
{
	for (uint32_t i = 0; i < len; i++)
		p[i] = (char)(i < 8 ? n >> 8 * i : n * 31 + i);
}

static inline bool
intact(const char *p, uint32_t len, uint64_t n)
{
	for (uint32_t i = 0; i < len; i++)
		if (p[i] != (char)(i < 8 ? n >> 8 * i : n * 31 + i))
			return false;
	return true;
}

static inline uint64_t
number_of(const char *p)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n |= (uint64_t)(uint8_t)p[i] << 8 * i;
	return n;
}

/* Reserve, fill and commit one; RING_FULL and RING_SHUT as they come. */
static inline int
put(struct ring *r, uint32_t len, uint64_t n)
{
	struct ring_slot slot;
	const int rc = ring_reserve(r, len, &slot);

	if (rc == 0) {
		fill_record(slot.p, len, n);
		ring_commit(r, &slot, (uint16_t)(len / 2));
	}
	return rc;
}

#endif
