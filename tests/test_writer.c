/* writer - many threads, several processes, days and sizes: every record once, where it belongs. */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archive.h"
#include "clock.h"
#include "logging.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- many threads, one logger -------------------------------------------------------------- */

#define THREADS 6
#define EACH    4000

struct emitter {
	alog_t *ctx;
	int id;
};

static void *
emit_many(void *arg)
{
	const struct emitter *e = arg;

	for (int i = 0; i < EACH; i++)
		if (ALOG_INFO(e->ctx, "m", ALOG_KV("thread", e->id), ALOG_KV("i", i)) < 0)
			abort();
	return NULL;
}

static void
emit_from_threads(alog_t *log)
{
	struct emitter e[THREADS];
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++) {
		e[i] = (struct emitter){ log, i };
		assert_int_equal(pthread_create(&t[i], NULL, emit_many, &e[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
}

/* Each record of each thread is there once, and stands in its order. */
static void
check_threads(const struct root_lines *lines)
{
	int next[THREADS] = { 0 };

	for (size_t i = 0; i < lines->n; i++) {
		const int64_t thread = root_int(lines->line[i], "thread");

		assert_in_range(thread, 0, THREADS - 1);
		assert_int_equal(root_int(lines->line[i], "i"), next[thread]++);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(next[i], EACH);
}

/* What the archives of one writer say of themselves: how much they hold, and who came before. */
static void
check_archives(const struct root_lines *lines)
{
	uint8_t previous[32] = { 0 };
	uint64_t seq = 0;

	for (size_t i = 0; i < lines->n; i++) {
		struct format_footer total;
		char path[sizeof root + 300];
		struct stat st;
		int fd;

		if (i > 0 &&
		    strcmp(lines->text.line[i].file, lines->text.line[i - 1].file) == 0)
			continue;
		(void)snprintf(path, sizeof path, "%s/%s.gz", root, lines->text.line[i].file);
		assert_true((fd = open(path, O_RDONLY)) >= 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(
		    archive_read_footer(fd, (uint64_t)st.st_size, path, &total, NULL), 0);
		(void)close(fd);
		assert_true(total.seqs);
		assert_int_equal(total.first_seq, seq + 1);
		assert_int_equal(total.lines, total.last_seq - seq);
		assert_memory_equal(total.previous, previous, 32);
		memcpy(previous, total.whole, 32);
		seq = total.last_seq;
	}
	assert_int_equal(seq, lines->n);
}

/* The ring is far smaller than what goes through it, and segments are many. */
static void
test_threads(void **state)
{
	alog_t *log = logging_open((alog_options){
	    .ring_bytes = 65536, .segment_bytes = 100000, .seal_bytes = 1, .block_ms = 60000 });
	alog_stats stats = { .size = sizeof stats };
	struct root_lines lines;

	(void)state;
	emit_from_threads(log);
	assert_int_equal(alog_sync(log, 60000), 0);
	assert_int_equal(alog_get_stats(log, &stats), 0);
	assert_int_equal(stats.records, THREADS * EACH);
	assert_int_equal(stats.durable, THREADS * EACH);
	assert_int_equal(stats.dropped, 0);
	assert_int_equal(stats.errors, 0);
	lines = logging_finish(log);
	assert_int_equal(lines.n, THREADS * EACH);
	assert_int_equal(logging_check_dense(&lines), 1);
	check_threads(&lines);
	check_archives(&lines);
	assert_int_equal(root_count(root, ".jsonl"), 0);
	assert_int_equal(root_count(root, ".jsonl.gz"), lines.text.files);
	root_free(&lines);
}

static void *
audit_many(void *arg)
{
	const struct emitter *e = arg;

	for (int i = 0; i < 10; i++)
		if (ALOG_AUDIT(e->ctx, "e", ALOG_KV("thread", e->id)) != 0)
			abort();
	return NULL;
}

static atomic_int syncs;

static int
slow_sync(int fd)
{
	atomic_fetch_add(&syncs, 1);
	logging_sleep_ms(20);
	return sys_posix.fdatasync(fd);
}

/* Those that wait at the same time share an fdatasync. */
static void
test_audit_threads(void **state)
{
	struct emitter e[8];
	pthread_t t[8];
	struct root_lines lines;
	alog_t *log;

	(void)state;
	atomic_store(&syncs, 0);
	ops.fdatasync = slow_sync;
	log = logging_open((alog_options){ 0 });
	for (int i = 0; i < 8; i++) {
		e[i] = (struct emitter){ log, i };
		assert_int_equal(pthread_create(&t[i], NULL, audit_many, &e[i]), 0);
	}
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_in_range(atomic_load(&syncs), 1, 60);
	lines = logging_read();
	assert_int_equal(lines.n, 80);
	root_free(&lines);
	assert_int_equal(alog_close(log), 0);
}

/* ---- several processes, one root ------------------------------------------------------------ */

static void
log_and_exit(int id)
{
	alog_t *log = logging_open((alog_options){ .segment_bytes = 20000 });

	for (int i = 0; i < 300; i++)
		if (ALOG_INFO(log, "m", ALOG_KV("process", id), ALOG_KV("i", i)) < 0)
			_exit(1);
	_exit(alog_close(log) == 0 ? 0 : 2);
}

static void
test_processes(void **state)
{
	struct root_lines lines;
	int seen[5] = { 0 }, status;
	pid_t child[5];

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_true((child[i] = fork()) >= 0);
		if (child[i] == 0)
			log_and_exit(i);
	}
	for (int i = 0; i < 5; i++) {
		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_int_equal(status, 0);
	}
	lines = logging_read();
	assert_int_equal(lines.n, 5 * 300);
	assert_int_equal(logging_check_dense(&lines), 5);
	for (size_t i = 0; i < lines.n; i++)
		seen[root_int(lines.line[i], "process")]++;
	for (int i = 0; i < 5; i++)
		assert_int_equal(seen[i], 300);
	root_free(&lines);
}

/* ---- days ---------------------------------------------------------------------------------- */

static _Atomic int64_t now;

static int64_t
test_clock(void *arg)
{
	(void)arg;
	return atomic_load(&now);
}

static int64_t
instant(const char *text)
{
	int64_t ns;

	if (clock_parse(text, strlen(text), &ns, NULL, NULL) < 0)
		fail_msg("%s", text);
	return ns;
}

/* Each record's time, and the file it must stand in: its partition and the segment's number. */
struct step {
	const char *ts, *day;
	int number;
};

static void
run_steps(const char *name, const struct step *steps)
{
	struct root_lines lines;
	size_t n = 0;
	alog_t *log;

	atomic_store(&now, instant(steps[0].ts));
	log = logging_open((alog_options){ .clock = test_clock });
	for (; steps[n].ts != NULL; n++) {
		atomic_store(&now, instant(steps[n].ts));
		assert_int_equal(ALOG_INFO(log, "m"), 0);
	}
	lines = logging_finish(log);
	assert_int_equal(lines.n, n);
	assert_int_equal(logging_check_dense(&lines), 1);
	for (size_t i = 0; i < n; i++) {
		const struct scratch_line *l = &lines.text.line[i];
		const struct step *s = &steps[l->seq - 1];
		const int number = atoi(strrchr(l->file, '.') - 6);

		if (strncmp(l->file + 5, s->day, 10) != 0 || number != s->number ||
		    strncmp(root_str(lines.line[i], "ts"), s->ts, strlen(s->ts) - 1) != 0)
			fail_msg("%s, record %d: %s, %s", name, (int)l->seq, l->file,
			    root_str(lines.line[i], "ts"));
	}
	root_free(&lines);
	scratch_remove(root);
}

#define STEPS_MAX 6

static void
test_days(void **state)
{
	static const struct {
		const char *name;
		struct step step[STEPS_MAX + 1];
	} cases[] = {
		{ "midnight",
		    { { "2025-10-23T23:59:59.999999999Z", "2025-10-23", 1 },
			{ "2025-10-24T00:00:00Z", "2025-10-24", 2 } } },
		{ "new year",
		    { { "2025-12-31T23:59:59Z", "2025-12-31", 1 },
			{ "2026-01-01T00:00:00Z", "2026-01-01", 2 } } },
		{ "a leap day",
		    { { "2024-02-28T23:59:59Z", "2024-02-28", 1 },
			{ "2024-02-29T00:00:00Z", "2024-02-29", 2 },
			{ "2024-02-29T23:59:59Z", "2024-02-29", 2 },
			{ "2024-03-01T00:00:00Z", "2024-03-01", 3 } } },
		{ "no leap day",
		    { { "2025-02-28T23:59:59Z", "2025-02-28", 1 },
			{ "2025-03-01T00:00:00Z", "2025-03-01", 2 } } },
		{ "no leap day in 2100",
		    { { "2100-02-28T23:59:59Z", "2100-02-28", 1 },
			{ "2100-03-01T00:00:00Z", "2100-03-01", 2 } } },
		{ "the end of a 32-bit time",
		    { { "2038-01-19T03:14:07.999999999Z", "2038-01-19", 1 },
			{ "2038-01-19T03:14:08Z", "2038-01-19", 1 },
			{ "2038-01-20T00:00:00Z", "2038-01-20", 2 } } },
		{ "the end of an unsigned one",
		    { { "2106-02-07T06:28:15Z", "2106-02-07", 1 },
			{ "2106-02-07T06:28:16Z", "2106-02-07", 1 } } },
		{ "before 1970",
		    { { "1969-12-31T23:59:59Z", "1969-12-31", 1 },
			{ "1970-01-01T00:00:00Z", "1970-01-01", 2 } } },
		{ "a step back over midnight stays",
		    { { "2025-10-24T00:00:01Z", "2025-10-24", 1 },
			{ "2025-10-23T23:59:59Z", "2025-10-24", 1 },
			{ "2025-10-23T00:00:00Z", "2025-10-24", 1 },
			{ "2025-10-24T00:00:02Z", "2025-10-24", 1 } } },
		{ "a step back of more than a day",
		    { { "2025-10-24T00:00:01Z", "2025-10-24", 1 },
			{ "2025-10-22T23:59:59Z", "2025-10-22", 2 },
			{ "2025-10-21T23:59:59Z", "2025-10-22", 2 },
			{ "2025-10-24T00:00:01Z", "2025-10-24", 3 } } },
		{ "a step forward of years",
		    { { "2025-10-24T12:00:00Z", "2025-10-24", 1 },
			{ "2031-01-01T12:00:00Z", "2031-01-01", 2 },
			{ "2025-10-24T12:00:00Z", "2025-10-24", 3 } } },
		{ "a day without a record",
		    { { "2025-10-24T12:00:00Z", "2025-10-24", 1 },
			{ "2025-10-26T12:00:00Z", "2025-10-26", 2 } } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		run_steps(cases[i].name, cases[i].step);
}

/* Threads at midnight: nobody's record is lost, none is more than a day off its partition. */
static void
test_midnight_threads(void **state)
{
	alog_t *log = logging_open((alog_options){ .clock = test_clock, .ring_bytes = 65536 });
	struct emitter e[2];
	pthread_t t[2];
	struct root_lines lines;

	(void)state;
	atomic_store(&now, instant("2025-10-23T23:59:59Z"));
	for (int i = 0; i < 2; i++) {
		e[i] = (struct emitter){ log, i };
		assert_int_equal(pthread_create(&t[i], NULL, emit_many, &e[i]), 0);
	}
	for (int i = 0; i < 50; i++) {
		atomic_store(&now,
		    instant(i % 2 == 0 ? "2025-10-24T00:00:00Z" : "2025-10-23T23:59:59Z"));
		(void)sched_yield();
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 2 * EACH);
	assert_int_equal(logging_check_dense(&lines), 1);
	assert_in_range(lines.text.files, 1, 2);
	root_free(&lines);
}

/* ---- sizes --------------------------------------------------------------------------------- */

static void
test_sizes(void **state)
{
	static const int lengths[] = { 3000, 900, 100, 9000, 100, 3990, 5, 5, 4096, 8000, 1 };
	alog_t *log = logging_open((alog_options){ .segment_bytes = 4096 });
	char *text = malloc(10000);
	struct root_lines lines;
	size_t bytes = 0, in_file = 0;

	(void)state;
	memset(text, 'x', 10000);
	for (size_t i = 0; i < COUNT(lengths); i++)
		assert_int_equal(
		    ALOG_INFO(log, "m", ALOG_KVN("t", text, (size_t)lengths[i])), 0);
	free(text);
	lines = logging_finish(log);
	assert_int_equal(lines.n, COUNT(lengths));
	for (size_t i = 0; i < lines.n; i++) {
		if (i > 0 && strcmp(lines.text.line[i].file, lines.text.line[i - 1].file) != 0)
			bytes = in_file = 0;
		bytes += lines.text.line[i].n + 1;
		in_file++;
		/* Only a record that is too long alone may exceed the limit. */
		assert_true(bytes <= 4096 || in_file == 1);
		assert_int_equal(lines.text.line[i].seq, i + 1);
	}
	assert_in_range(lines.text.files, 6, 9);
	root_free(&lines);
}

/* ---- where the ring lies -------------------------------------------------------------------- */

static void
test_ring_dir(void **state)
{
	char ring_dir[SCRATCH_MAX + 16], link[SCRATCH_MAX + 32];
	struct root_lines lines;
	alog_t *log;

	(void)state;
	(void)snprintf(ring_dir, sizeof ring_dir, "%s/rings", scratch);
	(void)snprintf(link, sizeof link, "%s/.ring", root);
	assert_int_equal(mkdir(ring_dir, 0700), 0);
	log = logging_open((alog_options){ .ring_dir = ring_dir });
	assert_int_equal(ALOG_INFO(log, "m"), 0);
	assert_int_equal(root_entries(ring_dir), 1);
	assert_int_equal(root_entries(link), 1);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 1);
	assert_int_equal(root_entries(ring_dir), 0);
	assert_int_equal(root_entries(link), 0);
	root_free(&lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOGGING_TEST(test_threads),
		LOGGING_TEST(test_audit_threads),
		LOGGING_TEST(test_processes),
		LOGGING_TEST(test_days),
		LOGGING_TEST(test_midnight_threads),
		LOGGING_TEST(test_sizes),
		LOGGING_TEST(test_ring_dir),
	};

	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
