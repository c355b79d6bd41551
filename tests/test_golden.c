/*
 * golden - an archive whose bytes the format promises can be read, for ever; and what sealing its
 * lines gives today.
 *
 * Another libdeflate may compress to other bytes: sealed again, the lines have to give the same
 * structure, not the same file.
 *
 * test_golden --write makes the files in fixtures/golden/ from *.jsonl, but for those of older writers.  That
 * is a change of the format and belongs in docs/format.md.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <zlib.h>

#include "archive.h"
#include "auditq.h"
#include "bytes.h"
#include "pages.h"
#include "section.h"

#define DIR "fixtures/golden/"

static const struct golden {
	const char *lines, *archive, *description;
	uint64_t
	    replaced; /* bytes of the lines of the first of two files that it stands for; 0: none */
	bool older; /* it has no courses of runs: not made any more */
} golden[] = {
	{ DIR "trail.jsonl", DIR "trail.jsonl.gz", DIR "trail.json", 0, false },
	{ DIR "compacted.jsonl", DIR "compacted.jsonl.gz", DIR "compacted.json", 695, false },
	{ DIR "trail.jsonl", DIR "older.jsonl.gz", DIR "older.json", 0, true },
};
#define GOLDEN (sizeof golden / sizeof golden[0])

static struct bytes_out
read_file(const char *path)
{
	struct bytes_out b = { 0 };
	uint8_t piece[4096];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL)
		fail_msg("%s: run this from the top of the source tree", path);
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		bytes_put(&b, piece, n);
	fclose(f);
	assert_false(b.failed);
	return b;
}

/* Say that the lines were those of two files. */
static void
replace(struct archive *a, uint64_t first, uint64_t all)
{
	struct section_replaced file[] = {
		{ .name = "detector.00c0ffee00c0ffee.000007.jsonl.gz",
		    .bytes = first,
		    .numbered = true,
		    .first_seq = 1,
		    .last_seq = 8,
		    .whole = { 0xab },
		    .previous = { 0xba } },
		{ .name = "detector.00decaf000decaf0.000001.jsonl.gz",
		    .offset = first,
		    .bytes = all - first,
		    .whole = { 0xcd } },
	};

	for (size_t i = 0; i < sizeof file / sizeof file[0]; i++) {
		file[i].nname = strlen(file[i].name);
		assert_int_equal(archive_replaces(a, &file[i], NULL), 0);
	}
}

static void
seal(const struct golden *g, const char *path)
{
	struct archive_options opt = { .member_bytes = 1000,
		.path = path,
		.writer = "00c0ffee00c0ffee",
		.previous = { 0xfe, 0xed } };
	struct bytes_out lines = read_file(g->lines);
	const char *p = (const char *)lines.p, *end = p + lines.n, *feed;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	struct archive *a;

	assert_true(fd >= 0);
	assert_int_equal(archive_begin(&a, fd, &opt, NULL), 0);
	for (; (feed = memchr(p, '\n', (size_t)(end - p))) != NULL; p = feed + 1)
		assert_int_equal(archive_add(a, p, (size_t)(feed - p), NULL), 0);
	assert_ptr_equal(p, end);
	if (g->replaced > 0)
		replace(a, g->replaced, lines.n);
	assert_int_equal(archive_finish(a, NULL, NULL), 0);
	close(fd);
	bytes_out_free(&lines);
}

static int
collect(void *arg, const void *data, size_t n)
{
	bytes_put(arg, data, n);
	return 0;
}

static json_t *
describe(const char *path)
{
	struct bytes_out b = { 0 };
	auditq_error err = { 0 };
	json_t *tree;

	if (auditq_inspect(path, true, collect, &b, &err) < 0)
		fail_msg("%s: %s", err.path, err.text);
	tree = json_loadb((const char *)b.p, b.n, 0, NULL);
	assert_non_null(tree);
	bytes_out_free(&b);
	return tree;
}

/* Take away what depends on how well the lines were compressed, and the name. */
static void
forget_sizes(json_t *tree)
{
	static const char *const names[] = { "path", "file_bytes", "index_offset", "whole" };
	json_t *members = json_object_get(tree, "members"), *m;
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(json_object_del(tree, names[i]), 0);
	json_array_foreach(members, i, m)
	{
		assert_int_equal(json_object_del(m, "offset"), 0);
		assert_int_equal(json_object_del(m, "member_bytes"), 0);
	}
}

