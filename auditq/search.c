#include "search.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "frontier.h"
#include "lastrun.h"
#include "merge.h"
#include "sift.h"
#include "streams.h"
#include "sys.h"
#include "tasks.h"
#include "workers.h"

/* Of the memory for matching lines, this part is for those that were found and not merged yet. */
#define AHEAD_PART 4
/* A file's piece holds at least so much before it takes the merge's lock. */
#define FLUSH_MIN ((size_t)16 << 10)

/* Without being asked for more: each costs memory, and the disk is no faster. */
#define JOBS_DEFAULT_MAX 8
#define JOBS_MOST        12 /* each holds some megabytes, and a query's memory is bounded */
struct search {
	const struct question *q;
	bool *stop; /* atomic: what the workers poll */
	bool counting;
	auditq_counts *counts;
	struct match_query query;
	struct match_run *run;
	char *last_id; /* what `last` was found to be */
	bool hunting;  /* for it */
	struct notes_sent sent;

	struct plan *plan;
	struct sift sift;
	struct workers *workers;
	struct merge *merge;
	pthread_mutex_t merging; /* workers add to merge while files are sifted */
	struct twins twins;

	struct frontier frontier; /* archives and members not begun */
	struct tasks tasks;
	uint64_t planned; /* payload bytes of all members that have to be read */
	uint64_t answered;
	int64_t told; /* when progress was told last */
};

/* ---- warnings ---- */

/* What was said while the last run was looked for is not said again when its records are. */
static void
tell(void *arg, const auditq_warning *w)
{
	struct search *s = arg;

	if (s->hunting)
		notes_remember(&s->sent, w);
	else if (notes_known(&s->sent, w))
		return;
	s->counts->warnings++;
	s->counts->lost += w->lost;
	if (s->q->warn.fn != NULL)
		s->q->warn.fn(s->q->warn.arg, w);
}

static void
tell_notes(struct search *s, struct notes *notes)
{
	const struct qwarn to = { tell, s };

	notes_deliver(notes, &to);
}

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "search");
}

/* ---- what was found ---- */

static void
add_counts(auditq_counts *to, const auditq_counts *from)
{
	to->members_inflated += from->members_inflated;
	to->members_cached += from->members_cached;
	to->members_without_match += from->members_without_match;
	to->bytes_read += from->bytes_read;
	to->bytes_inflated += from->bytes_inflated;
	to->lines += from->lines;
	to->matched += from->matched;
	to->unreadable += from->unreadable;
}

/* At most ten times a second. */
static void
tell_progress(struct search *s)
{
	int64_t now;

	if (s->q->progress == NULL || sys->monotonic(&now) < 0 || now - s->told < CLOCK_S / 10)
		return;
	s->told = now;
	s->q->progress(s->q->progress_arg, s->counts->bytes_read, s->counts->bytes_total);
}

/* Also called by workers that sift files. */
static int
take_batch(void *arg, struct batch *sorted, auditq_error *err)
{
	struct search *s = arg;
	int r;

	(void)pthread_mutex_lock(&s->merging);
	r = merge_take(s->merge, sorted, err);
	(void)pthread_mutex_unlock(&s->merging);
	return r;
}

/* What was found goes into the merge, what there is to say to the caller. */
static int
take_result(void *arg, struct sift_result *result, auditq_error *err)
{
	struct search *s = arg;
	int r = result->r;

	add_counts(s->counts, &result->counts);
	tell_notes(s, &result->notes);
	tell_progress(s);
	if (r < 0) {
		if (err != NULL && err->code == 0)
			*err = result->err;
	} else if (result->batch.n > 0) {
		r = take_batch(s, &result->batch, err);
	}
	(void)pthread_mutex_lock(&s->merging);
	s->counts->spilled = merge_spilled(s->merge);
	(void)pthread_mutex_unlock(&s->merging);
	return r < 0 ? r : 0;
}

/* ---- the window of tasks ahead ---- */

/* Without an index that holds, it has to be sifted here and now: while workers only sift members, nobody
 * else touches the merge. */
static int
sift_archive(struct search *s, size_t file, auditq_error *err)
{
	struct sift_result result;
	int r;

	sift_file(&s->sift, 0, file, &result);
	r = take_result(s, &result, err);
	batch_release(&result.batch);
	return r;
}

