/*
 * search - what a query says of damaged, vanishing and doubled data; of rings; the last run; the
 * cache; being canceled; and each call to the system failing in turn.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "archive.h"
#include "auditq.h"
#include "faults.h"
#include "liblog.h"
#include "sanitizer.h"
#include "scratch.h"

#define T0 (INT64_C(1761004800) * CLOCK_S) /* 2025-10-21T00:00:00Z */
#define W1 "0123456789abcdef"

static char root[SCRATCH_MAX];

/* ---- trails ---------------------------------------------------------------------------- */

static void
path_in(char dst[2 * SCRATCH_MAX], const char *name)
{
	snprintf(dst, 2 * SCRATCH_MAX, "%s/%s", root, name);
}

static void
make_parent(const char *path)
{
	char dir[2 * SCRATCH_MAX];

	snprintf(dir, sizeof dir, "%s", path);
	*strrchr(dir, '/') = '\0';
	(void)mkdir(dir, 0700);
}

/* Record number i of a run, a second apart. */
static size_t
record(char dst[256], uint64_t i, const char *run)
{
	char when[CLOCK_LENGTH];

	clock_format(when, T0 + (int64_t)i * CLOCK_S);
	return (size_t)snprintf(dst, 256,
	    "{\"ts\":\"%.*s\",\"level\":\"info\",\"run_id\":\"%s\",\"seq\":%llu,\"msg\":\"%016llx\"}",
	    CLOCK_LENGTH, when, run, (unsigned long long)i,
	    (unsigned long long)(i * UINT64_C(0x9e3779b97f4a7c15)));
}

/* Records first ... last as an archive; as a plain file. */
static void
put_archive(const char *name, uint64_t first, uint64_t last, const char *run)
{
	char path[2 * SCRATCH_MAX], line[256];
	struct archive_options opt = { .path = path, .member_bytes = 1500 };
	struct archive *a;
	alog_error err;
	int fd;

	path_in(path, name);
	make_parent(path);
	error_reset(&err);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(archive_begin(&a, fd, &opt, &err), 0);
	for (uint64_t i = first; i <= last; i++)
		assert_int_equal(archive_add(a, line, record(line, i, run), &err), 0);
	assert_int_equal(archive_finish(a, NULL, &err), 0);
	close(fd);
}

static void
put_plain(const char *name, uint64_t first, uint64_t last, const char *run, const char *tail)
{
	char path[2 * SCRATCH_MAX], line[256];
	FILE *f;

	path_in(path, name);
	make_parent(path);
	assert_non_null(f = fopen(path, "w"));
	for (uint64_t i = first; i <= last; i++) {
		(void)record(line, i, run);
		fprintf(f, "%s\n", line);
	}
	fputs(tail, f);
	fclose(f);
}

static char *
read_file(const char *name, size_t *n)
{
	char path[2 * SCRATCH_MAX], *p;
	int fd;

	path_in(path, name);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	*n = (size_t)lseek(fd, 0, SEEK_END);
	assert_non_null(p = malloc(*n + 1));
	assert_int_equal(pread(fd, p, *n, 0), *n);
	close(fd);
	return p;
}

