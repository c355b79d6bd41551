/* line - see line.h */
#include "line.h"

#include <stdlib.h>
#include <string.h>

#include "term.h"

enum { COLUMN_MAX = 40 }; /* cells that a column is widened to */

void
line_add(struct output *o, const char *s, size_t n)
{
	struct output_text *t = &o->line;

	if (n > t->cap - t->n) {
		size_t cap = 2 * t->cap > t->n + n ? 2 * t->cap : t->n + n;
		char *p = realloc(t->p, cap);

		if (p == NULL) {
			t->failed = true;
			return;
		}
		t->p = p;
		t->cap = cap;
	}
	if (n > 0)
		memcpy(t->p + t->n, s, n);
	t->n += n;
}

void
line_text(struct output *o, const char *s)
{
	line_add(o, s, strlen(s));
}

void
line_color(struct output *o, const char *color)
{
	if (o->color)
		line_text(o, color);
}

void
line_blanks(struct output *o, size_t n)
{
	static const char blanks[] = "                ";

	for (size_t part; n > 0; n -= part) {
		part = n < sizeof blanks - 1 ? n : sizeof blanks - 1;
		line_add(o, blanks, part);
	}
}

size_t
line_safe(struct output *o, const char *s, size_t n)
{
	struct term term = { 0 };
	char safe[TERM_ROOM];
	size_t start = o->line.n;

	for (size_t piece; n > 0; s += piece, n -= piece) {
		piece = n < TERM_PIECE ? n : TERM_PIECE;
		line_add(o, safe, term_escape(&term, s, piece, safe));
	}
	line_add(o, safe, term_end(&term, safe));
	for (size_t i = start; i < o->line.n; i++)
		if (o->line.p[i] == '\t')
			o->line.p[i] = ' ';
	return term_cells(o->line.p + start, o->line.n - start);
}

size_t
line_value(struct output *o, const struct field *value)
{
	const char *s;
	size_t n;

	if (output_plain(o, value, &s, &n) < 0) {
		o->line.failed = true;
		return 0;
	}
	return line_safe(o, s, n);
}

size_t
line_cell(struct output *o, const struct field *value, const char *color, size_t *widest)
{
	bool colored = color[0] != '\0' && value->type > FIELD_NULL;
	size_t cells;

	line_color(o, colored ? color : "");
	cells = line_value(o, value);
	line_color(o, colored ? LINE_RESET : "");
	if (cells > *widest)
		*widest = cells < COLUMN_MAX ? cells : COLUMN_MAX;
	if (cells >= *widest)
		return cells;
	line_blanks(o, *widest - cells);
	return *widest;
}

int
line_finish(struct output *o)
{
	while (o->line.n > 0 && o->line.p[o->line.n - 1] == ' ')
		o->line.n--;
	line_add(o, "\n", 1);
	if (o->line.failed)
		return AUDITQ_ENOMEM;
	output_bytes(o, o->line.p, o->line.n);
	return 0;
}
