/*
 * pretty - records for people: time, level, stage and message in columns, then the other fields as
 * key=value; or, of the fields asked for, a table whose columns grow as they need.
 *
 * Which of its fields these are, the schema of a record says.  One that failed begins with "!".  Nothing is cut:
 * fields that would exceed the width go to lines of their own, below the message.  What a record has in common with
 * all of its run and writer comes last, and only where it is not that of the record above.  What has been logged
 * cannot reach a terminal but as visible text.
 */
#include "line.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "schema.h"
#include "term.h"

enum {
	TIME_LENGTH = 23, /* 2025-10-23 14:05:09.123 */
	LEVEL = 0,
	STAGE,
	STICKY, /* columns of records that widen */
};

struct record {
	struct output_role ts, run, level, stage, msg; /* null is none */
	int64_t time;
	int severity;
	bool failed;
	bool cause[SCHEMA_TESTS_MAX]; /* which tests of the schema say so */
};

/* ---- what a record is ---- */

static struct output_role
find(const struct output *o, const struct field *value, enum schema_role role)
{
	const struct output_role found = output_role(o, value, role);

	return found.value.type > FIELD_NULL ? found : (struct output_role){ .key = NULL };
}

/* What is no time has no column; the record then has that of the one before it. */
static void
find_time(const struct output *o, const struct field *value, struct record *r)
{
	r->time = schema_layout_time(&o->layout, value);
	if (r->time != CLOCK_NONE)
		r->ts = output_role(o, value, SCHEMA_TIME);
	else
		r->time = o->ts;
}

static void
find_causes(const struct output *o, const struct field *value, struct record *r)
{
	const struct schema *schema = o->layout.schema;

	for (size_t i = 0; i < schema->ntest; i++)
		r->cause[i] = schema_test_holds(&schema->test[i], &value[o->layout.test[i]]);
}

/* What stands for the message of a record that has none. */
static int
find_event(const char *line, size_t n, struct output_role *msg)
{
	static const char *const keys[] = { "message", "event" };
	struct field_path path[2];
	struct field value[2];

	for (size_t i = 0; i < 2; i++)
		field_path_set(&path[i], keys[i], strlen(keys[i]));
	if (field_get(line, n, path, 2, value) < 0)
		return AUDITQ_EJSON;
	for (size_t i = 0; i < 2 && msg->key == NULL; i++)
		if (value[i].type == FIELD_STRING && value[i].n > 0)
			*msg = (struct output_role){ value[i], keys[i] };
	return 0;
}

static int
read_record(const struct output *o, const char *line, size_t n, struct record *r)
{
	struct field value[SCHEMA_PATHS_MAX];

	if (field_get(line, n, o->layout.path, o->layout.n, value) < 0)
		return AUDITQ_EJSON;
	*r = (struct record){ .run = find(o, value, SCHEMA_RUN),
		.level = find(o, value, SCHEMA_LEVEL),
		.stage = find(o, value, SCHEMA_STAGE),
		.msg = find(o, value, SCHEMA_MSG),
		.severity = schema_layout_level(&o->layout, value),
		.failed = schema_layout_failed(&o->layout, value) };
	find_time(o, value, r);
	find_causes(o, value, r);
	if (r->msg.key == NULL)
		return find_event(line, n, &r->msg);
	/* What names the stage already is not said twice. */
	if (r->msg.key == r->stage.key ||
	    (r->stage.key != NULL && strcmp(r->msg.key, r->stage.key) == 0))
		r->msg = (struct output_role){ .key = NULL };
	return 0;
}

/* What these mostly take, so that columns need not grow. */
static size_t
usual_cells(const char *name)
{
	static const struct {
		const char *name;
		size_t cells;
	} usual[] = { { "stage", 9 }, { "event", 11 }, { "status", 6 }, { "level", 5 },
		{ "msg", 25 } };

	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		if (strcmp(usual[i].name, name) == 0)
			return usual[i].cells;
	return 0;
}

/* ---- the other fields ---- */

