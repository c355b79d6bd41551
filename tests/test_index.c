/* index - what the index of an archive says, against the archive's lines. */
#include "bytes.h"
#include "draw.h"
#include "indexed.h"
#include "sketch.h"

/* ---- never a false no -------------------------------------------------------------------- */

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
		draw_seed = 1000 + round;
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

/* ---- run table and rollups --------------------------------------------------------------- */

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

/* One after the other, with a rounding each, these make 99.9999999999986. */
static void
sums_are_rounded_once(void **state)
{
	struct lines l = { 0 };
	uint64_t size;

	(void)state;
	for (int i = 0; i < 1000; i++)
		add_event(&l, 1, NULL, ",\"duration_ms\":0.1");
	int fd = make_archive(&l, 100, &size);
	struct index *ix = must_load(fd, size, INDEX_ROLLUPS);
	assert_true(index_rollup(ix, 0)->sum == 100);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_a_false_no),
		cmocka_unit_test(no_without_filters_is_never_said),
		cmocka_unit_test(keys_compete_for_the_filter),
		cmocka_unit_test(deep_lines),
		cmocka_unit_test(run_table),
		cmocka_unit_test(ids_are_found_by_what_they_begin_with),
		cmocka_unit_test(rollups),
		cmocka_unit_test(sums_are_rounded_once),
		cmocka_unit_test(tables_say_when_they_overflow),
	};

	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
