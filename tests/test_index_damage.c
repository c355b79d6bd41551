/* index - damage of every kind, and what other versions wrote: refused, or the same answers. */
#include <libdeflate.h>

#include "bytes.h"
#include "indexed.h"
#include "section.h"
#include "sketch.h"

/* ---- damage ------------------------------------------------------------------------------ */

static void
describe_course(const struct section_course *c, struct bytes_out *b)
{
	bytes_put_u8(b, c != NULL);
	if (c == NULL)
		return;
	bytes_put_u64(b, (uint64_t)c->begin);
	bytes_put_u64(b, (uint64_t)c->end);
	bytes_put_u8(b, c->end_failed);
	bytes_put_u64(b, (uint64_t)c->failed_at);
	bytes_put_u32(b, (uint32_t)c->failed_stage);
	bytes_put(b, c->stages, sizeof c->stages);
}

/* All that an index says, in one buffer. */
static void
describe(const struct index *ix, struct bytes_out *b)
{
	bool runs, rollups_complete;
	size_t nruns = index_runs(ix, &runs), nrollups = index_rollups(ix, &rollups_complete);
	uint8_t fixed[FORMAT_FOOTER_FIXED];

	format_put_footer_fixed(fixed, index_footer(ix));
	bytes_put(b, fixed, sizeof fixed);
	for (size_t i = 0; i < index_members(ix); i++) {
		format_put_data(fixed, index_member(ix, i), 0);
		bytes_put(b, fixed, FORMAT_DATA_FIXED);
		bytes_put_u64(b, index_offset(ix, i));
		bytes_put_u8(b, index_unlisted(ix, i));
		for (size_t k = 0; k < index_keys(ix); k++) {
			size_t n;
			const char *key = index_key(ix, k, &n);
			bytes_put(b, key, n);
			bytes_put_u8(b, (uint8_t)index_key_state(ix, i, k));
			bytes_put_u8(b, index_may_equal(ix, i, key, n, "b2", 2));
		}
	}
	for (size_t i = 0; i < nruns; i++) {
		bytes_put(b, index_run(ix, i), sizeof *index_run(ix, i));
		describe_course(index_course(ix, i), b);
	}
	for (size_t i = 0; i < nrollups; i++) {
		const struct index_rollup *r = index_rollup(ix, i);
		bytes_put(b, r->stage, r->stage != NULL ? r->nstage : 0);
		bytes_put_u64(b, r->records);
		bytes_put_double(b, r->sum);
		sketch_put(r->sketch, b);
	}
	bytes_put_u8(b, runs);
	bytes_put_u8(b, rollups_complete);
	assert_false(b->failed);
}

struct sealed {
	struct lines lines;
	uint8_t *p;
	uint64_t size, index_offset;
	struct bytes_out want;
};

static void
make_sealed(struct sealed *s)
{
	struct lines *l = &s->lines;

	*s = (struct sealed){ 0 };
	add_event(l, 1, "b2", ",\"event\":\"run.begin\"");
	add_event(l, 3, "b2", ",\"stage\":\"load\",\"status\":\"failed\",\"duration_ms\":5");
	add_event(l, 5, NULL, ",\"stage\":\"load\",\"status\":\"ok\",\"duration_ms\":10");
	add_event(l, 4, "0199feae-1111-7000-8000-000000000001", ",\"level\":\"error\"");
	add_event(l, 4, "b2", ",\"event\":\"run.end\"");
	add_event(l, 6, "b2", ",\"event\":\"run.begin\"");
	int fd = make_archive(l, 150, &s->size);
	struct index *ix = must_load(fd, s->size, INDEX_ALL);
	s->index_offset = index_footer(ix)->index_offset;
	describe(ix, &s->want);
	index_free(ix);
	assert_non_null(s->p = malloc(s->size));
	assert_int_equal(pread(fd, s->p, s->size, 0), s->size);
	close(fd);
}

static void
free_sealed(struct sealed *s)
{
	free(s->lines.p);
	free(s->p);
	bytes_out_free(&s->want);
}

/* Load what fd holds: a failure, or the same as before. */
static int
same_or_refused(int fd, uint64_t size, const struct sealed *s, const char *what, size_t at)
{
	auditq_error err = { 0 };
	struct index *ix = NULL;
	struct bytes_out got = { 0 };
	int r = index_load(&ix, fd, size, "x", INDEX_ALL, &err);

	if (r < 0) {
		assert_true(err.code == r && err.text[0] != '\0');
		return r;
	}
	describe(ix, &got);
	if (got.n != s->want.n || memcmp(got.p, s->want.p, got.n) != 0)
		fail_msg("%s %zu: a wrong index was believed", what, at);
	bytes_out_free(&got);
	index_free(ix);
	return 0;
}

