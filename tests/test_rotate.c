/* rotate - when the next record goes to another segment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rotate.h"

static void
test_due(void **state)
{
	static const struct {
		const char *name;
		int32_t segment_day;
		uint64_t used, add, limit;
		int32_t day;
		enum rotate want;
	} cases[] = {
		{ "room", 100, 10, 10, 100, 100, ROTATE_STAY },
		{ "exact fit", 100, 95, 5, 100, 100, ROTATE_STAY },
		{ "one over", 100, 96, 5, 100, 100, ROTATE_SIZE },
		{ "full", 100, 100, 1, 100, 100, ROTATE_SIZE },
		{ "empty, and too long for any", 100, 0, 101, 100, 100, ROTATE_STAY },
		{ "not empty, and too long for any", 100, 1, 101, 100, 100, ROTATE_SIZE },
		{ "over the limit already", 100, 150, 1, 100, 100, ROTATE_SIZE },
		{ "a sum beyond 64 bits", 100, UINT64_MAX, 5, UINT64_MAX, 100, ROTATE_SIZE },
		{ "an addend beyond the limit", 100, 5, UINT64_MAX, 100, 100, ROTATE_SIZE },
		{ "the largest that fits", 100, 1, UINT64_MAX - 1, UINT64_MAX, 100,
		    ROTATE_STAY },
		{ "the next day", 100, 10, 10, 100, 101, ROTATE_DAY },
		{ "the next day, still empty", 100, 0, 10, 100, 101, ROTATE_DAY },
		{ "the day before", 100, 10, 10, 100, 99, ROTATE_STAY },
		{ "the day before, full", 100, 100, 10, 100, 99, ROTATE_SIZE },
		{ "two days before", 100, 10, 10, 100, 98, ROTATE_DAY },
		{ "a year after", 100, 10, 10, 100, 465, ROTATE_DAY },
		{ "day before size", 100, 100, 10, 100, 101, ROTATE_DAY },
		{ "1970-01-01 and the day before", 0, 10, 10, 100, -1, ROTATE_STAY },
		{ "before 1970", -1, 10, 10, 100, 0, ROTATE_DAY },
		{ "the first day of all", INT32_MIN, 10, 10, 100, INT32_MAX, ROTATE_DAY },
		{ "the last day of all", INT32_MAX, 10, 10, 100, INT32_MIN, ROTATE_DAY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (rotate_due(cases[i].segment_day, cases[i].used, cases[i].add,
			cases[i].limit, cases[i].day) != cases[i].want)
			fail_msg("%s", cases[i].name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_due) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
