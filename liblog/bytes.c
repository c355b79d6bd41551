#include "bytes.h"

#include <stdlib.h>
#include <string.h>

void
bytes_out_free(struct bytes_out *b)
{
	free(b->p);
	*b = (struct bytes_out){ 0 };
}

uint8_t *
bytes_room(struct bytes_out *b, size_t n)
{
	size_t cap = b->cap < 256 ? 256 : b->cap;
	uint8_t *p;

	if (b->failed)
		return NULL;
	while (cap - b->n < n && cap <= SIZE_MAX / 2)
		cap *= 2;
	if (cap - b->n < n) {
		b->failed = true;
		return NULL;
	}
	if (cap != b->cap) {
		if ((p = realloc(b->p, cap)) == NULL) {
			b->failed = true;
			return NULL;
		}
		b->p = p;
		b->cap = cap;
	}
	b->n += n;
	return b->p + b->n - n;
}

void
bytes_put(struct bytes_out *b, const void *p, size_t n)
{
	uint8_t *dst = bytes_room(b, n);

	if (dst != NULL && n > 0)
		memcpy(dst, p, n);
}

void
bytes_put_u8(struct bytes_out *b, uint8_t v)
{
	bytes_put(b, &v, 1);
}

void
bytes_put_u16(struct bytes_out *b, uint16_t v)
{
	uint8_t *dst = bytes_room(b, 2);

	if (dst != NULL)
		put_le16(dst, v);
}

void
bytes_put_u32(struct bytes_out *b, uint32_t v)
{
	uint8_t *dst = bytes_room(b, 4);

	if (dst != NULL)
		put_le32(dst, v);
}

void
bytes_put_u64(struct bytes_out *b, uint64_t v)
{
	uint8_t *dst = bytes_room(b, 8);

	if (dst != NULL)
		put_le64(dst, v);
}

void
bytes_put_varint(struct bytes_out *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		bytes_put_u8(b, (uint8_t)(v | 0x80));
	bytes_put_u8(b, (uint8_t)v);
}

void
bytes_put_double(struct bytes_out *b, double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof bits);
	bytes_put_u64(b, bits);
}

const uint8_t *
bytes_get(struct bytes_in *b, size_t n)
{
	const uint8_t *p = b->p;

	if (b->failed || b->n < n) {
		b->failed = true;
		return NULL;
	}
	b->p += n;
	b->n -= n;
	return p;
}

uint8_t
bytes_get_u8(struct bytes_in *b)
{
	const uint8_t *p = bytes_get(b, 1);

	return p != NULL ? *p : 0;
}

uint16_t
bytes_get_u16(struct bytes_in *b)
{
	const uint8_t *p = bytes_get(b, 2);

	return p != NULL ? get_le16(p) : 0;
}

uint32_t
bytes_get_u32(struct bytes_in *b)
{
	const uint8_t *p = bytes_get(b, 4);

	return p != NULL ? get_le32(p) : 0;
}

uint64_t
bytes_get_u64(struct bytes_in *b)
{
	const uint8_t *p = bytes_get(b, 8);

	return p != NULL ? get_le64(p) : 0;
}

uint64_t
bytes_get_varint(struct bytes_in *b)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t c = bytes_get_u8(b);

		if (shift == 63 && c > 1) /* the tenth byte has room for one bit */
			break;
		v |= (uint64_t)(c & 0x7f) << shift;
		if ((c & 0x80) == 0)
			return b->failed ? 0 : v;
	}
	b->failed = true;
	return 0;
}

uint64_t
bytes_get_varint_max(struct bytes_in *b, uint64_t max)
{
	uint64_t v = bytes_get_varint(b);

	if (v <= max)
		return v;
	b->failed = true;
	return 0;
}

/* A varint ends at the byte whose top bit is clear. */
void
bytes_pass_varints(struct bytes_in *b, unsigned n)
{
	const uint8_t *p = b->p, *end = p + b->n;

	while (n > 0 && end - p >= 8) {
		uint64_t ends = ~get_le64(p) & UINT64_C(0x8080808080808080);

		while (n > 1 && ends != 0) {
			ends &= ends - 1;
			n--;
		}
		if (ends == 0) {
			p += 8;
			continue;
		}
		p += __builtin_ctzll(ends) / 8 + 1;
		n = 0;
	}
	for (; n > 0 && p < end; p++)
		n -= *p < 0x80;
	b->failed |= n > 0;
	b->p = p;
	b->n = (size_t)(end - p);
}

double
bytes_get_double(struct bytes_in *b)
{
	uint64_t bits = bytes_get_u64(b);
	double d;

	memcpy(&d, &bits, sizeof d);
	return d;
}
