/* recover - rings elsewhere and rings that no logger leaves; segments that lie about, damaged or with their names taken. */
#include "died.h"
#include "sanitizer.h"

/* ---- rings elsewhere ---- */

static void
test_elsewhere(void **state)
{
	static const char *const links[] = {
		"ln -s ../spool/" WRITER ".ring .ring/" WRITER ".ring",
		"ln -s $PWD/spool/" WRITER ".ring .ring/" WRITER ".ring",
	};
	struct recover_options opt;
	struct recover_result res;

	(void)state;
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
		struct place p;

		place_open(&p);
		opt = options(&p);
		die(&p, &some);
		assert_true(shell(&p, "mkdir spool && mv .ring/" WRITER ".ring spool"));
		assert_true(shell(&p, links[i]));
		assert_int_equal(run_recovery(&p, &opt, &res), 0);
		assert_int_equal(p.warnings, 0);
		assert_int_equal(res.rings, 1);
		check_lines(&p, "elsewhere", WRITER, 9, "");
		check_finished(&p, "elsewhere", WRITER);
		assert_true(shell(&p, "! ls -A spool .ring | grep " WRITER));
		place_close(&p);
	}
}

/* A ring behind a link, segments of one that has no ring, a link that is left of another ring: whichever call
 * fails, it is told, and afterwards all is done that there was to do. */
