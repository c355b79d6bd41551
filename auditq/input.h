/*
 * input - the stored bytes of a file or of standard input, with lookahead.
 */
#ifndef INPUT_H
#define INPUT_H

#include <sys/types.h>

#include "qerror.h"

struct input {
	int fd;
	const char *path; /* borrowed; "-": standard input */
	bool seekable;    /* a file */
	bool own;         /* ours to close */
	bool eof;         /* nothing follows what is buffered */
	uint8_t *buf;
	size_t pos, len, cap;
	uint64_t start;     /* offset of buf[0] in the file */
	uint64_t read;      /* bytes read from the file so far */
	const bool *cancel; /* polled before each read; may be NULL */
};

/* Open for reading; only a regular file, or "-".  path and cancel are borrowed. */
int input_open(struct input *in, const char *path, const bool *cancel, auditq_error *err);
/* A file that is open, from an offset on; fd is borrowed. */
int input_open_at(struct input *in, int fd, uint64_t offset, const char *path,
    const bool *cancel, auditq_error *err);
/* Have n bytes at input_at, or all there are.  Invalidates what input_at gave. */
int input_need(struct input *in, size_t n, auditq_error *err);
/* Move up to cap bytes to dst: their number, 0 at the end, negative. */
ssize_t input_read(struct input *in, void *dst, size_t cap, auditq_error *err);
/* Go back to offset: as far as the buffer reaches in a pipe, anywhere in a file. */
void input_seek(struct input *in, uint64_t offset);
void input_close(struct input *in);

static inline const uint8_t *
input_at(const struct input *in)
{
	return in->buf + in->pos;
}

static inline size_t
input_left(const struct input *in)
{
	return in->len - in->pos;
}

static inline uint64_t
input_offset(const struct input *in)
{
	return in->start + in->pos;
}

static inline void
input_skip(struct input *in, size_t n)
{
	in->pos += n;
}

#endif
