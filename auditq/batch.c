#include "batch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sys.h"

#define CHUNK_MIN ((size_t)4 << 10)
#define CHUNK_MAX ((size_t)256 << 10)
/* Blocks from this size on are mapped: batches are filled by workers and freed by others, and what passes
 * from heap to heap would stay with the process. */
#define MAP_MIN ((size_t)64 << 10)

struct batch_chunk {
	struct batch_chunk *next;
	size_t used, cap; /* of text */
	char text[];
};

static void *
block_new(size_t n)
{
	void *p;

	if (n < MAP_MIN)
		return malloc(n);
	p = sys->mmap(n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	return p == MAP_FAILED ? NULL : p;
}

static void
block_free(void *p, size_t n)
{
	if (n < MAP_MIN)
		free(p);
	else
		(void)sys->munmap(p, n);
}

int
batch_compare(const struct batch_key *a, const struct batch_key *b)
{
	if (a->ts != b->ts)
		return a->ts < b->ts ? -1 : 1;
	if (a->path != b->path)
		return a->path < b->path ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return 0;
}

/* Room for n bytes of text; chunks stay where they are, so that lines may point into them. */
static char *
take_text(struct batch *b, size_t n)
{
	struct batch_chunk *c = b->chunk;

	if (c == NULL || c->cap - c->used < n) {
		/* A batch of few lines stays small. */
		size_t bytes = c == NULL ? CHUNK_MIN : 2 * (sizeof *c + c->cap);

		bytes = bytes < CHUNK_MAX ? bytes : CHUNK_MAX;
		if (bytes < sizeof *c + n)
			bytes = sizeof *c + n;
		if ((c = block_new(bytes)) == NULL)
			return NULL;
		c->next = b->chunk;
		c->used = 0;
		c->cap = bytes - sizeof *c;
		b->chunk = c;
	}
	c->used += n;
	b->bytes += n;
	return c->text + c->used - n;
}

static int
grow_lines(struct batch *b)
{
	size_t cap = b->cap == 0 ? 16 : 2 * b->cap;
	struct batch_line *grown = block_new(cap * sizeof *grown);

	if (grown == NULL)
		return -1;
	if (b->n > 0)
		memcpy(grown, b->line, b->n * sizeof *grown);
	block_free(b->line, b->cap * sizeof *grown);
	b->line = grown;
	b->cap = cap;
	return 0;
}

int
batch_add(struct batch *b, const struct batch_key *key, const char *line, size_t n)
{
	char *text;

	if (b->n == b->cap && grow_lines(b) < 0)
		return -1;
	if ((text = take_text(b, n)) == NULL)
		return -1;
	if (n > 0)
		memcpy(text, line, n);
	if (b->n > 0 && batch_compare(&b->line[b->n - 1].key, key) > 0)
		b->unsorted = true;
	b->line[b->n++] = (struct batch_line){ *key, text, n };
	b->bytes += 2 * sizeof *b->line;
	return 0;
}

/* Merge two sorted neighbours; equal keys keep their order. */
static void
merge_halves(const struct batch_line *a, size_t na, const struct batch_line *b, size_t nb,
    struct batch_line *out)
{
	if (nb == 0 || batch_compare(&a[na - 1].key, &b->key) <= 0) {
		memcpy(out, a, (na + nb) * sizeof *a);
		return;
	}
	while (na > 0 && nb > 0) {
		if (batch_compare(&a->key, &b->key) <= 0) {
			*out++ = *a++;
			na--;
		} else {
			*out++ = *b++;
			nb--;
		}
	}
	if (na > 0)
		memcpy(out, a, na * sizeof *a);
	else if (nb > 0)
		memcpy(out, b, nb * sizeof *b);
}

/* Bottom-up merge sort: stable, and no worse on lines that are nearly in order, as logs are. */
static int
sort_lines(struct batch *b)
{
	struct batch_line *from = b->line, *to = block_new(b->cap * sizeof *to);
	size_t n = b->n;

	if (to == NULL)
		return -1;
	for (size_t width = 1; width < n; width *= 2) {
		for (size_t i = 0; i < n; i += 2 * width) {
			size_t mid = i + width < n ? i + width : n;
			size_t end = mid + width < n ? mid + width : n;

			merge_halves(from + i, mid - i, from + mid, end - mid, to + i);
		}
		b->line = to;
		to = from;
		from = b->line;
	}
	b->line = from;
	block_free(to, b->cap * sizeof *to);
	return 0;
}

int
batch_sort(struct batch *b, bool reverse)
{
	if (b->unsorted && sort_lines(b) < 0)
		return -1;
	b->unsorted = false;
	b->bytes -= b->n * sizeof *b->line;
	if (reverse)
		for (size_t i = 0, j = b->n; i + 1 < j; i++) {
			struct batch_line line = b->line[i];

			b->line[i] = b->line[--j];
			b->line[j] = line;
		}
	return 0;
}

int
batch_keep(struct batch *b, size_t n)
{
	struct batch kept = { 0 };

	if (n >= b->n)
		return 0;
	if (n > b->n / 2) {
		b->n = n;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		if (batch_add(&kept, &b->line[i].key, b->line[i].p, b->line[i].n) < 0) {
			batch_release(&kept);
			return -1;
		}
	batch_release(b);
	*b = kept;
	return 0;
}

void
batch_release(struct batch *b)
{
	struct batch_chunk *next;

	for (struct batch_chunk *c = b->chunk; c != NULL; c = next) {
		next = c->next;
		block_free(c, sizeof *c + c->cap);
	}
	block_free(b->line, b->cap * sizeof *b->line);
	*b = (struct batch){ 0 };
}
