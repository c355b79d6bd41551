/* zone: offsets and local times, held against libc's; odd changes by hand; files that are damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "sanitizer.h"
#include "zone.h"
#include "zone_rule.h"

#define COUNT(a)  (sizeof(a) / sizeof(a)[0])
#define DIRECTORY "/usr/share/zoneinfo/"
#define HOUR      3600
#define DAY       INT64_C(86400)

static int64_t
seconds(const char *text)
{
	int64_t ns;

	assert_int_equal(clock_parse(text, strlen(text), &ns, NULL, NULL), 0);
	return ns / CLOCK_S;
}

static struct zone *
open_zone(const char *name)
{
	struct zone *z = NULL;
	auditq_error err = { 0 };

	if (zone_open(&z, name, &err) < 0)
		fail_msg("%s: %s", name, err.text);
	return z;
}

/* The rest can do without. */
static void
need_database(void)
{
	if (access(DIRECTORY "Europe/Berlin", R_OK) != 0) {
		print_message("no " DIRECTORY ": skipped\n");
		skip();
	}
}

/* ---- by hand ---------------------------------------------------------------------------- */

static const struct {
	const char *zone, *local, *instant;
} locals[] = {
	{ "UTC", "2025-10-26T02:30:00", "2025-10-26T02:30:00Z" },
	{ "+02:00", "2025-10-26T02:30:00", "2025-10-26T00:30:00Z" },
	{ "-0330", "2025-10-26T02:30:00", "2025-10-26T06:00:00Z" },
	{ "+14", "2025-10-26T02:30:00", "2025-10-25T12:30:00Z" },
	{ "EST5EDT,M3.2.0,M11.1.0", "2025-07-04T12:00:00", "2025-07-04T16:00:00Z" },
	{ "EST5", "2025-07-04T12:00:00", "2025-07-04T17:00:00Z" },
	{ "<+0330>-3:30", "2025-07-04T12:00:00", "2025-07-04T08:30:00Z" },
	/* Summer all the year: RFC 9636, 3.3.1. */
	{ "EST5EDT,0/0,J365/25", "2025-01-01T00:00:00", "2025-01-01T04:00:00Z" },
	{ "EST5EDT,0/0,J365/25", "2025-12-31T23:59:59", "2026-01-01T03:59:59Z" },
	/* Skipped, doubled, and next to both. */
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:59:59", "2026-03-29T00:59:59Z" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T02:00:00", "2026-03-29T01:00:00Z" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T02:30:00", "2026-03-29T01:30:00Z" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T03:00:00", "2026-03-29T01:00:00Z" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2025-10-26T02:00:00", "2025-10-26T00:00:00Z" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2025-10-26T02:30:00", "2025-10-26T00:30:00Z" },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", "2025-10-26T03:00:00", "2025-10-26T02:00:00Z" },
	/* The south; across the turn of the year. */
	{ "NZST-12NZDT,M9.5.0,M4.1.0/3", "2025-12-31T23:30:00", "2025-12-31T10:30:00Z" },
	{ "NZST-12NZDT,M9.5.0,M4.1.0/3", "2026-06-01T00:00:00", "2026-05-31T12:00:00Z" },
	/* A day before the last Sunday, at 22:00: said as hours before Sunday. */
	{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2025-03-29T22:59:59", "2025-03-30T00:59:59Z" },
	{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2025-03-30T00:00:00", "2025-03-30T01:00:00Z" },
};

static void
test_local(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(locals); i++) {
		struct zone *z = open_zone(locals[i].zone);
		int64_t got = zone_second(z, seconds(locals[i].local));

		if (got != seconds(locals[i].instant))
			fail_msg("%s in %s: %+lld s off", locals[i].local, locals[i].zone,
			    (long long)(got - seconds(locals[i].instant)));
		zone_free(z);
	}
}

