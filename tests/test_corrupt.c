/*
 * corrupt - every byte of a file flipped, and every length that it can be cut to: what a query then answers, and where it
 * says that the damage is.
 */
#include <zlib.h>

#include "ring_file.h"
#include "specimen.h"

static struct oracle o;

/* ---- archives ---- */

static struct format_data
member_at(const struct specimen_bytes *b, size_t at)
{
	struct format_data d = { 0 };
	struct format_header h;
	uint16_t schema;

	assert_int_equal(format_get_header(b->p + at, b->n - at, &h), 1);
	assert_int_equal(format_get_data(h.fixed, h.nfixed, &d, &schema), 0);
	return d;
}

/* What is made of a member: so many lines, of so many bytes. */
struct salvage {
	uint64_t lines, bytes;
};

/* So many from a line on that has this number, and begins there. */
static struct oracle_lines
lines_from(uint64_t line, uint64_t text, struct salvage n)
{
	return (
	    struct oracle_lines){ { line, line + n.lines - 1 }, { text, text + n.bytes - 1 } };
}

/* At most what zlib makes of the member at p, when nothing but its own stream says where that ends.  What a damaged one
 * copies from before its start may all be line feeds. */
static struct salvage
salvage(const uint8_t *p, size_t n)
{
	static uint8_t window[1 << MAX_WBITS], out[1 << 16];
	z_stream z = { .next_in = (Bytef *)(uintptr_t)p, .avail_in = (uInt)n, .next_out = out };
	struct salvage s = { 0, 0 };
	uint8_t last = '\n';

	memset(window, '\n', sizeof window);
	assert_int_equal(inflateInit2(&z, MAX_WBITS + 16), Z_OK);
	assert_int_equal(inflateValidate(&z, 0), Z_OK);
	/* Up to the end of the header, whose own checksum nobody looks at. */
	if (inflate(&z, Z_BLOCK) == Z_OK) {
		assert_int_equal(inflateReset2(&z, -MAX_WBITS), Z_OK);
		assert_int_equal(inflateSetDictionary(&z, window, sizeof window), Z_OK);
		do {
			z.next_out = out;
			z.avail_out = sizeof out;
			(void)inflate(&z, Z_NO_FLUSH);
			for (const uint8_t *c = out; c < z.next_out; c++)
				s.lines += (last = *c) == '\n';
			s.bytes += (uint64_t)(z.next_out - out);
		} while (z.avail_out == 0);
	}
	assert_int_equal(inflateEnd(&z), Z_OK);
	s.lines += last != '\n';
	return s;
}

/* Flip bits of the member from..to, and ask: what is told of lines, too, is of what was salvaged, the first of which has
 * these numbers; and of nothing behind it, where all lines are whole. */
static void
flip_member(int fd, const struct specimen_bytes *b, size_t from, size_t to, uint64_t damaged,
    uint64_t line, uint64_t text)
{
	for (size_t i = from; i < to; i += specimen_stride())
		for (unsigned m = 0; m < 9; m++) {
			if (!specimen_begin_flip(fd, b, i, m))
				continue;
			o.places.lines[0] =
			    lines_from(line, text, salvage(b->p + from, b->n - from));
			oracle_check(&o, damaged, "flipped byte", i);
			specimen_end_flip(fd, b, i, m);
		}
}

/* elsewhere: parts that stand in another file, too.  A damaged member is told by where it begins. */
static void
flip_archive(int fd, uint64_t elsewhere)
{
	struct specimen_bytes b = specimen_read(fd);
	uint64_t line = 1, text = 0;
	size_t at[MEMBERS + 1];

	specimen_members(&b, at);
	oracle_check(&o, 0, "untouched", 0);
	for (unsigned i = 0; i < MEMBERS; i++) {
		const struct format_data d = member_at(&b, at[i]);

		oracle_expect(&o, at[i], at[i], at[i]);
		flip_member(
		    fd, &b, at[i], at[i + 1], UINT64_C(1) << i & ~elsewhere, line, text);
		line += d.lines;
		text += d.payload_bytes;
	}
	/* Its index: one page, and the footer. */
	oracle_expect(&o, at[MEMBERS], b.n, b.n);
	flip_member(fd, &b, at[MEMBERS], specimen_footer(b.n), 0, line, text);
	flip_member(fd, &b, specimen_footer(b.n), b.n, 0, line, text);
	free(b.p);
}

