/* forks - a child that goes on logging is a writer of its own, in the run that was bound; its parent does not notice. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "logging.h"
#include "sanitizer.h"

/*
 * A child of a threaded process may start threads and allocate: POSIX and glibc see to that, the sanitizers
 * do not.  TSan cannot follow it at all: nothing is tested then.  ASan's allocator hangs in the child when another thread was in
 * it, so there the threads behind a logger get nothing to do that allocates.
 */
#define QUIET (ASAN ? ALOG_NO_SEAL | ALOG_NO_RECOVER : 0)

/* fork, once the threads that were started have come to rest. */
static pid_t
fork_child(void)
{
	pid_t child;

	if (QUIET != 0)
		logging_sleep_ms(50);
	assert_true((child = fork()) >= 0);
	return child;
}

static size_t
rings(void)
{
	char path[sizeof root + 8];

	(void)snprintf(path, sizeof path, "%s/.ring", root);
	return root_entries(path);
}

/* How many lines have this pid; each carries the run's id, or none. */
static size_t
count_pid(const struct root_lines *lines, pid_t pid, const char *run)
{
	const char *writer = NULL;
	size_t n = 0;

	for (size_t i = 0; i < lines->n; i++) {
		const char *id = root_str(lines->line[i], "run_id");

		if (root_int(lines->line[i], "pid") != pid)
			continue;
		if (run == NULL ? id != NULL : id == NULL || strcmp(id, run) != 0)
			fail_msg("run %s of pid %d", id, (int)pid);
		/* One process, one writer. */
		if (writer == NULL)
			writer = logging_writer(&lines->text.line[i]);
		assert_memory_equal(writer, logging_writer(&lines->text.line[i]), 16);
		n++;
	}
	return n;
}

/* ---- when the fork comes --------------------------------------------------------------------- */

/* The parent logs `before` records, forks, and goes on; the child logs too. */
static void
fork_after(int before, bool close_child)
{
	alog_t *log = logging_open((alog_options){ .flags = QUIET });
	alog_t *run = alog_run_begin(log, "run-1"), *stage = alog_stage_begin(run, "s");
	struct root_lines lines;
	pid_t child;

	for (int i = 0; i < before; i++)
		assert_int_equal(ALOG_INFO(stage, "parent"), 0);
	child = fork_child();
	if (child == 0) {
		for (int i = 0; i < 3; i++)
			CHILD_CHECK(ALOG_INFO(stage, "child") == 0);
		CHILD_CHECK(ALOG_AUDIT(stage, "child") == 0);
		CHILD_CHECK(alog_stage_end(stage, ALOG_OK) == 0);
		CHILD_CHECK(!close_child || alog_close(log) == 0);
		_exit(0);
	}
	for (int i = 0; i < 5; i++)
		assert_int_equal(ALOG_INFO(stage, "parent"), 0);
	logging_join(child);
	assert_int_equal(alog_stage_end(stage, ALOG_OK), 0);
	assert_int_equal(alog_run_end(run, ALOG_OK), 0);
	lines = logging_finish(log);
	assert_int_equal(logging_check_dense(&lines), 2);
	assert_int_equal(count_pid(&lines, getpid(), "run-1"), (size_t)before + 5 + 4);
	/* Without a close the end of the stage waits in the ring, for recovery. */
	assert_in_range(count_pid(&lines, child, "run-1"), close_child ? 5 : 4, 5);
	root_free(&lines);
	if (!close_child) {
		log = logging_open((alog_options){ 0 });
		for (int wait = 0; rings() > 1 && wait < 500; wait++)
			logging_sleep_ms(10);
		lines = logging_finish(log);
		assert_int_equal(logging_check_dense(&lines), 2);
		assert_int_equal(count_pid(&lines, child, "run-1"), 5);
		root_free(&lines);
	}
	assert_int_equal(rings(), 0);
	scratch_remove(root);
}

static void
test_when(void **state)
{
	(void)state;
	fork_after(0, true);
	fork_after(1, true);
	fork_after(100, true);
	fork_after(100, false);
}

/* A child of a logger that has not logged anything at all. */
static void
test_before_any(void **state)
{
	alog_t *log = logging_open((alog_options){ .flags = QUIET });
	struct root_lines lines;
	pid_t child;

	(void)state;
	child = fork_child();
	if (child == 0) {
		CHILD_CHECK(ALOG_INFO(log, "child") == 0);
		CHILD_CHECK(alog_close(log) == 0);
		_exit(0);
	}
	logging_join(child);
	assert_int_equal(ALOG_INFO(log, "parent"), 0);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 2);
	assert_int_equal(logging_check_dense(&lines), 2);
	assert_int_equal(count_pid(&lines, getpid(), NULL), 1);
	assert_int_equal(count_pid(&lines, child, NULL), 1);
	root_free(&lines);
}

