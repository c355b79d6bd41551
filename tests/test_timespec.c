/* timespec: what people write, and what is refused where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "timespec.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define H        (3600 * CLOCK_S)
#define M        (60 * CLOCK_S)

/* Saturday 2026-11-21T12:34:56.5Z */
#define TODAY (INT64_C(20778) * CLOCK_DAY)
#define NOW   (TODAY + 12 * H + 34 * M + 56 * CLOCK_S + 500000000)
/* Monday 2025-10-20 */
#define MONDAY (INT64_C(20381) * CLOCK_DAY)

static const struct {
	const char *text;
	int64_t ns;
} times[] = {
	{ "2025-10-20", MONDAY },
	{ "2025-10-20T14:05:09Z", MONDAY + 14 * H + 5 * M + 9 * CLOCK_S },
	{ "2025-10-20t14:05:09.25z", MONDAY + 14 * H + 5 * M + 9 * CLOCK_S + 250000000 },
	{ "2025-10-20 14:05:09", MONDAY + 14 * H + 5 * M + 9 * CLOCK_S },
	{ "2025-10-20T14:05:09+02:00", MONDAY + 12 * H + 5 * M + 9 * CLOCK_S },
	{ "2025-10-20T14:05", MONDAY + 14 * H + 5 * M },
	{ "2025-10-20 14:05", MONDAY + 14 * H + 5 * M },
	{ "2025-10-20T14:05Z", MONDAY + 14 * H + 5 * M },
	{ "2025-10-20T14:05-03:30", MONDAY + 17 * H + 35 * M },
	{ "2024-02-29", INT64_C(19782) * CLOCK_DAY },
	{ "1969-12-31T23:59:59Z", -CLOCK_S },
	{ "0", 0 },
	{ "1761228309", INT64_C(1761228309) * CLOCK_S },
	{ "1761228309.5", INT64_C(1761228309) * CLOCK_S + 500000000 },
	{ "1761228309123", INT64_C(1761228309123) * 1000000 },
	{ "1761228309123456", INT64_C(1761228309123456) * 1000 },
	{ "1761228309123456789", INT64_C(1761228309123456789) },
	{ "now", NOW },
	{ "Now", NOW },
	{ "now-15m", NOW - 15 * M },
	{ "now+1h", NOW + H },
	{ "now-1d12h", NOW - 36 * H },
	{ "today", TODAY },
	{ "yesterday", TODAY - CLOCK_DAY },
	{ "TOMORROW", TODAY + CLOCK_DAY },
	{ "14:05", TODAY + 14 * H + 5 * M },
	{ "9:05:07", TODAY + 9 * H + 5 * M + 7 * CLOCK_S },
	{ "00:00", TODAY },
	{ "23:59:59", TODAY + CLOCK_DAY - CLOCK_S },
	{ "yesterday 14:00", TODAY - 10 * H },
	{ "Monday 22:30", TODAY - 5 * CLOCK_DAY + 22 * H + 30 * M },
	{ "saturday", TODAY },
	{ "sat", TODAY },
	{ "Friday", TODAY - CLOCK_DAY },
	{ "sun", TODAY - 6 * CLOCK_DAY },
	{ "mon", TODAY - 5 * CLOCK_DAY },
	{ "tuesday", TODAY - 4 * CLOCK_DAY },
	{ "Wed", TODAY - 3 * CLOCK_DAY },
	{ "THURSDAY", TODAY - 2 * CLOCK_DAY },
	{ "-1h", NOW - H },
	{ "1h", NOW - H },
	{ "90m", NOW - 90 * M },
	{ "2d12h", NOW - 60 * H },
	{ "1w", NOW - 7 * CLOCK_DAY },
	{ "1w2d3h4m5s6ms7us8ns",
	    NOW - 9 * CLOCK_DAY - 3 * H - 4 * M - 5 * CLOCK_S - 6000000 - 7000 - 8 },
	{ "500ms", NOW - 500000000 },
	{ "1.5h", NOW - 90 * M },
	{ "1d0.25h1.000000001s", NOW - CLOCK_DAY - 15 * M - CLOCK_S - 1 },
	{ "0.000001ms", NOW - 1 },
	{ "1.0ns", NOW - 1 },
	{ "-1H", NOW - H },
	{ "0s", NOW },
};

static void
test_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		const char *why = NULL;
		int64_t ns = 0;
		size_t pos;
		if (timespec_parse(times[i].text, NOW, NULL, &ns, &pos, &why) < 0)
			fail_msg("%s: %s at %d", times[i].text, why, (int)pos);
		if (ns != times[i].ns)
			fail_msg("%s: %lld, not %lld", times[i].text, (long long)ns,
			    (long long)times[i].ns);
	}
}

