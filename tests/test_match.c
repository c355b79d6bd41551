/* match, held against a naive evaluation over jansson trees, and tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "json_path.h"
#include "match.h"
#include "require.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* 1, 0 or the error of one expression on one line, under the default schema. */
static int
match_one(const char *where, const char *line, size_t n, auditq_error *err)
{
	struct match_query q = { .nrun = 0 };
	struct match_facts facts;
	struct expr *e = NULL;
	struct match *m = NULL;
	int r;

	if ((r = expr_parse(&e, where, NULL, err)) < 0)
		fail_msg("%s: %s", where, err->text);
	q.where = e;
	if ((r = match_new(&m, &q, &schema_default, err)) == 0)
		r = match_line(m, line, n, &facts, err);
	match_free(m);
	expr_free(e);
	return r;
}

static const struct {
	const char *where, *line;
	int want;
} cases[] = {
	{ "a == 1", "{\"a\":1}", 1 },
	{ "a == 1", "{\"a\":1.0}", 1 },
	{ "a == 1", "{\"a\":\"1\"}", 0 },
	{ "a == '1'", "{\"a\":1}", 0 },
	{ "a == 1", "{}", 0 },
	{ "a != 1", "{}", 1 },
	{ "a != 1", "{\"a\":\"1\"}", 1 },
	{ "a == null", "{\"a\":null}", 1 },
	{ "a == null", "{}", 0 },
	{ "a == true", "{\"a\":true}", 1 },
	{ "a == true", "{\"a\":false}", 0 },
	{ "a < 2", "{\"a\":1}", 1 },
	{ "a < 2", "{\"a\":\"1\"}", 0 },
	{ "a >= 2", "{}", 0 },
	{ "a == 9007199254740993", "{\"a\":9007199254740992}", 0 },
	{ "a > 9007199254740992", "{\"a\":9007199254740993}", 1 },
	{ "a < 1e401", "{\"a\":1e400}", 1 },
	{ "a == 0", "{\"a\":-0}", 1 },
	{ "a > 'x'", "{\"a\":\"y\"}", 1 },
	{ "a <= 'x'", "{\"a\":\"\\u0078\"}", 1 },
	{ "a < 'xx'", "{\"a\":\"x\"}", 1 },
	{ "a in (1, 'x', null)", "{\"a\":null}", 1 },
	{ "a in (1, 'x', null)", "{\"a\":\"x\"}", 1 },
	{ "a not in (1, 'x', null)", "{\"a\":2}", 1 },
	{ "exists a", "{\"a\":null}", 1 },
	{ "exists a", "{\"a\":{}}", 1 },
	{ "exists a", "{\"b\":1}", 0 },
	{ "a == 1 and b == 2", "{\"a\":1,\"b\":2}", 1 },
	{ "a == 1 and b == 2", "{\"a\":1}", 0 },
	{ "a == 1 or b == 2", "{\"b\":2}", 1 },
	{ "not (a == 1 or b == 2)", "{\"b\":3}", 1 },
	{ "a.b == 1", "{\"a.b\":1}", 1 },
	{ "a.b == 1", "{\"a\":{\"b\":1}}", 1 },
	{ "`a b` == 1", "{\"a b\":1}", 1 },
	{ "a == 1", "{\"a\":1,\"a\":2}", 0 },
	{ "a == 2", "{\"a\":1,\"a\":2}", 1 },
	{ "stage == 'x' and stage == 'x'", "{\"stage\":\"x\"}", 1 },
	{ "a =~ '^x'", "{\"a\":\"xy\"}", 1 },
	{ "a =~ '^x'", "{\"a\":\"yx\"}", 0 },
	{ "a =~ 'x'", "{\"a\":1}", 0 },
	{ "a !~ 'x'", "{\"a\":1}", 1 },
	{ "a =~ '(?i)ERR\\d+'", "{\"a\":\"an err42\"}", 1 },
	{ "a =~ '^a\\nb$'", "{\"a\":\"a\\nb\"}", 1 },
	{ "a =~ '^.$'", "{\"a\":\"\\u00e9\"}", 1 },
	{ "a =~ '^.$'", "{\"a\":\"\xc3\xa9\"}", 1 },
	{ "a =~ 'x'", "{\"a\":\"\xff\xfex\xff\"}", 1 },
	{ "a =~ 'b\"'", "{\"a\":\"b\\\"\"}", 1 },
	{ "a =~ ''", "{\"a\":\"\"}", 1 },
	{ "a > 1.5s", "{\"a\":1500.5}", 1 },
	{ "a > 1.5s", "{\"a\":1500}", 0 },
	{ "a == 2500us", "{\"a\":2.5}", 1 },
	{ "a == 2500us", "{\"a\":\"2.5\"}", 0 },
	{ "a == 2025-10-20T14:00Z", "{\"a\":\"2025-10-20T16:00:00+02:00\"}", 1 },
	{ "a == 2025-10-20T14:00Z", "{\"a\":\"2025\\u002d10-20 14:00:00\"}", 1 },
	{ "a == 2025-10-20T14:00Z", "{\"a\":1760968800}", 1 },
	{ "a == 2025-10-20T14:00Z", "{\"a\":1760968800123}", 0 },
	{ "a >= 2025-10-20T14:00Z", "{\"a\":1760968800123}", 1 },
	{ "a < 2025-10-20", "{\"a\":\"2025-10-20T01:00:00+02:00\"}", 1 },
	{ "a < 2025-10-20", "{\"a\":\"soon\"}", 0 },
	{ "a < 2025-10-20", "{\"a\":null}", 0 },
	{ "a < 2025-10-20", "{}", 0 },
	{ "a != 2025-10-20", "{}", 1 },
	{ "a == 2025-10-20", "{}", 0 },
	{ "a in (1, 2025-10-20)", "{\"a\":\"2025-10-20T00:00:00Z\"}", 1 },
	{ "a in (0,1,2,3,4,5,6,7,8,9)", "{\"a\":7.0}", 1 },
	{ "a in (0,1,2,3,4,5,6,7,8,9)", "{\"a\":7.5}", 0 },
	{ "a in (0,1,2,3,4,5,6,7,8,9)", "{\"a\":\"7\"}", 0 },
	{ "a in (0,1,2,3,4,5,6,7,8,9)", "{}", 0 },
	{ "a in (0,1,'b','a','ab',5,6,null,2025-10-20,true)", "{\"a\":\"\\u0061b\"}", 1 },
	{ "a in (0,1,'b','a','ab',5,6,null,2025-10-20,true)", "{\"a\":null}", 1 },
	{ "a in (0,1,'b','a','ab',5,6,null,2025-10-20,true)", "{\"a\":false}", 0 },
	{ "a in (0,1,'b','a','ab',5,6,null,2025-10-20,true)", "{\"a\":1760918400}", 1 },
	{ "a in (0,1,'b','a','ab',5,6,null,2025-10-20,true)", "{\"a\":[0]}", 0 },
	{ "a == 1", "[1]", AUDITQ_EJSON },
	{ "a == 1", "{\"a\":1", AUDITQ_EJSON },
	{ "a == 1", "", AUDITQ_EJSON },
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		auditq_error err;
		int r = match_one(cases[i].where, cases[i].line, strlen(cases[i].line), &err);
		if (r != cases[i].want)
			fail_msg("%s on %s: %d", cases[i].where, cases[i].line, r);
	}
}

