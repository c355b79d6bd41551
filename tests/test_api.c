/* api - liblog.h as a program uses it: what is called, and what then stands in the files. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "liblog.h"
#include "root.h"
#include "runid.h"
#include "sys.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define NOW      INT64_C(1761228309123456789) /* 2025-10-23T14:05:09.123456789Z */

static char dir[SCRATCH_MAX], root[SCRATCH_MAX + 8];

static int
set_up(void **state)
{
	(void)state;
	(void)unsetenv("ALOG_LEVEL");
	scratch_make(dir);
	(void)snprintf(root, sizeof root, "%s/logs", dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unsetenv("ALOG_LEVEL");
	sys = &sys_posix;
	scratch_remove(dir);
	return 0;
}

static int64_t
fixed_clock(void *arg)
{
	(void)arg;
	return NOW;
}

/* opt, completed where it says nothing. */
static alog_t *
open_log(alog_options opt)
{
	alog_error err = { 0 };
	alog_t *log;

	opt.size = sizeof opt;
	opt.root = root;
	opt.service = "svc";
	if (opt.ring_bytes == 0)
		opt.ring_bytes = 1 << 20;
	if (alog_open(&log, &opt, &err) < 0)
		fail_msg("%s: %s", err.path, err.text);
	return log;
}

/* Close, and read all that was written. */
static struct root_lines
finish(alog_t *log)
{
	struct root_lines lines;

	assert_int_equal(alog_close(log), 0);
	lines = root_read(root);
	assert_int_equal(lines.bad, 0);
	return lines;
}

static void
check_str(const json_t *line, const char *key, const char *want)
{
	const char *got = root_str(line, key);

	if (got == NULL ? want != NULL : want == NULL || strcmp(got, want) != 0)
		fail_msg("%s: got %s, want %s", key, got, want);
}

/* ---- open and close ---------------------------------------------------------------------- */

static void
test_open_fails(void **state)
{
	static const alog_redact bad_rule = { .pattern = "(" };
	char file[SCRATCH_MAX + 16], missing[SCRATCH_MAX + 16];
	const struct {
		const char *name;
		alog_options opt;
		int code;
		const char *says;
	} cases[] = {
		{ "no service", { .root = root }, ALOG_EINVAL, "service" },
		{ "a bad pattern",
		    { .root = root, .service = "s", .redact = &bad_rule, .nredact = 1 },
		    ALOG_EREGEX, "position 2" },
		{ "a ring that is no power of two",
		    { .root = root, .service = "s", .ring_bytes = 100000 }, ALOG_EINVAL,
		    "power of two" },
		{ "no parent", { .root = missing, .service = "s" }, ALOG_EIO, "root" },
		{ "a file", { .root = file, .service = "s" }, ALOG_EIO, "root" },
		{ "no ring_dir", { .root = root, .service = "s", .ring_dir = missing },
		    ALOG_EIO, "ring_dir" },
	};
	int fd;

	(void)state;
	(void)snprintf(missing, sizeof missing, "%s/none/logs", dir);
	(void)snprintf(file, sizeof file, "%s/file", dir);
	assert_true((fd = open(file, O_CREAT | O_WRONLY, 0600)) >= 0);
	assert_int_equal(close(fd), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		alog_t *log = (void *)&log;
		alog_options opt = cases[i].opt;
		alog_error err = { 0 };
		int rc;

		opt.size = sizeof opt;
		rc = alog_open(&log, &opt, &err);
		if (rc != cases[i].code || err.code != rc || log != (void *)&log ||
		    strstr(err.text, cases[i].says) == NULL)
			fail_msg("%s: %d %s", cases[i].name, rc, err.text);
		if (rc == ALOG_EIO && strstr(err.path, dir) == NULL)
			fail_msg("%s: path '%s'", cases[i].name, err.path);
		assert_int_equal(alog_open(&log, &opt, NULL), rc);
	}
	assert_int_equal(alog_open(&(alog_t *){ NULL }, NULL, NULL), ALOG_EINVAL);
	assert_int_equal(alog_close(NULL), 0);
}

static size_t
entries(const char *path)
{
	DIR *d = opendir(path);
	size_t n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		(void)closedir(d);
	return n;
}

/* A logger that logs nothing leaves no segment; no logger leaves its ring. */
static void
test_silent(void **state)
{
	char rings[SCRATCH_MAX + 32];
	alog_t *log;

	(void)state;
	(void)snprintf(rings, sizeof rings, "%s/.ring", root);
	log = open_log((alog_options){ 0 });
	assert_int_equal(entries(rings), 3);
	assert_int_equal(alog_sync(log, -1), 0);
	assert_int_equal(alog_close(log), 0);
	assert_int_equal(entries(rings), 2);
	assert_int_equal(entries(root), 3);
}

static void
test_a_record(void **state)
{
	struct root_lines lines;
	char want[512];
	alog_t *log = open_log((alog_options){ .clock = fixed_clock, .host = "h\"1" });

	(void)state;
	assert_int_equal(ALOG_INFO(log, "hello", ALOG_KV("n", 1)), 0);
	assert_int_equal(ALOG_INFO(log, NULL), 0);
	lines = finish(log);
	assert_int_equal(lines.n, 2);
	(void)snprintf(want, sizeof want,
	    "{\"ts\":\"2025-10-23T14:05:09.123456789Z\",\"level\":\"info\",\"seq\":1,"
	    "\"service\":\"svc\",\"host\":\"h\\\"1\",\"pid\":%d,\"msg\":\"hello\",\"n\":1}",
	    (int)getpid());
	assert_string_equal(lines.text.line[0].text, want);
	assert_null(json_object_get(lines.line[1], "msg"));
	assert_int_equal(strncmp(lines.text.line[0].file, "date=2025-10-23/svc.", 20), 0);
	root_free(&lines);
}

/* ---- disabled, NULL ---------------------------------------------------------------------- */

/* Everything that can be called on a context, whose records go nowhere. */
static void
use_in_vain(alog_t *log)
{
	alog_t *run, *stage, *bound;

	assert_int_equal(ALOG_CRITICAL(log, "x", ALOG_KV("k", 1)), 0);
	assert_int_equal(alog_infof(log, "%d", 1), 0);
	assert_int_equal(alog_emitv(log, ALOG_LEVEL_INFO, "x", NULL, 0), 0);
	assert_int_equal(ALOG_LIMITED(log, ALOG_LEVEL_INFO, 1, "x"), 0);
	assert_int_equal(alog_sync(log, 0), 0);
	run = alog_run_begin(log, NULL);
	stage = alog_stage_begin(run, "s", ALOG_KV("k", 1));
	bound = alog_bind(stage, ALOG_KV("k", 1));
	assert_int_equal(ALOG_AUDIT(bound, "e"), ALOG_EDISABLED);
	assert_int_equal(ALOG_AUDIT(log, "e"), ALOG_EDISABLED);
	assert_int_equal(alog_get_level(bound), ALOG_LEVEL_OFF);
	assert_int_equal(
	    alog_set_level(bound, ALOG_LEVEL_INFO), log != NULL ? ALOG_EDISABLED : 0);
	alog_free(bound);
	assert_int_equal(alog_stage_end(stage, ALOG_OK), 0);
	assert_int_equal(alog_run_end(run, ALOG_FAILED), 0);
}

static void
test_null(void **state)
{
	alog_t *child = (void *)&child;
	alog_stats stats = { .size = sizeof stats, .records = 9 };
	const alog_field f = alog_kv_int("k", 1);

	(void)state;
	use_in_vain(NULL);
	assert_null(alog_run_begin(NULL, "x"));
	assert_null(alog_stage_begin(NULL, "x"));
	assert_int_equal(alog_bindv(&child, NULL, &f, 1, NULL), 0);
	assert_null(child);
	assert_null(alog_run_id(NULL));
	assert_int_equal(alog_get_stats(NULL, &stats), 0);
	assert_int_equal(stats.records, 0);
	alog_free(NULL);
}

static void
test_disabled(void **state)
{
	static const struct {
		int level;
		const char *env;
	} cases[] = { { ALOG_LEVEL_OFF, NULL }, { ALOG_LEVEL_DEBUG, "off" },
		{ ALOG_LEVEL_OFF, "Off" } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		alog_stats stats = { .size = sizeof stats };
		alog_t *log, *run;

		if (cases[i].env != NULL)
			assert_int_equal(setenv("ALOG_LEVEL", cases[i].env, 1), 0);
		log = open_log((alog_options){ .level = cases[i].level });
		use_in_vain(log);
		run = alog_run_begin(log, "given");
		assert_string_equal(alog_run_id(run), "given");
		assert_int_equal(alog_get_stats(log, &stats), 0);
		assert_int_equal(stats.records, 0);
		alog_free(run);
		assert_int_equal(alog_close(log), 0);
		/* Nothing at all, not even the root. */
		assert_int_equal(entries(dir), 2);
	}
}

/* ---- levels ------------------------------------------------------------------------------ */

static void
test_levels(void **state)
{
	alog_t *log = open_log((alog_options){ .level = ALOG_LEVEL_WARN });
	alog_t *a = alog_bind(log, ALOG_KV("c", "a")), *b = alog_bind(a, ALOG_KV("d", "b"));
	alog_t *c = alog_bind(b, ALOG_KV("e", "c")), *other = alog_bind(log, ALOG_KV("c", "o"));
	const struct {
		alog_t *set;
		int level;
		int want[5]; /* of log, a, b, c, other */
	} steps[] = {
		{ NULL, ALOG_LEVEL_INFO, { 5, 5, 5, 5, 5 } },
		{ a, ALOG_LEVEL_TRACE, { 5, 1, 1, 1, 5 } },
		{ c, ALOG_LEVEL_OFF, { 5, 1, 1, 8, 5 } },
		{ log, ALOG_LEVEL_ERROR, { 6, 1, 1, 8, 6 } },
		{ a, ALOG_LEVEL_DEBUG, { 6, 2, 2, 8, 6 } },
		{ b, ALOG_LEVEL_INFO, { 6, 2, 3, 8, 6 } },
		{ log, ALOG_LEVEL_CRITICAL, { 7, 2, 3, 8, 7 } },
	};
	alog_t *all[] = { log, a, b, c, other }, *late;
	size_t expected = 0;
	struct root_lines lines;

	(void)state;
	for (size_t i = 0; i < COUNT(steps); i++) {
		assert_int_equal(alog_set_level(steps[i].set, steps[i].level), 0);
		for (size_t k = 0; k < COUNT(all); k++) {
			if (alog_get_level(all[k]) != steps[i].want[k])
				fail_msg(
				    "step %zu, context %zu: %d", i, k, alog_get_level(all[k]));
			for (int level = ALOG_LEVEL_TRACE; level <= ALOG_LEVEL_CRITICAL;
			     level++) {
				assert_int_equal(alog_emitv(all[k], level, "m", NULL, 0), 0);
				expected += level >= steps[i].want[k];
			}
		}
	}
	/* A new child has its parent's level; so have children whose parent is freed. */
	late = alog_bind(b, ALOG_KV("x", 1));
	assert_int_equal(alog_get_level(late), 3);
	alog_free(b);
	assert_int_equal(alog_set_level(a, ALOG_LEVEL_NOTICE), 0);
	assert_int_equal(alog_get_level(late), 4);
	assert_int_equal(alog_get_level(c), 8);
	assert_int_equal(alog_set_level(a, 0), ALOG_EINVAL);
	assert_int_equal(alog_set_level(a, 9), ALOG_EINVAL);
	alog_free(a);
	alog_free(c);
	alog_free(other);
	alog_free(late);
	lines = finish(log);
	assert_int_equal(lines.n, expected);
	root_free(&lines);
}

static void
test_level_variable(void **state)
{
	alog_t *log;

	(void)state;
	assert_int_equal(setenv("ALOG_LEVEL", "Trace", 1), 0);
	log = open_log((alog_options){ .level = ALOG_LEVEL_ERROR });
	assert_int_equal(alog_get_level(log), ALOG_LEVEL_TRACE);
	assert_int_equal(alog_close(log), 0);
	assert_int_equal(setenv("ALOG_LEVEL", "shout", 1), 0);
	assert_int_equal(
	    alog_open(&log,
		&(alog_options){ .size = sizeof(alog_options), .root = root, .service = "s" },
		NULL),
	    ALOG_EINVAL);
}

static unsigned
touch(unsigned *n)
{
	return ++*n;
}

/* Below the level nothing is evaluated; above it everything once. */
static void
test_evaluation(void **state)
{
	alog_t *log = open_log((alog_options){ 0 });
	struct root_lines lines;
	unsigned n = 0;

	(void)state;
	(void)ALOG_DEBUG(log, touch(&n) ? "x" : "y", ALOG_KV("k", touch(&n)));
	(void)ALOG_LIMITED(log, ALOG_LEVEL_DEBUG, touch(&n), "x", ALOG_KV("k", touch(&n)));
	(void)ALOG_ERROR(NULL, "x", ALOG_KV("k", touch(&n)));
	assert_int_equal(n, 0);
	(void)ALOG_INFO(log, "x", ALOG_KV("k", touch(&n)));
	(void)ALOG_LIMITED(log, ALOG_LEVEL_INFO, 5, "x", ALOG_KV("k", touch(&n)));
	assert_int_equal(n, 2);
	lines = finish(log);
	assert_int_equal(lines.n, 2);
	root_free(&lines);
}

/* ---- contexts ---------------------------------------------------------------------------- */

static void
test_run_and_stage(void **state)
{
	alog_t *log = open_log((alog_options){ 0 });
	alog_t *run, *req, *stage, *inner, *other;
	struct root_lines lines;
	char id[64];

	(void)state;
	run = alog_run_begin(log, NULL, ALOG_KV("trigger", "cron"));
	assert_true(runid_parse(alog_run_id(run), strlen(alog_run_id(run)), NULL));
	assert_int_equal(alog_run_id(run)[14], '7');
	(void)snprintf(id, sizeof id, "%s", alog_run_id(run));
	req = alog_bind(run, ALOG_KV("tenant", "blue"));
	stage = alog_stage_begin(req, "detection", ALOG_KV("gpu", 0));
	assert_string_equal(alog_run_id(stage), id);
	inner = alog_stage_begin(stage, "inner");
	assert_int_equal(ALOG_INFO(inner, "m"), 0);
	(void)usleep(2000);
	assert_int_equal(alog_stage_end(inner, ALOG_OK), 0);
	assert_int_equal(alog_stage_end(stage, ALOG_FAILED, ALOG_KV("error", "timeout")), 0);
	alog_free(req);
	assert_int_equal(alog_run_end(run, ALOG_FAILED), 0);
	other = alog_run_begin(log, "job \"7\"");
	assert_string_equal(alog_run_id(other), "job \"7\"");
	assert_int_equal(alog_run_end(other, ALOG_OK), 0);
	assert_null(alog_run_id(log));

	lines = finish(log);
	static const struct {
		const char *event, *level, *status, *stage, *tenant;
	} want[] = {
		{ "run.begin", "info", NULL, NULL, NULL },
		{ "stage.begin", "info", NULL, "detection", "blue" },
		{ "stage.begin", "info", NULL, "inner", "blue" },
		{ NULL, "info", NULL, "inner", "blue" },
		{ "stage.end", "info", "ok", "inner", "blue" },
		{ "stage.end", "error", "failed", "detection", "blue" },
		{ "run.end", "error", "failed", NULL, NULL },
		{ "run.begin", "info", NULL, NULL, NULL },
		{ "run.end", "info", "ok", NULL, NULL },
	};
	assert_int_equal(lines.n, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++) {
		const json_t *o = lines.line[i], *ms = json_object_get(o, "duration_ms");

		check_str(o, "event", want[i].event);
		check_str(o, "level", want[i].level);
		check_str(o, "status", want[i].status);
		check_str(o, "stage", want[i].stage);
		check_str(o, "tenant", want[i].tenant);
		check_str(o, "run_id", i < 7 ? id : "job \"7\"");
		assert_int_equal(ms != NULL, want[i].status != NULL);
		assert_int_equal(root_int(o, "seq"), i + 1);
	}
	check_str(lines.line[0], "trigger", "cron");
	check_str(lines.line[5], "error", "timeout");
	assert_true(json_real_value(json_object_get(lines.line[4], "duration_ms")) >= 2);
	assert_true(json_real_value(json_object_get(lines.line[4], "duration_ms")) < 5000);
	root_free(&lines);
}

static void
test_run_id_limits(void **state)
{
	alog_t *log = open_log((alog_options){ 0 }), *run;
	char id[200];

	(void)state;
	memset(id, 'i', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	run = alog_run_begin(log, id);
	assert_int_equal(strlen(alog_run_id(run)), 128);
	alog_free(run);
	assert_int_equal(alog_close(log), 0);
}

static void
test_bind(void **state)
{
	alog_t *log = open_log((alog_options){ .record_bytes = 8192 });
	alog_t *a = alog_bind(log, ALOG_KV("a", 1), ALOG_KV("b", "x\"")), *b;
	alog_t *no = (void *)&no;
	char big[5000];
	const struct {
		alog_field field;
		int code;
		const char *says;
	} cases[] = {
		{ alog_kv_int("ts", 1), ALOG_ECLASH, "\"ts\"" },
		{ alog_kv_int("duration_ms", 1), ALOG_ECLASH, "\"duration_ms\"" },
		{ alog_kv_int("", 1), ALOG_EINVAL, "field 2" },
		{ alog_kv_bytes("big", big, sizeof big), ALOG_ETOOBIG, "half a record" },
	};
	struct root_lines lines;

	(void)state;
	memset(big, 'b', sizeof big);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const alog_field fields[] = { alog_kv_int("ok", 1), cases[i].field };
		alog_error err = { 0 };
		const int rc = alog_bindv(&no, log, fields, 2, &err);

		if (rc != cases[i].code || err.code != rc ||
		    strstr(err.text, cases[i].says) == NULL)
			fail_msg("case %zu: %d %s", i, rc, err.text);
		assert_ptr_equal(no, (void *)&no);
	}
	assert_null(alog_bind(log, ALOG_KV("msg", 1)));
	big[sizeof big - 1] = '\0';
	assert_null(alog_stage_begin(log, big));
	b = alog_bind(a, ALOG_KVN("c", "xyz", 2));
	(void)ALOG_INFO(b, "m", ALOG_KV("level", 5), ALOG_KV("d", 2));
	(void)ALOG_INFO(a, "m");
	alog_free(b);
	alog_free(a);
	lines = finish(log);
	assert_int_equal(lines.n, 2);
	assert_non_null(strstr(lines.text.line[0].text,
	    "\"msg\":\"m\",\"a\":1,\"b\":\"x\\\"\",\"c\":\"xy\",\"level_\":5,\"d\":2}"));
	assert_non_null(
	    strstr(lines.text.line[1].text, "\"msg\":\"m\",\"a\":1,\"b\":\"x\\\"\"}"));
	root_free(&lines);
}

/* A logger, its children and grandchildren end in every order; after close all say so. */
static void
end_in_order(const int order[5])
{
	alog_t *c[5];
	bool closed = false;

	c[0] = open_log((alog_options){ .ring_bytes = 65536, .close_ms = 60000 });
	c[1] = alog_run_begin(c[0], NULL);
	c[2] = alog_bind(c[1], ALOG_KV("a", 1));
	c[3] = alog_stage_begin(c[2], "s");
	c[4] = alog_bind(c[1], ALOG_KV("b", 1));
	for (int i = 0; i < 5; i++) {
		alog_t *x = c[order[i]];
		const int want = closed ? ALOG_ECLOSED : 0;

		assert_int_equal(ALOG_INFO(x, "m"), want);
		if (closed) {
			assert_int_equal(ALOG_AUDIT(x, "e"), ALOG_ECLOSED);
			assert_int_equal(alog_sync(x, -1), ALOG_ECLOSED);
			assert_int_equal(alog_infof(x, "m"), ALOG_ECLOSED);
		}
		switch (order[i]) {
		case 0:
			assert_int_equal(alog_close(x), 0);
			closed = true;
			break;
		case 1: assert_int_equal(alog_run_end(x, ALOG_OK), want); break;
		case 3: assert_int_equal(alog_stage_end(x, ALOG_OK), want); break;
		default: alog_free(x);
		}
	}
}

static void
test_any_order(void **state)
{
	struct root_lines lines;
	int order[5];

	(void)state;
	for (int i = 0; i < 3125; i++) {
		unsigned seen = 0;

		for (int k = 0, rest = i; k < 5; k++, rest /= 5)
			seen |= 1u << (order[k] = rest % 5);
		if (seen == 31)
			end_in_order(order);
	}
	lines = root_read(root);
	assert_int_equal(lines.bad, 0);
	root_free(&lines);
}

/* ---- fields ------------------------------------------------------------------------------ */

static void
test_fields(void **state)
{
	alog_t *log = open_log((alog_options){ 0 });
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
	lines = finish(log);
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
	alog_t *log = open_log((alog_options){ .flags = ALOG_SOURCE });
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
	lines = finish(log);
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
	alog_t *log = open_log((alog_options){ 0 });
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
	lines = finish(log);
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
	alog_t *log = open_log((alog_options){ .record_bytes = 8192 });
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
	lines = finish(log);
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
	alog_t *log = open_log((alog_options){ .flags = ALOG_SOURCE | ALOG_THREAD });
	struct root_lines lines;
	int line;

	(void)state;
	line = __LINE__ + 1;
	(void)ALOG_INFO(log, "m");
	(void)ALOG_AUDIT(log, "e");
	(void)alog_infof(log, "no place");
	lines = finish(log);
	for (size_t i = 0; i < 2; i++) {
		assert_true(scratch_ends(root_str(lines.line[i], "file"), "test_api.c"));
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
	alog_t *log = open_log((alog_options){ .flags = ALOG_MIRROR });
	struct root_lines lines;
	int saved, fd;
	ssize_t got;
	size_t at = 0;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/stderr", dir);
	assert_true((saved = dup(2)) >= 0);
	assert_true((fd = open(path, O_CREAT | O_RDWR, 0600)) >= 0);
	assert_true(dup2(fd, 2) >= 0);
	(void)ALOG_INFO(log, "one\n");
	(void)ALOG_DEBUG(log, "off");
	(void)ALOG_AUDIT(log, "two");
	assert_true(dup2(saved, 2) >= 0);
	got = pread(fd, text, sizeof text, 0);
	lines = finish(log);
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
	alog_t *log = open_log((alog_options){ 0 });
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
	lines = finish(log);
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
	    open_log((alog_options){ .redact = rules, .nredact = 3, .seal_bytes = 1 });
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
	lines = finish(log);
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

static struct sys_ops ops;
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
	ops = sys_posix;
	ops.mkdirat = no_partition;
	sys = &ops;
	failing = 1;
	log = open_log((alog_options){ .on_error = on_error, .on_error_arg = &seen });
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
	lines = root_read(root);
	assert_int_equal(lines.n, 1);
	root_free(&lines);
}

static void
test_stats(void **state)
{
	alog_t *log = open_log((alog_options){ .segment_bytes = 4096, .seal_bytes = 1 });
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
	lines = finish(log);
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
	alog_t *log = open_log((alog_options){ .level = ALOG_LEVEL_ERROR });
	struct root_lines lines;

	(void)state;
	assert_int_equal(alog_set_level(log, ALOG_LEVEL_OFF), 0);
	assert_int_equal(ALOG_AUDIT(log, "user.delete", ALOG_KV("target", 7)), 0);
	lines = root_read(root);
	assert_int_equal(lines.n, 1);
	check_str(lines.line[0], "event", "user.delete");
	check_str(lines.line[0], "level", "notice");
	assert_true(json_is_true(json_object_get(lines.line[0], "audit")));
	assert_int_equal(root_int(lines.line[0], "target"), 7);
	root_free(&lines);
	assert_int_equal(alog_auditv(log, NULL, NULL, NULL, 0), 0);
	lines = finish(log);
	check_str(lines.line[1], "event", "audit");
	root_free(&lines);
}

static void
test_sync(void **state)
{
	/* It would not be written by itself for a minute. */
	alog_t *log = open_log((alog_options){ .written_ms = 60000, .fdatasync_ms = 60000 });
	alog_t *child = alog_bind(log, ALOG_KV("c", 1));
	struct root_lines lines;

	(void)state;
	for (int i = 0; i < 1000; i++)
		(void)ALOG_INFO(log, "m");
	assert_int_equal(alog_sync(child, 10000), 0);
	lines = root_read(root);
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
	(void)snprintf(path, sizeof path, "%s/log.json", dir);
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
	lines = finish(log);
	assert_int_equal(lines.n, 1);
	check_str(lines.line[0], "service", "fromfile");
	check_str(lines.line[0], "pin", "[redacted]");
	root_free(&lines);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_fails),
		TEST(test_silent),
		TEST(test_a_record),
		TEST(test_null),
		TEST(test_disabled),
		TEST(test_levels),
		TEST(test_level_variable),
		TEST(test_evaluation),
		TEST(test_run_and_stage),
		TEST(test_run_id_limits),
		TEST(test_bind),
		TEST(test_any_order),
		TEST(test_fields),
		TEST(test_emitv),
		TEST(test_printf),
		TEST(test_lengths),
		TEST(test_source_and_thread),
		TEST(test_mirror),
		TEST(test_limited),
		TEST(test_redaction),
		TEST(test_error_callback),
		TEST(test_stats),
		TEST(test_audit),
		TEST(test_sync),
		TEST(test_config),
	};

	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