static bool
same(const char *name, const char *key, size_t n)
{
	return name != NULL && strlen(name) == n && memcmp(name, key, n) == 0;
}

/* Which record of its run and writer it is: they come last. */
static bool
is_origin(const struct record *r, const char *key, size_t n)
{
	static const char *const keys[] = { "run_id", "service", "host", "pid", "seq" };

	if (same(r->run.key, key, n))
		return true;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (same(keys[i], key, n))
			return true;
	return false;
}

struct rest {
	struct output *o;
	const struct record *record;
	bool origins;  /* those, or all the others */
	bool alike;    /* they are those of the record above */
	size_t indent; /* cells before the message */
	size_t at;     /* cells of the line so far */
};

static bool
has_column(const struct record *r, const char *key, size_t n)
{
	return same(r->ts.key, key, n) || same(r->level.key, key, n) ||
	    same(r->stage.key, key, n) || same(r->msg.key, key, n);
}

/* As it is written: with quotes where it would not be one word. */
static size_t
add_word(struct output *o, const struct field *value)
{
	bool quotes = value->n == 0;
	const char *s;
	size_t n, cells;

	if (value->type != FIELD_STRING)
		return line_safe(o, value->p, value->n);
	if (output_plain(o, value, &s, &n) < 0) {
		o->line.failed = true;
		return 0;
	}
	for (size_t i = 0; i < n && !quotes; i++)
		quotes = s[i] == ' ' || s[i] == '=' || s[i] == '"' || s[i] == '\t';
	if (!quotes)
		return line_safe(o, s, n);
	line_add(o, "\"", 1);
	cells = line_safe(o, s, n) + 2;
	line_add(o, "\"", 1);
	return cells;
}

static bool
is_cause(const struct rest *rest, const char *key, size_t n)
{
	const struct schema *schema = rest->o->layout.schema;

	for (size_t i = 0; i < schema->ntest; i++)
		if (rest->record->cause[i] && same(schema->test[i].key, key, n))
			return true;
	return false;
}

/* key=value; on another line, when there is no room for it on this one. */
static void
add_field(struct rest *rest, const char *key, size_t nkey, const struct field *value)
{
	struct output *o = rest->o;
	size_t start = o->line.n, cells, blanks = rest->at > rest->indent ? 2 : 0;
	bool bad = is_cause(rest, key, nkey);

	line_color(o, bad ? LINE_RED : LINE_DIM);
	cells = line_safe(o, key, nkey) + 1;
	line_add(o, "=", 1);
	cells += add_word(o, value);
	line_color(o, LINE_RESET);
	if (o->line.failed)
		return;
	bool wraps = o->width > 0 && blanks > 0 && rest->at + blanks + cells > o->width;
	size_t nfield = o->line.n - start, before = wraps ? rest->indent + 1 : blanks;
	line_blanks(o, before);
	if (o->line.failed)
		return;
	memmove(o->line.p + start + before, o->line.p + start, nfield);
	memset(o->line.p + start, ' ', before);
	if (wraps)
		o->line.p[start] = '\n';
	rest->at = (wraps ? rest->indent : rest->at + blanks) + cells;
}

static int
take_leaf(void *arg, const char *path, size_t npath, const struct field *value)
{
	struct rest *rest = arg;

	if (path == NULL) {
		path = "...";
		npath = 3;
	}
	if (!has_column(rest->record, path, npath) &&
	    is_origin(rest->record, path, npath) == rest->origins &&
	    !(rest->alike && rest->origins && !same("seq", path, npath)))
		add_field(rest, path, npath, value);
	return 0;
}

static int
take_origin(void *arg, const char *path, size_t npath, const struct field *value)
{
	struct rest *rest = arg;
	struct output *o = rest->o;

	if (path == NULL || same("seq", path, npath) || !is_origin(rest->record, path, npath))
		return 0;
	line_add(o, path, npath);
	line_add(o, "=", 1);
	line_add(o, value->p, value->n);
	line_add(o, "\n", 1); /* which no line has */
	return 0;
}