/* ---- patterns -------------------------------------------------------------------------- */

static void
test_bad_patterns(void **state)
{
	static const struct {
		const char *where;
		uint64_t pos;
	} bad[] = { { "a =~ '('", 7 }, { "a == 1 and b =~ 'x[y'", 20 }, { "a =~ '\\C'", 8 },
		{ "a =~ '*'", 6 }, { "a =~ 'x' and b !~ '+'", 19 } };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		auditq_error err;
		int r = match_one(bad[i].where, "{}", 2, &err);
		if (r != AUDITQ_EREGEX || err.code != r || err.offset != bad[i].pos)
			fail_msg("%s: %d at %d %s", bad[i].where, r, (int)err.offset, err.text);
	}
}

/* Too many steps is an error, never "no match". */
static void
test_catastrophe(void **state)
{
	auditq_error err;
	char line[128];
	int n = sprintf(line, "{\"a\":\"%.60s!\"}",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");

	(void)state;
	assert_int_equal(match_one("a =~ '^(a+)+$'", line, (size_t)n, &err), AUDITQ_EREGEX);
	assert_int_equal(err.code, AUDITQ_EREGEX);
	assert_non_null(strstr(err.text, "'a'"));
	assert_int_equal(match_one("a !~ '^(a+)+$'", line, (size_t)n, &err), AUDITQ_EREGEX);
	assert_int_equal(
	    match_one("b == 1 or not a =~ '^(a+)+$'", line, (size_t)n, &err), AUDITQ_EREGEX);
	assert_int_equal(match_one("b == 1 and a =~ '^(a+)+$'", line, (size_t)n, &err), 0);
}

/* The same of a pattern that is no expression's, and of all but what it matches. */
static void
test_catastrophe_of_regex(void **state)
{
	static const char line[] =
	    "{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}";
	static const struct match_regex regexes[] = { { NULL, 0, "\"(a+)+$", 7 },
		{ "a", 1, "^(a+)+$", 7 } };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct match_query q = {
			.regex = &regexes[i / 2], .nregex = 1, .invert = i % 2
		};
		struct match_facts facts;
		struct match *m = NULL;
		auditq_error err = { 0 };

		assert_int_equal(match_new(&m, &q, &schema_default, &err), 0);
		assert_int_equal(
		    match_line(m, line, sizeof line - 1, &facts, &err), AUDITQ_EREGEX);
		assert_non_null(strstr(err.text, i < 2 ? "'the line'" : "'a'"));
		match_free(m);
	}
}

