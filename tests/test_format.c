/* format - members of an archive, encoded and decoded; what is damaged, foreign or newer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libdeflate.h>

#include "bytes.h"
#include "clock.h"
#include "format.h"
#include "liblog.h"
#include "section.h"

static const struct format_data data = {
	.member_bytes = 70001,
	.payload_bytes = 524288,
	.lines = 2000,
	.unreadable = 3,
	.untimed = 5,
	.failed = 17,
	.levels = { 1, 2, 1700, 4, 200, 60, 7, 23 },
	.sorted = true,
	.seqs = true,
	.first_seq = 1,
	.last_seq = UINT64_MAX,
	.min_ts = -5,
	.max_ts = INT64_C(1761228309123456789),
	.ts_before = CLOCK_NONE,
	.digest = { 0xaa, [31] = 0xbb },
};

static const char schema[] = "{\"a schema\"}";

/* The header of a data member with a schema behind its fixed part. */
static size_t
make_header(uint8_t *dst)
{
	uint8_t fixed[FORMAT_DATA_FIXED];

	format_put_data(fixed, &data, sizeof schema - 1);
	return format_put_header(
	    dst, FORMAT_DATA, fixed, sizeof fixed, schema, sizeof schema - 1);
}

/* Make the checksum of a changed subfield true again. */
static void
mend(uint8_t *p)
{
	size_t n = get_le16(p + 14);

	put_le32(p + 20, 0);
	put_le32(p + 20, libdeflate_crc32(0, p + 16, n));
}

static void
data_there_and_back(void **state)
{
	uint8_t p[512];
	struct format_header h;
	struct format_data back = { 0 };
	uint16_t schema_bytes;
	size_t n = make_header(p);

	(void)state;
	assert_int_equal(n, FORMAT_FIXED_AT + FORMAT_DATA_FIXED + sizeof schema - 1);
	assert_int_equal(format_get_header(p, n, &h), 1);
	assert_int_equal(h.kind, FORMAT_DATA);
	assert_int_equal(h.bytes, n);
	assert_int_equal(format_get_data(h.fixed, h.nfixed, &back, &schema_bytes), 0);
	assert_int_equal(schema_bytes, sizeof schema - 1);
	assert_int_equal(h.nrest, sizeof schema - 1);
	assert_memory_equal(h.rest, schema, h.nrest);
	assert_memory_equal(back.levels, data.levels, sizeof data.levels);
	assert_memory_equal(back.digest, data.digest, sizeof data.digest);
	assert_int_equal(back.member_bytes, data.member_bytes);
	assert_int_equal(back.payload_bytes, data.payload_bytes);
	assert_int_equal(back.lines, data.lines);
	assert_int_equal(back.unreadable, data.unreadable);
	assert_int_equal(back.untimed, data.untimed);
	assert_int_equal(back.failed, data.failed);
	assert_true(back.sorted && back.seqs);
	assert_true(back.first_seq == data.first_seq && back.last_seq == data.last_seq);
	assert_true(back.min_ts == data.min_ts && back.max_ts == data.max_ts);
	assert_true(back.ts_before == CLOCK_NONE);
}

/* Whatever byte changes: not ours any more, or damaged, or of no meaning (the five bytes of time,
 * hints and system). */
static void
flips_are_found(void **state)
{
	uint8_t p[512];
	struct format_header h;
	size_t n = make_header(p);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			int r;
			p[i] = (uint8_t)(p[i] ^ 1u << bit);
			r = format_get_header(p, n, &h);
			if (r == 1 && (i < 4 || i > 9))
				fail_msg("byte %zu, bit %u", i, bit);
			p[i] = (uint8_t)(p[i] ^ 1u << bit);
		}
	}
	/* Cut anywhere: not enough of it. */
	for (size_t i = 0; i < n; i++) {
		uint8_t *cut = malloc(i + 1);
		assert_non_null(cut);
		memcpy(cut, p, i);
		assert_int_equal(format_get_header(cut, i, &h), 0);
		free(cut);
	}
}

