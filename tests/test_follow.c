/*
 * follow - a query that follows a trail, beside those that write it: what was acknowledged is shown, once, in the order of each writer,
 * whatever becomes of the files.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "follower.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define DAY_NS   (INT64_C(86400) * 1000000000)

/* Small segments, sealed at once. */
static alog_t *
open_rolling(uint32_t flags)
{
	return logging_open(
	    (alog_options){ .segment_bytes = 4096, .seal_bytes = 1, .flags = flags });
}

static void
close_log(alog_t *log)
{
	assert_int_equal(alog_close(log), 0);
}

/* ---- segments that come and go ---- */

struct writer {
	alog_t *log;
	uint32_t w, count;
};

static void *
write_slowly(void *arg)
{
	const struct writer *w = arg;

	for (uint32_t i = 0; i < w->count; i++) {
		emit(w->log, w->w, 1);
		if (i % 8 == 0)
			logging_sleep_ms(1);
	}
	return NULL;
}

/* Three writers that roll every twenty records, sealing and not. */
static void
test_rolling(void **state)
{
	struct writer w[3] = { { open_rolling(0), 0, 1500 }, { open_rolling(0), 1, 700 },
		{ open_rolling(ALOG_NO_SEAL), 2, 1500 } };
	struct follower *f = follow(root);
	pthread_t thread[COUNT(w)];

	(void)state;
	for (size_t i = 0; i < COUNT(w); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, write_slowly, &w[i]), 0);
	for (size_t i = 0; i < COUNT(w); i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		close_log(w[i].log);
	}
	assert_true(root_count(root, ".jsonl.gz") > 60);
	assert_true(root_count(root, ".jsonl") > 30);
	follower_end(f, 0, NULL);
}

/* ---- a segment that comes behind the listing that following begins with ---- */

static struct {
	int listings;
	bool sealed;
	char from[2 * SCRATCH_MAX], to[2 * SCRATCH_MAX];
} late;

/* It is listed twice for what there is to follow, then for the search. */
static int
open_late(int at, const char *name, int flags, mode_t mode)
{
	if ((flags & O_DIRECTORY) != 0 && strcmp(name, root) == 0 && ++late.listings == 3)
		(void)rename(late.from, late.to);
	return sys_posix.openat(at, name, flags, mode);
}

/* Where it is to be told that it was given: it is sealed. */
static int
look_late(int at, const char *name, struct stat *st, int flags)
{
	char seal[3 * SCRATCH_MAX];

	if (at == AT_FDCWD && strcmp(name, late.to) == 0) {
		(void)snprintf(seal, sizeof seal, "gzip %s", late.to);
		late.sealed = late.sealed || system(seal) == 0;
	}
	return sys_posix.fstatat(at, name, st, flags);
}

static void
write_segment(const char *path, int first, int n)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	for (int i = first; i < first + n; i++)
		(void)fprintf(out,
		    "{\"ts\":\"2025-10-23T10:00:%02dZ\",\"run_id\":\"r\",\"seq\":%d,\"w\":0,\"n\":%d}\n",
		    i, i, i);
	assert_int_equal(fclose(out), 0);
}

/* The search finds it, and it is sealed before all of it was given. */
static void
test_sealed_while_given(void **state)
{
	struct follower *f = follower_new(root);
	char day[SCRATCH_MAX + 32], next[SCRATCH_MAX + 96];
	auditq_record rec;

	(void)state;
	(void)snprintf(day, sizeof day, "%s/date=2025-10-23", root);
	assert_int_equal(mkdir(root, 0750), 0);
	assert_int_equal(mkdir(day, 0750), 0);
	(void)snprintf(late.from, sizeof late.from, "%s/late", scratch);
	(void)snprintf(late.to, sizeof late.to, "%s/svc.00112233445566aa.000001.jsonl", day);
	(void)snprintf(next, sizeof next, "%s/svc.00112233445566aa.000002.jsonl", day);
	write_segment(late.from, 1, 3);
	late.listings = 0;
	ops.openat = open_late;
	ops.fstatat = look_late;
	assert_int_equal(auditq_limit(f->q, 4), 0);
	for (int i = 1; i <= 4; i++) {
		assert_int_equal(auditq_next(f->q, &rec, NULL), 1);
		shown_take(&f->shown, &rec);
		assert_string_equal(f->shown.wrong, "");
		assert_int_equal(f->shown.n, i);
		if (i == 1) {
			assert_string_equal(rec.path, late.to);
			write_segment(next, 4, 1);
		}
	}
	assert_true(late.sealed);
	auditq_free(f->q);
	free(f);
}

