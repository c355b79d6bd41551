/*
 * service ROOT [END] - an example of a service that logs with liblog, and what `make demo` runs.
 *
 * Three processes (three hosts of a video pipeline) share one root without knowing of each other;
 * in each, four threads work runs off.  A run goes through four stages; now and then one fails.
 * At the end a fourth is killed in the middle of its work.  Five days pass in a second: the clock is
 * simulated, by the option of that name.  With END, in seconds since 1970, those are the five days
 * before it, and the trail is the same each time, but for pid and seq.
 */
#include <liblog.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES 3
#define THREADS   4
#define DAYS      5
#define RUNS      2000 /* of a process */
#define SECOND    INT64_C(1000000000)
#define HOUR      (3600 * SECOND)
#define SPAN      (DAYS * 24 * HOUR)

struct service {
	alog_t *log;
	int number;    /* of the process, from 1 */
	char host[16]; /* node-NUMBER */
	int64_t end;   /* of the five days */
	bool same;     /* as each time */
	_Atomic int next_run;
};

/* What the simulated clock shows to a thread that works; 0: to any other. */
static _Thread_local int64_t now;

static int64_t
service_clock(void *arg)
{
	const struct service *svc = arg;

	return now != 0 ? now += 1000 : svc->end;
}

/* Work for so many simulated milliseconds, a thousandth of it in earnest: so that no thread gets far
 * ahead of the others. */
static void
work(uint32_t ms)
{
	struct timespec nap = { 0, (long)ms * 1000 };

	now += (int64_t)ms * 1000000;
	nanosleep(&nap, NULL);
}

/* xorshift: the same runs fail each time. */
static uint32_t
draw(uint32_t *seed, uint32_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % below;
}

static int
stage_fetch(alog_t *run, uint32_t *seed)
{
	alog_t *stage = alog_stage_begin(run, "fetch");

	work(200 + draw(seed, 400));
	if (draw(seed, 40) == 0)
		ALOG_WARN(stage, "slow source, trying again", ALOG_KV("attempt", 2));
	ALOG_INFO(stage, "fetched", ALOG_KV("bytes", 40000000u + draw(seed, 9000000)));
	return alog_stage_end(stage, ALOG_OK);
}

static int
stage_decode(alog_t *run, uint32_t *seed)
{
	alog_t *stage = alog_stage_begin(run, "decode");
	uint32_t frames = 250 + draw(seed, 500);

	work(frames);
	if (draw(seed, 150) == 0) {
		alog_stage_end(stage, ALOG_FAILED, ALOG_KV("error", "corrupt frame"),
		    ALOG_KV("frame", draw(seed, frames)));
		return -1;
	}
	ALOG_INFO(stage, "decoded", ALOG_KV("frames", frames), ALOG_KV("codec", "h264"));
	return alog_stage_end(stage, ALOG_OK);
}

/* For the last twenty hours, the second GPU of node-02 has been unwell. */
static int
stage_detection(struct service *svc, alog_t *run, uint32_t *seed)
{
	int gpu = (int)draw(seed, 2);
	bool unwell = gpu == 1 && svc->number == 2 && now > svc->end - 20 * HOUR;
	alog_t *device = alog_bind(run, ALOG_KV("gpu", gpu));
	alog_t *stage = alog_stage_begin(device, "detection");

	ALOG_INFO(
	    stage, "model loaded", ALOG_KV("model", "yolo-9"), ALOG_KV("bytes", 51234816));
	work(500 + draw(seed, 1000));
	if (unwell && draw(seed, 4) == 0) {
		work(8000);
		ALOG_ERROR(stage, "no answer from the device", ALOG_KV("waited_ms", 8000));
		alog_stage_end(stage, ALOG_FAILED, ALOG_KV("error", "gpu timeout"));
		return -1;
	}
	ALOG_INFO(stage, "detected", ALOG_KV("objects", draw(seed, 60)),
	    ALOG_KV("confidence", 0.5 + draw(seed, 50) / 100.0));
	return alog_stage_end(stage, ALOG_OK);
}

static int
stage_publish(alog_t *run, uint32_t *seed)
{
	alog_t *stage = alog_stage_begin(run, "publish");

	work(50 + draw(seed, 100));
	if (draw(seed, 300) == 0) {
		alog_stage_end(stage, ALOG_FAILED, ALOG_KV("error", "broker refused"),
		    ALOG_KV("http.status", 503));
		return -1;
	}
	return alog_stage_end(stage, ALOG_OK);
}

