/* nearest - which name was meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nearest.h"
#include "zone.h"

#define LONG_NAME "0123456789012345678901234567890123456789012345678901234567890123"

static void
meant(void **state)
{
	static const struct {
		const char *written, *name[4], *want;
	} cases[] = {
		{ "limit", { "limits", "limit" }, "limit" },
		{ "lmit", { "limit", "level" }, "limit" },
		{ "limitt", { "limit" }, "limit" },
		{ "lomit", { "limit" }, "limit" },
		{ "ilmit", { "limit" }, "limit" },
		{ "LIMIT", { "limiT" }, "limiT" },
		{ "detetcion", { "decode", "detection" }, "detection" },
		/* one exchange is one, two letters are two */
		{ "ab", { "ba" }, "" },
		{ "zeke", { "zeek" }, "zeek" },
		{ "usr", { "msg", "user" }, "user" },
		{ "usr", { "msg" }, "" },
		{ "abcdef", { "abcxyf" }, "abcxyf" },
		{ "abcdef", { "abxyzf" }, "" },
		/* what begins with it is near, however long; a letter alone says nothing */
		{ "det", { "detection" }, "detection" },
		{ "d", { "detection" }, "" },
		/* the first of several */
		{ "bat", { "cat", "hat" }, "cat" },
		{ "", { "a", "ab" }, "" },
		{ "a", { "", NULL }, "" },
		{ "0123", { LONG_NAME }, "" },
		{ LONG_NAME, { LONG_NAME }, "" },
	};
	struct nearest near;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		nearest_of(&near, cases[i].written, cases[i].name);
		if (strcmp(near.name, cases[i].want) != 0)
			fail_msg(
			    "%s: '%s', not '%s'", cases[i].written, near.name, cases[i].want);
	}
}

static void
ties(void **state)
{
	struct nearest near;

	(void)state;
	nearest_init(&near, "bat", 3);
	nearest_offer(&near, "cat", 3);
	assert_false(near.tied);
	nearest_offer(&near, "cat", 3);
	assert_false(near.tied);
	nearest_offer(&near, "hat", 3);
	assert_true(near.tied);
	assert_int_equal(near.distance, 1);
	nearest_offer(&near, "Bat", 3);
	assert_false(near.tied);
	assert_int_equal(near.distance, 0);
	assert_string_equal(near.name, "Bat");
	nearest_init(&near, "bat", 3);
	nearest_offer_by(&near, "bad", 3, "very.bad", 8);
	assert_string_equal(near.name, "very.bad");
}

/* Of zones of the database: by its last part, too. */
static void
zones(void **state)
{
	static const struct {
		const char *written, *want;
	} cases[] = {
		{ "Europe/Berln", "; did you mean Europe/Berlin?" },
		{ "europe/berlin", "; did you mean Europe/Berlin?" },
		{ "berlin", "; did you mean Europe/Berlin?" },
		{ "Tokio", "; did you mean Asia/Tokyo?" },
		{ "new_york", "; did you mean America/New_York?" },
		{ "Nowhere/Atall", ": a name such as " },
	};
	struct zone *z;

	(void)state;
	if (zone_open(&z, "Europe/Berlin", NULL) < 0)
		skip();
	zone_free(z);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		auditq_error err;

		assert_int_equal(zone_open(&z, cases[i].written, &err), AUDITQ_EINVAL);
		if (strstr(err.text, cases[i].want) == NULL)
			fail_msg("%s: %s", cases[i].written, err.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meant),
		cmocka_unit_test(ties),
		cmocka_unit_test(zones),
	};

	return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