static void
test_long_value(void **state)
{
	size_t n = 1 << 20;
	char *line = malloc(n + 64);
	auditq_error err;

	(void)state;
	assert_non_null(line);
	strcpy(line, "{\"a\":\"\\n");
	memset(line + 8, 'x', n);
	strcpy(line + 8 + n, "end\"}");
	assert_int_equal(match_one("a =~ '^\\nx+end$'", line, n + 13, &err), 1);
	assert_int_equal(
	    match_one("a =~ '^\\n(x|y)+?end$'", line, n + 13, &err), AUDITQ_EREGEX);
	free(line);
}

/* ---- facts, runs, stages, levels ------------------------------------------------------- */

static void
test_facts(void **state)
{
	struct match_query q = { .nrun = 0 };
	struct match_facts f;
	struct match *m = NULL;
	static const char line[] = "{\"seq\":1,\"time\":\"2025-10-23T14:05:09Z\"}";
	static const char poor[] = "{\"time\":\"noon\"}";

	(void)state;
	assert_int_equal(match_new(&m, &q, &schema_default, NULL), 0);
	assert_int_equal(match_line(m, line, sizeof line - 1, &f, NULL), 1);
	assert_int_equal(f.ts, INT64_C(1761228309) * CLOCK_S);
	assert_int_equal(match_line(m, poor, sizeof poor - 1, &f, NULL), 1);
	assert_int_equal(f.ts, CLOCK_NONE);
	assert_int_equal(match_line(m, "{", 1, &f, NULL), AUDITQ_EJSON);
	assert_int_equal(f.ts, CLOCK_NONE);
	match_free(m);
	match_free(NULL);
}

#define RUN(id, exact)                                                                         \
	{                                                                                      \
		id, sizeof(id) - 1, exact                                                      \
	}

static const struct match_run some_runs[] = { RUN("r1", false), RUN("r\n2", true) };
static const char *const some_stages[] = { "detection", "a\"b" };

static const struct match_regex some_regexes[] = {
	{ "msg", 3, "^a\nb", 4 },
	{ NULL, 0, "\"n\":4[0-9]", 10 },
};

