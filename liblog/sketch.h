/*
 * sketch - quantiles of a stream of non-negative numbers, mergeable, with a proven relative
 * error.
 *
 * DDSketch: Masson, Rim, Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with
 * Relative-Error Guarantees", PVLDB 12(12), 2019.  With accuracy a = 0.01 and g = (1+a)/(1-a),
 * a value x is counted in bucket ceil(ln x / ln g); the estimate for a bucket i is 2 g^i / (g +
 * 1), which is within a x of every x in it.
 *
 * Values below SKETCH_MIN are counted as zero, values above SKETCH_MAX as SKETCH_MAX; between
 * them there are 3110 buckets, so that a sketch never needs more than 25 KB.
 */
#ifndef SKETCH_H
#define SKETCH_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

#define SKETCH_ACCURACY 0.01
#define SKETCH_MIN      1e-9
#define SKETCH_MAX      1e18

/* Zero it to begin. */
struct sketch {
	uint64_t count; /* of all values */
	uint64_t zeros;
	uint64_t *bucket; /* n counts, for the indices lo, lo + 1 ... */
	int32_t lo;
	uint32_t n;
};

void sketch_release(struct sketch *s);

/* Both return 0, or -1 when out of memory (nothing is changed then).  x must be finite and >=
 * 0. */
int sketch_add(struct sketch *s, double x);
int sketch_merge(struct sketch *into, const struct sketch *from);

/* The value of a rank, from 0, in ascending order; 0 when there is none. */
double sketch_at(const struct sketch *s, uint64_t rank);
/* That of rank floor(q (count - 1)), q from 0 to 1. */
double sketch_quantile(const struct sketch *s, double q);

/* As docs/format.md has it, "Rollups". */
void sketch_put(const struct sketch *s, struct bytes_out *b);
/* Into a zeroed sketch; 0, or -1 when the bytes are no sketch (in->failed is then set) or
 * memory is out. */
int sketch_get(struct sketch *s, struct bytes_in *in);

#endif
