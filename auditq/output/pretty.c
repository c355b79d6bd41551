/*
 * pretty - records for people: time, level, stage and message in columns, then the other fields as
 * key=value; or, of the fields asked for, a table whose columns grow as they need.
 *
 * Which of its fields these are, the schema of a record says.  One that failed begins with "!".  Nothing is left
 * out: fields that would exceed the width go to lines of their own, below the message.  What has been logged cannot reach a terminal but as visible text.
 */
#include "output.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "schema.h"
#include "term.h"

#define RESET  "\033[0m"
#define DIM    "\033[2m"
#define BOLD   "\033[1m"
#define RED    "\033[1;31m"
#define YELLOW "\033[33m"
#define CYAN   "\033[36m"

enum {
	TIME_LENGTH = 23, /* 2025-10-23 14:05:09.123 */
	COLUMN_MAX = 40,  /* cells that a column is widened to */
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

/* ---- the line that is put together ---- */

static void
add(struct output *o, const char *s, size_t n)
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

static void
add_text(struct output *o, const char *s)
{
	add(o, s, strlen(s));
}

static void
add_color(struct output *o, const char *color)
{
	if (o->color)
		add_text(o, color);
}

static void
add_blanks(struct output *o, size_t n)
{
	static const char blanks[] = "                ";

	for (size_t part; n > 0; n -= part) {
		part = n < sizeof blanks - 1 ? n : sizeof blanks - 1;
		add(o, blanks, part);
	}
}

/* Text of others, made safe; a tab is a blank, so that columns hold.  The cells that it takes. */
static size_t
add_safe(struct output *o, const char *s, size_t n)
{
	struct term term = { 0 };
	char safe[TERM_ROOM];
	size_t start = o->line.n;

	for (size_t piece; n > 0; s += piece, n -= piece) {
		piece = n < TERM_PIECE ? n : TERM_PIECE;
		add(o, safe, term_escape(&term, s, piece, safe));
	}
	add(o, safe, term_end(&term, safe));
	for (size_t i = start; i < o->line.n; i++)
		if (o->line.p[i] == '\t')
			o->line.p[i] = ' ';
	return term_cells(o->line.p + start, o->line.n - start);
}

static size_t
add_value(struct output *o, const struct field *value)
{
	const char *s;
	size_t n;

	if (output_plain(o, value, &s, &n) < 0) {
		o->line.failed = true;
		return 0;
	}
	return add_safe(o, s, n);
}

/* A value in a column that is as wide as the widest so far, within bounds. */
static size_t
add_cell(struct output *o, const struct field *value, const char *color, size_t *widest)
{
	bool colored = color[0] != '\0' && value->type > FIELD_NULL;
	size_t cells;

	add_color(o, colored ? color : "");
	cells = add_value(o, value);
	add_color(o, colored ? RESET : "");
	if (cells > *widest)
		*widest = cells < COLUMN_MAX ? cells : COLUMN_MAX;
	if (cells >= *widest)
		return cells;
	add_blanks(o, *widest - cells);
	return *widest;
}

static int
finish_line(struct output *o)
{
	while (o->line.n > 0 && o->line.p[o->line.n - 1] == ' ')
		o->line.n--;
	add(o, "\n", 1);
	if (o->line.failed)
		return AUDITQ_ENOMEM;
	output_bytes(o, o->line.p, o->line.n);
	return 0;
}

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

/* ---- the other fields ---- */

static bool
same(const char *name, const char *key, size_t n)
{
	return name != NULL && strlen(name) == n && memcmp(name, key, n) == 0;
}

/* Of every record of a run or a writer alike: they come last. */
static bool
is_origin(const struct record *r, const char *key, size_t n)
{
	static const char *const keys[] = { "run_id", "seq", "service", "host", "pid" };

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
		return add_safe(o, value->p, value->n);
	if (output_plain(o, value, &s, &n) < 0) {
		o->line.failed = true;
		return 0;
	}
	for (size_t i = 0; i < n && !quotes; i++)
		quotes = s[i] == ' ' || s[i] == '=' || s[i] == '"' || s[i] == '\t';
	if (!quotes)
		return add_safe(o, s, n);
	add(o, "\"", 1);
	cells = add_safe(o, s, n) + 2;
	add(o, "\"", 1);
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

	add_color(o, bad ? RED : DIM);
	cells = add_safe(o, key, nkey) + 1;
	add(o, "=", 1);
	cells += add_word(o, value);
	add_color(o, RESET);
	if (o->line.failed)
		return;
	bool wraps = o->width > 0 && blanks > 0 && rest->at + blanks + cells > o->width;
	size_t nfield = o->line.n - start, before = wraps ? rest->indent + 1 : blanks;
	add_blanks(o, before);
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
	    is_origin(rest->record, path, npath) == rest->origins)
		add_field(rest, path, npath, value);
	return 0;
}