/* What a child does short of logging makes nothing, and takes nothing from its parent. */
static void
silent(alog_t *log, int what)
{
	alog_stats stats = { .size = sizeof stats };
	alog_t *bound;

	switch (what) {
	case 0: _exit(0);
	case 1: CHILD_CHECK(alog_close(log) == 0); break;
	case 2: CHILD_CHECK(alog_sync(log, 1000) == 0); break;
	case 3:
		CHILD_CHECK(alog_get_stats(log, &stats) == 0);
		CHILD_CHECK(stats.records == 0);
		break;
	case 4:
		CHILD_CHECK((bound = alog_bind(log, ALOG_KV("k", 1))) != NULL);
		alog_free(bound);
		CHILD_CHECK(alog_close(log) == 0);
		break;
	case 5:
		CHILD_CHECK(ALOG_DEBUG(log, "off") == 0);
		CHILD_CHECK(alog_set_level(log, ALOG_LEVEL_ERROR) == 0);
		CHILD_CHECK(ALOG_INFO(log, "off") == 0);
		break;
	}
	CHILD_CHECK(rings() == 1);
	_exit(0);
}

static void
test_silent(void **state)
{
	alog_t *log = logging_open((alog_options){ .flags = QUIET });
	struct root_lines lines;

	(void)state;
	for (int what = 0; what <= 5; what++) {
		const pid_t child = fork_child();

		if (child == 0)
			silent(log, what);
		assert_int_equal(ALOG_INFO(log, "m"), 0);
		logging_join(child);
	}
	assert_int_equal(alog_get_level(log), ALOG_LEVEL_INFO);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 6);
	assert_int_equal(logging_check_dense(&lines), 1);
	root_free(&lines);
}

static void
test_grandchild(void **state)
{
	alog_t *log = logging_open((alog_options){ .flags = QUIET });
	struct root_lines lines;
	pid_t child;

	(void)state;
	assert_int_equal(ALOG_INFO(log, "1"), 0);
	child = fork_child();
	if (child == 0) {
		/* The child itself stays silent until its own child is gone. */
		const pid_t grandchild = fork();
		int status;

		if (grandchild == 0) {
			CHILD_CHECK(ALOG_INFO(log, "3") == 0);
			CHILD_CHECK(alog_close(log) == 0);
			_exit(0);
		}
		CHILD_CHECK(waitpid(grandchild, &status, 0) == grandchild && status == 0);
		CHILD_CHECK(ALOG_INFO(log, "2") == 0);
		CHILD_CHECK(alog_close(log) == 0);
		_exit(0);
	}
	logging_join(child);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 3);
	assert_int_equal(logging_check_dense(&lines), 3);
	root_free(&lines);
}

/* A child knows nothing of a logger that is off, and may open one of its own. */
static void
test_disabled(void **state)
{
	alog_t *off = logging_open((alog_options){ .level = ALOG_LEVEL_OFF });
	const pid_t child = fork_child();

	(void)state;
	if (child == 0) {
		alog_t *log;

		CHILD_CHECK(ALOG_CRITICAL(off, "m") == 0);
		CHILD_CHECK(ALOG_AUDIT(off, "m") == ALOG_EDISABLED);
		CHILD_CHECK(root_entries(scratch) == 0);
		CHILD_CHECK(alog_close(off) == 0);
		log = logging_open((alog_options){ 0 });
		CHILD_CHECK(ALOG_INFO(log, "m") == 0);
		CHILD_CHECK(alog_close(log) == 0);
		_exit(0);
	}
	logging_join(child);
	assert_int_equal(alog_close(off), 0);
	assert_int_equal(root_count(root, ".jsonl"), 1);
}

/* ---- while other threads log -------------------------------------------------------------- */

#define CHILDREN 6

static atomic_bool stop;
static atomic_long emitted;

static void *
emit_until_told(void *arg)
{
	while (!atomic_load(&stop)) {
		if (ALOG_INFO(arg, "parent") < 0)
			abort();
		atomic_fetch_add(&emitted, 1);
		(void)sched_yield();
	}
	return NULL;
}

static void *
emit_few(void *arg)
{
	for (int i = 0; i < 50; i++)
		if (ALOG_INFO(arg, "child") < 0)
			_exit(99);
	return NULL;
}

