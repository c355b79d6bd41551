/*
 * search - what a query does not read; doubled data; rings; the last run; the cache; being canceled;
 * and each call to the system failing in turn.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "faults.h"
#include "liblog.h"
#include "sanitizer.h"
#include "searched.h"

/* ---- what is not read ------------------------------------------------------------------ */

static void
test_pruned(void **state)
{
	auditq_t *q;
	uint64_t n;

	(void)state;
	put_archive("date=2025-10-21/s." W1 ".000001.jsonl.gz", 1, 200, "one");
	put_archive("date=2025-10-21/t.ffffffffffffffff.000001.jsonl.gz", 1001, 1200, "two");
	put_archive("date=2025-10-24/t.ffffffffffffffff.000002.jsonl.gz", 5000, 5010, "two");

	q = ask(&a);
	auditq_run(q, "two");
	auditq_before(q, "2025-10-22");
	take(q, &a);
	assert_range(&a, 1001, 1200);
	assert_int_equal(a.counts.partitions, 2);
	assert_int_equal(a.counts.partitions_pruned, 1);
	assert_int_equal(a.counts.files, 2);
	assert_int_equal(a.counts.members_by_run, a.counts.members / 2);
	assert_int_equal(a.counts.members_inflated, a.counts.members / 2);

	q = ask(&a);
	auditq_between(q, T0 + 50 * CLOCK_S, T0 + 52 * CLOCK_S);
	take(q, &a);
	assert_range(&a, 50, 51);
	assert_int_equal(a.counts.files_by_footer, 1);
	assert_true(a.counts.members_by_time > 3);
	assert_true(a.counts.members_inflated <= 2);

	q = ask(&a);
	auditq_failed(q);
	take(q, &a);
	assert_int_equal(a.n, 0);
	assert_int_equal(a.counts.files_by_footer, 3);
	assert_int_equal(a.counts.bytes_read, 0);

	q = ask(&a);
	auditq_where(q, "msg == '9e3779b97f4a7c15'");
	take(q, &a);
	assert_range(&a, 1, 1);
	assert_true(a.counts.members_by_filter > 3);
	assert_true(a.counts.members_inflated <= 3);

	/* A count needs the members at the edges of the window only. */
	q = ask(&a);
	auditq_between(q, T0 + 50 * CLOCK_S, T0 + 1150 * CLOCK_S);
	auditq_level(q, "info");
	assert_int_equal(auditq_count(q, &n, NULL), 0);
	assert_int_equal(n, 151 + 149);
	a.counts.size = sizeof a.counts;
	assert_int_equal(auditq_get_counts(q, &a.counts), 0);
	assert_true(a.counts.members_answered > 10);
	assert_true(a.counts.members_inflated <= 2);
	assert_int_equal(a.counts.matched, n);
	/* The first records are in the first member. */
	auditq_limit(q, 3);
	take(q, &a);
	assert_range(&a, 50, 52);
	assert_int_equal(a.counts.members_inflated, 1);
}

/*
 * A plain file of several blocks, and of pieces that workers sift at once.  Only every fiftieth line has a
 * time, and none of those has the stage: a line is in the window when the line with a time before it is,
 * which may be in another block or piece, and is one that is passed over.
 */
static void
test_pieces(void **state)
{
	enum { LINES = 3000, PAD = 2000, EVERY = 50, STAGE = 97 };
	char path[2 * SCRATCH_MAX], when[CLOCK_LENGTH];
	FILE *f;

	(void)state;
	path_in(path, "pieces.jsonl");
	assert_non_null(f = fopen(path, "w"));
	for (int i = 0; i < LINES; i++) {
		bool timed = i % EVERY == 0;

		clock_format(when, T0 + i * CLOCK_S);
		fprintf(f, "{\"pad\":\"%*s\",\"stage\":\"%s\",\"%s\":\"%.*s\"}\n", PAD, "",
		    i % STAGE == 3 && !timed ? "hit" : "miss", timed ? "ts" : "no",
		    CLOCK_LENGTH, when);
	}
	fclose(f);
	for (int first = 0; first < LINES; first += EVERY * BY_SANITIZER(1, 1, 5)) {
		auditq_t *q = ask(&a);
		uint64_t n, want = 0;

		for (int i = first; i < LINES; i++)
			want += i % STAGE == 3 && i % EVERY != 0;
		auditq_jobs(q, first / EVERY % 2 == 0 ? 1 : 4);
		auditq_stage(q, "hit");
		auditq_between(q, T0 + first * CLOCK_S, T0 + LINES * CLOCK_S);
		assert_int_equal(auditq_count(q, &n, &a.err), 0);
		if (n != want)
			fail_msg("from %d on: %llu, not %llu", first, (unsigned long long)n,
			    (unsigned long long)want);
		auditq_free(q);
	}
}

