/*
 * maketrail ROOT [RECORDS [SEED [DAYS [SEGMENT_BYTES]]]] - write the trail that benchmarks ask.
 *
 * 4.2 million records of about 267 bytes over fourteen days, in runs of eight stages, 64 at a
 * time, each for one of ten thousand users; 0.8 % of the records failed.  Written through liblog, with a
 * simulated clock.  The same arguments give the same records, but for pid.
 */
#include <liblog.h>
#include <stdio.h>
#include <stdlib.h>

#define RUNS    64
#define STAGES  8
#define USERS   10000
#define RECORDS 4200000
#define DAYS    14
#define SECOND  INT64_C(1000000000)
#define START   (INT64_C(1760054400) * SECOND) /* 2025-10-10 */
#define DAY     (86400 * SECOND)

struct slot {
	alog_t *run;
	alog_t *user; /* what the run's stages begin from */
	alog_t *stage;
	unsigned next; /* stage to begin next */
	unsigned left; /* records before the stage ends */
	bool failed;   /* the stage had an error */
};

struct maker {
	uint64_t seed;
	int64_t now;
	uint64_t made;
	alog_t *log;
	struct slot slot[RUNS];
};

/* splitmix64 */
static uint32_t
draw(struct maker *m, uint32_t below)
{
	uint64_t z = m->seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ z >> 31) % below);
}

static int64_t
maker_clock(void *arg)
{
	struct maker *m = arg;

	return m->now;
}

static void
end_run(struct slot *s)
{
	alog_free(s->user);
	alog_run_end(s->run, ALOG_OK);
	*s = (struct slot){ 0 };
}

/* Its id is a UUIDv7 of the simulated time. */
static void
begin_run(struct maker *m, struct slot *s)
{
	char id[40], user[8];
	uint64_t ms = (uint64_t)(m->now / 1000000);

	snprintf(id, sizeof id, "%08x-%04x-7%03x-%04x-%06x%06x", (unsigned)(ms >> 16),
	    (unsigned)(ms & 0xffff), draw(m, 0x1000), 0x8000 + draw(m, 0x4000),
	    draw(m, 1u << 24), draw(m, 1u << 24));
	snprintf(user, sizeof user, "u%04u", (unsigned)draw(m, USERS));
	s->run = alog_run_begin(m->log, id);
	s->user = alog_bind(s->run, ALOG_KV("user", user));
}

/* One record of one of the runs. */
static void
step(struct maker *m)
{
	static const char *const stages[STAGES] = { "ingest", "decode", "normalize",
		"detection", "tracking", "classify", "publish", "archive" };
	static const char *const messages[] = { "frame done", "batch complete", "queue drained",
		"cache refreshed", "model evaluated" };
	struct slot *s = &m->slot[draw(m, RUNS)];

	m->made++;
	if (s->run == NULL) {
		begin_run(m, s);
	} else if (s->stage == NULL && s->next == STAGES) {
		end_run(s);
	} else if (s->stage == NULL) {
		s->stage = alog_stage_begin(s->user, stages[s->next++]);
		s->left = 10 + draw(m, 30);
		s->failed = false;
	} else if (s->left-- == 0) {
		alog_stage_end(s->stage, s->failed ? ALOG_FAILED : ALOG_OK);
		s->stage = NULL;
	} else if (draw(m, 225) == 0) {
		s->failed = true;
		ALOG_ERROR(s->stage, "no answer", ALOG_KV("device", draw(m, 8)),
		    ALOG_KV("waited_ms", 1000 + draw(m, 9000)));
	} else {
		ALOG_INFO(s->stage, messages[draw(m, 5)], ALOG_KV("frame", draw(m, 100000)),
		    ALOG_KV("objects", draw(m, 60)),
		    ALOG_KV("latency_ms", draw(m, 1000000) / 1000.0));
	}
}

static uint64_t
argument(int argc, char **argv, int i, uint64_t otherwise)
{
	return i < argc ? strtoull(argv[i], NULL, 10) : otherwise;
}

int
main(int argc, char **argv)
{
	struct maker m = { .now = START };
	uint64_t records = argument(argc, argv, 2, RECORDS);
	int64_t span = (int64_t)argument(argc, argv, 4, DAYS) * DAY;
	alog_options opt = {
		.size = sizeof opt,
		.root = argv[1],
		.service = "detector",
		.host = "node-01",
		.segment_bytes = argument(argc, argv, 5, 0),
		.seal_bytes = 1,
		.block_ms = 600000,
		.close_ms = 3600000,
		.clock = maker_clock,
		.clock_arg = &m,
	};
	alog_error err;

	if (argc < 2 || argc > 6 || records == 0) {
		fprintf(
		    stderr, "usage: maketrail ROOT [RECORDS [SEED [DAYS [SEGMENT_BYTES]]]]\n");
		return 2;
	}
	m.seed = argument(argc, argv, 3, 1);
	if (alog_open(&m.log, &opt, &err) < 0) {
		fprintf(stderr, "maketrail: %s\n", err.text);
		return 1;
	}
	while (m.made < records) {
		m.now = START + (int64_t)((double)span / (double)records * (double)m.made);
		step(&m);
	}
	for (size_t i = 0; i < RUNS; i++) {
		alog_free(m.slot[i].stage);
		alog_free(m.slot[i].user);
		alog_free(m.slot[i].run);
	}
	return alog_close(m.log) == 0 ? 0 : 1;
}
