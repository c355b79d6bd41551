/* emit - records as a program makes them: fields, printf, limits, what is added, what is counted. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "logging.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void
check_str(const json_t *line, const char *key, const char *want)
{
	const char *got = root_str(line, key);

	if (got == NULL ? want != NULL : want == NULL || strcmp(got, want) != 0)
		fail_msg("%s: got %s, want %s", key, got, want);
}

/* ---- fields ------------------------------------------------------------------------------ */

static void
test_fields(void **state)
{
	alog_t *log = logging_open((alog_options){ 0 });
	json_t *json = json_pack("{s:[i]}", "a", 1);
	const json_t *fixed = json;
	char array[] = "array";
	const char *none = NULL;
	const volatile int vol = 5;
	const unsigned char octet = 200;
	struct root_lines lines;

	(void)state;
	(void)ALOG_INFO(log, "m", ALOG_KV("bool", (bool)(vol > 2)), ALOG_KV("char", (char)'x'),
	    ALOG_KV("schar", (signed char)-1), ALOG_KV("uchar", octet),
	    ALOG_KV("short", (short)-2), ALOG_KV("ushort", (unsigned short)65535),
	    ALOG_KV("int", vol), ALOG_KV("uint", 4294967295u), ALOG_KV("long", INT64_MIN),
	    ALOG_KV("ulong", UINT64_MAX >> 1), ALOG_KV("llong", -3ll), ALOG_KV("ullong", 3ull),
	    ALOG_KV("float", 0.1f), ALOG_KV("double", 0.1), ALOG_KV("ldouble", 0.5l),
	    ALOG_KV("literal", "lit"), ALOG_KV("array", array), ALOG_KV("none", none),
	    ALOG_KV("pointer", (void *)(uintptr_t)255), ALOG_KV("json", json),
	    ALOG_KV("fixed", fixed), ALOG_KVN("part", "partial", 4),
	    ALOG_KVB("truth", vol == 5), ALOG_NULL("null"));
	json_decref(json);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 1);
	assert_non_null(strstr(lines.text.line[0].text,
	    "\"msg\":\"m\",\"bool\":true,\"char\":\"x\",\"schar\":-1,\"uchar\":200,"
	    "\"short\":-2,\"ushort\":65535,\"int\":5,\"uint\":4294967295,"
	    "\"long\":-9223372036854775808,\"ulong\":9223372036854775807,\"llong\":-3,"
	    "\"ullong\":3,\"float\":0.1,\"double\":0.1,\"ldouble\":0.5,\"literal\":\"lit\","
	    "\"array\":\"array\",\"none\":null,\"pointer\":\"0xff\",\"json\":{\"a\":[1]},"
	    "\"fixed\":{\"a\":[1]},\"part\":\"part\",\"truth\":true,\"null\":null}"));
	root_free(&lines);
}

static void
test_emitv(void **state)
{
	static const alog_site site = { "gen.py", "f", 3 };
	const alog_field fields[] = { alog_kv_int("a", 1), alog_kv_str("b", "x") };
	alog_t *log = logging_open((alog_options){ .flags = ALOG_SOURCE });
	struct root_lines lines;

	(void)state;
	assert_int_equal(alog_emitv(log, ALOG_LEVEL_NOTICE, "m", fields, 2), 0);
	assert_int_equal(
	    alog_emitv_at(log, ALOG_LEVEL_INFO, &site, NULL, 0, NULL, fields, 1), 0);
	assert_int_equal(alog_emitv(log, ALOG_LEVEL_DEBUG, "off", fields, 2), 0);
	assert_int_equal(alog_emitv(log, ALOG_LEVEL_OFF, "m", fields, 2), ALOG_EINVAL);
	assert_int_equal(alog_emitv(log, 1000, "m", fields, 2), ALOG_EINVAL);
	assert_int_equal(alog_emitv(log, -1, "m", fields, 2), 0);
	assert_int_equal(alog_printf(log, 1000, "m"), ALOG_EINVAL);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 2);
	check_str(lines.line[0], "b", "x");
	assert_null(json_object_get(lines.line[0], "file"));
	check_str(lines.line[1], "file", "gen.py");
	assert_int_equal(root_int(lines.line[1], "line"), 3);
	root_free(&lines);
}

