/* index - what the index of an archive says, against the archive's lines; damage of every kind. */
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

#include "archive.h"
#include "bytes.h"
#include "index.h"
#include "section.h"
#include "sketch.h"

/* ---- archives in memory ------------------------------------------------------------------ */

/* Lines, each with its line feed. */
struct lines {
	char *p;
	size_t n, cap;
};

static void
lines_add(struct lines *l, const char *s, size_t n)
{
	if (l->cap - l->n < n + 1) {
		l->cap = 2 * (l->cap + n + 1);
		assert_non_null(l->p = realloc(l->p, l->cap));
	}
	memcpy(l->p + l->n, s, n);
	l->p[l->n + n] = '\n';
	l->n += n + 1;
}

/* The next line of [*at, end), without its line feed. */
static const char *
next_line(const char **at, const char *end, size_t *n)
{
	const char *line = *at, *feed;

	if (line == end)
		return NULL;
	feed = memchr(line, '\n', (size_t)(end - line));
	assert_non_null(feed);
	*n = (size_t)(feed - line);
	*at = feed + 1;
	return line;
}

static int
make_fd(void)
{
	int fd = memfd_create("archive", 0);

	assert_true(fd >= 0);
	return fd;
}

static int
make_archive(const struct lines *l, uint32_t member_bytes, uint64_t *size)
{
	struct archive_options opt = { .member_bytes = member_bytes,
		.expected_bytes = l->n,
		.path = "test.jsonl.gz",
		.writer = "0123456789abcdef" };
	struct format_footer footer;
	struct archive *a;
	alog_error err = { 0 };
	const char *at = l->p, *line;
	size_t n;
	int fd = make_fd();

	if (archive_begin(&a, fd, &opt, &err) < 0)
		fail_msg("%s", err.text);
	while ((line = next_line(&at, l->p + l->n, &n)) != NULL)
		if (archive_add(a, line, n, &err) < 0)
			fail_msg("%s", err.text);
	if (archive_finish(a, &footer, &err) < 0)
		fail_msg("%s", err.text);
	*size = footer.file_bytes;
	assert_int_equal(lseek(fd, 0, SEEK_END), *size);
	return fd;
}

static struct index *
must_load(int fd, uint64_t size, unsigned want)
{
	auditq_error err = { 0 };
	struct index *ix = NULL;

	if (index_load(&ix, fd, size, "test.jsonl.gz", want, &err) < 0)
		fail_msg("%s", err.text);
	return ix;
}

/* The lines of a member. */
static const char *
member_lines(const struct index *ix, size_t i, const struct lines *l, const char **end)
{
	const char *p = l->p + index_plain_offset(ix, i);

	*end = p + index_member(ix, i)->payload_bytes;
	assert_true(*end <= l->p + l->n);
	return p;
}

/* ---- never a false no -------------------------------------------------------------------- */

static uint64_t seed;

/* SplitMix64. */
static uint32_t
draw(uint32_t below)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ z >> 31) >> 32) % below;
}

#define PICK(list) list[draw(sizeof list / sizeof list[0])]

#define X16        "xxxxxxxxxxxxxxxx"
#define X64        X16 X16 X16 X16

/* Keys as they are written, several ways for one; the sixth and on are rare. */
static const char *const keys[] = { "a", "b", "c", "a.b", "\\u0061", "", ".", "a.", ".b",
	"run_id", "level", "status", "stage", "\\u0061.\\u0062", "b.c.a", "\\ud83d\\ude00",
	"\xff", "\\\"", "\\u0000" };

static const char *const strings[] = { "x", "y", "", "\\u0078", "ok", "failed", "error",
	"2025-10-23", "2025-10-23T00:00:00Z", "2025-10-2\\u0033", X64, X64 "x",
	"\\u0078" X16 X16 X16 "xxxxxxxxxxxxxxx", "\\ud800", "\\u00e9", "\xc3\xa9", "a\\/b",
	"a/b", "\\n", "\xff\xfe", "r1", "r2", "\\u0000", X64 X64 };