/* New ones all the time; what they leave is compacted meanwhile. */
static void
test_new_writers(void **state)
{
	const auditq_compact_options opt = { .size = sizeof opt };
	auditq_compact_result done = { .size = sizeof done };
	uint64_t merged = 0;
	struct follower *f;

	(void)state;
	assert_int_equal(mkdir(root, 0750), 0);
	f = follow(root);
	for (uint32_t w = 0; w < 32; w++) {
		alog_t *log = open_rolling(ALOG_NO_RECOVER);

		emit(log, w, 15 + w);
		close_log(log);
		if (w % 4 != 3)
			continue;
		assert_int_equal(auditq_compact(root, &opt, &done, NULL), 0);
		merged += done.merged;
	}
	assert_true(merged > 32);
	follower_end(f, 0, NULL);
}

static _Atomic int64_t the_time;

static int64_t
get_time(void *arg)
{
	(void)arg;
	return the_time;
}

/* A day has twenty records, then there is another partition; the clock goes back now and then. */
static void
test_midnight(void **state)
{
	alog_t *log = logging_open((alog_options){ .seal_bytes = 1, .clock = get_time });
	struct follower *f;

	(void)state;
	the_time = INT64_C(1761177600) * 1000000000;
	emit(log, 0, 1);
	f = follower_new(root);
	f->shown.any_order = true;
	follower_start(f);
	for (int i = 0; i < 300; i++) {
		the_time += i % 100 == 99 ? -3 * DAY_NS : DAY_NS / 20;
		emit(log, 0, 1);
		if (i % 10 == 0)
			logging_sleep_ms(2);
	}
	close_log(log);
	assert_true(root_entries(root) > 8);
	follower_end(f, 0, NULL);
}

/* Archives are retired as soon as they are made. */
static void
test_retention(void **state)
{
	alog_t *log = logging_open(
	    (alog_options){ .segment_bytes = 4096, .seal_bytes = 1, .keep_segments = 1 });
	alog_stats stats = { .size = sizeof stats };
	struct follower *f = follow(root);

	(void)state;
	for (int i = 0; i < 40; i++) {
		emit(log, 0, 20);
		follower_catch_up(f);
	}
	close_log(log);
	log = open_rolling(0);
	(void)alog_get_stats(log, &stats);
	close_log(log);
	assert_true(root_count(root, ".jsonl.gz") < 8);
	follower_end(f, 0, NULL);
}

/* One that does not keep up misses what was retired, says nothing wrong, and goes on in order. */
static void
test_too_slow(void **state)
{
	alog_t *log = logging_open(
	    (alog_options){ .segment_bytes = 4096, .seal_bytes = 1, .keep_segments = 1 });
	struct follower *f = follow(root);
	uint32_t before;

	(void)state;
	f->hold = true;
	emit(log, 0, 1);
	while (!f->held)
		logging_sleep_ms(1);
	emit(log, 0, 1000);
	assert_int_equal(alog_sync(log, 10000), 0);
	/* Until all is retired but what is to stay. */
	for (int i = 0; i < PATIENCE_MS && root_count(root, ".jsonl.gz") > 1; i++)
		logging_sleep_ms(1);
	f->hold = false;
	before = f->shown.n;
	emit(log, 1, 500);
	for (int i = 0; i < PATIENCE_MS && f->shown.last[1] < 500; i++)
		logging_sleep_ms(1);
	close_log(log);
	assert_int_equal(f->shown.last[1], 500);
	assert_true(before < f->shown.n);
	logging_sleep_ms(60);
	auditq_cancel(f->q);
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	assert_int_equal(f->r, 0);
	assert_string_equal(f->shown.wrong, "");
	assert_int_equal(f->shown.lost, 0);
	auditq_free(f->q);
	free(f);
}

