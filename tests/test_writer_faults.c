/* writer, when the disk does not do its part: nothing is lost in silence, nothing stands twice, and it recovers. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "clock.h"
#include "logging.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- a disk that can be made to fail ---------------------------------------------------------- */

static atomic_int failing; /* calls that are still to fail; -1: all of them */
static atomic_int error;   /* with this errno */

static bool
fails(void)
{
	int left = atomic_load(&failing);

	do
		if (left == 0)
			return false;
	while (left > 0 && !atomic_compare_exchange_weak(&failing, &left, left - 1));
	errno = atomic_load(&error);
	return true;
}

static void
break_disk(int calls, int with)
{
	atomic_store(&error, with);
	atomic_store(&failing, calls);
}

static ssize_t
bad_write(int fd, const void *buf, size_t n)
{
	return fails() ? -1 : sys_posix.write(fd, buf, n);
}

/* Half of it is written before the failure. */
static ssize_t
torn_write(int fd, const void *buf, size_t n)
{
	if (n < 2 || atomic_load(&failing) == 0)
		return sys_posix.write(fd, buf, n);
	if (n % 2 == 0)
		return sys_posix.write(fd, buf, n / 2 + 1);
	(void)!sys_posix.write(fd, buf, n / 2);
	return fails() ? -1 : (ssize_t)(n / 2);
}

static ssize_t
short_write(int fd, const void *buf, size_t n)
{
	if (fails())
		return -1;
	return sys_posix.write(fd, buf, n > 100 ? 100 : n);
}

static int
bad_fdatasync(int fd)
{
	return fails() ? -1 : sys_posix.fdatasync(fd);
}

static ssize_t
good_write(int fd, const void *buf, size_t n)
{
	return sys_posix.write(fd, buf, n);
}

static int
good_fdatasync(int fd)
{
	return sys_posix.fdatasync(fd);
}

static atomic_bool unreadable; /* nothing can be read back */

static ssize_t
bad_pread(int fd, void *buf, size_t n, off_t off)
{
	if (!atomic_load(&unreadable))
		return sys_posix.pread(fd, buf, n, off);
	errno = EIO;
	return -1;
}

static int
bad_mkdir(int at, const char *name, mode_t mode)
{
	return strncmp(name, "date=", 5) == 0 && fails() ? -1
							 : sys_posix.mkdirat(at, name, mode);
}

/* Any new segment. */
static int
bad_open(int at, const char *name, int flags, mode_t mode)
{
	return scratch_ends(name, ".jsonl") && (flags & O_CREAT) != 0 && fails()
	    ? -1
	    : sys_posix.openat(at, name, flags, mode);
}

static atomic_bool unseen; /* the root can't be looked at */

static int
bad_fstatat(int at, const char *name, struct stat *st, int flags)
{
	if (!atomic_load(&unseen) || at != AT_FDCWD || strcmp(name, root) != 0)
		return sys_posix.fstatat(at, name, st, flags);
	errno = EACCES;
	return -1;
}

static int
bad_fstat(int fd, struct stat *st)
{
	if (sys_posix.fstat(fd, st) < 0)
		return -1;
	if (!atomic_load(&unseen) || !S_ISDIR(st->st_mode))
		return 0;
	errno = EIO;
	return -1;
}

static int
set_up(void **state)
{
	break_disk(0, 0);
	return logging_set_up(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, logging_tear_down)

static alog_stats
stats_of(alog_t *log)
{
	alog_stats stats = { .size = sizeof stats };

	assert_int_equal(alog_get_stats(log, &stats), 0);
	return stats;
}

/* Emit records of about a kilobyte, as the policy says they end. */
static void
emit(alog_t *log, int n, int want)
{
	char text[900];

	memset(text, 'x', sizeof text);
	for (int i = 0; i < n; i++) {
		const int rc = ALOG_INFO(log, "m", ALOG_KVN("t", text, sizeof text));

		if (rc != 0 && rc != want)
			fail_msg("record %d: %d", i, rc);
	}
}

/* The sum of what gap records say was lost. */
static uint64_t
told_lost(const struct root_lines *lines)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < lines->n; i++) {
		const char *event = root_str(lines->line[i], "event");

		if (event == NULL || strcmp(event, "log.gap") != 0)
			continue;
		assert_string_equal(root_str(lines->line[i], "reason"), "overflow");
		lost += (uint64_t)root_int(lines->line[i], "lost");
	}
	return lost;
}

