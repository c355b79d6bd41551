/*
 * tally - the run table and the rollups per stage of one archive, as its lines go by.
 *
 * Bounded by FORMAT_RUNS_MAX and FORMAT_STAGES_MAX; what comes beyond, or has a longer name than
 * FORMAT_NAME_MAX, is not in the table, which is then marked incomplete.
 */
#ifndef TALLY_H
#define TALLY_H

#include "bytes.h"
#include "schema.h"

struct tally;

struct tally *tally_new(void); /* NULL: out of memory */
void tally_free(struct tally *t);

/* A readable line with its effective time, in data member number `member`.  0 or -1: out of
 * memory. */
int tally_add(struct tally *t, const struct schema_facts *facts, int64_t ts, uint16_t member);

/* Append the content of the sections RUNS and COURSES, of ROLLUPS; base: min_ts of the archive.  Courses are of all
 * runs and stages: they stay empty when some are missing.  0 or -1: out of memory. */
int tally_put_runs(const struct tally *t, struct bytes_out *runs, struct bytes_out *courses,
    int64_t base, bool *incomplete);
int tally_put_rollups(const struct tally *t, struct bytes_out *b, bool *incomplete);

#endif
