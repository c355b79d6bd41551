/*
 * follower - for tests: the records that were acknowledged, and what was shown of them.
 *
 * A record says which writer it is of ("w") and the how manieth ("n", from 1).  Of each writer every record that was
 * acknowledged has to be shown, once, in order; of one that was killed perhaps one more.
 */
#ifndef FOLLOWER_H
#define FOLLOWER_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <zlib.h>

#include "auditq.h"
#include "logging.h"

enum { WRITERS = 64, RECORDS = 4096, PATIENCE_MS = 30000 };

/* What was acknowledged, shared with children. */
struct acked {
	_Atomic uint32_t n[WRITERS];
};

struct shown {
	_Atomic uint32_t n; /* records */
	uint8_t times[WRITERS][RECORDS];
	_Atomic uint64_t last[WRITERS];
	_Atomic uint32_t lost, warnings;
	bool any_order; /* is right: a clock goes back */
	char wrong[300], said[300];
};

static struct acked *acked;

static inline void
acked_reset(void)
{
	if (acked == NULL)
		acked = mmap(NULL, sizeof *acked, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(acked != MAP_FAILED);
	memset(acked, 0, sizeof *acked);
}

static inline uint32_t
acked_total(void)
{
	uint32_t n = 0;

	for (size_t w = 0; w < WRITERS; w++)
		n += acked->n[w];
	return n;
}

static inline void
shown_warn(void *arg, const auditq_warning *w)
{
	struct shown *s = arg;

	if (s->said[0] == '\0')
		(void)snprintf(s->said, sizeof s->said, "%.150s: %.140s", w->path, w->text);
	s->warnings++;
	s->lost += w->lost;
}

static inline void
shown_take(struct shown *s, const auditq_record *rec)
{
	int64_t w, n;

	/* A word of the library's own, such as of a gap. */
	if (auditq_get_i64(rec, "w", &w) < 0 || auditq_get_i64(rec, "n", &n) < 0)
		return;
	if (s->wrong[0] == '\0' && (w < 0 || w >= WRITERS || n < 1 || n >= RECORDS))
		(void)snprintf(
		    s->wrong, sizeof s->wrong, "nobody wrote %.*s", (int)rec->len, rec->line);
	else if (s->wrong[0] == '\0' && s->times[w][n] > 0)
		(void)snprintf(s->wrong, sizeof s->wrong,
		    "record %lld of writer %lld is shown again, from %.150s at %llu",
		    (long long)n, (long long)w, rec->path, (unsigned long long)rec->offset);
	else if (s->wrong[0] == '\0' && !s->any_order && (uint64_t)n < s->last[w])
		(void)snprintf(s->wrong, sizeof s->wrong,
		    "record %lld of writer %lld is shown behind %llu, from %.150s",
		    (long long)n, (long long)w, (unsigned long long)s->last[w], rec->path);
	if (s->wrong[0] != '\0')
		return;
	s->times[w][n] = 1;
	s->last[w] = (uint64_t)n;
	s->n++;
}

/* What is not as it should be; extra: so many that nobody acknowledged may be there of each writer. */
static inline void
shown_check(const struct shown *s, uint32_t extra)
{
	if (s->wrong[0] != '\0')
		fail_msg("%s", s->wrong);
	for (size_t w = 0; w < WRITERS; w++)
		for (uint32_t n = 1; n < RECORDS; n++) {
			if (n <= acked->n[w] && s->times[w][n] == 0)
				fail_msg("record %u of writer %zu is not shown, of %u", n, w,
				    acked->n[w]);
			if (n > acked->n[w] + extra && s->times[w][n] > 0)
				fail_msg("record %u of writer %zu was not written", n, w);
		}
	if (s->lost > 0)
		fail_msg("told as lost: %s", s->said);
}

/* ---- one that follows, in a thread of its own ---- */

struct follower {
	auditq_t *q;
	pthread_t thread;
	struct shown shown;
	atomic_bool hold; /* before the next record */
	atomic_bool held;
	_Atomic int64_t when; /* monotonic ns: the last record was shown */
	int r;
	auditq_error err;
};

static inline void *
follower_run(void *arg)
{
	struct follower *f = arg;
	auditq_record rec;
	int64_t now;

	while ((f->r = auditq_next(f->q, &rec, &f->err)) > 0) {
		if (sys_posix.monotonic(&now) == 0)
			f->when = now;
		shown_take(&f->shown, &rec);
		for (f->held = f->hold; f->hold;)
			logging_sleep_ms(1);
	}
	return NULL;
}

/* A query that follows a path, from the beginning of what is there; to be asked more. */
static inline struct follower *
follower_new(const char *path)
{
	struct follower *f = calloc(1, sizeof *f);

	assert_non_null(f);
	assert_non_null(f->q = auditq_new());
	assert_int_equal(auditq_path(f->q, path), 0);
	assert_int_equal(auditq_follow(f->q, true), 0);
	assert_int_equal(auditq_tail(f->q, RECORDS), 0);
	assert_int_equal(auditq_on_warning(f->q, shown_warn, &f->shown), 0);
	return f;
}

static inline void
follower_start(struct follower *f)
{
	assert_int_equal(pthread_create(&f->thread, NULL, follower_run, f), 0);
}

static inline struct follower *
follow(const char *path)
{
	struct follower *f = follower_new(path);

	follower_start(f);
	return f;
}

/* Until so many records were shown, or something is wrong, or for too long. */
static inline void
follower_await(const struct follower *f, uint32_t n)
{
	for (int i = 0; i < PATIENCE_MS && f->shown.n < n && f->shown.wrong[0] == '\0'; i++)
		logging_sleep_ms(1);
}

/* All that was acknowledged so far. */
static inline void
follower_catch_up(const struct follower *f)
{
	follower_await(f, acked_total());
	if (f->shown.n < acked_total())
		shown_check(&f->shown, 1);
}

/* When nothing more comes, it has shown what it should.  What there was to say is in *said, if that is wanted. */
static inline void
follower_end(struct follower *f, uint32_t extra, char said[300])
{
	follower_await(f, acked_total());
	logging_sleep_ms(60);
	auditq_cancel(f->q);
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	if (f->r < 0)
		fail_msg("%s: %s", f->err.path, f->err.text);
	if (said != NULL)
		memcpy(said, f->shown.said, sizeof f->shown.said);
	shown_check(&f->shown, extra);
	auditq_free(f->q);
	free(f);
}

/* ---- what came since the last time, by a cursor ---- */

/* 0, or negative: then the cursor stays what it was. */
static inline int
cursor_go_on(const char *path, const char *cursor, struct shown *shown, auditq_error *err)
{
	auditq_t *q = auditq_new();
	auditq_record rec;
	int r;

	assert_non_null(q);
	auditq_path(q, path);
	auditq_cursor(q, cursor);
	auditq_on_warning(q, shown_warn, shown);
	while ((r = auditq_next(q, &rec, err)) > 0)
		shown_take(shown, &rec);
	if (r == 0)
		r = auditq_cursor_store(q, err);
	auditq_free(q);
	return r;
}

/* ---- those that write ---- */

/* Records of liblog, of writer w. */
static inline void
emit(alog_t *log, uint32_t w, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t n = acked->n[w] + 1;

		if (ALOG_INFO(log, "record", ALOG_KV("w", w), ALOG_KV("n", n)) < 0)
			abort();
		acked->n[w] = n;
	}
}

