/*
 * ring - scripts of one thread, many threads at once, and what is read back from the file.
 *
 * The module is included, not linked: the drain's own numbers are forged to see them wrap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <pthread.h>
#include <sys/resource.h>

#include "faults.h"
#include "ring.c" /* NOLINT(bugprone-suspicious-include): see above */
#include "sanitizer.h"
#include "scratch.h"

#define BYTES    65536u
#define GRANULES (BYTES / RING_GRAIN)
#define WRITER   "00112233445566aa"

static const struct ring_owner owner = { WRITER, "service", "host", 4711, 1000 };

struct place {
	char dir[SCRATCH_MAX];
	int dirfd;
	struct ring *ring;
};

static void
place_open(struct place *p)
{
	alog_error err = { 0 };

	scratch_make(p->dir);
	p->dirfd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ring_create(&p->ring, p->dirfd, p->dir, &owner, BYTES, 0600, &err) < 0)
		fail_msg("%s", err.text);
}

static void
place_close(struct place *p)
{
	ring_close(p->ring);
	(void)close(p->dirfd);
	scratch_remove(p->dir);
}

static int
place_file(const struct place *p)
{
	const int fd = openat(p->dirfd, WRITER ".ring", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* ---- records that prove themselves: the number, then bytes that follow from it ---- */

static void
fill_record(char *p, uint32_t len, uint64_t n)
{
	for (uint32_t i = 0; i < len; i++)
		p[i] = (char)(i < 8 ? n >> 8 * i : n * 31 + i);
}

static bool
intact(const char *p, uint32_t len, uint64_t n)
{
	for (uint32_t i = 0; i < len; i++)
		if (p[i] != (char)(i < 8 ? n >> 8 * i : n * 31 + i))
			return false;
	return true;
}

static uint64_t
number_of(const char *p)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n |= (uint64_t)(uint8_t)p[i] << 8 * i;
	return n;
}

/* Reserve, fill and commit one; RING_FULL and RING_SHUT as they come. */
static int
put(struct ring *r, uint32_t len, uint64_t n)
{
	struct ring_slot slot;
	const int rc = ring_reserve(r, len, &slot);

	if (rc == 0) {
		fill_record(slot.p, len, n);
		ring_commit(r, &slot, (uint16_t)(len / 2));
	}
	return rc;
}

/* ---- scripts of one thread ----
 *
 *     +LEN@G    reserve LEN bytes: the record is to lie at granule G;  a ! behind: wakes the drain
 *     +LEN=full, +LEN=shut
 *     cN        commit record N              ?N, ?-   next: record N, none
 *     R U W S   release, unread, rewind, shut
 *     Z1, Z0    sleep: may, may not          =N       the head's number
 */

static const struct {
	const char *name, *script;
} scripts[] = {
	{ "nothing", "?- R ?- U ?- W ?- =0" },
	{ "one", "+10@0 ?- c1 ?1 ?- R ?- =1" },
	{ "commits out of order", "+10@0 +10@1 +10@2 c3 ?- c1 ?1 ?- c2 ?2 ?3 ?- =3" },
	{ "granules", "+1@0 +64@1 +65@2 +128@4 +129@6 +1@9" },
	{ "given again", "+9@0 +9@1 c1 c2 ?1 R ?2 U ?2 ?- U ?2 R U ?-" },
	{ "full to the last granule",
	    "+16384@0! +16384@256 +16384@512 +16384@768 +1=full c1 ?1 +1=full R +16384@0 "
	    "+1=full c2 c3 c4 c5 ?2 ?3 ?4 ?5 ?- R +1@256" },
	{ "the longest ends where the lap ends",
	    "+16384@0! +16384@256 +16384@512 c1 c2 c3 ?1 ?2 ?3 R +16384@768! +1@0 c4 c5 ?4 ?5" },
	{ "no room before the lap's end",
	    "+16384@0! +16384@256 +16384@512 +16320@768 c1 ?1 R +65@0 c5 ?- c2 c3 ?2 ?3 ?- c4 "
	    "?4 ?5 ?- R +1@2" },
	{ "what is skipped is in use until released",
	    "+16384@0! +16384@256 +16384@512 +16320@768 c1 ?1 R +16384@0 +1=full c2 c3 c4 c5 "
	    "?2 ?3 R +16384@256 ?4 ?5 R" },
	{ "too little because of what is skipped",
	    "+16384@0! +16384@256 +16384@512 +16320@768 c1 ?1 R +16320@0 +64@255 +64=full" },
	{ "rewound: starts again at the start",
	    "+10@0 c1 ?1 R W +10@0 c2 ?2 R W +10@0 c3 ?3 ?-" },
	{ "not rewound", "+10@0 c1 ?1 R +10@1 c2 ?2 R +10@2" },
	{ "no rewind while one is reserved", "+10@0 c1 ?1 R +10@1 W c2 ?2 R W +10@0" },
	{ "no rewind before the release", "+10@0 c1 ?1 W R +10@1" },
	{ "rewound at a lap's start already",
	    "W +16384@0! +16384@256 +16384@512 +16384@768 c1 c2 c3 c4 ?1 ?2 ?3 ?4 R W +16384@0! "
	    "+16384@256 c5 c6 ?5 ?6" },
	{ "a rewound ring takes all of it",
	    "+64@0 c1 ?1 R W +16384@0! +16384@256 +16384@512 +16384@768 +1=full c2 c3 c4 c5 ?2 "
	    "?3 ?4 ?5 R W +1@0" },
	{ "asleep: the first one wakes", "Z1 +10@0! +10@1 c1 c2 ?1 ?2 R Z1 +10@2!" },
	{ "asleep through a rewind", "+10@0 c1 ?1 R Z1 W +10@0! +10@1" },
	{ "asleep twice", "Z1 Z1 +10@0! +10@1" },
	{ "no sleep over a reserved one", "+10@0 Z0 c1 Z0 ?1 Z0 R Z1" },
	{ "a quarter wakes, once", "+16320@0 +64@255! +64@256 +64@257" },
	{ "a quarter wakes again after a release",
	    "+16384@0! c1 ?1 R +16320@256 +64@511! +64@512" },
	{ "a quarter counts what is skipped",
	    "+16384@0! +16384@256 +16384@512 c1 c2 c3 ?1 ?2 ?3 R +12800@768 c4 ?4 R +16384@0! "
	    "c5 ?5" },
	{ "shut", "+10@0 S +10=shut c1 ?1 ?- R W +10=shut Z1 +10=shut =1" },
	{ "shut while asleep", "Z1 S +10=shut" },
	{ "shut while full", "+16384@0! +16384@256 +16384@512 +16384@768 S +1=shut" },
};

struct script {
	struct ring *ring;
	struct ring_slot slot[64]; /* by number */
	const char *name, *at;
};

static void
wrong(const struct script *s, const char *what, uint64_t got)
{
	fail_msg("%s: %s %" PRIu64 " at: %s", s->name, what, got, s->at);
}

static void
do_reserve(struct script *s, char **end)
{
	const uint32_t len = (uint32_t)strtoul(s->at + 1, end, 10);
	struct ring_slot slot;
	const int rc = ring_reserve(s->ring, len, &slot);

	if (**end == '=') {
		if (rc != ((*end)[1] == 'f' ? RING_FULL : RING_SHUT))
			wrong(s, "not so:", (uint64_t)rc);
		*end += 5;
		return;
	}
	if (rc != 0)
		wrong(s, "refused:", (uint64_t)rc);
	if (slot.granule != strtoul(*end + 1, end, 10))
		wrong(s, "granule", slot.granule);
	if (slot.wake != (**end == '!'))
		wrong(s, "wake", slot.wake);
	*end += **end == '!';
	fill_record(slot.p, len, slot.seq);
	s->slot[slot.seq] = slot;
}

static void
do_next(struct script *s, char **end)
{
	struct ring_record rec;
	const int rc = ring_next(s->ring, &rec);

	if (s->at[1] == '-') {
		*end = (char *)s->at + 2;
		if (rc != 0)
			wrong(s, "gave", rec.seq);
		return;
	}
	if (rc != 1)
		wrong(s, "gave", 0);
	if (rec.seq != strtoull(s->at + 1, end, 10) || rec.len != s->slot[rec.seq].len ||
	    rec.splice != rec.len / 2 || !intact(rec.p, rec.len, rec.seq))
		wrong(s, "gave", rec.seq);
}

static void
do_step(struct script *s, char **end)
{
	const char op = *s->at;
	uint64_t n;

	*end = (char *)s->at + 1;
	switch (op) {
	case '+': do_reserve(s, end); break;
	case '?': do_next(s, end); break;
	case 'R': ring_release(s->ring); break;
	case 'U': ring_unread(s->ring); break;
	case 'W': ring_rewind(s->ring); break;
	case 'S': ring_shut(s->ring); break;
	case 'Z':
		if (ring_sleep(s->ring) != (s->at[1] == '1'))
			wrong(s, "sleep", s->at[1] == '0');
		*end += 1;
		break;
	case 'c':
		n = strtoull(*end, end, 10);
		ring_commit(s->ring, &s->slot[n], (uint16_t)(s->slot[n].len / 2));
		break;
	case '=':
		if (ring_head_seq(s->ring) != strtoull(*end, end, 10))
			wrong(s, "head", ring_head_seq(s->ring));
		break;
	default: wrong(s, "no such step", 0);
	}
}

static void
test_scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
		struct script s = { .name = scripts[i].name, .at = scripts[i].script };
		struct place p;
		char *end;

		place_open(&p);
		s.ring = p.ring;
		for (; *s.at != '\0'; s.at = end + (*end == ' '))
			do_step(&s, &end);
		place_close(&p);
	}
}