static void
same(const json_t *a, const json_t *b)
{
	char *x, *y;

	if (json_equal(a, b))
		return;
	x = json_dumps(a, JSON_INDENT(1));
	y = json_dumps(b, JSON_INDENT(1));
	print_error("%s\n--- is not ---\n%s\n", x, y);
	free(x);
	free(y);
	fail();
}

static void
archive_says_what_it_always_said(void **state)
{
	(void)state;
	for (const struct golden *g = golden; g < golden + GOLDEN; g++) {
		json_t *want = json_load_file(g->description, 0, NULL);
		json_t *got = describe(g->archive);

		assert_non_null(want);
		same(got, want);
		json_decref(want);
		json_decref(got);
	}
}

static void
hold_lines(const struct golden *g)
{
	struct bytes_out want = read_file(g->lines), got = { 0 };
	gzFile gz = gzopen(g->archive, "rb");
	uint8_t piece[4096];
	int n;

	assert_non_null(gz);
	while ((n = gzread(gz, piece, sizeof piece)) > 0)
		bytes_put(&got, piece, (size_t)n);
	assert_int_equal(gzclose(gz), Z_OK);
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.p, want.p, want.n);
	bytes_out_free(&want);
	bytes_out_free(&got);
}

static void
archive_holds_the_lines(void **state)
{
	(void)state;
	for (const struct golden *g = golden; g < golden + GOLDEN; g++)
		hold_lines(g);
}

/* The index stream of a file and its sections. */
static uint8_t *
read_stream(const char *path, struct section section[SECTION_COUNT_MAX], int *sections)
{
	int fd = open(path, O_RDONLY);
	struct pages pages;
	struct stat st;
	uint8_t *stream;
	uint32_t n;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pages_open(&pages, fd, (uint64_t)st.st_size, path, NULL), 0);
	n = pages.footer.index_bytes;
	assert_int_equal(pages_read(&pages, 0, n, &stream, NULL), 0);
	*sections = section_get_directory(stream, n, n, section);
	pages_close(&pages);
	close(fd);
	return stream;
}

/* All sections byte for byte, but the one that has the members' sizes. */
static void
same_sections(const char *archive, const char *path)
{
	struct section a[SECTION_COUNT_MAX], b[SECTION_COUNT_MAX];
	int na, nb;
	uint8_t *x = read_stream(archive, a, &na), *y = read_stream(path, b, &nb);

	assert_int_equal(na, nb);
	for (int i = 0; i < na; i++) {
		assert_int_equal(a[i].type, b[i].type);
		assert_int_equal(a[i].flags, b[i].flags);
		assert_int_equal(a[i].length, b[i].length);
		if (a[i].type != SECTION_MEMBERS &&
		    memcmp(x + a[i].offset, y + b[i].offset, a[i].length) != 0)
			fail_msg("section %d", a[i].type);
	}
	free(x);
	free(y);
}

static void
seal_again(const struct golden *g)
{
	const char *tmp = getenv("TMPDIR");
	json_t *want = json_load_file(g->description, 0, NULL), *got;
	char path[300];
	int fd;

	assert_non_null(want);
	(void)snprintf(path, sizeof path, "%s/test_golden.XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_true((fd = mkstemp(path)) >= 0);
	close(fd);
	seal(g, path);
	got = describe(path);
	forget_sizes(want);
	forget_sizes(got);
	same(got, want);
	same_sections(g->archive, path);
	json_decref(want);
	json_decref(got);
	assert_int_equal(unlink(path), 0);
}

static void
lines_sealed_again_say_the_same(void **state)
{
	(void)state;
	for (const struct golden *g = golden; g < golden + GOLDEN; g++)
		if (!g->older)
			seal_again(g);
}

static void
write_golden(void **state)
{
	(void)state;
	for (const struct golden *g = golden; g < golden + GOLDEN; g++)
		if (!g->older) {
			json_t *tree;

			seal(g, g->archive);
			tree = describe(g->archive);
			assert_int_equal(
			    json_dump_file(tree, g->description, JSON_INDENT(1)), 0);
			json_decref(tree);
		}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(archive_says_what_it_always_said),
		cmocka_unit_test(archive_holds_the_lines),
		cmocka_unit_test(lines_sealed_again_say_the_same),
	};
	const struct CMUnitTest writers[] = { cmocka_unit_test(write_golden) };

	if (argc == 2 && strcmp(argv[1], "--write") == 0)
		return cmocka_run_group_tests_name("golden, written", writers, NULL, NULL);
	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
