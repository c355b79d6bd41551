#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "archive.h"
#include "auditq.h"
#include "clock.h"
#include "faults.h"
#include "liblog.h"
#include "path.h"
#include "sanitizer.h"
#include "scratch.h"

#define DAY   INT32_C(20384) /* 2025-10-23 */
#define START ((int64_t)DAY * 86400 * CLOCK_S)

static char dir[SCRATCH_MAX], root[SCRATCH_MAX + 8];

/* ---- trails ------------------------------------------------------------------------------ */

/* A file of a writer that is gone; ids are what the tests count. */
struct segment_made {
	const char *service;
	uint64_t writer;
	uint32_t number;
	int day;            /* after DAY */
	uint64_t first_seq; /* and so on */
	unsigned n;
	unsigned id;       /* of the first record, and so on */
	const char *other; /* one more line */
	const struct schema *schema;
};

static void
partition_path(char path[SCRATCH_MAX + 64], int day)
{
	char name[PATH_NAME_MAX];

	path_partition(name, DAY + day);
	(void)snprintf(path, SCRATCH_MAX + 64, "%s/%.40s", root, name);
}

static void
segment_path(char path[SCRATCH_MAX + 256], const struct segment_made *s)
{
	struct path_segment seg = { .number = s->number, .kind = PATH_SEALED };
	char name[PATH_NAME_MAX], partition[SCRATCH_MAX + 64];

	(void)snprintf(seg.service, sizeof seg.service, "%s", s->service);
	(void)snprintf(seg.writer, sizeof seg.writer, "%016llx", (unsigned long long)s->writer);
	path_segment(name, &seg);
	partition_path(partition, s->day);
	(void)snprintf(path, SCRATCH_MAX + 256, "%s/%s", partition, name);
}

/* Times are those of ids, no two the same, but not in their order. */
static size_t
make_line(char line[512], const struct segment_made *s, unsigned i)
{
	static const char *const stages[] = { "fetch", "detection", "publish" };
	const unsigned id = s->id + i;
	char when[CLOCK_LENGTH];
	int n;

	clock_format(when,
	    START + (int64_t)s->day * 86400 * CLOCK_S + ((int64_t)id * 7919 % 80000) * CLOCK_S +
		id);
	n = snprintf(line, 512,
	    "{\"ts\":\"%.*s\",\"level\":\"%s\",\"run_id\":\"run-%u\",\"seq\":%llu,\"stage\":\"%s\","
	    "\"status\":\"%s\",\"duration_ms\":%u.5,\"id\":%u}",
	    CLOCK_LENGTH, when, id % 17 == 0 ? "error" : "info", id % 23,
	    (unsigned long long)s->first_seq + i, stages[id % 3],
	    id % 11 == 0 ? "failed" : "ok", id % 100, id);
	return (size_t)n;
}

static void
make_segment(const struct segment_made *s)
{
	struct archive_options opt = { .schema = s->schema };
	char path[SCRATCH_MAX + 256], tmp[SCRATCH_MAX + 264], line[512],
	    partition[SCRATCH_MAX + 64];
	struct archive *a;
	alog_error err = { 0 };
	int fd;

	partition_path(partition, s->day);
	(void)mkdir(root, 0755);
	(void)mkdir(partition, 0755);
	segment_path(path, s);
	(void)snprintf(tmp, sizeof tmp, "%s.tmp", path);
	(void)snprintf(opt.writer, sizeof opt.writer, "%016llx", (unsigned long long)s->writer);
	fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC, 0640);
	if (fd < 0 || archive_begin(&a, fd, &opt, &err) < 0)
		fail_msg("%s: %s", tmp, err.text);
	for (unsigned i = 0; i < s->n; i++) {
		const size_t n = make_line(line, s, i);

		if (archive_add(a, line, n, &err) < 0)
			fail_msg("%s", err.text);
	}
	if (s->other != NULL && archive_add(a, s->other, strlen(s->other), &err) < 0)
		fail_msg("%s", err.text);
	if (archive_finish(a, NULL, &err) < 0 || close(fd) < 0 || rename(tmp, path) < 0)
		fail_msg("%s: %s", path, err.text);
}

