#include "cells.h"

#include <stdlib.h>

int
cells_line(struct jbuf *b, cells_fn *put, const void *row)
{
	char *grown;

	b->len = 0;
	put(b, row);
	if (!jbuf_full(b))
		return 0;
	if ((grown = realloc(b->p, b->len)) == NULL)
		return -1;
	*b = (struct jbuf){ .p = grown, .cap = b->len };
	put(b, row);
	return 0;
}

static void
put_name(struct jbuf *b, const char *name)
{
	jbuf_char(b, b->len == 0 ? '{' : ',');
	jbuf_str(b, name, strlen(name));
	jbuf_char(b, ':');
}

void
cells_count(struct jbuf *b, const char *name, uint64_t n)
{
	put_name(b, name);
	jbuf_u64(b, n);
}

void
cells_text(struct jbuf *b, const char *name, const char *s, size_t n)
{
	put_name(b, name);
	if (s != NULL)
		jbuf_str(b, s, n);
	else
		jbuf_raw(b, "null", 4);
}

void
cells_time(struct jbuf *b, const char *name, int64_t ns)
{
	char text[CLOCK_LENGTH];

	if (ns != CLOCK_NONE)
		clock_format(text, ns);
	cells_text(b, name, ns != CLOCK_NONE ? text : NULL, CLOCK_LENGTH);
}

void
cells_span(struct jbuf *b, const char *name, int64_t from, int64_t to)
{
	put_name(b, name);
	if (from == CLOCK_NONE || to == CLOCK_NONE)
		jbuf_raw(b, "null", 4);
	else
		jbuf_double(b, (double)(((uint64_t)to - (uint64_t)from) / 1000) / 1e3);
}

void
cells_end(struct jbuf *b)
{
	jbuf_char(b, '}');
}
