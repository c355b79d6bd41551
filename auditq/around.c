#include "around.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "sorter.h"

/* Before a line, where it is sorted, stand flags, its time, the rank of its path, its offset. */
enum { MATCH = 1, FIRST = 2, LOOSE = 4 };
/* Bytes of lines that may be shown. */
#define HELD_MAX (16 << 20)

/* A line that may be shown, if a match follows soon. */
struct held {
	char *text; /* with its head */
	size_t n;
	uint64_t number;
};

struct around {
	const struct question *q;
	struct pick *pick;
	struct search *lines, *loose;
	size_t max_bytes;
	struct sorter *by_run, *by_group;
	struct bytes_out text; /* a line with its head */
	bool last_first;       /* the line given last was the first of its group */

	/* Of the run at hand: */
	int64_t run;
	uint64_t number; /* of the line at hand, from 1 */
	uint64_t shown;  /* of the line shown last; 0: none was */
	uint32_t after;  /* lines that are still to be shown */
	struct batch_key group;
	struct held *held; /* a ring of lines_before */
	size_t first, nheld, held_bytes;
};

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "lines around matches");
}

/* ---- a line with its head ---- */

static int
put_line(struct around *a, unsigned flags, const struct batch_line *line, auditq_error *err)
{
	a->text.n = 0;
	bytes_put_u8(&a->text, (uint8_t)flags);
	bytes_put_u64(&a->text, (uint64_t)line->key.ts);
	bytes_put_u32(&a->text, line->key.path);
	bytes_put_u64(&a->text, line->key.offset);
	bytes_put(&a->text, line->p, line->n);
	return a->text.failed ? no_memory(err) : 0;
}

static unsigned
get_line(const char *text, size_t n, struct batch_line *line)
{
	struct bytes_in in = { .p = (const uint8_t *)text, .n = n };
	unsigned flags = bytes_get_u8(&in);

	line->key.ts = (int64_t)bytes_get_u64(&in);
	line->key.path = bytes_get_u32(&in);
	line->key.aux = 0;
	line->key.offset = bytes_get_u64(&in);
	line->p = (const char *)in.p;
	line->n = in.n;
	return flags;
}

/* ---- all lines, run by run ---- */

/* They come in order, and are sorted by their runs' numbers only. */
static int
sort_lines(struct around *a, auditq_error *err)
{
	struct batch_line line;
	size_t run;
	int r, match;

	while (a->lines != NULL && (r = search_next(a->lines, &line, err)) != 0) {
		struct batch_key key = { 0 };

		if (r < 0 || (r = pick_run(a->pick, a->lines, &line, &run, err)) < 0)
			return r;
		if (run == SIZE_MAX)
			continue;
		key.ts = (int64_t)run;
		if ((match = pick_is(a->pick, a->lines, &line, err)) < 0)
			return match;
		if ((r = put_line(a, match ? MATCH : 0, &line, err)) < 0 ||
		    (r = sorter_add(a->by_run, &key, (const char *)a->text.p, a->text.n, err)) <
			0)
			return r;
	}
	return sorter_finish(a->by_run, err);
}

/* ---- which of them are shown ---- */

static int
show(struct around *a, char *text, size_t n, uint64_t number, auditq_error *err)
{
	struct batch_line line;

	(void)get_line(text, n, &line);
	if (a->shown == 0 || number != a->shown + 1) {
		a->group = line.key;
		text[0] |= FIRST;
	}
	a->shown = number;
	return sorter_add(a->by_group, &a->group, text, n, err);
}

static void
forget(struct around *a)
{
	struct held *h = &a->held[a->first];

	a->held_bytes -= h->n;
	free(h->text);
	a->first = (a->first + 1) % a->q->lines_before;
	a->nheld--;
}

static int
show_held(struct around *a, auditq_error *err)
{
	int r = 0;

	while (r == 0 && a->nheld > 0) {
		struct held *h = &a->held[a->first];

		r = show(a, h->text, h->n, h->number, err);
		forget(a);
	}
	return r;
}

static int
hold(struct around *a, const char *text, size_t n, auditq_error *err)
{
	struct held *h;

	if (a->q->lines_before == 0)
		return 0;
	if (a->nheld == a->q->lines_before)
		forget(a);
	if (a->held_bytes + n > (size_t)HELD_MAX)
		return qerror_set(err, AUDITQ_ETOOBIG, 0, NULL,
		    "%u records before a match take more than %d MiB: ask for fewer",
		    a->q->lines_before, HELD_MAX >> 20);
	h = &a->held[(a->first + a->nheld) % a->q->lines_before];
	if ((h->text = malloc(n)) == NULL)
		return no_memory(err);
	memcpy(h->text, text, n);
	h->n = n;
	h->number = a->number;
	a->nheld++;
	a->held_bytes += n;
	return 0;
}

