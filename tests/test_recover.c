/* recover - what the dead left is finished: every record once, every loss told, the living left alone. */
#include "died.h"

/* ---- deaths of every kind ---- */

static const struct {
	const char *name;
	struct death death;
	uint64_t last; /* number found */
	const char *gaps;
	uint64_t records, torn; /* saved, lost */
} deaths[] = {
	{ "never logged", { WRITER, 0, 0, 0, 0, 0, 0, NULL, 0, false, false }, 0, "", 0, 0 },
	{ "all in the ring", { WRITER, 0, 0, 9, 0, 0, 0, NULL, 0, false, false }, 9, "", 9, 0 },
	{ "all written", { WRITER, 9, 9, 9, 0, 0, 0, NULL, 0, false, false }, 9, "", 0, 0 },
	{ "written, not released", { WRITER, 9, 2, 12, 0, 0, 0, NULL, 0, false, false }, 12, "",
	    3, 0 },
	{ "a torn tail", { WRITER, 4, 3, 6, 0, 0, 0, "{\"ts\":\"2025", 0, false, false }, 6, "",
	    2, 1 },
	{ "a torn tail is all of a segment",
	    { WRITER, 2, 2, 6, 0, 0, 0, "{\"ts\":\"2025", 0, false, false }, 6, "", 4, 1 },
	{ "sealed", { WRITER, 9, 9, 12, 0, 0, 0, NULL, 3, false, false }, 12, "", 3, 0 },
	{ "all sealed", { WRITER, 8, 8, 9, 0, 0, 0, NULL, 4, false, false }, 9, "", 1, 0 },
	{ "sealed, the plain file beside", { WRITER, 8, 8, 9, 0, 0, 0, NULL, 4, true, false },
	    9, "", 1, 0 },
	{ "a hole", { WRITER, 3, 3, 9, 1 << 6, 0, 0, NULL, 0, false, false }, 9, "6:torn:1 ", 5,
	    1 },
	{ "holes", { WRITER, 3, 2, 12, 1 << 4 | 1 << 5 | 7 << 8, 0, 0, NULL, 0, false, false },
	    12, "5:torn:2 10:torn:3 ", 4, 5 },
	{ "a hole at the end", { WRITER, 3, 3, 9, 3 << 8, 0, 0, NULL, 0, false, false }, 9,
	    "9:torn:2 ", 4, 2 },
	{ "nothing but holes", { WRITER, 0, 0, 3, 7 << 1, 0, 0, NULL, 0, false, false }, 3,
	    "3:torn:3 ", 0, 3 },
	{ "drops", { WRITER, 3, 3, 5, 0, 7, 0, NULL, 0, false, false }, 6, "6:overflow:7 ", 2,
	    0 },
	{ "drops that were told", { WRITER, 3, 3, 5, 0, 7, 7, NULL, 0, false, false }, 5, "", 2,
	    0 },
	{ "drops, some told", { WRITER, 3, 3, 5, 0, 7, 2, NULL, 0, false, false }, 6,
	    "6:overflow:5 ", 2, 0 },
	{ "drops, and a hole at the end",
	    { WRITER, 3, 3, 9, 3 << 8, 7, 0, NULL, 0, false, false }, 10,
	    "9:torn:2 10:overflow:7 ", 4, 2 },
	{ "another boot", { WRITER, 5, 4, 9, 0, 0, 0, NULL, 0, false, true }, 9, "9:reboot:4 ",
	    0, 4 },
	{ "another boot, all written", { WRITER, 5, 4, 5, 0, 0, 0, NULL, 0, false, true }, 5,
	    "", 0, 0 },
	{ "an overflow told by a recovery that did not end",
	    { WRITER, 3, 3, 3, 0, 7, 0, NULL, 0, false, false }, 4, "4:overflow:7 ", 0, 0 },
	{ "another boot, nothing written", { WRITER, 0, 0, 2, 0, 3, 0, NULL, 0, false, true },
	    3, "2:reboot:2 3:overflow:3 ", 0, 2 },
};

#define DEATHS (sizeof deaths / sizeof deaths[0])

static void
test_deaths(void **state)
{
	(void)state;
	for (size_t i = 0; i < DEATHS; i++) {
		const char *name = deaths[i].name;
		struct recover_options opt;
		struct recover_result res;
		struct place p;

		place_open(&p);
		opt = options(&p);
		opt.host = i % 2 == 0 ? "here" : NULL;
		die(&p, &deaths[i].death);
		if (run_recovery(&p, &opt, &res) < 0 || p.warnings > 0)
			fail_msg("%s: %s", name, p.warning.text);
		check_lines(&p, name, WRITER, deaths[i].last, deaths[i].gaps);
		check_finished(&p, name, WRITER);
		if (res.rings != 1 || res.alive != 0 || res.records != deaths[i].records ||
		    res.torn != deaths[i].torn)
			fail_msg("%s: records %" PRIu64 ", torn %" PRIu64, name, res.records,
			    res.torn);
		assert_true(shell(&p, "! ls -A .ring | grep ."));
		/* Once more: nothing is left to do. */
		if (run_recovery(&p, &opt, &res) < 0 || p.warnings > 0 || res.rings != 0)
			fail_msg("%s: again", name);
		check_lines(&p, name, WRITER, deaths[i].last, deaths[i].gaps);
		place_close(&p);
	}
}

