#include "twins.h"

#include <stdlib.h>
#include <string.h>

static struct twin *
find(struct twin *place, size_t cap, const char *writer, uint64_t seq)
{
	/* Numbers are dense: their low bits spread them well. */
	size_t i = (size_t)seq & (cap - 1);

	while (place[i].writer != NULL &&
	    (place[i].seq != seq || strcmp(place[i].writer, writer) != 0))
		i = (i + 1) & (cap - 1);
	return &place[i];
}

static int
grow(struct twins *t)
{
	size_t cap = t->cap == 0 ? 16 : 2 * t->cap;
	struct twin *place = calloc(cap, sizeof *place);

	if (place == NULL)
		return -1;
	for (size_t i = 0; i < t->cap; i++)
		if (t->place[i].writer != NULL)
			*find(place, cap, t->place[i].writer, t->place[i].seq) = t->place[i];
	free(t->place);
	t->place = place;
	t->cap = cap;
	return 0;
}

int
twins_check(struct twins *t, int64_t ts, const char *writer, uint64_t seq)
{
	struct twin *twin;

	if (ts != t->ts && t->n > 0) {
		memset(t->place, 0, t->cap * sizeof *t->place);
		t->n = 0;
	}
	t->ts = ts;
	if (2 * (t->n + 1) > t->cap && grow(t) < 0)
		return -1;
	twin = find(t->place, t->cap, writer, seq);
	if (twin->writer != NULL)
		return 1;
	*twin = (struct twin){ writer, seq };
	t->n++;
	return 0;
}

void
twins_release(struct twins *t)
{
	free(t->place);
	*t = (struct twins){ 0 };
}
