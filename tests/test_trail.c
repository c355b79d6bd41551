/* trail - records in, files out: rolls, failures, rescues; each record once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>

#include "faults.h"
#include "made.h"
#include "sanitizer.h"
#include "trail.h"

#define DAY   20384 /* 2025-10-23 */
#define NOON  (DAY * CLOCK_DAY + CLOCK_DAY / 2)
#define LIMIT 4096

struct place {
	char dir[SCRATCH_MAX];
	struct segment_root root;
	struct trail trail;
	unsigned finished;
};

static void
on_finished(void *arg, int32_t day, const char *name, uint64_t bytes)
{
	struct place *p = arg;

	(void)day;
	(void)name;
	(void)bytes;
	p->finished++;
}

static const struct record_identity identity = { 16, ",\"service\":\"svc\"" };
static const struct record_base base = {
	.run = "", .stage = "", .bound = "", .identity = &identity
};

static void
place_open(struct place *p)
{
	memset(p, 0, sizeof *p);
	scratch_make(p->dir);
	p->root = (struct segment_root){ -1, p->dir, 0640, 0750 };
	if (segment_root_open(&p->root, NULL) < 0)
		fail_msg("%s", p->dir);
	p->trail = (struct trail){ .root = &p->root,
		.service = "svc",
		.writer = "00112233445566aa",
		.segment_bytes = LIMIT,
		.base = &base,
		.finished = on_finished,
		.arg = p,
		.seg = SEGMENT_NONE };
	assert_int_equal(trail_init(&p->trail, NULL), 0);
}

static void
place_close(struct place *p)
{
	trail_close(&p->trail);
	(void)close(p->root.fd);
	scratch_remove(p->dir);
}

static int
put(struct place *p, uint64_t seq, int64_t ts, unsigned pad)
{
	static char buf[MADE_MAX];
	const struct ring_record rec = made_record(buf, seq, ts, pad);

	return trail_put(&p->trail, &rec, NULL);
}

/* Every record from 1 to last once, in order, over files in the order of their numbers. */
static void
check(struct place *p, const char *name, uint64_t last)
{
	struct scratch_lines lines = scratch_read(p->dir);

	if (lines.n != last)
		fail_msg("%s: %zu lines for %" PRIu64, name, lines.n, last);
	for (size_t i = 0; i < lines.n; i++)
		if (lines.line[i].seq != i + 1 || !made_intact(&lines.line[i]))
			fail_msg("%s: %s: %s", name, lines.line[i].file, lines.line[i].text);
	scratch_free(&lines);
}

/* ---- when it rolls ---- */

