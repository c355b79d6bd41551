#include "parts.h"

#define WEEK (7 * CLOCK_DAY)

static int64_t
floor_to(int64_t x, int64_t unit)
{
	return x / unit - (x % unit < 0);
}

static int64_t
offset_at(const struct zone *zone, int64_t ts)
{
	return zone_offset(zone, floor_to(ts, CLOCK_S)) * CLOCK_S;
}

/* What the clock on the wall showed when the part began that an instant is in.  1970 began on a Thursday. */
static int64_t
local_start(const struct zone *zone, int64_t step, int64_t ts)
{
	const int64_t origin = step % WEEK == 0 ? -3 * CLOCK_DAY : 0;
	int64_t local, start;

	if (ts == CLOCK_NONE ||
	    __builtin_add_overflow(ts, offset_at(zone, ts) - origin, &local) ||
	    __builtin_mul_overflow(floor_to(local, step), step, &start) ||
	    __builtin_add_overflow(start, origin, &start))
		return CLOCK_NONE;
	return start;
}

/* The first instant of a local time, to the second; what is finer stays. */
static int64_t
instant_of(const struct zone *zone, int64_t local)
{
	const int64_t second = floor_to(local, CLOCK_S);

	return zone_second(zone, second) * CLOCK_S + (local - second * CLOCK_S);
}

/* When the clock was changed between two instants that have different offsets. */
static int64_t
change_between(const struct zone *zone, int64_t before, int64_t after)
{
	const int64_t east = offset_at(zone, before);
	int64_t lo = floor_to(before, CLOCK_S), hi = floor_to(after, CLOCK_S);

	while (hi - lo > 1) {
		const int64_t mid = lo + (hi - lo) / 2;

		if (zone_offset(zone, mid) * CLOCK_S == east)
			lo = mid;
		else
			hi = mid;
	}
	return hi * CLOCK_S;
}

/* An instant whose part began by another clock than its own, or would have, at `by_own`: there; or with the change,
 * where the clock was set forward over its beginning, or back into it when it was over. */
static int64_t
start_before_change(
    const struct zone *zone, int64_t step, int64_t local, int64_t by_own, int64_t ts)
{
	const int64_t first = instant_of(zone, local), east = offset_at(zone, first);
	int64_t end;

	if (first + east != local)
		return change_between(zone, by_own, ts);
	if (__builtin_add_overflow(first, step, &end) || end > ts ||
	    offset_at(zone, end) != east)
		return first;
	return change_between(zone, end, ts);
}

int64_t
parts_start(const struct zone *zone, int64_t step, int64_t ts)
{
	const int64_t local = local_start(zone, step, ts);
	int64_t east, start;

	if (local == CLOCK_NONE || zone == NULL)
		return local;
	east = offset_at(zone, ts);
	if (__builtin_sub_overflow(local, east, &start))
		return CLOCK_NONE;
	if (offset_at(zone, start) == east)
		return start;
	return start_before_change(zone, step, local, start, ts);
}

int64_t
parts_end(const struct zone *zone, int64_t step, int64_t start)
{
	int64_t end, next, local;

	if (start == CLOCK_NONE || __builtin_add_overflow(start, step, &end))
		return start;
	next = parts_start(zone, step, end);
	local = local_start(zone, step, start);
	if (next == start && local != CLOCK_NONE &&
	    !__builtin_add_overflow(local, step, &local))
		next = instant_of(zone, local); /* the clock was set back meanwhile */
	if (next <= start)
		return end;
	/* A change may have begun another before. */
	while ((end = parts_start(zone, step, next - 1)) > start)
		next = end;
	return next;
}