static void
write_file(const char *name, const void *p, size_t n)
{
	char path[2 * SCRATCH_MAX];
	int fd;

	path_in(path, name);
	make_parent(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
}

/* ---- answers --------------------------------------------------------------------------- */

struct answer {
	uint64_t seq[4096]; /* of each record, in order */
	size_t n;
	char said[8192]; /* warnings, one a line */
	unsigned warned, lost;
	int r;
	auditq_error err;
	auditq_counts counts;
};

static void
on_warning(void *arg, const auditq_warning *w)
{
	struct answer *a = arg;
	size_t n = strlen(a->said);

	a->warned++;
	a->lost += w->lost;
	snprintf(a->said + n, sizeof a->said - n, "%s %s:%llu @%llu %s\n",
	    auditq_code_name(w->code),
	    strrchr(w->path, '/') != NULL ? strrchr(w->path, '/') : w->path,
	    (unsigned long long)w->line, (unsigned long long)w->offset, w->text);
}

static auditq_t *
ask(struct answer *a)
{
	auditq_t *q = auditq_new();

	assert_non_null(q);
	memset(a, 0, sizeof *a);
	auditq_path(q, root);
	auditq_jobs(q, 1);
	auditq_on_warning(q, on_warning, a);
	return q;
}

/* Read all answers, each of which must be a record as it was written. */
static void
take(auditq_t *q, struct answer *a)
{
	auditq_record rec;
	auditq_value v;
	char want[256], run[32];
	int64_t seq;

	while ((a->r = auditq_next(q, &rec, &a->err)) > 0) {
		assert_int_equal(auditq_get_i64(&rec, "seq", &seq), 0);
		assert_true(auditq_get_string(&rec, "run_id", run, sizeof run) >= 0);
		assert_int_equal(auditq_get(&rec, "pad", &v), 0);
		if (v.type == AUDITQ_ABSENT) {
			assert_int_equal(rec.len, record(want, (uint64_t)seq, run));
			assert_memory_equal(rec.line, want, rec.len);
		}
		assert_true(a->n < sizeof a->seq / sizeof a->seq[0]);
		a->seq[a->n++] = (uint64_t)seq;
	}
	a->counts.size = sizeof a->counts;
	assert_int_equal(auditq_get_counts(q, &a->counts), 0);
	auditq_free(q);
}

static void
assert_same(const struct answer *a, const struct answer *b)
{
	assert_int_equal(a->n, b->n);
	assert_memory_equal(a->seq, b->seq, a->n * sizeof a->seq[0]);
}

/* Records first ... last, each once, in order. */
static void
assert_range(const struct answer *a, uint64_t first, uint64_t last)
{
	if (a->r != 0)
		fail_msg("%s", a->err.text);
	if (a->n != last - first + 1)
		fail_msg("%zu records, want %llu: %s", a->n,
		    (unsigned long long)(last - first + 1), a->said);
	for (size_t i = 0; i < a->n; i++)
		assert_int_equal(a->seq[i], first + i);
}

/* ---- damage ---------------------------------------------------------------------------- */

static struct answer a, b, c;

static void
ask_three_ways(void)
{
	auditq_t *q;

	take(ask(&a), &a);
	q = ask(&b);
	auditq_jobs(q, 4);
	take(q, &b);
	q = ask(&c);
	auditq_use_index(q, false);
	take(q, &c);
	assert_int_equal(a.r, 0);
	assert_same(&a, &b);
	assert_string_equal(a.said, b.said);
	assert_same(&a, &c);
}

/* A flip in the data of any member: the others answer, and it is said where the damage is. */
static void
test_damaged_member(void **state)
{
	char *p;
	size_t n, flips = 0;

	(void)state;
	put_archive("x.jsonl.gz", 1, 100, "r");
	p = read_file("x.jsonl.gz", &n);
	for (size_t i = 0; i < n; i++) {
		struct format_header h;
		struct format_data d;
		uint16_t schema;
		char want[64];

		if (format_get_header((uint8_t *)p + i, n - i, &h) != 1 ||
		    h.kind != FORMAT_DATA)
			continue;
		assert_int_equal(format_get_data(h.fixed, h.nfixed, &d, &schema), 0);
		p[i + d.member_bytes - 20] ^= 4;
		write_file("x.jsonl.gz", p, n);
		ask_three_ways();
		assert_int_equal(a.lost, 1);
		assert_int_equal(a.n, 100 - d.lines);
		snprintf(want, sizeof want, "@%zu ", i);
		assert_non_null(strstr(a.said, want));
		assert_int_equal(c.lost, 1);
		assert_non_null(strstr(c.said, want));
		p[i + d.member_bytes - 20] ^= 4;
		flips++;
	}
	assert_true(flips > 5);
	free(p);
}

/* A flip anywhere in the index costs time, not answers. */
static void
test_damaged_index(void **state)
{
	char *p;
	size_t n, used = 0;
	alog_error err;
	struct format_footer footer;
	char path[2 * SCRATCH_MAX];
	int fd;

	(void)state;
	put_archive("w.jsonl.gz", 1, 40, "r");
	put_archive("x.jsonl.gz", 41, 100, "r");
	put_archive("y.jsonl.gz", 101, 130, "r");
	p = read_file("x.jsonl.gz", &n);
	path_in(path, "x.jsonl.gz");
	fd = open(path, O_RDONLY);
	assert_int_equal(archive_read_footer(fd, n, path, &footer, &err), 0);
	close(fd);
	for (size_t i = (size_t)footer.index_offset; i < n; i += 11) {
		p[i] ^= 0x10;
		write_file("x.jsonl.gz", p, n);
		ask_three_ways();
		assert_range(&a, 1, 130);
		used += a.warned == 0;
		p[i] ^= 0x10;
	}
	/* The index is refused, save for what does not matter to this question. */
	assert_true(used < (n - footer.index_offset) / 11 / 2);
	free(p);
}

static void
test_cut(void **state)
{
	char *p;
	size_t n;

	(void)state;
	put_archive("x.jsonl.gz", 1, 100, "r");
	p = read_file("x.jsonl.gz", &n);
	for (size_t i = 0; i < n; i += 13) {
		write_file("x.jsonl.gz", p, i);
		ask_three_ways();
		if (a.n > 0)
			assert_range(&a, 1, a.n);
		if (a.n < 100 && i > 1 && a.lost == 0)
			fail_msg("cut at %zu: %zu records and not a word", i, a.n);
	}
	/* Two archives joined must not hide one another. */
	put_archive("y.jsonl.gz", 101, 150, "r");
	{
		size_t m;
		char *second = read_file("y.jsonl.gz", &m), *both = malloc(n + m);
		char path[2 * SCRATCH_MAX];

		assert_non_null(both);
		memcpy(both, p, n);
		memcpy(both + n, second, m);
		write_file("x.jsonl.gz", both, n + m);
		path_in(path, "y.jsonl.gz");
		unlink(path);
		ask_three_ways();
		assert_range(&a, 1, 150);
		free(second);
		free(both);
	}
	free(p);
}

/* A member that was taken out, whole: the footer knows how many lines there were. */
static void
test_member_taken_out(void **state)
{
	struct format_header h;
	struct format_data d;
	uint16_t schema;
	char *p;
	size_t n;

	(void)state;
	put_archive("x.jsonl.gz", 1, 100, "r");
	p = read_file("x.jsonl.gz", &n);
	assert_int_equal(format_get_header((uint8_t *)p, n, &h), 1);
	assert_int_equal(format_get_data(h.fixed, h.nfixed, &d, &schema), 0);
	write_file("x.jsonl.gz", p + d.member_bytes, n - d.member_bytes);
	ask_three_ways();
	assert_range(&a, d.lines + 1, 100);
	assert_int_equal(a.lost, 1);
	assert_non_null(strstr(a.said, "are missing"));
	assert_int_equal(c.lost, 1);
	free(p);
}

/* An archive that is removed or replaced between two calls. */
static void
test_vanished(void **state)
{
	char path[2 * SCRATCH_MAX];
	auditq_record rec;
	auditq_t *q;
	size_t n;

	(void)state;
	for (int replace = 0; replace < 2; replace++) {
		put_archive("x.jsonl.gz", 1, 100, "r");
		q = ask(&a);
		assert_int_equal(auditq_next(q, &rec, &a.err), 1);
		path_in(path, "x.jsonl.gz");
		unlink(path);
		if (replace)
			put_archive("x.jsonl.gz", 1, 50, "r");
		for (n = 1; auditq_next(q, &rec, &a.err) > 0; n++)
			;
		assert_true(n < 100);
		if (replace)
			assert_true(a.lost > 0);
		else
			assert_true(a.lost == 0 && a.warned == 1);
		auditq_free(q);
	}
}

/* An archive of a format to come is refused, the rest is answered. */
static void
test_version(void **state)
{
	char *p;
	size_t n;

	(void)state;
	put_plain("a.jsonl", 1, 3, "r", "");
	put_archive("x.jsonl.gz", 4, 30, "r");
	p = read_file("x.jsonl.gz", &n);
	for (size_t i = 0; i < n; i++) {
		struct format_header h;
		uint8_t *sub = (uint8_t *)p + i + FORMAT_HEADER_BYTES + 4;
		size_t len;
		uLong crc;

		if (format_get_header((uint8_t *)p + i, n - i, &h) != 1)
			continue;
		len = FORMAT_SUBFIELD_BYTES + h.nfixed + h.nrest;
		sub[1]++;
		memset(sub + 4, 0, 4);
		crc = crc32(0, sub, (uInt)len);
		for (int k = 0; k < 4; k++)
			sub[4 + k] = (uint8_t)(crc >> 8 * k);
	}
	write_file("x.jsonl.gz", p, n);
	ask_three_ways();
	assert_range(&a, 1, 3);
	assert_int_equal(a.lost, 1);
	assert_non_null(strstr(a.said, "AUDITQ_EVERSION /x.jsonl.gz"));
	assert_int_equal(c.lost, 1);
	free(p);
}

static void
test_unreadable_lines(void **state)
{
	static const char zeros[40] = { 0 };
	auditq_t *q;

	(void)state;
	put_plain("a.jsonl", 1, 3, "r", "not json\n{\"also\n\n[1]\n{\"torn\":");
	ask_three_ways();
	assert_range(&a, 1, 3);
	assert_string_equal(a.said,
	    "AUDITQ_EJSON /a.jsonl:4 @303 2 lines are not JSON objects\n"
	    "AUDITQ_EJSON /a.jsonl:7 @320 2 lines are not JSON objects\n");
	assert_int_equal(a.counts.unreadable, 4);
	/* Outside the window nobody needed them. */
	q = ask(&a);
	auditq_between(q, INT64_MIN, T0 + 3 * CLOCK_S);
	take(q, &a);
	assert_range(&a, 1, 2);
	assert_int_equal(a.warned, 0);
	/* In the segment that is being written, a torn line is no damage. */
	put_plain("a.jsonl", 1, 0, "r", "");
	put_plain("s." W1 ".000001.jsonl", 1, 3, "r", "{\"ts\":");
	ask_three_ways();
	assert_range(&a, 1, 3);
	assert_int_equal(a.warned, 0);
	write_file("a.jsonl", zeros, sizeof zeros);
	ask_three_ways();
	assert_range(&a, 1, 3);
	assert_int_equal(a.lost, 1);
}

/* ---- what is not read ------------------------------------------------------------------ */

static void
test_pruned(void **state)
{
	auditq_t *q;
	uint64_t n;

	(void)state;
	put_archive("date=2025-10-21/s." W1 ".000001.jsonl.gz", 1, 200, "one");
	put_archive("date=2025-10-21/t.ffffffffffffffff.000001.jsonl.gz", 1001, 1200, "two");
	put_archive("date=2025-10-24/t.ffffffffffffffff.000002.jsonl.gz", 5000, 5010, "two");

	q = ask(&a);
	auditq_run(q, "two");
	auditq_before(q, "2025-10-22");
	take(q, &a);
	assert_range(&a, 1001, 1200);
	assert_int_equal(a.counts.partitions, 2);
	assert_int_equal(a.counts.partitions_pruned, 1);
	assert_int_equal(a.counts.files, 2);
	assert_int_equal(a.counts.members_by_run, a.counts.members / 2);
	assert_int_equal(a.counts.members_inflated, a.counts.members / 2);

	q = ask(&a);
	auditq_between(q, T0 + 50 * CLOCK_S, T0 + 52 * CLOCK_S);
	take(q, &a);
	assert_range(&a, 50, 51);
	assert_int_equal(a.counts.files_by_footer, 1);
	assert_true(a.counts.members_by_time > 3);
	assert_true(a.counts.members_inflated <= 2);

	q = ask(&a);
	auditq_failed(q);
	take(q, &a);
	assert_int_equal(a.n, 0);
	assert_int_equal(a.counts.files_by_footer, 3);
	assert_int_equal(a.counts.bytes_read, 0);

	q = ask(&a);
	auditq_where(q, "msg == '9e3779b97f4a7c15'");
	take(q, &a);
	assert_range(&a, 1, 1);
	assert_true(a.counts.members_by_filter > 3);
	assert_true(a.counts.members_inflated <= 3);

	/* A count needs the members at the edges of the window only. */
	q = ask(&a);
	auditq_between(q, T0 + 50 * CLOCK_S, T0 + 1150 * CLOCK_S);
	auditq_level(q, "info");
	assert_int_equal(auditq_count(q, &n, NULL), 0);
	assert_int_equal(n, 151 + 149);
	a.counts.size = sizeof a.counts;
	assert_int_equal(auditq_get_counts(q, &a.counts), 0);
	assert_true(a.counts.members_answered > 10);
	assert_true(a.counts.members_inflated <= 2);
	assert_int_equal(a.counts.matched, n);
	/* The first records are in the first member. */
	auditq_limit(q, 3);
	take(q, &a);
	assert_range(&a, 50, 52);
	assert_int_equal(a.counts.members_inflated, 1);
}

/*
 * A plain file of several blocks, and of pieces that workers sift at once.  Only every fiftieth line has a
 * time, and none of those has the stage: a line is in the window when the line with a time before it is,
 * which may be in another block or piece, and is one that is passed over.
 */
static void
test_pieces(void **state)
{
	enum { LINES = 3000, PAD = 2000, EVERY = 50, STAGE = 97 };
	char path[2 * SCRATCH_MAX], when[CLOCK_LENGTH];
	FILE *f;

	(void)state;
	path_in(path, "pieces.jsonl");
	assert_non_null(f = fopen(path, "w"));
	for (int i = 0; i < LINES; i++) {
		bool timed = i % EVERY == 0;

		clock_format(when, T0 + i * CLOCK_S);
		fprintf(f, "{\"pad\":\"%*s\",\"stage\":\"%s\",\"%s\":\"%.*s\"}\n", PAD, "",
		    i % STAGE == 3 && !timed ? "hit" : "miss", timed ? "ts" : "no",
		    CLOCK_LENGTH, when);
	}
	fclose(f);
	for (int first = 0; first < LINES; first += EVERY * BY_SANITIZER(1, 1, 5)) {
		auditq_t *q = ask(&a);
		uint64_t n, want = 0;

		for (int i = first; i < LINES; i++)
			want += i % STAGE == 3 && i % EVERY != 0;
		auditq_jobs(q, first / EVERY % 2 == 0 ? 1 : 4);
		auditq_stage(q, "hit");
		auditq_between(q, T0 + first * CLOCK_S, T0 + LINES * CLOCK_S);
		assert_int_equal(auditq_count(q, &n, &a.err), 0);
		if (n != want)
			fail_msg("from %d on: %llu, not %llu", first, (unsigned long long)n,
			    (unsigned long long)want);
		auditq_free(q);
	}
}

/* ---- doubles --------------------------------------------------------------------------- */

static void
test_doubles(void **state)
{
	auditq_t *q;
	uint64_t n;

	(void)state;
	/* A tail written again after an fsync that failed. */
	put_archive("date=2025-10-21/s." W1 ".000001.jsonl.gz", 1, 50, "r");
	put_archive("date=2025-10-21/s." W1 ".000002.jsonl.gz", 41, 90, "r");
	put_plain("date=2025-10-21/s." W1 ".000003.jsonl", 91, 99, "r", "{\"torn");
	ask_three_ways();
	assert_range(&a, 1, 99);
	assert_int_equal(a.counts.duplicates, 10);
	assert_int_equal(c.counts.duplicates, 10);
	q = ask(&b);
	assert_int_equal(auditq_count(q, &n, NULL), 0);
	assert_int_equal(n, 99);
	auditq_reverse(q, true);
	auditq_limit(q, 60);
	take(q, &b);
	assert_int_equal(b.n, 60);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.seq[i], 99 - i);
	/* Of another writer, the same numbers are other records. */
	put_archive("date=2025-10-21/s.ffffffffffffffff.000001.jsonl.gz", 1, 9, "other");
	take(ask(&a), &a);
	assert_int_equal(a.n, 99 + 9);
	/* Of a writer whose files do not overlap, summaries answer. */
	q = ask(&b);
	auditq_between(q, T0 + 100 * CLOCK_S, INT64_MAX);
	assert_int_equal(auditq_count(q, &n, NULL), 0);
	assert_int_equal(n, 0);
	auditq_free(q);
}

