/* nearest - see nearest.h */
#include "nearest.h"

#include <string.h>

enum { NAME_MAX_LENGTH = 32, FAR = 3 };

/* Levenshtein's distance; FAR or more for what is too long to have been meant. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LENGTH + 1], na = strlen(a), nb = strlen(b);

	if (na > NAME_MAX_LENGTH || nb > NAME_MAX_LENGTH)
		return FAR;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[nb];
}

size_t
nearest_distance(const char *name, const char *written)
{
	size_t n = strlen(written);

	if (n > 1 && strncmp(name, written, n) == 0)
		return 1;
	return distance(name, written);
}

size_t
nearest_limit(const char *written)
{
	const size_t n = strlen(written);

	return n / 3 + 2 < FAR ? n / 3 + 2 : FAR;
}

const char *
nearest_of(const char *const *names, const char *written)
{
	const char *name = NULL;
	size_t least = nearest_limit(written), far;

	for (; *names != NULL; names++) {
		if ((far = nearest_distance(*names, written)) < least) {
			least = far;
			name = *names;
		}
	}
	return name;
}
