/*
 * cost - what a record must not cost: memory from the heap, a call of the system; and what an idle
 * logger must not: anything.
 */
#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "logging.h"
#include "sanitizer.h"

enum { RECORDS = 100000 };

/* ---- the heap: glibc's functions, counted ---- */

static atomic_ulong allocations; /* by all threads */

#if !ASAN && !TSAN
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

void *
malloc(size_t n)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_realloc(p, n);
}
#endif

/* ---- what is logged ---- */

struct service {
	alog_t *log, *run, *stage, *bound;
};

static void
service_begin(struct service *s, alog_t *log)
{
	s->log = log;
	s->run = alog_run_begin(log, NULL);
	s->stage = alog_stage_begin(s->run, "detection");
	s->bound = alog_bind(s->stage, ALOG_KV("tenant", "acme"));
}

static void
service_end(struct service *s)
{
	alog_free(s->bound);
	(void)alog_stage_end(s->stage, ALOG_OK);
	(void)alog_run_end(s->run, ALOG_OK);
	(void)alog_close(s->log);
}

/* A record of every kind there is in steady state. */
static int
emit(const struct service *s, int i)
{
	switch (i % 4) {
	case 0: return ALOG_INFO(s->log, "frame done");
	case 1:
		return ALOG_WARN(s->stage, "frame late", ALOG_KV("i", i), ALOG_KV("s", "\"x\""),
		    ALOG_KV("f", 0.1f), ALOG_KV("d", 1e-7 * i), ALOG_KVB("b", true),
		    ALOG_NULL("n"));
	case 2: return ALOG_INFO(s->bound, "frame done", ALOG_KV("score", 0.75));
	default: return alog_printf(s->bound, ALOG_LEVEL_INFO, "%d of %s", i, "many");
	}
}

static void
wait_until_durable(alog_t *log)
{
	alog_stats stats = { .size = sizeof stats };

	for (int wait = 0; wait < 1000; wait++) {
		assert_int_equal(alog_get_stats(log, &stats), 0);
		if (stats.durable == stats.records)
			return;
		logging_sleep_ms(10);
	}
	fail_msg("not durable after 10 s");
}

/* Nor does the thread that writes need any, nor a roll: with segments of 4 MiB there are some. */
static void
test_allocations(void **state)
{
	struct service s;
	unsigned long before;

	(void)state;
	service_begin(&s,
	    logging_open((alog_options){ .segment_bytes = 4 << 20,
		.fdatasync_ms = 20,
		.flags = ALOG_NO_SEAL | ALOG_NO_RECOVER }));
	for (int i = 0; i < RECORDS / 10; i++)
		assert_int_equal(emit(&s, i), 0);
	wait_until_durable(s.log);
	before = atomic_load(&allocations);
	assert_true(before > 0);
	for (int i = 0; i < RECORDS; i++)
		if (emit(&s, i) < 0)
			fail();
	wait_until_durable(s.log);
	assert_int_equal(atomic_load(&allocations) - before, 0);
	service_end(&s);
}

/* ---- calls of the system ---- */

/* What a child does under strace: log n records. */
static int
log_records(const char *dir, int n)
{
	struct service s;

	(void)snprintf(root, sizeof root, "%s", dir);
	service_begin(&s, logging_open((alog_options){ .flags = ALOG_NO_SEAL }));
	for (int i = 0; i < n; i++)
		if (emit(&s, i) < 0)
			return 1;
	service_end(&s);
	return 0;
}

/* The calls that all threads of a process make which logs n records. */
static long
count_calls(int n)
{
	char command[4 * SCRATCH_MAX], self[SCRATCH_MAX], summary[SCRATCH_MAX + 8], line[256];
	const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	long calls = -1, value;
	FILE *f;

	assert_true(length > 0);
	self[length] = '\0';
	(void)snprintf(summary, sizeof summary, "%s/strace", scratch);
	(void)snprintf(command, sizeof command,
	    "strace -f -c -U calls,name -o %s %s --log %s %d", summary, self, root, n);
	assert_int_equal(system(command), 0);
	assert_non_null(f = fopen(summary, "r"));
	while (fgets(line, sizeof line, f) != NULL)
		if (strstr(line, "total") != NULL && sscanf(line, "%ld", &value) == 1)
			calls = value;
	(void)fclose(f);
	assert_true(calls > 0);
	return calls;
}

static void
test_system_calls(void **state)
{
	long few, many;

	(void)state;
	if (system("strace -o /dev/null true 2>/dev/null") != 0) {
		print_message("strace is not here, or may not trace\n");
		skip();
	}
	few = count_calls(0);
	many = count_calls(RECORDS);
	print_message("%d records: %ld calls more\n", RECORDS, many - few);
	/* A write for each 256 KiB, and what wakes the thread that does it. */
	assert_true(many - few < RECORDS / 100);
}

/* ---- idle ---- */

/* How often the threads of this process but this one have slept, and the clock ticks they used. */
static long
activity(void)
{
	char path[300], line[256];
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *task;
	long sum = 0, value, user, kernel;

	assert_non_null(tasks);
	while ((task = readdir(tasks)) != NULL) {
		FILE *f;

		if (!isdigit((unsigned char)task->d_name[0]) || atoi(task->d_name) == getpid())
			continue;
		(void)snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
		assert_non_null(f = fopen(path, "r"));
		while (fgets(line, sizeof line, f) != NULL)
			if (sscanf(line, "voluntary_ctxt_switches: %ld", &value) == 1)
				sum += value;
		(void)fclose(f);
		(void)snprintf(path, sizeof path, "/proc/self/task/%s/stat", task->d_name);
		assert_non_null(f = fopen(path, "r"));
		assert_int_equal(
		    fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld",
			&user, &kernel),
		    2);
		sum += user + kernel;
		(void)fclose(f);
	}
	(void)closedir(tasks);
	return sum;
}

static void
test_idle(void **state)
{
	alog_t *log = logging_open((alog_options){ 0 });
	long before;

	(void)state;
	assert_int_equal(ALOG_INFO(log, "m"), 0);
	before = activity();
	wait_until_durable(log);
	assert_true(activity() > before);
	logging_sleep_ms(2000);
	before = activity();
	logging_sleep_ms(1500);
	assert_int_equal(activity(), before);
	/* And one record wakes it. */
	assert_int_equal(ALOG_INFO(log, "m"), 0);
	wait_until_durable(log);
	assert_int_equal(alog_close(log), 0);
}

static void
test_skipped(void **state)
{
	(void)state;
	print_message("a sanitizer allocates, calls the system and has threads of its own\n");
	skip();
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest skipped[] = { cmocka_unit_test(test_skipped) };
	const struct CMUnitTest tests[] = {
		LOGGING_TEST(test_allocations),
		LOGGING_TEST(test_system_calls),
		LOGGING_TEST(test_idle),
	};

	if (argc == 4 && strcmp(argv[1], "--log") == 0)
		return log_records(argv[2], atoi(argv[3]));
	if (ASAN || TSAN)
		return cmocka_run_group_tests_name("cost", skipped, NULL, NULL);
	return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