/* Several threads of a child come to its first record at the same time. */
static void
in_child(alog_t *log)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		CHILD_CHECK(pthread_create(&t[i], NULL, emit_few, log) == 0);
	for (int i = 0; i < 4; i++)
		CHILD_CHECK(pthread_join(t[i], NULL) == 0);
	CHILD_CHECK(alog_close(log) == 0);
	_exit(0);
}

static void
test_threads(void **state)
{
	alog_t *log = logging_open((alog_options){ .ring_bytes = 65536,
	    .segment_bytes = 50000,
	    .block_ms = 60000,
	    .seal_bytes = 1,
	    .flags = QUIET });
	struct root_lines lines;
	pid_t child[CHILDREN];
	pthread_t t[3];

	(void)state;
	atomic_store(&stop, false);
	atomic_store(&emitted, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, emit_until_told, log), 0);
	for (int i = 0; i < CHILDREN; i++) {
		child[i] = fork_child();
		if (child[i] == 0)
			in_child(log);
		logging_sleep_ms(2);
	}
	for (int i = 0; i < CHILDREN; i++)
		logging_join(child[i]);
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	lines = logging_finish(log);
	assert_int_equal(logging_check_dense(&lines), CHILDREN + 1);
	assert_int_equal(count_pid(&lines, getpid(), NULL), (size_t)atomic_load(&emitted));
	for (int i = 0; i < CHILDREN; i++)
		assert_int_equal(count_pid(&lines, child[i], NULL), 200);
	assert_int_equal(rings(), 0);
	root_free(&lines);
}

/* The parent dies: its ring's lock is free although a child lives on. */
static void
test_parent_dies(void **state)
{
	alog_t *log;
	struct root_lines lines;
	int over[2], begun[2], status;
	pid_t parent;
	char c = 0;

	(void)state;
	assert_int_equal(pipe(over), 0);
	assert_int_equal(pipe(begun), 0);
	assert_true((parent = fork()) >= 0);
	if (parent == 0) {
		(void)close(over[1]);
		log = logging_open((alog_options){ .written_ms = 60000, .flags = QUIET });
		CHILD_CHECK(ALOG_INFO(log, "kept") == 0);
		if (fork() == 0) {
			/* Silent, until the test is over. */
			CHILD_CHECK(write(begun[1], &c, 1) == 1);
			CHILD_CHECK(read(over[0], &c, 1) == 0);
			_exit(0);
		}
		CHILD_CHECK(read(begun[0], &c, 1) == 1);
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(parent, &status, 0), parent);
	log = logging_open((alog_options){ 0 });
	for (int wait = 0; rings() > 1 && wait < 500; wait++)
		logging_sleep_ms(10);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 1);
	assert_int_equal(rings(), 0);
	root_free(&lines);
	for (int i = 0; i < 2; i++) {
		(void)close(over[i]);
		(void)close(begun[i]);
	}
}

