#include "vouch.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86 1
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON) && defined(__GNUC__)
#define HAVE_NEON 1
#include <arm_neon.h>
#endif

enum vouch_way
vouch_best_way(void)
{
#ifdef HAVE_X86
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	    __builtin_cpu_supports("pclmul"))
		return VOUCH_AVX512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul"))
		return VOUCH_AVX2;
#elif defined(HAVE_NEON)
	return VOUCH_NEON;
#endif
	return VOUCH_NONE;
}

bool
vouch_has_way(enum vouch_way way)
{
#ifdef HAVE_X86
	const enum vouch_way best = vouch_best_way();

	if (way == VOUCH_AVX2 || way == VOUCH_AVX512)
		return way <= best;
#endif
	return way == VOUCH_NONE || way == vouch_best_way();
}

#if defined(HAVE_X86) || defined(HAVE_NEON)

/*
 * Bytes are taken in stretches.  Of each stretch, bits tell where the bytes of each kind stand (mark); from these
 * it is told for all bytes at once whether the byte before lets them be (judge).  The words of bits are
 * independent of one another, but for the parity that is carried on by mark: so the second step takes
 * several words at once.
 */
#define BLOCK ((size_t)64) /* bytes of which the bits make a word */
#define WORDS ((size_t)64) /* of a stretch */
#define FIRST ((size_t)8)  /* of the first one: perhaps it goes no further */
#define LANES                                                                                  \
	((size_t)8) /* words at once; of what machine registers ever, the compiler knows */

/* The kinds that are one byte each. */
#define SINGLES(X)                                                                             \
	X(QUOTE, '"')                                                                          \
	X(FEED, '\n')                                                                          \
	X(OPEN, '{')                                                                           \
	X(CLOSE, '}')                                                                          \
	X(COMMA, ',')                                                                          \
	X(COLON, ':')                                                                          \
	X(ZERO, '0')                                                                           \
	X(DOT, '.')                                                                            \
	X(MINUS, '-')                                                                          \
	X(SPACE, ' ')

#define NAME(kind, byte) kind,
enum kind {
	SINGLES(NAME) DIGIT,
	BAD,    /* a backslash, or a control character other than a line feed */
	INSIDE, /* a string, from its first quote up to its last, without that */
	ODD, /* behind an odd number of line feeds, colons and commas that are in no string; with itself */
	KINDS
};
#undef NAME

struct marks {
	uint64_t of[KINDS][1 + WORDS]; /* the word before the stretch first */
	uint64_t wrong[WORDS];         /* cannot stand here */
	uint64_t word[WORDS];          /* true, false or null has to begin here */
};

/* Nothing was before but a line feed. */
static void
begin(struct marks *m)
{
	for (size_t k = 0; k < KINDS; k++)
		m->of[k][0] = 0;
	m->of[FEED][0] = m->of[ODD][0] = UINT64_C(1) << 63;
}

/* n words were taken; the last of them is before those that follow. */
static void
carry(struct marks *m, size_t n)
{
	for (size_t k = 0; k < KINDS; k++)
		m->of[k][0] = m->of[k][n];
}

#define INLINED static inline __attribute__((always_inline))

/* ---- the first step ---- */

/* Of each bit, whether the bits up to it, with itself, are odd in number. */
#ifdef HAVE_X86
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
track(struct marks *m, size_t i)
{
	const uint64_t inside = odd_up_to(m->of[QUOTE][i]) ^ spread(m->of[INSIDE][i - 1]);
	const uint64_t turns = (m->of[FEED][i] | m->of[COLON][i] | m->of[COMMA][i]) & ~inside;

	m->of[INSIDE][i] = inside;
	m->of[ODD][i] = odd_up_to(turns) ^ spread(m->of[ODD][i - 1]);
}

/* ---- the second step ---- */

typedef uint64_t lanes
    __attribute__((vector_size(LANES * sizeof(uint64_t)), aligned(8), may_alias));

/* What has no register is not passed either: all this is inlined. */
#pragma GCC diagnostic ignored "-Wpsabi"

/* Places behind those of x; of the words before only the highest bits count. */
INLINED lanes
behind(lanes x, lanes before)
{
	return x << 1 | before >> 63;
}

/* What stands outside of strings, by kinds. */
struct outside {
	lanes colon, comma, open, close, digit, dot, minus, space;
	lanes first, last; /* quotes of strings */
	lanes letter;      /* anything else */
};

INLINED lanes
load(const struct marks *m, enum kind kind, size_t i)
{
	return *(const lanes *)(const void *)&m->of[kind][i];
}

