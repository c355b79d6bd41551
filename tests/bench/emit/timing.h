/* timing - the processor's time-stamp counter as a clock, and order statistics. */
#ifndef BENCH_EMIT_TIMING_H
#define BENCH_EMIT_TIMING_H

#include <stddef.h>
#include <stdint.h>
#include <x86intrin.h>

/* Reads only after all instructions before it are done. */
static inline uint64_t
timing_ticks(void)
{
	unsigned aux;

	return __rdtscp(&aux);
}

/* Nanoseconds of CLOCK_MONOTONIC. */
double timing_now(void);
void timing_pause(long ns);
/* First of all: how long a tick is, and what it costs to read the counter. */
void timing_calibrate(void);
double timing_ns(uint64_t ticks);

/* Sort samples, each the difference of two readings. */
void timing_sort(uint64_t *sample, size_t n);
/*
 * Nanoseconds at quantile q of sorted samples, less what reading the counter costs.  Virtual machines count in
 * steps (10 ns here): samples that are equal stand for values spread evenly over a step.
 */
double timing_quantile(const uint64_t *sorted, size_t n, double q);

/* The median, 0 of none; sorts v. */
double timing_median(double *v, size_t n);

#endif
