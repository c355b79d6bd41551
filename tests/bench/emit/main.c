/*
 * emit - what a log call costs: liblog beside spdlog, GLib, a write(2) a record, and the bare
 * limit, on the same record, in the same run.
 *
 *     emit DIR [SECONDS]      a text table on stdout, JSON lines in DIR/emit.json
 *
 * A call is timed by the processor's time-stamp counter; the cost of reading it is measured
 * and taken off.  Bursts are of 1,000 calls with a pause in which buffers drain; paced calls come
 * once a millisecond, from a thread that sleeps in between, as in a service.
 */
#include "contender.h"

#include <err.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "clock.h"
#include "liblog.h"

#define BURST 1000

static double tick_ns;       /* nanoseconds of one count */
static uint64_t timer_ticks; /* what reading the counter twice costs */
static FILE *json;
static double seconds = 2;

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
pause_ns(long ns)
{
	(void)nanosleep(&(struct timespec){ 0, ns }, NULL);
}

static inline uint64_t
ticks(void)
{
	unsigned aux;

	return __rdtscp(&aux);
}

static int
by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
calibrate(void)
{
	uint64_t sample[10001], from = ticks();
	const double t = now();

	pause_ns(100000000);
	tick_ns = (now() - t) / (double)(ticks() - from);
	for (size_t i = 0; i < 10001; i++) {
		sample[i] = ticks();
		sample[i] = ticks() - sample[i];
	}
	qsort(sample, 10001, sizeof sample[0], by_value);
	timer_ticks = sample[5000];
}

/* ---- the record by hand: for write(2) and for the limit -------------------------------- */

static size_t
by_hand(char *p, unsigned i)
{
	static const char head[] = "\",\"level\":\"info\",\"run_id\":\"0199feae-5b6c-7000-8000-"
				   "0123456789ab\",\"seq\":";
	static const char tail[] =
	    ",\"service\":\"detector\",\"host\":\"node-01\",\"pid\":4711,"
	    "\"stage\":\"detection\",\"msg\":\"frame done\",\"i\":";
	static const char rest[] = ",\"camera\":\"front-left\",\"bytes\":123456,\"ok\":true,"
				   "\"gpu\":0,\"score\":0.75}\n";
	struct timespec t;
	char digits[12], *start = p, *d;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	memcpy(p, "{\"ts\":\"", 7);
	clock_format(p + 7, (int64_t)t.tv_sec * 1000000000 + t.tv_nsec);
	p += 7 + CLOCK_LENGTH;
	memcpy(p, head, sizeof head - 1);
	p += sizeof head - 1;
	for (int twice = 0; twice < 2; twice++) {
		unsigned u = i;

		d = digits + sizeof digits;
		do
			*--d = (char)('0' + u % 10);
		while ((u /= 10) != 0);
		memcpy(p, d, (size_t)(digits + sizeof digits - d));
		p += digits + sizeof digits - d;
		if (twice == 0) {
			memcpy(p, tail, sizeof tail - 1);
			p += sizeof tail - 1;
		}
	}
	memcpy(p, rest, sizeof rest - 1);
	return (size_t)(p + sizeof rest - 1 - start);
}

static char limit_area[1 << 20];
static size_t limit_at;

static int
nothing_open(const struct contender *c, const char *dir)
{
	(void)c;
	(void)dir;
	return 0;
}

static void
nothing(void)
{
}

static void
limit_emit(const struct contender *c, unsigned i)
{
	(void)c;
	if (limit_at > sizeof limit_area - 1024)
		limit_at = 0;
	limit_at += by_hand(limit_area + limit_at, i);
}

static int write_fd = -1;

static int
write_open(const struct contender *c, const char *dir)
{
	char path[4096];

	(void)c;
	(void)snprintf(path, sizeof path, "%s/write.jsonl", dir);
	write_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
	return write_fd < 0 ? -1 : 0;
}

static void
write_emit(const struct contender *c, unsigned i)
{
	char line[512];

	(void)c;
	if (write(write_fd, line, by_hand(line, i)) < 0)
		err(1, "write");
}

static void
write_close(void)
{
	(void)close(write_fd);
}

/* ---- liblog ---------------------------------------------------------------------------- */

static alog_t *root, *run, *stage;

