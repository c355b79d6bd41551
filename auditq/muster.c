#include "muster.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fnv.h"
#include "living.h"
#include "names.h"
#include "roster.h"
#include "runtable.h"
#include "sorter.h"

/* Runs that a worker knows by itself, before it hands them over. */
#define OWN_MAX   1024
#define OWN_BYTES ((size_t)1 << 20) /* of their names */

/* What is wanted of a line, in this order. */
enum { RUN, STAGE, EVENT, WANTED };
static const char *const wanted[WANTED] = { "run_id", "stage", "event" };

/* One worker's. */
struct slot {
	struct names *names;
	struct story *story;  /* OWN_MAX */
	struct bytes_out id;  /* of the line at hand, when it had to be decoded */
	struct bytes_out out; /* a story as bytes */
	size_t stages;        /* bytes of stages that stories name */
};

/* Runs of the same hash: nearly always one. */
struct same {
	struct bytes_out id;
	struct story story;
};

struct muster {
	struct taker taker, chooser;
	const struct question *q; /* of the search */
	const struct plan *plan;
	struct living living;
	struct slot *slot;
	unsigned nslot;
	pthread_mutex_t lock; /* of the sorter, while workers work */
	struct sorter *sorter;
	struct roster *chosen;
	bool many; /* atomic: more were chosen than that holds */

	struct same *same; /* of one hash */
	size_t nsame, cap, given;
	struct batch_key key; /* of the piece at hand, which begins the next hash */
	const char *piece;
	size_t npiece;
	bool over;
};

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "runs");
}

/* ---- pieces ---- */

/* One run's piece: the length of the id, the id, the story. */
static int
add_piece(struct muster *m, struct slot *slot, const char *id, size_t n,
    const struct story *story, auditq_error *err)
{
	struct batch_key key = { .ts = (int64_t)fnv(FNV_START, id, n) };

	slot->out.n = 0;
	bytes_put_varint(&slot->out, n);
	bytes_put(&slot->out, id, n);
	story_put(story, &slot->out);
	if (slot->out.failed)
		return no_memory(err);
	return sorter_add(m->sorter, &key, (const char *)slot->out.p, slot->out.n, err);
}

static int
hand_over(struct muster *m, struct slot *slot, auditq_error *err)
{
	uint32_t count = names_count(slot->names);
	const char *id;
	size_t n;
	int r = 0;

	(void)pthread_mutex_lock(&m->lock);
	for (uint32_t i = 0; i < count; i++) {
		id = names_get(slot->names, i, &n);
		if (r == 0)
			r = add_piece(m, slot, id, n, &slot->story[i], err);
		story_release(&slot->story[i]);
	}
	(void)pthread_mutex_unlock(&m->lock);
	slot->stages = 0;
	names_free(slot->names);
	slot->names = names_new(OWN_MAX, OWN_BYTES);
	return slot->names == NULL ? no_memory(err) : r;
}

/* The slot's story of a run. */
static int
find_story(struct muster *m, struct slot *slot, const char *id, size_t n, struct story **story,
    auditq_error *err)
{
	int32_t i = names_add(slot->names, id, n);
	int r;

	if (i == NAMES_FULL) {
		if ((r = hand_over(m, slot, err)) < 0)
			return r;
		i = names_add(slot->names, id, n);
	}
	if (i < 0)
		return no_memory(err);
	*story = &slot->story[i];
	return 0;
}

/* ---- lines ---- */

/* 1 and the decoded id of the line's run; 0: it has none; negative. */
static int
id_of(struct slot *slot, const struct match *match, const char **ret, size_t *nret,
    auditq_error *err)
{
	const struct field *run = match_wanted(match, RUN);

	if (run->type != FIELD_STRING)
		return 0;
	*ret = roster_id(run, &slot->id, nret);
	return *ret == NULL ? no_memory(err) : 1;
}

