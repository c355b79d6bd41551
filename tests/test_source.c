/*
 * source - held against what GNU gzip makes of a corpus, against truncation at every length and a flip of
 * every byte, and against a reader of text that has it all in memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "archive.h"
#include "digest.h"
#include "sanitizer.h"
#include "scratch.h"
#include "source.h"

#define CORPUS "../shared/data/gzip-corpus"

static char dir[SCRATCH_MAX], file[SCRATCH_MAX + 16];

struct text {
	char *p;
	size_t n, cap;
};

static void
put(struct text *t, const void *p, size_t n)
{
	if (t->n + n > t->cap) {
		t->cap = 2 * (t->n + n);
		assert_non_null(t->p = realloc(t->p, t->cap));
	}
	if (n > 0)
		memcpy(t->p + t->n, p, n);
	t->n += n;
}

static size_t
count(const char *p, size_t n, char c)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += p[i] == c;
	return found;
}

static void
write_file(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
}

/* Append one gzip member that holds p[0..n). */
static void
put_gzip(struct text *t, const char *p, size_t n)
{
	z_stream z = { 0 };
	Bytef out[4096];
	int r;

	assert_int_equal(
	    deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = (uInt)n;
	do {
		z.next_out = out;
		z.avail_out = sizeof out;
		r = deflate(&z, Z_FINISH);
		put(t, out, sizeof out - z.avail_out);
	} while (r == Z_OK);
	assert_int_equal(r, Z_STREAM_END);
	deflateEnd(&z);
}

/* What a source gave. */
struct got {
	struct text text;
	unsigned warned, lost;
	uint64_t line, offset; /* of the last warning */
	char why[128];
	int r;
	uint64_t lines; /* one past the number of the last whole line */
};

static void
on_warning(void *arg, const auditq_warning *w)
{
	struct got *got = arg;

	got->warned++;
	got->lost += w->lost;
	got->line = w->line;
	got->offset = w->offset;
	snprintf(got->why, sizeof got->why, "%s", w->text);
}

static void
read_with(struct got *got, const char *path, struct source_options opt)
{
	struct source_block b;
	struct source *s;
	auditq_error err;

	*got = (struct got){ .lines = 1 };
	qerror_reset(&err);
	opt.warn = (struct qwarn){ on_warning, got };
	if ((got->r = source_open(&s, path, &opt, &err)) < 0)
		return;
	while ((got->r = source_next(s, &b, &err)) > 0) {
		assert_true(b.n > 0);
		if (got->lost == 0) {
			assert_int_equal(b.offset, got->text.n);
			assert_int_equal(b.line, got->lines);
		}
		assert_true(got->text.n == 0 || got->text.p[got->text.n - 1] == '\n');
		put(&got->text, b.p, b.n);
		got->lines = b.line + count(b.p, b.n, '\n');
	}
	source_close(s);
}

static void
read_all(struct got *got, const char *path)
{
	read_with(got, path, (struct source_options){ 0 });
}

/* ---- the corpus ---- */

static void
hex_digest(char hex[17], const struct text *t)
{
	struct digest d;
	uint8_t sum[DIGEST_BYTES];

	digest_begin(&d);
	digest_add(&d, t->p, t->n);
	digest_end(&d, sum);
	for (int i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
}

static void
check_corpus_file(const char *name, int rc, size_t lines, const char *sum)
{
	static const size_t blocks[] = { 0, 1000, 4096 };
	bool bomb = strstr(name, "bomb") != NULL, plain = strstr(name, "plain") != NULL;
	char path[512], hex[17];
	struct got got;

	snprintf(path, sizeof path, CORPUS "/%s", name);
	for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
		read_with(&got, path, (struct source_options){ .block_bytes = blocks[i] });
		hex_digest(hex, &got.text);
		if (got.r != 0)
			fail_msg("%s: %d", name, got.r);
		/* Where gzip gives up: it takes text for a fault, and a line of 64 MiB for a line. */
		if (bomb || plain)
			lines = bomb ? 0 : 100;
		if (count(got.text.p, got.text.n, '\n') != lines)
			fail_msg("%s: %zu lines", name, count(got.text.p, got.text.n, '\n'));
		if ((got.lost > 0) != (bomb || (rc == 1 && !plain)))
			fail_msg("%s: %u warnings of loss", name, got.lost);
		if ((got.warned > got.lost) != (rc == 2))
			fail_msg("%s: %u warnings", name, got.warned);
		if (rc != 1 && !bomb && strcmp(hex, sum) != 0)
			fail_msg("%s: other bytes", name);
		free(got.text.p);
	}
}

static void
test_corpus(void **state)
{
	FILE *f = fopen(CORPUS "/MANIFEST.tsv", "r");
	char line[512], name[128], sum[32];
	size_t lines, files = 0;
	int rc;

	(void)state;
	if (f == NULL) {
		print_message("no " CORPUS ": skipped\n");
		skip();
	}
	assert_non_null(fgets(line, sizeof line, f));
	while (fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line, "%127s %*s %d %*s %zu %31s", name, &rc, &lines, sum) != 4)
			fail_msg("%s", line);
		check_corpus_file(name, rc, lines, sum);
		files++;
	}
	fclose(f);
	assert_true(files >= 31);
}

