/*
 * cursor - what was shown is not shown again the next time, whatever became of the files; and a cursor file is whole, or refused.
 */
#include "follower.h"

#include <glob.h>

#include "cursor.h"
#include "faults.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static char cursor[SCRATCH_MAX + 16];
static struct shown shown;

static int
set_up(void **state)
{
	acked_reset();
	shown = (struct shown){ 0 };
	assert_int_equal(logging_set_up(state), 0);
	name_files("app.jsonl", "app.1.jsonl");
	(void)snprintf(cursor, sizeof cursor, "%s/cursor", scratch);
	return 0;
}

/* What came since the last time; 0, or negative: then the cursor stays what it was. */
static int
go_on(auditq_error *err)
{
	return cursor_go_on(root, cursor, &shown, err);
}

static void
show(void)
{
	auditq_error err = { 0 };

	if (go_on(&err) < 0)
		fail_msg("%s: %s", err.path, err.text);
}

/* ---- what becomes of files ---- */

static alog_t *the_log;

static alog_t *
open_log(uint32_t flags)
{
	return logging_open(
	    (alog_options){ .segment_bytes = 4096, .seal_bytes = 1, .flags = flags });
}

static void
close_log(void)
{
	assert_int_equal(alog_close(the_log), 0);
	the_log = NULL;
}

static void
do_nothing(void)
{
}

static void
do_roll(void)
{
	emit(the_log, 0, 100);
}

static void
do_seal(void)
{
	close_log();
}

static void
do_compact(void)
{
	const auditq_compact_options opt = { .size = sizeof opt };
	auditq_compact_result done = { .size = sizeof done };

	close_log();
	for (uint32_t w = 10; w < 14; w++) {
		the_log = open_log(0);
		emit(the_log, w, 30);
		close_log();
	}
	assert_int_equal(auditq_compact(root, &opt, &done, NULL), 0);
	assert_true(done.merged > 0);
}

static void
do_remove(void)
{
	close_log();
	scratch_remove(root);
	assert_int_equal(mkdir(root, 0750), 0);
}

static void
do_rename(void)
{
	append(file, 1, 3);
	assert_int_equal(rename(file, rotated), 0);
	append(rotated, 1, 2);
}

static void
do_compress(void)
{
	do_rename();
	gzip_file(rotated, false, 0);
}

/* A name that no listing finds. */
static void
do_compress_elsewhere(void)
{
	(void)snprintf(rotated, sizeof rotated, "%s/app.jsonl.1", root);
	do_compress();
}

static void
do_truncate(void)
{
	assert_int_equal(truncate(file, 0), 0);
	append(file, 20, 4);
}

/* As logrotate does with copytruncate. */
static void
do_copy(void)
{
	char buf[4096];
	FILE *in, *out;
	size_t n;

	append(file, 1, 2);
	assert_non_null(in = fopen(file, "re"));
	assert_non_null(out = fopen(rotated, "we"));
	while ((n = fread(buf, 1, sizeof buf, in)) > 0)
		assert_int_equal(fwrite(buf, 1, n, out), n);
	(void)fclose(in);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(truncate(file, 0), 0);
	append(file, 20, 4);
}

/* A writer that is killed: what its ring holds is shown, and not again when another one recovered it. */
static void
do_kill(void)
{
	pid_t pid;
	int status;

	close_log();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		the_log = open_log(0);
		emit(the_log, 30, 25);
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	show();
	assert_int_equal(shown.last[30], 25);
	assert_int_equal(auditq_recover(root, NULL, NULL, NULL, NULL), 0);
}

static const struct {
	const char *name;
	void (*change)(void);
} changes[] = {
	{ "nothing", do_nothing },
	{ "rolled", do_roll },
	{ "sealed", do_seal },
	{ "compacted", do_compact },
	{ "removed", do_remove },
	{ "renamed", do_rename },
	{ "compressed", do_compress },
	{ "compressed, under a name that is not listed", do_compress_elsewhere },
	{ "cut", do_truncate },
	{ "copied and cut", do_copy },
	{ "killed", do_kill },
};

