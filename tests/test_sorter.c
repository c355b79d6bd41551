/* sorter, merge, batch - against qsort, with every amount of memory; and on a disk that is full. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "merge.h"
#include "sorter.h"
#include "sys.h"

enum { LINES = 6000 };

struct line {
	struct batch_key key;
	char *text;
	size_t n;
};

static struct line lines[LINES];

static void
make_lines(void)
{
	for (uint32_t i = 0; i < LINES; i++) {
		struct line *l = &lines[i];

		/* Few different keys: most have equals, whose order is that of adding. */
		l->key = (struct batch_key){ .ts = rand() % 100 == 0 ? INT64_MIN
								     : rand() % 500 - 250,
			.path = (uint32_t)rand() % 3,
			.aux = i,
			.offset = (uint64_t)rand() % 3 };
		l->n = (size_t)rand() % (i % 500 == 7 ? 300000 : 120);
		l->text = malloc(l->n + 1);
		assert_non_null(l->text);
		for (size_t k = 0; k < l->n; k++)
			l->text[k] = (char)(i * 31 + k);
	}
}

static void
free_lines(void)
{
	for (size_t i = 0; i < LINES; i++)
		free(lines[i].text);
}

static int
by_key(const void *x, const void *y)
{
	const struct line *a = *(const struct line *const *)x;
	const struct line *b = *(const struct line *const *)y;
	int c = batch_compare(&a->key, &b->key);

	return c != 0 ? c : a->key.aux < b->key.aux ? -1 : 1;
}

static const struct line **
sorted_lines(void)
{
	const struct line **want = calloc(LINES, sizeof *want);

	assert_non_null(want);
	for (size_t i = 0; i < LINES; i++)
		want[i] = &lines[i];
	qsort(want, LINES, sizeof(const struct line *), by_key);
	return want;
}

static void
check_line(const struct line *want, const struct batch_key *key, const char *p, size_t n)
{
	assert_int_equal(batch_compare(key, &want->key), 0);
	assert_int_equal(key->aux, want->key.aux);
	assert_int_equal(n, want->n);
	assert_true(n == 0 || memcmp(p, want->text, n) == 0);
}

static void
test_sorter(void **state)
{
	static const size_t limits[] = { 0, 500, 20000, 1000000, SIZE_MAX };
	const struct line **want;

	(void)state;
	make_lines();
	want = sorted_lines();
	for (size_t i = 0; i < 2 * sizeof limits / sizeof limits[0]; i++) {
		bool reverse = i % 2 == 1;
		struct batch_key key;
		struct sorter *s;
		const char *p;
		size_t n;
		auditq_error err;

		qerror_reset(&err);
		assert_int_equal(sorter_new(&s, limits[i / 2], reverse, &err), 0);
		for (size_t k = 0; k < LINES; k++)
			assert_int_equal(
			    sorter_add(s, &lines[k].key, lines[k].text, lines[k].n, &err), 0);
		assert_int_equal(sorter_finish(s, &err), 0);
		for (size_t k = 0; k < LINES; k++) {
			assert_int_equal(sorter_next(s, &key, &p, &n, &err), 1);
			check_line(want[reverse ? LINES - 1 - k : k], &key, p, n);
		}
		assert_int_equal(sorter_next(s, &key, &p, &n, &err), 0);
		assert_int_equal(sorter_spilled(s) > 0, limits[i / 2] != SIZE_MAX);
		sorter_free(s);
	}
	free(want);
	free_lines();
}

