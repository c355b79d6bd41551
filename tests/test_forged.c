/*
 * forged - archives that somebody had a hand in: members dropped, doubled and swapped, files joined by cat, an index whose
 * checksums were made to hold again.
 */
#include <zlib.h>

#include "specimen.h"

static struct oracle o;

/* ---- members out of their places ---- */

struct arrangement {
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
arrange(int fd, const struct specimen_bytes *b, const size_t at[MEMBERS + 1],
    const unsigned *order, size_t n, uint64_t moved, const char *what, size_t number)
{
	struct arrangement a = { .damaged = (UINT64_C(1) << MEMBERS) - 1 };
	size_t first = SIZE_MAX, last = 0;

	assert_non_null(a.p = malloc(3 * b->n));
	for (size_t i = 0; i < n; i++) {
		/* A second one is told of where it stands, one that was moved where it should. */
		if ((a.damaged >> order[i] & 1) == 0) {
			first = a.n < first ? a.n : first;
			last = a.n > last ? a.n : last;
		}
		if ((moved >> i & 1) != 0) {
			first = at[i] < first ? at[i] : first;
			last = at[i] > last ? at[i] : last;
		}
		add(&a, b->p + at[order[i]], at[order[i] + 1] - at[order[i]]);
		a.damaged &= ~(UINT64_C(1) << order[i]);
	}
	a.damaged |= moved;
	/* Without the index it can't be known that the last was dropped, but that it is cut is said. */
	specimen_write(fd, a.p, a.n);
	oracle_expect(&o, first, last, specimen_footer(a.n));
	o.places.stored[2] = (struct oracle_span){ a.n, a.n };
	oracle_check(&o, a.damaged, what, number);
	add(&a, b->p + at[MEMBERS], b->n - at[MEMBERS]);
	specimen_write(fd, a.p, a.n);
	oracle_expect(&o, first, last, specimen_footer(a.n));
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
	int fd = specimen_create(&o, "x.jsonl.gz");
	size_t at[MEMBERS + 1];
	struct specimen_bytes b;

	(void)state;
	specimen_lines(&o, LINES);
	o.file = "x.jsonl.gz";
	(void)specimen_archive(fd, 0, LINES, NULL, 0);
	b = specimen_read(fd);
	specimen_members(&b, at);
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
behind_header(const struct specimen_bytes *b, size_t at)
{
	return at + 12 + get_le16(b->p + at + 10);
}

/* The first cut inside a header, so that what the header says of its length ends where the data of a member of the
 * second begins: which must not be taken for its own. */
static void
join_at_data(
    int fd, const struct specimen_bytes *x, const struct specimen_bytes *y, uint8_t *both)
{
	size_t begin[MEMBERS + 2], in_y[MEMBERS + 1];

	specimen_members(x, begin);
	specimen_members(y, in_y);
	begin[MEMBERS + 1] = x->n - FORMAT_FOOTER_BYTES;
	for (size_t i = 0; i < MEMBERS + 2; i++)
		for (size_t k = 0; k < MEMBERS; k++) {
			const size_t end = behind_header(x, begin[i]),
				     data = behind_header(y, in_y[k]);

			if (begin[i] + data + 12 >= end)
				continue;
			memcpy(both, x->p, end - data);
			memcpy(both + (end - data), y->p, y->n);
			specimen_write(fd, both, end - data + y->n);
			oracle_expect(
			    &o, begin[i], end - data, specimen_footer(end - data + y->n));
			oracle_check(&o, 1, "joined at data", end - data);
		}
}

/* Archives joined by cat, and one that something is put into the middle of. */
static void
test_joined(void **state)
{
	int fd = specimen_create(&o, "x.jsonl.gz"), second = specimen_create(&o, "y.jsonl.gz");
	char path[2 * SCRATCH_MAX];
	size_t in_x[MEMBERS + 1], in_y[MEMBERS + 1];
	struct specimen_bytes x, y;
	uint8_t *both;

	(void)state;
	specimen_lines(&o, 2 * LINES);
	for (size_t i = 0; i < 2 * LINES; i++)
		o.line[i].part = i < LINES ? 0 : 1;
	o.file = "x.jsonl.gz";
	(void)specimen_archive(fd, 0, LINES, NULL, 0);
	(void)specimen_archive(second, LINES, 2 * LINES, NULL, 0);
	oracle_check(&o, 0, "two files", 0);
	x = specimen_read(fd);
	y = specimen_read(second);
	specimen_members(&x, in_x);
	specimen_members(&y, in_y);
	specimen_path(&o, path, "y.jsonl.gz");
	assert_int_equal(unlink(path), 0);
	assert_non_null(both = malloc(x.n + y.n));
	for (size_t i = 1; i <= x.n; i += i < x.n && !specimen_thorough() ? 1 + x.n / 300 : 1) {
		/* The second behind the first, of which all or only a piece is there. */
		memcpy(both, x.p, i);
		memcpy(both + i, y.p, y.n);
		specimen_write(fd, both, i + y.n);
		oracle_expect(&o, in_x[specimen_whole(in_x, i)], i, specimen_footer(i + y.n));
		oracle_check(&o, i < x.n, "joined to", i);
	}
	join_at_data(fd, &x, &y, both);
	for (size_t i = 2; i < y.n; i += specimen_thorough() ? 1 : 1 + y.n / 300) {
		memcpy(both, x.p, x.n);
		memcpy(both + x.n, y.p, i);
		specimen_write(fd, both, x.n + i);
		oracle_expect(
		    &o, x.n + in_y[specimen_whole(in_y, i)], x.n + i, specimen_footer(x.n + i));
		oracle_check(&o, 2, "joined with", i);
	}
	free(both);
	free(x.p);
	free(y.p);
	(void)close(fd);
	(void)close(second);
}

/* ---- an index that lies ---- */

/* A byte of the index changed, and its checksums made to hold again: such an index is a forgery, whose sums and
 * filters may hide lines.  It must not make a query fail, nor show what was never written. */
static void
forge_each(int fd)
{
	uint8_t stream[FORMAT_PAGE_BYTES], page[FORMAT_PAGE_BYTES + FORMAT_PAGE_OVERHEAD];
	struct specimen_bytes b = specimen_read(fd);
	struct format_footer f;

	assert_int_equal(format_get_footer(b.p + b.n - FORMAT_FOOTER_BYTES, &f), 0);
	assert_true(f.index_bytes <= sizeof stream);
	for (uint32_t i = 2; i < f.index_bytes; i += SPECIMEN_STRIDE) {
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
	int fd = specimen_create(&o, "x.jsonl.gz");

	(void)state;
	specimen_lines(&o, LINES);
	(void)specimen_archive(fd, 0, LINES, NULL, 0);
	forge_each(fd);
	(void)close(fd);
}

/* Its list of replaced files among the rest. */
static void
test_forged_compacted(void **state)
{
	int fd, left;

	(void)state;
	specimen_compacted(&o, &fd, &left, 1);
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
	fd = specimen_create(&o, path);
	f = specimen_archive(fd, first, last, r, n);
	(void)close(fd);
	return f;
}

/* Give the archive of that name another `whole`, with a checksum that holds. */
static void
forge_whole(const char *name, const uint8_t whole[32])
{
	char path[2 * SCRATCH_MAX];
	uint8_t fixed[FORMAT_FOOTER_FIXED], footer[FORMAT_FOOTER_BYTES];
	struct specimen_bytes b;
	int fd;

	(void)snprintf(path, sizeof path, "%s/" PARTITION "/%s", o.root, name);
	assert_true((fd = open(path, O_RDWR)) >= 0);
	b = specimen_read(fd);
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
	specimen_lines(&o, 2 * LINES);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SPECIMEN_TEST(test_rearranged, &o),
		SPECIMEN_TEST(test_joined, &o),
		SPECIMEN_TEST(test_forged, &o),
		SPECIMEN_TEST(test_forged_compacted, &o),
		SPECIMEN_TEST(test_forged_lists, &o),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
