#include "measure.h"

#include <math.h>

void
measure_release(struct measure *m)
{
	sketch_release(&m->up);
	sketch_release(&m->down);
	*m = (struct measure){ 0 };
}

void
measure_record(struct measure *m, bool end, bool failed)
{
	m->records++;
	m->ends += end;
	m->failed += failed;
}

/* T. J. Dekker, "A floating-point technique for extending the available precision", Numerische Mathematik 18
 * (1971); D. E. Knuth's two-sum gives the rounding error of one addition exactly. */
static void
add(struct measure *m, double x)
{
	double sum = m->sum + x, part = sum - m->sum;
	double error = (m->sum - (sum - part)) + (x - part);

	/* Past the range of a double it stays infinite, and is not made a NaN. */
	if (!isfinite(sum)) {
		m->sum = sum;
		return;
	}
	m->rest += error;
	m->sum = sum + m->rest;
	m->rest -= m->sum - sum;
}

static void
extend(struct measure *m, uint64_t values, double min, double max)
{
	m->min = m->values == 0 || min < m->min ? min : m->min;
	m->max = m->values == 0 || max > m->max ? max : m->max;
	m->values += values;
}

int
measure_value(struct measure *m, double x, bool sketched)
{
	if (sketched && (x < 0 ? sketch_add(&m->down, -x) : sketch_add(&m->up, x)) < 0)
		return -1;
	extend(m, 1, x, x);
	add(m, x);
	return 0;
}

int
measure_rollup(struct measure *m, const struct index_rollup *r, bool measured)
{
	if (measured && r->durations > 0) {
		if (sketch_merge(&m->up, r->sketch) < 0)
			return -1;
		extend(m, r->durations, r->min, r->max);
		add(m, r->sum);
	}
	m->records += r->records;
	m->ends += r->ends;
	m->failed += r->failed;
	return 0;
}

int
measure_merge(struct measure *into, const struct measure *from)
{
	if (sketch_merge(&into->up, &from->up) < 0 ||
	    sketch_merge(&into->down, &from->down) < 0)
		return -1;
	if (from->values > 0) {
		extend(into, from->values, from->min, from->max);
		add(into, from->sum);
		add(into, from->rest);
	}
	into->records += from->records;
	into->ends += from->ends;
	into->failed += from->failed;
	return 0;
}

double
measure_at(const struct measure *m, uint64_t rank)
{
	double x;

	if (rank < m->down.count)
		x = -sketch_at(&m->down, m->down.count - 1 - rank);
	else
		x = sketch_at(&m->up, rank - m->down.count);
	return x < m->min ? m->min : x > m->max ? m->max : x;
}