static const struct {
	const char *text;
	size_t pos;
	const char *why; /* its start */
} faults[] = {
	{ "", 0, "expected a time" },
	{ " ", 0, "expected a time" },
	{ " now", 0, "expected a time" },
	{ "noon", 0, "expected a time" },
	{ "nowish", 0, "expected a time" },
	{ "+1h", 0, "expected a time" },
	{ "now ", 3, "expected '+' or '-'" },
	{ "now-", 4, "expected a duration" },
	{ "now-5", 5, "expected a unit" },
	{ "now-1h ", 6, "expected a duration" },
	{ "today-1h", 5, "a time ends here" },
	{ "yesterday-14:00", 9, "a time ends here" },
	{ "yesterday 14", 10, "expected a time of day" },
	{ "yesterday ", 10, "expected a time of day" },
	{ "today 24:00", 6, "expected a time of day" },
	{ "14:60", 0, "expected a time of day" },
	{ "14:5", 0, "expected a time of day" },
	{ "14:05:60", 0, "expected a time of day" },
	{ "14:05:", 0, "expected a time of day" },
	{ "14:05Z", 0, "expected a time of day" },
	{ "114:05", 0, "expected a time of day" },
	{ "14:05:30:00", 0, "expected a time of day" },
	{ "2025-02-30", 8, "no such date" },
	{ "2025-13-01", 5, "no such date" },
	{ "2025-00-01", 5, "no such date" },
	{ "2025-10-00", 8, "no such date" },
	{ "2023-02-29", 8, "no such date" },
	{ "2025-10", 7, "here the time must go on" },
	{ "2025-", 5, "here the time must go on" },
	{ "2025-10-2", 9, "here the time must go on" },
	{ "2025-1-2", 6, "no such date" },
	{ "2025-10-20T", 11, "here the time must go on" },
	{ "2025-10-20T24:00", 11, "no such date" },
	{ "2025-10-20T24:00:00Z", 11, "no such date" },
	{ "2025-10-20T23:60", 14, "no such date" },
	{ "2025-10-20T23:59:60Z", 17, "no such date" },
	{ "2025-10-20T14", 13, "here the time must go on" },
	{ "2025-10-20T14:05:", 17, "here the time must go on" },
	{ "2025-10-20T14:05:09.", 20, "here the time must go on" },
	{ "2025-10-20T14:05X", 16, "no such date" },
	{ "2025-10-20T14:05:09+", 20, "here the time must go on" },
	{ "2025-10-20T14:05:09+99:00", 20, "no such date" },
	{ "2025-10-20T14:05:09Z ", 20, "no such date" },
	{ "2025-10-20X14:05:09Z", 10, "no such date" },
	{ "2025-10-20T14:05:09.00000000000000000000000000000000000000000000000000000000000000000Z",
	    0, "not a time" },
	{ "9999-01-01", 0, "no such date" },
	{ "-5", 2, "expected a unit" },
	{ "-", 1, "expected a duration" },
	{ "--1h", 1, "expected a duration" },
	{ "1.h", 1, "expected a unit" },
	{ "1.5x", 3, "expected a unit" },
	{ "1.5ns", 0, "a time finer than" },
	{ "2h0.0000000001s", 2, "a time finer than" },
	{ "1x", 1, "expected a unit" },
	{ "1hour", 1, "expected a unit" },
	{ "1h1h", 2, "larger units" },
	{ "1m1h", 2, "larger units" },
	{ "1h ", 2, "expected a duration" },
	{ "99999999999999999999h", 0, "too long" },
	{ "9223372036854775807s", 0, "too long" },
	{ "106000w", 0, "too long" },
	{ "15250w15250w", 6, "larger units" },
	{ "300w-1h", 4, "expected a duration" },
	{ "12.", 2, "expected a unit" },
	{ "99999999999", 0, "outside of the years" },
	{ "99999999999999999999999", 0, "outside of the years" },
	{ "1_000", 1, "expected a unit" },
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(faults); i++) {
		const char *why = NULL;
		int64_t ns = 42;
		size_t pos = 99;
		if (timespec_parse(faults[i].text, NOW, NULL, &ns, &pos, &why) == 0)
			fail_msg("%s: taken for %lld", faults[i].text, (long long)ns);
		if (pos != faults[i].pos ||
		    strncmp(why, faults[i].why, strlen(faults[i].why)) != 0)
			fail_msg("%s: %d %s", faults[i].text, (int)pos, why);
		assert_int_equal(ns, 42);
		assert_int_equal(
		    timespec_parse(faults[i].text, NOW, NULL, &ns, NULL, NULL), -1);
	}
}

