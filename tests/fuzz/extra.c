/*
 * extra - any bytes as what stands in gzip extra fields: what a decoder accepts, its encoder writes again.
 *
 * Input: which decoder, then its bytes.  Checksums are put right, since no fuzzer guesses them.
 */
#include <libdeflate.h>

#include "bytes.h"
#include "fuzz.h"
#include "index.h"
#include "schema_text.h"
#include "section.h"

/* The checksum of our subfield, where there is one, wherever it stands in the extra field. */
static void
put_right(uint8_t *p, size_t n)
{
	size_t xlen = n >= 12 ? get_le16(p + 10) : 0, at = 12;

	while (xlen <= n - 12 && n >= 12 && at + 4 <= 12 + xlen) {
		size_t len = get_le16(p + at + 2);
		if (at + 4 + len > 12 + xlen)
			return;
		if (p[at] == 'A' && p[at + 1] == 'L' && len >= 8) {
			put_le32(p + at + 8, 0);
			put_le32(p + at + 8, libdeflate_crc32(0, p + at + 4, len));
			return;
		}
		at += 4 + len;
	}
}

static void
check_data(const struct format_header *h)
{
	struct format_data data, same;
	uint8_t again[FORMAT_DATA_FIXED];
	uint16_t bytes, bytes_again;

	if (format_get_data(h->fixed, h->nfixed, &data, &bytes) < 0)
		return;
	FUZZ_CLAIM(h->nfixed >= FORMAT_DATA_FIXED && data.lines > 0);
	format_put_data(again, &data, bytes);
	/* All but flags that this version does not know. */
	FUZZ_CLAIM(memcmp(again, h->fixed, 56) == 0);
	FUZZ_CLAIM(memcmp(again + 58, h->fixed + 58, FORMAT_DATA_FIXED - 58) == 0);
	FUZZ_CLAIM(format_get_data(again, sizeof again, &same, &bytes_again) == 0);
	FUZZ_CLAIM(
	    bytes == bytes_again && same.sorted == data.sorted && same.seqs == data.seqs);
}

static void
check_header(uint8_t *p, size_t n)
{
	struct format_header h;
	struct format_data data;
	struct schema schema;
	char canonical[SCHEMA_TEXT_MAX];
	size_t bytes, length;
	auditq_error err = { 0 };
	int r;

	put_right(p, n);
	r = format_get_header(p, n, &h);
	FUZZ_CLAIM(r == 1 || r == 0 || r == ALOG_ECORRUPT || r == ALOG_EVERSION);
	if (r == 1) {
		FUZZ_CLAIM(h.bytes <= n && h.fixed >= p && h.rest == h.fixed + h.nfixed);
		FUZZ_CLAIM(h.rest + h.nrest <= p + h.bytes);
		check_data(&h);
	}
	r = index_peek_member(p, n, &data, &schema, &bytes, &err);
	FUZZ_CLAIM(r == 1 || r == 0 || (r < 0 && err.code == r));
	if (r == 1) {
		struct schema same;
		FUZZ_CLAIM(bytes == h.bytes && schema.ntest <= SCHEMA_TESTS_MAX);
		length = schema_format(&schema, canonical);
		FUZZ_CLAIM(length == 0 || schema_parse(canonical, length, &same) == 0);
		FUZZ_CLAIM(length == 0 || schema_equal(&schema, &same));
	}
}

static void
check_footer(const uint8_t *p, size_t n)
{
	uint8_t footer[FORMAT_FOOTER_BYTES], fixed[FORMAT_FOOTER_FIXED],
	    again[FORMAT_FOOTER_FIXED];
	struct format_footer f, same;

	memset(fixed, 0, sizeof fixed);
	memcpy(fixed, p, n < sizeof fixed ? n : sizeof fixed);
	format_put_footer(footer, fixed);
	if (format_get_footer(footer, &f) < 0)
		return;
	FUZZ_CLAIM(f.members <= FORMAT_MEMBERS_MAX && f.index_bytes <= FORMAT_INDEX_MAX);
	FUZZ_CLAIM(f.schema_bytes <= sizeof f.schema && strlen(f.writer) <= 32);
	format_put_footer_fixed(fixed, &f);
	format_put_footer(footer, fixed);
	FUZZ_CLAIM(format_get_footer(footer, &same) == 0);
	format_put_footer_fixed(again, &same);
	FUZZ_CLAIM(memcmp(fixed, again, sizeof fixed) == 0);
}

