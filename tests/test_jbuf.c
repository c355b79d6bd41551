/*
 * jbuf, shortest - against jansson, the C library, and a decoder too simple to be wrong.
 *
 * PROPERTY=10000000 holds so many random values of each kind against them.
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "jbuf.h"

/* xorshift64*, so that a failure can be had again. */
static uint64_t
next_random(uint64_t *x)
{
	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return *x * UINT64_C(0x2545f4914f6cdd1d);
}

static long rounds = 100000; /* random values of a kind */

/* s[0..n) in a block of just that size, so that ASan finds a byte read beside it. */
static char *
exact_copy(const char *s, size_t n)
{
	char *p = malloc(n > 0 ? n : 1);

	assert_non_null(p);
	memcpy(p, s, n);
	return p;
}

/* ---- strings --------------------------------------------------------------------------- */

/* JSON of s: measured first, then filled exactly; the caller frees it. */
static char *
str_json(const char *s, size_t n, size_t *len)
{
	struct jbuf measure = { 0 }, fill;
	char *const in = exact_copy(s, n);
	char *out;

	jbuf_str(&measure, in, n);
	assert_non_null(out = malloc(measure.len + 1));
	out[measure.len] = '\x55';
	fill = (struct jbuf){ .p = out, .cap = measure.len };
	jbuf_str(&fill, in, n);
	assert_int_equal(fill.len, measure.len);
	assert_false(jbuf_full(&fill));
	assert_int_equal(out[measure.len], '\x55');
	out[measure.len] = '\0';
	free(in);
	*len = measure.len;
	return out;
}

static void
test_str(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "", "\"\"" },
		{ "a", "\"a\"" },
		{ "\"\\/", "\"\\\"\\\\/\"" },
		{ "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
		{ "\x01\x1f\x0b\x7f", "\"\\u0001\\u001f\\u000b\x7f\"" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ "\xe2\x80\xa8", "\"\xe2\x80\xa8\"" }, /* U+2028 */
		{ "0123456789abcdef", "\"0123456789abcdef\"" },
		{ "0123456789abcde\n", "\"0123456789abcde\\n\"" },
		{ "\n0123456789abcdef", "\"\\n0123456789abcdef\"" },
		{ "01234567890123456789012\"4567890",
		    "\"01234567890123456789012\\\"4567890\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t len;
		char *const out = str_json(cases[i].in, strlen(cases[i].in), &len);

		assert_string_equal(out, cases[i].want);
		free(out);
	}
}

#define FFFD "\xef\xbf\xbd"

