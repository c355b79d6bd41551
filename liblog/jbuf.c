#include "jbuf.h"

#include <math.h>
#include <string.h>

#include "shortest.h"

void
jbuf_raw_cut(struct jbuf *b, const char *s, size_t n)
{
	const size_t room = b->len < b->cap ? b->cap - b->len : 0;
	const size_t fits = n < room ? n : room;

	if (fits > 0)
		memcpy(b->p + b->len, s, fits);
	b->len += n;
}

/* ---- strings --------------------------------------------------------------------------- */

/* Printable ASCII and DEL, without '"' and '\'. */
static bool
is_clean(char c)
{
	return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* How many bytes at s are clean.  dst, unless NULL, has room for n bytes and gets them, with
 * garbage behind. */
static inline size_t
copy_clean(char *dst, const char *s, size_t n)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; n - i >= 16; i += 16) {
		const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + i));
		const unsigned mask = jbuf_unclean(v);

		if (dst != NULL)
			_mm_storeu_si128((__m128i *)(void *)(dst + i), v);
		if (mask != 0)
			return i + (size_t)__builtin_ctz(mask);
	}
	if (dst != NULL && n > i && jbuf_copy_short(dst + i, s + i, n - i))
		return n;
#endif
	for (; i < n && is_clean(s[i]); i++)
		if (dst != NULL)
			dst[i] = s[i];
	return i;
}

/* The bytes that may follow a first one (Unicode 15, table 3-7): how many, and the bounds of the
 * first of them; those after it are 0x80 to 0xbf.  False for a byte that begins nothing. */
static bool
utf8_lead(unsigned char c, size_t *follow, unsigned char *min, unsigned char *max)
{
	if (c < 0xc2 || c > 0xf4)
		return false;
	*follow = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	*min = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	*max = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	return true;
}

/* The length of the sequence at s, at least 1, and whether it is whole; else that of the longest
 * beginning of one. */
static size_t
utf8_span(const char *s, size_t n, bool *whole)
{
	unsigned char min, max;
	size_t follow, i;

	*whole = false;
	if (!utf8_lead((unsigned char)s[0], &follow, &min, &max))
		return 1;
	for (i = 1; i <= follow; i++, min = 0x80, max = 0xbf)
		if (i == n || (unsigned char)s[i] < min || (unsigned char)s[i] > max)
			return i;
	*whole = true;
	return i;
}

bool
jbuf_is_utf8(const char *s, size_t n)
{
	bool whole = true;

	for (size_t i = 0; whole && i < n;)
		i += (unsigned char)s[i] < 0x80 ? 1 : utf8_span(s + i, n - i, &whole);
	return whole;
}

/* A character of ASCII that is not clean. */
static void
put_escape(struct jbuf *b, char c)
{
	static const char names[32] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
	};
	static const char hex[] = "0123456789abcdef";
	const unsigned u = (unsigned char)c;

	if (u >= 0x20)
		jbuf_raw(b, (const char[]){ '\\', c }, 2);
	else if (names[u] != 0)
		jbuf_raw(b, (const char[]){ '\\', names[u] }, 2);
	else
		jbuf_raw(b, (const char[]){ '\\', 'u', '0', '0', hex[u >> 4], hex[u & 15] }, 6);
}

void
jbuf_str_any(struct jbuf *b, const char *s, size_t n)
{
	while (n > 0) {
		size_t k;
		bool whole;

		if (b->len <= b->cap && n <= b->cap - b->len) {
			k = copy_clean(b->p + b->len, s, n);
			b->len += k;
		} else {
			k = copy_clean(NULL, s, n);
			jbuf_raw(b, s, k);
		}
		if (k == n)
			return;
		if ((unsigned char)s[k] < 0x80) {
			put_escape(b, s[k++]);
		} else {
			const size_t span = utf8_span(s + k, n - k, &whole);

			if (whole)
				jbuf_raw(b, s + k, span);
			else
				jbuf_raw(b, "\xef\xbf\xbd", 3);
			k += span;
		}
		s += k;
		n -= k;
	}
}

