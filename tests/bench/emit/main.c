/*
 * emit - what a log call costs: liblog beside spdlog, GLib, a write(2) a record, and the bare
 * limit, on the same record, in the same run.
 *
 *     emit DIR [ROUNDS]      a text table on stdout, JSON lines in DIR/emit.json
 *
 * Machines are noisy, so all contenders of a table take turns, ROUNDS times, each round from another one on, and
 * what is shown is the median of their rounds; a ratio is the median of the ratios in each round.  A call is timed by the processor's time-stamp
 * counter; the cost of reading it is taken off.  Bursts are of 1,000 calls with a pause in which buffers drain; paced
 * calls come once a millisecond, from a thread that sleeps in between, as in a service.
 */
#include "contender.h"
#include "timing.h"

#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define BURST       1000
#define PACED       1000 /* calls in a round */
#define WARM        20   /* paced calls before those that count */
#define BURST_NS    300e6
#define BURST_PAUSE 10000000L
#define SAMPLES     200000 /* of a thread in a round, at most */
#define THREADS_MAX 4
#define ROUNDS_MAX  101
#define WAITERS_MAX 64
#define RECORDS     1000000u      /* few enough that no peer outlasts the warm memory */
#define LINE_BYTES  UINT64_C(320) /* at most */
#define DISABLED    10000u        /* calls in a loop */
#define LOOPS       1000

#define COUNT(a)    (sizeof(a) / sizeof(a)[0])

#define LIBLOG(name, fields, arg)                                                              \
	{                                                                                      \
		name, fields, 1, liblog_open, liblog_emit, liblog_written, liblog_close, arg   \
	}
#define SPDLOG(name, arg)                                                                      \
	{                                                                                      \
		name, 6, 0, spdlog_open, spdlog_emit, spdlog_written, spdlog_close, arg        \
	}

static const struct contender six = LIBLOG("liblog, 6 fields", 6, 0),
			      tmpfs = LIBLOG("liblog, 6, ring in tmpfs", 6, CONTENDER_TMPFS),
			      none = LIBLOG("liblog, 0 fields", 0, 0),
			      twenty = LIBLOG("liblog, 20 fields", 20, 0),
			      bound = LIBLOG("liblog, 1 field, 5 bound", 6, CONTENDER_BOUND),
			      sealing = LIBLOG("liblog, sealing meanwhile", 6, CONTENDER_SEAL),
			      sync_peer = SPDLOG("spdlog sync", 0),
			      async_peer = SPDLOG("spdlog async", 1);

static const char *dir;
static size_t rounds = 5;
static FILE *json;

/* Whose turn is the ith of a round: from another one on each time, and every other time backwards, so that nobody
 * always comes after the same one. */
static size_t
turn(size_t i, size_t n, size_t round)
{
	return ((round % 2 == 0 ? i : n - 1 - i) + round) % n;
}

/* ---- latency ---- */

enum { CALL, P50, P99, P999, MAX, FIGURES };

struct row {
	const struct contender *c;
	bool paced;
	size_t threads;
	double figure[FIGURES][ROUNDS_MAX], ratio[FIGURES][ROUNDS_MAX];
	double median[FIGURES], times[FIGURES]; /* the limit's */
};

struct job {
	const struct row *row;
	pthread_t thread;
	uint64_t *sample;
	size_t n;
	double call[SAMPLES / BURST]; /* in bursts that were timed as one, ns a call */
	size_t ncall;
};

static void
burst(struct job *j, unsigned *i)
{
	const struct contender *c = j->row->c;
	const uint64_t start = timing_ticks();

	for (int k = 0; k < BURST; k++)
		c->emit(c, (*i)++);
	j->call[j->ncall++] = timing_ns(timing_ticks() - start) / BURST;
	timing_pause(BURST_PAUSE);
	for (int k = 0; k < BURST; k++) {
		const uint64_t from = timing_ticks();

		c->emit(c, (*i)++);
		j->sample[j->n++] = timing_ticks() - from;
	}
	timing_pause(BURST_PAUSE);
}

static void
paced(struct job *j)
{
	const struct contender *c = j->row->c;

	for (unsigned i = 0; i < PACED + WARM; i++) {
		const uint64_t from = timing_ticks();

		c->emit(c, i);
		if (i >= WARM)
			j->sample[j->n++] = timing_ticks() - from;
		timing_pause(1000000);
	}
}

static void *
measure(void *arg)
{
	struct job *j = arg;
	const double until = timing_now() + BURST_NS;
	unsigned i = 0;

	if (j->row->paced)
		paced(j);
	else
		while (timing_now() < until && j->n + BURST <= SAMPLES &&
		    j->ncall < COUNT(j->call))
			burst(j, &i);
	return NULL;
}

