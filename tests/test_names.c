/* names - numbering, the bound, and names that are hard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "names.h"

static void
numbers_in_order_of_arrival(void **state)
{
	static const struct {
		const char *s;
		size_t n;
		int32_t number;
	} cases[] = {
		{ "", 0, 0 },
		{ "\0", 1, 1 },
		{ "\0\0", 2, 2 },
		{ "abcdefgh", 8, 3 },
		{ "abcdefgh\0", 9, 4 },
		{ "abcdefghi", 9, 5 },
		{ "abcdefgh", 8, 3 },
		{ "", 0, 0 },
		{ "\0", 1, 1 },
	};
	struct names *set = names_new(100, SIZE_MAX);
	size_t n;

	(void)state;
	assert_non_null(set);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(names_add(set, cases[i].s, cases[i].n), cases[i].number);
		assert_memory_equal(
		    names_get(set, (uint32_t)cases[i].number, &n), cases[i].s, cases[i].n);
		assert_int_equal(n, cases[i].n);
	}
	assert_int_equal(names_count(set), 6);
	names_free(set);
}

static void
full_set_still_finds(void **state)
{
	enum { MAX = 5000 };
	struct names *set = names_new(MAX, SIZE_MAX);
	char text[16];

	(void)state;
	assert_non_null(set);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < MAX; i++) {
			int n = snprintf(text, sizeof text, "name %d", i);
			assert_int_equal(names_add(set, text, (size_t)n), i);
		}
	assert_int_equal(names_add(set, "one more", 8), NAMES_FULL);
	assert_int_equal(names_count(set), MAX);
	names_free(set);
	names_free(NULL);
}

static void
bytes_are_bounded(void **state)
{
	struct names *set = names_new(100, 10);
	static const char text[] = "abcdefghijklmnop";

	(void)state;
	assert_non_null(set);
	/* One alone may be longer. */
	assert_int_equal(names_add(set, text, 16), 0);
	assert_int_equal(names_add(set, "x", 1), NAMES_FULL);
	assert_int_equal(names_add(set, text, 16), 0);
	names_free(set);
	set = names_new(100, 10);
	assert_non_null(set);
	assert_int_equal(names_add(set, text, 8), 0);
	assert_int_equal(names_add(set, text, 3), NAMES_FULL);
	assert_int_equal(names_add(set, text, 2), 1);
	assert_int_equal(names_add(set, "x", 1), NAMES_FULL);
	names_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_in_order_of_arrival),
		cmocka_unit_test(full_set_still_finds),
		cmocka_unit_test(bytes_are_bounded),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
