/*
 * many - a thousand archives over a year: what is opened and inflated for one day, for one run, for the last
 * records; and how many descriptors that takes.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive.h"
#include "auditq.h"
#include "clock.h"
#include "scratch.h"

#define T0      (INT64_C(1735689600) * CLOCK_S) /* 2025-01-01 */
#define DAYS    365
#define WRITERS 3
#define RECORDS 4 /* of each writer on each day */

static char root[SCRATCH_MAX];

/* ---- descriptors ----------------------------------------------------------------------- */

static struct sys_ops counting;
static long opened, open_now, open_most; /* atomic */

static int
count_open(int dir, const char *name, int flags, mode_t mode)
{
	int fd = sys_posix.openat(dir, name, flags, mode);
	long now;

	if (fd < 0)
		return fd;
	(void)__atomic_add_fetch(&opened, 1, __ATOMIC_RELAXED);
	now = __atomic_add_fetch(&open_now, 1, __ATOMIC_RELAXED);
	for (long most = __atomic_load_n(&open_most, __ATOMIC_RELAXED); now > most;)
		if (__atomic_compare_exchange_n(
			&open_most, &most, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			break;
	return fd;
}

static int
count_close(int fd)
{
	(void)__atomic_sub_fetch(&open_now, 1, __ATOMIC_RELAXED);
	return sys_posix.close(fd);
}

static int
count_closedir(DIR *d)
{
	(void)__atomic_sub_fetch(&open_now, 1, __ATOMIC_RELAXED);
	return sys_posix.closedir(d);
}

/* ---- the trail ------------------------------------------------------------------------- */

static void
put_segment(int day, int writer)
{
	char path[2 * SCRATCH_MAX], when[CLOCK_LENGTH], line[256];
	struct archive_options opt = { .path = path };
	struct archive *a;
	alog_error err;
	int n, fd;

	clock_format(when, T0 + day * 86400 * CLOCK_S);
	n = snprintf(path, sizeof path, "%s/date=%.10s", root, when);
	(void)mkdir(path, 0700);
	snprintf(path + n, sizeof path - (size_t)n, "/s.%016d.%06d.jsonl.gz", writer, day + 1);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(archive_begin(&a, fd, &opt, &err), 0);
	for (int i = 0; i < RECORDS; i++) {
		/* Each run lasts three days of one writer. */
		clock_format(when, T0 + (day * 86400 + i * 7200 + writer) * CLOCK_S);
		n = snprintf(line, sizeof line,
		    "{\"ts\":\"%.*s\",\"level\":\"%s\",\"run_id\":\"run-%03d-%d\",\"seq\":%d}",
		    CLOCK_LENGTH, when, i == 3 ? "error" : "info", day / 3, writer,
		    day * RECORDS + i + 1);
		assert_int_equal(archive_add(a, line, (size_t)n, &err), 0);
	}
	assert_int_equal(archive_finish(a, NULL, &err), 0);
	close(fd);
}

static int
make_year(void **state)
{
	(void)state;
	scratch_make(root);
	for (int day = 0; day < DAYS; day++)
		for (int writer = 0; writer < WRITERS; writer++)
			put_segment(day, writer);
	counting = sys_posix;
	counting.openat = count_open;
	counting.close = count_close;
	counting.closedir = count_closedir;
	sys = &counting;
	return 0;
}

static int
remove_year(void **state)
{
	(void)state;
	sys = &sys_posix;
	scratch_remove(root);
	return 0;
}

/* ---- questions ------------------------------------------------------------------------- */

/* Each file once; each directory, and its names twice, since it may be changing. */
enum { ALL = DAYS * WRITERS, ONCE = ALL + 3 * (DAYS + 1) };

static const struct {
	const char *name, *on, *run, *where, *level;
	uint64_t tail, limit;
	uint64_t found, inflated;
	long opened; /* files and directories, at most */
} cases[] = {
	{ "one day", .on = "2025-06-01", .found = 12, .inflated = 3, .opened = 40 },
	{ "a run", .run = "run-050-1", .found = 12, .inflated = 3, .opened = ONCE + 40 },
	{ "runs by a prefix", .run = "run-050", .found = 36, .inflated = 9,
	    .opened = ONCE + 40 },
	{ "a run that is not", .run = "run-999", .opened = ONCE + 40 },
	{ "a field", .where = "run_id == \"run-050-1\"", .found = 12, .inflated = 8,
	    .opened = ONCE + 40 },
	{ "no such level", .level = "=critical", .opened = ONCE + 40 },
	{ "the first five", .limit = 5, .found = 5, .inflated = 8, .opened = ONCE + 40 },
	{ "the last five", .tail = 5, .found = 5, .inflated = 8, .opened = ONCE + 40 },
	{ "a run's last", .run = "run-121", .tail = 5, .found = 5, .inflated = 8,
	    .opened = ONCE + 40 },
	{ "all", .found = ALL * RECORDS, .inflated = ALL, .opened = ONCE + 2 * ALL },
};

static auditq_t *
ask(size_t i, unsigned jobs)
{
	auditq_t *q = auditq_new();

	assert_non_null(q);
	auditq_path(q, root);
	auditq_jobs(q, jobs);
	if (cases[i].on != NULL)
		auditq_on(q, cases[i].on);
	if (cases[i].run != NULL)
		auditq_run(q, cases[i].run);
	if (cases[i].where != NULL)
		auditq_where(q, cases[i].where);
	if (cases[i].level != NULL)
		auditq_level(q, cases[i].level);
	if (cases[i].limit > 0)
		auditq_limit(q, cases[i].limit);
	if (cases[i].tail > 0)
		auditq_tail(q, cases[i].tail);
	opened = open_now = open_most = 0;
	return q;
}

static void
check(size_t i, auditq_t *q, uint64_t found, unsigned jobs)
{
	auditq_counts counts = { .size = sizeof counts };

	assert_int_equal(auditq_get_counts(q, &counts), 0);
	if (found != cases[i].found)
		fail_msg("%s: %llu found", cases[i].name, (unsigned long long)found);
	if (counts.members_inflated > cases[i].inflated)
		fail_msg("%s: %llu members inflated", cases[i].name,
		    (unsigned long long)counts.members_inflated);
	if (opened > cases[i].opened)
		fail_msg("%s: %ld files opened", cases[i].name, opened);
	auditq_free(q);
	/* One a worker, and one for the directory that is listed. */
	if (open_most > (long)jobs + 2 || open_now != 0)
		fail_msg("%s: %ld open at a time, %ld at the end", cases[i].name, open_most,
		    open_now);
}

static void
test_little_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (unsigned jobs = 1; jobs <= 4; jobs += 3) {
			auditq_t *q = ask(i, jobs);
			auditq_record rec;
			uint64_t n = 0;
			int r;

			while ((r = auditq_next(q, &rec, NULL)) > 0)
				n++;
			assert_int_equal(r, 0);
			check(i, q, n, jobs);
			/* A count is of all, and only then cut. */
			if (cases[i].limit > 0 || cases[i].tail > 0)
				continue;
			q = ask(i, jobs);
			assert_int_equal(auditq_count(q, &n, NULL), 0);
			check(i, q, n, jobs);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_little_is_read),
	};

	return cmocka_run_group_tests_name("many", tests, make_year, remove_year);
}
