/*
 * field - any bytes as a line, held against jansson where both accept.
 *
 * Input: a path, a line feed, the line.
 */
#include <jansson.h>
#include <math.h>

#include "field.h"
#include "fuzz.h"

#define JSON_FLAGS (JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY)

/* ---- the oracle ---- */

/* The member that a dotted path names: the longest prefix that leads to it. */
static json_t *
find(json_t *object, const char *path, size_t n)
{
	json_t *member;
	size_t end = n;

	if (!json_is_object(object))
		return NULL;
	if ((member = json_object_getn(object, path, n)) != NULL)
		return member;
	while (end-- > 0) {
		if (path[end] != '.')
			continue;
		member = json_object_getn(object, path, end);
		if (member != NULL &&
		    (member = find(member, path + end + 1, n - end - 1)) != NULL)
			return member;
	}
	return NULL;
}

/* Why jansson may refuse what is an object to us: it wants UTF-8, doubles in their range, keys without NUL
 * and surrogates in pairs. */
static bool
is_pickier(const json_error_t *why)
{
	enum json_error_code code = json_error_code(why);

	return code == json_error_invalid_utf8 || code == json_error_numeric_overflow ||
	    code == json_error_null_byte_in_key ||
	    strstr(why->text, "invalid Unicode '\\u") != NULL;
}

static json_t *
load(const char *line, size_t n, bool valid, const char *why)
{
	size_t bom = n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	json_error_t refused;
	json_t *json = json_loadb(line + bom, n - bom, JSON_FLAGS, &refused);

	if (valid && json == NULL)
		FUZZ_CLAIM(is_pickier(&refused));
	/* jansson 2.14 passes by a NUL behind a number. */
	if (!valid && json_is_object(json) && memchr(line, '\0', n) == NULL)
		FUZZ_CLAIM(strcmp(why, "nested too deeply") == 0);
	if (valid && json != NULL)
		FUZZ_CLAIM(json_is_object(json));
	return json;
}

/* ---- values ---- */

static void
check_string(const struct field *f, const json_t *json)
{
	char *text = malloc(f->n + 1);
	size_t n = field_decode(f, text, f->n);

	FUZZ_CLAIM(n <= f->n);
	FUZZ_CLAIM(field_decode(f, NULL, 0) == n);
	FUZZ_CLAIM(field_equals(f, text, n));
	FUZZ_CLAIM(field_compare(f, text, n) == 0);
	FUZZ_CLAIM(field_starts(f, text, n / 2));
	if (n > 0)
		FUZZ_CLAIM(field_compare(f, text, n - 1) > 0);
	if (json != NULL) {
		FUZZ_CLAIM(json_is_string(json) && json_string_length(json) == n);
		FUZZ_CLAIM(memcmp(json_string_value(json), text, n) == 0);
	}
	free(text);
}

static void
check_number(const struct field *f, const json_t *json)
{
	char *text = fuzz_text(f->p, f->n), *end;
	double want = strtod(text, &end), got;
	int64_t i;
	uint64_t u;

	FUZZ_CLAIM(*end == '\0');
	FUZZ_CLAIM(field_double(f, &got) == (isfinite(want) != 0));
	if (isfinite(want))
		FUZZ_CLAIM(memcmp(&want, &got, sizeof got) == 0);
	if (field_i64(f, &i))
		FUZZ_CLAIM(strtoll(text, NULL, 10) == i);
	if (field_u64(f, &u))
		FUZZ_CLAIM(strtoull(text, NULL, 10) == u);
	FUZZ_CLAIM(field_number_compare(f->p, f->n, text, f->n) == 0);
	if (json != NULL)
		FUZZ_CLAIM(json_is_real(json) && json_real_value(json) == want);
	free(text);
}

static int
sign(int i)
{
	return (i > 0) - (i < 0);
}

/* Two neighbours in an array: their order is that of their doubles, where these differ. */
static void
check_order(const struct field *a, const struct field *b)
{
	double x, y;
	int order;

	if (a->type != FIELD_NUMBER || b->type != FIELD_NUMBER)
		return;
	order = sign(field_number_compare(a->p, a->n, b->p, b->n));
	FUZZ_CLAIM(order == -sign(field_number_compare(b->p, b->n, a->p, a->n)));
	if (field_double(a, &x) && field_double(b, &y) && x != y)
		FUZZ_CLAIM(order == (x < y ? -1 : 1));
}

