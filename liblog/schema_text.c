#include "schema_text.h"

#include <string.h>

#include "jbuf.h"

static const char *const role_names[SCHEMA_ROLES] = { "ts", "run", "stage", "level", "status",
	"duration", "msg" };
static const char *const level_names[SCHEMA_LEVELS] = { "trace", "debug", "info", "notice",
	"warn", "error", "critical" };

static const struct {
	const char *name;
	double ms;
} units[] = { { "s", 1000 }, { "ms", 1 }, { "us", 1e-3 }, { "ns", 1e-6 } };

enum { UNITS = sizeof units / sizeof units[0] };

/* ---- to text --------------------------------------------------------------------------- */

static void
put_comma(struct jbuf *b)
{
	if (!jbuf_full(b) && b->p[b->len - 1] != '{')
		jbuf_char(b, ',');
}

/* Of a member: text that needs no escapes. */
static void
put_name(struct jbuf *b, const char *name)
{
	put_comma(b);
	jbuf_char(b, '"');
	jbuf_raw(b, name, strlen(name));
	jbuf_raw(b, "\":", 2);
}

/* One is written without brackets. */
static void
put_keys(struct jbuf *b, const struct schema_keys *keys)
{
	if (keys->n != 1)
		jbuf_char(b, '[');
	for (size_t i = 0; i < keys->n; i++) {
		if (i > 0)
			jbuf_char(b, ',');
		jbuf_str(b, keys->key[i], strlen(keys->key[i]));
	}
	if (keys->n != 1)
		jbuf_char(b, ']');
}

static void
put_grades(struct jbuf *b, const struct schema *s)
{
	jbuf_char(b, '{');
	for (int level = 0; level < SCHEMA_LEVELS; level++) {
		bool any = false;

		for (size_t i = 0; i < s->ngrade; i++) {
			const struct schema_grade *g = &s->grade[i];

			if (g->level != level)
				continue;
			if (!any)
				put_name(b, level_names[level]);
			jbuf_char(b, any ? ',' : '[');
			if (g->number)
				jbuf_i64(b, g->from);
			else
				jbuf_str(b, g->word, strlen(g->word));
			any = true;
		}
		if (any)
			jbuf_char(b, ']');
	}
	jbuf_char(b, '}');
}

static void
put_words(struct jbuf *b, const struct schema_test *t)
{
	jbuf_char(b, '[');
	for (size_t i = 0; i < t->nword; i++) {
		if (i > 0)
			jbuf_char(b, ',');
		jbuf_str(b, t->word[i], strlen(t->word[i]));
	}
	jbuf_char(b, ']');
}

static void
put_test(struct jbuf *b, const struct schema_test *t)
{
	put_comma(b);
	jbuf_str(b, t->key, strlen(t->key));
	jbuf_char(b, ':');
	if (t->exists) {
		jbuf_raw(b, "true", 4);
		return;
	}
	if (!t->ranged && !t->other) {
		put_words(b, t);
		return;
	}
	jbuf_char(b, '{');
	if (t->nword > 0) {
		put_name(b, t->other ? "not" : "in");
		put_words(b, t);
	}
	if (t->ranged && t->min != INT64_MIN) {
		put_name(b, "min");
		jbuf_i64(b, t->min);
	}
	if (t->ranged && t->max != INT64_MAX) {
		put_name(b, "max");
		jbuf_i64(b, t->max);
	}
	jbuf_char(b, '}');
}

static void
put_tests(struct jbuf *b, const struct schema *s)
{
	jbuf_char(b, '{');
	for (size_t i = 0; i < s->ntest; i++)
		put_test(b, &s->test[i]);
	jbuf_char(b, '}');
}

/* How version 1 tells failed: a status of that word, else by the level. */
static bool
fails_as_in_1(const struct schema *s)
{
	const struct schema_test *t = &s->test[0];

	return s->ntest == 1 && s->keys[SCHEMA_STATUS].n == 1 && !t->exists && !t->other &&
	    !t->ranged && t->nword == 1 && strcmp(t->word[0], "failed") == 0 &&
	    strcmp(t->key, s->keys[SCHEMA_STATUS].key[0]) == 0 &&
	    s->failed_level == schema_default.failed_level;
}

static bool
fits_in_1(const struct schema *s)
{
	const struct schema_keys *msg = &s->keys[SCHEMA_MSG];

	for (int role = SCHEMA_RUN; role < SCHEMA_MSG; role++)
		if (s->keys[role].n != 1)
			return false;
	return s->name[0] == '\0' && s->unit == schema_default.unit && s->ngrade == 0 &&
	    msg->n == 1 && strcmp(msg->key[0], schema_default.keys[SCHEMA_MSG].key[0]) == 0 &&
	    fails_as_in_1(s);
}

