#include "retain.h"

#include <stdlib.h>

static int
by_age(const void *a, const void *b)
{
	const struct retain_file *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return x->mtime < y->mtime ? -1 : x->mtime > y->mtime;
}

void
retain_choose(
    struct retain_file *files, size_t n, int32_t today, const struct retain_limits *limits)
{
	uint64_t bytes = 0, count = 0;

	if (n == 0)
		return;
	qsort(files, n, sizeof *files, by_age);
	/* From the newest back: what is kept so far decides. */
	for (size_t i = n; i-- > 0;) {
		const bool old = limits->days > 0 &&
		    (int64_t)files[i].day < (int64_t)today - (int64_t)limits->days;
		const bool many = limits->count > 0 && count >= limits->count;
		const bool large = limits->bytes > 0 &&
		    (files[i].bytes > limits->bytes || bytes > limits->bytes - files[i].bytes);

		files[i].remove = old || (count > 0 && (many || large));
		if (!files[i].remove) {
			count++;
			bytes += files[i].bytes;
		} else if (!old) {
			/* Older ones must not slip in behind a large one that went. */
			for (; i-- > 0;)
				files[i].remove = true;
			return;
		}
	}
}
