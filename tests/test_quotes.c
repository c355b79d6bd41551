/* quotes: every way that this machine has, held against a bytewise loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "quotes.h"

static const enum quotes_way ways[] = { QUOTES_PORTABLE, QUOTES_SSE2, QUOTES_AVX2,
	QUOTES_NEON };

static int
naive_find(const char *line, size_t n, uint16_t *at)
{
	int k = 0;

	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == '\\')
			return -1;
		if (line[i] == '"')
			at[k++] = (uint16_t)i;
	}
	return k;
}

/* The line is where reading over its ends is seen under ASan. */
static void
check(const char *line, size_t n)
{
	static uint16_t want[QUOTES_ROOM], got[QUOTES_ROOM];
	char *exact = malloc(n > 0 ? n : 1);
	int nwant;

	assert_non_null(exact);
	memcpy(exact, line, n);
	nwant = naive_find(exact, n, want);
	for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
		if (!quotes_has_way(ways[w]))
			continue;
		if (quotes_find(ways[w], exact, n, got) != nwant ||
		    (nwant > 0 && memcmp(got, want, (size_t)nwant * sizeof *got) != 0))
			fail_msg("way %d, %zu bytes: %.*s", (int)ways[w], n, (int)n, line);
	}
	free(exact);
}

/* Every length up to some blocks, with the byte that matters at each place. */
static void
test_places(void **state)
{
	static const char bytes[] = { '"', '\\', 0x1f, 0, '\n', 0x20, 0x7f, (char)0x80,
		(char)0xa2, (char)0xdc, (char)0xff };
	char line[200];

	(void)state;
	for (size_t n = 0; n < sizeof line; n++)
		for (size_t i = 0; i < n; i++) {
			memset(line, n % 2 == 0 ? 'x' : '"', n);
			line[i] = bytes[(n + i) % sizeof bytes];
			check(line, n);
		}
}

static void
test_random(void **state)
{
	static char line[QUOTES_LINE_MAX];
	uint64_t seed = 42;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t n;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		n = (seed >> 33) % (round % 100 == 0 ? sizeof line : 400);
		for (size_t i = 0; i < n; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			line[i] = (seed >> 40) % 1000 == 0 ? (char)(seed >> 50)
							   : "\"ab: ,\"{"[seed >> 61];
		}
		check(line, n);
	}
	memset(line, '"', sizeof line);
	check(line, sizeof line);
}

static void
test_ways(void **state)
{
	(void)state;
	assert_true(quotes_has_way(QUOTES_PORTABLE));
	assert_true(quotes_has_way(quotes_best_way()));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