static void
put_1(struct jbuf *b, const struct schema *s)
{
	const struct schema_keys *ts = &s->keys[SCHEMA_TIME];

	jbuf_raw(b, "\"v\":1", 5);
	put_name(b, role_names[SCHEMA_TIME]);
	if (ts->n == 1)
		jbuf_char(b, '[');
	put_keys(b, ts);
	if (ts->n == 1)
		jbuf_char(b, ']');
	for (int role = SCHEMA_RUN; role < SCHEMA_MSG; role++) {
		put_name(b, role_names[role]);
		put_keys(b, &s->keys[role]);
	}
}

static void
put_2(struct jbuf *b, const struct schema *s)
{
	jbuf_raw(b, "\"v\":2", 5);
	if (s->name[0] != '\0') {
		put_name(b, "name");
		jbuf_str(b, s->name, strlen(s->name));
	}
	for (int role = 0; role < SCHEMA_ROLES; role++) {
		put_name(b, role_names[role]);
		put_keys(b, &s->keys[role]);
	}
	for (int i = 0; s->unit != 1 && i < UNITS; i++)
		if (units[i].ms == s->unit) {
			put_name(b, "unit");
			jbuf_str(b, units[i].name, strlen(units[i].name));
		}
	if (s->ngrade > 0) {
		put_name(b, "levels");
		put_grades(b, s);
	}
	put_name(b, "failed");
	put_tests(b, s);
	if (s->failed_level != schema_default.failed_level) {
		put_name(b, "failed_level");
		if (s->failed_level == SCHEMA_NO_LEVEL)
			jbuf_raw(b, "null", 4);
		else
			jbuf_str(b, level_names[s->failed_level],
			    strlen(level_names[s->failed_level]));
	}
}

size_t
schema_format(const struct schema *s, char dst[SCHEMA_TEXT_MAX])
{
	struct jbuf b = { .p = dst, .cap = SCHEMA_TEXT_MAX };

	jbuf_char(&b, '{');
	if (fits_in_1(s))
		put_1(&b, s);
	else
		put_2(&b, s);
	jbuf_char(&b, '}');
	return jbuf_full(&b) ? 0 : b.len;
}

/* ---- from text ------------------------------------------------------------------------- */

/* A schema being read, and what is wrong with it. */
struct reading {
	struct schema *s;
	const char *why;
};

static bool
wrong(struct reading *r, const char *why)
{
	r->why = why;
	return false;
}

/* A string of up to cap bytes, without a NUL, that an archive can record as it is. */
static bool
get_text(struct reading *r, const struct field *value, char *dst, size_t cap)
{
	size_t n;

	if (value->type != FIELD_STRING)
		return wrong(r, "not a string");
	n = field_decode(value, dst, cap);
	if (n > cap)
		return wrong(r, "too long");
	if (memchr(dst, '\0', n) != NULL)
		return wrong(r, "a NUL in it");
	if (!jbuf_is_utf8(dst, n))
		return wrong(r, "not UTF-8");
	dst[n] = '\0';
	return true;
}

static bool
get_key(struct reading *r, const struct field *value, struct schema_keys *keys)
{
	if (keys->n == SCHEMA_KEYS_MAX)
		return wrong(r, "more than 8 keys");
	if (!get_text(r, value, keys->key[keys->n], SCHEMA_KEY_MAX))
		return false;
	keys->n++;
	return true;
}

static bool
get_keys(struct reading *r, const struct field *value, struct schema_keys *keys)
{
	struct field element;
	size_t iter = 0;
	int more;

	*keys = (struct schema_keys){ 0 };
	if (value->type == FIELD_STRING)
		return get_key(r, value, keys);
	if (value->type != FIELD_ARRAY)
		return wrong(r, "neither a key nor an array of keys");
	while ((more = field_elements(value, &iter, &element)) > 0)
		if (!get_key(r, &element, keys))
			return false;
	return more == 0 || wrong(r, "no array");
}

static bool
get_level(struct reading *r, const struct field *value, int *out)
{
	for (int level = 0; level < SCHEMA_LEVELS; level++)
		if (value->type == FIELD_STRING &&
		    field_equals(value, level_names[level], strlen(level_names[level]))) {
			*out = level;
			return true;
		}
	return wrong(r, "a level is trace, debug, info, notice, warn, error or critical");
}

/* Which of two levels it would be is for their order to say, which no text records. */
static bool
is_graded(const struct schema *s, const struct schema_grade *g)
{
	for (size_t i = 0; i < s->ngrade; i++)
		if (s->grade[i].number == g->number &&
		    (g->number ? s->grade[i].from == g->from
			       : schema_same_word(s->grade[i].word, g->word, strlen(g->word))))
			return true;
	return false;
}