/* ---- plain text ---- */

static void
test_plain(void **state)
{
	static const struct {
		const char *name, *text;
		bool open;
		const char *want;
	} cases[] = {
		{ "empty", "", false, "" },
		{ "one", "a\n", false, "a\n" },
		{ "no final newline", "a\nb", false, "a\nb" },
		{ "torn", "a\nb", true, "a\n" },
		{ "only torn", "ab", true, "" },
		{ "blank lines", "\n\n\na\n\n", false, "\n\n\na\n\n" },
		{ "CR, BOM",
		    "\xef\xbb\xbf"
		    "a\r\nb\r\n",
		    false,
		    "\xef\xbb\xbf"
		    "a\r\nb\r\n" },
	};
	char plain[SCRATCH_MAX + 16]; /* an empty file named .gz would have lost its data */

	(void)state;
	snprintf(plain, sizeof plain, "%s/x.jsonl", dir);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t block = 1; block < 12; block++) {
			struct source_options opt = { .block_bytes = block,
				.open_segment = cases[i].open };
			struct got got;

			write_file(plain, cases[i].text, strlen(cases[i].text));
			read_with(&got, plain, opt);
			if (got.r != 0 || got.warned != 0 ||
			    got.text.n != strlen(cases[i].want) ||
			    (got.text.n > 0 &&
				memcmp(got.text.p, cases[i].want, got.text.n) != 0))
				fail_msg("%s, block %zu", cases[i].name, block);
			free(got.text.p);
		}
	unlink(plain);
}

static void
test_long_line(void **state)
{
	struct text t = { 0 };
	char *fill;
	struct got got;

	(void)state;
	assert_non_null(fill = malloc(SOURCE_LINE_MAX + 1));
	memset(fill, 'x', SOURCE_LINE_MAX + 1);
	put(&t, "first\n", 6);
	put(&t, fill, SOURCE_LINE_MAX); /* just fits */
	put(&t, "\n", 1);
	put(&t, fill, SOURCE_LINE_MAX + 1);
	put(&t, "\nlast\n", 6);
	write_file(file, t.p, t.n);
	read_all(&got, file);
	assert_int_equal(got.r, 0);
	assert_int_equal(got.lost, 1);
	assert_int_equal(got.line, 3);
	assert_int_equal(got.offset, 6 + SOURCE_LINE_MAX + 1);
	assert_int_equal(got.text.n, 6 + SOURCE_LINE_MAX + 1 + 5);
	assert_memory_equal(got.text.p + got.text.n - 6, "\nlast\n", 6);
	assert_int_equal(got.lines, 5);
	free(got.text.p);

	/* The same at the end of the file, and compressed. */
	t.n -= 6;
	write_file(file, t.p, t.n);
	read_all(&got, file);
	assert_int_equal(got.lost, 1);
	assert_int_equal(got.text.n, 6 + SOURCE_LINE_MAX + 1);
	free(got.text.p);
	free(fill);
	free(t.p);
}

