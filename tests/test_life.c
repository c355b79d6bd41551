/*
 * life - each call to the system, and each allocation, fails in turn: over the whole life of a writer, and of queries.
 *
 * A writer's life: open, where a dead one left its ring; emit, roll, sync, midnight, seal, retain, recover, close; recovery
 * and compaction of what it left.  A query: records, in either order, with those around them, counts, statistics, runs and one
 * as a tree, with the index and without.
 * Each case is a process of its own.  Whatever fails: nothing crashes, hangs or leaks; somebody is told; what was accepted is
 * read, once, or told as lost, which what was durable never is; a query is right, or says that it is not.
 *
 * FAULTS=full tries every call with every error; FAULTS=n every nth, from another one for each, with one error
 * after another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "auditq.h"
#include "clock.h"
#include "faults.h"
#include "heap.h"
#include "liblog.h"
#include "sanitizer.h"
#include "scratch.h"

#define RECORDS_MAX 256
#define COUNT(a)    (sizeof(a) / sizeof(a)[0])

#define STRIDE      BY_SANITIZER(29, 101, 997)
#define AT_ONCE     BY_SANITIZER(16, 6, 2)
#define AT_MOST     64 /* most of the time they wait: where all are tried, in good company */

/* ---- a case ---- */

struct outcome {
	enum { PENDING, CLEAN, FIRED, WRONG } end; /* CLEAN: the fault was never met */
	bool silent;                               /* nobody was told */
	char call[32], why[400];
};

struct one {
	const char *scenario, *error_name;
	void (*run)(void);
	bool allocation; /* it fails, not a call */
	enum fault kind;
	int error;
	long n;
	pid_t pid;
	struct outcome *out; /* shared with its process */
	char dir[SCRATCH_MAX];
};

static struct one *self; /* in its process */
static char template[SCRATCH_MAX];
static char root[SCRATCH_MAX + 8];

static void __attribute__((format(printf, 1, 2), noreturn)) wrong(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(self->out->why, sizeof self->out->why, format, ap);
	va_end(ap);
	self->out->end = WRONG;
	_exit(1);
}

static void
faults_on(void)
{
	if (self->allocation)
		heap_begin(self->n, self->kind == FAULT_FOREVER);
	else
		faults_begin(self->kind, self->n, self->error);
}

/* All is well from now on; the fault was met, or not. */
static void
faults_off(void)
{
	if (self->out->end != PENDING)
		return;
	if (self->allocation) {
		self->out->end = heap_end() ? FIRED : CLEAN;
		(void)snprintf(self->out->call, sizeof self->out->call, "malloc");
		return;
	}
	self->out->end = faults_heal() ? FIRED : CLEAN;
	if (faults.call != NULL)
		(void)snprintf(self->out->call, sizeof self->out->call, "%s", faults.call + 6);
}

static void
sleep_ms(long ms)
{
	const struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&ts, NULL);
}

/* ---- what is logged ---- */

static struct {
	unsigned n; /* emitted so far; records are numbered */
	bool tried[RECORDS_MAX], accepted[RECORDS_MAX], durable[RECORDS_MAX];
	atomic_uint told; /* of an error: callers, on_error, warnings */
	_Atomic int64_t now;
} life;

static int64_t
life_clock(void *arg)
{
	(void)arg;
	return life.now;
}

static void
on_error(void *arg, const alog_error *err)
{
	(void)arg;
	life.told += err->code < 0 && err->text[0] != '\0';
}

static void
on_warning(void *arg, const auditq_warning *w)
{
	(void)arg;
	life.told += w->code < 0 && w->text[0] != '\0';
}

