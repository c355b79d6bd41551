/* The strings of field.h: escapes resolved on the way, without a copy of the whole. */
#include <string.h>

#include "field.h"

/* A stretch of decoded bytes: of the token itself, or of one escape. */
struct piece {
	const char *p;
	size_t n;
	char bytes[4];
};

static unsigned
hex4(const char *p)
{
	unsigned u = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];
		u = u << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return u;
}

/* Surrogates too, as three bytes (WTF-8). */
static size_t
put_utf8(char dst[4], unsigned u)
{
	if (u < 0x80) {
		dst[0] = (char)u;
		return 1;
	}
	if (u < 0x800) {
		dst[0] = (char)(0xc0 | u >> 6);
		dst[1] = (char)(0x80 | (u & 0x3f));
		return 2;
	}
	if (u < 0x10000) {
		dst[0] = (char)(0xe0 | u >> 12);
		dst[1] = (char)(0x80 | (u >> 6 & 0x3f));
		dst[2] = (char)(0x80 | (u & 0x3f));
		return 3;
	}
	dst[0] = (char)(0xf0 | u >> 18);
	dst[1] = (char)(0x80 | (u >> 12 & 0x3f));
	dst[2] = (char)(0x80 | (u >> 6 & 0x3f));
	dst[3] = (char)(0x80 | (u & 0x3f));
	return 4;
}

/* p is behind "\u"; returns what is behind the escape, or behind the pair of them. */
static const char *
unescape_unicode(const char *p, const char *end, struct piece *out)
{
	unsigned u = hex4(p);

	p += 4;
	if (u >= 0xd800 && u < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
		unsigned low = hex4(p + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
			p += 6;
		}
	}
	out->n = put_utf8(out->bytes, u);
	return p;
}

/* p is at a backslash; returns what is behind the escape. */
static const char *
unescape(const char *p, const char *end, struct piece *out)
{
	char c = p[1];

	out->p = out->bytes;
	if (c == 'u')
		return unescape_unicode(p + 2, end, out);
	switch (c) {
	case 'b': c = '\b'; break;
	case 'f': c = '\f'; break;
	case 'n': c = '\n'; break;
	case 'r': c = '\r'; break;
	case 't': c = '\t'; break;
	default: break; /* stands for itself */
	}
	out->bytes[0] = c;
	out->n = 1;
	return p + 2;
}

/* The next piece from p on (p < end); returns where the one after it starts. */
static const char *
next_piece(const char *p, const char *end, bool escaped, struct piece *out)
{
	const char *stop = escaped ? memchr(p, '\\', (size_t)(end - p)) : NULL;

	if (stop == p)
		return unescape(p, end, out);
	out->p = p;
	out->n = (size_t)((stop != NULL ? stop : end) - p);
	return p + out->n;
}

size_t
field_decode(const struct field *string, char *dst, size_t cap)
{
	const char *p = string->p, *end = p + string->n;
	struct piece piece;
	size_t len = 0;

	while (p < end) {
		p = next_piece(p, end, string->escaped, &piece);
		if (len < cap)
			memcpy(dst + len, piece.p, piece.n < cap - len ? piece.n : cap - len);
		len += piece.n;
	}
	return len;
}

/* Compare what both have; *at is then how much of s that was, *more whether the string goes on. */
static int
compare_common(const struct field *string, const char *s, size_t n, size_t *at, bool *more)
{
	const char *p = string->p, *end = p + string->n;
	struct piece piece;

	*more = false;
	for (*at = 0; p < end && !*more;) {
		size_t some;
		int r;
		p = next_piece(p, end, string->escaped, &piece);
		some = piece.n < n - *at ? piece.n : n - *at;
		if (some > 0 && (r = memcmp(piece.p, s + *at, some)) != 0)
			return r;
		*at += some;
		*more = some < piece.n;
	}
	return 0;
}

int
field_compare(const struct field *string, const char *s, size_t n)
{
	size_t at;
	bool more;
	int r = compare_common(string, s, n, &at, &more);

	if (r != 0)
		return r;
	return more ? 1 : -(at < n);
}

bool
field_starts(const struct field *string, const char *s, size_t n)
{
	size_t at;
	bool more;

	return compare_common(string, s, n, &at, &more) == 0 && at == n;
}

bool
field_equals(const struct field *string, const char *s, size_t n)
{
	if (!string->escaped)
		return string->n == n && (n == 0 || memcmp(string->p, s, n) == 0);
	return string->n >= n && field_compare(string, s, n) == 0;
}
