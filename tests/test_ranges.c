/*
 * ranges, relay - a file in pieces, plain or gzip: the same answers, and the same said of it, as when one worker
 * reads it front to back.  Near the borders of pieces stands whatever lines can be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditq.h"
#include "clock.h"
#include "draw.h"
#include "faults.h"
#include "sanitizer.h"
#include "scratch.h"

#define T0     (INT64_C(1761004800) * CLOCK_S) /* 2025-10-21T00:00:00Z */
#define BORDER ((size_t)4 << 20)               /* of pieces of plain files; some of others' */

static char root[SCRATCH_MAX], plain[SCRATCH_MAX + 16], packed[SCRATCH_MAX + 16];

static int
setup(void **state)
{
	(void)state;
	scratch_make(root);
	snprintf(plain, sizeof plain, "%s/x.jsonl", root);
	snprintf(packed, sizeof packed, "%s/y.jsonl.gz", root);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_remove(root);
	return 0;
}

/* ---- files ----------------------------------------------------------------------------- */

static struct {
	char *p;
	size_t n, cap;
} text;

static void
add(const char *p, size_t n)
{
	if (text.n + n + 1 > text.cap) {
		text.cap = 2 * (text.n + n) + 1;
		assert_non_null(text.p = realloc(text.p, text.cap));
	}
	memcpy(text.p + text.n, p, n);
	text.p[text.n += n] = '\n';
	text.n++;
}

static void
add_pad(size_t n, bool timed)
{
	char when[CLOCK_LENGTH], head[128], *line = malloc(n + 256);
	int k;

	assert_non_null(line);
	clock_format(when, T0 + (int64_t)draw(100000) * CLOCK_S);
	k = timed ? snprintf(head, sizeof head, "{\"ts\":\"%.*s\",\"n\":%u,\"pad\":\"",
			CLOCK_LENGTH, when, draw(10))
		  : snprintf(head, sizeof head, "{\"n\":%u,\"pad\":\"", draw(10));
	memcpy(line, head, (size_t)k);
	memset(line + k, 'x', n);
	memcpy(line + (size_t)k + n, "\"}", 2);
	add(line, (size_t)k + n + 2);
	free(line);
}

/* Lines of which `timed` of 10 have a time. */
static void
add_small(unsigned timed)
{
	unsigned kind = draw(12);

	if (kind == 0)
		add("", 0);
	else if (kind == 1)
		add("{\"torn", 6);
	else if (kind == 2)
		add("[1]", 3);
	else
		add_pad(draw(120), draw(10) < timed);
}

static void
fill(size_t size, unsigned timed)
{
	text.n = 0;
	while (text.n < size) {
		size_t left = BORDER - text.n % BORDER;

		if (left > 70000 && BORDER - left > 3000)
			add_pad(left > 200000 ? 65000 : left - 68000, draw(10) < timed);
		else
			add_small(timed);
	}
	if (draw(2) == 0)
		text.n--;
}

static void
write_files(void)
{
	FILE *f = fopen(plain, "w");
	gzFile gz = gzopen(packed, "wb0");

	assert_non_null(f);
	assert_non_null(gz);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	assert_int_equal(gzwrite(gz, text.p, (unsigned)text.n), (int)text.n);
	fclose(f);
	gzclose(gz);
}

/* ---- answers --------------------------------------------------------------------------- */

struct answer {
	uint64_t hash; /* of times, offsets and lines, in order */
	uint64_t n;
	unsigned warned;
	int r;
	auditq_counts counts;
};