/* ---- doubles --------------------------------------------------------------------------- */

static void
test_doubles(void **state)
{
	auditq_t *q;
	uint64_t n;

	(void)state;
	/* A tail written again after an fsync that failed. */
	put_archive("date=2025-10-21/s." W1 ".000001.jsonl.gz", 1, 50, "r");
	put_archive("date=2025-10-21/s." W1 ".000002.jsonl.gz", 41, 90, "r");
	put_plain("date=2025-10-21/s." W1 ".000003.jsonl", 91, 99, "r", "{\"torn");
	ask_three_ways();
	assert_range(&a, 1, 99);
	assert_int_equal(a.counts.duplicates, 10);
	assert_int_equal(c.counts.duplicates, 10);
	q = ask(&b);
	assert_int_equal(auditq_count(q, &n, NULL), 0);
	assert_int_equal(n, 99);
	auditq_reverse(q, true);
	auditq_limit(q, 60);
	take(q, &b);
	assert_int_equal(b.n, 60);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.seq[i], 99 - i);
	/* Of another writer, the same numbers are other records. */
	put_archive("date=2025-10-21/s.ffffffffffffffff.000001.jsonl.gz", 1, 9, "other");
	take(ask(&a), &a);
	assert_int_equal(a.n, 99 + 9);
	/* Of a writer whose files do not overlap, summaries answer. */
	q = ask(&b);
	auditq_between(q, T0 + 100 * CLOCK_S, INT64_MAX);
	assert_int_equal(auditq_count(q, &n, NULL), 0);
	assert_int_equal(n, 0);
	auditq_free(q);
}

/* ---- rings ----------------------------------------------------------------------------- */

static const char *ring_dir; /* NULL: in the root */

static alog_t *
open_log(void)
{
	alog_error err;
	alog_t *log = NULL;

	if (alog_open(&log,
		&(alog_options){ .size = sizeof(alog_options),
		    .root = root,
		    .service = "svc",
		    .ring_dir = ring_dir,
		    .ring_bytes = 256 << 10 },
		&err) < 0)
		fail_msg("%s", err.text);
	return log;
}

/* A record is found, once, as soon as the call that made it has returned. */
static void
test_living_ring(void **state)
{
	alog_t *log = open_log();
	uint64_t n, doubles = 0;

	(void)state;
	for (uint64_t i = 1; i <= 300; i++) {
		auditq_t *q = ask(&a);

		assert_int_equal(
		    ALOG_INFO(log, "tick", ALOG_KV("pad", 1), ALOG_KV("run_id_", "r")), 0);
		auditq_where(q, "msg == \"tick\"");
		assert_int_equal(auditq_count(q, &n, NULL), 0);
		if (n != i)
			fail_msg("%llu of %llu records", (unsigned long long)n,
			    (unsigned long long)i);
		doubles += a.counts.duplicates;
		auditq_free(q);
		if (i % 50 == 0)
			usleep(30000);
	}
	assert_int_equal(alog_close(log), 0);
	(void)doubles;
}

/* 200 records in the ring of a killed writer. */
static void
leave_ring(void)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		alog_t *log = open_log();

		for (int i = 0; i < 200; i++)
			if (ALOG_INFO(log, "tick", ALOG_KV("i", i)) < 0)
				_exit(1);
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* How many of them a query finds; a.lost says what it could not read. */
static uint64_t
count_ticks(void)
{
	auditq_t *q = ask(&a);
	uint64_t n;

	auditq_where(q, "msg == 'tick'");
	assert_int_equal(auditq_count(q, &n, NULL), 0);
	auditq_free(q);
	return n;
}

static void
test_dead_ring(void **state)
{
	(void)state;
	leave_ring();
	assert_int_equal(count_ticks(), 200);
	assert_int_equal(a.lost, 0);
}

/* In a ring_dir elsewhere it is found through its link; gone from there, that is said. */
static void
test_ring_elsewhere(void **state)
{
	char elsewhere[SCRATCH_MAX];

	(void)state;
	scratch_make(elsewhere);
	ring_dir = elsewhere;
	leave_ring();
	ring_dir = NULL;
	assert_int_equal(count_ticks(), 200);
	assert_int_equal(a.lost, 0);
	scratch_remove(elsewhere);
	(void)count_ticks();
	assert_int_equal(a.lost, 1);
}

/* ---- the last run ---------------------------------------------------------------------- */

