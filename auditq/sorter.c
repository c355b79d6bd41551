#include "sorter.h"

#include <errno.h>
#include <stdlib.h>

#include "merge.h"

struct sorter {
	struct batch batch; /* being collected */
	struct merge *merge;
	size_t max_bytes;
	bool reverse;
};

int
sorter_new(struct sorter **ret, size_t max_bytes, bool reverse, auditq_error *err)
{
	struct sorter *s = calloc(1, sizeof *s);
	int r;

	if (s == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "sorter");
	s->max_bytes = max_bytes;
	s->reverse = reverse;
	if ((r = merge_new(&s->merge, max_bytes, reverse, err)) < 0) {
		sorter_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

static int
sort_batch(struct sorter *s, auditq_error *err)
{
	if (batch_sort(&s->batch, s->reverse) < 0)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "sorter");
	return merge_take(s->merge, &s->batch, err);
}

int
sorter_add(struct sorter *s, const struct batch_key *key, const char *line, size_t n,
    auditq_error *err)
{
	if (batch_add(&s->batch, key, line, n) < 0)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "sorter");
	return s->batch.bytes > s->max_bytes ? sort_batch(s, err) : 0;
}

int
sorter_finish(struct sorter *s, auditq_error *err)
{
	return sort_batch(s, err);
}

int
sorter_next(
    struct sorter *s, struct batch_key *key, const char **line, size_t *n, auditq_error *err)
{
	const struct batch_line *next;
	int r;

	if ((r = merge_peek(s->merge, &next, err)) <= 0)
		return r;
	*key = next->key;
	*line = next->p;
	*n = next->n;
	merge_advance(s->merge);
	return 1;
}

uint64_t
sorter_spilled(const struct sorter *s)
{
	return merge_spilled(s->merge);
}

void
sorter_free(struct sorter *s)
{
	if (s == NULL)
		return;
	batch_release(&s->batch);
	merge_free(s->merge);
	free(s);
}