/* ---- numbers --------------------------------------------------------------------------- */

void
jbuf_digits_cut(struct jbuf *b, bool negative, uint64_t u)
{
	char text[DIGITS_MAX];
	const char *start = digits_before(text + sizeof text, u);

	if (negative)
		jbuf_char(b, '-');
	jbuf_raw(b, start, (size_t)(text + sizeof text - start));
}

/* The point stands after the first `point` of n digits, which may be before or behind them. */
static void
put_decimal(struct jbuf *b, const char *digits, int n, int point)
{
	static const char zeros[] = "0000000000000000";

	if (point <= 0) {
		jbuf_raw(b, "0.", 2);
		jbuf_raw(b, zeros, (size_t)-point);
		jbuf_raw(b, digits, (size_t)n);
	} else if (point < n) {
		jbuf_raw(b, digits, (size_t)point);
		jbuf_char(b, '.');
		jbuf_raw(b, digits + point, (size_t)(n - point));
	} else {
		jbuf_raw(b, digits, (size_t)n);
		jbuf_raw(b, zeros, (size_t)(point - n));
		jbuf_raw(b, ".0", 2);
	}
}

static void
put_scientific(struct jbuf *b, const char *digits, int n, int exponent)
{
	jbuf_char(b, digits[0]);
	if (n > 1) {
		jbuf_char(b, '.');
		jbuf_raw(b, digits + 1, (size_t)(n - 1));
	}
	jbuf_raw(b, exponent < 0 ? "e-" : "e+", 2);
	jbuf_u64(b, (uint64_t)(exponent < 0 ? -exponent : exponent));
}

static void
put_shortest(struct jbuf *b, struct shortest v)
{
	char text[DIGITS_MAX];
	char *const end = text + sizeof text;
	const char *digits = digits_before(end, v.digits);
	const int n = (int)(end - digits);
	const int point = n + v.exponent;

	if (point > -6 && point <= 17)
		put_decimal(b, digits, n, point);
	else
		put_scientific(b, digits, n, point - 1);
}

/* What has no digits to look for; false for the rest, whose sign it has written. */
static bool
put_special(struct jbuf *b, double d)
{
	if (!isfinite(d)) {
		jbuf_raw(b, "null", 4);
		return true;
	}
	if (signbit(d))
		jbuf_char(b, '-');
	if (d != 0)
		return false;
	jbuf_raw(b, "0.0", 3);
	return true;
}

/*
 * Most doubles in logs are decimals of a few places.  m / 10^3 with m below 10^15 is rounded once, and
 * decimals of at most 15 digits never share a double: so where that division gives d back, m has the
 * shortest digits, zeros at its end aside.
 */
char *
jbuf_three_places(char *p, double d)
{
	const double positive = fabs(d), scaled = positive * 1e3;
	uint64_t m, whole;
	uint32_t rest;

	if (!(scaled < 1e15))
		return NULL;
	m = (uint64_t)(scaled + 0.5);
	if ((double)m / 1e3 != positive)
		return NULL;
	*p = '-';
	whole = m / 1000;
	rest = (uint32_t)(m - whole * 1000);
	p = digits_put(p + (signbit(d) != 0), whole);
	p[0] = '.';
	p[1] = (char)('0' + rest / 100);
	digits_put2(p + 2, rest % 100);
	return p + (rest % 100 == 0 ? 2 : rest % 10 == 0 ? 3 : 4);
}

void
jbuf_double(struct jbuf *b, double d)
{
	char *end;

	if (jbuf_fits(b, JBUF_NUMBER_MAX) &&
	    (end = jbuf_three_places(b->p + b->len, d)) != NULL)
		b->len = (size_t)(end - b->p);
	else if (!put_special(b, d))
		put_shortest(b, shortest_double(fabs(d)));
}

void
jbuf_float(struct jbuf *b, float f)
{
	if (!put_special(b, (double)f))
		put_shortest(b, shortest_float(f));
}