/* ---- printf ------------------------------------------------------------------------------ */

static int
through_va_list(alog_t *ctx, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = alog_vprintf(ctx, ALOG_LEVEL_WARN, fmt, ap);
	va_end(ap);
	return rc;
}

static void
test_printf(void **state)
{
	static const size_t lengths[] = { 0, 1, 1022, 1023, 1024, 1025, 4000, 100000 };
	alog_t *log = logging_open((alog_options){ 0 });
	char *text = malloc(100001);
	struct root_lines lines;

	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		memset(text, 'a' + (int)i, lengths[i]);
		text[lengths[i]] = '\0';
		assert_int_equal(alog_infof(log, "%s", text), 0);
	}
	assert_int_equal(through_va_list(log, "%d%%\n%s", 5, "\"x\""), 0);
	assert_int_equal(alog_debugf(log, "%d", 5), 0);
	/* In the C locale no byte is this character. */
	assert_int_equal(alog_errorf(log, "wide %ls", L"\x20ac"), ALOG_EFORMAT);
	free(text);
	lines = logging_finish(log);
	assert_int_equal(lines.n, COUNT(lengths) + 2);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		const json_t *msg = json_object_get(lines.line[i], "msg");

		assert_int_equal(json_string_length(msg), lengths[i]);
		if (lengths[i] > 0)
			assert_int_equal(json_string_value(msg)[lengths[i] - 1], 'a' + (int)i);
	}
	check_str(lines.line[COUNT(lengths)], "msg", "5%\n\"x\"");
	check_str(lines.line[COUNT(lengths)], "level", "warn");
	check_str(lines.line[COUNT(lengths) + 1], "msg", "wide %ls");
	check_str(lines.line[COUNT(lengths) + 1], "log.error", "the printf format failed");
	root_free(&lines);
}

/* Records of every length around the bounds where they are built differently. */
static void
test_lengths(void **state)
{
	static const struct {
		size_t from, to;
	} spans[] = { { 3850, 4150 }, { 8000, 8400 }, { 70000, 70002 } };
	alog_t *log = logging_open((alog_options){ .record_bytes = 8192 });
	alog_stats stats = { .size = sizeof stats };
	char *text = malloc(70010);
	struct root_lines lines;
	size_t cut = 0, n = 0;

	(void)state;
	memset(text, 't', 70010);
	for (size_t i = 0; i < COUNT(spans); i++)
		for (size_t k = spans[i].from; k < spans[i].to; k++, n++)
			assert_int_equal(ALOG_INFO(log, "m", ALOG_KV("len", (int)k),
					     ALOG_KVN("text", text, k)),
			    0);
	text[70009] = '\0';
	assert_int_equal(ALOG_AUDIT(log, text), 0);
	n++;
	free(text);
	assert_int_equal(alog_get_stats(log, &stats), 0);
	lines = logging_finish(log);
	assert_int_equal(lines.n, n);
	for (size_t i = 0; i < n; i++) {
		const json_t *o = lines.line[i], *t = json_object_get(o, "text");

		if (json_is_true(json_object_get(o, "truncated"))) {
			cut++;
			/* Its number is not counted: the writer adds it. */
			assert_in_range(lines.text.line[i].n, 8150, 8192 + 4);
		} else if (t != NULL) {
			assert_int_equal(json_string_length(t), root_int(o, "len"));
		}
	}
	assert_true(cut > 200);
	assert_int_equal(stats.truncated, cut);
	root_free(&lines);
}

/* ---- what is added on request ------------------------------------------------------------- */

