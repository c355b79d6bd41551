/* when - see when.h */
#include "when.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
when_format(char dst[WHEN_ROOM], const auditq_t *q, int64_t ns)
{
	char *dot;

	if (auditq_time_text(q, ns, dst) < 0) {
		snprintf(dst, WHEN_ROOM, "-");
		return;
	}
	/* Nine digits, of which three are kept. */
	if ((dot = strchr(dst, '.')) != NULL)
		memmove(dot + 4, dot + 10, strlen(dot + 10) + 1);
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
put_two(char *dst, uint64_t n, uint64_t lesser, const char *units)
{
	snprintf(dst, WHEN_ROOM, "%" PRIu64 "%c%02" PRIu64 "%c", n / lesser, units[0],
	    n % lesser, units[1]);
}

void
when_duration(char dst[WHEN_ROOM], int64_t from, int64_t to)
{
	/* Times are up to 585 years apart, which is more than an int64_t of ns has. */
	const uint64_t ns = (uint64_t)to - (uint64_t)from, s = ns / 1000000000;

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