/* Plan an archive's members, now that its time has come. */
static int
open_archive(struct search *s, size_t file, auditq_error *err)
{
	const struct plan_file *f = &s->plan->file[file];
	bool answer = s->counting && !f->shared;
	const struct qwarn warn = { tell, s };
	const struct taker *taker = s->q->taker;
	struct plan_literal literal = { 0 };
	struct plan_member *member;
	size_t n = 0;
	int r;

	if (taker != NULL && taker->archive != NULL && !f->shared &&
	    (r = taker->archive(taker->arg, file, &literal, s->counts, err)) != 0)
		return r < 0 ? r : 0;
	r = plan_members(s->plan, file, NULL, s->q, &s->query, &member, &n,
	    answer ? &s->answered : NULL, &warn, s->counts, err);
	if (r != 0)
		return r < 0 ? r : sift_archive(s, file, err);
	for (size_t i = 0; i < n && r == 0; i++) {
		struct pending next = { .file = file, .member = member[i] };

		next.member.literal = literal;
		next.from = frontier_from(
		    &s->frontier, member[i].min_ts, member[i].max_ts, member[i].untimed);
		s->planned += member[i].payload_bytes;
		if (frontier_push(&s->frontier, &next) < 0)
			r = no_memory(err);
	}
	free(member);
	return r;
}

/* Keep the workers busy, but hold no more than a part of the memory in what they found; and open few
 * archives ahead of need.  With a limit, which may be met before them, begin no more than can run. */
static int
look_ahead(struct search *s, auditq_error *err)
{
	size_t workers = workers_count(s->workers), opened = 0;
	size_t most = workers == 1 || s->q->limit != UINT64_MAX ? workers : 2 * workers;
	int r = 0;

	while (r == 0 && s->frontier.n > 0 && s->tasks.n < most &&
	    (s->tasks.n == 0 ||
		(s->tasks.bytes < s->q->memory / AHEAD_PART && opened < most))) {
		struct pending p = frontier_pop(&s->frontier);

		if (!p.archive) {
			r = tasks_add_member(&s->tasks, p.file, &p.member, p.from, err);
			continue;
		}
		r = open_archive(s, p.file, err);
		opened++;
	}
	return r;
}

/* ---- the start ---- */

static unsigned
jobs(const struct question *q)
{
	long n;

	if (q->jobs > 0)
		return q->jobs < JOBS_MOST ? q->jobs : JOBS_MOST;
	n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > JOBS_DEFAULT_MAX ? JOBS_DEFAULT_MAX : (unsigned)n;
}

static int
set_runs(struct search *s, auditq_error *err)
{
	const struct question *q = s->q;
	size_t n = 0;

	if (q->exact != NULL) {
		s->query.run = q->exact;
		s->query.nrun = q->nexact;
		s->query.runs_sorted = true;
		return 0;
	}
	if ((s->run = calloc(q->run.n + 1, sizeof *s->run)) == NULL)
		return no_memory(err);
	for (; n < q->run.n; n++)
		s->run[n] = (struct match_run){ q->run.p[n], strlen(q->run.p[n]), false };
	s->query.run = s->run;
	s->query.nrun = n;
	return 0;
}

/* Find the run that `last` stands for; false: there is none. */
static int
find_last(struct search *s, bool *found, auditq_error *err)
{
	const struct qwarn warn = { tell, s };
	size_t n;
	int r;

	if (s->plan->has_stdin)
		return qerror_set(err, AUDITQ_EINVAL, 0, "-",
		    "the last run is not found in standard input, which is read only once");
	s->hunting = true;
	r = lastrun_find(
	    s->plan, s->q, s->stop, s->workers, &warn, s->counts, &s->last_id, &n, err);
	s->hunting = false;
	if (r < 0)
		return r;
	*found = s->last_id != NULL;
	if (*found)
		s->run[s->query.nrun++] = (struct match_run){ s->last_id, n, true };
	return 0;
}

static int
make_parts(struct search *s, auditq_error *err)
{
	const struct qwarn warn = { tell, s };
	bool early;
	int r;

	if ((r = set_runs(s, err)) < 0 || (r = workers_new(&s->workers, jobs(s->q), err)) < 0)
		return r;
	/* A limit may be met, and a taker may know all, before most archives are opened. */
	early = s->q->use_index && !s->q->run_last && s->q->limit == UINT64_MAX &&
	    s->q->taker == NULL && plan_asks_index(s->q, &s->query);
	r = plan_new(&s->plan, s->q, early ? &s->query : NULL, s->counting, s->workers, s->stop,
	    &warn, s->counts, err);
	if (r < 0)
		return r;
	return merge_new(
	    &s->merge, s->q->memory - s->q->memory / AHEAD_PART, s->q->reverse, err);
}