/* ---- records ---- */

static const char *
level_color(const struct record *r)
{
	if (r->severity < SCHEMA_NO_LEVEL && r->severity >= schema_level("error", 5))
		return RED;
	if (r->severity == schema_level("warn", 4))
		return YELLOW;
	return r->severity < schema_level("info", 4) ? DIM : "";
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

static void
add_time(struct output *o, int64_t ns)
{
	char text[CLOCK_LENGTH];
	int64_t east, local;

	if (ns == CLOCK_NONE) {
		add_text(o, "-");
		add_blanks(o, TIME_LENGTH - 1);
		return;
	}
	east = zone_offset(o->zone, ns / CLOCK_S - (ns % CLOCK_S < 0)) * CLOCK_S;
	clock_format(text, __builtin_add_overflow(ns, east, &local) ? ns : local);
	text[10] = ' ';
	add_color(o, DIM);
	add(o, text, TIME_LENGTH);
	add_color(o, RESET);
}

/* Where the record stands, then its columns; the cells before the message. */
static size_t
add_columns(struct output *o, const struct record *r)
{
	const struct field level = level_shown(r);
	size_t at = 0;

	if (o->source) {
		add_color(o, DIM);
		at = add_safe(o, o->place, strlen(o->place)) + 1;
		add_color(o, RESET);
		add(o, " ", 1);
	}
	add_color(o, r->failed ? RED : "");
	add_text(o, r->failed ? "! " : "  ");
	add_color(o, r->failed ? RESET : "");
	add_time(o, r->time);
	add_blanks(o, 2);
	at += 2 + TIME_LENGTH + 2;
	at += add_cell(o, &level, level_color(r), &o->cells[LEVEL]);
	add_blanks(o, 2);
	at += 2 + add_cell(o, &r->stage.value, CYAN, &o->cells[STAGE]);
	if (o->cells[STAGE] == 0)
		return at;
	add_blanks(o, 2);
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
	o->line.n = 0;
	rest.indent = add_columns(o, &r);
	add_color(o, r.failed ? RED : "");
	rest.at = rest.indent + add_value(o, &r.msg.value);
	add_color(o, r.failed ? RESET : "");
	for (int origins = 0; origins <= 1; origins++) {
		rest.origins = origins;
		if (field_walk(line, n, take_leaf, &rest) < 0)
			return AUDITQ_EJSON;
	}
	return finish_line(o);
}

/* ---- a table of fields ---- */

static int
put_names(struct output *o)
{
	static const char source[] = "_source";
	size_t cells = add_safe(o, o->place, strlen(o->place)), n = sizeof source - 1;

	o->line.n = 0;
	add_color(o, BOLD);
	if (o->source) {
		add(o, source, n);
		add_blanks(o, 2 + (cells > n ? cells - n : 0));
	}
	for (size_t i = 0; i < o->ncol; i++) {
		const struct field name = { FIELD_STRING, false, o->col[i].name,
			strlen(o->col[i].name) };

		if (i > 0)
			add_blanks(o, 2);
		(void)add_cell(o, &name, "", &o->cells[i]);
	}
	add_color(o, RESET);
	return finish_line(o);
}

/* The first record's cells decide with the names how wide columns are to begin with. */
static void
measure(struct output *o)
{
	for (size_t i = 0; i < o->ncol; i++) {
		o->line.n = 0;
		(void)add_cell(o, &o->value[i], "", &o->cells[i]);
		size_t cells = term_cells(o->col[i].name, strlen(o->col[i].name));
		if (cells > o->cells[i])
			o->cells[i] = cells < COLUMN_MAX ? cells : COLUMN_MAX;
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
		measure(o);
		if ((code = put_names(o)) < 0)
			return code;
	}
	o->line.n = 0;
	if (o->source) {
		(void)add_safe(o, o->place, strlen(o->place));
		add_blanks(o, 2);
	}
	for (size_t i = 0; i < o->ncol; i++) {
		if (i > 0)
			add_blanks(o, 2);
		(void)add_cell(o, &o->value[i], r.failed ? RED : "", &o->cells[i]);
	}
	return finish_line(o);
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