/* Without sealing the segments stay plain. */
static void
test_unsealed(void **state)
{
	struct recover_options opt;
	struct recover_result res;
	struct place p;

	(void)state;
	for (size_t i = 0; i < DEATHS; i++) {
		place_open(&p);
		opt = options(&p);
		opt.seal = false;
		die(&p, &deaths[i].death);
		assert_int_equal(run_recovery(&p, &opt, &res), 0);
		check_lines(&p, deaths[i].name, WRITER, deaths[i].last, deaths[i].gaps);
		assert_int_equal(res.sealed, 0);
		assert_true(shell(&p, "! ls .ring | grep ."));
		place_close(&p);
	}
}

/* ---- interrupted at each call, then run again ---- */

static void
recover_and_die(struct place *p, const struct recover_options *opt, long n, bool *fired)
{
	const pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct recover_result res;

		faults_begin(FAULT_DIE, n, 0);
		_exit(run_recovery(p, opt, &res) < 0 || p->warnings > 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*fired = WIFSIGNALED(status);
	if (!*fired)
		assert_int_equal(WEXITSTATUS(status), 0);
}

/* FAULTS=1 tries every call; else it is every eleventh, from another one for each scene. */
static void
interrupt(size_t i, enum fault kind, int error)
{
	const char *env = getenv("FAULTS");
	const long step = env != NULL ? strtol(env, NULL, 10) : 11;
	bool fired = true;

	for (long n = step > 1 ? (long)(i + (size_t)kind) % step : 0; fired; n += step) {
		struct recover_options opt;
		struct recover_result res;
		struct place p;
		char name[128];
		int rc;

		(void)snprintf(name, sizeof name, "%s: fault %d (%d), call %ld", deaths[i].name,
		    (int)kind, error, n);
		place_open(&p);
		opt = options(&p);
		opt.orphans = n % 2 == 0;
		die(&p, &deaths[i].death);
		if (kind == FAULT_DIE) {
			recover_and_die(&p, &opt, n, &fired);
		} else {
			faults_begin(kind, n, error);
			rc = run_recovery(&p, &opt, &res);
			fired = faults_end();
			/* It never says that all is well while a ring is there. */
			if (rc == 0 && p.warnings == 0 &&
			    faccessat(p.rings, WRITER ".ring", F_OK, 0) == 0)
				fail_msg("%s: in silence", name);
		}
		faults_begin(FAULT_FAIL, -1, 0);
		if (run_recovery(&p, &opt, &res) < 0 || p.warnings > 0)
			fail_msg("%s: then %s", name, p.warning.text);
		(void)faults_end();
		check_lines(&p, name, WRITER, deaths[i].last, deaths[i].gaps);
		check_finished(&p, name, WRITER);
		place_close(&p);
	}
}

static void
test_interrupted(void **state)
{
	static const size_t chosen[] = { 3, 4, 8, 10, 16, 17 };

	(void)state;
	for (size_t i = 0; i < sizeof chosen / sizeof chosen[0]; i++) {
		interrupt(chosen[i], FAULT_FAIL, EIO);
		interrupt(chosen[i], FAULT_FOREVER, EMFILE);
		interrupt(chosen[i], FAULT_SHORT, ENOSPC);
		interrupt(chosen[i], FAULT_DIE, 0);
	}
}

/* Many at once, over several of the dead: each does what the others leave. */
static void
test_at_once(void **state)
{
	(void)state;
	for (int round = 0; round < 8; round++) {
		struct recover_options opt;
		struct recover_result res;
		pid_t pid[3];
		struct place p;

		place_open(&p);
		opt = options(&p);
		for (size_t i = 0; i < DEATHS; i++) {
			struct death d = deaths[i].death;
			char writer[17];

			(void)snprintf(writer, sizeof writer, "%016zx", i + 1);
			d.writer = writer;
			die(&p, &d);
		}
		for (int k = 0; k < 3; k++)
			if ((pid[k] = fork()) == 0) {
				struct segment_root root = p.root;

				/* A lock is of an open file: each has its own. */
				root.fd = open(p.dir, O_RDONLY | O_DIRECTORY);
				opt.root = &root;
				opt.orphans = k == 0;
				faults_begin(FAULT_FAIL, -1, 0);
				_exit(run_recovery(&p, &opt, &res) < 0 || p.warnings > 0);
			}
		for (int k = 0; k < 3; k++) {
			int status;

			assert_int_equal(waitpid(pid[k], &status, 0), pid[k]);
			assert_int_equal(status, 0);
		}
		assert_int_equal(run_recovery(&p, &opt, &res), 0);
		for (size_t i = 0; i < DEATHS; i++) {
			char writer[17];

			(void)snprintf(writer, sizeof writer, "%016zx", i + 1);
			check_lines(&p, deaths[i].name, writer, deaths[i].last, deaths[i].gaps);
			check_finished(&p, deaths[i].name, writer);
		}
		place_close(&p);
	}
}

/* ---- who is left alone ---- */
static void
test_alive(void **state)
{
	struct recover_options opt;
	struct recover_result res;
	struct death d = some;
	struct ring *ring;
	struct place p;

	(void)state;
	place_open(&p);
	opt = options(&p);
	opt.orphans = true;
	d.writer = OTHER;
	write_segments(&p, &some);
	ring = fill_ring(p.rings, &some);
	die(&p, &d);
	assert_true(shell(&p, "find . -name '*" WRITER "*' | sort | xargs cksum >before"));
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	assert_int_equal(res.alive, 1);
	assert_int_equal(res.rings, 1);
	assert_true(
	    shell(&p, "find . -name '*" WRITER "*' | sort | xargs cksum | cmp - before"));
	check_lines(&p, "the dead", OTHER, 9, "");
	/* It dies. */
	ring_unlock(ring);
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(res.rings, 1);
	check_lines(&p, "dead now", WRITER, 9, "");
	check_finished(&p, "dead now", WRITER);
	ring_close(ring);
	place_close(&p);
}

/* Rings that are not ours to finish, or that nobody can. */
static void
test_left_alone(void **state)
{
	static const struct {
		const char *name;
		off_t at; /* a byte of the ring that is changed */
		bool crc; /* with its checksum */
		const char *host;
		bool warned;
	} cases[] = {
		{ "another host", RING_AT_HOST, true, "here", false },
		{ "another user", RING_AT_UID, true, "here", false },
		{ "another user, asked for", RING_AT_UID, true, NULL, true },
		{ "a newer version", RING_AT_VERSION, false, NULL, true },
		{ "damaged", RING_AT_WRITER, false, "here", true },
		{ "impossible", RING_AT_HEAD + 2, false, "here", true },
		{ "of another writer", RING_AT_WRITER, true, "here", true },
		{ "of a service that can't be", RING_AT_SERVICE, true, NULL, true },
	};
	struct recover_options opt;
	struct recover_result res;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t h[RING_HEADER];
		struct place p;
		int fd;

		place_open(&p);
		opt = options(&p);
		opt.host = cases[i].host;
		opt.orphans = true;
		die(&p, &some);
		fd = openat(p.rings, WRITER ".ring", O_RDWR);
		assert_int_equal(pread(fd, h, sizeof h, 0), sizeof h);
		h[cases[i].at] =
		    cases[i].at == RING_AT_SERVICE ? '/' : (uint8_t)(h[cases[i].at] + 1);
		if (cases[i].crc)
			put_le32(h + RING_AT_CRC,
			    (uint32_t)crc32(
				0, h + RING_AT_BYTES, RING_STATIC_END - RING_AT_BYTES));
		assert_int_equal(pwrite(fd, h, sizeof h, 0), sizeof h);
		(void)close(fd);
		assert_true(
		    shell(&p, "find . -type f ! -name before | sort | xargs cksum >before"));
		if (run_recovery(&p, &opt, &res) < 0 || (p.warnings > 0) != cases[i].warned ||
		    res.rings != 0)
			fail_msg("%s: %s", cases[i].name, p.warning.text);
		if (p.warnings > 0 && strcmp(p.warning.path, WRITER ".ring") != 0)
			fail_msg("%s: %s", cases[i].name, p.warning.path);
		if (!shell(&p,
			"find . -type f ! -name before | sort | xargs cksum | cmp - before"))
			fail_msg("%s: something was changed", cases[i].name);
		place_close(&p);
	}
}

