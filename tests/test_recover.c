/* recover - what the dead left is finished: every record once, every loss told, the living left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <zlib.h>

#include "bytes.h"
#include "faults.h"
#include "made.h"
#include "recover.h"
#include "ring_file.h"
#include "seal.h"
#include "trail.h"

#define NOON   (INT64_C(20384) * CLOCK_DAY + CLOCK_DAY / 2) /* 2025-10-23 */
#define WRITER "00112233445566aa"
#define OTHER  "ffeeddccbbaa9988"

struct place {
	char dir[SCRATCH_MAX];
	struct segment_root root;
	int rings;
	unsigned warnings;
	alog_error warning; /* the last */
};

static void
place_open(struct place *p)
{
	memset(p, 0, sizeof *p);
	scratch_make(p->dir);
	p->root = (struct segment_root){ -1, p->dir, 0640, 0750 };
	if (segment_root_open(&p->root, NULL) < 0 ||
	    mkdirat(p->root.fd, PATH_RING_DIR, 0750) < 0 ||
	    (p->rings = sys_opendir_at(p->root.fd, PATH_RING_DIR)) < 0)
		fail_msg("%s", p->dir);
}

static void
place_close(struct place *p)
{
	(void)close(p->rings);
	(void)close(p->root.fd);
	scratch_remove(p->dir);
}

/* Run a shell command in the root; the status says whether it is as asked. */
static bool
shell(const struct place *p, const char *command)
{
	char text[3 * SCRATCH_MAX];

	(void)snprintf(text, sizeof text, "cd %s && { %s; }", p->dir, command);
	return system(text) == 0;
}

static void
on_warning(void *arg, const alog_error *err)
{
	struct place *p = arg;

	p->warnings++;
	p->warning = *err;
}

static struct recover_options
options(struct place *p)
{
	return (struct recover_options){ .root = &p->root,
		.seal = true,
		.gzip_level = 1,
		.segment_bytes = 4096,
		.warn = on_warning,
		.arg = p };
}

static int
run_recovery(struct place *p, const struct recover_options *opt, struct recover_result *res)
{
	*res = (struct recover_result){ 0 };
	p->warnings = 0;
	p->warning = (alog_error){ 0 };
	return recover_root(opt, res, NULL);
}

/* ---- a writer that died ---- */

struct death {
	const char *writer;
	uint64_t written;  /* records in segments */
	uint64_t released; /* of them, freed in the ring */
	uint64_t reserved; /* records altogether */
	uint64_t holes;    /* bit n: record n was not committed */
	unsigned dropped, told;
	const char *tail; /* torn, behind the last line written */
	uint32_t sealed;  /* so many of the first segments are archives */
	bool beside;      /* and their plain files are still there */
	bool rebooted;
};

/* Segments of one to three records of about 1.5 kB. */
static void
write_segments(struct place *p, const struct death *d)
{
	struct trail trail = { .root = &p->root,
		.service = "svc",
		.writer = d->writer,
		.segment_bytes = 4096,
		.seg = SEGMENT_NONE };
	char buf[MADE_MAX];

	assert_int_equal(trail_init(&trail, NULL), 0);
	for (uint64_t seq = 1; seq <= d->written; seq++) {
		const struct ring_record rec =
		    made_record(buf, seq, NOON + (int64_t)seq * CLOCK_S, 1500);

		assert_int_equal(trail_put(&trail, &rec, NULL), 0);
	}
	assert_int_equal(trail_flush(&trail, NULL), 0);
	if (d->tail != NULL && d->written > 0)
		assert_int_equal(
		    write(trail.seg.fd, d->tail, strlen(d->tail)), strlen(d->tail));
	trail_close(&trail);
}

static void
seal_segments(struct place *p, const struct death *d)
{
	const struct seal_options opt = { 1, 0640, NULL };
	const int dirfd = segment_open_partition(&p->root, clock_day(NOON));
	uint8_t digest[32] = { 0 };

	for (uint32_t number = 1; number <= d->sealed; number++) {
		struct path_segment id = { .service = "svc", .number = number };
		char name[PATH_NAME_MAX], kept[PATH_NAME_MAX + 8];

		(void)snprintf(id.writer, sizeof id.writer, "%s", d->writer);
		path_segment(name, &id);
		(void)snprintf(kept, sizeof kept, "%s.kept", name);
		assert_int_equal(linkat(dirfd, name, dirfd, kept, 0), 0);
		assert_int_equal(seal_segment(dirfd, name, &opt, digest, NULL), 0);
		assert_int_equal(
		    d->beside ? renameat(dirfd, kept, dirfd, name) : unlinkat(dirfd, kept, 0),
		    0);
	}
	if (dirfd >= 0)
		(void)close(dirfd);
}

