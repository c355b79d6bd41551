/* keeper - behind a writer: what is sealed and when, and what retention may and may not delete. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "clock.h"
#include "logging.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static int64_t
fixed_clock(void *arg)
{
	int64_t ns = 0;

	(void)clock_parse(arg, strlen(arg), &ns, NULL, NULL);
	return ns;
}

/* ---- sealing ------------------------------------------------------------------------------- */

/* Segments are sealed while the logger goes on; the last one at close, unless it is small. */
static void
test_when(void **state)
{
	static const struct {
		const char *name;
		unsigned flags;
		uint64_t seal_bytes;
		bool rolled, last; /* are sealed */
	} cases[] = {
		{ "a small last one stays", 0, 0, true, false },
		{ "every one", 0, 1, true, true },
		{ "just too small", 0, 4000, true, false },
		{ "none", ALOG_NO_SEAL, 1, false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		alog_t *log = logging_open((alog_options){ .segment_bytes = 4096,
		    .flags = cases[i].flags,
		    .seal_bytes = cases[i].seal_bytes });
		alog_stats stats = { .size = sizeof stats };
		struct root_lines lines;
		size_t sealed;

		/* Three full segments, and the beginning of a fourth. */
		for (int k = 0; stats.rolls < 3; k++) {
			assert_int_equal(ALOG_INFO(log, "m", ALOG_KV("k", k)), 0);
			assert_int_equal(alog_sync(log, -1), 0);
			assert_int_equal(alog_get_stats(log, &stats), 0);
		}
		for (int wait = 0; cases[i].rolled && stats.sealed < 3 && wait < 500; wait++) {
			logging_sleep_ms(10);
			(void)alog_get_stats(log, &stats);
		}
		sealed = root_count(root, ".gz");
		if (sealed != (cases[i].rolled ? 3 : 0))
			fail_msg("%s: %zu sealed while it is open", cases[i].name, sealed);
		lines = logging_finish(log);
		sealed += cases[i].last;
		if (root_count(root, ".gz") != sealed ||
		    root_count(root, ".jsonl") != 4 - sealed || root_count(root, ".tmp") != 0 ||
		    lines.text.files != 4)
			fail_msg("%s: %zu sealed in the end", cases[i].name,
			    root_count(root, ".gz"));
		assert_int_equal(logging_check_dense(&lines), 1);
		root_free(&lines);
		scratch_remove(root);
	}
}

static atomic_bool failing; /* from now on */

/* An archive that cannot be made leaves its plain segment, an error, and the ring for recovery. */
static int
no_archive(int at, const char *name, int flags, mode_t mode)
{
	if (failing && scratch_ends(name, ".tmp") && strstr(name, ".gz") != NULL) {
		errno = EMFILE;
		return -1;
	}
	return sys_posix.openat(at, name, flags, mode);
}

static int
no_partition(int at, const char *name, int flags, mode_t mode)
{
	if (failing && strncmp(name, "date=", 5) == 0 && (flags & O_DIRECTORY) != 0) {
		errno = EMFILE;
		return -1;
	}
	return sys_posix.openat(at, name, flags, mode);
}

/* Nothing can be sealed once a record is written; then everything can. */
static void
fail_to_seal(int (*openat)(int at, const char *name, int flags, mode_t mode))
{
	alog_t *log;
	alog_stats stats = { .size = sizeof stats };
	struct root_lines lines;
	char rings[sizeof root + 8];

	ops.openat = openat;
	log = logging_open((alog_options){ .seal_bytes = 1 });
	assert_int_equal(ALOG_INFO(log, "m"), 0);
	assert_int_equal(alog_sync(log, 10000), 0);
	failing = true;
	assert_int_equal(alog_close(log), ALOG_EIO);
	failing = false;
	assert_int_equal(root_count(root, ".jsonl"), 1);
	(void)snprintf(rings, sizeof rings, "%s/.ring", root);
	assert_int_equal(root_entries(rings), 1);

	ops.openat = sys_posix.openat;
	log = logging_open((alog_options){ 0 });
	for (int wait = 0; stats.recovered == 0 && root_entries(rings) > 1 && wait < 500;
	     wait++)
		logging_sleep_ms(10);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 1);
	assert_int_equal(root_count(root, ".gz"), 1);
	assert_int_equal(root_count(root, ".jsonl"), 0);
	assert_int_equal(root_entries(rings), 0);
	root_free(&lines);
	scratch_remove(root);
}

static void
test_fails(void **state)
{
	(void)state;
	fail_to_seal(no_archive);
	fail_to_seal(no_partition);
}

/* ---- retention ------------------------------------------------------------------------------ */

#define W1 "00000000000000a1"
#define W2 "00000000000000a2"
#define W3 "00000000000000a3"
#define P1 "pack-000000000000000000000000000000a1"

