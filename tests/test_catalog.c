/* catalog - which files a tree of names gives, in which order, and what is left out and why. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "catalog.h"
#include "scratch.h"
#include "sys.h"

#define W16 "0123456789abcdef"

static char base[SCRATCH_MAX];
static unsigned warned, lost;

static void
count_warning(void *arg, const auditq_warning *w)
{
	(void)arg;
	warned++;
	lost += w->lost;
}

static void
make(const char *name)
{
	char path[2 * SCRATCH_MAX];
	int fd;

	snprintf(path, sizeof path, "%s/%s", base, name);
	for (char *p = path + strlen(base) + 1; (p = strchr(p, '/')) != NULL; *p++ = '/') {
		*p = '\0';
		assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	}
	if (path[strlen(path) - 1] == '/')
		return;
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void
clear(void)
{
	scratch_remove(base);
	assert_int_equal(mkdir(base, 0700), 0);
}

/* List the paths, NULL at the end, given below base; want: those found, joined by spaces. */
static struct catalog
list(int64_t after, int64_t before, const char *want, ...)
{
	static const struct qwarn warn = { count_warning, NULL };
	char paths[8][2 * SCRATCH_MAX], got[4096] = "";
	const char *path[8];
	struct catalog c;
	auditq_error err;
	size_t n = 0;
	va_list ap;

	va_start(ap, want);
	for (const char *p; (p = va_arg(ap, const char *)) != NULL; n++) {
		snprintf(paths[n], sizeof paths[n], "%s/%s", base, p);
		path[n] = paths[n];
	}
	va_end(ap);
	warned = lost = 0;
	qerror_reset(&err);
	if (catalog_list(&c, path, n, after, before, NULL, &warn, &err) < 0)
		fail_msg("%s: %s", err.path, err.text);
	for (size_t i = 0; i < c.n; i++) {
		const char *name = c.file[i].path;

		assert_memory_equal(name, base, strlen(base));
		name += strlen(base) + 1;
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i > 0 ? " " : "",
		    name[0] == '/' ? name + 1 : name);
	}
	if (strcmp(got, want) != 0)
		fail_msg("'%s', want '%s'", got, want);
	return c;
}

static void
check(const char *want, const char *path)
{
	struct catalog c = list(INT64_MIN, INT64_MAX, want, path, NULL);

	catalog_release(&c);
}

static void
test_names(void **state)
{
	static const char *const names[] = { "b.jsonl", "a.json", "c.ndjson.gz", "d.log",
		"e.txt", "f.gz", "g.jsonl.gz.tmp", "h.tmp", ".hidden.jsonl", "_x.jsonl",
		"jsonl", ".jsonl", "sub/deep/er/z.jsonl", "_tmp/y.jsonl", ".dot/y.jsonl",
		"sub.jsonl/in.log", "line\nfeed.jsonl", "-dash.jsonl" };

	(void)state;
	clear();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		make(names[i]);
	check("-dash.jsonl a.json b.jsonl c.ndjson.gz d.log line\nfeed.jsonl sub.jsonl/in.log "
	      "sub/deep/er/z.jsonl",
	    "");
	assert_int_equal(warned, 0);
	/* What is named explicitly is taken whatever it is called. */
	check("e.txt", "e.txt");
	check("_tmp/y.jsonl", "_tmp");
	check(".hidden.jsonl", ".hidden.jsonl");
}

static void
test_sealed(void **state)
{
	(void)state;
	clear();
	make("s." W16 ".000001.jsonl");
	make("s." W16 ".000001.jsonl.gz");
	make("s." W16 ".000001.jsonl-old.log"); /* sorts between the two */
	make("s." W16 ".000002.jsonl");
	make("x.log");
	make("x.log.gz");
	check("s." W16 ".000001.jsonl-old.log s." W16 ".000001.jsonl.gz s." W16
	      ".000002.jsonl x.log x.log.gz",
	    "");
	/* Sealed since its name was looked up. */
	check("s." W16 ".000001.jsonl.gz", "s." W16 ".000001.jsonl.gz");
	make("gone.jsonl.gz");
	check("gone.jsonl.gz", "gone.jsonl");
}