/* ---- it passes ------------------------------------------------------------------------------ */

/* Whatever fails a few times: every record is there once, numbered without a hole. */
static void
test_passing(void **state)
{
	static const struct {
		const char *name;
		int error, calls;
		bool told; /* the caller of alog_sync is */
	} cases[] = {
		{ "write", ENOSPC, 1, false },
		{ "write", ENOSPC, 4, false },
		{ "write", EDQUOT, 2, false },
		{ "write", EIO, 1, false },
		{ "write", EIO, 3, false },
		{ "write", EINTR, 50, false },
		{ "torn", ENOSPC, 1, false },
		{ "torn", EIO, 2, false },
		{ "short", EINTR, 5, false },
		{ "fdatasync", EIO, 1, true },
		{ "fdatasync", EIO, 2, true },
		{ "fdatasync", ENOSPC, 3, true },
		{ "fsync", EIO, 1, true },
		{ "mkdir", ENOSPC, 3, false },
		{ "mkdir", EROFS, 1, false },
		{ "open", EMFILE, 3, false },
		{ "open", EACCES, 1, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct root_lines lines;
		alog_t *log;
		int rc;

		ops = sys_posix;
		switch (cases[i].name[0]) {
		case 'w': ops.write = bad_write; break;
		case 't': ops.write = torn_write; break;
		case 's': ops.write = short_write; break;
		case 'f':
			if (cases[i].name[1] == 'd')
				ops.fdatasync = bad_fdatasync;
			else
				ops.fsync = bad_fdatasync;
			break;
		case 'm': ops.mkdirat = bad_mkdir; break;
		case 'o': ops.openat = bad_open; break;
		}
		log = logging_open((alog_options){ .segment_bytes = 30000,
		    .seal_bytes = 1,
		    .ring_bytes = 65536,
		    .block_ms = 60000 });
		/* In the middle of a segment that holds records which are durable, and some that are
		 * not; or at the very first. */
		if (cases[i].name[0] != 'm' && cases[i].name[0] != 'o' &&
		    strcmp(cases[i].name, "fsync") != 0) {
			emit(log, 10, 0);
			assert_int_equal(alog_sync(log, 10000), 0);
			emit(log, 5, 0);
		}
		break_disk(cases[i].calls, cases[i].error);
		emit(log, 40, 0);
		rc = alog_sync(log, 10000);
		if (rc != 0 && (rc != ALOG_EIO || !cases[i].told))
			fail_msg("%s %d: sync says %d", cases[i].name, cases[i].error, rc);
		for (int tries = 0; alog_sync(log, 10000) != 0; tries++)
			if (tries > 20)
				fail_msg("%s %d: never durable", cases[i].name, cases[i].error);
		emit(log, 5, 0);
		assert_int_equal(atomic_load(&failing), 0);
		if ((stats_of(log).errors > 0) != (cases[i].error != EINTR))
			fail_msg("%s %d: %d errors", cases[i].name, cases[i].error,
			    (int)stats_of(log).errors);
		rc = alog_close(log);
		assert_int_equal(rc, cases[i].error != EINTR ? ALOG_EIO : 0);
		lines = logging_read();
		if (lines.n != 45 && lines.n != 60)
			fail_msg("%s %d: %zu lines", cases[i].name, cases[i].error, lines.n);
		assert_int_equal(logging_check_dense(&lines), 1);
		root_free(&lines);
		scratch_remove(root);
	}
}

static _Atomic int64_t now;

static int64_t
test_clock(void *arg)
{
	(void)arg;
	return atomic_load(&now);
}

/* The new day's partition cannot be made: the old segment is kept, and the next day tried again. */
static void
test_midnight(void **state)
{
	const int64_t evening = INT64_C(1761263999) * CLOCK_S; /* 2025-10-23T23:59:59Z */
	struct root_lines lines;
	alog_t *log;

	(void)state;
	ops.mkdirat = bad_mkdir;
	atomic_store(&now, evening);
	log = logging_open((alog_options){ .clock = test_clock });
	emit(log, 1, 0);
	assert_int_equal(alog_sync(log, -1), 0);
	break_disk(-1, ENOSPC);
	atomic_store(&now, evening + CLOCK_S);
	emit(log, 1, 0);
	assert_int_equal(alog_sync(log, 10000), 0);
	emit(log, 1, 0);
	assert_int_equal(alog_sync(log, 10000), 0);
	/* That is told, once. */
	assert_int_equal(stats_of(log).errors, 1);
	assert_int_equal(stats_of(log).last_error.os_errno, ENOSPC);
	break_disk(0, 0);
	emit(log, 1, 0);
	assert_int_equal(alog_close(log), ALOG_EIO);
	lines = logging_read();
	assert_int_equal(lines.n, 4);
	assert_int_equal(logging_check_dense(&lines), 1);
	assert_memory_equal(lines.text.line[1].file, "date=2025-10-23", 15);
	assert_memory_equal(root_str(lines.line[1], "ts"), "2025-10-24T00:00:00", 19);
	assert_memory_equal(lines.text.line[2].file, "date=2025-10-23", 15);
	assert_memory_equal(lines.text.line[3].file, "date=2025-10-24", 15);
	root_free(&lines);
}

/* ---- a full ring ----------------------------------------------------------------------------- */

static void *
heal_soon(void *arg)
{
	(void)arg;
	logging_sleep_ms(100);
	break_disk(0, 0);
	return NULL;
}

/* Nothing is lost when there is room again before block_ms. */
static void
test_block(void **state)
{
	struct root_lines lines;
	pthread_t t;
	alog_t *log;

	(void)state;
	ops.write = bad_write;
	log = logging_open((alog_options){ .ring_bytes = 65536, .block_ms = 60000 });
	break_disk(-1, ENOSPC);
	assert_int_equal(pthread_create(&t, NULL, heal_soon, NULL), 0);
	emit(log, 300, 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(stats_of(log).dropped, 0);
	assert_int_equal(alog_close(log), ALOG_EIO);
	lines = logging_read();
	assert_int_equal(lines.n, 300);
	assert_int_equal(logging_check_dense(&lines), 1);
	root_free(&lines);
}

/* What is lost is counted, and told in gap records: by each policy, and at close too. */
static void
test_lost(void **state)
{
	static const struct {
		const char *name;
		int overflow, rc;
		bool close_at_once; /* before a gap record could be written */
	} cases[] = {
		{ "block", ALOG_BLOCK, 0, false },
		{ "drop", ALOG_DROP, 0, false },
		{ "drop, and close", ALOG_DROP, 0, true },
		{ "fail", ALOG_FAIL, ALOG_EDROPPED, false },
		{ "fail, and close", ALOG_FAIL, ALOG_EDROPPED, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct root_lines lines;
		alog_stats stats;
		alog_t *log;

		ops.write = bad_write;
		log = logging_open((alog_options){
		    .ring_bytes = 65536, .overflow = cases[i].overflow, .block_ms = 2 });
		break_disk(-1, ENOSPC);
		emit(log, 100, cases[i].rc);
		/* Who must know is told, whatever the policy. */
		assert_int_equal(ALOG_AUDIT(log, "e"), ALOG_EDROPPED);
		for (int wait = 0; wait < 500 && stats_of(log).errors == 0; wait++)
			logging_sleep_ms(10);
		stats = stats_of(log);
		if (stats.dropped < 30 || stats.dropped + stats.records != 101)
			fail_msg("%s: %d dropped, %d accepted", cases[i].name,
			    (int)stats.dropped, (int)stats.records);
		break_disk(0, 0);
		if (!cases[i].close_at_once) {
			assert_int_equal(alog_sync(log, 10000), 0);
			for (int k = 0; k < 100 && stats_of(log).records == stats.records; k++)
				logging_sleep_ms(10);
			emit(log, 3, 0);
		}
		assert_int_equal(alog_close(log), ALOG_EIO);
		lines = logging_read();
		if (told_lost(&lines) != stats.dropped)
			fail_msg("%s: %d told of %d", cases[i].name, (int)told_lost(&lines),
			    (int)stats.dropped);
		assert_int_equal(logging_check_dense(&lines), 1);
		root_free(&lines);
		scratch_remove(root);
	}
}

static alog_t *_Atomic crowding; /* whose ring is to be filled again */

/* A gap record asks for the time between there being room for it and its being put there. */
static int64_t
crowding_clock(void *arg)
{
	alog_t *log = atomic_exchange(&crowding, NULL);
	struct timespec ts;

	(void)arg;
	/* These are shorter than a gap record. */
	while (log != NULL && ALOG_INFO(log, "m") == 0)
		;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * CLOCK_S + ts.tv_nsec;
}

/* Others took the room that a gap record was to have: it is told later. */
static void
test_gap_comes_too_late(void **state)
{
	alog_options opt = { .ring_bytes = 65536,
		.overflow = ALOG_FAIL,
		.clock = crowding_clock,
		.fdatasync_ms = 60000 };
	struct root_lines lines;
	alog_stats before, after;
	alog_t *log;

	(void)state;
	ops.write = bad_write;
	log = logging_open(opt);
	break_disk(-1, ENOSPC);
	emit(log, 100, ALOG_EDROPPED);
	before = stats_of(log);
	assert_true(before.dropped > 0);
	for (int wait = 0; wait < 500 && stats_of(log).errors == 0; wait++)
		logging_sleep_ms(10);
	atomic_store(&crowding, log);
	break_disk(0, 0);
	for (int wait = 0; wait < 500 && atomic_load(&crowding) != NULL; wait++)
		logging_sleep_ms(10);
	assert_int_equal(alog_sync(log, 10000), 0);
	after = stats_of(log);
	assert_int_equal(after.dropped, before.dropped + 1);
	assert_int_equal(alog_close(log), ALOG_EIO);
	lines = logging_read();
	assert_int_equal(told_lost(&lines), after.dropped);
	assert_int_equal(logging_check_dense(&lines), 1);
	root_free(&lines);
}

/* ---- durability ------------------------------------------------------------------------------ */

static int
slow_fdatasync(int fd)
{
	logging_sleep_ms(300);
	return sys_posix.fdatasync(fd);
}

static void
test_sync_times_out(void **state)
{
	struct root_lines lines;
	alog_t *log;

	(void)state;
	ops.fdatasync = slow_fdatasync;
	log = logging_open((alog_options){ 0 });
	assert_int_equal(ALOG_INFO(log, "m"), 0);
	assert_int_equal(alog_sync(log, 50), ALOG_ETIMEOUT);
	assert_int_equal(alog_sync(log, 0), ALOG_ETIMEOUT);
	assert_int_equal(alog_sync(log, 10000), 0);
	assert_int_equal(alog_sync(log, 0), 0);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 1);
	root_free(&lines);
}

/* An error means: not known to be durable.  As long as it fails nobody is told otherwise. */
static void
test_never_durable(void **state)
{
	struct root_lines lines;
	alog_stats stats;
	alog_t *log;

	(void)state;
	ops.fdatasync = bad_fdatasync;
	log = logging_open((alog_options){ .close_ms = 200 });
	break_disk(-1, EIO);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(ALOG_AUDIT(log, "e"), ALOG_EIO);
		assert_int_equal(alog_sync(log, 1000), ALOG_EIO);
	}
	stats = stats_of(log);
	assert_int_equal(stats.records, 5);
	assert_int_equal(stats.durable, 0);
	assert_int_equal(stats.last_error.os_errno, EIO);
	/* It backs off rather than trying all the time. */
	assert_true(stats.errors < 100);
	break_disk(0, 0);
	assert_int_equal(ALOG_AUDIT(log, "e"), 0);
	assert_int_equal(stats_of(log).durable, 6);
	assert_int_equal(alog_close(log), ALOG_EIO);
	lines = logging_read();
	assert_int_equal(lines.n, 6);
	assert_int_equal(logging_check_dense(&lines), 1);
	root_free(&lines);
}

/* What could not be read back behind a failure that nobody waited for: who asks later is told, once; and an event that
 * is given then is durable. */
static void
test_lost_behind_our_back(void **state)
{
	static const struct {
		const char *name;
		ssize_t (*write)(int, const void *, size_t);
		int (*fdatasync)(int);
	} cases[] = {
		{ "fdatasync", good_write, bad_fdatasync },
		{ "write", bad_write, good_fdatasync },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct root_lines lines;
		alog_t *log;

		ops = sys_posix;
		ops.write = cases[i].write;
		ops.fdatasync = cases[i].fdatasync;
		ops.pread = bad_pread;
		log = logging_open((alog_options){ .fdatasync_ms = 300, .written_ms = 1 });
		emit(log, 2, 0);
		for (int wait = 0; wait < 500 && stats_of(log).written < 2; wait++)
			logging_sleep_ms(1);
		atomic_store(&unreadable, true);
		break_disk(1, EIO);
		emit(log, 1, 0);
		for (int wait = 0; wait < 500 && stats_of(log).errors < 1 + i; wait++)
			logging_sleep_ms(10);
		atomic_store(&unreadable, false);
		if (alog_sync(log, 10000) != ALOG_EIO)
			fail_msg("%s: lost, and said to be durable", cases[i].name);
		assert_int_equal(alog_sync(log, 10000), 0);
		assert_int_equal(ALOG_AUDIT(log, "e"), 0);
		assert_int_equal(alog_close(log), ALOG_EIO);
		lines = logging_read();
		assert_non_null(root_find(&lines, "reason", "unreadable"));
		root_free(&lines);
		scratch_remove(root);
	}
}

/* A roll makes durable too: who waits for a record before it need not wait for the next sync. */
static void
test_roll_is_told(void **state)
{
	struct root_lines lines;
	int64_t before, after;
	alog_t *log;

	(void)state;
	log = logging_open((alog_options){
	    .segment_bytes = 4096, .fdatasync_ms = 60000, .written_ms = 60000 });
	(void)sys->monotonic(&before);
	for (int i = 0; i < 50; i++) {
		emit(log, 4, 0);
		assert_int_equal(ALOG_AUDIT(log, "e"), 0);
	}
	(void)sys->monotonic(&after);
	assert_true(after - before < 20 * CLOCK_S);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 250);
	assert_int_equal(logging_check_dense(&lines), 1);
	root_free(&lines);
}

