/* The search for several literals of scan.h. */
#include <limits.h>
#include <string.h>

#include "scan.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86 1
#include <immintrin.h>
#endif
#ifdef __ARM_NEON
#include <arm_neon.h>
#endif

#define BUCKETS 8

enum scan_way
scan_best_way(void)
{
#ifdef HAVE_X86
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi"))
		return SCAN_AVX512;
	if (__builtin_cpu_supports("avx2"))
		return SCAN_AVX2;
#elif defined(__ARM_NEON) && defined(__aarch64__)
	return SCAN_NEON;
#endif
	return SCAN_PORTABLE;
}

bool
scan_has_way(enum scan_way way)
{
#ifdef HAVE_X86
	if (way == SCAN_AVX2)
		return __builtin_cpu_supports("avx2");
#endif
	return way == SCAN_PORTABLE || way == scan_best_way();
}

void
scan_set_init(struct scan_set *set)
{
	*set = (struct scan_set){ .way = scan_best_way() };
}

/* How little a byte tells in lines of JSON. */
static int
commonness(char c)
{
	if (c == '"' || c == ':' || c == ',' || c == ' ')
		return 4;
	return (c >= '0' && c <= '9') || c == '-' ? 1 : 0;
}

/* The window that tells most; of equals the last, since identifiers of one time begin alike. */
static size_t
choose_window(const char *p, size_t n)
{
	int best = 3 * SCAN_WINDOW * 4;
	size_t at = 0;

	for (size_t i = 0; i + SCAN_WINDOW <= n; i++) {
		int common = 0;

		for (size_t k = 0; k < SCAN_WINDOW; k++)
			common += commonness(p[i + k]);
		if (common <= best) {
			best = common;
			at = i;
		}
	}
	return at;
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* Whether a needle's window may have that byte at position k. */
static bool
may_have(const struct scan_needle *needle, size_t k, unsigned byte)
{
	unsigned char c;

	if (needle->window + k >= needle->n)
		return true;
	c = (unsigned char)needle->p[needle->window + k];
	return byte == c || (needle->fold && is_lower((char)c) && byte == c - 0x20u);
}

/* How many windows pass a bucket's filter, with the needle in it. */
static unsigned
passing(const struct scan_set *set, unsigned bucket, const struct scan_needle *needle)
{
	unsigned all = 1;

	for (size_t k = 0; k < SCAN_WINDOW; k++) {
		unsigned here = 0;

		for (unsigned byte = 0; byte < 256; byte++)
			here += (set->bytes[k][byte] >> bucket & 1) != 0 ||
			    (needle != NULL && may_have(needle, k, byte));
		all *= here;
	}
	return all;
}

/* Where the needle makes the filter the least wider. */
static unsigned
choose_bucket(const struct scan_set *set, const struct scan_needle *needle)
{
	unsigned best = 0, least = UINT_MAX;

	for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
		unsigned more = passing(set, bucket, needle) - passing(set, bucket, NULL);

		if (more < least) {
			least = more;
			best = bucket;
		}
	}
	return best;
}

bool
scan_set_add(struct scan_set *set, const char *p, size_t n, bool fold)
{
	struct scan_needle needle = { p, n, fold, choose_window(p, n), 0 };
	uint8_t bit;

	if (set->n == SCAN_NEEDLES_MAX)
		return false;
	needle.bucket = choose_bucket(set, &needle);
	bit = (uint8_t)(1u << needle.bucket);
	set->needle[set->n++] = needle;
	for (size_t k = 0; k < SCAN_WINDOW; k++) {
		if (needle.window + k >= n)
			set->beyond[k] |= bit;
		for (unsigned byte = 0; byte < 256; byte++) {
			if (!may_have(&needle, k, byte))
				continue;
			set->bytes[k][byte] |= bit;
			set->low[k][byte & 15] |= bit;
			set->high[k][byte >> 4] |= bit;
		}
	}
	return true;
}

static bool
equal(const struct scan_needle *needle, const char *p)
{
	if (!needle->fold)
		return memcmp(p, needle->p, needle->n) == 0;
	for (size_t i = 0; i < needle->n; i++)
		if (p[i] != needle->p[i] &&
		    !(is_lower(needle->p[i]) && p[i] == needle->p[i] - 0x20))
			return false;
	return true;
}

/* Whether a needle has its window at p. */
static inline bool
confirm(const struct scan_set *set, const char *from, const char *p, const char *end)
{
	unsigned buckets = set->bytes[0][(unsigned char)p[0]];

	for (size_t k = 1; k < SCAN_WINDOW && buckets != 0; k++)
		buckets &=
		    (size_t)(end - p) > k ? set->bytes[k][(unsigned char)p[k]] : set->beyond[k];
	for (size_t i = 0; buckets != 0 && i < set->n; i++) {
		const struct scan_needle *needle = &set->needle[i];

		if ((buckets >> needle->bucket & 1) != 0 &&
		    (size_t)(p - from) >= needle->window &&
		    (size_t)(end - p) >= needle->n - needle->window &&
		    equal(needle, p - needle->window))
			return true;
	}
	return false;
}

/* Byte by byte; also for what is left over by the others. */
static const char *
find_portable(const struct scan_set *set, const char *from, const char *p, const char *end)
{
	for (; p < end; p++)
		if (confirm(set, from, p, end))
			return p;
	return NULL;
}

