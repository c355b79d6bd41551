/* pack - lines to archives and rejects; the same input twice; every system call failing. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "auditq.h"
#include "scratch.h"
#include "sys.h"

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
	sys = &sys_posix;
	scratch_remove(scratch);
	return chdir("/");
}

/* ---- what lies below a root, as one text ---- */

static char *paths[64];
static size_t npaths;

static int
collect_path(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	if (ftw->level > 0 && npaths < sizeof paths / sizeof paths[0])
		paths[npaths++] = strdup(path);
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
show_lines(FILE *to, const char *path)
{
	static char line[1 << 16];
	gzFile gz = gzopen(path, "rb");

	while (gz != NULL && gzgets(gz, line, sizeof line) != NULL)
		fprintf(to, "  %s", line);
	if (gz != NULL)
		gzclose(gz);
}

/* Names, the id in them as ID, each file's lines behind its own.  The caller frees it. */
static char *
show(const char *root)
{
	char *text = NULL;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	npaths = 0;
	(void)nftw(root, collect_path, 16, FTW_PHYS);
	qsort(paths, npaths, sizeof *paths, by_name);
	for (size_t i = 0; i < npaths; i++) {
		const char *name = strrchr(paths[i], '/') + 1, *id = strstr(name, "pack-");
		if (id != NULL)
			fprintf(
			    to, "%.*sID%s\n", (int)(id + 5 - name), name, strchr(name, '.'));
		else
			fprintf(to, "%s\n", name);
		show_lines(to, paths[i]);
		free(paths[i]);
	}
	fclose(to);
	return text;
}

static void
expect_tree(const char *name, const char *root, const char *want)
{
	char *got = show(root);

	if (strcmp(got, want) != 0)
		fail_msg("%s: got\n%s\nwant\n%s", name, got, want);
	free(got);
}

/* ---- packing ---- */

static void
write_file(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static int
pack_with(const char *input, const char *ts, const char *reject, auditq_pack_result *out,
    auditq_error *err)
{
	const auditq_pack_options opt = {
		.size = sizeof opt, .root = "root", .ts = ts, .reject = reject
	};

	*out = (auditq_pack_result){ .size = sizeof *out };
	return auditq_pack(&input, 1, &opt, out, err);
}

static int
pack(const char *input, auditq_pack_result *out)
{
	return pack_with(input, NULL, NULL, out, NULL);
}

static const struct {
	const char *name, *ts, *input, *want;
	uint64_t lines, packed, rejected;
} cases[] = {
	{ "by day, by time, stable", NULL,
	    "{\"ts\":\"2025-10-24T00:00:00Z\",\"n\":1}\n"
	    "{\"ts\":\"2025-10-23T23:59:59.999999999Z\",\"n\":2}\n"
	    "{\"ts\":\"2025-10-23T12:00:00+02:00\",\"n\":3}\n"
	    "{\"ts\":\"2025-10-23T10:00:00Z\",\"n\":4}\n",
	    "date=2025-10-23\npack-ID.000001.jsonl.gz\n"
	    "  {\"ts\":\"2025-10-23T12:00:00+02:00\",\"n\":3}\n"
	    "  {\"ts\":\"2025-10-23T10:00:00Z\",\"n\":4}\n"
	    "  {\"ts\":\"2025-10-23T23:59:59.999999999Z\",\"n\":2}\n"
	    "date=2025-10-24\npack-ID.000002.jsonl.gz\n"
	    "  {\"ts\":\"2025-10-24T00:00:00Z\",\"n\":1}\n",
	    4, 4, 0 },
	{ "times of many kinds", NULL,
	    "{\"@timestamp\":\"2025-10-23 01:00:00\"}\n"
	    "{\"timestamp\":1761181201}\n"
	    "{\"time\":1761181202000}\n"
	    "{\"eventTime\":1761181203000000}\n"
	    "{\"ts\":1761181204000000000}\n"
	    "{\"ts\":1761181205.5}\n"
	    "{\"ts\":\"yesterday\",\"time\":\"2025-10-23T01:00:06Z\"}\n",
	    "date=2025-10-23\npack-ID.000001.jsonl.gz\n"
	    "  {\"@timestamp\":\"2025-10-23 01:00:00\"}\n"
	    "  {\"timestamp\":1761181201}\n"
	    "  {\"time\":1761181202000}\n"
	    "  {\"eventTime\":1761181203000000}\n"
	    "  {\"ts\":1761181204000000000}\n"
	    "  {\"ts\":1761181205.5}\n"
	    "  {\"ts\":\"yesterday\",\"time\":\"2025-10-23T01:00:06Z\"}\n",
	    7, 7, 0 },
	{ "bytes kept", NULL,
	    "\xef\xbb\xbf{\"ts\": \"1970-01-01T00:00:00Z\", \"a\":\"\x80\"}\r\n"
	    "\n \t\r\n"
	    "{\"ts\":\"1970-01-01T00:00:00Z\",\"a\":\"\\u0000\"}",
	    "date=1970-01-01\npack-ID.000001.jsonl.gz\n"
	    "  {\"ts\": \"1970-01-01T00:00:00Z\", \"a\":\"\x80\"}\r\n"
	    "  {\"ts\":\"1970-01-01T00:00:00Z\",\"a\":\"\\u0000\"}\n",
	    2, 2, 0 },
	{ "a key of one's own", "at.when", "{\"ts\":\"2025-10-23\",\"at\":{\"when\":86400}}\n",
	    "date=1970-01-02\npack-ID.000001.jsonl.gz\n"
	    "  {\"ts\":\"2025-10-23\",\"at\":{\"when\":86400}}\n",
	    1, 1, 0 },
	{ "the ends of time", NULL,
	    "{\"ts\":\"2262-04-11T23:47:16Z\"}\n{\"ts\":\"2262-04-12T00:00:00Z\"}\n"
	    "{\"ts\":\"1677-09-21T00:12:44Z\"}\n",
	    "_pack-ID.reject.jsonl\n"
	    "  {\"source\":\"in\",\"line\":2,\"reason\":\"no usable time in ts, @timestamp, timestamp, "
	    "time, eventTime\",\"text\":\"{\\\"ts\\\":\\\"2262-04-12T00:00:00Z\\\"}\"}\n"
	    "date=1677-09-21\npack-ID.000001.jsonl.gz\n  {\"ts\":\"1677-09-21T00:12:44Z\"}\n"
	    "date=2262-04-11\npack-ID.000002.jsonl.gz\n  {\"ts\":\"2262-04-11T23:47:16Z\"}\n",
	    3, 2, 1 },
	{ "rejected", "t",
	    "{\"t\":1761181200}\n"
	    "nonsense\n"
	    "{\"t\":\"\"}\n"
	    "[1]\n"
	    "{\"t\":1}{}\n"
	    "\x01\x80\n",
	    "_pack-ID.reject.jsonl\n"
	    "  {\"source\":\"in\",\"line\":2,\"reason\":\"no JSON object: WHY\",\"text\":\"nonsense\"}\n"
	    "  {\"source\":\"in\",\"line\":3,\"reason\":\"no usable time in t\",\"text\":\"{\\\"t\\\":"
	    "\\\"\\\"}\"}\n"
	    "  {\"source\":\"in\",\"line\":4,\"reason\":\"no JSON object: WHY\",\"text\":\"[1]\"}\n"
	    "  {\"source\":\"in\",\"line\":5,\"reason\":\"no JSON object: WHY\",\"text\":\"{\\\"t\\\":1}"
	    "{}\"}\n"
	    "  {\"source\":\"in\",\"line\":6,\"reason\":\"no JSON object: WHY\",\"text\":\"\\u0001"
	    "\xef\xbf\xbd\"}\n"
	    "date=2025-10-23\npack-ID.000001.jsonl.gz\n  {\"t\":1761181200}\n",
	    6, 1, 5 },
	{ "only rejects", NULL, "{}\n",
	    "_pack-ID.reject.jsonl\n"
	    "  {\"source\":\"in\",\"line\":1,\"reason\":\"no usable time in ts, @timestamp, timestamp, "
	    "time, eventTime\",\"text\":\"{}\"}\n",
	    1, 0, 1 },
	{ "nothing", NULL, "\n\r\n", "", 0, 0, 0 },
};

/* The parser's own words are its tests' business. */
static void
blur_reasons(char *text)
{
	static const char lead[] = "no JSON object: ";

	for (char *p = text; (p = strstr(p, lead)) != NULL;) {
		p += strlen(lead);
		char *end = strchr(p, '"');
		memmove(p + 3, end, strlen(end) + 1);
		memcpy(p, "WHY", 3);
	}
}

static void
lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		auditq_pack_result r;
		write_file("in", cases[i].input, strlen(cases[i].input));
		assert_int_equal(pack_with("in", cases[i].ts, NULL, &r, NULL), 0);
		char *got = show("root");
		blur_reasons(got);
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s: got\n%s\nwant\n%s", cases[i].name, got, cases[i].want);
		if (r.lines != cases[i].lines || r.packed != cases[i].packed ||
		    r.rejected != cases[i].rejected)
			fail_msg("%s: %d lines, %d packed, %d rejected", cases[i].name,
			    (int)r.lines, (int)r.packed, (int)r.rejected);
		free(got);
		scratch_remove("root");
	}
}