/* Logs of others. */
static char file[SCRATCH_MAX + 64], rotated[SCRATCH_MAX + 64];

/* Two of a directory, which is made if it is not there. */
static inline void
name_files(const char *now, const char *then)
{
	if (access(root, F_OK) < 0)
		assert_int_equal(mkdir(root, 0750), 0);
	(void)snprintf(file, sizeof file, "%s/%s", root, now);
	(void)snprintf(rotated, sizeof rotated, "%s/%s", root, then);
}

/* Lines of others', at the end of a file, which is made if it is not there. */
static inline void
append(const char *path, uint32_t w, uint32_t count)
{
	FILE *f = fopen(path, "ae");

	assert_non_null(f);
	for (uint32_t i = 0; i < count; i++)
		assert_true(
		    fprintf(f, "{\"ts\":\"2026-01-02T03:04:05.%06uZ\",\"w\":%u,\"n\":%u}\n",
			acked->n[w] + i + 1, w, acked->n[w] + i + 1) > 0);
	/* It may be read before it is counted. */
	acked->n[w] += count;
	assert_int_equal(fclose(f), 0);
}

/* As logrotate compresses what it renamed: piece by piece, with a pause behind each; then path goes, if not kept. */
static inline void
gzip_file(const char *path, bool keep, unsigned pause_ms)
{
	char packed[SCRATCH_MAX + 80], buf[700];
	FILE *in = fopen(path, "re");
	gzFile out;
	size_t n;

	(void)snprintf(packed, sizeof packed, "%s.gz", path);
	assert_non_null(in);
	assert_non_null(out = gzopen(packed, "wbe"));
	while ((n = fread(buf, 1, sizeof buf, in)) > 0) {
		assert_int_equal(gzwrite(out, buf, (unsigned)n), (int)n);
		if (pause_ms > 0) {
			assert_int_equal(gzflush(out, Z_FULL_FLUSH), Z_OK);
			logging_sleep_ms(pause_ms);
		}
	}
	assert_int_equal(gzclose(out), Z_OK);
	(void)fclose(in);
	if (!keep)
		assert_int_equal(unlink(path), 0);
}

static inline int
follower_set_up(void **state)
{
	acked_reset();
	return logging_set_up(state);
}

#define FOLLOWER_TEST(f) cmocka_unit_test_setup_teardown(f, follower_set_up, logging_tear_down)

#endif
