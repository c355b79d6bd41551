/*
 * golden_ring - a ring whose bytes the format promises can be recovered, for ever; and what a ring looks
 * like that is made today.
 *
 * test_golden_ring --write makes fixtures/golden/ring-1.ring.gz.  That is a change of the format and
 * belongs in docs/format.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <zlib.h>

#include "bytes.h"
#include "path.h"
#include "recover.h"
#include "ring_file.h"
#include "scratch.h"

#define GOLDEN "fixtures/golden/ring-1.ring.gz"
#define WRITER "00c0ffee00c0ffee"
#define RING   WRITER ".ring"
#define BYTES  (RING_HEADER + RING_BYTES_MIN / RING_GRAIN * 16 + RING_BYTES_MIN)

/* What is in it: the tail stands behind 2; 6 and 9 were reserved, and never committed; 7 has no room
 * before the end of the lap. */
enum { FIRST = 3, LAST = 9, DROPPED = 3, TOLD = 1 };

static bool
is_hole(uint64_t seq)
{
	return seq == 6 || seq == 9;
}

static int
pad_of(uint64_t seq)
{
	static const int pad[LAST + 1] = { 0, 16000, 16000, 16000, 15000, 0, 10, 5000, 1, 7 };

	return pad[seq];
}

/* Record seq, with these digits for its number; the offset at which they begin goes to *splice. */
static size_t
record_of(char *dst, size_t cap, uint64_t seq, const char *digits, uint16_t *splice)
{
	const int head = snprintf(dst, cap,
	    "{\"ts\":\"2025-10-23T14:05:0%d.123456789Z\",\"level\":\"info\",\"seq\":",
	    (int)seq);
	const int n = snprintf(dst + head, cap - (size_t)head,
	    "%s,\"service\":\"golden\",\"host\":\"node-01\",\"pid\":4711,\"msg\":\"%0*d\"}",
	    digits, pad_of(seq), (int)seq);

	if (splice != NULL)
		*splice = (uint16_t)head;
	return (size_t)(head + n);
}

static void
put_crc(uint8_t *header)
{
	put_le32(header + RING_AT_CRC,
	    (uint32_t)crc32(0, header + RING_AT_BYTES, RING_STATIC_END - RING_AT_BYTES));
}

/* ---- a ring as it is made today ---- */

static void
fill(struct ring *r)
{
	static char text[20000];
	struct ring_record rec;
	struct ring_slot slot;

	for (uint64_t seq = 1; seq <= LAST; seq++) {
		uint16_t splice;
		const size_t n = record_of(text, sizeof text, seq, "", &splice);

		assert_int_equal(ring_reserve(r, (uint32_t)n, &slot), 0);
		assert_int_equal(slot.seq, seq);
		if (!is_hole(seq)) {
			memcpy(slot.p, text, n);
			ring_commit(r, &slot, splice);
		}
		if (seq < FIRST) {
			assert_int_equal(ring_next(r, &rec), 1);
			ring_release(r);
		}
	}
	for (int i = 0; i < DROPPED; i++)
		ring_count_drop(r);
	ring_set_reported(r, TOLD);
}

static void
make_ring(uint8_t made[BYTES])
{
	static const struct ring_owner owner = { WRITER, "golden", "node-01", 4711, 1000 };
	char dir[SCRATCH_MAX];
	struct ring *r;
	int dirfd, fd;

	scratch_make(dir);
	assert_true((dirfd = open(dir, O_RDONLY | O_DIRECTORY)) >= 0);
	assert_int_equal(ring_create(&r, dirfd, dir, &owner, RING_BYTES_MIN, 0600, NULL), 0);
	fill(r);
	assert_true((fd = openat(dirfd, RING, O_RDONLY)) >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), BYTES);
	assert_int_equal(pread(fd, made, BYTES, 0), BYTES);
	ring_close(r);
	(void)close(fd);
	(void)close(dirfd);
	scratch_remove(dir);
	for (uint8_t i = 0; i < 16; i++)
		made[RING_AT_BOOT + i] = i;
	put_crc(made);
}

static void
read_golden(uint8_t golden[BYTES])
{
	gzFile gz = gzopen(GOLDEN, "rb");
	char more;

	if (gz == NULL)
		fail_msg(GOLDEN ": run this from the top of the source tree");
	assert_int_equal(gzread(gz, golden, BYTES), BYTES);
	assert_int_equal(gzread(gz, &more, 1), 0);
	assert_int_equal(gzclose(gz), Z_OK);
}

static void
test_made_today(void **state)
{
	static uint8_t golden[BYTES], made[BYTES];

	(void)state;
	read_golden(golden);
	make_ring(made);
	for (size_t i = 0; i < BYTES; i++)
		if (made[i] != golden[i])
			fail_msg("byte %zu: %d instead of %d", i, made[i], golden[i]);
}

/* ---- recovery ---- */

static uint8_t ring[BYTES];
static char dir[SCRATCH_MAX];
static struct segment_root root;
static alog_error warning;