/* ---- close, and what is left to recovery -------------------------------------------------------- */

static atomic_int called;

static void
on_error(void *arg, const alog_error *err)
{
	(void)arg;
	(void)err;
	atomic_fetch_add(&called, 1);
}

/* Its thread goes on by itself, and writes when it can. */
static void
wait_for_lines(size_t n)
{
	for (int wait = 0; wait < 500; wait++) {
		struct root_lines lines = root_read(root);
		const bool there = lines.n == n;

		root_free(&lines);
		if (there)
			return;
		logging_sleep_ms(10);
	}
	_exit(2);
}

static void
close_on_full_disk(void)
{
	alog_t *log = logging_open((alog_options){ .close_ms = 100, .on_error = on_error });
	alog_t *child = alog_bind(log, ALOG_KV("k", 1));
	int64_t before, after;
	int calls;

	break_disk(-1, ENOSPC);
	for (int i = 0; i < 10; i++)
		CHILD_CHECK(ALOG_INFO(log, "m") == 0);
	(void)sys->monotonic(&before);
	CHILD_CHECK(alog_close(log) == ALOG_ETIMEOUT);
	(void)sys->monotonic(&after);
	CHILD_CHECK(after - before >= CLOCK_S / 20 && after - before < 5 * CLOCK_S);
	logging_sleep_ms(20);
	calls = atomic_load(&called);
	CHILD_CHECK(calls > 0);
	CHILD_CHECK(ALOG_INFO(child, "m") == ALOG_ECLOSED);
	alog_free(child);
	break_disk(0, 0);
	wait_for_lines(10);
	CHILD_CHECK(atomic_load(&called) == calls);
}