/* What lies below the root before; all of 100 bytes, made in this order. */
static const char *const before[] = {
	"date=2025-10-10/svc." W1 ".000001.jsonl.gz",
	"date=2025-10-10/svc." W1 ".000002.jsonl.gz",
	"date=2025-10-10/other." W2 ".000001.jsonl.gz",
	"date=2025-10-15/svc." W1 ".000003.jsonl.gz",
	"date=2025-10-15/svc." W3 ".000001.jsonl",
	"date=2025-10-15/" P1 ".000001.jsonl.gz",
	"date=2025-10-16/notes.txt",
	"date=2025-10-20/svc." W1 ".000004.jsonl.gz",
	"date=2025-10-20/svc." W1 ".000005.jsonl.gz",
	"date=2025-10-09/" P1 ".000002.jsonl.gz",
	"date=2025-10-08/svc." W1 ".000006.jsonl.gz",
};

static void
populate(void)
{
	char path[sizeof root + 128];

	assert_int_equal(mkdir(root, 0750), 0);
	for (size_t i = 0; i < COUNT(before); i++) {
		const struct timespec times[2] = { { 1000000 + (time_t)i, 0 },
			{ 1000000 + (time_t)i, 0 } };
		char text[100];
		int fd;

		memset(text, ' ', sizeof text);
		(void)snprintf(path, sizeof path, "%s/%.15s", root, before[i]);
		(void)mkdir(path, 0750);
		(void)snprintf(path, sizeof path, "%s/%s", root, before[i]);
		assert_true((fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0640)) >= 0);
		assert_int_equal(write(fd, text, sizeof text), sizeof text);
		assert_int_equal(futimens(fd, times), 0);
		assert_int_equal(close(fd), 0);
	}
}

static bool
exists(const char *name)
{
	char path[sizeof root + 128];

	(void)snprintf(path, sizeof path, "%s/%s", root, name);
	return access(path, F_OK) == 0;
}