/* Batches come while lines are taken, none before what was taken. */
static void
test_interleaved(void **state)
{
	(void)state;
	for (size_t limit = 1; limit < 1000000; limit *= 30) {
		const struct batch_line *head;
		struct merge *m;
		auditq_error err;
		int64_t floor = 0, last = 0;
		uint64_t added = 0, taken = 0;
		int r;

		qerror_reset(&err);
		assert_int_equal(merge_new(&m, limit, false, &err), 0);
		for (int round = 0; round < 200; round++) {
			struct batch b = { 0 };
			int64_t to;

			for (int i = rand() % 40; i > 0; i--) {
				struct batch_key key = { .ts = floor + rand() % 100,
					.offset = added++ };

				assert_int_equal(
				    batch_add(&b, &key, (char *)&key.offset, sizeof key.offset),
				    0);
			}
			assert_int_equal(batch_sort(&b, false), 0);
			assert_int_equal(merge_take(m, &b, &err), 0);
			assert_int_equal(b.n, 0);
			to = floor + rand() % 30;
			while ((r = merge_peek(m, &head, &err)) > 0 && head->key.ts < to) {
				assert_true(head->key.ts >= last);
				assert_memory_equal(head->p, &head->key.offset, 8);
				last = head->key.ts;
				merge_advance(m);
				taken++;
			}
			assert_true(r >= 0);
			floor = to;
		}
		while (merge_peek(m, &head, &err) > 0) {
			assert_true(head->key.ts >= last);
			last = head->key.ts;
			merge_advance(m);
			taken++;
		}
		assert_int_equal(taken, added);
		merge_free(m);
	}
}

static void
test_keep(void **state)
{
	(void)state;
	for (size_t keep = 0; keep < 12; keep++) {
		struct batch b = { 0 };

		for (uint64_t i = 0; i < 10; i++) {
			struct batch_key key = { .ts = 10 - (int64_t)i, .offset = i };

			assert_int_equal(batch_add(&b, &key, (char *)&i, sizeof i), 0);
		}
		assert_int_equal(batch_sort(&b, keep % 2 == 1), 0);
		assert_int_equal(batch_keep(&b, keep), 0);
		assert_int_equal(b.n, keep < 10 ? keep : 10);
		for (size_t i = 0; i < b.n; i++)
			assert_memory_equal(b.line[i].p, &b.line[i].key.offset, 8);
		batch_release(&b);
	}
}

static int writes_left;

static ssize_t
failing_pwrite(int fd, const void *buf, size_t n, off_t off)
{
	if (writes_left-- > 0)
		return pwrite(fd, buf, n, off);
	errno = ENOSPC;
	return -1;
}

static int
refusing_openat(int dir, const char *name, int flags, mode_t mode)
{
	(void)dir;
	(void)name;
	(void)flags;
	(void)mode;
	errno = EACCES;
	return -1;
}

/* A full disk is an error, with its reason, at whatever write it comes. */
static void
test_disk_full(void **state)
{
	struct sys_ops ops = sys_posix;
	const struct sys_ops *before = sys;
	bool done = false;

	(void)state;
	ops.pwrite = failing_pwrite;
	sys = &ops;
	for (int writes = 0; !done; writes++) {
		struct sorter *s;
		struct batch_key key;
		auditq_error err;
		const char *p;
		size_t n;
		int r = 0;

		qerror_reset(&err);
		writes_left = writes;
		assert_int_equal(sorter_new(&s, 2000, false, &err), 0);
		for (int i = 0; i < 400 && r == 0; i++) {
			key = (struct batch_key){ .ts = i * 7919 % 400 };
			r = sorter_add(s, &key, "0123456789", 10, &err);
		}
		if (r == 0)
			r = sorter_finish(s, &err);
		while (r == 0 && sorter_next(s, &key, &p, &n, &err) > 0)
			;
		done = r == 0;
		if (!done) {
			assert_int_equal(r, AUDITQ_EIO);
			assert_int_equal(err.os_errno, ENOSPC);
		}
		sorter_free(s);
	}
	ops.openat = refusing_openat;
	{
		struct batch_key key = { 0 };
		struct sorter *s;
		auditq_error err;

		qerror_reset(&err);
		assert_int_equal(sorter_new(&s, 0, false, &err), 0);
		assert_int_equal(sorter_add(s, &key, "x", 1, &err), AUDITQ_EIO);
		assert_int_equal(err.os_errno, EACCES);
		sorter_free(s);
	}
	sys = before;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorter),
		cmocka_unit_test(test_interleaved),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_disk_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
