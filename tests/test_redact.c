/* redact - what must not reach the disk does not: by name, by pattern, inside JSON, in msg. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "record.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct redact *
make(const alog_redact *rules, size_t n)
{
	struct redact *r = NULL;
	alog_error err = { 0 };

	if (redact_new(&r, rules, n, &err) < 0)
		fail_msg("%s", err.text);
	return r;
}

/* ,"key":value of one field, as a record would hold it. */
static void
check(const char *name, const struct redact *r, alog_field field, const char *want)
{
	char text[8192];
	struct jbuf out = { text, 0, sizeof text - 1 };

	record_fields(r, &field, 1, &out);
	assert_false(jbuf_full(&out));
	text[out.len] = '\0';
	if (strcmp(text, want) != 0)
		fail_msg("%s:\n got %s\nwant %s", name, text, want);
}

/* ---- rules ------------------------------------------------------------------------------- */

static void
test_rules(void **state)
{
	static const struct {
		const char *name;
		alog_redact rule;
		int code;
		uint64_t offset;
		const char *text; /* part of the error */
	} cases[] = {
		{ "neither field nor pattern", { NULL, NULL, "x" }, ALOG_EINVAL, 0, "rule 2" },
		{ "unclosed group", { NULL, "ab(c", NULL }, ALOG_EREGEX, 4,
		    "rule 2, position 5" },
		{ "bad range", { "f", "[z-a]", NULL }, ALOG_EREGEX, 3, "rule 2, position 4" },
		{ "nothing to repeat", { "f", "*", NULL }, ALOG_EREGEX, 0,
		    "rule 2, position 1" },
		{ "a pattern that is not UTF-8", { NULL, "a\xff", NULL }, ALOG_EREGEX, 1,
		    "rule 2" },
	};
	struct redact *r = (void *)&r;
	alog_error err = { 0 };

	(void)state;
	assert_int_equal(redact_new(&r, NULL, 0, &err), 0);
	assert_null(r);
	redact_free(NULL);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const alog_redact rules[] = { { "ok", "o+", NULL }, cases[i].rule };
		const int rc = redact_new(&r, rules, 2, &err);

		if (rc != cases[i].code || err.code != rc || err.offset != cases[i].offset ||
		    strstr(err.text, cases[i].text) == NULL)
			fail_msg("%s: %d, offset %d, %s", cases[i].name, rc, (int)err.offset,
			    err.text);
		assert_null(r);
		memset(&err, 0, sizeof err);
	}
}

