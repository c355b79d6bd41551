/* level - names of levels both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "liblog.h"

static void
test_names(void **state)
{
	static const char *const names[] = { "trace", "debug", "info", "notice", "warn",
		"error", "critical", "off" };

	(void)state;
	for (int i = 0; i < 8; i++) {
		assert_string_equal(alog_level_name(ALOG_LEVEL_TRACE + i), names[i]);
		assert_int_equal(alog_level_parse(names[i]), ALOG_LEVEL_TRACE + i);
	}
	assert_null(alog_level_name(ALOG_LEVEL_DEFAULT));
	assert_null(alog_level_name(ALOG_LEVEL_OFF + 1));
	assert_null(alog_level_name(-1));
	assert_null(alog_level_name(INT32_MIN));
}

static void
test_parse(void **state)
{
	static const struct {
		const char *name;
		int want;
	} cases[] = {
		{ "WARN", ALOG_LEVEL_WARN },
		{ "Warning", ALOG_LEVEL_WARN },
		{ "warning", ALOG_LEVEL_WARN },
		{ "err", ALOG_LEVEL_ERROR },
		{ "ERR", ALOG_LEVEL_ERROR },
		{ "eRRoR", ALOG_LEVEL_ERROR },
		{ "fatal", ALOG_LEVEL_CRITICAL },
		{ "FATAL", ALOG_LEVEL_CRITICAL },
		{ "crit", ALOG_LEVEL_CRITICAL },
		{ "INFO", ALOG_LEVEL_INFO },
		{ "Off", ALOG_LEVEL_OFF },
		{ "", ALOG_EINVAL },
		{ "inf", ALOG_EINVAL },
		{ "infos", ALOG_EINVAL },
		{ " info", ALOG_EINVAL },
		{ "info ", ALOG_EINVAL },
		{ "3", ALOG_EINVAL },
		{ "default", ALOG_EINVAL },
		{ "\x89NFO", ALOG_EINVAL },
		{ "errors", ALOG_EINVAL },
		{ "[nfo", ALOG_EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (alog_level_parse(cases[i].name) != cases[i].want)
			fail_msg("'%s'", cases[i].name);
	assert_int_equal(alog_level_parse(NULL), ALOG_EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests_name("level", tests, NULL, NULL);
}
