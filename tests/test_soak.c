/*
 * soak - everything at once, for as long as SOAK_SECONDS says: sixteen threads in four processes log below two
 * roots, three of the four are killed and replaced all the time, while others ask, recover and compact; below one of
 * the roots files are retired, too.
 *
 * Held against what the calls that returned have acknowledged: below the root that keeps, everything is there; below
 * both, nothing is there twice, nothing is made up.  The process that is never killed and the one that asks must not
 * grow: neither their memory nor their descriptors.
 *
 * SEED=n repeats a run's random choices, not its instants.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <auditq.h>
#include <dirent.h>
#include <inttypes.h>
#include <liblog.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "draw.h"
#include "sanitizer.h"
#include "scratch.h"

#define THREADS     4
#define WRITERS     4     /* processes at a time; the first is never killed */
#define GENERATIONS 65536 /* processes in all */
#define GROWTH_KB   8192  /* of a process that has warmed up */
#define MOST_KB     65536 /* of one that asks */

enum { KEEPS, RETIRES, ROOTS };

/* Lies between all processes. */
struct shared {
	_Atomic uint64_t acked[GENERATIONS][THREADS];
	_Atomic uint32_t generations;
	_Atomic uint64_t questions, compactions;
	atomic_bool over;
};

static struct shared *shared;
static char root[ROOTS][SCRATCH_MAX];

static void
sleep_ms(uint64_t ms)
{
	(void)nanosleep(
	    &(struct timespec){ (time_t)(ms / 1000), (long)(ms % 1000 * 1000000) }, NULL);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
which_root(uint32_t generation)
{
	return generation % 3 == 2 ? RETIRES : KEEPS;
}

/* ---- those who log ---- */

struct thread {
	alog_t *log;
	uint32_t generation;
	unsigned number;
};

static void *
log_until_over(void *arg)
{
	const struct thread *t = arg;

	for (uint64_t n = 1; !atomic_load(&shared->over); n++) {
		const int64_t sum = (int64_t)(draw_mix((uint64_t)t->generation << 40 ^
						  (uint64_t)t->number << 36 ^ n) >>
		    1);
		int rc;

		if (n % 500 == 0)
			rc = ALOG_AUDIT(t->log, "soak.audit", ALOG_KV("g", t->generation),
			    ALOG_KV("t", t->number), ALOG_KV("n", n), ALOG_KV("sum", sum));
		else
			rc = ALOG_INFO(t->log, "soak", ALOG_KV("g", t->generation),
			    ALOG_KV("t", t->number), ALOG_KV("n", n), ALOG_KV("sum", sum));
		if (rc < 0)
			break;
		atomic_store(&shared->acked[t->generation][t->number], n);
		if (n % 20 == 0)
			sleep_ms(5);
	}
	return NULL;
}

static void
log_in_child(uint32_t generation)
{
	const int where = which_root(generation);
	const alog_options opt = { .size = sizeof opt,
		.root = root[where],
		.service = "soak",
		.host = "here",
		.segment_bytes = 256 << 10,
		.ring_bytes = 1 << 20,
		.seal_bytes = 1,
		.keep_bytes = where == RETIRES ? 256 << 10 : 0,
		.close_ms = 60000 };
	struct thread thread[THREADS];
	pthread_t id[THREADS];
	alog_t *log;

	if (alog_open(&log, &opt, NULL) < 0)
		_exit(1);
	for (unsigned i = 0; i < THREADS; i++) {
		thread[i] = (struct thread){ log, generation, i };
		(void)pthread_create(&id[i], NULL, log_until_over, &thread[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		(void)pthread_join(id[i], NULL);
	_exit(alog_close(log) < 0);
}

/* ---- those who ask, and who compact ---- */

static void
complain(void *arg, const auditq_warning *w)
{
	(void)arg;
	if (w->lost)
		(void)fprintf(stderr, "%s: %s\n", w->path, w->text);
	if (w->lost)
		_exit(3);
}

/* All that was acknowledged before is counted, below the root that keeps. */
static void
ask_in_child(void)
{
	while (!atomic_load(&shared->over)) {
		uint64_t before = 0, n = 0;
		auditq_t *q = auditq_new();
		auditq_error err = { 0 };

		for (uint32_t g = 0; g < atomic_load(&shared->generations); g++)
			for (unsigned t = 0; t < THREADS && which_root(g) == KEEPS; t++)
				before += atomic_load(&shared->acked[g][t]);
		(void)auditq_path(q, root[KEEPS]);
		(void)auditq_use_index(q, draw(2) == 0);
		(void)auditq_jobs(q, 1 + (unsigned)draw(4));
		(void)auditq_where(q, "exists sum");
		(void)auditq_on_warning(q, complain, NULL);
		if (auditq_count(q, &n, &err) < 0 || n < before) {
			(void)fprintf(stderr, "%" PRIu64 " of %" PRIu64 " found: %s %s\n", n,
			    before, err.path, err.text);
			_exit(1);
		}
		auditq_free(q);
		(void)atomic_fetch_add(&shared->questions, 1);
		sleep_ms(draw(50));
	}
	_exit(0);
}

static void
compact_in_child(void)
{
	while (!atomic_load(&shared->over)) {
		auditq_compact_result result = { .size = sizeof result };
		auditq_error err = { 0 };

		if (auditq_compact(root[draw(ROOTS)], NULL, &result, &err) < 0) {
			(void)fprintf(stderr, "compact: %s: %s\n", err.path, err.text);
			_exit(1);
		}
		(void)atomic_fetch_add(&shared->compactions, result.archives);
		sleep_ms(draw(300));
	}
	_exit(0);
}

/* ---- processes ---- */

static pid_t
spawn(uint64_t child_seed)
{
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		draw_seed = child_seed;
	}
	return pid;
}

static pid_t
start_writer(void)
{
	const uint32_t generation = atomic_load(&shared->generations);
	pid_t pid;

	assert_true(generation < GENERATIONS);
	atomic_store(&shared->generations, generation + 1);
	if ((pid = spawn(draw_mix(draw_seed))) == 0)
		log_in_child(generation);
	return pid;
}

static void
reap(pid_t pid, bool killed)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!killed && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		fail_msg("a process ended with %x", (unsigned)status);
}

struct usage {
	long kilobytes;
	unsigned descriptors;
};

static struct usage
usage_of(pid_t pid)
{
	struct usage u = { 0 };
	char path[64], line[256];
	struct dirent *d;
	FILE *f;
	DIR *dir;

	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	assert_non_null(f = fopen(path, "r"));
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "VmRSS:", 6) == 0)
			u.kilobytes = strtol(line + 6, NULL, 10);
	(void)fclose(f);
	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	assert_non_null(dir = opendir(path));
	while ((d = readdir(dir)) != NULL)
		u.descriptors += d->d_name[0] != '.';
	(void)closedir(dir);
	return u;
}

