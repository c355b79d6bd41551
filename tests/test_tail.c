/*
 * tail - the last records, first to last: the same as the end of the whole answer, whatever the trail is made
 * of; and how little is read for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive.h"
#include "auditq.h"
#include "clock.h"
#include "draw.h"
#include "sanitizer.h"
#include "scratch.h"

#define T0 (INT64_C(1761004800) * CLOCK_S) /* 2025-10-21T00:00:00Z */

static char root[SCRATCH_MAX];

static int
setup(void **state)
{
	(void)state;
	scratch_make(root);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_remove(root);
	return 0;
}

/* ---- trails ---------------------------------------------------------------------------- */

struct lines {
	char text[512][160];
	size_t n;
};

static void
open_path(char path[2 * SCRATCH_MAX], const char *name)
{
	snprintf(path, 2 * SCRATCH_MAX, "%s/%s", root, name);
	*strrchr(path, '/') = '\0';
	(void)mkdir(path, 0700);
	snprintf(path, 2 * SCRATCH_MAX, "%s/%s", root, name);
}

/* Archives of a few lines a member: so that there is something to leave out. */
static void
put(const char *name, const struct lines *lines)
{
	char path[2 * SCRATCH_MAX];
	struct archive_options opt = { .path = path, .member_bytes = 700 };
	bool plain = !scratch_ends(name, ".gz");
	struct archive *a = NULL;
	alog_error err = { 0 };
	FILE *f;

	open_path(path, name);
	assert_non_null(f = fopen(path, "w+"));
	if (!plain && archive_begin(&a, fileno(f), &opt, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < lines->n; i++) {
		if (plain)
			fprintf(f, "%s\n", lines->text[i]);
		else if (archive_add(a, lines->text[i], strlen(lines->text[i]), &err) < 0)
			fail_msg("%s", err.text);
	}
	if (!plain && archive_finish(a, NULL, &err) < 0)
		fail_msg("%s", err.text);
	fclose(f);
}

/* The record of a number: always the same line, so that it can stand in two files. */
static void
add_record(struct lines *lines, uint64_t seq, int64_t ts, const char *writer)
{
	char when[CLOCK_LENGTH];

	clock_format(when, ts);
	snprintf(lines->text[lines->n++], sizeof lines->text[0],
	    "{\"ts\":\"%.*s\",\"level\":\"info\",\"seq\":%llu,\"stage\":\"s%llu\",\"by\":\"%s\"}",
	    CLOCK_LENGTH, when, (unsigned long long)seq, (unsigned long long)seq % 3, writer);
}

/* A writer's segments with few different times, in disorder; some numbers stand in two of them. */
static void
put_writer(const char *writer, unsigned segments)
{
	struct lines lines;
	char name[128];
	uint64_t seq = 1;

	for (unsigned i = 1; i <= segments; i++) {
		unsigned day = i / 3, n = 1 + draw(120);

		lines.n = 0;
		seq -= seq > 20 ? draw(20) : 0;
		for (unsigned k = 0; k < n; k++, seq++)
			add_record(&lines, seq,
			    T0 + (int64_t)(seq * 7919 % 11 + seq / 50 * 6) * CLOCK_S, writer);
		snprintf(name, sizeof name, "date=2025-10-%02u/s.%s.%06u.jsonl%s", 21 + day,
		    writer, i, i + 1 < segments || draw(2) == 0 ? ".gz" : "");
		put(name, &lines);
	}
}

/* Lines of others: without times, of the same times, blank, and no records at all. */
static void
put_foreign(const char *name)
{
	struct lines lines = { .n = 0 };

	for (unsigned n = 1 + draw(200); n > 0; n--) {
		char *text = lines.text[lines.n];

		switch (draw(8)) {
		case 0:
			snprintf(text, sizeof lines.text[0], "{\"no\":\"time\",\"n\":%u}", n);
			break;
		case 1:
			snprintf(text, sizeof lines.text[0], "%s", draw(4) != 0 ? "" : "{torn");
			break;
		default:
			add_record(&lines, n, T0 + (int64_t)draw(30) * CLOCK_S, name);
			continue;
		}
		lines.n++;
	}
	put(name, &lines);
}

/* ---- answers --------------------------------------------------------------------------- */

struct answer {
	char *text; /* each record's path, offset and line */
	size_t *at; /* where each begins; one more at the end */
	size_t n;
	int r;
	auditq_error err;
	auditq_counts counts;
};

static void
answer_free(struct answer *a)
{
	free(a->text);
	free(a->at);
}

static void
take(auditq_t *q, struct answer *a)
{
	auditq_record rec;
	size_t n;
	FILE *f;

	*a = (struct answer){ .counts.size = sizeof a->counts };
	assert_non_null(a->at = malloc(100000 * sizeof *a->at));
	assert_non_null(f = open_memstream(&a->text, &n));
	while ((a->r = auditq_next(q, &rec, &a->err)) > 0) {
		a->at[a->n++] = (size_t)ftell(f);
		fprintf(f, "%s %llu %.*s\n", rec.path, (unsigned long long)rec.offset,
		    (int)rec.len, rec.line);
	}
	a->at[a->n] = (size_t)ftell(f);
	fclose(f);
	assert_int_equal(auditq_get_counts(q, &a->counts), 0);
}

static auditq_t *
ask(void)
{
	auditq_t *q = auditq_new();

	assert_non_null(q);
	auditq_path(q, root);
	return q;
}

/* One of the questions that the trails are asked. */
static auditq_t *
ask_question(unsigned which)
{
	auditq_t *q = ask();

	if (which == 1)
		auditq_stage(q, "s1");
	if (which == 2)
		auditq_between(q, T0 + 3 * CLOCK_S, T0 + 17 * CLOCK_S);
	if (which == 3)
		auditq_where(q, "seq < 40 or not exists ts");
	return q;
}

/* The last n are the end of the whole, byte for byte. */
static void
assert_end(const struct answer *whole, const struct answer *tail, uint64_t n)
{
	size_t first = n < whole->n ? whole->n - (size_t)n : 0;

	if (tail->r != 0)
		fail_msg("%s", tail->err.text);
	if (tail->n != whole->n - first ||
	    strcmp(tail->text, whole->text + whole->at[first]) != 0)
		fail_msg("seed %llu, the last %llu of %zu:\n%swanted:\n%s",
		    (unsigned long long)draw_seed, (unsigned long long)n, whole->n, tail->text,
		    whole->text + whole->at[first]);
}

/* ---- the same answer ------------------------------------------------------------------- */

static void
check_tails(unsigned which)
{
	struct answer whole, tail;
	auditq_t *q = ask_question(which);
	uint64_t sizes[] = { 0, 1, 2, 3, 17, 100, 0, 0, UINT64_MAX - 1 };
	uint64_t count;

	take(q, &whole);
	auditq_free(q);
	assert_int_equal(whole.r, 0);
	sizes[6] = whole.n - (whole.n > 0);
	sizes[7] = whole.n;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		q = ask_question(which);
		auditq_tail(q, sizes[i]);
		auditq_jobs(q, 1 + draw(4));
		auditq_use_index(q, draw(3) != 0);
		if (draw(3) == 0)
			auditq_memory(q, 5000);
		take(q, &tail);
		assert_end(&whole, &tail, sizes[i]);
		assert_int_equal(auditq_count(q, &count, NULL), 0);
		assert_int_equal(count, tail.n);
		answer_free(&tail);
		assert_int_equal(auditq_rewind(q, NULL), 0);
		take(q, &tail);
		assert_end(&whole, &tail, sizes[i]);
		answer_free(&tail);
		auditq_free(q);
	}
	answer_free(&whole);
}