static void
check_directory(const uint8_t *p, size_t n)
{
	struct section section[SECTION_COUNT_MAX];
	int count = section_get_directory(p, n, (uint32_t)n, section);

	FUZZ_CLAIM(count >= -1 && count <= SECTION_COUNT_MAX);
	for (int i = 0; i < count; i++)
		(void)section_intact(&section[i], p + section[i].offset);
}

static void
check_filters(const uint8_t *p, size_t n)
{
	struct section_filter filter[FORMAT_MEMBERS_MAX];
	size_t members = n > 1 ? p[0] % FORMAT_MEMBERS_MAX : 0, keys = n > 1 ? p[1] : 0;
	struct bytes_out again = { NULL, 0, 0, false };

	if (n < 2 || section_get_filters(p + 2, n - 2, keys, filter, members) < 0)
		return;
	section_put_filters(&again, filter, members, keys);
	FUZZ_CLAIM(section_get_filters(again.p, again.n, keys, filter, members) == 0);
	bytes_out_free(&again);
}

/* A search for its id stops at the run; one that looks for nothing passes over it. */
static void
seek_run(const struct format_run *run, struct bytes_in at, struct bytes_in behind)
{
	struct bytes_in in = at;
	struct section_id id;
	size_t left = 1;

	section_id_set(&id, run->id, run->nid, true);
	FUZZ_CLAIM(section_seek_run(&in, &left, &id, 1) == 1 && in.p == at.p && left == 0);
	left = 1;
	FUZZ_CLAIM(section_seek_run(&in, &left, NULL, 0) == 0 && in.p == behind.p);
}

static void
check_runs(const uint8_t *p, size_t n)
{
	struct bytes_in in = { p, n, false };

	while (in.n > 0) {
		const struct bytes_in at = in;
		struct bytes_out out = { NULL, 0, 0, false };
		struct format_run run, same;

		/* They are compared with what is behind the ids. */
		memset(&run, 0, sizeof run);
		memset(&same, 0, sizeof same);
		if (section_get_run(&in, &run, 1000) < 0)
			break;
		FUZZ_CLAIM(run.nid <= FORMAT_NAME_MAX && run.last_member >= run.first_member);
		FUZZ_CLAIM(run.failed <= run.records && run.first_ts <= run.last_ts);
		section_put_run(&out, &run, 1000);
		struct bytes_in back = { out.p, out.n, false };
		FUZZ_CLAIM(section_get_run(&back, &same, 1000) == 0 && back.n == 0);
		FUZZ_CLAIM(memcmp(&run, &same, sizeof run) == 0);
		bytes_out_free(&out);
		seek_run(&run, at, in);
	}
}

static void
check_sketch(const struct sketch *s)
{
	double last = 0, next;

	for (int i = 0; i <= 4; i++, last = next) {
		next = sketch_quantile(s, i / 4.0);
		FUZZ_CLAIM(next >= last && next <= SKETCH_MAX * (1 + SKETCH_ACCURACY));
	}
}

static void
check_rollups(const uint8_t *p, size_t n)
{
	struct bytes_in in = { p, n, false };
	int r = 0;

	while (in.n > 0 && r == 0) {
		struct section_rollup rollup = { .stage = NULL }, same = { .stage = NULL };
		if ((r = section_get_rollup(&in, &rollup)) == 0) {
			struct bytes_out a = { NULL, 0, 0, false }, b = { NULL, 0, 0, false };
			section_put_rollup(&a, &rollup);
			struct bytes_in back = { a.p, a.n, false };
			FUZZ_CLAIM(section_get_rollup(&back, &same) == 0 && back.n == 0);
			section_put_rollup(&b, &same);
			FUZZ_CLAIM(a.n == b.n && memcmp(a.p, b.p, a.n) == 0);
			check_sketch(&rollup.sketch);
			bytes_out_free(&a);
			bytes_out_free(&b);
		}
		FUZZ_CLAIM(r == 0 || in.failed);
		sketch_release(&rollup.sketch);
		sketch_release(&same.sketch);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;

	if (size < 1)
		return 0;
	copy = fuzz_copy(data + 1, size - 1);
	switch (data[0] % 6) {
	case 0: check_header((uint8_t *)copy, size - 1); break;
	case 1: check_footer((uint8_t *)copy, size - 1); break;
	case 2: check_directory((uint8_t *)copy, size - 1); break;
	case 3: check_filters((uint8_t *)copy, size - 1); break;
	case 4: check_runs((uint8_t *)copy, size - 1); break;
	default: check_rollups((uint8_t *)copy, size - 1); break;
	}
	free(copy);
	return 0;
}