/* The examples of the Unicode standard (15, 3.9, tables 3-8 to 3-11), and the edges. */
static void
test_repair(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "\xc0\xaf\xe0\x80\xbf\xf0\x81\x82"
		  "A",
		    FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A" },
		{ "\xed\xa0\x80\xed\xbf\xbf\xed\xaf"
		  "A",
		    FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A" },
		{ "\xf4\x91\x92\x93\xff"
		  "A\x80\xbf"
		  "B",
		    FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B" },
		{ "\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"
		  "A",
		    FFFD FFFD FFFD FFFD "A" },
		{ "\x80", FFFD },
		{ "\xc3", FFFD },
		{ "\xe2\x82", FFFD },
		{ "\xf0\x9f\x98", FFFD },
		{ "\xf0\x9f\x98"
		  "A",
		    FFFD "A" },
		{ "\xf0\x9f\xf0\x9f\x98\x80", FFFD "\xf0\x9f\x98\x80" },
		{ "\xc1\xbf", FFFD FFFD },
		{ "\xe0\x9f\xbf", FFFD FFFD FFFD },
		{ "\xe0\xa0\x80", "\xe0\xa0\x80" },
		{ "\xed\x9f\xbf", "\xed\x9f\xbf" },
		{ "\xee\x80\x80", "\xee\x80\x80" },
		{ "\xf0\x8f\xbf\xbf", FFFD FFFD FFFD FFFD },
		{ "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
		{ "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD },
		{ "\xf5\x80", FFFD FFFD },
		{ "\xfe\xff", FFFD FFFD },
		{ "\xc3\n", FFFD "\\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t len;
		char *const out = str_json(cases[i].in, strlen(cases[i].in), &len);

		if (len != strlen(cases[i].want) + 2 ||
		    memcmp(out + 1, cases[i].want, len - 2) != 0)
			fail_msg("%zu: %s", i, out);
		free(out);
	}
}

/* The code point of the well-formed sequence of n bytes at s, by arithmetic; -1: it is none. */
static long
decode(const unsigned char *s, size_t n)
{
	static const long least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	const int length = s[0] < 0x80 ? 1
	    : s[0] < 0xc0              ? 0
	    : s[0] < 0xe0              ? 2
	    : s[0] < 0xf0              ? 3
				       : 4;
	long c = length == 1 ? s[0] : length == 4 ? s[0] - 0xf0 : s[0] & (0xff >> (length + 1));

	if (length == 0 || (size_t)length != n)
		return -1;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? -1 : c;
}

/* Whether something can be put behind the n bytes at s so that a well-formed sequence comes out.
 * Of the byte behind the first one the edges of its intervals are tried, after it any will do. */
static bool
begins(const unsigned char *s, size_t n)
{
	static const unsigned char second[] = { 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf };

	for (size_t i = 0; i < sizeof second; i++)
		for (size_t length = n; length <= 4; length++) {
			unsigned char t[4] = { 0, second[i], 0x80, 0x80 };

			memcpy(t, s, n);
			if (decode(t, length) >= 0)
				return true;
		}
	return false;
}

/* What a reader of JSON is to see of s, by the definition of maximal subparts; dst has room for
 * 3 n. */
static size_t
repair(char *dst, const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t len = 0, at = 0, k;

	while (at < n) {
		for (k = 1; k <= 4 && k <= n - at && decode(u + at, k) < 0; k++)
			;
		if (k <= 4 && k <= n - at) {
			memcpy(dst + len, u + at, k);
			len += k;
		} else {
			for (k = 1; k < 4 && k < n - at && begins(u + at, k + 1); k++)
				;
			memcpy(dst + len, FFFD, 3);
			len += 3;
		}
		at += k;
	}
	return len;
}

/* jansson, which refuses bad UTF-8, reads from our text what the decoder above sees in s. */
static void
check_string(const char *s, size_t n)
{
	char want[3 * 128];
	const size_t want_len = repair(want, s, n);
	size_t len;
	char *const out = str_json(s, n, &len);
	json_t *const j = json_loadb(out, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	assert_true(n <= 128);
	if (j == NULL || !json_is_string(j))
		fail_msg("not a string: %s", out);
	if (json_string_length(j) != want_len ||
	    memcmp(json_string_value(j), want, want_len) != 0)
		fail_msg("%s", out);
	if (jbuf_is_utf8(s, n) != (want_len == n && memcmp(want, s, n) == 0))
		fail_msg("is it UTF-8? %s", out);
	json_decref(j);
	free(out);
}

/* Every kind of byte at every place of every length, past two blocks of the scan. */
static void
test_str_places(void **state)
{
	static const char *const kinds[] = { "\"", "\\", "\n", "\x1f", "\x7f", "\xc3\xa9",
		"\xf0\x9f\x98\x80", "\xe2\x82", "\xff" };
	char s[64];

	(void)state;
	for (size_t n = 0; n < 44; n++)
		for (size_t at = 0; at <= n; at++)
			for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
				memset(s, 'x', sizeof s);
				memcpy(s + at, kinds[k], strlen(kinds[k]));
				check_string(s, n);
			}
}

static void
test_str_random(void **state)
{
	static const unsigned char edges[] = { 0x00, 0x1f, 0x20, '"', '\\', 'a', 0x7f, 0x80,
		0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
		0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff };
	uint64_t seed = 15;
	char s[64];

	(void)state;
	for (int c = 0; c < 0x10000; c++) {
		s[0] = (char)(c >> 8);
		s[1] = (char)c;
		check_string(s, 2);
	}
	for (long i = 0; i < rounds; i++) {
		const size_t n = next_random(&seed) % (i % 2 ? 8 : sizeof s);

		for (size_t k = 0; k < n; k++) {
			const uint64_t r = next_random(&seed) >> 20;

			s[k] = i % 3 ? (char)edges[r % sizeof edges] : (char)r;
		}
		check_string(s, n);
	}
}

/* Every code point comes through as it is, but for the surrogates. */
static void
test_code_points(void **state)
{
	(void)state;
	for (uint32_t c = 0x80; c < 0x120000; c++) {
		struct jbuf b = { 0 };
		char out[16], s[4];
		size_t n = 0;
		bool same;

		if (c >= 0x10000)
			s[n++] = (char)(0xf0 | c >> 18);
		else if (c >= 0x800)
			s[n++] = (char)(0xe0 | c >> 12);
		else
			s[n++] = (char)(0xc0 | c >> 6);
		if (c >= 0x10000)
			s[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		if (c >= 0x800)
			s[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		s[n++] = (char)(0x80 | (c & 0x3f));
		b = (struct jbuf){ .p = out, .cap = sizeof out };
		jbuf_str_inner(&b, s, n);
		same = b.len == n && memcmp(out, s, n) == 0;
		if (same != (c <= 0x10ffff && (c < 0xd800 || c > 0xdfff)))
			fail_msg("U+%04" PRIX32, c);
	}
}

/* ---- numbers --------------------------------------------------------------------------- */

static void
check_integer(uint64_t u)
{
	char want[32], got[32] = { 0 };
	struct jbuf b = { .p = got, .cap = sizeof got };

	(void)snprintf(want, sizeof want, "%" PRIu64, u);
	jbuf_u64(&b, u);
	assert_string_equal(got, want);
	assert_int_equal(b.len, strlen(want));

	memset(got, 0, sizeof got);
	b.len = 0;
	(void)snprintf(want, sizeof want, "%" PRId64, (int64_t)u);
	jbuf_i64(&b, (int64_t)u);
	assert_string_equal(got, want);
	assert_int_equal(b.len, strlen(want));
}

static void
test_integers(void **state)
{
	uint64_t seed = 7, ten = 1;

	(void)state;
	for (int i = 0; i < 64; i++)
		for (uint64_t k = 0; k < 5; k++) {
			check_integer((UINT64_C(1) << i) + k - 2);
			check_integer(0 - (UINT64_C(1) << i) + k - 2);
		}
	for (int i = 0; i < 20; i++, ten *= 10)
		for (uint64_t k = 0; k < 3; k++) {
			check_integer(ten + k - 1);
			check_integer(0 - ten + k - 1);
		}
	for (long i = 0; i < rounds; i++)
		check_integer(next_random(&seed) >> (i % 64));
}

static size_t
double_text(char dst[64], double d)
{
	struct jbuf b = { .p = dst, .cap = 63 };

	jbuf_double(&b, d);
	assert_false(jbuf_full(&b));
	dst[b.len] = '\0';
	return b.len;
}

static size_t
float_text(char dst[64], float f)
{
	struct jbuf b = { .p = dst, .cap = 63 };

	jbuf_float(&b, f);
	assert_false(jbuf_full(&b));
	dst[b.len] = '\0';
	return b.len;
}

static void
test_double_form(void **state)
{
	static const struct {
		double d;
		const char *want;
	} cases[] = {
		{ 0.0, "0.0" },
		{ -0.0, "-0.0" },
		{ 1.0, "1.0" },
		{ -1.0, "-1.0" },
		{ 123.0, "123.0" },
		{ 12.345, "12.345" },
		{ 0.1, "0.1" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ -2.5, "-2.5" },
		{ 100.0, "100.0" },
		{ 123456789012.5, "123456789012.5" },
		{ 9007199254740991.0, "9007199254740991.0" },
		{ 9007199254740992.0, "9007199254740992.0" },
		{ 9007199254740994.0, "9007199254740994.0" },
		{ 1e15, "1000000000000000.0" },
		{ 1e16, "10000000000000000.0" },
		{ 12345678901234568.0, "12345678901234568.0" },
		{ 99999999999999984.0, "99999999999999980.0" },
		{ 1e17, "1e+17" },
		{ 123456789012345680.0, "1.2345678901234568e+17" },
		{ 1e21, "1e+21" },
		{ 1e22, "1e+22" },
		{ 1e23, "1e+23" },
		{ -1.5e300, "-1.5e+300" },
		{ 0.001, "0.001" },
		{ 0.000001, "0.000001" },
		{ 0.00000123456789, "0.00000123456789" },
		{ 0.0000001, "1e-7" },
		{ 1.5e-7, "1.5e-7" },
		{ DBL_MAX, "1.7976931348623157e+308" },
		{ DBL_MIN, "2.2250738585072014e-308" },
		{ 2.225073858507201e-308, "2.225073858507201e-308" },
		{ 5e-324, "5e-324" },
		{ 9.5e-323, "9.4e-323" },
		{ 2e-44, "2e-44" },
		{ 5.684341886080802e-14,
		    "5.684341886080802e-14" }, /* 2^-44, a short interval */
		{ 9.007199254740993e15, "9007199254740992.0" },
		{ NAN, "null" },
		{ -NAN, "null" },
		{ INFINITY, "null" },
		{ -INFINITY, "null" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char got[64];

		(void)double_text(got, cases[i].d);
		assert_string_equal(got, cases[i].want);
	}
}

static void
test_float_form(void **state)
{
	static const struct {
		float f;
		const char *want;
	} cases[] = {
		{ 0.0F, "0.0" },
		{ -0.0F, "-0.0" },
		{ 0.1F, "0.1" },
		{ 1.0F / 3, "0.33333334" },
		{ 16777216.0F, "16777216.0" },
		{ 33554432.0F, "33554432.0" },
		{ 1e10F, "10000000000.0" },
		{ 1e17F, "1e+17" },
		{ FLT_MAX, "3.4028235e+38" },
		{ FLT_MIN, "1.1754944e-38" },
		{ 1e-45F, "1e-45" },
		{ NAN, "null" },
		{ -INFINITY, "null" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char got[64];

		(void)float_text(got, cases[i].f);
		assert_string_equal(got, cases[i].want);
	}
}

/* The significant digits of a number's text, without zeros at either end. */
static size_t
significant(char dst[64], const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && *text != 'e'; text++)
		if (*text >= '0' && *text <= '9' && (n > 0 || *text != '0'))
			dst[n++] = *text;
	while (n > 0 && dst[n - 1] == '0')
		n--;
	dst[n] = '\0';
	return n;
}

/* A reader that takes text to the nearest number of the width under test, as a double. */
typedef double read_fn(const char *text);

static double
read_double(const char *text)
{
	return strtod(text, NULL);
}

static double
read_float(const char *text)
{
	return (double)strtof(text, NULL);
}

/*
 * The text reads back; with one digit less none does; and of those with as many it is the
 * nearest.  power: of two, where the interval is lopsided, and the nearest of n digits may lie
 * without it while another lies within: then only that it reads back.
 */
static void
check_shortest(const char *text, double d, bool power, read_fn *reader)
{
	char digits[64], other[64], e[64];
	const size_t n = significant(digits, text);
	double back = reader(text);

	if (memcmp(&back, &d, sizeof d) != 0)
		fail_msg("%s is not %a", text, d);
	if (d == 0 || power)
		return;
	assert_true(n >= 1);
	(void)snprintf(e, sizeof e, "%.*e", (int)n - 1, d);
	if (significant(other, e) != n || strcmp(other, digits) != 0)
		fail_msg("%s: %s is nearer", text, e);
	if (n == 1)
		return;
	(void)snprintf(e, sizeof e, "%.*e", (int)n - 2, d);
	if (reader(e) == d)
		fail_msg("%s: %s is shorter", text, e);
}

static void
check_double(uint64_t bits)
{
	char text[64];
	double d;

	memcpy(&d, &bits, sizeof d);
	if (!isfinite(d))
		return;
	(void)double_text(text, d);
	check_shortest(text, d, bits << 12 == 0, read_double);
}

static void
check_float(uint32_t bits)
{
	char text[64];
	float f;

	memcpy(&f, &bits, sizeof f);
	if (!isfinite(f))
		return;
	(void)float_text(text, f);
	check_shortest(text, (double)f, bits << 9 == 0, read_float);
}

static void
test_doubles(void **state)
{
	uint64_t seed = 1;

	(void)state;
	/* Around the powers of two, subnormal ones too, and of ten. */
	for (uint64_t exponent = 0; exponent < 2047; exponent++)
		for (uint64_t k = 0; k < 5; k++)
			check_double((exponent << 52) + k - (exponent > 0 ? 2 : 0));
	for (int i = 0; i < 52; i++)
		check_double(UINT64_C(1) << i);
	for (int i = -323; i <= 308; i++) {
		char text[16];
		double d;
		uint64_t bits;

		(void)snprintf(text, sizeof text, "1e%d", i);
		d = strtod(text, NULL);
		memcpy(&bits, &d, sizeof bits);
		for (uint64_t k = 0; k < 5; k++)
			check_double(bits + k - 2);
	}
	for (long i = 0; i < rounds; i++)
		check_double(next_random(&seed));
}

/* Decimals that lie halfway between two doubles: they read as the even one, of whose interval they
 * are an end, and so are its shortest text. */
static void
test_halfway(void **state)
{
	uint64_t seed = 5, five = 5;

	(void)state;
	for (int k = 1; k <= 22; k++, five *= 5)
		for (int i = 0; i < 200; i++) {
			/* j * 10^k = (j * 5^k) * 2^k, where j * 5^k is odd and has 54 bits. */
			const uint64_t least = (UINT64_C(1) << 53) / five + 1;
			const uint64_t j = (least + next_random(&seed) % least) | 1;
			char text[64];
			double d;
			uint64_t bits;

			if (j * five >> 54 != 0)
				continue;
			(void)snprintf(text, sizeof text, "%" PRIu64 "e%d", j, k);
			d = strtod(text, NULL);
			memcpy(&bits, &d, sizeof bits);
			assert_true((bits & 1) == 0);
			check_double(bits);
		}
}

/* As they occur: few digits, and sums of them. */
static void
test_common_doubles(void **state)
{
	uint64_t seed = 2;

	(void)state;
	for (long i = 0; i < rounds; i++) {
		static const double scale[] = { 1, 10, 100, 1000, 1e6, 1e9 };
		const double d =
		    (double)(int64_t)(next_random(&seed) >> (20 + i % 40)) / scale[i % 6];
		uint64_t bits;

		memcpy(&bits, &d, sizeof bits);
		check_double(bits);
	}
}

static void
test_floats(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (uint32_t exponent = 0; exponent < 255; exponent++)
		for (uint32_t k = 0; k < 5; k++)
			check_float((exponent << 23) + k - (exponent > 0 ? 2 : 0));
	for (long i = 0; i < rounds; i++)
		check_float((uint32_t)next_random(&seed));
}

/* A reader that tells integers from reals sees a real, and the same one. */
static void
test_reals(void **state)
{
	uint64_t seed = 4;

	(void)state;
	for (long i = 0; i < rounds; i++) {
		uint64_t bits = next_random(&seed);
		char text[64];
		double d;
		size_t n;
		json_t *j;

		/* Half of them integral, of all sizes. */
		memcpy(&d, &bits, sizeof d);
		if (i % 2)
			d = (double)(bits >> (i / 2 % 60));
		if (!isfinite(d))
			continue;
		n = double_text(text, d);
		j = json_loadb(text, n, JSON_DECODE_ANY, NULL);
		if (!json_is_real(j) || json_real_value(j) != d)
			fail_msg("%s", text);
		json_decref(j);
	}
}

/* ---- room ------------------------------------------------------------------------------ */

/* Something of everything, with what is escaped and repaired at several places. */
static void
put_all(struct jbuf *b)
{
	static const char text[] =
	    "a text of more than one block, with \"quotes\" and \xe2\x82\xac "
	    "and \xff and a tab\t, then plain again up to here";

	jbuf_char(b, '{');
	jbuf_raw(b, "\"k\":", 4);
	jbuf_str(b, text, sizeof text - 1);
	jbuf_raw(b, "", 0);
	jbuf_i64(b, INT64_MIN);
	jbuf_u64(b, UINT64_MAX);
	jbuf_double(b, 12.345);
	jbuf_double(b, -1.5e-300);
	jbuf_double(b, 1e16);
	jbuf_double(b, NAN);
	jbuf_float(b, 0.1F);
	jbuf_str_inner(b, "x\x01", 2);
	jbuf_char(b, '}');
}

/* With every cap: the same len, the beginning of the same text, and not a byte behind. */
static void
test_room(void **state)
{
	char whole[512], part[512];
	struct jbuf b = { 0 };
	size_t len;

	(void)state;
	put_all(&b);
	len = b.len;
	assert_true(len + 32 < sizeof whole);
	b = (struct jbuf){ .p = whole, .cap = len };
	put_all(&b);
	assert_int_equal(b.len, len);
	for (size_t cap = 0; cap <= len + 16; cap++) {
		memset(part, '\x55', sizeof part);
		b = (struct jbuf){ .p = part, .cap = cap };
		put_all(&b);
		assert_int_equal(b.len, len);
		assert_int_equal(jbuf_full(&b), cap < len);
		assert_memory_equal(part, whole, cap < len ? cap : len);
		for (size_t i = cap; i < sizeof part; i++)
			if (part[i] != '\x55')
				fail_msg("cap %zu: byte %zu", cap, i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_str),
		cmocka_unit_test(test_repair),
		cmocka_unit_test(test_str_places),
		cmocka_unit_test(test_str_random),
		cmocka_unit_test(test_code_points),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_double_form),
		cmocka_unit_test(test_float_form),
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_halfway),
		cmocka_unit_test(test_common_doubles),
		cmocka_unit_test(test_floats),
		cmocka_unit_test(test_reals),
		cmocka_unit_test(test_room),
	};

	if (getenv("PROPERTY") != NULL)
		rounds = strtol(getenv("PROPERTY"), NULL, 10);
	return cmocka_run_group_tests_name("jbuf", tests, NULL, NULL);
}
