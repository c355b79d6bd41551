#include "trail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rotate.h"

int
trail_init(struct trail *t, alog_error *err)
{
	/* A batch that is not quite full has room for one more, so that no common record makes it
	 * grow. */
	t->cap = 2 * TRAIL_BATCH;
	if ((t->batch = malloc(t->cap)) == NULL)
		return error_set(err, ALOG_ENOMEM, ENOMEM, NULL, "batch");
	return 0;
}

static void
discard(struct trail *t)
{
	t->nbatch = t->lines = 0;
	t->batch_seq = t->written_seq;
}

/* Close the open segment; who waits for it may seal it. */
static void
hand_over(struct trail *t)
{
	struct segment done = t->seg;

	t->distrusted = false;
	if (done.fd < 0)
		return;
	segment_close(&t->seg);
	if (t->finished != NULL)
		t->finished(t->arg, done.day, done.name, done.bytes);
}

static int
create(struct trail *t, int32_t day, struct segment *seg, alog_error *err)
{
	struct path_segment id = { .number = t->number + 1, .kind = PATH_PLAIN };
	int rc;

	(void)strncpy(id.service, t->service, sizeof id.service - 1);
	(void)strncpy(id.writer, t->writer, sizeof id.writer - 1);
	if ((rc = segment_create(seg, t->root, day, &id, err)) < 0)
		return rc;
	if (t->number > 0 && t->monitor != NULL)
		monitor_add(&t->monitor->rolls, 1);
	t->number++;
	return 0;
}

int
trail_flush(struct trail *t, alog_error *err)
{
	bool broken = false;
	int rc;

	if (t->nbatch == 0)
		return 0;
	rc = segment_append(&t->seg, t->batch, t->nbatch, &broken, err);
	if (rc < 0) {
		discard(t);
		t->distrusted = broken;
		return rc;
	}
	if (t->monitor != NULL) {
		monitor_add(&t->monitor->written, t->lines);
		monitor_add(&t->monitor->bytes, t->nbatch);
	}
	t->written_seq = t->batch_seq;
	t->nbatch = t->lines = 0;
	return 0;
}

/* ---- making durable ---- */

enum { UNREADABLE = 1 };

/* Append bytes from..to of one file to another segment: 0, UNREADABLE, or an error. */
static int
copy_range(int fd, uint64_t from, uint64_t to, struct segment *seg, char *buf, alog_error *err)
{
	bool broken = false;
	int rc;

	while (from < to) {
		const uint64_t left = to - from;
		const size_t want = left < TRAIL_BATCH ? (size_t)left : TRAIL_BATCH;
		const ssize_t got = sys_pread_all(fd, buf, want, (off_t)from);

		if (got == 0 || (got < 0 && errno == EIO))
			return UNREADABLE;
		if (got < 0)
			return error_set(err, ALOG_EIO, errno, seg->name,
			    "cannot read back what was not durable");
		if ((rc = segment_append(seg, buf, (size_t)got, &broken, err)) < 0)
			return rc;
		from += (uint64_t)got;
	}
	return 0;
}

/* The time now, or the end of the day next to it that the segment is of: a window of time has to find the record. */
static int64_t
now_within(int32_t day)
{
	const int64_t first = day * CLOCK_DAY, last = first + CLOCK_DAY - 1;
	int64_t now = first;

	(void)sys->realtime(&now);
	return now < first ? first : now > last ? last : now;
}

/* Instead of lines that are lost: a gap record alone in its segment, with the number of the last of them. */
static int
tell_loss(const struct trail *t, struct segment *seg, uint64_t lost, const char *reason,
    alog_error *err)
{
	char rec[1024], line[1100];
	struct jbuf gap = { rec, 0, sizeof rec }, out = { line, 0, sizeof line };
	bool broken = false;
	uint16_t splice;

	if (sys->ftruncate(seg->fd, 0) < 0)
		return error_set(err, ALOG_EIO, errno, seg->name, "cannot cut");
	seg->bytes = 0;
	seg->crc = 0;
	record_gap(t->base, now_within(seg->day), lost, reason, &gap, &splice);
	record_line(rec, gap.len, splice, t->written_seq, &out);
	return segment_append(seg, line, out.len, &broken, err);
}

/* All that was written is durable now; or what was not is lost, and nobody can wait for it any longer. */
static void
settle(struct trail *t, bool lost)
{
	if (lost && t->written_seq > t->durable_seq)
		t->lost_seq = t->written_seq;
	if (!lost && t->monitor != NULL)
		monitor_add(&t->monitor->durable, t->written_seq - t->durable_seq);
	t->durable_seq = t->written_seq;
}

/* A segment that was made for nothing. */
static void
withdraw(struct trail *t, struct segment *seg)
{
	if (sys->unlinkat(seg->dirfd, seg->name, 0) == 0)
		t->number--;
	segment_close(seg);
}

/*
 * Leave a file that failed: move the lines that are not durable to a new segment.  It is never written or synced
 * again, for a second fdatasync may succeed with the pages of the first one lost.  The batch must be empty.  Fails
 * also when it went on with a loss.
 */
