/* parts - parts of time tile it, whatever becomes of clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "parts.h"

#define MINUTE (60 * CLOCK_S)
#define HOUR   (60 * MINUTE)

static int64_t
at(const char *text)
{
	int64_t ns;

	assert_int_equal(clock_parse(text, strlen(text), &ns, NULL, NULL), 0);
	return ns;
}

/* In Berlin clocks go forward on 2025-03-30 at 01:00Z, and back on 2025-10-26 at 01:00Z. */
static void
known(void **state)
{
	static const struct {
		int64_t step;
		const char *ts, *start, *end;
	} cases[] = {
		{ 24 * HOUR, "2025-03-30T10:00:00Z", "2025-03-29T23:00:00Z",
		    "2025-03-30T22:00:00Z" },
		{ 24 * HOUR, "2025-10-26T10:00:00Z", "2025-10-25T22:00:00Z",
		    "2025-10-26T23:00:00Z" },
		{ 24 * HOUR, "2025-10-25T22:00:00Z", "2025-10-25T22:00:00Z",
		    "2025-10-26T23:00:00Z" },
		{ 24 * HOUR, "2025-10-26T23:00:00Z", "2025-10-26T23:00:00Z",
		    "2025-10-27T23:00:00Z" },
		/* a week begins with Monday */
		{ 168 * HOUR, "2025-10-26T10:00:00Z", "2025-10-19T22:00:00Z",
		    "2025-10-26T23:00:00Z" },
		/* the hour that comes twice is two */
		{ HOUR, "2025-10-26T00:30:00Z", "2025-10-26T00:00:00Z",
		    "2025-10-26T01:00:00Z" },
		{ HOUR, "2025-10-26T01:30:00Z", "2025-10-26T01:00:00Z",
		    "2025-10-26T02:00:00Z" },
		{ HOUR, "2025-03-30T00:30:00Z", "2025-03-30T00:00:00Z",
		    "2025-03-30T01:00:00Z" },
		{ HOUR, "2025-03-30T01:30:00Z", "2025-03-30T01:00:00Z",
		    "2025-03-30T02:00:00Z" },
		/* from midnight to six o'clock there are seven hours, and five */
		{ 6 * HOUR, "2025-10-26T00:30:00Z", "2025-10-25T22:00:00Z",
		    "2025-10-26T05:00:00Z" },
		{ 6 * HOUR, "2025-10-26T04:59:00Z", "2025-10-25T22:00:00Z",
		    "2025-10-26T05:00:00Z" },
		{ 6 * HOUR, "2025-03-30T03:30:00Z", "2025-03-29T23:00:00Z",
		    "2025-03-30T04:00:00Z" },
		{ 2 * HOUR, "2025-03-30T01:30:00Z", "2025-03-30T01:00:00Z",
		    "2025-03-30T02:00:00Z" },
	};
	struct zone *berlin;

	(void)state;
	if (zone_open(&berlin, "CET-1CEST,M3.5.0,M10.5.0/3", NULL) < 0)
		fail();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const int64_t start = parts_start(berlin, cases[i].step, at(cases[i].ts));

		if (start != at(cases[i].start) ||
		    parts_end(berlin, cases[i].step, start) != at(cases[i].end))
			fail_msg("%s, %lld h", cases[i].ts, (long long)(cases[i].step / HOUR));
	}
	assert_int_equal(parts_start(berlin, HOUR, CLOCK_NONE), CLOCK_NONE);
	assert_int_equal(parts_end(berlin, HOUR, CLOCK_NONE), CLOCK_NONE);
	assert_int_equal(parts_start(NULL, HOUR, -1), -HOUR);
	assert_int_equal(parts_start(berlin, 24 * HOUR, INT64_MAX), CLOCK_NONE);
	assert_int_equal(parts_start(berlin, 24 * HOUR, INT64_MIN + 1), CLOCK_NONE);
	zone_free(berlin);
}

/* Every instant is in one part, which all of its instants say; parts follow one another without a gap. */
static void
tiles(const char *name, const struct zone *zone, int64_t step, int64_t from, int64_t to)
{
	int64_t start = parts_start(zone, step, from), end = parts_end(zone, step, start);

	for (int64_t ts = from; ts < to; ts += 5 * MINUTE) {
		if (ts >= end) {
			start = end;
			end = parts_end(zone, step, start);
		}
		if (parts_start(zone, step, ts) != start || ts < start || ts >= end)
			fail_msg("%s, %lld min: %lld: from %lld, not %lld to %lld", name,
			    (long long)(step / MINUTE), (long long)(ts / CLOCK_S),
			    (long long)(parts_start(zone, step, ts) / CLOCK_S),
			    (long long)(start / CLOCK_S), (long long)(end / CLOCK_S));
	}
}

static void
whole(void **state)
{
	static const char *const zones[] = { "UTC", "CET-1CEST,M3.5.0,M10.5.0/3", "+05:30",
		"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "EST5EDT,M3.2.0,M11.1.0" };
	static const int64_t steps[] = { 5, 15, 30, 45, 60, 90, 120, 180, 360, 420, 720, 1440,
		2880, 10080 };

	(void)state;
	for (size_t z = 0; z < sizeof zones / sizeof zones[0]; z++) {
		struct zone *zone;

		assert_int_equal(zone_open(&zone, zones[z], NULL), 0);
		for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
			tiles(zones[z], zone, steps[i] * MINUTE, at("2025-03-01T00:00:00Z"),
			    at("2025-04-12T00:00:00Z"));
			tiles(zones[z], zone, steps[i] * MINUTE, at("2025-09-28T00:00:00Z"),
			    at("2025-11-10T00:00:00Z"));
		}
		zone_free(zone);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),
		cmocka_unit_test(whole),
	};

	return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
