/* path - names both ways; nothing but what is made here is understood. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "path.h"

#define W16 "0123456789abcdef"
#define W32 W16 W16
#define S64 "abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789"

static void
test_service(void **state)
{
	static const struct {
		const char *name;
		bool want;
	} cases[] = {
		{ "a", true },
		{ "detector", true },
		{ "pack-x", true },
		{ "-", true },
		{ S64, true },
		{ "", false },
		{ S64 "x", false },
		{ "a.b", false },
		{ "a/b", false },
		{ "..", false },
		{ "a b", false },
		{ "a\n", false },
		{ "caf\xc3\xa9", false },
		{ "a\x1b[0m", false },
		{ "*", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (path_service_valid(cases[i].name) != cases[i].want)
			fail_msg("'%s'", cases[i].name);
}

static void
test_segment(void **state)
{
	static const struct {
		const char *name;
		struct path_segment seg;
	} cases[] = {
		{ "svc." W16 ".000001.jsonl", { "svc", W16, 1, PATH_PLAIN, false } },
		{ "svc." W16 ".000001.jsonl.gz", { "svc", W16, 1, PATH_SEALED, false } },
		{ "-a_Z9." W16 ".999999.jsonl", { "-a_Z9", W16, 999999, PATH_PLAIN, false } },
		{ "a." W16 ".1000000.jsonl", { "a", W16, 1000000, PATH_PLAIN, false } },
		{ "a." W16 ".4294967295.jsonl.gz",
		    { "a", W16, UINT32_MAX, PATH_SEALED, false } },
		{ S64 "." W16 ".4294967295.jsonl.gz",
		    { S64, W16, UINT32_MAX, PATH_SEALED, false } },
		{ "pack-" W32 ".000001.jsonl.gz", { "", W32, 1, PATH_SEALED, true } },
		{ "pack-" W32 ".000042.jsonl.gz", { "", W32, 42, PATH_SEALED, true } },
		/* a service may have such a name */
		{ "pack-" W32 "." W16 ".000001.jsonl",
		    { "pack-" W32, W16, 1, PATH_PLAIN, false } },
		{ "pack-." W16 ".000001.jsonl.gz", { "pack-", W16, 1, PATH_SEALED, false } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct path_segment *want = &cases[i].seg;
		struct path_segment got;
		char name[PATH_NAME_MAX];

		path_segment(name, want);
		assert_string_equal(name, cases[i].name);
		if (!path_parse_segment(name, &got))
			fail_msg("%s", name);
		assert_string_equal(got.service, want->service);
		assert_string_equal(got.writer, want->writer);
		assert_int_equal(got.number, want->number);
		assert_int_equal(got.kind, want->kind);
		assert_int_equal(got.packed, want->packed);
	}
}

static const char *const hostile[] = {
	"",
	".",
	"..",
	"/",
	".jsonl",
	"a.jsonl",
	"2025-10-23.jsonl",
	"svc." W16 ".000001.jsonl.tmp",
	"svc." W16 ".000001.jsonl.gz.tmp",
	"svc." W16 ".000001.jsonl.g",
	"svc." W16 ".000001.jsonl.gzz",
	"svc." W16 ".000001.json",
	"svc." W16 ".000001jsonl",
	"svc." W16 ".000000.jsonl",
	"svc." W16 ".00001.jsonl",
	"svc." W16 ".0000001.jsonl",
	"svc." W16 ".0000000001.jsonl",
	"svc." W16 "..jsonl",
	"svc." W16 ".4294967296.jsonl",
	"svc." W16 ".18446744073709551617.jsonl",
	"svc." W16 ".-00001.jsonl",
	"svc." W16 ".+00001.jsonl",
	"svc." W16 ". 00001.jsonl",
	"svc." W16 ".00000a.jsonl",
	"svc." W16 ".000001\n.jsonl",
	"svc." W16 ".000001.jsonl\n",
	"svc.0123456789abcde.000001.jsonl",
	"svc." W16 "0.000001.jsonl",
	"svc.0123456789ABCDEF.000001.jsonl",
	"svc.0123456789abcdeg.000001.jsonl",
	"svc.000001.jsonl",
	"svc..000001.jsonl",
	"." W16 ".000001.jsonl",
	"a.b." W16 ".000001.jsonl",
	"a b." W16 ".000001.jsonl",
	"a\n." W16 ".000001.jsonl",
	"\x1b[0m." W16 ".000001.jsonl",
	"a/b." W16 ".000001.jsonl",
	"../a." W16 ".000001.jsonl",
	S64 "x." W16 ".000001.jsonl",
	"svc." W16,
	"svc." W16 ".",
	"svc." W16 ".000001",
	"pack-" W32 ".000001.jsonl", /* an archive is sealed */
	"pack-" W16 ".000001.jsonl.gz",
	"pack-" W32 "0.000001.jsonl.gz",
	"pack-" W32 ".000000.jsonl.gz",
	"pack-.000001.jsonl.gz",
	"pack." W32 ".000001.jsonl.gz",
	"Pack-" W32 ".000001.jsonl.gz",
	"pack-" W32,
	"pack-",
	"pack",
	"pack-0123456789ABCDEF0123456789ABCDEF.000001.jsonl.gz",
};

