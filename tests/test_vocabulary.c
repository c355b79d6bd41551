/* vocabulary - which names there are, by summaries and by lines; and whether that is all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditq.h"
#include "scratch.h"

static char scratch[SCRATCH_MAX]; /* the working directory */

static int
enter(void **state)
{
	(void)state;
	scratch_make(scratch);
	return chdir(scratch);
}

static int
leave(void **state)
{
	(void)state;
	scratch_remove(scratch);
	return 0;
}

/* Names as "a b c", sorted. */
struct told {
	char *name[64];
	size_t n;
	size_t stop; /* after so many; 0: never */
};

static int
collect(void *arg, const char *name, size_t n)
{
	struct told *t = arg;

	assert_true(t->n < 64);
	t->name[t->n++] = strndup(name, n);
	return t->n == t->stop ? -77 : 0;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
names(auditq_t *q, int kind, char out[1024])
{
	struct told t = { .n = 0 };
	int r = auditq_names(q, kind, collect, &t, NULL);
	size_t at = 0;

	out[0] = '\0';
	qsort(t.name, t.n, sizeof t.name[0], compare);
	for (size_t i = 0; i < t.n; i++) {
		at +=
		    (size_t)snprintf(out + at, 1024 - at, "%s%s", i > 0 ? " " : "", t.name[i]);
		free(t.name[i]);
	}
	return r;
}

static void
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static const char lines[] =
    "{\"ts\":\"2025-10-23T10:00:00Z\",\"run_id\":\"r1\",\"stage\":\"load\",\"a\":{\"b\":1,\"c\":[2]}}\n"
    "{\"ts\":\"2025-10-24T10:00:00Z\",\"run_id\":\"r2\",\"stage\":\"detect\",\"x\":null}\n"
    "no JSON\n"
    "{\"ts\":\"2025-10-24T10:00:01Z\",\"run_id\":7,\"stage\":\"load\"}\n";

static void
pack(const char *path, const char *root)
{
	const char *paths[] = { path };
	const auditq_pack_options opt = { .size = sizeof opt, .root = root };
	auditq_pack_result result = { .size = sizeof result };
	auditq_error err;

	if (auditq_pack(paths, 1, &opt, &result, &err) < 0)
		fail_msg("%s", err.text);
}

static void
of_each_kind(void **state)
{
	static const struct {
		const char *path, *day;
		const char *want[3]; /* stages, fields, runs */
	} cases[] = {
		{ "in.jsonl", NULL, { "detect load", "a.b a.c run_id stage ts x", "r1 r2" } },
		{ "root", NULL, { "detect load", "a.b a.c run_id stage ts x", "r1 r2" } },
		{ "root", "2025-10-24", { "detect load", "run_id stage ts x", "r2" } },
		{ "root", "2025-10-25", { "", "", "" } },
		{ "zeek.jsonl", NULL, { "conn dns", "_path id.orig_h ts uid", "C1 C2" } },
	};
	char got[1024];

	(void)state;
	write_text("in.jsonl", lines);
	write_text("zeek.jsonl",
	    "{\"_path\":\"conn\",\"ts\":1761213600.5,\"uid\":\"C1\",\"id.orig_h\":\"1\"}\n"
	    "{\"_path\":\"dns\",\"ts\":1761213600.5,\"uid\":\"C2\",\"id.orig_h\":\"1\"}\n");
	pack("in.jsonl", "root");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (int kind = AUDITQ_NAMES_STAGES; kind <= AUDITQ_NAMES_RUNS; kind++) {
			auditq_t *q = auditq_new();

			auditq_path(q, cases[i].path);
			auditq_failed(q);
			if (cases[i].day != NULL)
				auditq_on(q, cases[i].day);
			assert_int_equal(names(q, kind, got), 1);
			if (strcmp(got, cases[i].want[kind]) != 0)
				fail_msg("%s, %d: '%s', not '%s'", cases[i].path, kind, got,
				    cases[i].want[kind]);
			auditq_free(q);
		}
}

/* What may have others says so: a long file, one name too long, escapes, another schema, standard input. */
static void
not_all(void **state)
{
	static const char far[] = "{\"ts\":\"2025-10-23T10:00:00Z\",\"stage\":\"far\"}\n";
	char got[1024];
	auditq_t *q = auditq_new();
	FILE *f = fopen("long.jsonl", "w");

	(void)state;
	assert_non_null(f);
	fputs(lines, f);
	for (int i = 0; i < 60000; i++)
		fputs("{\"ts\":\"2025-10-23T10:00:00Z\",\"stage\":\"load\"}\n", f);
	fputs(far, f);
	assert_int_equal(fclose(f), 0);
	auditq_path(q, "long.jsonl");
	assert_int_equal(names(q, AUDITQ_NAMES_STAGES, got), 0);
	assert_string_equal(got, "detect load");
	auditq_free(q);

	q = auditq_new();
	write_text("escaped.jsonl", "{\"stage\":\"l\\u006fad\"}\n");
	auditq_path(q, "escaped.jsonl");
	assert_int_equal(names(q, AUDITQ_NAMES_STAGES, got), 0);
	assert_string_equal(got, "");
	auditq_free(q);

	q = auditq_new();
	auditq_path(q, "-");
	assert_int_equal(names(q, AUDITQ_NAMES_STAGES, got), 0);
	assert_string_equal(got, "");
	auditq_free(q);

	/* An archive's rollups speak for its own schema only. */
	q = auditq_new();
	auditq_path(q, "root");
	auditq_schema(q, "zeek");
	assert_int_equal(names(q, AUDITQ_NAMES_STAGES, got), 1);
	assert_string_equal(got, "");
	auditq_free(q);
}

static void
wrong(void **state)
{
	struct told t = { .stop = 1 };
	auditq_error err;
	auditq_t *q = auditq_new();

	(void)state;
	assert_int_equal(auditq_names(q, AUDITQ_NAMES_RUNS, collect, &t, &err), AUDITQ_EINVAL);
	auditq_path(q, "in.jsonl");
	assert_int_equal(auditq_names(q, 3, collect, &t, &err), AUDITQ_EINVAL);
	assert_int_equal(auditq_names(q, -1, collect, &t, &err), AUDITQ_EINVAL);
	assert_int_equal(auditq_names(q, 0, NULL, &t, &err), AUDITQ_EINVAL);
	assert_int_equal(auditq_names(NULL, 0, collect, &t, &err), AUDITQ_EINVAL);
	assert_int_equal(auditq_names(q, AUDITQ_NAMES_RUNS, collect, &t, &err), -77);
	assert_int_equal(t.n, 1);
	free(t.name[0]);
	auditq_free(q);
}

static void
asked(void **state)
{
	static const char *const want[] = { "a", "b.c", "d e", "a", "f", "g-h" };
	auditq_t *q = auditq_new();
	const char *name;
	size_t n, i = 0;

	(void)state;
	assert_int_equal(auditq_asked_field(q, 0, &name, &n), AUDITQ_ENOENT);
	auditq_where(q, "a == 1 and not (b.c in (1, 2) or exists `d e`)");
	auditq_where(q, "a =~ 'x'");
	auditq_regex(q, "f~x");
	auditq_regex(q, "whole line");
	auditq_regex(q, "`g-h`~x");
	for (; auditq_asked_field(q, i, &name, &n) == 0; i++) {
		assert_true(i < sizeof want / sizeof want[0]);
		if (n != strlen(want[i]) || memcmp(name, want[i], n) != 0)
			fail_msg("%zu: %.*s, not %s", i, (int)n, name, want[i]);
	}
	assert_int_equal(i, sizeof want / sizeof want[0]);
	assert_int_equal(auditq_asked_field(NULL, 0, &name, &n), AUDITQ_EINVAL);
	auditq_free(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_each_kind),
		cmocka_unit_test(not_all),
		cmocka_unit_test(wrong),
		cmocka_unit_test(asked),
	};

	return cmocka_run_group_tests_name("vocabulary", tests, enter, leave);
}
