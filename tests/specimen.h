/*
 * specimen - small files whose lines are known, to be tampered with: archives, compacted ones, and bytes to put back.
 *
 * LARGE=1 flips each bit of each byte, and all eight; without it each byte has one of these done to it.
 * FAULTS=n: every nth place.
 */
#ifndef SPECIMEN_H
#define SPECIMEN_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive.h"
#include "bytes.h"
#include "oracle.h"
#include "path.h"
#include "sanitizer.h"

#define T0        (INT64_C(1761004800) * CLOCK_S) /* 2025-10-21T00:00:00Z */
#define PARTITION "date=2025-10-21"
#define W1        "0123456789abcdef"
#define W2        "fedcba9876543210"

enum { MEMBERS = 4, PER_MEMBER = 5, LINES = MEMBERS * PER_MEMBER };

#define ALL_PARTS (~UINT64_C(0))

/* ---- lines ---- */

/* Record number i: of the needle's run in the third member only. */
static inline struct oracle_line
specimen_line(unsigned i)
{
	struct oracle_line l = { .part = i / PER_MEMBER, .times = 1 };
	char when[CLOCK_LENGTH];

	l.needle = l.part == 2;
	l.failed = i % 7 == 3;
	clock_format(when, T0 + i * CLOCK_S);
	(void)snprintf(l.text, sizeof l.text,
	    "{\"ts\":\"%.*s\",\"run_id\":\"%s\",\"seq\":%u,\"stage\":\"s%u\",\"status\":\"%s\","
	    "\"duration_ms\":%u,\"msg\":\"%08x\"}",
	    CLOCK_LENGTH, when, l.needle ? "needle" : "hay", i + 1, i % 3,
	    l.failed ? "failed" : "ok", i, i * 2654435761U);
	return l;
}

static inline void
specimen_lines(struct oracle *o, unsigned n)
{
	for (o->n = 0; o->n < n; o->n++)
		o->line[o->n] = specimen_line((unsigned)o->n);
}

/* ---- files ---- */

static inline void
specimen_path(const struct oracle *o, char dst[2 * SCRATCH_MAX], const char *name)
{
	(void)snprintf(dst, 2 * SCRATCH_MAX, "%s/%.500s", o->root, name);
}

/* Open a file of the root, made anew. */
static inline int
specimen_create(const struct oracle *o, const char *name)
{
	char path[2 * SCRATCH_MAX];
	int fd;

	specimen_path(o, path, PARTITION);
	(void)mkdir(path, 0700);
	specimen_path(o, path, ".ring");
	(void)mkdir(path, 0700);
	specimen_path(o, path, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	return fd;
}

struct specimen_bytes {
	uint8_t *p;
	size_t n;
};

static inline struct specimen_bytes
specimen_read(int fd)
{
	struct specimen_bytes b = { .n = (size_t)lseek(fd, 0, SEEK_END) };

	assert_non_null(b.p = malloc(b.n));
	assert_int_equal(pread(fd, b.p, b.n, 0), b.n);
	return b;
}

static inline void
specimen_write(int fd, const void *p, size_t n)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, p, n, 0), n);
}

/* ---- archives ---- */

