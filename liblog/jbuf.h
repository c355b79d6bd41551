/*
 * jbuf - append JSON to a buffer: strings (UTF-8 repaired), exact integers, shortest doubles.
 *
 * The buffer is the caller's and never grows.  len goes on counting past cap, so that one pass
 * with cap 0 measures and a second one fills exactly: nothing is written at or past cap.  What
 * lies between len and cap may be overwritten with anything.
 */
#ifndef JBUF_H
#define JBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "digits.h"

struct jbuf {
	char *p;    /* may be NULL when cap is 0 */
	size_t len; /* bytes that were appended, also those that had no room */
	size_t cap;
};

static inline bool
jbuf_full(const struct jbuf *b)
{
	return b->len > b->cap;
}

/*
 * What is inline here changes a buffer only by assignment, and hands a copy to what is not: so the
 * buffer of a function that appends much can stay in registers.
 */
#define JBUF_INLINE static inline __attribute__((always_inline))

/* Append what has no room as a whole, counting. */
void jbuf_raw_cut(struct jbuf *b, const char *s, size_t n);

/* Whether n more bytes fit. */
static inline bool
jbuf_fits(const struct jbuf *b, size_t n)
{
	return b->len <= b->cap && n <= b->cap - b->len;
}

/* Append bytes as they stand.  Inline, so that a literal is a move or two. */
JBUF_INLINE void
jbuf_raw(struct jbuf *b, const char *s, size_t n)
{
	if (!jbuf_fits(b, n)) {
		struct jbuf copy = *b;

		jbuf_raw_cut(&copy, s, n);
		*b = copy;
		return;
	}
	if (n > 0)
		memcpy(b->p + b->len, s, n);
	b->len += n;
}

/* Two moves of k bytes that overlap, for k to 2 * k bytes. */
#define JBUF_TWO(k)                                                                            \
	(memcpy(first, s, k), memcpy(last, s + n - (k), k), memcpy(p, first, k),               \
	    memcpy(p + n - (k), last, k))

/* The same for text of some dozen bytes, without a call. */
JBUF_INLINE void
jbuf_text(struct jbuf *b, const char *s, size_t n)
{
	char *p = b->p + b->len;
	char first[32], last[32];

	if (n < 8 || !jbuf_fits(b, n)) {
		jbuf_raw(b, s, n);
		return;
	}
	if (n >= 32) {
		for (size_t i = 0; i < n - 32; i += 32)
			memcpy(p + i, s + i, 32);
		memcpy(p + n - 32, s + n - 32, 32);
	} else if (n >= 16) {
		JBUF_TWO(16);
	} else {
		JBUF_TWO(8);
	}
	b->len += n;
}

JBUF_INLINE void
jbuf_char(struct jbuf *b, char c)
{
	if (b->len < b->cap)
		b->p[b->len] = c;
	b->len++;
}

/* A JSON string with its quotes: control characters, '"' and '\' escaped (\b \f \n \r \t by
 * their short names, \u00xx else), every maximal invalid UTF-8 subpart replaced by U+FFFD
 * (Unicode 15, 3.9 "substitution of maximal subparts").  Scans 16 bytes at a time. */
JBUF_INLINE void jbuf_str(struct jbuf *b, const char *s, size_t n);
/* Its inside only, without the quotes. */
JBUF_INLINE void jbuf_str_inner(struct jbuf *b, const char *s, size_t n);
/* The same, whatever is in it. */
void jbuf_str_any(struct jbuf *b, const char *s, size_t n);
/* Whether nothing has to be replaced. */
bool jbuf_is_utf8(const char *s, size_t n);
static inline void jbuf_i64(struct jbuf *b, int64_t i);
static inline void jbuf_u64(struct jbuf *b, uint64_t u);
/* The same where there may be no room. */
void jbuf_digits_cut(struct jbuf *b, bool negative, uint64_t u);
/* The shortest digits that strtod (for a float, strtof) reads back as the same value, in the form
 * of JavaScript's Number::toString (0.000001, 1.5e-7, 1e+21), except that it always shows a
 * floating-point number, to readers that tell them from integers too: integral values print
 * as 123.0 or -0.0 below 1e17, and from there on with an exponent.  NaN, infinities: null. */
