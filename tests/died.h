/* died - for tests of recovery: writers that died in many ways, and what has to be found of them. */
#ifndef DIED_H
#define DIED_H

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

static inline void
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

static inline void
place_close(struct place *p)
{
	(void)close(p->rings);
	(void)close(p->root.fd);
	scratch_remove(p->dir);
}

/* Run a shell command in the root; the status says whether it is as asked. */
static inline bool
shell(const struct place *p, const char *command)
{
	char text[3 * SCRATCH_MAX];

	(void)snprintf(text, sizeof text, "cd %s && { %s; }", p->dir, command);
	return system(text) == 0;
}

static inline void
on_warning(void *arg, const alog_error *err)
{
	struct place *p = arg;

	p->warnings++;
	p->warning = *err;
}

static inline struct recover_options
options(struct place *p)
{
	return (struct recover_options){ .root = &p->root,
		.seal = true,
		.gzip_level = 1,
		.segment_bytes = 4096,
		.warn = on_warning,
		.arg = p };
}

static inline int
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
static inline void
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

static inline void
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
static inline struct ring *
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

static inline void
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

static inline void
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
static inline void
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

static inline int
is_left(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return strstr(path + ftw->base, finished) != NULL && !scratch_ends(path, ".jsonl.gz") &&
	    !scratch_ends(path, ".ring.tmp");
}

/* Nothing of a writer is left but archives; and a ring without its name, for a minute, where its
 * removal was interrupted. */
static inline void
check_finished(const struct place *p, const char *name, const char *writer)
{
	finished = writer;
	if (nftw(p->dir, is_left, 16, FTW_PHYS) != 0)
		fail_msg("%s: something is left", name);
}

static const struct death some = { WRITER, 5, 4, 9, 0, 0, 0, "{\"torn", 1, false, false };

#endif
