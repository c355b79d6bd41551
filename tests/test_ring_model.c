/*
 * ring_model - all interleavings of producers, drain, reader and closer.
 *
 * States are visited breadth first, each once.  In each the process may die, so what recovery would
 * find there is checked in all; where nobody can go on nothing may be left to do.  What is wrong is told
 * with a shortest way to it.
 *
 * The check is checked: it must find each of some faults when that is planted in the model.  Memory
 * is sequentially consistent here; TSan looks at the real one, in test_ring.
 *
 * LARGE=1 visits twenty million states more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "ring_model.h"
#include "sanitizer.h"

static const struct config configs[] = {
	{ "two", { { 2, 1 }, { 2 } }, .pos = 0 },
	{ "two, and numbers wrap", { { 2, 2 }, { 1 } }, .seq = 14, .pos = 15 },
	{ "two that block", { { 2, 1 }, { 2 } }, .blocks = true, .pos = 3 },
	{ "three", { { 2 }, { 1 }, { 2 } }, .seq = 13, .pos = 5 },
	{ "close", { { 2 }, { 1 } }, .closes = true, .seq = 15, .pos = 1 },
	{ "close while one blocks", { { 2, 2, 1 } }, .blocks = true, .closes = true, .pos = 7 },
	{ "read", { { 2, 1 } }, .reads = true, .pos = 3 },
	{ "two, longer", { { 2, 1 }, { 1, 2 } }, .large = true, .pos = 6 },
	{ "two that block, longer", { { 2, 2 }, { 1, 2 } }, .blocks = true, .large = true },
	{ "three that block", { { 2 }, { 2 }, { 1 } }, .blocks = true, .large = true,
	    .pos = 14 },
	{ "close while two log", { { 2, 2 }, { 1 } }, .blocks = true, .closes = true,
	    .large = true },
	{ "read, longer", { { 2, 1, 2 } }, .reads = true, .large = true, .pos = 3 },
	{ "read while two log", { { 2 }, { 1 } }, .reads = true, .large = true, .seq = 15 },
};

enum { DRAIN_0 = PRODUCERS, DRAIN_1, CLOSES, READS, ACTORS };

static struct state *all; /* in the order in which they were found */
static struct origin {
	uint32_t from;
	uint8_t actor;
} * origin;
static uint32_t *table, count, most;

static bool
step(struct state *s, int actor)
{
	bool moved;

	switch (actor) {
	case DRAIN_0: moved = step_drain(s, false); break;
	case DRAIN_1: moved = step_drain(s, true); break;
	case CLOSES: moved = step_closer(s); break;
	case READS: moved = step_reader(s); break;
	default: moved = step_producer(s, actor);
	}
	for (int i = 0; i < PRODUCERS; i++) {
		struct producer *p = &s->producer[i];

		p->truly = p->pc <= P_CAS &&
		    (p->truly ||
			(COUNT(s->file.head) != (s->held_seq & MASK) &&
			    !fits(POS(s->file.head), s->held_pos, need_of(p, i))));
	}
	return moved;
}

/* In a state: what holds whenever the process dies in it. */
static void
check_state(const struct state *s)
{
	expect(s->file.tail_seq <= s->written, "freed, and not written");
	check_file(s, &s->file, s->file.tail_seq, s->committed);
}

/* Nobody can go on: then nothing may be left to do. */
static void
check_end(const struct state *s)
{
	for (int i = 0; i < PRODUCERS; i++)
		expect(s->producer[i].pc == P_END, "a producer hangs");
	expect(s->drain == (config->closes ? D_END : D_WAITS), "the drain hangs");
	expect(s->written == s->reserved && s->file.tail_seq == s->reserved,
	    "the drain sleeps, and there are records");
}

