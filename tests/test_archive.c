/* archive - the lines come out as they went in; sizes of members; summaries against a naive count;
 * failing writes. */
#include <errno.h>
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
#include <libdeflate.h>
#include <zlib.h>

#include "archive.h"
#include "bytes.h"
#include "digest.h"
#include "draw.h"
#include "index.h"

static struct archive *
begin(int fd, const struct archive_options *opt)
{
	struct archive *a = NULL;
	alog_error err = { 0 };

	if (archive_begin(&a, fd, opt, &err) < 0)
		fail_msg("%s", err.text);
	return a;
}

static void
add(struct archive *a, const char *line, size_t n)
{
	alog_error err = { 0 };

	if (archive_add(a, line, n, &err) < 0)
		fail_msg("%s", err.text);
}

static struct format_footer
finish(struct archive *a)
{
	struct format_footer f;
	alog_error err = { 0 };

	if (archive_finish(a, &f, &err) < 0)
		fail_msg("%s", err.text);
	return f;
}

static int
make_fd(void)
{
	int fd = memfd_create("archive", 0);

	assert_true(fd >= 0);
	return fd;
}

static struct index *
load(int fd, uint64_t size)
{
	auditq_error err = { 0 };
	struct index *ix = NULL;

	if (index_load(&ix, fd, size, "x", INDEX_ALL, &err) < 0)
		fail_msg("%s", err.text);
	return ix;
}

/* What zlib makes of the whole file, as any other reader would. */
static void
inflate_all(int fd, struct bytes_out *out)
{
	static uint8_t buf[1 << 16];
	int copy = dup(fd), n;
	gzFile gz;

	assert_true(copy >= 0);
	assert_int_equal(lseek(copy, 0, SEEK_SET), 0);
	assert_non_null(gz = gzdopen(copy, "rb"));
	while ((n = gzread(gz, buf, sizeof buf)) > 0)
		bytes_put(out, buf, (size_t)n);
	assert_int_equal(n, 0);
	assert_false(out->failed);
	assert_int_equal(gzclose(gz), Z_OK);
}

/* ---- lines ------------------------------------------------------------------------------- */

#define LINE(s)                                                                                \
	{                                                                                      \
		s, sizeof s - 1                                                                \
	}

static const struct {
	const char *s;
	size_t n;
} odd_lines[] = {
	LINE("{\"a\":1}"),
	LINE(""),
	LINE("{\"crlf\":true}\r"),
	LINE("\xef\xbb\xbf{\"bom\":1}"),
	LINE("nonsense"),
	LINE("\0\0\0\0"),
	LINE("{\"nul\":\"\\u0000\"}"),
	LINE("\xff\xfe\x80"),
	LINE("   \t\r"),
	LINE("{\"run_id\":12,\"stage\":[],\"level\":{},\"seq\":-1,\"duration_ms\":\"x\"}"),
	LINE("{\"n\":123456789012345678901234567890}"),
	LINE("[1,2]"),
	LINE("{\"\":\"\"}"),
};

static void
any_bytes_come_back(void **state)
{
	static const uint32_t sizes[] = { 1, 20, 60, 0 };

	(void)state;
	for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
		struct archive_options opt = { .member_bytes = sizes[s] };
		struct bytes_out want = { 0 }, got = { 0 };
		int fd = make_fd();
		struct archive *a = begin(fd, &opt);
		for (size_t i = 0; i < sizeof odd_lines / sizeof odd_lines[0]; i++) {
			add(a, odd_lines[i].s, odd_lines[i].n);
			bytes_put(&want, odd_lines[i].s, odd_lines[i].n);
			bytes_put_u8(&want, '\n');
		}
		struct format_footer f = finish(a);
		assert_int_equal(f.lines, sizeof odd_lines / sizeof odd_lines[0]);
		assert_int_equal(f.unreadable, 4);
		assert_int_equal(f.untimed, 7);
		assert_int_equal(f.payload_bytes, want.n);
		assert_int_equal(f.file_bytes, lseek(fd, 0, SEEK_END));
		inflate_all(fd, &got);
		assert_int_equal(got.n, want.n);
		assert_memory_equal(got.p, want.p, want.n);
		index_free(load(fd, f.file_bytes));
		bytes_out_free(&want);
		bytes_out_free(&got);
		close(fd);
	}
}

