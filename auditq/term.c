/* term - see term.h */
#include "term.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct range {
	uint32_t first, last;
};

/* In ascending order. */
static const struct range harmful[] = {
	{ 0x00, 0x08 },
	{ 0x0a, 0x1f },
	{ 0x7f, 0x9f }, /* controls */
	{ 0x061c, 0x061c },
	{ 0x200e, 0x200f },
	{ 0x202a, 0x202e },
	{ 0x2066, 0x2069 },
};

/* Of scripts that terminals join; what is missing here shifts a column, and no more. */
static const struct range combining[] = {
	{ 0x0300, 0x036f },
	{ 0x0483, 0x0489 },
	{ 0x0591, 0x05bd },
	{ 0x05bf, 0x05c7 },
	{ 0x0610, 0x061a },
	{ 0x064b, 0x065f },
	{ 0x0670, 0x0670 },
	{ 0x06d6, 0x06dc },
	{ 0x0730, 0x074a },
	{ 0x0900, 0x0902 },
	{ 0x093c, 0x093c },
	{ 0x0941, 0x0948 },
	{ 0x094d, 0x094d },
	{ 0x0e31, 0x0e31 },
	{ 0x0e34, 0x0e3a },
	{ 0x0e47, 0x0e4e },
	{ 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff },
	{ 0x200b, 0x200d },
	{ 0x2060, 0x2064 },
	{ 0x20d0, 0x20f0 },
	{ 0x302a, 0x302d },
	{ 0x3099, 0x309a },
	{ 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f },
	{ 0xfeff, 0xfeff },
	{ 0x1f3fb, 0x1f3ff },
	{ 0xe0100, 0xe01ef },
};

static const struct range wide[] = {
	{ 0x1100, 0x115f },
	{ 0x231a, 0x231b },
	{ 0x2329, 0x232a },
	{ 0x23e9, 0x23ec },
	{ 0x23f0, 0x23f0 },
	{ 0x23f3, 0x23f3 },
	{ 0x25fd, 0x25fe },
	{ 0x2614, 0x2615 },
	{ 0x2648, 0x2653 },
	{ 0x267f, 0x267f },
	{ 0x2693, 0x2693 },
	{ 0x26a1, 0x26a1 },
	{ 0x26aa, 0x26ab },
	{ 0x26bd, 0x26be },
	{ 0x26c4, 0x26c5 },
	{ 0x26ce, 0x26ce },
	{ 0x26d4, 0x26d4 },
	{ 0x26ea, 0x26ea },
	{ 0x26f2, 0x26f3 },
	{ 0x26f5, 0x26f5 },
	{ 0x26fa, 0x26fa },
	{ 0x26fd, 0x26fd },
	{ 0x2705, 0x2705 },
	{ 0x270a, 0x270b },
	{ 0x2728, 0x2728 },
	{ 0x274c, 0x274c },
	{ 0x274e, 0x274e },
	{ 0x2753, 0x2755 },
	{ 0x2757, 0x2757 },
	{ 0x2795, 0x2797 },
	{ 0x27b0, 0x27b0 },
	{ 0x27bf, 0x27bf },
	{ 0x2b1b, 0x2b1c },
	{ 0x2b50, 0x2b50 },
	{ 0x2b55, 0x2b55 },
	{ 0x2e80, 0x303e },
	{ 0x3041, 0x33ff },
	{ 0x3400, 0x4dbf },
	{ 0x4e00, 0x9fff },
	{ 0xa000, 0xa4cf },
	{ 0xa960, 0xa97c },
	{ 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },
	{ 0xfe10, 0xfe19 },
	{ 0xfe30, 0xfe6f },
	{ 0xff01, 0xff60 },
	{ 0xffe0, 0xffe6 },
	{ 0x16fe0, 0x18aff },
	{ 0x1b000, 0x1b2fb },
	{ 0x1f004, 0x1f004 },
	{ 0x1f0cf, 0x1f0cf },
	{ 0x1f18e, 0x1f18e },
	{ 0x1f191, 0x1f19a },
	{ 0x1f200, 0x1f320 },
	{ 0x1f32d, 0x1f335 },
	{ 0x1f337, 0x1f37c },
	{ 0x1f37e, 0x1f393 },
	{ 0x1f3a0, 0x1f3ca },
	{ 0x1f3cf, 0x1f3d3 },
	{ 0x1f3e0, 0x1f3f0 },
	{ 0x1f3f4, 0x1f3f4 },
	{ 0x1f3f8, 0x1f43e },
	{ 0x1f440, 0x1f440 },
	{ 0x1f442, 0x1f4fc },
	{ 0x1f4ff, 0x1f53d },
	{ 0x1f54b, 0x1f54e },
	{ 0x1f550, 0x1f567 },
	{ 0x1f57a, 0x1f57a },
	{ 0x1f595, 0x1f596 },
	{ 0x1f5a4, 0x1f5a4 },
	{ 0x1f5fb, 0x1f64f },
	{ 0x1f680, 0x1f6c5 },
	{ 0x1f6cc, 0x1f6cc },
	{ 0x1f6d0, 0x1f6d2 },
	{ 0x1f6d5, 0x1f6d7 },
	{ 0x1f6dc, 0x1f6df },
	{ 0x1f6eb, 0x1f6ec },
	{ 0x1f6f4, 0x1f6fc },
	{ 0x1f7e0, 0x1f7eb },
	{ 0x1f90c, 0x1f93a },
	{ 0x1f93c, 0x1f945 },
	{ 0x1f947, 0x1f9ff },
	{ 0x1fa70, 0x1faff },
	{ 0x20000, 0x3fffd },
};

#define IN(ranges, c) is_in(ranges, sizeof(ranges) / sizeof(ranges)[0], c)

static bool
is_in(const struct range *range, size_t n, uint32_t c)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (c > range[mid].last)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && c >= range[low].first;
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

/* Of n bytes, as many as its first one asks for. */
static uint32_t
character(const unsigned char *s, size_t n)
{
	static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = s[0] & first_bits[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

static char *
put_whole(struct term *t, char *dst)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = character(t->held, t->nheld);

	if (c < least[t->nheld] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return put_held(t, dst, false);
	if (IN(harmful, c)) {
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

size_t
term_cells(const char *s, size_t n)
{
	size_t cells = 0;

	for (size_t i = 0; i < n;) {
		const unsigned char *p = (const unsigned char *)s + i;
		size_t length = sequence_length(*p);

		if (length == 0 || length > n - i)
			length = 1;
		uint32_t c = character(p, length);
		if (!IN(combining, c))
			cells += IN(wide, c) ? 2 : 1;
		i += length;
	}
	return cells;
}
