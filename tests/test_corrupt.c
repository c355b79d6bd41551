/*
 * corrupt - every byte of a file flipped, every length it can be cut to, its members dropped, doubled and
 * swapped: what a query then answers.
 *
 * LARGE=1 flips each bit of each byte, and all eight; without it each byte has one of these done to it.
 */
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
#include "ring_file.h"
#include "sanitizer.h"

#define T0        (INT64_C(1761004800) * CLOCK_S) /* 2025-10-21T00:00:00Z */
#define PARTITION "date=2025-10-21"
#define W1        "0123456789abcdef"
#define W2        "fedcba9876543210"

enum { MEMBERS = 4, PER_MEMBER = 5, LINES = MEMBERS * PER_MEMBER };

/* ---- what is written ---- */

static struct oracle o;

/* Record number i: of the needle's run in the third member only. */
static struct oracle_line
make_line(unsigned i)
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

static void
make_lines(unsigned n)
{
	for (o.n = 0; o.n < n; o.n++)
		o.line[o.n] = make_line((unsigned)o.n);
}

static void
path_of(char dst[2 * SCRATCH_MAX], const char *name)
{
	(void)snprintf(dst, 2 * SCRATCH_MAX, "%s/%s", o.root, name);
}

/* Open a file of the root, made anew. */
static int
create(const char *name)
{
	char path[2 * SCRATCH_MAX];
	int fd;

	path_of(path, PARTITION);
	(void)mkdir(path, 0700);
	path_of(path, ".ring");
	(void)mkdir(path, 0700);
	path_of(path, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	return fd;
}

struct bytes {
	uint8_t *p;
	size_t n;
};

static struct bytes
read_whole(int fd)
{
	struct bytes b = { .n = (size_t)lseek(fd, 0, SEEK_END) };

	assert_non_null(b.p = malloc(b.n));
	assert_int_equal(pread(fd, b.p, b.n, 0), b.n);
	return b;
}

static void
write_whole(int fd, const void *p, size_t n)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, p, n, 0), n);
}