/* A run that was not chosen in this slot before. */
static int
choose(struct muster *m, const char *id, size_t n, auditq_error *err)
{
	auditq_error full;
	int r;

	if (__atomic_load_n(&m->many, __ATOMIC_RELAXED))
		return 0;
	qerror_reset(&full);
	if ((r = roster_add_id(m->chosen, id, n, &full)) == AUDITQ_ETOOBIG)
		__atomic_store_n(&m->many, true, __ATOMIC_RELAXED);
	else if (r < 0)
		return no_memory(err);
	return 0;
}

static int
choose_line(void *arg, unsigned number, size_t file, int64_t ts, const struct match *match,
    auditq_error *err)
{
	struct muster *m = arg;
	struct slot *slot = &m->slot[number];
	struct story *story;
	const char *id;
	size_t n;
	int r = id_of(slot, match, &id, &n, err);

	(void)file;
	(void)ts;
	if (r <= 0 || (r = find_story(m, slot, id, n, &story, err)) < 0 || story->chosen)
		return r;
	story->chosen = true;
	return choose(m, id, n, err);
}

static int
take_line(void *arg, unsigned number, size_t file, int64_t ts, const struct match *match,
    auditq_error *err)
{
	struct muster *m = arg;
	struct story *story;
	const struct story_line line = { .ts = ts,
		.failed = match_failed(match),
		.alive = living_writer(&m->living, file),
		.stage = match_wanted(match, STAGE),
		.event = match_wanted(match, EVENT) };
	struct slot *slot = &m->slot[number];
	const char *id;
	size_t n;
	int r = id_of(slot, match, &id, &n, err);

	if (r <= 0 || (r = find_story(m, slot, id, n, &story, err)) < 0)
		return r;
	slot->stages -= story->nfailed_stage;
	if (story_add(story, &line) < 0)
		return no_memory(err);
	slot->stages += story->nfailed_stage;
	return slot->stages > OWN_BYTES ? hand_over(m, slot, err) : 0;
}

/* ---- archives ---- */

static bool
is_asked(const struct question *q, const struct format_run *run)
{
	if (q->exact != NULL)
		return match_run_find(q->exact, q->nexact, run->id, run->nid) < q->nexact;
	for (size_t i = 0; i < q->run.n; i++) {
		size_t n = strlen(q->run.p[i]);

		if (run->nid >= n && memcmp(run->id, q->run.p[i], n) == 0)
			return true;
	}
	return q->run.n == 0;
}

/* Whether a run has lines in the window, as far as its first and its last tell. */
enum lines { NONE, SOME, ALL, UNKNOWN };

static enum lines
lines_inside(const struct question *q, const struct format_run *run)
{
	bool first = question_in_window(q, run->first_ts);
	bool last = question_in_window(q, run->last_ts);

	if (first || last)
		return first && last ? ALL : SOME;
	return run->first_ts < q->after && run->last_ts >= q->after ? UNKNOWN : NONE;
}

/* Whether a line of run i chooses it: all that the question asks of one. */
static enum lines
choosing(const struct question *q, const struct runtable *t, size_t i)
{
	const struct format_run *run = runtable_run(t, i);
	enum lines inside = is_asked(q, run) ? lines_inside(q, run) : NONE;

	if ((q->failed && run->failed == 0) || (q->stage.n > 0 && !runtable_has_stage(t, i, q)))
		return NONE;
	return inside == SOME && (q->failed || q->stage.n > 0) ? UNKNOWN : inside;
}

/* Whether tables know of what the question asks of lines. */
static bool
tables_suffice(const struct question *q, const struct plan_file *f)
{
	bool open = q->after == INT64_MIN && q->before == INT64_MAX;

	return q->levels == 0 && q->where == NULL && q->regex.n == 0 && !q->invert &&
	    !q->run_last && !(q->failed && q->stage.n > 0) && (open || !f->untimed);
}

/* 1; 0: for some run it takes a look at the lines; negative. */
static int
choose_runs(struct muster *m, struct runtable *t, auditq_error *err)
{
	const struct story chosen = { .chosen = true };
	const size_t n = runtable_count(t);
	int r = 0;

	for (size_t i = 0; i < n; i++)
		if (choosing(m->q, t, i) == UNKNOWN)
			return 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		const struct format_run *run = runtable_run(t, i);

		if (choosing(m->q, t, i) == NONE)
			continue;
		if ((r = add_piece(m, &m->slot[0], run->id, run->nid, &chosen, err)) == 0)
			r = choose(m, run->id, run->nid, err);
	}
	return r < 0 ? r : 1;
}