/* Writers of two services, with two files each in as many days, n records in each; the number of records. */
static unsigned
make_trail(unsigned writers, unsigned n)
{
	unsigned id = 0;

	for (unsigned w = 0; w < writers; w++)
		for (unsigned k = 0; k < 2; k++, id += n)
			make_segment(
			    &(struct segment_made){ .service = w % 3 == 0 ? "beta" : "alpha",
				.writer = 0xabc0 + w * 7919,
				.number = k + 1,
				.day = (int)k,
				.first_seq = k * n + 1,
				.n = n,
				.id = id });
	return id;
}

/* ---- asking ------------------------------------------------------------------------------ */

static bool lost;

static void
on_warning(void *arg, const auditq_warning *w)
{
	(void)arg;
	if (w->lost)
		lost = true;
}

struct text {
	char *p;
	size_t n, cap;
};

static void
text_add(struct text *t, const char *p, size_t n)
{
	if (t->n + n + 1 > t->cap) {
		t->cap = 2 * (t->cap + n) + 64;
		if ((t->p = realloc(t->p, t->cap)) == NULL)
			abort();
	}
	memcpy(t->p + t->n, p, n);
	t->n += n;
	t->p[t->n] = '\0';
}

static auditq_t *
ask(const char *where, bool use_index, unsigned jobs, bool reverse)
{
	auditq_t *q = auditq_new();

	(void)auditq_path(q, root);
	if (where != NULL)
		(void)auditq_where(q, where);
	(void)auditq_use_index(q, use_index);
	(void)auditq_jobs(q, jobs);
	(void)auditq_reverse(q, reverse);
	(void)auditq_on_warning(q, on_warning, NULL);
	return q;
}

static struct text
answer(auditq_t *q)
{
	struct text t = { 0 };
	auditq_record rec;
	auditq_error err = { 0 };
	int r;

	while ((r = auditq_next(q, &rec, &err)) > 0) {
		text_add(&t, rec.line, rec.len);
		text_add(&t, "\n", 1);
	}
	if (r < 0)
		fail_msg("%s: %s", err.path, err.text);
	auditq_free(q);
	return t;
}

/* All ids from 0 up to n are there once; NULL, or what is wrong.  max: so many may be there. */
static const char *
check_ids(auditq_t *q, unsigned n, unsigned max)
{
	static char what[128];
	unsigned char *seen = calloc(max + 1, 1);
	auditq_record rec;
	auditq_error err = { 0 };
	int64_t id;
	int r;

	what[0] = '\0';
	while ((r = auditq_next(q, &rec, &err)) > 0) {
		if (auditq_get_i64(&rec, "id", &id) < 0 || id < 0 || id >= max)
			(void)snprintf(what, sizeof what, "no id: %.60s", rec.line);
		else if (seen[id]++ > 0)
			(void)snprintf(what, sizeof what, "%d is there twice", (int)id);
	}
	if (r < 0)
		(void)snprintf(what, sizeof what, "%.100s", err.text);
	for (unsigned i = 0; what[0] == '\0' && i < n; i++)
		if (seen[i] == 0)
			(void)snprintf(what, sizeof what, "%u is missing", i);
	free(seen);
	auditq_free(q);
	return what[0] == '\0' ? NULL : what;
}

static void
expect_ids(const char *name, unsigned n)
{
	for (int i = 0; i < 4; i++) {
		const char *wrong =
		    check_ids(ask(NULL, i % 2 == 0, 1 + (unsigned)i, i > 1), n, n);
		uint64_t counted = 0;
		auditq_t *q = ask(NULL, i % 2 == 0, 1, false);

		if (wrong != NULL)
			fail_msg("%s: %s", name, wrong);
		assert_int_equal(auditq_count(q, &counted, NULL), 0);
		auditq_free(q);
		if (counted != n)
			fail_msg("%s: %u counted, not %u", name, (unsigned)counted, n);
	}
}