static void
test_rolls(void **state)
{
	static const struct {
		const char *name;
		struct {
			int64_t ts;
			unsigned pad;
		} rec[6];
		const char
		    *files; /* partition's day of the month and number, for each record */
	} cases[] = {
		{ "one file", { { NOON, 10 }, { NOON, 10 }, { NOON, 10 } }, "23.1 23.1 23.1" },
		{ "by size", { { NOON, 3000 }, { NOON, 3000 }, { NOON, 10 } },
		    "23.1 23.2 23.2" },
		{ "longer than a segment", { { NOON, 9000 }, { NOON, 10 }, { NOON, 9000 } },
		    "23.1 23.2 23.3" },
		{ "by day",
		    { { NOON, 10 }, { NOON + CLOCK_DAY, 10 }, { NOON + CLOCK_DAY, 10 } },
		    "23.1 24.2 24.2" },
		{ "a little late over midnight",
		    { { NOON + CLOCK_DAY / 2, 10 }, { NOON + CLOCK_DAY / 2 - 1, 10 },
			{ NOON + CLOCK_DAY / 2 + 1, 10 } },
		    "24.1 24.1 24.1" },
		{ "the clock steps back by days",
		    { { NOON, 10 }, { NOON - 2 * CLOCK_DAY, 10 }, { NOON, 10 } },
		    "23.1 21.2 23.3" },
		{ "the clock steps ahead by days",
		    { { NOON, 10 }, { NOON + 5 * CLOCK_DAY, 10 }, { NOON, 10 } },
		    "23.1 28.2 23.3" },
		{ "both at once",
		    { { NOON, 4000 }, { NOON + CLOCK_DAY, 4000 }, { NOON + CLOCK_DAY, 4000 } },
		    "23.1 24.2 24.3" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *want = cases[i].files;
		struct scratch_lines lines;
		struct place p;
		uint64_t seq = 0;

		place_open(&p);
		for (size_t r = 0; r < 6 && cases[i].rec[r].pad > 0; r++)
			assert_int_equal(
			    put(&p, ++seq, cases[i].rec[r].ts, cases[i].rec[r].pad), 0);
		assert_int_equal(trail_finish(&p.trail, NULL), 0);
		assert_int_equal(p.finished, p.trail.number);
		assert_int_equal(p.trail.durable_seq, seq);
		lines = scratch_read(p.dir);
		if (lines.n != seq)
			fail_msg("%s: %zu lines", cases[i].name, lines.n);
		for (uint64_t s = 1; s <= seq; s++, want += strlen(want) > 4 ? 5 : 4)
			for (size_t l = 0; l < lines.n; l++) {
				char file[64];

				if (lines.line[l].seq != s)
					continue;
				(void)snprintf(file, sizeof file,
				    "date=2025-10-%.2s/svc.00112233445566aa.00000%c.jsonl",
				    want, want[3]);
				if (strcmp(file, lines.line[l].file) != 0)
					fail_msg("%s: %" PRIu64 " in %s", cases[i].name, s,
					    lines.line[l].file);
			}
		scratch_free(&lines);
		place_close(&p);
	}
}

/* The first and the last day there are, and one that can't be read. */
static void
test_days(void **state)
{
	static const struct ring_record garbage = { 3, "{\"what\":}", 9, 8 };
	struct scratch_lines lines;
	struct place p;

	(void)state;
	place_open(&p);
	assert_int_equal(put(&p, 1, INT64_MIN + CLOCK_DAY, 10), 0);
	assert_int_equal(put(&p, 2, INT64_MAX - CLOCK_DAY, 10), 0);
	assert_int_equal(trail_put(&p.trail, &garbage, NULL), 0);
	assert_int_equal(trail_finish(&p.trail, NULL), 0);
	lines = scratch_read(p.dir);
	assert_int_equal(lines.n, 3);
	assert_string_equal(
	    lines.line[0].file, "date=1677-09-22/svc.00112233445566aa.000001.jsonl");
	assert_string_equal(
	    lines.line[1].file, "date=1970-01-01/svc.00112233445566aa.000003.jsonl");
	assert_string_equal(lines.line[1].text, "{\"what\":3}");
	assert_string_equal(
	    lines.line[2].file, "date=2262-04-10/svc.00112233445566aa.000002.jsonl");
	scratch_free(&lines);
	place_close(&p);
}

/* ---- failures ---- */

/*
 * What the writer does with its ring: give all records behind written_seq, again after a failure, and
 * sync now and then, until all are durable or it has failed so many times.  The failures.
 */
static unsigned
deliver(struct place *p, uint64_t last, unsigned patience)
{
	unsigned failures = 0;

	while (p->trail.durable_seq < last && failures < patience) {
		uint64_t seq = p->trail.written_seq;
		int rc = 0;

		while (rc == 0 && seq < last) {
			seq++;
			rc = put(p, seq, NOON + (int64_t)(seq / 8) * CLOCK_DAY, 700);
			if (rc == 0 && seq % 3 == 0)
				rc = trail_flush(&p->trail, NULL);
			if (rc == 0 && seq % 5 == 0) {
				rc = trail_sync(&p->trail, NULL);
				if (rc == 0)
					assert_int_equal(p->trail.durable_seq, seq);
			}
		}
		if (rc == 0)
			rc = trail_sync(&p->trail, NULL);
		failures += rc < 0;
	}
	return failures;
}

/* A failure of one call fails one step at most, and each record is in a file once. */
static void
test_fail_once(void **state)
{
	static const int errors[] = { EIO, ENOSPC, EMFILE };

	(void)state;
	for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
		bool fired = true;

		for (long n = 0; fired; n += BY_SANITIZER(1, 1, 5)) {
			unsigned failures;
			char name[64];
			struct place p;

			place_open(&p);
			(void)snprintf(name, sizeof name, "call %ld, errno %d", n, errors[e]);
			faults_begin(FAULT_FAIL, n, errors[e]);
			failures = deliver(&p, 30, 2);
			failures += trail_finish(&p.trail, NULL) < 0;
			fired = faults_end();
			if (failures > 1)
				fail_msg("%s: %u failures", name, failures);
			check(&p, name, 30);
			assert_int_equal(p.finished, p.trail.number);
			place_close(&p);
		}
	}
}

