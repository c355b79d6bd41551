/* export - into files, with every system call failing in turn.  The query is a stand-in. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditq.h"
#include "qerror.h"
#include "schema.h"
#include "scratch.h"
#include "sys.h"
#include "zone.h"

/* Gives `left` records; then ends, or fails with `code`. */
struct auditq {
	int left;
	int code;
};

bool
auditq_may_wait(const auditq_t *q)
{
	(void)q;
	return false;
}

int
auditq_next(auditq_t *q, auditq_record *rec, auditq_error *err)
{
	static const char line[] = "{\"a\":1}";

	if (q->left-- > 0) {
		*rec = (auditq_record){ .line = line, .len = strlen(line), .path = "in" };
		return 1;
	}
	return q->code == 0 ? 0 : qerror_set(err, q->code, 0, "in", "the query failed");
}

const struct zone *
query_zone(const auditq_t *q)
{
	(void)q;
	return NULL;
}

const struct schema *
query_schema(const auditq_t *q, unsigned *changes)
{
	(void)q;
	*changes = 0;
	return &schema_default;
}

unsigned
auditq_marks(const auditq_t *q)
{
	(void)q;
	return 0;
}

static char scratch[SCRATCH_MAX]; /* the working directory during a test */

static int
enter_scratch(void **state)
{
	(void)state;
	scratch_make(scratch);
	return chdir(scratch);
}

static int
leave_scratch(void **state)
{
	(void)state;
	return chdir("/") == 0 ? rmdir(scratch) : -1;
}

/* The names in the working directory, each with a blank behind it. */
static const char *
names(void)
{
	static char text[1024];
	struct sys_names list;
	int fd = open(".", O_RDONLY | O_DIRECTORY);
	size_t n = 0;

	assert_int_equal(sys_list(fd, &list), 0);
	text[0] = '\0';
	for (size_t i = 0; i < list.n; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s ", list.name[i]);
	sys_names_free(&list);
	close(fd);
	return text;
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
expect_file(const char *name, const char *path, const char *want)
{
	char text[256];
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		fail_msg("%s: %s is not there", name, path);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	if (strcmp(text, want) != 0)
		fail_msg("%s: %s holds '%s'", name, path, text);
}

static int export(
    int records, int code, const char *path, bool force, uint64_t *n, auditq_error *err)
{
	const auditq_export_options opt = { .size = sizeof opt, .force = force };
	struct auditq q = { records, code };

	return auditq_export(&q, path, &opt, n, err);
}

static const struct {
	const char *name, *path;
	bool force;
	int records, fails; /* of the query */
	int want;
	const char *then; /* what the file holds */
} cases[] = {
	{ "a new file", "new", false, 2, 0, 0, "{\"a\":1}\n{\"a\":1}\n" },
	{ "nothing found", "new", false, 0, 0, 0, "" },
	{ "there already", "old", false, 2, 0, AUDITQ_EEXIST, "old" },
	{ "by force", "old", true, 1, 0, 0, "{\"a\":1}\n" },
	{ "by force, new", "new", true, 1, 0, 0, "{\"a\":1}\n" },
	{ "the query fails", "old", true, 1, AUDITQ_EIO, AUDITQ_EIO, "old" },
	{ "canceled", "new", false, 1, AUDITQ_ECANCELED, AUDITQ_ECANCELED, NULL },
	{ "a directory", "dir", true, 1, 0, AUDITQ_EEXIST, NULL },
	{ "a symlink", "link", true, 1, 0, AUDITQ_EEXIST, "old" },
	{ "no name", "dir/", true, 1, 0, AUDITQ_EINVAL, NULL },
	{ "an empty name", "", true, 1, 0, AUDITQ_EINVAL, NULL },
	{ "no directory", "nowhere/new", false, 1, 0, AUDITQ_ENOENT, NULL },
	{ "a path", "dir/new", false, 1, 0, 0, "{\"a\":1}\n" },
};

static void
files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t n = 99;
		auditq_error err = { 0 };
		assert_int_equal(mkdir("dir", 0700), 0);
		assert_int_equal(symlink("old", "link"), 0);
		write_file("old", "old");
		int r = export(
		    cases[i].records, cases[i].fails, cases[i].path, cases[i].force, &n, &err);
		if (r != cases[i].want || n != (r == 0 ? (uint64_t)cases[i].records : 99))
			fail_msg("%s: %d, %d records (%s)", cases[i].name, r, (int)n, err.text);
		if (cases[i].then != NULL)
			expect_file(cases[i].name, cases[i].path, cases[i].then);
		if (strstr(names(), ".tmp") != NULL)
			fail_msg("%s: left %s", cases[i].name, names());
		unlink("new");
		unlink("dir/new");
		unlink("link");
		unlink("old");
		if (rmdir("dir") < 0)
			fail_msg("%s: something is left", cases[i].name);
		assert_string_equal(names(), "");
	}
}