/* ---- writers that are killed ---- */

enum { VICTIMS = 8 };

static _Atomic uint32_t *may_go; /* how many of them; shared */

/* A process that logs as long as it lives, when its turn comes. */
static pid_t
raise_victim(uint32_t w)
{
	const pid_t pid = fork();
	alog_t *log;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (*may_go <= w)
		logging_sleep_ms(1);
	log = open_rolling(w % 2 == 0 ? ALOG_NO_RECOVER : 0);
	emit(log, w, 40 + 31 * w);
	/* What is written last stands in the ring only. */
	for (;;) {
		emit(log, w, 1);
		logging_sleep_ms(1 + w % 3);
		if (acked->n[w] == RECORDS - 2)
			_exit(1);
	}
}

static void
test_killed(void **state)
{
	struct follower *f;
	pid_t victim[VICTIMS];
	alog_t *log;

	(void)state;
#ifdef __SANITIZE_THREAD__
	print_message("skipped: this sanitizer does not follow threads of forked children\n");
	skip();
#endif
	assert_int_equal(mkdir(root, 0750), 0);
	may_go = mmap(
	    NULL, sizeof *may_go, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(may_go != MAP_FAILED);
	for (uint32_t w = 0; w < VICTIMS; w++)
		victim[w] = raise_victim(w);
	f = follow(root);
	for (uint32_t w = 0; w < VICTIMS; w++) {
		*may_go = w + 1;
		while (acked->n[w] < 45 + 31 * w)
			logging_sleep_ms(1);
		assert_int_equal(kill(victim[w], SIGKILL), 0);
		assert_int_equal(waitpid(victim[w], NULL, 0), victim[w]);
		/* Before anybody puts it into a file; or while that is done. */
		if (w % 2 == 0)
			follower_catch_up(f);
		if (w % 4 == 1)
			assert_int_equal(auditq_recover(root, NULL, NULL, NULL, NULL), 0);
	}
	log = open_rolling(0);
	emit(log, VICTIMS, 30);
	close_log(log);
	(void)munmap((void *)may_go, sizeof *may_go);
	follower_end(f, 1, NULL);
}

/* ---- roots ---- */

static void
remove_tree(const char *dir)
{
	scratch_remove(dir);
	assert_int_equal(access(dir, F_OK), -1);
}

/* It is followed before it is there; it is removed, and made anew, with another partition. */
static void
test_root_comes_and_goes(void **state)
{
	struct follower *f = follow(root);
	char elsewhere[SCRATCH_MAX + 16];
	alog_t *log;

	(void)state;
	logging_sleep_ms(20);
	for (uint32_t w = 0; w < 4; w++) {
		log = open_rolling(0);
		emit(log, w, 50);
		close_log(log);
		follower_catch_up(f);
		if (w != 1) {
			remove_tree(root);
			continue;
		}
		(void)snprintf(elsewhere, sizeof elsewhere, "%s/before", scratch);
		assert_int_equal(rename(root, elsewhere), 0);
	}
	follower_end(f, 0, NULL);
}

/* ---- what cannot be read at first ---- */

static _Atomic bool refusing; /* to open the file of others */

static int
refuse_file(int dirfd, const char *path, int flags, mode_t mode)
{
	if (!refusing || strcmp(path, file) != 0)
		return sys_posix.openat(dirfd, path, flags, mode);
	errno = EACCES;
	return -1;
}

/* When it can be, and grows, all of it comes, though no name changes. */
static void
test_unreadable(void **state)
{
	struct follower *f;

	(void)state;
	name_files("app.jsonl", "other.jsonl");
	append(file, 0, 3);
	append(rotated, 1, 1);
	refusing = true;
	ops.openat = refuse_file;
	f = follow(root);
	follower_await(f, 1);
	append(rotated, 1, 1);
	follower_await(f, 2);
	assert_true(f->shown.lost > 0);
	refusing = false;
	append(file, 0, 2);
	follower_catch_up(f);
	f->shown.lost = 0;
	follower_end(f, 0, NULL);
}

/* ---- without the kernel's help ---- */

static _Atomic int the_errno; /* of what is asked of inotify */
static _Atomic uint32_t polls, adds;

static int
refuse_init(int flags)
{
	(void)flags;
	errno = the_errno;
	return -1;
}

static int
refuse_add(int fd, const char *path, uint32_t mask)
{
	(void)fd;
	(void)path;
	(void)mask;
	adds++;
	errno = the_errno;
	return -1;
}

/* The first two only. */
static int
add_two(int fd, const char *path, uint32_t mask)
{
	if (adds++ < 2)
		return sys_posix.inotify_add_watch(fd, path, mask);
	errno = ENOSPC;
	return -1;
}

static int
count_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	polls++;
	return sys_posix.poll(fds, n, timeout_ms);
}