/* ---- rings ----------------------------------------------------------------------------- */

static const char *ring_dir; /* NULL: in the root */

static alog_t *
open_log(void)
{
	alog_error err;
	alog_t *log = NULL;

	if (alog_open(&log,
		&(alog_options){ .size = sizeof(alog_options),
		    .root = root,
		    .service = "svc",
		    .ring_dir = ring_dir,
		    .ring_bytes = 256 << 10 },
		&err) < 0)
		fail_msg("%s", err.text);
	return log;
}

/* A record is found, once, as soon as the call that made it has returned. */
static void
test_living_ring(void **state)
{
	alog_t *log = open_log();
	uint64_t n, doubles = 0;

	(void)state;
	for (uint64_t i = 1; i <= 300; i++) {
		auditq_t *q = ask(&a);

		assert_int_equal(
		    ALOG_INFO(log, "tick", ALOG_KV("pad", 1), ALOG_KV("run_id_", "r")), 0);
		auditq_where(q, "msg == \"tick\"");
		assert_int_equal(auditq_count(q, &n, NULL), 0);
		if (n != i)
			fail_msg("%llu of %llu records", (unsigned long long)n,
			    (unsigned long long)i);
		doubles += a.counts.duplicates;
		auditq_free(q);
		if (i % 50 == 0)
			usleep(30000);
	}
	assert_int_equal(alog_close(log), 0);
	(void)doubles;
}

