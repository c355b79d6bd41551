/*
 * stats - random trails, counted and measured in every mode of execution, against sorted arrays of what
 * was written.
 */
#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive.h"
#include "auditq.h"
#include "draw.h"
#include "faults.h"
#include "liblog.h"
#include "sanitizer.h"
#include "scratch.h"

#define DAY0 INT64_C(1761004800) /* 2025-10-21T00:00:00Z */
#define DAYS 4
#define DAY  (INT64_C(86400) * CLOCK_S)
#define T0   (DAY0 * CLOCK_S)

static char root[SCRATCH_MAX];

/* ---- what was written ------------------------------------------------------------------ */

struct rec {
	int64_t ts; /* effective; CLOCK_NONE */
	const char *stage, *status, *level;
	bool failed, has_took, has_load;
	double took, load; /* duration_ms, load.avg */
	bool twin;         /* stands in another file too */
};

static struct rec *recs;
static size_t nrec, cap_rec;
static unsigned unreadable; /* lines that are no JSON, all within any window */

static struct rec *
new_rec(void)
{
	if (nrec == cap_rec) {
		cap_rec = cap_rec == 0 ? 1024 : 2 * cap_rec;
		assert_non_null(recs = realloc(recs, cap_rec * sizeof *recs));
	}
	recs[nrec] = (struct rec){ .ts = CLOCK_NONE };
	return &recs[nrec++];
}

/* A file in the making. */
struct file {
	char path[2 * SCRATCH_MAX];
	char *data;
	size_t n;
	bool other; /* of another schema */
	int64_t ts;
	uint64_t seq;
};

static void
file_begin(struct file *f, uint64_t seq, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(f->path, sizeof f->path, "%s/", root);

	f->data = NULL;
	f->n = 0;
	f->other = false;
	f->ts = CLOCK_NONE;
	f->seq = seq;
	va_start(ap, fmt);
	vsnprintf(f->path + n, sizeof f->path - (size_t)n, fmt, ap);
	va_end(ap);
	for (char *p = f->path + n; (p = strchr(p, '/')) != NULL; *p++ = '/') {
		*p = '\0';
		(void)mkdir(f->path, 0700);
	}
}

static void
file_text(struct file *f, const char *text)
{
	size_t n = strlen(text);

	assert_non_null(f->data = realloc(f->data, f->n + n + 2));
	memcpy(f->data + f->n, text, n);
	f->data[f->n + n] = '\n';
	f->n += n + 1;
}