static const struct {
	struct match_query q;
	const char *line;
	int want;
} parts[] = {
	{ { .run = some_runs, .nrun = 1 }, "{\"run_id\":\"r1\"}", 1 },
	{ { .run = some_runs, .nrun = 1 }, "{\"run_id\":\"r123\"}", 1 },
	{ { .run = some_runs, .nrun = 1 }, "{\"run_id\":\"r\\u0031x\"}", 1 },
	{ { .run = some_runs, .nrun = 1 }, "{\"run_id\":\"r\"}", 0 },
	{ { .run = some_runs, .nrun = 1 }, "{\"run_id\":1}", 0 },
	{ { .run = some_runs, .nrun = 1 }, "{}", 0 },
	{ { .run = some_runs, .nrun = 2 }, "{\"run_id\":\"r\\n2\"}", 1 },
	{ { .run = some_runs, .nrun = 2 }, "{\"run_id\":\"r\\n23\"}", 0 },
	{ { .stage = some_stages, .nstage = 1 }, "{\"stage\":\"detection\"}", 1 },
	{ { .stage = some_stages, .nstage = 1 }, "{\"stage\": \"d\\u0065tection\"}", 1 },
	{ { .stage = some_stages, .nstage = 1 }, "{\"stage\":\"detections\"}", 0 },
	{ { .stage = some_stages, .nstage = 2 }, "{\"stage\":\"a\\\"b\"}", 1 },
	{ { .stage = some_stages, .nstage = 2 }, "{\"stage\":[\"detection\"]}", 0 },
	{ { .failed = true }, "{\"status\":\"failed\"}", 1 },
	{ { .failed = true }, "{\"level\":\"error\"}", 1 },
	{ { .failed = true }, "{\"level\":\"error\",\"status\":\"ok\"}", 0 },
	{ { .failed = true }, "{\"level\":\"warn\"}", 0 },
	{ { .levels = 1 << 4 | 1 << 5 }, "{\"level\":\"WARNING\"}", 1 },
	{ { .levels = 1 << 4 | 1 << 5 }, "{\"level\":\"critical\"}", 0 },
	{ { .levels = 0x7f }, "{}", 0 },
	{ { .levels = 0x7f }, "{\"level\":\"loud\"}", 0 },
	{ { .regex = some_regexes, .nregex = 1 }, "{\"msg\":\"a\\nbc\"}", 1 },
	{ { .regex = some_regexes, .nregex = 1 }, "{\"msg\":[\"a\\nb\"],\"n\":42}", 0 },
	{ { .regex = some_regexes, .nregex = 2 }, "{\"n\":42}", 1 },
	{ { .regex = some_regexes, .nregex = 2 }, "{\"n\": 42}", 0 },
	{ { .regex = some_regexes, .nregex = 2, .failed = true }, "{\"n\":42}", 0 },
	{ { .regex = some_regexes, .nregex = 2, .failed = true, .invert = true }, "{\"n\":42}",
	    1 },
	{ { .failed = true, .invert = true }, "{\"status\":\"failed\"}", 0 },
	{ { .failed = true, .invert = true }, "{\"status\":\"ok\"}", 1 },
	{ { .failed = true, .invert = true }, "{\"status\":", AUDITQ_EJSON },
	{ { .levels = 0x7f, .failed = true }, "{\"level\":\"info\",\"status\":\"failed\"}", 1 },
};

static void
test_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(parts); i++) {
		struct match_facts facts;
		struct match *m = NULL;
		int r;
		assert_int_equal(match_new(&m, &parts[i].q, &schema_default, NULL), 0);
		r = match_line(m, parts[i].line, strlen(parts[i].line), &facts, NULL);
		if (r != parts[i].want)
			fail_msg("%d: %s: %d", (int)i, parts[i].line, r);
		match_free(m);
	}
}

