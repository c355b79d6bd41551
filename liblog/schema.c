#include "schema.h"

#include <float.h>
#include <string.h>

enum { LEVEL_ERROR = 5 };

#define ONE(name)                                                                              \
	{                                                                                      \
		.n = 1, .key = { name }                                                        \
	}

const struct schema schema_default = {
	.keys = { [SCHEMA_TIME] = { .n = 5,
		      .key = { "ts", "@timestamp", "timestamp", "time", "eventTime" } },
	    [SCHEMA_RUN] = ONE("run_id"),
	    [SCHEMA_STAGE] = ONE("stage"),
	    [SCHEMA_LEVEL] = ONE("level"),
	    [SCHEMA_STATUS] = ONE("status"),
	    [SCHEMA_DURATION] = ONE("duration_ms"),
	    [SCHEMA_MSG] = ONE("msg") },
	.unit = 1,
	.test = { { .key = "status", .nword = 1, .word = { "failed" } } },
	.ntest = 1,
	.failed_level = LEVEL_ERROR,
};

/* ---- what two of them have in common ---- */

static bool
same_keys(const struct schema_keys *a, const struct schema_keys *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->key[i], b->key[i]) != 0)
			return false;
	return true;
}

static bool
same_grade(const struct schema_grade *a, const struct schema_grade *b)
{
	return a->level == b->level && a->number == b->number && a->from == b->from &&
	    strcmp(a->word, b->word) == 0;
}

static bool
same_test(const struct schema_test *a, const struct schema_test *b)
{
	if (strcmp(a->key, b->key) != 0 || a->exists != b->exists || a->other != b->other ||
	    a->nword != b->nword || a->ranged != b->ranged || a->min != b->min ||
	    a->max != b->max)
		return false;
	for (size_t i = 0; i < a->nword; i++)
		if (strcmp(a->word[i], b->word[i]) != 0)
			return false;
	return true;
}

bool
schema_equal(const struct schema *a, const struct schema *b)
{
	bool same = a->unit == b->unit && a->ngrade == b->ngrade && a->ntest == b->ntest &&
	    a->failed_level == b->failed_level;

	for (int role = 0; same && role < SCHEMA_ROLES; role++)
		same = same_keys(&a->keys[role], &b->keys[role]);
	for (size_t i = 0; same && i < a->ngrade; i++)
		same = same_grade(&a->grade[i], &b->grade[i]);
	for (size_t i = 0; same && i < a->ntest; i++)
		same = same_test(&a->test[i], &b->test[i]);
	return same;
}

enum schema_role
schema_role(const char *name)
{
	int role = SCHEMA_RUN;

	while (role < SCHEMA_ROLES && strcmp(schema_default.keys[role].key[0], name) != 0)
		role++;
	return (enum schema_role)role;
}

const char *
schema_key(const struct schema *s, const char *name)
{
	enum schema_role role = schema_role(name);

	if (role == SCHEMA_ROLES)
		return name;
	return s->keys[role].n == 1 ? s->keys[role].key[0] : NULL;
}

/* ---- layouts ---- */

static size_t
add_path(struct schema_layout *l, const char *key)
{
	field_path_set(&l->path[l->n], key, strlen(key));
	return l->n++;
}

/* Paths of one role stand together; a test may share one of any role. */
static size_t
share_path(struct schema_layout *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->path[i].text, key) == 0)
			return i;
	return add_path(l, key);
}

void
schema_lay_out(struct schema_layout *l, const struct schema *schema, unsigned want)
{
	l->schema = schema;
	l->n = 0;
	if ((want & SCHEMA_WANT_FAILED) != 0)
		want |= SCHEMA_WANT(SCHEMA_LEVEL) | SCHEMA_WANT(SCHEMA_STATUS);
	for (int role = 0; role < SCHEMA_ROLES; role++) {
		const struct schema_keys *keys = &schema->keys[role];

		l->role[role].first = l->n;
		l->role[role].n = (want >> role & 1) != 0 ? keys->n : 0;
		for (size_t i = 0; i < l->role[role].n; i++)
			(void)add_path(l, keys->key[i]);
	}
	for (size_t i = 0; (want & SCHEMA_WANT_FAILED) != 0 && i < schema->ntest; i++)
		l->test[i] = share_path(l, schema->test[i].key);
}

int64_t
schema_layout_time(const struct schema_layout *l, const struct field *value)
{
	int64_t ts = CLOCK_NONE;

	value += l->role[SCHEMA_TIME].first;
	for (size_t i = 0; ts == CLOCK_NONE && i < l->role[SCHEMA_TIME].n; i++)
		ts = schema_value_time(&value[i]);
	return ts;
}

static bool
is_of_use(const struct schema *s, const struct field *value, enum schema_role role)
{
	double x;

	switch (role) {
	case SCHEMA_RUN:
	case SCHEMA_STAGE: return value->type == FIELD_STRING;
	case SCHEMA_LEVEL: return schema_value_level(s, value) != SCHEMA_NO_LEVEL;
	case SCHEMA_DURATION: return field_double(value, &x);
	default: return value->type > FIELD_NULL;
	}
}