/* 1; negative. */
static int
tell_runs(struct muster *m, struct runtable *t, bool alive, auditq_error *err)
{
	const size_t n = runtable_count(t);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct format_run *run = runtable_run(t, i);

		if (is_asked(m->q, run))
			r = add_piece(m, &m->slot[0], run->id, run->nid,
			    runtable_story(t, i, alive), err);
	}
	return r < 0 ? r : 1;
}

/* Between two workers' pieces slot 0 is free for the caller. */
static int
take_tables(
    struct muster *m, size_t file, bool chooses, auditq_counts *counts, auditq_error *err)
{
	const struct plan_file *f = &m->plan->file[file];
	const bool alive = living_writer(&m->living, file);
	struct runtable *t;
	int r;

	if (!tables_suffice(m->q, f))
		return 0;
	if ((r = runtable_load(&t, f, err)) <= 0)
		return r;
	(void)pthread_mutex_lock(&m->lock);
	r = chooses ? choose_runs(m, t, err) : tell_runs(m, t, alive, err);
	(void)pthread_mutex_unlock(&m->lock);
	if (r > 0) {
		counts->files_answered++;
		counts->members += runtable_members(t);
		counts->members_answered += runtable_members(t);
	}
	runtable_free(t);
	return r;
}

static int
take_archive(void *arg, size_t file, struct plan_literal *literal, auditq_counts *counts,
    auditq_error *err)
{
	(void)literal;
	return take_tables(arg, file, false, counts, err);
}

static int
choose_archive(void *arg, size_t file, struct plan_literal *literal, auditq_counts *counts,
    auditq_error *err)
{
	(void)literal;
	return take_tables(arg, file, true, counts, err);
}

/* ---- beginning and end ---- */

static void
slots_release(struct muster *m)
{
	for (unsigned i = 0; i < m->nslot; i++) {
		struct slot *slot = &m->slot[i];

		for (size_t k = 0; slot->story != NULL && k < OWN_MAX; k++)
			story_release(&slot->story[k]);
		free(slot->story);
		names_free(slot->names);
		bytes_out_free(&slot->id);
		bytes_out_free(&slot->out);
	}
	free(m->slot);
	m->slot = NULL;
	m->nslot = 0;
	living_release(&m->living);
}

static int
begin(void *arg, const struct plan *plan, unsigned slots, auditq_error *err)
{
	struct muster *m = arg;
	int r = living_init(&m->living, plan, err);

	m->plan = plan;
	if (r < 0)
		return r;
	if ((m->slot = calloc(slots, sizeof *m->slot)) == NULL)
		return no_memory(err);
	m->nslot = slots;
	for (unsigned i = 0; i < slots; i++) {
		m->slot[i].names = names_new(OWN_MAX, OWN_BYTES);
		m->slot[i].story = calloc(OWN_MAX, sizeof *m->slot[i].story);
		if (m->slot[i].names == NULL || m->slot[i].story == NULL)
			return no_memory(err);
	}
	return 0;
}