static int
open_new(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static void
end_plain(struct file *f)
{
	int fd = open_new(f->path);

	assert_int_equal(write(fd, f->data, f->n), f->n);
	close(fd);
	free(f->data);
}

static void
end_gzip(struct file *f)
{
	gzFile gz = gzopen(f->path, "wb");

	assert_non_null(gz);
	assert_int_equal(gzwrite(gz, f->data, (unsigned)f->n), f->n);
	assert_int_equal(gzclose(gz), Z_OK);
	free(f->data);
}

static void
end_archive(struct file *f, const char *writer)
{
	struct schema other = schema_default;
	struct archive_options opt = { .path = f->path, .member_bytes = 400 + draw(1500) };
	struct archive *a;
	alog_error err;
	int fd = open_new(f->path);

	snprintf(
	    other.keys[SCHEMA_STAGE].key[0], sizeof other.keys[SCHEMA_STAGE].key[0], "phase");
	snprintf(other.keys[SCHEMA_DURATION].key[0], sizeof other.keys[SCHEMA_DURATION].key[0],
	    "t.ms");
	opt.schema = f->other ? &other : NULL;
	opt.expected_bytes = f->n;
	snprintf(opt.writer, sizeof opt.writer, "%s", writer);
	error_reset(&err);
	assert_int_equal(archive_begin(&a, fd, &opt, &err), 0);
	for (size_t at = 0; at < f->n;) {
		size_t n =
		    (size_t)((char *)memchr(f->data + at, '\n', f->n - at) - (f->data + at));

		assert_int_equal(archive_add(a, f->data + at, n, &err), 0);
		at += n + 1;
	}
	assert_int_equal(archive_finish(a, NULL, &err), 0);
	close(fd);
	free(f->data);
}

/* ---- random records -------------------------------------------------------------------- */

static const char *const stages[] = { "load", "detect", "store", "a/b", "caf\xc3\xa9", "" };
static const char *const levels[] = { "debug", "info", "warn", "error", "critical" };

/* As it stands in the line, which JSON leaves to the writer. */
static const char *
spelled(const char *stage)
{
	if (draw(4) != 0)
		return stage;
	if (strcmp(stage, "detect") == 0)
		return "d\\u0065tect";
	return strcmp(stage, "a/b") == 0 ? "a\\/b" : stage;
}

static size_t
put_envelope(char *text, size_t cap, struct file *f, struct rec *r)
{
	char when[CLOCK_LENGTH + 1] = "";
	size_t n;

	n = (size_t)snprintf(text, cap, "{\"seq\":%" PRIu64, f->seq++);
	if (f->ts == CLOCK_NONE || draw(12) != 0) {
		clock_format(when, r->ts);
		n += (size_t)snprintf(text + n, cap - n, ",\"ts\":\"%s\"", when);
	} else {
		r->ts = f->ts;
	}
	f->ts = r->ts;
	if (draw(4) != 0) {
		r->stage = stages[draw(6)];
		n += (size_t)snprintf(text + n, cap - n, ",\"%s\":\"%s\"",
		    f->other ? "phase" : "stage", spelled(r->stage));
	} else if (draw(4) == 0) {
		n += (size_t)snprintf(
		    text + n, cap - n, ",\"%s\":7", f->other ? "phase" : "stage");
	}
	if (draw(5) != 0) {
		r->level = levels[draw(5)];
		n += (size_t)snprintf(text + n, cap - n, ",\"level\":\"%s\"", r->level);
	}
	if (draw(3) == 0) {
		r->status = draw(4) == 0 ? "failed" : "ok";
		n += (size_t)snprintf(text + n, cap - n, ",\"status\":\"%s\"", r->status);
	}
	r->failed = r->status != NULL ? strcmp(r->status, "failed") == 0
				      : r->level != NULL && strchr("ec", r->level[0]) != NULL;
	return n;
}

static void
put_numbers(char *text, size_t cap, const struct file *f, struct rec *r)
{
	static const char *const keys[] = { "\"duration_ms\"", "\"duration\\u005fms\"",
		"\"t\":{\"ms\"", "\"t.ms\"" };
	size_t n = 0, key = (f->other ? 2u : 0u) + (draw(6) == 0);

	if (draw(3) == 0) {
		r->has_took = true;
		r->took =
		    draw(10) == 0 ? 0 : draw(1000) / 1000.0 * pow(10, (int)draw(9) - 4) + 1e-6;
		n += (size_t)snprintf(
		    text + n, cap - n, ",%s:%.17g%s", keys[key], r->took, key == 2 ? "}" : "");
	} else if (draw(5) == 0) {
		n += (size_t)snprintf(text + n, cap - n, ",%s:%s%s", keys[key],
		    draw(2) ? "-3" : "\"1\"", key == 2 ? "}" : "");
	}
	if (draw(3) == 0) {
		r->has_load = true;
		r->load = (int)draw(2000) / 8.0 - 100;
		n += (size_t)snprintf(text + n, cap - n, ",\"load\":{\"avg\":%.17g}", r->load);
	}
	snprintf(text + n, cap - n, "}");
}

static void
random_line(struct file *f, int64_t ts)
{
	char text[1024];
	struct rec *r = new_rec();
	size_t n;

	r->ts = ts;
	n = put_envelope(text, sizeof text, f, r);
	put_numbers(text + n, sizeof text - n, f, r);
	file_text(f, text);
}

static void
random_lines(struct file *f, int day, unsigned n)
{
	int64_t ts = T0 + day * DAY + (int64_t)draw(20000) * CLOCK_S;

	for (unsigned i = 0; i < n; i++) {
		ts += draw(4) * (int64_t)draw(100) * CLOCK_S / 4;
		random_line(f, ts - (int64_t)draw(3) * CLOCK_S);
	}
}

/* The last lines of a file that ended, again in the next one, as after an fsync that failed. */
static void
put_twins(struct file *f, const char *tail, size_t n)
{
	assert_non_null(f->data = malloc(n));
	memcpy(f->data, tail, n);
	f->n = n;
}

/* Two segments of a writer that share records. */
static void
random_twins(int day, const char *date)
{
	static const char writer[] = "00000000000000aa";
	struct file f, g;
	size_t at = 0;
	char *tail;

	file_begin(&f, 1, "date=%s/twin.%s.%06d.jsonl.gz", date, writer, 2 * day + 1);
	f.seq = 1 + 1000 * (uint64_t)day;
	random_lines(&f, day, 30 + draw(30));
	for (size_t lines = 10 + draw(10); lines > 0; lines--)
		at = (size_t)((char *)memchr(f.data + at, '\n', f.n - at) - f.data) + 1;
	/* A line without a time takes that of the line before it: begin at one that has its own. */
	while (at < f.n &&
	    memmem(f.data + at,
		(size_t)((char *)memchr(f.data + at, '\n', f.n - at) - (f.data + at)), "\"ts\"",
		4) == NULL)
		at = (size_t)((char *)memchr(f.data + at, '\n', f.n - at) - f.data) + 1;
	assert_non_null(tail = malloc(f.n - at + 1));
	memcpy(tail, f.data + at, f.n - at);
	file_begin(&g, f.seq, "date=%s/twin.%s.%06d.jsonl%s", date, writer, 2 * day + 2,
	    day % 2 == 0 ? ".gz" : "");
	put_twins(&g, tail, f.n - at);
	g.ts = f.ts;
	end_archive(&f, writer);
	random_lines(&g, day, 20);
	if (day % 2 == 0)
		end_archive(&g, writer);
	else
		end_plain(&g);
	free(tail);
}

/* More stages than an archive has room for in its rollups. */
static void
many_stages(void)
{
	static char names[FORMAT_STAGES_MAX + 40][12];
	struct file f;
	char text[128], when[CLOCK_LENGTH + 1] = "";

	file_begin(&f, 1, "stages.jsonl.gz");
	clock_format(when, T0 + DAY);
	for (size_t i = 0; i < FORMAT_STAGES_MAX + 40; i++) {
		struct rec *r = new_rec();

		snprintf(names[i], sizeof names[i], "s%03zu", i);
		*r = (struct rec){
			.ts = T0 + DAY, .stage = names[i], .has_took = true, .took = (double)i
		};
		snprintf(text, sizeof text,
		    "{\"ts\":\"%s\",\"stage\":\"s%03zu\",\"duration_ms\":%zu}", when, i, i);
		file_text(&f, text);
	}
	end_archive(&f, "");
}

static void
random_trail(unsigned scale, bool odd)
{
	struct file f;
	char date[16];

	for (int day = 0; day < DAYS; day++) {
		memset(date, 0, sizeof date);
		clock_format_day(date, (int32_t)(DAY0 / 86400 + day));
		for (unsigned w = 1; w <= 2; w++) {
			char writer[17];

			snprintf(writer, sizeof writer, "%08x%08x", w, day);
			file_begin(&f, 1, "date=%s/svc.%s.000001.jsonl.gz", date, writer);
			random_lines(&f, day, scale * (20 + draw(60)));
			end_archive(&f, writer);
			file_begin(&f, 100000, "date=%s/svc.%s.000002.jsonl", date, writer);
			random_lines(&f, day, scale * draw(15));
			end_plain(&f);
		}
		random_twins(day, date);
		if (day == 1) {
			file_begin(&f, 1, "date=%s/other.jsonl.gz", date);
			f.other = true;
			random_lines(&f, day, scale * 50);
			end_archive(&f, "");
		}
	}
	file_begin(&f, 1, "foreign.log.gz");
	random_lines(&f, 1, scale * 60);
	end_gzip(&f);
	if (odd) {
		file_begin(&f, 1, "bad.jsonl.gz");
		random_lines(&f, 2, 20);
		file_text(&f, "{\"duration_ms\":");
		unreadable++;
		random_lines(&f, 2, 20);
		end_archive(&f, "");
		many_stages();
	}
}

static int
setup(void **state)
{
	(void)state;
	scratch_make(root);
	nrec = 0;
	unreadable = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(recs);
	recs = NULL;
	cap_rec = 0;
	scratch_remove(root);
	return 0;
}

/* ---- the question, and the oracle's answer ---------------------------------------------- */

struct ask {
	int64_t after, before;
	const char *stage;
	bool failed;
	const char *level; /* and above */
	const char *by;    /* NULL, "stage", "status", "stage,status" */
	bool load;         /* measure load.avg */
};

static bool
asked(const struct ask *a, const struct rec *r)
{
	bool open = a->after == INT64_MIN && a->before == INT64_MAX;

	if (!open && (r->ts == CLOCK_NONE || r->ts < a->after || r->ts >= a->before))
		return false;
	if (a->stage != NULL && (r->stage == NULL || strcmp(a->stage, r->stage) != 0))
		return false;
	if (a->failed && !r->failed)
		return false;
	return a->level == NULL || (r->level != NULL && strchr("wec", r->level[0]) != NULL);
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
in_group(const struct ask *a, const struct rec *r, const char *const group[2])
{
	if (a->by == NULL)
		return true;
	if (strcmp(a->by, "status") == 0)
		return same(r->status, group[0]);
	return same(r->stage, group[0]) &&
	    (strchr(a->by, ',') == NULL || same(r->status, group[1]));
}

static int
ascending(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static double
quantile(const double *v, size_t n, double q)
{
	double place = q * (double)(n - 1);
	size_t i = (size_t)place;

	return i + 1 == n ? v[i] : v[i] + (v[i + 1] - v[i]) * (place - (double)i);
}

/* What the row of a group should say; values sorted in *v. */
static auditq_stats_row
oracle(const struct ask *a, const char *const group[2])
{
	auditq_stats_row row = { .size = sizeof row };
	double *v = malloc((nrec + 1) * sizeof *v);
	double
	    sum = 0,
	    lost =
		0; /* in rounding: Neumaier's sum needs no wider type, which valgrind lacks */

	assert_non_null(v);
	for (size_t i = 0; i < nrec; i++) {
		const struct rec *r = &recs[i];

		if (!asked(a, r) || !in_group(a, r, group))
			continue;
		row.records++;
		row.ends += r->status != NULL;
		row.failed += r->failed;
		if (a->load ? r->has_load : r->has_took)
			v[row.values++] = a->load ? r->load : r->took;
	}
	qsort(v, row.values, sizeof *v, ascending);
	for (size_t i = 0; i < row.values; i++) {
		const double next = sum + v[i];

		lost += fabs(sum) >= fabs(v[i]) ? sum - next + v[i] : v[i] - next + sum;
		sum = next;
	}
	if (row.values > 0) {
		row.sum = sum + lost;
		row.min = v[0];
		row.max = v[row.values - 1];
		row.p50 = quantile(v, row.values, 0.50);
		row.p95 = quantile(v, row.values, 0.95);
		row.p99 = quantile(v, row.values, 0.99);
	}
	free(v);
	return row;
}

/* ---- the answer ------------------------------------------------------------------------ */

struct mode {
	bool exact, no_index;
	unsigned jobs;
	uint64_t memory;
};

static void
count_lost(void *arg, const auditq_warning *w)
{
	*(unsigned *)arg += w->lost;
}

static auditq_t *
build(const struct ask *a, const struct mode *m)
{
	auditq_t *q = auditq_new();

	assert_non_null(q);
	auditq_path(q, root);
	auditq_between(q, a->after, a->before);
	if (a->stage != NULL)
		auditq_stage(q, a->stage);
	if (a->failed)
		auditq_failed(q);
	if (a->level != NULL)
		auditq_level(q, a->level);
	auditq_use_index(q, !m->no_index);
	auditq_jobs(q, m->jobs);
	if (m->memory > 0)
		auditq_memory(q, m->memory);
	return q;
}

static void
check_near(const char *what, const char *name, double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance * fabs(want) + DBL_MIN))
		fail_msg("%s of %s: %.17g, want %.17g", name, what, got, want);
}

/* The estimates of load.avg, which has values on both sides of zero, are near in themselves only. */
static void
check_row(const struct ask *a, const struct mode *m, const char *what,
    const auditq_stats_row *got, const auditq_stats_row *want)
{
	double near = m->exact ? 0 : AUDITQ_STATS_ACCURACY * (1 + 1e-9);

	if (got->records != want->records || got->ends != want->ends ||
	    got->failed != want->failed || got->values != want->values)
		fail_msg("%s: %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 ", want %" PRIu64
			 " %" PRIu64 " %" PRIu64 " %" PRIu64,
		    what, got->records, got->ends, got->failed, got->values, want->records,
		    want->ends, want->failed, want->values);
	/* Exactly, however the workers shared the lines; rollups are rounded once an archive. */
	check_near(what, "sum", got->sum, want->sum, m->exact ? 0 : 1e-15);
	check_near(what, "min", got->min, want->min, 0);
	check_near(what, "max", got->max, want->max, 0);
	if (a->load && !m->exact)
		return;
	check_near(what, "p50", got->p50, want->p50, near);
	check_near(what, "p95", got->p95, want->p95, near);
	check_near(what, "p99", got->p99, want->p99, near);
}

/* The row's groups as text, NULL where absent. */
static void
get_groups(const auditq_stats_t *s, size_t row, char text[2][64], const char *group[2])
{
	const char *name;
	auditq_value v;

	group[0] = group[1] = NULL;
	for (size_t i = 0; i < 2 && auditq_stats_group(s, row, i, &name, &v) == 0; i++) {
		assert_true(v.type == AUDITQ_ABSENT || v.type == AUDITQ_STRING);
		if (v.type == AUDITQ_ABSENT)
			continue;
		snprintf(text[i], 64, "%.*s", (int)v.len, v.text);
		group[i] = text[i];
	}
}

/* Order of groups: by their bytes, what is absent last. */
static int
compare(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a == NULL) - (b == NULL);
	return strcmp(a, b);
}

