#include "schema.h"

#include <string.h>

#define SCHEMA_VERSION "1"

/* Longest decoded text of a time or a level that is understood. */
#define VALUE_MAX 64

enum { LEVEL_ERROR = 5, LEVEL_CRITICAL = 6 };

const struct schema schema_default = {
	.ts = { "ts", "@timestamp", "timestamp", "time", "eventTime" },
	.nts = 5,
	.run = "run_id",
	.stage = "stage",
	.level = "level",
	.status = "status",
	.duration = "duration_ms",
};

/* ---- canonical text -------------------------------------------------------------------- */

static void
put_member(struct jbuf *b, const char *name, const char *key)
{
	jbuf_char(b, ',');
	jbuf_str(b, name, strlen(name));
	jbuf_char(b, ':');
	jbuf_str(b, key, strlen(key));
}

size_t
schema_format(const struct schema *s, char dst[SCHEMA_TEXT_MAX])
{
	static const char head[] = "{\"v\":" SCHEMA_VERSION ",\"ts\":[";
	struct jbuf b = { .p = dst, .cap = SCHEMA_TEXT_MAX };

	jbuf_raw(&b, head, sizeof head - 1);
	for (size_t i = 0; i < s->nts; i++) {
		if (i > 0)
			jbuf_char(&b, ',');
		jbuf_str(&b, s->ts[i], strlen(s->ts[i]));
	}
	jbuf_char(&b, ']');
	put_member(&b, "run", s->run);
	put_member(&b, "stage", s->stage);
	put_member(&b, "level", s->level);
	put_member(&b, "status", s->status);
	put_member(&b, "duration", s->duration);
	jbuf_char(&b, '}');
	return jbuf_full(&b) ? 0 : b.len;
}

/* A key: a string that fits, without a NUL. */
static bool
get_key(const struct field *value, char dst[SCHEMA_KEY_MAX + 1])
{
	size_t n;

	if (value->type != FIELD_STRING)
		return false;
	n = field_decode(value, dst, SCHEMA_KEY_MAX);
	if (n > SCHEMA_KEY_MAX || memchr(dst, '\0', n) != NULL)
		return false;
	dst[n] = '\0';
	return true;
}

static bool
get_times(const struct field *value, struct schema *out)
{
	struct field element;
	size_t iter = 0;
	int r;

	if (value->type != FIELD_ARRAY)
		return false;
	while ((r = field_elements(value, &iter, &element)) > 0) {
		if (out->nts == SCHEMA_TS_MAX || !get_key(&element, out->ts[out->nts]))
			return false;
		out->nts++;
	}
	return r == 0;
}

int
schema_parse(const char *text, size_t n, struct schema *out)
{
	enum { V, TS, RUN, STAGE, LEVEL, STATUS, DURATION, KEYS };
	static const struct field_path keys[KEYS] = { { "v", 1, false }, { "ts", 2, false },
		{ "run", 3, false }, { "stage", 5, false }, { "level", 5, false },
		{ "status", 6, false }, { "duration", 8, false } };
	struct field value[KEYS];
	struct schema s = { .nts = 0 };

	if (n > SCHEMA_TEXT_MAX || field_get(text, n, keys, KEYS, value) < 0)
		return -1;
	if (value[V].type != FIELD_NUMBER ||
	    field_number_compare(value[V].p, value[V].n, SCHEMA_VERSION, 1) != 0)
		return -1;
	if (!get_times(&value[TS], &s) || !get_key(&value[RUN], s.run) ||
	    !get_key(&value[STAGE], s.stage) || !get_key(&value[LEVEL], s.level) ||
	    !get_key(&value[STATUS], s.status) || !get_key(&value[DURATION], s.duration))
		return -1;
	*out = s;
	return 0;
}

bool
schema_equal(const struct schema *a, const struct schema *b)
{
	if (a->nts != b->nts)
		return false;
	for (size_t i = 0; i < a->nts; i++)
		if (strcmp(a->ts[i], b->ts[i]) != 0)
			return false;
	return strcmp(a->run, b->run) == 0 && strcmp(a->stage, b->stage) == 0 &&
	    strcmp(a->level, b->level) == 0 && strcmp(a->status, b->status) == 0 &&
	    strcmp(a->duration, b->duration) == 0;
}

