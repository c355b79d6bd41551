#include "query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_DEFAULT (UINT64_C(32) << 20)

/* Following begins with so many of the last records. */
#define FOLLOW_TAIL 10

auditq_t *
auditq_new(void)
{
	auditq_t *q = calloc(1, sizeof *q);

	if (q == NULL)
		return NULL;
	q->ask = (struct question){ .after = INT64_MIN,
		.before = INT64_MAX,
		.now = CLOCK_NONE,
		.limit = UINT64_MAX,
		.tail = UINT64_MAX,
		.use_index = true,
		.memory = MEMORY_DEFAULT };
	return q;
}

static void
list_free(struct question_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->p[i]);
	free(list->p);
}

/* A search stops its workers by its flag, which then stands as the user left it. */
static void
end_search(auditq_t *q, struct search *s, bool *stop)
{
	search_free(s);
	__atomic_store_n(stop, false, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&q->canceled, __ATOMIC_SEQ_CST))
		__atomic_store_n(stop, true, __ATOMIC_SEQ_CST);
}

void
auditq_free(auditq_t *q)
{
	if (q == NULL)
		return;
	widen_free(q->widen);
	tail_free(q->tail);
	search_free(q->search);
	sequel_free(q->sequel);
	watch_free(q->watch);
	free(q->ask.cursor);
	list_free(&q->ask.path);
	list_free(&q->ask.run);
	list_free(&q->ask.stage);
	list_free(&q->ask.regex_text);
	free(q->ask.regex.p);
	zone_free(q->ask.zone);
	expr_free(q->ask.where);
	free(q->ask.schema);
	free(q);
}

void
auditq_cancel(auditq_t *q)
{
	if (q == NULL)
		return;
	__atomic_store_n(&q->canceled, true, __ATOMIC_SEQ_CST);
	__atomic_store_n(&q->stop_next, true, __ATOMIC_SEQ_CST);
	__atomic_store_n(&q->stop_count, true, __ATOMIC_SEQ_CST);
	if (q->watch != NULL)
		watch_wake(q->watch);
}

static bool
asks_stdin(const struct question *ask)
{
	for (size_t i = 0; i < ask->path.n; i++)
		if (strcmp(ask->path.p[i], "-") == 0)
			return true;
	return false;
}

static void
end_first(auditq_t *q)
{
	if (q->search == NULL)
		return;
	tail_free(q->tail);
	q->tail = NULL;
	end_search(q, q->search, &q->stop_next);
	q->search = NULL;
	q->schema = NULL;
}

static void
end_answers(auditq_t *q)
{
	if (q->widen != NULL)
		widen_counts(q->widen, &q->counts);
	widen_free(q->widen);
	q->widen = NULL;
	end_first(q);
	end_search(q, NULL, &q->stop_next);
	q->schema = NULL;
	q->begun = false;
	q->over = true;
}

static bool
has_sequel(const struct question *ask)
{
	return ask->follow || ask->cursor != NULL;
}

/* What does not go with a sequel. */
static int
check_sequel(const struct question *ask, auditq_error *err)
{
	const char *name = ask->follow ? "follow" : "cursor";

	if (ask->reverse)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL,
		    "%s and reverse at once: records are given as they come", name);
	if (widen_asked(ask))
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL,
		    "%s, and runs or lines around matches, at once", name);
	if (asks_stdin(ask))
		return qerror_set(err, AUDITQ_EINVAL, 0, "-",
		    "standard input can be neither followed nor read on from a cursor");
	if (!ask->follow && (ask->limit != UINT64_MAX || ask->tail != UINT64_MAX))
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL,
		    "cursor and %s at once: the others would never be given",
		    ask->limit != UINT64_MAX ? "limit" : "tail");
	if (ask->cursor != NULL && ask->tail != UINT64_MAX)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL,
		    "cursor and tail at once: the cursor says where to begin");
	return 0;
}

/* What must hold before a search begins. */
static int
check(auditq_t *q, auditq_error *err)
{
	int r;

	if (q->wrong.code != 0) {
		if (err != NULL)
			*err = q->wrong;
		return q->wrong.code;
	}
	if (has_sequel(&q->ask) && (r = check_sequel(&q->ask, err)) < 0)
		return r;
	if (q->ask.tail != UINT64_MAX && q->ask.limit != UINT64_MAX && !q->ask.follow)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL,
		    "limit and tail at once: it is the first records or the last");
	if (q->ask.tail != UINT64_MAX && q->ask.reverse)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL,
		    "tail and reverse at once: with reverse, a limit gives the latest");
	if (q->ask.expand_run && (q->ask.lines_before > 0 || q->ask.lines_after > 0))
		return qerror_set(
		    err, AUDITQ_EINVAL, 0, NULL, "whole runs and lines around matches at once");
	if (q->ask.path.n == 0)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "no path to look in");
	if (__atomic_load_n(&q->canceled, __ATOMIC_SEQ_CST))
		return qerror_set(err, AUDITQ_ECANCELED, 0, NULL, "canceled");
	if (!asks_stdin(&q->ask))
		return 0;
	if (q->stdin_used || widen_asked(&q->ask))
		return qerror_set(
		    err, AUDITQ_EINVAL, 0, "-", "standard input can be read only once");
	q->stdin_used = true;
	return 0;
}

