#include "tail.h"

#include <errno.h>
#include <stdlib.h>

#include "sorter.h"

struct tail {
	struct search *search;
	struct sorter *sorter;
	struct twins twins; /* of those met, latest first */
	uint64_t n;         /* records that are wanted */
	uint64_t skip;      /* that were taken beyond these */
};

/*
 * Of a record that stands in two files, the first in order is the one to give, and it is met last.  So all are
 * taken, and told apart when they are in order; and of the earliest time, where the first may still be to
 * come, all are taken too.
 */
static int
collect(struct tail *t, auditq_error *err)
{
	bool twins = search_has_twins(t->search);
	int64_t earliest = CLOCK_NONE;
	struct batch_line line;
	uint64_t found = 0;
	int r = 0;

	while ((found < t->n || twins) && (r = search_next_of_all(t->search, &line, err)) > 0) {
		if (found >= t->n && line.key.ts != earliest)
			break;
		if ((r = search_is_twin(t->search, &t->twins, &line, err)) < 0)
			return r;
		found += r == 0;
		earliest = line.key.ts;
		if ((r = sorter_add(t->sorter, &line.key, line.p, line.n, err)) < 0)
			return r;
	}
	if (r < 0)
		return r;
	t->skip = found > t->n ? found - t->n : 0;
	twins_release(&t->twins);
	return sorter_finish(t->sorter, err);
}

int
tail_collect(struct tail **ret, struct search *latest_first, uint64_t n, size_t max_bytes,
    auditq_error *err)
{
	struct tail *t = calloc(1, sizeof *t);
	int r;

	if (t == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "tail");
	t->search = latest_first;
	t->n = n;
	if ((r = sorter_new(&t->sorter, max_bytes, false, err)) < 0 ||
	    (r = collect(t, err)) < 0) {
		tail_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

int
tail_next(struct tail *t, struct batch_line *line, auditq_error *err)
{
	int r;

	while ((r = sorter_next(t->sorter, &line->key, &line->p, &line->n, err)) > 0) {
		if ((r = search_drop_twin(t->search, line, err)) < 0)
			return r;
		if (r > 0)
			continue;
		if (t->skip == 0)
			return 1;
		t->skip--;
	}
	return r;
}

uint64_t
tail_spilled(const struct tail *t)
{
	return sorter_spilled(t->sorter);
}

void
tail_free(struct tail *t)
{
	if (t == NULL)
		return;
	twins_release(&t->twins);
	sorter_free(t->sorter);
	free(t);
}
