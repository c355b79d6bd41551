#include "roster.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "names.h"

/* What a worker added last: most lines are of the same few runs. */
struct slot {
	struct bytes_out id; /* room for decoding */
	struct bytes_out last;
	bool any;
};

struct roster {
	struct taker taker;
	struct slot own; /* of roster_add */
	struct slot *slot;
	unsigned nslot;
	struct match_run *run; /* the sorted list */
	pthread_mutex_t lock;  /* for what follows, while workers work */
	struct names *names;
	bool loose; /* atomic */
};

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "runs");
}

int
roster_add_id(struct roster *r, const char *id, size_t n, auditq_error *err)
{
	int32_t i;

	(void)pthread_mutex_lock(&r->lock);
	i = names_add(r->names, id, n);
	(void)pthread_mutex_unlock(&r->lock);
	if (i == NAMES_FULL)
		return qerror_set(err, AUDITQ_ETOOBIG, 0, NULL,
		    "what matches is of more than %d runs, or %d MiB of their ids: ask for less",
		    ROSTER_MAX, ROSTER_BYTES_MAX >> 20);
	return i < 0 ? no_memory(err) : 0;
}

const char *
roster_id(const struct field *run, struct bytes_out *room, size_t *n)
{
	uint8_t *id;

	*n = run->n;
	if (!run->escaped)
		return run->p;
	room->n = 0;
	if ((id = bytes_room(room, run->n)) == NULL)
		return NULL;
	*n = field_decode(run, (char *)id, run->n);
	return (const char *)id;
}

static int
add(struct roster *r, struct slot *slot, const struct field *run, auditq_error *err)
{
	const char *id;
	size_t n;

	if (run->type != FIELD_STRING) {
		__atomic_store_n(&r->loose, true, __ATOMIC_RELAXED);
		return 0;
	}
	if ((id = roster_id(run, &slot->id, &n)) == NULL)
		return no_memory(err);
	if (slot->any && slot->last.n == n && memcmp(slot->last.p, id, n) == 0)
		return 0;
	slot->last.n = 0;
	bytes_put(&slot->last, id, n);
	slot->any = !slot->last.failed && n > 0;
	return roster_add_id(r, id, n, err);
}

int
roster_add(struct roster *r, const struct field *run, auditq_error *err)
{
	return add(r, &r->own, run, err);
}

/* ---- as a taker ---- */

static int
begin(void *arg, const struct plan *plan, unsigned slots, auditq_error *err)
{
	struct roster *r = arg;

	(void)plan;
	if ((r->slot = calloc(slots, sizeof *r->slot)) == NULL)
		return no_memory(err);
	r->nslot = slots;
	return 0;
}

static int
take_line(
    void *arg, unsigned slot, size_t file, int64_t ts, const struct match *m, auditq_error *err)
{
	struct roster *r = arg;

	(void)file;
	(void)ts;
	return add(r, &r->slot[slot], match_wanted(m, 0), err);
}

const struct taker *
roster_taker(struct roster *r)
{
	return &r->taker;
}

/* ---- beginning and end ---- */

int
roster_new(struct roster **ret, auditq_error *err)
{
	static const char *const want[] = { "run_id" };
	struct roster *r = calloc(1, sizeof *r);

	if (r == NULL)
		return no_memory(err);
	r->taker = (struct taker){
		.want = want, .nwant = 1, .begin = begin, .line = take_line, .arg = r
	};
	(void)pthread_mutex_init(&r->lock, NULL);
	if ((r->names = names_new(ROSTER_MAX, ROSTER_BYTES_MAX)) == NULL) {
		roster_free(r);
		return no_memory(err);
	}
	*ret = r;
	return 0;
}

static void
slot_release(struct slot *slot)
{
	bytes_out_free(&slot->id);
	bytes_out_free(&slot->last);
}

void
roster_free(struct roster *r)
{
	if (r == NULL)
		return;
	for (unsigned i = 0; i < r->nslot; i++)
		slot_release(&r->slot[i]);
	slot_release(&r->own);
	free(r->slot);
	free(r->run);
	names_free(r->names);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

static int
by_id(const void *x, const void *y)
{
	const struct match_run *a = x, *b = y;

	return match_run_compare(a->id, a->n, b->id, b->n);
}

int
roster_finish(struct roster *r, const struct match_run **run, size_t *n, auditq_error *err)
{
	uint32_t count = names_count(r->names);

	if ((r->run = calloc((size_t)count + 1, sizeof *r->run)) == NULL)
		return no_memory(err);
	for (uint32_t i = 0; i < count; i++) {
		r->run[i].id = names_get(r->names, i, &r->run[i].n);
		r->run[i].exact = true;
	}
	qsort(r->run, count, sizeof *r->run, by_id);
	*run = r->run;
	*n = count;
	return 0;
}

bool
roster_loose(const struct roster *r)
{
	return __atomic_load_n(&r->loose, __ATOMIC_RELAXED);
}