static void
options(void **state)
{
	struct auditq q = { 1, 0 };
	auditq_export_options opt = { .size = sizeof opt, .format = 7 };

	(void)state;
	assert_int_equal(auditq_export(NULL, "new", NULL, NULL, NULL), AUDITQ_EINVAL);
	assert_int_equal(auditq_export(&q, NULL, NULL, NULL, NULL), AUDITQ_EINVAL);
	assert_int_equal(auditq_export_to(&q, NULL, NULL, NULL, NULL, NULL), AUDITQ_EINVAL);
	assert_int_equal(auditq_export(&q, "new", &opt, NULL, NULL), AUDITQ_EINVAL);
	assert_string_equal(names(), "");
	assert_int_equal(auditq_format_parse("csv"), AUDITQ_CSV);
	/* Options of a program that knows less than this library. */
	opt = (auditq_export_options){
		.size = offsetof(auditq_export_options, fields), .fields = "", .force = true
	};
	assert_int_equal(auditq_export(&q, "new", &opt, NULL, NULL), 0);
	assert_int_equal(auditq_export(&q, "new", &opt, NULL, NULL), AUDITQ_EEXIST);
	assert_int_equal(unlink("new"), 0);
}

/* ---- faults ---- */

static int calls_left; /* until one fails; INT_MAX: none does */
static int fault_errno;
static bool fired;

static bool
fails(void)
{
	if (fired || calls_left-- > 0)
		return false;
	fired = true;
	errno = fault_errno;
	return true;
}

static int
faulty_openat(int dir, const char *name, int flags, mode_t mode)
{
	return fails() ? -1 : sys_posix.openat(dir, name, flags, mode);
}

static int
faulty_fstatat(int dir, const char *name, struct stat *st, int flags)
{
	return fails() ? -1 : sys_posix.fstatat(dir, name, st, flags);
}

static ssize_t
faulty_write(int fd, const void *buf, size_t n)
{
	return fails() ? -1 : sys_posix.write(fd, buf, n);
}

static int
faulty_fsync(int fd)
{
	return fails() ? -1 : sys_posix.fsync(fd);
}

static int
faulty_linkat(int fromdir, const char *from, int todir, const char *to)
{
	return fails() ? -1 : sys_posix.linkat(fromdir, from, todir, to);
}

static int
faulty_renameat(int fromdir, const char *from, int todir, const char *to)
{
	return fails() ? -1 : sys_posix.renameat(fromdir, from, todir, to);
}

static int
faulty_getrandom(void *buf, size_t n)
{
	return fails() ? -1 : sys_posix.getrandom(buf, n);
}

/* Success, whole; or an error that names the file, which is then not there, or as it was, or (only
 * the directory's fsync failed) whole.  Returns whether the fault fired. */
static bool
survive(int nth, bool force)
{
	auditq_error err = { 0 };
	char name[64];

	calls_left = nth;
	fired = false;
	(void)snprintf(
	    name, sizeof name, "call %d, errno %d, force %d", nth, fault_errno, force);
	if (force)
		write_file("file", "old");
	int r = export(2, 0, "file", force, NULL, &err);
	const bool happened = fired;
	fired = true; /* what follows looks, and is not tested */
	const bool there = access("file", F_OK) == 0;
	const bool whole = r == 0 || strstr(err.text, "sync its directory") != NULL;
	if (whole || force)
		expect_file(name, "file", whole ? "{\"a\":1}\n{\"a\":1}\n" : "old");
	else if (there)
		fail_msg("%s: there, though '%s'", name, err.text);
	if (r < 0 && (strcmp(err.path, "file") != 0 || err.text[0] == '\0'))
		fail_msg("%s: '%s' does not name the file", name, err.text);
	if (there)
		assert_int_equal(unlink("file"), 0);
	if (names()[0] != '\0')
		fail_msg("%s: left %s", name, names());
	return happened;
}

static void
faults(void **state)
{
	static const int errors[] = { EIO, ENOSPC, EPERM, ENOENT };
	struct sys_ops ops = sys_posix;

	(void)state;
	ops.openat = faulty_openat;
	ops.fstatat = faulty_fstatat;
	ops.write = faulty_write;
	ops.fsync = faulty_fsync;
	ops.linkat = faulty_linkat;
	ops.renameat = faulty_renameat;
	ops.getrandom = faulty_getrandom;
	sys = &ops;
	for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++)
		for (int force = 0; force < 2; force++) {
			int n = 0;
			fault_errno = errors[e];
			while (survive(n, force))
				n++;
			assert_in_range(n, 7, 12);
		}
	sys = &sys_posix;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(options),
		cmocka_unit_test(faults),
	};

	return cmocka_run_group_tests_name("export", tests, enter_scratch, leave_scratch);
}