static void
test_refused(void **state)
{
	struct got got;
	bool cancel = true;

	(void)state;
	unlink(file);
	read_all(&got, file);
	assert_int_equal(got.r, AUDITQ_ENOENT);
	read_all(&got, dir);
	assert_int_equal(got.r, AUDITQ_EINVAL);
	assert_int_equal(mkfifo(file, 0600), 0);
	read_all(&got, file);
	assert_int_equal(got.r, AUDITQ_EINVAL);
	unlink(file);
	write_file(file, "a\n", 2);
	read_with(&got, file, (struct source_options){ .cancel = &cancel });
	assert_int_equal(got.r, AUDITQ_ECANCELED);
}

/* Sealed between being listed and being read: the lines are under the other name; once that is gone too,
 * the error has the name that was asked for. */
static void
test_sealed_meanwhile(void **state)
{
	struct text t = { 0 };
	char plain[300];
	struct source *s;
	struct got got;
	auditq_error err;

	(void)state;
	snprintf(plain, sizeof plain, "%.*s", (int)strlen(file) - 3, file);
	put_gzip(&t, "one\ntwo\n", 8);
	write_file(file, t.p, t.n);
	free(t.p);
	read_with(&got, plain, (struct source_options){ .open_segment = true });
	assert_int_equal(got.r, 0);
	assert_int_equal(got.lost, 0);
	assert_int_equal(got.text.n, 8);
	assert_memory_equal(got.text.p, "one\ntwo\n", 8);
	free(got.text.p);
	unlink(file);
	qerror_reset(&err);
	assert_int_equal(
	    source_open(&s, plain, &(struct source_options){ 0 }, &err), AUDITQ_ENOENT);
	assert_string_equal(err.path, plain);
}

static int preads_left;

static ssize_t
failing_pread(int fd, void *buf, size_t n, off_t off)
{
	if (preads_left-- > 0)
		return pread(fd, buf, n < 7 ? n : 7, off);
	errno = EIO;
	return -1;
}

/* A read fails: the lines before it are given, then the error. */
static void
test_read_error(void **state)
{
	struct sys_ops ops = sys_posix;
	const struct sys_ops *before = sys;

	(void)state;
	write_file(file, "one\ntwo\nthree\nfour\n", 19);
	ops.pread = failing_pread;
	sys = &ops;
	for (int n = 0; n < 4; n++) {
		struct got got;

		preads_left = n;
		read_with(&got, file, (struct source_options){ .block_bytes = 8 });
		/* The first read is the one that looks what kind of file it is. */
		assert_int_equal(got.r, n < 4 ? AUDITQ_EIO : 0);
		free(got.text.p);
	}
	sys = before;
}

static void
test_stdin(void **state)
{
	struct text t = { 0 };
	int saved = dup(0), fds[2];
	struct got got;

	(void)state;
	put_gzip(&t, "one\ntwo\n", 8);
	put_gzip(&t, "three", 5);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], t.p, t.n), t.n);
	close(fds[1]);
	assert_int_equal(dup2(fds[0], 0), 0);
	close(fds[0]);
	read_all(&got, "-");
	assert_int_equal(dup2(saved, 0), 0);
	close(saved);
	assert_int_equal(got.r, 0);
	assert_int_equal(got.text.n, 13);
	assert_memory_equal(got.text.p, "one\ntwo\nthree", 13);
	free(got.text.p);
	free(t.p);
}

/* ---- damage in gzip of other programs ---- */

static const char *const third[] = { "{\"a\":1}\n{\"a\":2}\n", "{\"b\":1}\n{\"b\":2}\n",
	"{\"c\":1}\n{\"c\":2}\n" };

