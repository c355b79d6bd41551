/* field and token, held against tables and JSONTestSuite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "exact.h"
#include "field.h"
#include "token.h"

#define SUITE    "../shared/data/JSONTestSuite/test_parsing"
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct field
get(const char *line, const char *path)
{
	struct field out;
	struct field_path p;

	field_path_set(&p, path, strlen(path));
	if (field_get(line, strlen(line), &p, 1, &out) < 0)
		fail_msg("not read: %s", line);
	return out;
}

/* ---- lines ----------------------------------------------------------------------------- */

static const struct {
	const char *line;
	size_t pos;
	const char *why; /* NULL: valid */
} checks[] = {
	{ "{}", 0, NULL },
	{ " \t{ } \r", 0, NULL },
	{ "\xef\xbb\xbf{\"a\":1}", 0, NULL },
	{ "{\"a\":[[],{},[{}],-0.5e+10,true,false,null,\"\"]}\r", 0, NULL },
	{ "{\"a\":\"\x7f\xff\xed\xa0\x80\"}", 0, NULL },
	{ "{\"a\":\"\\ud800 \\u0000\"}", 0, NULL },
	{ "{\"\":{\"\":0}}", 0, NULL },
	{ "", 0, "expected '{'" },
	{ "[1]", 0, "expected '{'" },
	{ "\"a\"", 0, "expected '{'" },
	{ "\xef\xbb{}", 0, "expected '{'" },
	{ "{", 1, "expected a key" },
	{ "{\"a\"", 4, "expected ':'" },
	{ "{\"a\":", 5, "expected a value" },
	{ "{\"a\":1", 6, "expected ',' or '}'" },
	{ "{\"a\":1,}", 7, "expected a key" },
	{ "{\"a\" 1}", 5, "expected ':'" },
	{ "{'a':1}", 1, "expected a key" },
	{ "{\"a\":[1,]}", 8, "expected a value" },
	{ "{\"a\":[1}", 7, "expected ',' or ']'" },
	{ "{\"a\":{\"b\":1]}", 11, "expected ',' or '}'" },
	{ "{\"a\":01}", 6, "number with a leading zero" },
	{ "{\"a\":-}", 6, "expected a digit" },
	{ "{\"a\":1.}", 7, "expected a digit" },
	{ "{\"a\":1e}", 7, "expected a digit" },
	{ "{\"a\":+1}", 5, "expected a value" },
	{ "{\"a\":NaN}", 5, "expected a value" },
	{ "{\"a\":nul}", 5, "expected a value" },
	{ "{\"a\":\"b\tc\"}", 7, "control character in a string" },
	{ "{\"a\":\"0123456789abcdef\x1f\"}", 22, "control character in a string" },
	{ "{\"a\":\"\\x\"}", 7, "invalid escape" },
	{ "{\"a\":\"\\u12g4\"}", 10, "\\u without four hex digits" },
	{ "{\"a\":\"b", 7, "string does not end" },
	{ "{\"a\":\"\\", 7, "string does not end" },
	{ "{}{}", 2, "text after the object" },
	{ "{\"a\":1} x", 8, "text after the object" },
};

static void
test_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(checks); i++) {
		size_t n = strlen(checks[i].line), pos = 0;
		char *line = exact(checks[i].line, n);
		const char *why = NULL;
		int r = field_check(line, n, &pos, &why);
		if ((r == 0) != (checks[i].why == NULL) ||
		    field_get(line, n, NULL, 0, NULL) != r)
			fail_msg("%s: %d", checks[i].line, r);
		if (r < 0 && (pos != checks[i].pos || strcmp(why, checks[i].why) != 0))
			fail_msg("%s: %zu %s", checks[i].line, pos, why);
		free(line);
	}
	assert_int_equal(field_check("{\"a\":\"\0\"}", 9, NULL, NULL), -1);
	assert_int_equal(field_check("\0\0\0\0", 4, NULL, NULL), -1);
}