/* What else may lie there under the name of a ring. */
static void
test_strange_rings(void **state)
{
	static const struct {
		const char *name, *before, *after;
		unsigned warnings;
	} cases[] = {
		{ "an empty file", "touch .ring/" WRITER ".ring",
		    "test ! -e .ring/" WRITER ".ring", 0 },
		{ "a directory", "mkdir .ring/" WRITER ".ring", "test -d .ring/" WRITER ".ring",
		    1 },
		{ "a FIFO", "mkfifo .ring/" WRITER ".ring", "test -p .ring/" WRITER ".ring",
		    1 },
		{ "text", "echo hello >.ring/" WRITER ".ring", "test -s .ring/" WRITER ".ring",
		    1 },
		{ "a link to text", "echo hello >x && ln -s ../x .ring/" WRITER ".ring",
		    "test -s x", 1 },
		{ "a link to nothing", "ln -s ../x .ring/" WRITER ".ring",
		    "test -L .ring/" WRITER ".ring", 1 },
		{ "a link to itself", "ln -s " WRITER ".ring .ring/" WRITER ".ring",
		    "test -L .ring/" WRITER ".ring", 1 },
		{ "other names", "touch .ring/x .ring/x.ring .ring/.ring",
		    "test -e .ring/x -a -e .ring/x.ring -a -e .ring/.ring", 0 },
		{ "made just now", "touch .ring/" WRITER ".ring.tmp",
		    "test -e .ring/" WRITER ".ring.tmp", 0 },
		{ "half made long ago", "touch -d '2 minutes ago' .ring/" WRITER ".ring.tmp",
		    "test ! -e .ring/" WRITER ".ring.tmp", 0 },
		{ "finished long ago, elsewhere",
		    "touch x && ln -s ../x .ring/" WRITER ".ring.tmp && "
		    "touch -h -d '2 minutes ago' .ring/" WRITER ".ring.tmp",
		    "test ! -L .ring/" WRITER ".ring.tmp -a ! -e x", 0 },
	};
	struct recover_options opt;
	struct recover_result res;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct death other = some;
		struct place p;

		place_open(&p);
		opt = options(&p);
		assert_true(shell(&p, cases[i].before));
		other.writer = OTHER;
		die(&p, &other);
		if (run_recovery(&p, &opt, &res) < 0 || p.warnings != cases[i].warnings)
			fail_msg("%s: %u %s", cases[i].name, p.warnings, p.warning.text);
		if (!shell(&p, cases[i].after))
			fail_msg("%s: %s", cases[i].name, cases[i].after);
		/* It keeps nobody from finishing the rest. */
		check_lines(&p, cases[i].name, OTHER, 9, "");
		place_close(&p);
	}
}

