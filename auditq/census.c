#include "census.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "names.h"
#include "parts.h"
#include "plan.h"
#include "rollups.h"
#include "sample.h"

/* Groups that a worker counts by itself, before it hands them over. */
#define OWN_MAX   1024
#define OWN_BYTES ((size_t)1 << 20) /* of their names */
/* Of the memory of a query, this part is for numbers. */
#define SAMPLE_PART 8

/* What is wanted of a line, in this order; the fields that make groups come last. */
enum { VALUE, BY };

/* One worker's: what it has counted since it last handed over. */
struct slot {
	struct names *names; /* groups */
	struct measure *measure;
	uint32_t *number; /* in the census */
	size_t cap;
	struct bytes_out key; /* of the line at hand */
};

struct census {
	struct census_options opt;
	const struct question *q;
	struct taker taker;
	const char **want;
	bool duration; /* what is measured is what rollups measure: durations, never negative */
	bool rolled;   /* rollups know of such groups */

	const struct plan *plan;
	bool *counted; /* by file: rollups gave the records, lines only give the values */
	struct slot *slot;
	struct sample **sample; /* one a slot */
	unsigned nslot;

	pthread_mutex_t lock; /* for what follows, while workers work */
	struct names *names;
	struct measure *measure; /* by number in names */
	size_t cap;
};

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "statistics");
}

/* ---- groups ---- */

/* Room for group number i; zeroed. */
static int
make_room(struct measure **measure, size_t *cap, size_t i)
{
	size_t n = i < 2 * *cap ? 2 * *cap : i + 8;
	struct measure *grown;

	if (i < *cap)
		return 0;
	if ((grown = realloc(*measure, n * sizeof *grown)) == NULL)
		return -1;
	memset(grown + *cap, 0, (n - *cap) * sizeof *grown);
	*measure = grown;
	*cap = n;
	return 0;
}

/* The census's number of a group; with the lock. */
static int
number_of(struct census *c, const void *key, size_t n, uint32_t *out, auditq_error *err)
{
	int32_t i = names_add(c->names, key, n);

	if (i == NAMES_FULL)
		return qerror_set(err, AUDITQ_ETOOBIG, 0, NULL,
		    "more than %d groups, or %d MiB of their names: ask for fewer, or by another field",
		    CENSUS_GROUPS_MAX, CENSUS_BYTES_MAX >> 20);
	if (i < 0 || make_room(&c->measure, &c->cap, (size_t)i) < 0)
		return no_memory(err);
	*out = (uint32_t)i;
	return 0;
}

/* Add a slot's groups to the census's; with the lock. */
static int
hand_over(struct census *c, struct slot *slot, auditq_error *err)
{
	uint32_t n = names_count(slot->names);
	int r = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (r == 0 &&
		    measure_merge(&c->measure[slot->number[i]], &slot->measure[i]) < 0)
			r = no_memory(err);
		measure_release(&slot->measure[i]);
	}
	names_free(slot->names);
	slot->names = names_new(OWN_MAX, OWN_BYTES);
	return slot->names == NULL ? no_memory(err) : r;
}

/* A group that is new to the slot. */
static int
add_group(struct census *c, struct slot *slot, uint32_t group, auditq_error *err)
{
	uint32_t number;
	int r;

	if (make_room(&slot->measure, &slot->cap, group) < 0)
		return no_memory(err);
	(void)pthread_mutex_lock(&c->lock);
	r = number_of(c, slot->key.p, slot->key.n, &number, err);
	(void)pthread_mutex_unlock(&c->lock);
	if (r == 0)
		slot->number[group] = number;
	return r;
}

/* The slot's number of the group whose key is in slot->key. */
static int
find_group(struct census *c, struct slot *slot, uint32_t *out, auditq_error *err)
{
	uint32_t before = names_count(slot->names);
	int32_t i = names_add(slot->names, (const char *)slot->key.p, slot->key.n);
	int r;

	if (i == NAMES_FULL) {
		(void)pthread_mutex_lock(&c->lock);
		r = hand_over(c, slot, err);
		(void)pthread_mutex_unlock(&c->lock);
		if (r < 0)
			return r;
		before = 0;
		i = names_add(slot->names, (const char *)slot->key.p, slot->key.n);
	}
	if (i < 0)
		return no_memory(err);
	*out = (uint32_t)i;
	return *out < before ? 0 : add_group(c, slot, *out, err);
}

/* ---- keys of groups: for each field its type, its length, its text ---- */

static void
put_value(struct bytes_out *key, const struct field *value)
{
	uint8_t *room;
	size_t n;

	bytes_put_u8(key, (uint8_t)value->type);
	if (!value->escaped) {
		bytes_put_varint(key, value->n);
		bytes_put(key, value->p, value->n);
		return;
	}
	n = field_decode(value, NULL, 0);
	bytes_put_varint(key, n);
	if ((room = bytes_room(key, n)) != NULL)
		(void)field_decode(value, (char *)room, n);
}

/* ---- parts of time ---- */

static int64_t
part_of(const struct census *c, int64_t ts)
{
	return parts_start(c->opt.zone, c->opt.step, ts);
}

