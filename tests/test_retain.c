/* retain - which sealed segments may go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "retain.h"

#define FILES 8

/* Files in any order; those that must go are named by their item, a bit each. */
static void
test_choose(void **state)
{
	static const struct {
		const char *name;
		struct retain_limits limits;
		int32_t today;
		size_t n;
		struct {
			int32_t day;
			int64_t mtime;
			uint64_t bytes;
		} file[FILES];
		unsigned gone;
	} cases[] = {
		{ "no files", { 1, 1, 1 }, 100, 0, { { 0 } }, 0 },
		{ "no limits", { 0, 0, 0 }, 100, 2, { { 1, 1, 9 }, { 2, 1, 9 } }, 0 },
		{ "by age: today and one before", { 1, 0, 0 }, 100, 4,
		    { { 98, 1, 9 }, { 99, 1, 9 }, { 100, 1, 9 }, { 97, 1, 9 } }, 0x9 },
		{ "by age: even the newest", { 1, 0, 0 }, 100, 1, { { 90, 1, 9 } }, 0x1 },
		{ "by age: from the future", { 1, 0, 0 }, 100, 2,
		    { { 101, 1, 9 }, { 400, 1, 9 } }, 0 },
		{ "by age: a clock before 1970", { 3, 0, 0 }, INT32_MIN, 1,
		    { { INT32_MIN, 1, 9 } }, 0 },
		{ "by age: as many days as there are", { UINT32_MAX, 0, 0 }, 0, 1,
		    { { INT32_MIN, 1, 9 } }, 0 },
		{ "by count: the oldest go", { 0, 2, 0 }, 100, 4,
		    { { 5, 1, 9 }, { 3, 1, 9 }, { 4, 1, 9 }, { 2, 1, 9 } }, 0xa },
		{ "by count: as many as there are", { 0, 2, 0 }, 100, 2,
		    { { 5, 1, 9 }, { 3, 1, 9 } }, 0 },
		{ "by count: within a day by time", { 0, 1, 0 }, 100, 3,
		    { { 5, 3, 9 }, { 5, 1, 9 }, { 5, 2, 9 } }, 0x6 },
		{ "by count: the day goes before the time", { 0, 1, 0 }, 100, 2,
		    { { 5, 1, 9 }, { 4, 7, 9 } }, 0x2 },
		{ "by size: the exact sum stays", { 0, 0, 30 }, 100, 3,
		    { { 3, 1, 10 }, { 2, 1, 10 }, { 1, 1, 10 } }, 0 },
		{ "by size: one over", { 0, 0, 29 }, 100, 3,
		    { { 3, 1, 10 }, { 2, 1, 10 }, { 1, 1, 10 } }, 0x4 },
		{ "by size: the newest stays though too large", { 0, 0, 5 }, 100, 2,
		    { { 3, 1, 10 }, { 2, 1, 10 } }, 0x2 },
		{ "by size: no small one slips in behind a large one", { 0, 0, 20 }, 100, 3,
		    { { 3, 1, 10 }, { 2, 1, 50 }, { 1, 1, 1 } }, 0x6 },
		{ "by size: sums beyond 64 bits", { 0, 0, UINT64_MAX }, 100, 3,
		    { { 3, 1, UINT64_MAX - 1 }, { 2, 1, 1 }, { 1, 1, UINT64_MAX } }, 0x4 },
		{ "by size: empty files take nothing", { 0, 0, 10 }, 100, 2,
		    { { 3, 1, 10 }, { 2, 1, 0 } }, 0 },
		{ "age and count", { 2, 1, 0 }, 100, 3,
		    { { 100, 1, 9 }, { 99, 1, 9 }, { 90, 1, 9 } }, 0x6 },
		{ "count and size: the stricter one", { 0, 3, 20 }, 100, 4,
		    { { 9, 1, 10 }, { 8, 1, 10 }, { 7, 1, 10 }, { 6, 1, 10 } }, 0xc },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct retain_file files[FILES] = { { 0 } };
		unsigned gone = 0;

		for (size_t f = 0; f < cases[i].n; f++)
			files[f] = (struct retain_file){ .item = f,
				.day = cases[i].file[f].day,
				.mtime = cases[i].file[f].mtime,
				.bytes = cases[i].file[f].bytes };
		retain_choose(files, cases[i].n, cases[i].today, &cases[i].limits);
		for (size_t f = 0; f < cases[i].n; f++) {
			if (f > 0 && files[f].day < files[f - 1].day)
				fail_msg("%s: not sorted", cases[i].name);
			gone |= files[f].remove ? 1u << files[f].item : 0;
		}
		if (gone != cases[i].gone)
			fail_msg("%s: %x", cases[i].name, gone);
	}
}

/* What is kept obeys every limit, and nothing older than what went is kept. */
static void
test_properties(void **state)
{
	unsigned short seed[3] = { 1, 2, 3 };

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct retain_limits limits = { (uint32_t)nrand48(seed) % 4,
			(uint32_t)nrand48(seed) % 5, (uint64_t)nrand48(seed) % 40 };
		const size_t n = (size_t)nrand48(seed) % FILES + 1;
		struct retain_file files[FILES];
		uint64_t bytes = 0, count = 0;
		bool kept = false;

		for (size_t i = 0; i < n; i++)
			files[i] = (struct retain_file){ .item = i,
				.day = (int32_t)nrand48(seed) % 6,
				.mtime = nrand48(seed) % 3,
				.bytes = (uint64_t)nrand48(seed) % 20 };
		retain_choose(files, n, 5, &limits);
		for (size_t i = 0; i < n; i++) {
			if (kept && files[i].remove)
				fail_msg("%d: a newer one went", round);
			kept = kept || !files[i].remove;
			if (files[i].remove)
				continue;
			count++;
			bytes += files[i].bytes;
			if (limits.days > 0 && files[i].day < 5 - (int32_t)limits.days)
				fail_msg("%d: too old", round);
		}
		if (limits.count > 0 && count > limits.count)
			fail_msg("%d: too many", round);
		if (limits.bytes > 0 && count > 1 && bytes > limits.bytes)
			fail_msg("%d: too large", round);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_properties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