/* Some is shown before the change, and all of the rest after it, in two steps. */
static void
test_changes(void **state)
{
	for (size_t i = 0; i < COUNT(changes); i++) {
#ifdef __SANITIZE_THREAD__
		if (changes[i].change == do_kill)
			continue; /* it does not follow threads of forked children */
#endif
		assert_int_equal(logging_tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
		print_message("%s\n", changes[i].name);
		the_log = open_log(0);
		emit(the_log, 0, 50);
		append(file, 1, 50);
		show();
		assert_int_equal(shown.n, acked_total());
		changes[i].change();
		show();
		assert_int_equal(shown.n, acked_total());
		if (the_log == NULL)
			the_log = open_log(0);
		emit(the_log, 2, 20);
		append(file, 3, 5);
		show();
		show();
		close_log();
		shown_check(&shown, 0);
	}
}

/* Without its footer a compacted archive can't tell what of it was shown before: that is said. */
static void
test_cut(void **state)
{
	char pattern[SCRATCH_MAX + 64];
	struct stat st;
	glob_t found;

	(void)state;
	the_log = open_log(0);
	emit(the_log, 0, 50);
	show();
	do_compact();
	(void)snprintf(pattern, sizeof pattern, "%s/date=*/*.000001.jsonl.gz", root);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_int_equal(stat(found.gl_pathv[0], &st), 0);
	assert_int_equal(truncate(found.gl_pathv[0], st.st_size - 1), 0);
	globfree(&found);
	show();
	if (strstr(shown.said, "shown twice") == NULL)
		fail_msg("not told: %s", shown.said);
}

/* ---- begun by following ---- */

static auditq_t *
begin_following(bool window)
{
	auditq_t *q = auditq_new();

	assert_non_null(q);
	assert_int_equal(auditq_path(q, root), 0);
	assert_int_equal(auditq_cursor(q, cursor), 0);
	assert_int_equal(auditq_follow(q, true), 0);
	if (window)
		assert_int_equal(auditq_after(q, "2020-01-01"), 0);
	return q;
}

/* So many more; who is shown fewer waits until the alarm. */
static void
follow_some(bool window, uint32_t count)
{
	auditq_t *q = begin_following(window);
	auditq_record rec;
	int r;

	(void)alarm(60);
	assert_int_equal(auditq_limit(q, count), 0);
	while ((r = auditq_next(q, &rec, NULL)) > 0)
		shown_take(&shown, &rec);
	assert_int_equal(r, 0);
	assert_int_equal(auditq_cursor_store(q, NULL), 0);
	auditq_free(q);
	(void)alarm(0);
}

/* A few at a time, from a time on: the first time ends in the midst of what is there. */
static void
test_by_and_by(void **state)
{
	(void)state;
	the_log = open_log(0);
	emit(the_log, 0, 50);
	assert_int_equal(alog_sync(the_log, -1), 0);
	append(file, 1, 40);
	while (shown.n < acked_total())
		follow_some(true, 6);
	emit(the_log, 0, 6);
	follow_some(true, 6);
	close_log();
	shown_check(&shown, 0);
}

/* The last few, and then what comes: nothing between the two is passed by. */
static void
test_last_few(void **state)
{
	(void)state;
	append(file, 1, 40);
	follow_some(false, 3);
	assert_int_equal(shown.times[1][37], 0);
	for (uint32_t n = 38; n <= 40; n++)
		assert_int_equal(shown.times[1][n], 1);
	append(file, 1, 7);
	follow_some(false, 5);
	follow_some(false, 2);
	assert_int_equal(shown.n, 10);
	assert_string_equal(shown.wrong, "");
}

/* Interrupted in the midst of what was there: the rest of it is not taken as shown. */
static void
test_interrupted(void **state)
{
	(void)state;
	append(file, 1, 40);
	for (int window = 0; window < 2; window++) {
		auditq_t *q = begin_following(window);
		auditq_record rec;

		assert_int_equal(auditq_next(q, &rec, NULL), 1);
		assert_int_equal(auditq_cursor_store(q, NULL), AUDITQ_EINVAL);
		assert_int_equal(auditq_next(q, &rec, NULL), 1);
		auditq_cancel(q);
		assert_int_equal(auditq_next(q, &rec, NULL), 0);
		assert_int_equal(auditq_cursor_store(q, NULL), AUDITQ_EINVAL);
		assert_int_equal(access(cursor, F_OK), -1);
		auditq_free(q);
	}
}

/* ---- the file ---- */

/* All of a file, to be freed. */
static char *
read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	char *text = malloc(1 << 16);

	assert_non_null(f);
	assert_non_null(text);
	*n = fread(text, 1, 1 << 16, f);
	(void)fclose(f);
	return text;
}

