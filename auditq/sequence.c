#include "sequence.h"

#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "sys.h"

bool
sequence_number(const char *line, size_t n, uint64_t *seq)
{
	struct field_path path;
	struct field f;

	field_path_set(&path, "seq", 3);
	return field_get(line, n, &path, 1, &f) == 0 && f.type == FIELD_NUMBER &&
	    field_u64(&f, seq);
}

/* Of the first line, or the last whole one, in p[0..n).  A line is whole when a line feed stands at
 * both of its ends, or the file does. */
static bool
seq_in(const char *p, size_t n, bool at_start, bool last, uint64_t *seq)
{
	const char *end = last ? memrchr(p, '\n', n) : memchr(p, '\n', n), *start = p;

	if (end == NULL)
		return false;
	if (last) {
		const char *before = memrchr(p, '\n', (size_t)(end - p));

		if (before == NULL && !at_start)
			return false;
		start = before == NULL ? p : before + 1;
	}
	return sequence_number(start, (size_t)(end - start), seq);
}

/* Look at so much of the file's start or end. */
static bool
look(int fd, uint64_t size, size_t n, bool last, uint64_t *seq)
{
	uint64_t at;
	ssize_t got;
	char *p;
	bool found;

	if (n > size)
		n = (size_t)size;
	at = last ? size - n : 0;
	if ((p = malloc(n + 1)) == NULL)
		return false;
	got = sys_pread_all(fd, p, n, (off_t)at);
	found = got > 0 && seq_in(p, (size_t)got, at == 0, last, seq);
	free(p);
	return found;
}

bool
sequence_of_plain(int fd, uint64_t size, uint64_t *first, uint64_t *last)
{
	/* Nearly all records fit the first; all that liblog writes by default, the second. */
	static const size_t windows[] = { (size_t)16 << 10, (size_t)3 << 20 };
	bool found_first = false, found_last = false;

	for (size_t i = 0; i < 2; i++) {
		found_first = found_first || look(fd, size, windows[i], false, first);
		found_last = found_last || look(fd, size, windows[i], true, last);
	}
	return found_first && found_last;
}

bool
sequence_of_first(const char *lines, size_t n, uint64_t *first)
{
	return seq_in(lines, n, true, false, first);
}

bool
sequence_of_lines(const char *lines, size_t n, uint64_t *last)
{
	return seq_in(lines, n, true, true, last);
}

static int
by_number(const void *x, const void *y)
{
	const struct sequence *a = x, *b = y;
	int c = strcmp(a->writer, b->writer);

	if (c != 0)
		return c;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* The segments of one writer, by number. */
static void
check_writer(struct sequence *s, size_t n)
{
	uint64_t last = 0;
	bool unknown = false;

	for (size_t i = 0; i < n; i++) {
		unknown |= !s[i].known;
		if (s[i].known && s[i].first <= last) {
			s[i].shared = true;
			for (size_t j = 0; j < i; j++)
				s[j].shared |= s[j].last >= s[i].first;
		}
		if (s[i].known && s[i].last > last)
			last = s[i].last;
	}
	/* What is not known may overlap with anything. */
	for (size_t i = 0; unknown && n > 1 && i < n; i++)
		s[i].shared = true;
}

void
sequence_check(struct sequence *s, size_t n)
{
	size_t end;

	if (n == 0)
		return;
	qsort(s, n, sizeof *s, by_number);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && strcmp(s[end].writer, s[i].writer) == 0; end++)
			;
		check_writer(s + i, s[end - 1].number == SEQUENCE_RING ? end - 1 - i : end - i);
	}
}
