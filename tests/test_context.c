/*
 * context - random trails of interleaved runs in several files; whole runs of matches, and lines around them,
 * against what a reading of all lines in order gives.
 */
#include <fcntl.h>
#include <inttypes.h>

#include "archive.h"
#include "auditq.h"
#include "clock.h"
#include "draw.h"
#include "logging.h"
#include "sanitizer.h"

#define START (INT64_C(1761076800) * CLOCK_S) /* 2025-10-21T20:00:00Z */
#define LINES 900
#define RUNS  12
#define FILES 5

/* ---- what is written ------------------------------------------------------------------- */

struct line {
	char text[200];
	int64_t ts;
	int run; /* -1: none */
	bool failed, fetch;
	unsigned file;
	uint64_t offset;
};

static struct line line[LINES]; /* in order of the answers */
static size_t nline;

static void
make_line(struct line *l, int64_t ts)
{
	char when[CLOCK_LENGTH], id[40] = "";
	const char *const level = (l->failed = draw(25) == 0) ? "error" : "info";

	l->ts = ts;
	l->fetch = draw(3) == 0;
	l->run = draw(15) == 0 ? -1 : (int)draw(RUNS);
	if (l->run >= 0)
		snprintf(id, sizeof id, ",\"run_id\":\"%s-%d\"",
		    draw(8) == 0 ? "\\u0072un" : "run", l->run);
	else if (draw(2) == 0)
		snprintf(id, sizeof id, ",\"run_id\":%u", draw(9));
	clock_format(when, ts);
	snprintf(l->text, sizeof l->text,
	    "{\"ts\":\"%.*s\",\"level\":\"%s\"%s,\"stage\":\"%s\",\"n\":%u}", CLOCK_LENGTH,
	    when, level, id, l->fetch ? "fetch" : "store", draw(1000000));
}

static void
path_of(char path[2 * SCRATCH_MAX], unsigned file)
{
	snprintf(path, 2 * SCRATCH_MAX, "%s/%c.jsonl%s", root, 'a' + (int)file,
	    file % 3 == 0 ? "" : ".gz");
}

static void
write_archive(const char *path, unsigned file)
{
	struct archive_options opt = {
		.path = path, .member_bytes = 2000, .expected_bytes = 100000
	};
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct archive *a;
	alog_error err;

	assert_true(fd >= 0);
	error_reset(&err);
	assert_int_equal(archive_begin(&a, fd, &opt, &err), 0);
	for (size_t i = 0; i < nline; i++)
		if (line[i].file == file)
			assert_int_equal(
			    archive_add(a, line[i].text, strlen(line[i].text), &err), 0);
	assert_int_equal(archive_finish(a, NULL, &err), 0);
	close(fd);
}

/* gzwrite with T writes as it stands. */
static void
write_file(const char *path, unsigned file)
{
	gzFile f = gzopen(path, file % 3 == 0 ? "wbT" : "wb");

	assert_non_null(f);
	for (size_t i = 0; i < nline; i++)
		if (line[i].file == file)
			assert_true(gzprintf(f, "%s\n", line[i].text) > 0);
	assert_int_equal(gzclose(f), Z_OK);
}

static void
write_trail(void)
{
	uint64_t offset[FILES] = { 0 };
	char path[2 * SCRATCH_MAX];
	int64_t ts = START;

	assert_int_equal(mkdir(root, 0700), 0);
	nline = 0;
	while (nline + 3 < LINES) {
		unsigned file = draw(FILES);

		ts += (1 + (int64_t)draw(40)) * CLOCK_S;
		/* Some lines of one time, in the order of their files. */
		for (unsigned left = 1 + draw(3); left > 0 && file < FILES; left--) {
			struct line *l = &line[nline++];

			make_line(l, ts);
			l->file = file;
			l->offset = offset[file];
			offset[file] += strlen(l->text) + 1;
			file += draw(2);
		}
	}
	for (unsigned file = 0; file < FILES; file++) {
		path_of(path, file);
		if (file == 1 || file == 4)
			write_archive(path, file);
		else
			write_file(path, file);
	}
}

/* ---- what is asked, and what the answer is --------------------------------------------- */

struct question {
	bool failed, fetch, window, reverse;
	int prefix; /* of runs; -1: none */
	uint64_t limit, tail;
	bool expand;
	unsigned before, after;
};

static bool
matches(const struct question *q, const struct line *l)
{
	char id[16], prefix[16];

	snprintf(id, sizeof id, "run-%d", l->run);
	snprintf(prefix, sizeof prefix, "run-%d", q->prefix);
	if (q->prefix >= 0 && (l->run < 0 || strncmp(id, prefix, strlen(prefix)) != 0))
		return false;
	return (!q->failed || l->failed) && (!q->fetch || l->fetch) &&
	    (!q->window || (l->ts >= START + 1000 * CLOCK_S && l->ts < START + 5000 * CLOCK_S));
}

