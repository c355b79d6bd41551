#include "expr.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct expr {
	struct expr_node
	    *node; /* room for all that the text can hold, so that none ever moves */
	struct expr_value *value;
	char *text; /* decoded strings and paths */
	size_t nnode, nvalue, ntext;
	struct expr_node *root;
};

struct parser {
	const char *text;
	size_t at, n;
	int depth;
	struct expr *e;
	auditq_error *err;
};

/* Operators; one that starts another comes behind it. */
static const struct operator
{
	const char *text;
	enum expr_kind kind;
	bool negated;
}
operators[] = {
	{ "==", EXPR_EQUAL, false },
	{ "=~", EXPR_REGEX, false },
	{ "=", EXPR_EQUAL, false },
	{ "!=", EXPR_EQUAL, true },
	{ "!~", EXPR_REGEX, true },
	{ "<=", EXPR_LESS_EQUAL, false },
	{ "<", EXPR_LESS, false },
	{ ">=", EXPR_GREATER_EQUAL, false },
	{ ">", EXPR_GREATER, false },
};

static const char *const keywords[] = { "and", "or", "not", "in", "exists", "true", "false",
	"null" };

static struct expr_node *parse_or(struct parser *p);

/* ---- words and symbols ----------------------------------------------------------------- */

static void *fail(struct parser *p, size_t pos, const char *fmt, ...) ALOG_PRINTF_(3, 4);

/* Returns NULL, for the functions that give a node. */
static void *
fail(struct parser *p, size_t pos, const char *fmt, ...)
{
	char text[sizeof p->err->text];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	qerror_set_at(p->err, AUDITQ_EINVAL, NULL, pos, "%s", text);
	return NULL;
}

bool
expr_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr("_@$.-", c) != NULL);
}

static void
skip_space(struct parser *p)
{
	while (p->at < p->n && strchr(" \t\r\n", p->text[p->at]) != NULL)
		p->at++;
}

/* The length of the word at hand; 0 when there is none. */
static size_t
peek_word(struct parser *p)
{
	size_t end;

	skip_space(p);
	if (p->at < p->n && p->text[p->at] == '-')
		return 0;
	for (end = p->at; end < p->n && expr_is_word(p->text[end]); end++)
		;
	return end - p->at;
}

/* A word in an error's text. */
static int
shown(size_t n)
{
	return n < 40 ? (int)n : 40;
}