static void
every_flipped_byte(void **state)
{
	struct sealed s;
	unsigned refused = 0;
	int fd = make_fd();

	(void)state;
	make_sealed(&s);
	assert_int_equal(pwrite(fd, s.p, s.size, 0), s.size);
	for (size_t i = s.index_offset; i < s.size; i++) {
		static const uint8_t masks[] = { 0x01, 0x80, 0xff };
		for (size_t m = 0; m < sizeof masks; m++) {
			uint8_t c = (uint8_t)(s.p[i] ^ masks[m]);
			assert_int_equal(pwrite(fd, &c, 1, (off_t)i), 1);
			refused += same_or_refused(fd, s.size, &s, "flip at", i) < 0;
		}
		assert_int_equal(pwrite(fd, s.p + i, 1, (off_t)i), 1);
	}
	/* All but time, hints and system of two gzip headers. */
	assert_int_equal(refused, 3 * (s.size - s.index_offset - 12));
	assert_int_equal(same_or_refused(fd, s.size, &s, "whole", 0), 0);
	close(fd);
	free_sealed(&s);
}

static void
every_truncation(void **state)
{
	struct sealed s;
	int fd = make_fd();

	(void)state;
	make_sealed(&s);
	assert_int_equal(pwrite(fd, s.p, s.size, 0), s.size);
	for (uint64_t n = s.size; n-- > 0;) {
		assert_int_equal(ftruncate(fd, (off_t)n), 0);
		assert_true(same_or_refused(fd, n, &s, "cut at", n) < 0);
		/* It shrinks after its size was taken. */
		assert_true(same_or_refused(fd, s.size, &s, "shrunk to", n) < 0);
	}
	close(fd);
	free_sealed(&s);
}

/* The checksums hold; only the decoders stand between these bytes and us. */
static void
wrong_bytes_with_right_checksums(void **state)
{
	struct sealed s;
	int fd = make_fd();
	uint32_t n;

	(void)state;
	make_sealed(&s);
	assert_int_equal(pwrite(fd, s.p, s.size, 0), s.size);
	n = (uint32_t)(s.size - s.index_offset - FORMAT_FOOTER_BYTES - FORMAT_PAGE_OVERHEAD);
	for (uint32_t i = 0; i < n; i++) {
		static const uint8_t masks[] = { 0x01, 0x80, 0xff };
		for (size_t m = 0; m < sizeof masks; m++) {
			uint8_t stream[4096], page[sizeof stream + FORMAT_PAGE_OVERHEAD];
			auditq_error err = { 0 };
			struct index *ix = NULL;
			struct bytes_out sink = { 0 };
			memcpy(stream, s.p + s.index_offset + FORMAT_PAGE_HEAD, n);
			stream[i] = (uint8_t)(stream[i] ^ masks[m]);
			/* The sections' checksums: in the directory. */
			for (size_t d = 2; d < 2 + 16 * 5 && i >= 2 + 16 * 5; d += 16) {
				uint32_t at = get_le32(stream + d + 4);
				uint32_t len = get_le32(stream + d + 8);
				put_le32(
				    stream + d + 12, libdeflate_crc32(0, stream + at, len));
			}
			(void)format_put_page(page, 0, 1, stream, n);
			assert_int_equal(
			    pwrite(fd, page, FORMAT_PAGE_OVERHEAD + n, (off_t)s.index_offset),
			    FORMAT_PAGE_OVERHEAD + n);
			if (index_load(&ix, fd, s.size, "x", INDEX_ALL, &err) == 0)
				describe(ix, &sink);
			bytes_out_free(&sink);
			index_free(ix);
		}
	}
	close(fd);
	free_sealed(&s);
}

static void
joined_archives_hide_nothing(void **state)
{
	struct sealed s;
	auditq_error err = { 0 };
	struct index *ix = NULL;
	int fd = make_fd();

	(void)state;
	make_sealed(&s);
	assert_int_equal(pwrite(fd, s.p, s.size, 0), s.size);
	assert_int_equal(pwrite(fd, s.p, s.size, (off_t)s.size), s.size);
	assert_int_equal(
	    index_load(&ix, fd, 2 * s.size, "two", INDEX_ALL, &err), AUDITQ_ECORRUPT);
	assert_string_equal(err.path, "two");
	/* Bytes behind the footer. */
	assert_int_equal(ftruncate(fd, (off_t)s.size + 1), 0);
	assert_int_equal(
	    index_load(&ix, fd, s.size + 1, "more", INDEX_ALL, NULL), AUDITQ_ECORRUPT);
	assert_null(ix);
	close(fd);
	free_sealed(&s);
}