static const char *const others[] = { "1", "-0.5e3", "null", "true", "false", "[]",
	"[\"x\",{\"a\":\"y\"}]", "{}", "{ }" };

static size_t
put_text(char *dst, const char *s)
{
	size_t n = strlen(s);

	memcpy(dst, s, n);
	return n;
}

static size_t
put_object(char *dst, unsigned depth)
{
	size_t n = 0, members = draw(4);

	dst[n++] = '{';
	for (size_t i = 0; i < members; i++) {
		if (i > 0)
			dst[n++] = ',';
		dst[n++] = '"';
		n += put_text(dst + n, draw(3) > 0 ? keys[draw(5)] : PICK(keys));
		n += put_text(dst + n, "\":");
		switch (draw(depth < 4 ? 4 : 3)) {
		case 0: n += put_text(dst + n, PICK(others)); break;
		case 3: n += put_object(dst + n, depth + 1); break;
		default:
			dst[n++] = '"';
			n += put_text(dst + n, PICK(strings));
			dst[n++] = '"';
			break;
		}
	}
	dst[n++] = '}';
	return n;
}

/* Random lines; with many_keys more paths than a dictionary holds, and some that are too long. */
static void
draw_lines(struct lines *l, size_t count, bool many_keys)
{
	static char line[1 << 20];

	for (size_t i = 0; i < count; i++) {
		size_t n = put_object(line, 0);
		if (draw(40) == 0)
			n = put_text(line, PICK(others)); /* unreadable */
		if (many_keys && draw(2) == 0)
			n = (size_t)snprintf(line, sizeof line,
			    "{\"k%u\":\"v%u\",\"a\":{\"%u\":{}}}", draw(4000), draw(3),
			    draw(3000));
		lines_add(l, line, n);
	}
}

/* The string that a token stands for. */
static size_t
decode(const char *token, char dst[256])
{
	struct field f = { .type = FIELD_STRING, .escaped = true, .p = token };

	f.n = strlen(token);
	return field_decode(&f, dst, 256);
}

static size_t
draw_path(char dst[512])
{
	size_t n = decode(PICK(keys), dst);

	for (unsigned more = draw(3); n < 250 && more > 0; more--) {
		dst[n++] = '.';
		n += decode(PICK(keys), dst + n);
	}
	if (draw(8) == 0)
		n = (size_t)snprintf(dst, 512, draw(2) == 0 ? "k%u" : "a.%u", draw(4000));
	if (draw(50) == 0)
		n = put_text(dst, "a." X64 X64 X64 X64);
	return n < 512 ? n : 511;
}

/* Does a line of the member have the path, and the value there? */
static void
ask_lines(const char *at, const char *end, const struct field_path *path, const char *value,
    size_t n, bool *has, bool *equals)
{
	struct field f;
	const char *line;
	size_t len;

	*has = *equals = false;
	while ((line = next_line(&at, end, &len)) != NULL) {
		if (field_get(line, len, path, 1, &f) < 0 || f.type == FIELD_ABSENT)
			continue;
		*has = true;
		if (f.type == FIELD_STRING && field_equals(&f, value, n))
			*equals = true;
	}
}

static void
never_a_false_no(void **state)
{
	unsigned denied_equal = 0, denied_have = 0, found = 0;

	(void)state;
	for (unsigned round = 0; round < 30; round++) {
		struct lines l = { 0 };
		uint64_t size;
		seed = 1000 + round;
		draw_lines(&l, round % 5 == 4 ? 2500 : 30 + draw(400), round % 5 == 4);
		int fd = make_archive(&l, 100 + draw(1500), &size);
		struct index *ix = must_load(fd, size, INDEX_FILTERS);
		for (unsigned q = 0; q < 1000; q++) {
			char path[512], value[256];
			size_t npath = draw_path(path), nvalue = decode(PICK(strings), value);
			size_t i = draw((uint32_t)index_members(ix));
			struct field_path compiled;
			const char *end, *at = member_lines(ix, i, &l, &end);
			bool has, equals;
			field_path_set(&compiled, path, npath);
			ask_lines(at, end, &compiled, value, nvalue, &has, &equals);
			bool may_have = index_may_have(ix, i, path, npath);
			bool may_equal = index_may_equal(ix, i, path, npath, value, nvalue);
			if ((has && !may_have) || (equals && !may_equal))
				fail_msg("round %u: member %zu, path '%.*s', value '%.*s'",
				    round, i, (int)npath, path, (int)nvalue, value);
			denied_have += !may_have;
			denied_equal += !may_equal;
			found += equals;
		}
		index_free(ix);
		close(fd);
		free(l.p);
	}
	/* The test would be worth little if these were rare. */
	if (denied_have < 1000 || denied_equal < 2000 || found < 200)
		fail_msg("%u %u %u", denied_have, denied_equal, found);
}