/* {"a":[[[...]]]} or {"a":{"a":...}}, so many objects and arrays deep. */
static int
check_depth(int depth, const char *open, const char *close)
{
	size_t room = (size_t)depth * (strlen(open) + strlen(close)) + 64, n, pos;
	char *line = malloc(room);
	const char *why;
	int r;

	assert_non_null(line);
	n = (size_t)sprintf(line, "{\"a\":");
	for (int i = 1; i < depth; i++)
		n += (size_t)sprintf(line + n, "%s", open);
	line[n++] = '1';
	for (int i = 1; i < depth; i++)
		n += (size_t)sprintf(line + n, "%s", close);
	line[n++] = '}';
	r = field_check(line, n, &pos, &why);
	assert_int_equal(field_get(line, n, NULL, 0, NULL), r);
	if (r < 0)
		assert_string_equal(why, "nested too deeply");
	free(line);
	return r;
}

static void
test_depth(void **state)
{
	(void)state;
	assert_int_equal(check_depth(FIELD_DEPTH, "[", "]"), 0);
	assert_int_equal(check_depth(FIELD_DEPTH + 1, "[", "]"), -1);
	assert_int_equal(check_depth(FIELD_DEPTH, "{\"a\":", "}"), 0);
	assert_int_equal(check_depth(FIELD_DEPTH + 1, "{\"a\":", "}"), -1);
	assert_int_equal(check_depth(FIELD_DEPTH + 1, "[{\"a\":", "}]"), -1);
	assert_int_equal(check_depth(100000, "[", "]"), -1);
}

/* A prefix is no object, and no byte behind it is looked at. */
static void
test_cut(void **state)
{
	static const char whole[] =
	    "{\"a\":{\"b\":[1,-2.5e-3,\"x\\u00e9\\n\"],\"c\":null},\"d\":true,\"e\":\"0123456789abcdefgh\"}";
	struct field_path path;
	struct field out;

	(void)state;
	field_path_set(&path, "a.b", 3);
	for (size_t n = 0; n < sizeof whole; n++) {
		char *line = exact(whole, n);
		bool valid = n == sizeof whole - 1;
		assert_int_equal(field_check(line, n, NULL, NULL), valid ? 0 : -1);
		assert_int_equal(field_get(line, n, &path, 1, &out), valid ? 0 : -1);
		free(line);
	}
}

/* Any change of a byte: check and get agree, and nothing outside is read. */
static void
test_damaged(void **state)
{
	static const char whole[] =
	    "{\"a\":{\"b\":[1,-2.5e-3,\"x\\u00e9\"]},\"d\":true,\"e.f\":null}";
	struct field_path path[2];
	struct field out[2];

	(void)state;
	field_path_set(&path[0], "a.b", 3);
	field_path_set(&path[1], "e.f.g", 5);
	for (size_t i = 0; i < sizeof whole - 1; i++) {
		for (int byte = 0; byte < 256; byte++) {
			char *line = exact(whole, sizeof whole - 1);
			line[i] = (char)byte;
			assert_int_equal(field_check(line, sizeof whole - 1, NULL, NULL),
			    field_get(line, sizeof whole - 1, path, 2, out));
			free(line);
		}
	}
}

static void
test_stop(void **state)
{
	char text[80];

	(void)state;
	draw_seed = 7;
	for (int round = 0; round < 20000; round++) {
		size_t n = draw(sizeof text + 1), from = draw(8);
		for (size_t i = 0; i < n; i++)
			text[i] = (char)(0x20 + draw(0xe0));
		if (n > 0 && round % 4 != 0)
			text[draw((unsigned)n)] = "\"\\\x1f\x00\t\x7f\xff"[draw(7)];
		if (from > n)
			from = n;
		assert_ptr_equal(token_stop(text + from, text + n),
		    token_stop_bytewise(text + from, text + n));
	}
}

/* ---- JSONTestSuite --------------------------------------------------------------------- */