static alog_t *
open_log(unsigned flags)
{
	static const alog_redact rules[] = { { "secret", NULL, NULL } };
	const alog_options opt = { .size = sizeof opt,
		.root = root,
		.service = "life",
		.host = "here",
		.flags = flags,
		.segment_bytes = 4096,
		.ring_bytes = 65536,
		.written_ms = 1,
		.fdatasync_ms = 20,
		.block_ms = 50,
		.close_ms = self->run != NULL ? 100 : 30000, /* the template's all closes */
		.seal_bytes = 1,
		.keep_segments = 100,
		.redact = rules,
		.nredact = 1,
		.on_error = on_error,
		.clock = life_clock };
	alog_error err = { 0 };
	alog_t *log = NULL;
	const int rc = alog_open(&log, &opt, &err);

	if (rc == 0)
		return log;
	if (log != NULL || err.code != rc || err.text[0] == '\0')
		wrong("alog_open failed with %d, and says %d '%s'", rc, err.code, err.text);
	life.told++;
	return NULL;
}

static void
emit(alog_t *ctx, unsigned count)
{
	char pad[300];
	json_t *json;

	memset(pad, 'x', sizeof pad);
	for (unsigned i = 0; i < count; i++) {
		const unsigned n = ++life.n;
		int rc;

		life.now += CLOCK_S / 10;
		life.tried[n] = true;
		json = n % 7 == 0 ? json_pack("{s:[i,i]}", "a", 1, 2) : NULL;
		rc = ALOG_INFO(ctx, "m", ALOG_KV("n", n),
		    ALOG_KVN("pad", pad, n % 3 == 0 ? sizeof pad : 10), ALOG_KV("json", json),
		    ALOG_KV("secret", "s"), ALOG_KV("duration_ms", (int)n));
		json_decref(json);
		life.accepted[n] = rc == 0;
		life.told += rc < 0;
	}
}

static void
sync_log(alog_t *log)
{
	const unsigned last = life.n;
	const int rc = alog_sync(log, self->run != NULL ? 100 : 30000);

	life.told += rc < 0;
	for (unsigned n = 1; rc == 0 && n <= last; n++)
		life.durable[n] = life.durable[n] || life.accepted[n];
}

/* All is well again after a while: ALOG_AUDIT waits for that, up to half a minute. */
static void *
heal_soon(void *arg)
{
	const atomic_bool *done = arg;

	for (int i = 0; i < 100 && !*done; i++)
		sleep_ms(2);
	if (!*done) {
		(void)heap_end();
		(void)faults_heal();
	}
	return NULL;
}

static void
audit(alog_t *ctx)
{
	const unsigned n = ++life.n;
	atomic_bool done = false;
	pthread_t healer;
	int rc;

	life.tried[n] = true;
	if (pthread_create(&healer, NULL, heal_soon, &done) != 0)
		wrong("pthread_create");
	rc = ALOG_AUDIT(ctx, "e", ALOG_KV("n", n));
	done = true;
	(void)pthread_join(healer, NULL);
	life.accepted[n] = life.durable[n] = rc == 0;
	life.told += rc < 0;
}

/* True when it closed, false when its thread lives on. */
static bool
close_log(alog_t *log)
{
	alog_stats stats = { .size = sizeof stats };
	int rc;

	(void)alog_get_stats(log, &stats);
	life.told += stats.errors > 0;
	if ((rc = alog_close(log)) < 0)
		life.told++;
	return rc != ALOG_ETIMEOUT;
}

static void
emit_runs(alog_t *log)
{
	alog_t *run = alog_run_begin(log, "r-1", ALOG_KV("trigger", "test"));
	alog_t *stage = alog_stage_begin(run, "one", ALOG_KV("s", 1));

	/* NULL contexts log nothing. */
	if (run == NULL || stage == NULL)
		life.told++;
	else
		emit(stage, 6);
	if (stage != NULL)
		life.told += alog_stage_end(stage, ALOG_FAILED) < 0;
	if (run != NULL)
		life.told += alog_run_end(run, ALOG_OK) < 0;
}

/* ---- what is read ---- */

struct answer {
	char *text; /* lines */
	size_t n, cap, lost;
	int rc;
};