/* A disk that stays full: close is bounded, contexts stay valid, and nobody is called afterwards.
 * In a child, for the threads that are left. */
static void
test_close_times_out(void **state)
{
	pid_t child;

	(void)state;
	ops.write = bad_write;
	assert_true((child = fork()) >= 0);
	if (child == 0) {
		close_on_full_disk();
		_exit(0);
	}
	logging_join(child);
}

/* Longer than what a ring keeps of it. */
static const char long_host[] =
    "a-host.with-a-very-long-name.in-a-domain.with-a-very-long-name."
    "somewhere.in-the-middle-of.example";

/* The process that could not write it dies; the next one does. */
static void
test_left_to_recovery(void **state)
{
	struct root_lines lines;
	alog_t *log;
	pid_t child;

	(void)state;
	assert_true((child = fork()) >= 0);
	if (child == 0) {
		ops.write = bad_write;
		log = logging_open((alog_options){ .ring_bytes = 65536,
		    .close_ms = 50,
		    .overflow = ALOG_DROP,
		    .host = long_host });
		break_disk(-1, ENOSPC);
		emit(log, 100, 0);
		CHILD_CHECK(alog_close(log) == ALOG_ETIMEOUT);
		_exit(0);
	}
	logging_join(child);
	assert_int_equal(root_count(root, ".gz"), 0);
	log = logging_open((alog_options){ .host = long_host });
	for (int wait = 0; wait < 500 && stats_of(log).recovered == 0; wait++)
		logging_sleep_ms(10);
	assert_in_range(stats_of(log).recovered, 40, 70);
	lines = logging_finish(log);
	assert_int_equal(lines.n + told_lost(&lines), 101);
	assert_int_equal(logging_check_dense(&lines), 1);
	root_free(&lines);
}

