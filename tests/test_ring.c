/* ring - scripts of one thread, numbers that wrap, and many threads at once. */
#include "ringed.h"

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
		for (unsigned round = 0; round < BY_SANITIZER(1000U, 1000U, 300U); round++) {
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

/* As a drain that is held up while it moves the tail. */
static void *
end_moving(void *arg)
{
	(void)nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
	ring_release(arg);
	return NULL;
}

/* While the tail moves no ring is full: a producer waits for what comes of it. */
static void
test_tail_moves(void **state)
{
	struct ring_record rec;
	struct ring_slot slot;
	pthread_t thread;
	struct place p;

	(void)state;
	place_open(&p);
	while (ring_reserve(p.ring, 1000, &slot) == 0)
		ring_commit(p.ring, &slot, 0);
	assert_int_equal(ring_next(p.ring, &rec), 1);
	atomic_store(&p.ring->moving, true);
	assert_int_equal(pthread_create(&thread, NULL, end_moving, p.ring), 0);
	assert_int_equal(ring_reserve(p.ring, 1000, &slot), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	place_close(&p);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_never_full),
		cmocka_unit_test(test_tail_moves),
		cmocka_unit_test(test_read_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