/* Records from 1 to 30 in order, but some may stand twice. */
static void
check_all_there(struct place *p, const char *name)
{
	struct scratch_lines lines = scratch_read(p->dir);
	uint64_t next = 1;

	for (size_t i = 0; i < lines.n; i++) {
		if (!made_intact(&lines.line[i]) && !lines.line[i].torn)
			fail_msg("%s: %s", name, lines.line[i].text);
		next += lines.line[i].seq == next;
	}
	if (next != 31)
		fail_msg("%s: no %" PRIu64, name, next);
	scratch_free(&lines);
}

/* From the nth call on everything fails; then all is well again, and nothing is lost.  A sync that failed
 * and a file that can't be cut after it, both at once, leave lines in two files. */
static void
test_fail_for_a_while(void **state)
{
	static const enum fault kinds[] = { FAULT_FOREVER, FAULT_SHORT };

	(void)state;
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
		bool fired = true;

		for (long n = 0; fired; n += BY_SANITIZER(1, 1, 5)) {
			struct place p;
			char name[64];

			place_open(&p);
			(void)snprintf(name, sizeof name, "from call %ld on", n);
			faults_begin(kinds[k], n, ENOSPC);
			(void)deliver(&p, 30, 5);
			fired = faults_end();
			if (deliver(&p, 30, 1) > 0)
				fail_msg("%s: it does not recover", name);
			assert_int_equal(trail_finish(&p.trail, NULL), 0);
			if (kinds[k] == FAULT_SHORT)
				check(&p, name, 30);
			else
				check_all_there(&p, name);
			place_close(&p);
		}
	}
}

/* ---- a sync that failed ---- */

/* A disk on which fdatasync of some files fails; and creating one, or reading one back. */
static struct {
	unsigned syncs_fail, creates_fail, reads_fail, syncs;
	ino_t failed; /* the file of which it failed first */
	bool again;   /* that file was synced or written again */
} disk;