/* Lines first ... last - 1 as an archive on fd; replaced: files it stands for. */
static struct format_footer
put_archive(
    int fd, unsigned first, unsigned last, const struct section_replaced *replaced, size_t n)
{
	struct archive_options opt = { .member_bytes = (uint32_t)(PER_MEMBER *
					   strlen(make_line(10).text)) };
	struct format_footer footer;
	struct archive *a;
	alog_error err;

	error_reset(&err);
	assert_int_equal(archive_begin(&a, fd, &opt, &err), 0);
	for (unsigned i = first; i < last; i++) {
		struct oracle_line l = make_line(i);

		assert_int_equal(archive_add(a, l.text, strlen(l.text), &err), 0);
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(archive_replaces(a, &replaced[i], &err), 0);
	assert_int_equal(archive_finish(a, &footer, &err), 0);
	return footer;
}

/* Where the data members of an archive begin; the last element: where its index does. */
static void
find_members(const struct bytes *b, size_t at[MEMBERS + 1])
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

/* ---- what is done to it ---- */

static bool
thorough(void)
{
	return getenv("LARGE") != NULL;
}

/* A sanitizer takes ten times as long, and has as much to say of fewer. */
enum { STRIDE = BY_SANITIZER(1, 31, 31) };

/* FAULTS=n: every nth place. */
static size_t
stride(void)
{
	const char *env = getenv("FAULTS");

	return env != NULL ? strtoul(env, NULL, 10) : STRIDE;
}

/* Flip bits of each byte from..to of fd, in which `b` stands, and ask. */
static void
flip_each(int fd, const struct bytes *b, size_t from, size_t to, uint64_t damaged, size_t step)
{
	for (size_t i = from; i < to; i += step * stride())
		for (unsigned m = 0; m < 9; m++) {
			const uint8_t mask = (uint8_t)(m < 8 ? 1 << m : 0xff);
			const uint8_t c = b->p[i] ^ mask;

			if (!thorough() && m != i % 9)
				continue;
			assert_int_equal(pwrite(fd, &c, 1, (off_t)i), 1);
			oracle_check(&o, damaged, "flipped byte", i);
			assert_int_equal(pwrite(fd, b->p + i, 1, (off_t)i), 1);
		}
}

/* ---- archives ---- */

#define ALL_PARTS (~UINT64_C(0))

/* elsewhere: parts that stand in another file, too. */
static void
flip_archive(int fd, uint64_t elsewhere)
{
	struct bytes b = read_whole(fd);
	size_t at[MEMBERS + 1];

	find_members(&b, at);
	oracle_check(&o, 0, "untouched", 0);
	for (unsigned i = 0; i < MEMBERS; i++)
		flip_each(fd, &b, at[i], at[i + 1], UINT64_C(1) << i & ~elsewhere, 1);
	flip_each(fd, &b, at[MEMBERS], b.n, 0, 1);
	free(b.p);
}

static void
cut_archive(int fd, uint64_t elsewhere)
{
	struct bytes b = read_whole(fd);
	size_t at[MEMBERS + 1];

	find_members(&b, at);
	for (size_t n = b.n; n-- > 0;) {
		unsigned whole = 0;

		if (n % stride() != 0)
			continue;
		assert_int_equal(ftruncate(fd, (off_t)n), 0);
		while (whole < MEMBERS && at[whole + 1] <= n)
			whole++;
		oracle_check(&o, ALL_PARTS << whole & ~elsewhere, "cut to", n);
	}
	free(b.p);
}

static void
test_archive_flips(void **state)
{
	int fd = create("x.jsonl.gz");

	(void)state;
	make_lines(LINES);
	o.file = "x.jsonl.gz";
	(void)put_archive(fd, 0, LINES, NULL, 0);
	flip_archive(fd, 0);
	(void)close(fd);
}

static void
test_archive_cuts(void **state)
{
	int fd = create("x.jsonl.gz");

	(void)state;
	make_lines(LINES);
	o.file = "x.jsonl.gz";
	(void)put_archive(fd, 0, LINES, NULL, 0);
	cut_archive(fd, 0);
	(void)close(fd);
}

/* A compacted archive beside one of the two files that it stands for, 1 or 2, which was not removed yet; both open. */
static void
make_compacted(int *fd, int *left, unsigned number)
{
	static const char first[] = "svc." W1 ".000001.jsonl.gz",
			  second[] = "svc." W1 ".000002.jsonl.gz";
	struct section_replaced r[2] = {
		{ .name = first, .nname = sizeof first - 1, .numbered = true },
		{ .name = second, .nname = sizeof second - 1, .numbered = true },
	};
	struct format_footer f[2];
	char path[2 * SCRATCH_MAX];

	make_lines(LINES);
	o.file = W2;
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof path, PARTITION "/%s", r[i].name);
		*left = create(path);
		f[i] = put_archive(*left, i * LINES / 2, (i + 1) * LINES / 2, NULL, 0);
		(void)close(*left);
		r[i].offset = i == 0 ? 0 : f[0].payload_bytes;
		r[i].bytes = f[i].payload_bytes;
		r[i].first_seq = f[i].first_seq;
		r[i].last_seq = f[i].last_seq;
		memcpy(r[i].whole, f[i].whole, sizeof f[i].whole);
		memcpy(r[i].previous, f[i].previous, sizeof f[i].previous);
	}
	(void)snprintf(path, sizeof path, "%s/" PARTITION "/%s", o.root, r[2 - number].name);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof path, "%s/" PARTITION "/%s", o.root, r[number - 1].name);
	assert_true((*left = open(path, O_RDWR)) >= 0);
	*fd = create(PARTITION "/svc." W2 ".000001.jsonl.gz");
	(void)put_archive(*fd, 0, LINES, r, 2);
}