static bool
equal_fold(const char *s, size_t n, const char *lower)
{
	if (strlen(lower) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((s[i] | 0x20) != lower[i])
			return false;
	return true;
}

static bool
accept_word(struct parser *p, const char *word)
{
	size_t n = peek_word(p);

	if (!equal_fold(p->text + p->at, n, word))
		return false;
	p->at += n;
	return true;
}

static bool
accept(struct parser *p, const char *symbol)
{
	size_t n = strlen(symbol);

	skip_space(p);
	if (p->n - p->at < n || memcmp(p->text + p->at, symbol, n) != 0)
		return false;
	p->at += n;
	return true;
}

/* ---- nodes ----------------------------------------------------------------------------- */

static struct expr_node *
new_node(struct parser *p, enum expr_kind kind)
{
	struct expr_node *node = &p->e->node[p->e->nnode];

	node->kind = kind;
	node->id = (uint32_t)p->e->nnode++;
	return node;
}

static struct expr_node *
negate(struct parser *p, struct expr_node *operand, bool negated)
{
	struct expr_node *node;

	if (operand == NULL || !negated)
		return operand;
	node = new_node(p, EXPR_NOT);
	node->child = operand;
	return node;
}

/* ---- literals -------------------------------------------------------------------------- */

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Behind a backslash; steps over the rest of the escape. */
static bool
skip_escape(struct parser *p)
{
	char c = p->at < p->n ? p->text[p->at] : '\0';

	if (c == '\0' || strchr("\"'\\/bfnrtu", c) == NULL)
		return false;
	p->at++;
	for (int i = 0; c == 'u' && i < 4; i++, p->at++)
		if (p->at == p->n || !is_hex(p->text[p->at]))
			return false;
	return true;
}

/* At a quote.  Copies what is in the quotes: decoded, or as it stands (pattern). */
static bool
parse_string(struct parser *p, bool pattern, struct expr_value *out)
{
	struct field raw = { .type = FIELD_STRING };
	size_t start = p->at;
	char quote = p->text[p->at++];

	out->type = FIELD_STRING;
	out->pos = p->at;
	while (p->at < p->n && p->text[p->at] != quote) {
		if (p->text[p->at++] != '\\')
			continue;
		raw.escaped = !pattern;
		if (p->at == p->n)
			break;
		if (pattern)
			p->at++;
		else if (!skip_escape(p)) {
			fail(p, p->at, "invalid escape in a string");
			return false;
		}
	}
	if (p->at == p->n) {
		fail(p, start, "string does not end");
		return false;
	}
	raw.p = p->text + out->pos;
	raw.n = p->at++ - out->pos;
	out->text = p->e->text + p->e->ntext;
	out->n = field_decode(&raw, p->e->text + p->e->ntext, raw.n);
	p->e->ntext += out->n;
	return true;
}

/* -?(0|[1-9]digits)(.digits)?([eE][+-]?digits)? */
static size_t
number_length(const char *s)
{
	static const char digits[] = "0123456789";
	size_t n = *s == '-', some = strspn(s + n, digits);

	if (some == 0 || (s[n] == '0' && some > 1))
		return 0;
	n += some;
	if (s[n] == '.') {
		if ((some = strspn(s + n + 1, digits)) == 0)
			return 0;
		n += 1 + some;
	}
	if ((s[n] | 0x20) == 'e') {
		n++;
		n += s[n] == '+' || s[n] == '-';
		if ((some = strspn(s + n, digits)) == 0)
			return 0;
		n += some;
	}
	return expr_is_word(s[n]) ? 0 : n;
}

static bool
parse_number(struct parser *p, struct expr_value *out)
{
	size_t n = number_length(p->text + p->at);

	if (n == 0)
		return false;
	out->type = FIELD_NUMBER;
	out->text = p->e->text + p->e->ntext;
	out->n = n;
	memcpy(p->e->text + p->e->ntext, p->text + p->at, n);
	p->e->ntext += n;
	p->at += n;
	return true;
}

static bool
parse_literal(struct parser *p, const char *after, struct expr_value *out)
{
	size_t n = peek_word(p);

	*out = (struct expr_value){ .pos = p->at };
	if (p->at < p->n && (p->text[p->at] == '"' || p->text[p->at] == '\''))
		return parse_string(p, false, out);
	if (accept_word(p, "true"))
		out->type = FIELD_TRUE;
	else if (accept_word(p, "false"))
		out->type = FIELD_FALSE;
	else if (accept_word(p, "null"))
		out->type = FIELD_NULL;
	if (out->type != FIELD_ABSENT || parse_number(p, out))
		return true;
	if (n > 0)
		fail(p, p->at, "%.*s is no value: a string stands in quotes", shown(n),
		    p->text + p->at);
	else
		fail(p, p->at, "expected a value after '%s'", after);
	return false;
}

/* ---- tests ----------------------------------------------------------------------------- */

static bool
is_keyword(const char *s, size_t n)
{
	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
		if (equal_fold(s, n, keywords[i]))
			return true;
	return false;
}

static void
keep_path(struct parser *p, struct expr_node *node, size_t start, size_t n)
{
	node->path = memcpy(p->e->text + p->e->ntext, p->text + start, n);
	node->npath = n;
	p->e->ntext += n;
}

static struct expr_node *
parse_path(struct parser *p, struct expr_node *node)
{
	size_t n = peek_word(p), start = p->at;
	const char *end;

	if (start == p->n)
		return fail(p, start, "expected a field, but here is the end");
	if (p->text[start] == '`') {
		end = memchr(p->text + start + 1, '`', p->n - start - 1);
		if (end == NULL)
			return fail(p, start, "field in backticks does not end");
		p->at = (size_t)(end - p->text) + 1;
		keep_path(p, node, start + 1, p->at - start - 2);
		return node;
	}
	if (n == 0)
		return fail(p, start, "expected a field");
	if (is_keyword(p->text + start, n))
		return fail(p, start, "expected a field; if '%.*s' is one, write `%.*s`",
		    shown(n), p->text + start, shown(n), p->text + start);
	p->at += n;
	keep_path(p, node, start, n);
	return node;
}

static struct expr_node *
parse_list(struct parser *p, struct expr_node *node)
{
	const char *after = "(";

	node->kind = EXPR_EQUAL;
	node->value = p->e->value + p->e->nvalue;
	if (!accept(p, "("))
		return fail(p, p->at, "expected '(' after 'in'");
	do {
		if (!parse_literal(p, after, &p->e->value[p->e->nvalue]))
			return NULL;
		p->e->nvalue++;
		node->nvalue++;
		after = ",";
	} while (accept(p, ","));
	if (!accept(p, ")"))
		return fail(p, p->at, "expected ',' or ')'");
	return node;
}

static struct expr_node *
parse_operand(struct parser *p, struct expr_node *node, const struct operator* op)
{
	struct expr_value *value = &p->e->value[p->e->nvalue];

	node->kind = op->kind;
	node->value = value;
	node->nvalue = 1;
	p->e->nvalue++;
	skip_space(p);
	if (op->kind == EXPR_REGEX) {
		if (p->at == p->n || (p->text[p->at] != '"' && p->text[p->at] != '\''))
			return fail(
			    p, p->at, "expected a pattern in quotes after '%s'", op->text);
		return parse_string(p, true, value) ? node : NULL;
	}
	if (!parse_literal(p, op->text, value))
		return NULL;
	if (op->kind != EXPR_EQUAL && value->type != FIELD_NUMBER &&
	    value->type != FIELD_STRING)
		return fail(p, value->pos, "'%s' needs a number or a string", op->text);
	return node;
}

static struct expr_node *
parse_exists(struct parser *p, struct expr_node *node)
{
	bool open = accept(p, "(");

	if (parse_path(p, node) == NULL)
		return NULL;
	if (open && !accept(p, ")"))
		return fail(p, p->at, "expected ')'");
	return node;
}

static struct expr_node *
parse_test(struct parser *p)
{
	struct expr_node *node = new_node(p, EXPR_EXISTS);
	bool negated;

	if (accept_word(p, "exists"))
		return parse_exists(p, node);
	if (parse_path(p, node) == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
		if (accept(p, operators[i].text))
			return negate(
			    p, parse_operand(p, node, &operators[i]), operators[i].negated);
	negated = accept_word(p, "not");
	if (accept_word(p, "in"))
		return negate(p, parse_list(p, node), negated);
	if (accept_word(p, "exists"))
		return negate(p, node, negated);
	if (negated)
		return fail(p, p->at, "expected 'in' or 'exists' after 'not'");
	return fail(
	    p, p->at, "expected a comparison after '%.*s'", shown(node->npath), node->path);
}

/* ---- operators ------------------------------------------------------------------------- */

static struct expr_node *
parse_unary(struct parser *p)
{
	struct expr_node *node;
	bool negated = false;

	while (accept_word(p, "not") || accept(p, "!"))
		negated = !negated;
	if (!accept(p, "("))
		return negate(p, parse_test(p), negated);
	if (p->depth == EXPR_DEPTH)
		return fail(p, p->at - 1, "parentheses are nested too deeply");
	p->depth++;
	if ((node = parse_or(p)) == NULL)
		return NULL;
	p->depth--;
	if (!accept(p, ")"))
		return fail(p, p->at, "expected 'and', 'or' or ')'");
	return negate(p, node, negated);
}

/* Operands of one kind with a word or a symbol between them; one operand stays what it is. */
static struct expr_node *
parse_chain(struct parser *p, enum expr_kind kind, const char *word, const char *symbol,
    struct expr_node *(*operand)(struct parser *p))
{
	struct expr_node *first = operand(p), *last = first, *node;

	if (first == NULL)
		return NULL;
	while (accept_word(p, word) || accept(p, symbol)) {
		if ((node = operand(p)) == NULL)
			return NULL;
		last->next = node;
		last = node;
	}
	if (last == first)
		return first;
	node = new_node(p, kind);
	node->child = first;
	return node;
}

static struct expr_node *
parse_and(struct parser *p)
{
	return parse_chain(p, EXPR_AND, "and", "&&", parse_unary);
}

static struct expr_node *
parse_or(struct parser *p)
{
	return parse_chain(p, EXPR_OR, "or", "||", parse_and);
}

/* ---- the whole ------------------------------------------------------------------------- */

static struct expr *
new_expr(size_t n)
{
	struct expr *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	/* A test takes three bytes and a value two; each other node has an operator of its own. */
	e->node = calloc(n + 1, sizeof *e->node);
	e->value = calloc(n + 1, sizeof *e->value);
	e->text = malloc(n + 1);
	if (e->node == NULL || e->value == NULL || e->text == NULL) {
		expr_free(e);
		return NULL;
	}
	return e;
}

int
expr_parse(struct expr **ret, const char *text, auditq_error *err)
{
	struct parser p = { .text = text, .n = strlen(text), .err = err };

	qerror_reset(err);
	if (p.n > EXPR_TEXT_MAX)
		return qerror_set_at(err, AUDITQ_EINVAL, NULL, EXPR_TEXT_MAX,
		    "expression is longer than %d bytes", EXPR_TEXT_MAX);
	if ((p.e = new_expr(p.n)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, 0, NULL, "expression");
	p.e->root = parse_or(&p);
	skip_space(&p);
	if (p.e->root != NULL && p.at < p.n)
		p.e->root = fail(&p, p.at, "expected 'and' or 'or'");
	if (p.e->root == NULL) {
		expr_free(p.e);
		return AUDITQ_EINVAL;
	}
	*ret = p.e;
	return 0;
}

void
expr_free(struct expr *e)
{
	if (e == NULL)
		return;
	free(e->node);
	free(e->value);
	free(e->text);
	free(e);
}

const struct expr_node *
expr_root(const struct expr *e)
{
	return e->root;
}

size_t
expr_nodes(const struct expr *e)
{
	return e->nnode;
}