static void
check_last(const char *want, int64_t after, int64_t before, const char *other)
{
	for (int mode = 0; mode < 4; mode++) {
		auditq_t *q = ask(&a);
		auditq_record rec;
		char run[32];
		size_t n = 0;

		auditq_run(q, "last");
		if (other != NULL)
			auditq_run(q, other);
		auditq_use_index(q, mode % 2 == 0);
		auditq_jobs(q, mode < 2 ? 1 : 3);
		auditq_memory(q, mode == 3 ? 1 : 1 << 20);
		auditq_between(q, after, before);
		while (auditq_next(q, &rec, &a.err) > 0) {
			assert_true(auditq_get_string(&rec, "run_id", run, sizeof run) > 0);
			if (strcmp(run, want) != 0 &&
			    (other == NULL || strcmp(run, other) != 0))
				fail_msg("run %s, want %s", run, want);
			n++;
		}
		assert_int_equal(n > 0, want[0] != '\0' || other != NULL);
		auditq_free(q);
	}
}

static void
test_last_run(void **state)
{
	(void)state;
	check_last("", INT64_MIN, INT64_MAX, NULL);
	put_archive("date=2025-10-21/s." W1 ".000001.jsonl.gz", 10, 60, "early");
	put_archive("date=2025-10-21/t." W1 ".000002.jsonl.gz", 40, 90, "middle");
	put_plain("date=2025-10-21/t." W1 ".000003.jsonl", 91, 99, "early", "");
	check_last("middle", INT64_MIN, INT64_MAX, NULL);
	put_plain("u.jsonl", 41, 42, "late", "");
	check_last("late", INT64_MIN, INT64_MAX, NULL);
	check_last("late", INT64_MIN, INT64_MAX, "early");
	/* An id that begins with the last one's is another run. */
	put_plain("v.jsonl", 1, 2, "late-not", "");
	check_last("late", INT64_MIN, INT64_MAX, NULL);
	/* Started at the same time: the greater id. */
	put_plain("w.jsonl", 41, 42, "mate", "");
	check_last("mate", INT64_MIN, INT64_MAX, NULL);
	/* What counts is the first record in the window. */
	check_last("middle", INT64_MIN, T0 + 41 * CLOCK_S, NULL);
	check_last("early", T0 + 91 * CLOCK_S, INT64_MAX, NULL);
	check_last("", T0 + 1000 * CLOCK_S, INT64_MAX, NULL);
}

/* ---- the cache ------------------------------------------------------------------------- */

static void
test_cache(void **state)
{
	auditq_cache_t *cache = auditq_cache_new(1 << 20), *small = auditq_cache_new(3000);
	auditq_cache_stats stats = { .size = sizeof stats };
	uint64_t members;
	auditq_t *q;

	(void)state;
	put_archive("x.jsonl.gz", 1, 100, "r");
	q = ask(&a);
	auditq_set_cache(q, cache);
	take(q, &a);
	assert_range(&a, 1, 100);
	members = a.counts.members_inflated;
	assert_true(members > 5);
	assert_int_equal(a.counts.members_cached, 0);
	q = ask(&b);
	auditq_set_cache(q, cache);
	auditq_jobs(q, 3);
	take(q, &b);
	assert_same(&a, &b);
	assert_int_equal(b.counts.members_inflated, 0);
	assert_int_equal(b.counts.members_cached, members);
	assert_int_equal(b.counts.bytes_read, 0);
	assert_int_equal(auditq_cache_get_stats(cache, &stats), 0);
	assert_int_equal(stats.hits, members);
	assert_int_equal(stats.members, members);
	/* The file is another one now. */
	put_archive("x.jsonl.gz", 1, 101, "r");
	q = ask(&b);
	auditq_set_cache(q, cache);
	take(q, &b);
	assert_range(&b, 1, 101);
	assert_int_equal(b.counts.members_cached, 0);
	/* A plan that is larger than the cache leaves it alone. */
	q = ask(&b);
	auditq_set_cache(q, small);
	take(q, &b);
	assert_range(&b, 1, 101);
	assert_int_equal(auditq_cache_get_stats(small, &stats), 0);
	assert_int_equal(stats.bypassed, 1);
	assert_int_equal(stats.misses, 0);
	auditq_cache_free(cache);
	auditq_cache_free(small);
}

/* ---- being canceled -------------------------------------------------------------------- */

static void *
cancel_soon(void *arg)
{
	usleep(1000);
	auditq_cancel(arg);
	return NULL;
}