/* Its ring as it was at the end, still mapped and locked. */
static struct ring *
fill_ring(int dirfd, const struct death *d)
{
	struct ring_owner owner = { .service = "svc", .host = "here", .pid = 77 };
	struct ring *ring;
	struct ring_record rec;
	char buf[MADE_MAX];

	owner.uid = (uint32_t)geteuid();
	(void)snprintf(owner.writer, sizeof owner.writer, "%s", d->writer);
	assert_int_equal(ring_create(&ring, dirfd, "ring", &owner, 65536, 0600, NULL), 0);
	for (uint64_t seq = 1; seq <= d->reserved; seq++) {
		struct ring_slot slot;

		rec = made_record(buf, seq, NOON + (int64_t)seq * CLOCK_S, 1500);
		assert_int_equal(ring_reserve(ring, rec.len, &slot), 0);
		assert_int_equal(slot.seq, seq);
		memcpy(slot.p, rec.p, rec.len);
		if ((d->holes >> seq & 1) == 0)
			ring_commit(ring, &slot, rec.splice);
		if (seq <= d->released) {
			assert_int_equal(ring_next(ring, &rec), 1);
			ring_release(ring);
		}
	}
	for (unsigned i = 0; i < d->dropped; i++)
		ring_count_drop(ring);
	ring_set_reported(ring, d->told);
	return ring;
}

static void
forge_boot(int dirfd, const char *writer)
{
	char name[PATH_NAME_MAX];
	uint8_t h[RING_STATIC_END];
	int fd;

	path_ring(name, writer);
	fd = openat(dirfd, name, O_RDWR);
	assert_int_equal(pread(fd, h, sizeof h, 0), sizeof h);
	h[RING_AT_BOOT] ^= 1;
	put_le32(h + RING_AT_CRC,
	    (uint32_t)crc32(0, h + RING_AT_BYTES, RING_STATIC_END - RING_AT_BYTES));
	assert_int_equal(pwrite(fd, h, sizeof h, 0), sizeof h);
	(void)close(fd);
}

static void
die(struct place *p, const struct death *d)
{
	/* Nobody waits for the disk while a scene is set. */
	faults_begin(FAULT_FAIL, -1, 0);
	write_segments(p, d);
	seal_segments(p, d);
	ring_close(fill_ring(p->rings, d));
	if (d->rebooted)
		forge_boot(p->rings, d->writer);
	(void)faults_end();
}

/* ---- what must be found ---- */

/* gaps: "seq:reason:lost ..."; the other numbers from 1 to last are records. */
static void
check_lines(const struct place *p, const char *name, const char *writer, uint64_t last,
    const char *gaps)
{
	struct scratch_lines lines = scratch_read(p->dir);
	uint64_t next = 1;

	for (size_t i = 0; i < lines.n; i++) {
		const struct scratch_line *l = &lines.line[i];
		uint64_t first = l->seq;
		const char *lost;

		if (strstr(l->file, writer) == NULL)
			continue;
		if ((lost = strstr(l->text, "\"event\":\"log.gap\"")) != NULL) {
			char gap[64], reason[16] = "";
			uint64_t n = strtoull(strstr(lost, "\"lost\":") + 7, NULL, 10);

			(void)sscanf(
			    strstr(lost, "\"reason\":\""), "\"reason\":\"%15[a-z]", reason);
			(void)snprintf(
			    gap, sizeof gap, "%" PRIu64 ":%s:%" PRIu64 " ", l->seq, reason, n);
			if (strncmp(gaps, gap, strlen(gap)) != 0)
				fail_msg("%s: gap %s", name, gap);
			gaps += strlen(gap);
			if (strstr(l->text,
				"\"service\":\"svc\",\"host\":\"here\",\"pid\":77") == NULL)
				fail_msg("%s: whose? %s", name, l->text);
			if (strcmp(reason, "overflow") != 0)
				first = l->seq - n + 1;
		} else if (!made_intact(l)) {
			fail_msg("%s: %s: %s", name, l->file, l->text);
		}
		if (first != next)
			fail_msg("%s: %s: %" PRIu64 " instead of %" PRIu64, name, l->file,
			    first, next);
		next = l->seq + 1;
	}
	if (next != last + 1 || *gaps != '\0')
		fail_msg("%s: ends before %" PRIu64 ", gaps %s", name, next, gaps);
	scratch_free(&lines);
}

static const char *finished; /* the writer that is looked for */

static int
is_left(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return strstr(path + ftw->base, finished) != NULL && !scratch_ends(path, ".jsonl.gz") &&
	    !scratch_ends(path, ".ring.tmp");
}