/* Begin run i.  Its id is made by liblog, unless it has to be the same each time. */
static alog_t *
begin_run(struct service *svc, int i, uint32_t *seed)
{
	char id[40];
	uint64_t ms;

	now = svc->end - SPAN + SPAN / RUNS * i + SPAN / RUNS / PROCESSES * (svc->number - 1);
	ms = (uint64_t)(now / 1000000);
	snprintf(id, sizeof id, "%08x-%04x-7%03x-%04x-%06x%06x", (unsigned)(ms >> 16),
	    (unsigned)(ms & 0xffff), draw(seed, 0x1000), 0x8000 + draw(seed, 0x4000),
	    draw(seed, 1u << 24), draw(seed, 1u << 24));
	return alog_run_begin(svc->log, svc->same ? id : NULL, ALOG_KV("trigger", "upload"));
}

static void
do_run(struct service *svc, int i)
{
	static const char *const tenants[] = { "acme", "globex", "initech", "umbrella" };
	uint32_t seed =
	    2463534242u ^ ((uint32_t)i + 1) * 2654435761u ^ (uint32_t)svc->number << 8;
	alog_t *run = begin_run(svc, i, &seed), *req;
	int r;

	req = alog_bind(run, ALOG_KV("tenant", tenants[draw(&seed, 4)]), ALOG_KV("video", i));
	r = stage_fetch(req, &seed) < 0 || stage_decode(req, &seed) < 0 ||
	    stage_detection(svc, req, &seed) < 0 || stage_publish(req, &seed) < 0;
	if (r == 0 && i % 500 == 250)
		ALOG_AUDIT(
		    req, "video.delete", ALOG_KV("user", "maria"), ALOG_KV("reason", "GDPR"));
	alog_free(req);
	alog_run_end(run, r == 0 ? ALOG_OK : ALOG_FAILED);
}

static void *
worker(void *arg)
{
	struct service *svc = arg;
	int i;

	while ((i = atomic_fetch_add(&svc->next_run, 1)) < RUNS)
		do_run(svc, i);
	return NULL;
}

static int
open_log(struct service *svc, const char *root)
{
	alog_options opt = {
		.size = sizeof opt,
		.root = root,
		.service = "video",
		.host = svc->host,
		.seal_bytes = 1,
		.clock = service_clock,
		.clock_arg = svc,
	};
	alog_error err;

	snprintf(svc->host, sizeof svc->host, "node-%02d", svc->number);
	if (alog_open(&svc->log, &opt, &err) == 0)
		return 0;
	fprintf(stderr, "%s: %s\n", svc->host, err.text);
	return -1;
}

/* One process of the service: 0, or 1 when the trail is not whole. */
static int
serve(struct service *svc, const char *root)
{
	pthread_t thread[THREADS];
	int n, r;

	if (open_log(svc, root) < 0)
		return 1;
	for (n = 0; n < THREADS; n++)
		if (pthread_create(&thread[n], NULL, worker, svc) != 0)
			break;
	for (int i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	if ((r = alog_close(svc->log)) < 0)
		fprintf(stderr, "%s: %s\n", svc->host, alog_code_name(r));
	return n == THREADS && r == 0 ? 0 : 1;
}

/* The process that is killed: what it logged until then is there. */
static int
die(struct service *svc, const char *root)
{
	uint32_t seed = 1;
	alog_t *run, *stage;

	if (open_log(svc, root) < 0)
		return 1;
	run = begin_run(svc, RUNS - 1, &seed);
	stage_fetch(run, &seed);
	stage = alog_stage_begin(run, "decode");
	ALOG_WARN(stage, "out of memory soon", ALOG_KV("free_mb", 3));
	return raise(SIGKILL);
}

int
main(int argc, char **argv)
{
	struct service svc = { .same = argc == 3 };
	int status, failed = 0;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: service ROOT [END]\n");
		return 2;
	}
	svc.end = (argc == 3 ? strtoll(argv[2], NULL, 10) : (int64_t)time(NULL) - 60) * SECOND;
	for (svc.number = 1; svc.number <= PROCESSES; svc.number++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(serve(&svc, argv[1]));
		failed |= pid < 0;
	}
	while (wait(&status) > 0)
		failed |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	if (fork() == 0)
		_exit(die(&svc, argv[1]));
	return wait(&status) < 0 || !WIFSIGNALED(status) || failed;
}