static void
check_rows(const struct ask *a, const struct mode *m, const char *what, const auditq_stats_t *s)
{
	auditq_stats_row row = { .size = sizeof row };
	uint64_t records = 0, wanted = 0;
	char text[2][2][64];
	const char *group[2][2];

	for (size_t i = 0; i < auditq_stats_rows(s); i++) {
		auditq_stats_row want;

		assert_int_equal(auditq_stats_get(s, i, &row), 0);
		get_groups(s, i, text[i % 2], group[i % 2]);
		want = oracle(a, group[i % 2]);
		check_row(a, m, what, &row, &want);
		records += row.records;
		if (i > 0) {
			int c = compare(group[!(i % 2)][0], group[i % 2][0]);

			assert_true(c < 0 ||
			    (c == 0 && compare(group[!(i % 2)][1], group[i % 2][1]) < 0));
		}
	}
	/* No group is left out. */
	for (size_t i = 0; i < nrec; i++)
		wanted += asked(a, &recs[i]);
	assert_int_equal(records, wanted);
	assert_int_equal(auditq_stats_get(s, auditq_stats_rows(s), &row), AUDITQ_EINVAL);
}

static auditq_counts
check(const struct ask *a, const struct mode *m)
{
	auditq_stats_options opt = { .size = sizeof opt,
		.by = a->by,
		.field = a->load ? "load.avg" : NULL,
		.exact = m->exact };
	auditq_counts counts = { .size = sizeof counts };
	auditq_t *q = build(a, m);
	auditq_stats_t *s = NULL;
	auditq_error err;
	unsigned lost = 0;
	char what[256];

	snprintf(what, sizeof what,
	    "by %s, load %d, window %" PRId64 " %" PRId64 ", stage %s, failed %d, level %s; "
	    "exact %d, no_index %d, jobs %u, memory %" PRIu64,
	    a->by, a->load, a->after, a->before, a->stage, a->failed, a->level, m->exact,
	    m->no_index, m->jobs, m->memory);
	auditq_on_warning(q, count_lost, &lost);
	if (auditq_stats(q, &opt, &s, &err) < 0)
		fail_msg("%s: %s", what, err.text);
	assert_int_equal(auditq_get_counts(q, &counts), 0);
	auditq_free(q);
	check_rows(a, m, what, s);
	if (a->after == INT64_MIN && a->before == INT64_MAX)
		assert_int_equal(lost, unreadable);
	auditq_stats_free(s);
	return counts;
}