static int
liblog_open(const struct contender *c, const char *dir)
{
	char path[4096];
	alog_error e;
	alog_options opt = { .size = sizeof opt, .service = "detector", .host = "node-01" };

	(void)snprintf(path, sizeof path, "%s/liblog", dir);
	opt.root = path;
	/* arg 1: the ring in memory. */
	opt.ring_dir = c->arg == 1 ? "/dev/shm" : NULL;
	if (alog_open(&root, &opt, &e) < 0)
		errx(1, "%s: %s", e.path, e.text);
	run = alog_run_begin(root, "0199feae-5b6c-7000-8000-0123456789ab");
	stage = alog_stage_begin(run, "detection");
	if (c->arg == 2) {
		alog_t *bound =
		    alog_bind(stage, ALOG_KV("camera", "front-left"), ALOG_KV("bytes", 123456),
			ALOG_KVB("ok", true), ALOG_KV("gpu", 0), ALOG_KV("score", 0.75));

		alog_free(stage);
		stage = bound;
	}
	return 0;
}

static void
liblog_emit(const struct contender *c, unsigned i)
{
	if (c->fields == 0)
		(void)ALOG_INFO(stage, "frame done");
	else if (c->arg == 2)
		(void)ALOG_INFO(stage, "frame done", ALOG_KV("i", i));
	else if (c->fields == 6)
		(void)ALOG_INFO(stage, "frame done", ALOG_KV("i", i),
		    ALOG_KV("camera", "front-left"), ALOG_KV("bytes", 123456),
		    ALOG_KVB("ok", true), ALOG_KV("gpu", 0), ALOG_KV("score", 0.75));
	else
		(void)ALOG_INFO(stage, "frame done", ALOG_KV("i", i),
		    ALOG_KV("camera", "front-left"), ALOG_KV("bytes", 123456),
		    ALOG_KVB("ok", true), ALOG_KV("gpu", 0), ALOG_KV("score", 0.75),
		    ALOG_KV("a", 1), ALOG_KV("b", 22), ALOG_KV("c", 333), ALOG_KV("d", 4444),
		    ALOG_KV("e", "five"), ALOG_KV("f", "sixsix"), ALOG_KV("g", 7.5),
		    ALOG_KV("h", 8.25), ALOG_KV("j", "nine"), ALOG_KV("k", 10),
		    ALOG_KV("l", 11), ALOG_KV("m", "twelve"), ALOG_KV("n", 13),
		    ALOG_KV("o", 14), ALOG_KV("p", 15));
}

static void
liblog_disabled(const struct contender *c, unsigned i)
{
	(void)c;
	(void)ALOG_DEBUG(stage, "frame done", ALOG_KV("i", i), ALOG_KV("camera", "front-left"));
}

static void
liblog_written(void)
{
	alog_stats s = { .size = sizeof s };

	for (;;) {
		(void)alog_get_stats(root, &s);
		if (s.written >= s.records)
			return;
		pause_ns(200000);
	}
}

static void
liblog_close(void)
{
	alog_free(stage);
	alog_free(run);
	(void)alog_close(root);
}

/* ---- GLib ------------------------------------------------------------------------------ */

static FILE *glib_file;

/* The writer that GLib leaves to its users: here it makes the same JSON line. */
static GLogWriterOutput
glib_writer(GLogLevelFlags level, const GLogField *field, gsize n, gpointer data)
{
	char ts[CLOCK_LENGTH];
	struct timespec t;

	(void)level;
	(void)data;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	clock_format(ts, (int64_t)t.tv_sec * 1000000000 + t.tv_nsec);
	fprintf(glib_file, "{\"ts\":\"%.30s\"", ts);
	for (gsize i = 0; i < n; i++)
		fprintf(
		    glib_file, ",\"%s\":\"%s\"", field[i].key, (const char *)field[i].value);
	fputs("}\n", glib_file);
	return G_LOG_WRITER_HANDLED;
}

static int
glib_open(const struct contender *c, const char *dir)
{
	static bool set;
	char path[4096];

	(void)c;
	(void)snprintf(path, sizeof path, "%s/glib.jsonl", dir);
	if ((glib_file = fopen(path, "w")) == NULL)
		return -1;
	if (!set)
		g_log_set_writer_func(glib_writer, NULL, NULL);
	set = true;
	return 0;
}

