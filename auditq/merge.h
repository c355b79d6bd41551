/*
 * merge - sorted batches to one order, in bounded memory.
 *
 * A queue in external memory: batches may be added while lines are taken, as long as they hold
 * nothing that should have come before a line already taken.  When the batches held
 * exceed the limit they are merged into one run in an unlinked temporary file ($TMPDIR, else /tmp).
 */
#ifndef MERGE_H
#define MERGE_H

#include "batch.h"
#include "qerror.h"

struct merge;

int merge_new(struct merge **ret, size_t max_bytes, bool reverse, auditq_error *err);
/* Takes over the contents of a sorted batch, which is empty afterwards; also on failure. */
int merge_take(struct merge *m, struct batch *sorted, auditq_error *err);
/* The next line without taking it: 1, valid until the next call; 0: nothing is held; negative. */
int merge_peek(struct merge *m, const struct batch_line **line, auditq_error *err);
/* Take the line that merge_peek gave; it stays valid until the next call. */
void merge_advance(struct merge *m);
uint64_t merge_spilled(const struct merge *m); /* bytes written to temporary files */
void merge_free(struct merge *m);

#endif