/* Line feeds between tokens become spaces, as in a line they must. */
static void
flatten(char *text, size_t n)
{
	bool string = false;

	for (size_t i = 0; i < n; i++) {
		if (string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			string = !string;
		else if (!string && text[i] == '\n')
			text[i] = ' ';
	}
}

static size_t
read_case(const char *name, char **out)
{
	char path[512];
	size_t n;
	FILE *f;

	assert_true(snprintf(path, sizeof path, SUITE "/%s", name) < (int)sizeof path);
	f = fopen(path, "rb");
	assert_non_null(f);
	*out = malloc(1 << 20);
	assert_non_null(*out);
	n = fread(*out, 1, 1 << 20, f);
	fclose(f);
	flatten(*out, n);
	return n;
}

/* Every y_ file is a field's value and every n_ file is none; no n_ file is a line of its own
 * either.  (All n_ files with invalid UTF-8 are wrong in another way too.) */
static void
test_suite(void **state)
{
	DIR *dir = opendir(SUITE);
	struct dirent *entry;
	int seen = 0;

	(void)state;
	if (dir == NULL) {
		print_message(SUITE " is not there: skipped\n");
		skip();
	}
	while ((entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;
		char *text, *line;
		size_t n;
		int r;
		if (strstr(name, ".json") == NULL)
			continue;
		n = read_case(name, &text);
		line = malloc(n + 6);
		assert_non_null(line);
		memcpy(line, "{\"v\":", 5);
		memcpy(line + 5, text, n);
		line[5 + n] = '}';
		r = field_check(line, n + 6, NULL, NULL);
		assert_int_equal(field_get(line, n + 6, NULL, 0, NULL), r);
		if ((name[0] == 'y' && r != 0) || (name[0] == 'n' && r == 0))
			fail_msg("%s as a value: %d", name, r);
		if (name[0] == 'n' && field_check(text, n, NULL, NULL) == 0)
			fail_msg("%s as a line", name);
		if (name[0] == 'y' && text[strspn(text, " \t")] == '{' &&
		    field_check(text, n, NULL, NULL) != 0)
			fail_msg("%s as a line", name);
		free(line);
		free(text);
		seen++;
	}
	closedir(dir);
	assert_true(seen > 300);
}

/* ---- paths ----------------------------------------------------------------------------- */

static const struct {
	const char *line, *path;
	enum field_type type;
	const char *text;
} lookups[] = {
	{ "{\"a\":1}", "a", FIELD_NUMBER, "1" },
	{ "{\"a\":1}", "b", FIELD_ABSENT, "" },
	{ "{\"a\":1,\"a\":\"2\"}", "a", FIELD_STRING, "2" },
	{ "{\"a.b\":1}", "a.b", FIELD_NUMBER, "1" },
	{ "{\"a\":{\"b\":1}}", "a.b", FIELD_NUMBER, "1" },
	{ "{\"a\":{\"b\":1},\"a.b\":2}", "a.b", FIELD_NUMBER, "2" },
	{ "{\"a.b\":2,\"a\":{\"b\":1}}", "a.b", FIELD_NUMBER, "2" },
	{ "{\"a\":{\"b\":1},\"a\":{\"c\":1}}", "a.b", FIELD_ABSENT, "" },
	{ "{\"a\":{\"b\":1},\"a\":2}", "a.b", FIELD_ABSENT, "" },
	{ "{\"a\":2,\"a\":{\"b\":1,\"b\":3}}", "a.b", FIELD_NUMBER, "3" },
	{ "{\"a.b\":{\"x\":1},\"a\":{\"b\":{\"c\":2}}}", "a.b.c", FIELD_NUMBER, "2" },
	{ "{\"a.b\":{\"c\":1},\"a\":{\"b\":{\"c\":2}}}", "a.b.c", FIELD_NUMBER, "1" },
	{ "{\"a\":{\"b.c\":1,\"b\":{\"c\":2}}}", "a.b.c", FIELD_NUMBER, "1" },
	{ "{\"a\":{\"b.c\":{},\"b\":{\"c\":{\"d\":2}}}}", "a.b.c.d", FIELD_NUMBER, "2" },
	{ "{\"a\":[{\"b\":1}]}", "a.b", FIELD_ABSENT, "" },
	{ "{\"a\":[{\"b\":1}]}", "a", FIELD_ARRAY, "[{\"b\":1}]" },
	{ "{\"a\": { \"b\" : 1 } }", "a", FIELD_OBJECT, "{ \"b\" : 1 }" },
	{ "{\"\\u0061\":1}", "a", FIELD_NUMBER, "1" },
	{ "{\"a\\u002eb\":1}", "a.b", FIELD_NUMBER, "1" },
	{ "{\"a\":{\"\\u0062\":1}}", "a.b", FIELD_NUMBER, "1" },
	{ "{\"\":{\"\":1}}", ".", FIELD_NUMBER, "1" },
	{ "{\"\":1}", "", FIELD_NUMBER, "1" },
	{ "{\"a\":{\"\":1}}", "a.", FIELD_NUMBER, "1" },
	{ "{\"a.\":{\"b\":1}}", "a..b", FIELD_NUMBER, "1" },
	{ "{\"ab\":1}", "a.b", FIELD_ABSENT, "" },
	{ "\xef\xbb\xbf{\"a\":true}\r", "a", FIELD_TRUE, "true" },
	{ "{\"a\":false,\"b\":null}", "b", FIELD_NULL, "null" },
	{ "{\"a\":\"x\\ny\"}", "a", FIELD_STRING, "x\\ny" },
	{ "{\"a\":\"\\ud800\"}", "a", FIELD_STRING, "\\ud800" },
};

static void
test_lookup(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lookups); i++) {
		struct field f = get(lookups[i].line, lookups[i].path);
		if (f.type != lookups[i].type)
			fail_msg(
			    "%s in %s: type %d", lookups[i].path, lookups[i].line, (int)f.type);
		if (f.type != FIELD_ABSENT &&
		    (f.n != strlen(lookups[i].text) || memcmp(f.p, lookups[i].text, f.n) != 0))
			fail_msg(
			    "%s in %s: %.*s", lookups[i].path, lookups[i].line, (int)f.n, f.p);
		if (f.type == FIELD_STRING)
			assert_int_equal(f.escaped, memchr(f.p, '\\', f.n) != NULL);
	}
}

