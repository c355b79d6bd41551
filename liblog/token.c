#include "token.h"

#include <string.h>

/* The objects and arrays around a place. */
struct nest {
	uint64_t arrays[FIELD_DEPTH / 64]; /* bit set: that level is an array */
	int depth;
};

static bool
is_digit(const struct cursor *c)
{
	return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* At the byte behind a backslash. */
static int
escape(struct cursor *c)
{
	if (c->p == c->end)
		return token_fail(c, "string does not end");
	switch (*c->p) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't': c->p++; return 0;
	case 'u':
		c->p++;
		for (int i = 0; i < 4; i++, c->p++)
			if (c->p == c->end || !is_hex(*c->p))
				return token_fail(c, "\\u without four hex digits");
		return 0;
	default: return token_fail(c, "invalid escape");
	}
}

int
token_string_rest(struct cursor *c, struct field *out)
{
	for (;;) {
		if (c->p == c->end)
			return token_fail(c, "string does not end");
		if (*c->p == '"')
			break;
		if (*c->p != '\\')
			return token_fail(c, "control character in a string");
		c->p++;
		if (escape(c) < 0)
			return -1;
		out->escaped = true;
		c->p = token_stop(c->p, c->end);
	}
	out->n = (size_t)(c->p - out->p);
	c->p++;
	return 0;
}

/* Eight at a time: of a number's length a processor foretells little. */
static void
skip_digits(struct cursor *c)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	while (c->end - c->p >= 8) {
		uint64_t x, other;

		memcpy(&x, c->p, sizeof x);
		/* '0' ... '9' become 0 ... 9; of all others the top bit is set, or gets set by 0x76. */
		x ^= UINT64_C(0x3030303030303030);
		other =
		    (x | ((x & UINT64_C(0x7f7f7f7f7f7f7f7f)) + UINT64_C(0x7676767676767676))) &
		    UINT64_C(0x8080808080808080);
		if (other != 0) {
			c->p += __builtin_ctzll(other) / 8;
			return;
		}
		c->p += 8;
	}
#endif
	while (is_digit(c))
		c->p++;
}

static int
digits(struct cursor *c)
{
	if (!is_digit(c))
		return token_fail(c, "expected a digit");
	skip_digits(c);
	return 0;
}

static int
number(struct cursor *c)
{
	if (*c->p == '-')
		c->p++;
	if (token_at(c, '0'))
		c->p++;
	else if (digits(c) < 0)
		return -1;
	if (is_digit(c))
		return token_fail(c, "number with a leading zero");
	if (token_at(c, '.')) {
		c->p++;
		if (digits(c) < 0)
			return -1;
	}
	if (token_at(c, 'e') || token_at(c, 'E')) {
		c->p++;
		if (token_at(c, '+') || token_at(c, '-'))
			c->p++;
		return digits(c);
	}
	return 0;
}

static int
literal(struct cursor *c, const char *word, size_t n)
{
	if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
		return token_fail(c, "expected a value");
	c->p += n;
	return 0;
}

/* A value that is no object and no array. */
static int
scalar(struct cursor *c, struct field *out)
{
	int r;

	out->p = c->p;
	out->escaped = false;
	switch (*c->p) {
	case '"': return token_string(c, out);
	case 't':
		out->type = FIELD_TRUE;
		r = literal(c, "true", 4);
		break;
	case 'f':
		out->type = FIELD_FALSE;
		r = literal(c, "false", 5);
		break;
	case 'n':
		out->type = FIELD_NULL;
		r = literal(c, "null", 4);
		break;
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		out->type = FIELD_NUMBER;
		r = number(c);
		break;
	default: return token_fail(c, "expected a value");
	}
	out->n = (size_t)(c->p - out->p);
	return r;
}

static bool
in_array(const struct nest *nest)
{
	int level = nest->depth - 1;

	return nest->arrays[level / 64] >> (level % 64) & 1;
}

static int
open(struct cursor *c, struct nest *nest, bool array)
{
	int level = nest->depth;
	uint64_t bit = (uint64_t)1 << (level % 64);

	if (level >= FIELD_DEPTH)
		return token_fail(c, "nested too deeply");
	if (array)
		nest->arrays[level / 64] |= bit;
	else
		nest->arrays[level / 64] &= ~bit;
	nest->depth++;
	c->p++;
	return 0;
}

/* Get to the next value: over a key and its colon in an object. */
static int
advance(struct cursor *c, const struct nest *nest)
{
	struct field key;

	token_space(c);
	if (!in_array(nest) && token_key(c, &key) < 0)
		return -1;
	return 1;
}

/* At the first byte of a value.  1: it is an object or array, and its first value follows;
 * 0: it has ended here. */
static int
begin(struct cursor *c, struct nest *nest)
{
	struct field ignored;
	bool array;

	if (c->p == c->end)
		return token_fail(c, "expected a value");
	array = *c->p == '[';
	if (!array && *c->p != '{')
		return scalar(c, &ignored);
	if (open(c, nest, array) < 0)
		return -1;
	token_space(c);
	if (token_at(c, array ? ']' : '}')) {
		c->p++;
		nest->depth--;
		return 0;
	}
	return advance(c, nest);
}

/* Behind a value.  1: another one follows; 0: the level down to which we were to go is reached. */
static int
resume(struct cursor *c, struct nest *nest, int depth)
{
	while (nest->depth > depth) {
		bool array = in_array(nest);
		token_space(c);
		if (token_at(c, ',')) {
			c->p++;
			return advance(c, nest);
		}
		if (!token_at(c, array ? ']' : '}'))
			return token_fail(
			    c, array ? "expected ',' or ']'" : "expected ',' or '}'");
		c->p++;
		nest->depth--;
	}
	return 0;
}

int
token_value_other(struct cursor *c, int depth, struct field *out)
{
	struct nest nest = { .depth = depth };
	int r;

	if (c->p == c->end)
		return token_fail(c, "expected a value");
	if (*c->p != '{' && *c->p != '[')
		return scalar(c, out);
	out->type = *c->p == '{' ? FIELD_OBJECT : FIELD_ARRAY;
	out->escaped = false;
	out->p = c->p;
	do {
		if ((r = begin(c, &nest)) == 0)
			r = resume(c, &nest, depth);
	} while (r > 0);
	out->n = (size_t)(c->p - out->p);
	return r;
}