static void
refused_lines(void **state)
{
	struct archive_options opt = { .path = "a.gz" };
	alog_error err = { 0 };
	int fd = make_fd();
	struct archive *a = begin(fd, &opt);

	(void)state;
	add(a, "{}", 2);
	assert_int_equal(archive_add(a, "{\n}", 3, &err), ALOG_EINVAL);
	assert_int_equal(err.offset, 3);
	assert_string_equal(err.path, "a.gz");
	/* Half a set of lines is not sealed. */
	assert_int_equal(archive_finish(a, NULL, NULL), ALOG_EIO);

	a = begin(fd, &opt);
	assert_int_equal(archive_add(a, "", FORMAT_PLAIN_MAX, NULL), ALOG_ETOOBIG);
	archive_abort(a);

	a = begin(fd, &opt);
	assert_int_equal(archive_finish(a, NULL, NULL), ALOG_EINVAL);
	archive_abort(NULL);
	for (int level = -1; level <= 13; level += 14) {
		opt.gzip_level = level;
		assert_int_equal(archive_begin(&a, fd, &opt, NULL), ALOG_EINVAL);
	}
	close(fd);
}

/* ---- members ----------------------------------------------------------------------------- */

/* A line of n bytes of which `noise` do not compress. */
static void
make_line(char *dst, size_t n, size_t noise)
{
	static const char hex[] = "0123456789abcdef";

	memset(dst, 'x', n);
	memcpy(dst, "{\"a\":\"", 6);
	memcpy(dst + n - 2, "\"}", 2);
	for (size_t i = 6; i < 6 + noise; i++)
		dst[i] = hex[draw(16)];
}

/* The plain size of a member follows how well the one before it compressed. */
static void
members_grow_with_the_ratio(void **state)
{
	static const struct {
		const char *name;
		size_t noise;
		uint32_t second;
	} cases[] = {
		{ "below 12", 60, 512u << 10 },
		{ "from 12", 28, 1024u << 10 },
		{ "from 24", 12, 2048u << 10 },
	};
	char line[256];

	(void)state;
	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
		struct archive_options opt = { 0 };
		int fd = make_fd();
		struct archive *a = begin(fd, &opt);
		for (size_t i = 0; i < (4u << 20) / sizeof line; i++) {
			make_line(line, sizeof line - 1, cases[c].noise);
			add(a, line, sizeof line - 1);
		}
		struct format_footer f = finish(a);
		struct index *ix = load(fd, f.file_bytes);
		const struct format_data *first = index_member(ix, 0);
		if (first->payload_bytes != 512u << 10 ||
		    index_member(ix, 1)->payload_bytes != cases[c].second)
			fail_msg("%s: %u to %u, then %u", cases[c].name, first->payload_bytes,
			    first->member_bytes, index_member(ix, 1)->payload_bytes);
		index_free(ix);
		close(fd);
	}
}

/* A line that readers pass by is in no count but that of these. */
static void
longest_line(void **state)
{
	static const char head[] = "{\"run_id\":\"r\",\"s\":\"";
	struct archive_options opt = { 0 };
	const size_t n = FORMAT_LINE_MAX;
	char *line = malloc(n + 1);
	int fd = make_fd();
	struct archive *a = begin(fd, &opt);
	struct format_footer f;
	struct index *ix;
	bool complete;

	(void)state;
	assert_non_null(line);
	memset(line, ' ', n + 1);
	add(a, line, n);
	add(a, line, n + 1);
	memset(line, 'x', n + 1);
	memcpy(line, head, sizeof head - 1);
	memcpy(line + n - 2, "\"}", 3);
	add(a, line, n);
	memcpy(line + n - 2, "x\"}", 3);
	add(a, line, n + 1);
	f = finish(a);
	assert_int_equal(f.lines, 4);
	assert_int_equal(f.unreadable, 2);
	ix = load(fd, f.file_bytes);
	assert_int_equal(index_runs(ix, &complete), 1);
	assert_int_equal(index_run(ix, 0)->records, 1);
	index_free(ix);
	free(line);
	close(fd);
}

