/* expr: what a text parses to, written out again, and where and why it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expr.h"
#include "value_file.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct text {
	char p[4096];
	size_t n;
};

static void
put(struct text *t, const char *s, size_t n)
{
	assert_true(t->n + n < sizeof t->p);
	memcpy(t->p + t->n, s, n);
	t->n += n;
	t->p[t->n] = '\0';
}

static void
put_value(struct text *t, const struct expr_value *v)
{
	static const char *const names[] = {
		[FIELD_NULL] = "null", [FIELD_FALSE] = "false", [FIELD_TRUE] = "true"
	};

	char instant[32];

	put(t, " ", 1);
	if (v->type == FIELD_ABSENT) {
		put(t, instant, (size_t)sprintf(instant, "@%lld", (long long)v->instant));
		return;
	}
	if (v->type == FIELD_STRING)
		put(t, "\"", 1);
	if (v->type == FIELD_STRING || v->type == FIELD_NUMBER)
		put(t, v->text, v->n);
	else
		put(t, names[v->type], strlen(names[v->type]));
	if (v->type == FIELD_STRING)
		put(t, "\"", 1);
}

/* (kind path values operands) */
static void
write_out(struct text *t, const struct expr_node *node)
{
	static const char *const names[] = { [EXPR_AND] = "and",
		[EXPR_OR] = "or",
		[EXPR_NOT] = "not",
		[EXPR_EXISTS] = "exists",
		[EXPR_EQUAL] = "==",
		[EXPR_LESS] = "<",
		[EXPR_LESS_EQUAL] = "<=",
		[EXPR_GREATER] = ">",
		[EXPR_GREATER_EQUAL] = ">=",
		[EXPR_REGEX] = "=~" };

	put(t, "(", 1);
	put(t, names[node->kind], strlen(names[node->kind]));
	if (node->path != NULL) {
		put(t, " ", 1);
		put(t, node->path, node->npath);
	}
	for (size_t i = 0; i < node->nvalue; i++)
		put_value(t, &node->value[i]);
	for (const struct expr_node *child = node->child; child != NULL; child = child->next) {
		put(t, " ", 1);
		write_out(t, child);
	}
	put(t, ")", 1);
}

