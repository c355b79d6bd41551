#include "runid.h"

#include <string.h>

/* Where the hyphens stand: 8-4-4-4-12. */
static bool
is_hyphen(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

void
runid_format(char dst[RUNID_LENGTH], const uint8_t bin[16])
{
	static const char hex[] = "0123456789abcdef";
	static const uint8_t at[16] = { 0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32,
		34 };

	for (size_t i = 0; i < 16; i++) {
		dst[at[i]] = hex[bin[i] >> 4];
		dst[at[i] + 1] = hex[bin[i] & 15];
	}
	dst[8] = dst[13] = dst[18] = dst[23] = '-';
}

/* 0 to 15, or -1: upper-case digits are not canonical. */
static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
runid_parse(const char *s, size_t n, uint8_t bin[16])
{
	uint8_t out[16];
	size_t at = 0;

	if (n != RUNID_LENGTH)
		return false;
	for (size_t i = 0; i < 16; i++) {
		int hi, lo;

		if (is_hyphen(at) && s[at++] != '-')
			return false;
		hi = hex_digit(s[at++]);
		lo = hex_digit(s[at++]);
		if (hi < 0 || lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	if (bin != NULL)
		memcpy(bin, out, sizeof out);
	return true;
}

int
runid_make(char dst[RUNID_LENGTH + 1], int64_t now_ns)
{
	/* 48 bits of a count that has no sign: a clock before 1970 makes the least one. */
	const uint64_t ms = now_ns < 0 ? 0 : (uint64_t)now_ns / 1000000;
	uint8_t bin[16];

	if (sys->getrandom(bin + 6, sizeof bin - 6) < 0)
		return -1;
	for (int i = 0; i < 6; i++)
		bin[i] = (uint8_t)(ms >> (40 - 8 * i));
	bin[6] = (uint8_t)(0x70 | (bin[6] & 0x0f)); /* version 7 */
	bin[8] = (uint8_t)(0x80 | (bin[8] & 0x3f)); /* the variant of RFC 9562 */
	runid_format(dst, bin);
	dst[RUNID_LENGTH] = '\0';
	return 0;
}

int64_t
runid_time(const uint8_t bin[16])
{
	uint64_t ms = 0;

	if (bin[6] >> 4 != 7 || bin[8] >> 6 != 2)
		return CLOCK_NONE;
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | bin[i];
	return ms > INT64_MAX / 1000000 ? CLOCK_NONE : (int64_t)ms * 1000000;
}