static const struct mode modes[] = {
	{ false, false, 1, 0 },
	{ false, false, 4, 0 },
	{ false, true, 4, 0 },
	{ true, false, 1, 0 },
	{ true, false, 4, 2000 },
	{ true, true, 1, 0 },
	{ true, true, 4, 2000 },
};
enum { MODES = sizeof modes / sizeof modes[0] };

static const struct ask everything = { .after = INT64_MIN, .before = INT64_MAX };

static void
random_ask(struct ask *a)
{
	static const char *const by[] = { NULL, "stage", "stage", "status", "stage,status" };

	*a = everything;
	if (draw(3) != 0)
		a->after = T0 + (int64_t)draw(DAYS * 86400) * CLOCK_S;
	if (draw(3) != 0)
		a->before = T0 + (int64_t)draw(DAYS * 86400) * CLOCK_S;
	if (draw(4) == 0)
		a->stage = stages[draw(5)];
	a->failed = draw(6) == 0;
	if (draw(6) == 0)
		a->level = "warn";
	a->by = by[draw(5)];
	a->load = draw(4) == 0;
}

static void
test_random(void **state)
{
	struct ask a;

	for (unsigned round = 0; round < BY_SANITIZER(10, 5, 3); round++) {
		teardown(state);
		setup(state);
		draw_seed = round + 1;
		random_trail(1 + round % 3 * 2, round % 5 == 4);
		for (size_t m = 0; m < MODES; m++) {
			check(&everything, &modes[m]);
			a = everything;
			a.by = "stage";
			check(&a, &modes[m]);
		}
		for (int i = 0; i < 10; i++) {
			random_ask(&a);
			for (size_t m = 0; m < MODES; m++)
				check(&a, &modes[m]);
		}
	}
}

