#include "expr_inside.h"

#include <stdio.h>
#include <string.h>

#include "nearest.h"

/* One that starts another comes behind it. */
static const struct comparison {
	const char *text;
	enum expr_kind kind;
	bool negated;
} comparisons[] = {
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

static const char *const joining[] = { "and", "or", NULL };

static struct expr_node *parse_or(struct expr_parser *p);

/* ---- nodes ----------------------------------------------------------------------------- */

static struct expr_node *
new_node(struct expr_parser *p, enum expr_kind kind)
{
	struct expr_node *node = &p->e->node[p->e->nnode];

	node->kind = kind;
	node->id = (uint32_t)p->e->nnode++;
	return node;
}

static struct expr_node *
negate(struct expr_parser *p, struct expr_node *operand, bool negated)
{
	struct expr_node *node;

	if (operand == NULL || !negated)
		return operand;
	node = new_node(p, EXPR_NOT);
	node->child = operand;
	return node;
}

/* ---- tests ----------------------------------------------------------------------------- */

static void
keep_path(struct expr_parser *p, struct expr_node *node, size_t start, size_t n)
{
	node->path = memcpy(p->e->text + p->e->ntext, p->text + start, n);
	node->npath = n;
	p->e->ntext += n;
}

static struct expr_node *
parse_path(struct expr_parser *p, struct expr_node *node)
{
	size_t n = expr_peek_word(p), start = p->at;
	const char *end;

	if (start == p->n)
		return expr_fail(p, start, "expected a field, but here is the end");
	if (p->text[start] == '`') {
		end = memchr(p->text + start + 1, '`', p->n - start - 1);
		if (end == NULL)
			return expr_fail(p, start, "field in backticks does not end");
		p->at = (size_t)(end - p->text) + 1;
		keep_path(p, node, start + 1, p->at - start - 2);
		return node;
	}
	if (n == 0)
		return expr_fail(p, start, "expected a field");
	if (expr_is_keyword(p->text + start, n))
		return expr_fail(p, start, "expected a field; if '%.*s' is one, write `%.*s`",
		    expr_shown(n), p->text + start, expr_shown(n), p->text + start);
	p->at += n;
	keep_path(p, node, start, n);
	return node;
}

static struct expr_node *
parse_operand(struct expr_parser *p, struct expr_node *node, const struct comparison *op)
{
	struct expr_value *value = &p->e->value[p->e->nvalue];

	node->kind = op->kind;
	node->value = value;
	node->nvalue = 1;
	p->e->nvalue++;
	expr_skip_space(p);
	if (op->kind == EXPR_REGEX) {
		if (!expr_is_quote(p, p->at))
			return expr_fail(
			    p, p->at, "expected a pattern in quotes after '%s'", op->text);
		return expr_parse_string(p, true, value) ? node : NULL;
	}
	if (!expr_parse_literal(p, op->text, value))
		return NULL;
	if (op->kind != EXPR_EQUAL &&
	    (value->type == FIELD_NULL || value->type == FIELD_FALSE ||
		value->type == FIELD_TRUE))
		return expr_fail(
		    p, value->pos, "'%s' needs a number, a string or a time", op->text);
	return node;
}

static struct expr_node *
parse_exists(struct expr_parser *p, struct expr_node *node)
{
	bool open = expr_accept(p, "(");

	if (parse_path(p, node) == NULL)
		return NULL;
	if (open && !expr_accept(p, ")"))
		return expr_fail(p, p->at, "expected ')'");
	return node;
}

/* A word of the language may have been meant by the one at hand, or by that which was taken for a path. */
static void *
no_comparison(struct expr_parser *p, const struct expr_node *node)
{
	static const char *const after[] = { "exists", "in", "not", NULL };
	static const char *const before[] = { "exists", "not", NULL };
	const size_t n = expr_peek_word(p);
	struct nearest near;
	char text[80];

	(void)snprintf(text, sizeof text, "expected a comparison after '%.*s'",
	    expr_shown(node->npath), node->path);
	nearest_init(&near, node->path, node->npath);
	for (size_t i = 0; before[i] != NULL; i++)
		nearest_offer(&near, before[i], strlen(before[i]));
	if (n > 0 && near.name[0] != '\0')
		return expr_fail(p, p->at, "%s; did you mean '%s'?", text, near.name);
	return expr_fail_at_word(p, p->text + p->at, n, text, after);
}

static struct expr_node *
parse_test(struct expr_parser *p)
{
	struct expr_node *node = new_node(p, EXPR_EXISTS);
	bool negated;

	if (expr_accept_word(p, "exists"))
		return parse_exists(p, node);
	if (parse_path(p, node) == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof comparisons / sizeof comparisons[0]; i++)
		if (expr_accept(p, comparisons[i].text))
			return negate(
			    p, parse_operand(p, node, &comparisons[i]), comparisons[i].negated);
	negated = expr_accept_word(p, "not");
	if (expr_accept_word(p, "in"))
		return negate(p, expr_parse_list(p, node), negated);
	if (expr_accept_word(p, "exists"))
		return negate(p, node, negated);
	if (negated)
		return expr_fail(p, p->at, "expected 'in' or 'exists' after 'not'");
	return no_comparison(p, node);
}

/* ---- operators ------------------------------------------------------------------------- */

static struct expr_node *
parse_unary(struct expr_parser *p)
{
	struct expr_node *node;
	bool negated = false;

	while (expr_accept_word(p, "not") || expr_accept(p, "!"))
		negated = !negated;
	if (!expr_accept(p, "("))
		return negate(p, parse_test(p), negated);
	if (p->depth == EXPR_DEPTH)
		return expr_fail(p, p->at - 1, "parentheses are nested too deeply");
	p->depth++;
	if ((node = parse_or(p)) == NULL)
		return NULL;
	p->depth--;
	if (!expr_accept(p, ")"))
		return expr_fail(p, p->at, "expected 'and', 'or' or ')'");
	return negate(p, node, negated);
}

/* Operands of one kind with a word or a symbol between them; one operand stays what it is. */
static struct expr_node *
parse_chain(struct expr_parser *p, enum expr_kind kind, const char *word, const char *symbol,
    struct expr_node *(*operand)(struct expr_parser *p))
{
	struct expr_node *first = operand(p), *last = first, *node;

	if (first == NULL)
		return NULL;
	while (expr_accept_word(p, word) || expr_accept(p, symbol)) {
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
parse_and(struct expr_parser *p)
{
	return parse_chain(p, EXPR_AND, "and", "&&", parse_unary);
}

static struct expr_node *
parse_or(struct expr_parser *p)
{
	return parse_chain(p, EXPR_OR, "or", "||", parse_and);
}

/* ---- the whole ------------------------------------------------------------------------- */

int
expr_parse(struct expr **ret, const char *text, const struct expr_env *env, auditq_error *err)
{
	struct expr_parser p = {
		.text = text, .n = strlen(text), .code = AUDITQ_EINVAL, .env = env, .err = err
	};

	qerror_reset(err);
	if (p.n > EXPR_TEXT_MAX)
		return qerror_set_at(err, AUDITQ_EINVAL, NULL, EXPR_TEXT_MAX,
		    "expression is longer than %d bytes", EXPR_TEXT_MAX);
	if ((p.e = expr_new(p.n)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, 0, NULL, "expression");
	p.e->root = parse_or(&p);
	expr_skip_space(&p);
	if (p.e->root != NULL && p.at < p.n)
		p.e->root = expr_fail_at_word(
		    &p, p.text + p.at, expr_peek_word(&p), "expected 'and' or 'or'", joining);
	if (p.e->root == NULL) {
		expr_free(p.e);
		return p.code == AUDITQ_ENOMEM ? AUDITQ_ENOMEM : AUDITQ_EINVAL;
	}
	p.e->nall = p.e->nnode;
	*ret = p.e;
	return 0;
}
