/*
 * kill - processes that log are killed at random instants, and so are those that recover after them.
 *
 * Each thread of a child acknowledges a call that has returned in shared memory.  What is found in the
 * end is held against that: every acknowledged record is there, none is there twice, none was made
 * up, and the numbers of a writer are dense but for what a gap record covers.  Where retention is at
 * work too, only whole segments may be missing, and none of the newest.
 *
 * Up to three processes log at a time, each with up to four threads: two from the test, and what one of
 * them has forked while its threads were logging, which may outlive it.
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

#include "draw.h"
#include "recover.h"
#include "sanitizer.h"
#include "scratch.h"

#define THREADS     4
#define GENERATIONS 8                 /* processes that log below one root, of the test's own */
#define PROCESSES   (2 * GENERATIONS) /* and as many that they fork */
#define KEEP        12
#define PAD_MAX     9000

/* The sanitizers are slow, and TSan ends a process that makes threads after a fork. */
#define KILLS BY_SANITIZER(300U, 60U, 60U)
enum { FORKS = !TSAN };

struct shared {
	_Atomic uint64_t acked[PROCESSES][THREADS];
};

static struct shared *shared;
static struct {
	size_t records, files, gaps, removed, forked;
} total;

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
	return draw_mix(draw_mix(gen * THREADS + thread) ^ n);
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
	unsigned gen, threads, flags, keep;
	uint64_t limit; /* records of each thread */
	bool elsewhere; /* where its ring lies */
	bool forks;     /* a child, which logs as gen + GENERATIONS */
	uint64_t delay; /* until then, in us */
};

struct crew {
	struct thread thread[THREADS];
	pthread_t id[THREADS];
};

static void
start_threads(struct crew *crew, alog_t *log, const struct plan *plan, unsigned gen)
{
	for (unsigned i = 0; i < plan->threads; i++) {
		crew->thread[i] = (struct thread){ log, gen, i, plan->limit };
		(void)pthread_create(&crew->id[i], NULL, log_all, &crew->thread[i]);
	}
}

/* A process that logs until it is killed, or closes by itself; so does what it forks. */
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
		.seal_bytes = 1,
		.keep_segments = plan->keep };
	struct crew crew;
	alog_error err;
	alog_t *log;

	(void)snprintf(spool, sizeof spool, "%s/spool", root);
	(void)mkdir(spool, 0700);
	if (alog_open(&log, &opt, &err) < 0) {
		(void)fprintf(stderr, "%s: %s\n", err.path, err.text);
		_exit(1);
	}
	start_threads(&crew, log, plan, plan->gen);
	if (plan->forks) {
		sleep_us(plan->delay);
		if (fork() == 0) {
			(void)alarm(30);
			start_threads(&crew, log, plan, plan->gen + GENERATIONS);
		}
	}
	for (unsigned i = 0; i < plan->threads; i++)
		(void)pthread_join(crew.id[i], NULL);
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