static void
large_indexes_are_read_in_parts(void **state)
{
	struct lines l = { 0 };
	uint64_t size;
	char line[200];
	bool complete;

	(void)state;
	for (unsigned i = 0; i < 12000; i++) {
		int n = snprintf(line, sizeof line,
		    "{\"seq\":%u,\"run_id\":\"run number %u\",\"k%u\":\"v%u\"}", i, i, i % 700,
		    i);
		lines_add(&l, line, (size_t)n);
	}
	int fd = make_archive(&l, 4000, &size);
	struct index *all = must_load(fd, size, INDEX_ALL);
	assert_true(index_footer(all)->index_bytes > 3 * 65536);
	assert_int_equal(index_runs(all, &complete), 12000);
	for (unsigned want = 0; want <= INDEX_ALL; want++) {
		struct index *ix = must_load(fd, size, want);
		assert_int_equal(index_members(ix), index_members(all));
		assert_int_equal(index_runs(ix, &complete), (want & INDEX_RUNS) ? 12000 : 0);
		assert_int_equal(index_keys(ix), (want & INDEX_FILTERS) ? 702 : 0);
		assert_int_equal(index_rollups(ix, &complete), (want & INDEX_ROLLUPS) ? 1 : 0);
		index_free(ix);
	}
	/* Numbers and offsets of each member. */
	for (size_t i = 0; i < index_members(all); i++) {
		const char *end, *at = member_lines(all, i, &l, &end), *p;
		size_t n;
		unsigned count = 0;
		while ((p = next_line(&at, end, &n)) != NULL)
			count++;
		assert_int_equal(index_member(all, i)->lines, count);
		assert_true(index_member(all, i)->seqs);
	}
	index_free(all);
	close(fd);
	free(l.p);
}

/* ---- other versions ---------------------------------------------------------------------- */

/* Write the index of s again: its sections as given, a footer that is as long, and `version`. */
static uint64_t
write_index(int fd, const struct sealed *s, struct section *section,
    const struct bytes_out *content, size_t n, uint8_t version)
{
	struct bytes_out stream = { 0 };
	uint8_t fixed[FORMAT_FOOTER_FIXED + 16], footer[FORMAT_FOOTER_BYTES];
	static uint8_t page[FORMAT_PAGE_BYTES + FORMAT_PAGE_OVERHEAD];
	static const uint8_t
	    spare[FORMAT_FOOTER_BYTES - FORMAT_FIXED_AT - sizeof fixed - FORMAT_EMPTY_BYTES];
	struct format_footer f;
	uint64_t at = s->index_offset;
	size_t len;

	section_put_all(&stream, section, content, n);
	assert_true(!stream.failed && stream.n <= FORMAT_PAGE_BYTES);
	len = format_put_page(page, 0, 1, stream.p, stream.n);
	assert_int_equal(pwrite(fd, page, len, (off_t)at), len);
	at += len;
	assert_int_equal(format_get_footer(s->p + s->size - FORMAT_FOOTER_BYTES, &f), 0);
	f.index_bytes = (uint32_t)stream.n;
	f.file_bytes = at + FORMAT_FOOTER_BYTES;
	format_put_footer_fixed(fixed, &f);
	memset(fixed + FORMAT_FOOTER_FIXED, 0xee, sizeof fixed - FORMAT_FOOTER_FIXED);
	len =
	    format_put_header(footer, FORMAT_FOOTER, fixed, sizeof fixed, spare, sizeof spare);
	format_put_empty(footer + len);
	footer[17] = version;
	put_le32(footer + 20, 0);
	put_le32(footer + 20, libdeflate_crc32(0, footer + 16, get_le16(footer + 14)));
	assert_int_equal(pwrite(fd, footer, sizeof footer, (off_t)at), sizeof footer);
	assert_int_equal(ftruncate(fd, (off_t)f.file_bytes), 0);
	bytes_out_free(&stream);
	return f.file_bytes;
}

