/*
 * keeper - the thread that keeps a root in order behind a writer: recover the dead at the start,
 * seal what was finished, delete what is too old.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include "monitor.h"
#include "segment.h"
#include "settings.h"

struct keeper;

/* Starts the thread.  All are borrowed until keeper_stop. */
int keeper_start(struct keeper **ret, const struct settings *set,
    const struct segment_root *root, struct monitor *mon, alog_error *err);
/* A segment is complete: seal it, then retain.  Any thread. */
void keeper_seal(struct keeper *k, int32_t day, const char *name);
/*
 * Finish the queue, until deadline (monotonic ns) at most; then stop and free.  false: something was
 * left unsealed.
 */
bool keeper_stop(struct keeper *k, int64_t deadline);
/* In a forked child, where the thread is not. */
void keeper_fork_free(struct keeper *k);

#endif
