/*
 * query - random trails, random questions; the answer in every mode of execution is held, byte for
 * byte, against an oracle that has all lines in memory and reads them with jansson.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
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
#include <zlib.h>

#include "archive.h"
#include "auditq.h"
#include "draw.h"
#include "sanitizer.h"
#include "scratch.h"

#define DAY0 INT64_C(1761004800) /* 2025-10-21T00:00:00Z */
#define DAYS 4

static char root[SCRATCH_MAX];

/* ---- what was written ------------------------------------------------------------------ */

struct line {
	char *text;
	size_t n;
	char *path;
	uint64_t offset;
	int64_t ts;   /* effective */
	json_t *json; /* NULL: not an object */
	bool blank;
};

static struct line *lines;
static size_t nline, cap_line;

/* A file in the making, and its lines. */
struct file {
	char path[512];
	char *data;
	size_t n;
	int64_t ts;
};

static void
file_begin(struct file *f, const char *fmt, ...)
{
	va_list ap;
	size_t n = strlen(root);

	*f = (struct file){ .ts = INT64_MIN };
	memcpy(f->path, root, n);
	f->path[n] = '/';
	va_start(ap, fmt);
	vsnprintf(f->path + n + 1, sizeof f->path - n - 1, fmt, ap);
	va_end(ap);
	for (char *p = f->path + n + 1; (p = strchr(p, '/')) != NULL; *p++ = '/') {
		*p = '\0';
		assert_true(mkdir(f->path, 0700) == 0 || errno == EEXIST);
	}
}

/* ts: the line's own; INT64_MIN: none. */
static void
file_line(struct file *f, const char *text, int64_t ts)
{
	struct line *l;
	size_t n = strlen(text);

	if (nline == cap_line) {
		cap_line = cap_line == 0 ? 1024 : 2 * cap_line;
		assert_non_null(lines = realloc(lines, cap_line * sizeof *lines));
	}
	f->ts = ts == INT64_MIN ? f->ts : ts;
	l = &lines[nline++];
	*l = (struct line){ .text = strdup(text),
		.n = n,
		.path = strdup(f->path),
		.offset = f->n,
		.ts = f->ts,
		.json = json_loadb(text, n, 0, NULL),
		.blank = strspn(text, " \t\r") == n };
	if (l->json != NULL && !json_is_object(l->json)) {
		json_decref(l->json);
		l->json = NULL;
	}
	assert_non_null(f->data = realloc(f->data, f->n + n + 2));
	memcpy(f->data + f->n, text, n);
	f->data[f->n + n] = '\n';
	f->n += n + 1;
}

static void
write_file(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
}

static void
end_plain(struct file *f)
{
	write_file(f->path, f->data, f->n);
	free(f->data);
}

/* Another program's gzip: members of any length, which do not heed lines. */
static void
end_gzip(struct file *f)
{
	gzFile gz;

	unlink(f->path);
	for (size_t at = 0, n; at < f->n; at += n) {
		n = 1 + draw(5000);
		n = n < f->n - at ? n : f->n - at;
		assert_non_null(gz = gzopen(f->path, "ab"));
		assert_int_equal(gzwrite(gz, f->data + at, (unsigned)n), n);
		assert_int_equal(gzclose(gz), Z_OK);
	}
	free(f->data);
}

