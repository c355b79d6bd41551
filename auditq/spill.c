#include "spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "sys.h"
#include "temp.h"

#define WRITE_BYTES  ((size_t)256 << 10)
#define READ_BYTES   ((size_t)32 << 10)
#define HEADER_BYTES 28 /* ts, offset, path, aux, length */

struct spill {
	int fd;
	uint64_t end;   /* of the file */
	uint64_t begin; /* of the run being written */
	uint64_t written;
	size_t n; /* in buf */
	uint8_t buf[WRITE_BYTES];
};

struct spill_reader {
	const struct spill *file;
	uint64_t next, end; /* of what is still to be read from the file */
	size_t pos, len;    /* in buf */
	size_t text;        /* bytes of the current line's text, at pos */
	uint8_t *buf;
	size_t cap;
};

int
spill_new(struct spill **ret, auditq_error *err)
{
	struct spill *s;

	if ((s = malloc(sizeof *s)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "temporary file");
	s->end = s->begin = s->written = 0;
	s->n = 0;
	if ((s->fd = temp_open(err)) < 0) {
		int r = s->fd;

		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void
spill_free(struct spill *s)
{
	if (s == NULL)
		return;
	(void)sys->close(s->fd);
	free(s);
}

uint64_t
spill_written(const struct spill *s)
{
	return s->written;
}

static int
write_out(struct spill *s, const void *p, size_t n, auditq_error *err)
{
	if (sys_pwrite_all(s->fd, p, n, (off_t)s->end) < 0)
		return qerror_set(
		    err, AUDITQ_EIO, errno, NULL, "cannot write a temporary file");
	s->end += n;
	s->written += n;
	return 0;
}

static int
flush(struct spill *s, auditq_error *err)
{
	size_t n = s->n;

	s->n = 0;
	return write_out(s, s->buf, n, err);
}

int
spill_add(struct spill *s, const struct batch_line *line, auditq_error *err)
{
	uint8_t *p;
	int r;

	if (sizeof s->buf - s->n < HEADER_BYTES + line->n && (r = flush(s, err)) < 0)
		return r;
	p = s->buf + s->n;
	put_le64(p, (uint64_t)line->key.ts);
	put_le64(p + 8, line->key.offset);
	put_le32(p + 16, line->key.path);
	put_le32(p + 20, line->key.aux);
	put_le32(p + 24, (uint32_t)line->n);
	s->n += HEADER_BYTES;
	if (sizeof s->buf - s->n < line->n)
		return (r = flush(s, err)) < 0 ? r : write_out(s, line->p, line->n, err);
	if (line->n > 0)
		memcpy(s->buf + s->n, line->p, line->n);
	s->n += line->n;
	return 0;
}

int
spill_end(struct spill *s, struct spill_reader **ret, auditq_error *err)
{
	struct spill_reader *r;
	int rc;

	if ((rc = flush(s, err)) < 0)
		return rc;
	if ((r = calloc(1, sizeof *r)) == NULL || (r->buf = malloc(READ_BYTES)) == NULL) {
		free(r);
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "temporary file");
	}
	r->file = s;
	r->cap = READ_BYTES;
	r->next = s->begin;
	r->end = s->begin = s->end;
	*ret = r;
	return 0;
}

int
spill_reset(struct spill *s, auditq_error *err)
{
	if (sys->ftruncate(s->fd, 0) < 0)
		return qerror_set(
		    err, AUDITQ_EIO, errno, NULL, "cannot truncate a temporary file");
	s->begin = s->end = 0;
	return 0;
}

void
spill_reader_free(struct spill_reader *r)
{
	if (r == NULL)
		return;
	free(r->buf);
	free(r);
}

/* Have n bytes at pos, in a buffer of at least READ_BYTES and no more than is needed. */
static int
need(struct spill_reader *r, size_t n, auditq_error *err)
{
	size_t left = r->len - r->pos, cap = n > READ_BYTES ? n : READ_BYTES, want;
	ssize_t got;

	if (left >= n)
		return 0;
	memmove(r->buf, r->buf + r->pos, left);
	r->pos = 0;
	r->len = left;
	if (cap > r->cap || (cap < r->cap && left <= cap)) {
		uint8_t *buf = realloc(r->buf, cap);

		if (buf == NULL)
			return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "temporary file");
		r->buf = buf;
		r->cap = cap;
	}
	want = r->cap - left;
	if (r->end - r->next < want)
		want = (size_t)(r->end - r->next);
	got = sys_pread_all(r->file->fd, r->buf + left, want, (off_t)r->next);
	if (got < 0)
		return qerror_set(err, AUDITQ_EIO, errno, NULL, "cannot read a temporary file");
	r->next += (uint64_t)got;
	r->len += (size_t)got;
	if (r->len < n)
		return qerror_set(err, AUDITQ_EIO, 0, NULL, "a temporary file was cut");
	return 0;
}

int
spill_next(struct spill_reader *r, struct batch_key *key, auditq_error *err)
{
	const uint8_t *p;
	int rc;

	/* Text that nobody asked for may not be in the buffer. */
	if (r->text > r->len - r->pos) {
		r->next += r->text - (r->len - r->pos);
		r->pos = r->len;
	} else {
		r->pos += r->text;
	}
	r->text = 0;
	if (r->pos == r->len && r->next == r->end)
		return 0;
	if ((rc = need(r, HEADER_BYTES, err)) < 0)
		return rc;
	p = r->buf + r->pos;
	key->ts = (int64_t)get_le64(p);
	key->offset = get_le64(p + 8);
	key->path = get_le32(p + 16);
	key->aux = get_le32(p + 20);
	r->text = get_le32(p + 24);
	r->pos += HEADER_BYTES;
	return 1;
}

int
spill_text(struct spill_reader *r, const char **p, size_t *n, auditq_error *err)
{
	int rc = need(r, r->text, err);

	if (rc < 0)
		return rc;
	*p = (const char *)r->buf + r->pos;
	*n = r->text;
	return 0;
}
