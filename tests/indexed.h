/* indexed - for tests of an index: archives in memory, of lines that are known. */
#ifndef INDEXED_H
#define INDEXED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "archive.h"
#include "index.h"

/* Lines, each with its line feed. */
struct lines {
	char *p;
	size_t n, cap;
};

static inline void
lines_add(struct lines *l, const char *s, size_t n)
{
	if (l->cap - l->n < n + 1) {
		l->cap = 2 * (l->cap + n + 1);
		assert_non_null(l->p = realloc(l->p, l->cap));
	}
	memcpy(l->p + l->n, s, n);
	l->p[l->n + n] = '\n';
	l->n += n + 1;
}

/* The next line of [*at, end), without its line feed. */
static inline const char *
next_line(const char **at, const char *end, size_t *n)
{
	const char *line = *at, *feed;

	if (line == end)
		return NULL;
	feed = memchr(line, '\n', (size_t)(end - line));
	assert_non_null(feed);
	*n = (size_t)(feed - line);
	*at = feed + 1;
	return line;
}

static inline int
make_fd(void)
{
	int fd = memfd_create("archive", 0);

	assert_true(fd >= 0);
	return fd;
}

static inline int
make_archive(const struct lines *l, uint32_t member_bytes, uint64_t *size)
{
	struct archive_options opt = { .member_bytes = member_bytes,
		.expected_bytes = l->n,
		.path = "test.jsonl.gz",
		.writer = "0123456789abcdef" };
	struct format_footer footer;
	struct archive *a;
	alog_error err = { 0 };
	const char *at = l->p, *line;
	size_t n;
	int fd = make_fd();

	if (archive_begin(&a, fd, &opt, &err) < 0)
		fail_msg("%s", err.text);
	while ((line = next_line(&at, l->p + l->n, &n)) != NULL)
		if (archive_add(a, line, n, &err) < 0)
			fail_msg("%s", err.text);
	if (archive_finish(a, &footer, &err) < 0)
		fail_msg("%s", err.text);
	*size = footer.file_bytes;
	assert_int_equal(lseek(fd, 0, SEEK_END), *size);
	return fd;
}

static inline struct index *
must_load(int fd, uint64_t size, unsigned want)
{
	auditq_error err = { 0 };
	struct index *ix = NULL;

	if (index_load(&ix, fd, size, "test.jsonl.gz", want, &err) < 0)
		fail_msg("%s", err.text);
	return ix;
}

/* The lines of a member. */
static inline const char *
member_lines(const struct index *ix, size_t i, const struct lines *l, const char **end)
{
	const char *p = l->p + index_plain_offset(ix, i);

	*end = p + index_member(ix, i)->payload_bytes;
	assert_true(*end <= l->p + l->n);
	return p;
}
/* An event of that second of a minute; rest: more fields, each behind its comma. */
static inline void
add_event(struct lines *l, unsigned second, const char *run, const char *rest)
{
	char line[256];
	int n = snprintf(line, sizeof line, "{\"ts\":\"2025-10-23T14:00:%02uZ\"%s%s%s%s}",
	    second, run != NULL ? ",\"run_id\":\"" : "", run != NULL ? run : "",
	    run != NULL ? "\"" : "", rest);

	lines_add(l, line, (size_t)n);
}

#endif
