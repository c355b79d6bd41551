/*
 * index - an archive whose index says anything at all: it is refused, or its answers are in range, and
 * `inspect` describes it in text and in JSON that jansson reads.
 *
 * Input: the fixed part of the footer, then the index stream.  Checksums,
 * and what the footer says of the file's size, are put right; the data members are a hole in the file.
 */
#include <jansson.h>
#include <libdeflate.h>

#include "auditq.h"
#include "bytes.h"
#include "fuzz.h"
#include "index.h"
#include "section.h"

#define HOLE_MAX (1u << 20)

static void
put_right_sections(uint8_t *stream, size_t n)
{
	struct section section[SECTION_COUNT_MAX];
	int count = section_get_directory(stream, n, (uint32_t)n, section);

	for (int i = 0; i < count; i++)
		put_le32(stream + 2 + 16 * (size_t)i + 12,
		    libdeflate_crc32(0, stream + section[i].offset, section[i].length));
}

/* The archive in a file; its size. */
static uint64_t
make_file(int fd, const uint8_t *fixed, uint8_t *stream, uint32_t n)
{
	uint8_t footer[FORMAT_FOOTER_BYTES], page[FORMAT_PAGE_OVERHEAD + FORMAT_PAGE_BYTES],
	    copy[FORMAT_FOOTER_FIXED];
	uint64_t at = get_le64(fixed + 8) % HOLE_MAX;
	uint32_t pages = format_pages(n);
	size_t bytes, some;

	memcpy(copy, fixed, sizeof copy);
	put_le64(copy, at + format_pages_bytes(n) + FORMAT_FOOTER_BYTES);
	put_le64(copy + 8, at);
	put_le32(copy + 16, n);
	put_right_sections(stream, n);
	for (uint32_t i = 0; i < pages; i++, n -= (uint32_t)some, stream += some) {
		some = n < FORMAT_PAGE_BYTES ? n : FORMAT_PAGE_BYTES;
		bytes = format_put_page(page, i, pages, stream, some);
		FUZZ_CLAIM(pwrite(fd, page, bytes, (off_t)at) == (ssize_t)bytes);
		at += bytes;
	}
	format_put_footer(footer, copy);
	FUZZ_CLAIM(pwrite(fd, footer, sizeof footer, (off_t)at) == (ssize_t)sizeof footer);
	return at + sizeof footer;
}

static void
ask_members(const struct index *ix, uint64_t size)
{
	const char *key;
	size_t n;

	for (size_t i = 0; i < index_members(ix); i++) {
		const struct format_data *m = index_member(ix, i);
		FUZZ_CLAIM(index_offset(ix, i) + m->member_bytes < size);
		FUZZ_CLAIM(index_plain_offset(ix, i) + m->payload_bytes <=
		    index_footer(ix)->payload_bytes);
		(void)index_may_equal(ix, i, "stage", 5, "detection", 9);
		(void)index_may_have(ix, i, "", 0);
		(void)index_unlisted(ix, i);
		(void)index_filter_bytes(ix, i);
		for (size_t k = 0; k < index_keys(ix); k++) {
			int state = index_key_state(ix, i, k);
			FUZZ_CLAIM((key = index_key(ix, k, &n)) != NULL);
			FUZZ_CLAIM(state >= 0 && state <= 4);
			/* What is in the dictionary and absent is not there. */
			if (state == 1)
				FUZZ_CLAIM(!index_may_equal(ix, i, key, n, "x", 1));
		}
	}
}

/* A run of the table is found in it, once, and nothing else by its id. */
static void
seek_run(const struct index *ix, const struct format_run *run)
{
	struct index_walk walk = index_walk_runs(ix);
	struct format_run same;
	struct section_id id;

	section_id_set(&id, run->id, run->nid, true);
	FUZZ_CLAIM(index_seek_run(ix, &walk, &id, 1, &same, NULL) == 1);
	FUZZ_CLAIM(same.nid == run->nid && memcmp(same.id, run->id, run->nid) == 0);
	FUZZ_CLAIM(index_seek_run(ix, &walk, &id, 1, &same, NULL) <= 0);
}

/* A time of a run lies between its first and its last. */
static void
claim_time(const struct format_run *run, int64_t ts)
{
	FUZZ_CLAIM(ts == CLOCK_NONE || (ts >= run->first_ts && ts <= run->last_ts));
}

static void
ask_course(const struct index *ix, size_t i)
{
	const struct section_course *course = index_course(ix, i);
	const struct format_run *run = index_run(ix, i);

	if (course == NULL)
		return;
	claim_time(run, course->begin);
	claim_time(run, course->end);
	claim_time(run, course->failed_at);
	if (course->failed_stage >= 0)
		FUZZ_CLAIM(index_rollup(ix, (size_t)course->failed_stage) != NULL);
	for (size_t k = 0; k < FORMAT_STAGES_MAX; k++)
		if ((course->stages[k / 64] >> k % 64 & 1) != 0)
			FUZZ_CLAIM(index_rollup(ix, k + 1) != NULL);
}

static void
ask_tables(const struct index *ix)
{
	size_t runs, rollups;
	bool complete;

	runs = index_runs(ix, &complete);
	for (size_t i = 0; i < runs; i++) {
		const struct format_run *run = index_run(ix, i);
		FUZZ_CLAIM(run->last_member < index_members(ix));
		(void)index_rollup(ix, (size_t)run->failed_stage);
		seek_run(ix, run);
		ask_course(ix, i);
	}
	rollups = index_rollups(ix, &complete);
	for (size_t i = 0; i < rollups; i++)
		(void)sketch_quantile(index_rollup(ix, i)->sketch, 0.95);
}

static int
collect(void *arg, const void *p, size_t n)
{
	bytes_put(arg, p, n);
	return 0;
}

static void
inspect(const char *path, bool as_json)
{
	struct bytes_out out = { NULL, 0, 0, false };
	auditq_error err = { 0 };
	int r = auditq_inspect(path, as_json, collect, &out, &err);
	json_t *json;

	FUZZ_CLAIM(r == err.code);
	if (as_json && out.n > 0) {
		json = json_loadb(
		    (const char *)out.p, out.n, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
		FUZZ_CLAIM(json_is_object(json));
		json_decref(json);
	}
	for (size_t i = 0; !as_json && i < out.n; i++)
		FUZZ_CLAIM(out.p[i] >= 0x20 || out.p[i] == '\n' || out.p[i] == '\t');
	bytes_out_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct index *ix = NULL;
	auditq_error err = { 0 };
	uint8_t *stream;
	size_t n;
	int fd, r;

	if (size <= FORMAT_FOOTER_FIXED)
		return 0;
	n = size - FORMAT_FOOTER_FIXED;
	stream = (uint8_t *)fuzz_copy(data + FORMAT_FOOTER_FIXED, n);
	fd = fuzz_file(NULL, 0);
	size = make_file(fd, data, stream, (uint32_t)n);
	free(stream);
	r = index_load(&ix, fd, size, "fuzz", INDEX_ALL, &err);
	FUZZ_CLAIM(r == err.code && (r == 0) == (ix != NULL));
	if (r == 0) {
		ask_members(ix, size);
		ask_tables(ix);
	}
	index_free(ix);
	inspect(fuzz_path(fd), false);
	inspect(fuzz_path(fd), true);
	return 0;
}