/* By line: it matches, and a limit lets it; it is to be given. */
static bool match[LINES], given[LINES];
static size_t group[LINES]; /* the first line of its group */

static void
find_matches(const struct question *q)
{
	uint64_t left = q->tail != UINT64_MAX ? q->tail : q->limit;
	bool backward = q->reverse || q->tail != UINT64_MAX;

	for (size_t k = 0; k < nline; k++) {
		size_t i = backward ? nline - 1 - k : k;

		match[i] = left > 0 && matches(q, &line[i]);
		left -= match[i] && left != UINT64_MAX;
	}
}

static void
expand(const struct question *q)
{
	bool run[RUNS] = { false };

	(void)q;
	for (size_t i = 0; i < nline; i++)
		if (match[i] && line[i].run >= 0)
			run[line[i].run] = true;
	for (size_t i = 0; i < nline; i++) {
		given[i] = line[i].run >= 0 ? run[line[i].run] : match[i];
		group[i] = i;
	}
}

/* One run: whoever stands so near to a match. */
static void
surround(const struct question *q, int run)
{
	size_t of[LINES], n = 0, first = 0;

	for (size_t i = 0; i < nline; i++)
		if (line[i].run == run)
			of[n++] = i;
	for (size_t k = 0; k < n; k++) {
		given[of[k]] = false;
		for (size_t m = 0; m < n; m++)
			given[of[k]] |= match[of[m]] && m + q->after >= k && k + q->before >= m;
	}
	for (size_t k = 0; k < n; k++) {
		if (k == 0 || !given[of[k - 1]])
			first = of[k];
		group[of[k]] = first;
	}
}

static void
find_answer(const struct question *q)
{
	find_matches(q);
	if (q->expand) {
		expand(q);
		return;
	}
	for (int run = 0; run < RUNS; run++)
		surround(q, run);
	for (size_t i = 0; i < nline; i++)
		if (line[i].run < 0) {
			given[i] = match[i];
			group[i] = i;
		}
}

static bool whole_runs; /* no groups */

