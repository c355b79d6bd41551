/* pack_reject - see pack_reject.h */
#include "pack_reject.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "field.h"
#include "jbuf.h"
#include "source.h"
#include "sys.h"

/* Escaped at once; one byte makes six at most. */
enum { PIECE = 4096, PIECE_ROOM = 6 * PIECE };

void
pack_reject_open(struct pack_reject *w, const struct schema *schema, int fd, const char *path)
{
	w->schema = schema;
	w->fd = fd;
	w->path = path;
	w->n = 0;
}

int
pack_reject_flush(struct pack_reject *w, auditq_error *err)
{
	size_t n = w->n;

	w->n = 0;
	if (sys_write_all(w->fd, w->buf, n, NULL) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, w->path, "cannot write");
	return 0;
}

static int
put_raw(struct pack_reject *w, const char *s, auditq_error *err)
{
	size_t n = strlen(s);
	int r;

	if (n > sizeof w->buf - w->n && (r = pack_reject_flush(w, err)) < 0)
		return r;
	memcpy(w->buf + w->n, s, n);
	w->n += n;
	return 0;
}

/* At most PIECE bytes, not ending within a character. */
static size_t
piece_length(const char *s, size_t n)
{
	size_t piece = n < PIECE ? n : PIECE;

	for (int back = 0; piece < n && back < 3 && (s[piece] & 0xc0) == 0x80; back++)
		piece--;
	return piece;
}

/* The inside of a JSON string. */
static int
put_text(struct pack_reject *w, const char *s, size_t n, auditq_error *err)
{
	int r;

	while (n > 0) {
		size_t piece = piece_length(s, n);
		if (PIECE_ROOM > sizeof w->buf - w->n && (r = pack_reject_flush(w, err)) < 0)
			return r;
		struct jbuf b = { .p = w->buf, .len = w->n, .cap = sizeof w->buf };
		jbuf_str_inner(&b, s, piece);
		w->n = b.len;
		s += piece;
		n -= piece;
	}
	return 0;
}

/* The same check again that put the line here. */
static void
find_reason(const struct pack_reject *w, const struct pack_line *line, char *dst, size_t cap)
{
	const char *why;
	size_t pos, n;

	if (line->text == NULL) {
		snprintf(dst, cap, "longer than %u MiB", SOURCE_LINE_MAX >> 20);
	} else if (field_check(line->text, line->n, &pos, &why) < 0) {
		snprintf(dst, cap, "no JSON object: %s at byte %zu", why, pos);
	} else {
		const struct schema_keys *ts = &w->schema->keys[SCHEMA_TIME];

		n = (size_t)snprintf(dst, cap, "no usable time in %s", ts->key[0]);
		for (size_t i = 1; i < ts->n && n < cap; i++)
			n += (size_t)snprintf(dst + n, cap - n, ", %s", ts->key[i]);
	}
}

int
pack_reject_add(struct pack_reject *w, const struct pack_line *line, auditq_error *err)
{
	char number[64], reason[1024];
	int r;

	snprintf(number, sizeof number, "\",\"line\":%llu,\"reason\":\"",
	    (unsigned long long)line->line);
	find_reason(w, line, reason, sizeof reason);
	if ((r = put_raw(w, "{\"source\":\"", err)) < 0 ||
	    (r = put_text(w, line->path, strlen(line->path), err)) < 0 ||
	    (r = put_raw(w, number, err)) < 0 ||
	    (r = put_text(w, reason, strlen(reason), err)) < 0)
		return r;
	if (line->text != NULL &&
	    ((r = put_raw(w, "\",\"text\":\"", err)) < 0 ||
		(r = put_text(w, line->text, line->n, err)) < 0))
		return r;
	return put_raw(w, "\"}\n", err);
}
