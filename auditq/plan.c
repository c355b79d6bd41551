#include "plan.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "known.h"
#include "notes.h"
#include "plan_look.h"
#include "sequence.h"

/* At making a plan, while files vanish that were listed. */
#define ATTEMPTS 8
/* Pieces of work that are under way at a time, and files in one at most. */
#define PIECES      64
#define PIECE_FILES 64

/* A piece of the catalog. */
struct piece {
	struct work work; /* first */
	struct planning planning;
	size_t first, end;
	int r;
	struct notes notes;
	struct qwarn warn;
	auditq_counts counts;
	auditq_error err;
};

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "plan");
}

/* ---- numbers of records ---- */

/* Drop from a ring what stands in the segments of its writer, whose newest number is `last`. */
static void
trim_ring(const struct planning *p, struct catalog_file *ring, uint64_t last)
{
	struct spool *s = &ring->spool;

	if (last < s->tail_seq)
		last = s->tail_seq;
	spool_drop(s, last);
	if (!s->this_boot && s->head_seq > last)
		qwarn_send(p->warn, AUDITQ_ECORRUPT, true, ring->path, 0, 0,
		    "%llu records were lost when the machine went down",
		    (unsigned long long)(s->head_seq - last));
}

/* Into a segment that was empty when it was listed its writer may be moving lines of the one before. */
static void
share_rescued(const struct plan *plan, struct sequence *s, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const struct catalog_file *in = plan->file[s[i].file].in;

		if (in->kind == CATALOG_REGULAR && in->size == 0 &&
		    plan->file[s[i - 1].file].in->open &&
		    strcmp(s[i].writer, s[i - 1].writer) == 0)
			s[i - 1].shared = s[i].shared = true;
	}
}

/* A writer's segments come before its ring. */
static void
trim_rings(const struct planning *p, struct sequence *s, size_t n)
{
	struct catalog_file *file = p->plan->catalog.file;
	uint64_t last = 0;

	for (size_t i = 0; i < n; i++) {
		bool other = i == 0 || strcmp(s[i].writer, s[i - 1].writer) != 0;

		if (other)
			last = 0;
		if (s[i].number != SEQUENCE_RING) {
			last = s[i].known && s[i].last > last ? s[i].last : last;
			continue;
		}
		trim_ring(p, &file[s[i].file], last);
		/* A living writer moves records to its newest segment under our eyes. */
		if (!other && file[s[i].file].spool.n > 0)
			s[i].shared = s[i - 1].shared = true;
	}
}

/* What was a writer's file before it was compacted. */
static size_t
add_parts(const struct plan_file *f, size_t file, struct sequence *s)
{
	for (size_t i = 0; i < f->nparts; i++)
		s[i] = (struct sequence){ .writer = f->part[i].writer,
			.number = f->part[i].number,
			.file = file,
			.known = true,
			.first = f->part[i].first,
			.last = f->part[i].last };
	return f->nparts;
}

static int
check_sequences(const struct planning *p)
{
	struct plan *plan = p->plan;
	struct sequence *s = calloc(plan->catalog.n + plan->nparts + 1, sizeof *s);
	size_t n = 0;

	if (s == NULL)
		return no_memory(p->err);
	for (size_t i = 0; i < plan->catalog.n; i++) {
		const struct plan_file *f = &plan->file[i];
		bool ring = f->in->kind == CATALOG_RING;
		/* Before it is read, records of its writer's ring may get into it. */
		bool empty = !ring && f->how != PLAN_SKIP && f->in->size == 0;

		n += add_parts(f, i, s + n);
		if (f->in->writer[0] == '\0' || f->compacted ||
		    (!ring && !f->seqs && f->how == PLAN_SKIP))
			continue;
		s[n++] = (struct sequence){ .writer = f->in->writer,
			.number = ring ? SEQUENCE_RING : f->in->number,
			.file = i,
			.known = f->seqs || empty,
			.first = empty ? UINT64_MAX : f->first_seq,
			.last = empty ? 0 : f->last_seq };
	}
	sequence_check(s, n);
	share_rescued(plan, s, n);
	trim_rings(p, s, n);
	for (size_t i = 0; i < n; i++) {
		struct plan_file *f = &plan->file[s[i].file];

		f->shared |= s[i].shared && f->how != PLAN_SKIP;
		plan->shared |= f->shared;
	}
	free(s);
	return 0;
}

/* ---- the plan ---- */

static void
run_piece(struct work *work, unsigned slot)
{
	struct piece *p = (struct piece *)work;
	struct plan *plan = p->planning.plan;

	(void)slot;
	for (size_t i = p->first; i < p->end && p->r == 0; i++)
		p->r = plan_look(&p->planning, &plan->file[i], &plan->catalog.file[i]);
}

static int
finish_piece(struct piece *p, struct workers *workers, const struct planning *all)
{
	workers_wait(workers, &p->work);
	notes_deliver(&p->notes, all->warn);
	plan_add_counts(all->counts, &p->counts);
	if (p->r < 0 && all->err != NULL && all->err->code == 0)
		*all->err = p->err;
	return p->r;
}

