#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys.h"

#define INPUT_BYTES ((size_t)128 << 10)

/* A regular file's descriptor, or negative. */
static int
open_file(const char *path, auditq_error *err)
{
	struct stat st;
	/* O_NONBLOCK: a FIFO in the place of a file must not hold us up before it is refused. */
	int fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return qerror_set(err, errno == ENOENT ? AUDITQ_ENOENT : AUDITQ_EIO, errno,
		    path, "cannot open");
	if (sys->fstat(fd, &st) < 0)
		r = qerror_set(err, AUDITQ_EIO, errno, path, "cannot stat");
	else if (!S_ISREG(st.st_mode))
		r = qerror_set(err, AUDITQ_EINVAL, 0, path, "not a regular file");
	else
		return fd;
	(void)sys->close(fd);
	return r;
}

int
input_open_at(struct input *in, int fd, uint64_t offset, const char *path, const bool *cancel,
    auditq_error *err)
{
	uint8_t *buf = malloc(INPUT_BYTES);

	if (buf == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, path, "input buffer");
	*in = (struct input){ .fd = fd,
		.path = path,
		.seekable = true,
		.buf = buf,
		.cap = INPUT_BYTES,
		.start = offset,
		.cancel = cancel };
	return 0;
}

int
input_open(struct input *in, const char *path, const bool *cancel, auditq_error *err)
{
	bool file = strcmp(path, "-") != 0;
	int fd = STDIN_FILENO, r;

	if (file && (fd = open_file(path, err)) < 0)
		return fd;
	if ((r = input_open_at(in, fd, 0, path, cancel, err)) < 0) {
		if (file)
			(void)sys->close(fd);
		return r;
	}
	in->seekable = in->own = file;
	return 0;
}

/* Of a pipe, while nothing comes: whether to stop is looked at so often, ms. */
#define STOP_MS 100

/* Until there is something to read, or the end.  0; AUDITQ_ECANCELED. */
static int
wait_for_more(const struct input *in, auditq_error *err)
{
	struct pollfd fd = { .fd = in->fd, .events = POLLIN };
	int n = 0;

	while (n == 0 || (n < 0 && errno == EINTR)) {
		if (in->cancel == NULL)
			return 0;
		if (__atomic_load_n(in->cancel, __ATOMIC_RELAXED))
			return qerror_set(err, AUDITQ_ECANCELED, 0, in->path, "canceled");
		if (in->seekable)
			return 0;
		n = sys->poll(&fd, 1, STOP_MS);
	}
	/* What else is wrong the read tells. */
	return 0;
}

/* One read at the end of what was read so far. */
static ssize_t
read_some(struct input *in, void *dst, size_t n, auditq_error *err)
{
	ssize_t r;

	if ((r = wait_for_more(in, err)) < 0)
		return r;
	do {
		if (in->seekable)
			r = sys->pread(in->fd, dst, n, (off_t)(in->start + in->len));
		else
			r = sys->read(in->fd, dst, n);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return qerror_set(err, AUDITQ_EIO, errno, in->path, "cannot read");
	in->eof = r == 0;
	in->read += (uint64_t)r;
	return r;
}

int
input_need(struct input *in, size_t n, auditq_error *err)
{
	if (input_left(in) >= n || in->eof)
		return 0;
	if (in->pos + n > in->cap) {
		memmove(in->buf, in->buf + in->pos, input_left(in));
		in->start += in->pos;
		in->len -= in->pos;
		in->pos = 0;
	}
	if (n > in->cap) {
		uint8_t *buf = realloc(in->buf, n);

		if (buf == NULL)
			return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, in->path, "input buffer");
		in->buf = buf;
		in->cap = n;
	}
	while (input_left(in) < n && !in->eof) {
		ssize_t r = read_some(in, in->buf + in->len, in->cap - in->len, err);

		if (r < 0)
			return (int)r;
		in->len += (size_t)r;
	}
	return 0;
}

ssize_t
input_read(struct input *in, void *dst, size_t cap, auditq_error *err)
{
	ssize_t r;

	if (input_left(in) > 0) {
		size_t n = input_left(in) < cap ? input_left(in) : cap;

		memcpy(dst, input_at(in), n);
		in->pos += n;
		return (ssize_t)n;
	}
	if (in->eof)
		return 0;
	/* Nothing is buffered: read past the buffer. */
	if ((r = read_some(in, dst, cap, err)) > 0) {
		in->start += in->len + (uint64_t)r;
		in->pos = in->len = 0;
	}
	return r;
}

void
input_seek(struct input *in, uint64_t offset)
{
	if (offset >= in->start && offset <= in->start + in->len) {
		in->pos = (size_t)(offset - in->start);
		return;
	}
	if (!in->seekable) {
		in->pos = offset < in->start ? 0 : in->len;
		return;
	}
	in->start = offset;
	in->pos = in->len = 0;
	in->eof = false;
}

void
input_close(struct input *in)
{
	free(in->buf);
	in->buf = NULL;
	if (in->own)
		(void)sys->close(in->fd);
	in->own = false;
}