static void
test_schema(void **state)
{
	struct schema schema = { .keys = { [SCHEMA_TIME] = { 1, { "t.at" } },
				     [SCHEMA_RUN] = { 1, { "uid" } },
				     [SCHEMA_STAGE] = { 1, { "_path" } },
				     [SCHEMA_LEVEL] = { 1, { "severity" } },
				     [SCHEMA_STATUS] = { 1, { "rc" } } },
		.failed_level = 5 };
	struct match_query q = { .run = some_runs,
		.nrun = 1,
		.stage = some_stages,
		.nstage = 1,
		.failed = true,
		.levels = 1 << 5 };
	struct match_facts f;
	struct match *m = NULL;
	static const char line[] =
	    "{\"t\":{\"at\":7},\"uid\":\"r1\",\"_path\":\"detection\",\"severity\":\"err\",\"status\":\"ok\"}";

	(void)state;
	assert_int_equal(match_new(&m, &q, &schema, NULL), 0);
	assert_int_equal(match_line(m, line, sizeof line - 1, &f, NULL), 1);
	assert_int_equal(f.ts, 7 * CLOCK_S);
	match_free(m);
}

/* ---- against a naive evaluation -------------------------------------------------------- */

/* A line, and the same for the oracle: numbers are strings "#rank" there, since jansson has no
 * large ones. */
struct both {
	char line[8192], oracle[8192], where[8192];
	size_t nline, noracle, nwhere;
	json_t *tree;
};

static void
put(char *dst, size_t *n, const char *s)
{
	size_t more = strlen(s);

	assert_true(*n + more < 8192);
	memcpy(dst + *n, s, more + 1);
	*n += more;
}

static void
put_both(struct both *b, const char *line, const char *oracle)
{
	put(b->line, &b->nline, line);
	put(b->oracle, &b->noracle, oracle);
}

static const struct {
	const char *token, *rank;
} numbers[] = { { "-1e400", "#0" }, { "-2", "#1" }, { "-2.0", "#1" }, { "0", "#2" },
	{ "-0", "#2" }, { "0.5", "#3" }, { "5e-1", "#3" }, { "9007199254740992", "#4" },
	{ "9007199254740993", "#5" }, { "18446744073709551616", "#6" },
	{ "18446744073709551616.0", "#6" }, { "18446744073709551617", "#7" } };

static const struct {
	const char *decoded, *token, *literal; /* in a line, in an expression */
} texts[] = { { "", "\"\"", "''" }, { "a", "\"a\"", "\"a\"" }, { "a", "\"\\u0061\"", "'a'" },
	{ "ab", "\"ab\"", "'ab'" }, { "b", "\"b\"", "'b'" }, { "ba", "\"b\\u0061\"", "\"ba\"" },
	{ "\xc3\xa9", "\"\\u00e9\"", "'\xc3\xa9'" },
	{ "\xc3\xa9", "\"\xc3\xa9\"", "'\\u00E9'" }, { "r1", "\"r1\"", "'r1'" },
	{ "failed", "\"failed\"", "'failed'" }, { "error", "\"error\"", "'error'" },
	{ "warn", "\"warn\"", "'warn'" } };

static const char *const keys[] = { "a", "b", "a.b", "run_id", "stage", "level", "status" };
static const char *const paths[] = { "a", "b", "a.b", "b.a", "a.b.b", "run_id", "stage",
	"level", "status", "x" };

static void put_object(struct both *b, int depth);

static void
put_any(struct both *b, int depth)
{
	unsigned i;
	char quoted[16];

	switch (draw(8)) {
	case 0: put_both(b, "true", "true"); return;
	case 1: put_both(b, "null", "null"); return;
	case 2: put_both(b, "[1]", "[1]"); return;
	case 3:
		if (depth < 3) {
			put_object(b, depth + 1);
			return;
		}
		/* fallthrough */
	case 4:
		i = draw(COUNT(numbers));
		snprintf(quoted, sizeof quoted, "\"%s\"", numbers[i].rank);
		put_both(b, numbers[i].token, quoted);
		return;
	default: i = draw(COUNT(texts)); put_both(b, texts[i].token, texts[i].token);
	}
}

