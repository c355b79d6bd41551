/* output_row - see output_row.h */
#include "output_row.h"

#include <string.h>

/* ---- cells ---- */

/* The inside of a cell, or a part of it. */
static void
put_inside(struct output *o, const struct output_row_style *style, const char *s, size_t n)
{
	size_t good = 0;

	for (size_t i = 0; i < n; i++) {
		const char *instead = style->escape(s[i]);

		if (instead == NULL)
			continue;
		output_utf8(o, s + good, i - good);
		output_text(o, instead);
		good = i + 1;
	}
	output_utf8(o, s + good, n - good);
}

static bool
needs_quotes(const struct output_row_style *style, const char *s, size_t n)
{
	if (style->quote[0] == '\0')
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] != '\0' && strchr(style->quoted, s[i]) != NULL)
			return true;
	return false;
}

static void
put_text(struct output *o, const struct output_row_style *style, const char *s, size_t n)
{
	const char *quote = needs_quotes(style, s, n) ? style->quote : "";

	output_text(o, quote);
	put_inside(o, style, s, n);
	output_text(o, quote);
}

static int
put_value(struct output *o, const struct output_row_style *style, const struct field *value)
{
	const char *s;
	size_t n;

	if (output_plain(o, value, &s, &n) < 0)
		return AUDITQ_ENOMEM;
	put_text(o, style, s, n);
	return 0;
}

/* ---- rows ---- */

/* A record of one empty cell would be a blank line, which readers skip. */
static bool
would_be_blank(const struct output *o, const struct field *value, size_t n)
{
	return n == 1 && !o->source &&
	    (value->type == FIELD_ABSENT || value->type == FIELD_NULL || value->n == 0);
}

/* The start of a row, and the place of its record. */
static void
start_row(struct output *o, const struct output_row_style *style, const char *place)
{
	output_text(o, style->start);
	if (!o->source)
		return;
	put_text(o, style, place, strlen(place));
	output_text(o, style->between);
}

static int
put_cells(
    struct output *o, const struct output_row_style *style, const struct field *value, size_t n)
{
	int r = 0;

	start_row(o, style, o->place);
	if (would_be_blank(o, value, n))
		output_text(o, style->blank);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (i > 0)
			output_text(o, style->between);
		r = put_value(o, style, &value[i]);
	}
	return r;
}

/* ---- columns of roles ---- */

/* What a record has for a column.  A duration is in ms there, or it is left where it stands. */
static struct output_role
find_cell(const struct output *o, size_t column)
{
	const struct output_column *col = &o->col[column];

	if (col->role == SCHEMA_DURATION && o->layout.schema->unit != 1)
		return (struct output_role){ .key = NULL };
	if (col->role < SCHEMA_ROLES)
		return output_role(o, o->value + o->ncol, col->role);
	return (struct output_role){ o->value[column], col->name };
}

static bool
is_shown(const struct output *o, const struct output_role *cell, const struct field *key)
{
	for (size_t i = 0; i < o->ncol; i++)
		if (cell[i].key != NULL && field_equals(key, cell[i].key, strlen(cell[i].key)))
			return true;
	return false;
}

/* The members that have no column of their own, as an object, which has quotes. */
static void
put_extra(struct output *o, const struct output_row_style *style,
    const struct output_role *cell, const struct field *object)
{
	struct field key, value;
	bool any = false;
	size_t iter = 0;

	while (field_members(object, &iter, &key, &value) > 0) {
		if (is_shown(o, cell, &key))
			continue;
		struct field name = output_token(key), token = output_token(value);
		if (!any)
			output_text(o, style->quote);
		put_inside(o, style, any ? "," : "{", 1);
		put_inside(o, style, name.p, name.n);
		output_char(o, ':');
		put_inside(o, style, token.p, token.n);
		any = true;
	}
	if (any) {
		put_inside(o, style, "}", 1);
		output_text(o, style->quote);
	}
}

static int
put_by_role(struct output *o, const struct output_row_style *style, const char *line, size_t n)
{
	struct output_role cell[OUTPUT_ROLE_COLUMNS];
	struct field value[OUTPUT_ROLE_COLUMNS], object;
	int r;

	if (field_get(line, n, o->path, o->ncol + o->layout.n, o->value) < 0)
		return AUDITQ_EJSON;
	for (size_t i = 0; i < o->ncol; i++) {
		cell[i] = find_cell(o, i);
		value[i] = cell[i].value;
	}
	if ((r = put_cells(o, style, value, o->ncol)) < 0 || !o->extra)
		return r;
	output_text(o, style->between);
	object = output_object(line, n);
	put_extra(o, style, cell, &object);
	return 0;
}

/* ---- the format's ---- */

size_t
output_row_columns(const struct output *o)
{
	return o->ncol + o->extra + o->source;
}

void
output_row_names(struct output *o, const struct output_row_style *style)
{
	start_row(o, style, "_source");
	for (size_t i = 0; i < o->ncol; i++) {
		if (i > 0)
			output_text(o, style->between);
		put_text(o, style, o->col[i].name, strlen(o->col[i].name));
	}
	if (o->extra) {
		output_text(o, style->between);
		output_text(o, "extra");
	}
	output_text(o, style->end);
}

int
output_row(struct output *o, const struct output_row_style *style, const char *line, size_t n)
{
	int r;

	if (o->by_role)
		r = put_by_role(o, style, line, n);
	else if (field_get(line, n, o->path, o->ncol, o->value) < 0)
		r = AUDITQ_EJSON;
	else
		r = put_cells(o, style, o->value, o->ncol);
	output_text(o, style->end);
	return r;
}
