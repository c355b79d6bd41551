/* scan: lines and literals of a block, held against bytewise loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sanitizer.h"
#include "scan.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct {
	const char *block;
	size_t n;
	const char *lines; /* joined with '|', each followed by one */
} blocks[] = {
	{ "", 0, "" },
	{ "\n", 1, "|" },
	{ "a", 1, "a|" },
	{ "a\n", 2, "a|" },
	{ "a\nb", 3, "a|b|" },
	{ "\n\na\r\n", 5, "||a\r|" },
	{ "a\0b\nc\n", 6, "a\0b|c|" },
};

static void
test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(blocks); i++) {
		char *block = malloc(blocks[i].n > 0 ? blocks[i].n : 1), got[64];
		const char *at, *line;
		size_t n, len = 0;
		assert_non_null(block);
		memcpy(block, blocks[i].block, blocks[i].n);
		at = block;
		while (scan_line(&at, block + blocks[i].n, &line, &n)) {
			memcpy(got + len, line, n);
			got[len + n] = '|';
			len += n + 1;
		}
		assert_ptr_equal(at, block + blocks[i].n);
		assert_memory_equal(got, blocks[i].lines, len);
		assert_int_equal(blocks[i].lines[len], '\0'); /* and no more of them */
		free(block);
	}
}

static void
test_feeds(void **state)
{
	static char text[70000];
	uint64_t want = 0;

	(void)state;
	for (size_t i = 0; i < sizeof text; i++) {
		text[i] = i % 3 == 0 || i < 20000 ? '\n' : "\t\v\x8a\0"[i % 4];
		want += text[i] == '\n';
	}
	assert_int_equal(scan_feeds(text, text + sizeof text), want);
	for (size_t from = 0; from < 40; from++)
		for (size_t n = 0; n < 100; n++) {
			const char *at = text + 20000 + from;

			want = 0;
			for (size_t i = 0; i < n; i++)
				want += at[i] == '\n';
			assert_int_equal(scan_feeds(at, at + n), want);
		}
}

/* ---- several needles ---- */

/* The ways that there are here. */
static size_t
ways(enum scan_way out[4])
{
	static const enum scan_way all[] = { SCAN_PORTABLE, SCAN_AVX2, SCAN_AVX512, SCAN_NEON };
	size_t n = 0;

	assert_true(scan_has_way(scan_best_way()));
	for (size_t i = 0; i < COUNT(all); i++)
		if (scan_has_way(all[i]))
			out[n++] = all[i];
	return n;
}

