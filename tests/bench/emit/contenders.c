/* contenders - liblog, GLib, a write(2) a record, and the limit: encode into memory, read the clock. */
#include "contender.h"

#include <err.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "liblog.h"

#define RUN_ID "0199feae-5b6c-7000-8000-0123456789ab"

static int64_t
realtime(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- the record by hand: for write(2) and for the limit ---- */

#define HEAD "\",\"level\":\"info\",\"run_id\":\"" RUN_ID "\",\"seq\":"
#define MIDDLE                                                                                 \
	",\"service\":\"detector\",\"host\":\"node-01\",\"pid\":4711,"                         \
	"\"stage\":\"detection\",\"msg\":\"frame done\",\"i\":"
#define REST                                                                                   \
	",\"camera\":\"front-left\",\"bytes\":123456,\"ok\":true,"                             \
	"\"gpu\":0,\"score\":0.75}\n"
#define BY_HAND_MAX     512

#define PUT(p, literal) (memcpy(p, literal, sizeof(literal) - 1), (p) + sizeof(literal) - 1)

static char *
put_digits(char *p, unsigned u)
{
	char digits[12], *d = digits + sizeof digits;

	do
		*--d = (char)('0' + u % 10);
	while ((u /= 10) != 0);
	memcpy(p, d, (size_t)(digits + sizeof digits - d));
	return p + (digits + sizeof digits - d);
}

static size_t
by_hand(char *start, unsigned i)
{
	char *p = PUT(start, "{\"ts\":\"");

	clock_format(p, realtime());
	p = PUT(p + CLOCK_LENGTH, HEAD);
	p = PUT(put_digits(p, i), MIDDLE);
	p = PUT(put_digits(p, i), REST);
	return (size_t)(p - start);
}

static int
limit_open(const struct contender *c, const char *dir)
{
	(void)c;
	(void)dir;
	return 0;
}

static void
nothing(const struct contender *c)
{
	(void)c;
}

/* As much memory as liblog's ring goes through between two drains at a thousand records a second. */
static void
limit_emit(const struct contender *c, unsigned i)
{
	static _Thread_local char area[32 << 10];
	static _Thread_local size_t at;

	(void)c;
	if (at > sizeof area - BY_HAND_MAX)
		at = 0;
	at += by_hand(area + at, i);
}

const struct contender contender_limit = { "limit: encode, clock", 6, 0, limit_open, limit_emit,
	nothing, nothing, 0 };

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
	char line[BY_HAND_MAX];

	(void)c;
	if (write(write_fd, line, by_hand(line, i)) < 0)
		err(1, "write");
}

static void
write_close(const struct contender *c)
{
	(void)c;
	(void)close(write_fd);
}

const struct contender contender_write = { "write(2) a record", 6, 1, write_open, write_emit,
	nothing, write_close, 0 };

/* ---- liblog ---- */

static struct service {
	unsigned users;
	alog_t *log, *run, *stage, *bound;
} services[2];

static struct service *
service_of(const struct contender *c)
{
	return &services[(c->arg & CONTENDER_TMPFS) != 0];
}

int
liblog_open(const struct contender *c, const char *dir)
{
	struct service *s = service_of(c);
	char path[4096];
	alog_error e;
	/* Sealing takes a core from whoever comes next; where it counts it is asked for. */
	alog_options opt = { .size = sizeof opt,
		.root = path,
		.service = "detector",
		.host = "node-01",
		.flags = (c->arg & CONTENDER_SEAL) != 0 ? 0 : ALOG_NO_SEAL,
		.ring_dir = (c->arg & CONTENDER_TMPFS) != 0 ? "/dev/shm" : NULL };

	if (s->users++ > 0)
		return 0;
	(void)snprintf(path, sizeof path, "%s/liblog", dir);
	if (alog_open(&s->log, &opt, &e) < 0)
		errx(1, "%s: %s", e.path, e.text);
	s->run = alog_run_begin(s->log, RUN_ID);
	s->stage = alog_stage_begin(s->run, "detection");
	s->bound =
	    alog_bind(s->stage, ALOG_KV("camera", "front-left"), ALOG_KV("bytes", 123456),
		ALOG_KVB("ok", true), ALOG_KV("gpu", 0), ALOG_KV("score", 0.75));
	return s->bound != NULL ? 0 : -1;
}

void
liblog_emit(const struct contender *c, unsigned i)
{
	alog_t *stage = service_of(c)->stage;

	if (c->fields == 0)
		(void)ALOG_INFO(stage, "frame done");
	else if ((c->arg & CONTENDER_BOUND) != 0)
		(void)ALOG_INFO(service_of(c)->bound, "frame done", ALOG_KV("i", i));
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

void
liblog_disabled(const struct contender *c, unsigned n)
{
	alog_t *stage = service_of(c)->stage;

	for (unsigned i = 0; i < n; i++)
		(void)ALOG_DEBUG(
		    stage, "frame done", ALOG_KV("i", i), ALOG_KV("camera", "front-left"));
}

int
liblog_audit(const struct contender *c, unsigned long i)
{
	return ALOG_AUDIT(service_of(c)->stage, "audit", ALOG_KV("n", i));
}

void
liblog_written(const struct contender *c)
{
	alog_stats s = { .size = sizeof s };

	for (;;) {
		(void)alog_get_stats(service_of(c)->log, &s);
		if (s.written >= s.records)
			return;
		(void)nanosleep(&(struct timespec){ 0, 200000 }, NULL);
	}
}

void
liblog_close(const struct contender *c)
{
	struct service *s = service_of(c);

	if (--s->users > 0)
		return;
	alog_free(s->bound);
	alog_free(s->stage);
	alog_free(s->run);
	(void)alog_close(s->log);
}

/* ---- GLib ---- */

static FILE *glib_file;

/* The writer that GLib leaves to its users: here it makes the same JSON line. */
static GLogWriterOutput
glib_writer(GLogLevelFlags level, const GLogField *field, gsize n, gpointer data)
{
	char ts[CLOCK_LENGTH];

	(void)level;
	(void)data;
	clock_format(ts, realtime());
	flockfile(glib_file);
	(void)fprintf(glib_file, "{\"ts\":\"%.*s\"", CLOCK_LENGTH, ts);
	for (gsize i = 0; i < n; i++)
		(void)fprintf(
		    glib_file, ",\"%s\":\"%s\"", field[i].key, (const char *)field[i].value);
	(void)fputs("}\n", glib_file);
	funlockfile(glib_file);
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
	g_log_structured("bench", G_LOG_LEVEL_INFO, "run_id", RUN_ID, "service", "detector",
	    "host", "node-01", "stage", "detection", "i", "1", "camera", "front-left", "bytes",
	    "123456", "ok", "true", "gpu", "0", "score", "0.75", "MESSAGE", "frame done %u", i);
}

static void
glib_written(const struct contender *c)
{
	(void)c;
	(void)fflush(glib_file);
}

static void
glib_close(const struct contender *c)
{
	(void)c;
	(void)fclose(glib_file);
}

const struct contender contender_glib = { "GLib structured", 6, 0, glib_open, glib_emit,
	glib_written, glib_close, 0 };
