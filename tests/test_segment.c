/* segment - make, append, sync, reopen; whole lines only, whatever the calls beneath it do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>

#include "faults.h"
#include "scratch.h"
#include "segment.h"

#define DAY       20384 /* 2025-10-23 */
#define PARTITION "date=2025-10-23"
#define NAME      "svc.00112233445566aa.000001.jsonl"

static const struct path_segment first = { "svc", "00112233445566aa", 1, PATH_PLAIN, false };

struct place {
	char dir[SCRATCH_MAX];
	struct segment_root root;
};

static void
place_open(struct place *p)
{
	alog_error err = { 0 };

	scratch_make(p->dir);
	p->root = (struct segment_root){ -1, p->dir, 0640, 0750 };
	if (segment_root_open(&p->root, &err) < 0)
		fail_msg("%s", err.text);
}

static void
place_close(struct place *p)
{
	(void)close(p->root.fd);
	scratch_remove(p->dir);
}

static void
run(const struct place *p, const char *command)
{
	char text[2 * SCRATCH_MAX];

	(void)snprintf(text, sizeof text, "cd %s && %s", p->dir, command);
	if (system(text) != 0)
		fail_msg("%s", text);
}

static void
put_file(const struct place *p, const char *data, size_t n)
{
	int fd;

	(void)mkdirat(p->root.fd, PARTITION, 0750);
	fd = openat(p->root.fd, PARTITION "/" NAME, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
	(void)close(fd);
}

static size_t
get_file(const struct place *p, char *data, size_t cap)
{
	const int fd = openat(p->root.fd, PARTITION "/" NAME, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, data, cap);
	assert_true(n >= 0);
	(void)close(fd);
	return (size_t)n;
}

static int
open_files(void)
{
	struct dirent **d;
	const int n = scandir("/proc/self/fd", &d, NULL, NULL);

	for (int i = 0; i < n; i++)
		free(d[i]);
	free(d);
	return n;
}

/* ---- the root ---- */

static void
test_root(void **state)
{
	static const struct {
		const char *name, *before, *path;
		int want; /* errno, 0: it opens */
	} cases[] = {
		{ "made", "true", "new", 0 },
		{ "there", "mkdir old", "old", 0 },
		{ "by a link", "mkdir old && ln -s old link", "link", 0 },
		{ "no parent", "true", "a/b", ENOENT },
		{ "a file", "touch file", "file", ENOTDIR },
		{ "a link to nothing", "ln -s nowhere link", "link", ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct segment_root root = { -1, NULL, 0640, 0750 };
		char path[SCRATCH_MAX + 16];
		alog_error err = { 0 };
		struct place p;
		int rc;

		place_open(&p);
		run(&p, cases[i].before);
		(void)snprintf(path, sizeof path, "%s/%s", p.dir, cases[i].path);
		root.path = path;
		rc = segment_root_open(&root, &err);
		if (rc != (cases[i].want == 0 ? 0 : ALOG_EIO) || err.os_errno != cases[i].want)
			fail_msg("%s: %d %s", cases[i].name, rc, err.text);
		if (rc < 0 && strcmp(err.path, path) != 0)
			fail_msg("%s: path %s", cases[i].name, err.path);
		if (rc == 0)
			(void)close(root.fd);
		place_close(&p);
	}
}

static int parent_errno; /* of opening the directory above the root, or of syncing it */
static bool parent_opens;

static int
bad_parent(int dir, const char *name, int flags, mode_t mode)
{
	if (strcmp(name, "..") == 0 && !parent_opens) {
		errno = parent_errno;
		return -1;
	}
	return sys_posix.openat(dir, name, flags, mode);
}

static int
bad_sync(int fd)
{
	(void)fd;
	errno = parent_errno;
	return -1;
}

/* A root that was made just now has to be durable where it stands; where nobody like us can see to that, it is
 * used without. */
static void
test_parent(void **state)
{
	static const struct {
		const char *name;
		bool opens;
		int error, want;
	} cases[] = {
		{ "not to be read", false, EACCES, 0 },
		{ "no descriptors", false, EMFILE, ALOG_EIO },
		{ "fsync fails", true, EIO, ALOG_EIO },
	};
	struct sys_ops ops = sys_posix;

	(void)state;
	ops.openat = bad_parent;
	ops.fsync = bad_sync;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct segment_root root = { -1, NULL, 0640, 0750 };
		char path[SCRATCH_MAX + 16];
		alog_error err = { 0 };
		struct place p;
		int rc;

		place_open(&p);
		(void)snprintf(path, sizeof path, "%s/new", p.dir);
		root.path = path;
		parent_opens = cases[i].opens;
		parent_errno = cases[i].error;
		sys = &ops;
		rc = segment_root_open(&root, &err);
		sys = &sys_posix;
		if (rc != cases[i].want || (rc < 0 && err.os_errno != cases[i].error))
			fail_msg("%s: %d %s", cases[i].name, rc, err.text);
		(void)close(root.fd);
		place_close(&p);
	}
}

/* ---- making one ---- */

static void
test_create(void **state)
{
	static const struct {
		const char *name, *before, *after;
		int want; /* errno, 0: made */
	} cases[] = {
		{ "new", "true", "test -f " PARTITION "/" NAME " -a ! -s " PARTITION "/" NAME,
		    0 },
		{ "the partition is there", "mkdir " PARTITION, "test -f " PARTITION "/" NAME,
		    0 },
		{ "a file is there", "mkdir " PARTITION " && echo x >" PARTITION "/" NAME,
		    "test x = $(cat " PARTITION "/" NAME ")", EEXIST },
		{ "a link is there",
		    "mkdir " PARTITION " && echo x >other && ln -s ../other " PARTITION
		    "/" NAME,
		    "test x = $(cat other)", EEXIST },
		{ "a link to nothing is there",
		    "mkdir " PARTITION " && ln -s ../other " PARTITION "/" NAME,
		    "test ! -e other", EEXIST },
		{ "a FIFO is there", "mkdir " PARTITION " && mkfifo " PARTITION "/" NAME,
		    "true", EEXIST },
		{ "a directory is there", "mkdir -p " PARTITION "/" NAME, "true", EEXIST },
		{ "the partition is a link", "mkdir other && ln -s other " PARTITION,
		    "test -z \"$(ls other)\"", ENOTDIR },
		{ "the partition is a file", "touch " PARTITION, "true", ENOTDIR },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct segment seg = SEGMENT_NONE;
		alog_error err = { 0 };
		struct place p;
		int rc;

		place_open(&p);
		run(&p, cases[i].before);
		rc = segment_create(&seg, &p.root, DAY, &first, &err);
		if (rc != (cases[i].want == 0 ? 0 : ALOG_EIO) || err.os_errno != cases[i].want)
			fail_msg("%s: %d %d %s", cases[i].name, rc, err.os_errno, err.text);
		if (rc < 0 && (strcmp(err.path, p.dir) != 0 || strstr(err.text, NAME) == NULL))
			fail_msg("%s: %s %s", cases[i].name, err.path, err.text);
		run(&p, cases[i].after);
		segment_close(&seg);
		place_close(&p);
	}
}

/* Another process's retention removes the partition, left times, whenever it may be empty. */
static struct {
	int dirfd, left;
	bool before_file; /* else before it is opened as a directory */
} rival;

static void
rival_acts(void)
{
	if (rival.left-- > 0)
		(void)unlinkat(rival.dirfd, PARTITION, AT_REMOVEDIR);
}

static int
rival_openat(int dir, const char *name, int flags, mode_t mode)
{
	if (((flags & O_CREAT) != 0) == rival.before_file)
		rival_acts();
	return sys_posix.openat(dir, name, flags, mode);
}

static void
test_create_rival(void **state)
{
	static const struct {
		int times;
		bool before_file;
		int want;
	} cases[] = {
		{ 1, false, 0 },
		{ 2, false, 0 },
		{ 3, false, ALOG_EIO },
		{ 1, true, 0 },
		{ 2, true, 0 },
		{ 3, true, ALOG_EIO },
	};
	struct sys_ops ops = sys_posix;

	(void)state;
	ops.openat = rival_openat;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct segment seg = SEGMENT_NONE;
		const int before = open_files();
		struct place p;

		place_open(&p);
		rival.dirfd = p.root.fd;
		rival.left = cases[i].times;
		rival.before_file = cases[i].before_file;
		sys = &ops;
		if (segment_create(&seg, &p.root, DAY, &first, NULL) != cases[i].want)
			fail_msg("case %zu", i);
		sys = &sys_posix;
		segment_close(&seg);
		place_close(&p);
		assert_int_equal(open_files(), before);
	}
}

