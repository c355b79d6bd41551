/* live - what is asked of a trail whose segments are rolled, sealed and recovered meanwhile: what
 * was accepted before the question is in the answer, once.  SCANS sets how often it is asked. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditq.h"
#include "liblog.h"
#include "sanitizer.h"
#include "scratch.h"

#define THREADS 3
#define MOST    (1 << 16)
#define A_ROUND 200U /* scans of one trail at most: it grows meanwhile */

static char root[SCRATCH_MAX];
static alog_t *trail;
static uint64_t *accepted; /* by thread; shared with the process that emits */

static void *
emit(void *arg)
{
	size_t t = (size_t)(uintptr_t)arg;
	struct timespec pause = { 0, 200000 };

	for (uint64_t n = 1; n < MOST; n++) {
		if (ALOG_INFO(trail, "m", ALOG_KV("t", t), ALOG_KV("n", n)) < 0)
			_exit(1);
		__atomic_store_n(&accepted[t], n, __ATOMIC_RELEASE);
		(void)nanosleep(&pause, NULL);
	}
	return NULL;
}

/* A process that emits, and rolls and seals all the time, until it is killed.  A slow disk is waited for: each roll syncs,
 * and what is dropped meanwhile would be taken for accepted. */
static pid_t
start_writer(void)
{
	alog_options opt = { .size = sizeof opt,
		.root = root,
		.service = "s",
		.segment_bytes = 8192,
		.ring_bytes = 256 << 10,
		.block_ms = 600000 };
	pthread_t thread[THREADS];
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive a test that is killed */
	if (alog_open(&trail, &opt, NULL) < 0)
		_exit(1);
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, emit, (void *)(uintptr_t)i) != 0)
			_exit(1);
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(thread[i], NULL);
	for (;;)
		(void)pause();
}

static void
fail_on_loss(void *arg, const auditq_warning *w)
{
	(void)arg;
	if (w->lost)
		fail_msg("%s: %s", w->path, w->text);
}

/* Ask in one of several ways, and hold it against what had been accepted. */
static void
scan(unsigned way, uint8_t *seen)
{
	uint64_t before[THREADS];
	int64_t t, n;
	auditq_record rec;
	auditq_error err;
	auditq_t *q;
	int r;

	for (size_t i = 0; i < THREADS; i++)
		before[i] = __atomic_load_n(&accepted[i], __ATOMIC_ACQUIRE);
	memset(seen, 0, (size_t)THREADS * MOST);
	assert_non_null(q = auditq_new());
	auditq_path(q, root);
	auditq_use_index(q, way & 1);
	auditq_jobs(q, way & 2 ? 4 : 1);
	auditq_reverse(q, way & 4);
	auditq_on_warning(q, fail_on_loss, NULL);
	while ((r = auditq_next(q, &rec, &err)) > 0) {
		assert_int_equal(auditq_get_i64(&rec, "t", &t), 0);
		assert_int_equal(auditq_get_i64(&rec, "n", &n), 0);
		if (seen[t * MOST + n]++ > 0)
			fail_msg("way %u: record %lld of thread %lld twice", way, (long long)n,
			    (long long)t);
	}
	assert_int_equal(r, 0);
	auditq_free(q);
	for (t = 0; t < THREADS; t++)
		for (n = 1; n <= (int64_t)before[t]; n++)
			if (seen[t * MOST + n] == 0)
				fail_msg("way %u: record %lld of thread %lld is missing", way,
				    (long long)n, (long long)t);
}

static void *
recover(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)auditq_recover(root, NULL, NULL, NULL, NULL);
}

/* One trail: asked while it is written, then while its dead writer is cleaned up after. */
static void
one_round(unsigned scans, uint8_t *seen)
{
	pthread_t thread;
	void *result;
	int status;
	pid_t pid;

	memset(accepted, 0, THREADS * sizeof *accepted);
	pid = start_writer();
	/* As many segments come and go meanwhile as there are hundreds of records. */
	for (unsigned i = 0;
	     i < scans / 2 || __atomic_load_n(accepted, __ATOMIC_ACQUIRE) < 5 * scans; i++) {
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
		scan(i % 8, seen);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(pthread_create(&thread, NULL, recover, NULL), 0);
	for (unsigned i = 0; i < scans - scans / 2; i++)
		scan(i % 8, seen);
	(void)pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, 0);
	scan(1, seen);
}

static void
test_live(void **state)
{
	const char *wanted = getenv("SCANS");
	unsigned scans =
	    wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : BY_SANITIZER(2000, 400, 20);
	uint8_t *seen;

	(void)state;
	if (TSAN) {
		print_message(
		    "skipped: this sanitizer does not follow threads of forked children\n");
		skip();
	}
	accepted = mmap(NULL, THREADS * sizeof *accepted, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(accepted != MAP_FAILED);
	assert_non_null(seen = malloc((size_t)THREADS * MOST));
	for (unsigned done = 0; done < scans; done += A_ROUND) {
		scratch_make(root);
		one_round(scans - done < A_ROUND ? scans - done : A_ROUND, seen);
		scratch_remove(root);
	}
	print_message("%u scans of living and dead trails, none short\n", scans);
	free(seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_live) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
