/*
 * bytes - little-endian integers and varints: appended to a buffer that grows, read from one
 * that ends.
 *
 * Both sides are sticky: after a failure (no memory; not enough bytes) every further call does
 * nothing, or gives zeros, and `failed` tells.  So a codec is written straight down and checked
 * once.
 */
#ifndef BYTES_H
#define BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void
put_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void
put_le32(uint8_t *p, uint32_t v)
{
	put_le16(p, (uint16_t)v);
	put_le16(p + 2, (uint16_t)(v >> 16));
}

static inline void
put_le64(uint8_t *p, uint64_t v)
{
	put_le32(p, (uint32_t)v);
	put_le32(p + 4, (uint32_t)(v >> 32));
}

static inline uint16_t
get_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t
get_le32(const uint8_t *p)
{
	return get_le16(p) | (uint32_t)get_le16(p + 2) << 16;
}

static inline uint64_t
get_le64(const uint8_t *p)
{
	return get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

/* Zero it to begin. */
struct bytes_out {
	uint8_t *p;
	size_t n, cap;
	bool failed; /* out of memory */
};

void bytes_out_free(struct bytes_out *b);
/* n more bytes, uninitialised; NULL when out of memory. */
uint8_t *bytes_room(struct bytes_out *b, size_t n);
void bytes_put(struct bytes_out *b, const void *p, size_t n);
void bytes_put_u8(struct bytes_out *b, uint8_t v);
void bytes_put_u16(struct bytes_out *b, uint16_t v);
void bytes_put_u32(struct bytes_out *b, uint32_t v);
void bytes_put_u64(struct bytes_out *b, uint64_t v);
/* LEB128: seven bits a byte, the least first, the top bit set on all but the last. */
void bytes_put_varint(struct bytes_out *b, uint64_t v);
/* IEEE 754 binary64. */
void bytes_put_double(struct bytes_out *b, double d);

struct bytes_in {
	const uint8_t *p; /* what is left */
	size_t n;
	bool failed; /* more was asked for than there was, or a varint over 64 bits */
};

/* The next n bytes, borrowed; NULL on failure. */
const uint8_t *bytes_get(struct bytes_in *b, size_t n);
uint8_t bytes_get_u8(struct bytes_in *b);
uint16_t bytes_get_u16(struct bytes_in *b);
uint32_t bytes_get_u32(struct bytes_in *b);
uint64_t bytes_get_u64(struct bytes_in *b);
uint64_t bytes_get_varint(struct bytes_in *b);
/* The same, at most max; a larger one is a failure. */
uint64_t bytes_get_varint_max(struct bytes_in *b, uint64_t max);
/* Pass over so many, whatever they say. */
void bytes_pass_varints(struct bytes_in *b, unsigned n);
double bytes_get_double(struct bytes_in *b);

#endif