/* Three members, with something before, between or behind them. */
static void
check_joints(const char *name, const char *junk, size_t n, size_t at, const char *want,
    unsigned lost, unsigned warned)
{
	struct text t = { 0 };
	struct got got;

	for (size_t i = 0; i < 3; i++) {
		if (i == at)
			put(&t, junk, n);
		put_gzip(&t, third[i], strlen(third[i]));
	}
	if (at == 3)
		put(&t, junk, n);
	write_file(file, t.p, t.n);
	read_all(&got, file);
	if (got.r != 0 || got.lost != lost || got.warned != warned)
		fail_msg(
		    "%s: %d, %u lost of %u: %s", name, got.r, got.lost, got.warned, got.why);
	put(&got.text, "", 1);
	if (strcmp(got.text.p, want) != 0)
		fail_msg("%s: %s", name, got.text.p);
	free(got.text.p);
	free(t.p);
}

static void
test_joints(void **state)
{
	static const char all[] =
	    "{\"a\":1}\n{\"a\":2}\n{\"b\":1}\n{\"b\":2}\n{\"c\":1}\n{\"c\":2}\n";
	static const char zeros[600];

	(void)state;
	check_joints("nothing", "", 0, 1, all, 0, 0);
	check_joints("zeros behind", zeros, sizeof zeros, 3, all, 0, 0);
	check_joints("zeros between", zeros, sizeof zeros, 1, all, 1, 1);
	check_joints("garbage behind", "garbage", 7, 3, all, 0, 1);
	check_joints("garbage between", "garbage", 7, 2, all, 1, 1);
	check_joints("half a magic", "\x1f", 1, 2, all, 1, 1);
	check_joints("a magic", "\x1f\x8b\x08\x00", 4, 1, all, 1, 1);
	check_joints("a cut header", "\x1f\x8b\x08\x00", 4, 3, all, 1, 1);
	check_joints("a reserved flag", "\x1f\x8b\x08\xff\0\0\0\0\0\3\1\2\3\4\5\6\7\x08", 18, 1,
	    all, 1, 1);
}

/* Cut anywhere: the lines before the cut, and a word unless it fell between two members. */
static void
test_cut_foreign(void **state)
{
	struct text t = { 0 }, plain = { 0 };
	size_t end[4] = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		put_gzip(&t, third[i], strlen(third[i]));
		put(&plain, third[i], strlen(third[i]));
		end[i + 1] = t.n;
	}
	for (size_t n = 2; n < t.n; n++) {
		size_t whole = 0;
		struct got got;

		for (size_t i = 0; i < 4; i++)
			whole = end[i] <= n ? i : whole;
		write_file(file, t.p, n);
		read_all(&got, file);
		assert_int_equal(got.r, 0);
		assert_true(got.text.n >= whole * strlen(third[0]));
		assert_memory_equal(got.text.p, plain.p, got.text.n);
		/* One byte of a header may be anything. */
		if (n != end[whole] && n != end[whole] + 1)
			assert_int_equal(got.lost, 1);
		free(got.text.p);
	}
	free(plain.p);
	free(t.p);
}

/* ---- damage in archives of ours ---- */

enum { MEMBERS = 5, PER_MEMBER = 6 };
#define EVERY BY_SANITIZER(1U, 1U, 7U)

static void
line_text(char dst[64], int i)
{
	snprintf(dst, 64, "{\"ts\":\"2025-10-23T00:00:%02dZ\",\"n\":%d}", i, 100000 + i * 7919);
}

