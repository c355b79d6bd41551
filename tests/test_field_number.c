/* The numbers of field.h, held against strtod, against fixed-point digits, and against tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "field.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct field
number(const char *token)
{
	return (struct field){ .type = FIELD_NUMBER, .p = token, .n = strlen(token) };
}

/* ---- integers -------------------------------------------------------------------------- */

static const struct {
	const char *token;
	bool is_i64, is_u64;
	int64_t i;
	uint64_t u;
} integers[] = {
	{ "0", true, true, 0, 0 },
	{ "-0", true, true, 0, 0 },
	{ "1", true, true, 1, 1 },
	{ "-1", true, false, -1, 0 },
	{ "9007199254740993", true, true, 9007199254740993, 9007199254740993 },
	{ "9223372036854775807", true, true, INT64_MAX, INT64_MAX },
	{ "9223372036854775808", false, true, 0, (uint64_t)INT64_MAX + 1 },
	{ "-9223372036854775808", true, false, INT64_MIN, 0 },
	{ "-9223372036854775809", false, false, 0, 0 },
	{ "18446744073709551615", false, true, 0, UINT64_MAX },
	{ "18446744073709551616", false, false, 0, 0 },
	{ "99999999999999999999", false, false, 0, 0 },
	{ "184467440737095516150", false, false, 0, 0 },
	{ "1.0", false, false, 0, 0 },
	{ "1e3", false, false, 0, 0 },
	{ "-0.0", false, false, 0, 0 },
};

static void
test_integers(void **state)
{
	struct field string = { .type = FIELD_STRING, .p = "1", .n = 1 };
	uint64_t u = 0;
	int64_t i = 0;

	(void)state;
	for (size_t k = 0; k < COUNT(integers); k++) {
		struct field f = number(integers[k].token);
		if (field_i64(&f, &i) != integers[k].is_i64 ||
		    field_u64(&f, &u) != integers[k].is_u64)
			fail_msg("%s", integers[k].token);
		if (integers[k].is_i64)
			assert_int_equal(i, integers[k].i);
		if (integers[k].is_u64)
			assert_int_equal(u, integers[k].u);
	}
	assert_false(field_i64(&string, &i));
	assert_false(field_u64(&string, &u));
}

/* ---- order ----------------------------------------------------------------------------- */

/* Each line is one value in several spellings; lines ascend. */
static const char *const ascending[][4] = {
	{ "-1e999999999999" },
	{ "-1e400", "-0.1E+401" },
	{ "-9223372036854775809" },
	{ "-9223372036854775808", "-9223372036854775808.0" },
	{ "-2" },
	{ "-1.5", "-15e-1" },
	{ "-1e-400" },
	{ "0", "-0", "0.000", "-0e99999999999999999999" },
	{ "1e-99999999999999999999" },
	{ "1e-400", "0.1e-399" },
	{ "0.1", "1e-1", "0.10", "100e-3" },
	{ "0.1000000000000000055511151231257827021181583404541015625" },
	{ "0.2" },
	{ "1", "1.0", "1e0", "10e-1" },
	{ "9007199254740992", "9007199254740992e0", "9.007199254740992e15" },
	{ "9007199254740993", "9007199254740993.00" },
	{ "9007199254740994" },
	{ "9223372036854775807" },
	{ "18446744073709551615", "18446744073709551615e-0" },
	{ "18446744073709551616", "18446744073709551.616E3" },
	{ "1e308" },
	{ "1e400", "10e399" },
	{ "2e400" },
	{ "1e401" },
	{ "1e99999999999999999999" },
};

static void
test_order_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ascending); i++)
		for (size_t j = 0; j < COUNT(ascending); j++)
			for (size_t k = 0; k < 4 && ascending[i][k] != NULL; k++)
				for (size_t l = 0; l < 4 && ascending[j][l] != NULL; l++) {
					const char *a = ascending[i][k], *b = ascending[j][l];
					int r =
					    field_number_compare(a, strlen(a), b, strlen(b));
					if ((r > 0) - (r < 0) != (i > j) - (i < j))
						fail_msg("%s with %s: %d", a, b, r);
				}
}

#define INTEGER_DIGITS 60
#define DIGITS         120

/* A token with a small exponent as sign and digits of a fixed-point number. */
static int
expand(const char *token, char digits[DIGITS])
{
	const char *e = strpbrk(token, "eE"), *end = e != NULL ? e : token + strlen(token);
	const char *dot = memchr(token, '.', (size_t)(end - token));
	int negative = *token == '-', shift = e != NULL ? atoi(e + 1) : 0, zero = 1;
	int at = INTEGER_DIGITS - shift - (int)((dot != NULL ? dot : end) - token - negative);

	memset(digits, '0', DIGITS);
	for (const char *p = token + negative; p < end; p++) {
		if (*p == '.')
			continue;
		assert_true(at >= 0 && at < DIGITS);
		digits[at++] = *p;
		zero = zero && *p == '0';
	}
	return zero ? 0 : negative ? -1 : 1;
}

static size_t
random_number(char *dst, unsigned digits, int exponent)
{
	size_t n = 0;

	if (draw(3) == 0)
		dst[n++] = '-';
	if (draw(4) == 0) {
		dst[n++] = '0';
	} else {
		dst[n++] = (char)('1' + draw(9));
		for (unsigned i = draw(digits); i > 0; i--)
			dst[n++] = (char)('0' + draw(draw(3) ? 10 : 1));
	}
	if (draw(2) == 0) {
		dst[n++] = '.';
		for (unsigned i = draw(digits) + 1; i > 0; i--)
			dst[n++] = (char)('0' + draw(draw(3) ? 10 : 1));
	}
	if (draw(2) == 0)
		n += (size_t)sprintf(dst + n, "%c%s%d", "eE"[draw(2)],
		    draw(2)       ? "-"
			: draw(2) ? "+"
				  : "",
		    (int)draw((unsigned)exponent));
	dst[n] = '\0';
	return n;
}