static void
test_compacted(void **state)
{
	int fd, left;

	(void)state;
	make_compacted(&fd, &left, 1);
	flip_archive(fd, 3);
	cut_archive(fd, 3);
	(void)close(fd);
	(void)close(left);
}

/* What is left is damaged, and all of it stands in the archive. */
static void
test_left(void **state)
{
	(void)state;
	for (unsigned number = 1; number <= 2; number++) {
		struct bytes b;
		int fd, left;

		if (number == 2) {
			scratch_remove(o.root);
			scratch_make(o.root);
		}
		make_compacted(&fd, &left, number);
		o.file = W1;
		b = read_whole(left);
		flip_each(left, &b, 0, b.n, 0, 3);
		for (size_t n = b.n; n-- > 0;) {
			if (n % (7 * stride()) != 0)
				continue;
			assert_int_equal(ftruncate(left, (off_t)n), 0);
			oracle_check(&o, 0, "cut to", n);
		}
		free(b.p);
		(void)close(fd);
		(void)close(left);
	}
}

/* A byte of the index changed, and its checksums made to hold again: such an index is a forgery, whose sums and
 * filters may hide lines.  It must not make a query fail, nor show what was never written. */
static void
forge_each(int fd)
{
	uint8_t stream[FORMAT_PAGE_BYTES], page[FORMAT_PAGE_BYTES + FORMAT_PAGE_OVERHEAD];
	struct bytes b = read_whole(fd);
	struct format_footer f;

	assert_int_equal(format_get_footer(b.p + b.n - FORMAT_FOOTER_BYTES, &f), 0);
	assert_true(f.index_bytes <= sizeof stream);
	for (uint32_t i = 2; i < f.index_bytes; i += STRIDE) {
		memcpy(stream, b.p + f.index_offset + FORMAT_PAGE_HEAD, f.index_bytes);
		const uint32_t behind = 2 + 16U * get_le16(stream);

		stream[i] = (uint8_t)(stream[i] ^ (i % 9 == 8 ? 0xff : 1 << i % 9));
		for (uint32_t d = 2; d < behind && i >= behind; d += 16)
			put_le32(stream + d + 12,
			    (uint32_t)crc32(0, stream + get_le32(stream + d + 4),
				get_le32(stream + d + 8)));
		const size_t n = format_put_page(page, 0, 1, stream, f.index_bytes);

		assert_int_equal(pwrite(fd, page, n, (off_t)f.index_offset), n);
		for (size_t k = 0; k < sizeof oracle_asks / sizeof oracle_asks[0]; k++) {
			struct oracle_answer a;

			oracle_execute(&o, &oracle_asks[k], &a);
			o.cases++;
			o.told += a.lost > 0;
			o.silent += a.said[0] == '\0';
			if (a.r < 0 || a.strange > 0)
				fail_msg("byte %u, %s: %s", i, oracle_asks[k].name, a.err.text);
		}
	}
	free(b.p);
}

static void
test_forged(void **state)
{
	int fd = create("x.jsonl.gz");

	(void)state;
	make_lines(LINES);
	(void)put_archive(fd, 0, LINES, NULL, 0);
	forge_each(fd);
	(void)close(fd);
}

/* Its list of replaced files among the rest. */
static void
test_forged_compacted(void **state)
{
	int fd, left;

	(void)state;
	make_compacted(&fd, &left, 1);
	forge_each(fd);
	(void)close(fd);
	(void)close(left);
}

/* ---- forged lists of replaced files ---- */

static const char first_name[] = "svc." W1 ".000001.jsonl.gz",
		  second_name[] = "svc." W2 ".000001.jsonl.gz";

/* Lines first to last - 1 as an archive of that name; its footer. */
static struct format_footer
put_named(
    const char *name, unsigned first, unsigned last, const struct section_replaced *r, size_t n)
{
	char path[2 * SCRATCH_MAX];
	struct format_footer f;
	int fd;

	(void)snprintf(path, sizeof path, PARTITION "/%s", name);
	fd = create(path);
	f = put_archive(fd, first, last, r, n);
	(void)close(fd);
	return f;
}

