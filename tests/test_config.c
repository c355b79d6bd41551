/* config, settings - options from a file, from the environment, from a struct; each wrong one named. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"
#include "settings.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const char *const variables[] = { "ALOG_ROOT", "ALOG_SERVICE", "ALOG_LEVEL",
	"ALOG_RING_DIR" };
static char scratch[SCRATCH_MAX], file[SCRATCH_MAX + 16];

static int
set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(variables); i++)
		(void)unsetenv(variables[i]);
	scratch_make(scratch);
	(void)snprintf(file, sizeof file, "%s/options.json", scratch);
	return 0;
}

static int
tear_down(void **state)
{
	for (size_t i = 0; i < COUNT(variables); i++)
		(void)unsetenv(variables[i]);
	(void)state;
	scratch_remove(scratch);
	return 0;
}

static void
write_file(const char *text)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* ---- files ------------------------------------------------------------------------------- */

static void
test_every_key(void **state)
{
	alog_config *cfg;
	alog_error err = { 0 };
	const alog_options *o;

	(void)state;
	write_file(
	    "{\"root\":\"r\",\"service\":\"s\",\"host\":\"h\",\"level\":\"Warning\","
	    "\"source\":true,\"thread\":true,\"mirror\":true,\"no_seal\":true,"
	    "\"no_recover\":true,\"segment_bytes\":5000,\"ring_bytes\":65536,"
	    "\"ring_dir\":\"d\",\"record_bytes\":9000,\"overflow\":\"fail\",\"block_ms\":1,"
	    "\"written_ms\":2,\"fdatasync_ms\":3,\"close_ms\":4,"
	    "\"seal_bytes\":9007199254740993,\"gzip_level\":12,\"keep_days\":5,"
	    "\"keep_segments\":6,\"keep_bytes\":7,\"file_mode\":\"0600\","
	    "\"dir_mode\":\"711\",\"redact\":[{\"field\":\"f\"},{\"pattern\":\"p\","
	    "\"with\":\"w\"},{\"field\":\"f\",\"pattern\":\"p\",\"with\":\"\"}]}");
	if (alog_config_load(&cfg, file, &err) < 0)
		fail_msg("%s", err.text);
	o = alog_config_options(cfg);
	assert_int_equal(o->size, sizeof *o);
	assert_string_equal(o->root, "r");
	assert_string_equal(o->service, "s");
	assert_string_equal(o->host, "h");
	assert_int_equal(o->level, ALOG_LEVEL_WARN);
	assert_int_equal(
	    o->flags, ALOG_SOURCE | ALOG_THREAD | ALOG_MIRROR | ALOG_NO_SEAL | ALOG_NO_RECOVER);
	assert_int_equal(o->segment_bytes, 5000);
	assert_int_equal(o->ring_bytes, 65536);
	assert_string_equal(o->ring_dir, "d");
	assert_int_equal(o->record_bytes, 9000);
	assert_int_equal(o->overflow, ALOG_FAIL);
	assert_int_equal(o->block_ms, 1);
	assert_int_equal(o->written_ms, 2);
	assert_int_equal(o->fdatasync_ms, 3);
	assert_int_equal(o->close_ms, 4);
	assert_int_equal(o->seal_bytes, 9007199254740993);
	assert_int_equal(o->gzip_level, 12);
	assert_int_equal(o->keep_days, 5);
	assert_int_equal(o->keep_segments, 6);
	assert_int_equal(o->keep_bytes, 7);
	assert_int_equal(o->file_mode, 0600);
	assert_int_equal(o->dir_mode, 0711);
	assert_int_equal(o->nredact, 3);
	assert_string_equal(o->redact[0].field, "f");
	assert_null(o->redact[0].pattern);
	assert_null(o->redact[1].field);
	assert_string_equal(o->redact[1].pattern, "p");
	assert_string_equal(o->redact[1].with, "w");
	assert_string_equal(o->redact[2].with, "");
	alog_config_free(cfg);
	alog_config_free(NULL);
}

