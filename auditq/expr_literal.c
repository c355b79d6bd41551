#include "expr_inside.h"

#include <stdio.h>
#include <string.h>

#include "timespec.h"

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Behind a backslash; steps over the rest of the escape. */
static bool
skip_escape(struct expr_parser *p)
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

bool
expr_parse_string(struct expr_parser *p, bool pattern, struct expr_value *out)
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
			expr_fail(p, p->at, "invalid escape in a string");
			return false;
		}
	}
	if (p->at == p->n) {
		expr_fail(p, start, "string does not end");
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

size_t
expr_number_length(const char *s, size_t n)
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
parse_number(struct expr_parser *p, struct expr_value *out)
{
	size_t n = expr_number_length(p->text + p->at, p->n - p->at);

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
spec_length(const struct expr_parser *p, const char *symbols)
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
parse_duration(struct expr_parser *p, struct expr_value *out)
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
parse_instant(struct expr_parser *p, size_t n, struct expr_value *out)
{
	char spec[96];
	const char *why;
	size_t pos;

	if (n >= sizeof spec) {
		expr_fail(p, p->at, "no time is as long");
		return false;
	}
	memcpy(spec, p->text + p->at, n);
	spec[n] = '\0';
	if (timespec_parse(spec, p->env != NULL ? p->env->now : 0,
		p->env != NULL ? p->env->zone : NULL, &out->instant, &pos, &why) < 0) {
		expr_fail(p, p->at + pos, "time: %s", why);
		return false;
	}
	p->at += n;
	return true;
}

/* Behind "t". */
static bool
parse_quoted_time(struct expr_parser *p, struct expr_value *out)
{
	const size_t start = p->at;
	const char *end = memchr(p->text + start + 1, p->text[start], p->n - start - 1);

	if (end == NULL) {
		expr_fail(p, start, "time does not end");
		return false;
	}
	out->pos = ++p->at;
	if (!parse_instant(p, (size_t)(end - p->text) - p->at, out))
		return false;
	p->at++;
	return true;
}
static bool
is_date(const struct expr_parser *p)
{
	for (size_t i = 0; i < 4; i++)
		if (p->at + i >= p->n || !is_digit(p->text[p->at + i]))
			return false;
	return p->at + 4 < p->n && p->text[p->at + 4] == '-';
}

bool
expr_parse_literal(struct expr_parser *p, const char *after, struct expr_value *out)
{
	size_t n = expr_peek_word(p);

	*out = (struct expr_value){ .pos = p->at };
	if (expr_is_quote(p, p->at))
		return expr_parse_string(p, false, out);
	if (p->at < p->n && p->text[p->at] == 't' && expr_is_quote(p, p->at + 1)) {
		p->at++;
		return parse_quoted_time(p, out);
	}
	if (is_date(p))
		return parse_instant(p, spec_length(p, ":.+-"), out);
	if (expr_accept_word(p, "true"))
		out->type = FIELD_TRUE;
	else if (expr_accept_word(p, "false"))
		out->type = FIELD_FALSE;
	else if (expr_accept_word(p, "null"))
		out->type = FIELD_NULL;
	if (out->type != FIELD_ABSENT || parse_number(p, out) || parse_duration(p, out))
		return true;
	if (n > 0 && is_digit(p->text[p->at]) && !is_digit(p->text[p->at + n - 1]) &&
	    p->text[p->at + n - 1] != '.')
		expr_fail(p, p->at, "%.*s is no value: units are w, d, h, m, s, ms, us and ns",
		    expr_shown(n), p->text + p->at);
	else if (n > 0)
		expr_fail(p, p->at, "%.*s is no value: a string stands in quotes",
		    expr_shown(n), p->text + p->at);
	else
		expr_fail(p, p->at, "expected a value after '%s'", after);
	return false;
}
