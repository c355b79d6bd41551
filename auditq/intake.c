#include "intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"
#include "sequence.h"
#include "sys.h"

#define BLOCK_BYTES ((size_t)256 << 10)

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "follow");
}

static int
grow_buffer(struct intake *in, auditq_error *err)
{
	const size_t cap = in->cap == 0 ? BLOCK_BYTES : 2 * in->cap;
	char *grown = realloc(in->buf, cap);

	if (grown == NULL)
		return no_memory(err);
	in->buf = grown;
	in->cap = cap;
	return 0;
}

void
intake_release(struct intake *in)
{
	source_close(in->source);
	free(in->buf);
	*in = (struct intake){ 0 };
}

/* ---- plain files ---- */

/* A file that was cut has lost what is not read so far, or was written anew.  1; 0: it cannot be read, which was said;
 * negative. */
static int
check_size(struct intake *in, struct followed *file, uint64_t *size, auditq_error *err)
{
	struct stat st;
	int r;

	if (sys->fstat(file->fd, &st) < 0) {
		qwarn_send(in->warn, AUDITQ_EIO, true, file->path, 0, file->at,
		    "cannot stat: %s", strerrordesc_np(errno));
		return 0;
	}
	*size = (uint64_t)st.st_size;
	if (*size >= file->at)
		return 1;
	if (file->writer == NULL)
		qwarn_send(in->warn, AUDITQ_EIO, false, file->path, 0, 0,
		    "it is shorter than it was: read from its start");
	r = followed_restart(in->files, file, err);
	return r < 0 ? r : 1;
}

/* Of a line whose end did not come within the longest one: pass by all of it. */
static void
skip_piece(const struct intake *in, struct followed *file, size_t n)
{
	const char *feed = memchr(in->buf, '\n', n);
	const size_t used = feed == NULL ? n : (size_t)(feed + 1 - in->buf);

	if (!file->skipping) {
		file->skipping = true;
		file->skip_offset = file->at;
	}
	file->at += used;
	if (feed == NULL)
		return;
	file->skipping = false;
	qwarn_send(in->warn, AUDITQ_ETOOBIG, true, file->path, 0, file->skip_offset,
	    "a line that is too long was skipped");
}

/* So many bytes of whole lines are in the buffer. */
static int
take_lines(struct intake *in, size_t n, auditq_error *err)
{
	struct followed *file = in->file;
	const uint64_t at = file->at;
	int r = 0;

	file->at += n;
	in->counts->bytes_read += n;
	if (file->unknown)
		r = followed_recognise(in->files, file, in->buf, n, err);
	if (r == 0)
		r = steps_take(in->steps, file, in->buf, n, at, 0, err);
	return r < 0 ? r : 1;
}

/* The next whole lines up to the limit.  1; 0: there are none now; negative. */
static int
read_plain(struct intake *in, struct followed *file, auditq_error *err)
{
	for (;;) {
		const uint64_t left = in->limit > file->at ? in->limit - file->at : 0;
		const size_t want = left < in->cap ? (size_t)left : in->cap;
		const char *feed;
		ssize_t n;
		int r;

		if (left == 0)
			return 0;
		if (in->cap == 0) {
			if ((r = grow_buffer(in, err)) < 0)
				return r;
			continue;
		}
		if ((n = sys_pread_all(file->fd, in->buf, want, (off_t)file->at)) <= 0) {
			if (n < 0)
				qwarn_send(in->warn, AUDITQ_EIO, true, file->path, 0, file->at,
				    "cannot read: %s", strerrordesc_np(errno));
			return 0;
		}
		feed = memrchr(in->buf, '\n', (size_t)n);
		if (file->skipping || (feed == NULL && n > SOURCE_LINE_MAX)) {
			skip_piece(in, file, (size_t)n);
			continue;
		}
		if (feed != NULL)
			return take_lines(in, (size_t)(feed + 1 - in->buf), err);
		if ((size_t)n < in->cap)
			return 0;
		if ((r = grow_buffer(in, err)) < 0)
			return r;
	}
}

/* ---- any file ---- */

static int
begin_plain(struct intake *in, struct followed *file, auditq_error *err)
{
	int r;

	/* It is not open when nothing was added. */
	if (file->fd < 0)
		return 1;
	if ((r = check_size(in, file, &in->limit, err)) < 0)
		return r;
	in->file = r > 0 ? file : NULL;
	return 1;
}

