/*
 * census - the records that a question asks for, counted and measured in groups.
 *
 * It is a search's taker: workers count what they find, each by itself; archives that the question asks for
 * as a whole are counted from their rollups.
 */
#ifndef CENSUS_H
#define CENSUS_H

#include "measure.h"
#include "question.h"

struct census;

/* More are AUDITQ_ETOOBIG. */
#define CENSUS_GROUPS_MAX 16384
#define CENSUS_BYTES_MAX  (8 << 20) /* of their names */

/* All is borrowed. */
struct census_options {
	const char *const *by; /* fields whose values make a group; names as for schema_key */
	size_t nby;
	const char *field; /* the number that is measured, likewise */
	bool exact;        /* keep all numbers, for census_at */
	bool counts;       /* measure nothing */
	int64_t step; /* ns of each part of time, which makes groups too; 0: time makes none */
	const struct zone *zone; /* in which parts begin */
};

int census_new(struct census **ret, const struct census_options *opt, const struct question *q,
    auditq_error *err);
void census_free(struct census *c);

/* For a copy of the question, as long as the census. */
const struct taker *census_taker(struct census *c);

/* The search is over: put together what the workers have.  Before what follows. */
int census_finish(struct census *c, auditq_error *err);
size_t census_groups(const struct census *c);
const struct measure *census_measure(const struct census *c, size_t group);
/* The group's value of field by[i]: a string decoded, else as it stands; FIELD_ABSENT for null too. */
struct field census_value(const struct census *c, size_t group, size_t i);
/* The start and the end of the group's part of time; CLOCK_NONE: its records have no time. */
void census_time(const struct census *c, size_t group, int64_t *start, int64_t *end);
/* The value of a rank in ascending order, from 0: exactly, or within SKETCH_ACCURACY. */
double census_at(const struct census *c, size_t group, uint64_t rank);
uint64_t census_spilled(const struct census *c); /* bytes */

#endif