static const struct {
	const char *text, *tree;
} trees[] = {
	{ "a == 1", "(== a 1)" },
	{ "a=1", "(== a 1)" },
	{ "a != 1", "(not (== a 1))" },
	{ "a<1", "(< a 1)" },
	{ "a<=-1.5e+3", "(<= a -1.5e+3)" },
	{ "a > \"x\"", "(> a \"x\")" },
	{ "a >= 'x'", "(>= a \"x\")" },
	{ "a == true", "(== a true)" },
	{ "a == FALSE", "(== a false)" },
	{ "a == null", "(== a null)" },
	{ "exists a", "(exists a)" },
	{ "exists (a.b)", "(exists a.b)" },
	{ "a exists", "(exists a)" },
	{ "a not exists", "(not (exists a))" },
	{ "a in (1)", "(== a 1)" },
	{ "a in (1, 'x' ,null)", "(== a 1 \"x\" null)" },
	{ "a not in (1,2)", "(not (== a 1 2))" },
	{ "a =~ 'x\\d+'", "(=~ a \"x\\d+\")" },
	{ "a !~ \"\\\"\"", "(not (=~ a \"\\\"\"))" },
	{ "not a = 1", "(not (== a 1))" },
	{ "!a = 1", "(not (== a 1))" },
	{ "!!a=1", "(== a 1)" },
	{ "not ! not a=1", "(not (== a 1))" },
	{ "!(a!=1)", "(not (not (== a 1)))" },
	{ "a=1 and b=2", "(and (== a 1) (== b 2))" },
	{ "a=1&&b=2&&c=3", "(and (== a 1) (== b 2) (== c 3))" },
	{ "a=1 or b=2 and c=3", "(or (== a 1) (and (== b 2) (== c 3)))" },
	{ "(a=1 or b=2) and c=3", "(and (or (== a 1) (== b 2)) (== c 3))" },
	{ "a=1 || b=2 OR c=3", "(or (== a 1) (== b 2) (== c 3))" },
	{ "not a=1 and b=2", "(and (not (== a 1)) (== b 2))" },
	{ "((((a=1))))", "(== a 1)" },
	{ " \t\na\r=\n1 ", "(== a 1)" },
	{ "id.orig_h == '10.0.0.1'", "(== id.orig_h \"10.0.0.1\")" },
	{ "@timestamp == 'x'", "(== @timestamp \"x\")" },
	{ "a-b.c_$d == 1", "(== a-b.c_$d 1)" },
	{ "`a b`==1", "(== a b 1)" },
	{ "`in` in (1)", "(== in 1)" },
	{ "`` == 1", "(==  1)" },
	{ "android == 1 and order == 2", "(and (== android 1) (== order 2))" },
	{ "nothing exists", "(exists nothing)" },
	{ "a == '\\u00e9\\n\\'\\\"'", "(== a \"\xc3\xa9\n'\"\")" },
	{ "a == 'it is \"so\"'", "(== a \"it is \"so\"\")" },
	{ "a == 18446744073709551617", "(== a 18446744073709551617)" },
	{ "a == ''", "(== a \"\")" },
	{ "a == '\t'", "(== a \"\t\")" },
	{ "a > 1.5s", "(> a 1500)" },
	{ "a > 1d12h30m", "(> a 131400000)" },
	{ "a <= -250us", "(<= a -250000e-6)" },
	{ "a in (0ns, 1500.000001ms)", "(== a 0 1500000001e-6)" },
	{ "a == 15000w", "(== a 9072000000000)" },
	{ "a > 2025-10-20", "(> a @1760918400000000000)" },
	{ "a > 2025-10-20T14:00Z and b=1", "(and (> a @1760968800000000000) (== b 1))" },
	{ "(a == 2025-10-20T14:00+02:00)", "(== a @1760961600000000000)" },
	{ "a in (2025-10-20, t'1970-01-01 00:00:01')",
	    "(== a @1760918400000000000 @1000000000)" },
	{ "a > t\"-1h\"", "(> a @-3600000000000)" },
	{ "t == 1 and t > t'now'", "(and (== t 1) (> t @0))" },
	{ "a in (9,8,7,6,5,4,3,'b','a',1.0,2)", "(== a 1.0 2 3 4 5 6 7 8 9 \"a\" \"b\")" },
};

static void
test_trees(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(trees); i++) {
		struct text t = { .n = 0 };
		struct expr *e = NULL;
		auditq_error err;
		if (expr_parse(&e, trees[i].text, NULL, &err) < 0)
			fail_msg("%s: %s at %d", trees[i].text, err.text, (int)err.offset);
		write_out(&t, expr_root(e));
		if (strcmp(t.p, trees[i].tree) != 0)
			fail_msg("%s: %s", trees[i].text, t.p);
		expr_free(e);
	}
}