/* Give the archive of that name another `whole`, with a checksum that holds. */
static void
forge_whole(const char *name, const uint8_t whole[32])
{
	char path[2 * SCRATCH_MAX];
	uint8_t fixed[FORMAT_FOOTER_FIXED], footer[FORMAT_FOOTER_BYTES];
	struct bytes b;
	int fd;

	(void)snprintf(path, sizeof path, "%s/" PARTITION "/%s", o.root, name);
	assert_true((fd = open(path, O_RDWR)) >= 0);
	b = read_whole(fd);
	memcpy(fixed, b.p + b.n - FORMAT_FOOTER_BYTES + FORMAT_FIXED_AT, sizeof fixed);
	memcpy(fixed + FORMAT_WHOLE_AT, whole, 32);
	format_put_footer(footer, fixed);
	assert_int_equal(
	    pwrite(fd, footer, sizeof footer, (off_t)(b.n - sizeof footer)), sizeof footer);
	free(b.p);
	(void)close(fd);
}

/* What an archive lists, where all checksums hold: nothing is left out for it, and nothing removed, but what it says
 * with a digest that holds. */
static void
test_forged_lists(void **state)
{
	static const uint8_t mine[32] = { 1, 2, 3 };
	static const struct {
		const char *what, *name;
		bool forged; /* in the name of another archive, whose digest is made up */
	} cases[] = {
		{ "another file", first_name, false },
		{ "itself", second_name, true },
		{ "each other", first_name, true },
		{ "the directory above", "..", false },
		{ "its directory", ".", false },
		{ "a name with a line feed", "a\nb", false },
		{ "no such file", "svc.0000000000000000.000001.jsonl.gz", false },
	};

	(void)state;
	make_lines(2 * LINES);
	for (size_t i = 0; i < 2 * LINES; i++)
		o.line[i].part = i < LINES ? 0 : 1;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct section_replaced r[2] = { { .name = cases[i].name,
		    .nname = strlen(cases[i].name),
		    .bytes = 1,
		    .numbered = true,
		    .last_seq = UINT64_MAX } };
		auditq_error err = { 0 };

		scratch_remove(o.root);
		scratch_make(o.root);
		/* The same twice in a list, too. */
		memcpy(r[0].whole, mine, sizeof mine);
		r[1] = r[0];
		r[1].name = second_name;
		r[1].nname = sizeof second_name - 1;
		(void)put_named(first_name, 0, LINES, r, i == 2 ? 2 : 0);
		r[1] = r[0];
		(void)put_named(second_name, LINES, 2 * LINES, r, 2);
		if (cases[i].forged)
			forge_whole(second_name, mine);
		if (cases[i].forged && i == 2)
			forge_whole(first_name, mine);
		oracle_check(&o, 0, cases[i].what, i);
		if (auditq_compact(o.root, NULL, NULL, &err) < 0)
			fail_msg("%s: %s", cases[i].what, err.text);
		oracle_check(&o, 0, cases[i].what, i + 100);
	}
}

/* ---- members out of their places ---- */

struct arrangement {
	const char *name;
	uint8_t *p;
	size_t n;
	uint64_t damaged;
};

static void
add(struct arrangement *to, const uint8_t *p, size_t n)
{
	memcpy(to->p + to->n, p, n);
	to->n += n;
}

/* The members in this order, then what follows them: with an index or without.  An index that is believed does
 * not find those that were moved. */