/* More paths than one pass looks for. */
static void
test_many_paths(void **state)
{
	char line[4096] = "{", names[100][8];
	struct field_path path[100];
	struct field out[100];
	size_t n = 1;
	int64_t value;

	(void)state;
	for (int i = 0; i < 100; i++) {
		sprintf(names[i], i % 3 == 0 ? "o.k%d" : "k%d", i);
		field_path_set(&path[i], names[i], strlen(names[i]));
		n += (size_t)sprintf(
		    line + n, i % 3 == 0 ? "\"o\":{\"k%d\":%d}," : "\"k%d\":%d,", i, i);
	}
	line[n - 1] = '}';
	assert_int_equal(field_get(line, n, path, 100, out), 0);
	for (int i = 0; i < 100; i++) {
		if (i % 3 == 0 && i != 99) { /* a later "o" hides it */
			assert_int_equal(out[i].type, FIELD_ABSENT);
			continue;
		}
		assert_true(field_i64(&out[i], &value));
		assert_int_equal(value, i);
	}
}

static void
test_members(void **state)
{
	struct field object =
	    get("{\"o\": { \"a\" : 1 , \"\\u0062\":[2, {} ,\"x\"],\"c\":{} } }", "o");
	struct field key, value, element;
	size_t iter = 0, inner = 0;

	(void)state;
	assert_int_equal(field_members(&object, &iter, &key, &value), 1);
	assert_true(field_equals(&key, "a", 1) && value.type == FIELD_NUMBER);
	assert_int_equal(field_members(&object, &iter, &key, &value), 1);
	assert_true(field_equals(&key, "b", 1) && value.type == FIELD_ARRAY);
	assert_int_equal(field_elements(&value, &inner, &element), 1);
	assert_int_equal(element.type, FIELD_NUMBER);
	assert_int_equal(field_elements(&value, &inner, &element), 1);
	assert_int_equal(element.type, FIELD_OBJECT);
	assert_int_equal(field_elements(&value, &inner, &element), 1);
	assert_true(field_equals(&element, "x", 1));
	assert_int_equal(field_elements(&value, &inner, &element), 0);
	assert_int_equal(field_elements(&value, &inner, &element), 0);
	assert_int_equal(field_members(&object, &iter, &key, &value), 1);
	assert_int_equal(value.type, FIELD_OBJECT);
	inner = 0;
	assert_int_equal(field_members(&value, &inner, &key, &element), 0);
	assert_int_equal(field_elements(&value, &inner, &element), -1);
	assert_int_equal(field_members(&object, &iter, &key, &value), 0);
}

/* ---- strings --------------------------------------------------------------------------- */