static ino_t
inode(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static int
disk_fdatasync(int fd)
{
	disk.again = disk.again || inode(fd) == disk.failed;
	disk.syncs++;
	if (disk.syncs_fail == 0)
		return 0;
	disk.syncs_fail--;
	if (disk.failed == 0)
		disk.failed = inode(fd);
	errno = EIO;
	return -1;
}

static ssize_t
disk_write(int fd, const void *buf, size_t n)
{
	disk.again = disk.again || inode(fd) == disk.failed;
	return write(fd, buf, n);
}

static int
disk_openat(int dir, const char *name, int flags, mode_t mode)
{
	if ((flags & O_CREAT) == 0 || disk.creates_fail == 0)
		return sys_posix.openat(dir, name, flags, mode);
	disk.creates_fail--;
	errno = ENOSPC;
	return -1;
}

static ssize_t
disk_pread(int fd, void *buf, size_t n, off_t off)
{
	if (disk.reads_fail == 0)
		return pread(fd, buf, n, off);
	disk.reads_fail--;
	errno = EIO;
	return -1;
}

static void
test_sync_fails(void **state)
{
	static const struct {
		const char *name;
		unsigned syncs, creates;
		unsigned failures; /* of trail_sync, until it succeeds */
		uint32_t number;   /* of the segment then */
	} cases[] = {
		{ "none", 0, 0, 0, 1 },
		{ "moved at once", 1, 0, 1, 2 },
		{ "no room for another file, at first", 1, 3, 3, 2 },
		{ "the new file does not sync either", 2, 0, 1, 2 },
		{ "nor the third", 4, 0, 3, 2 },
	};
	struct sys_ops ops = sys_posix;

	(void)state;
	ops.fdatasync = disk_fdatasync;
	ops.openat = disk_openat;
	ops.write = disk_write;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct scratch_lines lines;
		unsigned failures = 0;
		struct place p;

		memset(&disk, 0, sizeof disk);
		place_open(&p);
		sys = &ops;
		assert_int_equal(put(&p, 1, NOON, 10), 0);
		assert_int_equal(trail_sync(&p.trail, NULL), 0);
		assert_int_equal(put(&p, 2, NOON, 10), 0);
		assert_int_equal(put(&p, 3, NOON, 10), 0);
		disk.syncs_fail = cases[i].syncs;
		disk.creates_fail = cases[i].creates;
		do {
			alog_error err = { 0 };

			if (trail_sync(&p.trail, &err) == 0)
				break;
			failures++;
			assert_int_equal(err.code, ALOG_EIO);
			assert_true(err.os_errno != 0 && err.path[0] != '\0');
			/* What waits for this is told, whatever became of the rescue. */
			assert_true(p.trail.durable_seq == 1 || p.trail.durable_seq == 3);
		} while (failures < 10);
		if (failures != cases[i].failures || p.trail.number != cases[i].number)
			fail_msg("%s: %u failures, segment %u", cases[i].name, failures,
			    p.trail.number);
		assert_int_equal(p.trail.durable_seq, 3);
		assert_int_equal(put(&p, 4, NOON, 10), 0);
		assert_int_equal(trail_finish(&p.trail, NULL), 0);
		sys = &sys_posix;
		if (disk.again)
			fail_msg("%s: a file that failed was used again", cases[i].name);
		check(&p, cases[i].name, 4);
		/* Each in the file where it is durable. */
		lines = scratch_read(p.dir);
		for (size_t l = 0; l < lines.n; l++)
			if ((l == 0 || cases[i].number == 1) !=
			    scratch_ends(lines.line[l].file, "000001.jsonl"))
				fail_msg("%s: %s", cases[i].name, lines.line[l].file);
		scratch_free(&lines);
		place_close(&p);
	}
}

static int64_t disk_now;

static int
disk_realtime(int64_t *now)
{
	*now = disk_now;
	return 0;
}

/* What is not durable can't be read back: a gap record says so, in the partition of what it stands for, what follows
 * goes on, and the old file is left to whoever can read it. */
static void
read_fails_at(int64_t now, const char *told)
{
	static const char gap[] = "\"event\":\"log.gap\"";
	struct sys_ops ops = sys_posix;
	struct scratch_lines lines;
	alog_error err = { 0 };
	struct place p;

	ops.fdatasync = disk_fdatasync;
	ops.pread = disk_pread;
	ops.realtime = disk_realtime;
	disk_now = now;
	memset(&disk, 0, sizeof disk);
	place_open(&p);
	sys = &ops;
	assert_int_equal(put(&p, 1, NOON, 10), 0);
	assert_int_equal(trail_sync(&p.trail, NULL), 0);
	assert_int_equal(put(&p, 2, NOON, 10), 0);
	assert_int_equal(put(&p, 3, NOON, 10), 0);
	disk.syncs_fail = disk.reads_fail = 1;
	assert_int_equal(trail_sync(&p.trail, &err), ALOG_EIO);
	assert_string_equal(err.path, "svc.00112233445566aa.000001.jsonl");
	assert_int_equal(put(&p, 4, NOON, 10), 0);
	assert_int_equal(trail_finish(&p.trail, NULL), 0);
	sys = &sys_posix;
	lines = scratch_read(p.dir);
	assert_int_equal(lines.n, 5);
	for (uint64_t seq = 1; seq <= 3; seq++) {
		assert_int_equal(lines.line[seq - 1].seq, seq);
		assert_true(made_intact(&lines.line[seq - 1]));
	}
	assert_int_equal(lines.line[3].seq, 3);
	assert_non_null(strstr(lines.line[3].text, gap));
	assert_non_null(strstr(lines.line[3].text, "\"lost\":2,\"reason\":\"unreadable\""));
	assert_non_null(strstr(lines.line[3].text, "\"service\":\"svc\""));
	assert_non_null(strstr(lines.line[3].text, told));
	assert_int_equal(lines.line[4].seq, 4);
	assert_true(scratch_ends(lines.line[3].file, "000002.jsonl"));
	scratch_free(&lines);
	assert_int_equal(p.finished, 2);
	place_close(&p);
}

