#include "spool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring.h"

/* Room for the digits of a number and a NUL. */
#define SEQ_ROOM 21

/* The drain gives a record its number; who reads a ring has to do the same. */
static char *
put_record(char *dst, const struct ring_record *rec)
{
	memcpy(dst, rec->p, rec->splice);
	dst += rec->splice;
	dst += snprintf(dst, SEQ_ROOM, "%" PRIu64, rec->seq);
	memcpy(dst, rec->p + rec->splice, rec->len - rec->splice);
	return dst + rec->len - rec->splice;
}

/* Keep the records only: a ring is mostly empty. */
static int
take_lines(struct spool *s, const struct ring_copy *copy)
{
	size_t bytes = 0;
	uint64_t offset = 0;
	char *p;

	for (size_t i = 0; i < copy->n; i++)
		bytes += copy->rec[i].len + SEQ_ROOM;
	s->line = malloc((copy->n + 1) * sizeof *s->line);
	s->data = p = malloc(bytes + 1);
	if (s->line == NULL || s->data == NULL)
		return -1;
	for (; s->n < copy->n; s->n++) {
		struct spool_line *line = &s->line[s->n];
		char *end = put_record(p, &copy->rec[s->n]);

		while (end > p && end[-1] == '\n')
			end--;
		*line = (struct spool_line){ .seq = copy->rec[s->n].seq,
			.p = p,
			.n = (size_t)(end - p),
			.offset = offset,
			.place =
			    copy->data_offset + (uint64_t)(copy->rec[s->n].p - copy->data) };
		offset += line->n + 1;
		p = end;
	}
	return 0;
}

int
spool_read(struct spool *out, int fd, const char *path, auditq_error *err)
{
	struct ring_copy copy;
	alog_error error;
	struct spool s = { 0 };
	int r;

	error_reset(&error);
	if (ring_read(&copy, fd, path, &error) < 0)
		return qerror_from(err, &error);
	s.head_seq = copy.head_seq;
	s.tail_seq = copy.tail_seq;
	s.this_boot = copy.this_boot;
	r = take_lines(&s, &copy);
	ring_copy_free(&copy);
	if (r < 0) {
		spool_release(&s);
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, path, "ring");
	}
	*out = s;
	return 0;
}

void
spool_drop(struct spool *s, uint64_t seq)
{
	size_t n = 0;

	while (n < s->n && s->line[n].seq <= seq)
		n++;
	if (n == 0)
		return;
	s->n -= n;
	memmove(s->line, s->line + n, s->n * sizeof *s->line);
}

void
spool_release(struct spool *s)
{
	free(s->line);
	free(s->data);
	*s = (struct spool){ 0 };
}
