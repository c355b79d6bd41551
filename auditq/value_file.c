#include "value_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"

static int
refuse(auditq_error *err, const char *path, size_t line, const char *what)
{
	return qerror_set(err, AUDITQ_ETOOBIG, 0, path, "%.120s:%zu: %s", path, line, what);
}

/* Into what there is room for; a pipe gives little at a time. */
static int
read_all(struct value_file *f, int fd, const char *path, auditq_error *err)
{
	ssize_t n;

	while (f->n <= VALUE_FILE_BYTES_MAX) {
		n = sys->read(fd, f->text + f->n, VALUE_FILE_BYTES_MAX + 1 - f->n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return qerror_set(
			    err, AUDITQ_EIO, errno, path, "cannot read %.120s", path);
		if (n == 0)
			return 0;
		f->n += (size_t)n;
	}
	return qerror_set(err, AUDITQ_ETOOBIG, 0, path, "%.120s: more than %zu MiB of values",
	    path, VALUE_FILE_BYTES_MAX >> 20);
}

static int
check_lines(const struct value_file *f, const char *path, auditq_error *err)
{
	size_t line = 1, start = 0;

	for (size_t at = 0; at <= f->n; at++) {
		if (at < f->n && f->text[at] != '\n')
			continue;
		if (at - start > VALUE_FILE_LINE_MAX)
			return refuse(err, path, line, "a value longer than 64 KiB");
		if (line > VALUE_FILE_LINES_MAX && at > start)
			return refuse(err, path, line, "more than 100000 lines");
		start = at + 1;
		line++;
	}
	return 0;
}

int
value_file_read(struct value_file *f, const char *path, auditq_error *err)
{
	const int fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
	int r;

	*f = (struct value_file){ .n = 0 };
	if (fd < 0)
		return qerror_set(err, AUDITQ_EIO, errno, path, "cannot open %.120s", path);
	if ((f->text = malloc(VALUE_FILE_BYTES_MAX + 1)) == NULL)
		r = qerror_set(err, AUDITQ_ENOMEM, ENOMEM, path, "values");
	else if ((r = read_all(f, fd, path, err)) == 0)
		r = check_lines(f, path, err);
	(void)sys->close(fd);
	if (r < 0) {
		value_file_release(f);
		return r;
	}
	if (f->n >= 3 && memcmp(f->text, "\xef\xbb\xbf", 3) == 0)
		f->at = 3;
	return 0;
}

bool
value_file_next(struct value_file *f, const char **value, size_t *n)
{
	while (f->at < f->n) {
		const char *line = f->text + f->at;
		const char *feed = memchr(line, '\n', f->n - f->at);
		size_t len = feed != NULL ? (size_t)(feed - line) : f->n - f->at;

		f->at += len + (feed != NULL);
		len -= len > 0 && line[len - 1] == '\r';
		if (len == 0)
			continue;
		*value = line;
		*n = len;
		return true;
	}
	return false;
}

void
value_file_release(struct value_file *f)
{
	free(f->text);
	*f = (struct value_file){ .n = 0 };
}
