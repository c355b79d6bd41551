/* emit - from a call to a record in the ring. */
#ifndef EMIT_H
#define EMIT_H

#include "context.h"

/* Encode and put a record, whatever the level of ctx; *seq (may be NULL) gets its number.  Completes rec: the time,
 * the thread where it is asked for, no site where it is not. */
int emit_record(struct alog_context *ctx, struct record *rec, uint64_t *seq);

#endif