/* However the lines are long, what was announced fits. */
static void
announced_bytes_fit(void **state)
{
	static const struct {
		size_t line, lines;
	} cases[] = {
		{ 1000, 5000 }, /* many to a member */
		{ 3000, 2000 }, /* one and a half members' worth */
		{ 20000, 400 }, /* each longer than a member is meant to be */
		{ 100000, 100 },
	};
	static char line[100000];

	(void)state;
	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
		struct archive_options opt = {
			.member_bytes = 4096,
			.gzip_level = 1,
			.expected_bytes = cases[c].lines * cases[c].line,
		};
		int fd = make_fd();
		struct archive *a = begin(fd, &opt);
		make_line(line, cases[c].line - 1, 10);
		for (size_t i = 0; i < cases[c].lines; i++) {
			assert_false(archive_full(a));
			add(a, line, cases[c].line - 1);
		}
		struct format_footer f = finish(a);
		assert_true(f.members <= FORMAT_MEMBERS_MAX);
		assert_int_equal(f.payload_bytes, opt.expected_bytes);
		close(fd);
	}
}

static void
full_is_said_in_time(void **state)
{
	struct archive_options opt = { .member_bytes = 64 };
	char line[40];
	unsigned lines = 0;
	int fd = make_fd();
	struct archive *a = begin(fd, &opt);

	(void)state;
	make_line(line, sizeof line, 30);
	while (!archive_full(a)) {
		add(a, line, sizeof line);
		lines++;
	}
	assert_true(lines >= FORMAT_MEMBERS_MAX - 2);
	struct format_footer f = finish(a);
	assert_int_equal(f.lines, lines);
	assert_true(f.members <= FORMAT_MEMBERS_MAX);
	index_free(load(fd, f.file_bytes));

	/* Who does not ask is told. */
	assert_int_equal(ftruncate(fd, 0), 0);
	a = begin(fd, &opt);
	for (lines = 0; archive_add(a, line, sizeof line, NULL) == 0; lines++)
		assert_true(lines < FORMAT_MEMBERS_MAX + 2);
	assert_int_equal(archive_finish(a, NULL, NULL), ALOG_EIO);
	close(fd);
}

/* ---- summaries --------------------------------------------------------------------------- */

/* Effective times: {a line's time or nothing}, two lines to a member. */
static void
times_are_inherited(void **state)
{
	static const char *const lines[] = {
		"{}", "bad",                  /* no time before them */
		"{\"ts\":10}", "bad",         /* inherits 10 */
		"{\"x\":1}", "",              /* inherits; the blank line does not count */
		"{\"ts\":5}", "{\"ts\":30}",  /* earlier than the member before */
		"{\"ts\":30}", "{\"ts\":20}", /* backwards within */
		"{\"x\":2}", "{\"ts\":7}",    /* backwards from what it inherited */
	};
	static const struct {
		int64_t min, max, before; /* seconds; -1: none */
		uint32_t untimed, unreadable;
		bool sorted;
	} want[] = {
		{ -1, -1, -1, 1, 1, true },
		{ 10, 10, -1, 0, 1, true },
		{ 10, 10, 10, 1, 0, true },
		{ 5, 30, 10, 0, 0, true },
		{ 20, 30, 30, 0, 0, false },
		{ 7, 20, 20, 1, 0, false },
	};
	struct archive_options opt = { .member_bytes = 1 };
	int fd = make_fd();
	struct archive *a = NULL;
	char joined[64];

	(void)state;
	/* Two lines fill a member exactly. */
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i += 2) {
		size_t n = strlen(lines[i]) + strlen(lines[i + 1]) + 2;
		opt.member_bytes = n > opt.member_bytes ? (uint32_t)n : opt.member_bytes;
	}
	a = begin(fd, &opt);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		/* White space behind a line pads its member. */
		size_t len = strlen(lines[i]);
		size_t other = strlen(lines[i ^ 1]);
		size_t pad = i % 2 == 0 ? opt.member_bytes - len - other - 2 : 0;
		memcpy(joined, lines[i], len);
		memset(joined + len, ' ', pad);
		add(a, joined, len + pad);
	}
	struct format_footer f = finish(a);
	struct index *ix = load(fd, f.file_bytes);
	assert_int_equal(index_members(ix), sizeof want / sizeof want[0]);
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		const struct format_data *m = index_member(ix, i);
		int64_t min = want[i].min < 0 ? CLOCK_NONE : want[i].min * CLOCK_S;
		int64_t max = want[i].max < 0 ? CLOCK_NONE : want[i].max * CLOCK_S;
		int64_t before = want[i].before < 0 ? CLOCK_NONE : want[i].before * CLOCK_S;
		if (m->min_ts != min || m->max_ts != max || m->ts_before != before ||
		    m->untimed != want[i].untimed || m->unreadable != want[i].unreadable ||
		    m->sorted != want[i].sorted || m->lines != 2)
			fail_msg("member %zu", i);
	}
	assert_false(f.sorted);
	assert_true(f.min_ts == 5 * CLOCK_S && f.max_ts == 30 * CLOCK_S);
	index_free(ix);
	close(fd);
}