static void
follow_some(void)
{
	struct follower *f;
	alog_t *log;

	name_files("app.jsonl", "app.1.jsonl");
	append(file, 0, 10);
	f = follow(root);
	log = open_rolling(0);
	for (int i = 0; i < 5; i++) {
		emit(log, 1, 100);
		append(file, 0, 10);
		logging_sleep_ms(10);
	}
	close_log(log);
	assert_int_equal(rename(file, rotated), 0);
	append(file, 2, 10);
	follower_end(f, 0, NULL);
}

static void
test_without_inotify(void **state)
{
	static const int errors[] = { EMFILE, ENOSPC };

	(void)state;
	for (size_t i = 0; i < COUNT(errors); i++) {
		acked_reset();
		scratch_remove(root);
		ops = sys_posix;
		the_errno = errors[i];
		if (i % 2 == 0)
			ops.inotify_init = refuse_init;
		else
			ops.inotify_add_watch = refuse_add;
		follow_some();
	}
	acked_reset();
	scratch_remove(root);
	ops = sys_posix;
	adds = 0;
	ops.inotify_add_watch = add_two;
	follow_some();
	assert_true(adds > 2);
}

static int
refuse_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	(void)fds;
	(void)n;
	(void)timeout_ms;
	errno = the_errno;
	return -1;
}

static int
refuse_eventfd(unsigned initial, int flags)
{
	(void)initial;
	(void)flags;
	errno = EMFILE;
	return -1;
}

/* What cannot wait says so; an interrupted wait goes on. */
static void
test_waiting_fails(void **state)
{
	struct follower *f;
	auditq_t *q;

	(void)state;
	name_files("app.jsonl", "");
	append(file, 0, 3);
	ops.poll = refuse_poll;
	the_errno = EINTR;
	f = follow(root);
	follower_catch_up(f);
	append(file, 0, 3);
	follower_catch_up(f);
	the_errno = ENOMEM;
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	assert_int_equal(f->r, AUDITQ_EIO);
	assert_int_equal(f->err.os_errno, ENOMEM);
	shown_check(&f->shown, 0);
	auditq_free(f->q);
	free(f);
	ops.eventfd = refuse_eventfd;
	assert_non_null(q = auditq_new());
	assert_int_equal(auditq_follow(q, true), AUDITQ_EIO);
	auditq_free(q);
}

static void *
cancel_soon(void *q)
{
	logging_sleep_ms(30);
	auditq_cancel(q);
	return NULL;
}

