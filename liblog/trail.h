/*
 * trail - the segments of one writer, one after the other: records in, files out.
 *
 * Both who drains a living ring and who recovers a dead one write through it.
 */
#ifndef TRAIL_H
#define TRAIL_H

#include "monitor.h"
#include "record.h"
#include "ring.h"
#include "segment.h"

#define TRAIL_BATCH (256u << 10) /* bytes that are worth a write(2) */

struct trail {
	const struct segment_root *root;
	const char *service, *writer;
	uint64_t segment_bytes;
	const struct record_base *base; /* of gap records */
	struct monitor *monitor;        /* may be NULL */
	/* Called when a segment is complete and closed; it may be sealed. */
	void (*finished)(void *arg, int32_t day, const char *name, uint64_t bytes);
	void *arg;

	uint32_t number; /* of the newest segment, 0: none yet */
	struct segment seg;
	bool distrusted; /* a call on seg failed: what is not durable in it must move on */
	bool late; /* seg is of the day before, for no other could be made, and that was told */
	uint64_t batch_seq;   /* newest in the batch */
	uint64_t written_seq; /* newest in a file */
	uint64_t durable_seq; /* newest on stable storage, or lost */
	uint64_t lost_seq;    /* newest of those that were written and are lost */
	uint64_t begun_seq;   /* newest before those in seg */
	uint64_t removed;     /* records in a file that somebody removed, to be told */
	char dated[17];       /* how the newest record begins, and its day */
	int32_t day;
	char *batch;
	size_t nbatch, cap, lines;
};

/* Set root, service, writer, segment_bytes and what else applies first; zero the rest, seg SEGMENT_NONE. */
int trail_init(struct trail *t, alog_error *err);

/*
 * Add a record to the batch; rolls first where it must.  On failure the batch is gone: give again
 * all records after written_seq, later.
 */
int trail_put(struct trail *t, const struct ring_record *rec, alog_error *err);
/* Write the batch. */
int trail_flush(struct trail *t, alog_error *err);
/*
 * Make what is written durable.  When that fails the file is not trusted again: its records that
 * were not durable are read back and go to a new one, or where that fails, a gap record does; the
 * error is returned all the same.
 */
int trail_sync(struct trail *t, alog_error *err);
/* The open segment was removed: what stood in it is lost, and the next begins with a gap record. */
void trail_removed(struct trail *t);
/* Flush, sync, and finish the open segment; the next record makes a new one. */
int trail_finish(struct trail *t, alog_error *err);
/* Close the open segment without a word. */
void trail_close(struct trail *t);

#endif