/* The same of a question about all records at once. */
static int
check_whole(auditq_t *q, auditq_error *err)
{
	if (has_sequel(&q->ask))
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL,
		    "%s: records are given as they come, and neither counted nor measured",
		    q->ask.follow ? "follow" : "cursor");
	return check(q, err);
}

static int
fail(auditq_t *q, int code, const auditq_error *why, auditq_error *err)
{
	end_answers(q);
	q->failure = *why;
	if (err != NULL)
		*err = *why;
	return code;
}

/* Search; for the last answers, until they are found. */
static int
begin_search(auditq_t *q, uint64_t tail, auditq_error *why)
{
	const struct question *ask = &q->ask;
	int r;

	if (tail == UINT64_MAX)
		return search_new(&q->search, ask, &q->stop_next, false, &q->counts, why);
	q->latest = *ask;
	q->latest.reverse = true;
	q->latest.limit = q->latest.tail = tail;
	q->latest.memory -= ask->memory / 2;
	r = search_new(&q->search, &q->latest, &q->stop_next, false, &q->counts, why);
	if (r < 0)
		return r;
	r = tail_collect(&q->tail, q->search, tail, ask->memory / 2, why);
	if (r == 0)
		q->counts.spilled += tail_spilled(q->tail);
	return r;
}

/* Without a cursor to go on from following begins with the last records, or with those of the window.  For a new
 * cursor, with no more than are asked for: what else there is counts as given. */
static uint64_t
first_tail(const struct question *ask)
{
	if (ask->tail != UINT64_MAX || ask->after != INT64_MIN)
		return ask->tail;
	return ask->cursor != NULL && ask->limit < FOLLOW_TAIL ? ask->limit : FOLLOW_TAIL;
}

/* What is there and what comes behind it are told apart before anything is searched; what comes meanwhile and
 * is found by the search is told to the sequel. */
static int
begin_sequel(auditq_t *q, auditq_error *why)
{
	const struct question *ask = &q->ask;
	uint64_t tail;
	bool resumed;
	int r;

	r = sequel_new(&q->sequel, ask, ask->follow ? q->watch : NULL, &q->stop_next,
	    &q->counts, &resumed, why);
	if (r < 0)
		return r;
	q->first = tail = ask->follow && !resumed ? first_tail(ask) : 0;
	if (tail > 0 || ask->run_last)
		r = begin_search(q, tail, why);
	if (r == 0)
		r = sequel_ask(
		    q->sequel, q->search == NULL ? NULL : search_last_run(q->search), why);
	if (r < 0 || tail == 0)
		end_first(q);
	return r;
}

static int
begin(auditq_t *q, auditq_error *why)
{
	const struct question *ask = &q->ask;
	int r;

	q->counts = (auditq_counts){ 0 };
	if ((r = check(q, why)) < 0)
		return r;
	if (has_sequel(ask))
		r = begin_sequel(q, why);
	else if (ask->limit > 0 && ask->tail > 0)
		r = widen_asked(ask) ? widen_new(&q->widen, ask, &q->stop_next, why)
				     : begin_search(q, ask->tail, why);
	q->begun = r == 0;
	return r;
}

static void
give_schema(auditq_t *q, const struct schema *schema)
{
	if (schema == q->schema)
		return;
	q->schema = schema;
	q->schemas++;
}

static int
give_widened(auditq_t *q, auditq_record *rec, auditq_error *why)
{
	struct widen_line line;
	int r = widen_next(q->widen, &line, why);

	if (r <= 0)
		return r;
	*rec = (auditq_record){ .line = line.line.p,
		.len = line.line.n,
		.ts = line.line.key.ts,
		.path = line.path,
		.offset = line.line.key.offset };
	give_schema(q, line.schema);
	q->marks = (line.match ? (unsigned)AUDITQ_MARK_MATCH : 0) |
	    (line.first ? (unsigned)AUDITQ_MARK_GROUP : 0);
	return 1;
}