/* ---- a root that goes away ------------------------------------------------------------------------ */

/* It is made anew, and a gap record tells what was lost with the old one. */
static void
test_root_removed(void **state)
{
	(void)state;
	for (int before = 0; before < 2; before++) {
		alog_t *log = logging_open((alog_options){ 0 });
		struct root_lines lines;
		const json_t *gap;
		size_t n = 0;

		if (before > 0)
			assert_int_equal(ALOG_AUDIT(log, "e"), 0);
		scratch_remove(root);
		/* Noticed within seconds. */
		for (int i = 0; i < 100 && n == 0; i++) {
			emit(log, 1, 0);
			logging_sleep_ms(50);
			lines = root_read(root);
			n = lines.n;
			root_free(&lines);
		}
		assert_true(n > 0);
		assert_int_equal(ALOG_AUDIT(log, "e"), 0);
		assert_true(stats_of(log).errors > 0);
		assert_int_equal(alog_close(log), ALOG_EIO);
		lines = logging_read();
		gap = root_find(&lines, "reason", "removed");
		if (before == 0) {
			assert_null(gap);
			assert_int_equal(logging_check_dense(&lines), 1);
		} else {
			/* All that stood in the file that was removed. */
			assert_ptr_equal(gap, lines.line[0]);
			assert_true(root_int(gap, "lost") > 0);
			assert_int_equal(root_int(gap, "lost"), root_int(gap, "seq"));
			assert_int_equal(
			    root_int(lines.line[1], "seq"), root_int(gap, "seq") + 1);
		}
		root_free(&lines);
		scratch_remove(root);
	}
}