static void
take_turn(struct row *r, size_t round, uint64_t *room)
{
	static struct job job[THREADS_MAX];
	size_t n = 0;
	double calls = 0;

	for (size_t t = 0; t < r->threads; t++) {
		job[t] = (struct job){ .row = r, .sample = room + t * SAMPLES };
		if (pthread_create(&job[t].thread, NULL, measure, &job[t]) != 0)
			err(1, "thread");
	}
	for (size_t t = 0; t < r->threads; t++) {
		(void)pthread_join(job[t].thread, NULL);
		memmove(room + n, job[t].sample, job[t].n * sizeof *room);
		n += job[t].n;
		calls += timing_median(job[t].call, job[t].ncall);
	}
	r->c->written(r->c);
	timing_sort(room, n);
	r->figure[CALL][round] = calls / (double)r->threads;
	r->figure[P50][round] = timing_quantile(room, n, 0.5);
	r->figure[P99][round] = timing_quantile(room, n, 0.99);
	r->figure[P999][round] = timing_quantile(room, n, 0.999);
	r->figure[MAX][round] = timing_quantile(room, n, 1);
}

/* Ratios first: medians are taken by sorting. */
static void
summarize(struct row *r, const struct row *limit)
{
	for (int f = 0; f < FIGURES; f++) {
		for (size_t i = 0; i < rounds; i++)
			r->ratio[f][i] =
			    limit->figure[f][i] > 0 ? r->figure[f][i] / limit->figure[f][i] : 0;
		r->times[f] = timing_median(r->ratio[f], rounds);
	}
}

static void
report(struct row *r)
{
	const char *mode = r->paced ? "paced" : "burst";

	for (int f = 0; f < FIGURES; f++)
		r->median[f] = timing_median(r->figure[f], rounds);
	printf("%-28s %7zu  %-5s", r->c->name, r->threads, mode);
	if (r->paced)
		printf(" %6s", "-");
	else
		printf(" %6.0f", r->median[CALL]);
	printf(" %6.0f %7.0f %8.0f %9.0f %7.1f  %s\n", r->median[P50], r->median[P99],
	    r->median[P999], r->median[MAX], r->times[P50], r->c->survives ? "yes" : "no");
	fprintf(json,
	    "{\"bench\":\"call\",\"name\":\"%s\",\"mode\":\"%s\",\"threads\":%zu,"
	    "\"fields\":%d,\"rounds\":%zu,\"call_ns\":%.1f,\"p50_ns\":%.1f,\"p99_ns\":%.1f,"
	    "\"p999_ns\":%.1f,\"max_ns\":%.0f,\"p50_to_limit\":%.2f,\"p999_to_limit\":%.2f}\n",
	    r->c->name, mode, r->threads, r->c->fields, rounds, r->median[CALL], r->median[P50],
	    r->median[P99], r->median[P999], r->median[MAX], r->times[P50], r->times[P999]);
}

/* The first row of a table is the limit. */
static void
latency(struct row *row, size_t n)
{
	uint64_t *room = calloc(THREADS_MAX * SAMPLES, sizeof *room);

	if (room == NULL)
		err(1, "samples");
	for (size_t i = 0; i < n; i++) {
		if (row[i].c->open(row[i].c, dir) < 0)
			err(1, "%s", row[i].c->name);
		for (unsigned k = 0; k < 2 * BURST; k++)
			row[i].c->emit(row[i].c, k);
		row[i].c->written(row[i].c);
	}
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < n; i++)
			take_turn(&row[turn(i, n, round)], round, room);
	for (size_t i = n; i-- > 0;) {
		row[i].c->close(row[i].c);
		summarize(&row[i], &row[0]);
	}
	for (size_t i = 0; i < n; i++)
		report(&row[i]);
	free(room);
}

/* Nanoseconds of a call below the level, the loop around it included. */
static double
level_off(void)
{
	static uint64_t sample[LOOPS];
	double ns;

	if (liblog_open(&six, dir) < 0)
		err(1, "liblog");
	for (size_t i = 0; i < LOOPS; i++) {
		const uint64_t from = timing_ticks();

		liblog_disabled(&six, DISABLED);
		sample[i] = timing_ticks() - from;
	}
	liblog_close(&six);
	timing_sort(sample, LOOPS);
	ns = timing_quantile(sample, LOOPS, 0.5) / DISABLED;
	printf("%-28s %7d  %-5s %6.2f\n", "liblog, level off", 1, "loop", ns);
	fprintf(json, "{\"bench\":\"level_off\",\"call_ns\":%.3f}\n", ns);
	return ns;
}