/* What is read: nothing where rollups suffice, lines with a duration where they are asked for exactly. */
static void
test_cost(void **state)
{
	struct ask a = everything;
	auditq_counts counts;
	struct file f;

	(void)state;
	draw_seed = 99;
	for (unsigned i = 1; i <= 3; i++) {
		file_begin(&f, 1, "svc.00000000000000%02u.000001.jsonl.gz", i);
		random_lines(&f, (int)i, 200);
		end_archive(&f, "");
	}
	a.by = "stage";
	counts = check(&a, &(struct mode){ .jobs = 1 });
	assert_int_equal(counts.bytes_read, 0);
	assert_true(counts.members > 10 && counts.members_answered == counts.members);
	a.stage = "detect";
	counts = check(&a, &(struct mode){ .jobs = 1 });
	assert_int_equal(counts.bytes_read, 0);
	/* One file is cut by the window: of it, what lies within is read. */
	a.after = T0 + 2 * DAY + DAY / 5;
	a.before = INT64_MAX;
	counts = check(&a, &(struct mode){ .jobs = 1 });
	assert_true(counts.files_by_footer >= 1);
	assert_true(counts.members_inflated < counts.members - counts.members_answered);
	a = everything;
	counts = check(&a, &(struct mode){ .jobs = 1, .exact = true });
	assert_true(counts.members_inflated > 10 && counts.members_answered == 0);
	/* Only lines in which the field may be are looked at. */
	assert_true(counts.matched < counts.lines * 2 / 3);
	counts = check(&a, &(struct mode){ .jobs = 1, .exact = true, .no_index = true });
	assert_int_equal(counts.matched, counts.lines);
}