static void
cut_archive(int fd, uint64_t elsewhere)
{
	struct specimen_bytes b = specimen_read(fd);
	size_t at[MEMBERS + 1];

	specimen_members(&b, at);
	for (size_t n = b.n; n-- > 0;) {
		const unsigned whole = specimen_whole(at, n);

		if (!specimen_turn(n))
			continue;
		assert_int_equal(ftruncate(fd, (off_t)n), 0);
		oracle_expect(&o, at[whole], n, specimen_footer(n));
		oracle_check(&o, ALL_PARTS << whole & ~elsewhere, "cut to", n);
	}
	free(b.p);
}

static int
create_archive(void)
{
	const int fd = specimen_create(&o, "x.jsonl.gz");

	specimen_lines(&o, LINES);
	o.file = "x.jsonl.gz";
	(void)specimen_archive(fd, 0, LINES, NULL, 0);
	return fd;
}

static void
test_archive_flips(void **state)
{
	const int fd = create_archive();

	(void)state;
	flip_archive(fd, 0);
	(void)close(fd);
}

static void
test_archive_cuts(void **state)
{
	const int fd = create_archive();

	(void)state;
	cut_archive(fd, 0);
	(void)close(fd);
}

static void
test_compacted(void **state)
{
	int fd, left;

	(void)state;
	specimen_compacted(&o, &fd, &left, 1);
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
		struct specimen_bytes b;
		int fd, left;

		if (number == 2) {
			scratch_remove(o.root);
			scratch_make(o.root);
		}
		specimen_compacted(&o, &fd, &left, number);
		o.file = W1;
		b = specimen_read(left);
		oracle_expect(&o, 0, b.n, 0);
		specimen_flip(&o, left, &b, 0, b.n, 0, 3);
		for (size_t n = b.n; n-- > 0;) {
			if (n % (7 * specimen_stride()) != 0)
				continue;
			assert_int_equal(ftruncate(left, (off_t)n), 0);
			oracle_expect(&o, 0, n, 0);
			oracle_check(&o, 0, "cut to", n);
		}
		free(b.p);
		(void)close(fd);
		(void)close(left);
	}
}

/* All lines, and then one that is none. */
static struct format_footer
put_nonsense(int fd)
{
	static const struct archive_options opt = { .member_bytes = 700 };
	struct format_footer f;
	struct archive *a;
	alog_error err;

	error_reset(&err);
	assert_int_equal(archive_begin(&a, fd, &opt, &err), 0);
	for (size_t i = 0; i < o.n; i++)
		assert_int_equal(
		    archive_add(a, o.line[i].text, strlen(o.line[i].text), &err), 0);
	assert_int_equal(archive_add(a, "nonsense", 8, &err), 0);
	assert_int_equal(archive_finish(a, &f, &err), 0);
	return f;
}

/* Ask for all, of a file with a damaged member at `at`: nothing is told but what is lost of that, and of lines here or
 * there. */
static struct oracle_answer
ask_behind(const struct oracle_ask *ask, uint64_t at, struct oracle_lines here,
    struct oracle_lines there)
{
	struct oracle_answer a;

	oracle_expect(&o, at, at, at);
	o.places.lines[0] = here;
	o.places.lines[1] = there;
	oracle_execute(&o, ask, &a);
	o.cases++;
	o.told += a.lost > 0;
	o.located += a.located;
	if (a.r < 0 || a.lost == 0 || a.elsewhere > 0)
		fail_msg("%s: %s", ask->name, a.said);
	return a;
}

/* Nonsense behind a damaged member: an index tells how much was lost, and who reads without one counts what is there: all
 * of the member, or nothing. */
