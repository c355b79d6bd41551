/* auditq_inspect - what it says of an archive, in both forms; that it finds what does not hold. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "archive.h"
#include "auditq.h"
#include "bytes.h"
#include "scratch.h"

static char dir[SCRATCH_MAX], file[SCRATCH_MAX + 16];
static uint64_t file_bytes;

/* Names that a terminal would obey: ESC, DEL, C1 CSI, a right-to-left override. */
static const char *const lines[] = {
	"{\"ts\":\"2025-10-23T14:00:01Z\",\"level\":\"info\",\"run_id\":\"r\\u001b[31m\",\"seq\":1,"
	"\"event\":\"run.begin\"}",
	"{\"ts\":\"2025-10-23T14:00:02Z\",\"level\":\"info\",\"run_id\":\"r\\u001b[31m\",\"seq\":2,"
	"\"stage\":\"s\xc2\x9b\x7f\xe2\x80\xae\",\"status\":\"failed\",\"duration_ms\":12.5}",
	"{\"ts\":\"2025-10-23T14:00:00Z\",\"level\":\"warn\",\"run_id\":\"\xff\",\"seq\":3,"
	"\"key\\n\":{\"x\":\"y\"}}",
	"no object",
	"{\"note\":\"no time\",\"seq\":4}",
};

static int
make_file(void **state)
{
	struct archive_options opt = { .member_bytes = 250,
		.path = file,
		.writer = "0123456789abcdef",
		.previous = { 0xab } };
	struct format_footer footer;
	struct archive *a;
	int fd;

	(void)state;
	scratch_make(dir);
	(void)snprintf(file, sizeof file, "%s/a\x1b.jsonl.gz", dir);
	assert_true((fd = open(file, O_RDWR | O_CREAT | O_EXCL, 0600)) >= 0);
	assert_int_equal(archive_begin(&a, fd, &opt, NULL), 0);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_int_equal(archive_add(a, lines[i], strlen(lines[i]), NULL), 0);
	assert_int_equal(archive_finish(a, &footer, NULL), 0);
	file_bytes = footer.file_bytes;
	close(fd);
	return 0;
}

static int
remove_file(void **state)
{
	(void)state;
	scratch_remove(dir);
	return 0;
}

static int
collect(void *arg, const void *data, size_t n)
{
	bytes_put(arg, data, n);
	return 0;
}

/* The description as a string, to be freed. */
static char *
inspect(bool json)
{
	struct bytes_out b = { 0 };
	auditq_error err = { 0 };
	const int r = auditq_inspect(file, json, collect, &b, &err);
	char *text;

	if (r < 0 && r != AUDITQ_ECORRUPT)
		fail_msg("%s", err.text);
	bytes_put_u8(&b, 0);
	assert_false(b.failed);
	text = (char *)b.p;
	/* What does not hold is described, and is an error too. */
	if ((r < 0) != (strstr(text, json ? "\"ok\":false" : "MISMATCH") != NULL))
		fail_msg("returned %d for: %s", r, text);
	return text;
}

static json_t *
inspect_json_tree(void)
{
	char *text = inspect(true);
	json_error_t err;
	json_t *tree = json_loads(text, JSON_REJECT_DUPLICATES, &err);

	if (tree == NULL)
		fail_msg("%s: %s", err.text, text);
	assert_int_equal(text[strlen(text) - 1], '\n');
	free(text);
	return tree;
}

/* A value by its path, such as "members/1/lines". */
static const json_t *
at(const json_t *tree, const char *path)
{
	char name[64];

	for (; tree != NULL && *path != '\0'; path += *path == '/') {
		size_t n = strcspn(path, "/");
		assert_true(n < sizeof name);
		memcpy(name, path, n);
		name[n] = '\0';
		path += n;
		tree = json_is_array(tree) ? json_array_get(tree, strtoul(name, NULL, 10))
					   : json_object_get(tree, name);
	}
	if (tree == NULL)
		fail_msg("nothing at %s", path);
	return tree;
}

