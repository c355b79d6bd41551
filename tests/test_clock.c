/* clock - against the C library's gmtime_r and timegm, and against tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "clock.h"

/* xorshift64*, so that a failure can be had again. */
static uint64_t
next_random(uint64_t *x)
{
	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return *x * UINT64_C(0x2545f4914f6cdd1d);
}

/* The same text by way of the C library. */
static void
format_by_libc(char dst[64], int64_t ns)
{
	int64_t second = ns / CLOCK_S, nano = ns % CLOCK_S;
	time_t t;
	struct tm tm;

	if (nano < 0) {
		second--;
		nano += CLOCK_S;
	}
	t = (time_t)second;
	assert_non_null(gmtime_r(&t, &tm));
	(void)snprintf(dst, 64, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)nano);
}

static void
check_instant(int64_t ns)
{
	char want[64], got[CLOCK_LENGTH + 1] = { 0 };
	int64_t back = 0;
	bool zoned = false;

	format_by_libc(want, ns);
	clock_format(got, ns);
	assert_string_equal(got, want);
	if (ns == CLOCK_NONE)
		return;
	if (clock_parse(got, CLOCK_LENGTH, &back, &zoned, NULL) < 0 || back != ns || !zoned)
		fail_msg("%s: %jd read as %jd", got, (intmax_t)ns, (intmax_t)back);
}

static void
test_instants(void **state)
{
	static const int64_t edges[] = { 0, -1, 1, -CLOCK_S, CLOCK_S, -CLOCK_DAY, CLOCK_DAY,
		-CLOCK_DAY - 1, CLOCK_DAY - 1, INT64_MIN, INT64_MIN + 1, INT64_MAX,
		INT64_MAX - 1, INT64_C(2147483647) * CLOCK_S, INT64_C(2147483648) * CLOCK_S,
		INT64_C(-2147483649) * CLOCK_S, INT64_C(4294967296) * CLOCK_S };
	uint64_t seed = 20251023;

	(void)state;
	for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
		check_instant(edges[i]);
	for (int i = 0; i < 200000; i++) {
		/* All magnitudes: the top bits are shifted out, sign and all. */
		const int64_t r = (int64_t)next_random(&seed);

		check_instant(r >> (i % 40));
	}
}

static void
test_civil(void **state)
{
	int64_t day = clock_days_from_civil(-400, 1, 1);

	(void)state;
	assert_true(clock_days_from_civil(1970, 1, 1) == 0);
	assert_true(clock_days_from_civil(2000, 3, 1) == 11017);
	/* Every day of 3000 years follows the one before it. */
	for (int y = -400; y <= 2600; y++)
		for (int m = 1; m <= 12; m++)
			for (int d = 1; clock_date_valid(y, m, d); d++, day++) {
				int gy, gm, gd;

				if (clock_days_from_civil(y, m, d) != day)
					fail_msg("%d-%d-%d", y, m, d);
				clock_civil_from_days(day, &gy, &gm, &gd);
				if (gy != y || gm != m || gd != d)
					fail_msg("%d-%d-%d: %d-%d-%d", y, m, d, gy, gm, gd);
			}
	assert_true(day == clock_days_from_civil(2601, 1, 1));
}

