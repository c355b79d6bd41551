/*
 * total - a sum of many doubles that is rounded once: it is carried to twice the precision, so that the order of adding
 * does not show.
 */
#ifndef TOTAL_H
#define TOTAL_H

#include <math.h>

/* *rest is what does not fit into *sum; both are 0 to begin with.
 *
 * T. J. Dekker, "A floating-point technique for extending the available precision", Numerische Mathematik 18
 * (1971); D. E. Knuth's two-sum gives the rounding error of one addition exactly. */
static inline void
total_add(double *sum, double *rest, double x)
{
	double next = *sum + x, part = next - *sum;
	double error = (*sum - (next - part)) + (x - part);

	/* Past the range of a double it stays infinite, and is not made a NaN. */
	if (!isfinite(next)) {
		*sum = next;
		return;
	}
	*rest += error;
	*sum = next + *rest;
	*rest -= *sum - next;
}

#endif