static void
json_says_it_all(void **state)
{
	static const struct {
		const char *path;
		int value;
	} numbers[] = {
		{ "format", 1 },
		{ "lines", 5 },
		{ "unreadable", 1 },
		{ "untimed", 1 },
		{ "failed", 1 },
		{ "levels/info", 2 },
		{ "levels/warn", 1 },
		{ "levels/none", 1 },
		{ "members/0/offset", 0 },
		{ "members/0/lines", 2 },
		{ "members/1/unreadable", 1 },
		{ "members/1/first_seq", 3 },
		{ "first_seq", 1 },
		{ "last_seq", 4 },
		{ "runs/0/records", 2 },
		{ "runs/0/failed", 1 },
		{ "runs/0/first_member", 0 },
		{ "rollups/0/records", 3 },
		{ "rollups/1/ends", 1 },
		{ "rollups/1/durations", 1 },
	};
	static const struct {
		const char *path, *value;
	} strings[] = {
		{ "min_ts", "2025-10-23T14:00:00.000000000Z" },
		{ "max_ts", "2025-10-23T14:00:02.000000000Z" },
		{ "members/1/ts_before", "2025-10-23T14:00:02.000000000Z" },
		{ "writer", "0123456789abcdef" },
		{ "runs/0/id", "r\x1b[31m" },
		{ "runs/1/id", "\xef\xbf\xbd" },
		{ "runs/0/failed_stage", "s\xc2\x9b\x7f\xe2\x80\xae" },
		{ "schema/run", "run_id" },
		{ "keys/1/path", "event" },
		{ "keys/1/members", "c-" },
		{ "keys/2/path", "key\n.x" },
		{ "previous",
		    "ab00000000000000000000000000000000000000000000000000000000000000" },
	};
	json_t *tree = inspect_json_tree();

	(void)state;
	assert_int_equal(json_integer_value(at(tree, "file_bytes")), file_bytes);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (json_integer_value(at(tree, numbers[i].path)) != numbers[i].value)
			fail_msg("%s", numbers[i].path);
	for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
		if (strcmp(json_string_value(at(tree, strings[i].path)), strings[i].value) != 0)
			fail_msg("%s", strings[i].path);
	assert_true(json_is_true(at(tree, "check/ok")));
	assert_true(json_is_true(at(tree, "runs/0/began")));
	assert_true(json_is_false(at(tree, "runs/0/ended")));
	assert_true(json_is_false(at(tree, "sorted")));
	assert_true(json_is_null(at(tree, "rollups/0/stage")));
	double p50 = json_real_value(at(tree, "rollups/1/p50"));
	assert_true(p50 > 12.5 * 0.99 && p50 < 12.5 * 1.01);
	assert_true(json_real_value(at(tree, "rollups/1/max")) == 12.5);
	json_decref(tree);
}

static void
text_is_safe_to_show(void **state)
{
	static const char *const parts[] = { "a\\u001b.jsonl.gz", "r\\u001b[31m", "key\\n.x",
		"s\\u009b\\u007f\\u202e", "\xef\xbf\xbd", "checked   ok",
		"lines     5: 1 failed, 1 without a time, 1 unreadable", "12.500" };
	char *text = inspect(false);

	(void)state;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (strstr(text, parts[i]) == NULL)
			fail_msg("no '%s' in %s", parts[i], text);
	for (const char *p = text; *p != '\0'; p++)
		assert_true((unsigned char)*p >= 0x20 || *p == '\n');
	assert_null(strchr(text, 0x7f));
	assert_null(strstr(text, "\xc2\x9b"));
	assert_null(strstr(text, "\xe2\x80\xae"));
	free(text);
}

static void
flip(off_t offset)
{
	int fd = open(file, O_RDWR);
	uint8_t c;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, offset), 1);
	c ^= 0x20;
	assert_int_equal(pwrite(fd, &c, 1, offset), 1);
	close(fd);
}