INLINED void
look_outside(struct outside *o, const struct marks *m, size_t i)
{
	const lanes inside = load(m, INSIDE, i), quote = load(m, QUOTE, i);
	const lanes outside = ~(inside | quote);

	o->first = quote & inside;
	o->last = quote & ~inside;
	o->colon = load(m, COLON, i) & outside;
	o->comma = load(m, COMMA, i) & outside;
	o->open = load(m, OPEN, i) & outside;
	o->close = load(m, CLOSE, i) & outside;
	o->digit = load(m, DIGIT, i) & outside;
	o->dot = load(m, DOT, i) & outside;
	o->minus = load(m, MINUS, i) & outside;
	o->space = load(m, SPACE, i) & outside;
	o->letter = outside &
	    ~(o->colon | o->comma | o->open | o->close | o->digit | o->dot | o->minus |
		o->space | load(m, FEED, i));
}

/* Numbers: no zero before other digits, no second dot.  begun: places where one may begin, or behind a minus. */
INLINED lanes
wrong_numbers(const struct marks *m, size_t i, const struct outside *o,
    const struct outside *before, lanes begun, lanes begun_before)
{
	const lanes zero = load(m, ZERO, i + 1) & begun,
		    zero_before = load(m, ZERO, i) & begun_before;
	/* The first digit behind a dot, added to the digits, leaves a bit behind the last of them; in the word before,
	 * it may leave it behind that word.  Sixty-four digits are too many to look through. */
	const lanes fraction = o->digit + (o->digit & behind(o->dot, before->dot));
	const lanes fraction_before = before->digit + (before->digit & before->dot << 1);
	const lanes end = fraction + ((before->digit & ~fraction_before) >> 63);

	return (o->digit & behind(zero, zero_before)) | (o->dot & end & ~o->digit) |
	    (lanes)(o->digit == ~(lanes){ 0 });
}

/* Words i to i + LANES - 1 of a stretch. */
INLINED void
judge(struct marks *m, size_t i)
{
	struct outside o, before;
	lanes wrong, odd, feed, key, value, number, key_space, value_space, letters;
	lanes key_space_before, value_space_before;

	look_outside(&o, m, i + 1);
	look_outside(&before, m, i);
	odd = load(m, ODD, i + 1);
	feed = load(m, FEED, i + 1);

	/* One space behind a colon or a comma is as if it were not there. */
	value_space = o.space & behind(o.colon, before.colon);
	key_space = o.space & behind(o.comma, before.comma);
	value_space_before = before.space & before.colon << 1;
	key_space_before = before.space & before.comma << 1;
	wrong = load(m, BAD, i + 1) | (o.space & ~(value_space | key_space));

	/* Where a key may begin, where a value, and where the digits of a number. */
	key =
	    behind(o.open | o.comma | key_space, before.open | before.comma | key_space_before);
	value = behind(o.colon | value_space, before.colon | value_space_before);
	number = value | behind(o.minus, before.minus);

	/* What may stand behind what. */
	letters = behind(o.letter, before.letter);
	wrong |= o.open & ~behind(feed, load(m, FEED, i));
	wrong |= feed & ~behind(o.close, before.close);
	wrong |= o.first & ~(key | value);
	wrong |= o.colon & ~behind(o.last, before.last);
	wrong |= (o.comma | o.close) &
	    ~(behind(o.last | o.digit, before.last | before.digit) | letters);
	wrong |= o.minus & ~value;
	wrong |= o.digit & ~(number | behind(o.digit | o.dot, before.digit | before.dot));
	wrong |= o.dot & ~behind(o.digit, before.digit);
	wrong |= o.letter & ~(value | letters);
	/* By turns colons, and commas or line feeds: between two of these one key has its value. */
	wrong |= (o.colon & odd) | ((o.comma | feed) & ~odd);
	wrong |= wrong_numbers(
	    m, i, &o, &before, number, (before.colon | value_space_before | before.minus) << 1);

	*(lanes *)(void *)&m->wrong[i] = wrong;
	*(lanes *)(void *)&m->word[i] = o.letter & value;
}

static bool
is_word(const char *p, const char *end)
{
	size_t n;

	if (end - p < 6)
		return false;
	n = memcmp(p, "true", 4) == 0 || memcmp(p, "null", 4) == 0 ? 4
	    : memcmp(p, "false", 5) == 0                           ? 5
								   : 0;
	return n > 0 && (p[n] == ',' || p[n] == '}');
}

