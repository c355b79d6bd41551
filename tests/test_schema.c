/* schema: its text both ways, times and levels in values, and what a line says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"
#include "schema_text.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define CANONICAL                                                                              \
	"{\"v\":1,\"ts\":[\"ts\",\"@timestamp\",\"timestamp\",\"time\",\"eventTime\"],"        \
	"\"run\":\"run_id\",\"stage\":\"stage\",\"level\":\"level\",\"status\":\"status\","    \
	"\"duration\":\"duration_ms\"}"

static void
test_format(void **state)
{
	char text[SCHEMA_TEXT_MAX];
	struct schema s;
	size_t n;

	(void)state;
	n = schema_format(&schema_default, text);
	assert_int_equal(n, strlen(CANONICAL));
	assert_memory_equal(text, CANONICAL, n);
	assert_int_equal(schema_parse(text, n, &s), 0);
	assert_true(schema_equal(&s, &schema_default));

	strcpy(s.keys[SCHEMA_TIME].key[0], "meta.\"time\"\n");
	s.keys[SCHEMA_TIME].n = 1;
	strcpy(s.keys[SCHEMA_RUN].key[0], "\xc3\xa9");
	assert_false(schema_equal(&s, &schema_default));
	n = schema_format(&s, text);
	memset(&s, 0, sizeof s);
	assert_int_equal(schema_parse(text, n, &s), 0);
	assert_int_equal(s.keys[SCHEMA_TIME].n, 1);
	assert_string_equal(s.keys[SCHEMA_TIME].key[0], "meta.\"time\"\n");
	assert_string_equal(s.keys[SCHEMA_RUN].key[0], "\xc3\xa9");
}

static void
test_format_too_long(void **state)
{
	struct schema s = schema_default;
	char text[SCHEMA_TEXT_MAX];

	(void)state;
	for (int role = 0; role < SCHEMA_ROLES; role++)
		for (size_t i = 0; i < SCHEMA_KEYS_MAX; i++) {
			memset(s.keys[role].key[i], 'x', SCHEMA_KEY_MAX);
			s.keys[role].n = i + 1;
		}
	assert_int_equal(schema_format(&s, text), 0);
}

static const char rest[] =
    "\"run\":\"r\",\"stage\":\"s\",\"level\":\"l\",\"status\":\"x\",\"duration\":\"d\"}";

static int
parse(const char *head, const char *tail)
{
	char text[2048];
	struct schema s = { .ntest = 99 };
	int n = snprintf(text, sizeof text, "%s%s", head, tail), r;

	r = schema_parse(text, (size_t)n, &s);
	if (r < 0)
		assert_int_equal(s.ntest, 99); /* untouched */
	return r;
}

static void
test_parse(void **state)
{
	char key[128];

	(void)state;
	assert_int_equal(parse("{\"v\":1,\"ts\":[\"t\"],", rest), 0);
	assert_int_equal(parse("{\"v\":1,\"ts\":[],", rest), 0);
	assert_int_equal(parse("{\"later\":{\"x\":[1]},\"v\":1.0,\"ts\":[\"t\"],", rest), 0);
	assert_int_equal(parse("{\"v\":2,\"ts\":[\"t\"],", rest), 0);
	assert_int_equal(parse("{\"v\":3,\"ts\":[\"t\"],", rest), -1);
	assert_int_equal(parse("{\"v\":\"1\",\"ts\":[\"t\"],", rest), -1);
	assert_int_equal(parse("{\"ts\":[\"t\"],", rest), -1);
	assert_int_equal(parse("{\"v\":1,", rest), -1);
	assert_int_equal(parse("{\"v\":1,\"ts\":\"t\",", rest), -1);
	assert_int_equal(parse("{\"v\":1,\"ts\":[1],", rest), -1);
	assert_int_equal(parse("{\"v\":1,\"ts\":[\"a\\u0000b\"],", rest), -1);
	assert_int_equal(parse("{\"v\":2,\"levels\":{\"warn\":[1],\"error\":[2,1]}}", ""), -1);
	assert_int_equal(
	    parse("{\"v\":2,\"levels\":{\"warn\":[\"w\"],\"error\":[\"W\"]}}", ""), -1);
	assert_int_equal(
	    parse("{\"v\":2,\"levels\":{\"warn\":[1],\"error\":[2,\"1\"]}}", ""), 0);
	/* It could not be recorded as it is. */
	assert_int_equal(parse("{\"v\":1,\"ts\":[\"a\xff\"],", rest), -1);
	assert_int_equal(parse("{\"v\":1,\"ts\":[\"a\\ud800\"],", rest), -1);
	assert_int_equal(
	    parse("{\"v\":1,\"ts\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"],", rest),
	    0);
	assert_int_equal(
	    parse("{\"v\":1,\"ts\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"],",
		rest),
	    -1);
	assert_int_equal(parse("{\"v\":1,\"ts\":[\"t\"],\"run\":1}", ""), -1);
	assert_int_equal(parse("{\"v\":1,\"ts\":[\"t\"],\"run\":\"r\"}", ""), -1);
	assert_int_equal(parse("", ""), -1);
	assert_int_equal(parse("[]", ""), -1);
	snprintf(key, sizeof key, "{\"v\":1,\"ts\":[\"%064d\"],", 0);
	assert_int_equal(parse(key, rest), 0);
	snprintf(key, sizeof key, "{\"v\":1,\"ts\":[\"%065d\"],", 0);
	assert_int_equal(parse(key, rest), -1);
}