/* Some pieces at a time; all that were begun are waited for, since they must not outlive this call. */
static int
look_at_files(const struct planning *all, struct workers *workers)
{
	size_t n = all->plan->catalog.n, next = 0;
	size_t files = n / PIECES < PIECE_FILES ? n / PIECES + 1 : PIECE_FILES;
	struct piece *piece = calloc(PIECES, sizeof *piece);
	int r = 0;

	if (piece == NULL)
		return no_memory(all->err);
	while (next < n && r == 0) {
		size_t begun = 0;

		for (; next < n && begun < PIECES; begun++) {
			struct piece *p = &piece[begun];

			*p = (struct piece){ .work.run = run_piece, .planning = *all };
			p->first = next;
			p->end = next = next + files < n ? next + files : n;
			p->warn = notes_target(&p->notes);
			p->planning.warn = &p->warn;
			p->planning.counts = &p->counts;
			p->planning.err = &p->err;
			workers_add(workers, &p->work);
		}
		for (size_t i = 0; i < begun; i++) {
			int one = finish_piece(&piece[i], workers, all);

			r = r < 0 ? r : one;
		}
	}
	free(piece);
	return r;
}

static int
look_at_all(struct planning *p, struct workers *workers)
{
	unsigned zero;
	int r;

	if ((r = plan_add_schema(p, &schema_default, &zero)) == 0)
		r = look_at_files(p, workers);
	if (r < 0 || (r = plan_replaced(p->plan, p->warn, p->counts, p->err)) < 0)
		return r;
	for (size_t i = 0; i < p->plan->catalog.n; i++)
		p->plan->has_stdin |= p->plan->catalog.file[i].kind == CATALOG_STDIN;
	return check_sequences(p);
}

/* One attempt, by what is asked in all of them. */
static int
make(struct planning p, struct workers *workers, struct plan **ret)
{
	struct plan *plan = calloc(1, sizeof *plan);
	const struct question *q = p.q;
	bool missing;
	int r;

	if (plan == NULL)
		return no_memory(p.err);
	p.plan = plan;
	r = catalog_list(&plan->catalog, (const char *const *)q->path.p, q->path.n, q->after,
	    q->before, q->follow ? &missing : NULL, p.warn, p.err);
	/* A line in the making is given when it has its end. */
	for (size_t i = 0; i < plan->catalog.n && q->follow; i++)
		plan->catalog.file[i].open = true;
	if (r == 0 && (plan->file = calloc(plan->catalog.n + 1, sizeof *plan->file)) == NULL)
		r = no_memory(p.err);
	if (r == 0)
		r = look_at_all(&p, workers);
	if (r < 0) {
		plan_free(plan);
		return r;
	}
	*ret = plan;
	return 0;
}

/* ---- files that go while they are listed ---- */

/* Warnings of one attempt after another, each sent once. */
struct attempts {
	const struct qwarn *to;
	struct notes_sent sent, missed;
	bool again; /* something was listed and then gone, for the first time */
	bool last;
};

/* What is gone, or cut, may have been retired, or its lines stand in another file now: the next listing has it.
 * What is missed each time is told. */
static void
on_warning(void *arg, const auditq_warning *w)
{
	struct attempts *a = arg;

	if (w->code == AUDITQ_ENOENT && !w->lost && !a->last && !notes_known(&a->missed, w)) {
		notes_remember(&a->missed, w);
		a->again = true;
		return;
	}
	if (notes_known(&a->sent, w))
		return;
	notes_remember(&a->sent, w);
	if (a->to->fn != NULL)
		a->to->fn(a->to->arg, w);
}

/* Last, since it can be read once only. */
static int
look_at_stdin(const struct planning *p)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->plan->catalog.n; i++)
		if (p->plan->catalog.file[i].kind == CATALOG_STDIN)
			r = plan_look_ahead(p, &p->plan->file[i]);
	return r;
}

static void
count_schemas(const struct plan *plan, auditq_counts *counts)
{
	const size_t most = sizeof counts->schema / sizeof counts->schema[0];

	for (size_t i = 0; i < plan->nschema && i < most; i++)
		memcpy(counts->schema[i].name, known_name(&plan->schema[i]),
		    strlen(known_name(&plan->schema[i])) + 1);
	for (size_t i = 0; i < plan->catalog.n; i++)
		if (plan->file[i].how != PLAN_SKIP && plan->file[i].schema < most)
			counts->schema[plan->file[i].schema].files++;
}

int
plan_new(struct plan **ret, const struct question *q, const struct match_query *query,
    bool counting, struct workers *workers, const bool *stop, const struct qwarn *warn,
    auditq_counts *counts, auditq_error *err)
{
	struct attempts a = { .to = warn };
	const struct qwarn once = { on_warning, &a };
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	auditq_counts own;
	struct planning p = { .q = q,
		.lock = &lock,
		.query = query,
		.counting = counting,
		.stop = stop,
		.warn = &once,
		.counts = &own,
		.err = err };
	struct plan *plan = NULL;
	int r;

	for (int left = ATTEMPTS; left > 0; left--) {
		plan_free(plan);
		plan = NULL;
		own = (auditq_counts){ 0 };
		a.again = false;
		a.last = left == 1;
		if ((r = make(p, workers, &plan)) < 0)
			return r;
		if (!a.again)
			break;
	}
	p.plan = plan;
	p.warn = warn;
	if ((r = look_at_stdin(&p)) < 0) {
		plan_free(plan);
		return r;
	}
	plan_add_counts(counts, &own);
	count_schemas(plan, counts);
	counts->partitions = plan->catalog.partitions;
	counts->partitions_pruned = plan->catalog.partitions_pruned;
	counts->files = plan->catalog.listed;
	counts->files_by_date = plan->catalog.pruned;
	counts->bytes_total = plan->catalog.bytes;
	*ret = plan;
	return 0;
}

void
plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; p->file != NULL && i < p->catalog.n; i++) {
		source_close(p->file[i].head);
		free(p->file[i].member);
		free(p->file[i].part);
	}
	catalog_release(&p->catalog);
	free(p->file);
	free(p->schema);
	free(p);
}
