/*
 * expr - any text as an expression.  What was parsed is printed and parsed again: the same text comes of it,
 * and both trees say the same of a line.
 *
 * Input: an expression, a NUL, a line.
 */
#include "expr.h"
#include "fuzz.h"
#include "match.h"

struct print {
	char *p;
	size_t n, cap;
	const char *text; /* that was parsed */
};

static void
put(struct print *out, const char *s, size_t n)
{
	if (out->cap - out->n < n) {
		out->cap = 2 * out->cap + n;
		FUZZ_CLAIM((out->p = realloc(out->p, out->cap)) != NULL);
	}
	if (n > 0)
		memcpy(out->p + out->n, s, n);
	out->n += n;
}

static void
puts_to(struct print *out, const char *s)
{
	put(out, s, strlen(s));
}

static void
put_value(struct print *out, const struct expr_value *v, bool pattern)
{
	char time[CLOCK_LENGTH];
	const char *quote = pattern && out->text[v->pos - 1] == '\'' ? "'" : "\"";

	switch (v->type) {
	case FIELD_NULL: puts_to(out, "null"); return;
	case FIELD_TRUE: puts_to(out, "true"); return;
	case FIELD_FALSE: puts_to(out, "false"); return;
	case FIELD_NUMBER: put(out, v->text, v->n); return;
	case FIELD_ABSENT:
		clock_format(time, v->instant);
		puts_to(out, "t'");
		put(out, time, sizeof time);
		puts_to(out, "'");
		return;
	default: FUZZ_CLAIM(v->type == FIELD_STRING);
	}
	puts_to(out, quote);
	for (size_t i = 0; i < v->n; i++) {
		if (!pattern && v->text[i] == '\0') {
			puts_to(out, "\\u0000");
			continue;
		}
		if (!pattern && (v->text[i] == '"' || v->text[i] == '\\'))
			puts_to(out, "\\");
		put(out, &v->text[i], 1);
	}
	puts_to(out, quote);
}

static void
put_test(struct print *out, const struct expr_node *node)
{
	static const char *const operators[] = { [EXPR_EQUAL] = " in (",
		[EXPR_LESS] = " < ",
		[EXPR_LESS_EQUAL] = " <= ",
		[EXPR_GREATER] = " > ",
		[EXPR_GREATER_EQUAL] = " >= ",
		[EXPR_REGEX] = " =~ " };

	if (node->kind == EXPR_EXISTS)
		puts_to(out, "exists ");
	puts_to(out, "`");
	put(out, node->path, node->npath);
	puts_to(out, "`");
	if (node->kind == EXPR_EXISTS)
		return;
	puts_to(out, operators[node->kind]);
	for (size_t i = 0; i < node->nvalue; i++) {
		if (i > 0)
			puts_to(out, ", ");
		put_value(out, &node->value[i], node->kind == EXPR_REGEX);
	}
	if (node->kind == EXPR_EQUAL)
		puts_to(out, ")");
}

/* Recursion is as deep as parentheses were, and negations in a row are two at most. */
static void
put_node(struct print *out, const struct expr_node *node)
{
	const char *between = node->kind == EXPR_AND ? " and " : " or ";

	if (node->kind > EXPR_NOT) {
		put_test(out, node);
		return;
	}
	puts_to(out, node->kind == EXPR_NOT ? "not (" : "(");
	for (const struct expr_node *child = node->child; child != NULL; child = child->next) {
		put_node(out, child);
		if (child->next != NULL)
			puts_to(out, between);
	}
	puts_to(out, ")");
}

static char *
print(const struct expr *e, const char *text)
{
	struct print out = { .text = text };

	put_node(&out, expr_root(e));
	put(&out, "", 1);
	return out.p;
}

/* Every node has a number of its own, and positions lie within the text. */
static void
check_tree(const struct expr *e, const struct expr_node *node, size_t length, uint8_t *seen)
{
	FUZZ_CLAIM(node->id < expr_nodes(e) && seen[node->id]++ == 0);
	for (size_t i = 0; i < node->nvalue; i++)
		FUZZ_CLAIM(node->value[i].pos <= length);
	for (const struct expr_node *child = node->child; child != NULL; child = child->next)
		check_tree(e, child, length, seen);
}

/* 1, 0, or why there is no answer. */
static int
ask(const struct expr *e, const char *line, size_t n)
{
	const struct match_query q = { .where = e };
	struct match_facts facts;
	struct match *m;
	auditq_error err = { 0 };
	int r = match_new(&m, &q, &schema_default, &err);

	if (r < 0) {
		FUZZ_CLAIM(r == AUDITQ_EREGEX && err.code == r);
		return r;
	}
	r = match_line(m, line, n, &facts, &err);
	FUZZ_CLAIM(r == 0 || r == 1 || r == AUDITQ_EJSON || (r == err.code && r < 0));
	match_free(m);
	return r;
}

static void
check_again(const struct expr *e, const char *text, const char *line, size_t n)
{
	char *printed = print(e, text), *again;
	auditq_error err;
	struct expr *other;

	/* A parenthesis more than there were, or quotes where a name had none. */
	if (expr_parse(&other, printed, NULL, &err) < 0) {
		FUZZ_CLAIM(strstr(err.text, "nested too deeply") != NULL ||
		    strlen(printed) > EXPR_TEXT_MAX);
		free(printed);
		return;
	}
	again = print(other, printed);
	FUZZ_CLAIM(strcmp(printed, again) == 0);
	FUZZ_CLAIM(ask(e, line, n) == ask(other, line, n));
	expr_free(other);
	free(again);
	free(printed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	size_t length = strlen(text), n = length < size ? size - length - 1 : 0;
	char *line = fuzz_copy(data + size - n, n);
	struct expr *e = NULL;
	auditq_error err;
	uint8_t *seen;
	int r = expr_parse(&e, text, NULL, &err);

	FUZZ_CLAIM((r == 0) == (e != NULL));
	if (r < 0) {
		FUZZ_CLAIM(r == AUDITQ_EINVAL && err.code == r && err.text[0] != '\0');
		FUZZ_CLAIM(err.offset <= length);
	} else {
		FUZZ_CLAIM((seen = calloc(expr_nodes(e), 1)) != NULL);
		check_tree(e, expr_root(e), length, seen);
		free(seen);
		check_again(e, text, line, n);
		expr_free(e);
	}
	free(line);
	free(text);
	return 0;
}