static void
test_source_and_thread(void **state)
{
	alog_t *log = logging_open((alog_options){ .flags = ALOG_SOURCE | ALOG_THREAD });
	struct root_lines lines;
	int line;

	(void)state;
	line = __LINE__ + 1;
	(void)ALOG_INFO(log, "m");
	(void)ALOG_AUDIT(log, "e");
	(void)alog_infof(log, "no place");
	lines = logging_finish(log);
	for (size_t i = 0; i < 2; i++) {
		assert_true(scratch_ends(root_str(lines.line[i], "file"), "test_emit.c"));
		assert_int_equal(root_int(lines.line[i], "line"), line + (int)i);
		check_str(lines.line[i], "func", __func__);
	}
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(root_int(lines.line[i], "tid"), syscall(SYS_gettid));
	assert_null(json_object_get(lines.line[2], "file"));
	root_free(&lines);
}

static void
test_mirror(void **state)
{
	char path[SCRATCH_MAX + 16], text[8192];
	alog_t *log = logging_open((alog_options){ .flags = ALOG_MIRROR });
	struct root_lines lines;
	int saved, fd;
	ssize_t got;
	size_t at = 0;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/stderr", scratch);
	assert_true((saved = dup(2)) >= 0);
	assert_true((fd = open(path, O_CREAT | O_RDWR, 0600)) >= 0);
	assert_true(dup2(fd, 2) >= 0);
	(void)ALOG_INFO(log, "one\n");
	(void)ALOG_DEBUG(log, "off");
	(void)ALOG_AUDIT(log, "two");
	assert_true(dup2(saved, 2) >= 0);
	got = pread(fd, text, sizeof text, 0);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 2);
	for (size_t i = 0; i < lines.n; i++) {
		const struct scratch_line *l = &lines.text.line[i];

		assert_true(at + l->n + 1 <= (size_t)got);
		assert_memory_equal(text + at, l->text, l->n);
		assert_int_equal(text[at + l->n], '\n');
		at += l->n + 1;
	}
	assert_int_equal(at, got);
	(void)close(fd);
	(void)close(saved);
	root_free(&lines);
}