static int
compact_root(auditq_compact_result *out, auditq_error *err)
{
	const auditq_compact_options opt = { .size = sizeof opt, .on_warning = on_warning };

	*out = (auditq_compact_result){ .size = sizeof *out };
	return auditq_compact(root, &opt, out, err);
}

static auditq_compact_result
compact(void)
{
	auditq_compact_result r;
	auditq_error err = { 0 };

	if (compact_root(&r, &err) < 0)
		fail_msg("%s: %s", err.path, err.text);
	return r;
}

/* Names of the partitions' files, sorted. */
static size_t
list(struct text *names)
{
	char path[SCRATCH_MAX + 64];
	struct dirent **d;
	size_t files = 0;

	for (int day = 0; day < 3; day++) {
		partition_path(path, day);
		const int n = scandir(path, &d, NULL, scratch_by_name);

		for (int i = 0; i < n; i++) {
			if (strcmp(d[i]->d_name, ".") != 0 && strcmp(d[i]->d_name, "..") != 0) {
				if (names != NULL)
					text_add(names, d[i]->d_name, strlen(d[i]->d_name));
				files++;
			}
			free(d[i]);
		}
		if (n >= 0)
			free(d);
	}
	return files;
}

static void
copy_file(const char *from, const char *to)
{
	char cmd[2 * SCRATCH_MAX + 800];

	(void)snprintf(cmd, sizeof cmd, "cp -p %s %s", from, to);
	assert_int_equal(system(cmd), 0);
}

/* ---- tests ------------------------------------------------------------------------------- */

static int
no_sync(int fd)
{
	(void)fd;
	return 0;
}

/* Nobody waits for the disk. */
static void
hurry(void)
{
	static struct sys_ops ops;

	ops = sys_posix;
	ops.fsync = ops.fdatasync = no_sync;
	sys = &ops;
}

static int
setup(void **state)
{
	(void)state;
	hurry();
	scratch_make(dir);
	(void)snprintf(root, sizeof root, "%s/logs", dir);
	lost = false;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_remove(dir);
	return 0;
}

/* The same bytes are answered before and after; and another time nothing changes. */
static void
same_answers(void **state)
{
	static const char *const wheres[] = { NULL, "run_id == \"run-7\"",
		"stage == \"detection\" and status == \"failed\"", "level == \"error\"",
		"duration_ms > 90", "id == 333", "id == -1" };
	enum { N = sizeof wheres / sizeof wheres[0] };
	struct text before[N], after, names = { 0 }, again = { 0 };
	auditq_compact_result r;
	const unsigned n = make_trail(20, 30);

	(void)state;
	for (int i = 0; i < N; i++)
		before[i] = answer(ask(wheres[i], true, 1, false));
	r = compact();
	assert_int_equal(r.files, 40);
	assert_int_equal(r.merged, 40);
	assert_int_equal(r.archives, 4);
	assert_int_equal(r.partitions, 2);
	assert_int_equal(r.lines, n);
	assert_true(r.bytes_after < r.bytes_before);
	assert_int_equal(list(&names), 4);
	expect_ids("compacted", n);
	for (int i = 0; i < N; i++) {
		for (int how = 0; how < 4; how++) {
			after = answer(ask(wheres[i], how % 2 == 0, how < 2 ? 1 : 4, false));
			if (after.n != before[i].n ||
			    (after.n > 0 && memcmp(after.p, before[i].p, after.n) != 0))
				fail_msg("%s, %d", wheres[i] != NULL ? wheres[i] : "all", how);
			free(after.p);
		}
		free(before[i].p);
	}
	r = compact();
	assert_int_equal(r.merged, 0);
	assert_int_equal(list(&again), 4);
	assert_string_equal(names.p, again.p);
	assert_false(lost);
	free(names.p);
	free(again.p);
}

