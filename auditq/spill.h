/*
 * spill - sorted lines in an unlinked temporary file ($TMPDIR, else /tmp): written as runs, each
 * read back front to back.
 */
#ifndef SPILL_H
#define SPILL_H

#include "batch.h"
#include "qerror.h"

struct spill;        /* the file */
struct spill_reader; /* of one run in it */

int spill_new(struct spill **ret, auditq_error *err);
void spill_free(struct spill *s); /* after its readers */

/* Add a line to the run that is being written. */
int spill_add(struct spill *s, const struct batch_line *line, auditq_error *err);
/* End the run and open it for reading. */
int spill_end(struct spill *s, struct spill_reader **ret, auditq_error *err);
/* Forget all runs, which nobody reads any more. */
int spill_reset(struct spill *s, auditq_error *err);
uint64_t spill_written(const struct spill *s); /* bytes, over all runs */

/* Go to the next line: 1 and its key; 0 at the end of the run; negative. */
int spill_next(struct spill_reader *r, struct batch_key *key, auditq_error *err);
/* Its text, valid until the next call on the reader. */
int spill_text(struct spill_reader *r, const char **p, size_t *n, auditq_error *err);
void spill_reader_free(struct spill_reader *r);

#endif
