#include "expr_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"
#include "timespec.h"

struct parser {
	const char *text;
	size_t at, n;
	int depth;
	int code; /* AUDITQ_ENOMEM, if that is why there is no tree */
	const struct expr_env *env;
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

static const char *const joining[] = { "and", "or", NULL };

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

/* The same, and which word was meant by one (n bytes), if it is near any of these; the last is NULL. */
static void *
fail_at_word(
    struct parser *p, const char *word, size_t n, const char *text, const char *const *words)
{
	struct nearest near;

	nearest_init(&near, word, n);
	for (; *words != NULL; words++)
		nearest_offer(&near, *words, strlen(*words));
	if (near.name[0] == '\0')
		return fail(p, p->at, "%s", text);
	return fail(p, p->at, "%s; did you mean '%s'?", text, near.name);
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

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t
digits(const char *s, size_t n)
{
	size_t some = 0;

	while (some < n && is_digit(s[some]))
		some++;
	return some;
}

/* -?(0|[1-9]digits)(.digits)?([eE][+-]?digits)? at the start of s[0..n); 0: there is none. */
static size_t
number_length(const char *s, size_t n)
{
	size_t at = n > 0 && *s == '-', some = digits(s + at, n - at);

	if (some == 0 || (s[at] == '0' && some > 1))
		return 0;
	at += some;
	if (at < n && s[at] == '.') {
		if ((some = digits(s + at + 1, n - at - 1)) == 0)
			return 0;
		at += 1 + some;
	}
	if (at < n && (s[at] | 0x20) == 'e') {
		at++;
		at += at < n && (s[at] == '+' || s[at] == '-');
		if ((some = digits(s + at, n - at)) == 0)
			return 0;
		at += some;
	}
	return at < n && expr_is_word(s[at]) ? 0 : at;
}

static bool
parse_number(struct parser *p, struct expr_value *out)
{
	size_t n = number_length(p->text + p->at, p->n - p->at);

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

/* The length of digits, letters and what stands between them in times; symbols: between digits. */
static size_t
spec_length(const struct parser *p, const char *symbols)
{
	size_t n = 0;

	while (p->at + n < p->n) {
		const char c = p->text[p->at + n];

		if (!(is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
			strchr(symbols, c) != NULL))
			break;
		n++;
	}
	return n;
}

/* [-]1.5s, 2h30m: a number of milliseconds.  False, and nothing is said: it is none. */
static bool
parse_duration(struct parser *p, struct expr_value *out)
{
	const bool negative = p->text[p->at] == '-';
	const size_t start = p->at;
	char spec[EXPR_DURATION_ROOM * 2], *text = p->e->text + p->e->ntext;
	int64_t ns;
	size_t n;

	p->at += negative;
	n = spec_length(p, ".");
	if (n >= sizeof spec || expr_is_word(p->text[p->at + n])) {
		p->at = start;
		return false;
	}
	memcpy(spec, p->text + p->at, n);
	spec[n] = '\0';
	if (timespec_duration(spec, &ns, NULL, NULL) < 0) {
		p->at = start;
		return false;
	}
	p->at += n;
	ns = negative ? -ns : ns;
	out->type = FIELD_NUMBER;
	out->text = text;
	out->n = (size_t)(ns % 1000000 == 0
		? snprintf(text, EXPR_DURATION_ROOM, "%lld", (long long)(ns / 1000000))
		: snprintf(text, EXPR_DURATION_ROOM, "%llde-6", (long long)ns));
	p->e->ntext += out->n;
	return true;
}

/* The time in the next n bytes. */
static bool
parse_instant(struct parser *p, size_t n, struct expr_value *out)
{
	char spec[96];
	const char *why;
	size_t pos;

	if (n >= sizeof spec) {
		fail(p, p->at, "no time is as long");
		return false;
	}
	memcpy(spec, p->text + p->at, n);
	spec[n] = '\0';
	if (timespec_parse(spec, p->env != NULL ? p->env->now : 0,
		p->env != NULL ? p->env->zone : NULL, &out->instant, &pos, &why) < 0) {
		fail(p, p->at + pos, "time: %s", why);
		return false;
	}
	p->at += n;
	return true;
}

/* Behind "t". */
static bool
parse_quoted_time(struct parser *p, struct expr_value *out)
{
	const size_t start = p->at;
	const char *end = memchr(p->text + start + 1, p->text[start], p->n - start - 1);

	if (end == NULL) {
		fail(p, start, "time does not end");
		return false;
	}
	out->pos = ++p->at;
	if (!parse_instant(p, (size_t)(end - p->text) - p->at, out))
		return false;
	p->at++;
	return true;
}

static bool
is_quote(const struct parser *p, size_t at)
{
	return at < p->n && (p->text[at] == '"' || p->text[at] == '\'');
}

static bool
is_date(const struct parser *p)
{
	for (size_t i = 0; i < 4; i++)
		if (p->at + i >= p->n || !is_digit(p->text[p->at + i]))
			return false;
	return p->at + 4 < p->n && p->text[p->at + 4] == '-';
}

static bool
parse_literal(struct parser *p, const char *after, struct expr_value *out)
{
	size_t n = peek_word(p);

	*out = (struct expr_value){ .pos = p->at };
	if (is_quote(p, p->at))
		return parse_string(p, false, out);
	if (p->at < p->n && p->text[p->at] == 't' && is_quote(p, p->at + 1)) {
		p->at++;
		return parse_quoted_time(p, out);
	}
	if (is_date(p))
		return parse_instant(p, spec_length(p, ":.+-"), out);
	if (accept_word(p, "true"))
		out->type = FIELD_TRUE;
	else if (accept_word(p, "false"))
		out->type = FIELD_FALSE;
	else if (accept_word(p, "null"))
		out->type = FIELD_NULL;
	if (out->type != FIELD_ABSENT || parse_number(p, out) || parse_duration(p, out))
		return true;
	if (n > 0 && is_digit(p->text[p->at]) && !is_digit(p->text[p->at + n - 1]) &&
	    p->text[p->at + n - 1] != '.')
		fail(p, p->at, "%.*s is no value: units are w, d, h, m, s, ms, us and ns",
		    shown(n), p->text + p->at);
	else if (n > 0)
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

/* A line is the string that it is, and perhaps a number. */
static size_t
count_values(struct value_file *f)
{
	const char *text;
	size_t n = 0, len;

	while (value_file_next(f, &text, &len))
		n += 2;
	return n;
}

static struct expr_list *
new_list(struct parser *p, const char *path)
{
	struct value_file file, again;
	auditq_error err = { 0 };
	struct expr_list *list = NULL;

	p->code = value_file_read(&file, path, &err);
	if (p->code == 0) {
		again = file;
		list = calloc(1, sizeof *list + count_values(&again) * sizeof list->value[0]);
		if (list == NULL) {
			p->code = AUDITQ_ENOMEM;
			value_file_release(&file);
		}
	}
	if (list != NULL) {
		list->file = file;
		list->next = p->e->list;
		p->e->list = list;
	} else if (p->code == AUDITQ_ENOMEM)
		(void)qerror_set(p->err, AUDITQ_ENOMEM, 0, NULL, "values of an expression");
	else
		fail(p, p->at, "%s", err.text);
	return list;
}

/* Behind "@": the name of a file, which ends with a NUL. */
static const char *
parse_file_name(struct parser *p)
{
	char *name = p->e->text + p->e->ntext;
	const size_t start = p->at;
	struct expr_value quoted;
	size_t n;

	if (is_quote(p, p->at)) {
		if (!parse_string(p, false, &quoted))
			return NULL;
		n = quoted.n;
	} else {
		for (n = 0;
		     p->at + n < p->n && strchr(" \t\r\n(),", p->text[p->at + n]) == NULL;)
			n++;
		memcpy(name, p->text + p->at, n);
		p->at += n;
		p->e->ntext += n;
	}
	if (n == 0 || memchr(name, '\0', n) != NULL)
		return fail(p, start, "expected the name of a file after '@'");
	p->e->text[p->e->ntext++] = '\0';
	return name;
}

static struct expr_node *
parse_file(struct parser *p, struct expr_node *node)
{
	const size_t start = p->at;
	const char *name = parse_file_name(p), *text;
	struct expr_list *list;
	size_t n;

	if (name == NULL)
		return NULL;
	if (p->env == NULL)
		return fail(p, start, "no file is read here");
	n = p->at;
	p->at = start;
	if ((list = new_list(p, name)) == NULL)
		return NULL;
	p->at = n;
	node->value = list->value;
	while (value_file_next(&list->file, &text, &n)) {
		struct expr_value value = { FIELD_STRING, text, n, 0, start };

		list->value[node->nvalue++] = value;
		value.type = FIELD_NUMBER;
		if (number_length(text, n) == n)
			list->value[node->nvalue++] = value;
	}
	expr_sort(list->value, node->nvalue);
	return node;
}

static struct expr_node *
parse_list(struct parser *p, struct expr_node *node)
{
	struct expr_value *first = p->e->value + p->e->nvalue;
	const char *after = "(";

	node->kind = EXPR_EQUAL;
	node->value = first;
	if (accept(p, "@"))
		return parse_file(p, node);
	if (!accept(p, "("))
		return fail(p, p->at, "expected '(' or '@' after 'in'");
	do {
		if (!parse_literal(p, after, &p->e->value[p->e->nvalue]))
			return NULL;
		p->e->nvalue++;
		node->nvalue++;
		after = ",";
	} while (accept(p, ","));
	if (!accept(p, ")"))
		return fail(p, p->at, "expected ',' or ')'");
	expr_sort(first, node->nvalue);
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
		if (!is_quote(p, p->at))
			return fail(
			    p, p->at, "expected a pattern in quotes after '%s'", op->text);
		return parse_string(p, true, value) ? node : NULL;
	}
	if (!parse_literal(p, op->text, value))
		return NULL;
	if (op->kind != EXPR_EQUAL &&
	    (value->type == FIELD_NULL || value->type == FIELD_FALSE ||
		value->type == FIELD_TRUE))
		return fail(p, value->pos, "'%s' needs a number, a string or a time", op->text);
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

/* A word of the language may have been meant by the one at hand, or by that which was taken for a path. */
static void *
no_comparison(struct parser *p, const struct expr_node *node)
{
	static const char *const after[] = { "exists", "in", "not", NULL };
	static const char *const before[] = { "exists", "not", NULL };
	const size_t n = peek_word(p);
	struct nearest near;
	char text[80];

	(void)snprintf(text, sizeof text, "expected a comparison after '%.*s'",
	    shown(node->npath), node->path);
	nearest_init(&near, node->path, node->npath);
	for (size_t i = 0; before[i] != NULL; i++)
		nearest_offer(&near, before[i], strlen(before[i]));
	if (n > 0 && near.name[0] != '\0')
		return fail(p, p->at, "%s; did you mean '%s'?", text, near.name);
	return fail_at_word(p, p->text + p->at, n, text, after);
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
	return no_comparison(p, node);
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

int
expr_parse(struct expr **ret, const char *text, const struct expr_env *env, auditq_error *err)
{
	struct parser p = {
		.text = text, .n = strlen(text), .code = AUDITQ_EINVAL, .env = env, .err = err
	};

	qerror_reset(err);
	if (p.n > EXPR_TEXT_MAX)
		return qerror_set_at(err, AUDITQ_EINVAL, NULL, EXPR_TEXT_MAX,
		    "expression is longer than %d bytes", EXPR_TEXT_MAX);
	if ((p.e = expr_new(p.n)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, 0, NULL, "expression");
	p.e->root = parse_or(&p);
	skip_space(&p);
	if (p.e->root != NULL && p.at < p.n)
		p.e->root = fail_at_word(
		    &p, p.text + p.at, peek_word(&p), "expected 'and' or 'or'", joining);
	if (p.e->root == NULL) {
		expr_free(p.e);
		return p.code == AUDITQ_ENOMEM ? AUDITQ_ENOMEM : AUDITQ_EINVAL;
	}
	p.e->nall = p.e->nnode;
	*ret = p.e;
	return 0;
}
