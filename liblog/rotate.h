/* rotate - pure policy: does the next record go to another segment? */
#ifndef ROTATE_H
#define ROTATE_H

#include <stdint.h>

enum rotate { ROTATE_STAY, ROTATE_SIZE, ROTATE_DAY };

/*
 * A segment of day segment_day that holds used bytes; a record of add bytes and of day day; limit bytes a segment.
 * A record a day older than the segment stays (threads and small clock steps around midnight); a
 * newer one, or one further away, does not.  A record that is longer than the limit gets a segment of its own.
 */
enum rotate rotate_due(
    int32_t segment_day, uint64_t used, uint64_t add, uint64_t limit, int32_t day);

#endif
