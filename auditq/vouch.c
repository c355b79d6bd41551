#include "vouch.h"

#include <string.h>

#include "vouch_mark.h"

enum vouch_way
vouch_best_way(void)
{
#ifdef VOUCH_X86
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("gfni") &&
	    __builtin_cpu_supports("vpclmulqdq"))
		return VOUCH_AVX512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul"))
		return VOUCH_AVX2;
#elif defined(VOUCH_ARM)
	return VOUCH_NEON;
#endif
	return VOUCH_NONE;
}

bool
vouch_has_way(enum vouch_way way)
{
#ifdef VOUCH_X86
	const enum vouch_way best = vouch_best_way();

	if (way == VOUCH_AVX2 || way == VOUCH_AVX512)
		return way <= best;
#endif
	return way == VOUCH_NONE || way == vouch_best_way();
}

#ifdef VOUCH_SOME

/*
 * Bytes are taken in stretches.  Of each stretch, bits tell where the bytes of each kind stand, and what of them is
 * in strings (vouch_mark); from these it is told for all bytes at once whether the byte before lets them be
 * (judge).  The words of bits are independent of one another, but for the parities that marking carries on.
 */
#define FIRST ((size_t)8) /* words of the first stretch: perhaps it goes no further */

/* Nothing was before but a line feed. */
static void
begin(struct vouch_marks *m)
{
	for (size_t k = 0; k < KINDS; k++)
		m->of[k][BEFORE] = 0;
	m->of[FEED][BEFORE] = m->of[ODD][BEFORE] = UINT64_C(1) << 63;
}

/* n words were taken; the last of them is before those that follow. */
static void
carry(struct vouch_marks *m, size_t n)
{
	for (size_t k = 0; k < KINDS; k++)
		m->of[k][BEFORE] = m->of[k][BEFORE + n];
}

/* ---- several words at once ---- */

#define INLINED static inline __attribute__((always_inline))

typedef uint64_t lanes
    __attribute__((vector_size(LANES * sizeof(uint64_t)), aligned(8), may_alias));

/* What has no register is not passed either: all this is inlined. */
#pragma GCC diagnostic ignored "-Wpsabi"

INLINED lanes
load(const struct vouch_marks *m, enum kind kind, size_t i)
{
	return *(const lanes *)(const void *)&m->of[kind][i];
}

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

INLINED void
look_outside(struct outside *o, const struct vouch_marks *m, size_t i)
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
wrong_numbers(const struct vouch_marks *m, size_t i, const struct outside *o,
    const struct outside *before, lanes begun, lanes begun_before)
{
	const lanes zero = load(m, ZERO, i) & begun,
		    zero_before = load(m, ZERO, i - 1) & begun_before;
	/* The first digit behind a dot, added to the digits, leaves a bit behind the last of them; in the word before,
	 * it may leave it behind that word.  Sixty-four digits are too many to look through. */
	const lanes fraction = o->digit + (o->digit & behind(o->dot, before->dot));
	const lanes fraction_before = before->digit + (before->digit & before->dot << 1);
	const lanes end = fraction + ((before->digit & ~fraction_before) >> 63);

	return (o->digit & behind(zero, zero_before)) | (o->dot & end & ~o->digit) |
	    (lanes)(o->digit == ~(lanes){ 0 });
}

/* Words i to i + LANES - 1 of a stretch; what of them is wrong, or begins a word. */
INLINED lanes
judge(struct vouch_marks *m, size_t i)
{
	struct outside o, before;
	lanes wrong, odd, feed, key, value, number, key_space, value_space, letters;
	lanes key_space_before, value_space_before;

	look_outside(&o, m, i);
	look_outside(&before, m, i - 1);
	odd = load(m, ODD, i);
	feed = load(m, FEED, i);

	/* One space behind a colon or a comma is as if it were not there. */
	value_space = o.space & behind(o.colon, before.colon);
	key_space = o.space & behind(o.comma, before.comma);
	value_space_before = before.space & before.colon << 1;
	key_space_before = before.space & before.comma << 1;
	wrong = load(m, BAD, i) | (o.space & ~(value_space | key_space));

	/* Where a key may begin, where a value, and where the digits of a number. */
	key =
	    behind(o.open | o.comma | key_space, before.open | before.comma | key_space_before);
	value = behind(o.colon | value_space, before.colon | value_space_before);
	number = value | behind(o.minus, before.minus);

	/* What may stand behind what. */
	letters = behind(o.letter, before.letter);
	wrong |= o.open & ~behind(feed, load(m, FEED, i - 1));
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
	return wrong | (o.letter & value);
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
take_doubtful(const struct vouch_marks *m, const char *p, size_t n, const char *end,
    const char **good, uint64_t *lines)
{
	for (size_t i = LANES; i < LANES + n; i++, p += BLOCK) {
		uint64_t wrong = m->wrong[i], feed = m->of[FEED][i];

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

/* The same of n words; most have nothing that has to be looked at once more. */
INLINED bool
take(struct vouch_marks *m, const char *p, size_t n, const char *end, const char **good,
    uint64_t *lines)
{
	lanes doubt = { 0 };
	uint64_t doubts = 0;
	size_t last = LANES + n;

	for (size_t i = LANES; i < LANES + n; i += LANES)
		doubt |= judge(m, i);
	for (size_t k = 0; k < LANES; k++)
		doubts |= doubt[k];
	if (n % LANES != 0 || doubts != 0)
		return take_doubtful(m, p, n, end, good, lines);
	for (size_t i = LANES; i < LANES + n; i++)
		*lines += (uint64_t)__builtin_popcountll(m->of[FEED][i]);
	while (last > LANES && m->of[FEED][last - 1] == 0)
		last--;
	if (last > LANES)
		*good = p + (last - LANES) * BLOCK - __builtin_clzll(m->of[FEED][last - 1]);
	return true;
}

/* ---- ways ---- */

#ifdef VOUCH_X86
AVX2 static bool
take_avx2(struct vouch_marks *m, const char *p, size_t n, const char *end, const char **good,
    uint64_t *lines)
{
	return take(m, p, n, end, good, lines);
}

AVX512 static bool
take_avx512(struct vouch_marks *m, const char *p, size_t n, const char *end, const char **good,
    uint64_t *lines)
{
	return take(m, p, n, end, good, lines);
}
#endif

static bool
take_stretch(enum vouch_way way, struct vouch_marks *m, const char *p, size_t n,
    const char *end, const char **good, uint64_t *lines)
{
	vouch_mark(way, m, p, n);
#ifdef VOUCH_X86
	return way == VOUCH_AVX512 ? take_avx512(m, p, n, end, good, lines)
				   : take_avx2(m, p, n, end, good, lines);
#else
	return take(m, p, n, end, good, lines);
#endif
}

const char *
vouch_lines(enum vouch_way way, const char *from, const char *end, uint64_t *lines)
{
	const char *good = from, *p = from;
	struct vouch_marks m;
	size_t n = FIRST;

	if (way == VOUCH_NONE)
		return from;
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