/* A child that does not outlive a test that fails, in a process group of its own. */
static pid_t
spawn(void)
{
	const pid_t pid = fork();

	if (pid < 0)
		fail_msg("fork"); /* kill() would take it for everybody */
	if (pid == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setpgid(pid, pid);
	return pid;
}

/* Wait for a process, or with -pid for all of its group that are left: those whose parent died are
 * children of the test now. */
static void
reap(pid_t which)
{
	int status;
	pid_t pid;

	do {
		if ((pid = waitpid(which, &status, 0)) > 0 && WIFEXITED(status) &&
		    WEXITSTATUS(status) != 0)
			fail_msg("a child failed: %d", WEXITSTATUS(status));
	} while (pid > 0 && which < 0);
}

static void
kill_after(pid_t which, uint64_t us)
{
	sleep_us(us);
	(void)kill(which, SIGKILL);
	reap(which);
}

/* ---- the oracle ---- */

struct found {
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
check_content(const struct scratch_line *line, struct found *found, bool removed)
{
	static char want[PAD_MAX + 200], pad[PAD_MAX + 1];
	const uint64_t gen = number_after(line->text, "\"k_gen\":"),
		       thread = number_after(line->text, "\"k_thread\":"),
		       n = number_after(line->text, "\"k_n\":");
	const uint64_t sum = sum_of(gen, thread, n);

	if (gen >= PROCESSES || thread >= THREADS)
		fail_msg("made up: %s", line->text);
	pad_of(sum, pad);
	(void)snprintf(want, sizeof want,
	    "\"k_gen\":%u,\"k_thread\":%u,\"k_n\":%" PRIu64 ",\"k_sum\":\"%016" PRIx64
	    "\",\"k_pad\":\"%s\"",
	    (unsigned)gen, (unsigned)thread, n, sum, pad);
	if (strstr(line->text, want) == NULL || line->text[line->n - 1] != '}')
		fail_msg("damaged: %s: %s", line->file, line->text);
	if (removed ? n <= found[gen].last[thread] : n != found[gen].last[thread] + 1)
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

/* The records of all writers: dense within a segment, and from one to the next. */
static void
check_numbers(const struct scratch_lines *lines, struct found *found, bool removes)
{
	const char *file = "";
	uint64_t last = 0;

	for (size_t i = 0; i < lines->n; i++) {
		const struct scratch_line *line = &lines->line[i];
		const char *name = line->file + 21;
		uint64_t first = line->seq;
		bool removed = false; /* what stood before it */

		if (strncmp(file, name, 16) != 0) {
			last = 0;
			removed = removes;
		} else if (strcmp(file, name) != 0) {
			removed = removes &&
			    strtoul(name + 17, NULL, 10) != strtoul(file + 17, NULL, 10) + 1;
		}
		file = name;
		if (line->torn)
			fail_msg("%s ends torn: %s", line->file, line->text);
		if (strstr(line->text, "\"event\":\"log.gap\"") != NULL)
			first = line->seq - number_after(line->text, "\"lost\":") + 1;
		else
			check_content(line, found, removes);
		total.gaps += first != line->seq;
		total.removed += removed && first != last + 1;
		if (removed ? first <= last : first != last + 1)
			fail_msg(
			    "%s: number %" PRIu64 " follows %" PRIu64, line->file, first, last);
		last = line->seq;
	}
}

/* removes: retention was at work. */
static void
check(const char *root, bool removes)
{
	struct scratch_lines lines = scratch_read(root);
	struct found found[PROCESSES] = { 0 };

	if (lines.n > 1)
		qsort(lines.line, lines.n, sizeof *lines.line, by_writer);
	total.records += lines.n;
	total.files += lines.files;
	check_numbers(&lines, found, removes);
	for (unsigned g = 0; g < PROCESSES; g++)
		for (unsigned t = 0; t < THREADS; t++) {
			const uint64_t acked = atomic_load(&shared->acked[g][t]);
			const bool lost = found[g].last[t] < acked;

			total.forked += g >= GENERATIONS && t == 0 && acked > 0;
			if (found[g].last[t] > acked + 1 ||
			    (lost && !(removes && lines.files >= KEEP)))
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

static struct plan
draw_plan(unsigned gen, bool removes)
{
	struct plan plan = { .gen = gen, .keep = removes ? KEEP : 0 };

	plan.threads = 1 + (unsigned)draw(THREADS);
	plan.limit = draw(4) == 0 ? draw(400) : UINT64_MAX;
	plan.flags = draw(2) == 0 ? ALOG_NO_RECOVER : 0;
	plan.elsewhere = draw(4) == 0;
	plan.forks = draw(3) == 0 && FORKS;
	plan.delay = draw(20000);
	return plan;
}

/* Recover, once in two times until killed. */
static void
recover_some(const char *root)
{
	pid_t pid;

	if (draw(2) == 0)
		return;
	if ((pid = spawn()) == 0)
		recover_and_exit(root);
	kill_after(pid, draw(10000));
}

/* Processes that log below one root, each killed; some at the same time; recoveries, killed too. */
static void
log_and_kill(const char *root, unsigned kills, bool removes)
{
	pid_t other = -1, orphan = -1, pid;

	for (unsigned g = 0; g < kills; g++) {
		const struct plan plan = draw_plan(g, removes);

		if ((pid = spawn()) == 0)
			log_and_die(root, &plan);
		if (other < 0 && g + 1 < kills && draw(3) == 0) {
			other = pid; /* lives on beside the next */
			continue;
		}
		kill_after(pid, draw(2) == 0 ? draw(60000) : draw(8000));
		if (orphan > 0)
			kill_after(-orphan, draw(5000));
		orphan = pid; /* what it forked lives on, too */
		if (other > 0) {
			kill_after(-other, draw(5000));
			other = -1;
		}
		if (draw(2) == 0) {
			kill_after(-orphan, 0);
			orphan = -1;
		}
		recover_some(root);
	}
	if (orphan > 0)
		kill_after(-orphan, draw(5000));
}

static void
round_of_kills(unsigned kills)
{
	const bool removes = draw(3) == 0;
	char root[SCRATCH_MAX];
	pid_t pid;

	scratch_make(root);
	memset(shared, 0, sizeof *shared);
	log_and_kill(root, kills, removes);
	if ((pid = spawn()) == 0)
		recover_and_exit(root);
	reap(pid);
	check(root, removes);
	check_finished(root);
	scratch_remove(root);
}

static void
test_kill(void **state)
{
	const char *kills = getenv("KILLS"), *fixed = getenv("SEED");
	unsigned left = kills != NULL ? (unsigned)strtoul(kills, NULL, 10) : KILLS;
	struct timespec now;

	(void)state;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	draw_seed = fixed != NULL ? strtoull(fixed, NULL, 10) : (uint64_t)now.tv_nsec;
	print_message("SEED=%" PRIu64 "\n", draw_seed);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	shared = mmap(
	    NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	while (left > 0) {
		const unsigned n = left < GENERATIONS ? left : GENERATIONS;

		round_of_kills(n);
		left -= n;
	}
	print_message(
	    "%zu records in %zu files; %zu forked processes; %zu gaps; removed at %zu "
	    "places\n",
	    total.records, total.files, total.forked, total.gaps, total.removed);
	(void)munmap(shared, sizeof *shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_kill) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
