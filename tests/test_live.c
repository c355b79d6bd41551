/* live - what is asked of a trail whose segments are rolled and sealed meanwhile: what was accepted before
 * the question is in the answer, once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "auditq.h"
#include "liblog.h"
#include "scratch.h"

#define THREADS 3
#define SECONDS 3
#define MOST    (1 << 16)

static char root[SCRATCH_MAX];
static alog_t *trail;
static bool stop;
static uint64_t accepted[THREADS];

static void *
emit(void *arg)
{
	size_t t = (size_t)(uintptr_t)arg;
	struct timespec pause = { 0, 300000 };

	for (uint64_t n = 1; n < MOST && !__atomic_load_n(&stop, __ATOMIC_RELAXED); n++) {
		if (ALOG_INFO(trail, "m", ALOG_KV("t", t), ALOG_KV("n", n)) < 0)
			break;
		__atomic_store_n(&accepted[t], n, __ATOMIC_RELEASE);
		(void)nanosleep(&pause, NULL);
	}
	return NULL;
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

static void
test_live(void **state)
{
	alog_options opt = { .size = sizeof opt,
		.root = root,
		.service = "s",
		.segment_bytes = 8192,
		.ring_bytes = 256 << 10 };
	time_t end = time(NULL) + SECONDS;
	pthread_t thread[THREADS];
	alog_error err;
	uint8_t *seen;

	(void)state;
	assert_non_null(seen = malloc((size_t)THREADS * MOST));
	if (alog_open(&trail, &opt, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, emit, (void *)(uintptr_t)i), 0);
	for (unsigned i = 0; time(NULL) < end; i++)
		scan(i % 8, seen);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(thread[i], NULL);
	scan(1, seen);
	assert_int_equal(alog_close(trail), 0);
	scan(1, seen);
	free(seen);
}

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_live, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
