/* time - any text as a time, a span of days, a date, a value of a time key: what is understood is printed, and
 * means the same instant again. */
#include "clock.h"
#include "fuzz.h"
#include "schema.h"
#include "timespec.h"

#define NOW INT64_C(1761228309123456789) /* 2025-10-23T14:05:09.123456789Z */

/* The years whose every day has a name. */
static bool
is_told(int64_t ns)
{
	int32_t day;
	char text[10];

	clock_format_day(text, clock_day(ns));
	return clock_parse_day(text, sizeof text, &day) == 0 && day == clock_day(ns);
}

static void
check_instant(int64_t ns)
{
	char text[CLOCK_LENGTH + 1] = "";
	int64_t again;
	bool zoned = false;
	int y, m, d;

	FUZZ_CLAIM(ns != CLOCK_NONE);
	clock_format(text, ns);
	FUZZ_CLAIM(clock_parse(text, CLOCK_LENGTH, &again, &zoned, NULL) == 0);
	FUZZ_CLAIM(again == ns && zoned);
	FUZZ_CLAIM(timespec_parse(text, NOW, NULL, &again, NULL, NULL) == 0 && again == ns);
	clock_civil_from_days(clock_day(ns), &y, &m, &d);
	FUZZ_CLAIM(clock_date_valid(y, m, d));
	FUZZ_CLAIM(clock_days_from_civil(y, m, d) == clock_day(ns));
}

static void
check_clock(const char *text, size_t n)
{
	int64_t ns = 1, by_spec;
	bool zoned;
	size_t pos = n + 1;

	if (clock_parse(text, n, &ns, &zoned, &pos) < 0) {
		FUZZ_CLAIM(pos <= n && ns == 1);
		return;
	}
	check_instant(ns);
	/* It takes a few digits of a fraction only. */
	if (timespec_parse(text, NOW, NULL, &by_spec, NULL, NULL) == 0)
		FUZZ_CLAIM(by_spec == ns);
	else
		FUZZ_CLAIM(n > 80);
}

static void
check_spec(const char *text, size_t n, int64_t now)
{
	int64_t ns = 1;
	size_t pos = n + 1;
	const char *why = NULL;

	if (timespec_parse(text, now, NULL, &ns, &pos, &why) == 0)
		check_instant(ns);
	else
		FUZZ_CLAIM(pos <= n && why != NULL && ns == 1);
}

static void
check_days(const char *text, size_t n, int64_t now)
{
	int64_t after = 1, before = 2, again, end;
	char days[23] = "";
	size_t pos = n + 1;
	const char *why = NULL;

	if (timespec_days(text, now, NULL, &after, &before, &pos, &why) < 0) {
		FUZZ_CLAIM(pos <= n && why != NULL && after == 1 && before == 2);
		return;
	}
	FUZZ_CLAIM(after < before && after % CLOCK_DAY == 0 && before % CLOCK_DAY == 0);
	if (!is_told(after) || !is_told(before - 1))
		return;
	clock_format_day(days, clock_day(after));
	memcpy(days + 10, "..", 2);
	clock_format_day(days + 12, clock_day(before - 1));
	FUZZ_CLAIM(timespec_days(days, now, NULL, &again, &end, NULL, NULL) == 0);
	FUZZ_CLAIM(again == after && end == before);
}

/* The value of a time key, as a string and as a number. */
static void
check_value(const char *text, size_t n)
{
	struct field f = { .type = FIELD_STRING, .p = text, .n = n };
	struct field_path path;
	char *line = malloc(n + 8);
	size_t length = (size_t)sprintf(line, "{\"t\":%s}", text);
	int64_t ns = schema_value_time(&f);

	if (ns != CLOCK_NONE)
		check_instant(ns);
	field_path_set(&path, "t", 1);
	if (field_get(line, length, &path, 1, &f) == 0 &&
	    (ns = schema_value_time(&f)) != CLOCK_NONE)
		check_instant(ns);
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	size_t n = strlen(text);
	int32_t day;

	check_clock(text, n);
	check_spec(text, n, NOW);
	check_spec(text, n, INT64_MAX);
	check_spec(text, n, INT64_MIN + 1);
	check_days(text, n, NOW);
	check_days(text, n, INT64_MAX);
	check_days(text, n, INT64_MIN + 1);
	check_value(text, n);
	if (clock_parse_day(text, n, &day) == 0) {
		char again[10];

		clock_format_day(again, day);
		FUZZ_CLAIM(n == 10 && memcmp(again, text, 10) == 0);
		check_instant(day * CLOCK_DAY);
	}
	free(text);
	return 0;
}