/* Nothing of a writer is left but archives; and a ring without its name, for a minute, where its
 * removal was interrupted. */
static void
check_finished(const struct place *p, const char *name, const char *writer)
{
	finished = writer;
	if (nftw(p->dir, is_left, 16, FTW_PHYS) != 0)
		fail_msg("%s: something is left", name);
}

/* ---- deaths of every kind ---- */

static const struct {
	const char *name;
	struct death death;
	uint64_t last; /* number found */
	const char *gaps;
	uint64_t records, torn; /* saved, lost */
} deaths[] = {
	{ "never logged", { WRITER, 0, 0, 0, 0, 0, 0, NULL, 0, false, false }, 0, "", 0, 0 },
	{ "all in the ring", { WRITER, 0, 0, 9, 0, 0, 0, NULL, 0, false, false }, 9, "", 9, 0 },
	{ "all written", { WRITER, 9, 9, 9, 0, 0, 0, NULL, 0, false, false }, 9, "", 0, 0 },
	{ "written, not released", { WRITER, 9, 2, 12, 0, 0, 0, NULL, 0, false, false }, 12, "",
	    3, 0 },
	{ "a torn tail", { WRITER, 4, 3, 6, 0, 0, 0, "{\"ts\":\"2025", 0, false, false }, 6, "",
	    2, 1 },
	{ "a torn tail is all of a segment",
	    { WRITER, 2, 2, 6, 0, 0, 0, "{\"ts\":\"2025", 0, false, false }, 6, "", 4, 1 },
	{ "sealed", { WRITER, 9, 9, 12, 0, 0, 0, NULL, 3, false, false }, 12, "", 3, 0 },
	{ "all sealed", { WRITER, 8, 8, 9, 0, 0, 0, NULL, 4, false, false }, 9, "", 1, 0 },
	{ "sealed, the plain file beside", { WRITER, 8, 8, 9, 0, 0, 0, NULL, 4, true, false },
	    9, "", 1, 0 },
	{ "a hole", { WRITER, 3, 3, 9, 1 << 6, 0, 0, NULL, 0, false, false }, 9, "6:torn:1 ", 5,
	    1 },
	{ "holes", { WRITER, 3, 2, 12, 1 << 4 | 1 << 5 | 7 << 8, 0, 0, NULL, 0, false, false },
	    12, "5:torn:2 10:torn:3 ", 4, 5 },
	{ "a hole at the end", { WRITER, 3, 3, 9, 3 << 8, 0, 0, NULL, 0, false, false }, 9,
	    "9:torn:2 ", 4, 2 },
	{ "nothing but holes", { WRITER, 0, 0, 3, 7 << 1, 0, 0, NULL, 0, false, false }, 3,
	    "3:torn:3 ", 0, 3 },
	{ "drops", { WRITER, 3, 3, 5, 0, 7, 0, NULL, 0, false, false }, 6, "6:overflow:7 ", 2,
	    0 },
	{ "drops that were told", { WRITER, 3, 3, 5, 0, 7, 7, NULL, 0, false, false }, 5, "", 2,
	    0 },
	{ "drops, some told", { WRITER, 3, 3, 5, 0, 7, 2, NULL, 0, false, false }, 6,
	    "6:overflow:5 ", 2, 0 },
	{ "drops, and a hole at the end",
	    { WRITER, 3, 3, 9, 3 << 8, 7, 0, NULL, 0, false, false }, 10,
	    "9:torn:2 10:overflow:7 ", 4, 2 },
	{ "another boot", { WRITER, 5, 4, 9, 0, 0, 0, NULL, 0, false, true }, 9, "9:reboot:4 ",
	    0, 4 },
	{ "another boot, all written", { WRITER, 5, 4, 5, 0, 0, 0, NULL, 0, false, true }, 5,
	    "", 0, 0 },
	{ "an overflow told by a recovery that did not end",
	    { WRITER, 3, 3, 3, 0, 7, 0, NULL, 0, false, false }, 4, "4:overflow:7 ", 0, 0 },
	{ "another boot, nothing written", { WRITER, 0, 0, 2, 0, 3, 0, NULL, 0, false, true },
	    3, "2:reboot:2 3:overflow:3 ", 0, 2 },
};

#define DEATHS (sizeof deaths / sizeof deaths[0])