static void
sequence_numbers(void **state)
{
	static const struct {
		const char *name, *lines[3];
		bool seqs;
		uint64_t first, last;
	} cases[] = {
		{ "dense", { "{\"seq\":7}", "{\"seq\":8}", "{\"seq\":9}" }, true, 7, 9 },
		{ "in any order", { "{\"seq\":9}", "{\"seq\":0}", "{\"seq\":4}" }, true, 0, 9 },
		{ "unreadable lines have none", { "{\"seq\":7}", "x", "" }, true, 7, 7 },
		{ "the largest", { "{\"seq\":18446744073709551615}", "", "" }, true, UINT64_MAX,
		    UINT64_MAX },
		{ "one is missing", { "{\"seq\":7}", "{}", "{\"seq\":9}" }, false, 0, 0 },
		{ "one is no number", { "{\"seq\":7}", "{\"seq\":\"8\"}", "" }, false, 0, 0 },
		{ "one is negative", { "{\"seq\":-1}", "", "" }, false, 0, 0 },
		{ "no record at all", { "x", "", "y" }, false, 0, 0 },
	};

	(void)state;
	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
		struct archive_options opt = { 0 };
		int fd = make_fd();
		struct archive *a = begin(fd, &opt);
		for (size_t i = 0; i < 3; i++)
			add(a, cases[c].lines[i], strlen(cases[c].lines[i]));
		struct format_footer f = finish(a);
		if (f.seqs != cases[c].seqs || f.first_seq != cases[c].first ||
		    f.last_seq != cases[c].last)
			fail_msg("%s", cases[c].name);
		close(fd);
	}
}

static void
levels_and_failures(void **state)
{
	static const char *const lines[] = { "{\"level\":\"info\"}", "{\"level\":\"WARNING\"}",
		"{\"level\":\"error\"}", "{\"level\":\"error\",\"status\":\"ok\"}",
		"{\"status\":\"failed\"}", "{\"level\":\"nonsense\"}", "{}", "bad", "" };
	struct archive_options opt = { 0 };
	int fd = make_fd();
	struct archive *a = begin(fd, &opt);

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		add(a, lines[i], strlen(lines[i]));
	struct format_footer f = finish(a);
	assert_int_equal(f.levels[2], 1);
	assert_int_equal(f.levels[4], 1);
	assert_int_equal(f.levels[5], 2);
	assert_int_equal(f.levels[7], 3);
	assert_int_equal(f.failed, 2);
	assert_int_equal(f.lines, 9);
	close(fd);
}

