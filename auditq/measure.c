#include "measure.h"

#include "total.h"

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
	total_add(&m->sum, &m->rest, x);
	return 0;
}

int
measure_rollup(struct measure *m, const struct index_rollup *r, bool measured)
{
	if (measured && r->durations > 0) {
		if (sketch_merge(&m->up, r->sketch) < 0)
			return -1;
		extend(m, r->durations, r->min, r->max);
		total_add(&m->sum, &m->rest, r->sum);
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
		total_add(&into->sum, &into->rest, from->sum);
		total_add(&into->sum, &into->rest, from->rest);
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
