/* searched - for tests of queries: small trails of numbered records, and what is answered of them. */
#ifndef SEARCHED_H
#define SEARCHED_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive.h"
#include "auditq.h"
#include "scratch.h"

#define T0 (INT64_C(1761004800) * CLOCK_S) /* 2025-10-21T00:00:00Z */
#define W1 "0123456789abcdef"

static char root[SCRATCH_MAX];

/* ---- trails ---------------------------------------------------------------------------- */

static inline void
path_in(char dst[2 * SCRATCH_MAX], const char *name)
{
	snprintf(dst, 2 * SCRATCH_MAX, "%s/%s", root, name);
}

static inline void
make_parent(const char *path)
{
	char dir[2 * SCRATCH_MAX];

	snprintf(dir, sizeof dir, "%s", path);
	*strrchr(dir, '/') = '\0';
	(void)mkdir(dir, 0700);
}

/* Record number i of a run, a second apart. */
static inline size_t
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
static inline void
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

static inline void
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

static inline char *
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

static inline void
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

static inline void
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

static inline auditq_t *
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
static inline void
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

static inline void
assert_same(const struct answer *a, const struct answer *b)
{
	assert_int_equal(a->n, b->n);
	assert_memory_equal(a->seq, b->seq, a->n * sizeof a->seq[0]);
}

/* Records first ... last, each once, in order. */
static inline void
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

/* The same by one worker, by four, and without the index. */
static struct answer a, b, c;

static inline void
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

static inline int
setup(void **state)
{
	(void)state;
	scratch_make(root);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	scratch_remove(root);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