static void
no_without_filters_is_never_said(void **state)
{
	struct lines l = { 0 };
	uint64_t size;

	(void)state;
	lines_add(&l, "{\"a\":1}", 7);
	int fd = make_archive(&l, 0, &size);
	struct index *ix = must_load(fd, size, 0);
	assert_true(index_may_have(ix, 0, "b", 1));
	assert_true(index_may_equal(ix, 0, "b", 1, "x", 1));
	assert_int_equal(index_keys(ix), 0);
	index_free(ix);
	close(fd);
	free(l.p);
}

static int
state_of(const struct index *ix, size_t member, const char *path)
{
	for (size_t k = 0; k < index_keys(ix); k++) {
		size_t n;
		const char *key = index_key(ix, k, &n);
		if (n == strlen(path) && memcmp(key, path, n) == 0)
			return index_key_state(ix, member, k);
	}
	return 0;
}

/* Many distinct strings crowd a key out, but the run key only at more than twice that. */
static void
keys_compete_for_the_filter(void **state)
{
	enum { LISTED = 0, ABSENT, COMPLETE, PARTIAL, UNINDEXED };
	static const struct {
		unsigned lines;
		int run, user, few, level;
	} cases[] = {
		{ 1700, COMPLETE, COMPLETE, COMPLETE, UNINDEXED },
		{ 2000, COMPLETE, UNINDEXED, COMPLETE, UNINDEXED },
		{ 3413, COMPLETE, UNINDEXED, UNINDEXED, UNINDEXED },
		{ 8192, COMPLETE, UNINDEXED, UNINDEXED, UNINDEXED },
		{ 8193, UNINDEXED, UNINDEXED, COMPLETE, UNINDEXED },
	};

	(void)state;
	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
		struct lines l = { 0 };
		uint64_t size;
		for (unsigned i = 0; i < cases[c].lines; i++) {
			char line[160];
			int n = snprintf(line, sizeof line,
			    "{\"level\":\"info\",\"run_id\":\"run %u\",\"user\":\"u%u\",\"few\":\"%u\","
			    "\"n\":%u,\"list\":[1]}",
			    i, i, i % 3, i);
			lines_add(&l, line, (size_t)n);
		}
		int fd = make_archive(&l, 16u << 20, &size);
		struct index *ix = must_load(fd, size, INDEX_ALL);
		assert_int_equal(index_members(ix), 1);
		assert_false(index_unlisted(ix, 0));
		assert_true(index_filter_bytes(ix, 0) <= FORMAT_FILTER_BYTES);
		if (state_of(ix, 0, "run_id") != cases[c].run ||
		    state_of(ix, 0, "user") != cases[c].user ||
		    state_of(ix, 0, "few") != cases[c].few ||
		    state_of(ix, 0, "level") != cases[c].level)
			fail_msg("%u lines: %d %d %d", cases[c].lines,
			    state_of(ix, 0, "run_id"), state_of(ix, 0, "user"),
			    state_of(ix, 0, "few"));
		assert_int_equal(state_of(ix, 0, "n"), PARTIAL);
		assert_int_equal(state_of(ix, 0, "list"), PARTIAL);
		assert_true(index_may_equal(ix, 0, "run_id", 6, "run 17", 6));
		if (cases[c].run == COMPLETE && cases[c].lines < 3000)
			assert_false(index_may_equal(ix, 0, "run_id", 6, "nonesuch", 8));
		index_free(ix);
		close(fd);
		free(l.p);
	}
}