static void
test_read_fails(void **state)
{
	(void)state;
	read_fails_at(NOON, "\"ts\":\"2025-10-23T12:00:00.000000000Z\"");
	read_fails_at(NOON + CLOCK_DAY, "\"ts\":\"2025-10-23T23:59:59.999999999Z\"");
	read_fails_at(NOON - CLOCK_DAY, "\"ts\":\"2025-10-23T00:00:00.000000000Z\"");
}

/* What becomes of pages whose fsync failed, and when that is told, is not the same on all systems. */
enum model { KEPT, ZEROED, STALE, LATE, ONCE };
static enum model model;
static off_t dropped; /* from here on */

static ssize_t
model_pread(int fd, void *buf, size_t n, off_t off)
{
	const ssize_t got = pread(fd, buf, n, off);

	if (got > 0 && off >= dropped && (model == ZEROED || model == STALE))
		memset(buf, model == ZEROED ? 0 : '7', (size_t)got);
	return got;
}

static void
test_models(void **state)
{
	static const struct {
		const char *name;
		enum model model;
		bool lost; /* the records that wait: a gap record stands for them */
	} cases[] = {
		{ "pages kept", KEPT, false },
		{ "pages dropped, zeros on the disk", ZEROED, true },
		{ "pages dropped, old bytes on the disk", STALE, true },
		{ "told late, by the next call", LATE, false },
		{ "told once, the next call succeeds", ONCE, false },
	};
	struct sys_ops ops = sys_posix;

	(void)state;
	ops.fdatasync = disk_fdatasync;
	ops.pread = model_pread;
	ops.write = disk_write;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct scratch_lines lines;
		size_t n[5] = { 0 }, gaps = 0;
		struct place p;

		memset(&disk, 0, sizeof disk);
		place_open(&p);
		model = cases[i].model;
		sys = &ops;
		assert_int_equal(put(&p, 1, NOON, 10), 0);
		assert_int_equal(trail_sync(&p.trail, NULL), 0);
		dropped = (off_t)p.trail.seg.bytes;
		assert_int_equal(put(&p, 2, NOON, 10), 0);
		/* It was 2 that failed; who waited for it was told that it had not. */
		if (model == LATE)
			assert_int_equal(trail_sync(&p.trail, NULL), 0);
		assert_int_equal(put(&p, 3, NOON, 10), 0);
		disk.syncs_fail = 1;
		if (trail_sync(&p.trail, NULL) != ALOG_EIO)
			fail_msg("%s: who waits is not told", cases[i].name);
		assert_int_equal(p.trail.durable_seq, 3);
		assert_int_equal(put(&p, 4, NOON, 10), 0);
		assert_int_equal(trail_finish(&p.trail, NULL), 0);
		sys = &sys_posix;
		if (disk.again)
			fail_msg("%s: the file that failed was used again", cases[i].name);
		lines = scratch_read(p.dir);
		for (size_t l = 0; l < lines.n; l++) {
			const struct scratch_line *line = &lines.line[l];

			if (strstr(line->text, "\"event\":\"log.gap\"") == NULL) {
				n[line->seq]++;
				continue;
			}
			gaps++;
			assert_non_null(strstr(line->text, "\"lost\":2"));
		}
		/* What a lost page still shows to others stays where it was. */
		if (gaps != cases[i].lost || n[1] != 1 || n[2] != 1 || n[3] != 1 || n[4] != 1)
			fail_msg("%s: %zu gaps, %zu %zu %zu %zu", cases[i].name, gaps, n[1],
			    n[2], n[3], n[4]);
		scratch_free(&lines);
		place_close(&p);
	}
}