static void
put_object(struct both *b, int depth)
{
	unsigned n = draw(depth == 0 ? 8 : 3);

	put_both(b, "{", "{");
	for (unsigned i = 0; i < n; i++) {
		char key[32];
		snprintf(
		    key, sizeof key, "%s\"%s\":", i > 0 ? "," : "", keys[draw(COUNT(keys))]);
		put_both(b, key, key);
		put_any(b, depth);
	}
	put_both(b, "}", "}");
}

static bool
is_number(json_t *v)
{
	return json_is_string(v) && json_string_value(v)[0] == '#';
}

static const char *
string_of(json_t *v)
{
	return json_is_string(v) && !is_number(v) ? json_string_value(v) : NULL;
}

/* Append a literal; whether v equals it, and (when both are of one ordered type) the order. */
static bool
put_literal(struct both *b, json_t *v, bool ordered, int *order)
{
	unsigned i, kind = draw(ordered ? 2 : 4);

	*order = -2;
	if (kind == 0) {
		i = draw(COUNT(numbers));
		put(b->where, &b->nwhere, numbers[i].token);
		if (is_number(v))
			*order = strcmp(json_string_value(v), numbers[i].rank);
		return *order == 0;
	}
	if (kind == 1) {
		i = draw(COUNT(texts));
		put(b->where, &b->nwhere, texts[i].literal);
		if (string_of(v) != NULL)
			*order = strcmp(string_of(v), texts[i].decoded);
		if (*order == -2)
			*order = -1;
		return string_of(v) != NULL && *order == 0;
	}
	put(b->where, &b->nwhere, kind == 2 ? "true" : "null");
	return kind == 2 ? json_is_true(v) : json_is_null(v);
}

static bool
put_order(struct both *b, json_t *v)
{
	static const char *const ops[] = { " < ", " <= ", " > ", ">=" };
	unsigned op = draw(COUNT(ops));
	size_t start;
	bool text, comparable;
	int order;

	put(b->where, &b->nwhere, ops[op]);
	start = b->nwhere;
	(void)put_literal(b, v, true, &order);
	text = b->where[start] == '"' || b->where[start] == '\'';
	comparable = text ? string_of(v) != NULL : is_number(v);
	if (!comparable)
		return false;
	return op == 0 ? order < 0 : op == 1 ? order <= 0 : op == 2 ? order > 0 : order >= 0;
}

static bool
put_in(struct both *b, json_t *v)
{
	bool negated = draw(2), found = false;
	unsigned n = draw(3) + 1;
	int order;

	put(b->where, &b->nwhere, negated ? " not in (" : " IN (");
	for (unsigned i = 0; i < n; i++) {
		put(b->where, &b->nwhere, i > 0 ? ", " : "");
		found = put_literal(b, v, false, &order) || found;
	}
	put(b->where, &b->nwhere, ")");
	return found != negated;
}

static bool
put_pattern(struct both *b, json_t *v)
{
	bool negated = draw(2), found = false;
	const char *s = string_of(v);
	unsigned kind = draw(3);

	put(b->where, &b->nwhere, negated ? " !~ " : " =~ ");
	put(b->where, &b->nwhere, kind == 0 ? "'^a'" : kind == 1 ? "\"b\"" : "'^$'");
	if (s != NULL)
		found = kind == 0 ? s[0] == 'a'
		    : kind == 1   ? strchr(s, 'b') != NULL
				  : *s == '\0';
	return found != negated;
}

static bool
put_test(struct both *b)
{
	const char *path = paths[draw(COUNT(paths))];
	json_t *v = json_path(b->tree, path);
	bool negated;
	int order;

	if (draw(6) == 0) {
		put(b->where, &b->nwhere, "exists ");
		put(b->where, &b->nwhere, path);
		return v != NULL;
	}
	put(b->where, &b->nwhere, path);
	switch (draw(5)) {
	case 0: return put_order(b, v);
	case 1: return put_in(b, v);
	case 2: return put_pattern(b, v);
	default:
		negated = draw(2);
		put(b->where, &b->nwhere, negated ? " != " : "==");
		return put_literal(b, v, false, &order) != negated;
	}
}

