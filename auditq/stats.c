/* stats - the public statistics: a census of a query's records, as rows. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "query.h"
#include "stats.h"
#include "timespec.h"

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "statistics");
}

/* ---- what is asked ---- */

/* What is wrong with a name behind those that are there; NULL: nothing. */
static const char *
wrong_name(const auditq_stats_t *s, const char *name)
{
	if (*name == '\0')
		return "a field without a name";
	if (stats_is_column(name))
		return "a column has that name already";
	for (size_t i = 0; i < s->nby; i++)
		if (strcmp(s->by[i], name) == 0)
			return "a field twice";
	return s->nby == STATS_BY_MAX ? "too many fields" : NULL;
}

static int
set_groups(auditq_stats_t *s, const char *by, auditq_error *err)
{
	const char *wrong;

	if ((s->names = strdup(by)) == NULL)
		return no_memory(err);
	for (char *name = s->names, *comma; name != NULL; name = comma) {
		if ((comma = strchr(name, ',')) != NULL)
			*comma++ = '\0';
		if ((wrong = wrong_name(s, name)) != NULL)
			return qerror_set_at(
			    err, AUDITQ_EINVAL, NULL, (uint64_t)(name - s->names), "%s", wrong);
		s->by[s->nby++] = name;
	}
	return 0;
}

static int
read_step(const char *step, int64_t *out, auditq_error *err)
{
	const char *why;
	size_t pos;

	if (timespec_duration(step, out, &pos, &why) < 0)
		return qerror_set_at(
		    err, AUDITQ_EINVAL, NULL, pos, "step '%.80s': %s", step, why);
	if (*out <= 0)
		return qerror_set_at(
		    err, AUDITQ_EINVAL, NULL, 0, "step '%.80s': parts of no length", step);
	return 0;
}

/* The options, also those of a caller that knows fewer. */
static auditq_stats_options
options(const auditq_stats_options *given)
{
	auditq_stats_options opt = { 0 };

	if (given != NULL)
		memcpy(&opt, given, given->size < sizeof opt ? given->size : sizeof opt);
	if (opt.field == NULL)
		opt.field = schema_default.keys[SCHEMA_DURATION].key[0];
	return opt;
}

/* ---- rows ---- */

/* Between the values of two ranks, in proportion: R. J. Hyndman, Y. Fan, "Sample Quantiles in Statistical
 * Packages", The American Statistician 50 (1996), definition 7. */
static double
quantile(const struct census *c, size_t group, double q)
{
	uint64_t last = census_measure(c, group)->values - 1;
	double place = q * (double)last, whole = floor(place), low, high;
	uint64_t rank = (uint64_t)whole;

	if (rank >= last)
		return census_at(c, group, last);
	low = census_at(c, group, rank);
	if (place == whole)
		return low;
	high = census_at(c, group, rank + 1);
	return low + (high - low) * (place - whole);
}

static void
fill_row(const struct census *c, size_t group, auditq_stats_row *row)
{
	const struct measure *m = census_measure(c, group);

	*row = (auditq_stats_row){ .size = sizeof *row,
		.records = m->records,
		.ends = m->ends,
		.failed = m->failed,
		.values = m->values };
	census_time(c, group, &row->start, &row->end);
	if (m->values == 0)
		return;
	row->sum = m->sum;
	row->min = m->min;
	row->max = m->max;
	row->p50 = quantile(c, group, 0.50);
	row->p95 = quantile(c, group, 0.95);
	row->p99 = quantile(c, group, 0.99);
}

/* By type, what is absent last; numbers by what they mean, the rest by its bytes. */
static int
compare_values(const struct field *a, const struct field *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int r = 0;

	if (a->type != b->type)
		return a->type == FIELD_ABSENT || (b->type != FIELD_ABSENT && a->type > b->type)
		    ? 1
		    : -1;
	if (a->type == FIELD_NUMBER)
		r = field_number_compare(a->p, a->n, b->p, b->n);
	if (r == 0 && n > 0)
		r = memcmp(a->p, b->p, n);
	return r != 0 ? r : (a->n > b->n) - (a->n < b->n);
}

static int
compare_groups(const void *x, const void *y, void *arg)
{
	const auditq_stats_t *s = arg;

	for (size_t i = 0; i < s->nby; i++) {
		struct field a = census_value(s->census, *(const size_t *)x, i);
		struct field b = census_value(s->census, *(const size_t *)y, i);
		int r = compare_values(&a, &b);

		if (r != 0)
			return r;
	}
	return 0;
}

static int
compare_rows(const void *x, const void *y, void *arg)
{
	const auditq_stats_t *s = arg;
	int64_t a, b, end;
	int r = compare_groups(x, y, arg);

	if (r != 0)
		return r;
	census_time(s->census, *(const size_t *)x, &a, &end);
	census_time(s->census, *(const size_t *)y, &b, &end);
	return (a > b) - (a < b);
}

/* Rows of one group, which stand together. */
struct block {
	size_t first, n;
	uint64_t records;
};

static int
compare_blocks(const void *x, const void *y)
{
	const struct block *a = x, *b = y;

	if (a->records != b->records)
		return a->records < b->records ? 1 : -1;
	return (a->first > b->first) - (a->first < b->first);
}