/* An archive of MEMBERS members; end[i]: where member i ends. */
static void
make_archive(struct text *t, size_t end[MEMBERS])
{
	struct archive_options opt = { .path = file };
	struct archive *a;
	alog_error err;
	char line[64];
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
	size_t at = 0;

	assert_true(fd >= 0);
	error_reset(&err);
	line_text(line, 10);
	opt.member_bytes = (uint32_t)(PER_MEMBER * (strlen(line) + 1));
	assert_int_equal(archive_begin(&a, fd, &opt, &err), 0);
	for (int i = 10; i < 10 + MEMBERS * PER_MEMBER; i++) {
		line_text(line, i);
		assert_int_equal(archive_add(a, line, strlen(line), &err), 0);
	}
	assert_int_equal(archive_finish(a, NULL, &err), 0);
	t->cap = (size_t)lseek(fd, 0, SEEK_END);
	assert_non_null(t->p = malloc(t->cap));
	assert_int_equal(pread(fd, t->p, t->cap, 0), t->cap);
	t->n = t->cap;
	close(fd);
	for (size_t i = 0; i < MEMBERS; i++) {
		struct format_header header;
		struct format_data d;
		uint16_t schema;

		assert_int_equal(
		    format_get_header((uint8_t *)t->p + at, t->n - at, &header), 1);
		assert_int_equal(header.kind, FORMAT_DATA);
		assert_int_equal(format_get_data(header.fixed, header.nfixed, &d, &schema), 0);
		end[i] = at += d.member_bytes;
	}
}

/* How many lines were given, each of them one that was written, in order. */
static int
good_lines(const struct got *got)
{
	const char *p = got->text.p, *stop = p + got->text.n;
	int next = 10, n = 0;
	char line[64];

	for (; p < stop; p = (const char *)memchr(p, '\n', (size_t)(stop - p)) + 1, n++) {
		do {
			if (next == 10 + MEMBERS * PER_MEMBER)
				fail_msg("a line that was never written: %.40s", p);
			line_text(line, next++);
		} while (strncmp(p, line, strlen(line)) != 0);
	}
	return n;
}

static void
test_cut_ours(void **state)
{
	struct text t = { 0 };
	size_t end[MEMBERS];

	(void)state;
	make_archive(&t, end);
	for (size_t n = t.n; n > EVERY; n -= EVERY) {
		struct got got;
		int whole = 0;

		for (int i = 0; i < MEMBERS; i++)
			whole += end[i] <= n;
		write_file(file, t.p, n);
		read_all(&got, file);
		assert_int_equal(got.r, 0);
		if (good_lines(&got) < whole * PER_MEMBER)
			fail_msg("cut at %zu: %d lines", n, good_lines(&got));
		if (n < end[MEMBERS - 1] + FORMAT_FIXED_AT && got.lost != 1)
			fail_msg("cut at %zu: %u warnings of loss", n, got.lost);
		if (n == t.n)
			assert_int_equal(got.warned, 0);
		free(got.text.p);
	}
	free(t.p);
}

static void
test_flip_ours(void **state)
{
	struct text t = { 0 };
	size_t end[MEMBERS];

	(void)state;
	make_archive(&t, end);
	for (size_t i = 0; i < end[MEMBERS - 1]; i += EVERY) {
		struct got got;

		t.p[i] = (char)(t.p[i] ^ (1 << i % 8));
		write_file(file, t.p, t.n);
		read_all(&got, file);
		assert_int_equal(got.r, 0);
		/* Either it was harmless, or its member is missing and that was said. */
		if (good_lines(&got) < (MEMBERS - 1) * PER_MEMBER)
			fail_msg("byte %zu: %d lines", i, good_lines(&got));
		if (good_lines(&got) < MEMBERS * PER_MEMBER && got.lost == 0)
			fail_msg("byte %zu: loss without a word", i);
		free(got.text.p);
		t.p[i] = (char)(t.p[i] ^ (1 << i % 8));
	}
	free(t.p);
}

static int
setup(void **state)
{
	(void)state;
	scratch_make(dir);
	snprintf(file, sizeof file, "%s/x.jsonl.gz", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_sealed_meanwhile),
		cmocka_unit_test(test_read_error),
		cmocka_unit_test(test_stdin),
		cmocka_unit_test(test_joints),
		cmocka_unit_test(test_cut_foreign),
		cmocka_unit_test(test_cut_ours),
		cmocka_unit_test(test_flip_ours),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
