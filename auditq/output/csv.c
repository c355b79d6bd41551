/*
 * csv - RFC 4180: a header, CRLF, quotes where they are needed.
 *
 * Strings are decoded, numbers copied as they stand, objects and arrays given as JSON text; null
 * and absent are empty.  Without columns asked for: the envelope, and in the last column the
 * members that are not of it, as a JSON object.  Always valid UTF-8.
 */
#include "output.h"

#include <stdlib.h>
#include <string.h>

static const char *const envelope[] = { "ts", "level", "run_id", "seq", "service", "host",
	"pid", "stage", "event", "status", "duration_ms", "msg" };

enum { ENVELOPE = sizeof envelope / sizeof envelope[0] };

/* The inside of a quoted cell. */
static void
put_quoted(struct output *o, const char *s, size_t n)
{
	const char *quote;

	while (n > 0 && (quote = memchr(s, '"', n)) != NULL) {
		size_t part = (size_t)(quote - s) + 1;
		output_utf8(o, s, part);
		output_char(o, '"');
		s += part;
		n -= part;
	}
	output_utf8(o, s, n);
}

static bool
needs_quotes(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] == '"' || s[i] == ',' || s[i] == '\r' || s[i] == '\n')
			return true;
	return false;
}

static void
put_text(struct output *o, const char *s, size_t n)
{
	bool quotes = needs_quotes(s, n);

	if (!quotes) {
		output_utf8(o, s, n);
		return;
	}
	output_char(o, '"');
	put_quoted(o, s, n);
	output_char(o, '"');
}

static int
put_decoded(struct output *o, const struct field *string)
{
	if (string->n > o->nscratch) {
		char *p = realloc(o->scratch, string->n);
		if (p == NULL)
			return AUDITQ_ENOMEM;
		o->scratch = p;
		o->nscratch = string->n;
	}
	put_text(o, o->scratch, field_decode(string, o->scratch, o->nscratch));
	return 0;
}

static int
put_value(struct output *o, const struct field *value)
{
	if (value->type == FIELD_ABSENT || value->type == FIELD_NULL)
		return 0;
	if (value->type == FIELD_STRING && value->escaped)
		return put_decoded(o, value);
	put_text(o, value->p, value->n);
	return 0;
}

/* A record of one empty cell would be a blank line, which readers skip. */
static bool
would_be_blank(const struct field *value, size_t n)
{
	return n == 1 &&
	    (value->type == FIELD_ABSENT || value->type == FIELD_NULL || value->n == 0);
}

static int
put_row(struct output *o, const struct field *value, size_t n)
{
	int r = 0;

	if (would_be_blank(value, n))
		output_text(o, "\"\"");
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (i > 0)
			output_char(o, ',');
		r = put_value(o, &value[i]);
	}
	return r;
}

/* ---- all fields ---- */

/* The index of an envelope key, or ENVELOPE. */
static int
envelope_index(const struct field *key)
{
	int i = 0;

	while (i < ENVELOPE && !field_equals(key, envelope[i], strlen(envelope[i])))
		i++;
	return i;
}

/* The members that have no column of their own. */
static void
put_extra(struct output *o, const struct field *object)
{
	struct field key, value;
	bool any = false;
	size_t iter = 0;

	while (field_members(object, &iter, &key, &value) > 0) {
		if (envelope_index(&key) < ENVELOPE)
			continue;
		struct field name = output_token(key), token = output_token(value);
		output_text(o, any ? "," : "\"{");
		put_quoted(o, name.p, name.n);
		output_char(o, ':');
		put_quoted(o, token.p, token.n);
		any = true;
	}
	if (any)
		output_text(o, "}\"");
}

static int
put_all(struct output *o, const char *line, size_t n)
{
	struct field column[ENVELOPE + 1] = { 0 }; /* the last one takes what has no column */
	struct field object = output_object(line, n), key, value;
	size_t iter = 0;
	int r;

	while ((r = field_members(&object, &iter, &key, &value)) > 0)
		column[envelope_index(&key)] = value;
	if (r < 0)
		return AUDITQ_EJSON;
	if ((r = put_row(o, column, ENVELOPE)) < 0)
		return r;
	output_char(o, ',');
	put_extra(o, &object);
	return 0;
}

/* ---- the format ---- */

static void
csv_begin(struct output *o)
{
	if (o->ncol == 0) {
		for (int i = 0; i < ENVELOPE; i++) {
			output_text(o, envelope[i]);
			output_char(o, ',');
		}
		output_text(o, "extra");
	}
	for (size_t i = 0; i < o->ncol; i++) {
		if (i > 0)
			output_char(o, ',');
		put_text(o, o->col[i].name, strlen(o->col[i].name));
	}
	output_text(o, "\r\n");
}

static int
csv_record(struct output *o, const char *line, size_t n)
{
	int r;

	if (o->ncol == 0)
		r = put_all(o, line, n);
	else if (field_get(line, n, o->path, o->ncol, o->value) < 0)
		r = AUDITQ_EJSON;
	else
		r = put_row(o, o->value, o->ncol);
	output_text(o, "\r\n");
	return r;
}

static void
csv_end(struct output *o)
{
	(void)o;
}

const struct output_format output_csv = { "csv", csv_begin, csv_record, csv_end };