static void
dry_run(void **state)
{
	const auditq_compact_options opt = { .size = sizeof opt, .dry_run = true };
	auditq_compact_result r = { .size = sizeof r };
	struct text before = { 0 }, after = { 0 };

	(void)state;
	(void)make_trail(6, 3);
	(void)list(&before);
	assert_int_equal(auditq_compact(root, &opt, &r, NULL), 0);
	assert_int_equal(r.merged, 12);
	assert_int_equal(r.archives, 4);
	(void)list(&after);
	assert_string_equal(before.p, after.p);
	free(before.p);
	free(after.p);
}

/* A partition alone; sizes. */
static void
bounds(void **state)
{
	auditq_compact_options opt = { .size = sizeof opt, .max_bytes = 12000 };
	auditq_compact_result r = { .size = sizeof r };
	char path[SCRATCH_MAX + 64];
	const unsigned n = make_trail(12, 30);

	(void)state;
	partition_path(path, 1);
	/* 30 records have some 5 KB: two in one archive. */
	assert_int_equal(auditq_compact(path, &opt, &r, NULL), 0);
	assert_int_equal(r.partitions, 1);
	assert_int_equal(r.merged, 12);
	assert_int_equal(r.archives, 6);
	opt.small_bytes = 100;
	r.size = sizeof r;
	assert_int_equal(auditq_compact(root, &opt, &r, NULL), 0);
	assert_int_equal(r.merged, 0);
	expect_ids("bounds", n);
	opt.max_bytes = UINT64_C(1) << 40;
	assert_int_equal(auditq_compact(root, &opt, &r, NULL), AUDITQ_EINVAL);
	assert_int_equal(auditq_compact("/nowhere", NULL, NULL, NULL), AUDITQ_ENOENT);
	assert_int_equal(auditq_compact(NULL, NULL, NULL, NULL), AUDITQ_EINVAL);
}

/* Retention goes by the time of modification: an archive has that of the newest file that it stands for. */
static void
age(void **state)
{
	static const struct segment_made made[] = {
		{ .service = "svc", .writer = 1, .number = 1, .first_seq = 1, .n = 3, .id = 0 },
		{ .service = "svc", .writer = 2, .number = 1, .first_seq = 1, .n = 3, .id = 3 },
	};
	char path[SCRATCH_MAX + 256];
	struct dirent **d;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const time_t then = i == 0 ? 1000000500 : 1000000000;

		make_segment(&made[i]);
		segment_path(path, &made[i]);
		assert_int_equal(
		    utimes(path, (struct timeval[]){ { .tv_sec = then }, { .tv_sec = then } }),
		    0);
	}
	assert_int_equal(compact().archives, 1);
	partition_path(path, 0);
	assert_int_equal(scandir(path, &d, NULL, scratch_by_name), 3);
	(void)snprintf(path + strlen(path), 200, "/%.190s", d[2]->d_name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mtime, 1000000500);
	for (int i = 0; i < 3; i++)
		free(d[i]);
	free(d);
}