static void
test_modes(void **state)
{
	const mode_t mask = umask(0);
	struct segment seg = SEGMENT_NONE;
	struct stat st;
	struct place p;

	(void)state;
	place_open(&p);
	assert_int_equal(segment_create(&seg, &p.root, DAY, &first, NULL), 0);
	(void)umask(mask);
	assert_int_equal(fstat(seg.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(fstat(seg.dirfd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(fcntl(seg.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(seg.day, DAY);
	assert_int_equal(seg.number, 1);
	assert_string_equal(seg.name, NAME);
	segment_close(&seg);
	assert_int_equal(seg.fd, -1);
	segment_close(&seg);
	place_close(&p);
}

/* ---- appending ---- */

/* What write does: each call takes at most `most` bytes, fails when the file would exceed `room`, and is
 * interrupted every other time. */
static struct {
	size_t most, room, written;
	int error, truncate_error;
	unsigned calls;
} disk;

static ssize_t
disk_write(int fd, const void *buf, size_t n)
{
	ssize_t put;

	if (disk.calls++ % 2 == 1) {
		errno = EINTR;
		return -1;
	}
	n = n < disk.most ? n : disk.most;
	if (disk.written + n > disk.room)
		n = disk.room - disk.written;
	if (n == 0) {
		errno = disk.error;
		return -1;
	}
	if ((put = write(fd, buf, n)) > 0)
		disk.written += (size_t)put;
	return put;
}

static int
disk_ftruncate(int fd, off_t len)
{
	if (disk.truncate_error == 0)
		return ftruncate(fd, len);
	errno = disk.truncate_error;
	return -1;
}

static void
test_append(void **state)
{
	static const struct {
		const char *name;
		size_t most, room;
		int error, truncate_error;
		const char
		    *want; /* of the file, with "one\n" in it before; "twotwo\nthree\n" added */
		int rc;
		bool broken;
	} cases[] = {
		{ "at once", 100, 100, 0, 0, "one\ntwotwo\nthree\n", 0, false },
		{ "byte by byte", 1, 100, 0, 0, "one\ntwotwo\nthree\n", 0, false },
		{ "exactly full", 4, 13, 0, 0, "one\ntwotwo\nthree\n", 0, false },
		{ "full at once", 100, 0, ENOSPC, 0, "one\n", ALOG_EIO, false },
		{ "full within a line", 100, 3, ENOSPC, 0, "one\n", ALOG_EIO, false },
		{ "full between lines", 100, 7, ENOSPC, 0, "one\n", ALOG_EIO, false },
		{ "over the quota", 5, 12, EDQUOT, 0, "one\n", ALOG_EIO, false },
		{ "broken", 100, 3, EIO, 0, "one\n", ALOG_EIO, true },
		{ "full, and cannot be cut", 100, 3, ENOSPC, EROFS, "one\ntwo", ALOG_EIO,
		    true },
	};
	struct sys_ops ops = sys_posix;

	(void)state;
	ops.write = disk_write;
	ops.ftruncate = disk_ftruncate;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct segment seg = SEGMENT_NONE;
		alog_error err = { 0 };
		bool broken = false;
		char got[64];
		struct place p;
		size_t n;
		int rc;

		place_open(&p);
		assert_int_equal(segment_create(&seg, &p.root, DAY, &first, NULL), 0);
		assert_int_equal(segment_append(&seg, "one\n", 4, &broken, NULL), 0);
		disk.most = cases[i].most;
		disk.room = cases[i].room;
		disk.written = disk.calls = 0;
		disk.error = cases[i].error;
		disk.truncate_error = cases[i].truncate_error;
		sys = &ops;
		rc = segment_append(&seg, "twotwo\nthree\n", 13, &broken, &err);
		sys = &sys_posix;
		n = get_file(&p, got, sizeof got);
		if (rc != cases[i].rc || broken != cases[i].broken ||
		    n != strlen(cases[i].want) || memcmp(got, cases[i].want, n) != 0)
			fail_msg("%s: %d, %.*s", cases[i].name, rc, (int)n, got);
		if (rc < 0 && (err.os_errno != cases[i].error || strcmp(err.path, NAME) != 0))
			fail_msg("%s: %s", cases[i].name, err.text);
		/* When space returns, it goes on behind the last whole line. */
		if (!broken && rc < 0) {
			assert_int_equal(segment_append(&seg, "four\n", 5, &broken, NULL), 0);
			n = get_file(&p, got, sizeof got);
			if (n != 9 || memcmp(got, "one\nfour\n", 9) != 0)
				fail_msg("%s: %.*s", cases[i].name, (int)n, got);
			assert_int_equal(seg.bytes, 9);
		}
		segment_close(&seg);
		place_close(&p);
	}
}

/* ---- what goes on its way to the disk before it is asked for ---- */

static struct {
	off_t end; /* of what was begun, without a hole before it */
	unsigned calls;
	bool fails;
} begun;

static int
count_writeback(int fd, off_t off, off_t len)
{
	(void)fd;
	assert_int_equal(off, begun.end);
	assert_true(len >= SEGMENT_WRITEBACK && len % 4096 == 0);
	begun.end += len;
	begun.calls++;
	errno = EIO;
	return begun.fails ? -1 : 0;
}

static void
test_writeback(void **state)
{
	enum { LINE = 300007, LINES = 20 };
	static char line[LINE];
	struct sys_ops ops = sys_posix;

	(void)state;
	ops.writeback = count_writeback;
	memset(line, 'x', LINE - 1);
	line[LINE - 1] = '\n';
	for (int fails = 0; fails < 2; fails++) {
		struct segment seg = SEGMENT_NONE;
		bool broken = false;
		struct place p;

		place_open(&p);
		assert_int_equal(segment_create(&seg, &p.root, DAY, &first, NULL), 0);
		begun.end = 0;
		begun.calls = 0;
		begun.fails = fails != 0;
		sys = &ops;
		for (int i = 1; i <= LINES; i++) {
			assert_int_equal(segment_append(&seg, line, LINE, &broken, NULL), 0);
			assert_true(begun.end <= i * LINE);
			assert_true(i * LINE - begun.end < SEGMENT_WRITEBACK + 4096);
		}
		sys = &sys_posix;
		assert_int_equal(begun.calls, LINES / 4);
		assert_int_equal(segment_sync(&seg, &p.root, NULL), 0);
		segment_close(&seg);
		place_close(&p);
	}
}

static void
test_sync(void **state)
{
	struct segment seg = SEGMENT_NONE;
	bool broken = false, fired;
	struct place p;
	long n = 0, again;

	(void)state;
	place_open(&p);
	do {
		alog_error err = { 0 };
		int rc;

		(void)unlinkat(p.root.fd, PARTITION "/" NAME, 0);
		assert_int_equal(segment_create(&seg, &p.root, DAY, &first, NULL), 0);
		assert_int_equal(segment_append(&seg, "one\n", 4, &broken, NULL), 0);
		assert_int_equal(seg.durable, 0);
		faults_begin(FAULT_FAIL, n, EIO);
		rc = segment_sync(&seg, &p.root, &err);
		fired = faults_end();
		assert_int_equal(rc, fired ? ALOG_EIO : 0);
		assert_int_equal(seg.durable, fired ? 0 : 4);
		if (fired)
			assert_string_equal(err.path, NAME);
		/* The directories once, the file each time. */
		assert_int_equal(segment_append(&seg, "two\n", 4, &broken, NULL), 0);
		faults_begin(FAULT_FAIL, -1, 0);
		assert_int_equal(segment_sync(&seg, &p.root, &err), 0);
		again = faults.n;
		(void)faults_end();
		assert_int_equal(again, fired ? 3 : 1);
		assert_int_equal(seg.durable, 8);
		segment_close(&seg);
		n++;
	} while (fired);
	assert_int_equal(n, 4); /* the file, its partition, the root; and clean */
	place_close(&p);
}

static void
test_linked(void **state)
{
	struct segment seg = SEGMENT_NONE;
	struct place p;

	(void)state;
	place_open(&p);
	assert_int_equal(segment_create(&seg, &p.root, DAY, &first, NULL), 0);
	assert_true(segment_linked(&seg));
	faults_begin(FAULT_FOREVER, 0, EIO);
	assert_true(segment_linked(&seg));
	(void)faults_end();
	run(&p, "rm " PARTITION "/" NAME);
	assert_false(segment_linked(&seg));
	segment_close(&seg);
	place_close(&p);
}

/* ---- reopening ---- */

/* Sizes of what stands before the last line feed (with it, 0: there is none) and of the torn
 * tail behind it. */
static void
test_reopen(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 100, 65534, 65535, 65536, 65537, 131071,
		131072, 131073, 300000 };
	static const char tails[] = { 'x', '\0' };
	char *data = malloc(600000), *got = malloc(600000);

	(void)state;
	assert_true(data != NULL && got != NULL);
	for (size_t w = 0; w < sizeof sizes / sizeof sizes[0]; w++)
		for (size_t t = 0; t < 2 * sizeof sizes / sizeof sizes[0]; t++) {
			const size_t whole = sizes[w], torn = sizes[t / 2];
			struct segment seg = SEGMENT_NONE;
			uint64_t cut = 99;
			bool broken = false;
			struct place p;

			place_open(&p);
			memset(data, 'a', whole);
			if (whole > 0)
				data[whole - 1] = '\n';
			memset(data + whole, tails[t % 2], torn);
			put_file(&p, data, whole + torn);
			if (segment_reopen(&seg, &p.root, DAY, NAME, &cut, NULL) < 0 ||
			    cut != torn || seg.bytes != whole || seg.number != 1 ||
			    seg.day != DAY)
				fail_msg("%zu+%zu: %zu", whole, torn, (size_t)cut);
			assert_int_equal(segment_append(&seg, "next\n", 5, &broken, NULL), 0);
			memcpy(data + whole, "next\n", 5);
			if (get_file(&p, got, 600000) != whole + 5 ||
			    memcmp(got, data, whole + 5) != 0)
				fail_msg("%zu+%zu: content", whole, torn);
			segment_close(&seg);
			place_close(&p);
		}
	free(data);
	free(got);
}

static void
test_reopen_refused(void **state)
{
	static const struct {
		const char *name, *before, *segment;
		int want;
	} cases[] = {
		{ "gone", "mkdir " PARTITION, NAME, ALOG_EIO },
		{ "no partition", "true", NAME, ALOG_EIO },
		{ "a link",
		    "mkdir " PARTITION " && echo x >other && ln -s ../other " PARTITION
		    "/" NAME,
		    NAME, ALOG_EIO },
		{ "a FIFO", "mkdir " PARTITION " && mkfifo " PARTITION "/" NAME, NAME,
		    ALOG_EIO },
		{ "a directory", "mkdir -p " PARTITION "/" NAME, NAME, ALOG_EIO },
		{ "the partition is a link",
		    "mkdir other && touch other/" NAME " && ln -s other " PARTITION, NAME,
		    ALOG_EIO },
		{ "another name", "mkdir " PARTITION " && touch " PARTITION "/x.jsonl",
		    "x.jsonl", ALOG_EINVAL },
		{ "a name with a slash", "true", "../" NAME, ALOG_EINVAL },
	};
	const int before = open_files();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct segment seg = SEGMENT_NONE;
		alog_error err = { 0 };
		uint64_t cut = 99;
		struct place p;

		place_open(&p);
		run(&p, cases[i].before);
		if (segment_reopen(&seg, &p.root, DAY, cases[i].segment, &cut, &err) !=
		    cases[i].want)
			fail_msg("%s", cases[i].name);
		if (seg.fd != -1 || cut != 99 || strcmp(err.path, cases[i].segment) != 0)
			fail_msg("%s: %s", cases[i].name, err.path);
		place_close(&p);
	}
	assert_int_equal(open_files(), before);
}

/* Each call fails once: an error or success, no descriptor lost, and the next try succeeds. */
static void
test_faults(void **state)
{
	const int before = open_files();
	bool fired = true;
	struct place p;

	(void)state;
	place_open(&p);
	for (long n = 0; fired; n++) {
		struct segment seg = SEGMENT_NONE;
		uint64_t cut;

		run(&p, "rm -rf date=*");
		faults_begin(FAULT_FAIL, n, EMFILE);
		if (segment_create(&seg, &p.root, DAY, &first, NULL) == 0)
			segment_close(&seg);
		fired = faults_end();
		put_file(&p, "one\ntwo", 7);
		faults_begin(FAULT_FAIL, n, EIO);
		if (segment_reopen(&seg, &p.root, DAY, NAME, &cut, NULL) == 0) {
			assert_int_equal(cut, 3);
			segment_close(&seg);
		}
		fired = faults_end() || fired;
		assert_int_equal(segment_reopen(&seg, &p.root, DAY, NAME, &cut, NULL), 0);
		assert_int_equal(seg.bytes, 4);
		segment_close(&seg);
	}
	place_close(&p);
	assert_int_equal(open_files(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_parent),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_create_rival),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_writeback),
		cmocka_unit_test(test_sync),
		cmocka_unit_test(test_linked),
		cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_reopen_refused),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
