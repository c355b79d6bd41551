/* api - handles as a program uses them: open, close, runs, stages, bound fields, levels. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "logging.h"
#include "runid.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define NOW      INT64_C(1761228309123456789) /* 2025-10-23T14:05:09.123456789Z */

static int64_t
fixed_clock(void *arg)
{
	(void)arg;
	return NOW;
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
	(void)snprintf(missing, sizeof missing, "%s/none/logs", scratch);
	(void)snprintf(file, sizeof file, "%s/file", scratch);
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
		if (rc == ALOG_EIO && strstr(err.path, scratch) == NULL)
			fail_msg("%s: path '%s'", cases[i].name, err.path);
		assert_int_equal(alog_open(&log, &opt, NULL), rc);
	}
	assert_int_equal(alog_open(&(alog_t *){ NULL }, NULL, NULL), ALOG_EINVAL);
	assert_int_equal(alog_close(NULL), 0);
}

/* A logger that logs nothing leaves no segment; no logger leaves its ring. */
static void
test_silent(void **state)
{
	char rings[SCRATCH_MAX + 32];
	alog_t *log;

	(void)state;
	(void)snprintf(rings, sizeof rings, "%s/.ring", root);
	log = logging_open((alog_options){ 0 });
	assert_int_equal(root_entries(rings), 1);
	assert_int_equal(alog_sync(log, -1), 0);
	assert_int_equal(alog_close(log), 0);
	assert_int_equal(root_entries(rings), 0);
	assert_int_equal(root_entries(root), 1);
}

static void
test_a_record(void **state)
{
	struct root_lines lines;
	char want[512];
	alog_t *log = logging_open((alog_options){ .clock = fixed_clock, .host = "h\"1" });

	(void)state;
	assert_int_equal(ALOG_INFO(log, "hello", ALOG_KV("n", 1)), 0);
	assert_int_equal(ALOG_INFO(log, NULL), 0);
	lines = logging_finish(log);
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
		log = logging_open((alog_options){ .level = cases[i].level });
		use_in_vain(log);
		run = alog_run_begin(log, "given");
		assert_string_equal(alog_run_id(run), "given");
		assert_int_equal(alog_get_stats(log, &stats), 0);
		assert_int_equal(stats.records, 0);
		alog_free(run);
		assert_int_equal(alog_close(log), 0);
		/* Nothing at all, not even the root. */
		assert_int_equal(root_entries(scratch), 0);
	}
}

/* ---- levels ------------------------------------------------------------------------------ */

static void
test_levels(void **state)
{
	alog_t *log = logging_open((alog_options){ .level = ALOG_LEVEL_WARN });
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
	lines = logging_finish(log);
	assert_int_equal(lines.n, expected);
	root_free(&lines);
}

static void
test_level_variable(void **state)
{
	alog_t *log;

	(void)state;
	assert_int_equal(setenv("ALOG_LEVEL", "Trace", 1), 0);
	log = logging_open((alog_options){ .level = ALOG_LEVEL_ERROR });
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
	alog_t *log = logging_open((alog_options){ 0 });
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
	lines = logging_finish(log);
	assert_int_equal(lines.n, 2);
	root_free(&lines);
}

/* ---- contexts ---------------------------------------------------------------------------- */

static void
test_run_and_stage(void **state)
{
	alog_t *log = logging_open((alog_options){ 0 });
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

	lines = logging_finish(log);
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

static int64_t
set_clock(void *arg)
{
	return *(const _Atomic int64_t *)arg;
}

/* With a clock of the caller's, what it shows is how long things took; never less than nothing. */
static void
test_durations_by_callers_clock(void **state)
{
	_Atomic int64_t now = INT64_C(1761230000000000000);
	alog_t *log = logging_open((alog_options){ .clock = set_clock, .clock_arg = &now });
	alog_t *run = alog_run_begin(log, NULL), *stage = alog_stage_begin(run, "s");
	struct root_lines lines;

	(void)state;
	now += 90 * INT64_C(1000000000) + 1500;
	assert_int_equal(alog_stage_end(stage, ALOG_OK), 0);
	now -= 600 * INT64_C(1000000000);
	assert_int_equal(alog_run_end(run, ALOG_OK), 0);
	lines = logging_finish(log);
	assert_int_equal(lines.n, 4);
	assert_true(
	    json_number_value(json_object_get(lines.line[2], "duration_ms")) == 90000.001);
	assert_true(json_number_value(json_object_get(lines.line[3], "duration_ms")) == 0);
	root_free(&lines);
}

static void
test_run_id_limits(void **state)
{
	alog_t *log = logging_open((alog_options){ 0 }), *run;
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
	alog_t *log = logging_open((alog_options){ .record_bytes = 8192 });
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
		{ { .key = "msg=", .type = ALOG_TYPE_INT, .nkey = 3 }, ALOG_ECLASH, "\"msg\"" },
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
	/* Of a name with its length nothing else counts: this one is none of the envelope. */
	assert_int_equal(
	    alog_bindv(&b, log, &(alog_field){ .key = "msg", .type = ALOG_TYPE_INT, .nkey = 2 },
		1, NULL),
	    0);
	alog_free(b);
	big[sizeof big - 1] = '\0';
	assert_null(alog_stage_begin(log, big));
	b = alog_bind(a, ALOG_KVN("c", "xyz", 2));
	(void)ALOG_INFO(b, "m", ALOG_KV("level", 5), ALOG_KV("d", 2));
	(void)ALOG_INFO(a, "m");
	alog_free(b);
	alog_free(a);
	lines = logging_finish(log);
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

	c[0] = logging_open((alog_options){ .ring_bytes = 65536, .close_ms = 60000 });
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
	lines = logging_read();
	assert_int_equal(lines.bad, 0);
	root_free(&lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOGGING_TEST(test_open_fails),
		LOGGING_TEST(test_silent),
		LOGGING_TEST(test_a_record),
		LOGGING_TEST(test_null),
		LOGGING_TEST(test_disabled),
		LOGGING_TEST(test_levels),
		LOGGING_TEST(test_level_variable),
		LOGGING_TEST(test_evaluation),
		LOGGING_TEST(test_run_and_stage),
		LOGGING_TEST(test_durations_by_callers_clock),
		LOGGING_TEST(test_run_id_limits),
		LOGGING_TEST(test_bind),
		LOGGING_TEST(test_any_order),
	};

	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