/* Its end that a program writes to; *shown is where a person reads. */
static int
open_terminal(int *shown)
{
	struct termios mode;
	int fd;

	assert_true((*shown = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
	assert_int_equal(grantpt(*shown), 0);
	assert_int_equal(unlockpt(*shown), 0);
	assert_true((fd = open(ptsname(*shown), O_RDWR | O_NOCTTY)) >= 0);
	assert_int_equal(tcgetattr(fd, &mode), 0);
	cfmakeraw(&mode);
	assert_int_equal(tcsetattr(fd, TCSANOW, &mode), 0);
	return fd;
}

/* The next n lines that a terminal shows; their bytes.  It hands them on piece by piece. */
static size_t
read_shown(int person, char *text, size_t cap, size_t n)
{
	size_t len = 0;

	while (n > 0) {
		const ssize_t got = read(person, text + len, cap - len);

		assert_true(got > 0);
		for (ssize_t i = 0; i < got; i++)
			if (text[len++] == '\n' && n > 0)
				n--;
	}
	text[len] = '\0';
	return len;
}

/* A terminal gets the same values, without what it would obey; and the rest as it stands. */
static void
test_mirror_on_a_terminal(void **state)
{
	/* Between them the neighbours that are harmless. */
	static const char hostile[] = "~\x7f\xc2\x80|\xc2\x9b"
				      "7m\xc2\x9f\xc2\xa0\xd8\x9c"
				      "\xe2\x80\x8e\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9",
			  shown[] = "~\\u007f\\u0080|\\u009b"
				    "7m\\u009f\xc2\xa0\\u061c"
				    "\\u200e\\u202e\\u2066\\u2069",
			  harmless[] = "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80";
	alog_t *log = logging_open((alog_options){ .flags = ALOG_MIRROR });
	struct root_lines lines;
	int saved, fd, person;
	char text[4096], *at = text, *end;
	size_t got;

	(void)state;
	fd = open_terminal(&person);
	assert_true((saved = dup(2)) >= 0);
	assert_true(dup2(fd, 2) >= 0);
	(void)ALOG_INFO(log, hostile);
	(void)ALOG_INFO(log, "m", ALOG_KV(hostile, hostile));
	(void)ALOG_INFO(log, harmless);
	assert_true(dup2(saved, 2) >= 0);
	got = read_shown(person, text, sizeof text - 1, 3);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 3);
	for (size_t i = 0; i < lines.n; i++, at = end + 1) {
		const struct scratch_line *l = &lines.text.line[i];
		json_t *value;

		assert_non_null(end = strchr(at, '\n'));
		assert_non_null(value = json_loadb(at, (size_t)(end - at), 0, NULL));
		assert_true(json_equal(value, lines.line[i]));
		json_decref(value);
		*end = '\0';
		assert_true((strstr(at, shown) != NULL) == (i < 2));
		if (i == 2) {
			assert_int_equal(end - at, l->n);
			assert_memory_equal(at, l->text, l->n);
		}
	}
	assert_int_equal(at - text, got);
	(void)close(fd);
	(void)close(person);
	(void)close(saved);
	root_free(&lines);
}

/* Sleep until a second of the monotonic clock has just begun. */
static void
next_second(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec++;
	ts.tv_nsec = 0;
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static void
test_limited(void **state)
{
	alog_t *log = logging_open((alog_options){ 0 });
	alog_stats stats = { .size = sizeof stats };
	struct root_lines lines;
	size_t first = 0;

	(void)state;
	next_second();
	for (int second = 0; second < 2; second++) {
		for (int i = 0; i < 10; i++) {
			(void)ALOG_LIMITED(log, ALOG_LEVEL_INFO, 3, "three");
			(void)ALOG_LIMITED(log, ALOG_LEVEL_WARN, 100, "all", ALOG_KV("i", i));
			(void)ALOG_LIMITED(log, ALOG_LEVEL_ERROR, 0, "none");
		}
		if (second == 0)
			next_second();
	}
	assert_int_equal(alog_get_stats(log, &stats), 0);
	assert_int_equal(stats.suppressed, 14 + 20);
	assert_int_equal(stats.records, 6 + 20);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 26);
	for (size_t i = 0; i < lines.n; i++) {
		const int64_t held = root_int(lines.line[i], "suppressed");

		if (strcmp(root_str(lines.line[i], "msg"), "three") == 0)
			assert_int_equal(held, first++ == 3 ? 7 : INT64_MIN);
		else
			assert_int_equal(held, INT64_MIN);
	}
	root_free(&lines);
}

static void
test_redaction(void **state)
{
	static const alog_redact rules[] = { { .field = "password" }, { .field = "pass" },
		{ .pattern = "secret-[0-9]+", .with = "***" } };
	alog_t *log =
	    logging_open((alog_options){ .redact = rules, .nredact = 3, .seal_bytes = 1 });
	json_t *json = json_pack("{s:[s],s:{s:i}}", "list", "a secret-1", "in", "password", 5);
	alog_t *bound = alog_bind(log, ALOG_KV("pass", "secret-2"), ALOG_KV("b", "secret-3"));
	alog_t *run = alog_run_begin(bound, NULL, ALOG_KV("k", "secret-4"));
	struct root_lines lines;

	(void)state;
	(void)ALOG_INFO(run, "login secret-5", ALOG_KV("password", 42), ALOG_KV("json", json));
	(void)alog_infof(run, "printf secret-%d", 6);
	(void)ALOG_AUDIT(run, "login", ALOG_KVN("k", "secret-7 tail", 8));
	(void)alog_run_end(run, ALOG_OK, ALOG_KV("password", 1.5));
	alog_free(bound);
	json_decref(json);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 5);
	for (size_t i = 0; i < lines.n; i++) {
		assert_null(strstr(lines.text.line[i].text, "secret-"));
		assert_non_null(strstr(lines.text.line[i].text, "\"b\":\"***\""));
	}
	assert_non_null(strstr(lines.text.line[1].text,
	    "\"msg\":\"login ***\",\"pass\":\"[redacted]\",\"b\":\"***\","
	    "\"password\":\"[redacted]\",\"json\":{\"list\":[\"a ***\"],"
	    "\"in\":{\"password\":\"[redacted]\"}}"));
	root_free(&lines);
}