static void
test_by_name(void **state)
{
	static const alog_redact rules[] = { { .field = "password" },
		{ .field = "token", .with = "***\"" }, { .field = "empty", .with = "" } };
	struct redact *r = make(rules, COUNT(rules));
	json_t *json = json_pack("{s:i}", "a", 1);
	const struct {
		const char *name;
		alog_field field;
		const char *want;
	} cases[] = {
		{ "string", alog_kv_str("password", "x"), ",\"password\":\"[redacted]\"" },
		{ "NULL string", alog_kv_str("password", NULL),
		    ",\"password\":\"[redacted]\"" },
		{ "number", alog_kv_int("password", 1234), ",\"password\":\"[redacted]\"" },
		{ "double", alog_kv_double("password", .5), ",\"password\":\"[redacted]\"" },
		{ "bool", alog_kv_bool("password", true), ",\"password\":\"[redacted]\"" },
		{ "null", alog_kv_null("password"), ",\"password\":\"[redacted]\"" },
		{ "char", alog_kv_char("password", 'c'), ",\"password\":\"[redacted]\"" },
		{ "pointer", alog_kv_ptr("password", &r), ",\"password\":\"[redacted]\"" },
		{ "json", alog_kv_json("password", json), ",\"password\":\"[redacted]\"" },
		{ "a replacement of its own", alog_kv_str("token", "x"),
		    ",\"token\":\"***\\\"\"" },
		{ "an empty replacement", alog_kv_str("empty", "x"), ",\"empty\":\"\"" },
		{ "another name", alog_kv_str("Password", "x"), ",\"Password\":\"x\"" },
		{ "longer name", alog_kv_str("password2", "x"), ",\"password2\":\"x\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check(cases[i].name, r, cases[i].field, cases[i].want);
	assert_false(redact_concerns(r, NULL, 0));
	assert_null(redact_whole(r, NULL, 0));
	json_decref(json);
	redact_free(r);
}

static void
test_by_pattern(void **state)
{
	static const alog_redact rules[] = {
		{ .pattern = "[0-9]{4}-[0-9]{4}", .with = "****" },
		{ .field = "mail", .pattern = "[^@ ]+@", .with = "?@" },
		{ .pattern = "q" },
		{ .pattern = "^d.j. v", .with = "$1\\0\"" },
		{ .field = "none", .pattern = "x*", .with = "-" },
	};
	struct redact *r = make(rules, COUNT(rules));
	const struct {
		const char *name;
		alog_field field;
		const char *want;
	} cases[] = {
		{ "every match", alog_kv_str("k", "a 1234-5678 b 8765-4321"),
		    ",\"k\":\"a **** b ****\"" },
		{ "no match", alog_kv_str("k", "1234"), ",\"k\":\"1234\"" },
		{ "only in its field", alog_kv_str("k", "joe@x"), ",\"k\":\"joe@x\"" },
		{ "in its field", alog_kv_str("mail", "joe@x, sue@y"),
		    ",\"mail\":\"?@x, ?@y\"" },
		{ "several rules", alog_kv_str("mail", "1234-5678 q@x"),
		    ",\"mail\":\"**** ?@x\"" },
		{ "default replacement, longer than the match", alog_kv_str("k", "qqqqqqqqqq"),
		    ",\"k\":\"[redacted][redacted][redacted][redacted][redacted][redacted]"
		    "[redacted][redacted][redacted][redacted]\"" },
		{ "literal replacement, characters", alog_kv_str("k", "d\xc3\xa9j\xc3\xa0 vu"),
		    ",\"k\":\"$1\\\\0\\\"u\"" },
		{ "empty matches", alog_kv_str("none", "axb"), ",\"none\":\"-a--b-\"" },
		{ "char", alog_kv_char("k", 'q'), ",\"k\":\"[redacted]\"" },
		{ "bytes with NUL", alog_kv_bytes("k", "a\0q", 3),
		    ",\"k\":\"a\\u0000[redacted]\"" },
		{ "behind bad UTF-8", alog_kv_str("k", "\xff 1234-5678 \xc3"),
		    ",\"k\":\"\xef\xbf\xbd **** \xef\xbf\xbd\"" },
		{ "numbers are no strings", alog_kv_int("k", 12345678), ",\"k\":12345678" },
		{ "no string", alog_kv_str("k", NULL), ",\"k\":null" },
		{ "nothing", alog_kv_str("k", ""), ",\"k\":\"\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		check(cases[i].name, r, cases[i].field, cases[i].want);
	redact_free(r);
}

/* A key of nkey bytes is that long: what stands behind it has no part in it. */
static void
test_name_without_end(void **state)
{
	static const alog_redact rules[] = { { .field = "password" },
		{ .field = "mail", .pattern = "[^@ ]+@", .with = "?@" } };
	struct redact *r = make(rules, COUNT(rules));
	json_t *json = json_pack("[s]", "joe@x");
	alog_field password = alog_kv_str("password=", "x"),
		   longer = alog_kv_str("password", "x");
	alog_field mail = alog_kv_str("mails", "joe@x"), list = alog_kv_json("mails", json);

	(void)state;
	password.nkey = 8;
	longer.nkey = 4;
	mail.nkey = list.nkey = 4;
	check("by name", r, password, ",\"password\":\"[redacted]\"");
	check("the beginning of a name", r, longer, ",\"pass\":\"x\"");
	check("by pattern", r, mail, ",\"mail\":\"?@x\"");
	check("inside JSON", r, list, ",\"mail\":[\"?@x\"]");
	json_decref(json);
	redact_free(r);
}

/* ---- inside JSON -------------------------------------------------------------------------- */

static void
test_json(void **state)
{
	static const alog_redact rules[] = { { .field = "pin" }, { .pattern = "s[0-9]+" },
		{ .field = "in", .pattern = "x", .with = "y" } };
	static const struct {
		const char *name, *key, *json, *want;
	} cases[] = {
		{ "by name, at any depth", "k", "{\"a\":{\"pin\":1},\"b\":[{\"pin\":[2]}]}",
		    "{\"a\":{\"pin\":\"[redacted]\"},\"b\":[{\"pin\":\"[redacted]\"}]}" },
		{ "by pattern, at any depth", "k", "{\"a\":[\"s1\",[\"-s22-\"]],\"b\":\"s\"}",
		    "{\"a\":[\"[redacted]\",[\"-[redacted]-\"]],\"b\":\"s\"}" },
		{ "elements stand under their array's name", "in",
		    "[\"x\",[\"x\"],{\"o\":\"x\"}]", "[\"y\",[\"y\"],{\"o\":\"x\"}]" },
		{ "a string itself", "in", "\"x s1\"", "\"y [redacted]\"" },
		{ "keys stay", "k", "{\"s1\":\"s1\"}", "{\"s1\":\"[redacted]\"}" },
		{ "other values stay", "k", "[1,2.5,true,null,{},[],\"\"]",
		    "[1,2.5,true,null,{},[],\"\"]" },
		{ "order stays", "k", "{\"z\":1,\"a\":2,\"m\":\"s1\"}",
		    "{\"z\":1,\"a\":2,\"m\":\"[redacted]\"}" },
		{ "NUL in a string", "k", "[\"a\\u0000s1\"]", "[\"a\\u0000[redacted]\"]" },
	};
	struct redact *r = make(rules, COUNT(rules));

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *v = json_loads(cases[i].json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		json_t *before = json_deep_copy(v);
		char want[512];

		assert_non_null(v);
		(void)snprintf(want, sizeof want, ",\"%s\":%s", cases[i].key, cases[i].want);
		check(cases[i].name, r, alog_kv_json(cases[i].key, v), want);
		/* The caller's value is borrowed. */
		assert_true(json_equal(v, before));
		json_decref(before);
		json_decref(v);
	}
	redact_free(r);
}

/* Beyond a depth that nobody logs the value is hidden rather than searched. */
static void
test_deep(void **state)
{
	static const alog_redact rule = { .field = "pin" };
	struct redact *r = make(&rule, 1);
	json_t *v = json_pack("{s:s}", "pin", "secret"), *copy;
	char *text;

	(void)state;
	for (int i = 0; i < 500; i++)
		v = json_pack("[o]", v);
	copy = redact_json(r, "k", 1, v);
	text = json_dumps(copy, JSON_COMPACT);
	assert_null(strstr(text, "secret"));
	assert_non_null(strstr(text, "[redacted]"));
	free(text);
	json_decref(copy);
	json_decref(v);
	redact_free(r);
}

/* ---- msg --------------------------------------------------------------------------------- */

static void
test_msg(void **state)
{
	static const alog_redact rules[] = { { .pattern = "card [0-9]+", .with = "card #" },
		{ .field = "msg", .pattern = "paid" }, { .field = "host" },
		{ .field = "event" } };
	struct redact *r = make(rules, COUNT(rules));
	static const struct record_identity identity = { 11, ",\"host\":\"h\"" };
	const struct record_base base = {
		.run = "", .identity = &identity, .stage = "", .bound = "", .redact = r
	};
	const struct record rec = { .level = ALOG_LEVEL_INFO,
		.event = "card 5",
		.msg = "paid by card 1234",
		.nmsg = 17 };
	char text[512];
	struct jbuf out = { text, 0, sizeof text - 1 };
	uint16_t splice;

	(void)state;
	record_encode(&base, &rec, &out, &splice);
	text[out.len] = '\0';
	/* Rules with a field are never about the envelope. */
	assert_non_null(strstr(text, "\"msg\":\"paid by card #\""));
	assert_non_null(strstr(text, "\"host\":\"h\",\"event\":\"card 5\""));
	redact_free(r);
}

/* ---- a pattern that runs away ------------------------------------------------------------- */

static void
test_match_limit(void **state)
{
	static const alog_redact rules[] = { { .pattern = "(a+)+$|secret" } };
	struct redact *r = make(rules, 1);
	char text[4001];
	json_t *json;

	(void)state;
	memset(text, 'a', sizeof text - 1);
	(void)strcpy(text + sizeof text - 8, "secret!");
	check("field", r, alog_kv_str("k", text), ",\"k\":\"[redacted]\"");
	json = json_pack("{s:[s,s]}", "a", text, "fine");
	check("json", r, alog_kv_json("k", json), ",\"k\":{\"a\":[\"[redacted]\",\"fine\"]}");
	json_decref(json);
	redact_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_by_name),
		cmocka_unit_test(test_by_pattern),
		cmocka_unit_test(test_name_without_end),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_msg),
		cmocka_unit_test(test_match_limit),
	};

	return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
