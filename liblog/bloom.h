/*
 * bloom - the hash and the bits of a member's filter (docs/format.md, "Filters").
 *
 * The hash is 64-bit FNV-1a over the path, a zero byte and the value, then the finaliser of
 * MurmurHash3 (fmix64); the k bits of an entry come from it by double hashing (Kirsch and
 * Mitzenmacher, "Less Hashing, Same Performance", 2006).
 */
#ifndef BLOOM_H
#define BLOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOOM_HASHES 10 /* k at 14.4 bits an entry: 0.1 % false positives */
/* In fewer, double hashing knows too few patterns to tell strings apart. */
#define BLOOM_LEAST_BITS 64
#define BLOOM_AMPLE_BITS                                                                       \
	4096 /* a filter of up to so many costs next to nothing beside its member */

/* The state after path and zero byte, which all values under one path share. */
uint64_t bloom_path(const char *path, size_t n);
/* The hash of a value under a path. */
uint64_t bloom_hash(uint64_t path_state, const char *value, size_t n);

/* Bits for n entries, a multiple of 8, at most max_bits: at least BLOOM_LEAST_BITS; 14.4 each while that is no more than
 * BLOOM_AMPLE_BITS, and at least 9.6 each (k = 7, 1 % false positives) beyond. */
uint32_t bloom_bits(uint32_t n, uint32_t max_bits);
/* The best k for n entries in that many bits, 1 to BLOOM_HASHES. */
uint8_t bloom_k(uint32_t n, uint32_t bits);

/* filter is bits / 8 bytes; bit b is (filter[b / 8] >> b % 8) & 1.  With no bits nothing is
 * in. */
void bloom_add(uint8_t *filter, uint32_t bits, uint8_t k, uint64_t hash);
bool bloom_has(const uint8_t *filter, uint32_t bits, uint8_t k, uint64_t hash);

#endif