static void
answer_add(struct answer *a, const char *p, size_t n)
{
	if (a->n + n + 1 > a->cap) {
		a->cap = 2 * (a->n + n + 1);
		if ((a->text = __real_realloc(a->text, a->cap)) == NULL)
			abort();
	}
	memcpy(a->text + a->n, p, n);
	a->n += n;
	a->text[a->n] = '\0';
}

static void
count_lost(void *arg, const auditq_warning *w)
{
	struct answer *a = arg;

	a->lost += w->lost;
	on_warning(NULL, w);
}

static int
put_answer(void *arg, const void *data, size_t n)
{
	answer_add(arg, data, n);
	return 0;
}

enum question {
	RECORDS,
	SCANNED,
	REVERSED,
	LAST,
	EXPRESSION,
	WIDENED,
	AROUND,
	COUNTED,
	MEASURED,
	EXACTLY,
	RUNS,
	TREE,
	SHOWN,
	QUESTIONS
};

static int
ask_statistics(auditq_t *q, bool exact, struct answer *a, auditq_error *err)
{
	const auditq_stats_options by = { .size = sizeof by, .by = "stage", .exact = exact };
	const auditq_export_options json = { .size = sizeof json, .format = AUDITQ_JSONL };
	auditq_stats_t *stats;
	int rc = auditq_stats(q, &by, &stats, err);

	if (rc < 0)
		return rc;
	rc = auditq_stats_export_to(stats, put_answer, a, &json, err);
	auditq_stats_free(stats);
	return rc;
}

/* All runs, or the first of them as a tree. */
static int
ask_runs(auditq_t *q, bool tree, struct answer *a, auditq_error *err)
{
	const auditq_export_options csv = { .size = sizeof csv, .format = AUDITQ_CSV };
	auditq_run_row row = { .size = sizeof row };
	auditq_runs_t *runs;
	auditq_tree_t *nodes;
	int rc = auditq_runs(q, NULL, &runs, err);

	if (rc < 0)
		return rc;
	if (!tree) {
		rc = auditq_runs_export_to(runs, put_answer, a, &csv, NULL, err);
	} else if ((rc = auditq_runs_next(runs, &row, err)) > 0 &&
	    (rc = auditq_tree(q, &row, &nodes, err)) == 0) {
		rc = auditq_tree_export_to(nodes, put_answer, a, &csv, err);
		auditq_tree_free(nodes);
	}
	auditq_runs_free(runs);
	return rc;
}

static int
ask_question(auditq_t *q, enum question what, struct answer *a, auditq_error *err)
{
	const auditq_export_options pretty = { .size = sizeof pretty, .format = AUDITQ_PRETTY };
	auditq_record rec;
	char line[32];
	uint64_t n;
	int rc;

	switch (what) {
	case COUNTED:
		if ((rc = auditq_count(q, &n, err)) == 0)
			answer_add(a, line, (size_t)snprintf(line, sizeof line, "%" PRIu64, n));
		return rc;
	case MEASURED:
	case EXACTLY: return ask_statistics(q, what == EXACTLY, a, err);
	case RUNS:
	case TREE: return ask_runs(q, what == TREE, a, err);
	case SHOWN: return auditq_export_to(q, put_answer, a, &pretty, NULL, err);
	default:
		while ((rc = auditq_next(q, &rec, err)) > 0) {
			answer_add(a, rec.line, rec.len);
			answer_add(a, "\n", 1);
		}
		return rc;
	}
}