#ifdef HAVE_X86
__attribute__((target("avx2"))) static inline __m256i
table_avx2(const uint8_t table[16])
{
	return _mm256_broadcastsi128_si256(
	    _mm_loadu_si128((const __m128i *)(const void *)table));
}

/* The buckets that may have the 32 bytes from p on at one position of their windows. */
__attribute__((target("avx2"))) static inline __m256i
look_up_avx2(const char *p, __m256i low, __m256i high)
{
	const __m256i half = _mm256_set1_epi8(15);
	const __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);

	return _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(x, half)),
	    _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(x, 4), half)));
}

__attribute__((target("avx2"))) static const char *
find_avx2(const struct scan_set *set, const char *from, const char *end)
{
	const __m256i low0 = table_avx2(set->low[0]), high0 = table_avx2(set->high[0]);
	const __m256i low1 = table_avx2(set->low[1]), high1 = table_avx2(set->high[1]);
	const __m256i low2 = table_avx2(set->low[2]), high2 = table_avx2(set->high[2]);
	const char *p = from;

	for (; end - p >= 32 + SCAN_WINDOW - 1; p += 32) {
		__m256i some = _mm256_and_si256(_mm256_and_si256(look_up_avx2(p, low0, high0),
						    look_up_avx2(p + 1, low1, high1)),
		    look_up_avx2(p + 2, low2, high2));
		unsigned places = ~(unsigned)_mm256_movemask_epi8(
		    _mm256_cmpeq_epi8(some, _mm256_setzero_si256()));

		for (; places != 0; places &= places - 1) {
			const char *at = p + __builtin_ctz(places);

			if (confirm(set, from, at, end))
				return at;
		}
	}
	return find_portable(set, from, p, end);
}

#define AVX512 __attribute__((target("avx512bw,avx512vbmi")))

/* For each byte but for its highest bit, a superset: the buckets of 64 bytes from `from` on. */
AVX512 static inline __m512i
table_avx512(const uint8_t bytes[256], size_t from)
{
	return _mm512_or_si512(
	    _mm512_loadu_si512(bytes + from), _mm512_loadu_si512(bytes + 128 + from));
}

/* The buckets that may have the 64 bytes from p on at one position of their windows. */
AVX512 static inline __m512i
look_up_avx512(const char *p, __m512i first, __m512i second)
{
	return _mm512_permutex2var_epi8(first, _mm512_loadu_si512(p), second);
}

AVX512 static const char *
find_avx512(const struct scan_set *set, const char *from, const char *end)
{
	const __m512i first0 = table_avx512(set->bytes[0], 0);
	const __m512i second0 = table_avx512(set->bytes[0], 64);
	const __m512i first1 = table_avx512(set->bytes[1], 0);
	const __m512i second1 = table_avx512(set->bytes[1], 64);
	const __m512i first2 = table_avx512(set->bytes[2], 0);
	const __m512i second2 = table_avx512(set->bytes[2], 64);
	const char *p = from;

	for (; end - p >= 64 + SCAN_WINDOW - 1; p += 64) {
		uint64_t places =
		    _mm512_test_epi8_mask(_mm512_and_si512(look_up_avx512(p, first0, second0),
					      look_up_avx512(p + 1, first1, second1)),
			look_up_avx512(p + 2, first2, second2));

		for (; places != 0; places &= places - 1) {
			const char *at = p + __builtin_ctzll(places);

			if (confirm(set, from, at, end))
				return at;
		}
	}
	return find_portable(set, from, p, end);
}
#endif

#if defined(__ARM_NEON) && defined(__aarch64__)
static inline uint8x16_t
look_up_neon(const char *p, uint8x16_t low, uint8x16_t high)
{
	const uint8x16_t x = vld1q_u8((const uint8_t *)p);

	return vandq_u8(
	    vqtbl1q_u8(low, vandq_u8(x, vdupq_n_u8(15))), vqtbl1q_u8(high, vshrq_n_u8(x, 4)));
}

static const char *
find_neon(const struct scan_set *set, const char *from, const char *end)
{
	const uint8x16_t low0 = vld1q_u8(set->low[0]), high0 = vld1q_u8(set->high[0]);
	const uint8x16_t low1 = vld1q_u8(set->low[1]), high1 = vld1q_u8(set->high[1]);
	const uint8x16_t low2 = vld1q_u8(set->low[2]), high2 = vld1q_u8(set->high[2]);
	const char *p = from;

	for (; end - p >= 16 + SCAN_WINDOW - 1; p += 16) {
		uint8x16_t some = vandq_u8(
		    vandq_u8(look_up_neon(p, low0, high0), look_up_neon(p + 1, low1, high1)),
		    look_up_neon(p + 2, low2, high2));
		uint8_t buckets[16];

		if (vmaxvq_u8(some) == 0)
			continue;
		vst1q_u8(buckets, some);
		for (unsigned i = 0; i < sizeof buckets; i++)
			if (buckets[i] != 0 && confirm(set, from, p + i, end))
				return p + i;
	}
	return find_portable(set, from, p, end);
}
#endif

const char *
scan_set_find(const struct scan_set *set, const char *from, const char *end)
{
#ifdef HAVE_X86
	if (set->way == SCAN_AVX2)
		return find_avx2(set, from, end);
	if (set->way == SCAN_AVX512)
		return find_avx512(set, from, end);
#endif
#if defined(__ARM_NEON) && defined(__aarch64__)
	if (set->way == SCAN_NEON)
		return find_neon(set, from, end);
#endif
	return find_portable(set, from, from, end);
}
