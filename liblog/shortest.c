#include "shortest.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "pow10.h"

/* The upper 64 bits of a product, and *lo the lower ones. */
static inline uint64_t
multiply(uint64_t a, uint64_t b, uint64_t *lo)
{
#ifdef __SIZEOF_INT128__
	__extension__ const unsigned __int128 p = (unsigned __int128)a * b;

	*lo = (uint64_t)p;
	return (uint64_t)(p >> 64);
#else
	const uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
	const uint64_t p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
	const uint64_t middle = (p00 >> 32) + (uint32_t)p01 + (uint32_t)p10;

	*lo = middle << 32 | (uint32_t)p00;
	return p11 + (p01 >> 32) + (p10 >> 32) + (middle >> 32);
#endif
}

/*
 * The integer part of g times c over 2^128, with the last bit set when the rest is not 0 ("round
 * to odd"): comparing it with an even number then tells what the exact product would.  That g
 * is rounded up adds less than 2^64 to the product: y0 is 0 just when the exact rest is 0,
 * because no other rest comes as near to an integer (Giulietti, section 9).
 */
static inline uint64_t
round_to_odd(const struct pow10 *g, uint64_t c)
{
	uint64_t x0, y0, y1;
	const uint64_t x1 = multiply(g->lo, c, &x0);

	y1 = multiply(g->hi, c, &y0);
	y0 += x1;
	y1 += y0 < x1;
	return y1 | (y0 != 0);
}

/* Without the zeros at the end. */
static struct shortest
strip(uint64_t digits, int exponent)
{
	while (digits % 10 == 0) {
		digits /= 10;
		exponent++;
	}
	return (struct shortest){ .digits = digits, .exponent = exponent };
}

/*
 * The shortest decimal within the rounding interval of c * 2^q.  power: c is the least one of
 * its binade, whose lower neighbour is nearer than the upper one.  All is scaled by 4, so that
 * the ends of the interval are integers, and by 10^-k, so that of the decimals with exponent
 * k + 1 at most one, and of those with exponent k at least one, lies within it.
 */
static struct shortest
from_binary(uint64_t c, int q, bool power)
{
	/* floor(log10(2^q)), or of 3/4 of it; then q + floor(log2(10^-k)) + 1, from 1 to 4. */
	const int k = (q * 1262611 - (power ? 524031 : 0)) >> 22;
	const int h = q + (-k * 1741647 >> 19) + 1;
	const struct pow10 *g = &pow10_table[-k - POW10_FIRST];
	const uint64_t vb = round_to_odd(g, 4 * c << h);
	const bool odd = c & 1; /* the ends read back as an even c only */
	const uint64_t lower = round_to_odd(g, (4 * c - 2 + power) << h) + odd;
	const uint64_t upper = round_to_odd(g, (4 * c + 2) << h) - odd;
	const uint64_t s = vb / 4;
	bool below, above;

	if (s >= 10) {
		const uint64_t t = s / 10;

		below = lower <= 40 * t;
		above = 40 * t + 40 <= upper;
		if (below != above)
			return strip(t + above, k + 1);
	}
	below = lower <= 4 * s;
	above = 4 * s + 4 <= upper;
	if (below == above) /* then the closer one; of two as close, the even one */
		above = vb > 4 * s + 2 || (vb == 4 * s + 2 && (s & 1));
	return strip(s + above, k);
}

/* The fields of the IEEE 754 format; precision is the width of the fraction. */
static struct shortest
from_parts(uint64_t fraction, int exponent, int precision, int bias)
{
	const int q = (exponent == 0 ? 1 : exponent) - bias - precision;
	const uint64_t c = exponent == 0 ? fraction : fraction | UINT64_C(1) << precision;

	/* Integers that fit stand for themselves, and are common. */
	if (q <= 0 && q >= -precision && (c & ((UINT64_C(1) << -q) - 1)) == 0)
		return strip(c >> -q, 0);
	return from_binary(c, q, fraction == 0 && exponent > 1);
}

struct shortest
shortest_double(double d)
{
	uint64_t bits;
	int exponent;

	static_assert(sizeof bits == sizeof d, "a double is IEEE 754 binary64");
	memcpy(&bits, &d, sizeof bits);
	exponent = (int)(bits >> 52 & 0x7ff);
	assert(exponent != 0x7ff && bits << 1 != 0);
	return from_parts(bits & ((UINT64_C(1) << 52) - 1), exponent, 52, 1023);
}

struct shortest
shortest_float(float f)
{
	uint32_t bits;
	int exponent;

	static_assert(sizeof bits == sizeof f, "a float is IEEE 754 binary32");
	memcpy(&bits, &f, sizeof bits);
	exponent = (int)(bits >> 23 & 0xff);
	assert(exponent != 0xff && bits << 1 != 0);
	return from_parts(bits & ((UINT32_C(1) << 23) - 1), exponent, 23, 127);
}