/* Version 2: what version 1 cannot say; absent members are as in schema_default. */
static void
test_version_2(void **state)
{
	static const char text[] =
	    "{\"v\":2,\"name\":\"x\",\"ts\":\"t\",\"run\":[\"a\",\"b\"],\"stage\":\"stage\",\"level\":\"l\","
	    "\"status\":[],\"duration\":\"d\",\"msg\":\"m\",\"unit\":\"ns\","
	    "\"levels\":{\"info\":[\"I\",-3],\"error\":[50]},\"failed\":{\"k\":true,"
	    "\"o\":[\"bad\"],\"n\":{\"not\":[\"good\"],\"min\":1,\"max\":9}},\"failed_level\":null}";
	char back[SCHEMA_TEXT_MAX];
	struct schema s, other;
	size_t n;

	(void)state;
	assert_int_equal(schema_parse(text, sizeof text - 1, &s), 0);
	n = schema_format(&s, back);
	assert_int_equal(n, sizeof text - 1);
	assert_memory_equal(back, text, n);
	assert_int_equal(schema_parse("{\"v\":2,\"later\":1}", 17, &other), 0);
	assert_true(schema_equal(&other, &schema_default));
	assert_false(schema_equal(&other, &s));
	/* What version 1 can say is said in it. */
	assert_int_equal(schema_format(&other, back), strlen(CANONICAL));
	assert_string_equal(schema_key(&s, "level"), "l");
	assert_string_equal(schema_key(&s, "other"), "other");
	assert_null(schema_key(&s, "run_id"));
	assert_null(schema_key(&s, "status"));
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *schema, *line;
		int level;
		bool failed;
		double ms; /* -1: none */
	} cases[] = {
		{ "{\"levels\":{\"info\":[30],\"error\":[50]}}", "{\"level\":30}", 2, false,
		    -1 },
		{ "{\"levels\":{\"info\":[30],\"error\":[50]}}", "{\"level\":49.9}", 2, false,
		    -1 },
		{ "{\"levels\":{\"info\":[30],\"error\":[50]}}", "{\"level\":5e1}", 5, true,
		    -1 },
		{ "{\"levels\":{\"info\":[30],\"error\":[50]}}", "{\"level\":\"50\"}", 5, true,
		    -1 },
		{ "{\"levels\":{\"info\":[30],\"error\":[50]}}", "{\"level\":29}", 7, false,
		    -1 },
		{ "{\"levels\":{\"info\":[30],\"error\":[50]}}", "{\"level\":\"Warn\"}", 4,
		    false, -1 },
		{ "{\"levels\":{\"error\":[\"warn\"]}}", "{\"level\":\"WARN\"}", 5, true, -1 },
		{ "{\"level\":[\"level\",\"l\"]}", "{\"level\":7,\"l\":\"error\"}", 5, true,
		    -1 },
		{ "{\"failed_level\":\"warn\"}", "{\"level\":\"warn\"}", 4, true, -1 },
		{ "{\"failed_level\":null}", "{\"level\":\"error\"}", 5, false, -1 },
		{ "{\"failed\":{\"a\":{\"min\":400}}}", "{\"a\":400}", 7, true, -1 },
		{ "{\"failed\":{\"a\":{\"min\":400}}}", "{\"a\":399.99}", 7, false, -1 },
		{ "{\"failed\":{\"a\":{\"min\":400}}}", "{\"a\":\"400\"}", 7, false, -1 },
		{ "{\"failed\":{\"a\":{\"min\":9007199254740993}}}", "{\"a\":9007199254740992}",
		    7, false, -1 },
		{ "{\"failed\":{\"a\":true}}", "{\"a\":null,\"level\":\"error\"}", 5, true,
		    -1 },
		{ "{\"failed\":{\"a\":true}}", "{\"a\":false,\"status\":\"ok\"}", 7, true, -1 },
		{ "{\"failed\":{\"a.b\":{\"not\":[\"x\"]}}}", "{\"a\":{\"b\":\"y\"}}", 7, true,
		    -1 },
		{ "{\"failed\":{\"a.b\":{\"not\":[\"x\"]}}}", "{\"a\":{\"b\":1}}", 7, false,
		    -1 },
		{ "{\"unit\":\"s\"}", "{\"duration_ms\":1.5}", 7, false, 1500 },
		{ "{\"unit\":\"us\"}", "{\"duration_ms\":1500}", 7, false, 1.5 },
		{ "{\"unit\":\"s\"}", "{\"duration_ms\":1e308}", 7, false, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct schema_fault fault;
		struct schema_facts f;
		struct schema s;

		assert_int_equal(
		    schema_read_text(cases[i].schema, strlen(cases[i].schema), &s, &fault), 0);
		assert_int_equal(schema_read(&s, cases[i].line, strlen(cases[i].line), &f), 0);
		if (f.level != cases[i].level || f.failed != cases[i].failed ||
		    f.has_duration != (cases[i].ms >= 0) ||
		    (f.has_duration && f.duration != cases[i].ms))
			fail_msg("%s %s: level %d, failed %d, %g ms", cases[i].schema,
			    cases[i].line, f.level, f.failed, f.has_duration ? f.duration : -1);
	}
}