/* A root that is renamed, and perhaps another in its place: nothing is lost, and it is told where to look. */
static void
test_root_renamed(void **state)
{
	char other[SCRATCH_MAX + 16];

	(void)state;
	(void)snprintf(other, sizeof other, "%s/other", scratch);
	for (int replaced = 0; replaced < 2; replaced++) {
		alog_t *log = logging_open((alog_options){ 0 });
		struct root_lines lines;
		alog_stats stats;

		assert_int_equal(ALOG_AUDIT(log, "e"), 0);
		assert_int_equal(stats_of(log).errors, 0);
		assert_int_equal(rename(root, other), 0);
		if (replaced)
			assert_int_equal(mkdir(root, 0750), 0);
		for (int i = 0; i < 100 && stats_of(log).errors == 0; i++) {
			emit(log, 1, 0);
			logging_sleep_ms(50);
		}
		stats = stats_of(log);
		assert_int_equal(stats.errors, 1);
		assert_string_equal(stats.last_error.path, root);
		assert_int_equal(alog_close(log), 0);
		lines = root_read(other);
		assert_int_equal(lines.n, stats.records);
		assert_int_equal(logging_check_dense(&lines), 1);
		root_free(&lines);
		scratch_remove(other);
		if (replaced)
			assert_int_equal(rmdir(root), 0);
	}
}

