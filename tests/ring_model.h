/*
 * ring_model - what threads do to a ring, step by step, on a ring of four granules.
 *
 * The steps are those of ring.c, of ring_read.c and of the loop in writer.c: one for each access to a
 * word that is shared, with the same arithmetic on fewer bits.  Left out is what only wakes more
 * often: releases of nothing, a quarter that is full.  Memory is sequentially consistent.
 */
#ifndef RING_MODEL_H
#define RING_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { GRANULES = 4, PRODUCERS = 3, RECORDS = 3 };

/* The head, as in ring_file.h: asleep, shut, position, count. */
enum { ASLEEP = 0x200, SHUT = 0x100, MASK = 15 };
#define POS(head)   ((unsigned)(head) >> 4 & MASK)
#define COUNT(head) ((unsigned)(head)&MASK)

#define FAULTS(X)                                                                              \
	X(COMMIT_EARLY)   /* before the payload is there */                                    \
	X(BIT_IGNORED)    /* who clears the asleep bit does not wake */                        \
	X(SLEEP_LATE)     /* the bit is set a step after the look at the count */              \
	X(CLEARED_LATE)   /* the wake word: after the drain has looked */                      \
	X(WAITERS_UNSEEN) /* a release does not wake those who wait for room */                \
	X(POSITION_FIRST) /* of the two words of the tail */                                   \
	X(MOVING_UNSAID)  /* nothing tells that only one of them has moved yet */              \
	X(ONE_LOOK)       /* full at first sight */                                            \
	X(NO_SKIP)        /* a record may stand across the end of the lap */                   \
	X(SHUT_LOST)      /* a rewind forgets the bit */

/* What each thread does next. */
/* clang-format off */
#define PRODUCER(X)                                                                            \
	X(P_BEGIN) X(P_HEAD) X(P_TAIL_SEQ) X(P_TAIL_POS) X(P_HEAD_AGAIN) X(P_MOVING) X(P_CAS)  \
	X(P_SEQ) X(P_DATA) X(P_COMMIT) X(P_WAKE) X(P_FUTEX)                                    \
	X(P_FULL_WAKE) X(P_FULL_FUTEX) X(P_WAITING) X(P_WAIT) X(P_WAITS) X(P_UNWAITING) X(P_END)
#define DRAIN(X)                                                                               \
	X(D_TOP) X(D_NEXT) X(D_NEXT_LAP) X(D_NONE)                                             \
	X(D_MOVING) X(D_FREE) X(D_FREE_TOO) X(D_MOVED) X(D_ROOM) X(D_WAITING) X(D_ROOM_FUTEX)  \
	X(D_HEAD) X(D_REWINDING) X(D_CAS) X(D_TAIL_POS) X(D_REWOUND)                           \
	X(D_STOP) X(D_DRAINED) X(D_SLEEP) X(D_SLEEP_CAS) X(D_WAIT) X(D_WAITS) X(D_END)
#define CLOSER(X) X(C_SHUT) X(C_STOP) X(C_WAKE) X(C_FUTEX) X(C_END)
#define READER(X) X(R_HEAD) X(R_TAIL) X(R_SEQ) X(R_LEN) X(R_DATA) X(R_TAIL_AGAIN) X(R_END)
/* clang-format on */

#define NAME(x)   x,
#define STRING(x) #x,
enum fault { NONE, FAULTS(NAME) ALL };
enum { PRODUCER(NAME) };
enum { DRAIN(NAME) };
enum { CLOSER(NAME) };
enum { READER(NAME) };
static const char *const fault_names[] = { "none", FAULTS(STRING) };
static const char *const producer_steps[] = { PRODUCER(STRING) };
static const char *const drain_steps[] = { DRAIN(STRING) };
static const char *const closer_steps[] = { CLOSER(STRING) };
static const char *const reader_steps[] = { READER(STRING) };