static int
rescue(struct trail *t, alog_error *err)
{
	struct segment fresh, old = t->seg;
	bool lost;
	int rc;

	if (!t->distrusted || old.fd < 0)
		return 0;
	if ((rc = create(t, old.day, &fresh, err)) < 0)
		return rc;
	rc = copy_range(old.fd, old.durable, old.bytes, &fresh, t->batch, err);
	/* The kernel may have dropped the pages, and read back what the disk has there. */
	lost = rc == UNREADABLE || (rc == 0 && !old.inherited && fresh.crc != old.crc);
	if (lost)
		rc = tell_loss(t, &fresh, t->written_seq - t->durable_seq, "unreadable", err);
	if (rc == 0)
		rc = segment_sync(&fresh, t->root, err);
	if (rc < 0) {
		withdraw(t, &fresh);
		return rc;
	}
	/* Where this fails both files show the lines; readers know them by their seq.  What could not be read
	 * may be readable to somebody else, and stays. */
	if (!lost && sys->ftruncate(old.fd, (off_t)old.durable) == 0)
		t->seg.bytes = old.durable;
	hand_over(t);
	t->seg = fresh;
	t->begun_seq = t->durable_seq;
	settle(t, lost);
	return lost ? error_set(err, ALOG_EIO, EIO, old.name, "cannot be read back") : 0;
}

int
trail_sync(struct trail *t, alog_error *err)
{
	int rc;

	if ((rc = trail_flush(t, err)) < 0 || (rc = rescue(t, err)) < 0)
		return rc;
	if (t->seg.fd < 0 || t->durable_seq == t->written_seq)
		return 0;
	if ((rc = segment_sync(&t->seg, t->root, err)) < 0) {
		t->distrusted = true;
		(void)rescue(t, NULL);
		return rc;
	}
	settle(t, false);
	return 0;
}

void
trail_removed(struct trail *t)
{
	segment_close(&t->seg);
	t->distrusted = false;
	t->removed += t->written_seq - t->begun_seq;
	settle(t, true);
}

int
trail_finish(struct trail *t, alog_error *err)
{
	const int rc = trail_sync(t, err);

	if (t->seg.fd >= 0 && t->durable_seq == t->written_seq)
		hand_over(t);
	return rc;
}

/* ---- records ---- */

static int
grow(struct trail *t, size_t need, alog_error *err)
{
	char *grown, *old;

	if (t->cap - t->nbatch >= need)
		return 0;
	if ((grown = malloc(t->nbatch + need)) == NULL)
		return error_set(err, ALOG_ENOMEM, ENOMEM, NULL, "batch");
	memcpy(grown, t->batch, t->nbatch);
	/* No realloc: at any moment this may be a child's, who frees it. */
	old = t->batch;
	t->batch = grown;
	t->cap = t->nbatch + need;
	free(old);
	return 0;
}

/* Leave the open segment for one of this day.  While that can't be made, a record of the day after
 * may stay where it is: late in the right order is better than not at all. */
static int
roll(struct trail *t, int32_t day, alog_error *err)
{
	struct segment fresh;
	alog_error why = { 0 };
	int rc;

	if (t->seg.fd >= 0 && (rc = trail_sync(t, err)) < 0)
		return rc;
	if ((rc = create(t, day, &fresh, &why)) < 0) {
		if (t->seg.fd >= 0 && day == t->seg.day + 1) {
			if (t->monitor != NULL && !t->late)
				monitor_error(t->monitor, &why);
			t->late = true;
			return 0;
		}
		if (err != NULL)
			*err = why;
		return rc;
	}
	if (t->removed > 0 && (rc = tell_loss(t, &fresh, t->removed, "removed", err)) < 0) {
		withdraw(t, &fresh);
		return rc;
	}
	hand_over(t);
	t->seg = fresh;
	t->begun_seq = t->written_seq;
	t->removed = 0;
	t->late = false;
	return 0;
}

/* A date is parsed once: {"ts":"2025-10-23 is how all records of its day begin. */
static int32_t
day_of(struct trail *t, const struct ring_record *rec)
{
	if (rec->len < sizeof t->dated)
		return record_day(rec->p, rec->len);
	if (memcmp(t->dated, rec->p, sizeof t->dated) != 0) {
		t->day = record_day(rec->p, rec->len);
		memcpy(t->dated, rec->p, sizeof t->dated);
	}
	return t->day;
}

int
trail_put(struct trail *t, const struct ring_record *rec, alog_error *err)
{
	const int32_t day = day_of(t, rec);
	const size_t most = (size_t)rec->len + 24; /* the digits and the line feed */
	struct jbuf out;
	int rc = 0;

	/* After a failure the batch is empty. */
	if (t->distrusted && (rc = rescue(t, err)) < 0)
		return rc;
	if (t->seg.fd < 0 ||
	    rotate_due(t->seg.day, t->seg.bytes + t->nbatch, most, t->segment_bytes, day) !=
		ROTATE_STAY) {
		if ((rc = trail_flush(t, err)) == 0)
			rc = roll(t, day, err);
	}
	if (rc == 0)
		rc = grow(t, most, err);
	if (rc < 0) {
		discard(t);
		return rc;
	}
	out = (struct jbuf){ t->batch, t->nbatch, t->cap };
	record_line(rec->p, rec->len, rec->splice, rec->seq, &out);
	t->nbatch = out.len;
	t->batch_seq = rec->seq;
	t->lines++;
	return 0;
}

void
trail_close(struct trail *t)
{
	segment_close(&t->seg);
	free(t->batch);
	t->batch = NULL;
}