/* ---- values ---------------------------------------------------------------------------- */

#define T INT64_C(1761228309) /* 2025-10-23T14:05:09Z */

static const struct {
	const char *value; /* as it stands in a line */
	int64_t ts;
} times[] = {
	{ "\"2025-10-23T14:05:09Z\"", T *CLOCK_S },
	{ "\"2025-10-23T14:05:09.123456789Z\"", T *CLOCK_S + 123456789 },
	{ "\"2025-10-23T16:05:09.5+02:00\"", T *CLOCK_S + 500000000 },
	{ "\"2025-10-23 14:05:09\"", T *CLOCK_S },
	{ "\"2025-10-23\\u002014:05:09\"", T *CLOCK_S },
	{ "\"2025-10-23\"", CLOCK_NONE },
	{ "\"2025-02-30T00:00:00Z\"", CLOCK_NONE },
	{ "\"2025-10-23T24:00:00Z\"", CLOCK_NONE },
	{ "1761228309", T *CLOCK_S },
	{ "1761228309.25", T *CLOCK_S + 250000000 },
	{ "1761228309.1234567899", T *CLOCK_S + 123456789 },
	{ "1.761228309e9", T *CLOCK_S },
	{ "17612283090E-1", T *CLOCK_S },
	{ "1761228309123", T *CLOCK_S + 123000000 },
	{ "1761228309123.5", T *CLOCK_S + 123500000 },
	{ "1761228309123456", T *CLOCK_S + 123456000 },
	{ "1761228309123456.25", T *CLOCK_S + 123456250 },
	{ "1761228309123456789", T *CLOCK_S + 123456789 },
	{ "1.761228309123456789e+18", T *CLOCK_S + 123456789 },
	{ "\"1761228309\"", T *CLOCK_S },
	{ "\"1761228309.5\"", T *CLOCK_S + 500000000 },
	{ "\"-1\"", -CLOCK_S },
	{ "\"1e9\"", CLOCK_NONE },
	{ "\"1761228309 \"", CLOCK_NONE },
	{ "\"1.2.3\"", CLOCK_NONE },
	{ "\"\"", CLOCK_NONE },
	{ "\"-\"", CLOCK_NONE },
	{ "\"yesterday\"", CLOCK_NONE },
	{ "0", 0 },
	{ "-0.5", -500000000 },
	{ "-1e-9", -1 },
	{ "1e-10", 0 },
	{ "99999999999", CLOCK_NONE }, /* seconds, in the year 5138 */
	{ "9223372036", INT64_C(9223372036) * CLOCK_S },
	{ "9223372036.854775807", INT64_MAX },
	{ "9223372036.854775808", CLOCK_NONE },
	{ "-9223372036.854775807", -INT64_MAX },
	{ "9223372036854775807", INT64_MAX },
	{ "9223372036854775808", CLOCK_NONE },
	{ "1e30", CLOCK_NONE },
	{ "1e400", CLOCK_NONE },
	{ "1e99999999999999999999", CLOCK_NONE },
	{ "1e-99999999999999999999", 0 },
	{ "111111111111111111111111111111111111111111111111111", CLOCK_NONE },
	{ "true", CLOCK_NONE },
	{ "null", CLOCK_NONE },
	{ "{}", CLOCK_NONE },
	{ "[1761228309]", CLOCK_NONE },
};

