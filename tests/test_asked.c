/*
 * asked - each call to the system, and each allocation, fails in turn while a trail is asked: records in each format and to
 * a file, what spills, lines around matches, statistics, runs, a run as a tree, and what is followed.
 *
 * Nothing crashes, hangs or leaks; and an answer that is not right is an error, or told to be incomplete.  Whole queries
 * after one another, in processes of their own, are for test_life.
 *
 * FAULTS=n tries every nth, FAULTS=full every one with every error.
 */
#include <pthread.h>
#include <time.h>

#include "faults.h"
#include "heap.h"
#include "specimen.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct oracle o;
static char beside[SCRATCH_MAX]; /* for files, of which a failed removal leaves some */

/* ---- questions ---- */

enum { RECORDS = LINES + 2 * PER_MEMBER }; /* that there are */

static const struct question {
	const char *name;
	enum { EXPORTED, FILED, MEASURED, LISTED, SHOWN, FOLLOWED } how;
	int format;
	const char *fields;
	bool spilling, around, exact;
} questions[] = {
	{ .name = "jsonl", .format = AUDITQ_JSONL },
	{ .name = "json", .format = AUDITQ_JSON },
	{ .name = "csv", .format = AUDITQ_CSV },
	{ .name = "tsv", .format = AUDITQ_TSV },
	{ .name = "tsv of fields", .format = AUDITQ_TSV, .fields = "ts,stage,none.such,msg" },
	{ .name = "md", .format = AUDITQ_MD },
	{ .name = "raw", .format = AUDITQ_RAW },
	{ .name = "pretty", .format = AUDITQ_PRETTY },
	{ .name = "spilled", .format = AUDITQ_TSV, .spilling = true },
	{ .name = "around", .format = AUDITQ_PRETTY, .around = true },
	{ .name = "around, spilled", .format = AUDITQ_MD, .around = true, .spilling = true },
	{ .name = "a file", .how = FILED, .format = AUDITQ_MD },
	{ .name = "stats", .how = MEASURED, .format = AUDITQ_MD },
	{ .name = "stats, exact", .how = MEASURED, .format = AUDITQ_TSV, .exact = true },
	{ .name = "runs", .how = LISTED, .format = AUDITQ_TSV },
	{ .name = "a run", .how = SHOWN, .format = AUDITQ_MD },
	{ .name = "followed", .how = FOLLOWED },
};

struct answer {
	char text[16384];
	size_t n;
	atomic_uint told; /* warnings */
	uint64_t spilled;
	int r;
	auditq_error err;
};

static int
put_text(void *arg, const void *data, size_t n)
{
	struct answer *a = arg;

	if (a->n + n >= sizeof a->text)
		fail_msg("an answer of more than %zu bytes", sizeof a->text);
	memcpy(a->text + a->n, data, n);
	a->n += n;
	a->text[a->n] = '\0';
	return 0;
}

static void
on_warning(void *arg, const auditq_warning *w)
{
	struct answer *a = arg;

	assert_true(w->code < 0 && w->text[0] != '\0');
	a->told++;
}

/* A file is there when it is complete, else not; the failure may be that of making its name durable. */
static int
ask_file(auditq_t *q, struct answer *a, const auditq_export_options *opt)
{
	char path[2 * SCRATCH_MAX];
	int fd, r;

	(void)snprintf(path, sizeof path, "%s/answer", beside);
	r = auditq_export(q, path, opt, NULL, &a->err);
	fd = open(path, O_RDONLY);
	if (fd >= 0)
		a->n = (size_t)read(fd, a->text, sizeof a->text - 1);
	if (fd >= 0)
		(void)close(fd);
	(void)unlink(path);
	return r;
}

static int
ask_stats(
    auditq_t *q, const struct question *w, struct answer *a, const auditq_export_options *opt)
{
	const auditq_stats_options by = { .size = sizeof by, .by = "stage", .exact = w->exact };
	auditq_stats_t *stats;
	int r = auditq_stats(q, &by, &stats, &a->err);

	if (r < 0)
		return r;
	r = auditq_stats_export_to(stats, put_text, a, opt, &a->err);
	auditq_stats_free(stats);
	return r;
}

