/* field and token on random lines, held against jansson; and of the two ways to read a line one against the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "exact.h"
#include "field.h"
#include "json_path.h"
#include "quotes.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- against jansson ------------------------------------------------------------------- */

/* A random line as it grows, and what field_walk must say about it. */
struct line {
	char text[1 << 16];
	size_t n;
	char walk[1 << 17]; /* path '\n' token '\n' ... */
	size_t nwalk;
};

static void
put(struct line *l, const char *s)
{
	l->n += (size_t)sprintf(l->text + l->n, "%s", s);
}

static void
put_space(struct line *l)
{
	if (draw(8) == 0)
		put(l, draw(2) ? " " : "\t ");
}

static void
put_scalar(struct line *l)
{
	static const char *const some[] = { "true", "false", "null", "0", "-0", "1", "-17",
		"0.25", "1e3", "9007199254740993", "-9223372036854775808",
		"2.2250738585072014e-308", "\"\"", "\"x\"", "\"a.b\"",
		"\"0123456789abcdef0123456789\"", "\"\\\"\\\\\\n\"",
		"\"\\u00e9\\ud83d\\ude00\"", "\"\xc3\xa9\"", "[]" };

	put(l, some[draw(COUNT(some))]);
}

static void put_object(struct line *l, int depth, const char *path);

static void
put_array(struct line *l, int depth)
{
	size_t walked = l->nwalk; /* what is inside of an array is not walked */
	unsigned n = draw(4);

	put(l, "[");
	for (unsigned i = 0; i < n; i++) {
		put(l, i > 0 ? "," : "");
		put_space(l);
		if (depth < 6 && draw(3) == 0)
			put_object(l, depth + 1, "");
		else
			put_scalar(l);
		put_space(l);
	}
	put(l, "]");
	l->nwalk = walked;
}

/* One of few keys, so that duplicates and dots that compete with objects are common. */
static const char *
put_key(struct line *l)
{
	static const struct {
		const char *decoded, *token;
	} keys[] = { { "a", "\"a\"" }, { "b", "\"b\"" }, { "c", "\"c\"" }, { "a.b", "\"a.b\"" },
		{ "b.c", "\"b.c\"" }, { "a", "\"\\u0061\"" }, { "a.b", "\"a\\u002eb\"" },
		{ "", "\"\"" }, { "a.b.c", "\"a.b.c\"" }, { "\xc3\xa9", "\"\\u00E9\"" } };
	unsigned k = draw(COUNT(keys));

	put(l, keys[k].token);
	return keys[k].decoded;
}

static void
put_member(struct line *l, int depth, const char *path)
{
	char full[256];
	size_t start, walked = l->nwalk;
	unsigned kind = draw(5);

	put_space(l);
	snprintf(full, sizeof full, "%s%s%s", path, depth > 0 ? "." : "", put_key(l));
	put_space(l);
	put(l, ":");
	put_space(l);
	start = l->n;
	if (kind == 0)
		put_array(l, depth + 1);
	else if (kind < 3 && depth < 5)
		put_object(l, depth + 1, full);
	else
		put_scalar(l);
	if (l->nwalk == walked)
		l->nwalk += (size_t)sprintf(
		    l->walk + walked, "%s\n%.*s\n", full, (int)(l->n - start), l->text + start);
	put_space(l);
}

static void
put_object(struct line *l, int depth, const char *path)
{
	unsigned n = draw(depth == 0 ? 6 : 4);

	put(l, "{");
	for (unsigned i = 0; i < n; i++) {
		put(l, i > 0 ? "," : "");
		put_member(l, depth, path);
	}
	put(l, "}");
}

static void
compare_value(const struct field *f, json_t *want, const char *line, const char *path)
{
	char text[4096];
	json_t *got;
	size_t n;

	if (want == NULL || f->type == FIELD_ABSENT) {
		if (want != NULL || f->type != FIELD_ABSENT)
			fail_msg("%s in %s", path, line);
		return;
	}
	n = (size_t)snprintf(
	    text, sizeof text, f->type == FIELD_STRING ? "\"%.*s\"" : "%.*s", (int)f->n, f->p);
	assert_true(n < sizeof text);
	got = json_loadb(text, n, JSON_DECODE_ANY, NULL);
	if (got == NULL || !json_equal(got, want))
		fail_msg("%s in %s: %s", path, line, text);
	if (f->type == FIELD_STRING) {
		assert_int_equal(field_decode(f, text, sizeof text), json_string_length(want));
		assert_memory_equal(text, json_string_value(want), json_string_length(want));
	}
	json_decref(got);
}

struct walked {
	const char *at, *end;
};

static int
walk_one(void *arg, const char *path, size_t npath, const struct field *value)
{
	struct walked *w = arg;
	size_t quote = value->type == FIELD_STRING;

	assert_true((size_t)(w->end - w->at) > npath);
	assert_memory_equal(w->at, path, npath);
	assert_int_equal(w->at[npath], '\n');
	w->at += npath + 1;
	assert_memory_equal(w->at, value->p - quote, value->n + 2 * quote);
	w->at += value->n + 2 * quote + 1;
	return 0;
}

