#include "nearest.h"

#include <string.h>

/* As far as that, or farther, no name was meant; of short ones sooner. */
#define FAR 3

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters are to be added, left out, replaced, or exchanged with the next, each at most once, to get from one
 * name to the other; of names of at most NEAREST_MAX bytes, whatever their case. */
static size_t
edits(const char *a, size_t na, const char *b, size_t nb)
{
	size_t rows[3][NEAREST_MAX + 1], *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= nb; j++)
		last[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *free_row = before;

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			const char c = lower(a[i - 1]), d = lower(b[j - 1]);

			row[j] = least(last[j - 1] + (c != d), least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && c == lower(b[j - 2]) && d == lower(a[i - 2]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = free_row;
	}
	return last[nb];
}

static bool
begins(const char *name, size_t n, const char *with, size_t nwith)
{
	if (n < nwith)
		return false;
	for (size_t i = 0; i < nwith; i++)
		if (lower(name[i]) != lower(with[i]))
			return false;
	return true;
}

void
nearest_init(struct nearest *near, const char *written, size_t n)
{
	*near = (struct nearest){ .written = written, .nwritten = n };
	near->distance = least(n / 3 + 1, FAR);
}

void
nearest_offer_by(
    struct nearest *near, const char *part, size_t npart, const char *name, size_t n)
{
	size_t far;

	if (npart == 0 || npart > NEAREST_MAX || n > NEAREST_MAX ||
	    near->nwritten > NEAREST_MAX)
		return;
	far = edits(part, npart, near->written, near->nwritten);
	if (far > 1 && near->nwritten > 1 && begins(part, npart, near->written, near->nwritten))
		far = 1;
	if (far == near->distance && near->name[0] != '\0' &&
	    (strlen(near->name) != n || memcmp(near->name, name, n) != 0))
		near->tied = true;
	if (far >= near->distance)
		return;
	near->distance = far;
	near->tied = false;
	memcpy(near->name, name, n);
	near->name[n] = '\0';
}

void
nearest_offer(struct nearest *near, const char *name, size_t n)
{
	nearest_offer_by(near, name, n, name, n);
}

void
nearest_of(struct nearest *near, const char *written, const char *const *names)
{
	nearest_init(near, written, strlen(written));
	for (; *names != NULL; names++)
		nearest_offer(near, *names, strlen(*names));
}