static void
arrange(int fd, const struct bytes *b, const size_t at[MEMBERS + 1], const unsigned *order,
    size_t n, uint64_t moved, const char *what, size_t number)
{
	struct arrangement a = { .damaged = (UINT64_C(1) << MEMBERS) - 1 };

	assert_non_null(a.p = malloc(3 * b->n));
	for (size_t i = 0; i < n; i++) {
		add(&a, b->p + at[order[i]], at[order[i] + 1] - at[order[i]]);
		a.damaged &= ~(UINT64_C(1) << order[i]);
	}
	a.damaged |= moved;
	/* Without the index it can't be known that the last was dropped, but that it is cut is said. */
	write_whole(fd, a.p, a.n);
	oracle_check(&o, a.damaged, what, number);
	add(&a, b->p + at[MEMBERS], b->n - at[MEMBERS]);
	write_whole(fd, a.p, a.n);
	oracle_check(&o, a.damaged, what, number);
	free(a.p);
}

static uint64_t
between(unsigned i, unsigned j)
{
	const unsigned first = i < j ? i : j, last = i < j ? j : i;

	return ALL_PARTS << first & ~(ALL_PARTS << last << 1);
}

static void
test_rearranged(void **state)
{
	int fd = create("x.jsonl.gz");
	size_t at[MEMBERS + 1];
	struct bytes b;

	(void)state;
	make_lines(LINES);
	o.file = "x.jsonl.gz";
	(void)put_archive(fd, 0, LINES, NULL, 0);
	b = read_whole(fd);
	find_members(&b, at);
	for (unsigned i = 0; i < MEMBERS; i++) {
		unsigned order[MEMBERS + 1] = { 0 };
		size_t n = 0;

		for (unsigned k = 0; k < MEMBERS; k++)
			if (k != i)
				order[n++] = k;
		arrange(fd, &b, at, order, n, 0, "dropped member", i);
		for (unsigned where = 0; where <= MEMBERS; where++) {
			n = 0;
			for (unsigned k = 0; k <= MEMBERS; k++) {
				if (k == where)
					order[n++] = i;
				if (k < MEMBERS)
					order[n++] = k;
			}
			arrange(fd, &b, at, order, n, 0, "doubled member", i * 10 + where);
		}
		for (unsigned j = i + 1; j < MEMBERS; j++) {
			for (unsigned k = 0; k < MEMBERS; k++)
				order[k] = k == i ? j : k == j ? i : k;
			arrange(fd, &b, at, order, MEMBERS, between(i, j), "swapped members",
			    i * 10 + j);
		}
		/* One instead of another: as many as there were. */
		for (unsigned j = 0; j < MEMBERS; j++) {
			for (unsigned k = 0; k < MEMBERS; k++)
				order[k] = k == i ? j : k;
			if (i != j)
				arrange(fd, &b, at, order, MEMBERS, between(i, j),
				    "replaced member", i * 10 + j);
		}
	}
	free(b.p);
	(void)close(fd);
}

/* Behind the header of the member at that place. */
static size_t
behind_header(const struct bytes *b, size_t at)
{
	return at + 12 + get_le16(b->p + at + 10);
}

/* The first cut inside a header, so that what the header says of its length ends where the data of a member of the
 * second begins: which must not be taken for its own. */
static void
join_at_data(int fd, const struct bytes *x, const struct bytes *y, uint8_t *both)
{
	size_t begin[MEMBERS + 2], in_y[MEMBERS + 1];

	find_members(x, begin);
	find_members(y, in_y);
	begin[MEMBERS + 1] = x->n - FORMAT_FOOTER_BYTES;
	for (size_t i = 0; i < MEMBERS + 2; i++)
		for (size_t k = 0; k < MEMBERS; k++) {
			const size_t end = behind_header(x, begin[i]),
				     data = behind_header(y, in_y[k]);

			if (begin[i] + data + 12 >= end)
				continue;
			memcpy(both, x->p, end - data);
			memcpy(both + (end - data), y->p, y->n);
			write_whole(fd, both, end - data + y->n);
			oracle_check(&o, 1, "joined at data", end - data);
		}
}