/* The groups with most records, at most `top` of them, which then are all there are. */
static int
keep_top(auditq_stats_t *s, uint64_t top, auditq_error *err)
{
	struct block *block = calloc(s->n + 1, sizeof *block);
	size_t *group = calloc(s->n + 1, sizeof *group), n = 0, rows = 0;

	if (block == NULL || group == NULL) {
		free(block);
		free(group);
		return no_memory(err);
	}
	for (size_t i = 0; i < s->n; i++) {
		if (i == 0 || compare_groups(&s->group[i - 1], &s->group[i], s) != 0)
			block[n++].first = i;
		block[n - 1].n++;
		block[n - 1].records += census_measure(s->census, s->group[i])->records;
	}
	qsort(block, n, sizeof *block, compare_blocks);
	for (size_t i = 0; i < n && i < top; i++)
		for (size_t k = 0; k < block[i].n; k++)
			group[rows++] = s->group[block[i].first + k];
	free(block);
	free(s->group);
	s->group = group;
	s->n = rows;
	return 0;
}

static int
make_rows(auditq_stats_t *s, uint64_t top, auditq_error *err)
{
	size_t n = census_groups(s->census);
	int r;

	s->row = calloc(n + 1, sizeof *s->row);
	s->group = calloc(n + 1, sizeof *s->group);
	if (s->row == NULL || s->group == NULL)
		return no_memory(err);
	for (size_t i = 0; i < n; i++)
		s->group[i] = i;
	qsort_r(s->group, n, sizeof *s->group, compare_rows, s);
	s->n = n;
	if (top > 0 && (r = keep_top(s, top, err)) < 0)
		return r;
	for (size_t i = 0; i < s->n; i++)
		fill_row(s->census, s->group[i], &s->row[i]);
	return 0;
}

/* ---- the operation ---- */

static int
run(auditq_t *q, const auditq_stats_options *opt, auditq_stats_t *s, auditq_error *err)
{
	struct question ask = q->ask;
	struct census_options census = { .field = opt->field, .exact = opt->exact };
	int r = opt->by != NULL ? set_groups(s, opt->by, err) : 0;

	if (r == 0 && opt->step != NULL)
		r = read_step(opt->step, &s->step, err);
	if (r < 0)
		return r;
	s->exact = opt->exact;
	s->counts = opt->counts;
	census.counts = opt->counts;
	census.step = s->step;
	census.zone = ask.zone;
	census.by = s->by;
	census.nby = s->nby;
	if ((r = census_new(&s->census, &census, &ask, err)) < 0)
		return r;
	ask.taker = census_taker(s->census);
	ask.limit = UINT64_MAX;
	ask.tail = UINT64_MAX;
	ask.reverse = false;
	if ((r = query_take(q, &ask, err)) < 0 || (r = census_finish(s->census, err)) < 0)
		return r;
	q->counts.spilled += census_spilled(s->census);
	return make_rows(s, opt->top, err);
}

int
auditq_stats(
    auditq_t *q, const auditq_stats_options *opt, auditq_stats_t **ret, auditq_error *err)
{
	auditq_stats_options asked = options(opt);
	auditq_stats_t *s;
	int r;

	qerror_reset(err);
	if (q == NULL || ret == NULL)
		return qerror_set(
		    err, AUDITQ_EINVAL, 0, NULL, "no query or no place for its statistics");
	if (asked.field[0] == '\0')
		return qerror_set(
		    err, AUDITQ_EINVAL, 0, NULL, "the field to measure has no name");
	if ((s = calloc(1, sizeof *s)) == NULL)
		return no_memory(err);
	if ((r = run(q, &asked, s, err)) < 0) {
		auditq_stats_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void
auditq_stats_free(auditq_stats_t *s)
{
	if (s == NULL)
		return;
	census_free(s->census);
	free(s->names);
	free(s->row);
	free(s->group);
	free(s);
}

size_t
auditq_stats_rows(const auditq_stats_t *s)
{
	return s == NULL ? 0 : s->n;
}

int
auditq_stats_get(const auditq_stats_t *s, size_t row, auditq_stats_row *out)
{
	size_t size;

	if (s == NULL || row >= s->n || out == NULL || out->size < sizeof out->size)
		return AUDITQ_EINVAL;
	size = out->size < sizeof *out ? out->size : sizeof *out;
	memcpy(out, &s->row[row], size);
	out->size = size;
	return 0;
}

/* The types are numbered alike. */
_Static_assert((int)AUDITQ_NULL == (int)FIELD_NULL && (int)AUDITQ_NUMBER == (int)FIELD_NUMBER &&
	(int)AUDITQ_STRING == (int)FIELD_STRING && (int)AUDITQ_ARRAY == (int)FIELD_ARRAY,
    "auditq_type is field_type");

int
auditq_stats_group(
    const auditq_stats_t *s, size_t row, size_t i, const char **name, auditq_value *value)
{
	struct field f;

	if (s == NULL || row >= s->n || i >= s->nby || name == NULL || value == NULL)
		return AUDITQ_EINVAL;
	f = census_value(s->census, s->group[row], i);
	*name = s->by[i];
	*value = (auditq_value){ .type = (int)f.type, .text = f.p, .len = f.n };
	return 0;
}

int
auditq_part_of(const auditq_t *q, const char *step, int64_t ns, int64_t *start, int64_t *end)
{
	const struct zone *zone = q != NULL ? q->ask.zone : NULL;
	int64_t length;

	if (step == NULL || start == NULL || end == NULL || read_step(step, &length, NULL) < 0)
		return AUDITQ_EINVAL;
	*start = parts_start(zone, length, ns);
	*end = parts_end(zone, length, *start);
	return 0;
}