static struct answer
ask(enum question what)
{
	struct answer a = { 0 };
	auditq_error err = { 0 };
	auditq_t *q = auditq_new();

	answer_add(&a, "", 0);
	if (q == NULL) {
		a.rc = AUDITQ_ENOMEM;
		life.told++;
		return a;
	}
	(void)auditq_path(q, root);
	(void)auditq_jobs(q, 2);
	(void)auditq_use_index(q, what != SCANNED);
	(void)auditq_reverse(q, what == REVERSED);
	if (what == LAST)
		(void)auditq_tail(q, 5);
	if (what == EXPRESSION) {
		(void)auditq_run(q, "last");
		(void)auditq_where(q, "n > 3 and stage =~ 'on'");
	}
	if (what == WIDENED || what == AROUND)
		(void)auditq_where(q, "n == 5 or n == 17");
	(void)auditq_expand_run(q, what == WIDENED);
	if (what == AROUND)
		(void)auditq_context(q, 2, 1);
	(void)auditq_on_warning(q, count_lost, &a);
	a.rc = ask_question(q, what, &a, &err);
	auditq_free(q);
	if (a.rc < 0 && (err.code != a.rc || err.text[0] == '\0'))
		wrong("a query failed with %d, and says %d '%s'", a.rc, err.code, err.text);
	life.told += a.rc < 0;
	return a;
}

static uint64_t
number_after(const char *line, const char *key)
{
	const char *p = strstr(line, key);

	return p != NULL ? strtoull(p + strlen(key), NULL, 10) : 0;
}

/* What was durable is there once; of the rest no more is missing than is told; how many are. */
static uint64_t
check_lines(char *text, bool finished)
{
	unsigned times[RECORDS_MAX] = { 0 };
	uint64_t told = 0, missing = 0, n;

	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		if (strstr(line, "\"event\":\"log.gap\"") != NULL)
			told += number_after(line, "\"lost\":");
		if ((n = number_after(line, "\"n\":")) == 0)
			continue;
		if (n >= RECORDS_MAX || !life.tried[n] || end[-1] != '}')
			wrong("invented: %s", line);
		if (++times[n] > 1)
			wrong("twice: %s", line);
	}
	for (n = 1; n < RECORDS_MAX; n++) {
		missing += life.accepted[n] && times[n] == 0;
		if (finished && life.durable[n] && times[n] == 0)
			wrong("durable record %" PRIu64 " is not there", n);
	}
	if (finished && missing > told)
		wrong(
		    "%" PRIu64 " records are missing, %" PRIu64 " are told of", missing, told);
	return missing - (missing < told ? missing : told);
}

/* All is well again: what is read is what was promised, with the index and without.  While a writer lives on, records go
 * from its ring to a file, behind others of the same time: then it is asked until both are of one moment. */
static void
check_root(bool closed)
{
	struct answer with = ask(RECORDS), without = ask(SCANNED);

	for (int i = 0; i < 500 && !closed && strcmp(with.text, without.text) != 0; i++) {
		sleep_ms(10);
		__real_free(with.text);
		__real_free(without.text);
		with = ask(RECORDS);
		without = ask(SCANNED);
	}
	if (with.rc < 0 || without.rc < 0 || with.lost + without.lost > 0)
		wrong("it does not read well afterwards");
	if (strcmp(with.text, without.text) != 0)
		wrong("with the index and without: %zu bytes, %zu", with.n, without.n);
	(void)check_lines(with.text, true);
	__real_free(with.text);
	__real_free(without.text);
}

/* ---- the life of a writer ---- */

/* Its thread goes on by itself. */
static void
wait_for_the_rest(void)
{
	for (int wait = 0; wait < 500; wait++) {
		struct answer a = ask(SCANNED);
		const bool all = a.rc == 0 && check_lines(a.text, false) == 0;

		__real_free(a.text);
		if (all)
			return;
		sleep_ms(10);
	}
	wrong("what was accepted is not written when all is well again");
}

static void
recover_and_compact(void)
{
	const auditq_compact_options opt = { .size = sizeof opt, .on_warning = on_warning };
	auditq_error err = { 0 };

	if (auditq_recover(root, on_warning, NULL, NULL, &err) < 0)
		life.told += err.text[0] != '\0';
	if (auditq_compact(root, &opt, NULL, &err) < 0)
		life.told += err.text[0] != '\0';
}

