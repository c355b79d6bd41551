/*
 * refused - what opens and closes files of a trail is refused memory, threads and links, one after the other, and
 * each call of the system: every single one in turn, which test_life, over a whole life, has no time for.
 *
 * Each refusal is told, with its code, and leaves nothing behind; leaks are for ASan and valgrind to find.
 */
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>

#include "archive.h"
#include "faults.h"
#include "logging.h"
#include "ring.h"
#include "seal.h"
#include "trail.h"

/* ---- what is refused: the linker leads these calls here ---- */

static struct {
	atomic_bool on, fired;
	atomic_long at, n;
} refusal;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
int __real_pthread_create(
    pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);
int __real_symlinkat(const char *target, int dir, const char *name);
char *__real_realpath(const char *path, char *out);

static bool
refuse(int error)
{
	if (!refusal.on || refusal.n++ != refusal.at)
		return false;
	refusal.fired = true;
	errno = error;
	return true;
}

void *
__wrap_malloc(size_t n)
{
	return refuse(ENOMEM) ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return refuse(ENOMEM) ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return refuse(ENOMEM) ? NULL : __real_realloc(p, n);
}

char *
__wrap_strdup(const char *s)
{
	return refuse(ENOMEM) ? NULL : __real_strdup(s);
}

int
__wrap_pthread_create(
    pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	return refuse(EAGAIN) ? EAGAIN : __real_pthread_create(thread, attr, fn, arg);
}

int
__wrap_symlinkat(const char *target, int dir, const char *name)
{
	return refuse(EPERM) ? -1 : __real_symlinkat(target, dir, name);
}

char *
__wrap_realpath(const char *path, char *out)
{
	return refuse(EACCES) ? NULL : __real_realpath(path, out);
}

static void
refusal_begin(long at)
{
	refusal.at = at;
	refusal.n = 0;
	refusal.fired = false;
	refusal.on = true;
}

static bool
refusal_end(void)
{
	refusal.on = false;
	return refusal.fired;
}

static void
check_told(const char *name, long n, int rc, const alog_error *err)
{
	if (rc >= 0 || err->code != rc || err->text[0] == '\0')
		fail_msg("%s, refusal %ld: %d, %d %s", name, n, rc, err->code, err->text);
}

/* ---- a logger ---- */

static const struct {
	const char *name;
	bool elsewhere; /* its ring */
	bool call;      /* a call of the system fails */
} openings[] = {
	{ "open", false, false },
	{ "open, ring_dir", true, false },
	{ "open, a call", false, true },
	{ "open, ring_dir, a call", true, true },
};

/* Opening number n of its kind; whether the refusal was met. */
static bool
open_once(size_t i, long n)
{
	const alog_options opt = { .size = sizeof opt,
		.root = root,
		.service = "svc",
		.host = "here",
		.ring_bytes = 65536,
		.ring_dir = openings[i].elsewhere ? scratch : NULL };
	char rings[2 * SCRATCH_MAX];
	alog_error err = { 0 };
	alog_t *log = NULL;
	bool fired;
	int rc;

	if (openings[i].call)
		faults_begin(FAULT_FAIL, n, EIO);
	else
		refusal_begin(n);
	rc = alog_open(&log, &opt, &err);
	fired = openings[i].call ? faults_heal() : refusal_end();
	if (rc < 0) {
		check_told(openings[i].name, n, rc, &err);
		assert_null(log);
	} else {
		assert_int_equal(ALOG_INFO(log, "m"), 0);
		(void)alog_close(log);
	}
	if (openings[i].call)
		(void)faults_end();
	/* A removal that was refused is for recovery to do again. */
	(void)snprintf(rings, sizeof rings,
	    "! find %s -name '*.ring*' ! -name .ring | grep -q .", scratch);
	if (!openings[i].call && system(rings) != 0)
		fail_msg("%s, refusal %ld: a ring is left", openings[i].name, n);
	return fired;
}

static void
test_open(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
		long n = 0;

		for (bool fired = true; fired; n++) {
			fired = open_once(i, n);
			scratch_remove(scratch);
			assert_int_equal(mkdir(scratch, 0700), 0);
		}
		print_message("%s: %ld refusals\n", openings[i].name, n - 1);
		assert_true(n > 10);
	}
}

/* ---- an archive ---- */

/* What compaction does, in short: some members, the files they replace, the end. */
static int
make_archive(int fd, alog_error *err)
{
	static const struct section_replaced file = {
		.name = "a.jsonl", .nname = 7, .bytes = 1
	};
	struct archive_options opt = { .path = "p", .member_bytes = 64 };
	struct archive *a;
	char line[128];
	int rc, n;

	if ((rc = archive_begin(&a, fd, &opt, err)) < 0)
		return rc;
	for (int i = 0; rc == 0 && i < 20; i++) {
		n = snprintf(line, sizeof line,
		    "{\"ts\":\"2025-10-23T00:00:%02dZ\",\"run_id\":\"r%d\",\"stage\":\"s\",\"k%d\":\"v\"}",
		    i, i, i);
		rc = archive_add(a, line, (size_t)n, err);
	}
	if (rc == 0)
		rc = archive_replaces(a, &file, err);
	if (rc == 0)
		return archive_finish(a, NULL, err);
	archive_abort(a);
	return rc;
}

