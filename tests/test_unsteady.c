/*
 * Files that shrink, grow or are replaced while they are read: at each read of them.  Whatever is answered is right,
 * what is not is told.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "archive.h"
#include "auditq.h"
#include "scratch.h"
#include "sys.h"

#define LINES  1200
#define LENGTH 300 /* of a line and its line feed */

static char dir[SCRATCH_MAX], file[SCRATCH_MAX + 16], other[SCRATCH_MAX + 16];

enum kind { PLAIN, GZIP, ARCHIVE, KINDS };
static const char *const names[KINDS] = { "x.jsonl", "x.jsonl.gz", "x.jsonl.gz" };

/* ---- what is read ---- */

static void
make_line(char line[LENGTH + 1], unsigned n)
{
	const int head = snprintf(line, LENGTH + 1,
	    "{\"ts\":\"2025-10-23T%02u:%02u:%02uZ\",\"n\":%u,\"pad\":\"", n / 3600, n / 60 % 60,
	    n % 60, n);

	/* Not what a compressor makes little of. */
	for (unsigned i = (unsigned)head, x = n + 1; i < LENGTH - 3; i++) {
		x = x * 1664525 + 1013904223;
		line[i] = (char)('a' + (x >> 24) % 26);
	}
	(void)strcpy(line + LENGTH - 3, "\"}\n");
}

static void
write_plain(const char *path)
{
	FILE *f = fopen(path, "w");
	char line[LENGTH + 1];

	assert_non_null(f);
	for (unsigned n = 0; n < LINES; n++) {
		make_line(line, n);
		assert_int_equal(fwrite(line, 1, LENGTH, f), LENGTH);
	}
	assert_int_equal(fclose(f), 0);
}

static void
write_gzip(const char *path)
{
	gzFile f = gzopen(path, "w1");
	char line[LENGTH + 1];

	assert_non_null(f);
	for (unsigned n = 0; n < LINES; n++) {
		make_line(line, n);
		assert_int_equal(gzwrite(f, line, LENGTH), LENGTH);
	}
	assert_int_equal(gzclose(f), Z_OK);
}

static void
write_archive(const char *path)
{
	const struct archive_options opt = { .member_bytes = 60000 };
	const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char line[LENGTH + 1];
	struct archive *a;

	assert_true(fd >= 0);
	assert_int_equal(archive_begin(&a, fd, &opt, NULL), 0);
	for (unsigned n = 0; n < LINES; n++) {
		make_line(line, n);
		assert_int_equal(archive_add(a, line, LENGTH - 1, NULL), 0);
	}
	assert_int_equal(archive_finish(a, NULL, NULL), 0);
	(void)close(fd);
}

static void
write_file(enum kind kind, const char *path)
{
	static void (*const write_as[KINDS])(
	    const char *) = { write_plain, write_gzip, write_archive };

	write_as[kind](path);
}

/* ---- what becomes of it ---- */

enum change { HALF, EMPTY, GROWN, REPLACED, CHANGES };
static const char *const changes[CHANGES] = { "cut in half", "cut to nothing", "grown",
	"replaced" };

static struct {
	enum change change;
	dev_t dev;
	ino_t ino;
	atomic_long at, reads;
} unsteady;

static void
alter(int fd)
{
	char again[64];
	struct stat st;
	int to;

	(void)snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
	if (unsteady.change == REPLACED) {
		(void)rename(other, file);
	} else if ((to = open(again, O_WRONLY | O_APPEND)) >= 0) {
		if (unsteady.change == GROWN)
			(void)!write(to, "{\"ts\":\"2025-10-24T00:00:00Z\"", 28);
		else if (fstat(to, &st) == 0)
			(void)!ftruncate(to, unsteady.change == HALF ? st.st_size / 2 : 0);
		(void)close(to);
	}
}

static ssize_t
unsteady_pread(int fd, void *buf, size_t n, off_t off)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_ino == unsteady.ino && st.st_dev == unsteady.dev &&
	    atomic_fetch_add(&unsteady.reads, 1) == atomic_load(&unsteady.at))
		alter(fd);
	return sys_posix.pread(fd, buf, n, off);
}

/* ---- asking ---- */

static void
on_warning(void *arg, const auditq_warning *w)
{
	bool *lost = arg;

	*lost = *lost || w->lost;
}

/* How many of the lines there are, each as it was written, once, in order. */
static unsigned
ask(const char *what, unsigned threads, bool *lost)
{
	auditq_t *q = auditq_new();
	auditq_error err = { 0 };
	auditq_record rec;
	unsigned n = 0, given = 0;
	char line[LENGTH + 1];
	int r;

	*lost = false;
	(void)auditq_path(q, file);
	(void)auditq_jobs(q, threads);
	(void)auditq_on_warning(q, on_warning, lost);
	while ((r = auditq_next(q, &rec, &err)) > 0) {
		for (bool same = false; !same; n++) {
			if (n == LINES)
				fail_msg("%s: not a line, or not in its place: %.*s", what,
				    (int)rec.len, rec.line);
			make_line(line, n);
			same = rec.len == LENGTH - 1 && memcmp(rec.line, line, LENGTH - 1) == 0;
		}
		given++;
	}
	*lost = *lost || r < 0;
	auditq_free(q);
	return given;
}

static void
sweep(enum kind kind, enum change change, unsigned threads)
{
	struct sys_ops ops = sys_posix;
	bool reached = true;

	ops.pread = unsteady_pread;
	for (long at = 0; reached; at++) {
		char what[100];
		struct stat st;
		unsigned given;
		bool lost;

		(void)snprintf(file, sizeof file, "%s/%s", dir, names[kind]);
		(void)snprintf(other, sizeof other, "%s/other", dir);
		write_file(kind, file);
		write_file(kind, other);
		assert_int_equal(stat(file, &st), 0);
		unsteady.change = change;
		unsteady.dev = st.st_dev;
		unsteady.ino = st.st_ino;
		atomic_store(&unsteady.reads, 0);
		atomic_store(&unsteady.at, at);
		(void)snprintf(what, sizeof what, "%s of kind %d, %s at read %ld, %u threads",
		    names[kind], (int)kind, changes[change], at, threads);
		sys = &ops;
		given = ask(what, threads, &lost);
		sys = &sys_posix;
		reached = atomic_load(&unsteady.reads) > at;
		if (given < LINES && !lost)
			fail_msg("%s: %u lines, and not a word", what, given);
		/* Members are where they were listed, or nowhere. */
		if (given < LINES && kind != ARCHIVE && (change == REPLACED || change == GROWN))
			fail_msg("%s: %u lines", what, given);
		if (!reached && (given < LINES || lost))
			fail_msg("%s: untouched", what);
		(void)unlink(file);
		(void)unlink(other);
	}
}

static void
test_while_read(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++)
		for (int change = 0; change < CHANGES; change++) {
			sweep((enum kind)kind, (enum change)change, 1);
			sweep((enum kind)kind, (enum change)change, 4);
		}
}

static int
set_up(void **state)
{
	(void)state;
	scratch_make(dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	scratch_remove(dir);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_while_read, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("unsteady", tests, NULL, NULL);
}
