/*
 * power - the power fails at any moment of a writer's life, of recovery, and of compaction.
 *
 * What each of them does to files is recorded.  At every step of that, a disk is made as the loss of power may
 * leave it (disk_model.h), and read: what was said to be durable is there, once; what is there was written so; a
 * gap record tells no untruth.  So it is again after recovery, and the same with the index and without.
 *
 * FAULTS=full tries many losses at each step; else few, from other ones at each, or at every FAULTSth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <malloc.h>
#include <sys/wait.h>

#include "auditq.h"
#include "clock.h"
#include "disk_model.h"
#include "liblog.h"
#include "sanitizer.h"

/* The sanitizers are slow: there the power fails at every so many steps only. */
#define STRIDE      BY_SANITIZER(1U, 5U, 5U)

#define RECORDS_MAX 1024
#define STATES_MAX  (1u << 17) /* of one scenario */

static char scratch[SCRATCH_MAX], root[SCRATCH_MAX + 8], after[SCRATCH_MAX];
static struct sys_ops ops;

/* ---- what is logged ---- */

static _Atomic int64_t now;
static _Atomic uint64_t emitted; /* by all writers of a scenario, one after the other */

static int64_t
test_clock(void *arg)
{
	(void)arg;
	return atomic_load(&now);
}

static alog_t *
open_log(unsigned flags)
{
	const alog_options opt = { .size = sizeof opt,
		.root = root,
		.service = "power",
		.host = "here",
		.flags = flags,
		.segment_bytes = 8192,
		.ring_bytes = 65536,
		.written_ms = 1,
		.fdatasync_ms = 5,
		.seal_bytes = 4000,
		.clock = test_clock };
	alog_error err = { 0 };
	alog_t *log;

	if (alog_open(&log, &opt, &err) < 0)
		fail_msg("%s: %s", err.path, err.text);
	return log;
}

/* One record in five is longer than some sectors. */
static void
emit(alog_t *log, unsigned count)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	char pad[2000];

	for (unsigned i = 0; i < count; i++) {
		const uint64_t n = atomic_fetch_add(&emitted, 1) + 1;
		const size_t len = n % 5 == 0 ? 1500 + draw_mix(n) % 500 : draw_mix(n) % 200;

		for (size_t k = 0; k < len; k++)
			pad[k] = letters[(n + k) % 26];
		(void)atomic_fetch_add(&now, CLOCK_S / 100);
		if (ALOG_INFO(log, "m", ALOG_KV("n", n), ALOG_KVN("pad", pad, len)) < 0)
			fail_msg("a record was not taken");
	}
}

/* Records of this writer, from first on, are durable now. */
static void
sync_log(alog_t *log, uint64_t first)
{
	if (alog_sync(log, 20000) < 0)
		fail_msg("alog_sync");
	trace_durable(first, atomic_load(&emitted));
}

static void
audit(alog_t *log)
{
	const uint64_t n = atomic_fetch_add(&emitted, 1) + 1;

	if (ALOG_AUDIT(log, "e", ALOG_KV("n", n)) < 0)
		fail_msg("ALOG_AUDIT");
	trace_durable(n, n);
}

/* ---- scenarios ---- */

static void
write_some(alog_t *log, uint64_t first)
{
	emit(log, 7);
	sync_log(log, first);
	emit(log, 30);
	audit(log);
	atomic_store(&now, clock_day(atomic_load(&now)) * CLOCK_DAY + CLOCK_DAY); /* midnight */
	emit(log, 12);
	sync_log(log, first);
	emit(log, 9);
}

static void
live(void)
{
	alog_t *log = open_log(0);

	write_some(log, 1);
	emit(log, 30);
	if (alog_close(log) < 0)
		fail_msg("alog_close");
	trace_durable(1, atomic_load(&emitted));
}