static void
test_deaths(void **state)
{
	(void)state;
	for (size_t i = 0; i < DEATHS; i++) {
		const char *name = deaths[i].name;
		struct recover_options opt;
		struct recover_result res;
		struct place p;

		place_open(&p);
		opt = options(&p);
		opt.host = i % 2 == 0 ? "here" : NULL;
		die(&p, &deaths[i].death);
		if (run_recovery(&p, &opt, &res) < 0 || p.warnings > 0)
			fail_msg("%s: %s", name, p.warning.text);
		check_lines(&p, name, WRITER, deaths[i].last, deaths[i].gaps);
		check_finished(&p, name, WRITER);
		if (res.rings != 1 || res.alive != 0 || res.records != deaths[i].records ||
		    res.torn != deaths[i].torn)
			fail_msg("%s: records %" PRIu64 ", torn %" PRIu64, name, res.records,
			    res.torn);
		assert_true(shell(&p, "! ls -A .ring | grep ."));
		/* Once more: nothing is left to do. */
		if (run_recovery(&p, &opt, &res) < 0 || p.warnings > 0 || res.rings != 0)
			fail_msg("%s: again", name);
		check_lines(&p, name, WRITER, deaths[i].last, deaths[i].gaps);
		place_close(&p);
	}
}

/* Without sealing the segments stay plain. */
static void
test_unsealed(void **state)
{
	struct recover_options opt;
	struct recover_result res;
	struct place p;

	(void)state;
	for (size_t i = 0; i < DEATHS; i++) {
		place_open(&p);
		opt = options(&p);
		opt.seal = false;
		die(&p, &deaths[i].death);
		assert_int_equal(run_recovery(&p, &opt, &res), 0);
		check_lines(&p, deaths[i].name, WRITER, deaths[i].last, deaths[i].gaps);
		assert_int_equal(res.sealed, 0);
		assert_true(shell(&p, "! ls .ring | grep ."));
		place_close(&p);
	}
}

/* ---- interrupted at each call, then run again ---- */

static void
recover_and_die(struct place *p, const struct recover_options *opt, long n, bool *fired)
{
	const pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct recover_result res;

		faults_begin(FAULT_DIE, n, 0);
		_exit(run_recovery(p, opt, &res) < 0 || p->warnings > 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*fired = WIFSIGNALED(status);
	if (!*fired)
		assert_int_equal(WEXITSTATUS(status), 0);
}

/* FAULTS=1 tries every call; else it is every eleventh, from another one for each scene. */
static void
interrupt(size_t i, enum fault kind, int error)
{
	const char *env = getenv("FAULTS");
	const long step = env != NULL ? strtol(env, NULL, 10) : 11;
	bool fired = true;

	for (long n = step > 1 ? (long)(i + (size_t)kind) % step : 0; fired; n += step) {
		struct recover_options opt;
		struct recover_result res;
		struct place p;
		char name[128];
		int rc;

		(void)snprintf(name, sizeof name, "%s: fault %d (%d), call %ld", deaths[i].name,
		    (int)kind, error, n);
		place_open(&p);
		opt = options(&p);
		opt.orphans = n % 2 == 0;
		die(&p, &deaths[i].death);
		if (kind == FAULT_DIE) {
			recover_and_die(&p, &opt, n, &fired);
		} else {
			faults_begin(kind, n, error);
			rc = run_recovery(&p, &opt, &res);
			fired = faults_end();
			/* It never says that all is well while a ring is there. */
			if (rc == 0 && p.warnings == 0 &&
			    faccessat(p.rings, WRITER ".ring", F_OK, 0) == 0)
				fail_msg("%s: in silence", name);
		}
		faults_begin(FAULT_FAIL, -1, 0);
		if (run_recovery(&p, &opt, &res) < 0 || p.warnings > 0)
			fail_msg("%s: then %s", name, p.warning.text);
		(void)faults_end();
		check_lines(&p, name, WRITER, deaths[i].last, deaths[i].gaps);
		check_finished(&p, name, WRITER);
		place_close(&p);
	}
}

static void
test_interrupted(void **state)
{
	static const size_t some[] = { 3, 4, 8, 10, 16, 17 };

	(void)state;
	for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
		interrupt(some[i], FAULT_FAIL, EIO);
		interrupt(some[i], FAULT_FOREVER, EMFILE);
		interrupt(some[i], FAULT_SHORT, ENOSPC);
		interrupt(some[i], FAULT_DIE, 0);
	}
}