static const struct {
	const char *zone, *day, *begin;
	int hours; /* in quarters */
} days[] = {
	{ "Europe/Berlin", "2025-10-20", "2025-10-19T22:00:00Z", 96 },
	{ "Europe/Berlin", "2025-10-26", "2025-10-25T22:00:00Z", 100 },
	{ "Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", 92 },
	{ "Europe/Berlin", "2100-03-28", "2100-03-27T23:00:00Z", 92 }, /* by the rule */
	{ "America/New_York", "2025-11-02", "2025-11-02T04:00:00Z", 100 },
	{ "Australia/Lord_Howe", "2025-10-05", "2025-10-04T13:30:00Z", 94 },
	{ "Asia/Kolkata", "2025-10-20", "2025-10-19T18:30:00Z", 96 },
	/* Midnight does not come; comes twice. */
	{ "America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", 92 },
	{ "America/Havana", "2025-11-02", "2025-11-02T04:00:00Z", 100 },
	{ "America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00Z", 100 },
	{ "America/Toronto", "1919-03-31", "1919-03-31T04:30:00Z",
	    94 }, /* from 23:30 to 0:30 */
	/* The whole day does not come. */
	{ "Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0 },
	{ "Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 96 },
	{ "Africa/Casablanca", "2087-01-01", "2086-12-31T23:00:00Z", 96 }, /* nor the table */
};

static void
test_days(void **state)
{
	(void)state;
	need_database();
	for (size_t i = 0; i < COUNT(days); i++) {
		struct zone *z = open_zone(days[i].zone);
		int32_t day;
		int64_t begin, end;

		assert_int_equal(clock_parse_day(days[i].day, 10, &day), 0);
		begin = zone_day(z, day);
		end = zone_day(z, day + 1);
		if (begin != seconds(days[i].begin) ||
		    end - begin != days[i].hours * INT64_C(900))
			fail_msg("%s in %s: begins %+lld s off, has %lld s", days[i].day,
			    days[i].zone, (long long)(begin - seconds(days[i].begin)),
			    (long long)(end - begin));
		zone_free(z);
	}
}

/* ---- against libc ----------------------------------------------------------------------- */

static int32_t
libc_offset(int64_t second)
{
	const time_t t = second;
	struct tm tm;

	assert_non_null(localtime_r(&t, &tm));
	return (int32_t)tm.tm_gmtoff;
}

/* The first instant that libc gives this local time, looked for by trying all; else as the clock went on. */
static int64_t
libc_second(int64_t local)
{
	int64_t t = local - 27 * HOUR, low, high;

	for (; t + libc_offset(t) <= local; t += 600)
		;
	for (low = t - 600, high = t; high - low > 1;) {
		const int64_t mid = low + (high - low) / 2;
		*(mid + libc_offset(mid) <= local ? &low : &high) = mid;
	}
	/* low is the last at or before it; clocks that go back make it twice, ten minutes at least apart. */
	for (t = local - 27 * HOUR; t <= low; t += 600) {
		const int64_t hit = local - libc_offset(t);
		if (hit <= low && libc_offset(hit) == local - hit)
			return hit;
	}
	return local - libc_offset(low);
}

static void
check_zone(const char *name, uint64_t *seed, int rounds)
{
	struct zone *z = open_zone(name);
	int32_t offset = 0;
	int64_t t;

	assert_int_equal(setenv("TZ", name, 1), 0);
	tzset();
	for (int i = 0; i < rounds; i++) {
		*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		/* Of the years 1850 to 2200. */
		t = (int64_t)((*seed >> 20) % (350 * 366 * (uint64_t)DAY)) - 120 * 365 * DAY;
		if (zone_offset(z, t) != libc_offset(t))
			fail_msg("%s: at %lld %d, not %d", name, (long long)t,
			    zone_offset(z, t), libc_offset(t));
	}
	/* Near each change from 1960 to 2050 that a walk in steps of six hours finds. */
	for (t = -3652 * DAY; t < 29220 * DAY; t += 6 * HOUR) {
		const int32_t now = libc_offset(t);
		const int64_t some[] = { t + now, t + now - 6 * HOUR, t + now - HOUR / 2 };

		for (size_t i = 0; now != offset && i < COUNT(some); i++)
			if (zone_second(z, some[i]) != libc_second(some[i]))
				fail_msg("%s: local %lld is %lld, not %lld", name,
				    (long long)some[i], (long long)zone_second(z, some[i]),
				    (long long)libc_second(some[i]));
		offset = now;
	}
	zone_free(z);
}

/* All zones that differ since 1970: the third column of the table that comes with the database. */
static void
test_libc(void **state)
{
	FILE *table = fopen(DIRECTORY "zone1970.tab", "r");
	char line[512], name[128];
	uint64_t seed = 7;
	int n = 0;

	(void)state;
	need_database();
	if (table == NULL) {
		print_message("no " DIRECTORY "zone1970.tab: skipped\n");
		skip();
	}
	for (; fgets(line, sizeof line, table) != NULL;)
		if (line[0] != '#' && sscanf(line, "%*s %*s %127s", name) == 1 &&
		    ++n % BY_SANITIZER(5, 5, 50) == 0)
			check_zone(name, &seed, 1000);
	assert_true(n > 200);
	fclose(table);
	check_zone("Pacific/Apia", &seed, 1000);
	check_zone("Africa/Casablanca", &seed, 1000);
	check_zone("Europe/Dublin", &seed, 1000);
	unsetenv("TZ");
}

/* ---- rules and names that are none ------------------------------------------------------- */

static void
test_bad_rules(void **state)
{
	static const char *const bad[] = { "", "E", "ES5", "EST", "EST25", "EST5:60", "EST5EDT",
		"EST5EDT,", "EST5EDT,M3.2.0", "EST5EDT,M3.2.0,", "EST5EDT,M13.2.0,M1.1.0",
		"EST5EDT,M3.6.0,M1.1.0", "EST5EDT,M3.2.7,M1.1.0", "EST5EDT,J0,J1",
		"EST5EDT,J366,J1", "EST5EDT,366,1", "EST5EDT,1,2/168", "EST5EDT,1,2x", "<EST5",
		"<+1>5", "EST5EDT,1,2 ", "EST5EDT99999999999999999999,1,2" };
	struct zone_rule rule;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (zone_rule_parse(bad[i], strlen(bad[i]), &rule) == 0)
			fail_msg("%s", bad[i]);
}

static void
test_names(void **state)
{
	static const char *const bad[] = { "", "Europe/Berln", "../../etc/passwd",
		"/etc/localtime", "Europe/../Europe/Berlin", "+25:00", "+2", "+02:60", "+02:0",
		"Europe/", "a b", "Europe/Berlin/x" };
	struct zone *z = NULL;
	auditq_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (zone_open(&z, bad[i], &err) != AUDITQ_EINVAL ||
		    strstr(err.text, "no time zone") == NULL)
			fail_msg("%s", bad[i]);
	assert_int_equal(zone_open(&z, "UTC", &err), 0);
	assert_null(z);
	assert_int_equal(zone_offset(NULL, 5), 0);
	assert_int_equal(zone_second(NULL, 5), 5);
	assert_int_equal(zone_day(NULL, 5), 5 * DAY);
}

static void
test_environment(void **state)
{
	static const struct {
		const char *tz;
		int32_t offset;
	} cases[] = { { "", 0 }, { ":UTC", 0 }, { "XYZ-3", 3 * HOUR },
		{ "<+05>-5", 5 * HOUR } };
	struct zone *z = NULL;
	auditq_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(setenv("TZ", cases[i].tz, 1), 0);
		z = open_zone("local");
		assert_int_equal(zone_offset(z, 0), cases[i].offset);
		zone_free(z);
	}
	assert_int_equal(setenv("TZ", "No/Such", 1), 0);
	assert_int_equal(zone_open(&z, "local", &err), AUDITQ_EINVAL);
	assert_non_null(strstr(err.text, "$TZ: no time zone 'No/Such'"));
	assert_int_equal(setenv("TZ", "/no/such/file", 1), 0);
	assert_int_equal(zone_open(&z, "local", &err), AUDITQ_EINVAL);
	unsetenv("TZ");
	zone_free(open_zone("local"));
}

/* ---- files ------------------------------------------------------------------------------- */

/* Of the first version: +1 h, from 1000 on +2 h; an index of the changes' kinds, and their offsets. */
static const uint8_t first_version[] = "TZif\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				       "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\2"
				       "\0\0\3\xe8\1"
				       "\0\0\x0e\x10\0\0\0\0\x1c\x20\1\0"
				       "A";

static void
test_first_version(void **state)
{
	struct zone *z = NULL;
	auditq_error err = { 0 };

	(void)state;
	assert_int_equal(zone_read(&z, first_version, sizeof first_version, "v1", &err), 0);
	assert_int_equal(zone_offset(z, 999), HOUR);
	assert_int_equal(zone_offset(z, 1000), 2 * HOUR);
	assert_int_equal(zone_second(z, 1000 + HOUR + 5), 1005);
	zone_free(z);
}

/* Whatever comes of damaged bytes can be asked. */
static void
read_damaged(const uint8_t *data, size_t n)
{
	struct zone *z = NULL;
	auditq_error err = { 0 };
	int r = zone_read(&z, data, n, "damaged", &err);

	if (r < 0) {
		assert_int_equal(r, AUDITQ_ECORRUPT);
		return;
	}
	for (int64_t t = -INT64_C(9000000000); t < INT64_C(9200000000); t += 1300000000) {
		(void)zone_offset(z, t);
		(void)zone_second(z, t);
		(void)zone_day(z, t / DAY);
	}
	zone_free(z);
}

static void
damage(const uint8_t *data, size_t n)
{
	uint8_t *copy;

	for (size_t end = 0; end < n; end++) {
		assert_non_null(copy = malloc(end + 1));
		memcpy(copy, data, end);
		read_damaged(copy, end);
		free(copy);
	}
	for (size_t i = 0; i < n; i++)
		for (int bit = 0; bit < 8; bit++) {
			assert_non_null(copy = malloc(n));
			memcpy(copy, data, n);
			copy[i] ^= (uint8_t)(1 << bit);
			read_damaged(copy, n);
			free(copy);
		}
}

static void
test_damage(void **state)
{
	static const char *const files[] = { DIRECTORY "Africa/Lagos", DIRECTORY "Asia/Tokyo",
		DIRECTORY "Africa/Johannesburg" };
	uint8_t data[4096];

	(void)state;
	damage(first_version, sizeof first_version);
	for (size_t i = 0; i < COUNT(files); i++) {
		FILE *f = fopen(files[i], "rb");

		if (f == NULL)
			continue;
		damage(data, fread(data, 1, sizeof data, f));
		fclose(f);
	}
}

/* Files that are whole, and say what cannot be. */
static void
test_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
		const char *why;
	} cases[] = { { 0, 'X', "is no time zone file" }, { 31, 1, "counts leap seconds" },
		{ 39, 0, "has no offset" }, { 48, 2, "has an offset that is none" },
		{ 49, 0x7f, "has no offset" }, { 4, '2', "ends too early" } };
	uint8_t data[sizeof first_version + 12];
	struct zone *z = NULL;
	auditq_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		memset(data, 0, sizeof data);
		memcpy(data, first_version, sizeof first_version);
		data[cases[i].at] = cases[i].byte;
		err.code = 0;
		assert_int_equal(
		    zone_read(&z, data, sizeof data, "file", &err), AUDITQ_ECORRUPT);
		if (strstr(err.text, cases[i].why) == NULL || strcmp(err.path, "file") != 0)
			fail_msg("%s: %s", cases[i].why, err.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_libc),
		cmocka_unit_test(test_bad_rules),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_first_version),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
