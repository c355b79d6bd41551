/*
 * when - times and durations for people.
 */
#ifndef WHEN_H
#define WHEN_H

#include <stdint.h>

#include "auditq.h"

enum { WHEN_ROOM = AUDITQ_TIME_ROOM };

/* 2025-10-23T14:05:09.123Z, in the query's zone; "-" for INT64_MIN. */
void when_format(char dst[WHEN_ROOM], const auditq_t *q, int64_t ns);
/* A time as text, without its fraction when that is zero. */
void when_trim(char *text);
/* From one time to another that is not before it, any two.  Three digits or so, in the unit that suits: 0.25ms, 12.3ms,
 * 1.25s, 3m05s, 2h03m, 4d02h. */
void when_duration(char dst[WHEN_ROOM], int64_t from, int64_t to);

#endif