static const struct {
	const char *token, *decoded;
	size_t n;
} strings[] = {
	{ "", "", 0 },
	{ "abc", "abc", 3 },
	{ "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8 },
	{ "\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac", 6 },
	{ "\\ud83d\\ude00", "\xf0\x9f\x98\x80", 4 },
	{ "\\uD83D", "\xed\xa0\xbd", 3 },
	{ "\\ude00\\ud83d", "\xed\xb8\x80\xed\xa0\xbd", 6 },
	{ "\\ud83d\\ud83d\\ude00", "\xed\xa0\xbd\xf0\x9f\x98\x80", 7 },
	{ "\\ud83d\\n", "\xed\xa0\xbd\n", 4 },
	{ "\\ud83dx", "\xed\xa0\xbdx", 4 },
	{ "x\\u0000y", "x\0y", 3 },
	{ "\xff\\n\xfe", "\xff\n\xfe", 3 },
	{ "\\\\u0041", "\\u0041", 6 },
};

static int
sign(int x)
{
	return (x > 0) - (x < 0);
}

static void
test_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(strings); i++) {
		size_t n = strings[i].n;
		struct field f = { .type = FIELD_STRING,
			.p = strings[i].token,
			.n = strlen(strings[i].token),
			.escaped = strchr(strings[i].token, '\\') != NULL };
		char *decoded = malloc(n + 1), longer[16] = { 0 };
		assert_non_null(decoded);
		assert_int_equal(field_decode(&f, NULL, 0), n);
		for (size_t cap = 0; cap <= n + 1; cap++) {
			memset(decoded, '#', n + 1);
			assert_int_equal(field_decode(&f, decoded, cap), n);
			assert_memory_equal(decoded, strings[i].decoded, cap < n ? cap : n);
			if (cap < n + 1)
				assert_int_equal(decoded[cap], '#');
		}
		memcpy(longer, strings[i].decoded, n);
		assert_true(field_equals(&f, strings[i].decoded, n));
		assert_false(field_equals(&f, longer, n + 1));
		for (size_t some = 0; some <= n; some++)
			assert_true(field_starts(&f, strings[i].decoded, some));
		assert_false(field_starts(&f, longer, n + 1));
		assert_int_equal(field_compare(&f, longer, n), 0);
		assert_true(field_compare(&f, longer, n + 1) < 0);
		if (n > 0) {
			assert_true(field_compare(&f, longer, n - 1) > 0);
			assert_false(field_equals(&f, longer, n - 1));
			longer[n - 1] = (char)(longer[n - 1] ^ 1);
			assert_false(field_starts(&f, longer, n));
			assert_int_equal(sign(field_compare(&f, longer, n)),
			    sign(memcmp(strings[i].decoded, longer, n)));
		}
		free(decoded);
	}
}

/* ---- walk ------------------------------------------------------------------------------ */

struct lengths {
	size_t count, with_path, stop_at;
};

static int
walk_count(void *arg, const char *path, size_t npath, const struct field *value)
{
	struct lengths *l = arg;

	(void)value;
	if (path != NULL) {
		assert_true(npath <= FIELD_PATH_MAX);
		l->with_path++;
	}
	return ++l->count == l->stop_at ? 42 : 0;
}

static void
test_walk_limits(void **state)
{
	char line[1024];
	struct lengths l = { 0 };
	int n;

	(void)state;
	n = sprintf(line,
	    "{\"%0256d\":1,\"%0257d\":1,\"%0250d\":{\"12345\":1,\"123456\":{\"x\":1}}}", 0, 0,
	    0);
	assert_int_equal(field_walk(line, (size_t)n, walk_count, &l), 0);
	assert_int_equal(l.count, 4);
	assert_int_equal(l.with_path, 2);
	l = (struct lengths){ .stop_at = 2 };
	assert_int_equal(field_walk("{\"a\":1,\"b\":2,\"c\":3}", 19, walk_count, &l), 42);
	assert_int_equal(field_walk("{\"a\":1,\"b\":2,\"c\":3", 18, walk_count, &l), -1);
	assert_int_equal(field_walk("{\"a\":1}x", 8, walk_count, &l), -1);
	assert_int_equal(field_walk("[]", 2, walk_count, &l), -1);
	assert_int_equal(field_walk("{\"a\":{\"b\":{ }}}", 15, walk_count, &l), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_suite),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_many_paths),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_walk_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
