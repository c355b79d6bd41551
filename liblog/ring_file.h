/* ring_file - the layout of a ring file; shared by ring.c (who maps it) and ring_read.c (who reads it). */
#ifndef RING_FILE_H
#define RING_FILE_H

#include <stdatomic.h>

#include "ring.h"

#define RING_MAGIC "ALOGRING"

/* Offsets in the header page; integers are little-endian, the live words native 64-bit atomics
 * (on every supported machine the same thing). */
enum {
	RING_AT_MAGIC = 0,    /* 8 */
	RING_AT_VERSION = 8,  /* u32 */
	RING_AT_CRC = 12,     /* u32, crc32 of bytes 16 to 511 */
	RING_AT_BYTES = 16,   /* u64, of the data area */
	RING_AT_BOOT = 24,    /* 16 bytes */
	RING_AT_PID = 40,     /* u32 */
	RING_AT_UID = 44,     /* u32 */
	RING_AT_WRITER = 64,  /* 16 */
	RING_AT_SERVICE = 80, /* 64, NUL-padded */
	RING_AT_HOST = 144,   /* 64, NUL-padded */
	RING_STATIC_END = 512,
	RING_AT_HEAD = 1024,     /* u64 */
	RING_AT_TAIL_SEQ = 1152, /* u64; own cache line */
	RING_AT_TAIL_POS = 1160, /* u64 */
	RING_AT_DROPPED = 1280,  /* u64 */
	RING_AT_REPORTED = 1288, /* u64 */
};

/* The head: asleep in bit 63, shut in bit 62, position (granules, mod 2^30) in bits 32 to 61, the
 * count of records reserved (mod 2^32) below. */
#define RING_ASLEEP   (UINT64_C(1) << 63)
#define RING_SHUT_BIT (UINT64_C(1) << 62)
#define RING_POS_MASK UINT64_C(0x3fffffff)

static inline uint32_t
ring_head_pos(uint64_t head)
{
	return (uint32_t)(head >> 32 & RING_POS_MASK);
}

static inline uint32_t
ring_head_count(uint64_t head)
{
	return (uint32_t)head;
}

/* The whole sequence number of which count is the low half, given one at most 2^31 behind. */
static inline uint64_t
ring_widen(uint32_t count, uint64_t behind)
{
	return behind + (uint32_t)(count - (uint32_t)behind);
}

/* One entry for each granule. */
struct ring_entry {
	_Atomic uint64_t seq;
	uint32_t len;
	uint16_t splice;
	uint16_t zero;
};
_Static_assert(sizeof(struct ring_entry) == 16, "layout on disk");

static inline uint32_t
ring_granules(uint32_t len)
{
	return (len + RING_GRAIN - 1) / RING_GRAIN;
}

/* The machine's boot id; zeros where the system has none.  -1 and errno where that can't be told. */
int ring_boot_id(uint8_t boot[16]);

#endif
