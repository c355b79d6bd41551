/* error and qerror - filled errors, their limits, and the names of codes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "qerror.h"

static void
test_fill(void **state)
{
	alog_error err;

	(void)state;
	error_reset(&err);
	assert_int_equal(
	    error_set(&err, ALOG_EIO, ENOENT, "a/b", "open %s", "segment"), ALOG_EIO);
	assert_int_equal(err.code, ALOG_EIO);
	assert_int_equal(err.os_errno, ENOENT);
	assert_int_equal(err.offset, 0);
	assert_string_equal(err.path, "a/b");
	assert_string_equal(err.text, "open segment: No such file or directory");

	error_reset(&err);
	assert_int_equal(err.code, 0);
	assert_string_equal(err.text, "");
	assert_int_equal(
	    error_set_at(&err, ALOG_ECORRUPT, NULL, UINT64_MAX, "%d", 7), ALOG_ECORRUPT);
	assert_int_equal(err.os_errno, 0);
	assert_true(err.offset == UINT64_MAX);
	assert_string_equal(err.path, "");
	assert_string_equal(err.text, "7");

	error_reset(&err);
	error_set(&err, ALOG_EIO, 4095, NULL, "x");
	assert_string_equal(err.text, "x: errno 4095");
}

static void
test_first_wins(void **state)
{
	alog_error err, before;

	(void)state;
	error_reset(&err);
	error_set(&err, ALOG_EINVAL, 0, "first", "one");
	before = err;
	assert_int_equal(error_set(&err, ALOG_EIO, EIO, "second", "two"), ALOG_EIO);
	assert_int_equal(error_set_at(&err, ALOG_EIO, "third", 3, "three"), ALOG_EIO);
	assert_memory_equal(&err, &before, offsetof(alog_error, path));
	assert_string_equal(err.path, "first");
	assert_string_equal(err.text, "one");
}

static void
test_null(void **state)
{
	(void)state;
	error_reset(NULL);
	assert_int_equal(error_set(NULL, ALOG_EIO, EIO, "p", "x"), ALOG_EIO);
	assert_int_equal(error_set_at(NULL, ALOG_EIO, "p", 1, "x"), ALOG_EIO);
	qerror_reset(NULL);
	assert_int_equal(qerror_set(NULL, AUDITQ_EIO, EIO, "p", "x"), AUDITQ_EIO);
	assert_int_equal(qerror_set_at(NULL, AUDITQ_EIO, "p", 1, "x"), AUDITQ_EIO);
}

static void
test_long(void **state)
{
	char path[1000], text[1000];
	alog_error err;

	(void)state;
	/* Every length around the limits of both, under ASan. */
	for (size_t n = 200; n < 300; n++) {
		memset(path, 'p', n);
		memcpy(path + n - 5, "/last", 6);
		memset(text, 't', n);
		text[n] = '\0';
		error_reset(&err);
		error_set(&err, ALOG_EIO, EIO, path, "%s", text);
		if (n < sizeof err.path) {
			assert_string_equal(err.path, path);
		} else {
			assert_int_equal(strlen(err.path), sizeof err.path - 1);
			assert_memory_equal(err.path, "...p", 4);
			assert_string_equal(err.path + sizeof err.path - 6, "/last");
		}
		assert_true(strlen(err.text) < sizeof err.text);
		assert_memory_equal(err.text, text, n < 255 ? n : 255);
	}
}

/* Cut or not, a text is one line of whole characters. */
static void
test_one_line(void **state)
{
	static const char *const characters[] = { "x", "\xc3\xa9", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80" };
	alog_error err;

	(void)state;
	error_reset(&err);
	error_set(&err, ALOG_EINVAL, 0, NULL, "a\nb\x1b[0m\x7f%s", "\r\t");
	assert_string_equal(err.text, "a?b?[0m???");

	for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++) {
		const size_t size = strlen(characters[i]);

		for (size_t pad = 0; pad < 8; pad++) {
			char text[600] = "........";
			size_t n = pad, len;

			for (; n < 500; n += size)
				memcpy(text + n, characters[i], size + 1);
			error_reset(&err);
			error_set(&err, ALOG_EINVAL, EIO, NULL, "%s", text);
			len = strlen(err.text);
			assert_true(len + 2 * size >= sizeof err.text);
			assert_memory_equal(err.text, text, len);
			assert_int_equal((len - pad) % size, 0);
		}
	}
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(alog_code_name(ALOG_EINVAL), "ALOG_EINVAL");
	assert_string_equal(alog_code_name(ALOG_EFORMAT), "ALOG_EFORMAT");
	for (int code = ALOG_EFORMAT; code < 0; code++)
		assert_string_not_equal(alog_code_name(code), "ALOG_E?");
	assert_string_equal(alog_code_name(0), "ALOG_E?");
	assert_string_equal(alog_code_name(1), "ALOG_E?");
	assert_string_equal(alog_code_name(ALOG_EFORMAT - 1), "ALOG_E?");
	assert_string_equal(alog_code_name(INT32_MIN), "ALOG_E?");

	assert_string_equal(auditq_code_name(AUDITQ_ECANCELED), "AUDITQ_ECANCELED");
	assert_string_equal(auditq_code_name(AUDITQ_ENOENT), "AUDITQ_ENOENT");
	assert_string_equal(auditq_code_name(0), "AUDITQ_E?");
	assert_string_equal(auditq_code_name(-6), "AUDITQ_E?");
}