/* What cannot stand behind the lines of others, or is no longer what it was, keeps its name. */
static void
left_alone(void **state)
{
	static struct schema other;
	static const struct {
		const char *name;
		struct segment_made segment[2];
	} cases[] = {
		{ "a record without a time",
		    { { .service = "alpha",
			.writer = 1,
			.number = 1,
			.first_seq = 1,
			.n = 3,
			.id = 1000,
			.other = "{\"seq\":4,\"id\":1003}" } } },
		{ "a record without a number",
		    { { .service = "alpha",
			.writer = 1,
			.number = 1,
			.first_seq = 1,
			.n = 3,
			.id = 1000,
			.other = "{\"ts\":\"2025-10-23T10:00:00Z\",\"id\":1003}" } } },
		{ "what is no record",
		    { { .service = "alpha",
			.writer = 1,
			.number = 1,
			.first_seq = 1,
			.n = 3,
			.id = 1000,
			.other = "torn" } } },
		{ "another schema",
		    { { .service = "alpha",
			.writer = 1,
			.number = 1,
			.first_seq = 1,
			.n = 3,
			.id = 1000,
			.schema = &other } } },
		{ "records that are in two files",
		    { { .service = "alpha",
			  .writer = 1,
			  .number = 1,
			  .first_seq = 1,
			  .n = 9,
			  .id = 1000 },
			{ .service = "alpha",
			    .writer = 1,
			    .number = 2,
			    .first_seq = 9,
			    .n = 4,
			    .id = 1008 } } },
	};
	char path[SCRATCH_MAX + 256];

	(void)state;
	other = schema_default;
	memcpy(other.keys[SCHEMA_STAGE].key[0], "step", 5);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)make_trail(4, 3);
		for (int k = 0; k < 2 && cases[i].segment[k].n > 0; k++)
			make_segment(&cases[i].segment[k]);
		(void)compact();
		for (int k = 0; k < 2 && cases[i].segment[k].n > 0; k++) {
			segment_path(path, &cases[i].segment[k]);
			if (access(path, F_OK) < 0)
				fail_msg("%s", cases[i].name);
		}
		if (list(NULL) != 4 + 1 + (cases[i].segment[1].n > 0))
			fail_msg("%s: the others", cases[i].name);
		scratch_remove(root);
	}
}

/* Bytes of a file altered in turn: either it is left, which is said, or all its records are there. */
static void
damaged(void **state)
{
	const struct segment_made victim = {
		.service = "alpha", .writer = 1, .number = 1, .first_seq = 1, .n = 2, .id = 24
	};
	char path[SCRATCH_MAX + 256];
	struct stat st;

	(void)state;
	for (off_t at = 0;; at += 29) {
		unsigned char byte;
		int fd;

		(void)make_trail(4, 3);
		make_segment(&victim);
		segment_path(path, &victim);
		assert_int_equal(stat(path, &st), 0);
		if (at >= st.st_size)
			break;
		fd = open(path, O_RDWR);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		(void)close(fd);
		lost = false;
		(void)compact();
		if (access(path, F_OK) == 0 && !lost)
			fail_msg("byte %d altered: nothing was said", (int)at);
		/* A byte that nothing depends on, as in a gzip header. */
		if (access(path, F_OK) < 0)
			expect_ids("altered", 26);
		scratch_remove(root);
	}
}

/* While both are there, the archive counts; what has the same name and other lines counts, too. */
static void
both_there(void **state)
{
	const struct segment_made a = { .service = "beta",
		.writer = 0xabc0,
		.number = 1,
		.first_seq = 1,
		.n = 5,
		.id = 0 },
				  b = { .service = "beta",
					  .writer = 0xabc0,
					  .number = 1,
					  .first_seq = 1,
					  .n = 5,
					  .id = 60 };
	char path[SCRATCH_MAX + 256], kept[SCRATCH_MAX + 256];
	auditq_counts counts = { .size = sizeof counts };
	const unsigned n = make_trail(6, 5);
	auditq_t *q;

	(void)state;
	segment_path(path, &a);
	(void)snprintf(kept, sizeof kept, "%s/kept", dir);
	copy_file(path, kept);
	(void)compact();
	assert_int_equal(access(path, F_OK), -1);
	copy_file(kept, path);
	expect_ids("both", n);
	q = ask(NULL, true, 1, false);
	assert_null(check_ids(q, n, n));
	q = ask(NULL, true, 1, false);
	assert_int_equal(auditq_count(q, &(uint64_t){ 0 }, NULL), 0);
	assert_int_equal(auditq_get_counts(q, &counts), 0);
	assert_int_equal(counts.files_replaced, 1);
	auditq_free(q);
	/* Before it was replaced by another, the one that replaced it. */
	(void)make_trail(6, 5);
	expect_ids("all of them", n);
	(void)compact();
	expect_ids("finished", n);
	assert_int_equal(list(NULL), 4);
	make_segment(&b);
	expect_ids("others", n + 5);
}

