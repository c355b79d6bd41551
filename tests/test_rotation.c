/*
 * rotation - logs of others that are followed: what is appended is shown, once, however they are rotated, cut or compressed.
 */
#include <errno.h>
#include <fcntl.h>
#include <zlib.h>

#include "follower.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* As gzip does: beside it, in pieces, then the plain one goes. */
static void
gzip_file(const char *path, bool keep)
{
	char packed[SCRATCH_MAX + 80], buf[700];
	FILE *in = fopen(path, "re");
	gzFile out;
	size_t n;

	(void)snprintf(packed, sizeof packed, "%s.gz", path);
	assert_non_null(in);
	assert_non_null(out = gzopen(packed, "wbe"));
	while ((n = fread(buf, 1, sizeof buf, in)) > 0) {
		assert_int_equal(gzwrite(out, buf, (unsigned)n), (int)n);
		assert_int_equal(gzflush(out, Z_FULL_FLUSH), Z_OK);
		logging_sleep_ms(3);
	}
	assert_int_equal(gzclose(out), Z_OK);
	(void)fclose(in);
	if (!keep)
		assert_int_equal(unlink(path), 0);
}

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
		gzip_file(rotated, rotations[i].keep);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FOLLOWER_TEST(test_rotated),
		FOLLOWER_TEST(test_truncated),
		FOLLOWER_TEST(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