#define TWO_DAYS                                                                               \
	"{\"ts\":\"2025-10-23T01:00:00Z\"}\n{\"ts\":\"2025-10-24T01:00:00Z\"}\nnonsense\n"

/* Plain and gzip are the same input, and so is a part of what was packed before. */
static void
again(void **state)
{
	auditq_pack_result first, r;
	char *before, path[512];
	gzFile gz = gzopen("in.gz", "wb");

	(void)state;
	write_file("in", TWO_DAYS, strlen(TWO_DAYS));
	assert_int_equal(gzwrite(gz, TWO_DAYS, strlen(TWO_DAYS)), strlen(TWO_DAYS));
	assert_int_equal(gzclose(gz), Z_OK);
	assert_int_equal(pack("in", &first), 0);
	assert_int_equal(first.archives, 2);
	assert_int_equal(first.partitions, 2);
	before = show("root");

	assert_int_equal(pack("in", &r), 0);
	assert_string_equal(r.id, first.id);
	assert_int_equal(r.archives, 0);
	assert_int_equal(r.skipped_archives, 2);
	assert_int_equal(pack("in.gz", &r), 0);
	assert_string_equal(r.id, first.id);
	assert_int_equal(r.skipped_archives, 2);
	expect_tree("again", "root", before);

	(void)snprintf(
	    path, sizeof path, "root/date=2025-10-24/pack-%.32s.000002.jsonl.gz", r.id);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(pack("in", &r), 0);
	assert_int_equal(r.archives, 1);
	assert_int_equal(r.skipped_archives, 1);
	expect_tree("completed", "root", before);

	assert_int_equal(pack_with("in", "other", NULL, &r, NULL), 0);
	assert_string_not_equal(r.id, first.id);
	free(before);
	scratch_remove("root");
}