/* Move *good behind the last line before anything that is wrong; false if something is. */
INLINED bool
take(struct marks *m, const char *p, size_t n, const char *end, const char **good,
    uint64_t *lines)
{
	for (size_t i = 0; i < n; i += LANES)
		judge(m, i);
	for (size_t i = 0; i < n; i++, p += BLOCK) {
		uint64_t wrong = m->wrong[i], feed = m->of[FEED][i + 1];

		for (uint64_t word = m->word[i]; word != 0; word &= word - 1)
			if (!is_word(p + __builtin_ctzll(word), end))
				wrong |= word & -word;
		if (wrong != 0)
			feed &= (wrong & -wrong) - 1;
		if (feed != 0) {
			*lines += (uint64_t)__builtin_popcountll(feed);
			*good = p + BLOCK - __builtin_clzll(feed);
		}
		if (wrong != 0)
			return false;
	}
	return true;
}

#endif

/* Of each way: both steps. */

#ifdef HAVE_X86

#define AVX2   __attribute__((target("avx2,bmi,pclmul,popcnt")))
#define AVX512 __attribute__((target("avx512bw,avx512vl,avx2,bmi,pclmul,popcnt")))

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
mark_avx2(struct marks *m, const char *p, size_t n)
{
	const __m256i zero = _mm256_set1_epi8('0');

	for (size_t i = 1; i <= n; i++, p += BLOCK) {
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

AVX2 static bool
take_avx2(struct marks *m, const char *p, size_t n, const char *end, const char **good,
    uint64_t *lines)
{
	mark_avx2(m, p, n);
	return take(m, p, n, end, good, lines);
}

#define MARK_AVX512(kind, byte)                                                                \
	m->of[kind][i] = _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(byte));

AVX512 static void
mark_avx512(struct marks *m, const char *p, size_t n)
{
	for (size_t i = 1; i <= n; i++, p += BLOCK) {
		const __m512i x = _mm512_loadu_si512(p);
		const __m512i digit = _mm512_sub_epi8(x, _mm512_set1_epi8('0'));

		SINGLES(MARK_AVX512)
		m->of[DIGIT][i] = _mm512_cmple_epu8_mask(digit, _mm512_set1_epi8(9));
		m->of[BAD][i] = _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('\\')) |
		    (_mm512_cmple_epu8_mask(x, _mm512_set1_epi8(0x1f)) & ~m->of[FEED][i]);
		track(m, i);
	}
}

AVX512 static bool
take_avx512(struct marks *m, const char *p, size_t n, const char *end, const char **good,
    uint64_t *lines)
{
	mark_avx512(m, p, n);
	return take(m, p, n, end, good, lines);
}

#elif defined(HAVE_NEON)

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

static bool
take_neon(struct marks *m, const char *p, size_t n, const char *end, const char **good,
    uint64_t *lines)
{
	for (size_t i = 1; i <= n; i++) {
		const uint8_t *at = (const uint8_t *)p + (i - 1) * BLOCK;
		const uint8x16_t x[4] = { vld1q_u8(at), vld1q_u8(at + 16), vld1q_u8(at + 32),
			vld1q_u8(at + 48) };

		SINGLES(MARK_NEON)
		m->of[DIGIT][i] = up_to_neon(x, '0', 9);
		m->of[BAD][i] =
		    equal_neon(x, '\\') | (up_to_neon(x, 0, 0x1f) & ~m->of[FEED][i]);
		track(m, i);
	}
	return take(m, p, n, end, good, lines);
}

#endif

#if defined(HAVE_X86) || defined(HAVE_NEON)

static bool
take_stretch(enum vouch_way way, struct marks *m, const char *p, size_t n, const char *end,
    const char **good, uint64_t *lines)
{
	switch (way) {
#ifdef HAVE_X86
	case VOUCH_AVX2: return take_avx2(m, p, n, end, good, lines);
	case VOUCH_AVX512: return take_avx512(m, p, n, end, good, lines);
#else
	case VOUCH_NEON: return take_neon(m, p, n, end, good, lines);
#endif
	default: return false;
	}
}

const char *
vouch_lines(enum vouch_way way, const char *from, const char *end, uint64_t *lines)
{
	const char *good = from, *p = from;
	struct marks m;
	size_t n = FIRST;

	for (begin(&m); (size_t)(end - p) >= BLOCK; p += n * BLOCK, n = WORDS) {
		if (n > (size_t)(end - p) / BLOCK)
			n = (size_t)(end - p) / BLOCK;
		if (!take_stretch(way, &m, p, n, end, &good, lines))
			break;
		carry(&m, n);
	}
	return good;
}

#else

const char *
vouch_lines(enum vouch_way way, const char *from, const char *end, uint64_t *lines)
{
	(void)way;
	(void)end;
	(void)lines;
	return from;
}

#endif