static void
newer_versions(void **state)
{
	uint8_t p[600], longer[FORMAT_DATA_FIXED + 24];
	struct format_header h;
	struct format_data back;
	uint16_t schema_bytes;
	size_t n = make_header(p);

	(void)state;
	p[17] = FORMAT_VERSION + 1;
	mend(p);
	assert_int_equal(format_get_header(p, n, &h), ALOG_EVERSION);

	/* More at the end of the fixed part, in the same version, is skipped. */
	memset(longer, 0x5a, sizeof longer);
	format_put_data(longer, &data, sizeof schema - 1);
	n = format_put_header(p, FORMAT_DATA, longer, sizeof longer, schema, sizeof schema - 1);
	assert_int_equal(format_get_header(p, n, &h), 1);
	assert_int_equal(format_get_data(h.fixed, h.nfixed, &back, &schema_bytes), 0);
	assert_int_equal(back.lines, data.lines);
	assert_memory_equal(h.rest, schema, schema_bytes);

	/* Less is not. */
	assert_int_equal(format_get_data(longer, FORMAT_DATA_FIXED - 1, &back, &schema_bytes),
	    ALOG_ECORRUPT);
}

static void
foreign_headers(void **state)
{
	static const uint8_t plain[20] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0 };
	/* BGZF's subfield, of the BAM format. */
	static const uint8_t bgzf[28] = { 0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, 'B', 'C',
		2, 0, 27, 0, 3, 0 };
	uint8_t p[512], joined[512];
	struct format_header h;
	size_t n = make_header(p), other = 6;

	(void)state;
	assert_int_equal(format_get_header(plain, sizeof plain, &h), 0);
	assert_int_equal(format_get_header(bgzf, sizeof bgzf, &h), 0);
	/* Ours is found behind another one. */
	memcpy(joined, bgzf, 18);
	memcpy(joined + 18, p + FORMAT_HEADER_BYTES, n - FORMAT_HEADER_BYTES);
	put_le16(joined + 10, (uint16_t)(n - FORMAT_HEADER_BYTES + other));
	assert_int_equal(format_get_header(joined, n + other, &h), 1);
	assert_int_equal(h.bytes, n + other);
	/* A subfield that is longer than the extra field. */
	put_le16(joined + 14, 60000);
	assert_int_equal(format_get_header(joined, n + other, &h), 0);
	/* Too short to be ours. */
	put_le16(p + 14, 7);
	assert_int_equal(format_get_header(p, n, &h), ALOG_ECORRUPT);
}