/* What stands under our name but is not ours is not touched. */
static void
existing(void **state)
{
	auditq_pack_result r;
	auditq_error err = { 0 };
	char path[512], *before;

	(void)state;
	write_file("in", TWO_DAYS, strlen(TWO_DAYS));
	assert_int_equal(pack("in", &r), 0);
	(void)snprintf(
	    path, sizeof path, "root/date=2025-10-24/pack-%.32s.000002.jsonl.gz", r.id);
	write_file(path, "x", 1);
	before = show("root");
	assert_int_equal(pack_with("in", NULL, NULL, &r, &err), AUDITQ_ECORRUPT);
	assert_non_null(strstr(err.path, "date=2025-10-24"));
	expect_tree("existing", "root", before);
	free(before);
	scratch_remove("root");
}

static void
reject_file(void **state)
{
	auditq_pack_result r;
	auditq_error err = { 0 };

	(void)state;
	write_file("in", TWO_DAYS, strlen(TWO_DAYS));
	write_file("mine", "x", 1);
	assert_int_equal(pack_with("in", NULL, "mine", &r, &err), AUDITQ_EEXIST);
	assert_string_equal(err.path, "mine");
	expect_tree("refused", "root", "");
	assert_int_equal(unlink("mine"), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pack_with("in", NULL, "mine", &r, &err), 0);
		assert_string_equal(r.reject, "mine");
		assert_int_equal(access("mine", R_OK), 0);
	}
	assert_int_equal(unlink("mine"), 0);
	scratch_remove("root");
}