void
census_time(const struct census *c, size_t group, int64_t *start, int64_t *end)
{
	size_t n;
	const char *key = names_get(c->names, (uint32_t)group, &n);

	*start = *end = CLOCK_NONE;
	if (c->opt.step == 0)
		return;
	*start = (int64_t)get_le64((const uint8_t *)key + n - sizeof(uint64_t));
	*end = parts_end(c->opt.zone, c->opt.step, *start);
}

/* null is as good as absent, and a stage is a string, as everywhere. */
static void
put_group(const struct census *c, struct slot *slot, const struct match *m, int64_t ts)
{
	static const struct field absent = { .type = FIELD_ABSENT };

	slot->key.n = 0;
	for (size_t i = 0; i < c->opt.nby; i++) {
		const struct field *value = match_wanted(m, BY + i);
		bool stage = schema_role(c->opt.by[i]) == SCHEMA_STAGE;

		if (value->type <= FIELD_NULL || (stage && value->type != FIELD_STRING))
			value = &absent;
		put_value(&slot->key, value);
	}
	if (c->opt.step > 0)
		bytes_put_u64(&slot->key, (uint64_t)part_of(c, ts));
}

struct field
census_value(const struct census *c, size_t group, size_t i)
{
	struct field value = { .type = FIELD_ABSENT };
	struct bytes_in in;
	const char *key = names_get(c->names, (uint32_t)group, &in.n);

	in.p = (const uint8_t *)key;
	in.failed = false;
	for (size_t k = 0; k <= i; k++) {
		value.type = (enum field_type)bytes_get_u8(&in);
		value.n = (size_t)bytes_get_varint(&in);
		value.p = (const char *)bytes_get(&in, value.n);
	}
	return value;
}

/* ---- lines ---- */

static int
take_value(struct census *c, unsigned slot, uint32_t group, double x, auditq_error *err)
{
	if (measure_value(&c->slot[slot].measure[group], x, !c->opt.exact) < 0)
		return no_memory(err);
	if (!c->opt.exact)
		return 0;
	return sample_add(c->sample[slot], c->slot[slot].number[group], x, err);
}

static int
take_line(void *arg, unsigned number, size_t file, int64_t ts, const struct match *m,
    auditq_error *err)
{
	struct census *c = arg;
	struct slot *slot = &c->slot[number];
	uint32_t group;
	double x;
	int r;

	put_group(c, slot, m, ts);
	if (slot->key.failed)
		return no_memory(err);
	if ((r = find_group(c, slot, &group, err)) < 0)
		return r;
	if (!c->counted[file])
		measure_record(&slot->measure[group], match_ended(m), match_failed(m));
	if (c->opt.counts || !match_wanted_ms(m, VALUE, &x))
		return 0;
	return take_value(c, number, group, x, err);
}

/* ---- archives ---- */

/* Between two workers' pieces slot 0 is free for the caller. */
static int
take_rollup(struct census *c, const struct index_rollup *r, int64_t ts, bool measured,
    auditq_error *err)
{
	struct slot *slot = &c->slot[0];
	struct field stage = { .type = r->stage == NULL ? FIELD_ABSENT : FIELD_STRING,
		.p = r->stage,
		.n = r->nstage };
	uint32_t group;
	int n;

	if (r->records == 0 || !rollups_asked(c->q, r))
		return 0;
	slot->key.n = 0;
	if (c->opt.nby > 0)
		put_value(&slot->key, &stage);
	if (c->opt.step > 0)
		bytes_put_u64(&slot->key, (uint64_t)part_of(c, ts));
	if (slot->key.failed)
		return no_memory(err);
	if ((n = find_group(c, slot, &group, err)) < 0)
		return n;
	return measure_rollup(&slot->measure[group], r, measured) < 0 ? no_memory(err) : 0;
}

/* Some part of the field's path that every line with the field has, spelled in one way only, but for \u. */
static void
set_literal(struct plan_literal *literal, const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-@$ ";

	for (size_t n; path != NULL && *path != '\0'; path += n + (path[n] == '.')) {
		n = strcspn(path, ".");
		if (n > literal->n && strspn(path, plain) >= n)
			*literal = (struct plan_literal){ path, n };
	}
}

static bool
in_one_part(const struct census *c, const struct plan_file *f)
{
	return c->opt.step == 0 ||
	    (!f->untimed && f->min_ts != CLOCK_NONE &&
		part_of(c, f->min_ts) == part_of(c, f->max_ts));
}

