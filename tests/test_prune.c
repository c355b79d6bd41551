/* prune: what it says of a member is true of each of its lines, by match. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive.h"
#include "draw.h"
#include "prune.h"

#define LINES    400
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- a trail whose members differ ------------------------------------------------------ */

struct trail {
	char *line[LINES];
	struct index *ix;
};

/* Stages, runs and kinds of values change as time goes by, so that members have some only. */
static char *
make_line(int i)
{
	static const char *const extras[] = { "", ",\"a\":\"x\"", ",\"a\":{\"b\":\"y\"}",
		",\"a.b\":\"y\"", ",\"a\":\"\\u0079\"", ",\"a\":5",
		",\"a\":\"2025-10-20T00:00:00Z\"", ",\"a\":{}", ",\"o\":{\"p\":[1]}",
		",\"a\":\"x\",\"a\":\"z\"", ",\"a\":null" };
	static const char *const levels[] = { "info", "info", "debug", "WARN", "error",
		"loud" };
	char *line = NULL;
	int era = i / 50;
	const char *extra = extras[(unsigned)(era + (int)draw(3)) % COUNT(extras)];

	assert_true(
	    asprintf(&line,
		"{\"ts\":%d,\"run_id\":\"run%d\",\"stage\":\"s%d\",\"level\":\"%s\"%s%s}", i,
		era * 3 + (int)draw(2), era / 2,
		levels[era % 3 == 0 ? draw(2) : draw(COUNT(levels))],
		era == 5       ? ",\"status\":\"failed\""
		    : era == 6 ? ",\"status\":\"ok\""
			       : "",
		extra) > 0);
	return line;
}

static int
set_up(void **state)
{
	struct archive_options opt = { .member_bytes = 1500 };
	struct trail *t = calloc(1, sizeof *t);
	struct format_footer total;
	struct archive *a = NULL;
	alog_error error;
	auditq_error err;
	const int fd = memfd_create("archive", MFD_CLOEXEC);

	draw_seed = 17;
	assert_true(t != NULL && fd >= 0);
	assert_int_equal(archive_begin(&a, fd, &opt, &error), 0);
	for (int i = 0; i < LINES; i++) {
		t->line[i] = make_line(i);
		assert_int_equal(archive_add(a, t->line[i], strlen(t->line[i]), &error), 0);
	}
	assert_int_equal(archive_finish(a, &total, &error), 0);
	if (index_load(&t->ix, fd, total.file_bytes, "archive", INDEX_ALL, &err) < 0)
		fail_msg("%s", err.text);
	close(fd);
	assert_true(index_members(t->ix) > 10);
	*state = t;
	return 0;
}

static int
tear_down(void **state)
{
	struct trail *t = *state;

	for (int i = 0; i < LINES; i++)
		free(t->line[i]);
	index_free(t->ix);
	free(t);
	return 0;
}

/* ---- questions ------------------------------------------------------------------------- */

struct tally {
	unsigned answers[3], reasons[3];
};

/* Ask of each member, and hold the answer against its lines. */
static void
ask(const struct trail *t, const struct match_query *q, const char *what, struct tally *tally)
{
	struct match *m = NULL;
	size_t next = 0;

	assert_int_equal(match_new(&m, q, &schema_default, NULL), 0);
	for (size_t i = 0; i < index_members(t->ix); i++) {
		enum prune_reason reason = PRUNE_BY_FILTER;
		enum prune_answer answer = prune_member(q, t->ix, i, &reason);
		uint32_t lines = index_member(t->ix, i)->lines, matched = 0;
		for (uint32_t k = 0; k < lines; k++, next++) {
			struct match_facts facts;
			int r =
			    match_line(m, t->line[next], strlen(t->line[next]), &facts, NULL);
			assert_true(r >= 0);
			matched += (uint32_t)r;
		}
		if ((answer == PRUNE_NONE && matched > 0) ||
		    (answer == PRUNE_ALL && matched < lines))
			fail_msg("%s: member %d: %d of %d match, answer %d", what, (int)i,
			    (int)matched, (int)lines, (int)answer);
		tally->answers[answer]++;
		if (answer == PRUNE_NONE)
			tally->reasons[reason]++;
	}
	assert_int_equal(next, LINES);
	match_free(m);
}

static const char *const tests_of[] = { "stage == 's0'", "stage in ('s1', 's3')",
	"stage != 's2'", "a == 'x'", "a == 'y'", "a == 'z'", "a.b == 'y'", "exists a",
	"exists a.b", "exists o", "exists o.p", "exists o.p.q", "exists nothing",
	"nothing == 'x'", "nothing != 'x'", "a == 5", "a > 3", "a == '2025-10-20T00:00:00Z'",
	"a == null", "status == 'failed'", "status != 'failed'", "status == 'ok'",
	"level == 'error'", "level != 'error'", "level == 'loud'",
	"level in ('error', 'critical')", "level == 'info'", "run_id == 'run3'",
	"run_id =~ '1'", "a in ('x', 5)", "nothing < 5", "not exists o" };

