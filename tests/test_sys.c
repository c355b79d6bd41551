/* sys - the real calls on a scratch directory, and the resuming ones on scripted failures. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"
#include "sys.h"

static struct sys_ops ops; /* what sys points to during a test */
static int scratch = -1;   /* an empty directory */
static char scratch_path[SCRATCH_MAX];

static int
make_scratch(void **state)
{
	(void)state;
	ops = sys_posix;
	sys = &ops;
	scratch_make(scratch_path);
	scratch = sys->openat(AT_FDCWD, scratch_path, O_RDONLY | O_DIRECTORY, 0);
	return scratch < 0 ? -1 : 0;
}

static int
remove_scratch(void **state)
{
	(void)state;
	sys = &sys_posix;
	(void)close(scratch);
	scratch_remove(scratch_path);
	return 0;
}

static int
open_file(const char *name)
{
	const int fd = sys->openat(scratch, name, O_RDWR | O_CREAT | O_EXCL, 0640);

	assert_true(fd >= 0);
	return fd;
}

/* ---- scripted calls: each takes the next step -------------------------------------------- */

struct step {
	int error; /* 0: a success of at most `most` bytes */
	size_t most;
};

static const struct step *steps; /* ends with most SIZE_MAX, which is repeated */
static unsigned step_calls;

static const struct step *
next_step(void)
{
	const struct step *s = steps;

	if (s->most != SIZE_MAX)
		steps++;
	step_calls++;
	errno = s->error;
	return s;
}

static ssize_t
scripted_write(int fd, const void *buf, size_t n)
{
	const struct step *s = next_step();

	if (s->error != 0)
		return -1;
	return s->most == 0 ? 0 : write(fd, buf, n < s->most ? n : s->most);
}

static ssize_t
scripted_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	const struct step *s = next_step();

	if (s->error != 0)
		return -1;
	return s->most == 0 ? 0 : pwrite(fd, buf, n < s->most ? n : s->most, off);
}

static ssize_t
scripted_pread(int fd, void *buf, size_t n, off_t off)
{
	const struct step *s = next_step();

	if (s->error != 0)
		return -1;
	return s->most == 0 ? 0 : pread(fd, buf, n < s->most ? n : s->most, off);
}

static int
scripted_fsync(int fd)
{
	(void)fd;
	return next_step()->error != 0 ? -1 : 0;
}

static struct dirent *
scripted_readdir(DIR *d)
{
	return next_step()->error != 0 ? NULL : sys_posix.readdir(d);
}

static DIR *
no_fdopendir(int fd)
{
	(void)fd;
	errno = ENOMEM;
	return NULL;
}

#define LAST                                                                                   \
	{                                                                                      \
		0, SIZE_MAX                                                                    \
	}

static const struct {
	const char *name;
	struct step steps[6];
	int error;   /* expected errno; 0: success */
	size_t done; /* of 10 bytes */
} writes[] = {
	{ "at once", { LAST }, 0, 10 },
	{ "byte by byte", { { 0, 1 }, { 0, 1 }, { 0, 1 }, LAST }, 0, 10 },
	{ "interrupted", { { EINTR, 0 }, { EINTR, 0 }, LAST }, 0, 10 },
	{ "short, interrupted", { { 0, 3 }, { EINTR, 0 }, { 0, 3 }, LAST }, 0, 10 },
	{ "full at once", { { ENOSPC, 0 } }, ENOSPC, 0 },
	{ "full after a while", { { 0, 4 }, { EINTR, 0 }, { 0, 2 }, { ENOSPC, 0 } }, ENOSPC,
	    6 },
	{ "takes nothing", { { 0, 4 }, { 0, 0 } }, EIO, 4 },
};

static void
test_write_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
		const int fd = open_file(writes[i].name);
		char back[16] = { 0 };
		size_t done = 99;
		int r;

		steps = writes[i].steps;
		ops.write = scripted_write;
		r = sys_write_all(fd, "0123456789", 10, &done);
		if (r != (writes[i].error != 0 ? -1 : 0) || done != writes[i].done)
			fail_msg("%s: %d, %zu", writes[i].name, r, done);
		if (r < 0)
			assert_int_equal(errno, writes[i].error);
		assert_int_equal(sys_pread_all(fd, back, sizeof back, 0), writes[i].done);
		assert_memory_equal(back, "0123456789", writes[i].done);
		assert_int_equal(sys->close(fd), 0);
	}
	step_calls = 0;
	assert_int_equal(sys_write_all(-1, NULL, 0, NULL), 0);
	assert_int_equal(step_calls, 0);
}