/* The golden ring in a root, for this user; the test may change it further. */
static int
set_up(void **state)
{
	(void)state;
	scratch_make(dir);
	root = (struct segment_root){ -1, dir, 0640, 0750 };
	warning = (alog_error){ 0 };
	read_golden(ring);
	put_le32(ring + RING_AT_UID, (uint32_t)geteuid());
	return segment_root_open(&root, NULL);
}

static int
tear_down(void **state)
{
	(void)state;
	(void)close(root.fd);
	scratch_remove(dir);
	return 0;
}

static int
open_ring(int flags)
{
	return openat(root.fd, PATH_RING_DIR "/" RING, flags, 0600);
}

static void
place_ring(void)
{
	int fd;

	assert_int_equal(mkdirat(root.fd, PATH_RING_DIR, 0700), 0);
	assert_true((fd = open_ring(O_RDWR | O_CREAT)) >= 0);
	assert_int_equal(write(fd, ring, BYTES), BYTES);
	(void)close(fd);
}

static void
on_warning(void *arg, const alog_error *err)
{
	(void)arg;
	warning = *err;
}

static struct scratch_lines
recover(void)
{
	const struct recover_options opt = {
		.root = &root, .segment_bytes = 1 << 20, .warn = on_warning
	};
	struct recover_result res = { 0 };

	assert_int_equal(recover_root(&opt, &res, NULL), 0);
	return scratch_read(dir);
}

static void
is_gap(const struct scratch_line *line, uint64_t seq, int lost, const char *reason)
{
	char want[128];

	(void)snprintf(want, sizeof want, "\"lost\":%d,\"reason\":\"%s\"}", lost, reason);
	if (line->seq != seq || strstr(line->text, want) == NULL ||
	    strstr(line->text, "\"event\":\"log.gap\"") == NULL)
		fail_msg("%s is not %s", line->text, want);
	assert_non_null(
	    strstr(line->text, ",\"service\":\"golden\",\"host\":\"node-01\",\"pid\":4711,"));
}

static void
test_this_boot(void **state)
{
	static char want[20000];
	struct scratch_lines lines;

	(void)state;
	ring_boot_id(ring + RING_AT_BOOT);
	put_crc(ring);
	place_ring();
	lines = recover();
	assert_int_equal(lines.n, LAST - FIRST + 2);
	for (uint64_t seq = FIRST; seq <= LAST; seq++) {
		const struct scratch_line *line = &lines.line[seq - FIRST];
		const char digits[] = { (char)('0' + seq), '\0' };

		if (is_hole(seq)) {
			is_gap(line, seq, 1, "torn");
			continue;
		}
		(void)record_of(want, sizeof want, seq, digits, NULL);
		assert_string_equal(line->text, want);
	}
	is_gap(&lines.line[LAST - FIRST + 1], LAST + 1, DROPPED - TOLD, "overflow");
	assert_int_equal(open_ring(O_RDONLY), -1);
	assert_int_equal(warning.code, 0);
	scratch_free(&lines);
}

/* The golden ring as it is: nothing in it is trusted, and all that is lost is told. */
static void
test_other_boot(void **state)
{
	struct scratch_lines lines;

	(void)state;
	put_crc(ring);
	place_ring();
	lines = recover();
	assert_int_equal(lines.n, 2);
	is_gap(&lines.line[0], LAST, LAST - FIRST + 1, "reboot");
	is_gap(&lines.line[1], LAST + 1, DROPPED - TOLD, "overflow");
	assert_int_equal(open_ring(O_RDONLY), -1);
	scratch_free(&lines);
}

/* What a later version wrote is refused, and left for it. */
static void
test_newer(void **state)
{
	static uint8_t after[BYTES];
	struct scratch_lines lines;
	struct ring_copy copy;
	alog_error err = { 0 };
	int fd;

	(void)state;
	put_le32(ring + RING_AT_VERSION, RING_VERSION + 1);
	place_ring();
	fd = open_ring(O_RDONLY);
	assert_int_equal(ring_read(&copy, fd, RING, &err), ALOG_EVERSION);
	assert_string_equal(err.path, RING);
	assert_string_equal(err.text, "a ring of format version 2, this program knows 1");
	lines = recover();
	assert_int_equal(lines.n, 0);
	assert_int_equal(warning.code, ALOG_EVERSION);
	assert_string_equal(warning.text, err.text);
	assert_int_equal(read(fd, after, BYTES), BYTES);
	assert_memory_equal(after, ring, BYTES);
	(void)close(fd);
	scratch_free(&lines);
}

static void
write_golden(void **state)
{
	gzFile gz = gzopen(GOLDEN, "wb9");

	(void)state;
	assert_non_null(gz);
	make_ring(ring);
	assert_int_equal(gzwrite(gz, ring, BYTES), BYTES);
	assert_int_equal(gzclose(gz), Z_OK);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_today),
		cmocka_unit_test_setup_teardown(test_this_boot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_boot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_newer, set_up, tear_down),
	};
	const struct CMUnitTest writers[] = { cmocka_unit_test(write_golden) };

	if (argc == 2 && strcmp(argv[1], "--write") == 0)
		return cmocka_run_group_tests_name("golden_ring, written", writers, NULL, NULL);
	return cmocka_run_group_tests_name("golden_ring", tests, NULL, NULL);
}