static void
test_hostile(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
		struct path_segment seg = { .number = 77 };

		/* In a block of its own size, so that a read beyond the NUL is found. */
		char *name = strdup(hostile[i]);

		assert_non_null(name);
		if (path_parse_segment(name, &seg) || seg.number != 77)
			fail_msg("'%s'", name);
		free(name);
	}
}

/* A name with any one byte changed or left out is refused, or is the name of another segment. */
static void
test_mutations(void **state)
{
	static const char *const names[] = { "svc." W16 ".000001.jsonl.gz",
		"pack-" W32 ".000123.jsonl.gz", "svc." W16 ".1000000.jsonl" };

	(void)state;
	for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
		for (size_t i = 0; i < strlen(names[k]); i++)
			for (int c = 0; c < 257; c++) {
				char name[PATH_NAME_MAX], back[PATH_NAME_MAX];
				struct path_segment seg;

				strcpy(name, names[k]);
				if (c < 256)
					name[i] = (char)c;
				else
					memmove(name + i, name + i + 1, strlen(name + i));
				if (!path_parse_segment(name, &seg))
					continue;
				path_segment(back, &seg);
				assert_string_equal(back, name);
			}
}

static void
test_partition(void **state)
{
	static const struct {
		const char *name;
		bool want;
		int32_t day;
	} cases[] = {
		{ "date=1970-01-01", true, 0 },
		{ "date=1969-12-31", true, -1 },
		{ "date=2024-02-29", true, 19782 },
		{ "date=2038-01-19", true, 24855 },
		{ "date=2025-02-29", false, 0 },
		{ "date=2025-1-01", false, 0 },
		{ "date=2025-01-01 ", false, 0 },
		{ "date=2025-01-01/", false, 0 },
		{ "date=2025-01-0", false, 0 },
		{ "date=20250101", false, 0 },
		{ "Date=2025-01-01", false, 0 },
		{ "2025-01-01", false, 0 },
		{ "date=", false, 0 },
		{ "date", false, 0 },
		{ "", false, 0 },
		{ "date=9999-12-31", false, 0 }, /* no instant falls on it */
		{ "date=0000-01-01", false, 0 },
		{ "date=-025-01-01", false, 0 },
		{ "date=2025-13-01", false, 0 },
		{ "date=2025-00-01", false, 0 },
		{ "date=2025-01-00", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int32_t day = 4711;
		char name[PATH_NAME_MAX];

		if (path_parse_partition(cases[i].name, &day) != cases[i].want)
			fail_msg("'%s'", cases[i].name);
		assert_int_equal(day, cases[i].want ? cases[i].day : 4711);
		if (!cases[i].want)
			continue;
		path_partition(name, day);
		assert_string_equal(name, cases[i].name);
		assert_int_equal(strlen(name), PATH_PARTITION_LENGTH);
	}
}

static void
test_ring(void **state)
{
	static const char *const bad[] = { "", ".ring", W16, W16 ".rin", W16 ".rings",
		W16 "0.ring", "0123456789abcde.ring", "0123456789ABCDEF.ring", W16 ".ring.tmp",
		W16 ".ring\n" };
	char name[PATH_NAME_MAX], writer[PATH_WRITER_LENGTH + 1] = "untouched";

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (path_parse_ring(bad[i], writer))
			fail_msg("'%s'", bad[i]);
	assert_string_equal(writer, "untouched");
	path_ring(name, W16);
	assert_string_equal(name, W16 ".ring");
	assert_true(path_parse_ring(name, writer));
	assert_string_equal(writer, W16);
}

static int
fixed_random(void *buf, size_t n)
{
	memcpy(buf, "\x00\x01\x23\x45\x67\x89\xab\xcd", n);
	return 0;
}

static int
no_random(void *buf, size_t n)
{
	(void)buf;
	(void)n;
	errno = EIO;
	return -1;
}

static void
test_writer(void **state)
{
	struct sys_ops ops = sys_posix;
	char a[PATH_WRITER_LENGTH + 1], b[PATH_WRITER_LENGTH + 1];

	(void)state;
	assert_int_equal(path_make_writer(a), 0);
	assert_int_equal(path_make_writer(b), 0);
	assert_string_not_equal(a, b);
	sys = &ops;
	ops.getrandom = fixed_random;
	assert_int_equal(path_make_writer(a), 0);
	assert_string_equal(a, "000123456789abcd");
	ops.getrandom = no_random;
	assert_int_equal(path_make_writer(a), -1);
	assert_int_equal(errno, EIO);
	sys = &sys_posix;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_segment),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_partition),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_writer),
	};

	return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