static void
test_pwrite_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
		const int fd = open_file(writes[i].name);
		char back[16] = { 0 };
		int r;

		steps = writes[i].steps;
		ops.pwrite = scripted_pwrite;
		r = sys_pwrite_all(fd, "0123456789", 10, 3);
		if (r != (writes[i].error != 0 ? -1 : 0))
			fail_msg("%s: %d", writes[i].name, r);
		if (r < 0)
			assert_int_equal(errno, writes[i].error);
		if (writes[i].done > 0) {
			assert_int_equal(
			    sys_pread_all(fd, back, sizeof back, 0), 3 + writes[i].done);
			assert_memory_equal(back, "\0\0\0", 3);
			assert_memory_equal(back + 3, "0123456789", writes[i].done);
		}
		assert_int_equal(sys->close(fd), 0);
	}
}

static void
test_pread_all(void **state)
{
	static const struct {
		const char *name;
		struct step steps[6];
		off_t off;
		size_t n;
		ssize_t want;
		int error;
	} cases[] = {
		{ "at once", { LAST }, 0, 10, 10, 0 },
		{ "the end is near", { LAST }, 7, 10, 3, 0 },
		{ "at the end", { LAST }, 10, 5, 0, 0 },
		{ "behind the end", { LAST }, 1000, 5, 0, 0 },
		{ "nothing asked", { { EIO, 0 } }, 0, 0, 0, 0 },
		{ "short, interrupted", { { 0, 1 }, { EINTR, 0 }, { 0, 2 }, LAST }, 2, 7, 7,
		    0 },
		{ "fails", { { 0, 1 }, { EIO, 0 } }, 0, 10, -1, EIO },
	};
	const int fd = open_file("digits");

	(void)state;
	assert_int_equal(sys_write_all(fd, "0123456789", 10, NULL), 0);
	ops.pread = scripted_pread;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char buf[16];
		ssize_t got;

		steps = cases[i].steps;
		got = sys_pread_all(fd, buf, cases[i].n, cases[i].off);
		if (got != cases[i].want || (got < 0 && errno != cases[i].error))
			fail_msg("%s: %zd", cases[i].name, got);
		if (got > 0)
			assert_memory_equal(buf, &"0123456789"[cases[i].off], (size_t)got);
	}
	assert_int_equal(sys->close(fd), 0);
}

static void
test_list(void **state)
{
	static const char *const made[] = { "b", "a", "B", "-", ".hidden", "a b", "a\n", "\xff",
		"aa", "10", "9" };
	static const char *const sorted[] = { "-", ".hidden", "10", "9", "B", "a", "a\n", "a b",
		"aa", "b", "\xff" };
	struct sys_names names;

	(void)state;
	assert_int_equal(sys_list(scratch, &names), 0);
	assert_int_equal(names.n, 0);
	sys_names_free(&names);
	sys_names_free(NULL);
	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
		assert_int_equal(sys->close(open_file(made[i])), 0);
	/* Twice: the descriptor is neither consumed nor left at the end. */
	for (int round = 0; round < 2; round++) {
		assert_int_equal(sys_list(scratch, &names), 0);
		assert_int_equal(names.n, sizeof sorted / sizeof sorted[0]);
		for (size_t i = 0; i < names.n; i++)
			assert_string_equal(names.name[i], sorted[i]);
		sys_names_free(&names);
		assert_null(names.name);
	}
}