static void
own_schema_is_in_every_member(void **state)
{
	struct schema schema = schema_default, found;
	struct archive_options opt = { .schema = &schema, .member_bytes = 20 };
	static uint8_t file[1 << 16];
	struct format_data d;
	size_t head, at = 0;
	int fd = make_fd();
	struct archive *a;

	(void)state;
	strcpy(schema.keys[SCHEMA_RUN].key[0], "uid");
	schema.keys[SCHEMA_TIME].n = 1;
	strcpy(schema.keys[SCHEMA_TIME].key[0], "when");
	a = begin(fd, &opt);
	schema.keys[SCHEMA_RUN].key[0][0] = 'X'; /* copied at the beginning */
	add(a, "{\"when\":17,\"uid\":\"C1\",\"ts\":1}", 29);
	add(a, "{\"uid\":\"C2\"}", 12);
	struct format_footer f = finish(a);
	assert_true(f.min_ts == 17 * CLOCK_S && f.max_ts == 17 * CLOCK_S);
	struct index *ix = load(fd, f.file_bytes);
	bool complete;
	assert_int_equal(index_runs(ix, &complete), 2);
	assert_string_equal(index_schema(ix)->keys[SCHEMA_RUN].key[0], "uid");
	assert_true(f.file_bytes <= sizeof file);
	assert_int_equal(pread(fd, file, f.file_bytes, 0), f.file_bytes);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		    index_peek_member(file + at, f.file_bytes - at, &d, &found, &head, NULL),
		    1);
		assert_true(schema_equal(&found, index_schema(ix)));
		at += d.member_bytes;
	}
	index_free(ix);
	close(fd);
}

static void
digests_are_chained(void **state)
{
	struct archive_options opt = { .member_bytes = 8, .previous = { 1, 2, 3 } };
	uint8_t chain[DIGEST_BYTES] = { 0 };
	struct digest d;
	int fd = make_fd();
	struct archive *a = begin(fd, &opt);

	(void)state;
	for (int i = 0; i < 3; i++)
		add(a, "{\"a\":1}", 7);
	struct format_footer f = finish(a);
	struct index *ix = load(fd, f.file_bytes);
	assert_int_equal(index_members(ix), 3);
	for (size_t i = 0; i < 3; i++) {
		digest_begin(&d);
		digest_add(&d, chain, sizeof chain);
		digest_add(&d, "{\"a\":1}\n", 8);
		digest_end(&d, chain);
		assert_memory_equal(index_member(ix, i)->digest, chain, sizeof chain);
	}
	assert_memory_equal(f.digest, chain, sizeof chain);
	assert_memory_equal(f.previous, opt.previous, sizeof f.previous);
	index_free(ix);
	close(fd);
}

static void
footer_is_read_alone(void **state)
{
	struct archive_options opt = { .writer = "0123456789abcdef" };
	uint8_t file[16384], *sub;
	struct format_footer f, back;
	alog_error err = { 0 };
	size_t nsub;
	int fd = make_fd();
	struct archive *a = begin(fd, &opt);

	(void)state;
	add(a, "{}", 2);
	f = finish(a);
	assert_int_equal(archive_read_footer(fd, f.file_bytes, "p", &back, &err), 0);
	assert_memory_equal(back.whole, f.whole, sizeof f.whole);
	assert_string_equal(back.writer, "0123456789abcdef");
	assert_int_equal(
	    archive_read_footer(fd, f.file_bytes - 1, "p", &back, &err), ALOG_ECORRUPT);
	assert_string_equal(err.path, "p");
	assert_int_equal(archive_read_footer(fd, 10, "p", &back, NULL), ALOG_ECORRUPT);
	assert_int_equal(
	    archive_read_footer(fd, f.file_bytes + 4096, "p", &back, NULL), ALOG_ECORRUPT);
	assert_int_equal(archive_read_footer(-1, f.file_bytes, "p", &back, NULL), ALOG_EIO);
	/* Of another file. */
	assert_int_equal(ftruncate(fd, (off_t)f.file_bytes + 100), 0);
	assert_true(f.file_bytes <= sizeof file && pread(fd, file, f.file_bytes, 0) > 0);
	assert_true(pwrite(fd, file, f.file_bytes, 100) > 0);
	assert_int_equal(
	    archive_read_footer(fd, f.file_bytes + 100, "p", &back, &err), ALOG_ECORRUPT);
	/* Of a later version. */
	sub =
	    file + f.file_bytes - FORMAT_FOOTER_BYTES + FORMAT_FIXED_AT - FORMAT_SUBFIELD_BYTES;
	nsub = FORMAT_FOOTER_BYTES - FORMAT_EMPTY_BYTES -
	    (FORMAT_FIXED_AT - FORMAT_SUBFIELD_BYTES);
	sub[1] = FORMAT_VERSION + 1;
	put_le32(sub + 4, 0);
	put_le32(sub + 4, libdeflate_crc32(0, sub, nsub));
	assert_int_equal(pwrite(fd, file, f.file_bytes, 0), f.file_bytes);
	err = (alog_error){ 0 };
	if (archive_read_footer(fd, f.file_bytes, "p", &back, &err) != ALOG_EVERSION)
		fail_msg("%s", err.text);
	close(fd);
}

