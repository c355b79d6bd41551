#include "candidates.h"

#include <string.h>

void
candidates_require(struct candidates *c, const struct require *r, const char *literal, size_t n)
{
	for (c->n = 0; c->n < r->n; c->n++)
		c->clause[c->n] = &r->clause[c->n];
	if (literal == NULL)
		return;
	if (literal != c->literal || n != c->nliteral) {
		scan_set_init(&c->own);
		(void)scan_set_add(&c->own, "\\u", 2, false);
		(void)scan_set_add(&c->own, literal, n, false);
		c->literal = literal;
		c->nliteral = n;
	}
	c->clause[c->n++] = &c->own;
}

/* The clause that lets the fewest lines through, as far as is known: each is tried on one block. */
static size_t
choose_clause(const struct candidates *c)
{
	size_t best = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (c->trial[i].bytes == 0)
			return i;
		if ((double)c->trial[i].lines * (double)c->trial[best].bytes <
		    (double)c->trial[best].lines * (double)c->trial[i].bytes)
			best = i;
	}
	return best;
}

void
candidates_begin(
    struct candidates_walk *w, struct candidates *c, const char *block, const char *end)
{
	*w = (struct candidates_walk){
		.c = c, .at = block, .end = end, .lead = choose_clause(c)
	};
	c->trial[w->lead].bytes += (uint64_t)(end - block);
}

static bool
has_others(const struct candidates_walk *w, const char *line, const char *end)
{
	for (size_t i = 0; i < w->c->n; i++)
		if (i != w->lead && scan_set_find(w->c->clause[i], line, end) == NULL)
			return false;
	return true;
}

bool
candidates_next(struct candidates_walk *w, const char **line, size_t *n)
{
	const char *hit;

	while ((hit = scan_set_find(w->c->clause[w->lead], w->at, w->end)) != NULL) {
		const char *before = memrchr(w->at, '\n', (size_t)(hit - w->at));
		const char *start = before == NULL ? w->at : before + 1;
		const char *feed = memchr(hit, '\n', (size_t)(w->end - hit));
		const char *stop = feed == NULL ? w->end : feed;

		w->at = feed == NULL ? w->end : feed + 1;
		w->c->trial[w->lead].lines++;
		if (!has_others(w, start, stop))
			continue;
		*line = start;
		*n = (size_t)(stop - start);
		return true;
	}
	return false;
}
