/* output - see output.h */
#include "output.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "jbuf.h"

static const struct output_format *const formats[] = {
	[AUDITQ_JSONL] = &output_jsonl,
	[AUDITQ_JSON] = &output_json,
	[AUDITQ_CSV] = &output_csv,
	[AUDITQ_TSV] = &output_tsv,
	[AUDITQ_MD] = &output_md,
	[AUDITQ_RAW] = &output_raw,
	[AUDITQ_PRETTY] = &output_pretty,
};

enum { FORMATS = sizeof formats / sizeof formats[0] };

int
output_format_parse(const char *name)
{
	for (int i = 0; name != NULL && i < FORMATS; i++)
		if (strcmp(formats[i]->name, name) == 0)
			return i;
	return AUDITQ_EINVAL;
}

/* ---- the stream ---- */

static void
hand_on(struct output *o, const char *s, size_t n)
{
	if (n > 0 && o->refused == 0)
		o->refused = o->fn(o->arg, s, n);
}

static void
flush(struct output *o)
{
	hand_on(o, o->buf, o->nbuf);
	o->nbuf = 0;
}

void
output_bytes(struct output *o, const char *s, size_t n)
{
	if (n > sizeof o->buf - o->nbuf)
		flush(o);
	if (n > sizeof o->buf) {
		hand_on(o, s, n);
		return;
	}
	memcpy(o->buf + o->nbuf, s, n);
	o->nbuf += n;
}

void
output_text(struct output *o, const char *s)
{
	output_bytes(o, s, strlen(s));
}

void
output_char(struct output *o, char c)
{
	output_bytes(o, &c, 1);
}

/* The length of the well-formed sequence at p, or minus that of the maximal ill-formed subpart
 * (Unicode 15, table 3-7). */
static int
utf8_sequence(const unsigned char *p, size_t n)
{
	unsigned char c = p[0], lo = 0x80, hi = 0xbf;
	int more;

	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf) {
		more = 1;
	} else if (c >= 0xe0 && c <= 0xef) {
		more = 2;
		lo = c == 0xe0 ? 0xa0 : lo;
		hi = c == 0xed ? 0x9f : hi;
	} else if (c >= 0xf0 && c <= 0xf4) {
		more = 3;
		lo = c == 0xf0 ? 0x90 : lo;
		hi = c == 0xf4 ? 0x8f : hi;
	} else {
		return -1;
	}
	for (int i = 1; i <= more; i++) {
		if ((size_t)i >= n || p[i] < lo || p[i] > hi)
			return -i;
		lo = 0x80;
		hi = 0xbf;
	}
	return more + 1;
}

void
output_utf8(struct output *o, const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t good = 0, i = 0;
	uint64_t eight;

	while (i < n) {
		if (n - i >= sizeof eight) {
			memcpy(&eight, p + i, sizeof eight);
			if ((eight & UINT64_C(0x8080808080808080)) == 0) {
				i += sizeof eight;
				continue;
			}
		}
		int len = utf8_sequence(p + i, n - i);
		if (len > 0) {
			i += (size_t)len;
			continue;
		}
		output_bytes(o, s + good, i - good);
		output_text(o, "\xef\xbf\xbd");
		i += (size_t)-len;
		good = i;
	}
	output_bytes(o, s + good, n - good);
}

struct field
output_object(const char *line, size_t n)
{
	if (n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
		line += 3;
		n -= 3;
	}
	while (n > 0 && (*line == ' ' || *line == '\t' || *line == '\r')) {
		line++;
		n--;
	}
	while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t' || line[n - 1] == '\r'))
		n--;
	return (struct field){ .type = FIELD_OBJECT, .p = line, .n = n };
}

struct field
output_token(struct field value)
{
	if (value.type == FIELD_STRING) {
		value.p--;
		value.n += 2;
	}
	return value;
}

/* The end of an object; any: it has members before. */
static void
close_object(struct output *o, bool any)
{
	struct jbuf b = { .p = o->scratch, .cap = o->nscratch };

	if (o->source) {
		jbuf_raw(&b, "\"_source\":", 10);
		jbuf_str(&b, o->place, strlen(o->place));
		if (any)
			output_char(o, ',');
		output_bytes(o, b.p, b.len);
	}
	output_char(o, '}');
}