static int
make_sift(struct search *s, auditq_error *err)
{
	unsigned n = workers_count(s->workers);

	s->sift = (struct sift){ .q = s->q,
		.query = &s->query,
		.plan = s->plan,
		.cache = s->q->cache,
		.cancel = s->stop,
		.counting = s->counting && !s->plan->shared,
		/* Of twins a tail gives the one that it meets last. */
		.keep = s->q->tail != UINT64_MAX && s->plan->shared ? UINT64_MAX : s->q->limit,
		.flush_bytes = s->q->memory / AHEAD_PART / n,
		.flush = take_batch,
		.arg = s };
	if (s->sift.flush_bytes < FLUSH_MIN)
		s->sift.flush_bytes = FLUSH_MIN;
	tasks_init(&s->tasks, &s->sift, s->workers, take_result, s);
	return sift_init(&s->sift, n, err);
}

/* All archives are pending.  With a cache they are opened as far as their members fit into it: if all
 * do, it is used. */
static int
begin_archives(struct search *s, auditq_error *err)
{
	auditq_cache_t *cache = s->q->cache;
	int r = 0;

	for (size_t i = 0; i < s->plan->catalog.n && r == 0; i++) {
		const struct plan_file *f = &s->plan->file[i];
		struct pending p = { .file = i, .archive = true };

		if (f->how != PLAN_ARCHIVE)
			continue;
		p.from = frontier_from(&s->frontier, f->min_ts, f->max_ts, f->untimed);
		if (cache != NULL && s->planned <= cache_max(cache))
			r = open_archive(s, i, err);
		else if (frontier_push(&s->frontier, &p) < 0)
			r = no_memory(err);
	}
	if (cache != NULL && s->planned > cache_max(cache)) {
		cache_bypass(cache);
		s->sift.cache = NULL;
	}
	return r;
}

/* Of what lines hold, nothing; only what is to be told of them stays. */
static void
ask_everything(struct match_query *query)
{
	*query = (struct match_query){ .want = query->want, .nwant = query->nwant };
}

