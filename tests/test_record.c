/* record - one line: its order, its values, what is cut from it, and that jansson reads it back. */
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

#include "draw.h"
#include "record.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define NOW      INT64_C(1761228309123456789) /* 2025-10-23T14:05:09.123456789Z */
#define TS       "\"ts\":\"2025-10-23T14:05:09.123456789Z\""
#define IDENTITY ",\"service\":\"svc\",\"host\":\"h\",\"pid\":7"
#define PARSE    (JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES)

static const struct record_identity identity = { sizeof IDENTITY - 1, IDENTITY };
static const struct record_base plain = {
	.run = "", .stage = "", .bound = "", .identity = &identity
};

#define RUN   ",\"run_id\":\"r-1\""
#define STAGE ",\"stage\":\"detect\""
#define BOUND ",\"tenant\":\"blue\""
static const struct record_base full = {
	.run = RUN,
	.nrun = sizeof RUN - 1,
	.identity = &identity,
	.stage = STAGE,
	.nstage = sizeof STAGE - 1,
	.bound = BOUND,
	.nbound = sizeof BOUND - 1,
};

/* The line of a record, number 42, without its line feed, in a buffer of exactly its size. */
static char *
encode(const struct record_base *base, const struct record *rec)
{
	struct jbuf measured = { NULL, 0, 0 }, once, line;
	uint16_t splice, again;
	char *text;

	record_encode(base, rec, &measured, &splice);
	once = (struct jbuf){ malloc(measured.len), 0, measured.len };
	record_encode(base, rec, &once, &again);
	assert_int_equal(once.len, measured.len);
	assert_int_equal(again, splice);
	line = (struct jbuf){ malloc(once.len + 4), 0, once.len + 3 };
	record_line(once.p, once.len, splice, 42, &line);
	assert_int_equal(line.len, once.len + 3);
	assert_int_equal(line.p[line.len - 1], '\n');
	line.p[line.len - 1] = '\0';
	text = line.p;
	free(once.p);
	return text;
}

static void
check(const char *name, const struct record_base *base, const struct record *rec,
    const char *want)
{
	char *got = encode(base, rec);

	if (strcmp(got, want) != 0)
		fail_msg("%s:\n got %s\nwant %s", name, got, want);
	free(got);
}

/* ---- the envelope ------------------------------------------------------------------------ */

