/*
 * shared - a root that several users write to: setgid, mode 2770, dir_mode 0770.  And one that anybody may
 * write to, which is said.
 *
 * To be another user takes being root: else that is skipped.
 */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>

#include "auditq.h"
#include "logging.h"
#include "sanitizer.h"

#define GROUP 64010
#define ANN   64001
#define BOB   64002

/* Become somebody in a child; *status of what it does there. */
static int
as_user(uid_t uid, int (*act)(uid_t uid))
{
	const pid_t child = fork();
	int status = -1;

	if (child == 0) {
		const gid_t group = GROUP;

		if (setgroups(1, &group) < 0 || setgid(GROUP + 1 + uid % 10) < 0 ||
		    setuid(uid) < 0)
			_exit(99);
		(void)umask(007);
		_exit(act(uid));
	}
	(void)waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static alog_t *
open_shared(uid_t uid)
{
	const alog_options opt = { .size = sizeof opt,
		.root = root,
		.service = uid == ANN ? "ann" : "bob",
		.dir_mode = 0770,
		.close_ms = 30000 };
	alog_t *log;

	return alog_open(&log, &opt, NULL) == 0 ? log : NULL;
}

static int
write_some(uid_t uid)
{
	alog_t *log = open_shared(uid);

	for (int i = 0; i < 10; i++)
		if (ALOG_INFO(log, "hello", ALOG_KV("uid", uid)) < 0)
			return 1;
	return log == NULL || alog_close(log) < 0;
}

/* What only a ring holds: the process dies before any of it is in a file. */
static int
write_and_die(uid_t uid)
{
	alog_t *log = open_shared(uid);

	for (int i = 0; i < 10; i++)
		if (ALOG_INFO(log, "last words", ALOG_KV("uid", uid)) < 0)
			return 1;
	(void)raise(SIGKILL);
	return 1;
}

/* Exit status: how many records there are, or 98. */
static int
count_all(uid_t uid)
{
	auditq_t *q = auditq_new();
	uint64_t n = 0;
	int r;

	(void)uid;
	(void)auditq_path(q, root);
	r = auditq_count(q, &n, NULL);
	auditq_free(q);
	return r < 0 || n > 90 ? 98 : (int)n;
}

static void
test_several_users(void **state)
{
	(void)state;
	if (TSAN) {
		print_message("TSan does not follow the threads of a child: skipped\n");
		skip();
	}
	if (geteuid() != 0) {
		print_message("one user cannot be two: skipped, run it as root\n");
		skip();
	}
	assert_int_equal(chmod(scratch, 0711), 0);
	assert_int_equal(mkdir(root, 0700), 0);
	assert_int_equal(chown(root, 0, GROUP), 0);
	assert_int_equal(chmod(root, 02770), 0);

	assert_int_equal(as_user(ANN, write_some), 0);
	assert_int_equal(as_user(BOB, write_some), 0);
	assert_int_equal(as_user(ANN, count_all), 20);
	assert_int_equal(as_user(ANN, write_and_die), 100 + SIGKILL);
	/* Anybody of the group reads what the dead one left; who is not, reads nothing. */
	assert_int_equal(as_user(BOB, count_all), 30);
	/* A writer of another user lets it lie, one of the same finishes it: the answer stays. */
	assert_int_equal(as_user(BOB, write_some), 0);
	assert_int_equal(as_user(BOB, count_all), 40);
	assert_int_equal(as_user(ANN, write_some), 0);
	assert_int_equal(as_user(BOB, count_all), 50);
}

struct heard {
	char text[300];
	unsigned times;
};

static void
hear(void *arg, const alog_error *err)
{
	struct heard *heard = arg;

	heard->times++;
	(void)snprintf(heard->text, sizeof heard->text, "%d %s", err->code, err->text);
}

static void
test_anybody(void **state)
{
	static const struct {
		mode_t mode;
		bool want;
	} cases[] = { { 0777, true }, { 01777, true }, { 0770, false }, { 0755, false } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct heard heard = { .times = 0 };
		const alog_options opt = { .size = sizeof opt,
			.root = root,
			.service = "s",
			.on_error = hear,
			.on_error_arg = &heard };
		alog_t *log;

		assert_true(mkdir(root, 0700) == 0 || errno == EEXIST);
		assert_int_equal(chmod(root, cases[i].mode), 0);
		assert_int_equal(alog_open(&log, &opt, NULL), 0);
		assert_int_equal(
		    alog_close(log), 0); /* a warning is no error of the logger's */
		assert_int_equal(heard.times, cases[i].want);
		assert_int_equal(strstr(heard.text, "anybody") != NULL, cases[i].want);
	}
}

/* Who is told starts a program, such as one that sends mail: in alog_open, and at a child's first record. */
static void
start_program(void *arg, const alog_error *err)
{
	int *started = arg;
	const pid_t child = fork();

	(void)err;
	if (child == 0)
		_exit(0);
	assert_true(child > 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	++*started;
}

static void
test_listener_forks(void **state)
{
	int started = 0, status = 0;
	const alog_options opt = { .size = sizeof opt,
		.root = root,
		.service = "s",
		.flags = ALOG_NO_SEAL | ALOG_NO_RECOVER,
		.on_error = start_program,
		.on_error_arg = &started };
	alog_t *log;
	pid_t child;

	(void)state;
	if (TSAN) {
		print_message("TSan does not follow the threads of a child: skipped\n");
		skip();
	}
	assert_int_equal(mkdir(root, 0700), 0);
	assert_int_equal(chmod(root, 0777), 0);
	(void)alarm(30);
	assert_int_equal(alog_open(&log, &opt, NULL), 0);
	assert_int_equal(started, 1);
	/* ASan's allocator hangs in the child of a process with a thread in it. */
	logging_sleep_ms(50);
	assert_true((child = fork()) >= 0);
	if (child == 0) {
		(void)alarm(30);
		_exit(ALOG_INFO(log, "of the child") < 0 || started != 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(alog_close(log), 0);
	(void)alarm(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOGGING_TEST(test_several_users),
		LOGGING_TEST(test_anybody),
		LOGGING_TEST(test_listener_forks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
