/*
 * rescued - a writer that could not make its last lines durable writes them to a new segment and cuts the old one: while
 * a query is between listing the old one and reading it.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditq.h"
#include "clock.h"
#include "sanitizer.h"
#include "scratch.h"
#include "sys.h"

#define WRITER    "0123456789abcdef"
#define PARTITION "date=2025-10-21"
#define T0        (INT64_C(1761004800) * CLOCK_S)

static char root[SCRATCH_MAX];

static const struct rescue {
	const char *name;
	unsigned lines;   /* in the old segment */
	unsigned durable; /* of them, those that stay */
	unsigned next;    /* segments that are made, the last of which has the others */
	unsigned more;    /* lines behind them, logged since */
	unsigned missing; /* of the others, that nobody has any more */
	unsigned pad;     /* bytes a line */
	bool listed;      /* the next segment is there before */
} rescues[] = {
	{ "all of them", 6, 0, 1, 0, 0, 10, false },
	{ "some of them", 6, 4, 1, 0, 0, 10, false },
	{ "and more behind them", 6, 4, 1, 3, 0, 10, false },
	{ "failed twice", 6, 2, 2, 3, 0, 10, false },
	{ "the next is listed", 6, 4, 1, 3, 0, 10, true },
	{ "nowhere", 6, 4, 0, 0, 2, 10, false },
	{ "not all of them", 6, 2, 1, 0, 1, 10, false },
	{ "read by several workers", 40000, 39000, 1, 5, 0, 200, false },
	{ "in another piece", 40000, 10000, 1, 5, 0, 200, false },
};

/* Each of which is cut at one read of it after another. */
static const struct rescue cuts[] = {
	{ "one piece", 300, 150, 1, 0, 0, 3000, false },
	{ "one piece, all of it", 300, 0, 1, 0, 0, 3000, false },
	{ "one piece, the next is listed", 300, 150, 1, 0, 0, 3000, true },
	{ "two pieces, in the first", 1600, 500, 2, 0, 0, 3000, false },
	{ "two pieces, in the last", 1600, 1500, 1, 0, 0, 3000, false },
};

static const struct rescue *now;
static unsigned opened, reads, cut_at;
static ino_t old_inode;
static long durable_bytes;

static void
path_of(char path[SCRATCH_MAX + 100], unsigned number)
{
	(void)snprintf(path, SCRATCH_MAX + 100, "%s/" PARTITION "/svc." WRITER ".%06u.jsonl",
	    root, number);
}

/* Lines first to last - 1, numbered from 1, in a new segment; the bytes of them. */
static void
put_lines(unsigned number, unsigned first, unsigned last)
{
	char path[SCRATCH_MAX + 100], when[CLOCK_LENGTH];
	FILE *f;

	path_of(path, number);
	assert_non_null(f = fopen(path, "w"));
	for (unsigned i = first; i < last; i++) {
		if (i == now->durable && number == 1)
			durable_bytes = ftell(f);
		clock_format(when, T0 + i * CLOCK_S);
		assert_true(fprintf(f, "{\"ts\":\"%.*s\",\"seq\":%u,\"msg\":\"%0*u\"}\n",
				CLOCK_LENGTH, when, i + 1, (int)now->pad, i) > 0);
	}
	assert_int_equal(fclose(f), 0);
}

static void
rescue(void)
{
	const unsigned end = now->lines - now->missing;
	char path[SCRATCH_MAX + 100];
	const int old = (path_of(path, 1), open(path, O_RDWR));

	for (unsigned i = 1; i < now->next; i++)
		put_lines(1 + i, 0, 0);
	if (now->next > 0)
		put_lines(1 + now->next, now->durable, end + now->more);
	assert_int_equal(ftruncate(old, durable_bytes), 0);
	(void)close(old);
}

/* The second time that the old segment is opened, it is to be read. */
static int
open_after_rescue(int dir, const char *name, int flags, mode_t mode)
{
	if (strstr(name, ".000001.jsonl") != NULL && ++opened == 2)
		rescue();
	return sys_posix.openat(dir, name, flags, mode);
}

