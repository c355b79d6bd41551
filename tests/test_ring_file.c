/* ring - its file: what is read back from it, whole, damaged or of another boot; and how it is made. */
#include "ringed.h"

/* ---- what others read from the file ---- */

/* Five records: 1 and 2 freed, 4 reserved only. */
static void
fill_some(struct ring *r)
{
	struct ring_record rec;
	struct ring_slot hole;

	assert_int_equal(put(r, 100, 1), 0);
	assert_int_equal(put(r, 9, 2), 0);
	assert_int_equal(put(r, 16384, 3), 0);
	assert_int_equal(ring_reserve(r, 70, &hole), 0);
	assert_int_equal(put(r, 64, 5), 0);
	assert_int_equal(ring_next(r, &rec), 1);
	assert_int_equal(ring_next(r, &rec), 1);
	ring_release(r);
	ring_count_drop(r);
	ring_count_drop(r);
	ring_count_drop(r);
	ring_set_reported(r, 1);
}

static void
check_some(const struct ring_copy *copy)
{
	assert_string_equal(copy->owner.writer, WRITER);
	assert_string_equal(copy->owner.service, "service");
	assert_string_equal(copy->owner.host, "host");
	assert_int_equal(copy->owner.pid, 4711);
	assert_int_equal(copy->owner.uid, 1000);
	assert_int_equal(copy->head_seq, 5);
	assert_int_equal(copy->tail_seq, 2);
	assert_int_equal(copy->lost, 2);
	if (!copy->this_boot) {
		assert_int_equal(copy->n, 0);
		return;
	}
	assert_int_equal(copy->n, 2);
	assert_int_equal(copy->rec[0].seq, 3);
	assert_int_equal(copy->rec[0].len, 16384);
	assert_int_equal(copy->rec[0].splice, 8192);
	assert_true(intact(copy->rec[0].p, 16384, 3));
	assert_int_equal(copy->rec[1].seq, 5);
	assert_true(intact(copy->rec[1].p, 64, 5));
}

static void
test_read(void **state)
{
	struct ring_copy copy;
	struct place p;
	int fd;

	(void)state;
	place_open(&p);
	fd = place_file(&p);
	assert_int_equal(ring_read(&copy, fd, "ring", NULL), 0);
	assert_int_equal(copy.head_seq, 0);
	assert_int_equal(copy.n, 0);
	ring_copy_free(&copy);
	fill_some(p.ring);
	/* of a living writer; of a dead one */
	for (int dead = 0; dead < 2; dead++) {
		assert_int_equal(ring_read(&copy, fd, "ring", NULL), 0);
		assert_true(copy.this_boot);
		check_some(&copy);
		ring_copy_free(&copy);
		if (!dead) {
			ring_close(p.ring);
			p.ring = NULL;
		}
	}
	(void)close(fd);
	place_close(&p);
}

static void
put_at(int fd, off_t at, const void *p, size_t n)
{
	assert_int_equal(pwrite(fd, p, n, at), n);
}

static void
fix_crc(int fd)
{
	uint8_t h[RING_STATIC_END];

	assert_int_equal(pread(fd, h, sizeof h, 0), sizeof h);
	put_le32(h + RING_AT_CRC,
	    (uint32_t)crc32(0, h + RING_AT_BYTES, RING_STATIC_END - RING_AT_BYTES));
	put_at(fd, 0, h, sizeof h);
}

static void
test_other_boot(void **state)
{
	struct ring_copy copy;
	struct place p;
	int fd;

	(void)state;
	place_open(&p);
	fd = place_file(&p);
	fill_some(p.ring);
	put_at(fd, RING_AT_BOOT, "another boot", 12);
	fix_crc(fd);
	assert_int_equal(ring_read(&copy, fd, "ring", NULL), 0);
	assert_false(copy.this_boot);
	check_some(&copy);
	ring_copy_free(&copy);
	(void)close(fd);
	place_close(&p);
}