/* ---- a writer that lives, whose records are in its ring --------------------------------- */

static void
test_ring(void **state)
{
	alog_t *log = NULL, *stage;
	alog_error error;
	auditq_stats_options opt = {
		.size = sizeof opt, .by = "stage", .field = "took", .exact = true
	};
	auditq_stats_row row = { .size = sizeof row };
	auditq_error err;

	(void)state;
	assert_int_equal(alog_open(&log,
			     &(alog_options){ .size = sizeof(alog_options),
				 .root = root,
				 .service = "svc",
				 .ring_bytes = 256 << 10 },
			     &error),
	    0);
	stage = alog_stage_begin(log, "count");
	for (uint64_t n = 1; n <= 300; n++) {
		auditq_t *q = auditq_new();
		auditq_stats_t *s = NULL;

		assert_int_equal(ALOG_INFO(stage, "tick", ALOG_KV("took", (int)n)), 0);
		auditq_path(q, root);
		auditq_where(q, "exists took");
		assert_int_equal(auditq_stats(q, &opt, &s, &err), 0);
		assert_int_equal(auditq_stats_rows(s), 1);
		assert_int_equal(auditq_stats_get(s, 0, &row), 0);
		assert_int_equal(row.records, n);
		assert_true(row.sum == (double)(n * (n + 1) / 2) && row.max == (double)n);
		assert_true(row.p50 == (double)(n + 1) / 2);
		auditq_stats_free(s);
		auditq_free(q);
		if (n % 50 == 0)
			usleep(30000);
	}
	alog_free(stage);
	assert_int_equal(alog_close(log), 0);
}

/* ---- arguments, exports, errors --------------------------------------------------------- */

static void
put_lines(const char *const *line)
{
	struct file f;

	file_begin(&f, 1, "x.jsonl");
	for (; *line != NULL; line++)
		file_text(&f, *line);
	end_plain(&f);
}