/* A writer that dies with its last records in the ring only. */
static void
die(void)
{
	const uint64_t before = atomic_load(&emitted);
	uint64_t *count = mmap(
	    NULL, 2 * sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const pid_t child = fork();
	int status;

	if (count == MAP_FAILED || child < 0)
		fail_msg("fork");
	if (child == 0) {
		alog_t *log = open_log(ALOG_NO_RECOVER);

		write_some(log, before + 1);
		count[0] = atomic_load(&emitted);
		count[1] = (uint64_t)atomic_load(&now);
		/* Not while one of its threads has made a change that the trace does not have yet. */
		trace_lock();
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || status != 0)
		fail_msg("the writer failed");
	trace_resume();
	atomic_store(&emitted, count[0]);
	atomic_store(&now, (int64_t)count[1]);
	(void)munmap(count, 2 * sizeof *count);
}

static void
complain(void *arg, const auditq_warning *w)
{
	(void)arg;
	fail_msg("%s: %s", w->path, w->text);
}

static void
recover(const char *path)
{
	auditq_error err = { 0 };

	if (auditq_recover(path, complain, NULL, NULL, &err) < 0)
		fail_msg("recovery: %s: %s", err.path, err.text);
}

static void
die_and_recover(void)
{
	die();
	recover(root);
}

static long life;         /* of those that are killed at work, in changes */
static bool outlived;     /* it was done before */
static size_t first_step; /* of those at which the power fails */

/* Do this in a process that is killed at work, and then again. */
static void
killed_at(void (*work)(void))
{
	const pid_t child = fork();
	int status;

	if (child < 0)
		fail_msg("fork");
	if (child == 0) {
		trace->life = life;
		work();
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || (WIFEXITED(status) && status != 0))
		fail_msg("the first failed");
	outlived = WIFEXITED(status);
	trace_resume();
	first_step = trace->n;
	work();
}

static void
recover_root(void)
{
	recover(root);
}

static void
killed_recovery(void)
{
	die();
	killed_at(recover_root);
}

/* The next writer recovers, while it logs. */
static void
die_and_live(void)
{
	uint64_t first;
	alog_t *log;

	die();
	first = atomic_load(&emitted) + 1;
	log = open_log(0);
	emit(log, 10);
	sync_log(log, first);
	if (alog_close(log) < 0)
		fail_msg("alog_close");
	trace_durable(first, atomic_load(&emitted));
}

/* Short lives, a dead one among them, into one archive. */
static void
live_shortly(void)
{
	for (int i = 0; i < 4; i++) {
		const uint64_t first = atomic_load(&emitted) + 1;
		alog_t *log = open_log(ALOG_NO_RECOVER);

		emit(log, 6);
		if (alog_close(log) < 0)
			fail_msg("alog_close");
		trace_durable(first, atomic_load(&emitted));
	}
	die_and_recover();
	trace_durable(1, atomic_load(&emitted));
}

static void
compact_root(void)
{
	const auditq_compact_options opt = { .size = sizeof opt, .on_warning = complain };
	auditq_error err = { 0 };

	if (auditq_compact(root, &opt, NULL, &err) < 0)
		fail_msg("compact: %s: %s", err.path, err.text);
}

static void
compact(void)
{
	live_shortly();
	first_step = trace->n;
	compact_root();
}

static void
killed_compact(void)
{
	live_shortly();
	killed_at(compact_root);
}

/* ---- what is read ---- */

struct reading {
	size_t n, lost;
	char *line[2 * RECORDS_MAX];
};

static struct {
	struct reading truth;          /* all that was ever written, sorted */
	uint64_t durable[RECORDS_MAX]; /* numbers that are, by now, in a list */
	size_t ndurable, states, steps;
	uint64_t seen[2 * STATES_MAX]; /* hashes of disks that were tried */
	char what[200];
} at;

static void
reading_free(struct reading *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->line[i]);
	r->n = r->lost = 0;
}

static void
count_lost(void *arg, const auditq_warning *w)
{
	*(size_t *)arg += w->lost;
}