/* Lines first ... last - 1 as an archive on fd; replaced: files it stands for. */
static inline struct format_footer
specimen_archive(
    int fd, unsigned first, unsigned last, const struct section_replaced *replaced, size_t n)
{
	const size_t line = strlen(specimen_line(10).text);
	struct archive_options opt = { .member_bytes = (uint32_t)(PER_MEMBER * line) };
	struct format_footer footer;
	struct archive *a;
	alog_error err;

	error_reset(&err);
	assert_int_equal(archive_begin(&a, fd, &opt, &err), 0);
	for (unsigned i = first; i < last; i++) {
		struct oracle_line l = specimen_line(i);

		assert_int_equal(archive_add(a, l.text, strlen(l.text), &err), 0);
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(archive_replaces(a, &replaced[i], &err), 0);
	assert_int_equal(archive_finish(a, &footer, &err), 0);
	return footer;
}

/* Where the data members of an archive begin; the last element: where its index does. */
static inline void
specimen_members(const struct specimen_bytes *b, size_t at[MEMBERS + 1])
{
	at[0] = 0;
	for (size_t i = 0; i < MEMBERS; i++) {
		struct format_header h;
		struct format_data d;
		uint16_t schema;

		assert_int_equal(format_get_header(b->p + at[i], b->n - at[i], &h), 1);
		assert_int_equal(h.kind, FORMAT_DATA);
		assert_int_equal(format_get_data(h.fixed, h.nfixed, &d, &schema), 0);
		assert_int_equal(d.lines, PER_MEMBER);
		at[i + 1] = at[i] + d.member_bytes;
	}
}

/* How many members are whole in the first n bytes. */
static inline unsigned
specimen_whole(const size_t at[MEMBERS + 1], size_t n)
{
	unsigned whole = 0;

	while (whole < MEMBERS && at[whole + 1] <= n)
		whole++;
	return whole;
}

/* Where the footer of an archive of n bytes begins, or is looked for. */
static inline size_t
specimen_footer(size_t n)
{
	return n > FORMAT_FOOTER_BYTES ? n - FORMAT_FOOTER_BYTES : 0;
}

/* A compacted archive beside one of the two files that it stands for, 1 or 2, which was not removed yet; both open. */
static inline void
specimen_compacted(struct oracle *o, int *fd, int *left, unsigned number)
{
	static const char first[] = "svc." W1 ".000001.jsonl.gz",
			  second[] = "svc." W1 ".000002.jsonl.gz";
	struct section_replaced r[2] = {
		{ .name = first, .nname = sizeof first - 1, .numbered = true },
		{ .name = second, .nname = sizeof second - 1, .numbered = true },
	};
	struct format_footer f[2];
	char path[2 * SCRATCH_MAX];

	specimen_lines(o, LINES);
	o->file = W2;
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof path, PARTITION "/%s", r[i].name);
		*left = specimen_create(o, path);
		f[i] = specimen_archive(*left, i * LINES / 2, (i + 1) * LINES / 2, NULL, 0);
		(void)close(*left);
		r[i].offset = i == 0 ? 0 : f[0].payload_bytes;
		r[i].bytes = f[i].payload_bytes;
		r[i].first_seq = f[i].first_seq;
		r[i].last_seq = f[i].last_seq;
		memcpy(r[i].whole, f[i].whole, sizeof f[i].whole);
		memcpy(r[i].previous, f[i].previous, sizeof f[i].previous);
	}
	(void)snprintf(path, sizeof path, "%s/" PARTITION "/%s", o->root, r[2 - number].name);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof path, "%s/" PARTITION "/%s", o->root, r[number - 1].name);
	assert_true((*left = open(path, O_RDWR)) >= 0);
	*fd = specimen_create(o, PARTITION "/svc." W2 ".000001.jsonl.gz");
	(void)specimen_archive(*fd, 0, LINES, r, 2);
}

/* ---- what is done to them ---- */

static inline bool
specimen_thorough(void)
{
	return getenv("LARGE") != NULL;
}

/* A sanitizer takes ten times as long, and has as much to say of fewer. */
#define SPECIMEN_STRIDE BY_SANITIZER(1U, 31U, 31U)

static inline size_t
specimen_stride(void)
{
	const char *env = getenv("FAULTS");

	return env != NULL ? strtoul(env, NULL, 10) : SPECIMEN_STRIDE;
}

static inline void
specimen_end_flip(int fd, const struct specimen_bytes *b, size_t i, unsigned m)
{
	b->p[i] ^= (uint8_t)(m < 8 ? 1 << m : 0xff);
	assert_int_equal(pwrite(fd, b->p + i, 1, (off_t)i), 1);
}

/* Flip the m-th bit of byte i of fd, in which `b` stands, and in that; 8: all of them.  False: it is not its turn. */
static inline bool
specimen_begin_flip(int fd, const struct specimen_bytes *b, size_t i, unsigned m)
{
	if (!specimen_thorough() && m != i % 9)
		return false;
	specimen_end_flip(fd, b, i, m); /* a second time it is as it was */
	return true;
}

/* Flip bits of each byte from..to of fd, in which `b` stands, and ask. */
static inline void
specimen_flip(struct oracle *o, int fd, const struct specimen_bytes *b, size_t from, size_t to,
    uint64_t damaged, size_t step)
{
	for (size_t i = from; i < to; i += step * specimen_stride())
		for (unsigned m = 0; m < 9; m++)
			if (specimen_begin_flip(fd, b, i, m)) {
				oracle_check(o, damaged, "flipped byte", i);
				specimen_end_flip(fd, b, i, m);
			}
}

/* Whether this length, or place, is one of those to be tried. */
static inline bool
specimen_turn(size_t n)
{
	return n % specimen_stride() == 0;
}

/* ---- a test of them ---- */

static inline int
specimen_set_up(void **state)
{
	struct oracle *o = *state;

	*o = (struct oracle){ 0 };
	scratch_make(o->root);
	return 0;
}

/* What was asked, and answered. */
static inline int
specimen_tear_down(void **state)
{
	const struct oracle *o = *state;

	scratch_remove(o->root);
	print_message("%" PRIu64 " cases, a loss told in %" PRIu64 ", nothing said in %" PRIu64
		      ", %" PRIu64 " times told where the damage is\n",
	    o->cases, o->told, o->silent, o->located);
	return o->wrong == 0 ? 0 : -1;
}

#define SPECIMEN_TEST(f, o)                                                                    \
	cmocka_unit_test_prestate_setup_teardown(f, specimen_set_up, specimen_tear_down, o)

#endif