/* The template's records: all accepted, the second half only in the ring. */
static void
remember_template(void)
{
	const unsigned before = 40;

	for (unsigned n = 1; n <= before; n++)
		life.tried[n] = life.accepted[n] = true;
	for (unsigned n = 1; n <= before - 10; n++)
		life.durable[n] = true;
	life.n = before;
	life.now = INT64_C(1761263995) * CLOCK_S; /* 2025-10-23T23:59:55Z */
}

static void
live(void)
{
	const size_t fds = faults_descriptors();
	bool closed = true;
	long blocks;
	alog_t *log;

	remember_template();
	heap_begin(-1, false);
	blocks = heap.live;
	faults_on();
	if ((log = open_log(0)) != NULL) {
		emit(log, 10);
		sync_log(log);
		emit_runs(log);
		audit(log);
		life.now = clock_day(life.now) * CLOCK_DAY + CLOCK_DAY + CLOCK_S; /* midnight */
		emit(log, 20);
		sync_log(log);
		emit(log, 5);
		closed = close_log(log);
	}
	/* The logger's own duty; recovery and compaction leave much to the next one. */
	self->out->silent = life.told == 0 && (faults.fired || heap.fired);
	if (closed)
		recover_and_compact();
	faults_off();
	if (closed) {
		if (faults_descriptors() != fds || heap.live != blocks)
			wrong("leaked: %zd descriptors, %ld blocks",
			    (ssize_t)(faults_descriptors() - fds), heap.live - blocks);
		recover_and_compact();
	} else {
		wait_for_the_rest();
	}
	check_root(closed);
}

/* ---- queries ---- */

static void
query_all(void)
{
	struct answer want[QUESTIONS];
	size_t fds;
	long blocks;

	remember_template();
	for (int i = 0; i < QUESTIONS; i++) {
		want[i] = ask((enum question)i);
		if (want[i].rc < 0 || want[i].lost > 0 || want[i].n == 0)
			wrong("question %d has no answer", i);
	}
	heap_begin(-1, false);
	fds = faults_descriptors();
	blocks = heap.live;
	life.told = 0;
	faults_on();
	for (int i = 0; i < QUESTIONS; i++) {
		struct answer got = ask((enum question)i);

		if (got.rc == 0 && got.lost == 0 && strcmp(got.text, want[i].text) != 0)
			wrong("question %d: another answer, and not a word", i);
		__real_free(got.text);
	}
	faults_off();
	/* An answer that is right although something failed, such as a summary, is as good. */
	self->out->silent = false;
	if (faults_descriptors() != fds || heap.live != blocks)
		wrong("leaked: %zd descriptors, %ld blocks",
		    (ssize_t)(faults_descriptors() - fds), heap.live - blocks);
	for (int i = 0; i < QUESTIONS; i++)
		__real_free(want[i].text);
}

/* ---- the processes ---- */

static const char *copy_from, *copy_to;

static int
copy_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char to[SCRATCH_MAX + 300];
	static char buf[1 << 20];
	int in, out;
	ssize_t n;

	(void)ftw;
	(void)snprintf(to, sizeof to, "%s%s", copy_to, path + strlen(copy_from));
	if (type == FTW_D)
		return mkdir(to, st->st_mode & 07777) < 0 && errno != EEXIST ? -1 : 0;
	in = open(path, O_RDONLY);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL, st->st_mode & 07777);
	n = in >= 0 ? read(in, buf, sizeof buf) : -1;
	if (out < 0 || n < 0 || n == (ssize_t)sizeof buf || write(out, buf, (size_t)n) != n)
		return -1;
	(void)close(in);
	(void)close(out);
	return 0;
}

static void
copy_tree(const char *from, const char *to)
{
	copy_from = from;
	copy_to = to;
	if (nftw(from, copy_one, 16, FTW_PHYS) != 0)
		fail_msg("cannot copy the trail");
}