/* ---- sustained ---- */

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	/* The JSON is still being written. */
	if (ftw->level > 0 && strcmp(path + ftw->base, "emit.json") != 0)
		(void)remove(path);
	return 0;
}

static void
remove_files(void)
{
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/*
 * A virtual machine gets its memory from the host page by page, at the first touch, which takes longer
 * than all else there is to do: touch what the page cache is about to need, for everybody alike.
 */
static void
warm_page_cache(void)
{
	static char block[1 << 20];
	char path[4096];
	int fd;

	(void)snprintf(path, sizeof path, "%s/warm", dir);
	if ((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600)) < 0)
		err(1, "%s", path);
	for (size_t left = RECORDS * LINE_BYTES; left > sizeof block; left -= sizeof block)
		if (write(fd, block, sizeof block) < 0)
			err(1, "%s", path);
	(void)close(fd);
	(void)unlink(path);
}

struct throughput {
	const struct contender *c;
	double written[ROUNDS_MAX], closed[ROUNDS_MAX], ratio[ROUNDS_MAX];
	double cpu[ROUNDS_MAX]; /* of all threads, ns a record until written */
};

static double
cpu_time(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e9 +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e3;
}

/* Millions of records a second from the first call until all stand in the file, and until it is closed. */
static void
sustain(struct throughput *s, size_t round)
{
	const struct contender *c = s->c;
	double t, cpu;

	warm_page_cache();
	if (c->open(c, dir) < 0)
		err(1, "%s", c->name);
	cpu = cpu_time();
	t = timing_now();
	for (unsigned i = 0; i < RECORDS; i++)
		c->emit(c, i);
	c->written(c);
	s->cpu[round] = (cpu_time() - cpu) / RECORDS;
	s->written[round] = RECORDS / (timing_now() - t) * 1e3;
	c->close(c);
	s->closed[round] = RECORDS / (timing_now() - t) * 1e3;
	remove_files();
}

/* liblog's ratio to spdlog sync. */
static double
sustained(void)
{
	static struct throughput table[] = { { .c = &sync_peer }, { .c = &six },
		{ .c = &tmpfs }, { .c = &sealing }, { .c = &async_peer },
		{ .c = &contender_glib }, { .c = &contender_write } };
	double ours = 0, ratio;

	for (size_t round = 0; round < rounds; round++) {
		for (size_t i = 0; i < COUNT(table); i++)
			sustain(&table[turn(i, COUNT(table), round)], round);
		for (size_t i = 0; i < COUNT(table); i++)
			table[i].ratio[round] =
			    table[i].written[round] / table[0].written[round];
	}
	printf(
	    "\nmillion records a second, 1 thread  in the file    closed  to spdlog sync  CPU ns a record\n");
	for (size_t i = 0; i < COUNT(table); i++) {
		struct throughput *s = &table[i];
		const double written = timing_median(s->written, rounds),
			     closed = timing_median(s->closed, rounds),
			     cpu = timing_median(s->cpu, rounds);

		ratio = timing_median(s->ratio, rounds);
		if (s->c == &six)
			ours = ratio;
		printf("%-34s %12.2f %9.2f %15.1f %16.0f\n", s->c->name, written, closed, ratio,
		    cpu);
		fprintf(json,
		    "{\"bench\":\"sustained\",\"name\":\"%s\",\"records\":%u,\"rounds\":%zu,"
		    "\"written_mps\":%.3f,\"closed_mps\":%.3f,\"to_spdlog_sync\":%.2f,\"cpu_ns\":%.0f}\n",
		    s->c->name, RECORDS, rounds, written, closed, ratio, cpu);
	}
	return ours;
}

/* ---- durable ---- */

struct waiter {
	pthread_t thread;
	double until;
	unsigned long calls;
};

static void *
wait_durable(void *arg)
{
	struct waiter *w = arg;

	while (timing_now() < w->until && liblog_audit(&six, w->calls) == 0)
		w->calls++;
	return NULL;
}

static double
durable_round(size_t waiters)
{
	struct waiter w[WAITERS_MAX] = { 0 };
	const double t = timing_now();
	unsigned long calls = 0;

	for (size_t i = 0; i < waiters; i++) {
		w[i].until = t + 1e9;
		if (pthread_create(&w[i].thread, NULL, wait_durable, &w[i]) != 0)
			err(1, "thread");
	}
	for (size_t i = 0; i < waiters; i++) {
		(void)pthread_join(w[i].thread, NULL);
		calls += w[i].calls;
	}
	return (double)calls / (timing_now() - t) * 1e9;
}