/* A text in bits of tests_of, joined at random. */
static void
put_where(char *dst, size_t *n, int depth)
{
	unsigned some = draw(3) + 1;
	const char *join = draw(2) ? " and " : " or ";

	if (depth == 0) {
		*n += (size_t)sprintf(dst + *n, "%s", tests_of[draw(COUNT(tests_of))]);
		return;
	}
	*n += (size_t)sprintf(dst + *n, draw(3) == 0 ? "not (" : "(");
	for (unsigned i = 0; i < some; i++) {
		*n += (size_t)sprintf(dst + *n, "%s", i > 0 ? join : "");
		put_where(dst, n, depth - 1);
	}
	*n += (size_t)sprintf(dst + *n, ")");
}

static void
test_where(void **state)
{
	struct tally tally = { { 0 }, { 0 } };
	char where[4096];

	draw_seed = 5;
	for (unsigned i = 0; i < 1000; i++) {
		struct match_query q = { .nrun = 0 };
		struct expr *e = NULL;
		size_t n = 0;
		if (i < COUNT(tests_of))
			strcpy(where, tests_of[i]);
		else
			put_where(where, &n, 1 + (int)(i % 3));
		assert_int_equal(expr_parse(&e, where, NULL, NULL), 0);
		q.where = e;
		q.invert = i % 5 == 4;
		ask(*state, &q, where, &tally);
		expr_free(e);
	}
	/* It would be true, and useless, to say "some" always. */
	assert_true(tally.answers[PRUNE_NONE] > 3000 && tally.answers[PRUNE_ALL] > 3000);
	assert_true(tally.reasons[PRUNE_BY_COUNTS] > 200);
	assert_true(tally.reasons[PRUNE_BY_FILTER] > 200);
	assert_int_equal(tally.reasons[PRUNE_BY_RUN], 0);
}

#define RUN(id, exact)                                                                         \
	{                                                                                      \
		id, sizeof(id) - 1, exact                                                      \
	}

static const struct match_run run_3[] = { RUN("run3", true) };
static const struct match_run run_all[] = { RUN("run", false) };
static const char *const stage_2[] = { "s2", "nowhere" };

static const struct match_regex on_the_line[] = { { NULL, 0, "run1", 4 } };
static const struct match_regex on_fields[] = { { "nothing", 7, "y", 1 }, { "a.b", 3, "y", 1 },
	{ NULL, 0, "run1", 4 } };

static const struct {
	const char *name;
	struct match_query q;
	enum prune_reason reason;
	bool none, all; /* of some member */
} parts[] = {
	{ "everything", { .nrun = 0 }, 0, false, true },
	{ "failed", { .failed = true }, PRUNE_BY_COUNTS, true, true },
	{ "level", { .levels = 1 << 5 | 1 << 6 }, PRUNE_BY_COUNTS, true, false },
	{ "levels", { .levels = 1 << 1 | 1 << 2 }, PRUNE_BY_COUNTS, false, true },
	{ "run", { .run = run_3, .nrun = 1 }, PRUNE_BY_RUN, true, false },
	{ "prefix", { .run = run_all, .nrun = 1 }, PRUNE_BY_RUN, false, false },
	{ "stage", { .stage = stage_2, .nstage = 2 }, PRUNE_BY_FILTER, true, false },
	{ "not failed", { .failed = true, .invert = true }, PRUNE_BY_COUNTS, true, true },
	{ "not that run", { .run = run_3, .nrun = 1, .invert = true }, 0, false, true },
	{ "not that stage", { .stage = stage_2, .nstage = 2, .invert = true }, 0, false, true },
	{ "a pattern", { .regex = on_the_line, .nregex = 1 }, 0, false, false },
	{ "on a field", { .regex = on_fields, .nregex = 2 }, PRUNE_BY_FILTER, true, false },
	{ "or on the line", { .regex = on_fields, .nregex = 3 }, 0, false, false },
	{ "failed before run", { .failed = true, .run = run_3, .nrun = 1 }, PRUNE_BY_COUNTS,
	    true, false },
};

static void
test_parts(void **state)
{
	for (size_t i = 0; i < COUNT(parts); i++) {
		struct tally t = { { 0 }, { 0 } };
		ask(*state, &parts[i].q, parts[i].name, &t);
		if ((t.answers[PRUNE_NONE] > 0) != parts[i].none ||
		    (t.answers[PRUNE_ALL] > 0) != parts[i].all ||
		    (parts[i].none && t.reasons[parts[i].reason] == 0))
			fail_msg("%s: none %u, some %u, all %u", parts[i].name,
			    t.answers[PRUNE_NONE], t.answers[PRUNE_SOME], t.answers[PRUNE_ALL]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_where),
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