static uint64_t
mix(uint64_t h, const void *p, size_t n)
{
	const unsigned char *c = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ c[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* What is said of a line is said of where it is. */
static void
on_warning(void *arg, const auditq_warning *w)
{
	struct answer *a = arg;
	uint64_t line = 1;
	const char *p = text.p;

	a->warned++;
	if (w->line == 0)
		return;
	assert_true(w->offset < text.n);
	while ((p = memchr(p, '\n', (size_t)(text.p + w->offset - p))) != NULL) {
		line++;
		p++;
	}
	if (line != w->line)
		fail_msg("line %llu at offset %llu is line %llu: %s",
		    (unsigned long long)w->line, (unsigned long long)w->offset,
		    (unsigned long long)line, w->text);
}

static struct answer
ask(const char *path, unsigned jobs, unsigned which)
{
	struct answer a = { .counts.size = sizeof a.counts };
	auditq_t *q = auditq_new();
	auditq_record rec;

	assert_non_null(q);
	auditq_path(q, path);
	auditq_jobs(q, jobs);
	auditq_on_warning(q, on_warning, &a);
	if (which == 1)
		auditq_between(q, T0 + 20000 * CLOCK_S, T0 + 50000 * CLOCK_S);
	if (which == 2)
		auditq_where(q, "n == 3 or not exists ts");
	while ((a.r = auditq_next(q, &rec, NULL)) > 0) {
		a.hash = mix(a.hash, &rec.ts, sizeof rec.ts);
		a.hash = mix(a.hash, &rec.offset, sizeof rec.offset);
		a.hash = mix(a.hash, rec.line, rec.len < 300 ? rec.len : 300);
		a.n++;
	}
	assert_int_equal(auditq_get_counts(q, &a.counts), 0);
	auditq_free(q);
	return a;
}

static void
compare(unsigned which)
{
	static const struct {
		const char *path;
		unsigned jobs;
	} ways[] = { { plain, 1 }, { plain, 3 }, { packed, 2 }, { packed, 4 } };
	struct answer whole = ask(packed, 1, which);

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		struct answer a = ask(ways[i].path, ways[i].jobs, which);

		assert_int_equal(a.r, 0);
		if (a.n != whole.n || a.hash != whole.hash)
			fail_msg("seed %llu, question %u, way %zu: %llu records, not %llu",
			    (unsigned long long)draw_seed, which, i, (unsigned long long)a.n,
			    (unsigned long long)whole.n);
		assert_int_equal(a.counts.lines, whole.counts.lines);
		assert_int_equal(a.counts.matched, whole.counts.matched);
		assert_int_equal(a.counts.unreadable, whole.counts.unreadable);
		assert_int_equal(a.counts.lost > 0, whole.counts.lost > 0);
		assert_int_equal(a.counts.bytes_inflated, whole.counts.bytes_inflated);
	}
}

/* Times on most lines, on few, on none. */
static void
test_pieces(void **state)
{
	static const unsigned timed[] = { 9, 3, 0, 6 };

	(void)state;
	for (size_t i = BY_SANITIZER(0, 0, 3); i < sizeof timed / sizeof timed[0]; i++) {
		draw_seed = i * 77;
		fill(2 * BORDER + (i == 3 ? 0 : draw((unsigned)BORDER)), timed[i]);
		write_files();
		for (unsigned which = 0; which < 3; which++)
			compare(which);
	}
}

/* Lines that are longer than a piece, and one that is too long for any. */
static void
test_long_lines(void **state)
{
	(void)state;
	draw_seed = 5;
	text.n = 0;
	add_small(5);
	add_pad(BORDER - text.n - 300, true);
	add_small(5);
	add_pad(2 * BORDER + 17, false);
	add_small(5);
	add_pad((size_t)17 << 20, true);
	add("{\"torn", 6); /* its number counts that line, too */
	for (int i = 0; i < 10; i++)
		add_small(2);
	add_pad(BORDER, true);
	write_files();
	for (unsigned which = 0; which < 3; which += BY_SANITIZER(1, 1, 3))
		compare(which);
}

/* Line feeds exactly where pieces begin and end. */
static void
test_borders(void **state)
{
	(void)state;
	for (int shift = -2; shift <= 2; shift += BY_SANITIZER(1, 1, 4)) {
		size_t at = (size_t)((int64_t)BORDER + shift);

		draw_seed = (uint64_t)(shift + 10);
		text.n = 0;
		add_pad(BORDER / 2, false);
		add_pad(at - text.n - 17, false);
		assert_true(text.n == at);
		add_pad(3, false);
		add_pad(3, true);
		add_pad(BORDER, false);
		write_files();
		compare(0);
		compare(1);
	}
}

/* Nothing but blank lines; nothing but lines that are no records. */
static void
test_empty_pieces(void **state)
{
	static const char words[] = "what is no record, either";

	(void)state;
	text.n = 0;
	for (size_t i = 0; i < BY_SANITIZER(3, 2, 1) * BORDER + 100; i++)
		add("", 0);
	write_files();
	compare(0);
	text.n = 0;
	while (text.n < 2 * BORDER)
		add(words, BY_SANITIZER(1, 8, sizeof words - 1));
	write_files();
	compare(0);
}

/* Each call to the system fails in turn: what is read is as it stands, what is not is told. */
static void
test_faults(void **state)
{
	struct answer whole, a;
	bool fired = true;

	(void)state;
	draw_seed = 9;
	fill(2 * BORDER + 100, 8);
	write_files();
	whole = ask(plain, 1, 0);
	for (long n = 0; fired; n += BY_SANITIZER(1, 1, 7)) {
		faults_begin(FAULT_FAIL, n, EIO);
		a = ask(plain, 1, 0);
		fired = faults_end();
		if (a.n > whole.n || (a.hash != whole.hash && a.r == 0 && a.counts.lost == 0))
			fail_msg("call %ld fails: %llu records of %llu, %llu lost", n,
			    (unsigned long long)a.n, (unsigned long long)whole.n,
			    (unsigned long long)a.counts.lost);
	}
	assert_true(a.hash == whole.hash);
}

static int
done(void **state)
{
	(void)state;
	free(text.p);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_borders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
	};

	return cmocka_run_group_tests_name("ranges", tests, NULL, done);
}