static void
durable(void)
{
	static const size_t waiters[] = { 1, 8, WAITERS_MAX };
	static double calls[COUNT(waiters)][ROUNDS_MAX];

	if (liblog_open(&six, dir) < 0)
		err(1, "liblog");
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < COUNT(waiters); i++)
			calls[i][round] = durable_round(waiters[i]);
	liblog_close(&six);
	printf("\nALOG_AUDIT, waiting threads  durable calls a second\n");
	for (size_t i = 0; i < COUNT(waiters); i++) {
		const double median = timing_median(calls[i], rounds);

		printf("%27zu  %22.0f\n", waiters[i], median);
		fprintf(json, "{\"bench\":\"durable\",\"waiters\":%zu,\"calls_per_s\":%.0f}\n",
		    waiters[i], median);
	}
}

/* ---- what we want ---- */

enum bound { AT_MOST, AT_LEAST };

static void
target(const char *what, enum bound kind, double bound_value, double is)
{
	const bool met = kind == AT_MOST ? is <= bound_value : is >= bound_value;

	printf("%-32s %s %7.1f   is %9.2f   %s\n", what,
	    kind == AT_MOST ? "at most " : "at least", bound_value, is, met ? "met" : "MISSED");
	fprintf(json,
	    "{\"bench\":\"target\",\"what\":\"%s\",\"kind\":\"%s\",\"bound\":%.1f,"
	    "\"is\":%.3f,\"met\":%s}\n",
	    what, kind == AT_MOST ? "at most" : "at least", bound_value, is,
	    met ? "true" : "false");
}

#define ROW(who, how, n)                                                                       \
	{                                                                                      \
		.c = &(who), .paced = (how), .threads = (n)                                    \
	}
#define ALL(how)                                                                               \
	{                                                                                      \
		ROW(contender_limit, how, 1), ROW(six, how, 1), ROW(tmpfs, how, 1),            \
		    ROW(none, how, 1), ROW(twenty, how, 1), ROW(bound, how, 1),                \
		    ROW(sync_peer, how, 1), ROW(async_peer, how, 1),                           \
		    ROW(contender_glib, how, 1), ROW(contender_write, how, 1)                  \
	}
#define PEERS(n)                                                                               \
	{                                                                                      \
		ROW(contender_limit, false, n), ROW(six, false, n), ROW(tmpfs, false, n),      \
		    ROW(sync_peer, false, n), ROW(async_peer, false, n),                       \
		    ROW(contender_glib, false, n), ROW(contender_write, false, n)              \
	}
enum { LIMIT, SIX };

int
main(int argc, char **argv)
{
	static struct row one[] = ALL(false), two[] = PEERS(2), four[] = PEERS(4),
			  spaced[] = ALL(true);
	char path[4096];
	double off, ratio;

	if (argc > 2)
		rounds = strtoul(argv[2], NULL, 10);
	if (argc < 2 || rounds == 0 || rounds > ROUNDS_MAX)
		errx(2, "usage: emit DIR [ROUNDS]");
	dir = argv[1];
	(void)snprintf(path, sizeof path, "%s/emit.json", dir);
	if ((json = fopen(path, "w")) == NULL)
		err(1, "%s", path);
	timing_calibrate();
	printf("ns a call: medians of %zu rounds   call: the mean in a tight loop\n", rounds);
	printf("%-28s threads  mode    call    p50     p99    p99.9       max  to limit  "
	       "survives SIGKILL\n",
	    "");
	latency(one, COUNT(one));
	latency(two, COUNT(two));
	latency(four, COUNT(four));
	latency(spaced, COUNT(spaced));
	off = level_off();
	remove_files();
	ratio = sustained();
	durable();
	printf("\nwhat we want, of 6 fields and 1 thread\n");
	target("in bursts, p50 to the limit's", AT_MOST, 1.3, one[SIX].times[P50]);
	target("in bursts, p50, ns", AT_MOST, 60, one[SIX].median[P50]);
	target("paced, p99.9, ns", AT_MOST, 1000, spaced[SIX].median[P999]);
	printf("    the limit itself takes %.0f there, and in bursts %.0f at p50\n",
	    spaced[LIMIT].median[P999], one[LIMIT].median[P50]);
	target("below the level, ns", AT_MOST, 1, off);
	target("sustained, to spdlog sync", AT_LEAST, 1.5, ratio);
	remove_files();
	return fclose(json) == 0 ? 0 : 1;
}
