#include "timing.h"

#include <stdlib.h>
#include <time.h>

#define CALIBRATION 100001

static double tick_ns; /* nanoseconds of a tick */
static double step;    /* in ticks: what the counter counts by */
static double overhead;

double
timing_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void
timing_pause(long ns)
{
	(void)nanosleep(&(struct timespec){ 0, ns }, NULL);
}

static int
by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void
timing_sort(uint64_t *sample, size_t n)
{
	qsort(sample, n, sizeof *sample, by_value);
}

static double
quantile(const uint64_t *sorted, size_t n, double q)
{
	const size_t at = (size_t)((double)(n - 1) * q);
	size_t first = at, end = at + 1;

	while (first > 0 && sorted[first - 1] == sorted[at])
		first--;
	while (end < n && sorted[end] == sorted[at])
		end++;
	return (double)sorted[at] +
	    step * (((double)(at - first) + 0.5) / (double)(end - first) - 0.5);
}

void
timing_calibrate(void)
{
	static uint64_t sample[CALIBRATION];
	const uint64_t from = timing_ticks();
	const double t = timing_now();

	timing_pause(100000000);
	tick_ns = (timing_now() - t) / (double)(timing_ticks() - from);
	for (size_t i = 0; i < CALIBRATION; i++) {
		sample[i] = timing_ticks();
		sample[i] = timing_ticks() - sample[i];
	}
	timing_sort(sample, CALIBRATION);
	for (size_t i = 1; i < CALIBRATION && step == 0; i++)
		step = (double)(sample[i] - sample[i - 1]);
	overhead = quantile(sample, CALIBRATION, 0.5);
}

double
timing_ns(uint64_t ticks)
{
	return (double)ticks * tick_ns;
}

double
timing_quantile(const uint64_t *sorted, size_t n, double q)
{
	const double ticks = quantile(sorted, n, q) - overhead;

	return ticks > 0 ? ticks * tick_ns : 0;
}

static int
by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double
timing_median(double *v, size_t n)
{
	if (n == 0)
		return 0;
	qsort(v, n, sizeof *v, by_size);
	return n % 2 != 0 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}
