/* fnv - FNV-1a, 64 bits (Fowler, Noll, Vo): a hash of bytes for tables and filters; against no adversary. */
#ifndef FNV_H
#define FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_START UINT64_C(0xcbf29ce484222325)

/* Of what h is the hash of, followed by p[0..n); h is FNV_START at first. */
static inline uint64_t
fnv(uint64_t h, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3);
	return h;
}

#endif