static void
test_qerror(void **state)
{
	auditq_error err;

	(void)state;
	qerror_reset(&err);
	assert_int_equal(qerror_set(&err, AUDITQ_EIO, EACCES, "f", "open %d", 1), AUDITQ_EIO);
	assert_string_equal(err.text, "open 1: Permission denied");
	assert_string_equal(err.path, "f");
	qerror_set_at(&err, AUDITQ_EINVAL, "g", 5, "later");
	assert_int_equal(err.code, AUDITQ_EIO);
	qerror_reset(&err);
	qerror_set_at(&err, AUDITQ_EINVAL, "g", 5, "later");
	assert_int_equal(err.code, AUDITQ_EINVAL);
	assert_int_equal(err.offset, 5);
}

static void
test_qerror_from(void **state)
{
	static const struct {
		int code, os_errno, want;
	} cases[] = {
		{ ALOG_EINVAL, 0, AUDITQ_EINVAL },
		{ ALOG_ENOMEM, 0, AUDITQ_ENOMEM },
		{ ALOG_EIO, EIO, AUDITQ_EIO },
		{ ALOG_EIO, EACCES, AUDITQ_EIO },
		{ ALOG_EIO, ENOENT, AUDITQ_ENOENT },
		{ ALOG_EIO, EEXIST, AUDITQ_EEXIST },
		{ ALOG_ECLOSED, 0, AUDITQ_EIO }, /* not EEXIST, which has the same number */
		{ ALOG_EDISABLED, 0, AUDITQ_EIO },
		{ ALOG_ECORRUPT, 0, AUDITQ_ECORRUPT },
		{ ALOG_EVERSION, 0, AUDITQ_EVERSION },
		{ ALOG_EBUSY, 0, AUDITQ_EBUSY },
		{ ALOG_EUNSUPPORTED, 0, AUDITQ_EIO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		alog_error from;
		auditq_error err;

		error_reset(&from);
		error_set(&from, cases[i].code, cases[i].os_errno, "path", "text");
		qerror_reset(&err);
		if (qerror_from(&err, &from) != cases[i].want || err.code != cases[i].want)
			fail_msg("%s: %d", alog_code_name(cases[i].code), err.code);
		assert_int_equal(err.os_errno, cases[i].os_errno);
		assert_string_equal(err.path, "path");
		assert_string_equal(err.text, from.text);
		assert_int_equal(qerror_from(NULL, &from), cases[i].want);
	}
}

static void
keep_warning(void *arg, const auditq_warning *w)
{
	assert_int_equal(w->code, AUDITQ_ECORRUPT);
	assert_true(w->lost);
	assert_string_equal(w->path, "f");
	assert_int_equal(w->line, 3);
	assert_int_equal(w->offset, 99);
	assert_string_equal(w->text, "bad 8");
	++*(int *)arg;
}

static void
test_warning(void **state)
{
	int calls = 0;
	const struct qwarn to = { .fn = keep_warning, .arg = &calls };

	(void)state;
	qwarn_send(NULL, AUDITQ_EIO, true, "f", 1, 2, "x");
	qwarn_send(&(struct qwarn){ .fn = NULL }, AUDITQ_EIO, true, "f", 1, 2, "x");
	qwarn_send(&to, AUDITQ_ECORRUPT, true, "f", 3, 99, "bad %d", 8);
	assert_int_equal(calls, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_first_wins),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_one_line),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_qerror),
		cmocka_unit_test(test_qerror_from),
		cmocka_unit_test(test_warning),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