/* Many at once, over several of the dead: each does what the others leave. */
static void
test_at_once(void **state)
{
	(void)state;
	for (int round = 0; round < 8; round++) {
		struct recover_options opt;
		struct recover_result res;
		pid_t pid[3];
		struct place p;

		place_open(&p);
		opt = options(&p);
		for (size_t i = 0; i < DEATHS; i++) {
			struct death d = deaths[i].death;
			char writer[17];

			(void)snprintf(writer, sizeof writer, "%016zx", i + 1);
			d.writer = writer;
			die(&p, &d);
		}
		for (int k = 0; k < 3; k++)
			if ((pid[k] = fork()) == 0) {
				struct segment_root root = p.root;

				/* A lock is of an open file: each has its own. */
				root.fd = open(p.dir, O_RDONLY | O_DIRECTORY);
				opt.root = &root;
				opt.orphans = k == 0;
				faults_begin(FAULT_FAIL, -1, 0);
				_exit(run_recovery(&p, &opt, &res) < 0 || p.warnings > 0);
			}
		for (int k = 0; k < 3; k++) {
			int status;

			assert_int_equal(waitpid(pid[k], &status, 0), pid[k]);
			assert_int_equal(status, 0);
		}
		assert_int_equal(run_recovery(&p, &opt, &res), 0);
		for (size_t i = 0; i < DEATHS; i++) {
			char writer[17];

			(void)snprintf(writer, sizeof writer, "%016zx", i + 1);
			check_lines(&p, deaths[i].name, writer, deaths[i].last, deaths[i].gaps);
			check_finished(&p, deaths[i].name, writer);
		}
		place_close(&p);
	}
}

/* ---- who is left alone ---- */

static const struct death some = { WRITER, 5, 4, 9, 0, 0, 0, "{\"torn", 1, false, false };

static void
test_alive(void **state)
{
	struct recover_options opt;
	struct recover_result res;
	struct death d = some;
	struct ring *ring;
	struct place p;

	(void)state;
	place_open(&p);
	opt = options(&p);
	opt.orphans = true;
	d.writer = OTHER;
	write_segments(&p, &some);
	ring = fill_ring(p.rings, &some);
	die(&p, &d);
	assert_true(shell(&p, "find . -name '*" WRITER "*' | sort | xargs cksum >before"));
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	assert_int_equal(res.alive, 1);
	assert_int_equal(res.rings, 1);
	assert_true(
	    shell(&p, "find . -name '*" WRITER "*' | sort | xargs cksum | cmp - before"));
	check_lines(&p, "the dead", OTHER, 9, "");
	/* It dies. */
	ring_unlock(ring);
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(res.rings, 1);
	check_lines(&p, "dead now", WRITER, 9, "");
	check_finished(&p, "dead now", WRITER);
	ring_close(ring);
	place_close(&p);
}

/* Rings that are not ours to finish, or that nobody can. */
static void
test_left_alone(void **state)
{
	static const struct {
		const char *name;
		off_t at; /* a byte of the ring that is changed */
		bool crc; /* with its checksum */
		const char *host;
		bool warned;
	} cases[] = {
		{ "another host", RING_AT_HOST, true, "here", false },
		{ "another user", RING_AT_UID, true, "here", false },
		{ "another user, asked for", RING_AT_UID, true, NULL, true },
		{ "a newer version", RING_AT_VERSION, false, NULL, true },
		{ "damaged", RING_AT_WRITER, false, "here", true },
		{ "impossible", RING_AT_HEAD + 2, false, "here", true },
		{ "of another writer", RING_AT_WRITER, true, "here", true },
		{ "of a service that can't be", RING_AT_SERVICE, true, NULL, true },
	};
	struct recover_options opt;
	struct recover_result res;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t h[RING_HEADER];
		struct place p;
		int fd;

		place_open(&p);
		opt = options(&p);
		opt.host = cases[i].host;
		opt.orphans = true;
		die(&p, &some);
		fd = openat(p.rings, WRITER ".ring", O_RDWR);
		assert_int_equal(pread(fd, h, sizeof h, 0), sizeof h);
		h[cases[i].at] =
		    cases[i].at == RING_AT_SERVICE ? '/' : (uint8_t)(h[cases[i].at] + 1);
		if (cases[i].crc)
			put_le32(h + RING_AT_CRC,
			    (uint32_t)crc32(
				0, h + RING_AT_BYTES, RING_STATIC_END - RING_AT_BYTES));
		assert_int_equal(pwrite(fd, h, sizeof h, 0), sizeof h);
		(void)close(fd);
		assert_true(
		    shell(&p, "find . -type f ! -name before | sort | xargs cksum >before"));
		if (run_recovery(&p, &opt, &res) < 0 || (p.warnings > 0) != cases[i].warned ||
		    res.rings != 0)
			fail_msg("%s: %s", cases[i].name, p.warning.text);
		if (p.warnings > 0 && strcmp(p.warning.path, WRITER ".ring") != 0)
			fail_msg("%s: %s", cases[i].name, p.warning.path);
		if (!shell(&p,
			"find . -type f ! -name before | sort | xargs cksum | cmp - before"))
			fail_msg("%s: something was changed", cases[i].name);
		place_close(&p);
	}
}