/* Queries go on with what they planned: after the first record all that follow are in other files. */
static void
moved(void **state)
{
	static const char *const how[] = { "one worker", "four", "latest first",
		"with a cache" };

	(void)state;
	for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) {
		const unsigned n = make_trail(30, 20);
		auditq_cache_t *cache = i == 3 ? auditq_cache_new(1 << 20) : NULL;
		auditq_t *q = ask(NULL, true, i == 1 ? 4 : 1, i == 2);
		struct text all = answer(ask(NULL, true, 1, i == 2)), rest = { 0 };
		auditq_record rec;
		int r;

		if (cache != NULL)
			(void)auditq_set_cache(q, cache);
		assert_int_equal(auditq_next(q, &rec, NULL), 1);
		text_add(&rest, rec.line, rec.len);
		text_add(&rest, "\n", 1);
		assert_int_equal(compact().merged, 60);
		/* And once more, with others. */
		make_segment(&(struct segment_made){ .service = "alpha",
		    .writer = 1,
		    .number = 1,
		    .first_seq = 1,
		    .n = 1,
		    .id = n });
		make_segment(&(struct segment_made){ .service = "beta",
		    .writer = 2,
		    .number = 1,
		    .first_seq = 1,
		    .n = 1,
		    .id = n + 1 });
		assert_int_equal(compact().merged, 4);
		while ((r = auditq_next(q, &rec, NULL)) > 0) {
			text_add(&rest, rec.line, rec.len);
			text_add(&rest, "\n", 1);
		}
		assert_int_equal(r, 0);
		auditq_free(q);
		auditq_cache_free(cache);
		if (lost || all.n != rest.n || memcmp(all.p, rest.p, all.n) != 0)
			fail_msg("%s: %d bytes, not %d", how[i], (int)rest.n, (int)all.n);
		free(all.p);
		free(rest.p);
		expect_ids(how[i], n + 2);
		scratch_remove(root);
	}
}

/* ---- dying and failing ------------------------------------------------------------------- */

/* Whatever happened: all records once; and the next one finishes it. */
static void
expect_survived(const char *name, unsigned n)
{
	const char *wrong;

	if ((wrong = check_ids(ask(NULL, true, 1, false), n, n)) != NULL)
		fail_msg("%s: %s", name, wrong);
	hurry();
	(void)compact();
	if (list(NULL) != 4)
		fail_msg("%s: not finished: %d files", name, (int)list(NULL));
	if ((wrong = check_ids(ask(NULL, false, 1, true), n, n)) != NULL)
		fail_msg("%s, finished: %s", name, wrong);
}

static void
failing_calls(void **state)
{
	static const int errors[] = { EIO, ENOSPC, ENOENT, EMFILE };
	static const enum fault kinds[] = { FAULT_FAIL, FAULT_FOREVER, FAULT_SHORT };
	unsigned cases = 0;

	(void)state;
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
		/* Neighbouring calls are alike: each error goes its own steps through them. */
		for (size_t e = 0; e < (k == 0 ? sizeof errors / sizeof errors[0] : 1); e++) {
			bool fired = true;

			for (long at = (long)e; fired;
			     at += (k == 0 ? 4 : 3) * BY_SANITIZER(1, 1, 5), cases++) {
				const unsigned n = make_trail(3, 2);
				auditq_compact_result r;
				auditq_error err = { 0 };
				char name[64];
				int rc;

				faults_begin(kinds[k], at, errors[e]);
				rc = compact_root(&r, &err);
				fired = faults_end();
				(void)snprintf(name, sizeof name, "call %ld, error %d: %d", at,
				    errors[e], rc);
				if (rc < 0 && err.text[0] == '\0')
					fail_msg("%s: no text", name);
				expect_survived(name, n);
				scratch_remove(root);
			}
		}
	}
	print_message("%u cases\n", cases);
}