/* Told, or without any effect: a block that stays larger than it need be. */
static void
test_archive(void **state)
{
	static uint8_t whole[32768], again[sizeof whole];
	const int fd = memfd_create("archive", MFD_CLOEXEC);
	ssize_t bytes;
	long n = 0;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(make_archive(fd, NULL), 0);
	bytes = pread(fd, whole, sizeof whole, 0);
	assert_in_range(bytes, 1, sizeof whole - 1);
	for (bool fired = true; fired; n++) {
		alog_error err = { 0 };
		int rc;

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		refusal_begin(n);
		rc = make_archive(fd, &err);
		fired = refusal_end();
		if (rc < 0)
			check_told("archive", n, rc, &err);
		else if (pread(fd, again, sizeof again, 0) != bytes ||
		    memcmp(again, whole, (size_t)bytes) != 0)
			fail_msg("archive, refusal %ld: another one", n);
	}
	print_message("archive: %ld refusals\n", n - 1);
	assert_true(n > 30);
	(void)close(fd);
}

/* ---- a trail, and its seal ---- */

/* A record that is longer than all batches before; then its segment is sealed. */
static int
write_trail(const struct segment_root *at, alog_error *err)
{
	static char text[3 * TRAIL_BATCH];
	const struct ring_record rec = { .seq = 1, .p = text, .len = sizeof text };
	const struct seal_options how = { .gzip_level = 1, .mode = 0600 };
	uint8_t digest[32] = { 0 };
	struct trail t = { .root = at,
		.service = "svc",
		.writer = "00112233445566aa",
		.segment_bytes = 1 << 20,
		.seg = SEGMENT_NONE };
	char name[PATH_NAME_MAX];
	int rc, dirfd;

	memset(text, 'x', sizeof text);
	(void)snprintf(text, 40, "{\"ts\":\"2025-10-23T12:00:00.000000000Z\"");
	if ((rc = trail_init(&t, err)) == 0)
		rc = trail_put(&t, &rec, err);
	if (rc == 0)
		rc = trail_finish(&t, err);
	trail_close(&t);
	if (rc < 0)
		return rc;
	dirfd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(name, sizeof name, "date=2025-10-23/svc.00112233445566aa.000001.jsonl");
	rc = seal_segment(dirfd, name, &how, digest, err);
	(void)close(dirfd);
	return rc;
}

static void
test_trail(void **state)
{
	struct segment_root at = { -1, scratch, 0640, 0750 };
	long n = 0;

	(void)state;
	for (bool fired = true; fired; n++) {
		alog_error err = { 0 };
		int rc;

		assert_int_equal(segment_root_open(&at, NULL), 0);
		refusal_begin(n);
		rc = write_trail(&at, &err);
		fired = refusal_end();
		if (rc < 0)
			check_told("trail", n, rc, &err);
		else
			assert_int_equal(root_count(scratch, ".gz"), 1);
		(void)close(at.fd);
		scratch_remove(scratch);
		assert_int_equal(mkdir(scratch, 0700), 0);
	}
	print_message("trail: %ld refusals\n", n - 1);
	assert_true(n > 10);
}

/* ---- a ring ---- */

static void
test_ring_read(void **state)
{
	static const struct ring_owner owner = { "00112233445566aa", "svc", "here", 1, 1 };
	const int dirfd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct ring *ring;
	long n = 0;
	int fd;

	(void)state;
	assert_int_equal(ring_create(&ring, dirfd, scratch, &owner, 65536, 0600, NULL), 0);
	for (int i = 0; i < 600; i++) {
		struct ring_slot slot;

		assert_int_equal(ring_reserve(ring, 4, &slot), 0);
		memcpy(slot.p, "{}{}", 4);
		ring_commit(ring, &slot, 0);
	}
	fd = openat(dirfd, "00112233445566aa.ring", O_RDONLY | O_CLOEXEC);
	for (bool fired = true; fired; n++) {
		struct ring_copy copy;
		alog_error err = { 0 };
		int rc;

		refusal_begin(n);
		rc = ring_read(&copy, fd, "ring", &err);
		if ((fired = refusal_end())) {
			check_told("ring", n, rc, &err);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_int_equal(copy.n, 600);
		ring_copy_free(&copy);
	}
	assert_int_equal(n, 2 + 3 + 1); /* entries, data, three sizes of the list; and none */
	(void)close(fd);
	(void)close(dirfd);
	ring_close(ring);
}

static int
group_set_up(void **state)
{
	(void)state;
	libdeflate_set_memory_allocator(__wrap_malloc, free);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOGGING_TEST(test_open),
		LOGGING_TEST(test_archive),
		LOGGING_TEST(test_trail),
		LOGGING_TEST(test_ring_read),
	};

	return cmocka_run_group_tests_name("refused", tests, group_set_up, NULL);
}
