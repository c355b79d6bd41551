/*
 * trail ROOT SEED RECORDS plain|sealed - write a small trail with liblog, for the tests that read one.
 *
 * Two writers, four days, clocks that now and then step back, runs and stages that overlap,
 * and values that are hard to carry: escapes, wrong UTF-8, numbers beyond 2^53, dotted keys.
 */
#include <float.h>
#include <jansson.h>
#include <liblog.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITERS 2
#define SLOTS   6 /* runs at a time */
#define SECOND  INT64_C(1000000000)
#define START   (INT64_C(1761004800) * SECOND) /* 2025-10-21 */
#define SPAN    (4 * 86400 * SECOND)

struct slot {
	alog_t *run, *stage;
};

struct trail {
	uint64_t seed;
	int64_t now;
	alog_t *log[WRITERS];
	json_t *nested;
	struct slot slot[SLOTS];
};

static const char *const stages[] = { "fetch", "decode", "detection", "publish" };
static const char *const texts[] = {
	"plain",
	"",
	"with \"quotes\" and \\backslashes\\",
	"a/b/c",
	"tab\tline\nfeed\rreturn",
	"\x01\x1f\x7f",
	"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7",
	"wrong \xff\xc0\xaf\xed\xa0\x80 utf-8",
	"\xe2\x80\xa8 separators \xe2\x80\xa9",
	"2025-10-22T10:00:00Z",
	"<script>&amp;</script>",
	"longer than the sixty-four bytes up to which a string is put into a member's filter",
};

/* splitmix64 */
static uint64_t
draw(struct trail *t, uint64_t below)
{
	uint64_t z = t->seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % below;
}

static int64_t
trail_clock(void *arg)
{
	struct trail *t = arg;

	return t->now;
}

static alog_field
any_number(struct trail *t, const char *key)
{
	switch (draw(t, 9)) {
	case 0: return ALOG_KV(key, INT64_MIN);
	case 1: return ALOG_KV(key, UINT64_MAX);
	case 2: return ALOG_KV(key, INT64_C(9007199254740993));
	case 3: return ALOG_KV(key, DBL_MIN);
	case 4: return ALOG_KV(key, 0.1f);
	case 5: return ALOG_KV(key, -0.0);
	case 6: return ALOG_KV(key, (double)draw(t, 1000) / 8);
	default: return ALOG_KV(key, (int)draw(t, 20) - 5);
	}
}

static alog_field
any_value(struct trail *t, const char *key)
{
	switch (draw(t, 8)) {
	case 0: return ALOG_NULL(key);
	case 1: return ALOG_KV(key, (bool)draw(t, 2));
	case 2: return any_number(t, key);
	case 3: return ALOG_KV(key, t->nested);
	default: return ALOG_KV(key, texts[draw(t, sizeof texts / sizeof texts[0])]);
	}
}

static void
begin(struct trail *t, struct slot *s)
{
	char id[40];

	snprintf(id, sizeof id, "%08llx-run", (unsigned long long)draw(t, 1u << 24));
	s->run = alog_run_begin(t->log[draw(t, WRITERS)], draw(t, 2) ? id : NULL);
	s->stage =
	    alog_stage_begin(s->run, stages[draw(t, 4)], ALOG_KV("gpu", (int)draw(t, 2)));
}

static void
end(struct trail *t, struct slot *s)
{
	int status = draw(t, 5) == 0 ? ALOG_FAILED : ALOG_OK;

	alog_stage_end(s->stage, status, any_value(t, "error"));
	alog_run_end(s->run, status);
	s->run = s->stage = NULL;
}

static void
step(struct trail *t)
{
	struct slot *s = &t->slot[draw(t, SLOTS)];

	if (s->run == NULL) {
		begin(t, s);
	} else if (draw(t, 12) == 0) {
		end(t, s);
	} else {
		alog_field fields[] = { any_number(t, "n"), any_value(t, "value"),
			any_value(t, "http.status"), any_value(t, "user") };
		/* A seventh of the records are not of the stage; fields come in any number. */
		alog_emitv(draw(t, 7) == 0 ? s->run : s->stage,
		    ALOG_LEVEL_INFO + (int)draw(t, 5), texts[draw(t, 5)], fields, draw(t, 5));
	}
}

static int
trail_open(struct trail *t, int i, const char *root, bool sealed)
{
	static const char *const services[WRITERS] = { "alpha", "beta" };
	alog_options opt = {
		.size = sizeof opt,
		.root = root,
		.service = services[i],
		.host = "host",
		.flags = sealed ? 0 : ALOG_NO_SEAL,
		.segment_bytes = 1 << 20,
		.seal_bytes = 1,
		.clock = trail_clock,
		.clock_arg = t,
	};
	alog_error err;

	if (alog_open(&t->log[i], &opt, &err) == 0)
		return 0;
	fprintf(stderr, "trail: %s\n", err.text);
	return -1;
}

int
main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: trail ROOT SEED RECORDS plain|sealed\n");
		return 2;
	}
	struct trail t = { .seed = strtoull(argv[2], NULL, 10), .now = START };
	int64_t n = strtoll(argv[3], NULL, 10);

	t.nested = json_pack(
	    "{s{sss[ss]}s[]s{}}", "user", "name", "maria", "roles", "a", "b", "n", "o");
	for (int i = 0; i < WRITERS; i++)
		if (trail_open(&t, i, argv[1], strcmp(argv[4], "sealed") == 0) < 0)
			return 1;
	for (int64_t i = 0; i < n; i++) {
		t.now = START + SPAN / n * i -
		    (int64_t)draw(&t, 50) / 49 * (int64_t)draw(&t, 600) * SECOND;
		step(&t);
	}
	for (int i = 0; i < SLOTS; i++) {
		alog_free(t.slot[i].stage);
		alog_free(t.slot[i].run);
	}
	for (int i = 0; i < WRITERS; i++)
		if (alog_close(t.log[i]) != 0)
			return 1;
	json_decref(t.nested);
	return 0;
}
