/*
 * writer - one process's presence below a root: its ring, its segments, and the thread that moves
 * records from the one to the other.
 */
#ifndef WRITER_H
#define WRITER_H

#include "monitor.h"
#include "settings.h"

struct record_identity;
struct writer;

/*
 * Make the root, the ring and the threads.  set, mon and identity (which stands in
 * the records that the writer makes itself) are borrowed until the writer is freed.
 */
int writer_start(struct writer **ret, const struct settings *set,
    const struct record_identity *identity, struct monitor *mon, alog_error *err);
/* Tell the monitor of a root that anybody may write in.  Hold no lock: who listens may fork. */
void writer_warn(struct writer *w);

/*
 * Put an encoded record into the ring, waiting for room as the settings say; *seq is its number.  0,
 * ALOG_EDROPPED, ALOG_ECLOSED.
 */
int writer_put(struct writer *w, const char *rec, size_t n, uint16_t splice, uint64_t *seq);
/* Wait until record seq is durable; timeout_ms < 0: for ever. */
int writer_sync(struct writer *w, uint64_t seq, int64_t timeout_ms);
/* Wait until all records so far are.  One that was lost before is told of once. */
int writer_sync_all(struct writer *w, int64_t timeout_ms);
/* Number of the newest record accepted; records dropped. */
uint64_t writer_head_seq(const struct writer *w);
uint64_t writer_dropped(const struct writer *w);

/*
 * Take no more records; write, sync and seal what is there, for close_ms at most.  The writer can still be called
 * (everything answers ALOG_ECLOSED) until writer_free.  0, or ALOG_ETIMEOUT: its thread did not come to an end, recovery will do the rest.
 */
int writer_stop(struct writer *w);
/* false: its thread hangs in a call, and keeps what it and writer_start were given. */
bool writer_free(struct writer *w);

/* In a forked child: close inherited descriptors, in the atfork handler; free, at the first use. */
void writer_fork_close(struct writer *w);
void writer_fork_free(struct writer *w);

#endif