/* Killed at each call, twice over: while it compacts what was compacted before, too. */
static void
killed(void **state)
{
	long at = 0;
	int status;

	(void)state;
	for (bool died = true; died; at += BY_SANITIZER(1, 1, 5)) {
		unsigned n = make_trail(3, 2);
		pid_t pid;

		if (at % 2 == 1) {
			(void)compact();
			for (unsigned i = 0; i < 4; i++)
				make_segment(
				    &(struct segment_made){ .service = i < 2 ? "alpha" : "beta",
					.writer = i + 1,
					.number = 1,
					.day = (int)i % 2,
					.first_seq = 1,
					.n = 1,
					.id = n++ });
		}
		if ((pid = fork()) == 0) {
			auditq_compact_result r;

			faults_begin(FAULT_DIE, at, 0);
			_exit(compact_root(&r, NULL) == 0 ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		died = WIFSIGNALED(status);
		if (!died)
			assert_int_equal(status, 0);
		expect_survived("killed", n);
		scratch_remove(root);
	}
	print_message("%ld calls\n", at);
}

/* ---- at the same time -------------------------------------------------------------------- */

struct shared {
	atomic_uint made; /* ids below this are in files */
	atomic_bool stop;
};

#define ROUNDS BY_SANITIZER(40U, 20U, 10U)
enum { A_ROUND = 6, RECORDS = 4 };

/* Makes small files and compacts them, again and again. */
static void *
compact_on(void *arg)
{
	struct shared *s = arg;
	unsigned id = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned k = 0; k < A_ROUND; k++, id += RECORDS) {
			make_segment(&(struct segment_made){ .service = "alpha",
			    .writer = 1 + i * A_ROUND + k,
			    .number = 1,
			    .first_seq = 1,
			    .n = RECORDS,
			    .id = id });
			atomic_store(&s->made, id + RECORDS);
		}
		(void)compact();
	}
	atomic_store(&s->stop, true);
	return NULL;
}

static void
readers(void **state)
{
	struct shared s = { 0 };
	unsigned queries = 0;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, compact_on, &s), 0);
	while (!atomic_load(&s.stop)) {
		const unsigned n = atomic_load(&s.made);
		const char *wrong;

		if (n == 0)
			continue;
		wrong =
		    check_ids(ask(NULL, queries % 3 != 0, 1 + queries % 2, queries % 5 == 0), n,
			ROUNDS * A_ROUND * RECORDS);
		if (wrong != NULL)
			fail_msg("query %u: %s", queries, wrong);
		queries++;
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(lost);
	assert_int_equal(list(NULL), 1);
	expect_ids("at the end", ROUNDS * A_ROUND * RECORDS);
	print_message("%u queries\n", queries);
}

static void *
compact_once(void *arg)
{
	auditq_compact_result r;

	*(int *)arg = compact_root(&r, NULL);
	return NULL;
}

static void
two_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < BY_SANITIZER(15, 8, 5); i++) {
		const unsigned n = make_trail(10, 4);
		pthread_t thread[2];
		int rc[2];

		for (int k = 0; k < 2; k++)
			assert_int_equal(
			    pthread_create(&thread[k], NULL, compact_once, &rc[k]), 0);
		for (int k = 0; k < 2; k++) {
			assert_int_equal(pthread_join(thread[k], NULL), 0);
			assert_int_equal(rc[k], 0);
		}
		expect_survived("two", n);
		scratch_remove(root);
	}
}

/* A partition that is locked is left, and that is said. */
static void
busy(void **state)
{
	char path[SCRATCH_MAX + 64];
	const unsigned n = make_trail(6, 3);
	int fd;

	(void)state;
	partition_path(path, 0);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(compact().partitions, 1);
	(void)close(fd);
	assert_int_equal(compact().partitions, 1);
	assert_false(lost);
	expect_ids("busy", n);
}