struct config {
	const char *name;
	uint8_t size[PRODUCERS][RECORDS]; /* of each one's records, in granules */
	bool blocks;                      /* who finds it full waits for room; else drops */
	bool closes, reads;               /* one more thread closes; reads the file */
	bool large;                       /* millions of states: only when LARGE is set */
	uint8_t seq, pos;                 /* where all begins */
};

struct file {
	uint16_t head;
	uint8_t tail_seq, tail_pos;
	uint8_t seq[GRANULES], len[GRANULES]; /* the entries */
	uint8_t data[GRANULES];               /* whose it is: a number */
};

struct producer {
	uint16_t head; /* as it was loaded */
	uint8_t pc, record, room, seq, granule;
	bool full, wake, truly; /* truly: it was full at some moment of this call */
};

struct state {
	struct file file, copy;
	struct producer producer[PRODUCERS];
	uint16_t drain_head;
	uint8_t drain, next_seq, next_pos, freed_seq, freed_pos, closer, reader, at;
	bool moving, wake, stop, more; /* more: the drain goes on after this release */
	uint8_t room, waiting;
	/* What only the model knows. */
	uint8_t written, reserved;    /* newest in a segment; newest at all */
	uint8_t held_seq, held_pos;   /* the tail, before a release that is not complete */
	uint8_t owner[GRANULES];      /* whose room it is */
	uint8_t committed, was, twos; /* sets: committed; so before the copy; of two granules */
	uint8_t zero[7];
};
_Static_assert(sizeof(struct state) == 96, "no padding");

static const struct config *config;
static enum fault fault;
static const char *wrong;

static void
expect(bool good, const char *what)
{
	if (!good && wrong == NULL)
		wrong = what;
}

static uint8_t
bit(unsigned seq)
{
	return (uint8_t)(1u << (seq - config->seq - 1));
}

static unsigned
size_of(const struct state *s, unsigned seq)
{
	return (s->twos & bit(seq)) != 0 ? 2 : 1;
}

static unsigned
widen(unsigned count, unsigned behind)
{
	return behind + ((count - behind) & MASK);
}

static uint8_t
next_lap(unsigned pos)
{
	return (uint8_t)((pos + GRANULES - 1) & MASK & ~(GRANULES - 1u));
}

/* Granules before the end of the lap, where there is no room for need. */
static unsigned
skip_of(unsigned pos, unsigned need)
{
	const unsigned off = pos % GRANULES;

	return off + need > GRANULES && fault != NO_SKIP ? GRANULES - off : 0;
}

static bool
fits(unsigned pos, unsigned tail, unsigned need)
{
	return ((pos - tail) & MASK) + skip_of(pos, need) + need <= GRANULES;
}

/* ---- a producer ---- */

static unsigned
need_of(const struct producer *p, int i)
{
	return p->record < RECORDS ? config->size[i][p->record] : 0;
}

static void
next_record(struct producer *p, int i)
{
	*p = (struct producer){ .record = (uint8_t)(p->record + 1) };
	p->pc = need_of(p, i) > 0 ? P_BEGIN : P_END;
}

static void
wake_drain(struct state *s)
{
	if (s->drain == D_WAITS)
		s->drain = D_TOP;
}

static void
reserve(struct state *s, struct producer *p, unsigned need)
{
	const unsigned head = s->file.head, pos = POS(head) + skip_of(POS(head), need);

	s->file.head = (uint16_t)(((pos + need) & MASK) << 4 | ((head + 1) & MASK));
	s->reserved++;
	s->twos |= need == 2 ? bit(s->reserved) : 0;
	for (unsigned k = 0; k < need; k++) {
		expect(s->owner[(pos + k) % GRANULES] <= s->freed_seq, "two in one place");
		s->owner[(pos + k) % GRANULES] = s->reserved;
	}
	p->seq = s->reserved;
	p->granule = pos % GRANULES;
	p->wake = (head & ASLEEP) != 0 && fault != BIT_IGNORED;
	p->pc = P_SEQ;
}

