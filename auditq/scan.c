#include "scan.h"

#include <string.h>

bool
scan_line(const char **at, const char *end, const char **line, size_t *n)
{
	const char *p = *at, *feed;

	if (p == end)
		return false;
	feed = memchr(p, '\n', (size_t)(end - p));
	*line = p;
	*n = (size_t)((feed != NULL ? feed : end) - p);
	*at = feed != NULL ? feed + 1 : end;
	return true;
}

bool
scan_blank(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

/* Bytes that are compared at once: what most machines have registers for. */
typedef int8_t bytes __attribute__((vector_size(16), aligned(1), may_alias));

/* Of at most 127 times sizeof(bytes). */
static uint64_t
count_feeds(const char *p, size_t n)
{
	int8_t sums[sizeof(bytes)];
	uint64_t count = 0;
	bytes sum = { 0 };

	for (size_t i = 0; i < n; i += sizeof sum)
		sum -= *(const bytes *)(const void *)(p + i) == '\n';
	memcpy(sums, &sum, sizeof sums);
	for (size_t i = 0; i < sizeof sums; i++)
		count += (uint64_t)sums[i];
	return count;
}

uint64_t
scan_feeds(const char *from, const char *end)
{
	uint64_t count = 0;

	while ((size_t)(end - from) >= sizeof(bytes)) {
		size_t n = (size_t)(end - from) / sizeof(bytes);

		n = (n < INT8_MAX ? n : INT8_MAX) * sizeof(bytes);
		count += count_feeds(from, n);
		from += n;
	}
	for (; from < end; from++)
		count += *from == '\n';
	return count;
}
