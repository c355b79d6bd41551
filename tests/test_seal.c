/* seal - a plain segment becomes its archive; interrupted anywhere, one of the two is complete. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/wait.h>

#include "faults.h"
#include "made.h"
#include "sanitizer.h"
#include "seal.h"

#define PARTITION "date=2025-10-23"
#define NAME      "svc.00112233445566aa.000001.jsonl"
#define NOON      (INT64_C(20384) * CLOCK_DAY + CLOCK_DAY / 2)

static const struct seal_options quick = { 1, 0640, NULL };

struct place {
	char dir[SCRATCH_MAX];
	int dirfd; /* the partition */
};

static void
place_open(struct place *p)
{
	char path[SCRATCH_MAX + 32];

	scratch_make(p->dir);
	(void)snprintf(path, sizeof path, "%s/" PARTITION, p->dir);
	assert_int_equal(mkdir(path, 0750), 0);
	p->dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->dirfd >= 0);
}

static void
place_close(struct place *p)
{
	(void)close(p->dirfd);
	scratch_remove(p->dir);
}

static void
put_file(const struct place *p, const char *name, const char *data, size_t n)
{
	const int fd = openat(p->dirfd, name, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
	(void)close(fd);
}

static bool
exists(const struct place *p, const char *name)
{
	return faccessat(p->dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A segment of n lines, of a few hundred bytes each. */
static char *
make_lines(uint64_t n, size_t *size)
{
	char *data = malloc(n * 700 + 1), rec[MADE_MAX];
	size_t at = 0;

	assert_non_null(data);
	for (uint64_t seq = 1; seq <= n; seq++) {
		const struct ring_record r =
		    made_record(rec, seq, NOON, (unsigned)(1 + seq * 37 % 500));

		at += (size_t)sprintf(data + at, "%.*s%llu%s\n", (int)r.splice, r.p,
		    (unsigned long long)seq, r.p + r.splice);
	}
	*size = at;
	return data;
}

/* The lines that the partition shows are exactly these. */
static void
check(const struct place *p, const char *name, const char *data, size_t n)
{
	struct scratch_lines lines = scratch_read(p->dir);
	size_t at = 0;

	for (size_t i = 0; i < lines.n; i++) {
		const struct scratch_line *l = &lines.line[i];

		if (at + l->n + !l->torn > n || memcmp(data + at, l->text, l->n) != 0)
			fail_msg("%s: line %zu of %s: %.200s", name, i, l->file, l->text);
		at += l->n + !l->torn;
	}
	if (at != n)
		fail_msg("%s: %zu bytes of %zu", name, at, n);
	scratch_free(&lines);
}

/* ---- contents ---- */

static void
test_contents(void **state)
{
	static const struct {
		const char *name, *data;
		size_t n;      /* 0: its length */
		size_t sealed; /* bytes that are whole lines; 0: nothing is left */
	} cases[] = {
		{ "one line", "{\"seq\":1}\n", 0, 10 },
		{ "two lines", "{\"seq\":1}\n{\"seq\":2}\n", 0, 20 },
		{ "a torn tail", "{\"seq\":1}\n{\"se", 0, 10 },
		{ "a tail of NULs", "{\"seq\":1}\n\0\0\0\0", 14, 10 },
		{ "NULs within", "{\"seq\":1}\n\0\0\0\n{\"seq\":2}\n", 24, 24 },
		{ "blank lines", "\n\n{\"seq\":1}\n\n", 0, 13 },
		{ "no JSON", "what\nelse\n", 0, 10 },
		{ "carriage returns", "{\"seq\":1}\r\n{\"seq\":2}\r\n", 0, 22 },
		{ "empty", "", 0, 0 },
		{ "only a torn line", "{\"seq\":1}", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const size_t n = cases[i].n > 0 ? cases[i].n : strlen(cases[i].data);
		uint8_t digest[32] = { 1, 2, 3 }, before[32];
		alog_error err = { 0 };
		struct place p;

		memcpy(before, digest, 32);
		place_open(&p);
		put_file(&p, NAME, cases[i].data, n);
		if (seal_segment(p.dirfd, NAME, &quick, digest, &err) < 0)
			fail_msg("%s: %s", cases[i].name, err.text);
		check(&p, cases[i].name, cases[i].data, cases[i].sealed);
		if (exists(&p, NAME) || exists(&p, NAME ".gz.tmp") ||
		    exists(&p, NAME ".gz") != (cases[i].sealed > 0) ||
		    (memcmp(digest, before, 32) == 0) != (cases[i].sealed == 0))
			fail_msg("%s: what is left", cases[i].name);
		place_close(&p);
	}
}

/* Lines around the size of a block that is read, and one longer than several. */
static void
test_long_lines(void **state)
{
	static const size_t sizes[] = { 1, 1048574, 1048575, 1048576, 1048577, 3500000 };
	char *data = malloc(8 << 20);

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		uint8_t digest[32] = { 0 };
		struct place p;
		size_t n = 0;

		place_open(&p);
		for (size_t k = 0; k < 2; k++) {
			n += (size_t)sprintf(data + n, "{\"seq\":%zu,\"x\":\"", k + 1);
			memset(data + n, 'a' + (int)k, sizes[i]);
			n += sizes[i];
			n += (size_t)sprintf(data + n, "\"}\n");
		}
		put_file(&p, NAME, data, n);
		assert_int_equal(seal_segment(p.dirfd, NAME, &quick, digest, NULL), 0);
		check(&p, "long", data, n);
		place_close(&p);
	}
	free(data);
}

/* The footer tells numbers, count, digest and the digest before. */
static void
test_footer(void **state)
{
	uint8_t digest[32] = { 0 }, one[32];
	struct format_footer total;
	struct stat st;
	struct place p;
	size_t n;
	char *data = make_lines(3000, &n);
	int fd;

	(void)state;
	place_open(&p);
	put_file(&p, NAME, data, n);
	assert_int_equal(seal_segment(p.dirfd, NAME, &quick, digest, NULL), 0);
	memcpy(one, digest, 32);
	put_file(&p, "svc.00112233445566aa.000002.jsonl", "{\"seq\":3001}\n", 13);
	assert_int_equal(
	    seal_segment(p.dirfd, "svc.00112233445566aa.000002.jsonl", &quick, digest, NULL),
	    0);
	fd = openat(p.dirfd, "svc.00112233445566aa.000002.jsonl.gz", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(archive_read_footer(fd, (uint64_t)st.st_size, "x", &total, NULL), 0);
	assert_int_equal(st.st_mode & 07777, 0640 & ~umask(umask(0)));
	assert_int_equal(total.lines, 1);
	assert_true(total.seqs);
	assert_int_equal(total.last_seq, 3001);
	assert_memory_equal(total.whole, digest, 32);
	assert_memory_equal(total.previous, one, 32);
	(void)close(fd);
	free(data);
	place_close(&p);
}

/* ---- what is in the way ---- */

static void
test_in_the_way(void **state)
{
	static const struct {
		const char *name, *before;
		int want;
	} cases[] = {
		{ "what a killed seal left", "head -c 100 /dev/zero >" NAME ".gz.tmp", 0 },
		{ "a link under the temporary name", "ln -s ../other " NAME ".gz.tmp", 0 },
		{ "a directory under the temporary name", "mkdir " NAME ".gz.tmp", ALOG_EIO },
		{ "a damaged archive", "echo x >" NAME ".gz", 0 },
		{ "an archive that is a directory", "mkdir -p " NAME ".gz/x", ALOG_EIO },
		{ "a link instead of the segment", "mv " NAME " ../x && ln -s ../x " NAME,
		    ALOG_EIO },
		{ "no segment", "rm " NAME, ALOG_EIO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t digest[32] = { 7 }, before[32] = { 7 };
		char command[2 * SCRATCH_MAX];
		alog_error err = { 0 };
		struct place p;
		int rc;

		place_open(&p);
		put_file(&p, NAME, "{\"seq\":1}\n", 10);
		(void)snprintf(command, sizeof command,
		    "cd %s && echo y >other && cd " PARTITION " && %s", p.dir, cases[i].before);
		assert_int_equal(system(command), 0);
		rc = seal_segment(p.dirfd, NAME, &quick, digest, &err);
		if (rc != cases[i].want)
			fail_msg("%s: %d %s", cases[i].name, rc, err.text);
		if (rc < 0)
			assert_memory_equal(digest, before, 32);
		else
			check(&p, cases[i].name, "{\"seq\":1}\n", 10);
		(void)snprintf(command, sizeof command, "test y = $(cat %s/other)", p.dir);
		if (system(command) != 0)
			fail_msg("%s: a file elsewhere was written", cases[i].name);
		place_close(&p);
	}
}

static void
test_cancel(void **state)
{
	atomic_bool cancel = true;
	const struct seal_options opt = { 1, 0640, &cancel };
	uint8_t digest[32] = { 7 }, before[32] = { 7 };
	struct place p;
	size_t n;
	char *data = make_lines(100, &n);

	(void)state;
	place_open(&p);
	put_file(&p, NAME, data, n);
	assert_int_equal(seal_segment(p.dirfd, NAME, &opt, digest, NULL), ALOG_ETIMEOUT);
	assert_memory_equal(digest, before, 32);
	assert_true(exists(&p, NAME));
	assert_false(exists(&p, NAME ".gz"));
	assert_false(exists(&p, NAME ".gz.tmp"));
	atomic_store(&cancel, false);
	assert_int_equal(seal_segment(p.dirfd, NAME, &opt, digest, NULL), 0);
	check(&p, "cancel", data, n);
	free(data);
	place_close(&p);
}

/* ---- interrupted at each call: by a failure, and by death ---- */

static void
seal_with_fault(const struct place *p, enum fault kind, long n, bool *fired)
{
	uint8_t digest[32] = { 7 }, before[32] = { 7 };
	int rc;

	faults_begin(kind, n, ENOSPC);
	rc = seal_segment(p->dirfd, NAME, &quick, digest, NULL);
	*fired = faults_end();
	if ((rc == 0) != (memcmp(digest, before, 32) != 0))
		fail_msg("call %ld: %d, but the digest", n, rc);
	if (rc == 0 && exists(p, NAME))
		fail_msg("call %ld: the plain file is left", n);
	if (rc < 0 && !exists(p, NAME))
		fail_msg("call %ld: the plain file is gone", n);
}

static void
seal_and_die(const struct place *p, long n, bool *fired)
{
	const pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		uint8_t digest[32] = { 0 };

		faults_begin(FAULT_DIE, n, 0);
		_exit(seal_segment(p->dirfd, NAME, &quick, digest, NULL) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*fired = WIFSIGNALED(status);
	if (!*fired)
		assert_int_equal(WEXITSTATUS(status), 0);
}

static void
test_interrupted(void **state)
{
	static const enum fault kinds[] = { FAULT_FAIL, FAULT_FOREVER, FAULT_SHORT, FAULT_DIE };
	size_t size;
	char *data = make_lines(4000, &size);

	(void)state;
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
		bool fired = true;

		for (long n = 0; fired; n += BY_SANITIZER(1, 1, 3)) {
			uint8_t digest[32] = { 0 };
			char name[64];
			struct place p;

			(void)snprintf(name, sizeof name, "fault %zu, call %ld", k, n);
			place_open(&p);
			put_file(&p, NAME, data, size);
			if (kinds[k] == FAULT_DIE)
				seal_and_die(&p, n, &fired);
			else
				seal_with_fault(&p, kinds[k], n, &fired);
			check(&p, name, data, size);
			/* Done again, unless it was done. */
			if (exists(&p, NAME) &&
			    seal_segment(p.dirfd, NAME, &quick, digest, NULL) < 0)
				fail_msg("%s: cannot be repeated", name);
			check(&p, name, data, size);
			if (exists(&p, NAME) || exists(&p, NAME ".gz.tmp"))
				fail_msg("%s: something is left", name);
			place_close(&p);
		}
	}
	free(data);
}

/* A link that stands where the temporary file is to be made is not written through, though it came behind its removal. */
static int
no_unlinkat(int at, const char *name, int flags)
{
	(void)at;
	(void)name;
	(void)flags;
	return 0;
}

static void
test_link_in_the_way(void **state)
{
	struct sys_ops ops = sys_posix;
	uint8_t digest[32] = { 0 };
	alog_error err = { 0 };
	struct place p;
	struct stat st;
	size_t n;
	char *lines = make_lines(3, &n);

	(void)state;
	place_open(&p);
	put_file(&p, NAME, lines, n);
	put_file(&p, "precious", "", 0);
	assert_int_equal(symlinkat("precious", p.dirfd, NAME ".gz.tmp"), 0);
	ops.unlinkat = no_unlinkat;
	sys = &ops;
	assert_int_equal(seal_segment(p.dirfd, NAME, &quick, digest, &err), ALOG_EIO);
	sys = &sys_posix;
	assert_int_equal(err.os_errno, EEXIST);
	assert_int_equal(fstatat(p.dirfd, "precious", &st, 0), 0);
	assert_int_equal(st.st_size, 0);
	assert_true(exists(&p, NAME));
	free(lines);
	place_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_footer),
		cmocka_unit_test(test_in_the_way),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_link_in_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