/* ---- errors, statistics, durability -------------------------------------------------------- */

static int failing;

static int
no_partition(int at, const char *name, mode_t mode)
{
	if (strncmp(name, "date=", 5) == 0 && __atomic_load_n(&failing, __ATOMIC_SEQ_CST)) {
		errno = ENOSPC;
		return -1;
	}
	return sys_posix.mkdirat(at, name, mode);
}

struct seen {
	int calls;
	alog_error first;
	alog_t *log;
};

static void
on_error(void *arg, const alog_error *err)
{
	struct seen *seen = arg;
	alog_stats stats = { .size = sizeof stats };

	if (seen->calls == 0)
		seen->first = *err;
	/* The one call that is allowed here. */
	if (alog_get_stats(__atomic_load_n(&seen->log, __ATOMIC_SEQ_CST), &stats) < 0)
		seen->calls += 1000;
	__atomic_fetch_add(&seen->calls, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&failing, 0, __ATOMIC_SEQ_CST);
}

static void
test_error_callback(void **state)
{
	struct seen seen = { 0 };
	alog_stats stats = { .size = sizeof stats };
	struct root_lines lines;
	alog_t *log;

	(void)state;
	ops.mkdirat = no_partition;
	failing = 1;
	log = logging_open((alog_options){ .on_error = on_error, .on_error_arg = &seen });
	__atomic_store_n(&seen.log, log, __ATOMIC_SEQ_CST);
	assert_int_equal(ALOG_INFO(log, "m"), 0);
	assert_int_equal(alog_sync(log, 10000), 0);
	assert_int_equal(alog_get_stats(log, &stats), 0);
	assert_int_equal(stats.errors, 1);
	assert_int_equal(stats.last_error.os_errno, ENOSPC);
	/* It recovered by itself, but it is not forgotten. */
	assert_int_equal(alog_close(log), ALOG_EIO);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.first.os_errno, ENOSPC);
	assert_string_equal(seen.first.path, root);
	lines = logging_read();
	assert_int_equal(lines.n, 1);
	root_free(&lines);
}

static void
test_stats(void **state)
{
	alog_t *log = logging_open((alog_options){ .segment_bytes = 4096, .seal_bytes = 1 });
	alog_stats stats = { .size = sizeof stats };
	alog_stats part = { .size = offsetof(alog_stats, written), .written = 77 };
	struct root_lines lines;
	uint64_t bytes = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		(void)ALOG_INFO(log, "m", ALOG_KV("i", i));
	assert_int_equal(alog_sync(log, -1), 0);
	assert_int_equal(alog_get_stats(log, &stats), 0);
	assert_int_equal(stats.size, sizeof stats);
	assert_int_equal(stats.records, 100);
	assert_int_equal(stats.written, 100);
	assert_int_equal(stats.durable, 100);
	assert_int_equal(stats.dropped, 0);
	assert_int_equal(stats.errors, 0);
	assert_int_equal(stats.last_error.code, 0);
	assert_true(stats.rolls >= 2);
	assert_int_equal(alog_get_stats(log, &part), 0);
	assert_int_equal(part.records, 100);
	assert_int_equal(part.written, 77);
	part.size = 0;
	assert_int_equal(alog_get_stats(log, &part), ALOG_EINVAL);
	assert_int_equal(alog_get_stats(log, NULL), ALOG_EINVAL);
	lines = logging_finish(log);
	for (size_t i = 0; i < lines.n; i++)
		bytes += lines.text.line[i].n + 1;
	assert_int_equal(stats.bytes, bytes);
	assert_int_equal(lines.text.files, stats.rolls + 1);
	assert_int_equal(root_count(root, ".jsonl"), 0);
	root_free(&lines);
}

