/* The numbers of field.h: exact, of any size, in any locale. */
#include <string.h>

#include "field.h"

/* Exponents beyond this are taken for it: far outside of anything a line can spell with digits. */
#define EXPONENT_MAX INT64_C(1000000000000000)

/*
 * A token taken apart: its value is 0.d1d2d3… * 10^point with d1 not zero, d being the digits
 * from p on (a '.' among them is skipped).
 */
struct decimal {
	const char *p;   /* the first digit that counts */
	const char *end; /* behind the last digit, trailing zeros included */
	int64_t point;
	int sign; /* -1, 0, 1 */
};

static int64_t
exponent(const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	int64_t e = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (; p < end; p++)
		if (e < EXPONENT_MAX)
			e = e * 10 + (*p - '0');
	if (e > EXPONENT_MAX)
		e = EXPONENT_MAX;
	return negative ? -e : e;
}

static struct decimal
decimal_parse(const char *s, size_t n)
{
	struct decimal d = { .sign = 1 };
	const char *end = s + n;
	bool fraction = false;

	if (s < end && *s == '-') {
		d.sign = -1;
		s++;
	}
	for (d.p = NULL; s < end && *s != 'e' && *s != 'E'; s++) {
		if (*s == '.') {
			fraction = true;
			continue;
		}
		if (d.p == NULL && *s != '0')
			d.p = s;
		if (d.p != NULL && !fraction)
			d.point++;
		else if (d.p == NULL && fraction)
			d.point--;
	}
	d.end = s;
	if (d.p == NULL)
		d.sign = 0;
	else if (s < end)
		d.point += exponent(s + 1, end);
	return d;
}

/* The next digit's value; zeros for ever behind the last. */
static int
next_digit(struct decimal *d)
{
	if (d->p < d->end && *d->p == '.')
		d->p++;
	return d->p < d->end ? *d->p++ - '0' : 0;
}

int
field_number_compare(const char *a, size_t na, const char *b, size_t nb)
{
	struct decimal x = decimal_parse(a, na), y = decimal_parse(b, nb);

	if (x.sign != y.sign)
		return x.sign < y.sign ? -1 : 1;
	if (x.sign == 0)
		return 0;
	if (x.point != y.point)
		return x.point < y.point ? -x.sign : x.sign;
	while (x.p < x.end || y.p < y.end) {
		int i = next_digit(&x), j = next_digit(&y);
		if (i != j)
			return i < j ? -x.sign : x.sign;
	}
	return 0;
}

/* Digits only, at most max. */
static bool
parse_integer(const char *p, const char *end, uint64_t max, uint64_t *out)
{
	uint64_t u = 0;

	if (p == end)
		return false;
	for (; p < end; p++) {
		unsigned digit = (unsigned)(unsigned char)*p - '0';
		if (digit > 9 || digit > max || u > (max - digit) / 10)
			return false;
		u = u * 10 + digit;
	}
	*out = u;
	return true;
}

bool
field_u64(const struct field *number, uint64_t *out)
{
	const char *p = number->p, *end;

	if (number->type != FIELD_NUMBER)
		return false;
	end = p + number->n;
	if (*p == '-')
		return parse_integer(p + 1, end, 0, out);
	return parse_integer(p, end, UINT64_MAX, out);
}

bool
field_i64(const struct field *number, int64_t *out)
{
	const char *p = number->p, *end;
	uint64_t u;

	if (number->type != FIELD_NUMBER)
		return false;
	end = p + number->n;
	if (*p != '-') {
		if (!parse_integer(p, end, INT64_MAX, &u))
			return false;
		*out = (int64_t)u;
		return true;
	}
	if (!parse_integer(p + 1, end, (uint64_t)INT64_MAX + 1, &u))
		return false;
	*out = u > INT64_MAX ? INT64_MIN : -(int64_t)u;
	return true;
}

/*
 * The nearest double, ties to even.  Up to 2^53 times or by an exact power of ten, one IEEE operation
 * rounds correctly (Clinger, "How to Read Floating Point Numbers Accurately").
 * Beyond that the quotient of two big integers is developed bit by bit.
 */

#define DIGITS_MAX 770 /* more never change the rounding, but that there are more does */
#define LIMBS      128 /* 10^(DIGITS_MAX + 343) and a few bits */

struct big {
	uint32_t limb[LIMBS]; /* least significant first */
	int n;                /* no zero on top */
};