static void
test_behind(void **state)
{
	static const struct salvage one = { 1, 1 };
	const int fd = specimen_create(&o, "x.jsonl.gz");
	struct oracle_lines whole, lost;
	struct format_data second;
	struct specimen_bytes b;
	uint64_t text;
	size_t at, end;

	(void)state;
	specimen_lines(&o, LINES);
	o.file = "x.jsonl.gz";
	text = put_nonsense(fd).payload_bytes - sizeof "nonsense";
	b = specimen_read(fd);
	at = member_at(&b, 0).member_bytes;
	second = member_at(&b, at);
	end = at + second.member_bytes;
	whole = lines_from(LINES + 1, text, one);
	lost = lines_from(LINES + 1 - second.lines, text - second.payload_bytes, one);
	for (size_t i = at; i < end; i += specimen_stride())
		for (unsigned m = 0; m < 9; m++) {
			if (!specimen_begin_flip(fd, &b, i, m))
				continue;
			(void)ask_behind(&oracle_asks[0], at, whole, whole);
			(void)ask_behind(&oracle_asks[1], at, whole, lost);
			specimen_end_flip(fd, &b, i, m);
		}
	b.p[end - 20] ^= 0xff;
	specimen_write(fd, b.p, b.n);
	assert_int_equal(ask_behind(&oracle_asks[0], at, whole, whole).lost, 2);
	assert_int_equal(ask_behind(&oracle_asks[1], at, lost, lost).lost, 2);
	free(b.p);
	(void)close(fd);
}

static int
discard(void *arg, const void *data, size_t n)
{
	(void)arg;
	(void)data;
	(void)n;
	return 0;
}

/* Who inspects an archive gets an error with the place. */
static void
test_inspected(void **state)
{
	const int fd = create_archive();
	struct specimen_bytes b = specimen_read(fd);
	char path[2 * SCRATCH_MAX];
	size_t at[MEMBERS + 1];

	(void)state;
	specimen_path(&o, path, "x.jsonl.gz");
	specimen_members(&b, at);
	for (size_t i = 0; i < b.n; i += specimen_stride()) {
		const unsigned member = specimen_whole(at, i);
		const uint8_t c = (uint8_t)(b.p[i] ^ 1 << i % 8);
		auditq_error err = { 0 };
		int r;

		assert_int_equal(pwrite(fd, &c, 1, (off_t)i), 1);
		r = auditq_inspect(path, false, discard, NULL, &err);
		assert_int_equal(pwrite(fd, b.p + i, 1, (off_t)i), 1);
		o.cases++;
		if (r == 0)
			continue;
		o.located++;
		if (strcmp(err.path, path) != 0 || err.offset < at[member] ||
		    err.offset > (member < MEMBERS ? at[member] : b.n))
			fail_msg("byte %zu: %s: byte %" PRIu64 ": %s", i, err.path, err.offset,
			    err.text);
	}
	free(b.p);
	(void)close(fd);
}

/* ---- gzip files of others ---- */

static void
add_foreign(struct specimen_bytes *to, const void *lines, size_t n)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)lines, .avail_in = (uInt)n };

	assert_non_null(to->p = realloc(to->p, to->n + n + 100));
	z.next_out = to->p + to->n;
	z.avail_out = (uInt)n + 100;
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	to->n += z.total_out;
	assert_int_equal(deflateEnd(&z), Z_OK);
}

/* Members as of `gzip`, appended; begin: where they do, and where their lines do. */
static struct specimen_bytes
make_foreign(size_t at[MEMBERS + 1], size_t text[MEMBERS + 1])
{
	struct specimen_bytes b = { NULL, 0 };
	char lines[PER_MEMBER * sizeof o.line[0].text];

	at[0] = text[0] = 0;
	for (unsigned i = 0; i < MEMBERS; i++) {
		size_t n = 0;

		for (unsigned k = 0; k < PER_MEMBER; k++)
			n += (size_t)snprintf(lines + n, sizeof lines - n, "%s\n",
			    o.line[i * PER_MEMBER + k].text);
		add_foreign(&b, lines, n);
		at[i + 1] = b.n;
		text[i + 1] = text[i] + n;
	}
	return b;
}

