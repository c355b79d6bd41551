/* known: that each schema holds, fits an archive and stays itself; what samples are recognised as; and that what has to
 * stand in a line as bytes stands in every line that matches under it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "known.h"
#include "require.h"
#include "sanitizer.h"
#include "schema_text.h"

static char sample[65536];

static size_t
read_sample(const char *name)
{
	char path[256];
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof path, "fixtures/schemas/%s.jsonl", name);
	if ((f = fopen(path, "r")) == NULL)
		fail_msg("%s", path);
	n = fread(sample, 1, sizeof sample, f);
	assert_true(n > 0 && n < sizeof sample);
	(void)fclose(f);
	return n;
}

static void
test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; known_at(i) != NULL; i++) {
		const struct known *known = known_at(i);
		struct schema_fault fault;
		struct schema s, back;
		char text[SCHEMA_TEXT_MAX];
		size_t n;

		if (schema_read_text(known->text, strlen(known->text), &s, &fault) < 0)
			fail_msg("%s: %.*s: %s", known->name, (int)fault.nmember, fault.member,
			    fault.why);
		known_schema(known, &s);
		if ((n = schema_format(&s, text)) == 0 || schema_parse(text, n, &back) < 0 ||
		    !schema_equal(&s, &back) || strcmp(s.name, back.name) != 0)
			fail_msg("%s is not what it was", known->name);
		assert_ptr_equal(known_find(known->name), known);
		assert_string_equal(known_name(&s), known->name);
	}
	assert_null(known_find(""));
	assert_null(known_find("Zeek"));
}

static void
test_samples(void **state)
{
	(void)state;
	for (size_t i = 0; known_at(i) != NULL; i++) {
		const struct known *known = known_at(i), *got;
		size_t n = read_sample(known->name);

		got = known_recognise(sample, n);
		if (got != known)
			fail_msg("%s taken for %s", known->name, got ? got->name : "none");
	}
}

static void
test_none(void **state)
{
	static const char *const lines[] = { "", "\n\n", "{}", "[1]\nnonsense\n{\"ts\":1}\n",
		"{\"ts\":\"2025-10-23T10:00:00Z\",\"level\":\"info\",\"msg\":\"x\"}\n",
		"{\"level\":\"info\",\"time\":1}\n",
		"{\"auditID\":7,\"stage\":\"x\",\"verb\":\"get\"}\n",
		"{\"__REALTIME_TIMESTAMP\":null}\n",
		/* one of two is not most of them */
		"{\"lvl\":\"info\"}\n{\"level\":\"info\"}\n" };

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		if (known_recognise(lines[i], strlen(lines[i])) != NULL)
			fail_msg("%s", lines[i]);
	/* What is no record does not count against it. */
	assert_string_equal(
	    known_recognise("# a\n# b\n# c\n{\"lvl\":\"info\"}", 26)->name, "generic");
}

/* Lines of others with keys of liblog's: with all that tell a stage of a run they are read as liblog's are, with fewer
 * as what else they look like.  Either way run_id is the run, and a status the outcome. */
static void
test_own_keys(void **state)
{
	static const struct {
		const char *line, *schema;
	} cases[] = {
		{ "{\"ts\":1761263995.5,\"level\":\"info\",\"run_id\":\"r1\",\"trace_id\":\"t\",\"msg\":\"m\","
		  "\"status\":\"failed\"}",
		    "zap" },
		{ "{\"ts\":1761263995.5,\"level\":\"info\",\"run_id\":\"r1\",\"stage\":\"s\",\"msg\":\"m\","
		  "\"status\":\"failed\"}",
		    "native" },
		{ "{\"ts\":\"2025-10-23T10:00:00Z\",\"level\":\"info\",\"run_id\":\"r1\",\"stage\":\"s\","
		  "\"request_id\":\"q\",\"status\":\"failed\"}",
		    "native" },
		{ "{\"ts\":1761263995.5,\"severity\":\"info\",\"run_id\":\"r1\",\"stage\":\"s\","
		  "\"status\":\"failed\"}",
		    "generic" },
	};
	const struct match_run run = { .id = "r1", .n = 2 };
	const struct match_query query = { .run = &run, .nrun = 1, .failed = true };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *line = cases[i].line;
		const struct known *got = known_recognise(line, strlen(line));
		struct match_facts facts;
		struct schema s;
		struct match *m;

		assert_non_null(got);
		assert_string_equal(got->name, cases[i].schema);
		known_schema(got, &s);
		assert_int_equal(match_new(&m, &query, &s, NULL), 0);
		assert_int_equal(match_line(m, line, strlen(line), &facts, NULL), 1);
		match_free(m);
	}
}

static bool
passes(const struct require *r, const char *line, size_t n)
{
	for (size_t i = 0; i < r->n; i++)
		if (scan_set_find(&r->clause[i], line, line + n) == NULL)
			return false;
	return true;
}

/* Every line of a sample, under every schema, for every question by level or failure. */
static void
hold_literals(const struct schema *s, size_t bytes, const struct match_query *q)
{
	const char *at = sample, *line;
	struct match_facts facts;
	struct require r;
	struct match *m;
	size_t n;

	assert_int_equal(match_new(&m, q, s, NULL), 0);
	assert_int_equal(require_init(&r, q, s, NULL), 0);
	while (scan_line(&at, sample + bytes, &line, &n))
		if (match_line(m, line, n, &facts, NULL) == 1 && !passes(&r, line, n))
			fail_msg("under %s: %.*s", known_name(s), (int)n, line);
	require_release(&r);
	match_free(m);
}

static void
test_literals(void **state)
{
	(void)state;
	for (size_t i = 0; known_at(i) != NULL; i++) {
		size_t bytes = read_sample(known_at(i)->name);

		for (size_t k = 0; known_at(k) != NULL; k++) {
			struct schema s;

			known_schema(known_at(k), &s);
			hold_literals(&s, bytes, &(struct match_query){ .failed = true });
			for (unsigned levels = 1; levels < 1u << SCHEMA_LEVELS;
			     levels += BY_SANITIZER(1, 1, 5))
				hold_literals(
				    &s, bytes, &(struct match_query){ .levels = levels });
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_own_keys),
		cmocka_unit_test(test_literals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