/* 200 records in the ring of a killed writer. */
static void
leave_ring(void)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		alog_t *log = open_log();

		for (int i = 0; i < 200; i++)
			if (ALOG_INFO(log, "tick", ALOG_KV("i", i)) < 0)
				_exit(1);
		(void)raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* How many of them a query finds; a.lost says what it could not read. */
static uint64_t
count_ticks(void)
{
	auditq_t *q = ask(&a);
	uint64_t n;

	auditq_where(q, "msg == 'tick'");
	assert_int_equal(auditq_count(q, &n, NULL), 0);
	auditq_free(q);
	return n;
}

static void
test_dead_ring(void **state)
{
	(void)state;
	leave_ring();
	assert_int_equal(count_ticks(), 200);
	assert_int_equal(a.lost, 0);
}

/* In a ring_dir elsewhere it is found through its link; gone from there, that is said. */
static void
test_ring_elsewhere(void **state)
{
	char elsewhere[SCRATCH_MAX];

	(void)state;
	scratch_make(elsewhere);
	ring_dir = elsewhere;
	leave_ring();
	ring_dir = NULL;
	assert_int_equal(count_ticks(), 200);
	assert_int_equal(a.lost, 0);
	scratch_remove(elsewhere);
	(void)count_ticks();
	assert_int_equal(a.lost, 1);
}

