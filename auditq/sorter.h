/*
 * sorter - external stable sort of lines by (ts, path, offset) in bounded memory: sorted batches,
 * spilled to an unlinked temporary file ($TMPDIR, else /tmp) when they exceed the limit.
 */
#ifndef SORTER_H
#define SORTER_H

#include "batch.h"
#include "qerror.h"

struct sorter;

int sorter_new(struct sorter **ret, size_t max_bytes, bool reverse, auditq_error *err);
/* Copies the line. */
int sorter_add(struct sorter *s, const struct batch_key *key, const char *line, size_t n,
    auditq_error *err);
/* No more lines; before the first sorter_next. */
int sorter_finish(struct sorter *s, auditq_error *err);
/* 1, and key and line in order, valid until the next call; 0 at the end; negative. */
int sorter_next(
    struct sorter *s, struct batch_key *key, const char **line, size_t *n, auditq_error *err);
uint64_t sorter_spilled(const struct sorter *s);
void sorter_free(struct sorter *s);

#endif