/* On return it is in the file, whatever the context's level. */
static void
test_audit(void **state)
{
	alog_t *log = logging_open((alog_options){ .level = ALOG_LEVEL_ERROR });
	struct root_lines lines;

	(void)state;
	assert_int_equal(alog_set_level(log, ALOG_LEVEL_OFF), 0);
	assert_int_equal(ALOG_AUDIT(log, "user.delete", ALOG_KV("target", 7)), 0);
	lines = logging_read();
	assert_int_equal(lines.n, 1);
	check_str(lines.line[0], "event", "user.delete");
	check_str(lines.line[0], "level", "notice");
	assert_true(json_is_true(json_object_get(lines.line[0], "audit")));
	assert_int_equal(root_int(lines.line[0], "target"), 7);
	root_free(&lines);
	assert_int_equal(alog_auditv(log, NULL, NULL, NULL, 0), 0);
	lines = logging_finish(log);
	check_str(lines.line[1], "event", "audit");
	root_free(&lines);
}

static void
test_sync(void **state)
{
	/* It would not be written by itself for a minute. */
	alog_t *log =
	    logging_open((alog_options){ .written_ms = 60000, .fdatasync_ms = 60000 });
	alog_t *child = alog_bind(log, ALOG_KV("c", 1));
	struct root_lines lines;

	(void)state;
	for (int i = 0; i < 1000; i++)
		(void)ALOG_INFO(log, "m");
	assert_int_equal(alog_sync(child, 10000), 0);
	lines = logging_read();
	assert_int_equal(lines.n, 1000);
	root_free(&lines);
	alog_free(child);
	assert_int_equal(alog_close(log), 0);
}

static void
test_config(void **state)
{
	char path[SCRATCH_MAX + 16];
	alog_config *cfg;
	alog_error err = { 0 };
	alog_t *log;
	struct root_lines lines;
	FILE *f;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/log.json", scratch);
	assert_non_null(f = fopen(path, "w"));
	(void)fprintf(f,
	    "{\"root\":\"%s\",\"service\":\"fromfile\",\"level\":\"warn\","
	    "\"redact\":[{\"field\":\"pin\"}]}",
	    root);
	assert_int_equal(fclose(f), 0);
	if (alog_config_load(&cfg, path, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(alog_open(&log, alog_config_options(cfg), &err), 0);
	alog_config_free(cfg);
	(void)ALOG_INFO(log, "off");
	(void)ALOG_WARN(log, "on", ALOG_KV("pin", 1234));
	lines = logging_finish(log);
	assert_int_equal(lines.n, 1);
	check_str(lines.line[0], "service", "fromfile");
	check_str(lines.line[0], "pin", "[redacted]");
	root_free(&lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOGGING_TEST(test_fields),
		LOGGING_TEST(test_emitv),
		LOGGING_TEST(test_printf),
		LOGGING_TEST(test_lengths),
		LOGGING_TEST(test_source_and_thread),
		LOGGING_TEST(test_mirror),
		LOGGING_TEST(test_mirror_on_a_terminal),
		LOGGING_TEST(test_limited),
		LOGGING_TEST(test_redaction),
		LOGGING_TEST(test_error_callback),
		LOGGING_TEST(test_stats),
		LOGGING_TEST(test_audit),
		LOGGING_TEST(test_sync),
		LOGGING_TEST(test_config),
	};

	return cmocka_run_group_tests_name("emit", tests, NULL, NULL);
}