static bool
get_grade(struct reading *r, const struct field *value, int level)
{
	struct schema_grade g = { .level = level, .number = value->type == FIELD_NUMBER };

	if (r->s->ngrade == SCHEMA_GRADES_MAX)
		return wrong(r, "more than 24 values");
	if (g.number && !field_i64(value, &g.from))
		return wrong(r, "not an integer");
	if (!g.number && !get_text(r, value, g.word, SCHEMA_WORD_MAX))
		return false;
	if (is_graded(r->s, &g))
		return wrong(r, "a value stands twice");
	r->s->grade[r->s->ngrade++] = g;
	return true;
}

/* {"error":["E",50], ...} */
static bool
get_grades(struct reading *r, const struct field *value)
{
	struct field key, list, element;
	size_t iter = 0;
	int level, more;

	r->s->ngrade = 0;
	while ((more = field_members(value, &iter, &key, &list)) > 0) {
		size_t at = 0;

		if (!get_level(r, &key, &level))
			return false;
		while ((more = field_elements(&list, &at, &element)) > 0)
			if (!get_grade(r, &element, level))
				return false;
		if (more < 0)
			return wrong(r, "not an array of numbers and words");
	}
	return more == 0 || wrong(r, "not an object of levels");
}

static bool
get_words(struct reading *r, const struct field *list, struct schema_test *t)
{
	struct field element;
	size_t iter = 0;
	int more;

	while ((more = field_elements(list, &iter, &element)) > 0) {
		if (t->nword == SCHEMA_WORDS_MAX)
			return wrong(r, "more than 12 words");
		if (!get_text(r, &element, t->word[t->nword], SCHEMA_WORD_MAX))
			return false;
		t->nword++;
	}
	return more == 0 || wrong(r, "not an array of words");
}

static bool
get_bound(struct reading *r, const struct field *value, struct schema_test *t, int64_t *bound)
{
	t->ranged = true;
	return field_i64(value, bound) || wrong(r, "not an integer");
}

/* {"in":[...]} or {"not":[...]}, and min, max. */
static bool
get_condition(struct reading *r, const struct field *value, struct schema_test *t)
{
	struct field key, part;
	size_t iter = 0;
	bool good = true;
	int more;

	while (good && (more = field_members(value, &iter, &key, &part)) > 0) {
		t->other = t->other || field_equals(&key, "not", 3);
		if (field_equals(&key, "in", 2) || field_equals(&key, "not", 3))
			good = t->nword == 0 ? get_words(r, &part, t)
					     : wrong(r, "both 'in' and 'not'");
		else if (field_equals(&key, "min", 3))
			good = get_bound(r, &part, t, &t->min);
		else if (field_equals(&key, "max", 3))
			good = get_bound(r, &part, t, &t->max);
		else
			good = wrong(r, "a test has 'in', 'not', 'min' and 'max'");
	}
	return good;
}

static bool
get_test(struct reading *r, const struct field *key, const struct field *value)
{
	struct schema_test t = { .min = INT64_MIN, .max = INT64_MAX };
	bool good = true;

	if (r->s->ntest == SCHEMA_TESTS_MAX)
		return wrong(r, "more than 8 tests");
	if (!get_text(r, key, t.key, SCHEMA_KEY_MAX))
		return false;
	t.exists = value->type == FIELD_TRUE;
	if (value->type == FIELD_ARRAY)
		good = get_words(r, value, &t);
	else if (value->type == FIELD_OBJECT)
		good = get_condition(r, value, &t);
	else if (!t.exists)
		return wrong(r, "a test is true, an array of words, or an object");
	if (!good)
		return false;
	if (!t.exists && t.nword == 0 && !t.ranged)
		return wrong(r, "a test that nothing passes");
	if (!t.ranged)
		t.min = t.max = 0;
	r->s->test[r->s->ntest++] = t;
	return true;
}

static bool
get_tests(struct reading *r, const struct field *value)
{
	struct field key, test;
	size_t iter = 0;
	int more;

	r->s->ntest = 0;
	while ((more = field_members(value, &iter, &key, &test)) > 0)
		if (!get_test(r, &key, &test))
			return false;
	return more == 0 || wrong(r, "not an object of tests");
}

static bool
get_unit(struct reading *r, const struct field *value)
{
	for (int i = 0; i < UNITS; i++)
		if (value->type == FIELD_STRING &&
		    field_equals(value, units[i].name, strlen(units[i].name))) {
			r->s->unit = units[i].ms;
			return true;
		}
	return wrong(r, "a unit is s, ms, us or ns");
}