static void
refused(struct producer *p, int i)
{
	expect(p->truly, "refused, though it was not full");
	if (config->blocks)
		p->pc = P_FULL_WAKE;
	else
		next_record(p, i);
}

/* ring_reserve. */
static void
step_reserve(struct state *s, struct producer *p, unsigned need, int i)
{
	const unsigned old = p->head;
	const bool same = s->file.head == old;

	switch (p->pc) {
	case P_TAIL_SEQ:
		p->pc = COUNT(old) == (s->file.tail_seq & MASK) ? P_CAS : P_TAIL_POS;
		return;
	case P_TAIL_POS:
		p->pc = fits(POS(old), s->file.tail_pos, need) ? P_CAS : P_HEAD_AGAIN;
		return;
	case P_HEAD_AGAIN:
		p->pc = P_MOVING;
		if (same && (p->full || fault == ONE_LOOK))
			refused(p, i);
		if (same)
			return;
		break;
	case P_MOVING:
		p->full = !s->moving;
		p->pc = P_TAIL_SEQ;
		return;
	case P_CAS:
		if (!same)
			break;
		reserve(s, p, need);
		return;
	}
	/* P_HEAD, or the head has changed. */
	p->full = false;
	p->head = s->file.head;
	p->pc = (p->head & SHUT) != 0 ? P_END : P_TAIL_SEQ;
}

/* What writer_put does with the room. */
static void
step_commit(struct state *s, struct producer *p, unsigned need, int i)
{
	const bool early = fault == COMMIT_EARLY;

	switch (p->pc) {
	case P_SEQ:
		expect(widen(COUNT(p->head) + 1, s->file.tail_seq) == p->seq, "wrong number");
		p->pc = early ? P_COMMIT : P_DATA;
		return;
	case P_DATA:
		s->file.len[p->granule] = (uint8_t)need;
		memset(s->file.data + p->granule, p->seq, need);
		p->pc = early ? P_WAKE : P_COMMIT;
		break;
	case P_COMMIT:
		s->file.seq[p->granule] = p->seq;
		s->committed |= bit(p->seq);
		p->pc = early ? P_DATA : P_WAKE;
		break;
	case P_WAKE:
		s->wake = true;
		p->pc = P_FUTEX;
		return;
	case P_FUTEX:
		wake_drain(s);
		next_record(p, i);
		return;
	}
	if (p->pc == P_WAKE && !p->wake)
		next_record(p, i);
}

/* wait_for_room. */
static void
step_wait(struct state *s, struct producer *p)
{
	switch (p->pc++) {
	case P_FULL_WAKE: s->wake = true; break;
	case P_FULL_FUTEX: wake_drain(s); break;
	case P_WAITING: s->waiting++; break;
	case P_WAIT: p->pc = s->room == p->room ? P_WAITS : P_UNWAITING; break;
	case P_UNWAITING:
		s->waiting--;
		*p = (struct producer){ .record = p->record };
		break;
	}
}

static bool
step_producer(struct state *s, int i)
{
	struct producer *p = &s->producer[i];
	const unsigned need = need_of(p, i);

	if (p->pc == P_END || p->pc == P_WAITS)
		return false;
	if (p->pc == P_BEGIN) {
		p->room = s->room;
		p->pc = P_HEAD;
	} else if (p->pc <= P_CAS) {
		step_reserve(s, p, need, i);
	} else if (p->pc <= P_FUTEX) {
		step_commit(s, p, need, i);
	} else {
		step_wait(s, p);
	}
	return true;
}

/* ---- the drain ---- */

static void
begin_release(struct state *s, bool more)
{
	s->written = s->freed_seq = (uint8_t)(s->next_seq - 1);
	s->freed_pos = s->next_pos;
	s->more = more;
	s->drain = D_MOVING;
}

