/* search - what a query says of damaged and vanishing data: where it is, and all else that there is. */
#include "searched.h"

/* A flip in the data of any member: the others answer, and it is said where the damage is. */
static void
test_damaged_member(void **state)
{
	char *p;
	size_t n, flips = 0;

	(void)state;
	put_archive("x.jsonl.gz", 1, 100, "r");
	p = read_file("x.jsonl.gz", &n);
	for (size_t i = 0; i < n; i++) {
		struct format_header h;
		struct format_data d;
		uint16_t schema;
		char want[64];

		if (format_get_header((uint8_t *)p + i, n - i, &h) != 1 ||
		    h.kind != FORMAT_DATA)
			continue;
		assert_int_equal(format_get_data(h.fixed, h.nfixed, &d, &schema), 0);
		p[i + d.member_bytes - 20] ^= 4;
		write_file("x.jsonl.gz", p, n);
		ask_three_ways();
		assert_int_equal(a.lost, 1);
		assert_int_equal(a.n, 100 - d.lines);
		snprintf(want, sizeof want, "@%zu ", i);
		assert_non_null(strstr(a.said, want));
		assert_int_equal(c.lost, 1);
		assert_non_null(strstr(c.said, want));
		p[i + d.member_bytes - 20] ^= 4;
		flips++;
	}
	assert_true(flips > 5);
	free(p);
}

/* A flip anywhere in the index costs time, not answers. */
static void
test_damaged_index(void **state)
{
	char *p;
	size_t n, used = 0;
	alog_error err;
	struct format_footer footer;
	char path[2 * SCRATCH_MAX];
	int fd;

	(void)state;
	put_archive("w.jsonl.gz", 1, 40, "r");
	put_archive("x.jsonl.gz", 41, 100, "r");
	put_archive("y.jsonl.gz", 101, 130, "r");
	p = read_file("x.jsonl.gz", &n);
	path_in(path, "x.jsonl.gz");
	fd = open(path, O_RDONLY);
	assert_int_equal(archive_read_footer(fd, n, path, &footer, &err), 0);
	close(fd);
	for (size_t i = (size_t)footer.index_offset; i < n; i += 11) {
		p[i] ^= 0x10;
		write_file("x.jsonl.gz", p, n);
		ask_three_ways();
		assert_range(&a, 1, 130);
		used += a.warned == 0;
		p[i] ^= 0x10;
	}
	/* The index is refused, save for what does not matter to this question. */
	assert_true(used < (n - footer.index_offset) / 11 / 2);
	free(p);
}

static void
test_cut(void **state)
{
	char *p;
	size_t n;

	(void)state;
	put_archive("x.jsonl.gz", 1, 100, "r");
	p = read_file("x.jsonl.gz", &n);
	for (size_t i = 0; i < n; i += 13) {
		write_file("x.jsonl.gz", p, i);
		ask_three_ways();
		if (a.n > 0)
			assert_range(&a, 1, a.n);
		if (a.n < 100 && i > 1 && a.lost == 0)
			fail_msg("cut at %zu: %zu records and not a word", i, a.n);
	}
	/* Two archives joined must not hide one another. */
	put_archive("y.jsonl.gz", 101, 150, "r");
	{
		size_t m;
		char *second = read_file("y.jsonl.gz", &m), *both = malloc(n + m);
		char path[2 * SCRATCH_MAX];

		assert_non_null(both);
		memcpy(both, p, n);
		memcpy(both + n, second, m);
		write_file("x.jsonl.gz", both, n + m);
		path_in(path, "y.jsonl.gz");
		unlink(path);
		ask_three_ways();
		assert_range(&a, 1, 150);
		free(second);
		free(both);
	}
	free(p);
}

/* A member that was taken out, whole: the footer knows how many lines there were. */
static void
test_member_taken_out(void **state)
{
	struct format_header h;
	struct format_data d;
	uint16_t schema;
	char *p;
	size_t n;

	(void)state;
	put_archive("x.jsonl.gz", 1, 100, "r");
	p = read_file("x.jsonl.gz", &n);
	assert_int_equal(format_get_header((uint8_t *)p, n, &h), 1);
	assert_int_equal(format_get_data(h.fixed, h.nfixed, &d, &schema), 0);
	write_file("x.jsonl.gz", p + d.member_bytes, n - d.member_bytes);
	ask_three_ways();
	assert_range(&a, d.lines + 1, 100);
	assert_int_equal(a.lost, 1);
	assert_non_null(strstr(a.said, "are missing"));
	assert_int_equal(c.lost, 1);
	free(p);
}