static void
test_order_random(void **state)
{
	(void)state;
	draw_seed = 11;
	for (int i = 0; i < 100000; i++) {
		char a[128], b[128], da[DIGITS], db[DIGITS];
		size_t na = random_number(a, 4, 6), nb = random_number(b, 4, 6);
		int sa = expand(a, da), sb = expand(b, db);
		int want = sa != sb ? sa - sb : sa * memcmp(da, db, DIGITS);
		int r = field_number_compare(a, na, b, nb);
		if ((r > 0) - (r < 0) != (want > 0) - (want < 0))
			fail_msg("%s with %s: %d", a, b, r);
	}
}

/* ---- doubles --------------------------------------------------------------------------- */

static void
check_double(const char *token)
{
	struct field f = number(token);
	double want = strtod(token, NULL), got = -1;
	bool ok = field_double(&f, &got);

	if (ok != (isfinite(want) != 0))
		fail_msg("%s: %d", token, ok);
	if (ok && memcmp(&got, &want, sizeof got) != 0)
		fail_msg("%s: %a, not %a", token, got, want);
}

static const char *const doubles[] = {
	"0",
	"-0",
	"0.0",
	"-0.0e5",
	"1",
	"-1",
	"0.1",
	"0.30000000000000004",
	"1e22",
	"1e23",
	"8.5e22",
	"9007199254740991",
	"9007199254740992",
	"9007199254740993",
	"9007199254740993.0000000000000000000000000000000000000000001",
	"9007199254740994",
	"9007199254740995",
	"1.7976931348623157e308",
	"1.7976931348623158e308",
	"1.7976931348623159e308",
	"179769313486231580793e289",
	"1e308",
	"1e309",
	"1e400",
	"-1e400",
	"2.2250738585072014e-308",
	"2.2250738585072011e-308",
	"2.225073858507201e-308",
	"4.9406564584124654e-324",
	"2.4703282292062327e-324",
	"2.4703282292062328e-324",
	"2.47032822920623272e-324",
	"2.47032822920623273e-324",
	"1e-324",
	"1e-400",
	"1e-99999999999999999999",
	"1e99999999999999999999",
	"0e99999999999999999999",
	"123456789012345678901234567890",
	"5e-324",
	"1e-5",
	"1.000000000000000000000000000000000",
	"0.000000000000000000000000000001",
};

static void
test_double_table(void **state)
{
	struct field string = { .type = FIELD_STRING, .p = "1", .n = 1 };
	char long_token[2000];
	double d;

	(void)state;
	for (size_t i = 0; i < COUNT(doubles); i++)
		check_double(doubles[i]);
	assert_false(field_double(&string, &d));

	/* Half way between two doubles for 800 digits and more, then a digit that decides. */
	for (size_t zeros = 700; zeros < 1500; zeros += 100) {
		size_t n = (size_t)sprintf(long_token, "9007199254740993.");
		memset(long_token + n, '0', zeros);
		long_token[n + zeros] = '\0';
		check_double(long_token);
		strcpy(long_token + n + zeros, "1");
		check_double(long_token);
	}
}

static void
test_double_random(void **state)
{
	char token[128];

	(void)state;
	draw_seed = 3;
	for (int i = 0; i < 100000; i++) {
		random_number(token, i % 2 ? 8 : 25, i % 3 ? 20 : 345);
		check_double(token);
	}
}

/* The shortest and the longest spelling of random bits, and the half way to its neighbour. */
static void
test_double_bits(void **state)
{
	char token[1200];

	(void)state;
	draw_seed = 5;
	for (int i = 0; i < 20000; i++) {
		uint64_t bits =
		    (uint64_t)draw(1u << 31) << 33 ^ (uint64_t)draw(1u << 31) << 8 ^ draw(256);
		double d;
		if (i % 4 == 0)
			bits &= ~((uint64_t)0x7ff << 52); /* below the normal range */
		memcpy(&d, &bits, sizeof d);
		if (!isfinite(d))
			continue;
		snprintf(token, sizeof token, "%.16e", d);
		check_double(token);
		snprintf(token, sizeof token, "%.1100g", d);
		check_double(token);
		snprintf(token, sizeof token, "%.1100Lg",
		    ((long double)d + (long double)nextafter(d, 0)) / 2);
		check_double(token);
	}
}

static void
test_double_locale(void **state)
{
	static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8",
		"ru_RU.UTF-8" };
	struct field f = number("1.2345678901234567e-3");
	bool set = false;
	double d = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(names) && !set; i++)
		set = setlocale(LC_ALL, names[i]) != NULL;
	if (!set) {
		print_message("no locale with a decimal comma: skipped\n");
		skip();
	}
	assert_true(field_double(&f, &d));
	setlocale(LC_ALL, "C");
	assert_true(d == 1.2345678901234567e-3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_order_table),
		cmocka_unit_test(test_order_random),
		cmocka_unit_test(test_double_table),
		cmocka_unit_test(test_double_random),
		cmocka_unit_test(test_double_bits),
		cmocka_unit_test(test_double_locale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