static void
test_dates(void **state)
{
	static const struct {
		int y, m, d;
		bool want;
	} cases[] = {
		{ 2024, 2, 29, true },
		{ 2025, 2, 29, false },
		{ 2000, 2, 29, true },
		{ 1900, 2, 29, false },
		{ 2100, 2, 29, false },
		{ 2025, 4, 31, false },
		{ 2025, 12, 31, true },
		{ 2025, 0, 1, false },
		{ 2025, 13, 1, false },
		{ 2025, 1, 0, false },
		{ 2025, 1, -1, false },
		{ 2025, 1, 32, false },
		{ 0, 2, 29, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (clock_date_valid(cases[i].y, cases[i].m, cases[i].d) != cases[i].want)
			fail_msg("%d-%d-%d", cases[i].y, cases[i].m, cases[i].d);
}

static void
test_day(void **state)
{
	static const struct {
		int64_t ns;
		int32_t want;
	} cases[] = {
		{ 0, 0 },
		{ -1, -1 },
		{ CLOCK_DAY - 1, 0 },
		{ CLOCK_DAY, 1 },
		{ -CLOCK_DAY, -1 },
		{ -CLOCK_DAY - 1, -2 },
		{ INT64_MIN, -106752 },
		{ INT64_MAX, 106751 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (clock_day(cases[i].ns) != cases[i].want)
			fail_msg("%jd", (intmax_t)cases[i].ns);
}

static void
test_day_text(void **state)
{
	static const struct {
		const char *text;
		int result;
		int32_t day;
	} cases[] = {
		{ "1970-01-01", 0, 0 },
		{ "2025-10-23", 0, 20384 },
		{ "1677-09-22", 0, -106751 },
		{ "2262-04-10", 0, 106750 },
		{ "1677-09-21", -1, 0 },
		{ "2262-04-11", -1, 0 },
		{ "9999-12-31", -1, 0 },
		{ "0000-01-01", -1, 0 },
		{ "", -1, 0 },
		{ "2025-02-29", -1, 0 },
		{ "2025-10-23T", -1, 0 },
		{ "2025-10-2", -1, 0 },
		{ "2025-10-023", -1, 0 },
		{ "2025/10/23", -1, 0 },
		{ "20251023", -1, 0 },
		{ "+025-10-23", -1, 0 },
		{ "2025-10-2\xb3", -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int32_t day = 4711;
		char text[10];

		if (clock_parse_day(cases[i].text, strlen(cases[i].text), &day) !=
		    cases[i].result)
			fail_msg("'%s'", cases[i].text);
		assert_int_equal(day, cases[i].result == 0 ? cases[i].day : 4711);
		if (cases[i].result < 0)
			continue;
		clock_format_day(text, day);
		assert_memory_equal(text, cases[i].text, 10);
	}
}

#define T0 INT64_C(1761228309) /* 2025-10-23T14:05:09Z */

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t second;
		int64_t nano;
		bool zoned;
	} cases[] = {
		{ "2025-10-23T14:05:09Z", T0, 0, true },
		{ "2025-10-23t14:05:09z", T0, 0, true },
		{ "2025-10-23 14:05:09Z", T0, 0, true },
		{ "2025-10-23 14:05:09", T0, 0, false },
		{ "2025-10-23T14:05:09.5", T0, 500000000, false },
		{ "2025-10-23T14:05:09,25Z", T0, 250000000, true },
		{ "2025-10-23T14:05:09.000000001Z", T0, 1, true },
		{ "2025-10-23T14:05:09.0000000019999999999999999999999Z", T0, 1, true },
		{ "2025-10-23T14:05:09.99999999999999999999999999+00:00", T0, 999999999, true },
		{ "2025-10-23T14:05:09-00:00", T0, 0, true },
		{ "2025-10-23T16:05:09+02:00", T0, 0, true },
		{ "2025-10-23T16:05:09+0200", T0, 0, true },
		{ "2025-10-23T16:05:09+02", T0, 0, true },
		{ "2025-10-23T10:35:09.125-03:30", T0, 125000000, true },
		{ "2025-10-24T14:04:09+23:59", T0, 0, true },
		{ "2025-10-22T14:06:09-23:59", T0, 0, true },
		{ "2025-01-01T00:30:00+01:00", INT64_C(1735687800), 0, true },
		{ "2024-02-29T23:59:59Z", INT64_C(1709251199), 0, true },
		{ "2038-01-19T03:14:08Z", INT64_C(2147483648), 0, true },
		{ "1969-12-31T23:59:59.9Z", -1, 900000000, true },
		{ "1900-01-01T00:00:00Z", INT64_C(-2208988800), 0, true },
		{ "1678-01-01T00:00:00Z", INT64_C(-9214560000), 0, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t ns;
		bool zoned;

		if (clock_parse(cases[i].text, strlen(cases[i].text), &ns, &zoned, NULL) < 0)
			fail_msg("'%s' refused", cases[i].text);
		if (ns != cases[i].second * CLOCK_S + cases[i].nano || zoned != cases[i].zoned)
			fail_msg("'%s': %jd %d", cases[i].text, (intmax_t)ns, zoned);
	}
}

static void
test_range(void **state)
{
	static const struct {
		const char *text;
		int64_t want; /* CLOCK_NONE: refused at the year */
	} cases[] = {
		{ "1677-09-21T00:12:43.145224193Z", INT64_MIN + 1 },
		{ "1677-09-21T00:12:43.145224192Z", CLOCK_NONE },
		{ "1677-09-21T00:12:43.145224191Z", CLOCK_NONE },
		{ "1677-09-21T00:12:43Z", CLOCK_NONE },
		{ "1677-09-21T00:12:44Z", INT64_C(-9223372036) * CLOCK_S },
		{ "2262-04-11T23:47:16.854775807Z", INT64_MAX },
		{ "2262-04-11T23:47:16.854775808Z", CLOCK_NONE },
		{ "2262-04-11T23:47:17Z", CLOCK_NONE },
		{ "2262-04-12T00:47:16.854775807+01:00", INT64_MAX },
		{ "2262-04-11T23:00:00-01:00", CLOCK_NONE },
		{ "0000-01-01T00:00:00Z", CLOCK_NONE },
		{ "9999-12-31T23:59:59.999999999Z", CLOCK_NONE },
		{ "0000-01-01T00:00:00+23:59", CLOCK_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t ns = CLOCK_NONE;
		size_t pos = 99;
		const int r =
		    clock_parse(cases[i].text, strlen(cases[i].text), &ns, NULL, &pos);

		if (ns != cases[i].want || (r < 0) != (ns == CLOCK_NONE) || (r < 0 && pos != 0))
			fail_msg("'%s': %d %jd %zu", cases[i].text, r, (intmax_t)ns, pos);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text;
		size_t pos;
	} cases[] = {
		{ "", 0 },
		{ "x", 0 },
		{ "2025", 4 },
		{ "2025-10-23", 10 },
		{ "2025-10-23T", 11 },
		{ "2025-10-23T14:05", 16 },
		{ "2025-10-23T14:05Z", 16 },
		{ "2025-10-23  14:05:09Z", 11 },
		{ "2025-10-23_14:05:09Z", 10 },
		{ "2025-1-23T14:05:09Z", 6 },
		{ "25-10-23T14:05:09Z", 2 },
		{ "02025-10-23T14:05:09Z", 4 },
		{ "-025-10-23T14:05:09Z", 0 },
		{ "2025/10/23T14:05:09Z", 4 },
		{ "2025-13-01T00:00:00Z", 5 },
		{ "2025-00-01T00:00:00Z", 5 },
		{ "2025-01-32T00:00:00Z", 8 },
		{ "2025-01-00T00:00:00Z", 8 },
		{ "2025-02-30T00:00:00Z", 8 },
		{ "2025-02-29T00:00:00Z", 8 },
		{ "2025-04-31T00:00:00Z", 8 },
		{ "2025-10-23T24:00:00Z", 11 },
		{ "2025-10-23T23:60:00Z", 14 },
		{ "2016-12-31T23:59:60Z", 17 },
		{ "2025-10-23T14:05:9Z", 18 },
		{ "2025-10-23T14:05:09.Z", 20 },
		{ "2025-10-23T14:05:09.", 20 },
		{ "2025-10-23T14:05:09.1.2Z", 21 },
		{ "2025-10-23T14:05:09 Z", 19 },
		{ "2025-10-23T14:05:09ZZ", 20 },
		{ "2025-10-23T14:05:09Z ", 20 },
		{ "2025-10-23T14:05:09Z\n", 20 },
		{ "2025-10-23T14:05:09+", 20 },
		{ "2025-10-23T14:05:09+2", 21 },
		{ "2025-10-23T14:05:09+02:", 23 },
		{ "2025-10-23T14:05:09+02:0", 24 },
		{ "2025-10-23T14:05:09+020", 23 },
		{ "2025-10-23T14:05:09+24:00", 20 },
		{ "2025-10-23T14:05:09+02:60", 23 },
		{ "2025-10-23T14:05:09+0260", 22 },
		{ "2025-10-23T14:05:09+02:00Z", 25 },
		{ "2025-10-23T14:05:09 +02:00", 19 },
		{ "2025-10-23T14:05:09UTC", 19 },
		{ "\xef\xbb\xbf"
		  "2025-10-23T14:05:09Z",
		    0 },
		{ "2025-10-23T14:05:0\xd9\xa9Z", 18 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t ns = 4711;
		bool zoned = true;
		size_t pos = 99;
		const size_t n = strlen(cases[i].text);
		char *text = malloc(n + 1); /* a byte read behind it is found by ASan */

		assert_non_null(text);
		memcpy(text, cases[i].text, n);
		text = realloc(text, n > 0 ? n : 1);
		if (clock_parse(text, n, &ns, &zoned, &pos) != -1 || pos != cases[i].pos)
			fail_msg("'%s': %zu", cases[i].text, pos);
		assert_int_equal(ns, 4711);
		assert_true(zoned);
		free(text);
	}
}

/* Every prefix of a whole text is refused at its end, but for those that are texts themselves. */
static void
test_prefixes(void **state)
{
	static const char text[] = "2025-10-23T14:05:09.123456789+02:00";

	(void)state;
	for (size_t n = 0; n < sizeof text - 1; n++) {
		int64_t ns;
		size_t pos = 99;
		const int r = clock_parse(text, n, &ns, NULL, &pos);
		const bool whole = n == 19 || (n >= 21 && n <= 29) || n == 32;

		if ((r == 0) != whole || (r < 0 && pos != n))
			fail_msg("%zu: %zu", n, pos);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instants),
		cmocka_unit_test(test_civil),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_day),
		cmocka_unit_test(test_day_text),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_prefixes),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