/* A write that breaks the file: what was not durable in it is so before anybody is told. */
static void
test_write_fails(void **state)
{
	struct place p;
	long calls;

	(void)state;
	place_open(&p);
	assert_int_equal(put(&p, 1, NOON, 10), 0);
	assert_int_equal(trail_flush(&p.trail, NULL), 0);
	assert_int_equal(put(&p, 2, NOON, 10), 0);
	faults_begin(FAULT_FAIL, 0, EIO);
	assert_int_equal(trail_flush(&p.trail, NULL), ALOG_EIO);
	(void)faults_end();
	assert_int_equal(p.trail.written_seq, 1);
	assert_int_equal(p.trail.durable_seq, 0);
	faults_begin(FAULT_FAIL, -1, 0);
	assert_int_equal(trail_sync(&p.trail, NULL), 0);
	calls = faults.n;
	(void)faults_end();
	assert_true(calls > 3);
	assert_int_equal(p.trail.durable_seq, 1);
	assert_int_equal(p.trail.number, 2);
	assert_int_equal(put(&p, 2, NOON, 10), 0);
	assert_int_equal(trail_finish(&p.trail, NULL), 0);
	check(&p, "write", 2);
	place_close(&p);
}

/* Whichever call fails while lines are moved out of a file that failed: each line stands in one at least, none is
 * torn, and it goes on when calls succeed again. */
static void
rescue_fails(enum model as, int error)
{
	bool fired = true;

	for (long n = 0; fired; n++) {
		struct scratch_lines lines;
		struct sys_ops ops;
		size_t found[3] = { 0 };
		alog_error err = { 0 };
		struct place p;
		int rc;

		place_open(&p);
		assert_int_equal(put(&p, 1, NOON, 10), 0);
		assert_int_equal(trail_flush(&p.trail, NULL), 0);
		assert_int_equal(put(&p, 2, NOON, 10), 0);
		faults_begin(FAULT_FAIL, 0, EIO);
		assert_int_equal(trail_flush(&p.trail, NULL), ALOG_EIO);
		faults_begin(FAULT_FAIL, n, error);
		model = as;
		dropped = 0;
		if (model == STALE) {
			ops = *sys;
			ops.pread = model_pread;
			sys = &ops;
		}
		rc = trail_sync(&p.trail, &err);
		fired = faults_end();
		if (rc < 0 && (err.text[0] == '\0' || err.os_errno == 0))
			fail_msg("call %ld, error %d: not told", n, error);
		for (int tries = 0; trail_sync(&p.trail, NULL) < 0; tries++)
			assert_true(tries < 3);
		assert_int_equal(put(&p, 2, NOON, 10), 0);
		assert_int_equal(trail_finish(&p.trail, NULL), 0);
		lines = scratch_read(p.dir);
		for (size_t i = 0; i < lines.n; i++) {
			assert_false(lines.line[i].torn);
			found[lines.line[i].seq]++;
		}
		if (found[1] == 0 || found[2] != 1)
			fail_msg("call %ld, error %d: %zu, %zu", n, error, found[1], found[2]);
		scratch_free(&lines);
		place_close(&p);
	}
}

static void
test_rescue_fails(void **state)
{
	(void)state;
	rescue_fails(KEPT, EIO);
	rescue_fails(KEPT, ENOSPC);
	rescue_fails(STALE, EIO);
}

/* A partition that can't be made at midnight keeps the old segment in use. */
static int
no_mkdirat(int dir, const char *name, mode_t mode)
{
	(void)dir;
	(void)name;
	(void)mode;
	errno = ENOSPC;
	return -1;
}