/* What is absent, or 0, is the default; a flag that is false is not set. */
static void
test_defaults(void **state)
{
	static const char *const texts[] = { "{}",
		"{\"keep_days\":0,\"mirror\":false,\"redact\":[]}" };
	alog_error err = { 0 };
	alog_config *cfg;

	(void)state;
	for (size_t i = 0; i <= COUNT(texts); i++) {
		const alog_options *o;

		if (i < COUNT(texts))
			write_file(texts[i]);
		if (alog_config_load(&cfg, i < COUNT(texts) ? file : NULL, &err) < 0)
			fail_msg("%s", err.text);
		o = alog_config_options(cfg);
		assert_null(o->root);
		assert_int_equal(o->level, ALOG_LEVEL_DEFAULT);
		assert_int_equal(o->flags, 0);
		assert_int_equal(o->keep_days, 0);
		assert_int_equal(o->nredact, 0);
		alog_config_free(cfg);
	}
}

static void
test_wrong_files(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *says;
	} cases[] = {
		{ "{\"rot\":\"r\"}", ALOG_EINVAL, "unknown key \"rot\"" },
		{ "{\"size\":1}", ALOG_EINVAL, "unknown key \"size\"" },
		{ "{\"flags\":1}", ALOG_EINVAL, "unknown key \"flags\"" },
		{ "{\"root\":1}", ALOG_EINVAL, "\"root\" must be a string" },
		{ "{\"service\":null}", ALOG_EINVAL, "\"service\" must be a string" },
		{ "{\"level\":3}", ALOG_EINVAL, "\"level\" must be the name of a level" },
		{ "{\"level\":\"loud\"}", ALOG_EINVAL,
		    "\"level\" must be the name of a level" },
		{ "{\"mirror\":1}", ALOG_EINVAL, "\"mirror\" must be true or false" },
		{ "{\"segment_bytes\":\"1\"}", ALOG_EINVAL,
		    "\"segment_bytes\" must be a whole number from 0" },
		{ "{\"segment_bytes\":1.5}", ALOG_EINVAL,
		    "\"segment_bytes\" must be a whole number from 0" },
		{ "{\"keep_bytes\":-1}", ALOG_EINVAL,
		    "\"keep_bytes\" must be a whole number from 0" },
		{ "{\"keep_days\":4294967296}", ALOG_EINVAL,
		    "\"keep_days\" must be a whole number from 0 to 4294967295" },
		{ "{\"gzip_level\":4294967296}", ALOG_EINVAL,
		    "\"gzip_level\" must be a whole number from 0" },
		{ "{\"overflow\":\"wait\"}", ALOG_EINVAL, "\"overflow\" must be \"block\"" },
		{ "{\"overflow\":0}", ALOG_EINVAL, "\"overflow\" must be \"block\"" },
		{ "{\"file_mode\":640}", ALOG_EINVAL,
		    "\"file_mode\" must be a string of octal" },
		{ "{\"file_mode\":\"\"}", ALOG_EINVAL,
		    "\"file_mode\" must be a string of octal" },
		{ "{\"dir_mode\":\"0780\"}", ALOG_EINVAL,
		    "\"dir_mode\" must be a string of octal" },
		{ "{\"dir_mode\":\"-1\"}", ALOG_EINVAL,
		    "\"dir_mode\" must be a string of octal" },
		{ "{\"dir_mode\":\" 755\"}", ALOG_EINVAL,
		    "\"dir_mode\" must be a string of octal" },
		{ "{\"redact\":{}}", ALOG_EINVAL, "\"redact\" must be an array" },
		{ "{\"redact\":[1]}", ALOG_EINVAL, "\"redact\": rule 1 must be an object" },
		{ "{\"redact\":[{\"field\":1}]}", ALOG_EINVAL, "\"redact\": rule 1 must" },
		{ "{\"redact\":[{},{\"field\":\"a\",\"x\":\"b\"}]}", ALOG_EINVAL,
		    "\"redact\": rule 2 must" },
		{ "[]", ALOG_EINVAL, "one JSON object" },
		{ "{\n\n \"root\" \"r\"}", ALOG_EJSON, "line 3" },
		{ "{\"root\":\"a\",\n\"root\":\"b\"}", ALOG_EJSON, "line 2" },
		{ "{} x", ALOG_EJSON, "line 1" },
		{ "", ALOG_EJSON, "line 1" },
		{ "{\"root\":\"a\\u0000b\"}", ALOG_EJSON, "line 1" },
	};
	alog_config *cfg = (void *)&cfg;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		alog_error err = { 0 };
		int rc;

		write_file(cases[i].text);
		rc = alog_config_load(&cfg, file, &err);
		if (rc != cases[i].code || err.code != rc ||
		    strstr(err.text, cases[i].says) == NULL || strcmp(err.path, file) != 0)
			fail_msg("%s: %d %s: %s", cases[i].text, rc, err.path, err.text);
		assert_int_equal(alog_config_load(&cfg, file, NULL), rc);
		assert_ptr_equal(cfg, (void *)&cfg);
	}
}