static int
begin_gzip(struct intake *in, struct followed *file, auditq_error *err)
{
	const struct source_options opt = {
		.block_bytes = BLOCK_BYTES, .warn = *in->warn, .cancel = in->stop
	};
	auditq_error why;
	int r;

	if (followed_is_over(file)) {
		file->over = true;
		return 1;
	}
	qerror_reset(&why);
	switch (r = source_open(&in->source, file->path, &opt, &why)) {
	case 0: in->file = file; return 1;
	case AUDITQ_ENOENT: return 0;
	case AUDITQ_EIO:
	case AUDITQ_EINVAL:
		qwarn_send(in->warn, r, true, file->path, 0, why.offset, "%s", why.text);
		file->over = true;
		return 1;
	default: return qerror_set_at(err, r, why.path, why.offset, "%s", why.text);
	}
}

int
intake_begin(struct intake *in, struct followed *file, auditq_error *err)
{
	if (file->over)
		return 1;
	return file->gzip ? begin_gzip(in, file, err) : begin_plain(in, file, err);
}

int
intake_next(struct intake *in, auditq_error *err)
{
	struct source_block block;
	int r;

	if (in->file == NULL)
		return 0;
	if (!in->file->gzip)
		return read_plain(in, in->file, err);
	r = source_next(in->source, &block, err);
	if (r <= 0)
		return r;
	r = steps_take(in->steps, in->file, block.p, block.n, block.offset, block.line, err);
	return r < 0 ? r : 1;
}

void
intake_end(struct intake *in)
{
	struct followed *file = in->file;

	if (file == NULL)
		return;
	in->file = NULL;
	if (!file->gzip) {
		followed_rest(in->files, file);
		return;
	}
	in->counts->bytes_read += source_bytes_read(in->source);
	source_close(in->source);
	in->source = NULL;
	file->over = true;
	if (file->place != NULL) {
		file->place->whole = true;
		file->place->size = file->size;
		in->files->headway->changed = true;
	}
}

/* ---- what is passed by ---- */

/* The end of the last whole line. */
static int
find_end(struct intake *in, int fd, uint64_t size, uint64_t *end, auditq_error *err)
{
	int r;

	if (in->cap == 0 && (r = grow_buffer(in, err)) < 0)
		return r;
	for (*end = size; *end > 0;) {
		const size_t n = *end < in->cap ? (size_t)*end : in->cap;
		const ssize_t got = sys_pread_all(fd, in->buf, n, (off_t)(*end - n));
		const char *feed = got <= 0 ? NULL : memrchr(in->buf, '\n', (size_t)got);

		*end -= n;
		if (feed != NULL) {
			*end += (uint64_t)(feed + 1 - in->buf);
			return 0;
		}
	}
	return 0;
}

/* The effective time at the end: of the last lines, that of the latest with a time. */
static void
find_time(const struct intake *in, struct followed *file, uint64_t end)
{
	const size_t n = end < in->cap ? (size_t)end : in->cap;
	const ssize_t got = sys_pread_all(file->fd, in->buf, n, (off_t)(end - n));
	const char *at = in->buf, *line;
	size_t len;

	for (const char *stop = at + (got > 0 ? got : 0); scan_line(&at, stop, &line, &len);) {
		const int64_t ts = schema_time(file->schema, line, len);

		if (ts != CLOCK_NONE)
			file->ts = file->place->ts = ts;
	}
}

int
intake_skip(struct intake *in, struct followed *file, auditq_error *err)
{
	uint64_t end, first, last;
	int r;

	if (file->fd < 0)
		return 0;
	if ((r = check_size(in, file, &end, err)) <= 0 ||
	    (r = find_end(in, file->fd, end, &end, err)) < 0)
		return r;
	if (end == 0)
		return 0;
	if (file->writer != NULL && sequence_of_plain(file->fd, end, &first, &last) &&
	    spans_add(&file->writer->seen, first, last) < 0)
		return no_memory(err);
	if (spans_add(&file->place->seen, 0, end - 1) < 0)
		return no_memory(err);
	file->at = end;
	if (file->writer == NULL)
		find_time(in, file, end);
	followed_rest(in->files, file);
	return 0;
}