static void
impossible_data(void **state)
{
	static const struct {
		const char *name;
		size_t offset, size;
		uint64_t value;
	} cases[] = {
		{ "no lines", 8, 4, 0 },
		{ "more lines than bytes", 8, 4, 524289 },
		{ "smaller than its header", 0, 4, 100 },
		{ "larger than deflate can make it", 4, 4, UINT32_MAX },
		{ "more unreadable than lines", 12, 4, 2001 },
		{ "counts overflow", 12, 4, UINT32_MAX },
		{ "more records than lines", 24, 4, 5000 },
		{ "more untimed than records", 16, 4, 1998 },
		{ "more failed than records", 20, 4, 1998 },
		{ "min over max", 76, 8, INT64_C(1761228309123456790) },
		{ "min without max", 84, 8, UINT64_C(1) << 63 },
		{ "first over last", 68, 8, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t fixed[FORMAT_DATA_FIXED];
		struct format_data back;
		uint16_t schema_bytes;
		format_put_data(fixed, &data, 0);
		if (cases[i].size == 4)
			put_le32(fixed + cases[i].offset, (uint32_t)cases[i].value);
		else
			put_le64(fixed + cases[i].offset, cases[i].value);
		if (format_get_data(fixed, sizeof fixed, &back, &schema_bytes) != ALOG_ECORRUPT)
			fail_msg("%s", cases[i].name);
	}
}

static const struct format_footer footer = {
	.file_bytes = 1000 + FORMAT_PAGE_OVERHEAD + 500 + FORMAT_FOOTER_BYTES,
	.index_offset = 1000,
	.index_bytes = 500,
	.members = 3,
	.payload_bytes = 12345,
	.lines = 7,
	.unreadable = 1,
	.untimed = 2,
	.failed = 3,
	.levels = { 1, 0, 0, 2, 0, 0, 0, 3 },
	.sorted = false,
	.seqs = true,
	.first_seq = 4,
	.last_seq = 9,
	.min_ts = INT64_MIN + 1,
	.max_ts = INT64_MAX,
	.writer = "0123456789abcdef0123456789abcdef",
	.digest = { 1 },
	.previous = { 2 },
	.whole = { 3 },
	.schema_bytes = 5,
	.schema = "{\"v\"}",
};

static void
footer_there_and_back(void **state)
{
	uint8_t fixed[FORMAT_FOOTER_FIXED], p[FORMAT_FOOTER_BYTES];
	struct format_footer back;

	(void)state;
	format_put_footer_fixed(fixed, &footer);
	format_put_footer(p, fixed);
	assert_int_equal(format_get_footer(p, &back), 0);
	/* Zeros between members: both are static or cleared. */
	assert_memory_equal(&back, &footer, sizeof back);
	for (size_t i = 0; i < sizeof p; i++) {
		p[i] = (uint8_t)(p[i] ^ 0x10);
		if (format_get_footer(p, &back) == 0 && (i < 4 || i > 9))
			fail_msg("byte %zu", i);
		p[i] = (uint8_t)(p[i] ^ 0x10);
	}
	p[17] = FORMAT_VERSION + 1;
	mend(p);
	assert_int_equal(format_get_footer(p, &back), ALOG_EVERSION);
}

static void
impossible_footers(void **state)
{
	static const struct {
		const char *name;
		size_t offset, size;
		uint64_t value;
	} cases[] = {
		{ "file too long", 0, 8, UINT64_MAX },
		{ "index behind the file", 8, 8, UINT64_MAX },
		{ "index at the end", 8, 8, 2000 },
		{ "no index", 16, 4, 0 },
		{ "huge index", 16, 4, UINT32_MAX },
		{ "no members", 20, 4, 0 },
		{ "too many members", 20, 4, FORMAT_MEMBERS_MAX + 1 },
		{ "schema too long", 130, 2, 481 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t fixed[FORMAT_FOOTER_FIXED], p[FORMAT_FOOTER_BYTES];
		struct format_footer back;
		format_put_footer_fixed(fixed, &footer);
		if (cases[i].size == 2)
			put_le16(fixed + cases[i].offset, (uint16_t)cases[i].value);
		else if (cases[i].size == 4)
			put_le32(fixed + cases[i].offset, (uint32_t)cases[i].value);
		else
			put_le64(fixed + cases[i].offset, cases[i].value);
		format_put_footer(p, fixed);
		if (format_get_footer(p, &back) != ALOG_ECORRUPT)
			fail_msg("%s", cases[i].name);
	}
}

static void
pages(void **state)
{
	static uint8_t stream[FORMAT_PAGE_BYTES], p[FORMAT_PAGE_OVERHEAD + FORMAT_PAGE_BYTES];
	static const size_t sizes[] = { 1, 500, FORMAT_PAGE_BYTES };

	(void)state;
	for (size_t i = 0; i < sizeof stream; i++)
		stream[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		size_t want = sizes[i], n = format_put_page(p, 2, 5, stream, want);
		const uint8_t *got = format_get_page(p, n, 2, 5, want);
		assert_int_equal(n, FORMAT_PAGE_OVERHEAD + want);
		assert_ptr_equal(got, p + FORMAT_PAGE_HEAD);
		assert_memory_equal(got, stream, want);
		assert_null(format_get_page(p, n, 3, 5, want));
		assert_null(format_get_page(p, n, 2, 6, want));
		assert_null(format_get_page(p, n - 1, 2, 5, want - 1));
		p[n - 1] = 1; /* ISIZE of nothing is 0 */
		assert_null(format_get_page(p, n, 2, 5, want));
	}
	assert_int_equal(format_pages(1), 1);
	assert_int_equal(format_pages(FORMAT_PAGE_BYTES), 1);
	assert_int_equal(format_pages(FORMAT_PAGE_BYTES + 1), 2);
	assert_int_equal(format_pages_bytes(FORMAT_PAGE_BYTES + 1),
	    FORMAT_PAGE_BYTES + 1 + 2 * FORMAT_PAGE_OVERHEAD);
	assert_true(FORMAT_PAGE_HEAD + FORMAT_PAGE_BYTES < FORMAT_EXTRA_MAX);
}

static void
time_like(void **state)
{
	static const struct {
		const char *s;
		bool want;
	} cases[] = {
		{ "2025-10-23", true },
		{ "2025-10-23T14:05:09Z", true },
		{ "2025-10-23t1", true },
		{ "2025-10-23 ", true },
		{ "9999-99-99", true }, /* a shape, not a date */
		{ "2025-10-23x", false },
		{ "2025-10-2", false },
		{ "2025-10-234", false },
		{ "2025/10/23", false },
		{ "x025-10-23", false },
		{ "2025-1x-23", false },
		{ "2025-10-x3", false },
		{ " 2025-10-23", false },
		{ "", false },
		{ "detection", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (format_time_like(cases[i].s, strlen(cases[i].s)) != cases[i].want)
			fail_msg("%s", cases[i].s);
}

/* ---- replaced files ---------------------------------------------------------------------- */

/* What is put is got again; of what is cut anywhere, nothing. */
static void
replaced_both_ways(void **state)
{
	static const struct section_replaced cases[] = {
		{ .name = "a", .nname = 1 },
		{ .name = "svc.0123456789abcdef.000001.jsonl.gz",
		    .nname = 36,
		    .offset = 1000,
		    .bytes = 24,
		    .numbered = true,
		    .first_seq = 7,
		    .last_seq = UINT64_MAX,
		    .whole = { 1, 2, 3 },
		    .previous = { 4, 5, 6 } },
		{ .name = "b", .nname = 1, .offset = 1024 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct section_replaced *want = &cases[i];
		struct section_replaced got;
		struct bytes_out out = { 0 };

		section_put_replaced(&out, want);
		assert_false(out.failed);
		for (size_t n = 0; n <= out.n; n++) {
			struct bytes_in in = { .p = out.p, .n = n };

			assert_int_equal(
			    section_get_replaced(&in, &got, 1024), n < out.n ? -1 : 0);
		}
		assert_int_equal(got.nname, want->nname);
		assert_memory_equal(got.name, want->name, want->nname);
		assert_true(got.offset == want->offset && got.bytes == want->bytes);
		assert_true(got.numbered == want->numbered &&
		    got.first_seq == want->first_seq && got.last_seq == want->last_seq);
		assert_memory_equal(got.whole, want->whole, sizeof got.whole);
		assert_memory_equal(got.previous, want->previous, sizeof got.previous);
		bytes_out_free(&out);
	}
}

/* Names that lead elsewhere, places that are not in the file. */
static void
replaced_hostile(void **state)
{
	static const struct {
		const char *name;
		struct section_replaced r;
	} cases[] = {
		{ "no name", { .name = "", .nname = 0 } },
		{ "another directory", { .name = "../a", .nname = 4 } },
		{ "a root", { .name = "/", .nname = 1 } },
		{ "a NUL", { .name = "a\0b", .nname = 3 } },
		{ "behind the end", { .name = "a", .nname = 1, .offset = 1025 } },
		{ "over the end", { .name = "a", .nname = 1, .offset = 1000, .bytes = 25 } },
		{ "no number", { .name = "a", .nname = 1, .bytes = UINT64_MAX } },
		{ "numbers that overflow",
		    { .name = "a",
			.nname = 1,
			.numbered = true,
			.first_seq = 2,
			.last_seq = 1 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct section_replaced got;
		struct bytes_out out = { 0 };
		struct bytes_in in;

		section_put_replaced(&out, &cases[i].r);
		in = (struct bytes_in){ .p = out.p, .n = out.n };
		if (section_get_replaced(&in, &got, 1024) == 0)
			fail_msg("%s", cases[i].name);
		bytes_out_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_there_and_back),
		cmocka_unit_test(flips_are_found),
		cmocka_unit_test(newer_versions),
		cmocka_unit_test(foreign_headers),
		cmocka_unit_test(impossible_data),
		cmocka_unit_test(footer_there_and_back),
		cmocka_unit_test(impossible_footers),
		cmocka_unit_test(pages),
		cmocka_unit_test(time_like),
		cmocka_unit_test(replaced_both_ways),
		cmocka_unit_test(replaced_hostile),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