static int
by_group(const void *x, const void *y)
{
	size_t a = *(const size_t *)x, b = *(const size_t *)y;

	if (!whole_runs && group[a] != group[b])
		return group[a] < group[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

static void
describe(const char *what, const struct question *q, size_t i)
{
	fail_msg(
	    "%s at answer %zu: failed %d fetch %d window %d reverse %d run %d limit %" PRId64
	    " tail %" PRId64 " expand %d before %u after %u",
	    what, i, q->failed, q->fetch, q->window, q->reverse, q->prefix, (int64_t)q->limit,
	    (int64_t)q->tail, q->expand, q->before, q->after);
}

static auditq_t *
ask(const struct question *q, bool use_index, unsigned jobs)
{
	auditq_t *a = auditq_new();
	char prefix[16];

	assert_non_null(a);
	auditq_path(a, root);
	auditq_use_index(a, use_index);
	auditq_jobs(a, jobs);
	if (q->failed)
		auditq_failed(a);
	if (q->fetch)
		auditq_stage(a, "fetch");
	if (q->window)
		auditq_between(a, START + 1000 * CLOCK_S, START + 5000 * CLOCK_S);
	snprintf(prefix, sizeof prefix, "run-%d", q->prefix);
	if (q->prefix >= 0)
		auditq_run(a, prefix);
	auditq_reverse(a, q->reverse);
	if (q->limit != UINT64_MAX)
		auditq_limit(a, q->limit);
	if (q->tail != UINT64_MAX)
		auditq_tail(a, q->tail);
	auditq_expand_run(a, q->expand);
	auditq_context(a, q->before, q->after);
	/* What comes out of memory is the same. */
	if (draw(2) == 0)
		auditq_memory(a, 4096);
	return a;
}

static unsigned
marks_of(const struct question *q, const size_t *order, size_t n, size_t k)
{
	size_t i = order[k], beside = q->reverse ? k + 1 : k - 1;
	bool first = q->reverse ? k + 1 == n : k == 0;

	if (q->expand)
		return 0;
	return (match[i] ? (unsigned)AUDITQ_MARK_MATCH : 0) |
	    (first || group[order[beside]] != group[i] ? (unsigned)AUDITQ_MARK_GROUP : 0);
}

static void
check(const struct question *q, bool use_index, unsigned jobs)
{
	auditq_t *a = ask(q, use_index, jobs);
	size_t order[LINES], n = 0, k;
	char path[2 * SCRATCH_MAX];
	auditq_record rec;
	auditq_error err;
	uint64_t count;
	int r;

	for (size_t i = 0; i < nline; i++)
		if (given[i])
			order[n++] = i;
	whole_runs = q->expand;
	qsort(order, n, sizeof *order, by_group);
	if (auditq_count(a, &count, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(count, n);
	for (k = 0; (r = auditq_next(a, &rec, &err)) > 0; k++) {
		size_t at = q->reverse ? n - 1 - k : k;
		const struct line *l;

		if (k == n)
			describe("too many", q, k);
		l = &line[order[at]];
		path_of(path, l->file);
		if (rec.len != strlen(l->text) || memcmp(rec.line, l->text, rec.len) != 0)
			describe("another line", q, k);
		if (rec.ts != l->ts || strcmp(rec.path, path) != 0 || rec.offset != l->offset)
			describe("another place", q, k);
		if (auditq_marks(a) != marks_of(q, order, n, at))
			describe("other marks", q, k);
	}
	if (r < 0)
		fail_msg("%s", err.text);
	if (k != n)
		describe("too few", q, k);
	auditq_free(a);
}

static struct question
random_question(void)
{
	struct question q = { .failed = draw(3) != 0,
		.fetch = draw(2) == 0,
		.window = draw(3) == 0,
		.reverse = draw(3) == 0,
		.prefix = draw(4) == 0 ? (int)draw(2) : -1,
		.limit = UINT64_MAX,
		.tail = UINT64_MAX,
		.expand = draw(3) == 0 };

	if (draw(4) == 0)
		q.limit = draw(6);
	else if (!q.reverse && draw(3) == 0)
		q.tail = draw(6);
	if (!q.expand)
		do {
			q.before = draw(5) == 0 ? 100 : draw(4);
			q.after = draw(5) == 0 ? 100 : draw(4);
		} while (q.before == 0 && q.after == 0);
	return q;
}

static void
test_random(void **state)
{
	(void)state;
	draw_seed = 11;
	for (int round = 0; round < BY_SANITIZER(4, 2, 1); round++) {
		write_trail();
		for (int i = 0; i < BY_SANITIZER(40, 40, 20); i++) {
			struct question q = random_question();

			find_answer(&q);
			check(&q, true, 1);
			check(&q, true, 4);
			check(&q, false, 4);
		}
		scratch_remove(root);
	}
}

/* ---- what is refused ------------------------------------------------------------------- */

static int
first_error(void (*build)(auditq_t *q), const char *path, auditq_error *err)
{
	auditq_t *q = auditq_new();
	auditq_record rec;
	int r;

	auditq_path(q, path);
	build(q);
	r = auditq_next(q, &rec, err);
	auditq_free(q);
	return r;
}

static void
build_both(auditq_t *q)
{
	auditq_expand_run(q, true);
	auditq_context(q, 0, 1);
}

static void
build_many(auditq_t *q)
{
	auditq_context(q, 10001, 0);
}

static void
build_expand(auditq_t *q)
{
	auditq_expand_run(q, true);
}

static void
test_refused(void **state)
{
	auditq_error err;

	(void)state;
	assert_int_equal(first_error(build_both, ".", &err), AUDITQ_EINVAL);
	assert_string_equal(err.text, "whole runs and lines around matches at once");
	assert_int_equal(first_error(build_many, ".", &err), AUDITQ_EINVAL);
	assert_string_equal(err.text, "more than 10000 records around a match");
	assert_int_equal(first_error(build_expand, "-", &err), AUDITQ_EINVAL);
	assert_string_equal(err.text, "standard input can be read only once");
}

static void
count_warnings(void *arg, const auditq_warning *w)
{
	*(int *)arg += w->lost;
}

/* What cannot be read is told once, though it is read twice. */
static void
test_lost(void **state)
{
	auditq_counts counts = { .size = sizeof counts };
	char path[2 * SCRATCH_MAX];
	auditq_t *q = auditq_new();
	auditq_record rec;
	auditq_error err;
	int lost = 0, n = 0;
	FILE *f;

	(void)state;
	snprintf(path, sizeof path, "%s/a.jsonl", scratch);
	assert_non_null(f = fopen(path, "w"));
	fputs(
	    "{\"run_id\":\"a\"}\n?\n{\"run_id\":\"a\",\"level\":\"error\"}\n{\"run_id\":\"b\"}\n",
	    f);
	fclose(f);
	auditq_path(q, scratch);
	auditq_failed(q);
	auditq_expand_run(q, true);
	auditq_on_warning(q, count_warnings, &lost);
	while (auditq_next(q, &rec, &err) > 0)
		n++;
	auditq_get_counts(q, &counts);
	assert_int_equal(n, 2);
	assert_int_equal(lost, 1);
	assert_int_equal(counts.lost, 1);
	assert_int_equal(counts.runs_widened, 1);
	auditq_free(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOGGING_TEST(test_random),
		LOGGING_TEST(test_refused),
		LOGGING_TEST(test_lost),
	};

	return cmocka_run_group_tests_name("context", tests, NULL, NULL);
}