/* Of others, each may have lines that the other has not. */
static void
test_compressed(void **state)
{
	struct catalog c;

	(void)state;
	clear();
	make("app.jsonl");
	make("app.jsonl.gz");
	make("s." W16 ".1.jsonl"); /* almost a segment */
	make("s." W16 ".1.jsonl.gz");
	check("app.jsonl app.jsonl.gz s." W16 ".1.jsonl s." W16 ".1.jsonl.gz", "");
	c = list(
	    INT64_MIN, INT64_MAX, "app.jsonl app.jsonl.gz", "app.jsonl.gz", "app.jsonl", NULL);
	catalog_release(&c);
}

static bool hiding;

/* A listing that sees none of the names of b, as it was renamed from one to the other meanwhile. */
static struct dirent *
hiding_readdir(DIR *d)
{
	struct dirent *e;

	do {
		errno = 0;
		e = readdir(d);
	} while (hiding && e != NULL && e->d_name[0] == 'b');
	hiding = hiding && e != NULL;
	return e;
}

/* Each plain segment is sealed between being listed and being looked at. */
static int
sealing_fstatat(int dir, const char *name, struct stat *st, int flags)
{
	char sealed[300];

	if (name[0] != '/' && strstr(name, ".jsonl.gz") == NULL) {
		snprintf(sealed, sizeof sealed, "%s.gz", name);
		(void)renameat(dir, name, dir, sealed);
	}
	return fstatat(dir, name, st, flags);
}

static void
test_sealed_meanwhile(void **state)
{
	struct sys_ops ops = sys_posix;

	(void)state;
	clear();
	make("r/a.jsonl");
	make("r/b.jsonl");
	make("r/c.jsonl");
	sys = &ops;
	ops.readdir = hiding_readdir;
	hiding = true;
	check("r/a.jsonl r/b.jsonl r/c.jsonl", "r");
	assert_false(hiding);
	assert_int_equal(warned, 0);
	ops.fstatat = sealing_fstatat;
	check("r/a.jsonl.gz r/b.jsonl.gz r/c.jsonl.gz", "r");
	assert_int_equal(warned, 0);
	sys = &sys_posix;
}

static void
test_segments(void **state)
{
	struct catalog c;

	(void)state;
	clear();
	make("date=2025-10-23/s." W16 ".000007.jsonl");
	make("date=2025-10-23/s." W16 ".000006.jsonl.gz");
	make("date=2025-10-23/pack-" W16 W16 ".000001.jsonl.gz");
	c = list(INT64_MIN, INT64_MAX,
	    "date=2025-10-23/pack-" W16 W16 ".000001.jsonl.gz date=2025-10-23/s." W16
	    ".000006.jsonl.gz date=2025-10-23/s." W16 ".000007.jsonl",
	    "", NULL);
	assert_string_equal(c.file[0].writer, "");
	assert_false(c.file[0].open);
	assert_string_equal(c.file[1].writer, W16);
	assert_int_equal(c.file[1].number, 6);
	assert_false(c.file[1].open);
	assert_true(c.file[2].open);
	assert_int_equal(c.file[2].number, 7);
	assert_int_equal(c.partitions, 1);
	catalog_release(&c);
}