/* The sections of s: fixed parts longer, and one more section in front. */
static size_t
newer_sections(const struct sealed *s, struct section section[1 + SECTION_COUNT_MAX],
    struct bytes_out *content)
{
	const uint8_t *stream = s->p + s->index_offset + FORMAT_PAGE_HEAD;
	uint32_t total =
	    (uint32_t)(s->size - s->index_offset - FORMAT_FOOTER_BYTES - FORMAT_PAGE_OVERHEAD);
	int n = section_get_directory(stream, total, total, section + 1);

	assert_int_equal(n, 6);
	section[0] = (struct section){ .type = 999, .flags = 0x8000 };
	bytes_put(&content[0], "what may this be", 16);
	for (int i = 1; i <= n; i++) {
		struct bytes_in in = { .p = stream + section[i].offset,
			.n = section[i].length };
		if (section[i].type != SECTION_MEMBERS)
			bytes_put(&content[i], in.p, in.n);
		while (section[i].type == SECTION_MEMBERS && in.n > 0) {
			size_t len = bytes_get_u16(&in);
			bytes_put_u16(&content[i], (uint16_t)(len + 8));
			bytes_put(&content[i], bytes_get(&in, len), len);
			bytes_put_u64(&content[i], UINT64_MAX);
		}
		bytes_put(&content[i], "more", 4);
	}
	return (size_t)n + 1;
}

/* The sections of s as they are. */
static size_t
same_sections(const struct sealed *s, struct section section[SECTION_COUNT_MAX],
    struct bytes_out *content)
{
	const uint8_t *stream = s->p + s->index_offset + FORMAT_PAGE_HEAD;
	uint32_t total =
	    (uint32_t)(s->size - s->index_offset - FORMAT_FOOTER_BYTES - FORMAT_PAGE_OVERHEAD);
	int n = section_get_directory(stream, total, total, section);

	assert_int_equal(n, 6);
	for (int i = 0; i < n; i++)
		bytes_put(&content[i], stream + section[i].offset, section[i].length);
	return (size_t)n;
}

/* Let the first run's last record stand in that member. */
static void
extend_run(struct bytes_out *runs, const struct format_footer *f, unsigned member)
{
	struct bytes_in in = { .p = runs->p, .n = runs->n };
	struct bytes_out out = { 0 };
	struct format_run run;

	bytes_put_u32(&out, bytes_get_u32(&in));
	assert_int_equal(section_get_run(&in, &run, f->min_ts), 0);
	run.last_member = (uint16_t)member;
	section_put_run(&out, &run, f->min_ts);
	bytes_put(&out, in.p, in.n);
	bytes_out_free(runs);
	*runs = out;
}

/* Every checksum holds, every number is plausible by itself; together they speak of places that are not there. */
static void
impossible_places(void **state)
{
	enum { MEMBER_BYTES = 0, PAYLOAD_BYTES = 4 }; /* format_put_data */
	static const struct {
		const char *name, *says;
		enum section_type type;
		unsigned at, add;
	} cases[] = {
		{ "as it was", NULL, SECTION_MEMBERS, MEMBER_BYTES, 0 },
		{ "a gap between members", "members", SECTION_MEMBERS, MEMBER_BYTES, 1 },
		{ "members that overlap", "members", SECTION_MEMBERS, MEMBER_BYTES, -1U },
		{ "more lines", "members", SECTION_MEMBERS, PAYLOAD_BYTES, 1 },
		{ "fewer lines", "members", SECTION_MEMBERS, PAYLOAD_BYTES, -1U },
		{ "a run up to the last member", NULL, SECTION_RUNS, 0, -1U },
		{ "a run behind the last member", "runs", SECTION_RUNS, 0, 0 },
	};
	struct format_footer f;
	struct sealed s;
	int fd = make_fd();

	(void)state;
	make_sealed(&s);
	assert_int_equal(format_get_footer(s.p + s.size - FORMAT_FOOTER_BYTES, &f), 0);
	assert_int_equal(pwrite(fd, s.p, s.size, 0), s.size);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct section section[SECTION_COUNT_MAX];
		struct bytes_out content[6] = { 0 };
		auditq_error err = { 0 };
		struct index *ix = NULL;
		const size_t n = same_sections(&s, section, content);
		uint64_t size;
		size_t k = 0;
		int r;

		while (section[k].type != cases[i].type)
			k++;
		if (cases[i].type == SECTION_RUNS) {
			extend_run(&content[k], &f, f.members + cases[i].add);
		} else {
			/* Of the first: its length stands before it. */
			uint8_t *p = content[k].p + 2 + cases[i].at;
			put_le32(p, get_le32(p) + cases[i].add);
		}
		size = write_index(fd, &s, section, content, n, FORMAT_VERSION);
		r = index_load(&ix, fd, size, "x", INDEX_ALL, &err);
		if (r != (cases[i].says != NULL ? AUDITQ_ECORRUPT : 0) ||
		    (r < 0 && strstr(err.text, cases[i].says) == NULL))
			fail_msg("%s: %d, %s", cases[i].name, r, err.text);
		index_free(ix);
		for (k = 0; k < n; k++)
			bytes_out_free(&content[k]);
	}
	close(fd);
	free_sealed(&s);
}

