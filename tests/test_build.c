/* build - questions that are put wrong, or at the wrong time; and the fields of what was found. */
#include "searched.h"

static void
test_builder(void **state)
{
	static const struct {
		const char *name;
		int (*call)(auditq_t *, const char *);
		const char *arg;
		uint64_t offset;
	} wrong[] = {
		{ "path", auditq_path, "", 0 },
		{ "path", auditq_path, NULL, 0 },
		{ "run", auditq_run, "", 0 },
		{ "run", auditq_run, NULL, 0 },
		{ "stage", auditq_stage, "", 0 },
		{ "level", auditq_level, "", 0 },
		{ "level", auditq_level, "warn,,info", 5 },
		{ "level", auditq_level, "=loud", 1 },
		{ "level", auditq_level, NULL, 0 },
		{ "after", auditq_after, "2025-02-30", 8 },
		{ "before", auditq_before, NULL, 0 },
		{ "on", auditq_on, "2025-10-20..x", 12 },
		{ "where", auditq_where, "a == ", 5 },
		{ "where", auditq_where, "a =~ \"(\"", 7 },
		{ "where", auditq_where, NULL, 0 },
	};

	(void)state;
	put_plain("a.jsonl", 1, 20, "r", "");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		auditq_t *q = ask(&a);
		auditq_record rec;
		auditq_error err;
		int r = wrong[i].call(q, wrong[i].arg);

		if (r >= 0)
			fail_msg("%s '%s' was taken", wrong[i].name, wrong[i].arg);
		/* The first error is kept; what comes after it changes nothing. */
		assert_int_equal(auditq_limit(q, 1), r);
		assert_int_equal(auditq_stage(q, ""), r);
		assert_int_equal(auditq_next(q, &rec, &err), r);
		if (err.offset != wrong[i].offset)
			fail_msg("%s '%s': at %llu", wrong[i].name, wrong[i].arg,
			    (unsigned long long)err.offset);
		assert_true(err.text[0] != '\0');
		assert_int_equal(auditq_count(q, &(uint64_t){ 0 }, &err), r);
		auditq_free(q);
		assert_int_equal(wrong[i].call(NULL, "x"), AUDITQ_EINVAL);
	}
}

static void
test_use(void **state)
{
	auditq_counts counts = { .size = sizeof counts };
	auditq_record rec;
	auditq_error err;
	auditq_t *q = ask(&a);

	(void)state;
	put_plain("a.jsonl", 1, 20, "r", "");
	auditq_limit(q, 0);
	assert_int_equal(auditq_next(q, &rec, &err), 0);
	auditq_free(q);

	q = auditq_new();
	assert_int_equal(auditq_next(q, &rec, &err), AUDITQ_EINVAL);
	auditq_free(q);
	q = auditq_new();
	auditq_path(q, "/nowhere/at all");
	assert_int_equal(auditq_next(q, &rec, &err), AUDITQ_ENOENT);
	assert_string_equal(err.path, "/nowhere/at all");
	auditq_free(q);

	/* Windows are intersected, expressions and-ed, levels joined. */
	q = ask(&a);
	auditq_now(q, T0 + 20 * CLOCK_S);
	auditq_after(q, "-15s");
	auditq_after(q, "2025-10-21");
	auditq_on(q, "today");
	auditq_before(q, "-1s");
	auditq_where(q, "seq > 7 or seq < 7");
	auditq_where(q, "seq != 9");
	auditq_level(q, "=warn");
	auditq_level(q, "=info");
	assert_int_equal(auditq_next(q, &rec, &err), 1);
	/* A question may not change while it is answered. */
	assert_int_equal(auditq_limit(q, 3), AUDITQ_EINVAL);
	assert_int_equal(auditq_get_counts(q, &counts), 0);
	assert_int_equal(counts.after, T0 + 5 * CLOCK_S);
	assert_int_equal(counts.before, T0 + 19 * CLOCK_S);
	auditq_free(q);
	auditq_free(NULL);
	auditq_cancel(NULL);
	assert_int_equal(auditq_next(NULL, &rec, &err), AUDITQ_EINVAL);
}

static void
test_fields(void **state)
{
	static const char line[] =
	    "{\"s\":\"a\\u00e9b\",\"n\":-12,\"d\":1.5,\"o\":{\"x\":[1,2]},"
	    "\"o.y\":true,\"z\":null,\"big\":18446744073709551616}";
	const auditq_record rec = { .line = line, .len = sizeof line - 1 };
	auditq_value v;
	int64_t i;
	double d;
	char s[8];

	(void)state;
	assert_int_equal(auditq_get(&rec, "o.x", &v), 0);
	assert_int_equal(v.type, AUDITQ_ARRAY);
	assert_int_equal(v.len, 5);
	assert_memory_equal(v.text, "[1,2]", 5);
	assert_int_equal(auditq_get(&rec, "o.y", &v), 0);
	assert_int_equal(v.type, AUDITQ_TRUE);
	assert_int_equal(auditq_get(&rec, "z", &v), 0);
	assert_int_equal(v.type, AUDITQ_NULL);
	assert_int_equal(auditq_get(&rec, "none", &v), 0);
	assert_int_equal(v.type, AUDITQ_ABSENT);
	assert_int_equal(auditq_get_i64(&rec, "n", &i), 0);
	assert_int_equal(i, -12);
	assert_int_equal(auditq_get_i64(&rec, "d", &i), AUDITQ_EINVAL);
	assert_int_equal(auditq_get_i64(&rec, "big", &i), AUDITQ_EINVAL);
	assert_int_equal(auditq_get_double(&rec, "d", &d), 0);
	assert_true(d == 1.5);
	assert_int_equal(auditq_get_double(&rec, "s", &d), AUDITQ_EINVAL);
	assert_int_equal(auditq_get_string(&rec, "s", s, sizeof s), 4);
	assert_string_equal(s,
	    "a\xc3\xa9"
	    "b");
	assert_int_equal(auditq_get_string(&rec, "s", s, 3), 4);
	assert_int_equal(strlen(s), 2);
	assert_int_equal(auditq_get_string(&rec, "s", NULL, 0), 4);
	assert_int_equal(auditq_get_string(&rec, "none", s, sizeof s), AUDITQ_ENOENT);
	assert_int_equal(auditq_get_string(&rec, "n", s, sizeof s), AUDITQ_EINVAL);
	assert_int_equal(
	    auditq_get(&(auditq_record){ .line = "{", .len = 1 }, "a", &v), AUDITQ_EJSON);
	assert_int_equal(auditq_get(NULL, "a", &v), AUDITQ_EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_builder),
		TEST(test_use),
		TEST(test_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
