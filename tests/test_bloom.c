/* bloom - the documented hash, sizes, and the rate of false positives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bloom.h"

/* Computed apart from this code; docs/format.md has the same table. */
static const struct {
	const char *path;
	const char *value;
	size_t n;
	uint64_t hash;
	uint32_t bit[7]; /* of 960 */
} vectors[] = {
	{ "", "", 0, UINT64_C(0xb9034ad37056f5fb), { 379, 462, 545, 628, 711, 794, 877 } },
	{ "run_id", "0199feae-0000-7000-8000-000000000001", 36, UINT64_C(0xfb24479180f8cc85),
	    { 773, 406, 39, 632, 265, 858, 491 } },
	{ "stage", "detection", 9, UINT64_C(0x9abf70c128d3ab6a),
	    { 618, 683, 748, 813, 878, 943, 48 } },
	{ "http.status", "200", 3, UINT64_C(0xecadd00fe47429d2),
	    { 850, 417, 944, 511, 78, 605, 172 } },
	{ "user", "\xc3\xa9", 2, UINT64_C(0x4416e412ea1dd152),
	    { 914, 741, 568, 395, 222, 49, 836 } },
	{ "a", "\0", 1, UINT64_C(0x539ffa489246b4ba), { 762, 67, 332, 597, 862, 167, 432 } },
};

static uint64_t
hash_of(const char *path, const char *value, size_t n)
{
	return bloom_hash(bloom_path(path, strlen(path)), value, n);
}

static void
hash_is_the_documented_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		uint8_t filter[120] = { 0 }, want[120] = { 0 };
		uint64_t h = hash_of(vectors[i].path, vectors[i].value, vectors[i].n);
		if (h != vectors[i].hash)
			fail_msg("%s: %#llx", vectors[i].path, (unsigned long long)h);
		bloom_add(filter, 960, 7, h);
		for (size_t k = 0; k < 7; k++) {
			uint32_t b = vectors[i].bit[k];
			want[b / 8] = (uint8_t)(want[b / 8] | 1u << b % 8);
		}
		assert_memory_equal(filter, want, sizeof want);
	}
}

static void
sizes(void **state)
{
	static const struct {
		uint32_t n, max, bits;
		uint8_t k;
	} cases[] = {
		{ 0, 32768, 0, 10 },
		{ 1, 32768, 64, 10 }, /* the least */
		{ 4, 32768, 64, 10 },
		{ 5, 32768, 72, 10 }, /* 14.4 rounded up to bytes */
		{ 100, 32768, 1440, 10 },
		{ 284, 32768, 4096, 10 },
		{ 285, 32768, 4096, 10 },
		{ 360, 32768, 4096, 8 },
		{ 426, 32768, 4096, 7 },
		{ 427, 32768, 4104, 7 },
		{ 2000, 32768, 19200, 7 },
		{ 3413, 32768, 32768, 7 },
		{ 5000, 32768, 32768, 5 },
		{ 8192, 32768, 32768, 3 },
		{ 1000000, 32768, 32768, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t bits = bloom_bits(cases[i].n, cases[i].max);
		if (bits != cases[i].bits || bloom_k(cases[i].n, bits) != cases[i].k)
			fail_msg(
			    "%u: %u bits, k %u", cases[i].n, bits, bloom_k(cases[i].n, bits));
	}
}

/* Strings found in vain, of many that are not in a filter of n entries. */
static unsigned
found_in_vain(unsigned n, unsigned probes)
{
	static uint8_t filter[4096];
	uint32_t bits = bloom_bits(n, sizeof filter * 8);
	uint8_t k = bloom_k(n, bits);
	unsigned hits = 0;
	char text[32];

	memset(filter, 0, sizeof filter);
	for (unsigned i = 0; i < n; i++) {
		int len = snprintf(text, sizeof text, "value-%u", i);
		bloom_add(filter, bits, k, hash_of("key", text, (size_t)len));
	}
	for (unsigned i = 0; i < n; i++) {
		int len = snprintf(text, sizeof text, "value-%u", i);
		assert_true(bloom_has(filter, bits, k, hash_of("key", text, (size_t)len)));
	}
	for (unsigned i = 0; i < probes; i++) {
		int len = snprintf(text, sizeof text, "other-%u", i);
		hits += bloom_has(filter, bits, k, hash_of("key", text, (size_t)len));
	}
	return hits;
}

static void
few_are_found_in_vain(void **state)
{
	enum { PROBES = 100000 };
	static const struct {
		unsigned entries, least, most; /* of 100,000 */
	} cases[] = {
		{ 280, 50, 150 },
		{ 3413, 500, 1500 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		unsigned hits = found_in_vain(cases[i].entries, PROBES);
		if (hits < cases[i].least || hits > cases[i].most)
			fail_msg("%u of %u with %u entries", hits, PROBES, cases[i].entries);
	}
}

static void
nothing_is_in_no_bits(void **state)
{
	uint8_t none = 0;

	(void)state;
	bloom_add(&none, 0, BLOOM_HASHES, 42);
	assert_int_equal(none, 0);
	assert_false(bloom_has(&none, 0, BLOOM_HASHES, 42));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_is_the_documented_one),
		cmocka_unit_test(sizes),
		cmocka_unit_test(few_are_found_in_vain),
		cmocka_unit_test(nothing_is_in_no_bits),
	};

	return cmocka_run_group_tests_name("bloom", tests, NULL, NULL);
}