static void
wrong_arguments(void **state)
{
	auditq_pack_options opt = { .size = sizeof opt, .root = "root" };
	const char *missing = "missing", *input = "in";
	char key[80] = "";
	auditq_error err = { 0 };

	(void)state;
	write_file("in", "", 0);
	assert_int_equal(auditq_pack(&input, 0, &opt, NULL, NULL), AUDITQ_EINVAL);
	assert_int_equal(auditq_pack(&input, 1, NULL, NULL, NULL), AUDITQ_EINVAL);
	assert_int_equal(auditq_pack(&missing, 1, &opt, NULL, &err), AUDITQ_ENOENT);
	assert_string_equal(err.path, "missing");
	opt.gzip_level = 13;
	assert_int_equal(auditq_pack(&input, 1, &opt, NULL, NULL), AUDITQ_EINVAL);
	opt.gzip_level = 0;
	opt.ts = key;
	assert_int_equal(auditq_pack(&input, 1, &opt, NULL, NULL), AUDITQ_EINVAL);
	memset(key, 'k', sizeof key - 1);
	assert_int_equal(auditq_pack(&input, 1, &opt, NULL, NULL), AUDITQ_EINVAL);
	assert_int_equal(access("root", F_OK), -1);
}

/* ---- much, and long ---- */