/* The power went when some sectors of a ring were on the disk: it is no error, and says no more than it can. */
static void
test_power_lost(void **state)
{
	static const struct {
		const char *name;
		off_t zero, size; /* the sector that is not there, and the length */
		bool blank;
		uint64_t lost;
	} cases[] = {
		{ "the header's first sector", 0, RING_HEADER, true, 0 },
		{ "the live words", 1024, RING_HEADER, false, 0 },
		{ "all behind the first sector", 512, RING_STATIC_END, false, 0 },
		{ "all behind the live words", 512, 1536, false, 3 },
		{ "all but a piece of the first sector, which is zero", 0, 100, true, 0 },
	};
	static const uint8_t zeros[512];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ring_copy copy;
		alog_error err = { 0 };
		struct place p;
		int fd;

		place_open(&p);
		fd = place_file(&p);
		fill_some(p.ring);
		ring_close(p.ring);
		p.ring = NULL;
		put_at(fd, RING_AT_BOOT, "another boot", 12);
		fix_crc(fd);
		put_at(fd, cases[i].zero, zeros, sizeof zeros);
		assert_int_equal(ftruncate(fd, cases[i].size), 0);
		if (ring_read(&copy, fd, "ring", &err) < 0)
			fail_msg("%s: %s", cases[i].name, err.text);
		if (copy.blank != cases[i].blank || copy.n != 0 ||
		    copy.head_seq - copy.tail_seq != cases[i].lost)
			fail_msg(
			    "%s: %d lost", cases[i].name, (int)(copy.head_seq - copy.tail_seq));
		ring_copy_free(&copy);
		(void)close(fd);
		place_close(&p);
	}
}