/* Whether run and writer are those of the record above; then they are to be compared with the next one's. */
static int
compare_origins(struct rest *rest, const char *line, size_t n)
{
	struct output *o = rest->o;
	const struct output_text above = o->origin;

	o->line.n = 0;
	if (field_walk(line, n, take_origin, rest) < 0)
		return AUDITQ_EJSON;
	rest->alike =
	    o->line.n > 0 && o->line.n == above.n && memcmp(o->line.p, above.p, above.n) == 0;
	o->origin = o->line;
	o->line = above;
	o->line.failed = o->origin.failed;
	return 0;
}

/* ---- records ---- */

static const char *
level_color(const struct record *r)
{
	if (r->severity < SCHEMA_NO_LEVEL && r->severity >= schema_level("error", 5))
		return LINE_RED;
	if (r->severity == schema_level("warn", 4))
		return LINE_YELLOW;
	return r->severity < schema_level("info", 4) ? LINE_DIM : "";
}

/* As it is written, where that is a word that everybody knows: else what a number or a letter means. */
static struct field
level_shown(const struct record *r)
{
	struct field value = r->level.value;
	const char *name;
	int level;

	if (r->severity == SCHEMA_NO_LEVEL ||
	    (value.type == FIELD_STRING && schema_level(value.p, value.n) != SCHEMA_NO_LEVEL))
		return value;
	for (size_t i = 0; (name = schema_level_name(i, &level)) != NULL; i++)
		if (level == r->severity)
			return (struct field){ FIELD_STRING, false, name, strlen(name) };
	return value;
}

/* An instant in the zone asked for, to the millisecond. */
static void
format_time(const struct output *o, int64_t ns, char dst[TIME_LENGTH])
{
	char text[CLOCK_LENGTH];
	int64_t east, local;

	east = zone_offset(o->zone, ns / CLOCK_S - (ns % CLOCK_S < 0)) * CLOCK_S;
	clock_format(text, __builtin_add_overflow(ns, east, &local) ? ns : local);
	text[10] = ' ';
	memcpy(dst, text, TIME_LENGTH);
}

static void
add_time(struct output *o, int64_t ns)
{
	char text[TIME_LENGTH];

	if (ns == CLOCK_NONE) {
		line_text(o, "-");
		line_blanks(o, TIME_LENGTH - 1);
		return;
	}
	format_time(o, ns, text);
	line_color(o, LINE_DIM);
	line_add(o, text, TIME_LENGTH);
	line_color(o, LINE_RESET);
}

/* Where the record stands, then its columns; the cells before the message. */
static size_t
add_columns(struct output *o, const struct record *r)
{
	const struct field level = level_shown(r);
	size_t at = 0;

	if (o->source) {
		line_color(o, LINE_DIM);
		at = line_safe(o, o->place, strlen(o->place)) + 1;
		line_color(o, LINE_RESET);
		line_add(o, " ", 1);
	}
	line_color(o, r->failed ? LINE_RED : "");
	line_text(o, r->failed ? "! " : "  ");
	line_color(o, r->failed ? LINE_RESET : "");
	add_time(o, r->time);
	line_blanks(o, 2);
	at += 2 + TIME_LENGTH + 2;
	at += line_cell(o, &level, level_color(r), &o->cells[LEVEL]);
	line_blanks(o, 2);
	if (o->cells[STAGE] == 0 && r->stage.key != NULL)
		o->cells[STAGE] = usual_cells("stage");
	at += 2 + line_cell(o, &r->stage.value, LINE_CYAN, &o->cells[STAGE]);
	if (o->cells[STAGE] == 0)
		return at;
	line_blanks(o, 2);
	return at + 2;
}