/* More than the sorter holds, backwards; and one line that is too long for anything. */
static void
large(void **state)
{
	enum { LINES = 100000, LONG = (16 << 20) + 1 };
	FILE *f = fopen("in", "wb");
	auditq_pack_result r;
	char *got;
	long before = LONG_MIN;

	(void)state;
	for (int i = LINES; i > 0; i--)
		fprintf(f, "{\"ts\":%d,\"pad\":\"%0400d\"}\n", 1761177600 + i / 2, i);
	for (int i = 0; i < LONG; i++)
		fputc('x', f);
	fputs("\n", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(pack("in", &r), 0);
	assert_int_equal(r.lines, LINES + 1);
	assert_int_equal(r.packed, LINES);
	assert_int_equal(r.rejected, 1);
	got = show("root");
	assert_non_null(strstr(got, "\"line\":100001,\"reason\":\"longer than 16 MiB\"}\n"));
	int seen = 0;
	for (char *p = got; (p = strchr(p, '\n')) != NULL;
	     seen += strncmp(p, "  {\"ts\":", 8) == 0) {
		p++;
		if (strncmp(p, "  {\"ts\":", 8) != 0)
			continue;
		long ts = strtol(p + 8, NULL, 10);
		assert_true(ts >= before);
		before = ts;
	}
	assert_int_equal(seen, LINES);
	free(got);
	scratch_remove("root");
}

/* ---- every system call fails, one at a time ---- */

static struct {
	int call; /* which of the calls below */
	int left; /* this many more of them succeed */
	int error;
	bool fired;
} fault;

enum { OPENAT, WRITE, FSYNC, FSTAT, FSTATAT, MKDIRAT, RENAMEAT, FLOCK, PREAD, UNLINKAT, CALLS };

static bool
fails(int call)
{
	if (call != fault.call || fault.fired || fault.left-- > 0)
		return false;
	fault.fired = true;
	errno = fault.error;
	return true;
}

static int
faulty_openat(int dir, const char *name, int flags, mode_t mode)
{
	return fails(OPENAT) ? -1 : sys_posix.openat(dir, name, flags, mode);
}

static ssize_t
faulty_write(int fd, const void *buf, size_t n)
{
	return fails(WRITE) ? -1 : sys_posix.write(fd, buf, n);
}

static int
faulty_fsync(int fd)
{
	return fails(FSYNC) ? -1 : sys_posix.fsync(fd);
}

static int
faulty_fstat(int fd, struct stat *st)
{
	return fails(FSTAT) ? -1 : sys_posix.fstat(fd, st);
}

static int
faulty_fstatat(int dir, const char *name, struct stat *st, int flags)
{
	return fails(FSTATAT) ? -1 : sys_posix.fstatat(dir, name, st, flags);
}

static int
faulty_mkdirat(int dir, const char *name, mode_t mode)
{
	return fails(MKDIRAT) ? -1 : sys_posix.mkdirat(dir, name, mode);
}

static int
faulty_renameat(int fromdir, const char *from, int todir, const char *to)
{
	return fails(RENAMEAT) ? -1 : sys_posix.renameat(fromdir, from, todir, to);
}

static int
faulty_flock(int fd, int op)
{
	return fails(FLOCK) ? -1 : sys_posix.flock(fd, op);
}

static ssize_t
faulty_pread(int fd, void *buf, size_t n, off_t off)
{
	return fails(PREAD) ? -1 : sys_posix.pread(fd, buf, n, off);
}

static int
faulty_unlinkat(int dir, const char *name, int flags)
{
	return fails(UNLINKAT) ? -1 : sys_posix.unlinkat(dir, name, flags);
}

/* One run with the fault: all of it is there, or nothing; what is left behind by an unlink that
 * failed has a name that no reader looks at.  Then a run without completes it. */
static bool
survive(const char *whole)
{
	auditq_pack_result r;
	auditq_error err = { 0 };
	int rc = pack_with("in", NULL, NULL, &r, &err);
	bool fired = fault.fired;
	char name[64];

	(void)snprintf(name, sizeof name, "call %d, error %d: %d", fault.call, fault.error, rc);
	fault.fired = true;
	if (rc == 0 && fault.call != UNLINKAT)
		expect_tree(name, "root", whole);
	if (rc < 0 && fault.call != UNLINKAT)
		expect_tree(name, "root", "");
	if (rc < 0 && (err.text[0] == '\0' || err.path[0] == '\0'))
		fail_msg("%s: '%s' does not name the file", name, err.text);
	if (pack("in", &r) < 0)
		fail_msg("%s: and not the next time either", name);
	if (fault.call != UNLINKAT)
		expect_tree(name, "root", whole);
	scratch_remove("root");
	return fired;
}

static void
faults(void **state)
{
	static const int errors[] = { EIO, ENOSPC, EMFILE, ENOENT };
	struct sys_ops ops = sys_posix;
	auditq_pack_result r;
	char *whole;

	(void)state;
	write_file("in", TWO_DAYS, strlen(TWO_DAYS));
	assert_int_equal(pack("in", &r), 0);
	whole = show("root");
	scratch_remove("root");
	ops.openat = faulty_openat;
	ops.write = faulty_write;
	ops.fsync = faulty_fsync;
	ops.fstat = faulty_fstat;
	ops.fstatat = faulty_fstatat;
	ops.mkdirat = faulty_mkdirat;
	ops.renameat = faulty_renameat;
	ops.flock = faulty_flock;
	ops.pread = faulty_pread;
	ops.unlinkat = faulty_unlinkat;
	sys = &ops;
	for (int call = 0; call < CALLS; call++) {
		for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
			int n = 0;
			do {
				fault.call = call;
				fault.left = n;
				fault.error = errors[e];
				fault.fired = false;
			} while (survive(whole) && ++n < 1000);
			if (n == 0)
				fail_msg("call %d is never made", call);
		}
	}
	sys = &sys_posix;
	free(whole);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(again),
		cmocka_unit_test(existing),
		cmocka_unit_test(reject_file),
		cmocka_unit_test(wrong_arguments),
		cmocka_unit_test(large),
		cmocka_unit_test(faults),
	};

	return cmocka_run_group_tests_name("pack", tests, enter_scratch, leave_scratch);
}
