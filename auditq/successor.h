/*
 * successor - where the lines of a file are that compaction replaced after it was planned.
 *
 * They stand in another archive of its directory, in one piece and in their order; that archive says so
 * in its index.  So a query goes on with what it planned, whatever becomes of the files' names.
 */
#ifndef SUCCESSOR_H
#define SUCCESSOR_H

#include "qerror.h"

/* What was found last, which has the next ones too as a rule.  NULL, to begin with; of one thread. */
struct successor;

/* Whole lines, each with its line feed; offset is that of the first in the replaced file, decompressed. */
typedef int successor_fn(void *arg, const char *lines, size_t n, uint64_t offset);

/*
 * Give n bytes of lines from `from` on, which must be where a line begins; or as many as there are.  path is the
 * file's, which is gone; a .jsonl may have been sealed before.  1; 0: no archive has its lines; what fn
 * returns, when that is negative; negative.
 */
int successor_read(struct successor **s, const char *path, uint64_t from, uint64_t n,
    successor_fn *fn, void *arg, auditq_error *err);
/* The archive that what was read last stands in, which errors are about; NULL: there was none. */
const char *successor_path(const struct successor *s);
void successor_free(struct successor *s);

#endif