int
output_whole_object(struct output *o, const char *line, size_t n,
    void (*put)(struct output *o, const char *s, size_t n))
{
	struct field object = output_object(line, n), key, value;
	size_t iter = 0, end = object.n - 1;
	int any;

	if (!o->source) {
		put(o, object.p, object.n);
		return 0;
	}
	if (object.n < 2 || (any = field_members(&object, &iter, &key, &value)) < 0)
		return AUDITQ_EJSON;
	put(o, object.p, end);
	close_object(o, any > 0);
	return 0;
}

int
output_columns(struct output *o, const char *line, size_t n,
    void (*put)(struct output *o, const char *s, size_t n))
{
	char before = '{';

	if (field_get(line, n, o->path, o->ncol, o->value) < 0)
		return AUDITQ_EJSON;
	for (size_t i = 0; i < o->ncol; i++) {
		if (o->value[i].type == FIELD_ABSENT)
			continue;
		struct field token = output_token(o->value[i]);
		output_char(o, before);
		output_bytes(o, o->col[i].key, o->col[i].nkey);
		put(o, token.p, token.n);
		before = ',';
	}
	if (before == '{')
		output_char(o, '{');
	close_object(o, before == ',');
	return 0;
}

static bool
room_for(struct output *o, size_t n)
{
	char *p;

	if (n <= o->nscratch)
		return true;
	if ((p = realloc(o->scratch, n)) == NULL)
		return false;
	o->scratch = p;
	o->nscratch = n;
	return true;
}

int
output_plain(struct output *o, const struct field *value, const char **s, size_t *n)
{
	bool none = value->type == FIELD_ABSENT || value->type == FIELD_NULL;

	*s = none ? "" : value->p;
	*n = none ? 0 : value->n;
	if (value->type != FIELD_STRING || !value->escaped)
		return 0;
	if (!room_for(o, value->n))
		return AUDITQ_ENOMEM;
	*s = o->scratch;
	*n = field_decode(value, o->scratch, o->nscratch);
	return 0;
}

/* ---- roles ---- */

void
output_under(struct output *o, const struct schema *schema)
{
	schema_lay_out(&o->layout, schema, o->format->roles);
	if (o->by_role)
		memcpy(o->path + o->ncol, o->layout.path, o->layout.n * sizeof *o->path);
}

struct output_role
output_role(const struct output *o, const struct field *value, enum schema_role role)
{
	const struct schema_layout *l = &o->layout;
	const struct field *found = schema_layout_value(l, value, role);
	const size_t first = l->role[role].first;

	for (size_t i = l->role[role].n; role == SCHEMA_TIME && i-- > 0;)
		if (schema_value_time(&value[first + i]) != CLOCK_NONE)
			found = &value[first + i];
	if (found->type == FIELD_ABSENT)
		return (struct output_role){ .key = NULL };
	return (struct output_role){ *found, l->path[found - value].text };
}

/* ---- columns ---- */

/* The column's name as a JSON key with its colon. */
static int
make_key(struct output_column *col)
{
	struct jbuf measure = { 0 }, key = { 0 };

	jbuf_str(&measure, col->name, strlen(col->name));
	jbuf_char(&measure, ':');
	if ((col->key = malloc(measure.len)) == NULL)
		return AUDITQ_ENOMEM;
	key.p = col->key;
	key.cap = measure.len;
	jbuf_str(&key, col->name, strlen(col->name));
	jbuf_char(&key, ':');
	col->nkey = key.len;
	return 0;
}

static enum schema_role
role_of(const char *column)
{
	return strcmp(column, "ts") == 0 ? SCHEMA_TIME : schema_role(column);
}

/* One name of the list, at start in the text that was given. */
static int
add_column(struct output *o, char *name, size_t start, auditq_error *err)
{
	size_t n, blanks = strspn(name, " ");

	name += blanks;
	for (n = strlen(name); n > 0 && name[n - 1] == ' '; n--)
		name[n - 1] = '\0';
	if (n == 0)
		return qerror_set_at(err, AUDITQ_EINVAL, NULL, start, "a field has no name");
	for (size_t i = 0; i < o->ncol; i++)
		if (strcmp(o->col[i].name, name) == 0)
			return qerror_set_at(err, AUDITQ_EINVAL, NULL, start + blanks,
			    "field '%s' is named twice", name);
	o->col[o->ncol].name = name;
	o->col[o->ncol].role = o->by_role ? role_of(name) : SCHEMA_ROLES;
	field_path_set(&o->path[o->ncol], name, n);
	if (make_key(&o->col[o->ncol++]) < 0)
		return qerror_set(err, AUDITQ_ENOMEM, 0, NULL, "fields");
	return 0;
}