int
search_new(struct search **ret, const struct question *q, bool *stop, bool counting,
    auditq_counts *counts, auditq_error *err)
{
	struct search *s = calloc(1, sizeof *s);
	bool any = true;
	int r;

	if (s == NULL)
		return no_memory(err);
	s->q = q;
	s->stop = stop;
	s->counting = counting;
	s->counts = counts;
	s->frontier.reverse = q->reverse;
	(void)pthread_mutex_init(&s->merging, NULL);
	s->query = question_query(q);
	if (q->taker != NULL) {
		s->query.want = q->taker->want;
		s->query.nwant = q->taker->nwant;
		s->query.outcome = q->taker->outcome;
	}
	if ((r = make_parts(s, err)) == 0 && q->run_last)
		r = find_last(s, &any, err);
	if (!any && s->query.nrun == 0 && q->invert) { /* no record is of such a run */
		ask_everything(&s->query);
		any = true;
	}
	if (r == 0 && q->taker != NULL)
		r = q->taker->begin(q->taker->arg, s->plan, workers_count(s->workers), err);
	if (r == 0 && (r = make_sift(s, err)) == 0 && (any || s->query.nrun > 0) &&
	    (r = begin_archives(s, err)) == 0)
		r = streams_sift(&s->tasks, err);
	if (r < 0) {
		search_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void
search_free(struct search *s)
{
	if (s == NULL)
		return;
	__atomic_store_n(s->stop, true, __ATOMIC_RELAXED);
	workers_free(s->workers);
	tasks_release(&s->tasks);
	sift_release(&s->sift);
	merge_free(s->merge);
	plan_free(s->plan);
	twins_release(&s->twins);
	(void)pthread_mutex_destroy(&s->merging);
	frontier_release(&s->frontier);
	free(s->run);
	free(s->last_id);
	free(s);
}

void
search_rest(struct search *s)
{
	workers_free(s->workers);
	s->workers = NULL;
	sift_release(&s->sift);
	merge_free(s->merge);
	s->merge = NULL;
}

/* ---- answers ---- */

bool
search_has_twins(const struct search *s)
{
	return s->plan->shared;
}

/* By its writer and its number, where both are known. */
static int
is_twin_by_number(
    const struct search *s, struct twins *met, const struct batch_line *line, auditq_error *err)
{
	const char *writer = plan_writer(s->plan, line->key.path, line->key.offset);
	struct field_path path;
	struct field seq;
	uint64_t n;
	int r;

	if (writer == NULL)
		return 0;
	field_path_set(&path, "seq", 3);
	if (field_get(line->p, line->n, &path, 1, &seq) < 0 || seq.type != FIELD_NUMBER ||
	    !field_u64(&seq, &n))
		return 0;
	r = twins_check(met, line->key.ts, writer, n);
	return r < 0 ? no_memory(err) : r;
}

int
search_is_twin(
    const struct search *s, struct twins *met, const struct batch_line *line, auditq_error *err)
{
	const struct plan_file *f = &s->plan->file[line->key.path];
	int r;

	if (!f->shared)
		return 0;
	/* What is compacted has a time. */
	if (f->group != NULL && line->key.ts != CLOCK_NONE &&
	    (r = twins_check_line(met, line->key.ts, f->group, line->key.path, f->doubtful,
		 line->p, line->n)) != 0)
		return r < 0 ? no_memory(err) : r;
	return is_twin_by_number(s, met, line, err);
}

int
search_drop_twin(struct search *s, const struct batch_line *line, auditq_error *err)
{
	int r = search_is_twin(s, &s->twins, line, err);

	s->counts->duplicates += r > 0;
	return r;
}

/* Whether a line may be given now: all that could come before it is open. */
static bool
is_next(const struct search *s, int64_t ts)
{
	int64_t from;

	if (tasks_from(&s->tasks, &from))
		return frontier_precedes(&s->frontier, ts, from);
	return s->frontier.n == 0 ||
	    frontier_precedes(&s->frontier, ts, s->frontier.heap[0].from);
}

/* Open what comes first: 1; 0: there is no more; negative. */
static int
open_next(struct search *s, auditq_error *err)
{
	int r = look_ahead(s, err);

	if (r < 0 || s->tasks.n == 0)
		return r;
	return (r = tasks_finish(&s->tasks, s->tasks.n - 1, err)) < 0 ? r : 1;
}

int
search_next_of_all(struct search *s, struct batch_line *line, auditq_error *err)
{
	const struct batch_line *head;
	int any, r;

	for (;;) {
		if ((any = merge_peek(s->merge, &head, err)) < 0)
			return any;
		if (any == 0 && s->tasks.n == 0 && s->frontier.n == 0)
			return 0;
		if (any > 0 && is_next(s, head->key.ts)) {
			*line = *head;
			merge_advance(s->merge);
			return 1;
		}
		if ((r = open_next(s, err)) < 0)
			return r;
	}
}

int
search_next(struct search *s, struct batch_line *line, auditq_error *err)
{
	int r, twin;

	do {
		if ((r = search_next_of_all(s, line, err)) <= 0)
			return r;
		if ((twin = search_drop_twin(s, line, err)) < 0)
			return twin;
	} while (twin > 0);
	return 1;
}

int
search_take(struct search *s, auditq_error *err)
{
	struct batch_line line;
	int r;

	while ((r = search_next(s, &line, err)) > 0)
		if ((r = sift_take(&s->sift, &line, err)) < 0)
			break;
	return r;
}

int
search_count(struct search *s, uint64_t most, uint64_t *n, auditq_error *err)
{
	struct batch_line line;
	int r = 0;

	*n = 0;
	if (s->plan->shared) {
		while (*n + s->answered < most && (r = search_next(s, &line, err)) > 0)
			++*n;
	} else {
		while (s->counts->matched + s->answered < most && (r = open_next(s, err)) > 0)
			;
		*n = s->counts->matched;
	}
	*n += s->answered;
	s->counts->matched += s->answered;
	return r < 0 ? r : 0;
}

const struct match_query *
search_query(const struct search *s)
{
	return &s->query;
}

const struct schema *
search_schema(const struct search *s, uint32_t rank)
{
	return &s->plan->schema[s->plan->file[rank].schema];
}

const char *
search_last_run(const struct search *s)
{
	return s->last_id;
}

const char *
search_path(const struct search *s, uint32_t rank)
{
	return s->plan->catalog.file[rank].path;
}
