#include "widen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "passes.h"

/* One of the searches whose lines are given, and its next line. */
struct stream {
	struct question ask;
	struct search *search; /* or NULL: it has none */
	auditq_counts counts;
	struct batch_line line;
	bool ready;
};

struct widen {
	const struct question *q;
	bool *stop;
	struct passes passes;
	struct question ask; /* of the first search */
	auditq_counts counts;
	struct pick *pick;
	struct stream runs, loose; /* lines of the runs; lines without one */
	struct around *around;     /* or NULL: whole runs */
	struct stream *given;      /* whose line was given last */
	size_t nrun;
};

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "runs of matches");
}

bool
widen_asked(const struct question *q)
{
	return q->expand_run || q->lines_before > 0 || q->lines_after > 0;
}

/* ---- the searches ---- */

static int
find_matches(struct widen *w, auditq_error *err)
{
	int r;

	w->ask = *w->q;
	w->ask.warn = passes_target(&w->passes);
	w->ask.memory /= 2;
	r = pick_new(&w->pick, &w->ask, w->stop, &w->counts, err);
	passes_add(&w->passes, &w->counts);
	return r;
}

static int
begin(struct widen *w, struct stream *s, auditq_error *err)
{
	s->ask.warn = passes_target(&w->passes);
	s->ask.memory = w->q->memory / 4;
	s->ask.reverse = w->around == NULL && w->q->expand_run && w->q->reverse;
	return search_new(&s->search, &s->ask, w->stop, false, &s->counts, err);
}

static int
begin_all(struct widen *w, auditq_error *err)
{
	const struct match_run *run = pick_runs(w->pick, &w->nrun);
	int r = 0;

	w->runs.ask = question_of_all(w->q);
	w->runs.ask.exact = run;
	w->runs.ask.nexact = w->nrun;
	w->loose.ask = w->ask;
	w->loose.ask.limit = w->loose.ask.tail = UINT64_MAX;
	if (w->nrun > 0)
		r = begin(w, &w->runs, err);
	if (r == 0 && pick_loose(w->pick))
		r = begin(w, &w->loose, err);
	if (r < 0 || w->q->expand_run)
		return r;
	return around_new(
	    &w->around, w->q, w->pick, w->runs.search, w->loose.search, w->q->memory / 4, err);
}

int
widen_new(struct widen **ret, const struct question *q, bool *stop, auditq_error *err)
{
	struct widen *w = calloc(1, sizeof *w);
	int r;

	if (w == NULL)
		return no_memory(err);
	w->q = q;
	w->stop = stop;
	w->passes.to = q->warn;
	if ((r = find_matches(w, err)) < 0 || (r = begin_all(w, err)) < 0) {
		widen_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void
widen_free(struct widen *w)
{
	if (w == NULL)
		return;
	around_free(w->around);
	search_free(w->runs.search);
	search_free(w->loose.search);
	pick_free(w->pick);
	free(w);
}

/* ---- whole runs ---- */

/* Have the stream's next line ready, if there is one. */
static int
advance(struct widen *w, struct stream *s, auditq_error *err)
{
	int r = 1;

	while (
	    s->search != NULL && !s->ready && (r = search_next(s->search, &s->line, err)) > 0) {
		if (s == &w->runs)
			s->ready = true;
		else if ((r = pick_is_loose(w->pick, s->search, &s->line, err)) < 0)
			return r;
		else
			s->ready = r > 0;
	}
	return r < 0 ? r : 0;
}

/* Ranks of paths are each search's own. */
static int
compare(const struct stream *a, const struct stream *b)
{
	int c;

	if (a->line.key.ts != b->line.key.ts)
		return a->line.key.ts < b->line.key.ts ? -1 : 1;
	c = strcmp(
	    search_path(a->search, a->line.key.path), search_path(b->search, b->line.key.path));
	if (c != 0)
		return c;
	return a->line.key.offset < b->line.key.offset ? -1 : 1;
}

static int
next_of_runs(struct widen *w, struct widen_line *out, auditq_error *err)
{
	struct stream *next = &w->runs;
	int r;

	/* What was given is valid until now. */
	if (w->given != NULL)
		w->given->ready = false;
	if ((r = advance(w, &w->runs, err)) < 0 || (r = advance(w, &w->loose, err)) < 0)
		return r;
	if (!w->runs.ready && !w->loose.ready)
		return 0;
	if (!w->runs.ready ||
	    (w->loose.ready && (compare(&w->loose, &w->runs) < 0) != w->q->reverse))
		next = &w->loose;
	w->given = next;
	*out = (struct widen_line){ .line = next->line,
		.path = search_path(next->search, next->line.key.path),
		.schema = search_schema(next->search, next->line.key.path) };
	return 1;
}

/* ---- answers ---- */

int
widen_next(struct widen *w, struct widen_line *out, auditq_error *err)
{
	struct around_line line;
	int r;

	if (w->around == NULL)
		return next_of_runs(w, out, err);
	if ((r = around_next(w->around, &line, err)) <= 0)
		return r;
	*out = (struct widen_line){ .line = line.line,
		.path = search_path(line.from, line.line.key.path),
		.schema = search_schema(line.from, line.line.key.path),
		.match = line.match,
		.first = line.first };
	return 1;
}

void
widen_counts(struct widen *w, auditq_counts *out)
{
	struct passes all = w->passes;

	if (w->loose.search != NULL)
		passes_add(&all, &w->loose.counts);
	if (w->runs.search != NULL)
		passes_add(&all, &w->runs.counts);
	*out = all.counts;
	out->runs_widened = w->nrun;
	out->spilled += w->around != NULL ? around_spilled(w->around) : 0;
}