/* ---- run table and rollups --------------------------------------------------------------- */

static void
add_event(struct lines *l, unsigned second, const char *run, const char *rest)
{
	char line[256];
	int n = snprintf(line, sizeof line, "{\"ts\":\"2025-10-23T14:00:%02uZ\"%s%s%s%s}",
	    second, run != NULL ? ",\"run_id\":\"" : "", run != NULL ? run : "",
	    run != NULL ? "\"" : "", rest);

	lines_add(l, line, (size_t)n);
}

#define NOON INT64_C(1761228000) /* 2025-10-23T14:00:00Z, in fact */

/* The numbers of the runs that are met on a way through the table, as bits. */
static unsigned
found(const struct index *ix, const char *text, size_t n, bool exact)
{
	struct index_walk walk = index_walk_runs(ix);
	struct section_id id;
	struct format_run run;
	unsigned met = 0;
	bool complete;
	int r;

	section_id_set(&id, text, n, exact);
	while ((r = index_seek_run(ix, &walk, &id, 1, &run, NULL)) > 0)
		for (size_t i = 0; i < index_runs(ix, &complete); i++)
			if (strcmp(index_run(ix, i)->id, run.id) == 0)
				met |= 1u << i;
	assert_int_equal(r, 0);
	return met;
}

/* What found should say, by the texts of the ids. */
static unsigned
should_be_found(const struct index *ix, const char *text, size_t n, bool exact)
{
	unsigned met = 0;
	bool complete;

	for (size_t i = 0; i < index_runs(ix, &complete); i++) {
		const struct format_run *run = index_run(ix, i);

		if (run->nid >= n && memcmp(run->id, text, n) == 0 && (!exact || run->nid == n))
			met |= 1u << i;
	}
	return met;
}

static void
ids_are_found_by_what_they_begin_with(void **state)
{
	static const char *const ids[] = {
		"0199feae-1111-7000-8000-000000000001",
		"0199feae-1111-7000-8000-000000000010",
		"0199feae-1111-7000-8000-00000000001f",
		"0199feae-1111-7000-8000-0000000000011",
		"0199feae-1111-7000-8000-00000000000",
		"0199FEAE-1111-7000-8000-000000000001",
		"0199feae-1111-7000-8000_000000000001",
		"0199feae+1111-7000-8000-000000000001",
		"ffffffff-ffff-ffff-ffff-ffffffffffff",
		"00000000-0000-0000-0000-000000000000",
		"0199feae",
		"0",
		"a",
		"run-17",
		"run",
	};
	static const char odd[] = "gf-:/0A";
	struct lines l = { 0 };
	uint64_t size;
	char text[64];
	bool complete;

	(void)state;
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
		add_event(&l, 1, ids[i], "");
	int fd = make_archive(&l, 0, &size);
	struct index *ix = must_load(fd, size, INDEX_ALL);
	assert_int_equal(index_runs(ix, &complete), sizeof ids / sizeof ids[0]);
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
		for (size_t n = 0; n <= strlen(ids[i]); n++)
			for (size_t o = 0; o < sizeof odd; o++) {
				size_t more = n + (odd[o] != '\0');

				memcpy(text, ids[i], n);
				text[n] = odd[o];
				assert_int_equal(found(ix, text, more, false),
				    should_be_found(ix, text, more, false));
				assert_int_equal(found(ix, text, more, true),
				    should_be_found(ix, text, more, true));
			}
	index_free(ix);
	close(fd);
	free(l.p);
}