static void
test_no_file(void **state)
{
	alog_config *cfg;
	alog_error err = { 0 };

	(void)state;
	assert_int_equal(alog_config_load(&cfg, file, &err), ALOG_EIO);
	assert_int_equal(err.os_errno, 2); /* ENOENT */
	assert_string_equal(err.path, file);

	/* A directory is no empty file. */
	err.code = 0;
	assert_int_equal(alog_config_load(&cfg, scratch, &err), ALOG_EIO);
	assert_int_equal(err.os_errno, EISDIR);
	assert_string_equal(err.path, scratch);
}

/* ---- the environment --------------------------------------------------------------------- */

static void
test_environment(void **state)
{
	alog_config *cfg;
	const alog_options *o;

	(void)state;
	write_file("{\"root\":\"r\",\"service\":\"s\",\"ring_dir\":\"d\"}");
	assert_int_equal(setenv("ALOG_ROOT", "/e/root", 1), 0);
	assert_int_equal(setenv("ALOG_SERVICE", "", 1), 0);
	assert_int_equal(setenv("ALOG_RING_DIR", "/e/ring", 1), 0);
	assert_int_equal(alog_config_load(&cfg, file, NULL), 0);
	o = alog_config_options(cfg);
	assert_string_equal(o->root, "/e/root");
	assert_string_equal(o->service, "s"); /* an empty variable is none */
	assert_string_equal(o->ring_dir, "/e/ring");
	alog_config_free(cfg);
	assert_int_equal(setenv("ALOG_SERVICE", "es", 1), 0);
	assert_int_equal(alog_config_load(&cfg, NULL, NULL), 0);
	assert_string_equal(alog_config_options(cfg)->service, "es");
	alog_config_free(cfg);
}