/* ---- the last run ---------------------------------------------------------------------- */

static void
check_last(const char *want, int64_t after, int64_t before, const char *other)
{
	for (int mode = 0; mode < 4; mode++) {
		auditq_t *q = ask(&a);
		auditq_record rec;
		char run[32];
		size_t n = 0;

		auditq_run(q, "last");
		if (other != NULL)
			auditq_run(q, other);
		auditq_use_index(q, mode % 2 == 0);
		auditq_jobs(q, mode < 2 ? 1 : 3);
		auditq_memory(q, mode == 3 ? 1 : 1 << 20);
		auditq_between(q, after, before);
		while (auditq_next(q, &rec, &a.err) > 0) {
			assert_true(auditq_get_string(&rec, "run_id", run, sizeof run) > 0);
			if (strcmp(run, want) != 0 &&
			    (other == NULL || strcmp(run, other) != 0))
				fail_msg("run %s, want %s", run, want);
			n++;
		}
		assert_int_equal(n > 0, want[0] != '\0' || other != NULL);
		auditq_free(q);
	}
}

static void
test_last_run(void **state)
{
	(void)state;
	check_last("", INT64_MIN, INT64_MAX, NULL);
	put_archive("date=2025-10-21/s." W1 ".000001.jsonl.gz", 10, 60, "early");
	put_archive("date=2025-10-21/t." W1 ".000002.jsonl.gz", 40, 90, "middle");
	put_plain("date=2025-10-21/t." W1 ".000003.jsonl", 91, 99, "early", "");
	check_last("middle", INT64_MIN, INT64_MAX, NULL);
	put_plain("u.jsonl", 41, 42, "late", "");
	check_last("late", INT64_MIN, INT64_MAX, NULL);
	check_last("late", INT64_MIN, INT64_MAX, "early");
	/* An id that begins with the last one's is another run. */
	put_plain("v.jsonl", 1, 2, "late-not", "");
	check_last("late", INT64_MIN, INT64_MAX, NULL);
	/* Started at the same time: the greater id. */
	put_plain("w.jsonl", 41, 42, "mate", "");
	check_last("mate", INT64_MIN, INT64_MAX, NULL);
	/* What counts is the first record in the window. */
	check_last("middle", INT64_MIN, T0 + 41 * CLOCK_S, NULL);
	check_last("early", T0 + 91 * CLOCK_S, INT64_MAX, NULL);
	check_last("", T0 + 1000 * CLOCK_S, INT64_MAX, NULL);
}