/* An archive that is removed or replaced between two calls. */
static void
test_vanished(void **state)
{
	char path[2 * SCRATCH_MAX];
	auditq_record rec;
	auditq_t *q;
	size_t n;

	(void)state;
	for (int replace = 0; replace < 2; replace++) {
		put_archive("x.jsonl.gz", 1, 100, "r");
		q = ask(&a);
		assert_int_equal(auditq_next(q, &rec, &a.err), 1);
		path_in(path, "x.jsonl.gz");
		unlink(path);
		if (replace)
			put_archive("x.jsonl.gz", 1, 50, "r");
		for (n = 1; auditq_next(q, &rec, &a.err) > 0; n++)
			;
		assert_true(n < 100);
		if (replace)
			assert_true(a.lost > 0);
		else
			assert_true(a.lost == 0 && a.warned == 1);
		auditq_free(q);
	}
}

/* An archive of a format to come is refused, the rest is answered. */
static void
test_version(void **state)
{
	char *p;
	size_t n;

	(void)state;
	put_plain("a.jsonl", 1, 3, "r", "");
	put_archive("x.jsonl.gz", 4, 30, "r");
	p = read_file("x.jsonl.gz", &n);
	for (size_t i = 0; i < n; i++) {
		struct format_header h;
		uint8_t *sub = (uint8_t *)p + i + FORMAT_HEADER_BYTES + 4;
		size_t len;
		uLong crc;

		if (format_get_header((uint8_t *)p + i, n - i, &h) != 1)
			continue;
		len = FORMAT_SUBFIELD_BYTES + h.nfixed + h.nrest;
		sub[1]++;
		memset(sub + 4, 0, 4);
		crc = crc32(0, sub, (uInt)len);
		for (int k = 0; k < 4; k++)
			sub[4 + k] = (uint8_t)(crc >> 8 * k);
	}
	write_file("x.jsonl.gz", p, n);
	ask_three_ways();
	assert_range(&a, 1, 3);
	assert_int_equal(a.lost, 1);
	assert_non_null(strstr(a.said, "AUDITQ_EVERSION /x.jsonl.gz"));
	assert_int_equal(c.lost, 1);
	free(p);
}

static void
test_unreadable_lines(void **state)
{
	static const char zeros[40] = { 0 };
	auditq_t *q;

	(void)state;
	put_plain("a.jsonl", 1, 3, "r", "not json\n{\"also\n\n[1]\n{\"torn\":");
	ask_three_ways();
	assert_range(&a, 1, 3);
	assert_string_equal(a.said,
	    "AUDITQ_EJSON /a.jsonl:4 @303 2 lines are not JSON objects\n"
	    "AUDITQ_EJSON /a.jsonl:7 @320 2 lines are not JSON objects\n");
	assert_int_equal(a.counts.unreadable, 4);
	/* Outside the window nobody needed them. */
	q = ask(&a);
	auditq_between(q, INT64_MIN, T0 + 3 * CLOCK_S);
	take(q, &a);
	assert_range(&a, 1, 2);
	assert_int_equal(a.warned, 0);
	/* In the segment that is being written, a torn line is no damage. */
	put_plain("a.jsonl", 1, 0, "r", "");
	put_plain("s." W1 ".000001.jsonl", 1, 3, "r", "{\"ts\":");
	ask_three_ways();
	assert_range(&a, 1, 3);
	assert_int_equal(a.warned, 0);
	write_file("a.jsonl", zeros, sizeof zeros);
	ask_three_ways();
	assert_range(&a, 1, 3);
	assert_int_equal(a.lost, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_damaged_member),
		TEST(test_damaged_index),
		TEST(test_cut),
		TEST(test_member_taken_out),
		TEST(test_vanished),
		TEST(test_version),
		TEST(test_unreadable_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