static void
test_list_fails(void **state)
{
	static const struct step broken[] = { { 0, 1 }, { 0, 1 }, { 0, 1 }, { EIO, 0 } };
	struct sys_names names = { .n = 4711 };
	int fd, before;

	(void)state;
	for (int i = 0; i < 40; i++) {
		char name[16];

		(void)snprintf(name, sizeof name, "%d", i);
		assert_int_equal(sys->close(open_file(name)), 0);
	}
	before = dup(scratch);
	assert_int_equal(close(before), 0);

	ops.readdir = scripted_readdir;
	steps = broken;
	assert_int_equal(sys_list(scratch, &names), -1);
	assert_int_equal(errno, EIO);
	ops.fdopendir = no_fdopendir;
	assert_int_equal(sys_list(scratch, &names), -1);
	assert_int_equal(errno, ENOMEM);
	ops = sys_posix;
	assert_int_equal(names.n, 4711);

	fd = open_file("file");
	assert_int_equal(sys_list(fd, &names), -1);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(close(fd), 0);
	/* No descriptor was left open: the next one is the one it was. */
	fd = dup(scratch);
	assert_int_equal(fd, before);
	assert_int_equal(close(fd), 0);
}

static void
test_opendir(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(sys->mkdirat(scratch, "dir", 0750), 0);
	assert_int_equal(symlinkat("dir", scratch, "link"), 0);
	assert_int_equal(sys->close(open_file("file")), 0);
	fd = sys_opendir_at(scratch, "dir");
	assert_true(fd >= 0);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_int_equal(sys_sync_dir(fd), 0);
	assert_int_equal(sys->close(fd), 0);
	assert_int_equal(sys_opendir_at(scratch, "link"), -1);
	assert_true(errno == ENOTDIR || errno == ELOOP);
	assert_int_equal(sys_opendir_at(scratch, "file"), -1);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(sys_opendir_at(scratch, "none"), -1);
	assert_int_equal(errno, ENOENT);
}

static void
test_sync_dir(void **state)
{
	static const struct step interrupted[] = { { EINTR, 0 }, { EINTR, 0 }, LAST };
	static const struct step failing[] = { { EINTR, 0 }, { EIO, 0 } };

	(void)state;
	ops.fsync = scripted_fsync;
	steps = interrupted;
	step_calls = 0;
	assert_int_equal(sys_sync_dir(scratch), 0);
	assert_int_equal(step_calls, 3);
	steps = failing;
	assert_int_equal(sys_sync_dir(scratch), -1);
	assert_int_equal(errno, EIO);
}

/* What differs from the calls of the same name. */
static void
test_table(void **state)
{
	int fd = open_file("f");
	struct stat st;
	int64_t real, mono, later;
	uint8_t random[1000] = { 0 };
	unsigned zeros = 0;
	void *p;

	(void)state;
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_int_equal(sys->fallocate(fd, 0, 8192), 0);
	assert_int_equal(sys->fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 8192);
	assert_int_equal(sys->fallocate(fd, 0, -1), -1);
	assert_int_equal(errno, EINVAL);
	p = sys->mmap(8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	assert_true(p != MAP_FAILED);
	memcpy(p, "mapped", 6);
	assert_int_equal(sys->munmap(p, 8192), 0);
	assert_int_equal(sys->pread(fd, random, 6, 0), 6);
	assert_memory_equal(random, "mapped", 6);
	assert_int_equal(sys->linkat(scratch, "f", scratch, "g"), 0);
	assert_int_equal(sys->linkat(scratch, "f", scratch, "g"), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(sys->close(fd), 0);

	memset(random, 0, sizeof random);
	assert_int_equal(sys->getrandom(random, sizeof random), 0);
	for (size_t i = 0; i < sizeof random; i++)
		zeros += random[i] == 0;
	assert_true(zeros < 50); /* 4 are expected */

	assert_int_equal(sys->realtime(&real), 0);
	assert_true(real > INT64_C(1700000000) * 1000000000);
	assert_int_equal(sys->monotonic(&mono), 0);
	assert_int_equal(sys->monotonic(&later), 0);
	assert_true(later >= mono);
}

#define IN_SCRATCH(f) cmocka_unit_test_setup_teardown(f, make_scratch, remove_scratch)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(test_write_all),
		IN_SCRATCH(test_pwrite_all),
		IN_SCRATCH(test_pread_all),
		IN_SCRATCH(test_list),
		IN_SCRATCH(test_list_fails),
		IN_SCRATCH(test_opendir),
		IN_SCRATCH(test_sync_dir),
		IN_SCRATCH(test_table),
	};

	return cmocka_run_group_tests_name("sys", tests, NULL, NULL);
}