/* ring_next gives a record; full: and with it a batch is full. */
static void
take(struct state *s, unsigned pos, bool full)
{
	const unsigned seq = s->next_seq, at = pos % GRANULES, len = s->file.len[at];

	expect(
	    (s->committed & bit(seq)) != 0 && len == size_of(s, seq), "the drain: no record");
	for (unsigned k = 0; k < len; k++)
		expect(s->file.data[at + k] == seq, "the drain: not whole");
	s->next_pos = (uint8_t)((pos + len) & MASK);
	s->next_seq++;
	s->drain = D_NEXT;
	if (full)
		begin_release(s, true);
}

static void
free_one(struct state *s, bool seq)
{
	if (seq)
		s->file.tail_seq = s->freed_seq;
	else
		s->file.tail_pos = s->freed_pos;
}

static void
step_release(struct state *s)
{
	switch (s->drain++) {
	case D_MOVING: s->moving = fault != MOVING_UNSAID; break;
	case D_FREE: free_one(s, fault != POSITION_FIRST); break;
	case D_FREE_TOO:
		free_one(s, fault == POSITION_FIRST);
		s->held_seq = s->freed_seq;
		s->held_pos = s->freed_pos;
		break;
	case D_MOVED:
		s->moving = false;
		if (!config->blocks)
			s->drain = s->more ? D_NEXT : D_HEAD;
		break;
	case D_ROOM: s->room++; break;
	case D_WAITING:
		if (s->waiting == 0)
			s->drain = s->more ? D_NEXT : D_HEAD;
		break;
	case D_ROOM_FUTEX:
		for (int i = 0; i < PRODUCERS; i++)
			if (s->producer[i].pc == P_WAITS && fault != WAITERS_UNSEEN)
				s->producer[i].pc = P_UNWAITING;
		s->drain = s->more ? D_NEXT : D_HEAD;
		break;
	}
}

static void
step_rewind(struct state *s)
{
	const uint8_t start = next_lap(s->freed_pos);

	switch (s->drain++) {
	case D_HEAD:
		s->drain_head = s->file.head;
		if (COUNT(s->drain_head) != (s->freed_seq & MASK) || start == s->freed_pos)
			s->drain = D_STOP;
		break;
	case D_REWINDING: s->moving = fault != MOVING_UNSAID; break;
	case D_CAS:
		if (s->file.head != s->drain_head) {
			s->drain = D_REWOUND;
			break;
		}
		s->file.head &= fault == SHUT_LOST ? ASLEEP | MASK : ASLEEP | SHUT | MASK;
		s->file.head |= (uint16_t)(start << 4);
		s->next_pos = s->freed_pos = s->held_pos = start;
		break;
	case D_TAIL_POS: s->file.tail_pos = s->freed_pos; break;
	case D_REWOUND: s->moving = false; break;
	}
}

/* The end of writer.c's loop; forever: a second has passed without a record. */
static void
step_sleep(struct state *s, bool forever)
{
	switch (s->drain++) {
	case D_STOP:
		if (!s->stop)
			s->drain = D_SLEEP;
		break;
	case D_DRAINED:
		if (widen(COUNT(s->file.head), s->file.tail_seq) <= s->written)
			s->drain = D_END;
		break;
	case D_SLEEP:
		s->drain_head = s->file.head;
		if (!forever || COUNT(s->drain_head) != (s->freed_seq & MASK))
			s->drain = D_TOP;
		break;
	case D_SLEEP_CAS:
		if (s->file.head == s->drain_head || fault == SLEEP_LATE)
			s->file.head |= ASLEEP;
		else
			s->drain = D_TOP;
		break;
	case D_WAIT:
		if (fault == CLEARED_LATE)
			s->wake = false;
		if (s->wake)
			s->drain = D_TOP;
		break;
	}
}