/* ---- the cache ------------------------------------------------------------------------- */

static void
test_cache(void **state)
{
	auditq_cache_t *cache = auditq_cache_new(1 << 20), *small = auditq_cache_new(3000);
	auditq_cache_stats stats = { .size = sizeof stats };
	uint64_t members;
	auditq_t *q;

	(void)state;
	put_archive("x.jsonl.gz", 1, 100, "r");
	q = ask(&a);
	auditq_set_cache(q, cache);
	take(q, &a);
	assert_range(&a, 1, 100);
	members = a.counts.members_inflated;
	assert_true(members > 5);
	assert_int_equal(a.counts.members_cached, 0);
	q = ask(&b);
	auditq_set_cache(q, cache);
	auditq_jobs(q, 3);
	take(q, &b);
	assert_same(&a, &b);
	assert_int_equal(b.counts.members_inflated, 0);
	assert_int_equal(b.counts.members_cached, members);
	assert_int_equal(b.counts.bytes_read, 0);
	assert_int_equal(auditq_cache_get_stats(cache, &stats), 0);
	assert_int_equal(stats.hits, members);
	assert_int_equal(stats.members, members);
	/* The file is another one now. */
	put_archive("x.jsonl.gz", 1, 101, "r");
	q = ask(&b);
	auditq_set_cache(q, cache);
	take(q, &b);
	assert_range(&b, 1, 101);
	assert_int_equal(b.counts.members_cached, 0);
	/* A plan that is larger than the cache leaves it alone. */
	q = ask(&b);
	auditq_set_cache(q, small);
	take(q, &b);
	assert_range(&b, 1, 101);
	assert_int_equal(auditq_cache_get_stats(small, &stats), 0);
	assert_int_equal(stats.bypassed, 1);
	assert_int_equal(stats.misses, 0);
	auditq_cache_free(cache);
	auditq_cache_free(small);
}

/* ---- being canceled -------------------------------------------------------------------- */

static void *
cancel_soon(void *arg)
{
	usleep(1000);
	auditq_cancel(arg);
	return NULL;
}

static void
test_cancel(void **state)
{
	auditq_record rec;
	auditq_error err;
	pthread_t id;
	auditq_t *q;
	uint64_t n;
	int r;

	(void)state;
	put_archive("x.jsonl.gz", 1, 1000, "r");
	put_plain("y.jsonl", 1001, 3000, "r", "");
	for (unsigned jobs = 1; jobs < 4; jobs += 2) {
		q = ask(&a);
		auditq_jobs(q, jobs);
		/* Anywhere in the answer: it ends as canceled, or was over before. */
		assert_int_equal(pthread_create(&id, NULL, cancel_soon, q), 0);
		while ((r = auditq_next(q, &rec, &err)) > 0)
			;
		pthread_join(id, NULL);
		assert_true(r == 0 || r == AUDITQ_ECANCELED);
		assert_int_equal(auditq_next(q, &rec, &err), r);
		/* Once canceled, nothing begins. */
		assert_int_equal(auditq_count(q, &n, &err), AUDITQ_ECANCELED);
		assert_int_equal(auditq_rewind(q, &err), 0);
		assert_int_equal(auditq_next(q, &rec, &err), 1);
		auditq_cancel(q);
		assert_int_equal(auditq_next(q, &rec, &err), AUDITQ_ECANCELED);
		assert_int_equal(auditq_next(q, &rec, &err), AUDITQ_ECANCELED);
		assert_int_equal(auditq_rewind(q, &err), 0);
		assert_int_equal(auditq_count(q, &n, &err), 0);
		assert_int_equal(n, 3000);
		take(q, &a);
		assert_range(&a, 1, 3000);
	}
}

/* ---- standard input -------------------------------------------------------------------- */