const char *
schema_key(const struct schema *s, const char *name)
{
	const struct {
		const char *name, *key;
	} keys[] = {
		{ schema_default.run, s->run },
		{ schema_default.stage, s->stage },
		{ schema_default.level, s->level },
		{ schema_default.status, s->status },
		{ schema_default.duration, s->duration },
	};

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (strcmp(keys[i].name, name) == 0)
			return keys[i].key;
	return name;
}

/* ---- values ---------------------------------------------------------------------------- */

/* A decimal number taken apart: 0.d1d2d3... * 10^point.  More digits than there is room for are
 * finer than a nanosecond. */
struct epoch {
	bool negative;
	int digits;
	int point;
	char digit[40]; /* values, not characters */
};

/* Behind an e, in a valid number. */
static int
epoch_exponent(const char *s, const char *end)
{
	bool negative = *s == '-';
	int exponent = 0;

	for (s += *s == '-' || *s == '+'; s < end && exponent < 100; s++)
		exponent = exponent * 10 + (*s - '0');
	return negative ? -exponent : exponent;
}

/* A valid number, or (text) a string that is digits with perhaps a sign and a fraction. */
static bool
epoch_parse(const char *s, size_t n, bool text, struct epoch *out)
{
	const char *end = s + n;
	bool fraction = false;

	*out = (struct epoch){ .negative = n > 0 && *s == '-' };
	for (s += out->negative; s < end && ((*s >= '0' && *s <= '9') || *s == '.'); s++) {
		if (*s == '.') {
			if (fraction)
				return false;
			fraction = true;
			continue;
		}
		if (out->digits < (int)sizeof out->digit)
			out->digit[out->digits++] = (char)(*s - '0');
		if (!fraction && ++out->point > (int)sizeof out->digit)
			return false;
	}
	if (out->digits == 0 || (text && s < end))
		return false;
	if (s < end)
		out->point += epoch_exponent(s + 1, end);
	return true;
}

static int
epoch_digit(const struct epoch *e, int i)
{
	return i >= 0 && i < e->digits ? e->digit[i] : 0;
}

/* ns in a unit of time, by the magnitude of the whole number of them. */
static int64_t
epoch_unit(int64_t whole)
{
	if (whole < INT64_C(100000000000))
		return CLOCK_S;
	if (whole < INT64_C(100000000000000))
		return 1000000;
	return whole < INT64_C(100000000000000000) ? 1000 : 1;
}

/* What is finer than a nanosecond is cut. */
static int64_t
epoch_time(const struct epoch *e)
{
	int64_t whole = 0, unit, ns;
	int i = 0;

	for (; i < e->point; i++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, epoch_digit(e, i), &whole))
			return CLOCK_NONE;
	unit = epoch_unit(whole);
	if (__builtin_mul_overflow(whole, unit, &ns))
		return CLOCK_NONE;
	for (i = e->point; unit > 1; i++) {
		unit /= 10;
		if (__builtin_add_overflow(ns, unit * epoch_digit(e, i), &ns))
			return CLOCK_NONE;
	}
	return e->negative ? -ns : ns;
}

int64_t
schema_value_time(const struct field *value)
{
	char text[VALUE_MAX];
	const char *s = value->p;
	size_t n = value->n;
	struct epoch epoch;
	int64_t ns;

	if (value->type == FIELD_STRING && value->escaped) {
		n = field_decode(value, text, sizeof text);
		s = text;
		if (n > sizeof text)
			return CLOCK_NONE;
	} else if (value->type != FIELD_STRING && value->type != FIELD_NUMBER) {
		return CLOCK_NONE;
	}
	if (value->type == FIELD_STRING && clock_parse(s, n, &ns, NULL, NULL) == 0)
		return ns;
	if (!epoch_parse(s, n, value->type == FIELD_STRING, &epoch))
		return CLOCK_NONE;
	return epoch_time(&epoch);
}

/* The commonest first. */
static const struct {
	const char *name;
	int level;
} level_names[] = {
	{ "info", 2 },
	{ "error", 5 },
	{ "warn", 4 },
	{ "debug", 1 },
	{ "trace", 0 },
	{ "notice", 3 },
	{ "critical", 6 },
	{ "warning", 4 },
	{ "err", 5 },
	{ "fatal", 6 },
	{ "crit", 6 },
	{ "information", 2 },
	{ "informational", 2 },
	{ "verbose", 0 },
	{ "alert", 6 },
	{ "emerg", 6 },
	{ "emergency", 6 },
	{ "panic", 6 },
};