/* Killed between giving the ring its name and taking the temporary one away. */
static void
test_two_names(void **state)
{
	struct recover_options opt;
	struct recover_result res;
	struct place p;

	(void)state;
	place_open(&p);
	opt = options(&p);
	die(&p, &some);
	assert_true(shell(&p, "ln .ring/" WRITER ".ring .ring/" WRITER ".ring.tmp"));
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	assert_int_equal(res.rings, 1);
	check_lines(&p, "two names", WRITER, 9, "");
	assert_true(shell(&p, "! ls -A .ring | grep ."));
	place_close(&p);
}

/* The power went before any of the ring reached the disk. */
static void
test_blank(void **state)
{
	struct recover_options opt;
	struct recover_result res;
	struct place p;

	(void)state;
	place_open(&p);
	opt = options(&p);
	opt.host = "here";
	die(&p, &some);
	assert_true(shell(&p, "truncate -s 0 .ring/*.ring && truncate -s 80K .ring/*.ring"));
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	assert_int_equal(res.rings, 1);
	assert_int_equal(res.torn, 1);
	check_lines(&p, "blank", WRITER, 5, "");
	check_finished(&p, "blank", WRITER);
	place_close(&p);
}

/* Cancelled at each call in turn: nothing is told for an error, and the next recovery finishes it.  With a ring, and
 * where only segments are left. */
static void
test_cancel(void **state)
{
	static const char *const scenes[] = { "true", "rm .ring/" WRITER ".ring" };

	(void)state;
	for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
		const uint64_t last = i == 0 ? 9 : 5;
		bool fired = true;

		for (long n = 0; fired; n++) {
			struct recover_options opt;
			struct recover_result res;
			struct place p;
			char name[64];

			(void)snprintf(name, sizeof name, "cancelled at call %ld", n);
			place_open(&p);
			opt = options(&p);
			opt.orphans = true;
			opt.cancel = &faults.fired;
			die(&p, &some);
			assert_true(shell(&p, scenes[i]));
			faults_begin(FAULT_NONE, n, 0);
			if (run_recovery(&p, &opt, &res) < 0 || p.warnings > 0)
				fail_msg("%s: %s", name, p.warning.text);
			fired = faults_end();
			opt.cancel = NULL;
			assert_int_equal(run_recovery(&p, &opt, &res), 0);
			check_lines(&p, name, WRITER, last, "");
			check_finished(&p, name, WRITER);
			place_close(&p);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_unsealed),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_alive),
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_strange_rings),
		cmocka_unit_test(test_two_names),
		cmocka_unit_test(test_blank),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
