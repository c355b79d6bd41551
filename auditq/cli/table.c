/* table - see table.h */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "term.h"

#define GAP 2 /* between columns */

/* A part of n bytes that does not end within a character. */
static size_t
whole_characters(const char *s, size_t n)
{
	size_t end = n;

	while (end > 0 && n - end < 4 && ((unsigned char)s[end] & 0xc0) == 0x80)
		end--;
	return end;
}

static char *
safe_copy(const char *s, size_t n)
{
	char safe[TERM_ROOM];
	struct term term = { .lines = false };
	const char *more = "";
	size_t len;

	if (n > TABLE_CELL_MAX) {
		n = whole_characters(s, TABLE_CELL_MAX);
		more = "...";
	}
	len = term_escape(&term, s, n, safe);
	len += term_end(&term, safe + len);
	memcpy(safe + len, more, strlen(more));
	return strndup(safe, len + strlen(more));
}

void
table_cell(struct table *t, const char *s, size_t n)
{
	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? 64 : 2 * t->cap;
		char **cell = realloc(t->cell, cap * sizeof *cell);

		if (cell == NULL) {
			t->failed = true;
			return;
		}
		t->cell = cell;
		t->cap = cap;
	}
	if ((t->cell[t->n] = safe_copy(s, n)) != NULL)
		t->n++;
	else
		t->failed = true;
}

void
table_text(struct table *t, const char *text)
{
	table_cell(t, text, strlen(text));
}

static size_t
width_of(const char *s)
{
	return term_cells(s, strlen(s));
}

static size_t
column_width(const struct table *t, size_t column)
{
	size_t widest = 0;

	for (size_t i = column; i < t->n; i += t->columns) {
		size_t width = width_of(t->cell[i]);

		widest = width > widest ? width : widest;
	}
	return widest;
}

/* Nothing is padded behind the last cell of a line. */
static void
put_cell(FILE *f, const struct table *t, size_t i, size_t width)
{
	size_t column = i % t->columns;
	int pad = (int)(width - width_of(t->cell[i]));
	bool last = column + 1 == t->columns;

	if (column < t->left)
		fprintf(f, "%s%*s", t->cell[i], last ? 0 : pad + GAP, "");
	else
		fprintf(f, "%*s%s%*s", pad, "", t->cell[i], last ? 0 : GAP, "");
	if (last)
		fputc('\n', f);
}

char *
table_format(const struct table *t)
{
	size_t *width = calloc(t->columns, sizeof *width);
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	for (size_t i = 0; width != NULL && i < t->columns; i++)
		width[i] = column_width(t, i);
	for (size_t i = 0; width != NULL && f != NULL && i < t->n; i++)
		put_cell(f, t, i, width[i % t->columns]);
	if (f != NULL && (fclose(f) != 0 || width == NULL || t->failed)) {
		free(text);
		text = NULL;
	}
	free(width);
	return text;
}

void
table_free(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cell[i]);
	free(t->cell);
	*t = (struct table){ 0 };
}
