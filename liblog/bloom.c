#include "bloom.h"

#include "fnv.h"

uint64_t
bloom_path(const char *path, size_t n)
{
	return fnv(fnv(FNV_START, path, n), "", 1);
}

uint64_t
bloom_hash(uint64_t path_state, const char *value, size_t n)
{
	uint64_t h = fnv(path_state, value, n);

	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return h;
}

uint32_t
bloom_bits(uint32_t n, uint32_t max_bits)
{
	uint64_t bits = ((uint64_t)n * 144 + 9) / 10, lean = ((uint64_t)n * 96 + 9) / 10;

	if (bits > BLOOM_AMPLE_BITS)
		bits = lean > BLOOM_AMPLE_BITS ? lean : BLOOM_AMPLE_BITS;
	if (n > 0 && bits < BLOOM_LEAST_BITS)
		bits = BLOOM_LEAST_BITS;
	bits = (bits + 7) / 8 * 8;
	return bits < max_bits ? (uint32_t)bits : max_bits;
}

uint8_t
bloom_k(uint32_t n, uint32_t bits)
{
	uint64_t k;

	if (n == 0)
		return BLOOM_HASHES;
	k = ((uint64_t)bits * 693 / n + 500) / 1000; /* bits / n * ln 2, rounded */
	if (k < 1)
		return 1;
	return k < BLOOM_HASHES ? (uint8_t)k : BLOOM_HASHES;
}

static uint32_t
bit_of(uint64_t hash, unsigned i, uint32_t bits)
{
	uint64_t h1 = hash & 0xffffffff, h2 = hash >> 32 | 1;

	return (uint32_t)((h1 + i * h2) % bits);
}

void
bloom_add(uint8_t *filter, uint32_t bits, uint8_t k, uint64_t hash)
{
	for (unsigned i = 0; i < k && bits > 0; i++) {
		uint32_t b = bit_of(hash, i, bits);

		filter[b / 8] = (uint8_t)(filter[b / 8] | 1u << b % 8);
	}
}

bool
bloom_has(const uint8_t *filter, uint32_t bits, uint8_t k, uint64_t hash)
{
	if (bits == 0)
		return false;
	for (unsigned i = 0; i < k; i++) {
		uint32_t b = bit_of(hash, i, bits);

		if ((filter[b / 8] >> b % 8 & 1) == 0)
			return false;
	}
	return true;
}