static const struct {
	const char *text;
	uint64_t pos;
	const char *why;
} faults[] = {
	{ "", 0, "expected a field, but here is the end" },
	{ "  ", 2, "expected a field, but here is the end" },
	{ "a", 1, "expected a comparison after 'a'" },
	{ "a b", 2, "expected a comparison after 'a'" },
	{ "a ==", 4, "expected a value after '=='" },
	{ "a == ", 5, "expected a value after '=='" },
	{ "a = = 1", 4, "expected a value after '='" },
	{ "a == failed", 5, "failed is no value: a string stands in quotes" },
	{ "a == 10.0.0.1", 5, "10.0.0.1 is no value: a string stands in quotes" },
	{ "a == 01", 5, "01 is no value: a string stands in quotes" },
	{ "a == 1.", 5, "1. is no value: a string stands in quotes" },
	{ "a == -", 5, "expected a value after '=='" },
	{ "a == (1)", 5, "expected a value after '=='" },
	{ "a == 'x", 5, "string does not end" },
	{ "a == 'x\\", 5, "string does not end" },
	{ "a == 'x\\d'", 8, "invalid escape in a string" },
	{ "a == 'x\\u12'", 11, "invalid escape in a string" },
	{ "a =~ 'x\\'", 5, "string does not end" },
	{ "a =~ x", 5, "expected a pattern in quotes after '=~'" },
	{ "a !~ 5", 5, "expected a pattern in quotes after '!~'" },
	{ "a > 5sec", 4, "5sec is no value: units are w, d, h, m, s, ms, us and ns" },
	{ "a > 1s30m", 4, "1s30m is no value: units are w, d, h, m, s, ms, us and ns" },
	{ "a > 0.5ns", 4, "0.5ns is no value: units are w, d, h, m, s, ms, us and ns" },
	{ "a > 2025-02-30", 12, "time: no such date or time" },
	{ "a > 2025-10-20T14:0", 19, "time: here the time must go on" },
	{ "a > t'noon'", 6,
	    "time: expected a time such as 2025-10-20, 2025-10-20T14:05:00Z, yesterday or -1h" },
	{ "a > t'now", 5, "time does not end" },
	{ "a =~ 2025-10-20", 5, "expected a pattern in quotes after '=~'" },
	{ "a in @", 6, "expected the name of a file after '@'" },
	{ "a in @''", 6, "expected the name of a file after '@'" },
	{ "a in @'x\\u0000y'", 6, "expected the name of a file after '@'" },
	{ "a in @'x", 6, "string does not end" },
	{ "a in @x", 6, "no file is read here" },
	{ "a < true", 4, "'<' needs a number, a string or a time" },
	{ "a >= null", 5, "'>=' needs a number, a string or a time" },
	{ "a in 1", 5, "expected '(' or '@' after 'in'" },
	{ "a in ()", 6, "expected a value after '('" },
	{ "a in (1", 7, "expected ',' or ')'" },
	{ "a in (1,)", 8, "expected a value after ','" },
	{ "a in (1 2)", 8, "expected ',' or ')'" },
	{ "a not == 1", 6, "expected 'in' or 'exists' after 'not'" },
	{ "exists", 6, "expected a field, but here is the end" },
	{ "exists (a", 9, "expected ')'" },
	{ "exists 'a'", 7, "expected a field" },
	{ "'a' == 1", 0, "expected a field" },
	{ "== 1", 0, "expected a field" },
	{ "-a == 1", 0, "expected a field" },
	{ "in == 1", 0, "expected a field; if 'in' is one, write `in`" },
	{ "a == 1 and", 10, "expected a field, but here is the end" },
	{ "a == 1 and and b == 1", 11, "expected a field; if 'and' is one, write `and`" },
	{ "a == 1 & b == 1", 7, "expected 'and' or 'or'" },
	{ "a == 1 b == 1", 7, "expected 'and' or 'or'" },
	{ "a == 1)", 6, "expected 'and' or 'or'" },
	{ "(a == 1", 7, "expected 'and', 'or' or ')'" },
	{ "(a == 1 b", 8, "expected 'and', 'or' or ')'" },
	{ "()", 1, "expected a field" },
	{ "`a == 1", 0, "field in backticks does not end" },
	{ "!", 1, "expected a field, but here is the end" },
	{ "\xc3\xa9 == 1", 0, "expected a field" },
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct expr *e = (struct expr *)&faults;
		auditq_error err;
		int r = expr_parse(&e, faults[i].text, NULL, &err);
		if (r != AUDITQ_EINVAL || err.code != r)
			fail_msg("%s: %d", faults[i].text, r);
		if (err.offset != faults[i].pos || strcmp(err.text, faults[i].why) != 0)
			fail_msg("%s: %d %s", faults[i].text, (int)err.offset, err.text);
		assert_ptr_equal(e, &faults); /* untouched */
		assert_int_equal(expr_parse(&e, faults[i].text, NULL, NULL), AUDITQ_EINVAL);
	}
}