/* What a child executes has nothing of ours, and keeps no lock. */
static void
test_exec(void **state)
{
	char command[2 * SCRATCH_MAX];
	struct root_lines lines;
	int over[2], status;
	pid_t parent;
	alog_t *log;
	char c;

	(void)state;
	(void)snprintf(command, sizeof command,
	    "ls -l /proc/$$/fd | grep -q %s && echo leak; echo; read -r line", scratch);
	assert_int_equal(pipe(over), 0);
	assert_true((parent = fork()) >= 0);
	if (parent == 0) {
		int said[2];

		CHILD_CHECK(pipe(said) == 0);
		log = logging_open((alog_options){ .written_ms = 60000, .flags = QUIET });
		CHILD_CHECK(ALOG_INFO(log, "kept") == 0);
		if (fork() == 0) {
			CHILD_CHECK(dup2(over[0], 0) == 0 && dup2(said[1], 1) == 1);
			(void)close(over[1]);
			(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
			_exit(127);
		}
		CHILD_CHECK(read(said[0], &c, 1) == 1 && c == '\n');
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	log = logging_open((alog_options){ 0 });
	for (int wait = 0; rings() > 1 && wait < 500; wait++)
		logging_sleep_ms(10);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 1);
	assert_int_equal(rings(), 0);
	root_free(&lines);
	(void)close(over[0]);
	(void)close(over[1]);
}

/* A child goes on in the run after its parent has closed the logger and is gone. */
static void
test_parent_first(void **state)
{
	struct root_lines lines;
	int gone[2], done[2], status;
	pid_t parent, child = 0;
	char c;

	(void)state;
	assert_int_equal(pipe(gone), 0);
	assert_int_equal(pipe(done), 0);
	assert_true((parent = fork()) >= 0);
	if (parent == 0) {
		alog_t *log = logging_open((alog_options){ .flags = QUIET });
		alog_t *run = alog_run_begin(log, "run-1");

		(void)close(gone[1]);
		if (fork_child() == 0) {
			/* The end of the pipe: the test has seen the parent go. */
			CHILD_CHECK(read(gone[0], &c, 1) == 0);
			CHILD_CHECK(ALOG_INFO(run, "alone") == 0);
			CHILD_CHECK(alog_run_end(run, ALOG_OK) == 0 && alog_close(log) == 0);
			child = getpid();
			CHILD_CHECK(write(done[1], &child, sizeof child) == sizeof child);
			_exit(0);
		}
		alog_free(run);
		CHILD_CHECK(alog_close(log) == 0);
		_exit(0);
	}
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_int_equal(status, 0);
	assert_int_equal(rings(), 0);
	(void)close(gone[0]);
	(void)close(gone[1]);
	(void)close(done[1]);
	assert_int_equal(read(done[0], &child, sizeof child), sizeof child);
	lines = logging_read();
	assert_int_equal(logging_check_dense(&lines), 2);
	assert_int_equal(count_pid(&lines, parent, "run-1"), 1);
	assert_int_equal(count_pid(&lines, child, "run-1"), 2);
	assert_int_equal(rings(), 0);
	root_free(&lines);
	(void)close(done[0]);
}

/* ---- many forks, each while other threads are somewhere in a call --------------------- */

#define FORKS BY_SANITIZER(200U, 200U, 20U)

/* Loggers come and go beside the one that is forked with, each with its files and threads. */
static void *
open_and_close(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		alog_t *log = logging_open((alog_options){ .ring_bytes = 65536 });
		alog_t *run = alog_run_begin(log, "other");

		(void)alog_set_level(log, ALOG_LEVEL_WARN);
		alog_free(run);
		if (alog_close(log) < 0)
			abort();
		logging_sleep_ms(1);
	}
	return NULL;
}

static void
in_storm(alog_t *log, unsigned i)
{
	(void)alarm(60);
	if (i % 10 == 0) {
		alog_t *run = alog_run_begin(log, NULL);

		CHILD_CHECK(ALOG_INFO(run, "child") == 0);
		CHILD_CHECK(alog_run_end(run, ALOG_OK) == 0);
		CHILD_CHECK(alog_close(log) == 0);
	} else if (i % 2 == 0) {
		alog_free(alog_bind(log, ALOG_KV("i", i)));
		CHILD_CHECK(alog_close(log) == 0);
	}
	_exit(0);
}

static void
test_storm(void **state)
{
	alog_t *log;
	struct root_lines lines;
	pthread_t t[3];
	size_t others = 0;

	(void)state;
	if (QUIET != 0)
		skip();
	log = logging_open(
	    (alog_options){ .ring_bytes = 65536, .segment_bytes = 50000, .block_ms = 60000 });
	atomic_store(&stop, false);
	atomic_store(&emitted, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, i < 2 ? emit_until_told : open_and_close, log),
		    0);
	for (unsigned i = 0; i < FORKS; i++) {
		const pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0)
			in_storm(log, i);
		logging_join(child);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	lines = logging_finish(log);
	for (size_t i = 0; i < lines.n; i++) {
		const char *run = root_str(lines.line[i], "run_id");

		others += run != NULL && strcmp(run, "other") == 0;
	}
	(void)logging_check_dense(&lines);
	assert_int_equal(lines.n - others, (size_t)atomic_load(&emitted) + FORKS / 10 * 3);
	assert_int_equal(rings(), 0);
	root_free(&lines);
}

static void
test_skipped(void **state)
{
	(void)state;
	skip();
}

int
main(void)
{
	const struct CMUnitTest under_tsan[] = { cmocka_unit_test(test_skipped) };
	const struct CMUnitTest tests[] = {
		LOGGING_TEST(test_when),
		LOGGING_TEST(test_before_any),
		LOGGING_TEST(test_silent),
		LOGGING_TEST(test_grandchild),
		LOGGING_TEST(test_disabled),
		LOGGING_TEST(test_threads),
		LOGGING_TEST(test_parent_dies),
		LOGGING_TEST(test_exec),
		LOGGING_TEST(test_parent_first),
		LOGGING_TEST(test_storm),
	};

	/* What hangs ends here. */
	(void)alarm(120);
	if (TSAN)
		return cmocka_run_group_tests_name("forks", under_tsan, NULL, NULL);
	return cmocka_run_group_tests_name("forks", tests, NULL, NULL);
}