static void
write_file(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void
make_cursor(void)
{
	the_log = open_log(0);
	emit(the_log, 0, 50);
	append(file, 1, 5);
	append(rotated, 2, 5);
	show();
	close_log();
}

static void
expect_refused(const char *text, size_t n, const char *what, size_t at)
{
	struct headway headway = { 0 };
	auditq_error err = { 0 };
	int r;

	write_file(cursor, text, n);
	r = cursor_load(&headway, cursor, &err);
	headway_release(&headway);
	if ((r != AUDITQ_ECORRUPT && r != AUDITQ_EVERSION) || err.text[0] == '\0' ||
	    strcmp(err.path, cursor) != 0)
		fail_msg("%s %zu: %d %s", what, at, r, err.text);
}

static void
test_damaged(void **state)
{
	size_t n;
	char *text;

	(void)state;
	make_cursor();
	text = read_file(cursor, &n);
	for (size_t i = 0; i < n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			text[i] = (char)(text[i] ^ 1 << bit);
			expect_refused(text, n, "bit of byte", i);
			text[i] = (char)(text[i] ^ 1 << bit);
		}
	for (size_t i = 0; i < n; i++)
		expect_refused(text, i, "cut at", i);
	print_message("%zu bytes: each bit flipped, cut at each\n", n);
	free(text);
}

/* Of contents that only somebody who computes the checksum can make. */
static const char *const hostile[] = {
	"{}\n", "[]\n", "\"x\"\n", "not JSON\n", "\n",
	"{\"writer\":\"x\",\"met\":1,\"seen\":[]}\n",
	"{\"writer\":\"0123456789abcdef\",\"met\":1,\"seen\":[[2,1]]}\n",
	"{\"writer\":\"0123456789abcdef\",\"met\":1,\"seen\":[[1]]}\n",
	"{\"writer\":\"0123456789abcdef\",\"met\":1,\"seen\":[[1,2,3]]}\n",
	"{\"writer\":\"0123456789abcdef\",\"met\":1,\"seen\":{}}\n",
	"{\"writer\":\"0123456789abcdef\",\"met\":\"1\",\"seen\":[]}\n",
	"{\"writer\":7,\"met\":1,\"seen\":[]}\n",
	"{\"file\":1,\"dev\":1,\"ino\":1,\"size\":1,\"whole\":true,\"ts\":1,\"met\":1,\"at\":0,"
	"\"head\":\"00\",\"tail\":\"00\",\"seen\":[]}\n",
	"{\"file\":\"f\",\"dev\":1,\"ino\":1,\"size\":1,\"whole\":true,\"ts\":1,\"met\":1,\"at\":0,"
	"\"head\":\"0\",\"tail\":\"00\",\"seen\":[]}\n",
	"{\"file\":\"f\"}\n",
	"{\"writer\":\"0123456789abcdef\",\"met\":1,\"seen\":[]}", /* without its line feed */
};

static void
test_hostile(void **state)
{
	char text[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(hostile); i++) {
		const size_t n = strlen(hostile[i]);

		(void)snprintf(text, sizeof text,
		    "{\"auditq_cursor\":1,\"bytes\":%zu,\"crc32\":%lu}\n%s", n,
		    crc32(0, (const Bytef *)hostile[i], (uInt)n), hostile[i]);
		expect_refused(text, strlen(text), "hostile", i);
	}
}

/* ---- when calls fail ---- */

static const int errors[] = { EIO, ENOSPC, EINTR, EMFILE, EACCES, EROFS, ENOMEM };

/* While it is written there is the old one or the new one, and nothing else is left. */
static void
test_storing(void **state)
{
	struct headway headway = { 0 }, more = { 0 };
	size_t n, nold, cases = 0;
	char *old, *now;

	(void)state;
	make_cursor();
	assert_int_equal(cursor_load(&headway, cursor, NULL), 1);
	assert_int_equal(cursor_load(&more, cursor, NULL), 1);
	assert_non_null(headway_writer(&more, "0123456789abcdef"));
	for (size_t e = 0; e < COUNT(errors); e++)
		for (int kind = FAULT_FAIL; kind <= FAULT_SHORT; kind++) {
			/* Nothing would end if each write were interrupted. */
			bool fired = kind != FAULT_SHORT || errors[e] != EINTR;

			for (long at = 0; fired; at++, cases++) {
				struct headway after = { 0 };
				auditq_error err = { 0 };
				int r;

				assert_int_equal(cursor_store(&headway, cursor, NULL), 0);
				old = read_file(cursor, &nold);
				faults_begin((enum fault)kind, at, errors[e]);
				r = cursor_store(&more, cursor, &err);
				fired = faults_end();
				sys = &ops;
				now = read_file(cursor, &n);
				if (cursor_load(&after, cursor, NULL) != 1)
					fail_msg("call %ld, %s: it is none", at,
					    strerror(errors[e]));
				if (r == 0 && after.nwriter != headway.nwriter + 1)
					fail_msg("call %ld, %s: not stored", at,
					    strerror(errors[e]));
				if (r < 0 && err.text[0] == '\0')
					fail_msg(
					    "call %ld, %s: not told", at, strerror(errors[e]));
				if (after.nwriter == headway.nwriter &&
				    (n != nold || memcmp(now, old, n) != 0))
					fail_msg(
					    "call %ld, %s: neither", at, strerror(errors[e]));
				headway_release(&after);
				free(old);
				free(now);
			}
		}
	headway_release(&headway);
	headway_release(&more);
	print_message("%zu cases\n", cases);
}

/* Some of each kind of file. */
static void
make_trail(void)
{
	const auditq_compact_options opt = { .size = sizeof opt };

	for (uint32_t w = 0; w < 3; w++) {
		the_log = open_log(0);
		emit(the_log, w, 30);
		close_log();
	}
	assert_int_equal(auditq_compact(root, &opt, NULL, NULL), 0);
	append(file, 3, 30);
	show();
	the_log = open_log(ALOG_NO_SEAL);
	emit(the_log, 4, 60);
	close_log();
	the_log = open_log(0);
	emit(the_log, 5, 60);
	close_log();
	append(file, 3, 10);
	assert_int_equal(rename(file, rotated), 0);
	gzip_file(rotated, false, 0);
	append(file, 6, 30);
	the_log = open_log(0);
	emit(the_log, 7, 10);
	assert_int_equal(alog_sync(the_log, 10000), 0);
}

/* A query whose calls fail in turn, and the next one, whose calls do not: together they show everything, once. */
static void
test_reading(void **state)
{
	struct shown before;
	size_t cases = 0, told = 0, n;
	char *text;

	(void)state;
	make_trail();
	text = read_file(cursor, &n);
	before = shown;
	for (size_t e = 0; e < COUNT(errors); e++) {
		bool fired = true;

		for (long at = (long)e; fired; at += (long)COUNT(errors), cases++) {
			auditq_error err = { 0 };
			struct shown again;
			int r;

			write_file(cursor, text, n);
			shown = before;
			faults_begin(FAULT_FAIL, at, errors[e]);
			r = go_on(&err);
			fired = faults_end();
			sys = &ops;
			if (r < 0 && err.text[0] == '\0')
				fail_msg("call %ld, %s: not told", at, strerror(errors[e]));
			if (shown.wrong[0] != '\0')
				fail_msg(
				    "call %ld, %s: %s", at, strerror(errors[e]), shown.wrong);
			if (r == 0 && shown.n < acked_total() && shown.warnings == 0)
				fail_msg(
				    "call %ld, %s in %s: %u of %u are shown, and nothing is said",
				    at, strerror(errors[e]), faults.call, shown.n,
				    acked_total());
			told += r < 0 || shown.warnings > 0;
			again = shown;
			/* What failed has shown nothing for good, unless its cursor was stored. */
			if (r < 0)
				shown = before;
			/* What could not be read comes late. */
			memset(shown.last, 0, sizeof shown.last);
			if (go_on(&err) < 0)
				fail_msg("call %ld, %s in %s, and then: %s", at,
				    strerror(errors[e]), faults.call, err.text);
			/* The cursor may have got its name before its directory could not be synced. */
			if (r < 0 && shown.n == before.n)
				shown = again;
			if (shown.n != acked_total() || shown.wrong[0] != '\0')
				fail_msg("call %ld, %s in %s, and then: %u of %u are shown %s",
				    at, strerror(errors[e]), faults.call, shown.n,
				    acked_total(), shown.wrong);
		}
	}
	close_log();
	free(text);
	print_message("%zu cases, %zu of them told\n", cases, told);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, logging_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_changes),
		TEST(test_cut),
		TEST(test_by_and_by),
		TEST(test_last_few),
		TEST(test_interrupted),
		TEST(test_damaged),
		TEST(test_hostile),
		TEST(test_storing),
		TEST(test_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