static void
test_retention(void **state)
{
	static const struct {
		const char *name;
		alog_options opt;
		const char *gone; /* a digit for each of before[] that goes */
	} cases[] = {
		{ "no limit", { 0 }, "" },
		{ "age", { .keep_days = 5 }, "01a" },
		{ "age, to the day", { .keep_days = 4 }, "013a" },
		{ "age, but not those of today", { .keep_days = 1 }, "013a" },
		{ "number", { .keep_segments = 3 }, "01a" },
		{ "number, within a day", { .keep_segments = 4 }, "0a" },
		{ "one", { .keep_segments = 1 }, "0137a" },
		{ "bytes", { .keep_bytes = 300 }, "01a" },
		{ "bytes, one less", { .keep_bytes = 299 }, "013a" },
		{ "bytes, the newest stays", { .keep_bytes = 1 }, "0137a" },
		{ "the strictest counts",
		    { .keep_days = 5, .keep_segments = 5, .keep_bytes = 200 }, "013a" },
		{ "none exceeded",
		    { .keep_days = 100, .keep_segments = 100, .keep_bytes = 1 << 20 }, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		alog_options opt = cases[i].opt;
		alog_stats stats = { .size = sizeof stats };
		static char today[] = "2025-10-20T12:00:00Z";
		char error[256] = "";
		alog_t *log;

		populate();
		opt.clock = fixed_clock;
		opt.clock_arg = today;
		log = logging_open(opt);
		for (int wait = 0; stats.retired < strlen(cases[i].gone) && wait < 500;
		     wait++) {
			logging_sleep_ms(2);
			(void)alog_get_stats(log, &stats);
		}
		assert_int_equal(alog_close(log), 0);
		for (size_t k = 0; k < COUNT(before); k++) {
			const bool gone = strchr(cases[i].gone, "0123456789a"[k]) != NULL;

			if (exists(before[k]) == gone)
				(void)snprintf(error, sizeof error, "%s: %s is %s",
				    cases[i].name, before[k], gone ? "there" : "gone");
		}
		if (error[0] != '\0')
			fail_msg("%s", error);
		assert_int_equal(stats.retired, strlen(cases[i].gone));
		/* A partition that is empty now is gone too. */
		assert_int_equal(exists("date=2025-10-08"), strchr(cases[i].gone, 'a') == NULL);
		scratch_remove(root);
	}
}

/* At each roll; and never what is open, or waits to be sealed. */
static void
test_rolling_retention(void **state)
{
	alog_t *log = logging_open(
	    (alog_options){ .segment_bytes = 4096, .keep_segments = 2, .seal_bytes = 1 });
	alog_stats stats = { .size = sizeof stats };
	struct root_lines lines;
	uint64_t first = UINT64_MAX, last = 0;

	(void)state;
	for (int i = 0; i < 500; i++)
		assert_int_equal(ALOG_INFO(log, "m", ALOG_KV("i", i)), 0);
	assert_int_equal(alog_sync(log, -1), 0);
	assert_int_equal(alog_get_stats(log, &stats), 0);
	lines = logging_finish(log);
	assert_true(stats.rolls > 8);
	assert_int_equal(root_count(root, ".gz"), 2);
	assert_int_equal(root_count(root, ".jsonl"), 0);
	/* What is left is the end, without a hole. */
	for (size_t i = 0; i < lines.n; i++) {
		const uint64_t seq = lines.text.line[i].seq;

		first = seq < first ? seq : first;
		last = seq > last ? seq : last;
	}
	assert_int_equal(last, 500);
	assert_int_equal(last - first + 1, lines.n);
	root_free(&lines);
}

/* ---- what the keeper may not do ------------------------------------------------------------- */

static atomic_int opened; /* so often, since the logger began, what may be opened once only */

static int
no_deletion(int at, const char *name, int flags)
{
	if (scratch_ends(name, ".gz")) {
		errno = EACCES;
		return -1;
	}
	return sys_posix.unlinkat(at, name, flags);
}

/* Listed once, it can't be opened again to delete from it. */
static int
no_old_partition(int at, const char *name, int flags, mode_t mode)
{
	if (strcmp(name, "date=2025-10-10") == 0 && opened++ > 0) {
		errno = EACCES;
		return -1;
	}
	return sys_posix.openat(at, name, flags, mode);
}

/* The writer opens it to make its ring, the keeper to look for those of the dead. */
static int
no_rings(int at, const char *name, int flags, mode_t mode)
{
	if (strcmp(name, ".ring") == 0 && opened++ > 0) {
		errno = EACCES;
		return -1;
	}
	return sys_posix.openat(at, name, flags, mode);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *name;
		int (*unlinkat)(int, const char *, int);
		int (*openat)(int, const char *, int, mode_t);
		bool told,
		    own; /* it is; as an error of this logger's own, which close returns */
		uint64_t retired;
	} cases[] = {
		{ "deleting", no_deletion, NULL, true, true, 0 },
		{ "a partition", NULL, no_old_partition, false, false, 1 },
		{ "rings", NULL, no_rings, true, false, 3 },
	};
	static char today[] = "2025-10-20T12:00:00Z";

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		alog_stats stats = { .size = sizeof stats };
		alog_t *log;

		populate();
		opened = 0;
		ops = sys_posix;
		if (cases[i].unlinkat != NULL)
			ops.unlinkat = cases[i].unlinkat;
		if (cases[i].openat != NULL)
			ops.openat = cases[i].openat;
		log = logging_open(
		    (alog_options){ .keep_days = 5, .clock = fixed_clock, .clock_arg = today });
		for (int wait = 0; wait < 500 &&
		     (stats.retired < cases[i].retired || (stats.errors > 0) != cases[i].told);
		     wait++) {
			logging_sleep_ms(2);
			(void)alog_get_stats(log, &stats);
		}
		if (alog_close(log) != (cases[i].own ? ALOG_EIO : 0) ||
		    stats.retired != cases[i].retired || (stats.errors > 0) != cases[i].told ||
		    (cases[i].told && stats.last_error.os_errno != EACCES))
			fail_msg("%s: %d retired, %d errors, %s", cases[i].name,
			    (int)stats.retired, (int)stats.errors, stats.last_error.text);
		scratch_remove(root);
	}
}

/* A living writer of the same service loses no segment that is plain. */
static void
test_two_loggers(void **state)
{
	alog_t *a = logging_open((alog_options){ .flags = ALOG_NO_SEAL }), *b;
	struct root_lines lines;

	(void)state;
	assert_int_equal(ALOG_AUDIT(a, "a"), 0);
	b = logging_open((alog_options){ .keep_days = 1,
	    .keep_segments = 1,
	    .keep_bytes = 1,
	    .segment_bytes = 4096,
	    .seal_bytes = 1 });
	for (int i = 0; i < 100; i++)
		assert_int_equal(ALOG_INFO(b, "m"), 0);
	assert_int_equal(alog_close(b), 0);
	assert_int_equal(ALOG_AUDIT(a, "a"), 0);
	lines = logging_finish(a);
	assert_int_equal(root_count(root, ".gz"), 1);
	assert_int_equal(root_count(root, ".jsonl"), 1);
	assert_non_null(root_find(&lines, "event", "a"));
	root_free(&lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOGGING_TEST(test_when),
		LOGGING_TEST(test_fails),
		LOGGING_TEST(test_retention),
		LOGGING_TEST(test_rolling_retention),
		LOGGING_TEST(test_refused),
		LOGGING_TEST(test_two_loggers),
	};

	return cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
}
