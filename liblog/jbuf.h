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

/* Append what has no room as a whole, counting. */
void jbuf_raw_cut(struct jbuf *b, const char *s, size_t n);

/* Whether n more bytes fit. */
static inline bool
jbuf_fits(const struct jbuf *b, size_t n)
{
	return b->len <= b->cap && n <= b->cap - b->len;
}

/* Append bytes as they stand.  Inline, so that a literal is a move or two. */
static inline void
jbuf_raw(struct jbuf *b, const char *s, size_t n)
{
	if (!jbuf_fits(b, n)) {
		jbuf_raw_cut(b, s, n);
		return;
	}
	if (n > 0)
		memcpy(b->p + b->len, s, n);
	b->len += n;
}

static inline void
jbuf_char(struct jbuf *b, char c)
{
	jbuf_raw(b, &c, 1);
}

/* A JSON string with its quotes: control characters, '"' and '\' escaped (\b \f \n \r \t by
 * their short names, \u00xx else), every maximal invalid UTF-8 subpart replaced by U+FFFD
 * (Unicode 15, 3.9 "substitution of maximal subparts").  Scans 16 bytes at a time. */
static inline void jbuf_str(struct jbuf *b, const char *s, size_t n);
/* Its inside only, without the quotes. */
static inline void jbuf_str_inner(struct jbuf *b, const char *s, size_t n);
/* The same, whatever is in it. */
void jbuf_str_any(struct jbuf *b, const char *s, size_t n);
void jbuf_i64(struct jbuf *b, int64_t i);
void jbuf_u64(struct jbuf *b, uint64_t u);
/* The shortest digits that strtod (for a float, strtof) reads back as the same value, in the form
 * of JavaScript's Number::toString (0.000001, 1.5e-7, 1e+21), except that it always shows a
 * floating-point number, to readers that tell them from integers too: integral values print
 * as 123.0 or -0.0 below 1e17, and from there on with an exponent.  NaN, infinities: null. */
void jbuf_double(struct jbuf *b, double d);
void jbuf_float(struct jbuf *b, float f);

/* ---- the short way of strings: 4 to 16 bytes, all of them clean ---- */

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
static inline bool
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
	memcpy(&a, s, 4);
	memcpy(&b, s + n - 4, 4);
	if ((jbuf_unclean(_mm_cvtsi64_si128((long long)(a | b << 32))) & 0xff) != 0)
		return false;
	memcpy(dst, &a, 4);
	memcpy(dst + n - 4, &b, 4);
	return true;
}
#endif

static inline void
jbuf_str_inner(struct jbuf *b, const char *s, size_t n)
{
#ifdef __SSE2__
	if (n >= 4 && n <= 16 && jbuf_fits(b, n) && jbuf_copy_short(b->p + b->len, s, n)) {
		b->len += n;
		return;
	}
#endif
	jbuf_str_any(b, s, n);
}

static inline void
jbuf_str(struct jbuf *b, const char *s, size_t n)
{
	jbuf_char(b, '"');
	jbuf_str_inner(b, s, n);
	jbuf_char(b, '"');
}

#endif
