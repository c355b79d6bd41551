/*
 * sample - numbers in groups, all of them kept, and which of them has a given rank.
 *
 * Of one worker: a query has one a worker, and asks them together.  Numbers are kept as sorted runs;
 * when they exceed the memory that they may have, in an unlinked temporary file.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "qerror.h"

struct sample;

/* max_bytes: of numbers in memory, and as much again while they are sorted. */
int sample_new(struct sample **ret, size_t max_bytes, auditq_error *err);
void sample_free(struct sample *s);

/* x is finite; -0 is 0. */
int sample_add(struct sample *s, uint32_t group, double x, auditq_error *err);
/* No more numbers; before the first sample_at. */
int sample_finish(struct sample *s, auditq_error *err);
uint64_t sample_spilled(const struct sample *s); /* bytes */

/* Of all numbers that n samples have in a group, that of a rank in ascending order, from 0; it
 * must exist. */
double sample_at(struct sample *const *s, size_t n, uint32_t group, uint64_t rank);

#endif
