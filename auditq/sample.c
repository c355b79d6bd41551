#include "sample.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sys.h"
#include "temp.h"

#define FIRST 8   /* numbers that a group gets room for */
#define LOOKS 128 /* into a mapped file before it is let go: each may map 64 KiB */
#define SIGN  (UINT64_C(1) << 63)

/* The part of sorted numbers in which a search goes on, and where its last key divides it. */
struct window {
	size_t lo, hi, cut;
};

/* Numbers as integers of the same order. */
struct values {
	uint64_t *key;
	size_t n, cap;
	struct window window;
};

/* Sorted numbers of a group in the file. */
struct run {
	uint32_t group;
	size_t at, n; /* in numbers */
	struct window window;
};

struct sample {
	struct values *group;
	size_t ngroup;
	size_t held, max; /* bytes of all `cap` */
	uint64_t *scratch;
	size_t nscratch;

	int fd;     /* of the file; -1: there is none */
	size_t end; /* in numbers */
	struct run *run;
	size_t nrun, cap_run;
	uint64_t *map; /* the file, when all is there */
	size_t looks;  /* into it, since its pages were let go */
};

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "numbers");
}

int
sample_new(struct sample **ret, size_t max_bytes, auditq_error *err)
{
	struct sample *s = calloc(1, sizeof *s);

	if (s == NULL)
		return no_memory(err);
	s->max = max_bytes;
	s->fd = -1;
	*ret = s;
	return 0;
}

static void
drop_values(struct sample *s)
{
	for (size_t i = 0; i < s->ngroup; i++)
		free(s->group[i].key);
	free(s->group);
	s->group = NULL;
	s->ngroup = s->held = 0;
}

void
sample_free(struct sample *s)
{
	if (s == NULL)
		return;
	drop_values(s);
	if (s->map != NULL)
		(void)sys->munmap(s->map, s->end * sizeof *s->map);
	if (s->fd >= 0)
		(void)sys->close(s->fd);
	free(s->scratch);
	free(s->run);
	free(s);
}

/* ---- order ---- */

/* Negative numbers are stored by their magnitude: their bits are turned round. */
static uint64_t
key_of(double x)
{
	uint64_t bits;

	x += 0.0;
	memcpy(&bits, &x, sizeof bits);
	return (bits & SIGN) != 0 ? ~bits : bits | SIGN;
}

static double
number_of(uint64_t key)
{
	uint64_t bits = (key & SIGN) != 0 ? key & ~SIGN : ~key;
	double x;

	memcpy(&x, &bits, sizeof x);
	return x;
}

