#include "rotate.h"

enum rotate
rotate_due(int32_t segment_day, uint64_t used, uint64_t add, uint64_t limit, int32_t day)
{
	if (day != segment_day && (int64_t)day != (int64_t)segment_day - 1)
		return ROTATE_DAY;
	if (used > 0 && (add > limit || used > limit - add))
		return ROTATE_SIZE;
	return ROTATE_STAY;
}