static void
glib_emit(const struct contender *c, unsigned i)
{
	(void)c;
	g_log_structured("bench", G_LOG_LEVEL_INFO, "run_id",
	    "0199feae-5b6c-7000-8000-0123456789ab", "service", "detector", "host", "node-01",
	    "stage", "detection", "i", "1", "camera", "front-left", "bytes", "123456", "ok",
	    "true", "gpu", "0", "score", "0.75", "MESSAGE", "frame done %u", i);
}

static void
glib_written(void)
{
	(void)fflush(glib_file);
}

static void
glib_close(void)
{
	(void)fclose(glib_file);
}

/* ---- measuring ------------------------------------------------------------------------- */

struct job {
	const struct contender *c;
	bool paced;
	double until;
	uint64_t *sample;
	size_t n, cap;
	pthread_t thread;
};

static void *
measure(void *arg)
{
	struct job *j = arg;
	unsigned i = 0;

	while (now() < j->until && j->n + BURST <= j->cap) {
		for (int k = 0; k < (j->paced ? 1 : BURST); k++) {
			const uint64_t from = ticks();

			j->c->emit(j->c, i++);
			j->sample[j->n++] = ticks() - from;
		}
		pause_ns(j->paced ? 1000000 : 10000000);
	}
	return NULL;
}

static double
at(const uint64_t *sample, size_t n, double q)
{
	const uint64_t t = sample[(size_t)((double)(n - 1) * q)];

	return t > timer_ticks ? (double)(t - timer_ticks) * tick_ns : 0;
}

static void
report(const char *what, const struct contender *c, int threads, uint64_t *s, size_t n)
{
	qsort(s, n, sizeof *s, by_value);
	printf("%-28s %7d %-6s %8zu %8.0f %8.0f %8.0f %9.0f  %s\n", c->name, threads, what, n,
	    at(s, n, 0.5), at(s, n, 0.99), at(s, n, 0.999), at(s, n, 1),
	    c->survives ? "yes" : "no");
	fprintf(json,
	    "{\"bench\":\"call\",\"name\":\"%s\",\"mode\":\"%s\",\"threads\":%d,\"fields\":%d,"
	    "\"calls\":%zu,\"p50_ns\":%.1f,\"p99_ns\":%.1f,\"p999_ns\":%.1f,\"max_ns\":%.0f}\n",
	    c->name, what, threads, c->fields, n, at(s, n, 0.5), at(s, n, 0.99),
	    at(s, n, 0.999), at(s, n, 1));
}

static void
latency(const struct contender *c, const char *dir, bool paced, int threads)
{
	const size_t cap = 400000;
	struct job job[4];
	uint64_t *all = malloc((size_t)threads * cap * sizeof *all);
	size_t n = 0;

	if (all == NULL || c->open(c, dir) < 0)
		err(1, "%s", c->name);
	for (unsigned i = 0; i < 2000; i++)
		c->emit(c, i);
	c->written();
	for (int t = 0; t < threads; t++) {
		job[t] = (struct job){ .c = c,
			.paced = paced,
			.until = now() + seconds * 1e9,
			.sample = all + (size_t)t * cap,
			.cap = cap };
		if (pthread_create(&job[t].thread, NULL, measure, &job[t]) != 0)
			err(1, "thread");
	}
	for (int t = 0; t < threads; t++) {
		(void)pthread_join(job[t].thread, NULL);
		memmove(all + n, job[t].sample, job[t].n * sizeof *all);
		n += job[t].n;
	}
	c->close();
	report(paced ? "paced" : "burst", c, threads, all, n);
	free(all);
}

/* Records a second from the first call until all stand in the file; for liblog also until sealed. */
static void
sustained(const struct contender *c, const char *dir)
{
	const unsigned n = 2000000;
	double t, written, closed;

	if (c->open(c, dir) < 0)
		err(1, "%s", c->name);
	t = now();
	for (unsigned i = 0; i < n; i++)
		c->emit(c, i);
	c->written();
	written = (double)n / (now() - t) * 1e3;
	c->close();
	closed = (double)n / (now() - t) * 1e3;
	printf("%-28s %12.2f %12.2f\n", c->name, written, closed);
	fprintf(json,
	    "{\"bench\":\"sustained\",\"name\":\"%s\",\"records\":%u,\"written_mps\":%.3f,"
	    "\"closed_mps\":%.3f}\n",
	    c->name, n, written, closed);
}