static void
read_root(struct reading *r, const char *path, bool index)
{
	auditq_t *q = auditq_new();
	auditq_error err = { 0 };
	auditq_record rec;
	int rc;

	r->n = r->lost = 0;
	(void)auditq_path(q, path);
	(void)auditq_use_index(q, index);
	(void)auditq_jobs(q, 1);
	(void)auditq_on_warning(q, count_lost, &r->lost);
	while ((rc = auditq_next(q, &rec, &err)) > 0) {
		if (r->n == 2 * RECORDS_MAX)
			fail_msg("%s: so many records", at.what);
		if ((r->line[r->n++] = strndup(rec.line, rec.len)) == NULL)
			abort();
	}
	/* Nothing was there yet. */
	if (rc < 0 && err.code != AUDITQ_ENOENT)
		fail_msg("%s: %s: %s", at.what, err.path, err.text);
	auditq_free(q);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static uint64_t
number_after(const char *line, const char *key)
{
	const char *p = strstr(line, key);

	return p != NULL ? strtoull(p + strlen(key), NULL, 10) : 0;
}

/* A line that stands in the truth, or a gap record, which must not be about what is durable. */
static void
check_line(const char *line, unsigned times[RECORDS_MAX])
{
	uint64_t n;

	if (bsearch(&line, at.truth.line, at.truth.n, sizeof line, by_text) == NULL) {
		if (strstr(line, "\"event\":\"log.gap\"") == NULL || strchr(line, '\n') != NULL)
			fail_msg("%s: invented or torn: %s", at.what, line);
		return;
	}
	n = number_after(line, "\"n\":");
	if (n < RECORDS_MAX && n > 0 && ++times[n] > 1)
		fail_msg("%s: twice: %s", at.what, line);
}

static void
check_reading(const struct reading *r)
{
	unsigned times[RECORDS_MAX] = { 0 };

	for (size_t i = 0; i < r->n; i++)
		check_line(r->line[i], times);
	for (size_t i = 0; i < at.ndurable; i++)
		if (times[at.durable[i]] != 1)
			fail_msg("%s: durable record %" PRIu64 " is not there", at.what,
			    at.durable[i]);
}

/* The same with the index and without. */
static void
check_root(const char *when)
{
	struct reading with, without;
	const size_t end = strlen(at.what);

	(void)snprintf(at.what + end, sizeof at.what - end, ", %s", when);
	read_root(&with, after, true);
	read_root(&without, after, false);
	check_reading(&with);
	if (with.n != without.n)
		fail_msg(
		    "%s: %zu records by the index, %zu without", at.what, with.n, without.n);
	for (size_t i = 0; i < with.n; i++)
		assert_string_equal(with.line[i], without.line[i]);
	reading_free(&with);
	reading_free(&without);
	at.what[end] = '\0';
}

/* ---- the loss of power ---- */

/* Another boot. */
static int
reboot_openat(int dir, const char *name, int flags, mode_t mode)
{
	static const char id[] = "00000000-1111-2222-3333-444444444444\n";
	int fd;

	if (strcmp(name, "/proc/sys/kernel/random/boot_id") != 0)
		return sys_posix.openat(dir, name, flags, mode);
	fd = memfd_create("boot_id", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, id, sizeof id - 1) < 0)
		abort();
	return fd;
}

static int
no_sync(int fd)
{
	(void)fd;
	return 0;
}

/* Whether this disk, with as much durable, was not tried yet. */
static bool
is_new(uint64_t hash)
{
	size_t i;

	hash = draw_mix(hash + at.ndurable) | 1;
	for (i = hash % (2 * STATES_MAX); at.seen[i] != 0; i = (i + 1) % (2 * STATES_MAX))
		if (at.seen[i] == hash)
			return false;
	at.seen[i] = hash;
	return true;
}

static void
try_loss(const struct disk *d, const struct disk_loss *loss, const char *scenario, size_t step)
{
	char path[SCRATCH_MAX + 8];

	if (!is_new(disk_put("", d, loss)))
		return;
	scratch_make(after);
	(void)disk_put(after, d, loss);
	(void)snprintf(at.what, sizeof at.what,
	    "%s, step %zu, names %" PRIx64 ", content %d, seed %" PRIu64, scenario, step,
	    loss->kept, (int)loss->content, loss->seed);
	at.states++;
	check_root("before recovery");
	(void)snprintf(path, sizeof path, "%s/logs", after);
	if (access(path, F_OK) == 0) {
		recover(path);
		check_root("after recovery");
	}
	scratch_remove(after);
}