/* Append a random expression; its value on the tree. */
static bool
put_expr(struct both *b, int depth)
{
	bool or = draw(2), result = ! or, negated = draw(4) == 0;
	unsigned n = draw(3) + 1;

	if (depth == 0)
		return put_test(b);
	put(b->where, &b->nwhere, negated ? "not (" : "(");
	for (unsigned i = 0; i < n; i++) {
		bool one;
		if (i > 0)
			put(b->where, &b->nwhere, or ? draw(2) ? " or " : "||" : " AND ");
		one = put_expr(b, depth - 1);
		result = or ? result || one : result && one;
	}
	put(b->where, &b->nwhere, ")");
	return result != negated;
}

static bool
is_string(json_t *v, const char *s)
{
	return string_of(v) != NULL && strcmp(string_of(v), s) == 0;
}

/* The other parts of a query, and whether they let the line through. */
static bool
narrow(struct both *b, struct match_query *q)
{
	json_t *run = json_path(b->tree, "run_id"), *stage = json_path(b->tree, "stage");
	json_t *level = json_path(b->tree, "level"), *status = json_path(b->tree, "status");
	static const struct match_run run_a = RUN("a", false), run_ab = RUN("ab", true);
	static const char *const stages[] = { "b", "ba" };
	bool result = true;

	switch (draw(16)) {
	case 0:
		q->run = &run_a;
		q->nrun = 1;
		return string_of(run) != NULL && string_of(run)[0] == 'a';
	case 1:
		q->run = &run_ab;
		q->nrun = 1;
		return is_string(run, "ab");
	case 2:
		q->stage = stages;
		q->nstage = 2;
		return is_string(stage, "b") || is_string(stage, "ba");
	case 3:
		q->failed = true;
		result = status != NULL && !json_is_null(status) ? is_string(status, "failed")
								 : is_string(level, "error");
		return result;
	case 4: q->levels = 1 << 4; return is_string(level, "warn");
	default: return true;
	}
}

static void
test_naive(void **state)
{
	struct both *b = malloc(sizeof *b);
	int matched = 0, left_out = 0;

	(void)state;
	assert_non_null(b);
	draw_seed = 4711;
	for (int round = 0; round < 20000; round++) {
		struct match_query q = { .nrun = 0 };
		struct match_facts facts;
		struct expr *e = NULL;
		struct match *m = NULL;
		auditq_error err;
		struct require require;
		bool want, has_all;
		int r;
		b->nline = b->noracle = b->nwhere = 0;
		put_object(b, 0);
		b->tree = json_loadb(b->oracle, b->noracle, 0, NULL);
		assert_non_null(b->tree);
		want = put_expr(b, round % 3);
		want = narrow(b, &q) && want;
		if (expr_parse(&e, b->where, NULL, &err) < 0)
			fail_msg("%s: %s", b->where, err.text);
		q.where = e;
		assert_int_equal(match_new(&m, &q, &schema_default, &err), 0);
		r = match_line(m, b->line, b->nline, &facts, &err);
		if (r != want)
			fail_msg("%s on %s: %d", b->where, b->line, r);
		assert_int_equal(require_init(&require, &q, &schema_default, &err), 0);
		has_all = true;
		for (size_t i = 0; i < require.n; i++)
			has_all = has_all &&
			    scan_set_find(&require.clause[i], b->line, b->line + b->nline);
		if (want && !has_all)
			fail_msg("%s on %s: something is not there", b->where, b->line);
		left_out += !has_all;
		require_release(&require);
		matched += r;
		match_free(m);
		expr_free(e);
		json_decref(b->tree);
	}
	free(b);
	assert_in_range(matched, 4000, 16000);
	assert_in_range(left_out, 2000, 16000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_bad_patterns),
		cmocka_unit_test(test_catastrophe),
		cmocka_unit_test(test_catastrophe_of_regex),
		cmocka_unit_test(test_long_value),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_naive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
