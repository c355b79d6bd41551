/* table - see table.h */
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "term.h"

#define GAP   2 /* between columns */
#define RESET "\033[0m"

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

static bool
grow(struct table *t)
{
	size_t cap = t->cap == 0 ? 64 : 2 * t->cap;
	char **cell = realloc(t->cell, cap * sizeof *cell);
	const char **paint = NULL;

	if (cell != NULL) {
		t->cell = cell;
		paint = realloc(t->paint, cap * sizeof *paint);
	}
	if (paint == NULL)
		return false;
	t->paint = paint;
	t->cap = cap;
	return true;
}

void
table_cell(struct table *t, const char *s, size_t n)
{
	if ((t->n == t->cap && !grow(t)) || (t->cell[t->n] = safe_copy(s, n)) == NULL) {
		t->failed = true;
		return;
	}
	t->paint[t->n++] = NULL;
}

void
table_paint(struct table *t, const char *paint)
{
	if (t->color && t->n > 0)
		t->paint[t->n - 1] = paint;
}

void
table_text(struct table *t, const char *text)
{
	table_cell(t, text, strlen(text));
}

void
table_count(struct table *t, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, n);
	table_text(t, text);
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
	const char *paint = t->paint[i];

	fprintf(f, "%*s%s%s%s", column < t->left ? 0 : pad, "", paint != NULL ? paint : "",
	    t->cell[i], paint != NULL ? RESET : "");
	if (!last)
		fprintf(f, "%*s", column < t->left ? pad + GAP : GAP, "");
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
	free(t->paint);
	*t = (struct table){ 0 };
}
