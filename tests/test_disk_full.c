/* disk_full - a file system of one megabyte fills up, and has room again: by each overflow policy. */
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#include "logging.h"

#define KILOBYTE 1000

static char ballast[SCRATCH_MAX + 16];

static void
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f != NULL) {
		(void)fputs(text, f);
		(void)fclose(f);
	}
}

/* A file system of our own at scratch; false where that is not for us to make. */
static bool
mount_small(void)
{
	char map[64];
	const unsigned uid = geteuid(), gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return false;
	write_text("/proc/self/setgroups", "deny");
	(void)snprintf(map, sizeof map, "0 %u 1", uid);
	write_text("/proc/self/uid_map", map);
	(void)snprintf(map, sizeof map, "0 %u 1", gid);
	write_text("/proc/self/gid_map", map);
	return mount("none", scratch, "tmpfs", 0, "size=1m") == 0;
}

/* Take all room there is. */
static void
fill(void)
{
	static const char zeros[4096];
	FILE *f = fopen(ballast, "w");

	CHILD_CHECK(f != NULL);
	while (fwrite(zeros, 1, sizeof zeros, f) == sizeof zeros && fflush(f) == 0)
		;
	(void)fclose(f);
}

static alog_stats
stats_of(alog_t *log)
{
	alog_stats stats = { .size = sizeof stats };

	CHILD_CHECK(alog_get_stats(log, &stats) == 0);
	return stats;
}

/* Emit so many records of about a kilobyte; how many were taken, as far as the caller knows. */
static unsigned
emit(alog_t *log, unsigned n)
{
	char text[KILOBYTE];
	unsigned taken = 0;

	memset(text, 'x', sizeof text);
	for (unsigned i = 0; i < n; i++)
		taken += ALOG_INFO(log, "m", ALOG_KVN("t", text, sizeof text)) == 0;
	return taken;
}

static __attribute__((noinline)) struct root_lines
read_root(const char *path)
{
	return root_read(path);
}

/* In a child: 0, or the line at which it went wrong; 99: not permitted. */
static int
fill_and_free(int overflow)
{
	const alog_options opt = { .size = sizeof opt,
		.root = root,
		.service = "full",
		.ring_bytes = 65536,
		.overflow = overflow,
		.block_ms = 20,
		.seal_bytes = 1 };
	struct root_lines lines;
	alog_stats before, after;
	uint64_t lost = 0;
	alog_t *log;

	if (!mount_small())
		return 99;
	CHILD_CHECK(alog_open(&log, &opt, NULL) == 0);
	CHILD_CHECK(emit(log, 20) == 20);
	CHILD_CHECK(alog_sync(log, 10000) == 0);
	fill();
	CHILD_CHECK((emit(log, 100) == 100) == (overflow != ALOG_FAIL));
	for (int wait = 0; wait < 500 && stats_of(log).errors == 0; wait++)
		logging_sleep_ms(10);
	before = stats_of(log);
	CHILD_CHECK(before.errors > 0 && before.last_error.os_errno == ENOSPC);
	CHILD_CHECK(before.dropped > 0 && before.records + before.dropped == 120);
	/* Room again: it goes on by itself. */
	CHILD_CHECK(unlink(ballast) == 0);
	for (int wait = 0; wait < 500 && stats_of(log).written < before.records; wait++)
		logging_sleep_ms(10);
	after = stats_of(log);
	CHILD_CHECK(after.written >= before.records);
	CHILD_CHECK(emit(log, 20) == 20);
	CHILD_CHECK(alog_sync(log, 10000) == 0);
	CHILD_CHECK(alog_close(log) == ALOG_EIO);
	lines = read_root(root);
	CHILD_CHECK(lines.bad == 0);
	for (size_t i = 0; i < lines.n; i++)
		if (json_object_get(lines.line[i], "lost") != NULL)
			lost += (uint64_t)root_int(lines.line[i], "lost");
	CHILD_CHECK(lost == before.dropped);
	/* All records, and a gap record at least. */
	CHILD_CHECK(lines.n + lost > 140 && lines.n + lost <= 143);
	(void)logging_check_dense(&lines);
	root_free(&lines);
	return 0;
}

static void
test_policies(void **state)
{
	static const struct {
		const char *name;
		int overflow;
	} cases[] = { { "block", ALOG_BLOCK }, { "drop", ALOG_DROP }, { "fail", ALOG_FAIL } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		pid_t child;
		int status;

		(void)snprintf(ballast, sizeof ballast, "%s/ballast", scratch);
		if ((child = fork()) < 0)
			fail_msg("fork");
		if (child == 0)
			_exit(fill_and_free(cases[i].overflow));
		assert_int_equal(waitpid(child, &status, 0), child);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 99) {
			print_message("a file system of our own is not permitted here\n");
			skip();
		}
		if (status != 0)
			fail_msg("%s: line mod 128 = %d", cases[i].name, WEXITSTATUS(status));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { LOGGING_TEST(test_policies) };

	return cmocka_run_group_tests_name("disk_full", tests, NULL, NULL);
}