static void
test_any_call_fails(void **state)
{
	struct death orphan = { OTHER, 4, 4, 4, 0, 0, 0, "{\"ts\":\"2025", 1, true, false };
	bool fired = true;
	long n;

	(void)state;
	for (n = 0; fired; n += BY_SANITIZER(1, 1, 7)) {
		struct recover_options opt;
		struct recover_result res;
		struct place p;
		int rc;

		place_open(&p);
		opt = options(&p);
		opt.orphans = true;
		opt.warn = n % 8 == 7 ? NULL : opt.warn;
		die(&p, &orphan);
		assert_int_equal(unlinkat(p.rings, OTHER ".ring", 0), 0);
		die(&p, &some);
		assert_int_equal(
		    renameat(p.rings, WRITER ".ring", p.root.fd, WRITER ".ring"), 0);
		assert_int_equal(symlinkat("../" WRITER ".ring", p.rings, WRITER ".ring"), 0);
		faults_begin(FAULT_FAIL, n, EIO);
		rc = run_recovery(&p, &opt, &res);
		fired = faults_end();
		if (rc == 0 && p.warnings == 0 && opt.warn != NULL &&
		    faccessat(p.rings, WRITER ".ring", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			fail_msg("call %ld: in silence", n);
		opt.warn = on_warning;
		if (run_recovery(&p, &opt, &res) < 0 || p.warnings > 0)
			fail_msg("call %ld: then %s", n, p.warning.text);
		check_lines(&p, "any call", WRITER, 9, "");
		check_lines(&p, "any call", OTHER, 4, "");
		check_finished(&p, "any call", OTHER);
		place_close(&p);
	}
	assert_true(n > 100);
}

/* ---- rings that a logger does not leave ---- */

/* n records of these bytes, the first of them not committed. */
static void
fill_with(const struct place *p, uint64_t ring_bytes, int n, const char *text, size_t bytes)
{
	struct ring_owner owner = { WRITER, "svc", "here", 77, (uint32_t)geteuid() };
	struct ring *ring;

	assert_int_equal(
	    ring_create(&ring, p->rings, "ring", &owner, ring_bytes, 0600, NULL), 0);
	for (int i = 0; i < n; i++) {
		struct ring_slot slot;

		assert_int_equal(ring_reserve(ring, (uint32_t)bytes, &slot), 0);
		memcpy(slot.p, text, bytes);
		if (i > 0)
			ring_commit(ring, &slot, 0);
	}
	ring_close(ring);
}

/* Records without a time, short and long: what was lost before them is told with the time of now. */
static void
test_no_time(void **state)
{
	static const char *const texts[] = { "{}",
		"{\"msg\":\"this is not where a time begins\"}" };
	struct recover_options opt;
	struct recover_result res;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct place p;

		place_open(&p);
		opt = options(&p);
		fill_with(&p, 65536, 2, texts[i], strlen(texts[i]));
		assert_int_equal(run_recovery(&p, &opt, &res), 0);
		assert_int_equal(p.warnings, 0);
		assert_int_equal(res.torn, 1);
		if (!shell(&p, "zcat date=$(date -u +%F)/*.gz | grep -q log.gap"))
			fail_msg("%s", texts[i]);
		place_close(&p);
	}
}

/* More than one write's worth, all of it of one day. */
static void
test_large(void **state)
{
	struct recover_options opt;
	struct recover_result res;
	char buf[MADE_MAX];
	const struct ring_record rec = made_record(buf, 1, NOON, 60000);
	struct place p;

	(void)state;
	place_open(&p);
	opt = options(&p);
	opt.segment_bytes = 64 << 20;
	fill_with(&p, 1 << 20, 12, rec.p, rec.len);
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	assert_int_equal(res.records, 11);
	assert_true(shell(&p, "test $(zcat date=*/*.gz | grep -c pad) = 11"));
	place_close(&p);
}

/* ---- segments ---- */

static void
test_orphans(void **state)
{
	struct recover_options opt;
	struct recover_result res;
	struct place p;

	(void)state;
	place_open(&p);
	opt = options(&p);
	die(&p, &some);
	assert_true(shell(&p, "rm .ring/*"));
	assert_true(shell(&p, "find . -type f ! -name before | sort | xargs cksum >before"));
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(res.sealed, 0);
	assert_true(
	    shell(&p, "find . -type f ! -name before | sort | xargs cksum | cmp - before"));
	opt.orphans = true;
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	assert_int_equal(res.torn, 1);
	assert_int_equal(res.sealed, 2);
	check_lines(&p, "orphans", WRITER, 5, "");
	check_finished(&p, "orphans", WRITER);
	/* Not below a directory without rings either. */
	assert_int_equal(close(p.rings), 0);
	assert_true(shell(&p, "rmdir .ring"));
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(res.segments, 0);
	p.rings = -1;
	place_close(&p);
	/* Where there never was one. */
	place_open(&p);
	opt.root = &p.root;
	die(&p, &some);
	assert_int_equal(close(p.rings), 0);
	assert_true(shell(&p, "rm -r .ring"));
	p.rings = -1;
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	check_finished(&p, "no rings", WRITER);
	place_close(&p);
}

/* Another recovery of orphans at work: said, and nothing done. */
static void
test_orphans_busy(void **state)
{
	struct recover_options opt;
	struct recover_result res;
	struct place p;
	int fd;

	(void)state;
	place_open(&p);
	opt = options(&p);
	opt.orphans = true;
	fd = open(p.dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(sys->flock(fd, 2 /* LOCK_EX */), 0);
	assert_int_equal(run_recovery(&p, &opt, &res), ALOG_EBUSY);
	(void)close(fd);
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	place_close(&p);
}

/* An archive that can't be read neither hides its plain file nor keeps the ring from being saved. */
static void
test_damaged_archive(void **state)
{
	struct death d = { WRITER, 8, 8, 11, 0, 0, 0, NULL, 4, true, false };
	struct recover_options opt;
	struct recover_result res;
	struct scratch_lines lines;
	struct place p;

	(void)state;
	place_open(&p);
	opt = options(&p);
	die(&p, &d);
	assert_true(shell(&p, "truncate -s 100 date=*/*.000004.jsonl.gz"));
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	check_lines(&p, "plain beside", WRITER, 11, "");
	check_finished(&p, "plain beside", WRITER);
	place_close(&p);

	d.beside = false;
	place_open(&p);
	opt = options(&p);
	die(&p, &d);
	assert_true(shell(&p, "echo x >$(ls date=*/*.000004.jsonl.gz)"));
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	assert_int_equal(res.records, 3);
	lines = scratch_read(p.dir);
	assert_int_equal(lines.line[lines.n - 1].seq, 11);
	scratch_free(&lines);
	place_close(&p);
}

/* A link, or a FIFO, under the name of the next segment: refused, and said; the ring stays. */
static void
test_name_taken(void **state)
{
	static const char *const before[] = {
		"echo x >other && ln -s ../other $(ls date=*/*.000002.jsonl | sed s/02.jsonl/03.jsonl/)",
		"mkfifo $(ls date=*/*.000002.jsonl | sed s/02.jsonl/03.jsonl/)",
	};
	struct recover_options opt;
	struct recover_result res;

	(void)state;
	for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
		struct place p;

		place_open(&p);
		opt = options(&p);
		die(&p, &some);
		assert_true(shell(&p, "rm -f date=*/*3.jsonl"));
		assert_true(shell(&p, before[i]));
		assert_int_equal(run_recovery(&p, &opt, &res), 0);
		assert_int_equal(p.warnings, 1);
		assert_int_equal(p.warning.os_errno, EEXIST);
		assert_int_equal(res.rings, 0);
		assert_true(shell(&p, "test ! -e other || test x = $(cat other)"));
		assert_true(shell(&p, "rm $(find date=* ! -type f ! -type d)"));
		assert_int_equal(run_recovery(&p, &opt, &res), 0);
		check_lines(&p, "afterwards", WRITER, 9, "");
		place_close(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_any_call_fails),
		cmocka_unit_test(test_no_time),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_orphans_busy),
		cmocka_unit_test(test_damaged_archive),
		cmocka_unit_test(test_name_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
