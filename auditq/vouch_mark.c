#include "vouch_mark.h"

#include <string.h>

#ifdef VOUCH_X86
#include <immintrin.h>
#elif defined(VOUCH_ARM)
#include <arm_neon.h>
#endif

#ifdef VOUCH_SOME

/* Of each bit, whether the bits up to it, with itself, are odd in number. */
#ifdef VOUCH_X86
#define CARRYLESS __attribute__((target("pclmul")))
CARRYLESS static inline uint64_t
odd_up_to(uint64_t x)
{
	return (uint64_t)_mm_cvtsi128_si64(
	    _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)x), _mm_set1_epi8((char)-1), 0));
}
#else
#define CARRYLESS
static inline uint64_t
odd_up_to(uint64_t x)
{
	for (unsigned k = 1; k < 64; k *= 2)
		x ^= x << k;
	return x;
}
#endif

/* The highest bit as all bits. */
static inline uint64_t
spread(uint64_t x)
{
	return (uint64_t)((int64_t)x >> 63);
}

/* Word i, of which all single bytes are marked, from the word before. */
CARRYLESS static inline void
track(struct vouch_marks *m, size_t i)
{
	const uint64_t inside = odd_up_to(m->of[QUOTE][i]) ^ spread(m->of[INSIDE][i - 1]);
	const uint64_t turns = (m->of[FEED][i] | m->of[COLON][i] | m->of[COMMA][i]) & ~inside;

	m->of[INSIDE][i] = inside;
	m->of[ODD][i] = odd_up_to(turns) ^ spread(m->of[ODD][i - 1]);
}

#endif

#ifdef VOUCH_X86

/* ---- AVX2 ---- */

AVX2 static inline uint64_t
bits_avx2(__m256i a, __m256i b)
{
	return (uint32_t)_mm256_movemask_epi8(a) |
	    (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

AVX2 static inline uint64_t
equal_avx2(__m256i a, __m256i b, char c)
{
	const __m256i x = _mm256_set1_epi8(c);

	return bits_avx2(_mm256_cmpeq_epi8(a, x), _mm256_cmpeq_epi8(b, x));
}

/* Bytes of at most that value. */
AVX2 static inline uint64_t
up_to_avx2(__m256i a, __m256i b, char most)
{
	const __m256i x = _mm256_set1_epi8(most);

	return bits_avx2(_mm256_cmpeq_epi8(_mm256_min_epu8(a, x), a),
	    _mm256_cmpeq_epi8(_mm256_min_epu8(b, x), b));
}

#define MARK_AVX2(kind, byte) m->of[kind][i] = equal_avx2(a, b, byte);

AVX2 static void
mark_avx2(struct vouch_marks *m, const char *p, size_t n)
{
	const __m256i zero = _mm256_set1_epi8('0');

	for (size_t i = LANES; i < LANES + n; i++, p += BLOCK) {
		const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
		const __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));

		SINGLES(MARK_AVX2)
		m->of[DIGIT][i] =
		    up_to_avx2(_mm256_sub_epi8(a, zero), _mm256_sub_epi8(b, zero), 9);
		m->of[BAD][i] =
		    equal_avx2(a, b, '\\') | (up_to_avx2(a, b, 0x1f) & ~m->of[FEED][i]);
		track(m, i);
	}
}

/* ---- AVX-512 ---- */

/*
 * A table gives a byte of bits for each byte, and the n-th bits of 64 bytes are put together to a word: the n-th
 * plane.  As no byte is of two kinds, seven of them share the last three planes.
 */
enum plane {
	P_QUOTE = 1,
	P_FEED = 2,
	P_COMMA = 4,
	P_COLON = 8,
	P_DIGIT = 16,
	P_X = 32,
	P_Y = 64,
	P_Z = 128
};
#define P_ZERO     (P_DIGIT | P_X)
#define P_OPEN     P_X
#define P_CLOSE    P_Y
#define P_DOT      P_Z
#define P_MINUS    (P_X | P_Y)
#define P_SPACE    (P_X | P_Z)
#define P_BAD      (P_Y | P_Z)
#define P_CONTROLS P_BAD, P_BAD, P_BAD, P_BAD, P_BAD

static const uint8_t planes[128] = { P_CONTROLS, P_CONTROLS, P_FEED, P_CONTROLS, P_CONTROLS,
	P_CONTROLS, P_CONTROLS,
	P_BAD, [' '] = P_SPACE, ['"'] = P_QUOTE, [','] = P_COMMA, ['-'] = P_MINUS,
	['.'] = P_DOT, ['0'] = P_ZERO, ['1'] = P_DIGIT, ['2'] = P_DIGIT, ['3'] = P_DIGIT,
	['4'] = P_DIGIT, ['5'] = P_DIGIT, ['6'] = P_DIGIT, ['7'] = P_DIGIT, ['8'] = P_DIGIT,
	['9'] = P_DIGIT, [':'] = P_COLON, ['\\'] = P_BAD, ['{'] = P_OPEN, ['}'] = P_CLOSE };