static int
look_at(struct around *a, const char *text, size_t n, auditq_error *err)
{
	int r;

	a->number++;
	if ((text[0] & MATCH) != 0) {
		if ((r = show_held(a, err)) < 0)
			return r;
		a->after = a->q->lines_after;
	} else if (a->after == 0) {
		return hold(a, text, n, err);
	} else {
		a->after--;
	}
	a->text.n = 0;
	bytes_put(&a->text, text, n);
	if (a->text.failed)
		return no_memory(err);
	return show(a, (char *)a->text.p, n, a->number, err);
}

static void
begin_run(struct around *a, int64_t run)
{
	while (a->nheld > 0)
		forget(a);
	a->run = run;
	a->number = a->shown = 0;
	a->after = 0;
}

static int
choose(struct around *a, auditq_error *err)
{
	struct batch_key key;
	const char *text;
	size_t n;
	int r;

	a->run = -1;
	while ((r = sorter_next(a->by_run, &key, &text, &n, err)) > 0) {
		if (key.ts != a->run)
			begin_run(a, key.ts);
		if ((r = look_at(a, text, n, err)) < 0)
			return r;
	}
	begin_run(a, -1);
	return r;
}

/* ---- picked lines without a run ---- */

static int
add_loose(struct around *a, auditq_error *err)
{
	struct batch_line line;
	int r, picked;

	while (a->loose != NULL && (r = search_next(a->loose, &line, err)) != 0) {
		if (r < 0 || (picked = pick_is_loose(a->pick, a->loose, &line, err)) < 0)
			return r < 0 ? r : picked;
		if (picked == 0)
			continue;
		if ((r = put_line(a, MATCH | FIRST | LOOSE, &line, err)) < 0 ||
		    (r = sorter_add(
			 a->by_group, &line.key, (const char *)a->text.p, a->text.n, err)) < 0)
			return r;
	}
	return 0;
}

/* ---- the whole ---- */

static int
collect(struct around *a, auditq_error *err)
{
	int r;

	if ((r = sorter_new(&a->by_run, a->max_bytes, false, err)) < 0 ||
	    (r = sorter_new(&a->by_group, a->max_bytes, a->q->reverse, err)) < 0 ||
	    (r = sort_lines(a, err)) < 0 || (r = choose(a, err)) < 0 ||
	    (r = add_loose(a, err)) < 0)
		return r;
	return sorter_finish(a->by_group, err);
}

int
around_new(struct around **ret, const struct question *q, struct pick *pick,
    struct search *lines, struct search *loose, size_t max_bytes, auditq_error *err)
{
	struct around *a = calloc(1, sizeof *a);
	int r;

	if (a == NULL)
		return no_memory(err);
	a->q = q;
	a->pick = pick;
	a->lines = lines;
	a->loose = loose;
	a->max_bytes = max_bytes;
	a->last_first = true;
	a->held = calloc((size_t)q->lines_before + 1, sizeof *a->held);
	r = a->held == NULL ? no_memory(err) : collect(a, err);
	if (r < 0) {
		around_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void
around_free(struct around *a)
{
	if (a == NULL)
		return;
	while (a->nheld > 0)
		forget(a);
	free(a->held);
	sorter_free(a->by_run);
	sorter_free(a->by_group);
	bytes_out_free(&a->text);
	free(a);
}

/* In reverse the first line of a group comes last. */
int
around_next(struct around *a, struct around_line *out, auditq_error *err)
{
	struct batch_key group;
	const char *text;
	unsigned flags;
	size_t n;
	int r = sorter_next(a->by_group, &group, &text, &n, err);

	if (r <= 0)
		return r;
	flags = get_line(text, n, &out->line);
	out->from = (flags & LOOSE) != 0 ? a->loose : a->lines;
	out->match = (flags & MATCH) != 0;
	out->first = a->q->reverse ? a->last_first : (flags & FIRST) != 0;
	a->last_first = (flags & FIRST) != 0;
	return 1;
}

uint64_t
around_spilled(const struct around *a)
{
	return sorter_spilled(a->by_run) + sorter_spilled(a->by_group);
}
