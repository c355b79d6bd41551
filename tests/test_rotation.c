/*
 * rotation - logs of others that are followed: what is appended is shown, once, however they are rotated, cut or compressed.
 */
#include <errno.h>
#include <fcntl.h>

#include "follower.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Names that a listing finds when they are rotated, and others. */
static const struct {
	const char *now, *then;
	bool gzip, keep;
} rotations[] = {
	{ "app.jsonl", "app.1.jsonl", false, false },
	{ "app.jsonl", "app.jsonl.1", false, false },
	{ "app.jsonl", "app.1.jsonl", true, false },
	{ "app.log", "app.log.1", true, false },
	{ "app.jsonl", "app.1.jsonl", true, true },
};

static void
rotate(size_t i, uint32_t w)
{
	append(file, w, 3);
	assert_int_equal(rename(file, rotated), 0);
	/* Who has it open still writes. */
	append(rotated, w, 2);
	append(file, w + 1, 2);
	logging_sleep_ms(i % 2 == 0 ? 40 : 0);
	if (rotations[i].gzip)
		gzip_file(rotated, rotations[i].keep, 3);
	append(file, w + 1, 20);
	append(file, w + 1, 1);
}

static void
test_rotated(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rotations); i++) {
		struct follower *f;

		acked_reset();
		scratch_remove(root);
		name_files(rotations[i].now, rotations[i].then);
		append(file, 0, 100);
		f = follow(root);
		follower_await(f, 1);
		rotate(i, 0);
		follower_catch_up(f);
		print_message("%s, %s%s\n", rotations[i].now, rotations[i].then,
		    rotations[i].gzip ? ".gz" : "");
		follower_end(f, 0, NULL);
	}
}

/* Cut, and written anew; removed, and made anew. */
static void
test_truncated(void **state)
{
	struct follower *f;

	(void)state;
	name_files("app.jsonl", "");
	append(file, 0, 100);
	f = follow(root);
	for (uint32_t w = 1; w < 6; w++) {
		follower_catch_up(f);
		assert_int_equal(w % 2 == 0 ? unlink(file) : truncate(file, 0), 0);
		/* What is cut and grows to what it was is not told from what it was. */
		logging_sleep_ms(30);
		append(file, w, 40);
	}
	follower_end(f, 0, NULL);
}

/* A line is one when it has its end. */
static void
test_pieces(void **state)
{
	static const char line[] =
	    "{\"ts\":\"2026-01-02T03:04:05Z\",\"w\":0,\"n\":1}\n{\"w\":0,\"n\":2}\r\n";
	struct follower *f;
	int fd;

	(void)state;
	name_files("app.jsonl", "");
	f = follow(root);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof line - 1; i++) {
		assert_int_equal(write(fd, &line[i], 1), 1);
		if (i % 9 == 0)
			logging_sleep_ms(1);
		if (line[i] == '\n')
			acked->n[0]++;
		else if (i == 40)
			assert_int_equal(f->shown.n, 0);
	}
	(void)close(fd);
	follower_end(f, 0, NULL);
}

/* ---- copies, from one query with a cursor to the next ---- */

static struct shown shown;

/* That so many were shown, with what came. */
static void
go_on(const char *path, uint32_t n)
{
	char cursor[SCRATCH_MAX + 16];
	auditq_error err = { 0 };

	(void)snprintf(cursor, sizeof cursor, "%s/cursor", scratch);
	if (cursor_go_on(path, cursor, &shown, &err) < 0)
		fail_msg("%s: %s", err.path, err.text);
	assert_string_equal(shown.wrong, "");
	assert_int_equal(shown.n, n);
}

/* Of the first file, beside it. */
static void
copy_as(const char *name)
{
	char path[SCRATCH_MAX + 64], buf[4096];
	FILE *in = fopen(file, "re"), *out;
	size_t n;

	(void)snprintf(path, sizeof path, "%s/%s", root, name);
	assert_non_null(in);
	assert_non_null(out = fopen(path, "we"));
	while ((n = fread(buf, 1, sizeof buf, in)) > 0)
		assert_int_equal(fwrite(buf, 1, n, out), n);
	(void)fclose(in);
	assert_int_equal(fclose(out), 0);
}

static void
by_rename(void)
{
	assert_int_equal(rename(file, rotated), 0);
}

static void
by_copy(void)
{
	copy_as("app.log.1");
	assert_int_equal(truncate(file, 0), 0);
}

static void
by_packed_copy(void)
{
	by_copy();
	gzip_file(rotated, false, 3);
}

/* An older copy is beside a file that is rotated: what came since is in the other one. */
static void
test_older_copy(void **state)
{
	static void (*const rotate_by[])(void) = { by_rename, by_copy, by_packed_copy };

	(void)state;
	for (size_t i = 0; i < COUNT(rotate_by); i++) {
		shown = (struct shown){ 0 };
		acked_reset();
		assert_int_equal(logging_tear_down(state), 0);
		assert_int_equal(logging_set_up(state), 0);
		name_files("app.log", "app.log.1");
		append(file, 0, 100);
		go_on(file, 100);
		copy_as("app.log.0");
		append(file, 0, 50);
		rotate_by[i]();
		append(file, 1, 10);
		go_on(file, 160);
		append(file, 1, 5);
		go_on(file, 165);
		shown_check(&shown, 0);
	}
}

static void
to_gzip(void)
{
	gzip_file(file, false, 3);
}

static void
to_copy(void)
{
	copy_as("zzz.jsonl");
	assert_int_equal(unlink(file), 0);
}

/* What has the same beginning is followed beside it, whichever was made first. */
static void
test_same_beginning(void **state)
{
	static void (*const move[])(void) = { to_gzip, to_copy };

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(move); i++) {
		shown = (struct shown){ 0 };
		acked_reset();
		assert_int_equal(logging_tear_down(state), 0);
		assert_int_equal(logging_set_up(state), 0);
		name_files("app.jsonl", "aaa.jsonl");
		if (i % 2 == 0)
			append(rotated, 0, 0);
		append(file, 0, 60);
		copy_as("aaa.jsonl");
		append(file, 0, 60);
		go_on(root, 120);
		move[i / 2]();
		go_on(root, 120);
		append(rotated, 1, 30);
		go_on(root, 150);
		shown_check(&shown, 0);
	}
}

/* Who compresses is killed, and starts anew much later. */
static void
test_killed_gzip(void **state)
{
	const struct timespec long_ago[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	char packed[SCRATCH_MAX + 80];
	struct stat st;

	(void)state;
	shown = (struct shown){ 0 };
	name_files("app.jsonl", "");
	(void)snprintf(packed, sizeof packed, "%s.gz", file);
	append(file, 0, 120);
	go_on(root, 120);
	gzip_file(file, true, 3);
	assert_int_equal(stat(packed, &st), 0);
	assert_int_equal(truncate(packed, st.st_size / 2), 0);
	/* It is in the making. */
	go_on(root, 120);
	assert_int_equal(shown.lost, 0);
	assert_int_equal(utimensat(AT_FDCWD, packed, long_ago, 0), 0);
	go_on(root, 120);
	assert_true(shown.lost > 0);
	shown.lost = 0;
	append(file, 0, 10);
	gzip_file(file, false, 3);
	go_on(root, 130);
	shown_check(&shown, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FOLLOWER_TEST(test_rotated),
		FOLLOWER_TEST(test_truncated),
		FOLLOWER_TEST(test_pieces),
		FOLLOWER_TEST(test_older_copy),
		FOLLOWER_TEST(test_same_beginning),
		FOLLOWER_TEST(test_killed_gzip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