/* Lines were given when the checksum behind them is met: they may be wrong, which is told. */
static void
test_foreign(void **state)
{
	const int fd = specimen_create(&o, "x.jsonl.gz");
	size_t at[MEMBERS + 1], text[MEMBERS + 1];
	struct specimen_bytes b;

	(void)state;
	specimen_lines(&o, LINES);
	o.file = "x.jsonl.gz";
	b = make_foreign(at, text);
	specimen_write(fd, b.p, b.n);
	oracle_check(&o, 0, "untouched", 0);
	o.unchecked = true;
	for (unsigned i = 0; i < MEMBERS; i++) {
		/* The last one may seem to be cut. */
		oracle_expect(&o, at[i], at[i], i + 1 < MEMBERS ? at[i] : b.n);
		flip_member(
		    fd, &b, at[i], at[i + 1], UINT64_C(1) << i, i * PER_MEMBER + 1, text[i]);
	}
	for (size_t n = b.n; n-- > 1;) {
		const unsigned whole = specimen_whole(at, n);

		if (!specimen_turn(n))
			continue;
		assert_int_equal(ftruncate(fd, (off_t)n), 0);
		/* Nothing tells that there were members behind the last. */
		o.quiet = at[whole] == n;
		oracle_expect(&o, at[whole], n, n);
		o.places.lines[0] = lines_from(whole * PER_MEMBER + 1, text[whole],
		    salvage(b.p + at[whole], n - at[whole]));
		oracle_check(&o, ALL_PARTS << whole, "cut to", n);
	}
	free(b.p);
	(void)close(fd);
}

/* Nonsense behind a damaged member: who reads counts what was salvaged of that. */
static void
test_foreign_behind(void **state)
{
	const int fd = specimen_create(&o, "x.jsonl.gz");
	size_t at[MEMBERS + 1], text[MEMBERS + 1];
	struct specimen_bytes b;

	(void)state;
	specimen_lines(&o, LINES);
	o.file = "x.jsonl.gz";
	b = make_foreign(at, text);
	add_foreign(&b, "nonsense\n", 9);
	specimen_write(fd, b.p, b.n);
	for (size_t i = 0; i < at[MEMBERS]; i += specimen_stride())
		for (unsigned m = 0; m < 9; m++) {
			const unsigned k = specimen_whole(at, i);
			struct salvage s;

			if (!specimen_begin_flip(fd, &b, i, m))
				continue;
			s = salvage(b.p + at[k], b.n - at[k]);
			(void)ask_behind(&oracle_asks[0], at[k],
			    lines_from(k * PER_MEMBER + 1, text[k], s),
			    lines_from(LINES - PER_MEMBER + 1,
				text[MEMBERS] - (text[k + 1] - text[k]),
				(struct salvage){ s.lines + 1, s.bytes + 1 }));
			specimen_end_flip(fd, &b, i, m);
		}
	free(b.p);
	(void)close(fd);
}

/* ---- plain segments and rings ---- */

/* A line of a plain file that begins there is told by its number, or by its offset alone. */
static void
expect_line(size_t number, size_t last, size_t begin, size_t end)
{
	oracle_expect(&o, begin, end, begin);
	o.places.lines[0] = (struct oracle_lines){ { number, last }, { begin, end } };
}

/* No checksum covers a plain line: one flip changes the text of one line, or joins it with the next, or makes
 * two of it; no other line is touched. */