/* Eight bytes of the same value. */
#define EIGHT(x) (UINT64_C(0x0101010101010101) * (x))

/* Of 64 bytes: of each eight of them the n-th bits as the n-th byte. */
AVX512 static inline __m512i
planes_avx512(const char *p, __m512i low, __m512i high)
{
	const __m512i bits = _mm512_set1_epi64((int64_t)UINT64_C(0x8040201008040201));
	const __m512i x = _mm512_min_epu8(_mm512_loadu_si512(p), _mm512_set1_epi8(127));
	const __m512i y =
	    _mm512_gf2p8affine_epi64_epi8(bits, _mm512_permutex2var_epi8(low, x, high), 0);

	/* They come with the last byte's bit first. */
	return _mm512_gf2p8affine_epi64_epi8(y, bits, 0);
}

AVX512 static inline void
swap_bytes(__m512i *a, __m512i *b, __m512i low, __m512i high)
{
	const __m512i x = *a;

	*a = _mm512_permutex2var_epi8(x, low, *b);
	*b = _mm512_permutex2var_epi8(x, high, *b);
}

AVX512 static inline void
swap_words(__m512i *a, __m512i *b, __m512i low, __m512i high)
{
	const __m512i x = *a;

	*a = _mm512_permutex2var_epi64(x, low, *b);
	*b = _mm512_permutex2var_epi64(x, high, *b);
}

#define W(a, b, c, d, e, f, g, h) _mm512_setr_epi64(a, b, c, d, e, f, g, h)

/* Of each 64 bytes as planes_avx512 has left them; the n-th planes as the n-th row. */
AVX512 static inline void
transpose_avx512(__m512i row[LANES])
{
	/* Of two rows, the bytes of the planes with even numbers, and with odd ones. */
	const __m512i eighth = _mm512_set1_epi64(0x3830282018100800);
	const __m512i low1 = _mm512_add_epi8(eighth,
	    W(EIGHT(0), EIGHT(64), EIGHT(2), EIGHT(66), EIGHT(4), EIGHT(68), EIGHT(6),
		EIGHT(70)));
	const __m512i high1 = _mm512_add_epi8(eighth,
	    W(EIGHT(1), EIGHT(65), EIGHT(3), EIGHT(67), EIGHT(5), EIGHT(69), EIGHT(7),
		EIGHT(71)));
	const __m512i low2 = W(0, 1, 8, 9, 4, 5, 12, 13), high2 = W(2, 3, 10, 11, 6, 7, 14, 15);
	const __m512i low4 = W(0, 1, 2, 3, 8, 9, 10, 11), high4 = W(4, 5, 6, 7, 12, 13, 14, 15);

	swap_bytes(&row[0], &row[1], low1, high1);
	swap_bytes(&row[2], &row[3], low1, high1);
	swap_bytes(&row[4], &row[5], low1, high1);
	swap_bytes(&row[6], &row[7], low1, high1);
	swap_words(&row[0], &row[2], low2, high2);
	swap_words(&row[1], &row[3], low2, high2);
	swap_words(&row[4], &row[6], low2, high2);
	swap_words(&row[5], &row[7], low2, high2);
	swap_words(&row[0], &row[4], low4, high4);
	swap_words(&row[1], &row[5], low4, high4);
	swap_words(&row[2], &row[6], low4, high4);
	swap_words(&row[3], &row[7], low4, high4);
}

/* odd_up_to from word to word; before: the last one before them. */
AVX512 static inline __m512i
odd_avx512(__m512i x, uint64_t before)
{
	const __m512i ones = _mm512_set1_epi64(-1);
	const __m512i words = _mm512_unpacklo_epi64(
	    _mm512_clmulepi64_epi128(x, ones, 0), _mm512_clmulepi64_epi128(x, ones, 1));
	unsigned odd = (unsigned)_mm512_movepi64_mask(words) << 1;

	/* A word that is odd turns all that follow. */
	odd ^= odd << 1;
	odd ^= odd << 2;
	odd ^= odd << 4;
	return _mm512_mask_xor_epi64(
	    words, (__mmask8)(odd ^ (unsigned)spread(before)), words, ones);
}

AVX512 static inline void
store(struct vouch_marks *m, enum kind kind, size_t i, __m512i x)
{
	_mm512_store_si512(&m->of[kind][i], x);
}

/* The kinds that share planes. */
AVX512 static inline void
store_shared(struct vouch_marks *m, size_t i, __m512i digit, __m512i x, __m512i y, __m512i z)
{
	store(m, DIGIT, i, digit);
	store(m, ZERO, i, digit & x);
	store(m, OPEN, i, x & ~(y | z | digit));
	store(m, CLOSE, i, y & ~(x | z));
	store(m, DOT, i, z & ~(x | y));
	store(m, MINUS, i, x & y);
	store(m, SPACE, i, x & z);
	store(m, BAD, i, y & z);
}

