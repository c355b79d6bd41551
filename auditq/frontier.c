#include "frontier.h"

#include <stdlib.h>

/* A total order, so that the same files are always taken in the same one. */
static bool
comes_first(const struct frontier *f, const struct pending *a, const struct pending *b)
{
	if (a->from != b->from)
		return f->reverse ? a->from > b->from : a->from < b->from;
	if (a->file != b->file)
		return a->file < b->file;
	return a->member.offset < b->member.offset;
}

int
frontier_push(struct frontier *f, const struct pending *p)
{
	size_t i = f->n;

	if (f->n == f->cap) {
		size_t cap = f->cap == 0 ? 64 : 2 * f->cap;
		struct pending *grown = realloc(f->heap, cap * sizeof *grown);

		if (grown == NULL)
			return -1;
		f->heap = grown;
		f->cap = cap;
	}
	f->n++;
	for (; i > 0 && comes_first(f, p, &f->heap[(i - 1) / 2]); i = (i - 1) / 2)
		f->heap[i] = f->heap[(i - 1) / 2];
	f->heap[i] = *p;
	return 0;
}

struct pending
frontier_pop(struct frontier *f)
{
	struct pending first = f->heap[0], moved = f->heap[--f->n];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= f->n)
			break;
		if (child + 1 < f->n && comes_first(f, &f->heap[child + 1], &f->heap[child]))
			child++;
		if (!comes_first(f, &f->heap[child], &moved))
			break;
		f->heap[i] = f->heap[child];
		i = child;
	}
	f->heap[i] = moved;
	return first;
}

void
frontier_release(struct frontier *f)
{
	free(f->heap);
	*f = (struct frontier){ .reverse = f->reverse };
}

int64_t
frontier_from(const struct frontier *f, int64_t min_ts, int64_t max_ts, bool untimed)
{
	if (f->reverse)
		return max_ts;
	return untimed ? CLOCK_NONE : min_ts;
}

bool
frontier_precedes(const struct frontier *f, int64_t ts, int64_t from)
{
	return f->reverse ? ts > from : ts < from;
}
