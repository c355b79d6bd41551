#include "clock.h"

#include <assert.h>
#include <string.h>

#include "digits.h"

/* Days whose every instant, and the end of the last one, an int64_t of nanoseconds holds. */
#define DAY_FIRST (-106751) /* 1677-09-22 */
#define DAY_LAST  106750    /* 2262-04-10 */

/* From 1970 back to a March 1 that begins 400 years and lies before all dates there are. */
#define YEARS_TO_ERA (400 * 82)
#define DAYS_TO_ERA  (719468 + 146097 * 82)

int64_t
clock_days_from_civil(int y, int m, int d)
{
	const int64_t year = (int64_t)y - (m <= 2);
	const int64_t era = (year >= 0 ? year : year - 399) / 400;
	const int64_t yoe = year - era * 400;
	const int64_t doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

void
clock_civil_from_days(int64_t days, int *y, int *m, int *d)
{
	/* Cassio Neri and Lorenz Schneider, "Euclidean Affine Functions and Applications to Calendar
	 * Algorithms" (2021), figure 12: divisions by constants, of which most are a multiplication
	 * whose halves are quotient and remainder.  Years begin in March here. */
	const uint32_t n = (uint32_t)(days + DAYS_TO_ERA);
	const uint32_t in_cycle = 4 * n + 3;
	const uint32_t century = in_cycle / 146097;
	const uint32_t in_century = in_cycle % 146097 / 4 * 4 + 3;
	const uint64_t product = UINT64_C(2939745) * in_century;
	const uint32_t in_year = (uint32_t)product / 2939745 / 4;
	const uint32_t month = 2141 * in_year + 197913;
	const bool next = in_year >= 306; /* January and February are of the next */

	*y = (int)(100 * century + (uint32_t)(product >> 32)) - YEARS_TO_ERA + next;
	*m = (int)(month >> 16) - (next ? 12 : 0);
	*d = (int)((month & 0xffff) / 2141 + 1);
}

bool
clock_date_valid(int y, int m, int d)
{
	static const int8_t length[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	const bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

	if (m < 1 || m > 12 || d < 1)
		return false;
	return d <= length[m - 1] + (m == 2 && leap);
}

int32_t
clock_day(int64_t ns)
{
	return (int32_t)(ns / CLOCK_DAY - (ns % CLOCK_DAY < 0));
}

void
clock_format_day(char dst[10], int32_t day)
{
	int y, m, d;

	clock_civil_from_days(day, &y, &m, &d);
	assert(y >= 0 && y <= 9999);
	digits_put2(dst, (uint32_t)y / 100);
	digits_put2(dst + 2, (uint32_t)y % 100);
	dst[4] = '-';
	digits_put2(dst + 5, (uint32_t)m);
	dst[7] = '-';
	digits_put2(dst + 8, (uint32_t)d);
}

/* Eight digits of n, below 10^8: halved three times, all parts of a word at once. */
static inline void
put8(char *dst, uint32_t n)
{
	const uint64_t fours = n / 10000 | (uint64_t)(n % 10000) << 32;
	const uint64_t hundreds = (fours * 10486 >> 20) & UINT64_C(0x7f0000007f);
	const uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
	const uint64_t tens = (twos * 103 >> 10) & UINT64_C(0x000f000f000f000f);
	uint64_t text = UINT64_C(0x3030303030303030) | tens | (twos - tens * 10) << 8;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	text = __builtin_bswap64(text);
#endif
	memcpy(dst, &text, 8);
}

void
clock_format(char dst[CLOCK_LENGTH], int64_t ns)
{
	const int32_t day = clock_day(ns);
	/* Unsigned, because the start of the first day lies below INT64_MIN. */
	const uint64_t rest = (uint64_t)ns - (uint64_t)day * (uint64_t)CLOCK_DAY;
	const uint32_t second = (uint32_t)(rest / (uint64_t)CLOCK_S);
	const uint32_t nano = (uint32_t)(rest - second * (uint64_t)CLOCK_S);

	clock_format_day(dst, day);
	dst[10] = 'T';
	digits_put2(dst + 11, second / 3600);
	dst[13] = ':';
	digits_put2(dst + 14, second / 60 % 60);
	dst[16] = ':';
	digits_put2(dst + 17, second % 60);
	dst[19] = '.';
	put8(dst + 20, nano / 10);
	dst[28] = (char)('0' + nano % 10);
	dst[29] = 'Z';
}

/* What is being parsed: at is the next byte, and the offending one on failure. */
struct text {
	const char *s;
	size_t n;
	size_t at;
};

static bool
is_digit(const struct text *t)
{
	return t->at < t->n && t->s[t->at] >= '0' && t->s[t->at] <= '9';
}

static bool
skip(struct text *t, char c)
{
	if (t->at == t->n || t->s[t->at] != c)
		return false;
	t->at++;
	return true;
}

/* A number of exactly so many digits from min to max; else at stays at its first digit, or at
 * the byte that is none. */
static bool
get_number(struct text *t, int digits, int min, int max, int *out)
{
	const size_t start = t->at;
	int v = 0;

	for (int i = 0; i < digits; i++, t->at++) {
		if (!is_digit(t))
			return false;
		v = 10 * v + (t->s[t->at] - '0');
	}
	if (v < min || v > max) {
		t->at = start;
		return false;
	}
	*out = v;
	return true;
}

static bool
get_date(struct text *t, int64_t *days)
{
	int y, m, d;

	if (!get_number(t, 4, 0, 9999, &y) || !skip(t, '-') || !get_number(t, 2, 1, 12, &m) ||
	    !skip(t, '-') || !get_number(t, 2, 1, 31, &d))
		return false;
	if (!clock_date_valid(y, m, d)) {
		t->at -= 2;
		return false;
	}
	*days = clock_days_from_civil(y, m, d);
	return true;
}

static bool
get_time(struct text *t, int64_t *second, int32_t *nano)
{
	int h, m, s;
	int32_t unit = 100000000;

	if (!get_number(t, 2, 0, 23, &h) || !skip(t, ':') || !get_number(t, 2, 0, 59, &m) ||
	    !skip(t, ':') || !get_number(t, 2, 0, 59, &s))
		return false;
	*second = h * 3600 + m * 60 + s;
	*nano = 0;
	if (!skip(t, '.') && !skip(t, ','))
		return true;
	if (!is_digit(t))
		return false;
	for (; is_digit(t); t->at++, unit /= 10)
		*nano += unit * (t->s[t->at] - '0');
	return true;
}

/* Seconds east of UTC; *zoned is false, and the offset 0, when the text ends here. */
static bool
get_zone(struct text *t, int64_t *offset, bool *zoned)
{
	bool west;
	int h, m = 0;

	*offset = 0;
	*zoned = t->at < t->n;
	if (!*zoned || skip(t, 'Z') || skip(t, 'z'))
		return true;
	west = t->s[t->at] == '-';
	if (!skip(t, '+') && !skip(t, '-'))
		return false;
	if (!get_number(t, 2, 0, 23, &h))
		return false;
	if ((skip(t, ':') || t->at < t->n) && !get_number(t, 2, 0, 59, &m))
		return false;
	*offset = (west ? -60 : 60) * (h * 60 + m);
	return true;
}

/* False when the instant does not fit, or would be CLOCK_NONE. */
static bool
join(int64_t second, int32_t nano, int64_t *ns)
{
	/* Towards zero first, since the least instant is no multiple of a second. */
	if (second < 0 && nano > 0) {
		second++;
		nano -= (int32_t)CLOCK_S;
	}
	return !__builtin_mul_overflow(second, CLOCK_S, ns) &&
	    !__builtin_add_overflow(*ns, nano, ns) && *ns != CLOCK_NONE;
}

static bool
get_instant(struct text *t, int64_t *ns, bool *zoned)
{
	int64_t days, second, offset;
	int32_t nano;

	if (!get_date(t, &days))
		return false;
	if (!skip(t, 'T') && !skip(t, 't') && !skip(t, ' '))
		return false;
	if (!get_time(t, &second, &nano) || !get_zone(t, &offset, zoned) || t->at != t->n)
		return false;
	if (!join(days * 86400 + second - offset, nano, ns)) {
		t->at = 0;
		return false;
	}
	return true;
}

int
clock_parse(const char *s, size_t n, int64_t *ns, bool *zoned, size_t *pos)
{
	struct text t = { .s = s, .n = n };
	int64_t instant;
	bool has_zone;

	if (!get_instant(&t, &instant, &has_zone)) {
		if (pos != NULL)
			*pos = t.at;
		return -1;
	}
	*ns = instant;
	if (zoned != NULL)
		*zoned = has_zone;
	return 0;
}

int
clock_parse_day(const char *s, size_t n, int32_t *day)
{
	struct text t = { .s = s, .n = n };
	int64_t days;

	if (!get_date(&t, &days) || t.at != n || days < DAY_FIRST || days > DAY_LAST)
		return -1;
	*day = (int32_t)days;
	return 0;
}