static int
collect(void *arg, const void *data, size_t n)
{
	char *text = arg;
	size_t at = strlen(text);

	assert_true(at + n < 4096);
	memcpy(text + at, data, n);
	text[at + n] = '\0';
	return 0;
}

static void
assert_export(const char *by, int format, const char *want)
{
	auditq_stats_options opt = { .size = sizeof opt, .by = by, .exact = true };
	auditq_export_options out = { .size = sizeof out, .format = format };
	auditq_t *q = auditq_new();
	auditq_stats_t *s = NULL;
	auditq_error err;
	char got[4096] = "";

	auditq_path(q, root);
	assert_int_equal(auditq_stats(q, &opt, &s, &err), 0);
	auditq_free(q);
	assert_int_equal(auditq_stats_export_to(s, collect, got, &out, &err), 0);
	assert_string_equal(got, want);
	auditq_stats_free(s);
}

static void
test_export(void **state)
{
	static const char *const lines[] = {
		"{\"ts\":\"2025-10-21T00:00:00Z\",\"http.code\":200,\"status\":\"ok\",\"duration_ms\":1}",
		"{\"ts\":\"2025-10-21T00:00:01Z\",\"http\":{\"code\":200},\"status\":\"failed\",\"duration_ms\":2}",
		"{\"ts\":\"2025-10-21T00:00:02Z\",\"http\":{\"code\":99},\"status\":\"ok\",\"duration_ms\":4}",
		"{\"ts\":\"2025-10-21T00:00:03Z\",\"http\":{\"code\":\"a,\\\"\\u00e9\"}}",
		"{\"ts\":\"2025-10-21T00:00:04Z\",\"http\":{\"code\":true},\"level\":\"error\"}",
		"{\"ts\":\"2025-10-21T00:00:05Z\",\"http\":{\"code\":null}}",
		NULL,
	};

	(void)state;
	put_lines(lines);
	assert_export("http.code", AUDITQ_CSV,
	    "http.code,records,ends,failed,failure_rate,values,sum,min,max,p50,p95,p99,exact\r\n"
	    "true,1,0,1,,0,,,,,,,true\r\n"
	    "99,1,1,0,0.0,1,4.0,4.0,4.0,4.0,4.0,4.0,true\r\n"
	    "200,2,2,1,0.5,2,3.0,1.0,2.0,1.5,1.95,1.99,true\r\n"
	    "\"a,\"\"\xc3\xa9\",1,0,0,,0,,,,,,,true\r\n"
	    ",1,0,0,,0,,,,,,,true\r\n");
	assert_export(NULL, AUDITQ_JSONL,
	    "{\"records\":6,\"ends\":3,\"failed\":2,\"failure_rate\":0.6666666666666666,\"values\":3,"
	    "\"sum\":7.0,\"min\":1.0,\"max\":4.0,\"p50\":2.0,\"p95\":3.8,\"p99\":3.96,"
	    "\"exact\":true}\n");
}

static void
assert_refused(const auditq_stats_options *opt, int code, uint64_t offset)
{
	auditq_t *q = auditq_new();
	auditq_stats_t *s = NULL;
	auditq_error err;

	auditq_path(q, root);
	assert_int_equal(auditq_stats(q, opt, &s, &err), code);
	assert_int_equal(err.code, code);
	assert_int_equal(err.offset, offset);
	assert_true(err.text[0] != '\0');
	assert_null(s);
	auditq_free(q);
}

static void
test_arguments(void **state)
{
	static const char *const none[] = { NULL };
	auditq_stats_options opt = { .size = sizeof opt };
	auditq_stats_row row = { .size = sizeof row };
	auditq_t *q = auditq_new();
	auditq_stats_t *s = NULL;
	char many[] = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q";

	(void)state;
	put_lines(none);
	opt.by = "stage,,x";
	assert_refused(&opt, AUDITQ_EINVAL, 6);
	opt.by = "stage,sum";
	assert_refused(&opt, AUDITQ_EINVAL, 6);
	opt.by = "x.y,stage,x.y";
	assert_refused(&opt, AUDITQ_EINVAL, 10);
	opt.by = many;
	assert_refused(&opt, AUDITQ_EINVAL, 32);
	opt.by = NULL;
	opt.field = "";
	assert_refused(&opt, AUDITQ_EINVAL, 0);
	assert_int_equal(auditq_stats(NULL, NULL, &s, NULL), AUDITQ_EINVAL);
	/* One row there is, whatever there is to count. */
	auditq_path(q, root);
	auditq_limit(q, 1);
	assert_int_equal(auditq_stats(q, NULL, &s, NULL), 0);
	assert_int_equal(auditq_stats_rows(s), 1);
	assert_int_equal(auditq_stats_get(s, 0, &row), 0);
	assert_int_equal(row.records, 0);
	auditq_stats_free(s);
	auditq_stats_free(NULL);
	auditq_cancel(q);
	assert_int_equal(auditq_stats(q, NULL, &s, NULL), AUDITQ_ECANCELED);
	auditq_free(q);
}