static bool
naive_equal(const char *p, const struct scan_needle *needle)
{
	for (size_t i = 0; i < needle->n; i++) {
		char c = p[i];

		if (needle->fold && c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if (c != needle->p[i])
			return false;
	}
	return true;
}

/* The first line with a needle in it; its start, or NULL. */
static const char *
naive_line(const struct scan_set *set, const char *hay, const char *end)
{
	const char *line = hay;

	for (const char *p = hay; p < end; p++) {
		for (size_t i = 0; i < set->n; i++)
			if (set->needle[i].n <= (size_t)(end - p) &&
			    naive_equal(p, &set->needle[i]))
				return line;
		if (*p == '\n')
			line = p + 1;
	}
	return NULL;
}

static const char *
found_line(const struct scan_set *set, const char *hay, const char *end)
{
	const char *hit = scan_set_find(set, hay, end), *feed;

	if (hit == NULL)
		return NULL;
	assert_true(hit >= hay && hit < end);
	feed = hit == hay ? NULL : memrchr(hay, '\n', (size_t)(hit - hay));
	return feed == NULL ? hay : feed + 1;
}

static uint64_t
draw(uint64_t *seed, uint64_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (*seed >> 33) % below;
}

/* Needles of few letters, so that parts of them are everywhere. */
static void
make_set(struct scan_set *set, char text[SCAN_NEEDLES_MAX][12], uint64_t *seed)
{
	size_t n = draw(seed, 4) == 0 ? draw(seed, SCAN_NEEDLES_MAX + 1) : draw(seed, 4);

	scan_set_init(set);
	for (size_t i = 0; i < n; i++) {
		bool fold = draw(seed, 3) == 0;
		size_t len = 1 + draw(seed, draw(seed, 3) == 0 ? 3 : 12);

		for (size_t k = 0; k < len; k++)
			text[i][k] = "abk\"{\\u0"[draw(seed, 8)];
		assert_true(scan_set_add(set, text[i], len, fold));
	}
}

static void
test_set(void **state)
{
	static char text[SCAN_NEEDLES_MAX][12];
	uint64_t seed = 99;
	enum scan_way way[4];
	const size_t rounds = BY_SANITIZER(30000, 30000, 3000);
	size_t nway = ways(way), hits = 0, misses = 0;

	(void)state;
	for (size_t round = 0; round < rounds; round++) {
		size_t n = draw(&seed, draw(&seed, 2) == 0 ? 40 : 200);
		char *hay = malloc(n + 1); /* exact: reading over the end is seen under ASan */
		const char *want;
		struct scan_set set;

		assert_non_null(hay);
		make_set(&set, text, &seed);
		for (size_t i = 0; i < n; i++)
			hay[i] = "abkABK\"{[\\u0\n\0\x81q"[draw(&seed, 16)];
		hay = realloc(hay, n > 0 ? n : 1);
		want = naive_line(&set, hay, hay + n);
		hits += want != NULL;
		misses += want == NULL;
		for (size_t w = 0; w < nway; w++) {
			set.way = way[w];
			assert_ptr_equal(found_line(&set, hay, hay + n), want);
		}
		free(hay);
	}
	assert_true(hits > rounds / 6 && misses > rounds / 6);
}

/* Each needle at each place of a block, the rest of which is one that it nearly is. */
static void
test_set_places(void **state)
{
	static const char *const needles[] = { "x", "\\u", "\"e\"", "\"failed\"", "detection",
		"\"0199feae-0000-7000-8000-000000000001\"" };
	enum scan_way way[4];
	size_t nway = ways(way);

	(void)state;
	for (size_t i = 0; i < COUNT(needles); i++)
		for (size_t n = strlen(needles[i]), size = n; size < n + 134; size++)
			for (size_t at = 0; at + n <= size; at++) {
				char *hay = malloc(size);
				struct scan_set set;

				assert_non_null(hay);
				memset(hay, needles[i][0], size);
				if (n == 1)
					memset(hay, 'y', size);
				memcpy(hay + at, needles[i], n);
				scan_set_init(&set);
				assert_true(scan_set_add(&set, needles[i], n, false));
				for (size_t w = 0; w < nway; w++) {
					set.way = way[w];
					assert_non_null(scan_set_find(&set, hay, hay + size));
					assert_null(scan_set_find(&set, hay, hay + at + n - 1));
					assert_null(
					    scan_set_find(&set, hay + at + 1, hay + size));
				}
				free(hay);
			}
}

static void
test_set_full(void **state)
{
	static const char hay[64];
	struct scan_set set;

	(void)state;
	scan_set_init(&set);
	assert_null(scan_set_find(&set, hay, hay + sizeof hay));
	for (int i = 0; i < SCAN_NEEDLES_MAX; i++)
		assert_true(scan_set_add(&set, "zz", 2, false));
	assert_false(scan_set_add(&set, "zz", 2, false));
}

static void
test_blank(void **state)
{
	(void)state;
	assert_true(scan_blank("", 0));
	assert_true(scan_blank(" \t\r ", 4));
	assert_false(scan_blank(" x", 2));
	assert_false(scan_blank("\0", 1));
	assert_false(scan_blank("\xef\xbb\xbf", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_feeds),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_places),
		cmocka_unit_test(test_set_full),
		cmocka_unit_test(test_blank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