/* Trails of writers that overlap each other, and themselves: a record in two segments is given where it
 * comes first. */
static void
test_end_of_the_whole(void **state)
{
	static const char *const writers[] = { "0123456789abcdef", "1111111111111111",
		"fedcba9876543210" };

	for (uint64_t round = 0; round < BY_SANITIZER(25, 10, 5); round++) {
		draw_seed = round * 1000003;
		for (size_t i = 0; i < 3; i++)
			if (draw(3) != 0)
				put_writer(writers[i], 1 + draw(6));
		if (draw(2) == 0)
			put_foreign("date=2025-10-21/foreign.jsonl");
		if (draw(2) == 0)
			put_foreign("zz.jsonl.gz");
		for (unsigned which = 0; which < 4; which++)
			check_tails(which);
		teardown(state);
		setup(state);
	}
}

/* Of equal times the order is that of paths: a twin in the first of three files counts, though the search meets
 * it last. */
static void
test_first_twin_counts(void **state)
{
	static const char *const names[] = {
		"date=2025-10-20/s.0123456789abcdef.000001.jsonl.gz",
		"date=2025-10-21/a.1111111111111111.000001.jsonl.gz",
		"date=2025-10-21/s.0123456789abcdef.000002.jsonl.gz",
	};
	struct lines lines;
	struct answer whole, tail;
	auditq_t *q;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		lines.n = 0;
		add_record(&lines, i == 1 ? 1 : 5, T0, i == 1 ? "a" : "s");
		put(names[i], &lines);
	}
	q = ask();
	take(q, &whole);
	auditq_free(q);
	assert_int_equal(whole.n, 2);
	assert_int_equal(whole.counts.duplicates, 1);
	for (uint64_t n = 1; n <= 2; n++) {
		q = ask();
		auditq_tail(q, n);
		take(q, &tail);
		auditq_free(q);
		assert_end(&whole, &tail, n);
		assert_int_equal(tail.counts.duplicates, 1);
		answer_free(&tail);
	}
	answer_free(&whole);
}