/* Bytes at an offset of the file of fill_some, and what becomes of the read. */
static void
test_damaged(void **state)
{
	static const struct {
		const char *name;
		off_t at;
		uint64_t value;
		size_t n;
		bool crc;
		int want;
		size_t left; /* records */
	} cases[] = {
		{ "untouched", 4000, 0, 1, false, 0, 2 },
		{ "magic", RING_AT_MAGIC, 'X', 1, false, ALOG_ECORRUPT, 0 },
		{ "magic that begins with a zero", RING_AT_MAGIC, 0, 1, false, ALOG_ECORRUPT,
		    0 },
		{ "a newer version", RING_AT_VERSION, RING_VERSION + 1, 4, false, ALOG_EVERSION,
		    0 },
		{ "a version that never was", RING_AT_VERSION, 0, 4, false, ALOG_ECORRUPT, 0 },
		{ "checksum", RING_AT_CRC, 1, 4, false, ALOG_ECORRUPT, 0 },
		{ "reserved bytes", 500, 1, 1, false, ALOG_ECORRUPT, 0 },
		{ "reserved bytes of a later writer", 500, 1, 1, true, 0, 2 },
		{ "no bytes", RING_AT_BYTES, 0, 8, true, ALOG_ECORRUPT, 0 },
		{ "bytes, no power of two", RING_AT_BYTES, BYTES + 64, 8, true, ALOG_ECORRUPT,
		    0 },
		{ "more bytes than there are", RING_AT_BYTES, 2 * BYTES, 8, true, ALOG_ECORRUPT,
		    0 },
		{ "bytes beyond all", RING_AT_BYTES, UINT64_C(1) << 63, 8, true, ALOG_ECORRUPT,
		    0 },
		{ "head far before the tail", RING_AT_HEAD, GRANULES + 3, 4, false,
		    ALOG_ECORRUPT, 0 },
		{ "head behind the tail", RING_AT_HEAD, 1, 4, false, ALOG_ECORRUPT, 0 },
		{ "tail beyond the head", RING_AT_TAIL_SEQ, 6, 8, false, ALOG_ECORRUPT, 0 },
		{ "numbers that come to an end", RING_AT_TAIL_SEQ, UINT64_MAX, 8, false,
		    ALOG_ECORRUPT, 0 },
		{ "tail at the head", RING_AT_TAIL_SEQ, 5, 8, false, 0, 0 },
		/* The entry of record 3 is that of granule 3. */
		{ "length of nothing", RING_HEADER + 3 * 16 + 8, 0, 4, false, 0, 1 },
		{ "length beyond the longest", RING_HEADER + 3 * 16 + 8, 16385, 4, false, 0,
		    1 },
		{ "length beyond all", RING_HEADER + 3 * 16 + 8, UINT32_MAX, 4, false, 0, 1 },
		{ "splice behind the record", RING_HEADER + 3 * 16 + 12, 16385, 2, false, 0,
		    1 },
		{ "an entry of the future", RING_HEADER + 3 * 16, 6, 8, false, 0, 1 },
		{ "an entry of the past", RING_HEADER + 3 * 16, 2, 8, false, 0, 1 },
		{ "a record that runs over the end", RING_HEADER + 1023 * 16, 4, 8, false, 0,
		    2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		alog_error err = { 0 };
		struct ring_copy copy;
		struct place p;
		uint8_t le[8];
		int fd, rc;

		place_open(&p);
		fill_some(p.ring);
		fd = place_file(&p);
		put_le64(le, cases[i].value);
		put_at(fd, cases[i].at, le, cases[i].n);
		if (cases[i].at == RING_HEADER + 1023 * 16)
			put_at(fd, cases[i].at + 8, "\x41", 1); /* 65 bytes */
		if (cases[i].crc)
			fix_crc(fd);
		rc = ring_read(&copy, fd, "some.ring", &err);
		if (rc != cases[i].want)
			fail_msg("%s: %d %s", cases[i].name, rc, err.text);
		if (rc < 0 && strcmp(err.path, "some.ring") != 0)
			fail_msg("%s: no path", cases[i].name);
		if (rc == 0) {
			if (copy.n != cases[i].left)
				fail_msg("%s: %zu records", cases[i].name, copy.n);
			ring_copy_free(&copy);
		}
		(void)close(fd);
		place_close(&p);
	}
}

/* Cut anywhere, and any byte of the header flipped: an error or a sane answer, never more. */
static void
test_mutilated(void **state)
{
	struct ring_copy copy;
	struct place p;
	struct stat st;
	uint8_t byte;
	int fd;

	(void)state;
	place_open(&p);
	fill_some(p.ring);
	fd = place_file(&p);
	ring_close(p.ring);
	p.ring = NULL;
	for (off_t at = 0; at < 2048; at++) {
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte = (uint8_t)~byte;
		put_at(fd, at, &byte, 1);
		if (ring_read(&copy, fd, "ring", NULL) == 0) {
			assert_true(copy.n <= 3 && copy.head_seq - copy.tail_seq <= GRANULES);
			assert_true(at >= RING_STATIC_END);
			ring_copy_free(&copy);
		}
		byte = (uint8_t)~byte;
		put_at(fd, at, &byte, 1);
	}
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t size = st.st_size - 1; size > 0; size -= size > 5000 ? 4999 : 1) {
		assert_int_equal(ftruncate(fd, size), 0);
		assert_int_equal(ring_read(&copy, fd, "ring", NULL), ALOG_ECORRUPT);
	}
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ring_read(&copy, fd, "ring", NULL), 0);
	assert_true(copy.blank);
	(void)close(fd);
	place_close(&p);
}

static void
test_read_faults(void **state)
{
	struct ring_copy copy;
	struct place p;
	long n = 0;
	bool fired;
	int fd, rc;

	(void)state;
	place_open(&p);
	fill_some(p.ring);
	fd = place_file(&p);
	do {
		faults_begin(FAULT_FAIL, n++, EIO);
		rc = ring_read(&copy, fd, "ring", NULL);
		fired = faults_end();
		if (rc == 0) {
			assert_true(copy.this_boot);
			check_some(&copy);
			ring_copy_free(&copy);
		} else {
			assert_int_equal(rc, ALOG_EIO);
		}
	} while (fired);
	assert_true(n > 5);
	(void)close(fd);
	place_close(&p);
}

/* ---- making one ---- */