static uint64_t
hash(const struct state *s)
{
	const uint8_t *p = (const uint8_t *)s;
	uint64_t h = 0, word;

	for (size_t i = 0; i < sizeof *s; i += sizeof word) {
		memcpy(&word, p + i, sizeof word);
		h = (h ^ word) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	return h;
}

static void
visit(const struct state *s, uint32_t from, int actor)
{
	uint64_t h = hash(s);

	for (;; h++) {
		const uint32_t at = table[h & (2 * most - 1)];

		if (at == 0)
			break;
		if (memcmp(&all[at - 1], s, sizeof *s) == 0)
			return;
	}
	if (count == most)
		fail_msg("%s: too many states", config->name);
	all[count] = *s;
	origin[count] = (struct origin){ from, (uint8_t)actor };
	table[h & (2 * most - 1)] = ++count;
}

static void
tell_step(const struct state *s, int actor)
{
	switch (actor) {
	case DRAIN_0: print_message("drain %s\n", drain_steps[s->drain]); break;
	case DRAIN_1: print_message("drain %s, by choice\n", drain_steps[s->drain]); break;
	case CLOSES: print_message("closer %s\n", closer_steps[s->closer]); break;
	case READS: print_message("reader %s\n", reader_steps[s->reader]); break;
	default:
		print_message("producer %d %s\n", actor, producer_steps[s->producer[actor].pc]);
	}
}

/* The way to a state. */
static void
tell(uint32_t at)
{
	if (at == 0)
		return;
	tell(origin[at].from);
	tell_step(&all[origin[at].from], origin[at].actor);
}

static struct state
begin(void)
{
	struct state s = { .next_seq = (uint8_t)(config->seq + 1),
		.next_pos = config->pos,
		.freed_seq = config->seq,
		.freed_pos = config->pos,
		.closer = config->closes ? C_SHUT : C_END,
		.reader = config->reads ? R_HEAD : R_END,
		.written = config->seq,
		.reserved = config->seq,
		.held_seq = config->seq,
		.held_pos = config->pos };

	s.file.head = (uint16_t)(config->pos << 4 | (config->seq & MASK));
	s.file.tail_seq = config->seq;
	s.file.tail_pos = config->pos;
	/* What was there in earlier laps. */
	memset(s.file.seq, config->seq, sizeof s.file.seq);
	memset(s.file.len, config->seq > 0, sizeof s.file.len);
	for (int i = 0; i < PRODUCERS; i++)
		if (need_of(&s.producer[i], i) == 0)
			s.producer[i].pc = P_END;
	return s;
}

/* All that can be done in state at. */
static void
extend(uint32_t at)
{
	const struct state s = all[at];
	struct state next;
	bool moved = false;
	int actor;

	check_state(&s);
	for (actor = 0; actor < ACTORS && wrong == NULL; actor++) {
		next = s;
		if (step(&next, actor)) {
			visit(&next, at, actor);
			moved = true;
		}
	}
	if (!moved)
		check_end(&s);
	if (wrong == NULL || fault != NONE)
		return;
	tell(at);
	if (moved)
		tell_step(&s, actor - 1);
}

/* What is wrong, or NULL. */
static const char *
explore(const struct config *c, enum fault planted)
{
	struct state s;

	config = c;
	fault = planted;
	wrong = NULL;
	count = 0;
	memset(table, 0, 2 * (size_t)most * sizeof *table);
	s = begin();
	visit(&s, 0, 0);
	for (uint32_t at = 0; at < count && wrong == NULL; at++)
		extend(at);
	return wrong;
}

static void
test_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
		if (configs[i].large && getenv("LARGE") == NULL)
			continue;
		if (explore(&configs[i], NONE) != NULL)
			fail_msg("%s: %s", configs[i].name, wrong);
		print_message("%s: %u states\n", configs[i].name, count);
	}
}

static void
test_faults(void **state)
{
	(void)state;
	for (enum fault f = NONE + 1; f < ALL; f++) {
		const char *found = NULL;

		for (size_t i = 0; found == NULL && i < sizeof configs / sizeof configs[0]; i++)
			if (!configs[i].large)
				found = explore(&configs[i], f);
		if (found == NULL)
			fail_msg("not found: %s", fault_names[f]);
		print_message("%s: %s, in \"%s\"\n", fault_names[f], found, config->name);
	}
}

static int
set_up(void **state)
{
	(void)state;
	most = getenv("LARGE") != NULL ? 1 << 24 : 1 << 20;
	all = malloc(most * sizeof *all);
	origin = malloc(most * sizeof *origin);
	table = malloc(2 * (size_t)most * sizeof *table);
	return all == NULL || origin == NULL || table == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	free(all);
	free(origin);
	free(table);
	return 0;
}

static void
test_skipped(void **state)
{
	(void)state;
	print_message("one thread, in a model: there is nothing for TSan or valgrind to see\n");
	skip();
}

int
main(void)
{
	const struct CMUnitTest skipped[] = { cmocka_unit_test(test_skipped) };
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_all),
		cmocka_unit_test(test_faults) };

	if (TSAN || VALGRIND)
		return cmocka_run_group_tests(skipped, NULL, NULL);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
