/* term - see term.h */
#include "term.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct range {
	uint32_t first, last;
};

static bool
harmful(uint32_t c)
{
	static const struct range ranges[] = {
		{ 0x00, 0x08 },
		{ 0x0a, 0x1f },
		{ 0x7f, 0x9f }, /* controls */
		{ 0x061c, 0x061c },
		{ 0x200e, 0x200f },
		{ 0x202a, 0x202e },
		{ 0x2066, 0x2069 },
	};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* The length that a sequence with this first byte should have; 0: none begins so. */
static size_t
sequence_length(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c >= 0xe0 && c <= 0xef)
		return 3;
	return c >= 0xf0 && c <= 0xf4 ? 4 : 0;
}

/* The held bytes as they are, or each by its number. */
static char *
put_held(struct term *t, char *dst, bool visible)
{
	if (visible) {
		memcpy(dst, t->held, t->nheld);
		dst += t->nheld;
	} else {
		for (size_t i = 0; i < t->nheld; i++)
			dst += sprintf(dst, "\\x%02x", t->held[i]);
	}
	t->nheld = 0;
	return dst;
}

static char *
put_whole(struct term *t, char *dst)
{
	static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = t->held[0] & first_bits[t->nheld];

	for (size_t i = 1; i < t->nheld; i++)
		c = c << 6 | (t->held[i] & 0x3f);
	if (c < least[t->nheld] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return put_held(t, dst, false);
	if (harmful(c)) {
		t->nheld = 0;
		return dst + sprintf(dst, "\\u%04x", (unsigned)c);
	}
	return put_held(t, dst, true);
}

static char *
put_byte(struct term *t, char *dst, unsigned char c)
{
	/* A CR is held until it is known whether it belongs to the end of a line. */
	if (t->nheld > 0 && t->held[0] == '\r') {
		t->nheld = 0;
		dst += sprintf(dst, c == '\n' ? "\r" : "\\u000d");
	}
	if (t->nheld > 0 && (c & 0xc0) != 0x80)
		dst = put_held(t, dst, false);
	if (c == '\n' && t->lines) {
		*dst++ = '\n';
		return dst;
	}
	t->held[t->nheld++] = c;
	if (c == '\r' && t->lines)
		return dst;
	size_t whole = sequence_length(t->held[0]);
	if (whole == 0)
		return put_held(t, dst, false);
	return t->nheld == whole ? put_whole(t, dst) : dst;
}

size_t
term_escape(struct term *t, const char *s, size_t n, char dst[TERM_ROOM])
{
	char *p = dst;

	for (size_t i = 0; i < n; i++)
		p = put_byte(t, p, (unsigned char)s[i]);
	return (size_t)(p - dst);
}

size_t
term_end(struct term *t, char dst[TERM_ROOM])
{
	if (t->nheld == 1 && t->held[0] == '\r') {
		t->nheld = 0;
		return (size_t)sprintf(dst, "\\u000d");
	}
	return (size_t)(put_held(t, dst, false) - dst);
}
