#include "spans.h"

#include <stdlib.h>
#include <string.h>

/* The first span that ends at `number` or behind it. */
static size_t
find(const struct spans *s, uint64_t number)
{
	size_t lo = 0, hi = s->n;

	/* Sets grow at their end. */
	if (s->n > 0 && s->p[s->n - 1].last < number)
		return s->n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->p[mid].last < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool
spans_has(const struct spans *s, uint64_t number)
{
	return spans_has_all(s, number, number);
}

bool
spans_has_all(const struct spans *s, uint64_t first, uint64_t last)
{
	size_t i = find(s, first);

	return i < s->n && s->p[i].first <= first && s->p[i].last >= last;
}

static int
insert(struct spans *s, size_t i, uint64_t first, uint64_t last)
{
	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 1 : 2 * s->cap;
		struct span *grown = realloc(s->p, cap * sizeof *grown);

		if (grown == NULL)
			return -1;
		s->p = grown;
		s->cap = cap;
	}
	memmove(&s->p[i + 1], &s->p[i], (s->n - i) * sizeof *s->p);
	s->p[i] = (struct span){ first, last };
	s->n++;
	return 0;
}

int
spans_add(struct spans *s, uint64_t first, uint64_t last)
{
	/* The one before may end just before `first`. */
	size_t i = find(s, first > 0 ? first - 1 : 0), end = i;

	while (end < s->n && (last == UINT64_MAX || s->p[end].first <= last + 1))
		end++;
	if (i == end)
		return insert(s, i, first, last);
	if (s->p[i].first < first)
		first = s->p[i].first;
	if (s->p[end - 1].last > last)
		last = s->p[end - 1].last;
	s->p[i] = (struct span){ first, last };
	memmove(&s->p[i + 1], &s->p[end], (s->n - end) * sizeof *s->p);
	s->n -= end - i - 1;
	return 0;
}

void
spans_release(struct spans *s)
{
	free(s->p);
	*s = (struct spans){ 0 };
}
