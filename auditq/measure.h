/*
 * measure - what there is to say about the records of one group.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include "index.h"
#include "sketch.h"

/* All zeros is empty. */
struct measure {
	uint64_t records, ends, failed;
	uint64_t values;
	double min, max;
	double sum,
	    rest; /* carried to twice the precision: the order of adding does not show */
	struct sketch up, down; /* of values from 0 on, and of the magnitudes of those below */
};

void measure_release(struct measure *m);

void measure_record(struct measure *m, bool end, bool failed);
/* sketched: into the sketches too.  These return 0, or -1 when out of memory. */
int measure_value(struct measure *m, double x, bool sketched);
/* An archive's rollup: its counts, or (measured) all of it. */
int measure_rollup(struct measure *m, const struct index_rollup *r, bool measured);
int measure_merge(struct measure *into, const struct measure *from);

/* An estimate of the value of a rank, from the sketches: within SKETCH_ACCURACY of it. */
double measure_at(const struct measure *m, uint64_t rank);

#endif
