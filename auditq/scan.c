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