/* All runs, or the first of them as a tree. */
static int
ask_runs(auditq_t *q, bool tree, struct answer *a, const auditq_export_options *opt)
{
	auditq_run_row row = { .size = sizeof row };
	auditq_runs_t *runs;
	auditq_tree_t *nodes;
	int r = auditq_runs(q, NULL, &runs, &a->err);

	if (r < 0)
		return r;
	if (!tree) {
		r = auditq_runs_export_to(runs, put_text, a, opt, NULL, &a->err);
	} else if ((r = auditq_runs_next(runs, &row, &a->err)) > 0 &&
	    (r = auditq_tree(q, &row, &nodes, &a->err)) == 0) {
		r = auditq_tree_export_to(nodes, put_text, a, opt, &a->err);
		auditq_tree_free(nodes);
	}
	auditq_runs_free(runs);
	return r;
}

struct follower {
	auditq_t *q;
	const struct answer *a;
	atomic_bool done;
};

/* Who follows waits for what does not come: until it was told why, or should have been.  To be woken is a call, too,
 * which fails for nobody but a test. */
static void *
call_off(void *arg)
{
	const struct timespec ms = { 0, 1000000 };
	struct follower *f = arg;

	for (int i = 0; i < 5000 && !f->done && (i < 20 || f->a->told == 0); i++)
		(void)nanosleep(&ms, NULL);
	(void)faults_heal();
	auditq_cancel(f->q);
	return NULL;
}

static int
ask_followed(auditq_t *q, struct answer *a)
{
	struct follower f = { .q = q, .a = a };
	auditq_record rec;
	pthread_t thread;
	int r;

	(void)auditq_follow(q, true);
	(void)auditq_after(q, "2025-10-01");
	(void)auditq_limit(q, RECORDS);
	assert_int_equal(pthread_create(&thread, NULL, call_off, &f), 0);
	while ((r = auditq_next(q, &rec, &a->err)) > 0) {
		(void)put_text(a, rec.line, rec.len);
		(void)put_text(a, "\n", 1);
	}
	f.done = true;
	(void)pthread_join(thread, NULL);
	return r;
}

static int
ask_query(auditq_t *q, const struct question *w, struct answer *a)
{
	const auditq_export_options opt = {
		.size = sizeof opt, .format = w->format, .fields = w->fields
	};

	switch (w->how) {
	case FILED: return ask_file(q, a, &opt);
	case MEASURED: return ask_stats(q, w, a, &opt);
	case LISTED:
	case SHOWN: return ask_runs(q, w->how == SHOWN, a, &opt);
	case FOLLOWED: return ask_followed(q, a);
	default: return auditq_export_to(q, put_text, a, &opt, NULL, &a->err);
	}
}

static void
ask(const struct question *w, struct answer *a)
{
	auditq_counts counts = { .size = sizeof counts };
	auditq_t *q = auditq_new();

	memset(a, 0, sizeof *a);
	if (q == NULL) {
		a->told = 1;
		a->r = AUDITQ_ENOMEM;
		return;
	}
	(void)auditq_path(q, o.root);
	(void)auditq_jobs(q, 2);
	(void)auditq_on_warning(q, on_warning, a);
	if (w->spilling)
		(void)auditq_memory(q, 1000);
	if (w->around) {
		(void)auditq_where(q, "seq == 4 or seq == 18 or seq =~ 'x'");
		(void)auditq_context(q, 2, 1);
	}
	a->r = ask_query(q, w, a);
	if (auditq_get_counts(q, &counts) == 0)
		a->spilled = counts.spilled;
	auditq_free(q);
	if (a->r < 0 && (a->err.code != a->r || a->err.text[0] == '\0'))
		fail_msg("%s: %d, but %d '%s'", w->name, a->r, a->err.code, a->err.text);
	a->told += a->r < 0;
}

/* ---- what fails ---- */

static const struct failure {
	const char *name;
	bool allocation;
	enum fault kind;
	int error; /* 0: each in turn */
} failures[] = {
	{ "a call", false, FAULT_FAIL, 0 },
	{ "all calls from one on", false, FAULT_FOREVER, 0 },
	{ "a short write", false, FAULT_SHORT, ENOSPC },
	{ "one byte at a time", false, FAULT_BRIEF, 0 },
	{ "slices", false, FAULT_SLICES, 0 },
	{ "an allocation", true, FAULT_FAIL, ENOMEM },
	{ "all allocations from one on", true, FAULT_FOREVER, ENOMEM },
};

