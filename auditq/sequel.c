#include "sequel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "sorter.h"
#include "sys.h"

/* While records come, the cursor is stored so often. */
#define STORE_MS  1000
#define NS_PER_MS INT64_C(1000000)

/* A cursor forgets writers and files that were not met for so long. */
#define FORGET_S (INT64_C(30) * 86400)

struct sequel {
	const struct question *q;
	struct watch *watch; /* or NULL */
	struct headway headway;
	struct follow *follow;
	int64_t stored; /* when, monotonic ns */

	/* Without a watch: all of it, in order. */
	struct sorter *sorter;
	struct sequel_file {
		char *path;
		const struct schema *schema;
	} * file; /* by rank */
	size_t nfile;
};

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "sequel");
}

static int
load(struct sequel *s, bool *resumed, auditq_error *err)
{
	int64_t now;
	int r;

	if (s->q->cursor == NULL)
		return 0;
	if ((r = cursor_load(&s->headway, s->q->cursor, err)) < 0)
		return r;
	/* Of the lines of a window, in order, the first may be ones that came last: a cursor has no word for so many
	 * of them.  In the order in which they are found it has. */
	*resumed = r > 0 || (s->q->after != INT64_MIN && s->q->limit != UINT64_MAX);
	if (sys->realtime(&now) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, NULL, "the clock");
	headway_forget(&s->headway, now / CLOCK_S - FORGET_S);
	return 0;
}

int
sequel_new(struct sequel **ret, const struct question *q, struct watch *watch, const bool *stop,
    auditq_counts *counts, bool *resumed, auditq_error *err)
{
	struct sequel *s = calloc(1, sizeof *s);
	int r;

	if (s == NULL)
		return no_memory(err);
	s->q = q;
	s->watch = watch;
	*resumed = false;
	if ((r = load(s, resumed, err)) == 0)
		r = follow_new(&s->follow, q, &s->headway, watch, stop, counts, err);
	if (r == 0 && watch != NULL && !*resumed)
		r = follow_skip(s->follow, err);
	if (r < 0) {
		sequel_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void
sequel_free(struct sequel *s)
{
	if (s == NULL)
		return;
	follow_free(s->follow);
	headway_release(&s->headway);
	sorter_free(s->sorter);
	for (size_t i = 0; i < s->nfile; i++)
		free(s->file[i].path);
	free(s->file);
	free(s);
}

int
sequel_ask(struct sequel *s, const char *last, auditq_error *err)
{
	return follow_ask(s->follow, last, err);
}

int
sequel_given(struct sequel *s, const struct follow_line *line, auditq_error *err)
{
	return follow_given(s->follow, line, err);
}

/* ---- all that came, in order ---- */

/* The number of a line's file; they are read one after another. */
static int
rank(struct sequel *s, const struct follow_line *line, uint32_t *out)
{
	const struct sequel_file *last = s->nfile > 0 ? &s->file[s->nfile - 1] : NULL;
	struct sequel_file *grown;

	if (last == NULL || last->schema != line->schema ||
	    strcmp(last->path, line->path) != 0) {
		if ((grown = reallocarray(s->file, s->nfile + 1, sizeof *grown)) == NULL)
			return -1;
		s->file = grown;
		grown += s->nfile;
		grown->schema = line->schema;
		if ((grown->path = strdup(line->path)) == NULL)
			return -1;
		s->nfile++;
	}
	*out = (uint32_t)(s->nfile - 1);
	return 0;
}

static int
collect(struct sequel *s, auditq_error *err)
{
	struct follow_line line;
	int r = sorter_new(&s->sorter, s->q->memory, false, err);

	while (r >= 0 && (r = follow_next(s->follow, &line, err)) > 0) {
		struct batch_key key = { .ts = line.ts, .offset = line.offset };

		r = rank(s, &line, &key.path) < 0
		    ? no_memory(err)
		    : sorter_add(s->sorter, &key, line.p, line.n, err);
	}
	return r < 0 ? r : sorter_finish(s->sorter, err);
}

static int
next_in_order(struct sequel *s, struct follow_line *out, auditq_error *err)
{
	struct batch_key key;
	int r;

	if (s->sorter == NULL && (r = collect(s, err)) < 0)
		return r;
	if ((r = sorter_next(s->sorter, &key, &out->p, &out->n, err)) <= 0)
		return r;
	out->ts = key.ts;
	out->offset = key.offset;
	out->path = s->file[key.path].path;
	out->schema = s->file[key.path].schema;
	return 1;
}

uint64_t
sequel_spilled(const struct sequel *s)
{
	return s->sorter == NULL ? 0 : sorter_spilled(s->sorter);
}

/* ---- as records come ---- */

/* Store the cursor if it is time; *timeout_ms gets when it will be, or -1. */
static int
store_in_time(struct sequel *s, int *timeout_ms, auditq_error *err)
{
	int64_t now, left;

	*timeout_ms = -1;
	if (s->q->cursor == NULL || !s->headway.changed)
		return 0;
	if (sys->monotonic(&now) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, NULL, "the clock");
	left = s->stored + STORE_MS * NS_PER_MS - now;
	if (left <= 0)
		return sequel_store(s, err);
	*timeout_ms = (int)(left / NS_PER_MS) + 1;
	return 0;
}

int
sequel_next(struct sequel *s, struct follow_line *out, auditq_error *err)
{
	int timeout_ms, r;

	if (s->watch == NULL)
		return next_in_order(s, out, err);
	while ((r = follow_next(s->follow, out, err)) == 0)
		if ((r = store_in_time(s, &timeout_ms, err)) < 0 ||
		    (r = follow_wait(s->follow, timeout_ms, err)) < 0)
			break;
	return r;
}

bool
sequel_ready(const struct sequel *s)
{
	return s->watch == NULL || follow_ready(s->follow);
}

int
sequel_store(struct sequel *s, auditq_error *err)
{
	int r;

	follow_mark(s->follow);
	if ((r = cursor_store(&s->headway, s->q->cursor, err)) < 0)
		return r;
	s->headway.changed = false;
	if (sys->monotonic(&s->stored) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, NULL, "the clock");
	return 0;
}
