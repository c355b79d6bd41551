/*
 * runs - random trails of several writers, some sealed, one that lives and one that died, and files of others;
 * their runs in every mode of execution against what a reading of all lines by jansson tells.
 */
#include <fcntl.h>
#include <inttypes.h>

#include "archive.h"
#include "auditq.h"
#include "clock.h"
#include "draw.h"
#include "logging.h"
#include "sanitizer.h"

#define START   (INT64_C(1761076800) * CLOCK_S) /* 2025-10-21T20:00:00Z */
#define STEPS   1500
#define WRITERS 3
#define SLOTS   8
#define ROUNDS  BY_SANITIZER(6, 6, 1)

/* ---- what is written ------------------------------------------------------------------- */

static int64_t now;

static int64_t
test_clock(void *arg)
{
	(void)arg;
	return now;
}

static const char *const stages[] = { "fetch", "decode", "d\xc3\xa9tection", "a/b" };
static alog_t *logger[WRITERS];

static alog_t *
open_writer(const char *service)
{
	alog_options opt = { .size = sizeof opt,
		.root = root,
		.service = service,
		.ring_bytes = 1 << 20,
		.segment_bytes = 40000,
		.seal_bytes = 1,
		.clock = test_clock };
	alog_error err = { 0 };
	alog_t *log;

	if (alog_open(&log, &opt, &err) < 0)
		fail_msg("%s: %s", err.path, err.text);
	return log;
}

struct slot {
	alog_t *run[2], *stage;
};

static void
begin_run(struct slot *s)
{
	static unsigned number;
	uint32_t i = draw(WRITERS);
	char id[40];

	snprintf(id, sizeof id, "%c-run-%u", 'a' + (int)draw(3), ++number);
	s->run[0] = alog_run_begin(logger[i], draw(2) == 0 ? id : NULL);
	/* Some have records of two writers. */
	if (draw(4) == 0)
		s->run[1] = alog_run_begin(logger[(i + 1) % WRITERS], id);
}

static void
end_run(struct slot *s, bool silent)
{
	int status = draw(4) == 0 ? ALOG_FAILED : ALOG_OK;

	alog_free(s->stage);
	for (int i = 0; i < 2; i++)
		if (silent || (i == 1 && draw(2) == 0))
			alog_free(s->run[i]);
		else
			assert_int_equal(alog_run_end(s->run[i], status), 0);
	*s = (struct slot){ .stage = NULL };
}

static void
step(struct slot *s)
{
	static const int levels[] = { ALOG_LEVEL_INFO, ALOG_LEVEL_INFO, ALOG_LEVEL_INFO,
		ALOG_LEVEL_WARN, ALOG_LEVEL_ERROR };
	alog_t *ctx = s->stage;

	if (s->run[0] == NULL) {
		begin_run(s);
	} else if (draw(25) == 0) {
		end_run(s, draw(8) == 0);
	} else if (s->stage == NULL) {
		s->stage = alog_stage_begin(s->run[0], stages[draw(4)]);
	} else if (draw(4) == 0) {
		alog_stage_end(s->stage, draw(6) == 0 ? ALOG_FAILED : ALOG_OK);
		s->stage = NULL;
	} else {
		if (draw(5) == 0)
			ctx = s->run[draw(2)] != NULL ? s->run[0] : logger[draw(WRITERS)];
		alog_emitv(ctx, levels[draw(5)], "work", NULL, 0);
	}
}

/* A writer that dies in its runs: what it wrote is in a segment, and its ring is left. It is forked while there are no
 * threads, one of which might hold a lock of a sanitizer's, and told when to begin. */
static struct {
	pid_t child;
	int begin;
} dead;

static void
fork_dead(void)
{
	int fd[2];

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_true((dead.child = fork()) >= 0);
	dead.begin = fd[1];
	if (dead.child == 0) {
		alog_t *log, *run, *stage;

		CHILD_CHECK(read(fd[0], &now, sizeof now) == sizeof now);
		log = open_writer("dead");
		run = alog_run_begin(log, "x-dead");
		now += CLOCK_S;
		stage = alog_stage_begin(run, "fetch");
		CHILD_CHECK(alog_emitv(stage, ALOG_LEVEL_ERROR, "no disk", NULL, 0) == 0);
		CHILD_CHECK(alog_sync(log, 10000) == 0);
		(void)raise(SIGKILL);
	}
	(void)close(fd[0]);
}

