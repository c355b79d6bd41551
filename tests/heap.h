/*
 * heap - for tests: allocations of which the Nth fails, and how many blocks are not freed.
 *
 * The linker leads ours here (--wrap, in the Makefile); jansson and libdeflate are told to come.
 *
 *     heap_begin(n, forever);     the nth allocation from here, from 0, fails, and all behind it
 *     ... the scenario ...
 *     if (!heap_end()) the scenario has fewer of them: the sweep is over
 */
#ifndef HEAP_H
#define HEAP_H

#include <errno.h>
#include <jansson.h>
#include <libdeflate.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
	atomic_bool on;
	bool forever;
	atomic_long at, n, live; /* calls; blocks that are not freed */
	atomic_bool fired;
} heap;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
char *__real_getcwd(char *buf, size_t n);
FILE *__real_open_memstream(char **p, size_t *n);
void __real_free(void *p);

/* Whether this one is to fail; in a test that is not about it, never. */
static inline bool
heap_fails(void)
{
	long n;

	if (!heap.on)
		return false;
	n = heap.n++;
	if (heap.at < 0 || n < heap.at || (n > heap.at && !heap.forever))
		return false;
	heap.fired = true;
	errno = ENOMEM;
	return true;
}

static inline void *
heap_count(void *p)
{
	heap.live += p != NULL;
	return p;
}

void *
__wrap_malloc(size_t n)
{
	return heap_fails() ? NULL : heap_count(__real_malloc(n));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return heap_fails() ? NULL : heap_count(__real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t n)
{
	if (heap_fails())
		return NULL;
	return p == NULL ? heap_count(__real_realloc(p, n)) : __real_realloc(p, n);
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	if (heap_fails())
		return NULL;
	return p == NULL ? heap_count(__real_reallocarray(p, n, size))
			 : __real_reallocarray(p, n, size);
}

char *
__wrap_strdup(const char *s)
{
	return heap_fails() ? NULL : heap_count(__real_strdup(s));
}

char *
__wrap_strndup(const char *s, size_t n)
{
	return heap_fails() ? NULL : heap_count(__real_strndup(s, n));
}

int
__wrap_asprintf(char **p, const char *format, ...)
{
	va_list ap;
	int n;

	if (heap_fails())
		return -1;
	va_start(ap, format);
	n = vasprintf(p, format, ap);
	va_end(ap);
	(void)heap_count(n >= 0 ? *p : NULL);
	return n;
}

char *
__wrap_getcwd(char *buf, size_t n)
{
	return buf != NULL ? __real_getcwd(buf, n)
	    : heap_fails() ? NULL
			   : heap_count(__real_getcwd(buf, n));
}

/* What it leaves is to be freed. */
FILE *
__wrap_open_memstream(char **p, size_t *n)
{
	FILE *f = heap_fails() ? NULL : __real_open_memstream(p, n);

	heap.live += f != NULL;
	return f;
}

void
__wrap_free(void *p)
{
	heap.live -= p != NULL;
	__real_free(p);
}

static inline void
heap_begin(long at, bool forever)
{
	heap.at = at;
	heap.forever = forever;
	heap.n = 0;
	heap.fired = false;
	heap.on = true;
}

/* Nothing fails any more; whether one did. */
static inline bool
heap_end(void)
{
	heap.at = -1;
	return heap.fired;
}

static inline void
heap_lead(void)
{
	json_set_alloc_funcs(__wrap_malloc, __wrap_free);
	libdeflate_set_memory_allocator(__wrap_malloc, __wrap_free);
}

#endif