static void
start(struct one *one)
{
	scratch_make(one->dir);
	copy_tree(template, one->dir);
	memset(one->out, 0, sizeof *one->out);
	if ((one->pid = fork()) < 0)
		fail_msg("fork");
	if (one->pid == 0) {
		(void)alarm(BY_SANITIZER(60, 60, 600));
		self = one;
		(void)snprintf(root, sizeof root, "%s/logs", one->dir);
		/* A temporary file whose removal fails goes with the rest. */
		(void)setenv("TMPDIR", one->dir, 1);
		one->run();
		_exit(0);
	}
}

static struct {
	size_t cases, silent, failed;
	char silent_calls[1024];
} total;

static void
note_silence(const struct one *one)
{
	const size_t end = strlen(total.silent_calls);

	total.silent++;
	if (strstr(total.silent_calls, one->out->call) == NULL)
		(void)snprintf(total.silent_calls + end, sizeof total.silent_calls - end, " %s",
		    one->out->call);
}

/* Calls whose failure takes nothing from anybody: it is closed all the same; a temporary name, a lock or a ring that
 * is left goes next time; a field that can't be copied is told of in its record. */
static bool
may_be_silent(const struct one *one)
{
	static const char *const calls[] = { "close", "unlinkat", "flock", "fstat", "malloc" };

	for (size_t i = 0; i < COUNT(calls); i++)
		if (strcmp(one->out->call, calls[i]) == 0)
			return true;
	return false;
}

/* Wait for a case; true when its fault was met. */
static bool
finish(struct one *one)
{
	int status;

	if (waitpid(one->pid, &status, 0) != one->pid)
		fail_msg("waitpid");
	one->pid = 0;
	total.cases++;
	if (WIFSIGNALED(status) || one->out->end == WRONG || WEXITSTATUS(status) != 0) {
		print_message("%s, %s, kind %d, number %ld (%s): %s\n", one->scenario,
		    one->error_name, (int)one->kind, one->n, one->out->call,
		    !WIFSIGNALED(status)              ? one->out->why
			: WTERMSIG(status) == SIGALRM ? "it hangs"
						      : strsignal(WTERMSIG(status)));
		total.failed++;
	} else if (one->out->end == FIRED && one->out->silent && one->kind == FAULT_FAIL &&
	    one->error != EINTR) {
		note_silence(one);
		if (!may_be_silent(one)) {
			print_message("%s, %s, number %ld: nobody was told that %s failed\n",
			    one->scenario, one->error_name, one->n, one->out->call);
			total.failed++;
		}
	}
	scratch_remove(one->dir);
	return one->out->end == FIRED || one->out->end == WRONG;
}

static bool
with_every_error(void)
{
	const char *env = getenv("FAULTS");

	return env != NULL && strcmp(env, "full") == 0;
}

static long
stride(void)
{
	const char *env = getenv("FAULTS");

	return with_every_error() ? 1 : env != NULL ? strtol(env, NULL, 10) : STRIDE;
}

static const struct {
	int error;
	const char *name;
} errors[] = { { EIO, "EIO" }, { ENOSPC, "ENOSPC" }, { EDQUOT, "EDQUOT" }, { EINTR, "EINTR" },
	{ EAGAIN, "EAGAIN" }, { EFBIG, "EFBIG" }, { EROFS, "EROFS" }, { EMFILE, "EMFILE" },
	{ ENOMEM, "ENOMEM" }, { EACCES, "EACCES" } };