/* ---- writers ----------------------------------------------------------------------------- */

static alog_t *
open_logger(const char *ring_dir)
{
	alog_t *log;
	alog_error err = { 0 };

	if (alog_open(&log,
		&(alog_options){ .size = sizeof(alog_options),
		    .root = root,
		    .service = "alpha",
		    .ring_dir = ring_dir,
		    .segment_bytes = 65536 },
		&err) < 0)
		fail_msg("%s", err.text);
	return log;
}

static void
emit(alog_t *log, unsigned id, unsigned n)
{
	static char padding[700];

	memset(padding, 'x', sizeof padding - 1);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(ALOG_INFO(log, padding, ALOG_KV("id", id + i)), 0);
	assert_int_equal(alog_sync(log, 5000), 0);
}

/* A living writer's files are its own, whatever their size; when it is gone, they are not. */
static void
living(void **state)
{
	auditq_compact_result r;
	alog_t *log;

	(void)state;
	log = open_logger(NULL);
	emit(log, 0, 300); /* several segments */
	r = compact();
	assert_int_equal(r.merged, 0);
	assert_int_equal(r.alive, 1);
	emit(log, 300, 50);
	expect_ids("alive", 350);
	assert_int_equal(alog_close(log), 0);
	r = compact();
	assert_int_equal(r.alive, 0);
	assert_true(r.merged > 2);
	assert_int_equal(r.archives, 1);
	assert_int_equal(r.plain, 0);
	expect_ids("gone", 350);
}

/* A process that lives for a moment leaves a plain file; a killed one its ring. */
static void
short_lived(void **state)
{
	auditq_compact_result r;
	int status;

	(void)state;
	(void)mkdir(root, 0755);
	for (unsigned i = 0; i < 6; i++) {
		const pid_t pid = fork();

		if (pid == 0) {
			alog_t *log = open_logger(NULL);

			emit(log, i * 10, 10);
			if (i < 4)
				_exit(alog_close(log) == 0 ? 0 : 1);
			(void)raise(SIGKILL);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	r = compact();
	assert_int_equal(r.merged, 6);
	assert_int_equal(r.archives, 1);
	expect_ids("short", 60);
}

/* A query that read a ring before its writer ended finds the same records in the compacted archive. */
static void
ring_read_before(void **state)
{
	char from[SCRATCH_MAX + 300], to[SCRATCH_MAX + 300], ring[SCRATCH_MAX + 64];
	struct dirent **d;
	int n;
	alog_t *log;

	(void)state;
	(void)mkdir(root, 0755);
	log = open_logger(NULL);
	emit(log, 0, 20);
	(void)snprintf(ring, sizeof ring, "%s/" PATH_RING_DIR, root);
	n = scandir(ring, &d, NULL, scratch_by_name);
	assert_int_equal(n, 3);
	(void)snprintf(from, sizeof from, "%s/%.60s", ring, d[2]->d_name);
	(void)snprintf(to, sizeof to, "%s/kept", dir);
	copy_file(from, to);
	assert_int_equal(alog_close(log), 0);
	log = open_logger(NULL);
	emit(log, 20, 20);
	assert_int_equal(alog_close(log), 0);
	assert_int_equal(compact().merged, 2);
	copy_file(to, from);
	expect_ids("ring", 40);
	for (int i = 0; i < n; i++)
		free(d[i]);
	free(d);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(same_answers),
		TEST(dry_run),
		TEST(bounds),
		TEST(age),
		TEST(left_alone),
		TEST(damaged),
		TEST(both_there),
		TEST(moved),
		TEST(failing_calls),
		TEST(killed),
		TEST(readers),
		TEST(two_at_once),
		TEST(busy),
		TEST(living),
		TEST(short_lived),
		TEST(ring_read_before),
	};

	return cmocka_run_group_tests_name("compact", tests, NULL, NULL);
}