static void
test_create(void **state)
{
	static const struct {
		uint64_t bytes;
		int want;
	} sizes[] = {
		{ 0, ALOG_EINVAL },
		{ 4096, ALOG_EINVAL },
		{ RING_BYTES_MIN - 1, ALOG_EINVAL },
		{ RING_BYTES_MIN, 0 },
		{ RING_BYTES_MIN + 64, ALOG_EINVAL },
		{ 3 * RING_BYTES_MIN, ALOG_EINVAL },
		{ 4 * RING_BYTES_MIN, 0 },
		{ UINT64_C(2) * RING_BYTES_MAX, ALOG_EINVAL },
		{ UINT64_MAX, ALOG_EINVAL },
	};
	struct place p;

	(void)state;
	place_open(&p);
	ring_remove(p.ring);
	ring_close(p.ring);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct stat st;
		int fd;

		p.ring = NULL;
		if (ring_create(&p.ring, p.dirfd, p.dir, &owner, sizes[i].bytes, 0600, NULL) !=
			sizes[i].want ||
		    (p.ring != NULL) != (sizes[i].want == 0))
			fail_msg("%" PRIu64, sizes[i].bytes);
		if (p.ring == NULL)
			continue;
		fd = place_file(&p);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_size, RING_HEADER + sizes[i].bytes / 4 + sizes[i].bytes);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(ring_record_max(p.ring), sizes[i].bytes / 4);
		/* It is locked as long as its writer lives, and its name goes before the lock. */
		assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
		ring_remove(p.ring);
		assert_int_equal(faccessat(p.dirfd, WRITER ".ring", F_OK, 0), -1);
		ring_unlock(p.ring);
		assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
		ring_unlock(p.ring); /* a second time: nothing */
		(void)close(fd);
		ring_close(p.ring);
	}
	p.ring = NULL;
	place_close(&p);
}

/* Whatever fails, an error names it, and nothing is left. */
static void
test_create_faults(void **state)
{
	char command[SCRATCH_MAX + 64];
	struct place p;
	bool fired;
	long n = 0;

	(void)state;
	place_open(&p);
	ring_remove(p.ring);
	ring_close(p.ring);
	do {
		alog_error err = { 0 };
		int rc;

		p.ring = NULL;
		faults_begin(FAULT_FAIL, n++, ENOSPC);
		rc = ring_create(&p.ring, p.dirfd, p.dir, &owner, BYTES, 0600, &err);
		fired = faults_end();
		if (rc == 0) {
			ring_remove(p.ring);
			ring_close(p.ring);
		} else {
			assert_int_equal(rc, ALOG_EIO);
			assert_int_equal(err.os_errno, ENOSPC);
			assert_string_equal(err.path, p.dir);
		}
		/* A temporary name that could not be removed is swept later, by recovery. */
		(void)unlinkat(p.dirfd, WRITER ".ring.tmp", 0);
		(void)snprintf(command, sizeof command, "ls -A %s | { ! grep .; }", p.dir);
		assert_int_equal(system(command), 0);
	} while (fired);
	assert_true(n > 6);
	p.ring = NULL;
	place_close(&p);
}