/* ---- numbers and positions that wrap ---- */

static void
forge(struct ring *r, uint64_t seq, uint32_t pos)
{
	atomic_store(r->head, (uint64_t)pos << 32 | (uint32_t)seq);
	atomic_store(r->tail_seq, seq);
	atomic_store(r->tail_pos, pos);
	r->freed_seq = seq;
	r->next_seq = seq + 1;
	r->freed_pos = r->next_pos = pos;
}

static void
test_wrap(void **state)
{
	static const struct {
		const char *name;
		uint64_t seq;
		uint32_t pos;
	} cases[] = {
		{ "the start", 0, 0 },
		{ "count to 2^32", UINT64_C(0xfffffffd), 0 },
		{ "count beyond 2^33", UINT64_C(0x1fffffffd), 77 },
		{ "number beyond 2^48", UINT64_C(0xffffffffffff), GRANULES - 1 },
		{ "last granule of all", 5, RING_POS_MASK },
		{ "last lap of all", 5, RING_POS_MASK - GRANULES + 1 },
		{ "both", UINT64_C(0xffffffff), RING_POS_MASK - 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t put_seq = cases[i].seq, got_seq = cases[i].seq;
		struct ring_record rec;
		struct ring_copy copy;
		struct place p;
		int fd;

		place_open(&p);
		forge(p.ring, cases[i].seq, cases[i].pos);
		fd = place_file(&p);
		for (unsigned round = 0; round < 1000; round++) {
			const uint32_t len = 1 + round * 37 % 3000;

			while (put(p.ring, len, put_seq + 1) == 0)
				put_seq++;
			if (ring_head_seq(p.ring) != put_seq)
				fail_msg("%s: head", cases[i].name);
			if (round % 100 == 0) {
				assert_int_equal(ring_read(&copy, fd, "ring", NULL), 0);
				if (copy.head_seq != put_seq || copy.tail_seq != got_seq ||
				    copy.n != put_seq - got_seq)
					fail_msg("%s: read", cases[i].name);
				ring_copy_free(&copy);
			}
			for (unsigned n = 0; n < 1 + round % 50 && ring_next(p.ring, &rec); n++)
				if (rec.seq != ++got_seq || !intact(rec.p, rec.len, rec.seq))
					fail_msg("%s: %" PRIu64, cases[i].name, rec.seq);
			ring_release(p.ring);
			if (round % 7 == 0) {
				while (ring_next(p.ring, &rec))
					got_seq++;
				ring_release(p.ring);
				ring_rewind(p.ring);
			}
		}
		(void)close(fd);
		place_close(&p);
	}
}

/* ---- many threads ---- */

#define PRODUCERS 4
#define EACH      BY_SANITIZER(8000, 8000, 2000)

struct crowd {
	struct ring *ring;
	_Atomic uint64_t fulls;
};

struct producer {
	struct crowd *crowd;
	uint64_t number;
};

static void *
produce(void *arg)
{
	const struct producer *me = arg;
	unsigned short seed[3] = { (unsigned short)me->number, 1, 2 };

	for (uint64_t n = 0; n < EACH; n++) {
		const uint32_t len =
		    8 + (uint32_t)(nrand48(seed) % (n % 100 == 0 ? 16000 : 300));

		while (put(me->crowd->ring, len, me->number << 32 | n) == RING_FULL) {
			atomic_fetch_add(&me->crowd->fulls, 1);
			(void)sched_yield();
		}
	}
	return NULL;
}

/* What the drain has seen: the newest number, and the next count of each producer. */
struct seen {
	uint64_t seq;
	uint64_t next[PRODUCERS];
};

static void
see(struct seen *seen, const struct ring_record *rec)
{
	const uint64_t number = number_of(rec->p), who = number >> 32;

	if (rec->seq != seen->seq + 1 || who >= PRODUCERS ||
	    (uint32_t)number != seen->next[who] || !intact(rec->p, rec->len, number))
		fail_msg("%" PRIu64 " behind %" PRIu64, rec->seq, seen->seq);
	seen->seq++;
	seen->next[who]++;
}

static void
test_threads(void **state)
{
	struct producer producer[PRODUCERS];
	struct seen seen = { 0 }, released = { 0 };
	pthread_t thread[PRODUCERS];
	struct crowd crowd = { 0 };
	struct ring_record rec;
	struct place p;

	(void)state;
	place_open(&p);
	crowd.ring = p.ring;
	for (unsigned i = 0; i < PRODUCERS; i++) {
		producer[i] = (struct producer){ &crowd, i };
		assert_int_equal(pthread_create(&thread[i], NULL, produce, &producer[i]), 0);
	}
	for (uint64_t rounds = 0; released.seq < PRODUCERS * EACH; rounds++) {
		for (uint64_t n = rounds % 60; n > 0 && ring_next(p.ring, &rec); n--)
			see(&seen, &rec);
		if (rounds % 11 == 0) {
			ring_unread(p.ring);
			seen = released;
		} else {
			ring_release(p.ring);
			released = seen;
		}
		ring_rewind(p.ring);
		(void)ring_sleep(p.ring);
	}
	for (unsigned i = 0; i < PRODUCERS; i++)
		(void)pthread_join(thread[i], NULL);
	assert_int_equal(ring_next(p.ring, &rec), 0);
	assert_true(ring_head_seq(p.ring) == released.seq);
	place_close(&p);
}

static void *
drain_all(void *arg)
{
	struct ring *r = arg;
	struct ring_record rec;

	for (uint64_t seq = 0; seq < EACH;) {
		while (ring_next(r, &rec))
			seq = rec.seq;
		ring_release(r);
		ring_rewind(r);
	}
	return NULL;
}

/* A ring that was drained has room for any record, also while it is being rewound. */
static void
test_never_full(void **state)
{
	unsigned short seed[3] = { 1, 2, 3 };
	pthread_t thread;
	struct place p;

	(void)state;
	place_open(&p);
	assert_int_equal(pthread_create(&thread, NULL, drain_all, p.ring), 0);
	for (uint64_t n = 1; n <= EACH; n++) {
		const uint32_t len = 1 + (uint32_t)(nrand48(seed) % 16384);

		while (atomic_load(p.ring->tail_seq) + 1 < n)
			(void)sched_yield();
		if (put(p.ring, len, n) != 0)
			fail_msg("full at %" PRIu64, n);
	}
	(void)pthread_join(thread, NULL);
	place_close(&p);
}

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

struct reader {
	int fd;
	atomic_bool stop;
	uint64_t reads, records;
};

/* Reads a ring that is in use, again and again. */
static void *
read_on(void *arg)
{
	struct reader *me = arg;
	uint64_t tail = 0;

	while (!atomic_load(&me->stop) || me->reads == 0) {
		struct ring_copy copy;

		if (ring_read(&copy, me->fd, "ring", NULL) < 0)
			return (void *)"unreadable";
		if (copy.tail_seq < tail || copy.head_seq < copy.tail_seq)
			return (void *)"head and tail";
		tail = copy.tail_seq;
		for (size_t i = 0; i < copy.n; i++) {
			const struct ring_record *rec = &copy.rec[i];

			if (rec->seq <= (i > 0 ? rec[-1].seq : tail) ||
			    rec->seq > copy.head_seq)
				return (void *)"order";
			if (rec->len < 8 || !intact(rec->p, rec->len, number_of(rec->p)))
				return (void *)"content";
		}
		me->records += copy.n;
		me->reads++;
		ring_copy_free(&copy);
	}
	return NULL;
}

static void
test_read_in_use(void **state)
{
	struct crowd crowd = { 0 };
	struct producer producer;
	struct reader reader = { 0 };
	pthread_t writing, reading;
	struct ring_record rec;
	const char *fault;
	void *result;
	struct place p;

	(void)state;
	place_open(&p);
	reader.fd = place_file(&p);
	crowd.ring = p.ring;
	producer = (struct producer){ &crowd, 0 };
	assert_int_equal(pthread_create(&reading, NULL, read_on, &reader), 0);
	assert_int_equal(pthread_create(&writing, NULL, produce, &producer), 0);
	for (uint64_t seq = 0, rounds = 0; seq < EACH; rounds++) {
		for (uint64_t n = rounds % 90; n > 0 && ring_next(p.ring, &rec); n--)
			seq = rec.seq;
		ring_release(p.ring);
		ring_rewind(p.ring);
	}
	atomic_store(&reader.stop, true);
	(void)pthread_join(writing, NULL);
	(void)pthread_join(reading, &result);
	if ((fault = result) != NULL)
		fail_msg("%s", fault);
	(void)close(reader.fd);
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
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_never_full),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_other_boot),
		cmocka_unit_test(test_power_lost),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_mutilated),
		cmocka_unit_test(test_read_faults),
		cmocka_unit_test(test_read_in_use),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_create_faults),
		cmocka_unit_test(test_file_systems),
		cmocka_unit_test(test_no_descriptor),
		cmocka_unit_test(test_create_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