static void
test_level_variable(void **state)
{
	static const struct {
		const char *value;
		int option, want; /* negative: a code */
	} cases[] = {
		{ "debug", ALOG_LEVEL_DEFAULT, ALOG_LEVEL_DEBUG },
		{ "OFF", ALOG_LEVEL_TRACE, ALOG_LEVEL_OFF },
		{ "Err", ALOG_LEVEL_OFF, ALOG_LEVEL_ERROR },
		{ "", ALOG_LEVEL_WARN, ALOG_LEVEL_WARN },
		{ NULL, ALOG_LEVEL_DEFAULT, ALOG_LEVEL_INFO },
		{ "3", ALOG_LEVEL_WARN, ALOG_EINVAL },
		{ "info ", ALOG_LEVEL_WARN, ALOG_EINVAL },
		{ NULL, 9, ALOG_EINVAL },
		{ NULL, -1, ALOG_EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const alog_options opt = { .size = sizeof opt,
			.root = "r",
			.service = "s",
			.level = cases[i].option };
		struct settings set = { 0 };
		alog_error err = { 0 };
		int rc;

		if (cases[i].value != NULL)
			assert_int_equal(setenv("ALOG_LEVEL", cases[i].value, 1), 0);
		else
			assert_int_equal(unsetenv("ALOG_LEVEL"), 0);
		rc = settings_init(&set, &opt, &err);
		if ((rc < 0 ? rc : set.level) != cases[i].want ||
		    (rc < 0 && cases[i].value != NULL &&
			strstr(err.text, "ALOG_LEVEL") == NULL))
			fail_msg("%s: %d %s", cases[i].value, set.level, err.text);
		settings_destroy(&set);
	}
}

enum { NOT_SECURE = 77 };

/* What this program does when it was started with rights that its caller has not. */
static int
secure_level(void)
{
	const alog_options opt = {
		.size = sizeof opt, .root = "r", .service = "s", .level = ALOG_LEVEL_WARN
	};
	struct settings set;
	alog_config *cfg;
	int level;

	if (getauxval(AT_SECURE) == 0)
		return NOT_SECURE;
	if (settings_init(&set, &opt, NULL) < 0 || alog_config_load(&cfg, NULL, NULL) < 0)
		return 1;
	level = alog_config_options(cfg)->root == NULL ? set.level : 1;
	alog_config_free(cfg);
	settings_destroy(&set);
	return level;
}

static void
copy_program(const char *to)
{
	const int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	assert_int_equal(n, 0);
	assert_int_equal(close(in) + close(out), 0);
}

/* Whoever starts a setuid program neither silences it nor says where it writes. */
static void
test_setuid(void **state)
{
	char program[SCRATCH_MAX + 16];
	int status = 0;
	pid_t child;

	(void)state;
	if (geteuid() != 0) {
		print_message("not root: a program of another user cannot be made: skipped\n");
		skip();
	}
	(void)snprintf(program, sizeof program, "%s/setuid", scratch);
	copy_program(program);
	assert_int_equal(chmod(scratch, 0711), 0);
	assert_int_equal(chown(program, 65534, 65534), 0);
	assert_int_equal(chmod(program, 04755), 0);
	assert_int_equal(setenv("ALOG_LEVEL", "off", 1), 0);
	assert_int_equal(setenv("ALOG_ROOT", "/e", 1), 0);
	assert_true((child = fork()) >= 0);
	if (child == 0) {
		(void)execl(program, program, "--secure", (char *)NULL);
		_exit(NOT_SECURE);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NOT_SECURE) {
		print_message("setuid does nothing below %s: skipped\n", scratch);
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), ALOG_LEVEL_WARN);
}

/* ---- settings ---------------------------------------------------------------------------- */

#define BASE .size = sizeof(alog_options), .root = "r", .service = "s"

static void
test_bounds(void **state)
{
	char host256[257];
	const struct {
		const char *name; /* stands in the error, where there is one */
		alog_options opt;
		bool good;
	} cases[] = {
		{ "nothing", { BASE }, true },
		{ "root", { .size = sizeof(alog_options), .service = "s" }, false },
		{ "root", { .size = sizeof(alog_options), .root = "", .service = "s" }, false },
		{ "service", { .size = sizeof(alog_options), .root = "r" }, false },
		{ "service", { .size = sizeof(alog_options), .root = "r", .service = "a.b" },
		    false },
		{ "host", { BASE, .host = host256 }, false },
		{ "host", { BASE, .host = host256 + 1 }, true },
		{ "ring_dir", { BASE, .ring_dir = "" }, false },
		{ "file_mode: 01200", { BASE, .file_mode = 640 }, false },
		{ "file_mode", { BASE, .file_mode = 0200 }, false },
		{ "file_mode", { BASE, .file_mode = 0600 }, true },
		{ "file_mode", { BASE, .file_mode = 010640 }, false },
		{ "dir_mode: 01356", { BASE, .dir_mode = 750 }, false },
		{ "dir_mode", { BASE, .dir_mode = 0640 }, false },
		{ "dir_mode", { BASE, .dir_mode = 02770 }, true },
		{ "dir_mode", { BASE, .dir_mode = 0100750 }, false },
		{ "flags", { BASE, .flags = 1u << 5 }, false },
		{ "segment_bytes", { BASE, .segment_bytes = 4095 }, false },
		{ "segment_bytes", { BASE, .segment_bytes = 4096 }, true },
		{ "segment_bytes", { BASE, .segment_bytes = 256u << 20 }, true },
		{ "segment_bytes", { BASE, .segment_bytes = (256u << 20) + 1 }, false },
		{ "ring_bytes", { BASE, .ring_bytes = 32768 }, false },
		{ "ring_bytes", { BASE, .ring_bytes = 65536 }, true },
		{ "ring_bytes", { BASE, .ring_bytes = UINT64_C(2) << 30 }, false },
		{ "record_bytes", { BASE, .record_bytes = 8191 }, false },
		{ "record_bytes", { BASE, .record_bytes = 8192 }, true },
		{ "record_bytes", { BASE, .record_bytes = 2u << 20 }, true },
		{ "record_bytes", { BASE, .record_bytes = (2u << 20) + 1 }, false },
		{ "record_bytes",
		    { BASE, .record_bytes = (8u << 20) + 1, .ring_bytes = 1u << 30 }, false },
		{ "written_ms", { BASE, .written_ms = 60001 }, false },
		{ "overflow", { BASE, .overflow = 3 }, false },
		{ "overflow", { BASE, .overflow = -1 }, false },
		{ "gzip_level", { BASE, .gzip_level = 13 }, false },
		{ "gzip_level", { BASE, .gzip_level = -1 }, false },
		{ "gzip_level", { BASE, .gzip_level = 12 }, true },
		{ "redact", { BASE, .nredact = 1 }, false },
		{ "size", { .root = "r", .service = "s" }, false },
	};

	(void)state;
	memset(host256, 'h', sizeof host256 - 1);
	host256[sizeof host256 - 1] = '\0';
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct settings set = { 0 };
		alog_error err = { 0 };
		const int rc = settings_init(&set, &cases[i].opt, &err);

		if (rc != (cases[i].good ? 0 : ALOG_EINVAL) ||
		    (rc < 0 && strstr(err.text, cases[i].name) == NULL))
			fail_msg("case %zu, %s: %d %s", i, cases[i].name, rc, err.text);
		settings_destroy(&set);
	}
	assert_int_equal(settings_init(&(struct settings){ 0 }, NULL, NULL), ALOG_EINVAL);
}