/* What the search has: 1; 0: no more; negative. */
static int
next_found(auditq_t *q, struct follow_line *out, auditq_error *why)
{
	struct batch_line line;
	int r;

	if (q->search == NULL)
		return 0;
	r = q->tail != NULL ? tail_next(q->tail, &line, why)
			    : search_next(q->search, &line, why);
	if (r > 0)
		*out = (struct follow_line){ .p = line.p,
			.n = line.n,
			.ts = line.key.ts,
			.path = search_path(q->search, line.key.path),
			.offset = line.key.offset,
			.schema = search_schema(q->search, line.key.path) };
	return r;
}

static int
next_line(auditq_t *q, struct follow_line *out, auditq_error *why)
{
	int r = next_found(q, out, why);

	if (q->sequel == NULL || r < 0)
		return r;
	if (r > 0)
		return (r = sequel_given(q->sequel, out, why)) < 0 ? r : 1;
	q->first = 0;
	end_first(q);
	if ((r = sequel_next(q->sequel, out, why)) == 0)
		q->counts.spilled = sequel_spilled(q->sequel);
	return r;
}

static int
give_match(auditq_t *q, auditq_record *rec, auditq_error *why)
{
	struct follow_line line;
	int r;

	if (q->given == q->ask.limit)
		return 0;
	if ((r = next_line(q, &line, why)) <= 0)
		return r;
	*rec = (auditq_record){ .line = line.p,
		.len = line.n,
		.ts = line.ts,
		.path = line.path,
		.offset = line.offset };
	give_schema(q, line.schema);
	q->given++;
	if (q->first > 0 && q->first != UINT64_MAX)
		q->first--;
	return 1;
}

static int
give(auditq_t *q, auditq_record *rec, auditq_error *why)
{
	int r;

	if (!q->begun && (r = begin(q, why)) < 0)
		return r;
	if (__atomic_load_n(&q->canceled, __ATOMIC_RELAXED))
		return qerror_set(why, AUDITQ_ECANCELED, 0, NULL, "canceled");
	return q->widen != NULL ? give_widened(q, rec, why) : give_match(q, rec, why);
}

const struct zone *
query_zone(const auditq_t *q)
{
	return q->ask.zone;
}

const struct schema *
query_schema(const auditq_t *q, unsigned *changes)
{
	*changes = q->schemas;
	return q->schema;
}

bool
auditq_may_wait(const auditq_t *q)
{
	return q != NULL && q->ask.follow && (q->sequel == NULL || !sequel_ready(q->sequel));
}

unsigned
auditq_marks(const auditq_t *q)
{
	return q == NULL ? 0 : q->marks;
}

int
auditq_next(auditq_t *q, auditq_record *rec, auditq_error *err)
{
	auditq_error why;
	int r;

	qerror_reset(err);
	if (q == NULL || rec == NULL)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "no query or no record");
	if (q->over) {
		if (q->failure.code != 0 && err != NULL)
			*err = q->failure;
		return q->failure.code;
	}
	qerror_reset(&why);
	if ((r = give(q, rec, &why)) > 0)
		return r;
	/* That is how following ends. */
	if (r == AUDITQ_ECANCELED && q->ask.follow)
		r = 0;
	if (r < 0)
		return fail(q, r, &why, err);
	end_answers(q);
	return 0;
}

static int
count_widened(auditq_t *q, uint64_t *n, auditq_error *err)
{
	struct widen *w = NULL;
	struct widen_line line;
	uint64_t found = 0;
	int r = 0;

	if (q->ask.limit != 0 && q->ask.tail != 0)
		r = widen_new(&w, &q->ask, &q->stop_count, err);
	while (r == 0 && w != NULL && (r = widen_next(w, &line, err)) > 0) {
		found++;
		r = 0;
	}
	if (w != NULL && q->search == NULL && q->widen == NULL)
		widen_counts(w, &q->counts);
	widen_free(w);
	end_search(q, NULL, &q->stop_count);
	if (r == 0)
		*n = found;
	return r;
}

int
auditq_count(auditq_t *q, uint64_t *n, auditq_error *err)
{
	struct search *s = NULL;
	auditq_counts counts = { 0 };
	uint64_t found, most;
	int r;

	qerror_reset(err);
	if (q == NULL || n == NULL)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "no query or no number");
	if ((r = check_whole(q, err)) < 0)
		return r;
	if (widen_asked(&q->ask))
		return count_widened(q, n, err);
	most = q->ask.limit < q->ask.tail ? q->ask.limit : q->ask.tail;
	r = search_new(&s, &q->ask, &q->stop_count, true, &counts, err);
	if (r == 0)
		r = search_count(s, most, &found, err);
	end_search(q, s, &q->stop_count);
	if (q->search == NULL)
		q->counts = counts;
	if (r < 0)
		return r;
	*n = found < most ? found : most;
	return 0;
}

