/*
 * when - times and durations for people.
 */
#ifndef WHEN_H
#define WHEN_H

#include <stdint.h>

enum { WHEN_ROOM = 40 };

/* 2025-10-23T14:05:09.123Z, UTC, whatever the locale; "-" for INT64_MIN. */
void when_format(char dst[WHEN_ROOM], int64_t ns);
/* A time as text, without its fraction when that is zero. */
void when_trim(char *text);
/* Three digits or so, in the unit that suits: 0.25ms, 12.3ms, 1.25s, 3m05s, 2h03m, 4d02h. */
void when_duration(char dst[WHEN_ROOM], int64_t ns);

#endif