static void
test_midnight(void **state)
{
	struct sys_ops ops = sys_posix;
	struct scratch_lines lines;
	struct place p;

	(void)state;
	ops.mkdirat = no_mkdirat;
	place_open(&p);
	assert_int_equal(put(&p, 1, NOON, 10), 0);
	sys = &ops;
	assert_int_equal(put(&p, 2, NOON + CLOCK_DAY, 10), 0);
	assert_int_equal(put(&p, 3, NOON + CLOCK_DAY, 10), 0);
	assert_int_equal(put(&p, 4, NOON + 2 * CLOCK_DAY, 10), ALOG_EIO);
	sys = &sys_posix;
	assert_int_equal(put(&p, 4, NOON + CLOCK_DAY, 10), 0);
	assert_int_equal(trail_finish(&p.trail, NULL), 0);
	check(&p, "midnight", 4);
	lines = scratch_read(p.dir);
	assert_int_equal(lines.files, 2);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(strncmp(lines.line[i].file,
				     i < 3 ? "date=2025-10-23" : "date=2025-10-24", 15),
		    0);
	scratch_free(&lines);
	place_close(&p);
}

/* ---- batches ---- */

static void
test_batch(void **state)
{
	struct monitor mon = { 0 };
	struct place p;
	alog_stats stats;

	(void)state;
	place_open(&p);
	monitor_init(&mon, NULL, NULL);
	p.trail.monitor = &mon;
	p.trail.segment_bytes = UINT64_C(1) << 30;
	for (uint64_t seq = 1; seq <= 20; seq++)
		assert_int_equal(put(&p, seq, NOON, 60000), 0);
	/* Nobody asked for a write so far. */
	assert_int_equal(p.trail.written_seq, 0);
	assert_true(p.trail.nbatch > 20 * 60000);
	assert_int_equal(trail_flush(&p.trail, NULL), 0);
	assert_int_equal(p.trail.written_seq, 20);
	assert_int_equal(p.trail.durable_seq, 0);
	assert_int_equal(trail_flush(&p.trail, NULL), 0);
	assert_int_equal(put(&p, 21, NOON + CLOCK_DAY, 10), 0);
	assert_int_equal(p.trail.durable_seq, 20);
	assert_int_equal(trail_finish(&p.trail, NULL), 0);
	assert_int_equal(trail_finish(&p.trail, NULL), 0);
	check(&p, "batch", 21);
	monitor_read(&mon, &stats);
	assert_int_equal(stats.written, 21);
	assert_int_equal(stats.durable, 21);
	assert_int_equal(stats.rolls, 1);
	assert_true(stats.bytes > 20 * 60000);
	monitor_destroy(&mon);
	place_close(&p);
}

/* Its open segment is removed, and telling so fails at each call: it is told once, before the next record. */
static void
removed(bool durable)
{
	bool fired = true;

	for (long n = 0; fired; n++) {
		struct scratch_lines lines;
		struct place p;

		place_open(&p);
		for (uint64_t seq = 1; seq <= 3; seq++)
			assert_int_equal(put(&p, seq, NOON, 10), 0);
		assert_int_equal(trail_flush(&p.trail, NULL), 0);
		if (durable)
			assert_int_equal(trail_sync(&p.trail, NULL), 0);
		assert_int_equal(unlinkat(p.trail.seg.dirfd, p.trail.seg.name, 0), 0);
		trail_removed(&p.trail);
		assert_int_equal(p.trail.lost_seq, durable ? 0 : 3);
		assert_int_equal(p.trail.durable_seq, 3);
		faults_begin(FAULT_FAIL, n, ENOSPC);
		while (put(&p, 4, NOON, 10) < 0 || trail_flush(&p.trail, NULL) < 0)
			assert_true(faults.fired);
		fired = faults_end();
		lines = scratch_read(p.dir);
		assert_int_equal(lines.n, 2);
		assert_int_equal(lines.line[0].seq, 3);
		assert_non_null(strstr(lines.line[0].text, "\"reason\":\"removed\""));
		assert_int_equal(lines.line[1].seq, 4);
		assert_true(made_intact(&lines.line[1]));
		scratch_free(&lines);
		place_close(&p);
	}
}

static void
test_removed(void **state)
{
	(void)state;
	removed(false);
	removed(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rolls),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_fail_once),
		cmocka_unit_test(test_fail_for_a_while),
		cmocka_unit_test(test_sync_fails),
		cmocka_unit_test(test_read_fails),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_write_fails),
		cmocka_unit_test(test_rescue_fails),
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_midnight),
		cmocka_unit_test(test_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