/* LANES words from i on. */
AVX512 static inline void
mark_lanes_avx512(struct vouch_marks *m, size_t i, const char *p)
{
	const __m512i low = _mm512_loadu_si512(planes), high = _mm512_loadu_si512(planes + 64);
	__m512i row[LANES];
	__m512i inside, turns;

	row[0] = planes_avx512(p, low, high);
	row[1] = planes_avx512(p + BLOCK, low, high);
	row[2] = planes_avx512(p + 2 * BLOCK, low, high);
	row[3] = planes_avx512(p + 3 * BLOCK, low, high);
	row[4] = planes_avx512(p + 4 * BLOCK, low, high);
	row[5] = planes_avx512(p + 5 * BLOCK, low, high);
	row[6] = planes_avx512(p + 6 * BLOCK, low, high);
	row[7] = planes_avx512(p + 7 * BLOCK, low, high);
	transpose_avx512(row);
	store(m, QUOTE, i, row[0]);
	store(m, FEED, i, row[1]);
	store(m, COMMA, i, row[2]);
	store(m, COLON, i, row[3]);
	store_shared(m, i, row[4], row[5], row[6], row[7]);
	inside = odd_avx512(row[0], m->of[INSIDE][i - 1]);
	turns = (row[1] | row[2] | row[3]) & ~inside;
	store(m, INSIDE, i, inside);
	store(m, ODD, i, odd_avx512(turns, m->of[ODD][i - 1]));
}

AVX512 static void
mark_avx512(struct vouch_marks *m, const char *p, size_t n)
{
	char rest[LANES * BLOCK];

	for (size_t i = 0; i < n; i += LANES, p += LANES * BLOCK) {
		if (n - i < LANES) {
			memset(rest, 0, sizeof rest);
			p = memcpy(rest, p, (n - i) * BLOCK);
		}
		mark_lanes_avx512(m, LANES + i, p);
	}
}

void
vouch_mark(enum vouch_way way, struct vouch_marks *m, const char *p, size_t n)
{
	if (way == VOUCH_AVX512)
		mark_avx512(m, p, n);
	else
		mark_avx2(m, p, n);
}

#elif defined(VOUCH_ARM)

/* A bit for each byte that is all ones. */
static inline uint64_t
bits_neon(const uint8x16_t x[4])
{
	static const uint8_t bits[16] = { 1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64,
		128 };
	const uint8x16_t bit = vld1q_u8(bits);
	uint8x16_t sum;

	/* Neighbours are added until eight bytes have become one. */
	sum = vpaddq_u8(vpaddq_u8(vandq_u8(x[0], bit), vandq_u8(x[1], bit)),
	    vpaddq_u8(vandq_u8(x[2], bit), vandq_u8(x[3], bit)));
	sum = vpaddq_u8(sum, sum);
	return vgetq_lane_u64(vreinterpretq_u64_u8(sum), 0);
}

static inline uint64_t
equal_neon(const uint8x16_t x[4], char c)
{
	const uint8x16_t y = vdupq_n_u8((uint8_t)c);
	const uint8x16_t equal[4] = { vceqq_u8(x[0], y), vceqq_u8(x[1], y), vceqq_u8(x[2], y),
		vceqq_u8(x[3], y) };

	return bits_neon(equal);
}

/* Bytes of at most that value, when so much is taken from them. */
static inline uint64_t
up_to_neon(const uint8x16_t x[4], uint8_t less, uint8_t most)
{
	const uint8x16_t y = vdupq_n_u8(less), z = vdupq_n_u8(most);
	const uint8x16_t low[4] = { vcleq_u8(vsubq_u8(x[0], y), z),
		vcleq_u8(vsubq_u8(x[1], y), z), vcleq_u8(vsubq_u8(x[2], y), z),
		vcleq_u8(vsubq_u8(x[3], y), z) };

	return bits_neon(low);
}

#define MARK_NEON(kind, byte) m->of[kind][i] = equal_neon(x, byte);

void
vouch_mark(enum vouch_way way, struct vouch_marks *m, const char *p, size_t n)
{
	(void)way;
	for (size_t i = LANES; i < LANES + n; i++, p += BLOCK) {
		const uint8_t *at = (const uint8_t *)p;
		const uint8x16_t x[4] = { vld1q_u8(at), vld1q_u8(at + 16), vld1q_u8(at + 32),
			vld1q_u8(at + 48) };

		SINGLES(MARK_NEON)
		m->of[DIGIT][i] = up_to_neon(x, '0', 9);
		m->of[BAD][i] =
		    equal_neon(x, '\\') | (up_to_neon(x, 0, 0x1f) & ~m->of[FEED][i]);
		track(m, i);
	}
}

#endif