/* Archives joined by cat, and one that something is put into the middle of. */
static void
test_joined(void **state)
{
	int fd = create("x.jsonl.gz"), second = create("y.jsonl.gz");
	char path[2 * SCRATCH_MAX];
	struct bytes x, y;
	uint8_t *both;

	(void)state;
	make_lines(2 * LINES);
	for (size_t i = 0; i < 2 * LINES; i++)
		o.line[i].part = i < LINES ? 0 : 1;
	o.file = "x.jsonl.gz";
	(void)put_archive(fd, 0, LINES, NULL, 0);
	(void)put_archive(second, LINES, 2 * LINES, NULL, 0);
	oracle_check(&o, 0, "two files", 0);
	x = read_whole(fd);
	y = read_whole(second);
	path_of(path, "y.jsonl.gz");
	assert_int_equal(unlink(path), 0);
	assert_non_null(both = malloc(x.n + y.n));
	for (size_t i = 1; i <= x.n; i += i < x.n && !thorough() ? 1 + x.n / 300 : 1) {
		/* The second behind the first, of which all or only a piece is there. */
		memcpy(both, x.p, i);
		memcpy(both + i, y.p, y.n);
		write_whole(fd, both, i + y.n);
		oracle_check(&o, i < x.n, "joined to", i);
	}
	join_at_data(fd, &x, &y, both);
	for (size_t i = 2; i < y.n; i += thorough() ? 1 : 1 + y.n / 300) {
		memcpy(both, x.p, x.n);
		memcpy(both + x.n, y.p, i);
		write_whole(fd, both, x.n + i);
		oracle_check(&o, 2, "joined with", i);
	}
	free(both);
	free(x.p);
	free(y.p);
	(void)close(fd);
	(void)close(second);
}

/* ---- plain segments and rings ---- */

/* No checksum covers a plain line: one flip changes the text of one line, or joins it with the next, or makes
 * two of it; no other line is touched. */
static void
test_plain(void **state)
{
	int fd = create("x.jsonl");
	size_t begin = 0;
	struct bytes b;

	(void)state;
	make_lines(PER_MEMBER + 1);
	o.file = "x.jsonl";
	o.unchecked = true;
	for (size_t i = 0; i < o.n; i++) {
		o.line[i].part = (unsigned)i;
		assert_true(dprintf(fd, "%s\n", o.line[i].text) > 0);
	}
	b = read_whole(fd);
	for (size_t i = 0; i < o.n; i++) {
		const size_t end = begin + strlen(o.line[i].text);

		flip_each(fd, &b, begin, end, UINT64_C(1) << i, 1);
		flip_each(fd, &b, end, end + 1, UINT64_C(3) << i, 1);
		begin = end + 1;
	}
	for (size_t n = b.n; n-- > 0;) {
		unsigned whole = 0;

		if (n % stride() != 0)
			continue;
		for (size_t i = 0; i < n; i++)
			whole += b.p[i] == '\n';
		/* Its last line may be whole without a line feed; what is left of a line may be none. */
		assert_int_equal(ftruncate(fd, (off_t)n), 0);
		if (n > 0 && b.p[n - 1] != '\n' && b.p[n] != '\n')
			oracle_check(&o, ALL_PARTS << whole, "cut to", n);
	}
	free(b.p);
	(void)close(fd);
}

/* Records 1 to 20 of a writer in a segment, 15 to 26 in its ring, of which up to 17 are written. */
enum { IN_SEGMENT = 20, RING_FIRST = 15, RING_TAIL = 17, RING_LAST = 26 };

