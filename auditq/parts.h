/*
 * parts - parts of time of one length in a zone: its hours, days, weeks.
 *
 * They begin where the clock on the wall shows a multiple of their length since midnight of 1970, weeks with Monday.
 * A part that the clock is changed in is as much longer or shorter; where it is no longer than the change, the times
 * that come twice are parts of their own.  Times are ns since 1970; CLOCK_NONE where there is none.
 */
#ifndef PARTS_H
#define PARTS_H

#include "clock.h"
#include "zone.h"

/* Of the part that an instant is in. */
int64_t parts_start(const struct zone *zone, int64_t step, int64_t ts);
/* Of the part that starts there: where the next one does. */
int64_t parts_end(const struct zone *zone, int64_t step, int64_t start);

#endif
