#include "visible.h"

#include <stdio.h>

/* Length of the character at s, which a terminal might obey, and its number.  0: a harmless one. */
static size_t
obeyed(const char *s, size_t n, unsigned *c)
{
	const unsigned char *u = (const unsigned char *)s;

	*c = u[0];
	if (u[0] == 0x7f)
		return 1;
	if (n >= 2 && (u[0] & 0xe0) == 0xc0) {
		*c = (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
		return *c < 0xa0 || *c == 0x61c ? 2 : 0;
	}
	if (n >= 3 && (u[0] & 0xf0) == 0xe0) {
		*c = (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
		return *c == 0x200e || *c == 0x200f || (*c >= 0x2028 && *c <= 0x202e) ||
			(*c >= 0x2066 && *c <= 0x2069)
		    ? 3
		    : 0;
	}
	return 0;
}

size_t
visible_put(struct jbuf *b, const char *s, size_t n)
{
	size_t characters = 0, skip;
	char escape[sizeof "\\u0000"];
	unsigned c;

	for (size_t i = 0; i < n; i += skip) {
		if ((skip = obeyed(s + i, n - i, &c)) > 0) {
			(void)snprintf(escape, sizeof escape, "\\u%04x", c & 0xffff);
			jbuf_raw(b, escape, sizeof escape - 1);
			characters += sizeof escape - 1;
		} else {
			jbuf_char(b, s[i]);
			/* Not the bytes that go on in a character. */
			characters += ((unsigned char)s[i] & 0xc0) != 0x80;
			skip = 1;
		}
	}
	return characters;
}
