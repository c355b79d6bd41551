/* emit - from a call to a record in the ring. */
#ifndef EMIT_H
#define EMIT_H

#include "context.h"

/* Encode and put a record, whatever the level of ctx; *seq (may be NULL) gets its number. */
int emit_record(struct alog_context *ctx, const struct record *rec, uint64_t *seq);

#endif
