/* expr: what a text parses to, written out again, and where and why it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expr.h"

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

	put(t, " ", 1);
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
};

static void
test_trees(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(trees); i++) {
		struct text t = { .n = 0 };
		struct expr *e = NULL;
		auditq_error err;
		if (expr_parse(&e, trees[i].text, &err) < 0)
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
	{ "a < true", 4, "'<' needs a number or a string" },
	{ "a >= null", 5, "'>=' needs a number or a string" },
	{ "a in 1", 5, "expected '(' after 'in'" },
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
		int r = expr_parse(&e, faults[i].text, &err);
		if (r != AUDITQ_EINVAL || err.code != r)
			fail_msg("%s: %d", faults[i].text, r);
		if (err.offset != faults[i].pos || strcmp(err.text, faults[i].why) != 0)
			fail_msg("%s: %d %s", faults[i].text, (int)err.offset, err.text);
		assert_ptr_equal(e, &faults); /* untouched */
		assert_int_equal(expr_parse(&e, faults[i].text, NULL), AUDITQ_EINVAL);
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
			if (expr_parse(&e, text, &err) < 0)
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
	if ((r = expr_parse(&e, text, &err)) < 0) {
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
	assert_int_equal(expr_parse(&e, text, &err), 0);
	assert_int_equal(expr_root(e)->kind, EXPR_OR);
	assert_int_equal(expr_nodes(e), 2 * terms + 1);
	expr_free(e);

	/* So is a long row of negations. */
	memset(text, '!', EXPR_TEXT_MAX - 3);
	strcpy(text + EXPR_TEXT_MAX - 3, "a=1");
	assert_int_equal(expr_parse(&e, text, &err), 0);
	assert_int_equal(expr_nodes(e), 2);
	expr_free(e);

	memset(text, ' ', EXPR_TEXT_MAX + 1);
	text[EXPR_TEXT_MAX + 1] = '\0';
	assert_int_equal(expr_parse(&e, text, &err), AUDITQ_EINVAL);
	assert_int_equal(err.offset, EXPR_TEXT_MAX);
	free(text);
	expr_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
