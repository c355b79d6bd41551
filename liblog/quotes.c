#include "quotes.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86 1
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON)
#define HAVE_NEON 1
#include <arm_neon.h>
#endif

enum quotes_way
quotes_best_way(void)
{
#ifdef HAVE_X86
	return __builtin_cpu_supports("avx2") ? QUOTES_AVX2 : QUOTES_SSE2;
#elif defined(HAVE_NEON)
	return QUOTES_NEON;
#else
	return QUOTES_PORTABLE;
#endif
}

bool
quotes_has_way(enum quotes_way way)
{
#ifdef HAVE_X86
	if (way == QUOTES_SSE2 || (way == QUOTES_AVX2 && __builtin_cpu_supports("avx2")))
		return true;
#elif defined(HAVE_NEON)
	if (way == QUOTES_NEON)
		return true;
#endif
	return way == QUOTES_PORTABLE;
}

static int
find_portable(const char *line, size_t n, uint16_t *at)
{
	bool other = false;
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		at[k] = (uint16_t)i;
		k += line[i] == '"';
		other |= line[i] == '\\' || (unsigned char)line[i] < 0x20;
	}
	return other ? -1 : (int)k;
}

#if defined(HAVE_X86) || defined(HAVE_NEON)

/* Put down the place of the lowest bit, and remove it.  Of no bit, some place: see put_places. */
static inline uint64_t
put_place(uint16_t *at, size_t base, uint64_t mask)
{
	*at = (uint16_t)(base + (size_t)__builtin_ctzll(mask | UINT64_C(1) << 63));
	return mask & (mask - 1);
}

/* Put down the places of all bits.  Eight at a time, needed or not: a processor foretells well that
 * there are no more, but not how many. */
static inline size_t
put_places(uint16_t *at, size_t k, size_t base, uint64_t mask)
{
	const size_t n = (size_t)__builtin_popcountll(mask);

	for (uint16_t *to = at + k; mask != 0; to += 8) {
		mask = put_place(to, base, mask);
		mask = put_place(to + 1, base, mask);
		mask = put_place(to + 2, base, mask);
		mask = put_place(to + 3, base, mask);
		mask = put_place(to + 4, base, mask);
		mask = put_place(to + 5, base, mask);
		mask = put_place(to + 6, base, mask);
		mask = put_place(to + 7, base, mask);
	}
	return k + n;
}

/* A line of less than 64 bytes, with spaces behind it. */
static inline void
pad(char dst[64], const char *line, size_t n)
{
	memset(dst, ' ', 64);
	memcpy(dst, line, n);
}

#endif

/* Of each way: 64 bytes at a time; the last 64 once more, with what was seen before shifted out. */

#ifdef HAVE_X86

/* The quotes of 16 bytes as bits; *other gathers what must not be there. */
static inline uint64_t
step_sse2(const char *p, __m128i *other)
{
	const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
	const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);

	*other =
	    _mm_or_si128(*other, _mm_or_si128(control, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))));
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
}

static inline uint64_t
block_sse2(const char *p, __m128i *other)
{
	return step_sse2(p, other) | step_sse2(p + 16, other) << 16 |
	    step_sse2(p + 32, other) << 32 | step_sse2(p + 48, other) << 48;
}

static int
find_sse2(const char *line, size_t n, uint16_t *at)
{
	__m128i other = _mm_setzero_si128();
	char padded[64];
	size_t k = 0, i;

	for (i = 0; n - i >= 64; i += 64)
		k = put_places(at, k, i, block_sse2(line + i, &other));
	if (i > 0 && i < n) {
		k = put_places(at, k, i, block_sse2(line + n - 64, &other) >> (64 - (n - i)));
	} else if (i < n) {
		pad(padded, line, n);
		k = put_places(at, k, i, block_sse2(padded, &other));
	}
	return _mm_movemask_epi8(other) != 0 ? -1 : (int)k;
}

#define AVX2 __attribute__((target("avx2,bmi,popcnt")))

AVX2 static inline uint64_t
step_avx2(const char *p, __m256i *other)
{
	const __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);
	const __m256i control =
	    _mm256_cmpeq_epi8(_mm256_min_epu8(x, _mm256_set1_epi8(0x1f)), x);

	*other = _mm256_or_si256(
	    *other, _mm256_or_si256(control, _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\\'))));
	return (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8('"')));
}

AVX2 static inline uint64_t
block_avx2(const char *p, __m256i *other)
{
	return step_avx2(p, other) | step_avx2(p + 32, other) << 32;
}

AVX2 static int
find_avx2(const char *line, size_t n, uint16_t *at)
{
	__m256i other = _mm256_setzero_si256();
	char padded[64];
	size_t k = 0, i;

	for (i = 0; n - i >= 64; i += 64)
		k = put_places(at, k, i, block_avx2(line + i, &other));
	if (i > 0 && i < n) {
		k = put_places(at, k, i, block_avx2(line + n - 64, &other) >> (64 - (n - i)));
	} else if (i < n) {
		pad(padded, line, n);
		k = put_places(at, k, i, block_avx2(padded, &other));
	}
	return !_mm256_testz_si256(other, other) ? -1 : (int)k;
}

#elif defined(HAVE_NEON)

static inline uint64_t
block_neon(const char *p, uint8x16_t *other)
{
	static const uint8_t bits[16] = { 1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64,
		128 };
	const uint8x16_t bit = vld1q_u8(bits);
	uint8x16_t quote[4], sum;

	for (size_t i = 0; i < 4; i++) {
		const uint8x16_t x = vld1q_u8((const uint8_t *)p + 16 * i);

		*other = vorrq_u8(*other,
		    vorrq_u8(vcltq_u8(x, vdupq_n_u8(0x20)), vceqq_u8(x, vdupq_n_u8('\\'))));
		quote[i] = vandq_u8(vceqq_u8(x, vdupq_n_u8('"')), bit);
	}
	/* Neighbours are added until eight bytes have become one. */
	sum = vpaddq_u8(vpaddq_u8(quote[0], quote[1]), vpaddq_u8(quote[2], quote[3]));
	sum = vpaddq_u8(sum, sum);
	return vgetq_lane_u64(vreinterpretq_u64_u8(sum), 0);
}

static int
find_neon(const char *line, size_t n, uint16_t *at)
{
	uint8x16_t other = vdupq_n_u8(0);
	char padded[64];
	size_t k = 0, i;

	for (i = 0; n - i >= 64; i += 64)
		k = put_places(at, k, i, block_neon(line + i, &other));
	if (i > 0 && i < n) {
		k = put_places(at, k, i, block_neon(line + n - 64, &other) >> (64 - (n - i)));
	} else if (i < n) {
		pad(padded, line, n);
		k = put_places(at, k, i, block_neon(padded, &other));
	}
	return vmaxvq_u8(other) != 0 ? -1 : (int)k;
}

#endif

int
quotes_find(enum quotes_way way, const char *line, size_t n, uint16_t at[QUOTES_ROOM])
{
	switch (way) {
#ifdef HAVE_X86
	case QUOTES_SSE2: return find_sse2(line, n, at);
	case QUOTES_AVX2: return find_avx2(line, n, at);
#elif defined(HAVE_NEON)
	case QUOTES_NEON: return find_neon(line, n, at);
#endif
	default: return find_portable(line, n, at);
	}
}