/* Standard input may never say anything. */
static void
test_silent_input(void **state)
{
	const int before = dup(STDIN_FILENO);
	auditq_t *q = auditq_new();
	auditq_record rec;
	pthread_t thread;
	int end[2];

	(void)state;
	assert_non_null(q);
	assert_int_equal(pipe(end), 0);
	assert_int_equal(dup2(end[0], STDIN_FILENO), STDIN_FILENO);
	auditq_path(q, "-");
	assert_int_equal(pthread_create(&thread, NULL, cancel_soon, q), 0);
	assert_int_equal(auditq_next(q, &rec, NULL), AUDITQ_ECANCELED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	auditq_free(q);
	(void)close(end[0]);
	(void)close(end[1]);
	if (before >= 0)
		(void)dup2(before, STDIN_FILENO);
	(void)close(before);
}

static _Atomic uint32_t overflows;

static ssize_t
watch_overflow(int fd, void *buf, size_t n)
{
	const ssize_t got = sys_posix.read(fd, buf, n);
	const struct inotify_event *e;

	for (char *at = buf; got >= (ssize_t)sizeof *e && at < (char *)buf + got;
	     at += sizeof *e + e->len) {
		e = (const void *)at;
		overflows += (e->mask & IN_Q_OVERFLOW) != 0;
	}
	return got;
}

/* More happens than the kernel keeps for one that is busy. */
static void
test_overflow(void **state)
{
	char other[SCRATCH_MAX + 64];
	struct follower *f;
	int fd[2];

	(void)state;
	ops.read = watch_overflow;
	overflows = 0;
	name_files("app.jsonl", "app.1.jsonl");
	(void)snprintf(other, sizeof other, "%s/other.txt", root);
	append(file, 0, 1);
	f = follow(root);
	follower_catch_up(f);
	f->hold = true;
	append(file, 0, 1);
	while (!f->held)
		logging_sleep_ms(1);
	fd[0] = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	fd[1] = open(file, O_WRONLY | O_CLOEXEC);
	assert_true(fd[0] >= 0 && fd[1] >= 0);
	/* Alike events in a row are one. */
	for (int i = 0; i < 20000; i++)
		assert_int_equal(pwrite(fd[i % 2], "{", 1, 0), 1);
	(void)close(fd[0]);
	(void)close(fd[1]);
	assert_int_equal(rename(file, rotated), 0);
	append(file, 1, 20);
	f->hold = false;
	follower_end(f, 0, NULL);
	if (overflows == 0)
		print_message("the kernel's queue did not overflow\n");
}

/* ---- what it costs ---- */

static int64_t
cpu_us(void)
{
	struct rusage use;

	assert_int_equal(getrusage(RUSAGE_SELF, &use), 0);
	return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 + use.ru_utime.tv_usec +
	    use.ru_stime.tv_usec;
}

/* How often it looks, in half a second in which nothing happens: it settles late on a loaded machine. */
static void
idle(const char *name, uint32_t most)
{
	struct follower *f;
	uint32_t before;
	int64_t cpu;

	acked_reset();
	scratch_remove(root);
	ops.poll = count_poll;
	name_files("app.jsonl", "");
	append(file, 0, 100);
	f = follow(root);
	follower_catch_up(f);
	logging_sleep_ms(100);
	before = polls;
	cpu = cpu_us();
	logging_sleep_ms(500);
	cpu = cpu_us() - cpu;
	before = polls - before;
	follower_end(f, 0, NULL);
	print_message(
	    "idle for 500 ms, %s: %u looks, %lld us of CPU\n", name, before, (long long)cpu);
	assert_true(before <= most);
}

static void
test_idle(void **state)
{
	(void)state;
	idle("with inotify", 5);
	ops.inotify_init = refuse_init;
	the_errno = EMFILE;
	idle("without", 12);
}

static int
by_size(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* From a line in the file to the line shown. */
static void
test_latency(void **state)
{
	enum { TIMES = 100 };
	int64_t took[TIMES], now;
	struct follower *f;

	(void)state;
	name_files("app.jsonl", "");
	append(file, 0, 1);
	f = follow(root);
	follower_catch_up(f);
	for (int i = 0; i < TIMES; i++) {
		append(file, 0, 1);
		assert_int_equal(sys_posix.monotonic(&now), 0);
		follower_catch_up(f);
		took[i] = f->when - now;
		logging_sleep_ms(1);
	}
	qsort(took, TIMES, sizeof *took, by_size);
	print_message("from the file to the reader: median %lld us, 99 of 100 within %lld us\n",
	    (long long)took[TIMES / 2] / 1000, (long long)took[TIMES - 2] / 1000);
	follower_end(f, 0, NULL);
}

/* ---- where it begins, and ends ---- */

/* What is given is to be had when it was given, though what follows it does not match. */
static void
test_may_wait(void **state)
{
	auditq_t *q = auditq_new();
	auditq_record rec;
	int64_t n;

	(void)state;
	name_files("app.jsonl", "");
	append(file, 0, 1);
	assert_non_null(q);
	auditq_path(q, root);
	auditq_follow(q, true);
	auditq_tail(q, 1);
	auditq_where(q, "n < 3");
	assert_true(auditq_may_wait(q));
	assert_int_equal(auditq_next(q, &rec, NULL), 1);
	append(file, 0, 5);
	assert_int_equal(auditq_next(q, &rec, NULL), 1);
	assert_int_equal(auditq_get_i64(&rec, "n", &n), 0);
	assert_int_equal(n, 2);
	assert_true(auditq_may_wait(q));
	auditq_free(q);
}

/* Of thirty records that are there, unless it says otherwise, and five that come. */
static const struct {
	const char *name, *after;
	int tail;       /* -1: not asked for */
	uint64_t limit; /* 0: none */
	uint32_t there, first, shown;
} beginnings[] = {
	{ "the last ten", NULL, -1, 0, 30, 21, 15 },
	{ "fewer than ten", NULL, -1, 0, 3, 1, 8 },
	{ "nothing there", NULL, -1, 0, 0, 1, 5 },
	{ "the last three", NULL, 3, 0, 30, 28, 8 },
	{ "none", NULL, 0, 0, 30, 31, 5 },
	{ "the window", "2026-01-02T03:04:05.000021Z", -1, 0, 30, 21, 15 },
	{ "the last of the window", "2026-01-02T03:04:05.000021Z", 2, 0, 30, 29, 7 },
	{ "up to a limit", NULL, 3, 4, 30, 28, 4 },
	{ "a limit among what was there", NULL, 8, 4, 30, 23, 4 },
	{ "the first that comes", NULL, 0, 1, 30, 31, 1 },
	{ "the first, which is there", NULL, -1, 1, 30, 21, 1 },
};

/* They come when those that were there were shown; or, if none is, in a while. */
static void
begin_at(size_t i)
{
	const uint64_t limit = beginnings[i].limit;
	struct follower *f = follower_new(root);
	const uint32_t there = beginnings[i].there + 1 - beginnings[i].first;

	acked_reset();
	scratch_remove(root);
	name_files("app.jsonl", "");
	append(file, 0, beginnings[i].there);
	auditq_tail(f->q, UINT64_MAX);
	if (beginnings[i].tail >= 0)
		auditq_tail(f->q, (uint64_t)beginnings[i].tail);
	if (beginnings[i].after != NULL)
		auditq_after(f->q, beginnings[i].after);
	if (limit > 0)
		auditq_limit(f->q, limit);
	follower_start(f);
	follower_await(f, limit == 0 || limit > there ? there : (uint32_t)limit);
	logging_sleep_ms(there == 0 ? 60 : 0);
	append(file, 0, 5);
	follower_await(f, beginnings[i].shown);
	logging_sleep_ms(30);
	if (limit == 0)
		auditq_cancel(f->q);
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	if (f->r != 0 || f->shown.n != beginnings[i].shown || f->shown.wrong[0] != '\0' ||
	    f->shown.times[0][beginnings[i].first] == 0)
		fail_msg("%s: %d, %u records %s", beginnings[i].name, f->r, f->shown.n,
		    f->shown.wrong);
	auditq_free(f->q);
	free(f);
}

static void
test_beginning(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(beginnings); i++)
		begin_at(i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FOLLOWER_TEST(test_rolling),
		FOLLOWER_TEST(test_sealed_while_given),
		FOLLOWER_TEST(test_new_writers),
		FOLLOWER_TEST(test_midnight),
		FOLLOWER_TEST(test_retention),
		FOLLOWER_TEST(test_too_slow),
		FOLLOWER_TEST(test_killed),
		FOLLOWER_TEST(test_root_comes_and_goes),
		FOLLOWER_TEST(test_unreadable),
		FOLLOWER_TEST(test_without_inotify),
		FOLLOWER_TEST(test_waiting_fails),
		FOLLOWER_TEST(test_silent_input),
		FOLLOWER_TEST(test_overflow),
		FOLLOWER_TEST(test_idle),
		FOLLOWER_TEST(test_latency),
		FOLLOWER_TEST(test_may_wait),
		FOLLOWER_TEST(test_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
