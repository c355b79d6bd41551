/* scan: lines and literals of a block, held against bytewise loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

static const char *
naive_find(const char *hay, size_t n, const char *needle, size_t m)
{
	for (size_t i = 0; i + m <= n; i++)
		if (memcmp(hay + i, needle, m) == 0)
			return hay + i;
	return NULL;
}

static void
test_find(void **state)
{
	uint64_t seed = 99;
	char hay[200], needle[8];

	(void)state;
	for (int round = 0; round < 50000; round++) {
		size_t n, m;
		for (size_t i = 0; i < sizeof hay; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			hay[i] = "ab\n\0"[seed >> 61 & 3];
		}
		n = seed >> 32 & 127;
		m = seed >> 40 & 7;
		memcpy(needle, hay + (seed >> 48 & 127), m);
		assert_ptr_equal(scan_find(hay, n, needle, m), naive_find(hay, n, needle, m));
	}
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
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_blank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