static int
put_record(struct output *o, const char *line, size_t n)
{
	struct record r;
	struct rest rest = { .o = o, .record = &r };
	int code;

	if ((code = read_record(o, line, n, &r)) < 0)
		return code;
	if ((code = compare_origins(&rest, line, n)) < 0)
		return code;
	o->line.n = 0;
	rest.indent = add_columns(o, &r);
	line_color(o, r.failed ? LINE_RED : "");
	rest.at = rest.indent + line_value(o, &r.msg.value);
	line_color(o, r.failed ? LINE_RESET : "");
	for (int origins = 0; origins <= 1; origins++) {
		rest.origins = origins;
		if (field_walk(line, n, take_leaf, &rest) < 0)
			return AUDITQ_EJSON;
	}
	return line_finish(o);
}

/* ---- a table of fields ---- */

static int
put_names(struct output *o)
{
	static const char source[] = "_source";
	size_t cells = line_safe(o, o->place, strlen(o->place)), n = sizeof source - 1;

	o->line.n = 0;
	line_color(o, LINE_BOLD);
	if (o->source) {
		line_add(o, source, n);
		line_blanks(o, 2 + (cells > n ? cells - n : 0));
	}
	for (size_t i = 0; i < o->ncol; i++) {
		const struct field name = { FIELD_STRING, false, o->col[i].name,
			strlen(o->col[i].name) };

		if (i > 0)
			line_blanks(o, 2);
		(void)line_cell(o, &name, "", &o->cells[i]);
	}
	line_color(o, LINE_RESET);
	return line_finish(o);
}

/* What the column has in this record; times as in the other lines. */
static void
add_column(struct output *o, const struct record *r, size_t i)
{
	const char *color = r->failed ? LINE_RED : "", *name = o->col[i].name;
	char text[TIME_LENGTH];
	struct field value = o->value[i];

	if (same(r->ts.key, name, strlen(name)) && r->ts.value.type > FIELD_NULL) {
		format_time(o, r->time, text);
		value = (struct field){ FIELD_STRING, false, text, TIME_LENGTH };
	}
	(void)line_cell(o, &value, color, &o->cells[i]);
}

/* The names and the first record decide how wide columns are to begin with. */
static void
measure(struct output *o, const struct record *r)
{
	for (size_t i = 0; i < o->ncol; i++) {
		const struct field name = { FIELD_STRING, false, o->col[i].name,
			strlen(o->col[i].name) };

		o->cells[i] = usual_cells(o->col[i].name);
		o->line.n = 0;
		(void)line_cell(o, &name, "", &o->cells[i]);
		add_column(o, r, i);
	}
}

static int
put_row(struct output *o, const char *line, size_t n)
{
	struct record r;
	int code;

	if (field_get(line, n, o->path, o->ncol, o->value) < 0 ||
	    read_record(o, line, n, &r) < 0)
		return AUDITQ_EJSON;
	if (o->records == 0) {
		measure(o, &r);
		if ((code = put_names(o)) < 0)
			return code;
	}
	o->line.n = 0;
	if (o->source) {
		(void)line_safe(o, o->place, strlen(o->place));
		line_blanks(o, 2);
	}
	for (size_t i = 0; i < o->ncol; i++) {
		if (i > 0)
			line_blanks(o, 2);
		add_column(o, &r, i);
	}
	return line_finish(o);
}

/* ---- the format ---- */

static void
pretty_begin(struct output *o)
{
	o->cells = calloc(o->ncol > STICKY ? o->ncol : STICKY, sizeof *o->cells);
	if (o->cells != NULL && o->ncol == 0)
		o->cells[LEVEL] = 5;
}

static int
pretty_record(struct output *o, const char *line, size_t n)
{
	struct field object = output_object(line, n);

	if (o->cells == NULL)
		return AUDITQ_ENOMEM;
	return o->ncol > 0 ? put_row(o, object.p, object.n) : put_record(o, object.p, object.n);
}

static void
pretty_end(struct output *o)
{
	(void)o;
}

const struct output_format output_pretty = { "pretty", NULL, false,
	SCHEMA_WANT(SCHEMA_TIME) | SCHEMA_WANT(SCHEMA_RUN) | SCHEMA_WANT(SCHEMA_STAGE) |
	    SCHEMA_WANT(SCHEMA_MSG) | SCHEMA_WANT_FAILED,
	pretty_begin, pretty_record, pretty_end };