static void
big_muladd(struct big *b, uint32_t factor, uint32_t add)
{
	uint64_t carry = add;

	for (int i = 0; i < b->n; i++) {
		carry += (uint64_t)b->limb[i] * factor;
		b->limb[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry != 0)
		b->limb[b->n++] = (uint32_t)carry;
}

static void
big_scale10(struct big *b, int64_t power)
{
	for (; power >= 9; power -= 9)
		big_muladd(b, 1000000000, 0);
	for (; power > 0; power--)
		big_muladd(b, 10, 0);
}

static void
big_shift(struct big *b, int bits)
{
	int limbs = bits / 32;

	if (bits % 32 != 0)
		big_muladd(b, (uint32_t)1 << (bits % 32), 0);
	if (limbs > 0) {
		memmove(b->limb + limbs, b->limb, (size_t)b->n * sizeof b->limb[0]);
		memset(b->limb, 0, (size_t)limbs * sizeof b->limb[0]);
		b->n += limbs;
	}
}

static int
big_bits(const struct big *b)
{
	return b->n * 32 - __builtin_clz(b->limb[b->n - 1]);
}

static int
big_compare(const struct big *a, const struct big *b)
{
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (int i = a->n; i-- > 0;)
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i] ? -1 : 1;
	return 0;
}

/* a -= b, a not the smaller one. */
static void
big_subtract(struct big *a, const struct big *b)
{
	uint64_t borrow = 0;

	for (int i = 0; i < a->n; i++) {
		uint64_t take = (i < b->n ? b->limb[i] : 0) + borrow;
		borrow = a->limb[i] < take;
		a->limb[i] -= (uint32_t)take;
	}
	while (a->n > 0 && a->limb[a->n - 1] == 0)
		a->n--;
}

/* value = over / under.  Scale one of them so that 1 <= over / under < 2; the power of two lost. */
static int
normalise(struct big *over, struct big *under)
{
	int e = big_bits(over) - big_bits(under);

	if (e >= 0)
		big_shift(under, e);
	else
		big_shift(over, -e);
	if (big_compare(over, under) < 0) {
		big_shift(over, 1);
		e--;
	}
	return e;
}

/* The bits of the double next to over / under, both not zero. */
static uint64_t
nearest(struct big *over, struct big *under)
{
	int e = normalise(over, under);
	int wanted = e >= -1022 ? 53 : 53 + 1022 + e; /* fewer bits below the normal range */
	uint64_t m = 0;
	int half;

	if (wanted < 0)
		return 0;
	for (int i = 0; i < wanted; i++) {
		m <<= 1;
		if (big_compare(over, under) >= 0) {
			m |= 1;
			big_subtract(over, under);
		}
		big_shift(over, 1);
	}
	/* over / under is now twice what is left below the last bit. */
	half = big_compare(over, under);
	if (half > 0 || (half == 0 && (m & 1) != 0))
		m++;
	/* A carry out of the mantissa raises the exponent by itself. */
	return e >= -1022 ? ((uint64_t)(e + 1022) << 52) + m : m;
}

static uint64_t
decimal_nearest(struct decimal d)
{
	struct big over = { .n = 0 }, under = { .limb = { 1 }, .n = 1 };
	int64_t power = d.point;
	int count = 0;

	for (; d.p < d.end && count < DIGITS_MAX; count++)
		big_muladd(&over, 10, (uint32_t)next_digit(&d));
	while (d.p < d.end) {
		if (next_digit(&d) != 0) {
			big_muladd(&over, 10, 1);
			count++;
			break;
		}
	}
	power -= count;
	if (power >= 0)
		big_scale10(&over, power);
	else
		big_scale10(&under, -power);
	return nearest(&over, &under);
}

/* The value by one rounded operation, where that is exact enough. */
static bool
decimal_fast(struct decimal d, double *out)
{
	static const double ten[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
		1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	int64_t power = d.point;
	uint64_t m = 0;

	while (d.p < d.end) {
		m = m * 10 + (uint64_t)next_digit(&d);
		power--;
		if (m > (uint64_t)1 << 53)
			return false;
	}
	if (power < -22 || power > 22)
		return false;
	*out = power < 0 ? (double)m / ten[-power] : (double)m * ten[power];
	return true;
}

bool
field_double(const struct field *number, double *out)
{
	struct decimal d;
	uint64_t bits;
	double value;

	if (number->type != FIELD_NUMBER)
		return false;
	d = decimal_parse(number->p, number->n);
	if (d.point > 309)
		return false;
	if (d.sign == 0 || d.point < -342) {
		value = 0;
	} else if (!decimal_fast(d, &value)) {
		bits = decimal_nearest(d);
		if (bits >= (uint64_t)0x7ff << 52)
			return false;
		memcpy(&value, &bits, sizeof value);
	}
	*out = *number->p == '-' ? -value : value;
	return true;
}