static void
newer_archives(void **state)
{
	struct section section[1 + SECTION_COUNT_MAX];
	struct bytes_out content[8] = { 0 }, got = { 0 };
	auditq_error err = { 0 };
	struct sealed s;
	struct index *ix;
	uint64_t size;
	int fd = make_fd();

	(void)state;
	make_sealed(&s);
	assert_int_equal(pwrite(fd, s.p, s.size, 0), s.size);
	size_t n = newer_sections(&s, section, content);

	/* A compatible one says what it said before, as far as is known. */
	size = write_index(fd, &s, section, content, n, FORMAT_VERSION);
	ix = must_load(fd, size, INDEX_ALL);
	describe(ix, &got);
	assert_int_equal(got.n, s.want.n);
	assert_memory_equal(got.p + FORMAT_FOOTER_FIXED, s.want.p + FORMAT_FOOTER_FIXED,
	    got.n - FORMAT_FOOTER_FIXED);
	index_free(ix);

	/* An incompatible one is refused, and told from a damaged one. */
	size = write_index(fd, &s, section, content, n, FORMAT_VERSION + 1);
	assert_int_equal(index_load(&ix, fd, size, "new.gz", 0, &err), AUDITQ_EVERSION);
	assert_string_equal(err.path, "new.gz");
	assert_non_null(strstr(err.text, "newer than version 1"));

	/* Without the one section that must be there. */
	size = write_index(fd, &s, section, content, 1, FORMAT_VERSION);
	assert_int_equal(index_load(&ix, fd, size, "x", 0, NULL), AUDITQ_ECORRUPT);
	/* With no other. */
	size = write_index(fd, &s, section, content, 2, FORMAT_VERSION);
	ix = must_load(fd, size, INDEX_ALL);
	assert_true(index_may_have(ix, 0, "nonesuch", 8));
	bool complete = true;
	assert_true(index_runs(ix, &complete) == 0 && !complete);
	assert_null(index_course(ix, 0));
	complete = true;
	assert_true(index_rollups(ix, &complete) == 0 && !complete);
	index_free(ix);

	for (size_t i = 0; i < n; i++)
		bytes_out_free(&content[i]);
	bytes_out_free(&got);
	close(fd);
	free_sealed(&s);
}

/* ---- members without an index ------------------------------------------------------------ */

static void
peek(void **state)
{
	struct sealed s;
	struct format_data d;
	struct schema schema;
	auditq_error err = { 0 };
	size_t head;
	uint64_t at = 0;
	unsigned members = 0;

	(void)state;
	make_sealed(&s);
	while (at < s.index_offset) {
		assert_int_equal(
		    index_peek_member(s.p + at, s.size - at, &d, &schema, &head, &err), 1);
		assert_true(schema_equal(&schema, &schema_default));
		assert_int_equal(head, FORMAT_FIXED_AT + FORMAT_DATA_FIXED);
		assert_int_equal(
		    index_peek_member(s.p + at, head - 1, &d, &schema, &head, &err), 0);
		at += d.member_bytes;
		members++;
	}
	assert_true(members > 1);
	/* Index members and the footer hold no lines. */
	assert_int_equal(index_peek_member(s.p + at, s.size - at, &d, &schema, &head, &err), 0);
	s.p[50] ^= 1;
	assert_int_equal(
	    index_peek_member(s.p, s.size, &d, &schema, &head, &err), AUDITQ_ECORRUPT);
	free_sealed(&s);
}
int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flipped_byte),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(wrong_bytes_with_right_checksums),
		cmocka_unit_test(joined_archives_hide_nothing),
		cmocka_unit_test(large_indexes_are_read_in_parts),
		cmocka_unit_test(impossible_places),
		cmocka_unit_test(newer_archives),
		cmocka_unit_test(peek),
	};

	return cmocka_run_group_tests_name("index_damage", tests, NULL, NULL);
}