static ssize_t
pread_after_rescue(int fd, void *buf, size_t n, off_t off)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_ino == old_inode &&
	    __atomic_add_fetch(&reads, 1, __ATOMIC_SEQ_CST) == cut_at)
		rescue();
	return sys_posix.pread(fd, buf, n, off);
}

static void
on_warning(void *arg, const auditq_warning *w)
{
	*(unsigned *)arg += w->lost;
}

/* Each record once, and whether any was told as lost. */
static void
ask(unsigned jobs, bool reverse, bool counting)
{
	/* Of segments that were made since, what is asked for is what was there before.  One that was listed may be read
	 * before more is in it, or after. */
	const unsigned want = now->lines - now->missing, more = now->listed ? now->more : 0;
	auditq_t *q = auditq_new();
	unsigned lost = 0;
	uint64_t n = 0;
	auditq_error err = { 0 };
	auditq_record rec;
	char *times = calloc(now->lines + now->more, 1);
	int64_t seq;
	int r;

	opened = 0;
	(void)auditq_path(q, root);
	(void)auditq_jobs(q, jobs);
	(void)auditq_reverse(q, reverse);
	(void)auditq_on_warning(q, on_warning, &lost);
	if (counting) {
		assert_int_equal(auditq_count(q, &n, &err), 0);
	} else {
		for (; (r = auditq_next(q, &rec, &err)) > 0; n++) {
			assert_int_equal(auditq_get_i64(&rec, "seq", &seq), 0);
			assert_in_range(seq, 1, now->lines + now->more);
			if (times[seq - 1]++ > 0)
				fail_msg("%s: record %d twice", now->name, (int)seq);
		}
		assert_int_equal(r, 0);
	}
	if (n < want || n > want + more || (lost > 0) != (now->missing > 0))
		fail_msg("%s, -j %u: %u records, not %u, %u losses told", now->name, jobs,
		    (unsigned)n, want, lost);
	free(times);
	auditq_free(q);
}

/* A trail whose only writer is about to fail. */
static void
make_trail(void)
{
	char path[SCRATCH_MAX + 100];
	struct stat st;

	scratch_make(root);
	(void)snprintf(path, sizeof path, "%s/" PARTITION, root);
	assert_int_equal(mkdir(path, 0700), 0);
	put_lines(1, 0, now->lines);
	if (now->listed)
		put_lines(2, 0, 0);
	path_of(path, 1);
	assert_int_equal(stat(path, &st), 0);
	old_inode = st.st_ino;
}

static void
test_rescued(void **state)
{
	struct sys_ops ops = sys_posix;

	(void)state;
	ops.openat = open_after_rescue;
	for (size_t i = 0; i < sizeof rescues / sizeof rescues[0]; i++)
		for (unsigned way = 0; way < 6; way++) {
			now = &rescues[i];
			make_trail();
			sys = &ops;
			ask(way % 2 == 0 ? 1 : 4, way / 2 == 1, way / 2 == 2);
			sys = &sys_posix;
			scratch_remove(root);
		}
}

/* At each read from the first look at it on, later at each third, until it is not cut any more. */
static void
test_cut_at_each_read(void **state)
{
	struct sys_ops ops = sys_posix;

	(void)state;
	ops.pread = pread_after_rescue;
	for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++)
		for (unsigned way = 0; way < 4; way++) {
			now = &cuts[i];
			cut_at = 1;
			for (;;) {
				reads = 0;
				make_trail();
				sys = &ops;
				ask(way % 2 == 0 ? 1 : 4, false, way / 2 == 1);
				sys = &sys_posix;
				scratch_remove(root);
				if (reads < cut_at)
					break;
				cut_at +=
				    cut_at < 8 ? BY_SANITIZER(1, 1, 5) : BY_SANITIZER(3, 3, 11);
			}
			assert_true(cut_at > 6);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rescued),
		cmocka_unit_test(test_cut_at_each_read) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
