/* sketch - against exact quantiles; merged against the union; hostile bytes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "draw.h"
#include "sketch.h"

enum { VALUES = 20000 };

/* In (0, 1]. */
static double
uniform(void)
{
	return ((double)(draw_bits() >> 11) + 1) / 9007199254740992.0;
}

static double
draw_uniform(void)
{
	return uniform() * 1000;
}

static double
draw_exponential(void)
{
	return -log(uniform()) * 12;
}

static double
draw_pareto(void)
{
	return pow(uniform(), -1.1);
}

static double
draw_constant(void)
{
	return 17.25;
}

static double
draw_tiny(void)
{
	return 1e-9 * (1 + uniform());
}

static double
draw_often_zero(void)
{
	return uniform() < 0.6 ? 0 : 5 + uniform();
}

static double
draw_every_magnitude(void)
{
	return pow(10, -9 + 27 * uniform());
}

static const struct {
	const char *name;
	double (*draw)(void);
} cases[] = {
	{ "uniform", draw_uniform },
	{ "exponential", draw_exponential },
	{ "pareto", draw_pareto },
	{ "constant", draw_constant },
	{ "tiny", draw_tiny },
	{ "often zero", draw_often_zero },
	{ "every magnitude", draw_every_magnitude },
};

static const double quantiles[] = { 0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1 };

static int
ascending(const void *va, const void *vb)
{
	double a = *(const double *)va, b = *(const double *)vb;

	return a < b ? -1 : a > b;
}

static void
hold_against_exact(const char *name, const struct sketch *s, double *x, size_t n)
{
	qsort(x, n, sizeof *x, ascending);
	for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
		double exact = x[(size_t)(quantiles[i] * (double)(n - 1))];
		double got = sketch_quantile(s, quantiles[i]);
		/* The last digits of log and pow are not promised. */
		if (fabs(got - exact) > exact * (SKETCH_ACCURACY + 1e-9))
			fail_msg(
			    "%s, quantile %g: %.12g for %.12g", name, quantiles[i], got, exact);
	}
}

static void
error_is_at_most_one_percent(void **state)
{
	static double x[VALUES];

	(void)state;
	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
		struct sketch s = { 0 };
		for (size_t i = 0; i < VALUES; i++)
			assert_int_equal(sketch_add(&s, x[i] = cases[c].draw()), 0);
		assert_int_equal(s.count, VALUES);
		hold_against_exact(cases[c].name, &s, x, VALUES);
		sketch_release(&s);
	}
}

/* The form in which a sketch is stored says all there is to know. */
static bool
equal(const struct sketch *a, const struct sketch *b)
{
	struct bytes_out x = { 0 }, y = { 0 };
	bool same;

	sketch_put(a, &x);
	sketch_put(b, &y);
	same = x.n == y.n && memcmp(x.p, y.p, x.n) == 0 && a->count == b->count;
	bytes_out_free(&x);
	bytes_out_free(&y);
	return same;
}

static void
merge_is_union(void **state)
{
	(void)state;
	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
		for (size_t d = 0; d < sizeof cases / sizeof cases[0]; d++) {
			struct sketch a = { 0 }, b = { 0 }, all = { 0 };
			for (size_t i = 0; i < 500; i++) {
				double x = cases[c].draw(), y = cases[d].draw();
				assert_int_equal(sketch_add(&a, x), 0);
				assert_int_equal(sketch_add(&b, y), 0);
				assert_int_equal(sketch_add(&all, x), 0);
				assert_int_equal(sketch_add(&all, y), 0);
			}
			assert_int_equal(sketch_merge(&a, &b), 0);
			if (!equal(&a, &all))
				fail_msg("%s with %s", cases[c].name, cases[d].name);
			sketch_release(&a);
			sketch_release(&b);
			sketch_release(&all);
		}
	}
}

static void
stored_and_read_again(void **state)
{
	(void)state;
	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
		struct sketch s = { 0 }, back = { 0 };
		struct bytes_out b = { 0 };
		for (size_t i = 0; i < 1000; i++)
			assert_int_equal(sketch_add(&s, cases[c].draw()), 0);
		sketch_put(&s, &b);
		struct bytes_in in = { .p = b.p, .n = b.n };
		assert_int_equal(sketch_get(&back, &in), 0);
		assert_int_equal(in.n, 0);
		assert_true(equal(&s, &back));
		sketch_release(&s);
		sketch_release(&back);
		/* No prefix of it is a sketch. */
		for (size_t n = 0; n < b.n; n++) {
			struct bytes_in cut = { .p = b.p, .n = n };
			struct sketch t = { 0 };
			assert_int_equal(sketch_get(&t, &cut), -1);
			sketch_release(&t);
		}
		bytes_out_free(&b);
	}
}

static void
edges(void **state)
{
	struct sketch s = { 0 };

	(void)state;
	assert_true(sketch_quantile(&s, 0.5) == 0);
	assert_int_equal(sketch_add(&s, 0), 0);
	assert_int_equal(sketch_add(&s, 9e-10), 0);
	assert_int_equal(s.zeros, 2);
	assert_true(sketch_quantile(&s, 1) == 0);
	/* Beyond the range: counted at its end. */
	assert_int_equal(sketch_add(&s, 1e300), 0);
	assert_true(fabs(sketch_quantile(&s, 1) / SKETCH_MAX - 1) < SKETCH_ACCURACY);
	assert_int_equal(s.count, 3);
	sketch_release(&s);

	/* As many as can be counted. */
	static const uint8_t most[] = { 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 1 };
	struct bytes_in in = { .p = most, .n = sizeof most };
	assert_int_equal(sketch_get(&s, &in), 0);
	assert_true(s.count == UINT64_MAX);
	assert_true(sketch_quantile(&s, 1) > 0 && sketch_quantile(&s, 1) < 2e-9);
	sketch_release(&s);
}

static void
hostile_bytes(void **state)
{
	static const struct {
		const char *name;
		size_t n;
		uint8_t bytes[24];
	} bad[] = {
		{ "nothing", 0, { 0 } },
		{ "more buckets than there are", 4, { 0, 0xff, 0xff, 0x03 } },
		{ "a bucket behind the last", 5, { 0, 1, 0xa6, 0x18, 1 } },
		{ "second bucket behind the last", 7, { 0, 2, 0xa5, 0x18, 1, 0, 1 } },
		{ "counts overflow", 15,
		    { 1, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1 } },
		{ "a varint over 64 bits", 11,
		    { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct bytes_in in = { .p = bad[i].bytes, .n = bad[i].n };
		struct sketch s = { 0 };
		if (sketch_get(&s, &in) != -1 || !in.failed)
			fail_msg("%s", bad[i].name);
		sketch_release(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_is_at_most_one_percent),
		cmocka_unit_test(merge_is_union),
		cmocka_unit_test(stored_and_read_again),
		cmocka_unit_test(edges),
		cmocka_unit_test(hostile_bytes),
	};

	return cmocka_run_group_tests_name("sketch", tests, NULL, NULL);
}