static void
write_dead(void)
{
	int status;

	assert_int_equal(write(dead.begin, &now, sizeof now), sizeof now);
	(void)close(dead.begin);
	assert_int_equal(waitpid(dead.child, &status, 0), dead.child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

enum foreign { PLAIN, GZIP, ARCHIVE, FOREIGN };

/* Lines of others: few times, which many have in common; events of runs in any order, ids with escapes, lines
 * without a time, or without a run. */
static char *
foreign_lines(size_t *n)
{
	char when[CLOCK_LENGTH], *text;
	FILE *f = open_memstream(&text, n);

	assert_non_null(f);
	fprintf(f, "{\"run_id\":\"f-untimed\",\"level\":\"error\"}\n");
	for (int i = 0; i < 300; i++) {
		clock_format(when, START + (int64_t)draw(8) * 2500 * CLOCK_S);
		fprintf(f, "{");
		if (draw(5) != 0)
			fprintf(f, "\"ts\":\"%.*s\",", CLOCK_LENGTH, when);
		if (draw(9) != 0)
			fprintf(f, "\"run_id\":\"%s%u\",", draw(3) == 0 ? "\\u0066-" : "f-",
			    draw(20));
		else if (draw(2) == 0)
			fprintf(f, "\"run_id\":7,");
		if (draw(5) == 0)
			fprintf(f, "\"event\":\"%s\",\"status\":\"%s\",",
			    draw(2) == 0 ? "run.end" : "run.\\u0062egin",
			    draw(2) == 0 ? "failed" : "ok");
		if (draw(3) == 0)
			fprintf(f, "\"stage\":\"%s\",",
			    draw(3) == 0 ? "d\\u00e9tection" : stages[draw(4)]);
		fprintf(f, "\"level\":\"%s\"}\n", draw(3) == 0 ? "ERROR" : "info");
	}
	assert_int_equal(fclose(f), 0);
	return text;
}

static void
seal(const char *path, const char *p, size_t n)
{
	struct archive_options opt = { .member_bytes = 4000 };
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	const char *feed;
	struct archive *a;

	assert_true(fd >= 0);
	assert_int_equal(archive_begin(&a, fd, &opt, NULL), 0);
	for (const char *end = p + n; p < end; p = feed + 1) {
		assert_non_null(feed = memchr(p, '\n', (size_t)(end - p)));
		assert_int_equal(archive_add(a, p, (size_t)(feed - p), NULL), 0);
	}
	assert_int_equal(archive_finish(a, NULL, NULL), 0);
	close(fd);
}

static void
write_foreign(enum foreign how)
{
	char path[2 * SCRATCH_MAX], *text;
	size_t n;
	gzFile f;

	text = foreign_lines(&n);
	snprintf(path, sizeof path, "%s/date=2025-10-22/foreign.jsonl%s", root,
	    how == PLAIN ? "" : ".gz");
	if (how == ARCHIVE) {
		seal(path, text, n);
	} else {
		assert_non_null(f = gzopen(path, how == GZIP ? "wb" : "wbT"));
		assert_int_equal(gzwrite(f, text, (unsigned)n), n);
		assert_int_equal(gzclose(f), Z_OK);
	}
	free(text);
}

/* Put the archives of those that are closed into one a day. */
static void
compact(void)
{
	auditq_compact_options opt = { .size = sizeof opt };
	auditq_compact_result made = { .size = sizeof made };
	auditq_error err = { 0 };

	if (auditq_compact(root, &opt, &made, &err) < 0)
		fail_msg("%s: %s", err.path, err.text);
	assert_true(made.archives > 0);
}

static void
write_trail(int round)
{
	static const char *const services[WRITERS] = { "first", "second", "alive" };
	struct slot slot[SLOTS] = { { .stage = NULL } };

	now = START;
	fork_dead();
	for (int i = 0; i < WRITERS; i++)
		logger[i] = open_writer(services[i]);
	for (int i = 0; i < STEPS; i++) {
		/* Over midnight, and now and then a little back. */
		now += 1 + (int64_t)draw(40) * CLOCK_S;
		if (draw(30) == 0)
			now -= (int64_t)draw(60) * CLOCK_S;
		step(&slot[draw(SLOTS)]);
	}
	write_dead();
	for (int i = 0; i < SLOTS; i++)
		end_run(&slot[i], true);
	for (int i = 0; i + 1 < WRITERS; i++)
		assert_int_equal(alog_close(logger[i]), 0);
	assert_int_equal(alog_sync(logger[WRITERS - 1], 10000), 0);
	write_foreign((enum foreign)(round % FOREIGN));
	if (round % 2 == 1)
		compact();
}

/* ---- what the lines tell --------------------------------------------------------------- */

struct run {
	char id[64];
	int64_t first, last, begin, end, failed_at;
	bool begun, ended, end_failed, begin_alive, last_alive, chosen;
	uint64_t records, failed;
	char stage[8][32];
	size_t nstage;
	const char *failed_stage;
	int status;
};

static struct root_lines lines;
static struct run *oracle;
static size_t nrun;

/* RFC 3339 as liblog writes it, by the C library. */
static int64_t
time_of(const json_t *line)
{
	const char *text = root_str(line, "ts");
	struct tm tm = { 0 };
	const char *rest;

	if (text == NULL)
		return CLOCK_NONE;
	assert_non_null(rest = strptime(text, "%Y-%m-%dT%H:%M:%S.", &tm));
	return timegm(&tm) * CLOCK_S + strtol(rest, NULL, 10);
}

static struct run *
run_of(const char *id)
{
	for (size_t i = 0; i < nrun; i++)
		if (strcmp(oracle[i].id, id) == 0)
			return &oracle[i];
	assert_non_null(oracle = realloc(oracle, (nrun + 1) * sizeof *oracle));
	oracle[nrun] = (struct run){ .first = CLOCK_NONE, .last = CLOCK_NONE };
	snprintf(oracle[nrun].id, sizeof oracle[nrun].id, "%s", id);
	return &oracle[nrun++];
}

static bool
is_failed(const json_t *line)
{
	const json_t *status = json_object_get(line, "status");
	const char *level = root_str(line, "level");

	if (status != NULL)
		return strcmp(json_string_value(status), "failed") == 0;
	return level != NULL &&
	    (strcasecmp(level, "error") == 0 || strcasecmp(level, "critical") == 0);
}

static void
tell_stage(struct run *r, const char *stage)
{
	size_t i = 0;

	while (i < r->nstage && strcmp(r->stage[i], stage) != 0)
		i++;
	if (i == r->nstage)
		snprintf(r->stage[r->nstage++], sizeof r->stage[0], "%s", stage);
}

static void
tell_failure(struct run *r, int64_t ts, const char *stage)
{
	bool before = r->failed == 0 || ts < r->failed_at;

	if (!before && ts == r->failed_at && stage != NULL)
		before = r->failed_stage == NULL || strcmp(stage, r->failed_stage) < 0;
	if (before) {
		r->failed_at = ts;
		r->failed_stage = stage;
	}
	r->failed++;
}

static void
tell(struct run *r, const json_t *line, int64_t ts)
{
	const char *event = root_str(line, "event"), *stage = root_str(line, "stage");
	const char *service = root_str(line, "service");
	bool alive = service != NULL && strcmp(service, "alive") == 0, failed = is_failed(line);

	if (ts != CLOCK_NONE && (r->first == CLOCK_NONE || ts < r->first))
		r->first = ts;
	if (r->records++ == 0 || ts > r->last)
		r->last_alive = alive;
	r->last = ts > r->last ? ts : r->last;
	if (event != NULL && strcmp(event, "run.begin") == 0 && (!r->begun || ts >= r->begin)) {
		r->begin_alive = alive || (r->begun && ts == r->begin && r->begin_alive);
		r->begun = true;
		r->begin = ts;
	}
	if (event != NULL && strcmp(event, "run.end") == 0 && (!r->ended || ts >= r->end)) {
		r->end_failed = failed || (r->ended && ts == r->end && r->end_failed);
		r->ended = true;
		r->end = ts;
	}
	if (stage != NULL)
		tell_stage(r, stage);
	if (failed)
		tell_failure(r, ts, stage);
}

static int
by_start(const void *x, const void *y)
{
	const struct run *a = x, *b = y;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return strcmp(a->id, b->id);
}

static int
status_of(const struct run *r)
{
	if (r->ended && (!r->begun || r->end >= r->begin))
		return r->end_failed ? AUDITQ_RUN_FAILED : AUDITQ_RUN_OK;
	if (r->begin_alive || r->last_alive)
		return AUDITQ_RUN_RUNNING;
	if (r->begun)
		return AUDITQ_RUN_INCOMPLETE;
	return r->failed > 0 ? AUDITQ_RUN_FAILED : AUDITQ_RUN_OK;
}

/* What is asked of a line, as a function; NULL: all are as good. */
typedef bool asked_fn(const json_t *line, int64_t ts);

static void
read_oracle(asked_fn *asked)
{
	int64_t ts = CLOCK_NONE, own;
	const char *id;

	nrun = 0;
	for (size_t i = 0; i < lines.n; i++) {
		if (i == 0 || strcmp(lines.text.line[i].file, lines.text.line[i - 1].file) != 0)
			ts = CLOCK_NONE;
		if ((own = time_of(lines.line[i])) != CLOCK_NONE)
			ts = own;
		if ((id = root_str(lines.line[i], "run_id")) == NULL)
			continue;
		tell(run_of(id), lines.line[i], ts);
		run_of(id)->chosen |= asked == NULL || asked(lines.line[i], ts);
	}
	for (size_t i = 0; i < nrun; i++)
		oracle[i].status = status_of(&oracle[i]);
	qsort(oracle, nrun, sizeof *oracle, by_start);
}

/* ---- asking ---------------------------------------------------------------------------- */

#define MIDNIGHT (INT64_C(1761091200) * CLOCK_S)
#define MOMENT   (MIDNIGHT - 4000 * CLOCK_S) /* in the midst of files and of runs */

static bool
asks_fetch_failed(const json_t *line, int64_t ts)
{
	const char *stage = root_str(line, "stage");

	(void)ts;
	return is_failed(line) && stage != NULL && strcmp(stage, "fetch") == 0;
}

static bool
asks_warn_today(const json_t *line, int64_t ts)
{
	const char *level = root_str(line, "level");

	return ts >= MIDNIGHT && level != NULL && strcmp(level, "warn") == 0;
}

static bool
asks_midnight(const json_t *line, int64_t ts)
{
	(void)line;
	return ts >= MIDNIGHT - 600 * CLOCK_S && ts < MIDNIGHT + 600 * CLOCK_S;
}

static bool
asks_moment(const json_t *line, int64_t ts)
{
	(void)line;
	return ts >= MOMENT && ts < MOMENT + 100 * CLOCK_S;
}

static bool
asks_failed(const json_t *line, int64_t ts)
{
	(void)ts;
	return is_failed(line);
}

static bool
asks_failed_at_midnight(const json_t *line, int64_t ts)
{
	return is_failed(line) && asks_midnight(line, ts);
}

static bool
asks_decode(const json_t *line, int64_t ts)
{
	const char *stage = root_str(line, "stage");

	(void)ts;
	return stage != NULL && strcmp(stage, "decode") == 0;
}

static void
build_failed(auditq_t *q)
{
	auditq_failed(q);
}

static void
build_decode(auditq_t *q)
{
	auditq_stage(q, "decode");
}

static void
build_moment(auditq_t *q)
{
	auditq_between(q, MOMENT, MOMENT + 100 * CLOCK_S);
}

static void
build_fetch_failed(auditq_t *q)
{
	auditq_failed(q);
	auditq_stage(q, "fetch");
}

static void
build_warn_today(auditq_t *q)
{
	auditq_level(q, "=warn");
	auditq_after(q, "2025-10-22");
}

static void
build_window(auditq_t *q)
{
	auditq_between(q, MIDNIGHT - 600 * CLOCK_S, MIDNIGHT + 600 * CLOCK_S);
}

static void
build_failed_at_midnight(auditq_t *q)
{
	build_failed(q);
	build_window(q);
}

static void
build_prefix(auditq_t *q)
{
	auditq_run(q, "a-");
	auditq_run(q, "f-1");
	auditq_run(q, "x-dead");
}

static void
build_all(auditq_t *q)
{
	(void)q;
}

static const struct {
	const char *name;
	void (*build)(auditq_t *q);
	asked_fn *asked;
	bool prefix;
	unsigned status;
} cases[] = {
	{ "all", build_all, NULL, false, 0 },
	{ "not ok", build_all, NULL, false,
	    AUDITQ_RUN_FAILED | AUDITQ_RUN_INCOMPLETE | AUDITQ_RUN_RUNNING },
	{ "incomplete", build_all, NULL, false, AUDITQ_RUN_INCOMPLETE },
	{ "around midnight", build_window, asks_midnight, false, 0 },
	{ "a moment", build_moment, asks_moment, false, 0 },
	{ "failed", build_failed, asks_failed, false, 0 },
	{ "failed around midnight", build_failed_at_midnight, asks_failed_at_midnight, false,
	    0 },
	{ "decode", build_decode, asks_decode, false, 0 },
	{ "prefixes", build_prefix, NULL, true, 0 },
	{ "failed in fetch", build_fetch_failed, asks_fetch_failed, false, 0 },
	{ "warned today", build_warn_today, asks_warn_today, false, 0 },
};

static bool
in_case(size_t i, const struct run *r)
{
	if (cases[i].status != 0 && (cases[i].status & (unsigned)r->status) == 0)
		return false;
	if (cases[i].prefix && strncmp(r->id, "a-", 2) != 0 && strncmp(r->id, "f-1", 3) != 0 &&
	    strcmp(r->id, "x-dead") != 0)
		return false;
	return r->chosen;
}

static void
check_row(const char *name, const auditq_run_row *row, const struct run *r)
{
	size_t n = r->failed_stage == NULL ? 0 : strlen(r->failed_stage);

	if (row->id_len != strlen(r->id) || memcmp(row->id, r->id, row->id_len) != 0)
		fail_msg("%s: run %.*s, not %s", name, (int)row->id_len, row->id, r->id);
	if (row->first != r->first || row->last != r->last || row->records != r->records ||
	    row->failed != r->failed || row->stages != r->nstage || row->status != r->status)
		fail_msg("%s: %s: %" PRIu64 " records, %" PRIu64 " failed, %" PRIu64
			 " stages, status %d; not %" PRIu64 ", %" PRIu64 ", %zu, %d",
		    name, r->id, row->records, row->failed, row->stages, row->status,
		    r->records, r->failed, r->nstage, r->status);
	if (r->failed > 0 &&
	    (row->failed_at != r->failed_at || row->failed_stage_len != n ||
		(row->failed_stage == NULL) != (r->failed_stage == NULL) ||
		(n > 0 && memcmp(row->failed_stage, r->failed_stage, n) != 0)))
		fail_msg("%s: %s: the first failure", name, r->id);
}

/* The runs of a case with some limit, from the first or the last on. */
static void
check_case(size_t i, auditq_t *q, size_t first, size_t end, bool reverse)
{
	auditq_runs_options opt = { .size = sizeof opt, .status = cases[i].status };
	auditq_run_row row = { .size = sizeof row };
	auditq_runs_t *runs;
	auditq_error err;
	size_t seen = 0, at = reverse ? nrun : 0;
	int r;

	if (auditq_runs(q, &opt, &runs, &err) < 0)
		fail_msg("%s: %s", cases[i].name, err.text);
	while ((r = auditq_runs_next(runs, &row, &err)) > 0) {
		for (; reverse ? at > 0 : at < nrun; reverse ? at-- : at++) {
			const struct run *run = &oracle[reverse ? at - 1 : at];

			if (in_case(i, run) && seen++ >= first)
				break;
		}
		assert_true(reverse ? at > 0 : at < nrun);
		check_row(cases[i].name, &row, &oracle[reverse ? --at : at++]);
	}
	assert_int_equal(r, 0);
	if (seen != end)
		fail_msg("%s: %zu runs up to number %zu", cases[i].name, seen, end);
	auditq_runs_free(runs);
}

static size_t
count_case(size_t i)
{
	size_t n = 0;

	for (size_t k = 0; k < nrun; k++)
		n += in_case(i, &oracle[k]);
	return n;
}

enum order { FORWARD, REVERSE, FIRST, LAST, LATEST, ORDERS };

static void
ask(size_t i, enum order order, bool use_index, unsigned jobs)
{
	auditq_t *q = auditq_new();
	auditq_counts counts = { .size = sizeof counts };
	size_t n = count_case(i), limit = n < 4 ? n : 4;

	assert_non_null(q);
	auditq_path(q, root);
	cases[i].build(q);
	auditq_jobs(q, jobs);
	auditq_use_index(q, use_index);
	auditq_reverse(q, order == REVERSE || order == LATEST);
	if (order == FIRST || order == LATEST)
		auditq_limit(q, 4);
	if (order == LAST)
		auditq_tail(q, 4);
	if (order == FORWARD || order == REVERSE)
		check_case(i, q, 0, n, order == REVERSE);
	else if (order == LAST)
		check_case(i, q, n - limit, n, false);
	else
		check_case(i, q, 0, limit, order == LATEST);
	assert_int_equal(auditq_get_counts(q, &counts), 0);
	assert_true((counts.files_answered > 0) == use_index);
	auditq_free(q);
}

static void
test_random(void **state)
{
	(void)state;
	if (TSAN) {
		print_message(
		    "skipped: this sanitizer does not follow threads of forked children\n");
		skip();
	}
	draw_seed = 6;
	for (int round = 0; round < ROUNDS; round++) {
		write_trail(round);
		lines = logging_read();
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			read_oracle(cases[i].asked);
			if (count_case(i) == 0)
				fail_msg("%s: none", cases[i].name);
			for (enum order order = FORWARD; order < ORDERS; order++) {
				ask(i, order, true, 1);
				ask(i, order, true, 4);
				ask(i, order, false, 4);
			}
		}
		assert_int_equal(alog_close(logger[WRITERS - 1]), 0);
		root_free(&lines);
		free(oracle);
		oracle = NULL;
		scratch_remove(root);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOGGING_TEST(test_random),
	};

	return cmocka_run_group_tests_name("runs", tests, NULL, NULL);
}