/* Where stores to a shared mapping may be lost: the message says what to do. */
static void
test_file_systems(void **state)
{
	static const struct {
		const char *path;
		int want, os_errno;
		const char *text;
	} cases[] = {
		{ "/proc/self", ALOG_EUNSUPPORTED, 0,
		    "this file system is 0x9fa0; set ring_dir" },
		{ "/nowhere", ALOG_EIO, EBADF, "cannot tell the file system" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const int fd = open(cases[i].path, O_RDONLY | O_CLOEXEC);
		alog_error err = { 0 };

		if (check_file_system(fd, "dir", &err) != cases[i].want ||
		    err.os_errno != cases[i].os_errno ||
		    strstr(err.text, cases[i].text) == NULL)
			fail_msg("%s: %s", cases[i].path, err.text);
		if (fd >= 0)
			(void)close(fd);
	}
}

static int
no_fallocate(int fd, off_t off, off_t len)
{
	(void)fd;
	(void)off;
	(void)len;
	errno = ENOSPC;
	return -1;
}

static void *
no_mmap(size_t len, int prot, int flags, int fd)
{
	(void)len;
	(void)prot;
	(void)flags;
	(void)fd;
	errno = ENOMEM;
	return MAP_FAILED;
}

static int
other_fstatfs(int fd, struct statfs *fs)
{
	(void)fd;
	*fs = (struct statfs){ .f_type = 0x6969 }; /* NFS */
	return 0;
}

/* A place that is not fit for a ring is refused when it is made, and the message says what to do. */
static void
test_unfit_places(void **state)
{
	static const struct {
		const char *name;
		int (*fallocate)(int, off_t, off_t);
		void *(*mmap)(size_t, int, int, int);
		int (*fstatfs)(int, struct statfs *);
		int want;
	} cases[] = {
		{ "a full disk", no_fallocate, NULL, NULL, ALOG_EIO },
		{ "no mapping", NULL, no_mmap, NULL, ALOG_EIO },
		{ "NFS", NULL, NULL, other_fstatfs, ALOG_EUNSUPPORTED },
	};
	struct place p;

	(void)state;
	place_open(&p);
	ring_remove(p.ring);
	ring_close(p.ring);
	p.ring = NULL;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sys_ops ops = sys_posix;
		alog_error err = { 0 };
		int rc;

		ops.fallocate = cases[i].fallocate ? cases[i].fallocate : ops.fallocate;
		ops.mmap = cases[i].mmap ? cases[i].mmap : ops.mmap;
		ops.fstatfs = cases[i].fstatfs ? cases[i].fstatfs : ops.fstatfs;
		sys = &ops;
		rc = ring_create(&p.ring, p.dirfd, p.dir, &owner, BYTES, 0600, &err);
		sys = &sys_posix;
		if (rc != cases[i].want || strstr(err.text, "set ring_dir") == NULL ||
		    strcmp(err.path, p.dir) != 0)
			fail_msg("%s: %d, %s: %s", cases[i].name, rc, err.path, err.text);
	}
	place_close(&p);
}

/* A store that the first record makes must find its page there: each was touched, and has its block. */
static void
test_touched(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const int map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct place p;
	struct stat st;
	int fd;

	(void)state;
	place_open(&p);
	fd = place_file(&p);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true((size_t)st.st_blocks * 512 >= p.ring->map_bytes);
	for (size_t at = 0; map >= 0 && at < p.ring->map_bytes; at += page) {
		uint64_t entry = 0;

		assert_int_equal(
		    pread(map, &entry, sizeof entry,
			(off_t)(((uintptr_t)p.ring->map + at) / page * sizeof entry)),
		    sizeof entry);
		if (entry >> 63 == 0)
			fail_msg("nothing is mapped at %zu", at);
	}
	(void)close(map);
	(void)close(fd);
	place_close(&p);
}

/* No descriptor is left for a second one of its directory. */
static void
test_no_descriptor(void **state)
{
	struct rlimit limit, none;
	alog_error err = { 0 };
	struct ring *r = NULL;
	struct place p;
	int rc;

	(void)state;
	place_open(&p);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ 0, limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = ring_create(&r, p.dirfd, p.dir, &owner, BYTES, 0600, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(rc, ALOG_EIO);
	assert_string_equal(err.path, p.dir);
	assert_null(r);
	place_close(&p);
}

/* A name that is taken is not touched. */
static void
test_create_taken(void **state)
{
	struct ring *r = NULL;
	alog_error err = { 0 };
	struct ring_copy copy;
	struct place p;
	int fd;

	(void)state;
	place_open(&p);
	fill_some(p.ring);
	assert_int_equal(
	    ring_create(&r, p.dirfd, p.dir, &owner, RING_BYTES_MIN, 0600, &err), ALOG_EIO);
	assert_int_equal(err.os_errno, EEXIST);
	fd = place_file(&p);
	assert_int_equal(ring_read(&copy, fd, "ring", NULL), 0);
	check_some(&copy);
	ring_copy_free(&copy);
	(void)close(fd);
	place_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_other_boot),
		cmocka_unit_test(test_power_lost),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_mutilated),
		cmocka_unit_test(test_read_faults),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_create_faults),
		cmocka_unit_test(test_file_systems),
		cmocka_unit_test(test_unfit_places),
		cmocka_unit_test(test_touched),
		cmocka_unit_test(test_no_descriptor),
		cmocka_unit_test(test_create_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