static void
run_table(void **state)
{
	static const char uuid[] = "0199feae-1111-7000-8000-000000000001";
	struct lines l = { 0 };
	const struct format_run *r;
	uint64_t size;
	bool complete;

	(void)state;
	add_event(&l, 1, "b2", ",\"event\":\"run.begin\"");
	add_event(&l, 2, uuid, ",\"event\":\"run.begin\",\"level\":\"info\"");
	add_event(&l, 3, "b2", ",\"stage\":\"load\",\"status\":\"failed\",\"duration_ms\":5");
	add_event(&l, 5, NULL, ",\"stage\":\"load\",\"status\":\"ok\",\"duration_ms\":10");
	add_event(&l, 4, uuid, ",\"level\":\"error\",\"stage\":\"fit\"");
	add_event(&l, 6, "b2", ",\"event\":\"run.end\",\"status\":\"failed\"");
	add_event(&l, 7, uuid, ",\"level\":\"error\",\"stage\":\"load\"");
	add_event(&l, 8, "", ",\"run_id\":7"); /* the last of duplicates: no string */
	int fd = make_archive(&l, 200, &size);
	struct index *ix = must_load(fd, size, INDEX_ALL);
	assert_int_equal(index_runs(ix, &complete), 2);
	assert_true(complete);

	r = index_run(ix, 0);
	assert_string_equal(r->id, uuid);
	assert_int_equal(r->nid, 36);
	assert_true(r->began && !r->ended && !r->status_failed);
	assert_int_equal(r->first_ts, (NOON + 2) * CLOCK_S);
	assert_int_equal(r->last_ts, (NOON + 7) * CLOCK_S);
	assert_int_equal(r->records, 3);
	assert_int_equal(r->failed, 2);
	assert_memory_equal(index_rollup(ix, (size_t)r->failed_stage)->stage, "fit", 3);
	assert_int_equal(r->first_member, 0);
	assert_int_equal(r->last_member, index_members(ix) - 1);

	r = index_run(ix, 1);
	assert_string_equal(r->id, "b2");
	assert_true(r->began && r->ended && r->status_failed);
	assert_int_equal(r->records, 3);
	assert_int_equal(r->failed, 2);
	assert_memory_equal(index_rollup(ix, (size_t)r->failed_stage)->stage, "load", 4);

	for (size_t n = 0; n <= strlen(uuid); n++)
		assert_int_equal(found(ix, uuid, n, false), n == 0 ? 3 : 1);
	assert_int_equal(found(ix, uuid, 35, true), 0);
	assert_int_equal(found(ix, uuid, 36, true), 1);
	assert_int_equal(found(ix, "b2", 1, true), 0);
	assert_int_equal(found(ix, "b2", 1, false), 2);
	assert_int_equal(found(ix, "b2", 2, true), 2);
	assert_int_equal(found(ix, "b2x", 3, false), 0);
	index_free(ix);
	close(fd);
	free(l.p);
}

static void
rollups(void **state)
{
	struct lines l = { 0 };
	const struct index_rollup *r;
	uint64_t size;
	bool complete;

	(void)state;
	add_event(&l, 1, NULL, ",\"stage\":\"load\",\"status\":\"ok\",\"duration_ms\":10");
	add_event(&l, 2, NULL,
	    ",\"stage\":\"l\\u006fad\",\"status\":\"failed\",\"duration_ms\":20.5");
	add_event(&l, 3, NULL, ",\"stage\":\"load\",\"duration_ms\":-1");
	add_event(&l, 3, NULL, ",\"stage\":\"load\",\"duration_ms\":0,\"status\":null");
	add_event(&l, 4, NULL, ",\"stage\":17");
	int fd = make_archive(&l, 100, &size);
	struct index *ix = must_load(fd, size, INDEX_ROLLUPS);
	assert_int_equal(index_rollups(ix, &complete), 2);
	assert_true(complete);
	r = index_rollup(ix, 0);
	assert_null(r->stage);
	assert_int_equal(r->records, 1);
	assert_int_equal(r->durations, 0);
	r = index_rollup(ix, 1);
	assert_int_equal(r->nstage, 4);
	assert_int_equal(r->records, 4);
	assert_int_equal(r->ends, 2);
	assert_int_equal(r->failed, 1);
	assert_int_equal(r->durations, 3);
	assert_true(r->sum == 30.5 && r->min == 0 && r->max == 20.5);
	assert_int_equal(r->sketch->count, 3);
	assert_int_equal(r->sketch->zeros, 1);
	assert_null(index_rollup(ix, 2));
	index_free(ix);
	close(fd);
	free(l.p);
}