static void
fill_ring(struct ring *r)
{
	struct ring_record rec;
	struct ring_slot slot;

	for (unsigned seq = 1; seq <= RING_LAST; seq++) {
		struct oracle_line l = make_line(seq - 1);
		char digits[16];
		const int nd = snprintf(digits, sizeof digits, "%u", seq);
		const char *number = strstr(l.text, "\"seq\":") + 6;
		const size_t head = (size_t)(number - l.text), n = strlen(l.text) - (size_t)nd;

		assert_int_equal(ring_reserve(r, (uint32_t)n, &slot), 0);
		memcpy(slot.p, l.text, head);
		memcpy((char *)slot.p + head, number + nd, n - head);
		ring_commit(r, &slot, (uint16_t)head);
		if (seq <= RING_TAIL) {
			assert_int_equal(ring_next(r, &rec), 1);
			ring_release(r);
		}
	}
}

static void
make_trail_with_ring(void)
{
	static const struct ring_owner owner = { W1, "svc", "node-01", 4711, 0 };
	int fd = create(PARTITION "/svc." W1 ".000001.jsonl"), dirfd;
	char path[2 * SCRATCH_MAX];
	struct ring *r;

	make_lines(RING_LAST);
	for (size_t i = 0; i < o.n; i++) {
		o.line[i].part = i < IN_SEGMENT ? 0 : (unsigned)i;
		if (i < IN_SEGMENT)
			assert_true(dprintf(fd, "%s\n", o.line[i].text) > 0);
	}
	(void)close(fd);
	path_of(path, ".ring");
	assert_true((dirfd = open(path, O_RDONLY | O_DIRECTORY)) >= 0);
	assert_int_equal(ring_create(&r, dirfd, path, &owner, RING_BYTES_MIN, 0600, NULL), 0);
	fill_ring(r);
	ring_close(r);
	(void)close(dirfd);
}

/*
 * What is in the segment is answered whatever the ring says.  A checksum covers what never changes in a ring; its
 * words, entries and records change with each call, and have none: a bit that flips there may hide a record
 * that was not written yet, or alter it.
 */
static void
test_ring(void **state)
{
	const uint64_t ring_only = ~UINT64_C(1);
	char path[2 * SCRATCH_MAX];
	struct bytes b;
	int fd;

	(void)state;
	make_trail_with_ring();
	o.file = W1 ".ring";
	path_of(path, ".ring/" W1 ".ring");
	assert_true((fd = open(path, O_RDWR)) >= 0);
	oracle_check(&o, 0, "untouched", 0);
	b = read_whole(fd);
	flip_each(fd, &b, 0, RING_STATIC_END, ring_only, 1);
	flip_each(fd, &b, RING_STATIC_END, RING_AT_HEAD, 0, 7);
	/* An empty one is what a loss of power may leave of a ring that was just made. */
	for (size_t n = b.n; n-- > 1; n -= n > 4200 && !thorough() ? n / 50 : 0) {
		if (n % stride() != 0)
			continue;
		assert_int_equal(ftruncate(fd, (off_t)n), 0);
		oracle_check(&o, ring_only, "cut to", n);
	}
	assert_int_equal(pwrite(fd, b.p, b.n, 0), b.n);
	o.quiet = o.unchecked = true;
	flip_each(fd, &b, RING_AT_HEAD, RING_AT_HEAD + 8, ring_only, 1);
	flip_each(fd, &b, RING_AT_TAIL_SEQ, RING_AT_TAIL_SEQ + 16, ring_only, 1);
	for (size_t i = RING_HEADER; i < b.n; i++)
		if (i % stride() == 0 && (b.p[i] != 0 || i % 4096 == 0))
			flip_each(fd, &b, i, i + 1, ring_only, 1);
	free(b.p);
	(void)close(fd);
}

static int
setup(void **state)
{
	(void)state;
	o = (struct oracle){ 0 };
	scratch_make(o.root);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_remove(o.root);
	print_message("%llu cases, a loss told in %llu, nothing said in %llu\n",
	    (unsigned long long)o.cases, (unsigned long long)o.told,
	    (unsigned long long)o.silent);
	return o.wrong == 0 ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_archive_flips, setup, teardown),
		cmocka_unit_test_setup_teardown(test_archive_cuts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compacted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged_compacted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rearranged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_joined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
