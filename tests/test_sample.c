/* sample - against sorted arrays, in any amount of memory; and on a disk that is full. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "faults.h"
#include "sample.h"
#include "scratch.h"

enum { GROUPS = 5, WORKERS = 3, NUMBERS = 20000 };

static double number[GROUPS][NUMBERS];
static size_t count[GROUPS];

/* Groups of different kinds: everything, few values, nearly one value, whole numbers; and a small one. */
static double
draw(int group)
{
	uint64_t bits = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
	double x;

	switch (group) {
	case 0:
		memcpy(&x, &bits, sizeof x);
		/* Not a NaN, not infinite. */
		return (bits >> 52 & 0x7ff) == 0x7ff ? 0 : x;
	case 1: return rand() % 3 - 1;
	case 2: return rand() % 500 == 0 ? -7.5 : 1e-300;
	default: return rand() % 1000000;
	}
}

static int
ascending(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static void
fill(struct sample **s, size_t max_bytes)
{
	auditq_error err;

	memset(count, 0, sizeof count);
	for (int w = 0; w < WORKERS; w++)
		assert_int_equal(sample_new(&s[w], max_bytes, &err), 0);
	for (int i = 0; i < NUMBERS; i++) {
		int group = i % 1000 == 0 ? GROUPS - 1 : rand() % (GROUPS - 1);
		double x = i % 50 == 3 ? -0.0 : draw(group);

		number[group][count[group]++] = x;
		assert_int_equal(
		    sample_add(s[rand() % WORKERS], (uint32_t)group * 3, x, &err), 0);
	}
	for (int w = 0; w < WORKERS; w++)
		assert_int_equal(sample_finish(s[w], &err), 0);
	for (int g = 0; g < GROUPS; g++)
		qsort(number[g], count[g], sizeof number[g][0], ascending);
}

static void
check(size_t max_bytes, bool spilled)
{
	struct sample *s[WORKERS];
	uint64_t bytes = 0;

	fill(s, max_bytes);
	for (int g = 0; g < GROUPS; g++)
		for (size_t i = 0; i < count[g]; i += 1 + count[g] / 97) {
			double got = sample_at(s, WORKERS, (uint32_t)g * 3, i);

			if (got != number[g][i])
				fail_msg("%zu bytes, group %d, rank %zu: %.17g, want %.17g",
				    max_bytes, g, i, got, number[g][i]);
		}
	for (int w = 0; w < WORKERS; w++) {
		bytes += sample_spilled(s[w]);
		sample_free(s[w]);
	}
	assert_int_equal(bytes > 0, spilled);
	assert_int_equal(bytes % sizeof(double), 0);
	assert_true(bytes <= NUMBERS * sizeof(double));
}

static void
test_ranks(void **state)
{
	(void)state;
	srand(1);
	check(SIZE_MAX / 2, false);
	check(1 << 20, false);
	check(30000, true);
	check(2000, true);
	check(1, true);
}

static void
test_nothing(void **state)
{
	struct sample *s;
	auditq_error err;

	(void)state;
	assert_int_equal(sample_new(&s, 0, &err), 0);
	assert_int_equal(sample_finish(s, &err), 0);
	assert_int_equal(sample_spilled(s), 0);
	sample_free(s);
	sample_free(NULL);
}

/* Each call to the system fails in turn: an error with a text, or the right answer. */
static void
test_faults(void **state)
{
	(void)state;
	for (long n = 0;; n++) {
		struct sample *s;
		auditq_error err = { 0 };
		int r;

		assert_int_equal(sample_new(&s, 1000, &err), 0);
		faults_begin(FAULT_FAIL, n, ENOSPC);
		r = 0;
		for (int i = 0; r == 0 && i < 400; i++)
			r = sample_add(s, 0, 400 - i, &err);
		if (r == 0)
			r = sample_finish(s, &err);
		if (r == 0)
			assert_true(sample_at(&s, 1, 0, 9) == 10);
		else
			assert_true(err.code == AUDITQ_EIO && err.text[0] != '\0');
		sample_free(s);
		if (!faults_end()) {
			assert_int_equal(r, 0);
			return;
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranks),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, scratch_tmpdir_begin, scratch_tmpdir_end);
}