static void
check_growth(const char *who, struct usage from, struct usage to, long most)
{
	print_message("%s: %ld to %ld KB, %u to %u descriptors\n", who, from.kilobytes,
	    to.kilobytes, from.descriptors, to.descriptors);
	/* A sanitizer keeps what was freed, and valgrind's own memory counts, too; a segment may be open for sealing at
	 * any instant. */
	assert_true(ASAN || TSAN || VALGRIND || to.kilobytes <= most);
	assert_true(to.descriptors <= from.descriptors + 12);
}

/* ---- the oracle ---- */

static int
by_number(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* One number for each record found: generation, thread, count. */
static uint64_t *
read_all(const char *path, size_t *count)
{
	auditq_t *q = auditq_new();
	uint64_t *found = NULL;
	auditq_record rec;
	auditq_error err = { 0 };
	size_t n = 0;
	int r;

	(void)auditq_path(q, path);
	(void)auditq_where(q, "exists sum");
	(void)auditq_on_warning(q, complain, NULL);
	while ((r = auditq_next(q, &rec, &err)) > 0) {
		int64_t g, t, k, sum;

		assert_int_equal(auditq_get_i64(&rec, "g", &g), 0);
		assert_int_equal(auditq_get_i64(&rec, "t", &t), 0);
		assert_int_equal(auditq_get_i64(&rec, "n", &k), 0);
		assert_int_equal(auditq_get_i64(&rec, "sum", &sum), 0);
		if ((n & (n - 1)) == 0)
			assert_non_null(found = realloc(found, (2 * n + 1) * sizeof *found));
		found[n] = (uint64_t)g << 40 ^ (uint64_t)t << 36 ^ (uint64_t)k;
		if (sum != (int64_t)(draw_mix(found[n]) >> 1))
			fail_msg("made up: %.*s", (int)rec.len, rec.line);
		n++;
	}
	if (r < 0)
		fail_msg("%s: %s", err.path, err.text);
	auditq_free(q);
	if (n > 0)
		qsort(found, n, sizeof *found, by_number);
	*count = n;
	return found;
}

static void
check_root(int which)
{
	size_t n;
	uint64_t *found = read_all(root[which], &n), expected = 0;
	size_t at = 0;

	for (size_t i = 1; i < n; i++)
		if (found[i] == found[i - 1])
			fail_msg("%" PRIx64 " is there twice", found[i]);
	for (uint32_t g = 0; which == KEEPS && g < atomic_load(&shared->generations); g++)
		for (unsigned t = 0; t < THREADS && which_root(g) == KEEPS; t++)
			for (uint64_t k = 1; k <= atomic_load(&shared->acked[g][t]);
			     k++, expected++) {
				const uint64_t want = (uint64_t)g << 40 ^ (uint64_t)t << 36 ^ k;

				while (at < n && found[at] < want)
					at++;
				if (at == n || found[at] != want)
					fail_msg("process %u, thread %u: record %" PRIu64
						 " is missing",
					    g, t, k);
			}
	print_message(
	    "%zu records found, %" PRIu64 " acknowledged and not retired\n", n, expected);
	assert_true(n > 0);
	free(found);
}

/* ---- the whole ---- */

static int64_t
soak_ms(void)
{
	const char *seconds = getenv("SOAK_SECONDS");

	return seconds != NULL ? strtoll(seconds, NULL, 10) * 1000 : 4000;
}

static void
test_soak(void **state)
{
	const char *fixed = getenv("SEED");
	pid_t writer[WRITERS], asks, compacts;
	const int64_t length = soak_ms(), end = now_ms() + length;
	struct usage writes_at, asks_at;
	bool warm = false;
	unsigned kills = 0;

	(void)state;
	draw_seed = fixed != NULL ? strtoull(fixed, NULL, 10) : (uint64_t)now_ms();
	print_message("SEED=%" PRIu64 "\n", draw_seed);
	shared = mmap(
	    NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	for (int i = 0; i < ROOTS; i++)
		scratch_make(root[i]);
	for (int i = 0; i < WRITERS; i++)
		writer[i] = start_writer();
	if ((asks = spawn(draw_mix(draw_seed))) == 0)
		ask_in_child();
	if ((compacts = spawn(draw_mix(draw_seed + 1))) == 0)
		compact_in_child();
	while (now_ms() < end) {
		const size_t victim = 1 + draw(WRITERS - 1);

		sleep_ms(draw(200));
		assert_int_equal(waitpid(asks, NULL, WNOHANG), 0);
		if (draw(8) == 0) { /* who compacts dies now and then, too */
			assert_int_equal(waitpid(compacts, NULL, WNOHANG), 0);
			(void)kill(compacts, SIGKILL);
			reap(compacts, true);
			if ((compacts = spawn(draw_mix(draw_seed))) == 0)
				compact_in_child();
		}
		(void)kill(writer[victim], SIGKILL);
		reap(writer[victim], true);
		writer[victim] = start_writer();
		kills++;
		if (!warm && end - now_ms() < length * 3 / 4) {
			writes_at = usage_of(writer[0]);
			asks_at = usage_of(asks);
			warm = true;
		}
	}
	check_growth(
	    "who logs", writes_at, usage_of(writer[0]), writes_at.kilobytes + GROWTH_KB);
	check_growth("who asks", asks_at, usage_of(asks), MOST_KB);
	atomic_store(&shared->over, true);
	for (int i = 0; i < WRITERS; i++)
		reap(writer[i], false);
	reap(asks, false);
	reap(compacts, false);
	for (int i = 0; i < ROOTS; i++) {
		assert_int_equal(auditq_recover(root[i], NULL, NULL, NULL, NULL), 0);
		check_root(i);
		scratch_remove(root[i]);
	}
	print_message("%u processes killed, %" PRIu64 " questions, %" PRIu64
		      " archives made by compaction\n",
	    kills, atomic_load(&shared->questions), atomic_load(&shared->compactions));
	(void)munmap(shared, sizeof *shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_soak) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