/* Every prefix of every text ends well, one way or the other. */
static void
test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(trees); i++) {
		for (size_t n = 0; n < strlen(trees[i].text); n++) {
			char *text = strndup(trees[i].text, n);
			struct expr *e = NULL;
			auditq_error err;
			if (expr_parse(&e, text, NULL, &err) < 0)
				assert_true(err.offset <= n);
			expr_free(e);
			free(text);
		}
	}
}

static int
parse_nested(int depth)
{
	char text[1024];
	struct expr *e = NULL;
	auditq_error err;
	int r;

	memset(text, '(', (size_t)depth);
	memcpy(text + depth, "a=1", 3);
	memset(text + depth + 3, ')', (size_t)depth);
	text[2 * depth + 3] = '\0';
	if ((r = expr_parse(&e, text, NULL, &err)) < 0) {
		assert_string_equal(err.text, "parentheses are nested too deeply");
		assert_int_equal(err.offset, EXPR_DEPTH);
	}
	expr_free(e);
	return r;
}

static void
test_limits(void **state)
{
	size_t n = 0, terms = 0;
	char *text = malloc(EXPR_TEXT_MAX + 2);
	struct expr *e = NULL;
	auditq_error err;

	(void)state;
	assert_non_null(text);
	assert_int_equal(parse_nested(EXPR_DEPTH), 0);
	assert_int_equal(parse_nested(EXPR_DEPTH + 1), AUDITQ_EINVAL);

	/* A long chain is flat. */
	for (; n + 8 < EXPR_TEXT_MAX; terms++)
		n += (size_t)sprintf(text + n, terms > 0 ? "||a!=1" : "a!=1");
	assert_int_equal(expr_parse(&e, text, NULL, &err), 0);
	assert_int_equal(expr_root(e)->kind, EXPR_OR);
	assert_int_equal(expr_nodes(e), 2 * terms + 1);
	expr_free(e);

	/* So is a long row of negations. */
	memset(text, '!', EXPR_TEXT_MAX - 3);
	strcpy(text + EXPR_TEXT_MAX - 3, "a=1");
	assert_int_equal(expr_parse(&e, text, NULL, &err), 0);
	assert_int_equal(expr_nodes(e), 2);
	expr_free(e);

	memset(text, ' ', EXPR_TEXT_MAX + 1);
	text[EXPR_TEXT_MAX + 1] = '\0';
	assert_int_equal(expr_parse(&e, text, NULL, &err), AUDITQ_EINVAL);
	assert_int_equal(err.offset, EXPR_TEXT_MAX);
	free(text);
	expr_free(NULL);
}

/* ---- files of values ---- */

static const struct expr_env utc = { .now = 0 };

static const char *
write_values(const char *text, size_t n)
{
	static char path[64];
	const char *tmp = getenv("TMPDIR");
	FILE *f;
	int fd;

	snprintf(path, sizeof path, "%.40s/test_expr.XXXXXX", tmp != NULL ? tmp : "/tmp");
	fd = mkstemp(path);
	f = fd >= 0 ? fdopen(fd, "wb") : NULL;
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	return path;
}

static const struct {
	const char *text, *tree;
} lists[] = {
	{ "", "(== a)" },
	{ "x", "(== a \"x\")" },
	{ "x\n", "(== a \"x\")" },
	{ "\xef\xbb\xbfx\r\n\n\r\n y z \n", "(== a \"x\" \" y z \")" },
	{ "42\n1e3\n01\n-\n1.\n", "(== a \"42\" 42 \"1e3\" 1e3 \"01\" \"-\" \"1.\")" },
	{ "e\nd\nc\nb\na\nd\n3\n20\n",
	    "(== a 3 20 \"20\" \"3\" \"a\" \"b\" \"c\" \"d\" \"d\" \"e\")" },
};