static void
test_range(void **state)
{
	const char *why;
	int64_t ns;
	size_t pos;

	(void)state;
	assert_int_equal(timespec_parse("10000w", INT64_MIN + 1, NULL, &ns, &pos, &why), -1);
	assert_int_equal(timespec_parse("now+10000w", INT64_MAX, NULL, &ns, &pos, &why), -1);
	assert_int_equal(timespec_parse("tomorrow", INT64_MAX, NULL, &ns, &pos, &why), -1);
	assert_int_equal(timespec_parse("23:47", INT64_MAX, NULL, &ns, &pos, &why), 0);
	assert_int_equal(timespec_parse("23:48", INT64_MAX, NULL, &ns, &pos, &why), -1);
	assert_int_equal(
	    timespec_parse("tomorrow 00:00", INT64_MAX, NULL, &ns, &pos, &why), -1);
	assert_int_equal(timespec_parse("yesterday", INT64_MIN + 1, NULL, &ns, &pos, &why), -1);
	assert_int_equal(timespec_parse("now", INT64_MIN + 1, NULL, &ns, &pos, &why), 0);
	/* Weekdays before 1970, which began on a Thursday. */
	assert_int_equal(timespec_parse("wed", -1, NULL, &ns, &pos, &why), 0);
	assert_int_equal(ns, -CLOCK_DAY);
	assert_int_equal(timespec_parse("thu", -1, NULL, &ns, &pos, &why), 0);
	assert_int_equal(ns, -7 * CLOCK_DAY);
}

static const struct {
	const char *text;
	int64_t after, before; /* days from MONDAY; both 0: refused at pos */
	size_t pos;
} days[] = {
	{ "2025-10-20", 0, 1, 0 },
	{ "2025-10-20..2025-10-20", 0, 1, 0 },
	{ "2025-10-20..2025-10-23", 0, 4, 0 },
	{ "2025-10-20..today", 0, 20778 - 20381 + 1, 0 },
	{ "yesterday", 20777 - 20381, 20778 - 20381, 0 },
	{ "mon..fri", 20773 - 20381, 20778 - 20381, 0 },
	{ "", 0, 0, 0 },
	{ "..", 0, 0, 0 },
	{ "2025-10-20..", 0, 0, 12 },
	{ "..2025-10-20", 0, 0, 0 },
	{ "2025-10-23..2025-10-20", 0, 0, 12 },
	{ "2025-02-30", 0, 0, 8 },
	{ "2025-10-20..2025-02-30", 0, 0, 20 },
	{ "2025-10-20T00:00:00Z", 0, 0, 10 },
	{ "2025-10-20.2025-10-21", 0, 0, 10 },
	{ "2025-10-2..2025-10-21", 0, 0, 9 },
	{ "today..2025-10-20 ", 0, 0, 17 },
	{ "todays", 0, 0, 0 },
	{ "1761228309", 0, 0, 0 },
	{ "-1d", 0, 0, 0 },
};

static void
test_days(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(days); i++) {
		bool refused = days[i].after == 0 && days[i].before == 0;
		int64_t after = 1, before = 2;
		const char *why = NULL;
		size_t pos = 99;
		int r = timespec_days(days[i].text, NOW, NULL, &after, &before, &pos, &why);
		if ((r < 0) != refused || (refused && (pos != days[i].pos || why == NULL)))
			fail_msg("%s: %d at %d: %s", days[i].text, r, (int)pos, why);
		if (refused)
			assert_true(after == 1 && before == 2);
		else if (after != MONDAY + days[i].after * CLOCK_DAY ||
		    before != MONDAY + days[i].before * CLOCK_DAY)
			fail_msg("%s: %lld to %lld", days[i].text, (long long)after,
			    (long long)before);
	}
}

/* ---- in a zone --------------------------------------------------------------------------- */

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

