/* when - see when.h */
#include "when.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void
when_format(char dst[WHEN_ROOM], int64_t ns)
{
	int64_t ms = ns / 1000000 - (ns % 1000000 < 0);
	int64_t part = (ms % 1000 + 1000) % 1000;
	time_t s = (time_t)((ms - part) / 1000);
	struct tm tm;
	size_t n;

	if (ns == INT64_MIN) {
		snprintf(dst, WHEN_ROOM, "-");
		return;
	}
	gmtime_r(&s, &tm);
	n = strftime(dst, WHEN_ROOM, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(dst + n, WHEN_ROOM - n, ".%03uZ", (unsigned)part);
}

void
when_trim(char *text)
{
	char *fraction = strstr(text, ".000000000");

	if (fraction != NULL)
		memmove(fraction, fraction + 10, strlen(fraction + 10) + 1);
}

/* Two units: so many of the greater, and the rest in the lesser. */
static void
put_two(char *dst, int64_t n, int64_t lesser, const char *units)
{
	snprintf(dst, WHEN_ROOM, "%" PRId64 "%c%02" PRId64 "%c", n / lesser, units[0],
	    n % lesser, units[1]);
}

void
when_duration(char dst[WHEN_ROOM], int64_t ns)
{
	int64_t s = ns / 1000000000;

	if (ns < 10000000)
		snprintf(dst, WHEN_ROOM, "%.2fms", (double)ns / 1e6);
	else if (s < 1)
		snprintf(dst, WHEN_ROOM, "%.1fms", (double)(ns / 100000) / 10);
	else if (s < 60)
		snprintf(dst, WHEN_ROOM, "%.2fs", (double)(ns / 10000000) / 100);
	else if (s < 3600)
		put_two(dst, s, 60, "ms");
	else if (s < 86400)
		put_two(dst, s / 60, 60, "hm");
	else
		put_two(dst, s / 3600, 24, "dh");
}