static bool
get_failed_level(struct reading *r, const struct field *value)
{
	if (value->type != FIELD_NULL)
		return get_level(r, value, &r->s->failed_level);
	r->s->failed_level = SCHEMA_NO_LEVEL;
	return true;
}

static bool
get_version(struct reading *r, const struct field *value)
{
	return (value->type == FIELD_NUMBER &&
		   field_number_compare(value->p, value->n, "2", 1) == 0) ||
	    wrong(r, "not a version that is known");
}

static bool
get_name(struct reading *r, const struct field *value)
{
	return get_text(r, value, r->s->name, SCHEMA_NAME_MAX);
}

static bool
get_member(struct reading *r, const struct field *key, const struct field *value, bool *known)
{
	static const struct {
		const char *name;
		bool (*get)(struct reading *, const struct field *);
	} others[] = { { "v", get_version }, { "name", get_name }, { "unit", get_unit },
		{ "levels", get_grades }, { "failed", get_tests },
		{ "failed_level", get_failed_level } };

	*known = true;
	for (int role = 0; role < SCHEMA_ROLES; role++)
		if (field_equals(key, role_names[role], strlen(role_names[role])))
			return get_keys(r, value, &r->s->keys[role]);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (field_equals(key, others[i].name, strlen(others[i].name)))
			return others[i].get(r, value);
	*known = false;
	return true;
}

/* The object's members in turn.  fault NULL: what is not known is passed by. */
static bool
get_members(struct reading *r, const char *text, size_t n, struct schema_fault *fault)
{
	struct field object = { .type = FIELD_OBJECT }, key, value;
	size_t iter = 0, pos = 0;
	const char *why;

	if (field_check(text, n, &pos, &why) < 0)
		return wrong(r, why);
	for (object.p = text; *object.p != '{';)
		object.p++;
	object.n = (size_t)(text + n - object.p);
	while (field_members(&object, &iter, &key, &value) > 0) {
		bool known, good = get_member(r, &key, &value, &known);

		if (good && !known && fault != NULL)
			good = wrong(r, "not a member of a schema");
		if (good)
			continue;
		if (fault != NULL)
			fault->nmember = field_decode(&key, fault->member, SCHEMA_KEY_MAX);
		return false;
	}
	return true;
}

int
schema_read_text(const char *text, size_t n, struct schema *out, struct schema_fault *fault)
{
	struct schema s = schema_default;
	struct reading r = { .s = &s };
	char canonical[SCHEMA_TEXT_MAX];

	*fault = (struct schema_fault){ 0 };
	if (!get_members(&r, text, n, fault)) {
		fault->why = r.why;
		if (fault->nmember > SCHEMA_KEY_MAX)
			fault->nmember = SCHEMA_KEY_MAX;
		return -1;
	}
	if (schema_format(&s, canonical) == 0) {
		fault->why = "too much for an archive to record: 480 bytes";
		return -1;
	}
	*out = s;
	return 0;
}

/* All that version 1 had to say. */
static bool
parse_1(const char *text, size_t n, struct schema *out)
{
	struct field_path path[SCHEMA_MSG];
	struct field value[SCHEMA_MSG];
	struct schema s = schema_default;
	struct reading r = { .s = &s };

	for (int role = 0; role < SCHEMA_MSG; role++)
		field_path_set(&path[role], role_names[role], strlen(role_names[role]));
	if (field_get(text, n, path, SCHEMA_MSG, value) < 0)
		return false;
	for (int role = 0; role < SCHEMA_MSG; role++)
		if (value[role].type != (role == SCHEMA_TIME ? FIELD_ARRAY : FIELD_STRING) ||
		    !get_keys(&r, &value[role], &s.keys[role]))
			return false;
	memcpy(s.test[0].key, s.keys[SCHEMA_STATUS].key[0], sizeof s.test[0].key);
	*out = s;
	return true;
}

static bool
parse_2(const char *text, size_t n, struct schema *out)
{
	struct schema s = schema_default;
	struct reading r = { .s = &s };

	if (!get_members(&r, text, n, NULL))
		return false;
	*out = s;
	return true;
}

int
schema_parse(const char *text, size_t n, struct schema *out)
{
	static const struct field_path v = { "v", 1, false };
	struct field version;
	bool first;

	if (n > SCHEMA_TEXT_MAX || field_get(text, n, &v, 1, &version) < 0 ||
	    version.type != FIELD_NUMBER)
		return -1;
	first = field_number_compare(version.p, version.n, "1", 1) == 0;
	return (first ? parse_1(text, n, out) : parse_2(text, n, out)) ? 0 : -1;
}
