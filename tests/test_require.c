/* require: which literals a question needs, and that no line which has them in another spelling is
 * left out.  test_match.c holds it against random lines that match. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candidates.h"
#include "require.h"
#include "schema_text.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Clauses as text: needles joined by '|' (in any case: "~"), clauses by " & "; the \u of each is left out. */
static void
describe(const struct require *r, char *out, size_t room)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < r->n; i++) {
		const struct scan_set *set = &r->clause[i];

		assert_memory_equal(set->needle[0].p, "\\u", 2);
		for (size_t k = 1; k < set->n; k++)
			len += (size_t)snprintf(out + len, room - len, "%s%s%.*s",
			    k > 1       ? "|"
				: i > 0 ? " & "
					: "",
			    set->needle[k].fold ? "~" : "", (int)set->needle[k].n,
			    set->needle[k].p);
	}
}

static void
check(const char *name, const struct match_query *q, const char *want)
{
	struct require r;
	auditq_error err;
	char got[4096];

	assert_int_equal(require_init(&r, q, &schema_default, &err), 0);
	describe(&r, got, sizeof got);
	if (strcmp(got, want) != 0)
		fail_msg("%s:\n  %s\n  %s expected", name, got, want);
	require_release(&r);
}

static const struct {
	const char *where, *want; /* "": nothing is known */
} expressions[] = {
	{ "a == 'detection'", "\"detection\"" },
	{ "a == 'x' and b == 'longer'", "\"x\" & \"longer\"" },
	{ "a == 'http://hostname'", "hostname\"" },
	{ "a == 'ab\"cde\\\\f'", "cde" },
	{ "a == 'ab\"cdef\\\\f'", "cdef" },
	{ "aa == '\\n'", "\"aa\"" },
	{ "a == ''", "\"\"" },
	{ "a == '\\u00e9'", "\"\xc3\xa9\"" },
	{ "aa == 5", "\"aa\"" },
	{ "aa == null", "\"aa\"" },
	{ "aa in ('x', 5)", "\"aa\"" },
	{ "a != 'x'", "" },
	{ "not exists a", "" },
	{ "not (not a == 'x')", "" },
	{ "exists a", "\"a\"" },
	{ "a =~ 'x'", "\"a\"" },
	{ "a !~ 'x'", "" },
	{ "a > 'x'", "\"a\"" },
	{ "user.name == 1", "name\"" },
	{ "exists `a/b`", "\"a" },
	{ "exists `ab/`", "\"ab" },
	{ "exists `a.`", "" },
	{ "exists `/`", "" },
	{ "a == 'x' or b == 'y'", "\"x\"|\"y\"" },
	{ "a == 'x' or b != 'y'", "" },
	{ "a == 'x' or b == 1", "\"x\"|\"b\"" },
	{ "a in ('x', 'y')", "\"x\"|\"y\"" },
	{ "a in ('x') and not b == 'yy'", "\"x\"" },
	{ "(a == 'abc' or b == 1) and (c == 'de' and d == 'fgh')", "\"abc\"|\"b\" & \"de\"" },
	{ "a == 'x' or (b != 'y' and c == 'z')", "\"x\"|\"z\"" },
};

static void
test_expressions(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(expressions); i++) {
		struct match_query q = { .nrun = 0 };
		struct expr *e = NULL;

		assert_int_equal(expr_parse(&e, expressions[i].where, NULL, NULL), 0);
		q.where = e;
		check(expressions[i].where, &q, expressions[i].want);
		expr_free(e);
	}
}

static void
test_filters(void **state)
{
	static const struct match_run runs[] = { { "r1", 2, false }, { "r22", 3, true } };
	static const char *const stages[] = { "detection", "a/bc" };

	(void)state;
	check("nothing", &(struct match_query){ .nrun = 0 }, "");
	check("a prefix", &(struct match_query){ .run = runs, .nrun = 1 }, "\"r1");
	check("two runs", &(struct match_query){ .run = runs, .nrun = 2 }, "\"r1|\"r22\"");
	check("failed, of two stages",
	    &(struct match_query){ .stage = stages, .nstage = 2, .failed = true },
	    "\"detection\"|bc\" & \"failed\"|~\"error\"|~\"critical\"|~\"err\"|~\"fatal\"|"
	    "~\"crit\"|~\"alert\"|~\"emerg\"|~\"emergency\"|~\"panic\"");
	check("two levels", &(struct match_query){ .levels = 1 << 3 | 1 << 4 },
	    "~\"warn\"|~\"notice\"|~\"warning\"");
}