/* All and none, each by itself, and some at random. */
static void
try_losses(const struct disk *d, const char *scenario, size_t step, bool many)
{
	const uint64_t all = d->nchanges < 64 ? (UINT64_C(1) << d->nchanges) - 1 : UINT64_MAX;
	const unsigned some = many ? 12 : 1;
	uint64_t seed = step;

	for (int c = 0; c < DISK_CONTENTS; c++) {
		if (!many && (step + (size_t)c) % 3 != 0)
			continue;
		try_loss(
		    d, &(struct disk_loss){ all, (enum disk_content)c, step }, scenario, step);
		try_loss(
		    d, &(struct disk_loss){ 0, (enum disk_content)c, step }, scenario, step);
	}
	for (size_t i = step % (many ? 1 : 3); i < d->nchanges; i += many ? 1 : 3)
		for (int c = DISK_OLD; c <= DISK_NEW; c++) {
			try_loss(d,
			    &(struct disk_loss){ UINT64_C(1) << i, (enum disk_content)c, step },
			    scenario, step);
			try_loss(d,
			    &(struct disk_loss){
				all & ~(UINT64_C(1) << i), (enum disk_content)c, step },
			    scenario, step);
		}
	for (unsigned i = 0; i < some; i++) {
		seed = draw_mix(seed);
		try_loss(d,
		    &(struct disk_loss){
			draw_mix(seed) & all, (enum disk_content)(seed % DISK_CONTENTS), seed },
		    scenario, step);
	}
}

static bool
full(void)
{
	const char *env = getenv("FAULTS");

	return env != NULL && strcmp(env, "full") == 0;
}

static void
replay(const char *scenario, bool many)
{
	const char *env = getenv("FAULTS");
	const size_t stride = full() ? 1 : env != NULL ? strtoul(env, NULL, 10) : STRIDE;
	struct disk *d = disk_new(scratch);

	at.ndurable = 0;
	memset(at.seen, 0, sizeof at.seen);
	for (size_t i = 0; i < trace->n; i++) {
		const struct trace_op *op = &trace->op[i];

		disk_op(d, op);
		if (op->kind == TRACE_DURABLE)
			for (uint64_t n = op->off; n <= op->n; n++)
				at.durable[at.ndurable++] = n;
		if (i + 1 < first_step || i % stride != 0)
			continue;
		at.steps++;
		try_losses(d, scenario, i, many);
	}
	disk_free(d);
}

/* ---- the tests ---- */

/* The whole of it, with the loss of power at every step; many losses at each. */
static void
run(const char *name, void (*scenario)(void), bool many)
{
	struct sys_ops rebooted = sys_posix;

	scratch_make(scratch);
	(void)snprintf(root, sizeof root, "%s/logs", scratch);
	atomic_store(&now, INT64_C(1761263990) * CLOCK_S); /* 2025-10-23T23:59:50Z */
	atomic_store(&emitted, 0);
	first_step = 0;
	(void)snprintf(at.what, sizeof at.what, "%s, in the end", name);
	trace_begin(&ops);
	scenario();
	rebooted.openat = reboot_openat;
	rebooted.fsync = rebooted.fdatasync = no_sync;
	sys = &rebooted;
	read_root(&at.truth, root, true);
	assert_int_equal(at.truth.n, atomic_load(&emitted));
	qsort(at.truth.line, at.truth.n, sizeof *at.truth.line, by_text);
	replay(name, many);
	sys = &sys_posix;
	reading_free(&at.truth);
	scratch_remove(scratch);
}

static void
test_lives(void **state)
{
	static const struct {
		const char *name;
		void (*scenario)(void);
	} cases[] = {
		{ "live", live },
		{ "die and recover", die_and_recover },
		{ "die and live", die_and_live },
		{ "compact", compact },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		at.states = at.steps = 0;
		run(cases[i].name, cases[i].scenario, full());
		print_message(
		    "%s: %zu steps, %zu states\n", cases[i].name, at.steps, at.states);
	}
}

/* Recovery and compaction that are killed, and done again; then the power fails. */
static void
test_killed(void **state)
{
	static const struct {
		const char *name;
		void (*scenario)(void);
	} cases[] = {
		{ "killed recovery", killed_recovery },
		{ "killed compaction", killed_compact },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		at.states = at.steps = 0;
		outlived = false;
		for (life = full() ? 1 : 3; !outlived; life += full() ? 1 : 11)
			run(cases[i].name, cases[i].scenario, false);
		print_message("%s: at %ld places, %zu steps, %zu states\n", cases[i].name, life,
		    at.steps, at.states);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lives),
		cmocka_unit_test(test_killed),
	};

	(void)unsetenv("ALOG_LEVEL");
	/* Memory that is given back and fetched again, page by page, would take most of the time. */
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 30);
	(void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
	(void)mallopt(M_ARENA_MAX, 1);
	return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