/* It is looked for once a second, and told of once. */
static void
test_root_unseen(void **state)
{
	(void)state;
	for (int own = 0; own < 2; own++) {
		alog_stats stats;
		alog_t *log;

		ops = sys_posix;
		if (own)
			ops.fstat = bad_fstat;
		else
			ops.fstatat = bad_fstatat;
		log = logging_open((alog_options){ .flags = ALOG_NO_SEAL | ALOG_NO_RECOVER });
		atomic_store(&unseen, true);
		for (int i = 0; i < 50; i++) {
			emit(log, 1, 0);
			logging_sleep_ms(50);
		}
		stats = stats_of(log);
		atomic_store(&unseen, false);
		assert_int_equal(stats.errors, 1);
		assert_string_equal(stats.last_error.path, root);
		assert_int_equal(stats.last_error.os_errno, own ? EIO : EACCES);
		assert_int_equal(alog_close(log), 0);
	}
}

/* Who waits for a record in a file that is gone is told so, and not left waiting. */
static void
test_segment_removed(void **state)
{
	alog_t *log = logging_open((alog_options){ .fdatasync_ms = 60000, .written_ms = 50 });
	int64_t before, after;
	int rc;

	(void)state;
	assert_int_equal(ALOG_AUDIT(log, "e"), 0);
	logging_sleep_ms(1100);
	scratch_remove(root);
	emit(log, 1, 0);
	(void)sys->monotonic(&before);
	rc = alog_sync(log, 20000);
	(void)sys->monotonic(&after);
	assert_true(rc == 0 || rc == ALOG_EIO);
	assert_true(after - before < 10 * CLOCK_S);
	(void)alog_close(log);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_passing),
		TEST(test_midnight),
		TEST(test_block),
		TEST(test_lost),
		TEST(test_gap_comes_too_late),
		TEST(test_sync_times_out),
		TEST(test_never_durable),
		TEST(test_lost_behind_our_back),
		TEST(test_roll_is_told),
		TEST(test_close_times_out),
		TEST(test_left_to_recovery),
		TEST(test_root_removed),
		TEST(test_root_renamed),
		TEST(test_root_unseen),
		TEST(test_segment_removed),
	};

	return cmocka_run_group_tests_name("writer_faults", tests, NULL, NULL);
}