/* What failed and levels mean elsewhere: words of its own, keys, and numbers, of which nothing is known. */
static void
test_schemas(void **state)
{
	static const struct {
		const char *schema;
		bool failed;
		unsigned levels;
		const char *want;
	} cases[] = {
		{ "{\"failed\":{\"rc\":{\"min\":1},\"a.error\":true},\"failed_level\":null}",
		    true, 0, "\"rc\"|error\"" },
		{ "{\"failed\":{\"o\":[\"bad\",\"\\n\"]},\"failed_level\":null}", true, 0,
		    "\"o\"" },
		{ "{\"failed\":{\"out\":[\"bad\",\"x/worse\"]},\"failed_level\":null}", true, 0,
		    "\"bad\"|worse\"" },
		{ "{\"failed\":{\"out\":{\"not\":[\"good\"]}},\"level\":[]}", true, 0,
		    "\"out\"" },
		{ "{\"levels\":{\"error\":[50]}}", true, 0, "" },
		{ "{\"levels\":{\"error\":[50]}}", false, 1 << 5, "" },
		{ "{\"levels\":{\"error\":[50]}}", false, 1 << 3, "~\"notice\"" },
		{ "{\"levels\":{\"notice\":[\"N\",\"a/b\"]}}", false, 1 << 3, "" },
		{ "{\"levels\":{\"notice\":[\"Note\"]}}", false, 1 << 3,
		    "~\"note\"|~\"notice\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct match_query q = { .failed = cases[i].failed, .levels = cases[i].levels };
		struct schema_fault fault;
		struct schema s;
		struct require r;
		char got[4096];

		assert_int_equal(
		    schema_read_text(cases[i].schema, strlen(cases[i].schema), &s, &fault), 0);
		assert_int_equal(require_init(&r, &q, &s, NULL), 0);
		describe(&r, got, sizeof got);
		if (strcmp(got, cases[i].want) != 0)
			fail_msg(
			    "%s:\n  %s\n  %s expected", cases[i].schema, got, cases[i].want);
		require_release(&r);
	}
}

/* More values than a set has room for: as if nothing were known of them, but the key. */
static void
test_many(void **state)
{
	char where[1024];
	size_t len = 0;

	(void)state;
	for (int n = SCAN_NEEDLES_MAX - 1; n <= SCAN_NEEDLES_MAX; n++) {
		struct match_query q = { .nrun = 0 };
		struct require r;
		struct expr *e = NULL;
		auditq_error err;

		len = (size_t)snprintf(where, sizeof where, "many in (");
		for (int i = 0; i < n; i++)
			len += (size_t)snprintf(where + len, sizeof where - len, "%s'value %d'",
			    i > 0 ? "," : "", i);
		(void)snprintf(where + len, sizeof where - len, ")");
		assert_int_equal(expr_parse(&e, where, NULL, NULL), 0);
		q.where = e;
		assert_int_equal(require_init(&r, &q, &schema_default, &err), 0);
		assert_int_equal(r.n, 1);
		assert_int_equal(r.clause[0].n, n < SCAN_NEEDLES_MAX ? SCAN_NEEDLES_MAX : 2);
		require_release(&r);
		expr_free(e);
	}
	/* More clauses than are kept. */
	len = (size_t)snprintf(where, sizeof where, "a == 'xx'");
	for (int i = 0; i < 10; i++)
		len += (size_t)snprintf(where + len, sizeof where - len, " and a == 'x%d'", i);
	{
		struct match_query q = { .failed = true, .levels = 1 << 5 };
		struct require r;
		struct expr *e = NULL;
		auditq_error err;

		assert_int_equal(expr_parse(&e, where, NULL, NULL), 0);
		q.where = e;
		assert_int_equal(require_init(&r, &q, &schema_default, &err), 0);
		assert_int_equal(r.n, REQUIRE_CLAUSES_MAX);
		require_release(&r);
		expr_free(e);
	}
}

/* Lines with all clauses, of which one is no part of the query's. */
static void
test_candidates(void **state)
{
	static const char *const stages[] = { "detection" };
	static const char block[] = "{\"stage\":\"detection\"}\n"
				    "{\"stage\":\"detection\",\"size\":1}\n"
				    "{\"stage\":\"detection\",\"s\\u0069ze\":2}\n"
				    "{\"size\":3}\n"
				    "{\"size\":4,\"stage\":\"d\\u0065tection\"}";
	const struct match_query q = { .stage = stages, .nstage = 1 };
	struct candidates c = { .n = 0 };
	struct candidates_walk walk;
	struct require r;
	auditq_error err;
	const char *line;
	size_t n;

	(void)state;
	assert_int_equal(require_init(&r, &q, &schema_default, &err), 0);
	for (int round = 0; round < 4; round++) { /* each clause in its turn, then the best */
		char got[8] = "";

		candidates_require(&c, &r, "size", 4);
		candidates_begin(&walk, &c, block, block + sizeof block - 1);
		while (candidates_next(&walk, &line, &n))
			(void)strncat(got, line + n - 2, 1);
		assert_string_equal(got, "12\"");
	}
	require_release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_schemas),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_candidates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