static void
end_archive(struct file *f, const char *writer)
{
	struct archive_options opt = { .path = f->path, .member_bytes = 400 + draw(1500) };
	struct archive *a;
	alog_error err;
	int fd = open(f->path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	opt.expected_bytes = f->n;
	snprintf(opt.writer, sizeof opt.writer, "%s", writer);
	error_reset(&err);
	assert_int_equal(archive_begin(&a, fd, &opt, &err), 0);
	for (size_t at = 0; at < f->n;) {
		const char *end = memchr(f->data + at, '\n', f->n - at);
		size_t n = (size_t)(end - (f->data + at));

		assert_int_equal(archive_add(a, f->data + at, n, &err), 0);
		at += n + 1;
	}
	assert_int_equal(archive_finish(a, NULL, &err), 0);
	close(fd);
	free(f->data);
}

static void
clear(void)
{
	for (size_t i = 0; i < nline; i++) {
		free(lines[i].text);
		free(lines[i].path);
		json_decref(lines[i].json);
	}
	free(lines);
	lines = NULL;
	nline = cap_line = 0;
	scratch_remove(root);
	assert_int_equal(mkdir(root, 0700), 0);
}

/* ---- a random trail -------------------------------------------------------------------- */

static const char *const stages[] = { "load", "detect", "d\\u0065tect", "store", "a\\/b", "" };
static const char *const levels[] = { "debug", "info", "warn", "ERROR", "nonsense" };

static void
random_line(struct file *f, int64_t ts, uint64_t seq)
{
	char text[1024], when[CLOCK_LENGTH + 1] = "";
	const char *s = draw(3) == 0 ? " " : "";
	size_t n = 0;

	clock_format(when, ts);
	if (draw(40) == 0) {
		static const char *const odd[] = { "", " \t", "{\"a\":", "[1]", "{} {}",
			"\"ts\"" };

		file_line(f, odd[draw(6)], INT64_MIN);
		return;
	}
#define ADD(...) n += (size_t)snprintf(text + n, sizeof text - n, __VA_ARGS__)
	ADD("{");
	if (draw(12) == 0)
		ts = INT64_MIN;
	else
		ADD("\"ts\":%s\"%s\",", s, when);
	ADD("\"seq\":%" PRIu64, seq);
	if (draw(8) != 0)
		ADD(",%s\"run_id\":\"run-%02u\"", s, (unsigned)(seq / 37 % 20));
	if (draw(4) != 0)
		ADD(",\"stage\"%s:\"%s\"", s, stages[draw(6)]);
	if (draw(5) != 0)
		ADD(",\"level\":\"%s\"", levels[draw(5)]);
	if (draw(4) == 0)
		ADD(",\"status\":\"%s\"", draw(2) ? "failed" : "ok");
	if (draw(2) == 0)
		ADD(",\"user\":{\"name\":\"u%u\",\"n\":%u}", draw(5), draw(100));
	if (draw(3) == 0)
		ADD(",\"n\":%u.%u", draw(20), draw(10));
	if (draw(30) == 0)
		ADD(",\"pad\":\"%0*d\"", (int)draw(600), 0);
	ADD("}%s", draw(20) == 0 ? "\r" : "");
#undef ADD
	file_line(f, text, ts);
}

/* So many lines from the start of a day on, some of them late. */
static void
random_lines(struct file *f, int day, unsigned n, bool sorted)
{
	int64_t ts =
	    (DAY0 + day * INT64_C(86400)) * CLOCK_S + draw(1000000) * INT64_C(20000000);
	static uint64_t seq;

	for (unsigned i = 0; i < n; i++) {
		ts += draw(4) * (int64_t)draw(600) * CLOCK_S / 4;
		random_line(f, sorted ? ts : ts - (int64_t)draw(3000) * CLOCK_S, ++seq);
	}
}

static void
random_trail(unsigned scale)
{
	struct file f;
	char name[40];

	for (int day = 0; day < DAYS; day++) {
		int64_t days = DAY0 / 86400 + day;

		memset(name, 0, sizeof name);
		clock_format_day(name, (int32_t)days);
		for (unsigned w = 0; w < 2; w++) {
			char writer[17];

			snprintf(writer, sizeof writer, "%08x%08x", w + 1, day);
			file_begin(&f, "date=%s/svc.%s.000001.jsonl.gz", name, writer);
			random_lines(&f, day, scale * (20 + draw(60)), draw(2) == 0);
			end_archive(&f, writer);
			file_begin(&f, "date=%s/svc.%s.000002.jsonl", name, writer);
			random_lines(&f, day, scale * draw(15), true);
			end_plain(&f);
		}
		if (draw(2) == 0) {
			file_begin(&f, "%s.jsonl", name);
			random_lines(&f, day, scale * draw(30), draw(2) == 0);
			end_plain(&f);
		}
	}
	file_begin(&f, "other/app.log.gz");
	random_lines(&f, 1, scale * 60, false);
	end_gzip(&f);
	file_begin(&f, "other/archive.json.gz");
	random_lines(&f, 2, scale * 60, false);
	end_archive(&f, "");
}

/* ---- a random question, and the oracle's answer ---------------------------------------- */

struct ask {
	const char *run[2], *stage[2];
	bool failed;
	const char *level;
	int64_t after, before;
	const char *where;
	uint64_t limit;
};

static const char *
text_at(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ? json_string_value(v) : NULL;
}

static int
level_of(const json_t *o)
{
	static const char *const known[] = { "trace", "debug", "info", "notice", "warn",
		"ERROR", "critical" };
	const char *s = text_at(o, "level");

	for (int i = 0; s != NULL && i < 7; i++)
		if (strcmp(s, known[i]) == 0)
			return i;
	return -1;
}

static bool
is_failed(const json_t *o)
{
	const char *status = text_at(o, "status");

	return status != NULL ? strcmp(status, "failed") == 0 : level_of(o) >= 5;
}

/* The expressions that are asked, and what they mean. */
static bool
where_name(const json_t *o)
{
	const char *s = text_at(json_object_get(o, "user"), "name");
	return s != NULL && strcmp(s, "u3") == 0;
}
static bool
where_number(const json_t *o)
{
	const json_t *v = json_object_get(json_object_get(o, "user"), "n");
	return json_is_number(v) && json_number_value(v) < 40;
}
static bool
where_not(const json_t *o)
{
	return !where_name(o);
}
static bool
where_exists(const json_t *o)
{
	return json_object_get(o, "n") != NULL && !where_number(o);
}
static bool
where_in(const json_t *o)
{
	const char *s = text_at(o, "stage");
	return (s != NULL && (strcmp(s, "load") == 0 || strcmp(s, "a/b") == 0)) ||
	    where_name(o);
}
static bool
where_regex(const json_t *o)
{
	const char *s = text_at(o, "run_id");
	return s != NULL && s[strlen(s) - 1] == '7';
}
static bool
where_never(const json_t *o)
{
	(void)o;
	return false;
}

static const struct {
	const char *text;
	bool (*means)(const json_t *);
} wheres[] = {
	{ "user.name == \"u3\"", where_name },
	{ "user.n < 40", where_number },
	{ "user.name != 'u3'", where_not },
	{ "exists n and not user.n < 40", where_exists },
	{ "stage in (\"load\", \"a/b\") or user.name == \"u3\"", where_in },
	{ "run_id =~ \"7$\"", where_regex },
	{ "user.name == \"nobody\"", where_never },
};

static void
random_ask(struct ask *a)
{
	static const char *const runs[] = { "run-07", "run-1", "run-13", "run", "none" };
	static const char *const some_levels[] = { "warn", "=info", "debug,error", "critical" };
	const uint32_t span = DAYS * 86400;

	*a = (struct ask){ .after = INT64_MIN, .before = INT64_MAX, .limit = UINT64_MAX };
	for (uint32_t parts = draw(4); parts > 0; parts--) {
		switch (draw(7)) {
		case 0:
			a->run[0] = runs[draw(5)];
			a->run[1] = draw(3) == 0 ? runs[draw(5)] : NULL;
			break;
		case 1:
			a->stage[0] = draw(2) ? "detect" : "store";
			a->stage[1] = draw(3) == 0 ? "a/b" : NULL;
			break;
		case 2: a->failed = true; break;
		case 3: a->level = some_levels[draw(4)]; break;
		case 4: a->after = (DAY0 + draw(span)) * CLOCK_S; break;
		case 5: a->before = (DAY0 + draw(span)) * CLOCK_S; break;
		default: a->where = wheres[draw(7)].text; break;
		}
	}
	if (draw(4) == 0)
		a->limit = draw(50);
}

static bool
level_matches(const char *spec, int level)
{
	if (strcmp(spec, "warn") == 0)
		return level >= 4;
	if (strcmp(spec, "=info") == 0)
		return level == 2;
	if (strcmp(spec, "debug,error") == 0)
		return level == 1 || level == 5;
	return level >= 6;
}

static bool
in_window(const struct ask *a, int64_t ts)
{
	if (ts == INT64_MIN)
		return a->after == INT64_MIN && a->before == INT64_MAX;
	return ts >= a->after && (a->before == INT64_MAX || ts < a->before);
}

static bool
matches(const struct ask *a, const struct line *l)
{
	const char *s;

	if (l->json == NULL || !in_window(a, l->ts))
		return false;
	s = text_at(l->json, "run_id");
	if (a->run[0] != NULL &&
	    (s == NULL ||
		(strncmp(s, a->run[0], strlen(a->run[0])) != 0 &&
		    (a->run[1] == NULL || strncmp(s, a->run[1], strlen(a->run[1])) != 0))))
		return false;
	s = text_at(l->json, "stage");
	if (a->stage[0] != NULL &&
	    (s == NULL ||
		(strcmp(s, a->stage[0]) != 0 &&
		    (a->stage[1] == NULL || strcmp(s, a->stage[1]) != 0))))
		return false;
	if (a->failed && !is_failed(l->json))
		return false;
	if (a->level != NULL && !level_matches(a->level, level_of(l->json)))
		return false;
	for (size_t i = 0; a->where != NULL && i < sizeof wheres / sizeof wheres[0]; i++)
		if (a->where == wheres[i].text && !wheres[i].means(l->json))
			return false;
	return true;
}

static int
by_order(const void *x, const void *y)
{
	const struct line *a = *(const struct line *const *)x;
	const struct line *b = *(const struct line *const *)y;
	int c;

	if (a->ts != b->ts)
		return a->ts < b->ts ? -1 : 1;
	if ((c = strcmp(a->path, b->path)) != 0)
		return c;
	return a->offset < b->offset ? -1 : 1;
}

/* The matching lines in order; *lost: some line in the window is unreadable. */
static const struct line **
oracle(const struct ask *a, size_t *n, bool *lost)
{
	const struct line **found = calloc(nline + 1, sizeof *found);

	assert_non_null(found);
	*n = 0;
	*lost = false;
	for (size_t i = 0; i < nline; i++) {
		if (matches(a, &lines[i]))
			found[(*n)++] = &lines[i];
		*lost |= lines[i].json == NULL && !lines[i].blank && in_window(a, lines[i].ts);
	}
	qsort(found, *n, sizeof(const struct line *), by_order);
	return found;
}

/* ---- the question put to auditq -------------------------------------------------------- */

struct mode {
	bool reverse, no_index;
	unsigned jobs;
	uint64_t memory;
};

static auditq_t *
build(const struct ask *a, const struct mode *m)
{
	auditq_t *q = auditq_new();

	assert_non_null(q);
	auditq_path(q, root);
	for (int i = 0; i < 2; i++) {
		if (a->run[i] != NULL)
			auditq_run(q, a->run[i]);
		if (a->stage[i] != NULL)
			auditq_stage(q, a->stage[i]);
	}
	if (a->failed)
		auditq_failed(q);
	if (a->level != NULL)
		auditq_level(q, a->level);
	if (a->where != NULL)
		auditq_where(q, a->where);
	auditq_between(q, a->after, a->before);
	auditq_reverse(q, m->reverse);
	auditq_jobs(q, m->jobs);
	auditq_use_index(q, !m->no_index);
	if (m->memory > 0)
		auditq_memory(q, m->memory);
	return q;
}

static void
describe(char dst[256], const struct ask *a, const struct mode *m)
{
	snprintf(dst, 256,
	    "run %s %s stage %s %s failed %d level %s window %" PRId64 " %" PRId64
	    " where %s limit %" PRIu64 "; reverse %d no_index %d jobs %u memory %" PRIu64,
	    a->run[0], a->run[1], a->stage[0], a->stage[1], a->failed, a->level, a->after,
	    a->before, a->where, a->limit, m->reverse, m->no_index, m->jobs, m->memory);
}

static void
check_next(auditq_t *q, const struct ask *a, const struct mode *m, const struct line **want,
    size_t n, bool lost)
{
	auditq_counts counts = { .size = sizeof counts };
	auditq_record rec;
	auditq_error err;
	char what[256];
	size_t most = n < a->limit ? n : (size_t)a->limit, i = 0;
	int r;

	describe(what, a, m);
	auditq_limit(q, a->limit);
	while ((r = auditq_next(q, &rec, &err)) > 0) {
		const struct line *l = want[m->reverse ? n - 1 - i : i];

		if (i == most)
			fail_msg(
			    "more than %zu: %.*s (%s)", most, (int)rec.len, rec.line, what);
		if (rec.len != l->n || memcmp(rec.line, l->text, l->n) != 0)
			fail_msg("%zu: '%.*s', want '%s' (%s)", i, (int)rec.len, rec.line,
			    l->text, what);
		if (rec.ts != l->ts || rec.offset != l->offset ||
		    strcmp(rec.path, l->path) != 0)
			fail_msg("%zu: %" PRId64 " %s:%" PRIu64 ", want %" PRId64 " %s:%" PRIu64
				 " (%s)",
			    i, rec.ts, rec.path, rec.offset, l->ts, l->path, l->offset, what);
		i++;
	}
	if (r < 0)
		fail_msg("%s: %s (%s)", auditq_code_name(r), err.text, what);
	if (i != most)
		fail_msg("%zu of %zu (%s)", i, most, what);
	assert_int_equal(auditq_next(q, &rec, &err), 0);
	assert_int_equal(auditq_get_counts(q, &counts), 0);
	if (most == n && n < a->limit && (counts.lost > 0) != lost)
		fail_msg("%" PRIu64 " lost (%s)", counts.lost, what);
}

static void
check_count(auditq_t *q, const struct ask *a, const struct mode *m, size_t n)
{
	auditq_error err;
	uint64_t counted = 0;
	char what[256];

	describe(what, a, m);
	if (auditq_count(q, &counted, &err) != 0)
		fail_msg("%s (%s)", err.text, what);
	if (counted != (n < a->limit ? n : a->limit))
		fail_msg("counted %" PRIu64 " of %zu (%s)", counted, n, what);
}

static void
test_differential(void **state)
{
	static const struct mode modes[] = {
		{ false, false, 1, 0 },
		{ false, true, 1, 0 },
		{ false, false, 4, 0 },
		{ false, true, 4, 0 },
		{ true, false, 1, 0 },
		{ true, true, 4, 0 },
		{ true, false, 4, 3000 },
		{ false, false, 3, 3000 },
		{ false, true, 2, 3000 },
		{ true, true, 1, 1 },
	};

	(void)state;
	for (unsigned trail = 0; trail < 3; trail++) {
		draw_seed = 1000 + trail;
		clear();
		random_trail(1 + trail % 2);
		for (int k = 0; k < BY_SANITIZER(20, 20, 8); k++) {
			const struct line **want;
			struct ask a;
			size_t n;
			bool lost;

			random_ask(&a);
			want = oracle(&a, &n, &lost);
			for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
				auditq_t *q = build(&a, &modes[i]);

				check_next(q, &a, &modes[i], want, n, lost);
				if (i < 4)
					check_count(q, &a, &modes[i], n);
				auditq_free(q);
			}
			free(want);
		}
	}
}

static int
setup(void **state)
{
	(void)state;
	scratch_make(root);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	clear();
	scratch_remove(root);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differential),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
