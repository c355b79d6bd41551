/*
 * kill - processes that log are killed at random instants, and so are those that recover after them.
 *
 * Each thread of a child acknowledges a call that has returned in shared memory.  What is found in the
 * end is held against that: every acknowledged record is there, none is there twice, none was made
 * up, and the numbers of a writer are dense but for what a gap record covers.
 *
 * KILLS=500 runs longer; SEED=n repeats a run's random choices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <liblog.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "recover.h"
#include "scratch.h"

#define THREADS     4
#define GENERATIONS 8 /* processes that log below one root */
#define PAD_MAX     9000

struct shared {
	_Atomic uint64_t acked[GENERATIONS][THREADS];
};

static struct shared *shared;
static struct {
	size_t records, files, gaps;
} total;
static uint64_t seed;

static uint64_t
mix(uint64_t z)
{
	z += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t
draw(uint64_t below)
{
	seed = mix(seed);
	return seed % below;
}

static void
sleep_us(uint64_t us)
{
	const struct timespec t = { (time_t)(us / 1000000), (long)(us % 1000000 * 1000) };

	(void)nanosleep(&t, NULL);
}

/* ---- what is logged: all of it follows from who logs it and the count ---- */

static uint64_t
sum_of(uint64_t gen, uint64_t thread, uint64_t n)
{
	return mix(mix(gen * THREADS + thread) ^ n);
}

static void
pad_of(uint64_t sum, char pad[PAD_MAX + 1])
{
	const size_t n =
	    sum % 64 == 0 ? (size_t)(sum / 64 % PAD_MAX) : (size_t)(sum / 64 % 200);

	memset(pad, 'a' + (int)(sum % 26), n);
	pad[n] = '\0';
}

struct thread {
	alog_t *log;
	unsigned gen, number;
	uint64_t limit;
};

static void *
log_all(void *arg)
{
	const struct thread *t = arg;
	char pad[PAD_MAX + 1], text[17];

	for (uint64_t n = 1; n <= t->limit; n++) {
		const uint64_t sum = sum_of(t->gen, t->number, n);
		int rc;

		pad_of(sum, pad);
		(void)snprintf(text, sizeof text, "%016" PRIx64, sum);
		if (sum % 97 == 0)
			rc = ALOG_AUDIT(t->log, "kill.audit", ALOG_KV("k_gen", t->gen),
			    ALOG_KV("k_thread", t->number), ALOG_KV("k_n", n),
			    ALOG_KV("k_sum", text), ALOG_KV("k_pad", pad));
		else
			rc = ALOG_INFO(t->log, "kill", ALOG_KV("k_gen", t->gen),
			    ALOG_KV("k_thread", t->number), ALOG_KV("k_n", n),
			    ALOG_KV("k_sum", text), ALOG_KV("k_pad", pad));
		if (rc < 0)
			break;
		atomic_store(&shared->acked[t->gen][t->number], n);
		if (sum % 13 == 0)
			sleep_us(sum / 13 % 500);
	}
	return NULL;
}

struct plan {
	unsigned gen, threads, flags;
	uint64_t limit; /* records of each thread */
	bool elsewhere; /* where its ring lies */
};

/* A process that logs until it is killed, or closes by itself. */
static void
log_and_die(const char *root, const struct plan *plan)
{
	char spool[SCRATCH_MAX + 8];
	const alog_options opt = { .size = sizeof opt,
		.root = root,
		.service = "kill",
		.host = "here",
		.flags = plan->flags,
		.ring_dir = plan->elsewhere ? spool : NULL,
		.segment_bytes = 16384,
		.ring_bytes = 65536,
		.written_ms = 5,
		.fdatasync_ms = 30,
		.seal_bytes = 1 };
	struct thread thread[THREADS];
	pthread_t id[THREADS];
	alog_error err;
	alog_t *log;

	(void)snprintf(spool, sizeof spool, "%s/spool", root);
	(void)mkdir(spool, 0700);
	if (alog_open(&log, &opt, &err) < 0) {
		(void)fprintf(stderr, "%s: %s\n", err.path, err.text);
		_exit(1);
	}
	for (unsigned i = 0; i < plan->threads; i++) {
		thread[i] = (struct thread){ log, plan->gen, i, plan->limit };
		(void)pthread_create(&id[i], NULL, log_all, &thread[i]);
	}
	for (unsigned i = 0; i < plan->threads; i++)
		(void)pthread_join(id[i], NULL);
	_exit(alog_close(log) == 0 ? 0 : 2);
}

/* ---- recovery ---- */

static void
complain(void *arg, const alog_error *err)
{
	*(int *)arg += 1;
	(void)fprintf(stderr, "recovery: %s: %s\n", err->path, err->text);
}

static void
recover_and_exit(const char *dir)
{
	struct segment_root root = { -1, dir, 0640, 0750 };
	int complaints = 0;
	const struct recover_options opt = { .root = &root,
		.orphans = true,
		.seal = true,
		.gzip_level = 1,
		.segment_bytes = 16384,
		.warn = complain,
		.arg = &complaints };
	struct recover_result res = { 0 };
	alog_error err = { 0 };

	if (segment_root_open(&root, &err) < 0 || recover_root(&opt, &res, &err) < 0)
		complain(&complaints, &err);
	_exit(complaints);
}

/* A child that does not outlive a test that fails. */
static pid_t
spawn(void)
{
	const pid_t pid = fork();

	if (pid < 0)
		fail_msg("fork"); /* kill() would take it for everybody */
	if (pid == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static int
wait_for(pid_t pid)
{
	int status = 0;

	if (waitpid(pid, &status, 0) != pid)
		fail_msg("waitpid");
	return status;
}

static void
kill_after(pid_t pid, uint64_t us)
{
	int status;

	sleep_us(us);
	(void)kill(pid, SIGKILL);
	status = wait_for(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		fail_msg("a child failed: %d", WEXITSTATUS(status));
}

/* ---- the oracle ---- */

struct found {
	char writer[64]; /* of the generation */
	uint64_t last[THREADS];
};

static uint64_t
number_after(const char *text, const char *key)
{
	const char *p = strstr(text, key);

	if (p == NULL)
		fail_msg("no %s in %s", key, text);
	return strtoull(p + strlen(key), NULL, 10);
}

static void
check_content(const struct scratch_line *line, struct found *found)
{
	static char want[PAD_MAX + 200], pad[PAD_MAX + 1];
	const uint64_t gen = number_after(line->text, "\"k_gen\":"),
		       thread = number_after(line->text, "\"k_thread\":"),
		       n = number_after(line->text, "\"k_n\":");
	const uint64_t sum = sum_of(gen, thread, n);

	if (gen >= GENERATIONS || thread >= THREADS)
		fail_msg("made up: %s", line->text);
	pad_of(sum, pad);
	(void)snprintf(want, sizeof want,
	    "\"k_gen\":%u,\"k_thread\":%u,\"k_n\":%" PRIu64 ",\"k_sum\":\"%016" PRIx64
	    "\",\"k_pad\":\"%s\"",
	    (unsigned)gen, (unsigned)thread, n, sum, pad);
	if (strstr(line->text, want) == NULL || line->text[line->n - 1] != '}')
		fail_msg("damaged: %s: %s", line->file, line->text);
	if (n != found[gen].last[thread] + 1)
		fail_msg("%s: process %u, thread %u: %" PRIu64 " follows %" PRIu64, line->file,
		    (unsigned)gen, (unsigned)thread, n, found[gen].last[thread]);
	found[gen].last[thread] = n;
}

static int
by_writer(const void *a, const void *b)
{
	const struct scratch_line *x = a, *y = b;
	/* Behind "date=YYYY-MM-DD/kill." stand writer and number. */
	const int c = strcmp(x->file + 21, y->file + 21);

	return c != 0 ? c : (x->place > y->place) - (x->place < y->place);
}

static void
check(const char *root)
{
	struct scratch_lines lines = scratch_read(root);
	struct found found[GENERATIONS] = { 0 };
	const char *writer = "";
	uint64_t last = 0;

	if (lines.n > 1)
		qsort(lines.line, lines.n, sizeof *lines.line, by_writer);
	total.records += lines.n;
	total.files += lines.files;
	for (size_t i = 0; i < lines.n; i++) {
		const struct scratch_line *line = &lines.line[i];
		uint64_t first = line->seq;

		if (strncmp(writer, line->file + 21, 16) != 0) {
			writer = line->file + 21;
			last = 0;
		}
		if (line->torn)
			fail_msg("%s ends torn: %s", line->file, line->text);
		if (strstr(line->text, "\"event\":\"log.gap\"") != NULL)
			first = line->seq - number_after(line->text, "\"lost\":") + 1;
		else
			check_content(line, found);
		total.gaps += first != line->seq;
		if (first != last + 1)
			fail_msg(
			    "%s: number %" PRIu64 " follows %" PRIu64, line->file, first, last);
		last = line->seq;
	}
	for (unsigned g = 0; g < GENERATIONS; g++)
		for (unsigned t = 0; t < THREADS; t++) {
			const uint64_t acked = atomic_load(&shared->acked[g][t]);

			if (found[g].last[t] < acked || found[g].last[t] > acked + 1)
				fail_msg("process %u, thread %u: acknowledged %" PRIu64
					 ", found %" PRIu64,
				    g, t, acked, found[g].last[t]);
		}
	scratch_free(&lines);
}

/* Only archives are left, and what goes a minute later: rings without a name, by a link to them or in
 * themselves. */
static void
check_finished(const char *root)
{
	char command[4 * SCRATCH_MAX];

	(void)snprintf(command, sizeof command,
	    "find %s -name '*.jsonl' -o -path '%s/date=*' -name '*.tmp' -o -path '%s/.ring/*.ring'"
	    " | { ! grep .; }",
	    root, root, root);
	if (system(command) != 0)
		fail_msg("recovery left something behind");
	(void)snprintf(command, sizeof command,
	    "cd %s && for f in spool/*.ring; do"
	    " [ ! -e $f ] || [ -L .ring/${f#spool/}.tmp ] || { echo $f; exit 1; }; done",
	    root);
	if (system(command) != 0)
		fail_msg("a ring elsewhere was left behind");
}

/* ---- rounds ---- */

/* Processes that log below one root, each killed; some at the same time; recoveries, killed too. */
static void
round_of_kills(unsigned kills)
{
	char root[SCRATCH_MAX];
	pid_t other = -1, pid;
	int status;

	scratch_make(root);
	memset(shared, 0, sizeof *shared);
	for (unsigned g = 0; g < kills; g++) {
		struct plan plan = { .gen = g };

		plan.threads = 1 + (unsigned)draw(THREADS);
		plan.limit = draw(4) == 0 ? draw(400) : UINT64_MAX;
		plan.flags = draw(2) == 0 ? ALOG_NO_RECOVER : 0;
		plan.elsewhere = draw(4) == 0;
		if ((pid = spawn()) == 0)
			log_and_die(root, &plan);
		if (other < 0 && g + 1 < kills && draw(3) == 0) {
			other = pid; /* lives on beside the next */
			continue;
		}
		kill_after(pid, draw(2) == 0 ? draw(60000) : draw(8000));
		if (other > 0) {
			kill_after(other, draw(5000));
			other = -1;
		}
		if (draw(2) == 0) {
			if ((pid = spawn()) == 0)
				recover_and_exit(root);
			kill_after(pid, draw(10000));
		}
	}
	if ((pid = spawn()) == 0)
		recover_and_exit(root);
	status = wait_for(pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("recovery failed: %x", (unsigned)status);
	check(root);
	check_finished(root);
	scratch_remove(root);
}

static void
test_kill(void **state)
{
	const char *kills = getenv("KILLS"), *fixed = getenv("SEED");
	unsigned left = kills != NULL ? (unsigned)strtoul(kills, NULL, 10) : 80;
	struct timespec now;

	(void)state;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	seed = fixed != NULL ? strtoull(fixed, NULL, 10) : (uint64_t)now.tv_nsec;
	print_message("SEED=%" PRIu64 "\n", seed);
	shared = mmap(
	    NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	while (left > 0) {
		const unsigned n = left < GENERATIONS ? left : GENERATIONS;

		round_of_kills(n);
		left -= n;
	}
	print_message(
	    "%zu records in %zu files, %zu gaps\n", total.records, total.files, total.gaps);
	(void)munmap(shared, sizeof *shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_kill) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