void jbuf_double(struct jbuf *b, double d);
void jbuf_float(struct jbuf *b, float f);

/* ---- the short way of strings: up to 16 bytes, all of them clean ---- */

#ifdef __SSE2__
/* A bit for each byte that is not printable ASCII or DEL, or is '"' or '\'; signed, bytes from
 * 0x80 are below the space as well. */
static inline unsigned
jbuf_unclean(__m128i v)
{
	const __m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(' '));
	const __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
	const __m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, slash)));
}

/* Copy them as two halves that overlap; false, and nothing is done, when one is not clean. */
JBUF_INLINE bool
jbuf_copy_short(char *dst, const char *s, size_t n)
{
	uint64_t a = 0, b = 0;

	if (n >= 8) {
		memcpy(&a, s, 8);
		memcpy(&b, s + n - 8, 8);
		if (jbuf_unclean(_mm_set_epi64x((long long)b, (long long)a)) != 0)
			return false;
		memcpy(dst, &a, 8);
		memcpy(dst + n - 8, &b, 8);
		return true;
	}
	if (n >= 4) {
		memcpy(&a, s, 4);
		memcpy(&b, s + n - 4, 4);
		if ((jbuf_unclean(_mm_cvtsi64_si128((long long)(a | b << 32))) & 0xff) != 0)
			return false;
		memcpy(dst, &a, 4);
		memcpy(dst + n - 4, &b, 4);
		return true;
	}
	/* The first, the middle and the last are all there are. */
	a = (uint64_t)(unsigned char)s[0] | (uint64_t)(unsigned char)s[n / 2] << 8 |
	    (uint64_t)(unsigned char)s[n - 1] << 16;
	if ((jbuf_unclean(_mm_cvtsi64_si128((long long)a)) & 7) != 0)
		return false;
	dst[0] = s[0];
	dst[n / 2] = s[n / 2];
	dst[n - 1] = s[n - 1];
	return true;
}
#endif

JBUF_INLINE void
jbuf_str_inner(struct jbuf *b, const char *s, size_t n)
{
	struct jbuf copy;

#ifdef __SSE2__
	if (n - 1 < 16 && jbuf_fits(b, n) && jbuf_copy_short(b->p + b->len, s, n)) {
		b->len += n;
		return;
	}
#endif
	copy = *b;
	jbuf_str_any(&copy, s, n);
	*b = copy;
}

JBUF_INLINE void
jbuf_str(struct jbuf *b, const char *s, size_t n)
{
	jbuf_char(b, '"');
	jbuf_str_inner(b, s, n);
	jbuf_char(b, '"');
}

/* ---- numbers, in place where they fit whatever they are ---- */

#define JBUF_NUMBER_MAX 32 /* bytes of any number */

static inline void
jbuf_digits(struct jbuf *b, bool negative, uint64_t u)
{
	if (!jbuf_fits(b, 1 + DIGITS_MAX)) {
		struct jbuf copy = *b;

		jbuf_digits_cut(&copy, negative, u);
		*b = copy;
		return;
	}
	b->p[b->len] = '-';
	b->len = (size_t)(digits_put(b->p + b->len + negative, u) - b->p);
}

/* A double of up to three decimals and 15 digits: where it ends; NULL, and nothing is done, for the rest.
 * There must be room for any number. */
char *jbuf_three_places(char *p, double d);

static inline void
jbuf_u64(struct jbuf *b, uint64_t u)
{
	jbuf_digits(b, false, u);
}

static inline void
jbuf_i64(struct jbuf *b, int64_t i)
{
	jbuf_digits(b, i < 0, i < 0 ? 0 - (uint64_t)i : (uint64_t)i);
}

#endif