const char *
schema_level_name(size_t i, int *level)
{
	if (i >= sizeof level_names / sizeof level_names[0])
		return NULL;
	*level = level_names[i].level;
	return level_names[i].name;
}

int
schema_level(const char *s, size_t n)
{
	char lower[16];

	if (n > sizeof lower)
		return SCHEMA_NO_LEVEL;
	for (size_t i = 0; i < n; i++)
		lower[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] | 0x20) : s[i];
	for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++)
		if (strlen(level_names[i].name) == n &&
		    memcmp(level_names[i].name, lower, n) == 0)
			return level_names[i].level;
	return SCHEMA_NO_LEVEL;
}

int64_t
schema_first_time(const struct field *value, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t ts = schema_value_time(&value[i]);
		if (ts != CLOCK_NONE)
			return ts;
	}
	return CLOCK_NONE;
}

int
schema_value_level(const struct field *value)
{
	char text[VALUE_MAX];
	size_t n;

	if (value->type != FIELD_STRING)
		return SCHEMA_NO_LEVEL;
	if (!value->escaped)
		return schema_level(value->p, value->n);
	n = field_decode(value, text, sizeof text);
	return n <= sizeof text ? schema_level(text, n) : SCHEMA_NO_LEVEL;
}

bool
schema_level_failed(int level)
{
	return level == LEVEL_ERROR || level == LEVEL_CRITICAL;
}

bool
schema_value_failed(const struct field *status, int level)
{
	if (status->type > FIELD_NULL)
		return status->type == FIELD_STRING &&
		    field_equals(status, SCHEMA_FAILED, strlen(SCHEMA_FAILED));
	return schema_level_failed(level);
}

/* ---- lines ----------------------------------------------------------------------------- */

/* What is looked up in a line, in this order; the time keys come last. */
enum { RUN, STAGE, LEVEL, STATUS, DURATION, EVENT, SEQ, FIRST_TIME };

static void
set_path(struct field_path *path, const char *key)
{
	field_path_set(path, key, strlen(key));
}

static size_t
set_times(struct field_path *path, const struct schema *s)
{
	for (size_t i = 0; i < s->nts; i++)
		set_path(&path[i], s->ts[i]);
	return s->nts;
}

static struct field
only_string(const struct field *value)
{
	return value->type == FIELD_STRING ? *value : (struct field){ .type = FIELD_ABSENT };
}

int
schema_read(const struct schema *s, const char *line, size_t n, struct schema_facts *out)
{
	struct field_path path[FIRST_TIME + SCHEMA_TS_MAX];
	struct field value[FIRST_TIME + SCHEMA_TS_MAX];

	set_path(&path[RUN], s->run);
	set_path(&path[STAGE], s->stage);
	set_path(&path[LEVEL], s->level);
	set_path(&path[STATUS], s->status);
	set_path(&path[DURATION], s->duration);
	set_path(&path[EVENT], "event");
	set_path(&path[SEQ], "seq");
	if (field_get(line, n, path, FIRST_TIME + set_times(path + FIRST_TIME, s), value) < 0)
		return -1;
	out->ts = schema_first_time(value + FIRST_TIME, s->nts);
	out->run = only_string(&value[RUN]);
	out->stage = only_string(&value[STAGE]);
	out->event = only_string(&value[EVENT]);
	out->status = only_string(&value[STATUS]);
	out->seq = value[SEQ];
	out->level = schema_value_level(&value[LEVEL]);
	out->has_status = value[STATUS].type > FIELD_NULL;
	out->failed = schema_value_failed(&value[STATUS], out->level);
	out->has_duration =
	    field_double(&value[DURATION], &out->duration) && out->duration >= 0;
	return 0;
}

int64_t
schema_time(const struct schema *s, const char *line, size_t n)
{
	struct field_path path[SCHEMA_TS_MAX];
	struct field value[SCHEMA_TS_MAX];

	if (field_get(line, n, path, set_times(path, s), value) < 0)
		return CLOCK_NONE;
	return schema_first_time(value, s->nts);
}
