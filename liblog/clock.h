/*
 * clock - instants as nanoseconds since 1970-01-01T00:00:00Z in an int64_t (1677-09-21 to
 * 2262-04-11), their RFC 3339 text both ways, and civil dates.  No locale, no libc time zones,
 * no leap seconds.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys.h"

#define CLOCK_NONE   INT64_MIN /* "no time"; never a valid instant */
#define CLOCK_S      INT64_C(1000000000)
#define CLOCK_DAY    (INT64_C(86400) * CLOCK_S)
#define CLOCK_LENGTH 30 /* of "2025-10-23T14:05:09.123456789Z" */

/* Days since 1970-01-01 of a proleptic Gregorian date, and back (Howard Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms"). */
int64_t clock_days_from_civil(int y, int m, int d);
void clock_civil_from_days(int64_t days, int *y, int *m, int *d);
bool clock_date_valid(int y, int m, int d);

/* The day an instant falls on, UTC, in days since 1970 (floor). */
int32_t clock_day(int64_t ns);

/* Write CLOCK_LENGTH bytes, no NUL: always nine digits of fraction, always Z. */
void clock_format(char dst[CLOCK_LENGTH], int64_t ns);
/* "YYYY-MM-DD" of a day of the years 0 to 9999, 10 bytes, no NUL. */
void clock_format_day(char dst[10], int32_t day);

/*
 * Parse all of s[0..n) as a time with date: RFC 3339 (T, t or a space; fraction of any length,
 * cut at ns, "," or "."; Z, z, or an offset +hh:mm, +hhmm, +hh), or the same without a zone,
 * which is then UTC and sets *zoned to false (zoned may be NULL).
 * 0, or -1 with *pos (may be NULL) at the offending byte: n for a text that ends too early, the
 * first digit of a number out of its range (Feb 30, 24:00, :60), 0 for an instant beyond the
 * range of int64_t.
 */
int clock_parse(const char *s, size_t n, int64_t *ns, bool *zoned, size_t *pos);
/* Parse exactly "YYYY-MM-DD"; 0 or -1.  Only days that lie wholly within the range of instants
 * (1677-09-22 to 2262-04-10), so that *day times CLOCK_DAY cannot overflow, nor that of the
 * next day. */
int clock_parse_day(const char *s, size_t n, int32_t *day);

#endif
