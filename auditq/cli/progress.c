/* progress - see progress.h */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "say.h"

#define SECOND INT64_C(1000000000)

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* Three digits or so. */
static void
put_bytes(char dst[24], double n)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	size_t i = 0;

	for (; n >= 1000 && i < 4; i++)
		n /= 1000;
	snprintf(dst, 24, "%.*f %s", n < 10 && i > 0 ? 1 : 0, n, units[i]);
}

static void
draw(void *arg, uint64_t done, uint64_t total)
{
	const struct progress *p = arg;
	const double taken = (double)(now() - p->begin) / (double)SECOND;
	const double rate = (double)done / taken;
	char read[24], all[24], speed[24], text[120];

	if (taken < 1)
		return;
	put_bytes(read, (double)done);
	put_bytes(all, (double)total);
	put_bytes(speed, rate);
	if (done == 0 || done > total)
		snprintf(text, sizeof text, "%s read, %s/s", read, speed);
	else
		snprintf(text, sizeof text, "%s of %s, %.0f %%, %s/s, at most %.0f s left",
		    read, all, 100.0 * (double)done / (double)total, speed,
		    (double)(total - done) / rate);
	say_progress(text);
}

void
progress_begin(struct progress *p, auditq_t *q)
{
	const char *term = getenv("TERM");

	p->begin = now();
	if (isatty(STDERR_FILENO) == 1 && term != NULL && strcmp(term, "dumb") != 0)
		auditq_on_progress(q, draw, p);
}