int
query_take(auditq_t *q, const struct question *ask, auditq_error *err)
{
	struct search *s = NULL;
	auditq_counts counts = { 0 };
	int r = check_whole(q, err);

	if (r < 0)
		return r;
	r = search_new(&s, ask, &q->stop_count, false, &counts, err);
	if (r == 0)
		r = search_take(s, err);
	end_search(q, s, &q->stop_count);
	if (q->search == NULL)
		q->counts = counts;
	return r;
}

int
query_each(
    auditq_t *q, const struct question *ask, query_line_fn *fn, void *arg, auditq_error *err)
{
	struct search *s = NULL;
	struct batch_line line;
	auditq_counts counts = { 0 };
	int r = check(q, err);

	if (r < 0)
		return r;
	r = search_new(&s, ask, &q->stop_count, false, &counts, err);
	while (r == 0 && (r = search_next(s, &line, err)) > 0)
		r = fn(arg, search_schema(s, line.key.path), &line, err);
	end_search(q, s, &q->stop_count);
	if (q->search == NULL)
		q->counts = counts;
	return r;
}

int
auditq_rewind(auditq_t *q, auditq_error *err)
{
	qerror_reset(err);
	if (q == NULL)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "no query");
	if (q->stdin_used)
		return qerror_set(
		    err, AUDITQ_EINVAL, 0, "-", "standard input can be read only once");
	widen_free(q->widen);
	q->widen = NULL;
	tail_free(q->tail);
	q->tail = NULL;
	search_free(q->search);
	q->search = NULL;
	sequel_free(q->sequel);
	q->sequel = NULL;
	q->schema = NULL;
	if (q->watch != NULL)
		watch_calm(q->watch);
	q->begun = q->over = false;
	q->given = 0;
	q->failure = (auditq_error){ 0 };
	__atomic_store_n(&q->canceled, false, __ATOMIC_SEQ_CST);
	__atomic_store_n(&q->stop_next, false, __ATOMIC_SEQ_CST);
	__atomic_store_n(&q->stop_count, false, __ATOMIC_SEQ_CST);
	return 0;
}

int
auditq_cursor_store(auditq_t *q, auditq_error *err)
{
	qerror_reset(err);
	if (q == NULL || q->ask.cursor == NULL)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "no query or no cursor");
	/* In order, the first answer may be one that came last; also of those with which following begins. */
	if (q->sequel == NULL || q->first > 0 ||
	    (!q->ask.follow && (!q->over || q->failure.code != 0)))
		return qerror_set(err, AUDITQ_EINVAL, 0, q->ask.cursor,
		    "not all answers were given, so there is no place to go on from");
	return sequel_store(q->sequel, err);
}

int
auditq_get_counts(const auditq_t *q, auditq_counts *out)
{
	auditq_counts counts;
	size_t size;

	if (q == NULL || out == NULL || out->size < sizeof out->size)
		return AUDITQ_EINVAL;
	size = out->size < sizeof counts ? out->size : sizeof counts;
	counts = q->counts;
	counts.size = size;
	counts.after = q->ask.after;
	counts.before = q->ask.before;
	memcpy(out, &counts, size);
	return 0;
}

int
auditq_time_text(const auditq_t *q, int64_t ns, char dst[AUDITQ_TIME_ROOM])
{
	const struct zone *zone = q != NULL ? q->ask.zone : NULL;
	const int32_t east = zone_offset(zone, ns / CLOCK_S - (ns % CLOCK_S < 0));
	const int32_t size = east < 0 ? -east : east;
	int64_t local;

	if (ns == CLOCK_NONE)
		return AUDITQ_EINVAL;
	/* At the ends of what can be told, in UTC. */
	if (zone == NULL || __builtin_add_overflow(ns, east * CLOCK_S, &local)) {
		clock_format(dst, ns);
		dst[CLOCK_LENGTH] = '\0';
		return CLOCK_LENGTH;
	}
	clock_format(dst, local);
	return CLOCK_LENGTH - 1 +
	    snprintf(dst + CLOCK_LENGTH - 1, AUDITQ_TIME_ROOM - CLOCK_LENGTH + 1,
		size % 60 == 0 ? "%c%02d:%02d" : "%c%02d:%02d:%02d", east < 0 ? '-' : '+',
		size / 3600, size / 60 % 60, size % 60);
}
