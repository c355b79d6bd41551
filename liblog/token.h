/*
 * token - validate and step over one JSON token or value (RFC 8259), without recursion.
 *
 * The inner loop of field: what is called for every string is inline here.
 */
#ifndef TOKEN_H
#define TOKEN_H

#include "field.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * A place in a text.  The first failure sets why, a static text, and leaves p at the offending byte.
 *
 * With quote set, the text has neither backslashes nor control characters, and *quote is the next of the
 * quotes in it: an even number, as places in line.  Strings are stepped over one by one, and nothing
 * else can have a quote in it, so that whoever stands at one stands at that one.
 */
struct cursor {
	const char *p;
	const char *end;
	const char *why;
	const char *line;
	const uint16_t *quote; /* or NULL: they are to be looked for */
};

static inline int
token_fail(struct cursor *c, const char *why)
{
	c->why = why;
	return -1;
}

static inline bool
token_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline void
token_space(struct cursor *c)
{
	while (c->p < c->end && token_is_space(*c->p))
		c->p++;
}

static inline bool
token_at(const struct cursor *c, char byte)
{
	return c->p < c->end && *c->p == byte;
}

/* The first byte in p..end that may not stand in a string as it is: a quote, a backslash, or
 * a control character; end when there is none. */
static inline const char *
token_stop_bytewise(const char *p, const char *end)
{
	while (p < end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* The same, 16 bytes at a time. */
static inline const char *
token_stop(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i backslash = _mm_set1_epi8('\\');
	const __m128i control = _mm_set1_epi8(0x1f);

	for (; end - p >= 16; p += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i hit = _mm_or_si128(
		    _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, backslash)),
		    _mm_cmpeq_epi8(_mm_min_epu8(x, control), x));
		int mask = _mm_movemask_epi8(hit);
		if (mask != 0)
			return p + __builtin_ctz((unsigned)mask);
	}
#endif
	return token_stop_bytewise(p, end);
}

/* The rest of a string, from its first escape or fault on; for token_string only. */
int token_string_rest(struct cursor *c, struct field *out);

/* Step over the string that starts at c->p with a quote.  0 or -1. */
static inline int
token_string(struct cursor *c, struct field *out)
{
	const char *start = c->p + 1, *stop;

	out->type = FIELD_STRING;
	out->escaped = false;
	out->p = start;
	if (c->quote != NULL) {
		stop = c->line + c->quote[1];
		c->quote += 2;
		out->n = (size_t)(stop - start);
		c->p = stop + 1;
		return 0;
	}
	stop = token_stop(start, c->end);
	c->p = stop;
	if (stop == c->end || *stop != '"')
		return token_string_rest(c, out);
	out->n = (size_t)(stop - start);
	c->p = stop + 1;
	return 0;
}

/* The same for any other value; for token_value only. */
int token_value_other(struct cursor *c, int depth, struct field *out);

/*
 * Step over the value that starts at c->p, after any white space.  depth is the number of
 * objects and arrays that it stands in.  0 or -1.
 */
static inline int
token_value(struct cursor *c, int depth, struct field *out)
{
	return token_at(c, '"') ? token_string(c, out) : token_value_other(c, depth, out);
}

/* A key and its colon, up to the value.  0 or -1. */
static inline int
token_key(struct cursor *c, struct field *out)
{
	if (!token_at(c, '"'))
		return token_fail(c, "expected a key");
	if (token_string(c, out) < 0)
		return -1;
	token_space(c);
	if (!token_at(c, ':'))
		return token_fail(c, "expected ':'");
	c->p++;
	token_space(c);
	return 0;
}

#endif