int
muster_new(struct muster **ret, size_t max_bytes, auditq_error *err)
{
	struct muster *m = calloc(1, sizeof *m);
	int r;

	if (m == NULL)
		return no_memory(err);
	m->taker = (struct taker){ .want = wanted,
		.nwant = WANTED,
		.outcome = true,
		.begin = begin,
		.line = take_line,
		.archive = take_archive,
		.arg = m };
	m->chooser = m->taker;
	m->chooser.line = choose_line;
	m->chooser.archive = choose_archive;
	(void)pthread_mutex_init(&m->lock, NULL);
	if ((r = roster_new(&m->chosen, err)) < 0 ||
	    (r = sorter_new(&m->sorter, max_bytes, false, err)) < 0) {
		muster_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

static void
forget_same(struct muster *m)
{
	for (size_t i = 0; i < m->nsame; i++) {
		bytes_out_free(&m->same[i].id);
		story_release(&m->same[i].story);
	}
	m->nsame = m->given = 0;
}

void
muster_free(struct muster *m)
{
	if (m == NULL)
		return;
	slots_release(m);
	forget_same(m);
	free(m->same);
	sorter_free(m->sorter);
	roster_free(m->chosen);
	(void)pthread_mutex_destroy(&m->lock);
	free(m);
}

const struct taker *
muster_chooser(struct muster *m, const struct question *q)
{
	m->q = q;
	return &m->chooser;
}

const struct taker *
muster_taker(struct muster *m, const struct question *q)
{
	m->q = q;
	return &m->taker;
}

int
muster_chosen(struct muster *m, const struct match_run **run, size_t *n, auditq_error *err)
{
	*run = NULL;
	return m->many ? 0 : roster_finish(m->chosen, run, n, err);
}

int
muster_gather(struct muster *m, auditq_error *err)
{
	int r = 0;

	for (unsigned i = 0; i < m->nslot && r == 0; i++)
		r = hand_over(m, &m->slot[i], err);
	slots_release(m);
	return r;
}

/* ---- runs ---- */

static int
next_piece(struct muster *m, auditq_error *err)
{
	int r = sorter_next(m->sorter, &m->key, &m->piece, &m->npiece, err);

	m->over = r == 0;
	return r < 0 ? r : 0;
}

int
muster_finish(struct muster *m, auditq_error *err)
{
	int r = sorter_finish(m->sorter, err);

	return r < 0 ? r : next_piece(m, err);
}

static struct same *
same_of(struct muster *m, const uint8_t *id, size_t n)
{
	struct same *grown;

	for (size_t i = 0; i < m->nsame; i++)
		if (m->same[i].id.n == n && memcmp(m->same[i].id.p, id, n) == 0)
			return &m->same[i];
	if (m->nsame == m->cap) {
		if ((grown = realloc(m->same, (2 * m->cap + 1) * sizeof *grown)) == NULL)
			return NULL;
		m->same = grown;
		m->cap = 2 * m->cap + 1;
	}
	grown = &m->same[m->nsame];
	*grown = (struct same){ 0 };
	bytes_put_u8(&grown->id, 0); /* so that an empty one has bytes, too */
	grown->id.n = 0;
	bytes_put(&grown->id, id, n);
	if (grown->id.failed) {
		bytes_out_free(&grown->id);
		return NULL;
	}
	m->nsame++;
	return grown;
}

static int
join_piece(struct muster *m, auditq_error *err)
{
	struct bytes_in in = { .p = (const uint8_t *)m->piece, .n = m->npiece };
	size_t n = (size_t)bytes_get_varint(&in);
	const uint8_t *id = bytes_get(&in, n);
	struct story piece = { 0 };
	struct same *same;
	int r = -1;

	if (id != NULL && (same = same_of(m, id, n)) != NULL && story_get(&piece, &in) == 0)
		r = story_join(&same->story, &piece);
	story_release(&piece);
	return r < 0 ? no_memory(err) : 0;
}

/* All pieces of the next hash. */
static int
join_same(struct muster *m, auditq_error *err)
{
	int64_t hash = m->key.ts;
	int r = 0;

	forget_same(m);
	while (r == 0 && !m->over && m->key.ts == hash)
		if ((r = join_piece(m, err)) == 0)
			r = next_piece(m, err);
	return r;
}

int
muster_next(
    struct muster *m, const char **id, size_t *n, const struct story **story, auditq_error *err)
{
	const struct same *same;
	int r;

	if (m->given == m->nsame) {
		if (m->over)
			return 0;
		if ((r = join_same(m, err)) < 0)
			return r;
	}
	same = &m->same[m->given++];
	*id = (const char *)same->id.p;
	*n = same->id.n;
	*story = &same->story;
	return 1;
}

uint64_t
muster_spilled(const struct muster *m)
{
	return sorter_spilled(m->sorter);
}