static void
test_times(void **state)
{
	char line[256];

	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		int n = sprintf(line, "{\"ts\":%s}", times[i].value);
		int64_t got = schema_time(&schema_default, line, (size_t)n);
		if (got != times[i].ts)
			fail_msg("%s: %lld, not %lld", times[i].value, (long long)got,
			    (long long)times[i].ts);
	}
}

/* The first key that has a usable time, in the schema's order, not the line's. */
static void
test_time_keys(void **state)
{
	static const struct {
		const char *line;
		int64_t ts;
	} lines[] = {
		{ "{\"time\":4,\"timestamp\":3,\"@timestamp\":2,\"ts\":1}", 1 },
		{ "{\"time\":4,\"timestamp\":3,\"@timestamp\":2}", 2 },
		{ "{\"ts\":\"soon\",\"eventTime\":5}", 5 },
		{ "{\"ts\":null,\"time\":{},\"eventTime\":5}", 5 },
		{ "{\"ts\":1,\"ts\":2}", 2 },
		{ "{\"ts\":1,\"ts\":\"soon\"}", CLOCK_NONE },
		{ "{\"TS\":1}", CLOCK_NONE },
		{ "{\"ts\":1", CLOCK_NONE },
	};
	struct schema nested = { .keys = { [SCHEMA_TIME] = { 2, { "a.b", "c" } } } };

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		int64_t got =
		    schema_time(&schema_default, lines[i].line, strlen(lines[i].line));
		if (got != (lines[i].ts == CLOCK_NONE ? CLOCK_NONE : lines[i].ts * CLOCK_S))
			fail_msg("%s: %lld", lines[i].line, (long long)got);
	}
	assert_int_equal(schema_time(&nested, "{\"c\":9,\"a\":{\"b\":7}}", 19), 7 * CLOCK_S);
	assert_int_equal(schema_time(&nested, "{\"c\":9,\"a\":{}}", 14), 9 * CLOCK_S);
}