static int
set_columns(struct output *o, const char *fields, auditq_error *err)
{
	size_t max = 1, paths;
	int r = 0;

	for (const char *p = fields; *p != '\0'; p++)
		max += *p == ',';
	paths = max + (o->by_role ? SCHEMA_PATHS_MAX : 0);
	o->names = strdup(fields);
	o->col = calloc(max, sizeof *o->col);
	o->path = calloc(paths, sizeof *o->path);
	o->value = calloc(paths, sizeof *o->value);
	if (o->names == NULL || o->col == NULL || o->path == NULL || o->value == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, 0, NULL, "fields");
	for (char *name = o->names, *comma; r == 0 && name != NULL; name = comma) {
		if ((comma = strchr(name, ',')) != NULL)
			*comma++ = '\0';
		r = add_column(o, name, (size_t)(name - o->names), err);
	}
	return r;
}

/* ---- an output ---- */

int
output_new(struct output **ret, const auditq_export_options *opt, auditq_write_fn *fn,
    void *arg, auditq_error *err)
{
	auditq_export_options given = { 0 };
	struct output *o;
	int r;

	if (opt != NULL)
		memcpy(&given, opt, opt->size < sizeof given ? opt->size : sizeof given);
	if (given.format < 0 || given.format >= FORMATS)
		return qerror_set(
		    err, AUDITQ_EINVAL, 0, NULL, "no such format: %d", given.format);
	if (given.format == AUDITQ_RAW && given.fields != NULL)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "raw lines have no fields");
	if ((o = calloc(1, sizeof *o)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, 0, NULL, "output");
	o->format = formats[given.format];
	o->fn = fn;
	o->arg = arg;
	o->source = given.source;
	o->color = given.color;
	o->width = given.width;
	o->ts = CLOCK_NONE;
	if (given.fields == NULL) {
		given.fields = o->format->fields;
		o->by_role = given.fields != NULL;
		o->extra = o->format->extra;
	}
	/* Room for a place as JSON, each byte escaped. */
	r = o->source && !room_for(o, 6 * (size_t)OUTPUT_PLACE_MAX)
	    ? qerror_set(err, AUDITQ_ENOMEM, 0, NULL, "output")
	    : 0;
	if (r == 0 && given.fields != NULL)
		r = set_columns(o, given.fields, err);
	if (r < 0) {
		output_free(o);
		return r;
	}
	output_under(o, &schema_default);
	o->format->begin(o);
	*ret = o;
	return 0;
}

void
output_place(struct output *o, const char *path, uint64_t offset, int64_t ts)
{
	o->ts = ts;
	if (o->source)
		snprintf(o->place, sizeof o->place, "%s:%" PRIu64, path, offset);
}

void
output_group(struct output *o)
{
	if ((o->format == &output_pretty || o->format == &output_raw) && o->records > 0)
		output_text(o, "--\n");
	o->origin.n = 0;
}

int
output_record(struct output *o, const char *line, size_t n)
{
	int r = o->format->record(o, line, n);

	if (r < 0)
		return r;
	o->records++;
	/* Whoever reads meanwhile sees whole records. */
	if (o->nbuf > sizeof o->buf / 2)
		flush(o);
	return o->refused;
}

int
output_flush(struct output *o)
{
	flush(o);
	return o->refused;
}

int
output_end(struct output *o)
{
	o->format->end(o);
	return output_flush(o);
}

void
output_free(struct output *o)
{
	if (o == NULL)
		return;
	for (size_t i = 0; i < o->ncol; i++)
		free(o->col[i].key);
	free(o->names);
	free(o->col);
	free(o->path);
	free(o->value);
	free(o->cells);
	free(o->line.p);
	free(o->origin.p);
	free(o->scratch);
	free(o);
}
