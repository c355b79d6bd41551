#include "headway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- writers ---- */

/* Where it stands, or belongs. */
static size_t
find_writer(const struct headway *p, const char *writer)
{
	size_t lo = 0, hi = p->nwriter;

	while (lo < hi) {
		const size_t mid = (lo + hi) / 2;

		if (strcmp(p->writer[mid]->writer, writer) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Room for one more pointer. */
static void *
grow(void *array, size_t n, size_t *cap)
{
	const size_t more = *cap == 0 ? 16 : 2 * *cap;
	void *grown;

	if (n < *cap)
		return array;
	if ((grown = reallocarray(array, more, sizeof(void *))) != NULL)
		*cap = more;
	return grown;
}

struct headway_writer *
headway_writer(struct headway *p, const char *writer)
{
	const size_t i = find_writer(p, writer);
	struct headway_writer **grown, *w;

	if (i < p->nwriter && strcmp(p->writer[i]->writer, writer) == 0)
		return p->writer[i];
	if ((grown = grow(p->writer, p->nwriter, &p->cap_writer)) == NULL)
		return NULL;
	p->writer = grown;
	if ((w = calloc(1, sizeof *w)) == NULL)
		return NULL;
	memcpy(w->writer, writer, PATH_WRITER_LENGTH);
	memmove(&p->writer[i + 1], &p->writer[i],
	    (p->nwriter - i) * sizeof(struct headway_writer *));
	p->writer[i] = w;
	p->nwriter++;
	return w;
}

/* ---- files ---- */

struct headway_file *
headway_file(struct headway *p, const char *path)
{
	struct headway_file **grown, *f;

	if ((grown = grow(p->file, p->nfile, &p->cap_file)) == NULL)
		return NULL;
	p->file = grown;
	if ((f = calloc(1, sizeof *f)) == NULL)
		return NULL;
	if (path != NULL && (f->path = strdup(path)) == NULL) {
		free(f);
		return NULL;
	}
	f->ts = INT64_MIN;
	p->file[p->nfile++] = f;
	return f;
}

static int
compare_inodes(const struct headway_file *f, uint64_t dev, uint64_t ino)
{
	if (f->dev != dev)
		return f->dev < dev ? -1 : 1;
	return f->ino < ino ? -1 : f->ino > ino;
}

static int
by_inode(const void *x, const void *y)
{
	const struct headway_file *const *a = x, *const *b = y;

	return compare_inodes(*a, (*b)->dev, (*b)->ino);
}

void
headway_order(struct headway *p)
{
	if (p->nfile > 1)
		qsort(p->file, p->nfile, sizeof(struct headway_file *), by_inode);
	p->nordered = p->nfile;
}

struct headway_file *
headway_inode(const struct headway *p, uint64_t dev, uint64_t ino)
{
	size_t lo = 0, hi = p->nordered;

	while (lo < hi) {
		const size_t mid = (lo + hi) / 2;
		const int c = compare_inodes(p->file[mid], dev, ino);

		if (c == 0)
			return p->file[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

uint64_t
headway_done(const struct headway_file *f)
{
	return f->seen.n > 0 && f->seen.p[0].first == 0 ? f->seen.p[0].last + 1 : 0;
}

/* ---- all of it ---- */

static void
writer_free(struct headway_writer *w)
{
	spans_release(&w->seen);
	free(w);
}

static void
file_free(struct headway_file *f)
{
	spans_release(&f->seen);
	free(f->path);
	free(f);
}

void
headway_forget(struct headway *p, int64_t before)
{
	size_t n = 0, ordered = 0;

	for (size_t i = 0; i < p->nwriter; i++) {
		if (p->writer[i]->met < before)
			writer_free(p->writer[i]);
		else
			p->writer[n++] = p->writer[i];
	}
	p->nwriter = n;
	n = 0;
	for (size_t i = 0; i < p->nfile; i++) {
		if (p->file[i]->met < before) {
			file_free(p->file[i]);
			continue;
		}
		ordered += i < p->nordered;
		p->file[n++] = p->file[i];
	}
	p->nfile = n;
	p->nordered = ordered;
}

void
headway_release(struct headway *p)
{
	for (size_t i = 0; i < p->nwriter; i++)
		writer_free(p->writer[i]);
	for (size_t i = 0; i < p->nfile; i++)
		file_free(p->file[i]);
	free(p->writer);
	free(p->file);
	*p = (struct headway){ 0 };
}