static void
test_completed(void **state)
{
	const alog_options opt = { BASE, .ring_bytes = 65536 };
	struct settings set;

	(void)state;
	assert_int_equal(settings_init(&set, &opt, NULL), 0);
	assert_int_equal(set.level, ALOG_LEVEL_INFO);
	assert_int_equal(set.segment_bytes, 64 << 20);
	assert_int_equal(set.record_bytes, 16384); /* a quarter of a small ring */
	assert_int_equal(set.block_ms, 5000);
	assert_int_equal(set.written_ms, 100);
	assert_int_equal(set.fdatasync_ms, 1000);
	assert_int_equal(set.close_ms, 10000);
	assert_int_equal(set.seal_bytes, 1 << 20);
	assert_int_equal(set.gzip_level, 6);
	assert_int_equal(set.file_mode, 0640);
	assert_int_equal(set.dir_mode, 0750);
	assert_true(strlen(set.host) > 0);
	assert_int_equal(set.root[0], '/'); /* it holds wherever the program goes */
	assert_null(set.ring_dir);
	settings_destroy(&set);
}

/* Options of a program that was built against an older header end early. */
static void
test_older(void **state)
{
	const alog_options opt = { .size = offsetof(alog_options, keep_days),
		.root = "r",
		.service = "s",
		.gzip_level = 9,
		.keep_days = 3,
		.file_mode = 0600,
		.nredact = 99,
		.clock = (int64_t(*)(void *))(uintptr_t)1 };
	struct {
		alog_options opt;
		char newer[64];
	} next = { { BASE, .keep_days = 3 }, "members of a later version" };
	struct settings set;

	(void)state;
	assert_int_equal(settings_init(&set, &opt, NULL), 0);
	assert_int_equal(set.gzip_level, 9);
	assert_int_equal(set.keep_days, 0);
	assert_int_equal(set.file_mode, 0640);
	assert_null(set.redact);
	assert_null(set.clock);
	settings_destroy(&set);

	next.opt.size = sizeof next;
	assert_int_equal(settings_init(&set, &next.opt, NULL), 0);
	assert_int_equal(set.keep_days, 3);
	settings_destroy(&set);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_defaults, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_environment, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_level_variable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_setuid, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_completed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_older, set_up, tear_down),
	};

	if (argc == 2 && strcmp(argv[1], "--secure") == 0)
		_exit(secure_level()); /* LSan may not look into such a program */
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