/* A day's slack on both sides; only exact names count. */
static void
test_dates(void **state)
{
	static const char *const names[] = { "date=2025-10-20/a.log", "date=2025-10-21/a.log",
		"date=2025-10-22/a.log", "date=2025-10-23/a.log", "date=2025-10-24/a.log",
		"date=2025-10-25/a.log", "2025-10-20.jsonl", "2025-10-21.jsonl.gz",
		"2025-10-25.json", "2025-10-20/a.log", "2025-10-19-b.jsonl",
		"date=2025-13-01/a.log" };
	const int64_t day = INT64_C(20384) * CLOCK_DAY; /* 2025-10-23 */
	struct catalog c;

	(void)state;
	clear();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		make(names[i]);
	c = list(day, day + CLOCK_DAY,
	    "2025-10-19-b.jsonl date=2025-10-22/a.log date=2025-10-23/a.log date=2025-10-24/a.log "
	    "date=2025-13-01/a.log",
	    "", NULL);
	assert_int_equal(c.partitions, 7);
	assert_int_equal(c.partitions_pruned, 4);
	assert_int_equal(c.pruned, 3);
	assert_int_equal(c.listed, 5 + 3);
	catalog_release(&c);
	c = list(day, day + 1,
	    "2025-10-19-b.jsonl date=2025-10-22/a.log date=2025-10-23/a.log date=2025-10-24/a.log "
	    "date=2025-13-01/a.log",
	    "", NULL);
	catalog_release(&c);
	c = list(day + 2 * CLOCK_DAY, INT64_MAX,
	    "2025-10-19-b.jsonl 2025-10-25.json date=2025-10-24/a.log date=2025-10-25/a.log "
	    "date=2025-13-01/a.log",
	    "", NULL);
	catalog_release(&c);
	c = list(INT64_MIN, day - 2 * CLOCK_DAY,
	    "2025-10-19-b.jsonl 2025-10-20.jsonl 2025-10-20/a.log 2025-10-21.jsonl.gz "
	    "date=2025-10-20/a.log date=2025-10-21/a.log date=2025-13-01/a.log",
	    "", NULL);
	catalog_release(&c);
	c = list(day, day, "2025-10-19-b.jsonl date=2025-13-01/a.log", "", NULL);
	catalog_release(&c);
}

static void
in_base(char dst[2 * SCRATCH_MAX], const char *name)
{
	snprintf(dst, 2 * SCRATCH_MAX, "%s/%s", base, name);
}

static void
test_links(void **state)
{
	char a[2 * SCRATCH_MAX], b[2 * SCRATCH_MAX];
	struct catalog c;

	(void)state;
	clear();
	make("real/a.jsonl");
	in_base(a, "real/a.jsonl");
	in_base(b, "z-hard.jsonl");
	assert_int_equal(link(a, b), 0);
	in_base(b, "soft.jsonl");
	assert_int_equal(symlink(a, b), 0);
	in_base(a, "real");
	in_base(b, "dir");
	assert_int_equal(symlink(a, b), 0);
	in_base(b, "broken.jsonl");
	assert_int_equal(symlink("nowhere", b), 0);
	/* One file, under the least of its names; a link to a directory only when it is given. */
	check("real/a.jsonl", "");
	assert_int_equal(warned, 1);
	assert_int_equal(lost, 0);
	check("dir/a.jsonl", "dir");
	c = list(
	    INT64_MIN, INT64_MAX, "real/a.jsonl", "real", "real/a.jsonl", "soft.jsonl", NULL);
	catalog_release(&c);
}

static void
test_strange(void **state)
{
	char path[2 * SCRATCH_MAX];
	const char *missing = path;
	struct catalog c;
	auditq_error err;
	static const struct qwarn warn = { count_warning, NULL };

	(void)state;
	clear();
	make("a.jsonl");
	in_base(path, "fifo.jsonl");
	assert_int_equal(mkfifo(path, 0600), 0);
	in_base(path, "fifo");
	assert_int_equal(mkfifo(path, 0600), 0);
	check("a.jsonl", "");
	assert_int_equal(lost, 1);
	check("", "fifo");
	assert_int_equal(lost, 1);
	in_base(path, "missing");
	qerror_reset(&err);
	assert_int_equal(catalog_list(&c, &missing, 1, INT64_MIN, INT64_MAX, NULL, &warn, &err),
	    AUDITQ_ENOENT);
	assert_string_equal(err.path, path);
	catalog_release(&c);
	if (geteuid() != 0) {
		make("shut/b.jsonl");
		in_base(path, "shut");
		assert_int_equal(chmod(path, 0), 0);
		check("a.jsonl", "");
		assert_int_equal(lost, 2);
		assert_int_equal(chmod(path, 0700), 0);
	}
}

static int
setup(void **state)
{
	(void)state;
	scratch_make(base);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_remove(base);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_sealed_meanwhile),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_strange),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
