#include "sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GAMMA ((1 + SKETCH_ACCURACY) / (1 - SKETCH_ACCURACY))

/* Indices of SKETCH_MIN and SKETCH_MAX. */
#define INDEX_MIN (-1036)
#define INDEX_MAX 2073

#define STEP      64

static int32_t
index_of(double x)
{
	double i = ceil(log(x) / log(GAMMA));

	if (i <= INDEX_MIN)
		return INDEX_MIN;
	return i < INDEX_MAX ? (int32_t)i : INDEX_MAX;
}

void
sketch_release(struct sketch *s)
{
	free(s->bucket);
	*s = (struct sketch){ 0 };
}

/* Make room for the indices lo to hi, in whole steps, so that a sketch grows seldom. */
static int
cover(struct sketch *s, int32_t lo, int32_t hi)
{
	int32_t end = s->lo + (int32_t)s->n;
	uint64_t *bucket;
	uint32_t n;

	if (s->n > 0 && lo >= s->lo && hi < end)
		return 0;
	if (s->n > 0) {
		lo = lo < s->lo ? lo : s->lo;
		hi = hi > end - 1 ? hi : end - 1;
	}
	lo -= (lo - INDEX_MIN) % STEP;
	hi += STEP - 1 - (hi - INDEX_MIN) % STEP;
	n = (uint32_t)(hi - lo) + 1;
	if ((bucket = calloc(n, sizeof *bucket)) == NULL)
		return -1;
	if (s->n > 0)
		memcpy(bucket + (s->lo - lo), s->bucket, s->n * sizeof *bucket);
	free(s->bucket);
	s->bucket = bucket;
	s->lo = lo;
	s->n = n;
	return 0;
}

int
sketch_add(struct sketch *s, double x)
{
	int32_t i;

	if (x < SKETCH_MIN) {
		s->zeros++;
	} else {
		i = index_of(x);
		if (cover(s, i, i) < 0)
			return -1;
		s->bucket[i - s->lo]++;
	}
	s->count++;
	return 0;
}

int
sketch_merge(struct sketch *into, const struct sketch *from)
{
	if (from->n > 0) {
		if (cover(into, from->lo, from->lo + (int32_t)from->n - 1) < 0)
			return -1;
		for (uint32_t i = 0; i < from->n; i++)
			into->bucket[from->lo - into->lo + (int32_t)i] += from->bucket[i];
	}
	into->zeros += from->zeros;
	into->count += from->count;
	return 0;
}

double
sketch_at(const struct sketch *s, uint64_t rank)
{
	uint64_t below = s->zeros;

	if (s->count == 0 || rank < below)
		return 0;
	for (uint32_t i = 0; i < s->n; i++)
		if ((below += s->bucket[i]) > rank)
			return 2 * pow(GAMMA, s->lo + (int32_t)i) / (GAMMA + 1);
	return SKETCH_MAX;
}

double
sketch_quantile(const struct sketch *s, double q)
{
	double real;

	if (s->count == 0)
		return 0;
	/* Counts beyond 2^53 round, and may round up to 2^64. */
	real = q * (double)(s->count - 1);
	return sketch_at(s, real < (double)(s->count - 1) ? (uint64_t)real : s->count - 1);
}

void
sketch_put(const struct sketch *s, struct bytes_out *b)
{
	uint64_t used = 0;
	int32_t next = INDEX_MIN;

	for (uint32_t i = 0; i < s->n; i++)
		used += s->bucket[i] != 0;
	bytes_put_varint(b, s->zeros);
	bytes_put_varint(b, used);
	for (uint32_t i = 0; i < s->n; i++) {
		int32_t at = s->lo + (int32_t)i;

		if (s->bucket[i] == 0)
			continue;
		bytes_put_varint(b, (uint64_t)(at - next));
		bytes_put_varint(b, s->bucket[i]);
		next = at + 1;
	}
}

int
sketch_get(struct sketch *s, struct bytes_in *in)
{
	uint64_t used;
	int32_t next = INDEX_MIN;

	s->zeros = s->count = bytes_get_varint(in);
	used = bytes_get_varint_max(in, INDEX_MAX - INDEX_MIN + 1);
	for (; used > 0 && !in->failed; used--) {
		int32_t at = next + (int32_t)bytes_get_varint_max(in, INDEX_MAX - INDEX_MIN);
		uint64_t count = bytes_get_varint(in);

		if (in->failed || at > INDEX_MAX || count > UINT64_MAX - s->count) {
			in->failed = true;
			break;
		}
		if (cover(s, at, at) < 0)
			return -1;
		s->bucket[at - s->lo] = count;
		s->count += count;
		next = at + 1;
	}
	return in->failed ? -1 : 0;
}