static void
test_jansson(void **state)
{
	static const char *const paths[] = { "a", "b", "c", "a.b", "b.c", "a.b.c", "a.a", "",
		"a.", ".", "\xc3\xa9", "a.b.c.a", "b.a.b", "c.a.b.c", "a..b", "x" };
	struct line *l = malloc(sizeof *l);
	struct field_path path[COUNT(paths)];
	struct field out[COUNT(paths)];

	(void)state;
	assert_non_null(l);
	draw_seed = 20261121;
	for (size_t i = 0; i < COUNT(paths); i++)
		field_path_set(&path[i], paths[i], strlen(paths[i]));
	for (int round = 0; round < 5000; round++) {
		struct walked w = { l->walk, l->walk };
		json_t *tree;
		char *line;
		l->n = l->nwalk = 0;
		put_object(l, 0, "");
		line = exact(l->text, l->n);
		tree = json_loadb(line, l->n, 0, NULL);
		assert_non_null(tree);
		assert_int_equal(field_check(line, l->n, NULL, NULL), 0);
		assert_int_equal(field_get(line, l->n, path, COUNT(paths), out), 0);
		for (size_t i = 0; i < COUNT(paths); i++)
			compare_value(&out[i], json_path(tree, paths[i]), l->text, paths[i]);
		w.end = l->walk + l->nwalk;
		assert_int_equal(field_walk(line, l->n, walk_one, &w), 0);
		assert_ptr_equal(w.at, w.end);
		json_decref(tree);
		free(line);
	}
	free(l);
}

/* ---- two ways to read a line ----------------------------------------------------------- */

/* Change a few bytes to ones that matter. */
static void
damage(struct line *l)
{
	static const char bytes[] = "\"\"\"\\{}[],:: \t\r\n\x01"
				    "0-.eEux\x80";

	for (unsigned i = draw(4); i > 0 && l->n > 0; i--)
		l->text[draw((unsigned)l->n)] = bytes[draw(sizeof bytes - 1)];
	if (l->n > 0 && draw(8) == 0)
		l->n -= draw((unsigned)l->n);
}

/*
 * Of a line that is neither long nor has backslashes, the quotes are found before it is read; with so many
 * spaces behind it they are not.
 */
static void
test_two_ways(void **state)
{
	enum { SPACES = QUOTES_LINE_MAX };
	static const char *const paths[] = { "a", "b", "c", "a.b", "b.c", "", "\xc3\xa9" };
	static const char plain[] = "{\"a\":\"x\",\"b\":-1.5e+3,\"c\":[true,\"\",{\"b\":null}],"
				    "\"a.b\":{\"c\":{}},\"\xc3\xa9\":12345678901,\"b\":\"\"}";
	struct line *l = malloc(sizeof *l);
	struct field_path path[COUNT(paths)];
	int good = 0;

	(void)state;
	assert_non_null(l);
	draw_seed = 7;
	for (size_t i = 0; i < COUNT(paths); i++)
		field_path_set(&path[i], paths[i], strlen(paths[i]));
	for (int round = 0; round < 20000; round++) {
		struct field short_out[COUNT(paths)], long_out[COUNT(paths)];
		size_t short_pos = 0, long_pos = 0;
		const char *short_why = "", *long_why = "";
		char *line, *padded;
		int r;

		l->n = l->nwalk = 0;
		if (round % 2 == 0)
			put_object(l, 0, "");
		else
			put(l, plain);
		damage(l);
		line = exact(l->text, l->n);
		padded = malloc(l->n + SPACES);
		assert_non_null(padded);
		memcpy(padded, line, l->n);
		memset(padded + l->n, ' ', SPACES);
		r = field_check(line, l->n, &short_pos, &short_why);
		if (field_check(padded, l->n + SPACES, &long_pos, &long_why) != r)
			fail_msg("%.*s: %s, %s", (int)l->n, line, short_why, long_why);
		/* What is cut at its end is wrong elsewhere when spaces follow. */
		if (short_pos < l->n && (short_pos != long_pos || short_why != long_why))
			fail_msg("%.*s: %s, %s", (int)l->n, line, short_why, long_why);
		assert_int_equal(field_get(line, l->n, path, COUNT(paths), short_out), r);
		assert_int_equal(
		    field_get(padded, l->n + SPACES, path, COUNT(paths), long_out), r);
		for (size_t i = 0; r == 0 && i < COUNT(paths); i++) {
			assert_int_equal(short_out[i].type, long_out[i].type);
			if (short_out[i].type == FIELD_ABSENT)
				continue;
			assert_int_equal(short_out[i].p - line, long_out[i].p - padded);
			assert_int_equal(short_out[i].n, long_out[i].n);
			assert_int_equal(short_out[i].escaped, long_out[i].escaped);
		}
		good += r == 0;
		free(line);
		free(padded);
	}
	assert_in_range(good, 3000, 15000);
	free(l);
}

/* Of nothing but quotes, up to and over the length whose quotes are found before it is read. */
static void
test_quotes_only(void **state)
{
	enum { MOST = 20000 };
	char *line = malloc(MOST + 16);

	(void)state;
	assert_non_null(line);
	for (size_t n = 1; n < MOST; n = n < 20 ? n + 1 : n * 5 / 4) {
		size_t len = (size_t)sprintf(line, "{\"a\":[");
		struct field_path path;
		struct field out;

		for (size_t i = 0; len + 6 < n; i++)
			len += (size_t)sprintf(line + len, "%s\"\"", i > 0 ? "," : "");
		len += (size_t)sprintf(line + len, "]}");
		field_path_set(&path, "a", 1);
		assert_int_equal(field_get(line, len, &path, 1, &out), 0);
		assert_int_equal(out.type, FIELD_ARRAY);
		assert_int_equal(out.n, len - strlen("{\"a\":}"));
		line[len - 3] = 'x'; /* the last string does not end */
		assert_int_equal(field_check(line, len, NULL, NULL), -1);
	}
	free(line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jansson),
		cmocka_unit_test(test_two_ways),
		cmocka_unit_test(test_quotes_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