/* ---- what is read ---------------------------------------------------------------------- */

/* Fourteen days, two writers a day. */
static void
put_days(void)
{
	struct lines lines;
	char name[128];

	for (unsigned day = 0; day < 14; day++)
		for (unsigned w = 0; w < 2; w++) {
			lines.n = 0;
			for (unsigned i = 0; i < 400; i++)
				add_record(&lines, day * 400 + i + 1,
				    T0 + day * 86400 * CLOCK_S +
					(int64_t)(i * 100 + w) * CLOCK_S,
				    w == 0 ? "a" : "b");
			snprintf(name, sizeof name, "date=2025-%02u-%02u/s.%016u.%06u.jsonl.gz",
			    day < 11 ? 10u : 11u, day < 11 ? 21 + day : day - 10, w, day + 1);
			put(name, &lines);
		}
}

static void
test_little_is_read(void **state)
{
	static const struct {
		const char *name;
		uint64_t tail, limit, files,
		    members; /* opened and inflated, at most, by one worker */
		bool reverse;
	} cases[] = {
		{ "the last 20", 20, UINT64_MAX, 2, 10, false },
		{ "the first 20", UINT64_MAX, 20, 2, 10, false },
		{ "the latest 20", UINT64_MAX, 20, 2, 10, true },
		{ "the last two days and a bit", 1700, UINT64_MAX, 6, 450, false },
	};
	struct answer a;

	(void)state;
	put_days();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (unsigned jobs = 1; jobs <= 4; jobs += 3) {
			auditq_t *q = ask();
			uint64_t want =
			    cases[i].tail < cases[i].limit ? cases[i].tail : cases[i].limit;

			auditq_tail(q, cases[i].tail);
			auditq_limit(q, cases[i].limit);
			auditq_reverse(q, cases[i].reverse);
			auditq_jobs(q, jobs);
			take(q, &a);
			assert_int_equal(a.r, 0);
			assert_int_equal(a.n, want);
			/* An archive of 400 such lines has at least 80 members. */
			if (a.counts.members_inflated > cases[i].members ||
			    a.counts.members > cases[i].files * 100 * jobs)
				fail_msg("%s: %llu members, %llu of them inflated",
				    cases[i].name, (unsigned long long)a.counts.members,
				    (unsigned long long)a.counts.members_inflated);
			auditq_free(q);
			answer_free(&a);
		}
}

/* ---- what is refused ------------------------------------------------------------------- */

static void
test_refused(void **state)
{
	static const struct {
		bool limit, reverse;
		const char *text;
	} cases[] = {
		{ true, false, "limit and tail at once: it is the first records or the last" },
		{ false, true,
		    "tail and reverse at once: with reverse, a limit gives the latest" },
	};
	auditq_record rec;
	auditq_error err;

	(void)state;
	assert_int_equal(auditq_tail(NULL, 1), AUDITQ_EINVAL);
	for (size_t i = 0; i < 2; i++) {
		auditq_t *q = ask();
		uint64_t n;

		auditq_tail(q, 3);
		if (cases[i].limit)
			auditq_limit(q, 3);
		auditq_reverse(q, cases[i].reverse);
		assert_int_equal(auditq_next(q, &rec, &err), AUDITQ_EINVAL);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(auditq_count(q, &n, &err), AUDITQ_EINVAL);
		auditq_free(q);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_end_of_the_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_twin_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_little_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests_name("tail", tests, NULL, NULL);
}