struct waiter {
	pthread_t thread;
	double until;
	unsigned long calls;
};

static void *
wait_durable(void *arg)
{
	struct waiter *w = arg;

	while (now() < w->until && ALOG_AUDIT(stage, "audit", ALOG_KV("n", w->calls)) == 0)
		w->calls++;
	return NULL;
}

static void
durable(const char *dir, int waiters)
{
	static const struct contender c = { .name = "liblog" };
	struct waiter w[64] = { 0 };
	unsigned long calls = 0;
	const double t = now();

	if (liblog_open(&c, dir) < 0)
		err(1, "liblog");
	for (int i = 0; i < waiters; i++) {
		w[i].until = t + seconds * 1e9;
		if (pthread_create(&w[i].thread, NULL, wait_durable, &w[i]) != 0)
			err(1, "thread");
	}
	for (int i = 0; i < waiters; i++) {
		(void)pthread_join(w[i].thread, NULL);
		calls += w[i].calls;
	}
	printf("%-28s %7d %12.0f\n", "ALOG_AUDIT", waiters, (double)calls / (now() - t) * 1e9);
	fprintf(json, "{\"bench\":\"durable\",\"waiters\":%d,\"calls_per_s\":%.0f}\n", waiters,
	    (double)calls / (now() - t) * 1e9);
	liblog_close();
}

#define LIBLOG(name, fields, arg)                                                              \
	{                                                                                      \
		name, fields, 1, liblog_open, liblog_emit, liblog_written, liblog_close, arg   \
	}

int
main(int argc, char **argv)
{
	static const struct contender peers[] = {
		{ "limit: encode, clock", 6, 0, nothing_open, limit_emit, nothing, nothing, 0 },
		LIBLOG("liblog, 6 fields", 6, 0),
		{ "spdlog sync", 6, 0, spdlog_open, spdlog_emit, spdlog_written, spdlog_close,
		    0 },
		{ "spdlog async", 6, 0, spdlog_open, spdlog_emit, spdlog_written, spdlog_close,
		    1 },
		{ "GLib structured", 6, 0, glib_open, glib_emit, glib_written, glib_close, 0 },
		{ "write(2) a record", 6, 1, write_open, write_emit, nothing, write_close, 0 },
	};
	static const struct contender ours[] = {
		LIBLOG("liblog, 0 fields", 0, 0),
		LIBLOG("liblog, 20 fields", 20, 0),
		LIBLOG("liblog, 1 field, 5 bound", 6, 2),
		LIBLOG("liblog, 6, ring in tmpfs", 6, 1),
		{ "liblog, level off", 6, 1, liblog_open, liblog_disabled, liblog_written,
		    liblog_close, 0 },
	};
	char path[4096];

	if (argc < 2)
		errx(2, "usage: emit DIR [SECONDS]");
	if (argc > 2)
		seconds = atof(argv[2]);
	(void)snprintf(path, sizeof path, "%s/emit.json", argv[1]);
	if ((json = fopen(path, "w")) == NULL)
		err(1, "%s", path);
	calibrate();
	printf("ns a call %20s threads %-6s %8s %8s %8s %8s %9s  survives SIGKILL\n", "",
	    "mode", "calls", "p50", "p99", "p99.9", "max");
	for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++)
		for (int paced = 0; paced < 2; paced++)
			latency(&peers[i], argv[1], paced != 0, 1);
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		for (int paced = 0; paced < 2; paced++)
			latency(&ours[i], argv[1], paced != 0, 1);
	for (int threads = 2; threads <= 4; threads *= 2)
		for (size_t i = 1; i < sizeof peers / sizeof peers[0]; i++)
			latency(&peers[i], argv[1], false, threads);
	printf(
	    "\nmillion records a second, one thread  written  and closed (liblog: sealed)\n");
	for (size_t i = 1; i < sizeof peers / sizeof peers[0]; i++)
		sustained(&peers[i], argv[1]);
	printf("\ndurable calls a second       waiters\n");
	for (int waiters = 1; waiters <= 64; waiters *= 8)
		durable(argv[1], waiters);
	return fclose(json) == 0 ? 0 : 1;
}