/* Each call, from the first to the last there is, some at a time. */
static void
sweep(struct one like, long first)
{
	const int at_once = stride() == 1 ? AT_MOST : AT_ONCE;
	struct one running[AT_MOST] = { 0 };
	struct outcome *out = mmap(NULL, (size_t)at_once * sizeof *out, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long next = first;
	size_t turn = 0;
	bool met = true;

	assert_ptr_not_equal(out, MAP_FAILED);
	while (met) {
		met = false;
		for (int i = 0; i < at_once; i++, next += stride()) {
			running[i] = like;
			/* Where not all are tried, each has its turn. */
			if (like.error == 0) {
				running[i].error = errors[turn % COUNT(errors)].error;
				running[i].error_name = errors[turn++ % COUNT(errors)].name;
			}
			running[i].n = next;
			running[i].out = &out[i];
			start(&running[i]);
		}
		/* Threads take turns differently: it is over when some in a row are clean. */
		for (int i = 0; i < at_once; i++)
			met = finish(&running[i]) || met;
	}
	(void)munmap(out, (size_t)at_once * sizeof *out);
}

static void
sweep_all(const char *scenario, void (*run)(void))
{
	static const enum fault kinds[] = { FAULT_FAIL, FAULT_FOREVER };
	struct one like = { .scenario = scenario, .run = run };
	long first = 0;

	memset(&total, 0, sizeof total);
	for (size_t k = 0; k < COUNT(kinds); k++) {
		like.kind = kinds[k];
		for (size_t e = 0; e < (with_every_error() ? COUNT(errors) : 1);
		     e++, first += 7) {
			like.error = with_every_error() ? errors[e].error : 0;
			like.error_name = errors[e].name;
			sweep(like, first % stride());
		}
		like.error = ENOMEM;
		like.error_name = "no memory";
		like.allocation = true;
		sweep(like, first++ % stride());
		like.allocation = false;
	}
	like.error_name = "short";
	like.error = ENOSPC;
	for (int kind = FAULT_SHORT; kind <= FAULT_SLICES; kind++)
		if (kind != FAULT_DIE) {
			like.kind = (enum fault)kind;
			sweep(like, first++ % stride());
		}
	print_message("%s: %zu cases (error, Nth), %zu without a word:%s\n", scenario,
	    total.cases, total.silent, total.silent_calls);
	if (total.failed > 0)
		fail_msg("%zu failed", total.failed);
}

/* ---- the tests ---- */

/* Two short lives, sealed; and one that ended with records in the ring. */
static void
make_template(void)
{
	int status;
	pid_t pid;

	scratch_make(template);
	(void)snprintf(root, sizeof root, "%s/logs", template);
	if ((pid = fork()) == 0) {
		struct one one = { .out = &(struct outcome){ .end = PENDING } };
		alog_t *log;

		self = &one;
		life.now = INT64_C(1761263900) * CLOCK_S;
		for (int i = 0; i < 2; i++) {
			alog_t *run, *stage;

			if ((log = open_log(ALOG_NO_RECOVER)) == NULL)
				_exit(1);
			run = alog_run_begin(log, i == 0 ? "run-0" : "run-1");
			stage = alog_stage_begin(run, "one");
			emit(stage, 10);
			if (alog_stage_end(stage, i == 0 ? ALOG_OK : ALOG_FAILED) < 0 ||
			    alog_run_end(run, i == 0 ? ALOG_OK : ALOG_FAILED) < 0)
				_exit(5);
			if (alog_close(log) < 0)
				_exit(2);
		}
		if ((log = open_log(ALOG_NO_RECOVER)) == NULL)
			_exit(3);
		emit(log, 10);
		sync_log(log);
		emit(log, 10);
		_exit(life.told > 0 ? 4 : 0);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		fail_msg("the template failed: %x", (unsigned)status);
}

static void
test_writer(void **state)
{
	(void)state;
	sweep_all("writer", live);
}

static void
test_query(void **state)
{
	(void)state;
	sweep_all("query", query_all);
}

static int
group_set_up(void **state)
{
	(void)state;
	(void)unsetenv("ALOG_LEVEL");
	heap_lead();
	make_template();
	return 0;
}

static int
group_tear_down(void **state)
{
	(void)state;
	scratch_remove(template);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_query),
	};

	return cmocka_run_group_tests_name("life", tests, group_set_up, group_tear_down);
}
