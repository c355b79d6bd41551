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
	uint32_t bit[BLOOM_HASHES]; /* of 960 */
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
		bloom_add(filter, 960, BLOOM_HASHES, h);
		for (size_t k = 0; k < BLOOM_HASHES; k++) {
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
		{ 0, 32768, 0, 7 },
		{ 1, 32768, 16, 7 }, /* 9.6 rounded up to bytes */
		{ 5, 32768, 48, 7 },
		{ 100, 32768, 960, 7 },
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

static void
false_positives_are_about_one_percent(void **state)
{
	enum { ENTRIES = 3413, PROBES = 100000 };
	static uint8_t filter[4096];
	uint32_t bits = bloom_bits(ENTRIES, sizeof filter * 8);
	unsigned hits = 0;
	char text[32];

	(void)state;
	for (unsigned i = 0; i < ENTRIES; i++) {
		int n = snprintf(text, sizeof text, "value-%u", i);
		bloom_add(filter, bits, BLOOM_HASHES, hash_of("key", text, (size_t)n));
	}
	for (unsigned i = 0; i < ENTRIES; i++) {
		int n = snprintf(text, sizeof text, "value-%u", i);
		uint64_t h = hash_of("key", text, (size_t)n);
		assert_true(bloom_has(filter, bits, BLOOM_HASHES, h));
	}
	for (unsigned i = 0; i < PROBES; i++) {
		int n = snprintf(text, sizeof text, "other-%u", i);
		uint64_t h = hash_of("key", text, (size_t)n);
		hits += bloom_has(filter, bits, BLOOM_HASHES, h);
	}
	if (hits < PROBES / 200 || hits > PROBES * 3 / 200)
		fail_msg("%u of %u", hits, PROBES);
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
		cmocka_unit_test(false_positives_are_about_one_percent),
		cmocka_unit_test(nothing_is_in_no_bits),
	};

	return cmocka_run_group_tests_name("bloom", tests, NULL, NULL);
}