/* Each byte of the second data member: either it is said, or it means nothing. */
static void
damage_is_named(void **state)
{
	json_t *tree = inspect_json_tree();
	off_t first = (off_t)json_integer_value(at(tree, "members/1/offset"));
	off_t end = (off_t)json_integer_value(at(tree, "index_offset"));
	char *text;

	(void)state;
	json_decref(tree);
	for (off_t i = first; i < end; i++) {
		if (i - first >= 4 && i - first < 10)
			continue; /* time, hints and system in the gzip header */
		flip(i);
		tree = inspect_json_tree();
		if (!json_is_false(at(tree, "check/ok")) ||
		    json_integer_value(at(tree, "check/member")) != 1)
			fail_msg("byte %lld of the member", (long long)(i - first));
		json_decref(tree);
		flip(i);
	}
	flip(end - 1);
	text = inspect(false);
	assert_non_null(
	    strstr(text, "checked   MISMATCH at member 1: its checksum is wrong\n"));
	free(text);
}

static void
wrong_whole_is_named(void **state)
{
	uint8_t footer[FORMAT_FOOTER_BYTES], fixed[FORMAT_FOOTER_FIXED];
	int fd = open(file, O_RDWR);
	off_t where = (off_t)(file_bytes - sizeof footer);
	char *text;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, footer, sizeof footer, where), sizeof footer);
	memcpy(fixed, footer + FORMAT_FIXED_AT, sizeof fixed);
	fixed[228] ^= 1; /* `previous`, and a checksum that covers it up */
	format_put_footer(footer, fixed);
	assert_int_equal(pwrite(fd, footer, sizeof footer, where), sizeof footer);
	close(fd);
	text = inspect(false);
	assert_non_null(strstr(text, "MISMATCH: the digest of the whole is wrong"));
	free(text);
}

static int
refuse(void *arg, const void *data, size_t n)
{
	(void)data;
	(void)n;
	return ++*(int *)arg == 1 ? -77 : 0;
}

static void
refusals(void **state)
{
	auditq_error err = { 0 };
	struct bytes_out b = { 0 };
	char fifo[sizeof file];
	int calls = 0;

	(void)state;
	assert_int_equal(auditq_inspect(file, true, refuse, &calls, &err), -77);
	assert_int_equal(calls, 1);
	assert_int_equal(auditq_inspect(NULL, true, refuse, &calls, &err), AUDITQ_EINVAL);
	assert_int_equal(auditq_inspect(file, true, NULL, NULL, NULL), AUDITQ_EINVAL);
	assert_int_equal(
	    auditq_inspect("/nonexistent", true, refuse, &calls, &err), AUDITQ_ENOENT);
	assert_int_equal(err.os_errno, ENOENT);
	assert_string_equal(err.path, "/nonexistent");
	assert_int_equal(auditq_inspect(dir, true, refuse, &calls, &err), AUDITQ_EINVAL);
	(void)snprintf(fifo, sizeof fifo, "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(auditq_inspect(fifo, true, refuse, &calls, &err), AUDITQ_EINVAL);
	assert_int_equal(truncate(file, (off_t)file_bytes - 1), 0);
	assert_int_equal(auditq_inspect(file, false, collect, &b, &err), AUDITQ_ECORRUPT);
	assert_int_equal(b.n, 0);
	assert_int_equal(truncate(file, 0), 0);
	assert_int_equal(auditq_inspect(file, false, collect, &b, &err), AUDITQ_ECORRUPT);
	assert_int_equal(calls, 1);
}

#define WITH_FILE(f) cmocka_unit_test_setup_teardown(f, make_file, remove_file)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILE(json_says_it_all),
		WITH_FILE(text_is_safe_to_show),
		WITH_FILE(damage_is_named),
		WITH_FILE(wrong_whole_is_named),
		WITH_FILE(refusals),
	};

	return cmocka_run_group_tests_name("inspect", tests, NULL, NULL);
}