static void
test_plain(void **state)
{
	int fd = specimen_create(&o, "x.jsonl");
	size_t begin = 0;
	struct specimen_bytes b;

	(void)state;
	specimen_lines(&o, PER_MEMBER + 1);
	o.file = "x.jsonl";
	o.unchecked = true;
	for (size_t i = 0; i < o.n; i++) {
		o.line[i].part = (unsigned)i;
		assert_true(dprintf(fd, "%s\n", o.line[i].text) > 0);
	}
	b = specimen_read(fd);
	for (size_t i = 0; i < o.n; i++) {
		const size_t end = begin + strlen(o.line[i].text);

		expect_line(i + 1, i + 2, begin, end);
		specimen_flip(&o, fd, &b, begin, end, UINT64_C(1) << i, 1);
		expect_line(i + 1, i + 1, begin, begin);
		specimen_flip(&o, fd, &b, end, end + 1, UINT64_C(3) << i, 1);
		begin = end + 1;
	}
	for (size_t n = b.n; n-- > 0;) {
		unsigned whole = 0;

		if (!specimen_turn(n))
			continue;
		begin = 0;
		for (size_t i = 0; i < n; i++)
			if (b.p[i] == '\n') {
				whole++;
				begin = i + 1;
			}
		/* Its last line may be whole without a line feed; what is left of a line may be none. */
		assert_int_equal(ftruncate(fd, (off_t)n), 0);
		expect_line(whole + 1, whole + 1, begin, begin);
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
		struct oracle_line l = specimen_line(seq - 1);
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
	int fd = specimen_create(&o, PARTITION "/svc." W1 ".000001.jsonl"), dirfd;
	char path[2 * SCRATCH_MAX];
	struct ring *r;

	specimen_lines(&o, RING_LAST);
	for (size_t i = 0; i < o.n; i++) {
		o.line[i].part = i < IN_SEGMENT ? 0 : (unsigned)i;
		if (i < IN_SEGMENT)
			assert_true(dprintf(fd, "%s\n", o.line[i].text) > 0);
	}
	(void)close(fd);
	specimen_path(&o, path, ".ring");
	assert_true((dirfd = open(path, O_RDONLY | O_DIRECTORY)) >= 0);
	assert_int_equal(ring_create(&r, dirfd, path, &owner, RING_BYTES_MIN, 0600, NULL), 0);
	fill_ring(r);
	ring_close(r);
	(void)close(dirfd);
}

/* Where the record stands whose entry, or text, byte i of the ring is in. */
static uint64_t
record_at(const struct specimen_bytes *b, size_t i)
{
	const size_t granules = RING_BYTES_MIN / RING_GRAIN;
	const size_t data = RING_HEADER + granules * sizeof(struct ring_entry);
	size_t g =
	    i < data ? (i - RING_HEADER) / sizeof(struct ring_entry) : (i - data) / RING_GRAIN;

	while (i >= data && g > 0 &&
	    get_le64(b->p + RING_HEADER + g * sizeof(struct ring_entry)) == 0)
		g--;
	return data + g * RING_GRAIN;
}

/* Its header, which begins at 0; or the end, when it has less than it says. */
static void
cut_ring(int fd, const struct specimen_bytes *b, uint64_t ring_only)
{
	/* An empty one is what a loss of power may leave of a ring that was just made. */
	for (size_t n = b->n; n-- > 1; n -= n > 4200 && !specimen_thorough() ? n / 50 : 0) {
		if (!specimen_turn(n))
			continue;
		assert_int_equal(ftruncate(fd, (off_t)n), 0);
		oracle_expect(&o, n, n, n < RING_STATIC_END ? 0 : n);
		oracle_check(&o, ring_only, "cut to", n);
	}
	assert_int_equal(pwrite(fd, b->p, b->n, 0), b->n);
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
	struct specimen_bytes b;
	int fd;

	(void)state;
	make_trail_with_ring();
	o.file = W1 ".ring";
	specimen_path(&o, path, ".ring/" W1 ".ring");
	assert_true((fd = open(path, O_RDWR)) >= 0);
	oracle_check(&o, 0, "untouched", 0);
	b = specimen_read(fd);
	oracle_expect(&o, 0, 0, 0);
	specimen_flip(&o, fd, &b, 0, RING_STATIC_END, ring_only, 1);
	specimen_flip(&o, fd, &b, RING_STATIC_END, RING_AT_HEAD, 0, 7);
	cut_ring(fd, &b, ring_only);
	o.quiet = o.unchecked = true;
	oracle_expect(&o, RING_AT_HEAD, RING_AT_HEAD, RING_AT_HEAD);
	specimen_flip(&o, fd, &b, RING_AT_HEAD, RING_AT_HEAD + 8, ring_only, 1);
	specimen_flip(&o, fd, &b, RING_AT_TAIL_SEQ, RING_AT_TAIL_SEQ + 16, ring_only, 1);
	for (size_t i = RING_HEADER; i < b.n; i++)
		if (specimen_turn(i) && (b.p[i] != 0 || i % 4096 == 0)) {
			const uint64_t at = record_at(&b, i);

			oracle_expect(&o, at, at, at);
			specimen_flip(&o, fd, &b, i, i + 1, ring_only, 1);
		}
	free(b.p);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SPECIMEN_TEST(test_archive_flips, &o),
		SPECIMEN_TEST(test_archive_cuts, &o),
		SPECIMEN_TEST(test_compacted, &o),
		SPECIMEN_TEST(test_left, &o),
		SPECIMEN_TEST(test_behind, &o),
		SPECIMEN_TEST(test_inspected, &o),
		SPECIMEN_TEST(test_foreign, &o),
		SPECIMEN_TEST(test_foreign_behind, &o),
		SPECIMEN_TEST(test_plain, &o),
		SPECIMEN_TEST(test_ring, &o),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