/* By a byte at a time, the least first; a byte that all have in common costs nothing. */
static int
sort(struct sample *s, struct values *v)
{
	size_t count[8][256] = { 0 };
	uint64_t *from = v->key, *to;

	if (v->n > s->nscratch) {
		free(s->scratch);
		s->nscratch = 0;
		if ((s->scratch = malloc(v->n * sizeof *s->scratch)) == NULL)
			return -1;
		s->nscratch = v->n;
	}
	to = s->scratch;
	for (size_t i = 0; i < v->n; i++)
		for (int b = 0; b < 8; b++)
			count[b][v->key[i] >> 8 * b & 0xff]++;
	for (int b = 0; b < 8; b++) {
		uint64_t *swap = from;
		size_t at = 0;

		if (v->n == 0 || count[b][from[0] >> 8 * b & 0xff] == v->n)
			continue;
		for (int i = 0; i < 256; i++) {
			size_t n = count[b][i];

			count[b][i] = at;
			at += n;
		}
		for (size_t i = 0; i < v->n; i++)
			to[count[b][from[i] >> 8 * b & 0xff]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != v->key)
		memcpy(v->key, from, v->n * sizeof *from);
	return 0;
}

/* ---- taking numbers ---- */

static int
add_run(struct sample *s, uint32_t group, size_t n, auditq_error *err)
{
	if (s->nrun == s->cap_run) {
		size_t cap = s->cap_run == 0 ? 64 : 2 * s->cap_run;
		struct run *run = realloc(s->run, cap * sizeof *run);

		if (run == NULL)
			return no_memory(err);
		s->run = run;
		s->cap_run = cap;
	}
	s->run[s->nrun++] = (struct run){ .group = group, .at = s->end, .n = n };
	return 0;
}

static int
spill_group(struct sample *s, uint32_t group, auditq_error *err)
{
	struct values *v = &s->group[group];
	size_t bytes = v->n * sizeof *v->key;
	int r;

	if (v->n == 0)
		return 0;
	if (sort(s, v) < 0)
		return no_memory(err);
	if ((r = add_run(s, group, v->n, err)) < 0)
		return r;
	if (sys_pwrite_all(s->fd, v->key, bytes, (off_t)(s->end * sizeof *v->key)) < 0)
		return qerror_set(
		    err, AUDITQ_EIO, errno, NULL, "cannot write a temporary file");
	s->end += v->n;
	return 0;
}

static int
spill(struct sample *s, auditq_error *err)
{
	int r = 0;

	if (s->fd < 0 && (s->fd = temp_open(err)) < 0)
		return s->fd;
	for (size_t i = 0; i < s->ngroup && r == 0; i++)
		r = spill_group(s, (uint32_t)i, err);
	drop_values(s);
	return r;
}

static int
make_group(struct sample *s, uint32_t group, auditq_error *err)
{
	size_t n = s->ngroup;
	struct values *grown;

	if (group < n)
		return 0;
	n = group < 2 * n ? 2 * n : (size_t)group + FIRST;
	if ((grown = realloc(s->group, n * sizeof *grown)) == NULL)
		return no_memory(err);
	memset(grown + s->ngroup, 0, (n - s->ngroup) * sizeof *grown);
	s->group = grown;
	s->ngroup = n;
	return 0;
}

/* Room for more in a group, perhaps by making room in all. */
static int
make_room(struct sample *s, uint32_t group, auditq_error *err)
{
	size_t had = group < s->ngroup ? s->group[group].cap : 0;
	size_t cap = had == 0 ? FIRST : 2 * had;
	uint64_t *key;
	int r;

	if (s->held > 0 && s->held + (cap - had) * sizeof *key > s->max) {
		if ((r = spill(s, err)) < 0)
			return r;
		had = 0;
		cap = FIRST;
	}
	if ((r = make_group(s, group, err)) < 0)
		return r;
	if ((key = realloc(s->group[group].key, cap * sizeof *key)) == NULL)
		return no_memory(err);
	s->held += (cap - had) * sizeof *key;
	s->group[group].key = key;
	s->group[group].cap = cap;
	return 0;
}

int
sample_add(struct sample *s, uint32_t group, double x, auditq_error *err)
{
	struct values *v;
	int r;

	if ((group >= s->ngroup || s->group[group].n == s->group[group].cap) &&
	    (r = make_room(s, group, err)) < 0)
		return r;
	v = &s->group[group];
	v->key[v->n++] = key_of(x);
	return 0;
}

static int
by_group(const void *x, const void *y)
{
	const struct run *a = x, *b = y;

	return a->group < b->group ? -1 : a->group > b->group;
}

int
sample_finish(struct sample *s, auditq_error *err)
{
	for (size_t i = 0; i < s->ngroup; i++)
		if (sort(s, &s->group[i]) < 0)
			return no_memory(err);
	free(s->scratch);
	s->scratch = NULL;
	s->nscratch = 0;
	if (s->nrun == 0)
		return 0;
	qsort(s->run, s->nrun, sizeof *s->run, by_group);
	s->map = sys->mmap(s->end * sizeof *s->map, PROT_READ, MAP_SHARED, s->fd);
	if (s->map == MAP_FAILED) {
		s->map = NULL;
		return qerror_set(err, AUDITQ_EIO, errno, NULL, "cannot map a temporary file");
	}
	/* Halving touches few pages, and those beside them are not to come along into memory. */
	(void)sys->madvise(s->map, s->end * sizeof *s->map, MADV_RANDOM);
	return 0;
}

uint64_t
sample_spilled(const struct sample *s)
{
	return s->end * sizeof *s->map;
}

/* ---- ranks ---- */

/* How many of the sorted keys are at most `key`, which is known to be lo to hi. */
static size_t
cut(struct window *w, const uint64_t *sorted, uint64_t key, size_t *looks)
{
	size_t lo = w->lo, hi = w->hi;

	for (; lo < hi; ++*looks) {
		size_t mid = lo + (hi - lo) / 2;

		if (sorted[mid] <= key)
			lo = mid + 1;
		else
			hi = mid;
	}
	w->cut = lo;
	return lo;
}

static size_t
first_run(const struct sample *s, uint32_t group)
{
	size_t lo = 0, n = s->nrun;

	while (lo < n) {
		size_t mid = lo + (n - lo) / 2;

		if (s->run[mid].group < group)
			lo = mid + 1;
		else
			n = mid;
	}
	return lo;
}

static void
open_windows(struct sample *s, uint32_t group)
{
	if (group < s->ngroup)
		s->group[group].window = (struct window){ .hi = s->group[group].n };
	for (size_t i = first_run(s, group); i < s->nrun && s->run[i].group == group; i++)
		s->run[i].window = (struct window){ .hi = s->run[i].n };
}

/* What was looked at does not stay: searches for many ranks would have all of the file in memory. */
static void
forget_pages(struct sample *s)
{
	(void)sys->madvise(s->map, s->end * sizeof *s->map, MADV_DONTNEED);
	s->looks = 0;
}

static uint64_t
count_in(struct sample *s, uint32_t group, uint64_t key)
{
	uint64_t n = 0;

	if (group < s->ngroup)
		n = cut(&s->group[group].window, s->group[group].key, key, &(size_t){ 0 });
	for (size_t i = first_run(s, group); i < s->nrun && s->run[i].group == group; i++) {
		n += cut(&s->run[i].window, s->map + s->run[i].at, key, &s->looks);
		if (s->looks >= LOOKS)
			forget_pages(s);
	}
	return n;
}

static void
narrow(struct window *w, bool below)
{
	if (below)
		w->hi = w->cut;
	else
		w->lo = w->cut;
}

static void
narrow_all(struct sample *s, uint32_t group, bool below)
{
	if (group < s->ngroup)
		narrow(&s->group[group].window, below);
	for (size_t i = first_run(s, group); i < s->nrun && s->run[i].group == group; i++)
		narrow(&s->run[i].window, below);
}

/* The least key that is above so many: found by halving what it may be, since runs cannot be merged in
 * little memory, but counted in quickly; each time in what the time before left of them. */
double
sample_at(struct sample *const *s, size_t n, uint32_t group, uint64_t rank)
{
	uint64_t lo = 0, hi = UINT64_MAX;

	for (size_t i = 0; i < n; i++)
		open_windows(s[i], group);
	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2, count = 0;

		for (size_t i = 0; i < n; i++)
			count += count_in(s[i], group, mid);
		for (size_t i = 0; i < n; i++)
			narrow_all(s[i], group, count > rank);
		if (count > rank)
			hi = mid;
		else
			lo = mid + 1;
	}
	return number_of(lo);
}