static void
test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		const char *path = write_values(lists[i].text, strlen(lists[i].text));
		static const char *const forms[] = { "a in @%s", "a in @'%s'", "(a in @%s)" };

		for (size_t k = 0; k < COUNT(forms); k++) {
			struct text t = { .n = 0 };
			struct expr *e = NULL;
			auditq_error err;
			char where[128];

			snprintf(where, sizeof where, forms[k], path);
			if (expr_parse(&e, where, &utc, &err) < 0)
				fail_msg("%s: %s", where, err.text);
			write_out(&t, expr_root(e));
			assert_string_equal(t.p, lists[i].tree);
			expr_free(e);
		}
		assert_int_equal(unlink(path), 0);
	}
}

/* What a file may not be, with its name and line. */
static void
test_bad_lists(void **state)
{
	const size_t room = VALUE_FILE_BYTES_MAX + 1;
	char *text = malloc(room), where[128], want[128];

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < 4; i++) {
		static const char *const why[] = { ":2: a value longer than 64 KiB",
			": more than 4 MiB of values", ":100001: more than 100000 lines",
			"cannot open " };
		static const size_t bytes[] = { VALUE_FILE_LINE_MAX + 3, room, 200001, 1 };
		struct expr *e = NULL;
		auditq_error err;
		const char *path;

		memset(text, 'x', room);
		text[1] = '\n';
		for (size_t k = 1; i == 2 && k < room; k += 2)
			text[k] = '\n';
		path = write_values(text, bytes[i]);
		if (i == 3)
			assert_int_equal(unlink(path), 0);
		snprintf(where, sizeof where, "b == 1 and a in @%s", path);
		snprintf(
		    want, sizeof want, "%s%s", i == 3 ? why[i] : path, i == 3 ? path : why[i]);
		assert_int_equal(expr_parse(&e, where, &utc, &err), AUDITQ_EINVAL);
		if (err.offset != 17 || strstr(err.text, want) == NULL)
			fail_msg("%s: %d %s", want, (int)err.offset, err.text);
		if (i != 3)
			assert_int_equal(unlink(path), 0);
	}
	free(text);
}

/* ---- several expressions ---- */

static void
check_ids(const struct expr *e, const struct expr_node *node, unsigned *seen)
{
	assert_true(node->id < expr_nodes(e) && node->id < 64);
	assert_int_equal(seen[node->id]++, 0);
	for (const struct expr_node *child = node->child; child != NULL; child = child->next)
		check_ids(e, child, seen);
}

static void
test_join(void **state)
{
	static const struct {
		const char *text[3], *tree;
	} cases[] = {
		{ { "a=1" }, "(== a 1)" },
		{ { "a=1", "b=2" }, "(and (== a 1) (== b 2))" },
		{ { "a=1 and b=2", "c=3 and d=4", "e=5" },
		    "(and (== a 1) (== b 2) (== c 3) (== d 4) (== e 5))" },
		{ { "a=1 or b=2", "not c=3", "d=4 or e=5" },
		    "(and (or (== a 1) (== b 2)) (not (== c 3)) (or (== d 4) (== e 5)))" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text t = { .n = 0 };
		struct expr *all = NULL;
		unsigned seen[64] = { 0 };

		for (size_t k = 0; k < 3 && cases[i].text[k] != NULL; k++) {
			struct expr *e = NULL;

			assert_int_equal(expr_parse(&e, cases[i].text[k], NULL, NULL), 0);
			expr_join_take(&all, e);
		}
		write_out(&t, expr_root(all));
		assert_string_equal(t.p, cases[i].tree);
		check_ids(all, expr_root(all), seen);
		expr_free(all);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_bad_lists),
		cmocka_unit_test(test_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