/* What else may lie there under the name of a ring. */
static void
test_strange_rings(void **state)
{
	static const struct {
		const char *name, *before, *after;
		unsigned warnings;
	} cases[] = {
		{ "an empty file", "touch .ring/" WRITER ".ring",
		    "test ! -e .ring/" WRITER ".ring", 0 },
		{ "a directory", "mkdir .ring/" WRITER ".ring", "test -d .ring/" WRITER ".ring",
		    1 },
		{ "a FIFO", "mkfifo .ring/" WRITER ".ring", "test -p .ring/" WRITER ".ring",
		    1 },
		{ "text", "echo hello >.ring/" WRITER ".ring", "test -s .ring/" WRITER ".ring",
		    1 },
		{ "a link to text", "echo hello >x && ln -s ../x .ring/" WRITER ".ring",
		    "test -s x", 1 },
		{ "a link to nothing", "ln -s ../x .ring/" WRITER ".ring",
		    "test -L .ring/" WRITER ".ring", 1 },
		{ "a link to itself", "ln -s " WRITER ".ring .ring/" WRITER ".ring",
		    "test -L .ring/" WRITER ".ring", 1 },
		{ "other names", "touch .ring/x .ring/x.ring .ring/.ring",
		    "test -e .ring/x -a -e .ring/x.ring -a -e .ring/.ring", 0 },
		{ "made just now", "touch .ring/" WRITER ".ring.tmp",
		    "test -e .ring/" WRITER ".ring.tmp", 0 },
		{ "half made long ago", "touch -d '2 minutes ago' .ring/" WRITER ".ring.tmp",
		    "test ! -e .ring/" WRITER ".ring.tmp", 0 },
		{ "finished long ago, elsewhere",
		    "touch x && ln -s ../x .ring/" WRITER ".ring.tmp && "
		    "touch -h -d '2 minutes ago' .ring/" WRITER ".ring.tmp",
		    "test ! -L .ring/" WRITER ".ring.tmp -a ! -e x", 0 },
	};
	struct recover_options opt;
	struct recover_result res;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct death other = some;
		struct place p;

		place_open(&p);
		opt = options(&p);
		assert_true(shell(&p, cases[i].before));
		other.writer = OTHER;
		die(&p, &other);
		if (run_recovery(&p, &opt, &res) < 0 || p.warnings != cases[i].warnings)
			fail_msg("%s: %u %s", cases[i].name, p.warnings, p.warning.text);
		if (!shell(&p, cases[i].after))
			fail_msg("%s: %s", cases[i].name, cases[i].after);
		/* It keeps nobody from finishing the rest. */
		check_lines(&p, cases[i].name, OTHER, 9, "");
		place_close(&p);
	}
}

/* Killed between giving the ring its name and taking the temporary one away. */
static void
test_two_names(void **state)
{
	struct recover_options opt;
	struct recover_result res;
	struct place p;

	(void)state;
	place_open(&p);
	opt = options(&p);
	die(&p, &some);
	assert_true(shell(&p, "ln .ring/" WRITER ".ring .ring/" WRITER ".ring.tmp"));
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	assert_int_equal(res.rings, 1);
	check_lines(&p, "two names", WRITER, 9, "");
	assert_true(shell(&p, "! ls -A .ring | grep ."));
	place_close(&p);
}

/* The power went before any of the ring reached the disk. */
static void
test_blank(void **state)
{
	struct recover_options opt;
	struct recover_result res;
	struct place p;

	(void)state;
	place_open(&p);
	opt = options(&p);
	opt.host = "here";
	die(&p, &some);
	assert_true(shell(&p, "truncate -s 0 .ring/*.ring && truncate -s 80K .ring/*.ring"));
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	assert_int_equal(res.rings, 1);
	assert_int_equal(res.torn, 1);
	check_lines(&p, "blank", WRITER, 5, "");
	check_finished(&p, "blank", WRITER);
	place_close(&p);
}

static void
test_cancel(void **state)
{
	atomic_bool cancel = true;
	struct recover_options opt;
	struct recover_result res;
	struct place p;

	(void)state;
	place_open(&p);
	opt = options(&p);
	opt.cancel = &cancel;
	opt.orphans = true;
	die(&p, &some);
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(res.rings, 0);
	assert_int_equal(p.warnings, 0);
	atomic_store(&cancel, false);
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	check_lines(&p, "cancel", WRITER, 9, "");
	check_finished(&p, "cancel", WRITER);
	place_close(&p);
}

/* ---- rings elsewhere ---- */