static int
take_archive(void *arg, size_t file, struct plan_literal *literal, auditq_counts *counts,
    auditq_error *err)
{
	struct census *c = arg;
	const struct plan_file *f = &c->plan->file[file];
	bool measured = c->duration && !c->opt.exact && !c->opt.counts, complete;
	uint64_t durations = 0;
	struct index *ix = NULL;
	int r;

	if (!c->rolled || !in_one_part(c, f))
		return 0;
	if ((r = rollups_load(&ix, f, c->q, err)) <= 0)
		return r;
	r = 0;
	for (size_t i = 0; r == 0 && i < index_rollups(ix, &complete); i++) {
		const struct index_rollup *rollup = index_rollup(ix, i);

		durations += rollup->durations;
		r = take_rollup(c, rollup, f->min_ts, measured, err);
	}
	if (measured || c->opt.counts || (c->duration && durations == 0)) {
		counts->files_answered++;
		counts->members += index_members(ix);
		counts->members_answered += index_members(ix);
		r = r < 0 ? r : 1;
	} else {
		c->counted[file] = true;
		set_literal(literal, schema_key(&c->plan->schema[f->schema], c->opt.field));
	}
	index_free(ix);
	return r;
}

/* ---- beginning and end ---- */

static int
begin_slot(struct census *c, unsigned i, auditq_error *err)
{
	struct slot *slot = &c->slot[i];

	slot->names = names_new(OWN_MAX, OWN_BYTES);
	slot->number = calloc(OWN_MAX, sizeof *slot->number);
	if (slot->names == NULL || slot->number == NULL)
		return no_memory(err);
	if (!c->opt.exact)
		return 0;
	return sample_new(&c->sample[i], c->q->memory / SAMPLE_PART / c->nslot, err);
}

static int
begin(void *arg, const struct plan *plan, unsigned slots, auditq_error *err)
{
	struct census *c = arg;
	int r = 0;

	c->plan = plan;
	c->counted = calloc(plan->catalog.n + 1, sizeof *c->counted);
	c->slot = calloc(slots, sizeof *c->slot);
	c->sample = calloc(slots, sizeof(struct sample *));
	if (c->counted == NULL || c->slot == NULL || c->sample == NULL)
		return no_memory(err);
	c->nslot = slots;
	for (unsigned i = 0; i < slots && r == 0; i++)
		r = begin_slot(c, i, err);
	return r;
}

static int
set_want(struct census *c)
{
	size_t n = BY + c->opt.nby;

	if ((c->want = calloc(n, sizeof *c->want)) == NULL)
		return -1;
	c->want[VALUE] = c->opt.field;
	for (size_t i = 0; i < c->opt.nby; i++)
		c->want[BY + i] = c->opt.by[i];
	c->taker = (struct taker){ .want = c->want,
		.nwant = n,
		.outcome = true,
		.begin = begin,
		.line = take_line,
		.archive = take_archive,
		.arg = c };
	return 0;
}

int
census_new(struct census **ret, const struct census_options *opt, const struct question *q,
    auditq_error *err)
{
	struct census *c = calloc(1, sizeof *c);

	if (c == NULL)
		return no_memory(err);
	c->opt = *opt;
	c->q = q;
	c->duration = schema_role(opt->field) == SCHEMA_DURATION;
	c->rolled = rollups_suffice(q) &&
	    (opt->nby == 0 || (opt->nby == 1 && schema_role(opt->by[0]) == SCHEMA_STAGE));
	(void)pthread_mutex_init(&c->lock, NULL);
	if ((c->names = names_new(CENSUS_GROUPS_MAX, CENSUS_BYTES_MAX)) == NULL ||
	    set_want(c) < 0) {
		census_free(c);
		return no_memory(err);
	}
	*ret = c;
	return 0;
}

static void
slot_release(struct slot *slot)
{
	for (size_t i = 0; i < slot->cap; i++)
		measure_release(&slot->measure[i]);
	free(slot->measure);
	free(slot->number);
	names_free(slot->names);
	bytes_out_free(&slot->key);
}

void
census_free(struct census *c)
{
	if (c == NULL)
		return;
	for (unsigned i = 0; i < c->nslot; i++) {
		slot_release(&c->slot[i]);
		sample_free(c->sample[i]);
	}
	for (size_t i = 0; i < c->cap; i++)
		measure_release(&c->measure[i]);
	free(c->measure);
	names_free(c->names);
	free(c->slot);
	free(c->sample);
	free(c->counted);
	free(c->want);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

const struct taker *
census_taker(struct census *c)
{
	return &c->taker;
}

int
census_finish(struct census *c, auditq_error *err)
{
	uint32_t all;
	int r = 0;

	for (unsigned i = 0; i < c->nslot && r == 0; i++) {
		r = hand_over(c, &c->slot[i], err);
		if (r == 0 && c->opt.exact)
			r = sample_finish(c->sample[i], err);
	}
	/* One group there is, if only of no records. */
	if (r == 0 && c->opt.nby == 0 && c->opt.step == 0)
		r = number_of(c, "", 0, &all, err);
	return r;
}

/* ---- answers ---- */

size_t
census_groups(const struct census *c)
{
	return names_count(c->names);
}

const struct measure *
census_measure(const struct census *c, size_t group)
{
	return &c->measure[group];
}

double
census_at(const struct census *c, size_t group, uint64_t rank)
{
	if (c->opt.exact)
		return sample_at(c->sample, c->nslot, (uint32_t)group, rank);
	return measure_at(&c->measure[group], rank);
}

uint64_t
census_spilled(const struct census *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; c->opt.exact && i < c->nslot; i++)
		n += sample_spilled(c->sample[i]);
	return n;
}
