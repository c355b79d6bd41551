/* digits - decimal digits, two at a time: that halves the divisions. */
#ifndef DIGITS_H
#define DIGITS_H

#include <stdint.h>
#include <string.h>

static const char digits_pairs[] = "00010203040506070809101112131415161718192021222324"
				   "25262728293031323334353637383940414243444546474849"
				   "50515253545556575859606162636465666768697071727374"
				   "75767778798081828384858687888990919293949596979899";

/* Write n, below 100, as two digits. */
static inline void
digits_put2(char *dst, uint32_t n)
{
	memcpy(dst, digits_pairs + 2 * n, 2);
}

#define DIGITS_MAX 20 /* of a uint64_t */

/* How many digits u has. */
static inline unsigned
digits_count(uint64_t u)
{
	unsigned n = 1;

	/* Four steps at a time; small numbers leave at once. */
	for (;; u /= 10000, n += 4) {
		if (u < 10)
			return n;
		if (u < 100)
			return n + 1;
		if (u < 1000)
			return n + 2;
		if (u < 10000)
			return n + 3;
	}
}

/* Write u so that it ends before end; the start, at most DIGITS_MAX bytes below. */
static inline char *
digits_before(char *end, uint64_t u)
{
	/* Divisions of 32 bits are cheaper, and most numbers are small. */
	while (u > UINT32_MAX) {
		digits_put2(end -= 2, (uint32_t)(u % 100));
		u /= 100;
	}
	uint32_t v = (uint32_t)u;

	while (v >= 100) {
		digits_put2(end -= 2, v % 100);
		v /= 100;
	}
	if (v >= 10)
		digits_put2(end -= 2, v);
	else
		*--end = (char)('0' + v);
	return end;
}

/* Write u from p on; the end. */
static inline char *
digits_put(char *p, uint64_t u)
{
	p += digits_count(u);
	(void)digits_before(p, u);
	return p;
}

#endif