const struct field *
schema_layout_value(
    const struct schema_layout *l, const struct field *value, enum schema_role role)
{
	static const struct field absent = { .type = FIELD_ABSENT };
	const struct field *there = &absent;

	value += l->role[role].first;
	for (size_t i = l->role[role].n; i-- > 0;)
		if (value[i].type != FIELD_ABSENT)
			there = &value[i];
	for (size_t i = 0; i < l->role[role].n; i++)
		if (is_of_use(l->schema, &value[i], role))
			return &value[i];
	return there;
}

bool
schema_layout_ended(const struct schema_layout *l, const struct field *value)
{
	return schema_layout_value(l, value, SCHEMA_STATUS)->type > FIELD_NULL;
}

int
schema_layout_level(const struct schema_layout *l, const struct field *value)
{
	int level = SCHEMA_NO_LEVEL;

	value += l->role[SCHEMA_LEVEL].first;
	for (size_t i = 0; level == SCHEMA_NO_LEVEL && i < l->role[SCHEMA_LEVEL].n; i++)
		level = schema_value_level(l->schema, &value[i]);
	return level;
}

static bool
is_in_range(const struct schema_test *test, const struct field *number)
{
	int64_t i;
	double x;

	if (field_i64(number, &i))
		return i >= test->min && i <= test->max;
	return field_double(number, &x) && x >= (double)test->min && x <= (double)test->max;
}

bool
schema_test_holds(const struct schema_test *test, const struct field *value)
{
	bool known = false;

	if (test->exists && value->type > FIELD_NULL)
		return true;
	if (test->ranged && value->type == FIELD_NUMBER)
		return is_in_range(test, value);
	if (test->nword == 0 || value->type != FIELD_STRING)
		return false;
	for (size_t i = 0; !known && i < test->nword; i++)
		known = field_equals(value, test->word[i], strlen(test->word[i]));
	return known != test->other;
}

bool
schema_layout_failed(const struct schema_layout *l, const struct field *value)
{
	const struct schema *s = l->schema;
	int level;

	for (size_t i = 0; i < s->ntest; i++)
		if (schema_test_holds(&s->test[i], &value[l->test[i]]))
			return true;
	if (schema_layout_ended(l, value))
		return false;
	level = schema_layout_level(l, value);
	return level != SCHEMA_NO_LEVEL && level >= s->failed_level;
}

bool
schema_layout_duration(const struct schema_layout *l, const struct field *value, double *out)
{
	double x;

	if (!field_double(schema_layout_value(l, value, SCHEMA_DURATION), &x) || x < 0 ||
	    x > DBL_MAX / l->schema->unit)
		return false;
	*out = x * l->schema->unit;
	return true;
}

/* ---- lines ---- */

/* In every schema. */
enum { EVENT, SEQ, OWN_PATHS };

static struct field
only_string(const struct field *value)
{
	return value->type == FIELD_STRING ? *value : (struct field){ .type = FIELD_ABSENT };
}

int
schema_read(const struct schema *s, const char *line, size_t n, struct schema_facts *out)
{
	struct schema_layout l;
	struct field_path path[OWN_PATHS + SCHEMA_PATHS_MAX];
	struct field found[OWN_PATHS + SCHEMA_PATHS_MAX], *value = found + OWN_PATHS;

	schema_lay_out(&l, s,
	    SCHEMA_WANT(SCHEMA_TIME) | SCHEMA_WANT(SCHEMA_RUN) | SCHEMA_WANT(SCHEMA_STAGE) |
		SCHEMA_WANT(SCHEMA_DURATION) | SCHEMA_WANT_FAILED);
	field_path_set(&path[EVENT], "event", 5);
	field_path_set(&path[SEQ], "seq", 3);
	memcpy(path + OWN_PATHS, l.path, l.n * sizeof l.path[0]);
	if (field_get(line, n, path, OWN_PATHS + l.n, found) < 0)
		return -1;
	out->ts = schema_layout_time(&l, value);
	out->run = only_string(schema_layout_value(&l, value, SCHEMA_RUN));
	out->stage = only_string(schema_layout_value(&l, value, SCHEMA_STAGE));
	out->event = only_string(&found[EVENT]);
	out->seq = found[SEQ];
	out->level = schema_layout_level(&l, value);
	out->failed = schema_layout_failed(&l, value);
	out->has_status = schema_layout_ended(&l, value);
	out->has_duration = schema_layout_duration(&l, value, &out->duration);
	return 0;
}

int64_t
schema_time(const struct schema *s, const char *line, size_t n)
{
	struct field value[SCHEMA_PATHS_MAX];
	struct schema_layout l;

	schema_lay_out(&l, s, SCHEMA_WANT(SCHEMA_TIME));
	if (field_get(line, n, l.path, l.n, value) < 0)
		return CLOCK_NONE;
	return schema_layout_time(&l, value);
}