static void
test_cancel(void **state)
{
	auditq_record rec;
	auditq_error err;
	pthread_t id;
	auditq_t *q;
	uint64_t n;
	int r;

	(void)state;
	put_archive("x.jsonl.gz", 1, 1000, "r");
	put_plain("y.jsonl", 1001, 3000, "r", "");
	for (unsigned jobs = 1; jobs < 4; jobs += 2) {
		q = ask(&a);
		auditq_jobs(q, jobs);
		/* Anywhere in the answer: it ends as canceled, or was over before. */
		assert_int_equal(pthread_create(&id, NULL, cancel_soon, q), 0);
		while ((r = auditq_next(q, &rec, &err)) > 0)
			;
		pthread_join(id, NULL);
		assert_true(r == 0 || r == AUDITQ_ECANCELED);
		assert_int_equal(auditq_next(q, &rec, &err), r);
		/* Once canceled, nothing begins. */
		assert_int_equal(auditq_count(q, &n, &err), AUDITQ_ECANCELED);
		assert_int_equal(auditq_rewind(q, &err), 0);
		assert_int_equal(auditq_next(q, &rec, &err), 1);
		auditq_cancel(q);
		assert_int_equal(auditq_next(q, &rec, &err), AUDITQ_ECANCELED);
		assert_int_equal(auditq_next(q, &rec, &err), AUDITQ_ECANCELED);
		assert_int_equal(auditq_rewind(q, &err), 0);
		assert_int_equal(auditq_count(q, &n, &err), 0);
		assert_int_equal(n, 3000);
		take(q, &a);
		assert_range(&a, 1, 3000);
	}
}

/* ---- standard input -------------------------------------------------------------------- */

static void
test_stdin(void **state)
{
	char path[2 * SCRATCH_MAX];
	int saved = dup(0), fd;
	auditq_record rec;
	auditq_error err;
	uint64_t n;
	auditq_t *q;

	(void)state;
	put_plain("in", 1, 50, "r", "");
	put_plain("more.jsonl", 51, 60, "r", "");
	path_in(path, "in");
	assert_true((fd = open(path, O_RDONLY)) >= 0);
	assert_int_equal(dup2(fd, 0), 0);
	q = ask(&a);
	auditq_path(q, "-");
	assert_int_equal(auditq_next(q, &rec, &err), 1);
	assert_string_equal(rec.path, "-");
	for (n = 1; auditq_next(q, &rec, &err) > 0; n++)
		;
	assert_int_equal(n, 60);
	assert_int_equal(auditq_rewind(q, &err), AUDITQ_EINVAL);
	assert_int_equal(auditq_count(q, &n, &err), AUDITQ_EINVAL);
	auditq_free(q);
	q = ask(&a);
	auditq_path(q, "-");
	auditq_run(q, "last");
	assert_int_equal(auditq_next(q, &rec, &err), AUDITQ_EINVAL);
	auditq_free(q);
	assert_int_equal(dup2(saved, 0), 0);
	close(saved);
	close(fd);
}

/* ---- each call fails ------------------------------------------------------------------- */

/* Never a wrong answer: it fails, or says that something is missing, or gives all. */
static void
sweep(int error, uint64_t memory)
{
	for (long n = 0;; n += BY_SANITIZER(1, 1, 5)) {
		auditq_t *q = ask(&a);

		auditq_memory(q, memory);
		auditq_run(q, "last");
		faults_begin(FAULT_FAIL, n, error);
		take(q, &a);
		if (!faults_end()) {
			assert_range(&a, 1, 99);
			return;
		}
		if (a.r == 0 && a.n != 99 && a.lost == 0 && a.warned == 0)
			fail_msg("call %ld failed with %d: %zu records, and not a word", n,
			    error, a.n);
		if (a.r < 0)
			assert_true(a.err.text[0] != '\0');
	}
}

static void
test_faults(void **state)
{
	(void)state;
	put_archive("date=2025-10-21/s." W1 ".000001.jsonl.gz", 1, 50, "r");
	put_archive("date=2025-10-21/s." W1 ".000002.jsonl.gz", 41, 90, "r");
	put_plain("date=2025-10-21/s." W1 ".000003.jsonl", 91, 99, "r", "");
	sweep(EIO, 32 << 20);
	sweep(EMFILE, 32 << 20);
	sweep(ENOMEM, 1000);
	sweep(EINTR, 32 << 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pruned),
		TEST(test_pieces),
		TEST(test_doubles),
		TEST(test_living_ring),
		TEST(test_dead_ring),
		TEST(test_ring_elsewhere),
		TEST(test_last_run),
		TEST(test_cache),
		TEST(test_cancel),
		TEST(test_stdin),
		TEST(test_faults),
	};

	return cmocka_run_group_tests(tests, scratch_tmpdir_begin, scratch_tmpdir_end);
}