static void
test_elsewhere(void **state)
{
	static const char *const links[] = {
		"ln -s ../spool/" WRITER ".ring .ring/" WRITER ".ring",
		"ln -s $PWD/spool/" WRITER ".ring .ring/" WRITER ".ring",
	};
	struct recover_options opt;
	struct recover_result res;

	(void)state;
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
		struct place p;

		place_open(&p);
		opt = options(&p);
		die(&p, &some);
		assert_true(shell(&p, "mkdir spool && mv .ring/" WRITER ".ring spool"));
		assert_true(shell(&p, links[i]));
		assert_int_equal(run_recovery(&p, &opt, &res), 0);
		assert_int_equal(p.warnings, 0);
		assert_int_equal(res.rings, 1);
		check_lines(&p, "elsewhere", WRITER, 9, "");
		check_finished(&p, "elsewhere", WRITER);
		assert_true(shell(&p, "! ls -A spool .ring | grep " WRITER));
		place_close(&p);
	}
}

/* A ring behind a link, segments of one that has no ring, a link that is left of another ring: whichever call
 * fails, it is told, and afterwards all is done that there was to do. */
static void
test_any_call_fails(void **state)
{
	struct death orphan = { OTHER, 4, 4, 4, 0, 0, 0, "{\"ts\":\"2025", 1, true, false };
	bool fired = true;
	long n;

	(void)state;
	for (n = 0; fired; n++) {
		struct recover_options opt;
		struct recover_result res;
		struct place p;
		int rc;

		place_open(&p);
		opt = options(&p);
		opt.orphans = true;
		opt.warn = n % 8 == 7 ? NULL : opt.warn;
		die(&p, &orphan);
		assert_int_equal(unlinkat(p.rings, OTHER ".ring", 0), 0);
		die(&p, &some);
		assert_int_equal(
		    renameat(p.rings, WRITER ".ring", p.root.fd, WRITER ".ring"), 0);
		assert_int_equal(symlinkat("../" WRITER ".ring", p.rings, WRITER ".ring"), 0);
		faults_begin(FAULT_FAIL, n, EIO);
		rc = run_recovery(&p, &opt, &res);
		fired = faults_end();
		if (rc == 0 && p.warnings == 0 && opt.warn != NULL &&
		    faccessat(p.rings, WRITER ".ring", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			fail_msg("call %ld: in silence", n);
		opt.warn = on_warning;
		if (run_recovery(&p, &opt, &res) < 0 || p.warnings > 0)
			fail_msg("call %ld: then %s", n, p.warning.text);
		check_lines(&p, "any call", WRITER, 9, "");
		check_lines(&p, "any call", OTHER, 4, "");
		check_finished(&p, "any call", OTHER);
		place_close(&p);
	}
	assert_true(n > 100);
}

/* ---- rings that a logger does not leave ---- */

/* n records of these bytes, the first of them not committed. */
static void
fill_with(const struct place *p, uint64_t ring_bytes, int n, const char *text, size_t bytes)
{
	struct ring_owner owner = { WRITER, "svc", "here", 77, (uint32_t)geteuid() };
	struct ring *ring;

	assert_int_equal(
	    ring_create(&ring, p->rings, "ring", &owner, ring_bytes, 0600, NULL), 0);
	for (int i = 0; i < n; i++) {
		struct ring_slot slot;

		assert_int_equal(ring_reserve(ring, (uint32_t)bytes, &slot), 0);
		memcpy(slot.p, text, bytes);
		if (i > 0)
			ring_commit(ring, &slot, 0);
	}
	ring_close(ring);
}

/* Records without a time, short and long: what was lost before them is told with the time of now. */
static void
test_no_time(void **state)
{
	static const char *const texts[] = { "{}",
		"{\"msg\":\"this is not where a time begins\"}" };
	struct recover_options opt;
	struct recover_result res;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct place p;

		place_open(&p);
		opt = options(&p);
		fill_with(&p, 65536, 2, texts[i], strlen(texts[i]));
		assert_int_equal(run_recovery(&p, &opt, &res), 0);
		assert_int_equal(p.warnings, 0);
		assert_int_equal(res.torn, 1);
		if (!shell(&p, "zcat date=$(date -u +%F)/*.gz | grep -q log.gap"))
			fail_msg("%s", texts[i]);
		place_close(&p);
	}
}

/* More than one write's worth, all of it of one day. */
static void
test_large(void **state)
{
	struct recover_options opt;
	struct recover_result res;
	char buf[MADE_MAX];
	const struct ring_record rec = made_record(buf, 1, NOON, 60000);
	struct place p;

	(void)state;
	place_open(&p);
	opt = options(&p);
	opt.segment_bytes = 64 << 20;
	fill_with(&p, 1 << 20, 12, rec.p, rec.len);
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	assert_int_equal(res.records, 11);
	assert_true(shell(&p, "test $(zcat date=*/*.gz | grep -c pad) = 11"));
	place_close(&p);
}

/* ---- segments ---- */

static void
test_orphans(void **state)
{
	struct recover_options opt;
	struct recover_result res;
	struct place p;

	(void)state;
	place_open(&p);
	opt = options(&p);
	die(&p, &some);
	assert_true(shell(&p, "rm .ring/*"));
	assert_true(shell(&p, "find . -type f ! -name before | sort | xargs cksum >before"));
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(res.sealed, 0);
	assert_true(
	    shell(&p, "find . -type f ! -name before | sort | xargs cksum | cmp - before"));
	opt.orphans = true;
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	assert_int_equal(res.torn, 1);
	assert_int_equal(res.sealed, 2);
	check_lines(&p, "orphans", WRITER, 5, "");
	check_finished(&p, "orphans", WRITER);
	/* Not below a directory without rings either. */
	assert_int_equal(close(p.rings), 0);
	assert_true(shell(&p, "rmdir .ring"));
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(res.segments, 0);
	p.rings = -1;
	place_close(&p);
	/* Where there never was one. */
	place_open(&p);
	opt.root = &p.root;
	die(&p, &some);
	assert_int_equal(close(p.rings), 0);
	assert_true(shell(&p, "rm -r .ring"));
	p.rings = -1;
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	check_finished(&p, "no rings", WRITER);
	place_close(&p);
}

/* Another recovery of orphans at work: said, and nothing done. */
static void
test_orphans_busy(void **state)
{
	struct recover_options opt;
	struct recover_result res;
	struct place p;
	int fd;

	(void)state;
	place_open(&p);
	opt = options(&p);
	opt.orphans = true;
	fd = open(p.dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(sys->flock(fd, 2 /* LOCK_EX */), 0);
	assert_int_equal(run_recovery(&p, &opt, &res), ALOG_EBUSY);
	(void)close(fd);
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	place_close(&p);
}

/* An archive that can't be read neither hides its plain file nor keeps the ring from being saved. */
static void
test_damaged_archive(void **state)
{
	struct death d = { WRITER, 8, 8, 11, 0, 0, 0, NULL, 4, true, false };
	struct recover_options opt;
	struct recover_result res;
	struct scratch_lines lines;
	struct place p;

	(void)state;
	place_open(&p);
	opt = options(&p);
	die(&p, &d);
	assert_true(shell(&p, "truncate -s 100 date=*/*.000004.jsonl.gz"));
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	check_lines(&p, "plain beside", WRITER, 11, "");
	check_finished(&p, "plain beside", WRITER);
	place_close(&p);

	d.beside = false;
	place_open(&p);
	opt = options(&p);
	die(&p, &d);
	assert_true(shell(&p, "echo x >$(ls date=*/*.000004.jsonl.gz)"));
	assert_int_equal(run_recovery(&p, &opt, &res), 0);
	assert_int_equal(p.warnings, 0);
	assert_int_equal(res.records, 3);
	lines = scratch_read(p.dir);
	assert_int_equal(lines.line[lines.n - 1].seq, 11);
	scratch_free(&lines);
	place_close(&p);
}

/* A link, or a FIFO, under the name of the next segment: refused, and said; the ring stays. */
static void
test_name_taken(void **state)
{
	static const char *const before[] = {
		"echo x >other && ln -s ../other $(ls date=*/*.000002.jsonl | sed s/02.jsonl/03.jsonl/)",
		"mkfifo $(ls date=*/*.000002.jsonl | sed s/02.jsonl/03.jsonl/)",
	};
	struct recover_options opt;
	struct recover_result res;

	(void)state;
	for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
		struct place p;

		place_open(&p);
		opt = options(&p);
		die(&p, &some);
		assert_true(shell(&p, "rm -f date=*/*3.jsonl"));
		assert_true(shell(&p, before[i]));
		assert_int_equal(run_recovery(&p, &opt, &res), 0);
		assert_int_equal(p.warnings, 1);
		assert_int_equal(p.warning.os_errno, EEXIST);
		assert_int_equal(res.rings, 0);
		assert_true(shell(&p, "test ! -e other || test x = $(cat other)"));
		assert_true(shell(&p, "rm $(find date=* ! -type f ! -type d)"));
		assert_int_equal(run_recovery(&p, &opt, &res), 0);
		check_lines(&p, "afterwards", WRITER, 9, "");
		place_close(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_unsealed),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_alive),
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_strange_rings),
		cmocka_unit_test(test_two_names),
		cmocka_unit_test(test_blank),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_any_call_fails),
		cmocka_unit_test(test_no_time),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_orphans_busy),
		cmocka_unit_test(test_damaged_archive),
		cmocka_unit_test(test_name_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