static const int errors[] = { EIO, ENOSPC, EDQUOT, EINTR, EAGAIN, EFBIG, EROFS, EMFILE, ENOMEM,
	EACCES };

static long
stride(void)
{
	const char *env = getenv("FAULTS");

	return env == NULL             ? BY_SANITIZER(5, 17, 17)
	    : strcmp(env, "full") == 0 ? 1
				       : strtol(env, NULL, 10);
}

/* One case; whether the failure was met. */
static bool
fail_at(const struct question *w, const struct failure *f, long n, int error,
    const struct answer *want)
{
	const size_t fds = faults_descriptors();
	static struct answer got;
	bool fired;
	long live;

	heap_begin(f->allocation ? n : -1, f->kind == FAULT_FOREVER);
	live = heap.live;
	faults_begin(f->kind, f->allocation ? LONG_MAX : n, error);
	ask(w, &got);
	fired = heap_end();
	fired = faults_end() || fired;
	if (got.told == 0 && (got.n != want->n || memcmp(got.text, want->text, got.n) != 0))
		fail_msg("%s, %s, number %ld, %s: another answer, and not a word:\n%s", w->name,
		    f->name, n, strerror(error), got.text);
	if (got.r < 0 && w->how == FILED && got.n > 0 && got.n != want->n)
		fail_msg("half a file, number %ld, %s: %s", n, strerror(error), got.err.text);
	if (faults_descriptors() != fds || heap.live != live)
		fail_msg("%s, %s, number %ld, %s: leaked %zd descriptors, %ld blocks", w->name,
		    f->name, n, strerror(error), (ssize_t)(faults_descriptors() - fds),
		    heap.live - live);
	heap.on = false;
	return fired;
}

/* Each from the first to the last there is; threads take turns differently, so it is over when some in a row are
 * not met. */
static size_t
sweep(const struct question *w, const struct failure *f, int error, long first,
    const struct answer *want)
{
	size_t cases = 0, missed = 0, turn = (size_t)first;

	for (long n = first % stride(); missed < 3; n += stride()) {
		const int e = error != 0 ? error : errors[turn++ % COUNT(errors)];

		missed = fail_at(w, f, n, e, want) ? 0 : missed + 1;
		cases += missed == 0;
	}
	return cases;
}

static void
sweep_all(const struct question *w)
{
	static struct answer want;
	size_t cases = 0;
	long first = 0;

	ask(w, &want);
	if (want.r < 0 || want.told > 0 || want.n == 0 || (w->spilling && want.spilled == 0))
		fail_msg("%s: %d, %s", w->name, want.r, want.err.text);
	for (size_t i = 0; i < COUNT(failures); i++) {
		const bool each = failures[i].error == 0 && stride() == 1;

		for (size_t e = 0; e < (each ? COUNT(errors) : 1); e++, first++)
			cases += sweep(w, &failures[i], each ? errors[e] : failures[i].error,
			    first, &want);
	}
	print_message("%s: %zu cases (error, Nth)\n", w->name, cases);
	assert_true(cases > 0);
}

static void
test_asked(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(questions); i++)
		sweep_all(&questions[i]);
}

/* ---- the trail ---- */

/* An archive, and a plain file with the lines behind it, the latest first. */
static int
set_up(void **state)
{
	int fd;

	(void)state;
	(void)alarm(600);
	heap_lead();
	scratch_make(o.root);
	scratch_make(beside);
	(void)setenv("TMPDIR", beside, 1);
	fd = specimen_create(&o, PARTITION "/svc." W1 ".000001.jsonl.gz");
	(void)specimen_archive(fd, 0, LINES, NULL, 0);
	(void)close(fd);
	fd = specimen_create(&o, PARTITION "/others.jsonl");
	for (unsigned i = RECORDS; i-- > LINES;)
		if (dprintf(fd, "%s\n", specimen_line(i).text) < 0)
			return -1;
	(void)close(fd);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	scratch_remove(o.root);
	scratch_remove(beside);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked),
	};

	return cmocka_run_group_tests_name("asked", tests, set_up, tear_down);
}
