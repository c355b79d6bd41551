#include "cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sys.h"
#include "target.h"

#define VERSION   1
#define BYTES_MAX (256u << 20)

static int
no_memory(const char *path, auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, path, "cursor");
}

/* ---- to text ---- */

struct text {
	char *p;
	size_t n, cap;
};

static int
append(struct text *t, const char *s, size_t n)
{
	if (t->cap - t->n < n) {
		const size_t cap = 2 * (t->n + n);
		char *grown = realloc(t->p, cap);

		if (grown == NULL)
			return -1;
		t->p = grown;
		t->cap = cap;
	}
	memcpy(t->p + t->n, s, n);
	t->n += n;
	return 0;
}

/* A line; its reference is taken over.  0, or -1 when out of memory. */
static int
append_line(struct text *t, json_t *line_take)
{
	char *s = line_take == NULL ? NULL : json_dumps(line_take, JSON_COMPACT);
	int r = -1;

	if (s != NULL)
		r = append(t, s, strlen(s)) < 0 || append(t, "\n", 1) < 0 ? -1 : 0;
	free(s);
	json_decref(line_take);
	return r;
}

/* Numbers up to 2^64 as the signed ones of the same bits. */
static json_t *
spans_json(const struct spans *s)
{
	json_t *all = json_array();

	for (size_t i = 0; all != NULL && i < s->n; i++) {
		json_t *one =
		    json_pack("[I,I]", (json_int_t)s->p[i].first, (json_int_t)s->p[i].last);

		if (json_array_append_new(all, one) < 0) {
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

static json_t *
writer_json(const struct headway_writer *w)
{
	return json_pack("{s:s,s:I,s:o}", "writer", w->writer, "met", (json_int_t)w->met,
	    "seen", spans_json(&w->seen));
}

static void
hex(char dst[2 * MARK_PRINT + 1], const uint8_t print[MARK_PRINT])
{
	for (size_t i = 0; i < MARK_PRINT; i++)
		(void)snprintf(dst + 2 * i, 3, "%02x", print[i]);
}

static json_t *
file_json(const struct headway_file *f)
{
	char head[2 * MARK_PRINT + 1], tail[2 * MARK_PRINT + 1];
	/* A path that is no UTF-8 has no place in JSON, and none here. */
	json_t *path = f->path == NULL ? NULL : json_string(f->path);

	if (path == NULL)
		path = json_null();
	hex(head, f->mark.head);
	hex(tail, f->mark.tail);
	return json_pack("{s:o,s:I,s:I,s:I,s:b,s:I,s:I,s:I,s:s,s:s,s:o}", "file", path, "dev",
	    (json_int_t)f->dev, "ino", (json_int_t)f->ino, "size", (json_int_t)f->size, "whole",
	    (int)f->whole, "ts", (json_int_t)f->ts, "met", (json_int_t)f->met, "at",
	    (json_int_t)f->mark.offset, "head", head, "tail", tail, "seen",
	    spans_json(&f->seen));
}

static int
to_text(const struct headway *p, struct text *t)
{
	for (size_t i = 0; i < p->nwriter; i++)
		if (append_line(t, writer_json(p->writer[i])) < 0)
			return -1;
	for (size_t i = 0; i < p->nfile; i++)
		if (append_line(t, file_json(p->file[i])) < 0)
			return -1;
	return 0;
}

static uint32_t
checksum(const char *p, size_t n)
{
	return (uint32_t)crc32_z(0, (const Bytef *)p, n);
}

int
cursor_store(const struct headway *p, const char *path, auditq_error *err)
{
	struct text t = { 0 };
	struct target target;
	char first[96];
	int n, r;

	if (to_text(p, &t) < 0) {
		free(t.p);
		return no_memory(path, err);
	}
	n = snprintf(first, sizeof first,
	    "{\"auditq_cursor\":%d,\"bytes\":%zu,\"crc32\":%" PRIu32 "}\n", VERSION, t.n,
	    checksum(t.p, t.n));
	if ((r = target_open(&target, path, true, err)) == 0 &&
	    ((r = target_write(&target, first, (size_t)n)) < 0 ||
		(r = target_write(&target, t.p, t.n)) < 0))
		r = qerror_set(err, AUDITQ_EIO, target.os_errno, path, "cannot write");
	if (r == 0)
		r = target_finish(&target, err);
	target_close(&target);
	free(t.p);
	return r;
}

/* ---- from text ---- */

static int
get_spans(const json_t *json, struct spans *out)
{
	if (!json_is_array(json))
		return AUDITQ_ECORRUPT;
	for (size_t i = 0; i < json_array_size(json); i++) {
		json_int_t first, last;

		if (json_unpack(json_array_get(json, i), "[I,I!]", &first, &last) < 0 ||
		    (uint64_t)first > (uint64_t)last)
			return AUDITQ_ECORRUPT;
		if (spans_add(out, (uint64_t)first, (uint64_t)last) < 0)
			return AUDITQ_ENOMEM;
	}
	return 0;
}

static int
get_writer(struct headway *p, const json_t *line)
{
	struct headway_writer *w;
	const char *name;
	json_int_t met;
	json_t *seen;

	if (json_unpack((json_t *)line, "{s:s,s:I,s:o}", "writer", &name, "met", &met, "seen",
		&seen) < 0 ||
	    strlen(name) != PATH_WRITER_LENGTH)
		return AUDITQ_ECORRUPT;
	if ((w = headway_writer(p, name)) == NULL)
		return AUDITQ_ENOMEM;
	w->met = met;
	return get_spans(seen, &w->seen);
}

static int
unhex(uint8_t print[MARK_PRINT], const char *text)
{
	if (strlen(text) != 2 * MARK_PRINT ||
	    strspn(text, "0123456789abcdef") != 2 * MARK_PRINT)
		return AUDITQ_ECORRUPT;
	for (size_t i = 0; i < MARK_PRINT; i++) {
		const char digits[3] = { text[2 * i], text[2 * i + 1], '\0' };

		print[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return 0;
}

static int
get_file(struct headway *p, const json_t *line)
{
	json_int_t dev, ino, size, ts, met, at;
	const char *head, *tail;
	struct headway_file *f;
	json_t *path, *seen;
	int whole;

	if (json_unpack((json_t *)line, "{s:o,s:I,s:I,s:I,s:b,s:I,s:I,s:I,s:s,s:s,s:o}", "file",
		&path, "dev", &dev, "ino", &ino, "size", &size, "whole", &whole, "ts", &ts,
		"met", &met, "at", &at, "head", &head, "tail", &tail, "seen", &seen) < 0 ||
	    (!json_is_string(path) && !json_is_null(path)))
		return AUDITQ_ECORRUPT;
	if ((f = headway_file(p, json_string_value(path))) == NULL)
		return AUDITQ_ENOMEM;
	f->dev = (uint64_t)dev;
	f->ino = (uint64_t)ino;
	f->size = (uint64_t)size;
	f->whole = whole != 0;
	f->ts = ts;
	f->met = met;
	f->mark.offset = (uint64_t)at;
	if (unhex(f->mark.head, head) < 0 || unhex(f->mark.tail, tail) < 0)
		return AUDITQ_ECORRUPT;
	return get_spans(seen, &f->seen);
}

static int
from_lines(struct headway *p, const char *at, const char *end)
{
	int r = 0;

	while (r == 0 && at < end) {
		const char *feed = memchr(at, '\n', (size_t)(end - at));
		json_t *line;

		if (feed == NULL)
			return AUDITQ_ECORRUPT;
		line = json_loadb(at, (size_t)(feed - at), 0, NULL);
		r = json_object_get(line, "writer") != NULL ? get_writer(p, line)
							    : get_file(p, line);
		json_decref(line);
		at = feed + 1;
	}
	return r;
}

/* The first line vouches for the others. */
static int
from_text(struct headway *p, const char *text, size_t n)
{
	const char *feed = memchr(text, '\n', n);
	json_int_t version, bytes, crc;
	json_t *first;
	int r = AUDITQ_ECORRUPT;

	if (feed == NULL)
		return r;
	first = json_loadb(text, (size_t)(feed - text), 0, NULL);
	if (json_unpack(first, "{s:I}", "auditq_cursor", &version) == 0) {
		const size_t left = n - (size_t)(feed + 1 - text);

		if (version != VERSION)
			r = AUDITQ_EVERSION;
		else if (json_unpack(first, "{s:I,s:I}", "bytes", &bytes, "crc32", &crc) == 0 &&
		    (uint64_t)bytes == left && (uint64_t)crc == checksum(feed + 1, left))
			r = from_lines(p, feed + 1, text + n);
	}
	json_decref(first);
	return r;
}

/* All of a file, to be freed. */
static int
read_all(int fd, const char *path, char **text, size_t *n, auditq_error *err)
{
	struct stat st;
	ssize_t got;

	if (sys->fstat(fd, &st) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, path, "cannot stat");
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)BYTES_MAX)
		return qerror_set(err, AUDITQ_ECORRUPT, 0, path, "not a cursor file");
	if ((*text = malloc((size_t)st.st_size + 1)) == NULL)
		return no_memory(path, err);
	got = sys_pread_all(fd, *text, (size_t)st.st_size, 0);
	if (got < 0) {
		free(*text);
		return qerror_set(err, AUDITQ_EIO, errno, path, "cannot read");
	}
	*n = (size_t)got;
	return 0;
}

int
cursor_load(struct headway *out, const char *path, auditq_error *err)
{
	const int fd =
	    sys->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	char *text = NULL;
	size_t n = 0;
	int r;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return qerror_set(err, AUDITQ_EIO, errno, path, "cannot open");
	r = read_all(fd, path, &text, &n, err);
	(void)sys->close(fd);
	if (r < 0)
		return r;
	r = from_text(out, text, n);
	free(text);
	headway_order(out);
	switch (r) {
	case 0: return 1;
	case AUDITQ_ENOMEM: return no_memory(path, err);
	case AUDITQ_EVERSION:
		return qerror_set(err, r, 0, path, "a cursor file of another version");
	default:
		return qerror_set(err, r, 0, path,
		    "damaged, or not a cursor file; without it, everything is new");
	}
}
