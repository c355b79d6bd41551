/* runid - UUIDv7 made and parsed, against the layout of RFC 9562. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runid.h"

/* The example of RFC 9562, A.6: 2022-02-22T19:22:22Z. */
static void
test_rfc_example(void **state)
{
	static const char text[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
	static const uint8_t want[16] = { 0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3, 0x98,
		0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f };
	char back[RUNID_LENGTH];
	uint8_t bin[16];

	(void)state;
	assert_true(runid_parse(text, RUNID_LENGTH, bin));
	assert_memory_equal(bin, want, 16);
	assert_true(runid_time(bin) == INT64_C(1645557742000) * 1000000);
	runid_format(back, bin);
	assert_memory_equal(back, text, RUNID_LENGTH);
	assert_true(runid_parse(text, RUNID_LENGTH, NULL));
}

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{ "00000000-0000-0000-0000-000000000000", true },
		{ "ffffffff-ffff-ffff-ffff-ffffffffffff", true },
		{ "", false },
		{ "017f22e2-79b0-7cc3-98c4-dc0c0c07398", false },
		{ "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0", false },
		{ "017F22E2-79b0-7cc3-98c4-dc0c0c07398f", false },
		{ "017f22e279b0-7cc3-98c4-dc0c0c07398f-", false },
		{ "017f22e2-79b0-7cc3-98c4-dc0c0c07398g", false },
		{ "017f22e2-79b0-7cc3-98c4_dc0c0c07398f", false },
		{ "017f22e-279b0-7cc3-98c4-dc0c0c07398f", false },
		{ "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}", false },
		{ " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f", false },
		{ "017f22e2-79b0-7cc3-98c4-dc0c0c07398\xff", false },
	};
	uint8_t untouched[16];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memset(untouched, 0xa5, sizeof untouched);
		if (runid_parse(cases[i].text, strlen(cases[i].text), untouched) !=
		    cases[i].want)
			fail_msg("'%s'", cases[i].text);
		if (!cases[i].want)
			assert_int_equal(untouched[0], 0xa5);
	}
	/* A NUL within is a byte like any other. */
	assert_false(runid_parse("017f22e2-79b0-7cc3-98c4-dc0c0c07398\0", RUNID_LENGTH, NULL));
}

/* Every byte at every position: nothing but what runid_format writes is accepted. */
static void
test_one_text_each(void **state)
{
	static const char text[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

	(void)state;
	for (size_t i = 0; i < RUNID_LENGTH; i++)
		for (int c = 0; c < 256; c++) {
			char s[RUNID_LENGTH], back[RUNID_LENGTH];
			uint8_t bin[16];

			memcpy(s, text, sizeof s);
			s[i] = (char)c;
			if (!runid_parse(s, sizeof s, bin))
				continue;
			runid_format(back, bin);
			assert_memory_equal(back, s, sizeof s);
		}
}

static void
test_make(void **state)
{
	static const int64_t times[] = { 0, 999999, 1000000, INT64_C(1761228309123456789),
		INT64_C(2147483648) * CLOCK_S, INT64_MAX };
	char a[RUNID_LENGTH + 1], b[RUNID_LENGTH + 1];
	uint8_t seen_and[16], seen_or[16], bin[16];

	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		assert_int_equal(runid_make(a, times[i]), 0);
		assert_int_equal(strlen(a), RUNID_LENGTH);
		assert_true(runid_parse(a, RUNID_LENGTH, bin));
		assert_true(runid_time(bin) == times[i] / 1000000 * 1000000);
		if (i > 0)
			assert_true(strcmp(b, a) < 0 || times[i] / 1000000 == 0);
		memcpy(b, a, sizeof b);
	}
	assert_int_equal(runid_make(a, -1), 0);
	assert_true(runid_parse(a, RUNID_LENGTH, bin));
	assert_true(runid_time(bin) == 0);

	/* 74 bits vary, and no others (of 200 fair bits none is always the same). */
	memset(seen_and, 0xff, 16);
	memset(seen_or, 0, 16);
	for (int i = 0; i < 200; i++) {
		runid_make(a, CLOCK_S);
		runid_parse(a, RUNID_LENGTH, bin);
		for (int k = 0; k < 16; k++) {
			seen_and[k] &= bin[k];
			seen_or[k] |= bin[k];
		}
	}
	assert_memory_equal(seen_and, "\0\0\0\0\x03\xe8\x70\0\x80\0\0\0\0\0\0\0", 16);
	assert_memory_equal(
	    seen_or, "\0\0\0\0\x03\xe8\x7f\xff\xbf\xff\xff\xff\xff\xff\xff\xff", 16);
}

static void
test_time(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {
		{ "00000000-0000-7000-8000-000000000000", 0 },
		{ "00000000-0001-7000-bfff-000000000000", 1000000 },
		{ "00000000-0001-4000-8000-000000000000", CLOCK_NONE }, /* version 4 */
		{ "00000000-0001-7000-0000-000000000000", CLOCK_NONE }, /* another variant */
		{ "00000000-0001-7000-c000-000000000000", CLOCK_NONE },
		{ "ffffffff-ffff-7fff-bfff-ffffffffffff", CLOCK_NONE }, /* the year 10889 */
		{ "08637bd0-5af6-7000-8000-000000000000", INT64_C(9223372036854) * 1000000 },
		{ "08637bd0-5af7-7000-8000-000000000000", CLOCK_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t bin[16];

		assert_true(runid_parse(cases[i].text, RUNID_LENGTH, bin));
		if (runid_time(bin) != cases[i].want)
			fail_msg("%s: %jd", cases[i].text, (intmax_t)runid_time(bin));
	}
}

static int
no_random(void *buf, size_t n)
{
	(void)buf;
	(void)n;
	errno = ENOSYS;
	return -1;
}

static void
test_no_random(void **state)
{
	struct sys_ops ops = sys_posix;
	char a[RUNID_LENGTH + 1] = "untouched";

	(void)state;
	ops.getrandom = no_random;
	sys = &ops;
	errno = 0;
	assert_int_equal(runid_make(a, 0), -1);
	assert_int_equal(errno, ENOSYS);
	assert_string_equal(a, "untouched");
	sys = &sys_posix;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_example),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_one_text_each),
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_no_random),
	};

	return cmocka_run_group_tests_name("runid", tests, NULL, NULL);
}