/* choice: what does not follow from the state. */
static bool
step_drain(struct state *s, bool choice)
{
	if (s->drain == D_WAITS || s->drain == D_END)
		return false;
	if (s->drain == D_TOP) {
		s->wake = s->wake && fault == CLEARED_LATE;
		s->drain = D_NEXT;
	} else if (s->drain == D_NEXT) {
		if (s->file.seq[s->next_pos % GRANULES] == s->next_seq)
			take(s, s->next_pos, choice);
		else
			s->drain = s->next_pos % GRANULES == 0 ? D_NONE : D_NEXT_LAP;
	} else if (s->drain == D_NEXT_LAP) {
		if (s->file.seq[0] == s->next_seq)
			take(s, next_lap(s->next_pos), choice);
		else
			s->drain = D_NONE;
	} else if (s->drain == D_NONE) {
		if (s->next_seq == s->freed_seq + 1) {
			s->drain = D_HEAD;
		} else if (!choice) {
			begin_release(s, false);
		} else { /* the disk is full */
			s->next_seq = (uint8_t)(s->freed_seq + 1);
			s->next_pos = s->freed_pos;
			s->drain = D_TOP;
		}
	} else if (s->drain <= D_ROOM_FUTEX) {
		step_release(s);
	} else if (s->drain <= D_REWOUND) {
		step_rewind(s);
	} else {
		step_sleep(s, choice);
	}
	return true;
}

/* ---- who closes, who reads ---- */

static bool
step_closer(struct state *s)
{
	switch (s->closer) {
	case C_SHUT: s->file.head |= SHUT; break;
	case C_STOP: s->stop = true; break;
	case C_WAKE: s->wake = true; break;
	case C_FUTEX: wake_drain(s); break;
	case C_END: return false;
	}
	s->closer++;
	return true;
}

/* What ring_read makes of a file, of which the tail was read again at the end: no record but what is
 * committed, whole, and all that must be there. */
static void
check_file(const struct state *s, const struct file *f, unsigned tail, unsigned must)
{
	const unsigned head = widen(COUNT(f->head), f->tail_seq);
	unsigned found = 0;

	for (unsigned g = 0; g < GRANULES; g++) {
		const unsigned seq = f->seq[g], len = f->len[g];

		if (seq <= tail || seq <= f->tail_seq || seq > head || len == 0 || len > 2 ||
		    g + len > GRANULES)
			continue;
		expect((s->committed & bit(seq)) != 0, "found: not committed");
		expect((found & bit(seq)) == 0, "found twice");
		expect(len == size_of(s, seq), "found: of another length");
		for (unsigned k = 0; k < len; k++)
			expect(f->data[g + k] == seq, "found: not whole");
		found |= bit(seq);
	}
	for (unsigned seq = tail + 1; seq <= head; seq++)
		expect((must & ~found & bit(seq)) == 0, "committed, and not found");
}

static bool
step_reader(struct state *s)
{
	switch (s->reader++) {
	case R_HEAD:
		s->copy.head = s->file.head;
		s->was = s->committed;
		break;
	case R_TAIL:
		s->copy.tail_seq = s->file.tail_seq;
		/* Not of one moment. */
		if (((COUNT(s->copy.head) - s->copy.tail_seq) & MASK) > GRANULES)
			s->reader = R_HEAD;
		break;
	case R_SEQ: s->copy.seq[s->at] = s->file.seq[s->at]; break;
	case R_LEN:
		s->copy.len[s->at] = s->file.len[s->at];
		s->at = (uint8_t)((s->at + 1) % GRANULES);
		s->reader = s->at > 0 ? R_SEQ : R_DATA;
		break;
	case R_DATA:
		s->copy.data[s->at] = s->file.data[s->at];
		s->at = (uint8_t)((s->at + 1) % GRANULES);
		s->reader = s->at > 0 ? R_DATA : R_TAIL_AGAIN;
		break;
	case R_TAIL_AGAIN:
		check_file(s, &s->copy, s->file.tail_seq, s->was);
		memset(&s->copy, 0, sizeof s->copy);
		break;
	case R_END: s->reader = R_END; return false;
	}
	return true;
}

#endif