static void
check_inside(const struct field *f)
{
	struct field key, value, last = { .type = FIELD_ABSENT };
	size_t iter = 0;
	int r;

	while ((r = f->type == FIELD_OBJECT ? field_members(f, &iter, &key, &value)
					    : field_elements(f, &iter, &value)) > 0) {
		FUZZ_CLAIM(value.p > f->p && value.p + value.n < f->p + f->n);
		check_order(&last, &value);
		if (value.type == FIELD_STRING)
			check_string(&value, NULL);
		if (value.type == FIELD_NUMBER)
			check_number(&value, NULL);
		last = value;
	}
	FUZZ_CLAIM(r == 0);
}

static void
check_value(const struct field *f, const json_t *json)
{
	json_t *again;

	switch (f->type) {
	case FIELD_STRING: check_string(f, json); return;
	case FIELD_NUMBER: check_number(f, json); return;
	case FIELD_OBJECT:
	case FIELD_ARRAY:
		check_inside(f);
		if (json == NULL)
			return;
		again = json_loadb(f->p, f->n, JSON_FLAGS, NULL);
		FUZZ_CLAIM(json_equal(again, json));
		json_decref(again);
		return;
	case FIELD_TRUE: FUZZ_CLAIM(json == NULL || json_is_true(json)); return;
	case FIELD_FALSE: FUZZ_CLAIM(json == NULL || json_is_false(json)); return;
	case FIELD_NULL: FUZZ_CLAIM(json == NULL || json_is_null(json)); return;
	case FIELD_ABSENT: break;
	}
}

/* ---- walking ---- */

/* The filters of an archive hold what a walk gives: what is found by its path must be among it. */
struct walk {
	const char *path;
	size_t npath;
	struct field value;
	bool met, overlong;
};

static int
on_value(void *arg, const char *path, size_t n, const struct field *value)
{
	struct walk *w = arg;

	if (path == NULL) {
		FUZZ_CLAIM(n > FIELD_PATH_MAX);
		w->overlong = true;
		return 0;
	}
	FUZZ_CLAIM(n <= FIELD_PATH_MAX && value->type != FIELD_ABSENT);
	if (n < w->npath || memcmp(path, w->path, w->npath) != 0)
		return 0;
	if (n == w->npath)
		w->met = w->met || value->p == w->value.p;
	else if (path[w->npath] == '.')
		w->met = w->met || value->p > w->value.p;
	return 0;
}

static void
check_walk(const char *line, size_t n, bool valid, const struct walk *wanted)
{
	struct walk w = *wanted;

	FUZZ_CLAIM(field_walk(line, n, on_value, &w) == (valid ? 0 : -1));
	if (valid && w.value.type != FIELD_ABSENT && !w.overlong)
		FUZZ_CLAIM(w.met);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *lf = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t npath = lf != NULL ? (size_t)(lf - data) : 0;
	const char *line = (const char *)data + npath + (lf != NULL), *why = NULL;
	size_t n = size - npath - (lf != NULL), pos = n + 1;
	char *text = fuzz_copy(data, npath);
	struct field_path path[3];
	struct field out[3];
	json_t *json, *want;
	bool valid = field_check(line, n, &pos, &why) == 0;

	FUZZ_CLAIM(valid || (pos <= n && why != NULL));
	field_path_set(&path[0], text, npath);
	field_path_set(&path[1], "ts", 2);
	field_path_set(&path[2], text, npath / 2);
	FUZZ_CLAIM((field_get(line, n, path, 3, out) == 0) == valid);
	if (!valid)
		out[0].type = FIELD_ABSENT;
	check_walk(line, n, valid, &(struct walk){ text, npath, out[0], false, false });
	json = load(line, n, valid, why);
	for (int i = 0; valid && i < 3; i++) {
		want = json == NULL ? NULL : find(json, path[i].text, path[i].n);
		FUZZ_CLAIM(json == NULL || (want != NULL) == (out[i].type != FIELD_ABSENT));
		check_value(&out[i], want);
	}
	json_decref(json);
	free(text);
	return 0;
}