/* The present is Sunday 2025-10-26T01:30:00Z, 02:30 for the second time there; or what is said. */
static const struct {
	const char *zone, *now, *text, *want;
} zoned[] = {
	{ BERLIN, NULL, "now", "2025-10-26T01:30:00Z" },
	{ BERLIN, NULL, "-1d", "2025-10-25T01:30:00Z" }, /* 24 hours, whatever the day */
	{ BERLIN, NULL, "today", "2025-10-25T22:00:00Z" },
	{ BERLIN, NULL, "tomorrow", "2025-10-26T23:00:00Z" },
	{ BERLIN, NULL, "yesterday", "2025-10-24T22:00:00Z" },
	{ BERLIN, NULL, "sunday", "2025-10-25T22:00:00Z" },
	{ BERLIN, NULL, "monday", "2025-10-19T22:00:00Z" },
	{ BERLIN, "2025-10-25T22:30:00Z", "today", "2025-10-25T22:00:00Z" },
	{ BERLIN, "2025-10-25T21:30:00Z", "today", "2025-10-24T22:00:00Z" },
	{ BERLIN, "2026-03-30T10:00:00Z", "yesterday", "2026-03-28T23:00:00Z" },
	{ BERLIN, NULL, "00:30", "2025-10-25T22:30:00Z" },
	{ BERLIN, NULL, "04:00", "2025-10-26T03:00:00Z" }, /* five hours into the day */
	{ BERLIN, NULL, "yesterday 14:00", "2025-10-25T12:00:00Z" },
	{ BERLIN, NULL, "2025-10-20", "2025-10-19T22:00:00Z" },
	{ BERLIN, NULL, "2025-10-20T14:00", "2025-10-20T12:00:00Z" },
	{ BERLIN, NULL, "2025-10-20 14:00:00.25", "2025-10-20T12:00:00.25Z" },
	{ BERLIN, NULL, "2025-10-20T14:00Z", "2025-10-20T14:00:00Z" },
	{ BERLIN, NULL, "2025-10-20T14:00-03:30", "2025-10-20T17:30:00Z" },
	{ BERLIN, NULL, "2025-10-26T02:30", "2025-10-26T00:30:00Z" }, /* the first */
	{ BERLIN, NULL, "2025-10-26T02:30+01:00", "2025-10-26T01:30:00Z" },
	{ BERLIN, NULL, "2026-03-29T02:30", "2026-03-29T01:30:00Z" }, /* skipped */
	{ BERLIN, NULL, "1761228309", "2025-10-23T14:05:09Z" },
	{ "-01:00", "1969-12-31T23:59:59.5Z", "today", "1969-12-31T01:00:00Z" },
	{ "+14", "2025-10-26T09:59:59Z", "today", "2025-10-25T10:00:00Z" },
	{ "+14", "2025-10-26T10:00:00Z", "today", "2025-10-26T10:00:00Z" },
};

static int64_t
instant(const char *text)
{
	int64_t ns = CLOCK_NONE;

	assert_int_equal(clock_parse(text, strlen(text), &ns, NULL, NULL), 0);
	return ns;
}

static void
test_zoned(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(zoned); i++) {
		const char *now = zoned[i].now != NULL ? zoned[i].now : "2025-10-26T01:30:00Z";
		struct zone *zone = NULL;
		int64_t ns = 0;

		assert_int_equal(zone_open(&zone, zoned[i].zone, NULL), 0);
		if (timespec_parse(zoned[i].text, instant(now), zone, &ns, NULL, NULL) < 0 ||
		    ns != instant(zoned[i].want))
			fail_msg("%s in %s: %+lld s off", zoned[i].text, zoned[i].zone,
			    (long long)((ns - instant(zoned[i].want)) / CLOCK_S));
		zone_free(zone);
	}
}

static void
test_zoned_days(void **state)
{
	static const struct {
		const char *text, *after;
		int hours;
	} cases[] = { { "2025-10-26", "2025-10-25T22:00:00Z", 25 },
		{ "2026-03-29", "2026-03-28T23:00:00Z", 23 },
		{ "2025-10-25..2025-10-27", "2025-10-24T22:00:00Z", 73 },
		{ "today", "2025-10-25T22:00:00Z", 25 },
		{ "yesterday", "2025-10-24T22:00:00Z", 24 },
		{ "monday..2025-10-20", "2025-10-19T22:00:00Z", 24 } };
	struct zone *zone = NULL;

	(void)state;
	assert_int_equal(zone_open(&zone, BERLIN, NULL), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t after = 0, before = 0;
		int r = timespec_days(cases[i].text, instant("2025-10-26T01:30:00Z"), zone,
		    &after, &before, NULL, NULL);

		if (r < 0 || after != instant(cases[i].after) ||
		    before - after != cases[i].hours * 3600 * CLOCK_S)
			fail_msg("%s", cases[i].text);
	}
	zone_free(zone);
}

/* Where the years end that can be told, zone or not. */
static void
test_zoned_range(void **state)
{
	struct zone *east = NULL, *west = NULL;
	int64_t ns;

	(void)state;
	assert_int_equal(zone_open(&east, "+14", NULL), 0);
	assert_int_equal(zone_open(&west, "-12", NULL), 0);
	assert_int_equal(timespec_parse("1677-09-21T00:30:00", 0, east, &ns, NULL, NULL), -1);
	assert_int_equal(timespec_parse("1677-09-21T00:30:00", 0, west, &ns, NULL, NULL), 0);
	assert_int_equal(timespec_parse("2262-04-11T23:30:00", 0, west, &ns, NULL, NULL), -1);
	assert_int_equal(timespec_parse("today", INT64_MAX, west, &ns, NULL, NULL), 0);
	zone_free(east);
	zone_free(west);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_zoned),
		cmocka_unit_test(test_zoned_days),
		cmocka_unit_test(test_zoned_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