/* More groups than a worker counts by itself; then more than there may be. */
static void
test_many_groups(void **state)
{
	auditq_stats_options opt = { .size = sizeof opt, .by = "id" };
	auditq_stats_row row = { .size = sizeof row };
	auditq_error err;
	struct file f;
	char line[64];
	const int groups = BY_SANITIZER(4000, 4000, 400);

	(void)state;
	for (int round = 0; round < BY_SANITIZER(2, 2, 1); round++) {
		auditq_t *q = auditq_new();
		auditq_stats_t *s = NULL;

		file_begin(&f, 1, "x.jsonl");
		for (int i = 0; i < (round == 0 ? 3 * groups : 20000); i++) {
			snprintf(line, sizeof line, "{\"id\":\"%d\",\"duration_ms\":%d}",
			    i % (round == 0 ? groups : 20000), i);
			file_text(&f, line);
		}
		end_plain(&f);
		auditq_path(q, root);
		if (round == 1) {
			assert_int_equal(auditq_stats(q, &opt, &s, &err), AUDITQ_ETOOBIG);
			auditq_free(q);
			continue;
		}
		for (opt.exact = false;; opt.exact = true) {
			assert_int_equal(auditq_stats(q, &opt, &s, &err), 0);
			assert_int_equal(auditq_stats_rows(s), groups);
			for (size_t i = 0; i < (size_t)groups; i++) {
				assert_int_equal(auditq_stats_get(s, i, &row), 0);
				assert_int_equal(row.records, 3);
				assert_true(row.p50 >= row.min && row.p50 <= row.max);
				if (opt.exact)
					assert_true(row.p50 == row.min + groups);
			}
			auditq_stats_free(s);
			if (opt.exact)
				break;
		}
		auditq_free(q);
	}
}

/* Each call to the system fails in turn: an error, a loss that is told, or the right answer. */
static void
test_faults(void **state)
{
	struct ask a = everything;
	struct mode m = { .exact = true, .jobs = 1, .memory = 1000 };
	auditq_stats_options opt = { .size = sizeof opt, .by = "stage", .exact = true };
	static const int errors[] = { EIO, EMFILE, ENOSPC, EINTR };
	struct file f;

	(void)state;
	draw_seed = 5;
	file_begin(&f, 1, "x.jsonl.gz");
	random_lines(&f, 1, 60);
	end_archive(&f, "");
	file_begin(&f, 1, "y.jsonl");
	random_lines(&f, 1, 40);
	end_plain(&f);
	random_twins(2, "2025-10-23");
	a.by = "stage";
	for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++)
		for (long n = (long)e;; n += BY_SANITIZER(1, 1, 5)) {
			auditq_t *q = build(&a, &m);
			auditq_stats_t *s = NULL;
			auditq_counts counts = { .size = sizeof counts };
			auditq_error err = { 0 };
			int r;

			faults_begin(FAULT_FAIL, n, errors[e]);
			r = auditq_stats(q, &opt, &s, &err);
			auditq_get_counts(q, &counts);
			if (r < 0)
				assert_true(err.text[0] != '\0');
			else if (counts.warnings == 0)
				check_rows(&a, &m, "after a fault", s);
			auditq_stats_free(s);
			auditq_free(q);
			if (!faults_end()) {
				assert_int_equal(r, 0);
				break;
			}
		}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_random),
		TEST(test_cost),
		TEST(test_ring),
		TEST(test_export),
		TEST(test_arguments),
		TEST(test_many_groups),
		TEST(test_faults),
	};

	return cmocka_run_group_tests(tests, scratch_tmpdir_begin, scratch_tmpdir_end);
}