static void
test_levels(void **state)
{
	static const char *const names[SCHEMA_LEVELS] = { "trace", "debug", "info", "notice",
		"warn", "error", "critical" };
	static const struct {
		const char *name;
		int level;
	} others[] = { { "WARNING", 4 }, { "Err", 5 }, { "FATAL", 6 }, { "crit", 6 },
		{ "INFO", 2 }, { "Information", 2 }, { "emerg", 6 }, { "alert", 6 },
		{ "verbose", 0 }, { "", 7 }, { "inf", 7 }, { "infos", 7 }, { "off", 7 },
		{ "informationally long", 7 } };

	(void)state;
	for (int i = 0; i < SCHEMA_LEVELS; i++)
		assert_int_equal(schema_level(names[i], strlen(names[i])), i);
	for (size_t i = 0; i < COUNT(others); i++)
		if (schema_level(others[i].name, strlen(others[i].name)) != others[i].level)
			fail_msg("%s", others[i].name);
}

/* ---- lines ----------------------------------------------------------------------------- */

static const struct {
	const char *line;
	int level;
	bool failed, has_status, has_duration;
} lines[] = {
	{ "{}", 7, false, false, false },
	{ "{\"status\":\"failed\"}", 7, true, true, false },
	{ "{\"status\":\"f\\u0061iled\"}", 7, true, true, false },
	{ "{\"status\":\"Failed\"}", 7, false, true, false },
	{ "{\"status\":\"ok\",\"level\":\"error\"}", 5, false, true, false },
	{ "{\"status\":200,\"level\":\"error\"}", 5, false, true, false },
	{ "{\"status\":null,\"level\":\"error\"}", 5, true, false, false },
	{ "{\"level\":\"critical\"}", 6, true, false, false },
	{ "{\"level\":\"\\u0065rror\"}", 5, true, false, false },
	{ "{\"level\":\"warn\"}", 4, false, false, false },
	{ "{\"level\":50}", 7, false, false, false },
	{ "{\"level\":\"loud\"}", 7, false, false, false },
	{ "{\"duration_ms\":0}", 7, false, false, true },
	{ "{\"duration_ms\":1.5}", 7, false, false, true },
	{ "{\"duration_ms\":-1}", 7, false, false, false },
	{ "{\"duration_ms\":1e400}", 7, false, false, false },
	{ "{\"duration_ms\":\"1\"}", 7, false, false, false },
};

static void
test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct schema_facts f;
		if (schema_read(&schema_default, lines[i].line, strlen(lines[i].line), &f) < 0)
			fail_msg("%s", lines[i].line);
		if (f.level != lines[i].level || f.failed != lines[i].failed ||
		    f.has_status != lines[i].has_status ||
		    f.has_duration != lines[i].has_duration)
			fail_msg("%s: level %d, failed %d, status %d, duration %d",
			    lines[i].line, f.level, f.failed, f.has_status, f.has_duration);
	}
}

static void
test_read_all(void **state)
{
	static const char line[] =
	    "{\"ts\":\"2025-10-23T14:05:09.000000001Z\",\"level\":\"info\",\"run_id\":\"r\\n1\",\"seq\":17,"
	    "\"stage\":\"detection\",\"event\":\"stage.end\",\"status\":\"ok\",\"duration_ms\":12.5}";
	struct schema_facts f;
	uint64_t seq = 0;

	(void)state;
	assert_int_equal(schema_read(&schema_default, line, sizeof line - 1, &f), 0);
	assert_int_equal(f.ts, T * CLOCK_S + 1);
	assert_true(f.run.type == FIELD_STRING && field_equals(&f.run, "r\n1", 3));
	assert_true(f.stage.type == FIELD_STRING && field_equals(&f.stage, "detection", 9));
	assert_true(f.event.type == FIELD_STRING && field_equals(&f.event, "stage.end", 9));
	assert_true(f.has_status && !f.failed);
	assert_true(field_u64(&f.seq, &seq) && seq == 17);
	assert_true(f.has_duration && f.duration == 12.5);
	assert_int_equal(
	    schema_read(&schema_default, "{\"run_id\":1,\"stage\":null}", 25, &f), 0);
	assert_int_equal(f.run.type, FIELD_ABSENT);
	assert_int_equal(f.stage.type, FIELD_ABSENT);
	assert_int_equal(f.ts, CLOCK_NONE);
	assert_int_equal(schema_read(&schema_default, "{\"run_id\":1", 11, &f), -1);
	assert_int_equal(schema_read(&schema_default, "[1]", 3, &f), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_format_too_long),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_version_2),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_time_keys),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