static void
test_envelope(void **state)
{
	static const alog_site site = { "a/b.c", "fn", 12 };
	const alog_field field = alog_kv_int("x", 1);
	const struct {
		const char *name;
		const struct record_base *base;
		struct record rec;
		const char *want;
	} cases[] = {
		{ "nothing but what is always there", &plain,
		    { .ts = NOW, .level = ALOG_LEVEL_INFO },
		    "{" TS ",\"level\":\"info\",\"seq\":42" IDENTITY "}" },
		{ "everything, in its order", &full,
		    { .ts = NOW,
			.level = ALOG_LEVEL_CRITICAL,
			.event = "stage.end",
			.status = "failed",
			.timed = true,
			.duration_ms = 12.345,
			.msg = "done",
			.nmsg = 4,
			.audit = true,
			.suppressed = 3,
			.site = &site,
			.tid = 99,
			.fields = &field,
			.n = 1 },
		    "{" TS ",\"level\":\"critical\"" RUN ",\"seq\":42" IDENTITY STAGE
		    ",\"event\":\"stage.end\",\"status\":\"failed\",\"duration_ms\":12.345,"
		    "\"msg\":\"done\"" BOUND ",\"x\":1,\"file\":\"a/b.c\",\"line\":12,"
		    "\"func\":\"fn\",\"tid\":99,\"suppressed\":3,\"audit\":true}" },
		{ "an empty message is one", &plain,
		    { .ts = NOW, .level = ALOG_LEVEL_WARN, .msg = "" },
		    "{" TS ",\"level\":\"warn\",\"seq\":42" IDENTITY ",\"msg\":\"\"}" },
		{ "a level that is none", &plain, { .ts = NOW, .level = 77 },
		    "{" TS ",\"level\":\"info\",\"seq\":42" IDENTITY "}" },
		{ "before 1970", &plain, { .ts = -1, .level = ALOG_LEVEL_TRACE },
		    "{\"ts\":\"1969-12-31T23:59:59.999999999Z\",\"level\":\"trace\",\"seq\":42" IDENTITY
		    "}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check(cases[i].name, cases[i].base, &cases[i].rec, cases[i].want);
}

static void
test_levels(void **state)
{
	(void)state;
	for (int level = ALOG_LEVEL_TRACE; level <= ALOG_LEVEL_CRITICAL; level++) {
		const struct record rec = { .ts = NOW, .level = level };
		char want[256];

		(void)snprintf(want, sizeof want,
		    "{" TS ",\"level\":\"%s\",\"seq\":42" IDENTITY "}", alog_level_name(level));
		check(alog_level_name(level), &plain, &rec, want);
	}
}

/* Only so much of an event's name is used: an envelope has room in every record. */
static void
test_long_event(void **state)
{
	char event[1001];
	struct record rec = { .ts = NOW, .level = ALOG_LEVEL_INFO, .event = event };
	json_t *o;
	char *line;

	(void)state;
	memset(event, 'e', sizeof event - 1);
	event[sizeof event - 1] = '\0';
	line = encode(&plain, &rec);
	o = json_loads(line, PARSE, NULL);
	assert_non_null(o);
	assert_int_equal(json_string_length(json_object_get(o, "event")), 128);
	json_decref(o);
	free(line);
}

/* ---- values ------------------------------------------------------------------------------ */

static void
test_values(void **state)
{
	json_t *nested = json_pack("{s:[i,n,b],s:s}", "a", 1, 1, "b", "\xc3\xa9");
	json_t *text = json_string("x");
	json_t *bad = json_stringn_nocheck("\xff", 1);
	const struct {
		const char *name;
		alog_field field;
		const char *want; /* behind the identity */
	} cases[] = {
		{ "null", alog_kv_null("k"), ",\"k\":null" },
		{ "true", alog_kv_bool("k", true), ",\"k\":true" },
		{ "false", alog_kv_bool("k", false), ",\"k\":false" },
		{ "least int", alog_kv_int("k", INT64_MIN), ",\"k\":-9223372036854775808" },
		{ "most int", alog_kv_int("k", INT64_MAX), ",\"k\":9223372036854775807" },
		{ "most unsigned", alog_kv_uint("k", UINT64_MAX),
		    ",\"k\":18446744073709551615" },
		{ "double", alog_kv_double("k", 0.1), ",\"k\":0.1" },
		{ "whole double", alog_kv_double("k", 3), ",\"k\":3.0" },
		{ "float", alog_kv_float("k", 0.1f), ",\"k\":0.1" },
		{ "long double", alog_kv_ldouble("k", 0.5L), ",\"k\":0.5" },
		{ "NaN", alog_kv_double("k", NAN), ",\"k\":null" },
		{ "infinity", alog_kv_double("k", -INFINITY), ",\"k\":null" },
		{ "infinite float", alog_kv_float("k", INFINITY), ",\"k\":null" },
		{ "char", alog_kv_char("k", 'c'), ",\"k\":\"c\"" },
		{ "quote char", alog_kv_char("k", '"'), ",\"k\":\"\\\"\"" },
		{ "NUL char", alog_kv_char("k", '\0'), ",\"k\":\"\\u0000\"" },
		{ "char beyond ASCII", alog_kv_char("k", '\xe9'), ",\"k\":\"\xef\xbf\xbd\"" },
		{ "string", alog_kv_str("k", "a\"\\\n\t\x01"),
		    ",\"k\":\"a\\\"\\\\\\n\\t\\u0001\"" },
		{ "no string", alog_kv_str("k", NULL), ",\"k\":null" },
		{ "bytes", alog_kv_bytes("k", "a\0b", 3), ",\"k\":\"a\\u0000b\"" },
		{ "no bytes", alog_kv_bytes("k", "abc", 0), ",\"k\":\"\"" },
		{ "NULL bytes", alog_kv_bytes("k", NULL, 3), ",\"k\":null" },
		{ "bad UTF-8",
		    alog_kv_str("k",
			"a\xff\xc3"
			"b"),
		    ",\"k\":\"a\xef\xbf\xbd\xef\xbf\xbd"
		    "b\"" },
		{ "pointer", alog_kv_ptr("k", (void *)(uintptr_t)0xbeef), ",\"k\":\"0xbeef\"" },
		{ "NULL pointer", alog_kv_ptr("k", NULL), ",\"k\":\"0x0\"" },
		{ "json", alog_kv_json("k", nested),
		    ",\"k\":{\"a\":[1,null,true],\"b\":\"\xc3\xa9\"}" },
		{ "json that is a string", alog_kv_json("k", text), ",\"k\":\"x\"" },
		{ "no json", alog_kv_json("k", NULL), ",\"k\":null" },
		{ "json that cannot be written", alog_kv_json("k", bad),
		    ",\"k\":null,\"log.error\":\"field k cannot be written as JSON\"" },
		{ "unknown type", { "k", 99, 0, { 0 }, 0 }, ",\"k\":null" },
		{ "end of a list", { NULL, ALOG_TYPE_END, 0, { 0 }, 0 }, "" },
		{ "no name", alog_kv_int("", 1), ",\"log.error\":\"a field without a name\"" },
		{ "NULL name", alog_kv_int(NULL, 1),
		    ",\"log.error\":\"a field without a name\"" },
		{ "odd name", alog_kv_int("a\"\xff", 1), ",\"a\\\"\xef\xbf\xbd\":1" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct record rec = {
			.ts = NOW, .level = ALOG_LEVEL_INFO, .fields = &cases[i].field, .n = 1
		};
		char want[512];

		(void)snprintf(want, sizeof want,
		    "{" TS ",\"level\":\"info\",\"seq\":42" IDENTITY "%s}", cases[i].want);
		check(cases[i].name, &plain, &rec, want);
	}
	json_decref(nested);
	json_decref(text);
	json_decref(bad);
}

static void
test_reserved(void **state)
{
	static const char *const taken[] = { "ts", "level", "run_id", "seq", "service", "host",
		"pid", "stage", "event", "status", "duration_ms", "msg" };
	static const char *const open[] = { "", "t", "TS", "ts_", "tsx", "message", "statu",
		"duration", "file", "line", "audit", "duration_mss" };

	(void)state;
	for (size_t i = 0; i < COUNT(open); i++)
		if (record_reserved(open[i], strlen(open[i])))
			fail_msg("%s", open[i]);
	for (size_t i = 0; i < COUNT(taken); i++) {
		const alog_field field = alog_kv_int(taken[i], 5);
		const struct record rec = {
			.ts = NOW, .level = ALOG_LEVEL_INFO, .fields = &field, .n = 1
		};
		char want[256];

		assert_true(record_reserved(taken[i], strlen(taken[i])));
		(void)snprintf(want, sizeof want,
		    "{" TS ",\"level\":\"info\",\"seq\":42" IDENTITY ",\"%s_\":5}", taken[i]);
		check(taken[i], &plain, &rec, want);
	}
}

/* ---- gaps, lines, days ------------------------------------------------------------------- */

static void
test_gap(void **state)
{
	char text[512];
	struct jbuf out = { text, 0, sizeof text }, line;
	uint16_t splice;
	char whole[600];

	(void)state;
	record_gap(&plain, NOW, 3, "overflow", &out, &splice);
	line = (struct jbuf){ whole, 0, sizeof whole };
	record_line(out.p, out.len, splice, UINT64_MAX, &line);
	whole[line.len] = '\0';
	assert_string_equal(whole,
	    "{" TS ",\"level\":\"error\",\"seq\":18446744073709551615" IDENTITY
	    ",\"event\":\"log.gap\",\"msg\":\"records were lost\",\"lost\":3,"
	    "\"reason\":\"overflow\"}\n");
}

static void
test_day(void **state)
{
	static const struct {
		int64_t ts;
		int32_t day;
	} cases[] = {
		{ 0, 0 }, { -1, -1 }, { NOW, 20384 },
		{ INT64_C(1709164800) * CLOCK_S, 19782 },      /* 2024-02-29 */
		{ INT64_C(2147483648) * CLOCK_S, 24855 },      /* 2038-01-19 */
		{ INT64_C(9214646399) * CLOCK_S + 1, 106650 }, /* 2261-12-31 */
		{ INT64_MAX, 106750 },      /* on 2262-04-11, which is no whole day */
		{ INT64_MIN + 1, -106751 }, /* on 1677-09-21 */
		{ INT64_MIN, 0 },           /* no time */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct record rec = { .ts = cases[i].ts, .level = ALOG_LEVEL_INFO };
		char text[256];
		struct jbuf out = { text, 0, sizeof text };
		uint16_t splice;

		record_encode(&plain, &rec, &out, &splice);
		if (record_day(out.p, out.len) != cases[i].day)
			fail_msg("%" PRId64 ": %d", cases[i].ts, record_day(out.p, out.len));
	}
	assert_int_equal(record_day("", 0), 0);
	assert_int_equal(record_day("{\"ts\":\"2025-13-01", 17), 0);
	assert_int_equal(record_day("{\"ts\":\"2025-10-2", 16), 0);
}

/* ---- cut --------------------------------------------------------------------------------- */

#define MAX_SPAN 1800 /* lengths tried from the least one on */

static const char long_text[] =
    "plain \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 \"quoted\\\" \x01\x02\n\xff\xfe\xe2\x82 tail "
    "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac";

/* Encode in max bytes into exactly that much memory, and check what holds for each cut record. */
static json_t *
encode_cut(const struct record_base *base, const struct record *rec, size_t max)
{
	struct jbuf out = { malloc(max), 0, max }, line;
	uint16_t splice = 0;
	json_error_t why;
	json_t *o;

	record_encode_cut(base, rec, max, &out, &splice);
	if (out.len > max)
		fail_msg("%zu bytes of at most %zu", out.len, max);
	line = (struct jbuf){ malloc(max + 24), 0, max + 24 };
	record_line(out.p, out.len, splice, 42, &line);
	o = json_loadb(line.p, line.len, PARSE, &why);
	if (o == NULL)
		fail_msg("max %zu: %s: %.*s", max, why.text, (int)line.len, line.p);
	assert_int_equal(json_integer_value(json_object_get(o, "seq")), 42);
	assert_true(json_is_true(json_object_get(o, "truncated")));
	assert_string_equal(json_string_value(json_object_get(o, "service")), "svc");
	free(line.p);
	free(out.p);
	return o;
}

/* part, a cut string, holds the beginning of whole: in whole characters. */
static void
check_prefix(const json_t *part, const char *whole, size_t n)
{
	struct jbuf b = { malloc(n * 6 + 2), 0, n * 6 + 2 };
	json_t *repaired;

	if (part != NULL) {
		jbuf_str(&b, whole, n);
		repaired = json_loadb(b.p, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		assert_non_null(repaired);
		assert_true(json_string_length(part) <= json_string_length(repaired));
		assert_memory_equal(json_string_value(part), json_string_value(repaired),
		    json_string_length(part));
		json_decref(repaired);
	}
	free(b.p);
}

/* At every length: whole JSON, never longer, strings cut between characters. */
static void
test_cut_field(void **state)
{
	char text[2 * MAX_SPAN];
	alog_field fields[3];
	struct record rec = { .ts = NOW,
		.level = ALOG_LEVEL_ERROR,
		.event = "e",
		.status = "failed",
		.msg = "m",
		.nmsg = 1,
		.audit = true,
		.fields = fields,
		.n = 3 };
	size_t longest = 0;

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = long_text[i % (sizeof long_text - 1)];
	fields[0] = alog_kv_int("first", 1);
	fields[1] = alog_kv_bytes("text", text, sizeof text);
	fields[2] = alog_kv_int("last", 2);
	for (size_t max = RECORD_MIN + full.nrun + identity.n + full.nstage + full.nbound;
	     max < RECORD_MIN + MAX_SPAN; max++) {
		json_t *o = encode_cut(&full, &rec, max);
		const json_t *part = json_object_get(o, "text");

		check_prefix(part, text, sizeof text);
		assert_int_equal(json_integer_value(json_object_get(o, "first")), 1);
		assert_null(json_object_get(o, "last"));
		assert_true(json_is_true(json_object_get(o, "audit")));
		assert_string_equal(json_string_value(json_object_get(o, "tenant")), "blue");
		/* It uses the room there is, but for less than one escaped character. */
		assert_true(json_string_length(part) + 16 >= longest);
		if (json_string_length(part) > longest)
			longest = json_string_length(part);
		json_decref(o);
	}
	assert_true(longest > MAX_SPAN);
}

/* A field without a name is told, or left out, wherever the room ends. */
static void
test_cut_nameless(void **state)
{
	const size_t max = RECORD_MIN + MAX_SPAN;
	char text[RECORD_MIN + MAX_SPAN];
	alog_field fields[2];
	const struct record rec = {
		.ts = NOW, .level = ALOG_LEVEL_INFO, .fields = fields, .n = 2
	};
	bool told = false, left_out = false;

	(void)state;
	memset(text, 'x', sizeof text);
	fields[1] = (alog_field){ .type = ALOG_TYPE_BYTES, .v.s = text, .n = sizeof text };
	for (size_t n = 0; n < sizeof text; n++) {
		json_t *o;

		fields[0] = alog_kv_bytes("text", text, n);
		o = encode_cut(&full, &rec, max);
		if (json_object_get(o, "log.error") != NULL)
			told = true;
		else
			left_out = true;
		json_decref(o);
	}
	assert_true(told && left_out);
}

static void
test_cut_msg(void **state)
{
	char text[2 * MAX_SPAN];
	const alog_field field = alog_kv_int("x", 1);
	const struct record rec = { .ts = NOW,
		.level = ALOG_LEVEL_ERROR,
		.msg = text,
		.nmsg = sizeof text,
		.fields = &field,
		.n = 1 };

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = long_text[(i + 7) % (sizeof long_text - 1)];
	for (size_t max = RECORD_MIN + full.nrun + identity.n + full.nstage + full.nbound;
	     max < RECORD_MIN + MAX_SPAN; max++) {
		json_t *o = encode_cut(&full, &rec, max);

		check_prefix(json_object_get(o, "msg"), text, sizeof text);
		assert_non_null(json_object_get(o, "msg"));
		assert_string_equal(json_string_value(json_object_get(o, "tenant")), "blue");
		json_decref(o);
	}
}

/* The longest envelope that there can be leaves a record of the least length whole. */
static void
test_cut_envelope(void **state)
{
	static const struct {
		const char *name;
		size_t nfile;
		bool has_site;
	} cases[] = {
		{ "a path that fits", 300, true },
		{ "a path that does not", 5000, false },
	};
	char event[1000], file[5001];
	alog_site site = { file, "f", 1 };
	json_t *deep = json_pack("{s:[s]}", "k", "v");
	const alog_field fields[] = { alog_kv_json("deep", deep), alog_kv_int("x", 1) };
	const struct record rec = { .ts = NOW,
		.level = ALOG_LEVEL_CRITICAL,
		.event = event,
		.status = "failed",
		.timed = true,
		.duration_ms = -1.2345678901234567e-300,
		.audit = true,
		.suppressed = INT64_MAX,
		.site = &site,
		.tid = INT64_MAX,
		.fields = fields,
		.n = 2 };
	char big[400];
	const alog_field bound = alog_kv_bytes("b", big, sizeof big);
	char bound_text[500];
	struct jbuf out = { bound_text, 0, sizeof bound_text };
	struct record_base base = full;

	(void)state;
	memset(event, 1, sizeof event - 1); /* six bytes each */
	event[sizeof event - 1] = '\0';
	memset(big, 'b', sizeof big);
	record_fields(NULL, &bound, 1, &out);
	base.bound = bound_text;
	base.nbound = out.len;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *o;

		memset(file, 'f', sizeof file);
		file[cases[i].nfile] = '\0';
		o = encode_cut(&base, &rec,
		    RECORD_MIN + base.nrun + identity.n + base.nstage + base.nbound);
		if ((json_object_get(o, "file") != NULL) != cases[i].has_site ||
		    !json_is_true(json_object_get(o, "audit")) ||
		    json_object_get(o, "suppressed") == NULL ||
		    json_object_get(o, "b") == NULL || json_object_get(o, "run_id") == NULL)
			fail_msg("%s", cases[i].name);
		json_decref(o);
	}
	json_decref(deep);
}

/* What is to be hidden is left out whole: a cut could end before what a pattern needs to see. */
static void
test_cut_redacted(void **state)
{
	const alog_redact rules[] = { { .pattern = "secret[0-9]+" } };
	char text[RECORD_MIN * 3] = "";
	const alog_field field = alog_kv_bytes("f", text, sizeof text);
	const struct record in_field = { .ts = NOW, .level = 3, .fields = &field, .n = 1 };
	const struct record in_msg = {
		.ts = NOW, .level = 3, .msg = text, .nmsg = sizeof text
	};
	struct record_base base = full;
	struct redact *redact;
	alog_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = "secret12345 "[i % 12];
	assert_int_equal(redact_new(&redact, rules, 1, &err), 0);
	base.redact = redact;
	for (size_t max = 2 * RECORD_MIN; max < 2 * RECORD_MIN + 30; max++) {
		json_t *o = encode_cut(&base, &in_field, max);

		assert_null(json_object_get(o, "f"));
		json_decref(o);
		o = encode_cut(&base, &in_msg, max);
		assert_null(json_object_get(o, "msg"));
		json_decref(o);
	}
	redact_free(redact);
}

/* ---- whatever the fields are, jansson reads what was meant ------------------------------------ */

static alog_field
random_field(const char *key, char *text, size_t cap)
{
	const size_t n = draw((uint32_t)cap);
	const uint64_t bits = draw_bits();
	double d;

	for (size_t i = 0; i < n; i++)
		text[i] = (char)(draw(3) > 0 ? 32 + draw(95) : draw(256));
	memcpy(&d, &bits, sizeof d);
	switch (draw(6)) {
	case 0: return alog_kv_int(key, (int64_t)bits >> draw(64));
	case 1: return alog_kv_double(key, d);
	case 2: return alog_kv_float(key, (float)(draw(2) ? d : (double)draw(1000) / 8));
	case 3: return alog_kv_char(key, (char)draw(256));
	case 4: return alog_kv_bool(key, draw(2) != 0);
	default: return alog_kv_bytes(key, text, n);
	}
}

static void
check_field(const json_t *o, const alog_field *f)
{
	const json_t *v = json_object_get(o, f->key);

	switch (f->type) {
	case ALOG_TYPE_INT: assert_int_equal(json_integer_value(v), f->v.i); break;
	case ALOG_TYPE_BOOL: assert_int_equal(json_is_true(v), f->v.i != 0); break;
	case ALOG_TYPE_DOUBLE:
		if (isfinite(f->v.d))
			assert_true(json_is_real(v) && json_real_value(v) == f->v.d);
		else
			assert_true(json_is_null(v));
		break;
	case ALOG_TYPE_FLOAT:
		if (isfinite((float)f->v.d))
			assert_true((float)json_real_value(v) == (float)f->v.d);
		else
			assert_true(json_is_null(v));
		break;
	case ALOG_TYPE_BYTES: check_prefix(v, f->v.s, f->n); break;
	default: assert_true(json_is_string(v));
	}
}

static void
test_random(void **state)
{
	static char text[8][2000];
	static const char *const keys[8] = { "a", "b", "c.d", "e", "f", "g", "h", "i" };

	(void)state;
	for (int round = 0; round < 3000; round++) {
		alog_field fields[8];
		const size_t n = draw(9), cap = draw(20) == 0 ? 2000 : 60;
		const struct record rec = { .ts = (int64_t)(draw_bits() >> 1),
			.level = (int)draw(7) + 1,
			.msg = text[0],
			.nmsg = draw(50),
			.fields = fields,
			.n = n };
		char *line;
		json_t *o;

		for (size_t i = 0; i < n; i++)
			fields[i] = random_field(keys[i], text[i], cap);
		line = encode(&full, &rec);
		if ((o = json_loads(line, PARSE, NULL)) == NULL)
			fail_msg("round %d: %s", round, line);
		for (size_t i = 0; i < n; i++)
			check_field(o, &fields[i]);
		json_decref(o);
		free(line);
		json_decref(encode_cut(&full, &rec, RECORD_MIN + 200 + draw(3000)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_long_event),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_day),
		cmocka_unit_test(test_cut_field),
		cmocka_unit_test(test_cut_nameless),
		cmocka_unit_test(test_cut_msg),
		cmocka_unit_test(test_cut_envelope),
		cmocka_unit_test(test_cut_redacted),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