static void
tables_say_when_they_overflow(void **state)
{
	struct lines l = { 0 };
	uint64_t size;
	bool complete;
	char line[400];

	(void)state;
	for (unsigned i = 0; i < FORMAT_RUNS_MAX + 1; i++) {
		int n = snprintf(line, sizeof line, "{\"run_id\":\"%u\",\"stage\":\"s%u\"}", i,
		    i % (FORMAT_STAGES_MAX + 1));
		lines_add(&l, line, (size_t)n);
	}
	int fd = make_archive(&l, 0, &size);
	struct index *ix = must_load(fd, size, INDEX_ALL);
	assert_int_equal(index_runs(ix, &complete), FORMAT_RUNS_MAX);
	assert_false(complete);
	assert_int_equal(index_rollups(ix, &complete), FORMAT_STAGES_MAX + 1);
	assert_false(complete);
	assert_null(index_course(ix, 0));
	index_free(ix);
	close(fd);

	/* One name that is too long does the same. */
	l.n = 0;
	lines_add(&l, line,
	    (size_t)snprintf(line, sizeof line, "{\"run_id\":\"%s%sx\",\"stage\":\"%s%sx\"}",
		X64, X64, X64, X64));
	fd = make_archive(&l, 0, &size);
	ix = must_load(fd, size, INDEX_ALL);
	assert_int_equal(index_runs(ix, &complete), 0);
	assert_false(complete);
	assert_int_equal(index_rollups(ix, &complete), 1);
	assert_false(complete);
	index_free(ix);
	close(fd);
	free(l.p);
}

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

/* As deep as a record may be, with paths that just fit, and one deeper. */
static void
deep_lines(void **state)
{
	(void)state;
	for (unsigned depth = 126; depth <= FIELD_DEPTH + 1; depth++) {
		struct lines l = { 0 };
		char line[1024];
		size_t n = 0;
		uint64_t size;
		for (unsigned i = 0; i < depth; i++)
			n += put_text(line + n, "{\"a\":");
		n += put_text(line + n, "\"x\"");
		memset(line + n, '}', depth);
		lines_add(&l, line, n + depth);
		int fd = make_archive(&l, 0, &size);
		struct index *ix = must_load(fd, size, INDEX_FILTERS);
		bool readable = index_member(ix, 0)->unreadable == 0;
		assert_int_equal(readable, depth <= FIELD_DEPTH);
		assert_int_equal(index_may_have(ix, 0, "a.a.a", 5), readable);
		assert_false(index_may_have(ix, 0, "b", 1));
		for (unsigned i = 0; i < depth; i++)
			memcpy(line + 2 * i, "a.", 2);
		assert_int_equal(index_may_equal(ix, 0, line, 2 * depth - 1, "x", 1), readable);
		assert_false(index_may_equal(ix, 0, line, 2 * depth - 1, "y", 1));
		index_free(ix);
		close(fd);
		free(l.p);
	}
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
		cmocka_unit_test(never_a_false_no),
		cmocka_unit_test(no_without_filters_is_never_said),
		cmocka_unit_test(keys_compete_for_the_filter),
		cmocka_unit_test(run_table),
		cmocka_unit_test(ids_are_found_by_what_they_begin_with),
		cmocka_unit_test(rollups),
		cmocka_unit_test(tables_say_when_they_overflow),
		cmocka_unit_test(every_flipped_byte),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(wrong_bytes_with_right_checksums),
		cmocka_unit_test(joined_archives_hide_nothing),
		cmocka_unit_test(large_indexes_are_read_in_parts),
		cmocka_unit_test(newer_archives),
		cmocka_unit_test(deep_lines),
		cmocka_unit_test(peek),
	};

	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
