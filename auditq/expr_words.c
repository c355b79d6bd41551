#include "expr_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nearest.h"

static const char *const keywords[] = { "and", "or", "not", "in", "exists", "true", "false",
	"null" };

void *
expr_fail(struct expr_parser *p, size_t pos, const char *fmt, ...)
{
	char text[sizeof p->err->text];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	qerror_set_at(p->err, AUDITQ_EINVAL, NULL, pos, "%s", text);
	return NULL;
}

void *
expr_fail_at_word(struct expr_parser *p, const char *word, size_t n, const char *text,
    const char *const *words)
{
	struct nearest near;

	nearest_init(&near, word, n);
	for (; *words != NULL; words++)
		nearest_offer(&near, *words, strlen(*words));
	if (near.name[0] == '\0')
		return expr_fail(p, p->at, "%s", text);
	return expr_fail(p, p->at, "%s; did you mean '%s'?", text, near.name);
}

bool
expr_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr("_@$.-", c) != NULL);
}

void
expr_skip_space(struct expr_parser *p)
{
	while (p->at < p->n && strchr(" \t\r\n", p->text[p->at]) != NULL)
		p->at++;
}

size_t
expr_peek_word(struct expr_parser *p)
{
	size_t end;

	expr_skip_space(p);
	if (p->at < p->n && p->text[p->at] == '-')
		return 0;
	for (end = p->at; end < p->n && expr_is_word(p->text[end]); end++)
		;
	return end - p->at;
}

int
expr_shown(size_t n)
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

bool
expr_accept_word(struct expr_parser *p, const char *word)
{
	size_t n = expr_peek_word(p);

	if (!equal_fold(p->text + p->at, n, word))
		return false;
	p->at += n;
	return true;
}

bool
expr_accept(struct expr_parser *p, const char *symbol)
{
	size_t n = strlen(symbol);

	expr_skip_space(p);
	if (p->n - p->at < n || memcmp(p->text + p->at, symbol, n) != 0)
		return false;
	p->at += n;
	return true;
}

bool
expr_is_keyword(const char *s, size_t n)
{
	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
		if (equal_fold(s, n, keywords[i]))
			return true;
	return false;
}

bool
expr_is_quote(const struct expr_parser *p, size_t at)
{
	return at < p->n && (p->text[at] == '"' || p->text[at] == '\'');
}