static void
test_stdin(void **state)
{
	char path[2 * SCRATCH_MAX];
	int saved = dup(0), fd;
	auditq_record rec;
	auditq_error err;
	uint64_t n;
	auditq_t *q;

	(void)state;
	put_plain("in", 1, 50, "r", "");
	put_plain("more.jsonl", 51, 60, "r", "");
	path_in(path, "in");
	assert_true((fd = open(path, O_RDONLY)) >= 0);
	assert_int_equal(dup2(fd, 0), 0);
	q = ask(&a);
	auditq_path(q, "-");
	assert_int_equal(auditq_next(q, &rec, &err), 1);
	assert_string_equal(rec.path, "-");
	for (n = 1; auditq_next(q, &rec, &err) > 0; n++)
		;
	assert_int_equal(n, 60);
	assert_int_equal(auditq_rewind(q, &err), AUDITQ_EINVAL);
	assert_int_equal(auditq_count(q, &n, &err), AUDITQ_EINVAL);
	auditq_free(q);
	q = ask(&a);
	auditq_path(q, "-");
	auditq_run(q, "last");
	assert_int_equal(auditq_next(q, &rec, &err), AUDITQ_EINVAL);
	auditq_free(q);
	assert_int_equal(dup2(saved, 0), 0);
	close(saved);
	close(fd);
}

/* ---- the builder ----------------------------------------------------------------------- */

static void
test_builder(void **state)
{
	static const struct {
		const char *name;
		int (*call)(auditq_t *, const char *);
		const char *arg;
		uint64_t offset;
	} wrong[] = {
		{ "path", auditq_path, "", 0 },
		{ "path", auditq_path, NULL, 0 },
		{ "run", auditq_run, "", 0 },
		{ "run", auditq_run, NULL, 0 },
		{ "stage", auditq_stage, "", 0 },
		{ "level", auditq_level, "", 0 },
		{ "level", auditq_level, "warn,,info", 5 },
		{ "level", auditq_level, "=loud", 1 },
		{ "level", auditq_level, NULL, 0 },
		{ "after", auditq_after, "2025-02-30", 8 },
		{ "before", auditq_before, NULL, 0 },
		{ "on", auditq_on, "2025-10-20..x", 12 },
		{ "where", auditq_where, "a == ", 5 },
		{ "where", auditq_where, "a =~ \"(\"", 7 },
		{ "where", auditq_where, NULL, 0 },
	};

	(void)state;
	put_plain("a.jsonl", 1, 20, "r", "");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		auditq_t *q = ask(&a);
		auditq_record rec;
		auditq_error err;
		int r = wrong[i].call(q, wrong[i].arg);

		if (r >= 0)
			fail_msg("%s '%s' was taken", wrong[i].name, wrong[i].arg);
		/* The first error is kept; what comes after it changes nothing. */
		assert_int_equal(auditq_limit(q, 1), r);
		assert_int_equal(auditq_stage(q, ""), r);
		assert_int_equal(auditq_next(q, &rec, &err), r);
		if (err.offset != wrong[i].offset)
			fail_msg("%s '%s': at %llu", wrong[i].name, wrong[i].arg,
			    (unsigned long long)err.offset);
		assert_true(err.text[0] != '\0');
		assert_int_equal(auditq_count(q, &(uint64_t){ 0 }, &err), r);
		auditq_free(q);
		assert_int_equal(wrong[i].call(NULL, "x"), AUDITQ_EINVAL);
	}
}

static void
test_use(void **state)
{
	auditq_counts counts = { .size = sizeof counts };
	auditq_record rec;
	auditq_error err;
	auditq_t *q = ask(&a);

	(void)state;
	put_plain("a.jsonl", 1, 20, "r", "");
	auditq_limit(q, 0);
	assert_int_equal(auditq_next(q, &rec, &err), 0);
	auditq_free(q);

	q = auditq_new();
	assert_int_equal(auditq_next(q, &rec, &err), AUDITQ_EINVAL);
	auditq_free(q);
	q = auditq_new();
	auditq_path(q, "/nowhere/at all");
	assert_int_equal(auditq_next(q, &rec, &err), AUDITQ_ENOENT);
	assert_string_equal(err.path, "/nowhere/at all");
	auditq_free(q);

	/* Windows are intersected, expressions and-ed, levels joined. */
	q = ask(&a);
	auditq_now(q, T0 + 20 * CLOCK_S);
	auditq_after(q, "-15s");
	auditq_after(q, "2025-10-21");
	auditq_on(q, "today");
	auditq_before(q, "-1s");
	auditq_where(q, "seq > 7 or seq < 7");
	auditq_where(q, "seq != 9");
	auditq_level(q, "=warn");
	auditq_level(q, "=info");
	assert_int_equal(auditq_next(q, &rec, &err), 1);
	/* A question may not change while it is answered. */
	assert_int_equal(auditq_limit(q, 3), AUDITQ_EINVAL);
	assert_int_equal(auditq_get_counts(q, &counts), 0);
	assert_int_equal(counts.after, T0 + 5 * CLOCK_S);
	assert_int_equal(counts.before, T0 + 19 * CLOCK_S);
	auditq_free(q);
	auditq_free(NULL);
	auditq_cancel(NULL);
	assert_int_equal(auditq_next(NULL, &rec, &err), AUDITQ_EINVAL);
}