/* As many as a reader is ready to read. */
static void
too_many_replaced(void **state)
{
	static const struct section_replaced file = {
		.name = "a.jsonl.gz", .nname = 10, .bytes = 1
	};
	struct archive_options opt = { .path = "p" };
	alog_error err = { 0 };
	int fd = make_fd();
	struct archive *a = begin(fd, &opt);

	(void)state;
	for (size_t i = 0; i < SECTION_REPLACED_MAX; i++)
		assert_int_equal(archive_replaces(a, &file, &err), 0);
	assert_int_equal(archive_replaces(a, &file, &err), ALOG_ETOOBIG);
	assert_string_equal(err.path, "p");
	assert_int_equal(archive_finish(a, NULL, NULL), ALOG_EIO);
	close(fd);
}

/* ---- failing writes ---------------------------------------------------------------------- */

static struct sys_ops ops;
static int writes_left, write_errno;

static ssize_t
failing_write(int fd, const void *p, size_t n)
{
	if (writes_left-- == 0) {
		errno = write_errno;
		return -1;
	}
	/* Short ones on the way. */
	return sys_posix.write(fd, p, n > 100 ? n / 2 : n);
}

static void
every_write_fails_once(void **state)
{
	static const int errors[] = { ENOSPC, EIO, EDQUOT };
	unsigned failures = 0;
	bool clean = false;

	(void)state;
	ops = sys_posix;
	ops.write = failing_write;
	sys = &ops;
	for (int nth = 0; !clean; nth++) {
		struct archive_options opt = { .member_bytes = 60, .path = "full.gz" };
		alog_error err = { 0 };
		int fd = make_fd(), r = 0;
		struct archive *a = begin(fd, &opt);
		writes_left = nth;
		write_errno = errors[(size_t)nth % 3];
		for (int i = 0; r == 0 && i < 6; i++)
			r = archive_add(
			    a, "{\"a\":\"the same line again and again\"}", 37, &err);
		if (r == 0)
			r = archive_finish(a, NULL, &err);
		else
			archive_abort(a);
		if (r == 0) {
			clean = true;
			index_free(load(fd, (uint64_t)lseek(fd, 0, SEEK_END)));
		} else {
			failures++;
			assert_int_equal(r, ALOG_EIO);
			assert_int_equal(err.os_errno, write_errno);
			assert_string_equal(err.path, "full.gz");
		}
		close(fd);
	}
	sys = &sys_posix;
	assert_true(failures > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_bytes_come_back),
		cmocka_unit_test(refused_lines),
		cmocka_unit_test(members_grow_with_the_ratio),
		cmocka_unit_test(longest_line),
		cmocka_unit_test(announced_bytes_fit),
		cmocka_unit_test(full_is_said_in_time),
		cmocka_unit_test(times_are_inherited),
		cmocka_unit_test(sequence_numbers),
		cmocka_unit_test(levels_and_failures),
		cmocka_unit_test(own_schema_is_in_every_member),
		cmocka_unit_test(digests_are_chained),
		cmocka_unit_test(footer_is_read_alone),
		cmocka_unit_test(too_many_replaced),
		cmocka_unit_test(every_write_fails_once),
	};

	return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
