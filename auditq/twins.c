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

/* All of them, at a cost that is in proportion to their number: a table that was needed once is not emptied ever again. */
static void
forget(struct twins *t)
{
	if (t->cap > 16 && t->n < t->cap / 8) {
		free(t->place);
		t->place = NULL;
		t->cap = 0;
	} else {
		memset(t->place, 0, t->cap * sizeof *t->place);
	}
	t->n = 0;
}

/* The place of a record: of one that was given, or where it is to be remembered; NULL: out of memory. */
static struct twin *
place_of(struct twins *t, int64_t ts, const char *writer, uint64_t seq)
{
	if (ts != t->ts && t->n > 0)
		forget(t);
	t->ts = ts;
	if (2 * (t->n + 1) > t->cap && grow(t) < 0)
		return NULL;
	return find(t->place, t->cap, writer, seq);
}

int
twins_check(struct twins *t, int64_t ts, const char *writer, uint64_t seq)
{
	struct twin *twin = place_of(t, ts, writer, seq);

	if (twin == NULL || twin->writer != NULL)
		return twin == NULL ? -1 : 1;
	*twin = (struct twin){ .writer = writer, .seq = seq };
	t->n++;
	return 0;
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
static uint64_t
hash_line(const char *line, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)line[i]) * UINT64_C(0x100000001b3);
	return h;
}

int
twins_check_line(struct twins *t, int64_t ts, const char *group, uint32_t file, bool doubtful,
    const char *line, size_t n)
{
	const uint64_t hash = hash_line(line, n);
	struct twin *twin = place_of(t, ts, group, hash);

	if (twin == NULL)
		return -1;
	if (twin->writer != NULL)
		return twin->file != file && (twin->doubtful || doubtful);
	*twin = (struct twin){ group, hash, file, doubtful };
	t->n++;
	return 0;
}

void
twins_release(struct twins *t)
{
	free(t->place);
	*t = (struct twins){ 0 };
}
