#include "expr_inside.h"

#include <stdlib.h>
#include <string.h>

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
new_list(struct expr_parser *p, const char *path)
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
		expr_fail(p, p->at, "%s", err.text);
	return list;
}

/* Behind "@": the name of a file, which ends with a NUL. */
static const char *
parse_file_name(struct expr_parser *p)
{
	char *name = p->e->text + p->e->ntext;
	const size_t start = p->at;
	struct expr_value quoted;
	size_t n;

	if (expr_is_quote(p, p->at)) {
		if (!expr_parse_string(p, false, &quoted))
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
		return expr_fail(p, start, "expected the name of a file after '@'");
	p->e->text[p->e->ntext++] = '\0';
	return name;
}

static struct expr_node *
parse_file(struct expr_parser *p, struct expr_node *node)
{
	const size_t start = p->at;
	const char *name = parse_file_name(p), *text;
	struct expr_list *list;
	size_t n;

	if (name == NULL)
		return NULL;
	if (p->env == NULL)
		return expr_fail(p, start, "no file is read here");
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
		if (expr_number_length(text, n) == n)
			list->value[node->nvalue++] = value;
	}
	expr_sort(list->value, node->nvalue);
	return node;
}

struct expr_node *
expr_parse_list(struct expr_parser *p, struct expr_node *node)
{
	struct expr_value *first = p->e->value + p->e->nvalue;
	const char *after = "(";

	node->kind = EXPR_EQUAL;
	node->value = first;
	if (expr_accept(p, "@"))
		return parse_file(p, node);
	if (!expr_accept(p, "("))
		return expr_fail(p, p->at, "expected '(' or '@' after 'in'");
	do {
		if (!expr_parse_literal(p, after, &p->e->value[p->e->nvalue]))
			return NULL;
		p->e->nvalue++;
		node->nvalue++;
		after = ",";
	} while (expr_accept(p, ","));
	if (!expr_accept(p, ")"))
		return expr_fail(p, p->at, "expected ',' or ')'");
	expr_sort(first, node->nvalue);
	return node;
}