static void
test_fields(void **state)
{
	static const char line[] =
	    "{\"s\":\"a\\u00e9b\",\"n\":-12,\"d\":1.5,\"o\":{\"x\":[1,2]},"
	    "\"o.y\":true,\"z\":null,\"big\":18446744073709551616}";
	const auditq_record rec = { .line = line, .len = sizeof line - 1 };
	auditq_value v;
	int64_t i;
	double d;
	char s[8];

	(void)state;
	assert_int_equal(auditq_get(&rec, "o.x", &v), 0);
	assert_int_equal(v.type, AUDITQ_ARRAY);
	assert_int_equal(v.len, 5);
	assert_memory_equal(v.text, "[1,2]", 5);
	assert_int_equal(auditq_get(&rec, "o.y", &v), 0);
	assert_int_equal(v.type, AUDITQ_TRUE);
	assert_int_equal(auditq_get(&rec, "z", &v), 0);
	assert_int_equal(v.type, AUDITQ_NULL);
	assert_int_equal(auditq_get(&rec, "none", &v), 0);
	assert_int_equal(v.type, AUDITQ_ABSENT);
	assert_int_equal(auditq_get_i64(&rec, "n", &i), 0);
	assert_int_equal(i, -12);
	assert_int_equal(auditq_get_i64(&rec, "d", &i), AUDITQ_EINVAL);
	assert_int_equal(auditq_get_i64(&rec, "big", &i), AUDITQ_EINVAL);
	assert_int_equal(auditq_get_double(&rec, "d", &d), 0);
	assert_true(d == 1.5);
	assert_int_equal(auditq_get_double(&rec, "s", &d), AUDITQ_EINVAL);
	assert_int_equal(auditq_get_string(&rec, "s", s, sizeof s), 4);
	assert_string_equal(s,
	    "a\xc3\xa9"
	    "b");
	assert_int_equal(auditq_get_string(&rec, "s", s, 3), 4);
	assert_int_equal(strlen(s), 2);
	assert_int_equal(auditq_get_string(&rec, "s", NULL, 0), 4);
	assert_int_equal(auditq_get_string(&rec, "none", s, sizeof s), AUDITQ_ENOENT);
	assert_int_equal(auditq_get_string(&rec, "n", s, sizeof s), AUDITQ_EINVAL);
	assert_int_equal(
	    auditq_get(&(auditq_record){ .line = "{", .len = 1 }, "a", &v), AUDITQ_EJSON);
	assert_int_equal(auditq_get(NULL, "a", &v), AUDITQ_EINVAL);
}

/* ---- each call fails ------------------------------------------------------------------- */

/* Never a wrong answer: it fails, or says that something is missing, or gives all. */
static void
sweep(int error, uint64_t memory)
{
	for (long n = 0;; n += BY_SANITIZER(1, 1, 5)) {
		auditq_t *q = ask(&a);

		auditq_memory(q, memory);
		auditq_run(q, "last");
		faults_begin(FAULT_FAIL, n, error);
		take(q, &a);
		if (!faults_end()) {
			assert_range(&a, 1, 99);
			return;
		}
		if (a.r == 0 && a.n != 99 && a.lost == 0 && a.warned == 0)
			fail_msg("call %ld failed with %d: %zu records, and not a word", n,
			    error, a.n);
		if (a.r < 0)
			assert_true(a.err.text[0] != '\0');
	}
}

static void
test_faults(void **state)
{
	(void)state;
	put_archive("date=2025-10-21/s." W1 ".000001.jsonl.gz", 1, 50, "r");
	put_archive("date=2025-10-21/s." W1 ".000002.jsonl.gz", 41, 90, "r");
	put_plain("date=2025-10-21/s." W1 ".000003.jsonl", 91, 99, "r", "");
	sweep(EIO, 32 << 20);
	sweep(EMFILE, 32 << 20);
	sweep(ENOMEM, 1000);
	sweep(EINTR, 32 << 20);
}

static int
setup(void **state)
{
	(void)state;
	scratch_make(root);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_remove(root);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_damaged_member),
		TEST(test_damaged_index),
		TEST(test_cut),
		TEST(test_member_taken_out),
		TEST(test_vanished),
		TEST(test_version),
		TEST(test_unreadable_lines),
		TEST(test_pruned),
		TEST(test_pieces),
		TEST(test_doubles),
		TEST(test_living_ring),
		TEST(test_dead_ring),
		TEST(test_ring_elsewhere),
		TEST(test_last_run),
		TEST(test_cache),
		TEST(test_cancel),
		TEST(test_stdin),
		TEST(test_builder),
		TEST(test_use),
		TEST(test_fields),
		TEST(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
