#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gunzip.h"
#include "input.h"
#include "scan.h"

#define BLOCK_BYTES     ((size_t)1 << 20)
#define BLOCK_BYTES_MAX ((size_t)4 << 20)
#define BUFFER_MAX      ((size_t)SOURCE_LINE_MAX + 1) /* the longest line and its line feed */
#define SNIFF_BYTES     4096
#define TAIL_BYTES      4096 /* read at once for the last line of a range */

struct source {
	char *path;
	struct source_options opt;
	struct input in;
	struct gunzip *gz; /* NULL: plain */

	char *buf;
	size_t cap;
	size_t begin, end; /* what is in buf and was not given yet */
	size_t searched;   /* no line feed in [begin, searched) */
	uint64_t offset;   /* of buf[begin] */
	uint64_t line;     /* its number; but for the lines of what is not counted yet: */
	const char *given; /* the block given last, or NULL */
	size_t ngiven;
	bool eof, gap; /* after buf[end) the data ends, or something is missing */
	uint64_t stop; /* no line that begins here or later */
	bool partial;  /* inside a line that began before the range */
	bool skipping; /* inside a line that is too long */
	uint64_t skip_offset;
	bool peeked; /* ahead was looked at, and is still to be given */
	struct source_block ahead;
};

static bool
ends_in(const char *path, const char *end)
{
	size_t n = strlen(path), k = strlen(end);

	return n >= k && strcmp(path + n - k, end) == 0;
}

/* Text has no other control characters than these. */
static bool
looks_binary(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' && p[i] != '\r' &&
		    p[i] != '\f' && p[i] != 0x1b)
			return true;
	return false;
}

/* A file is gzip when it says so; or when it is called so and is surely not text. */
static int
detect(struct source *s, auditq_error *err)
{
	const uint8_t *p;
	size_t n;
	int r;

	if ((r = input_need(&s->in, SNIFF_BYTES, err)) < 0)
		return r;
	p = input_at(&s->in);
	n = input_left(&s->in) < SNIFF_BYTES ? input_left(&s->in) : SNIFF_BYTES;
	/* No gzip file is empty; what a full disk or a loss of power leaves can be. */
	if (n == 0 && ends_in(s->path, ".gz"))
		qwarn_send(&s->opt.warn, AUDITQ_ECORRUPT, true, s->path, 0, 0,
		    "an empty file where gzip data should be");
	if (!gunzip_magic(p, n) && !(ends_in(s->path, ".gz") && looks_binary(p, n)))
		return 0;
	return gunzip_new(&s->gz, &s->in, &s->opt.warn, err);
}

/* A segment that was sealed since it was listed has its lines under another name. */
static int
open_input(struct source *s, auditq_error *err)
{
	int r = input_open(&s->in, s->path, s->opt.cancel, err);
	auditq_error ignored;
	char *sealed;

	if (r != AUDITQ_ENOENT || !ends_in(s->path, ".jsonl"))
		return r;
	if (asprintf(&sealed, "%s.gz", s->path) < 0)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, s->path, "source");
	qerror_reset(&ignored);
	if (input_open(&s->in, sealed, s->opt.cancel, &ignored) < 0) {
		free(sealed);
		return r;
	}
	qerror_reset(err);
	free(s->path);
	s->path = sealed;
	s->opt.open_segment = false;
	return 0;
}

/* A line begins at the start of a range when a line feed stands before it. */
static int
open_range(struct source *s, const struct source_range *range, auditq_error *err)
{
	s->partial = range->begin > 0;
	s->offset = range->begin - s->partial;
	s->stop = range->end;
	return input_open_at(&s->in, range->fd, s->offset, s->path, s->opt.cancel, err);
}

int
source_open(
    struct source **ret, const char *path, const struct source_options *opt, auditq_error *err)
{
	struct source *s = calloc(1, sizeof *s);
	int r;

	if (s == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, path, "source");
	s->opt = *opt;
	if (s->opt.block_bytes == 0)
		s->opt.block_bytes = BLOCK_BYTES;
	if (s->opt.block_bytes > BLOCK_BYTES_MAX)
		s->opt.block_bytes = BLOCK_BYTES_MAX;
	s->line = 1;
	s->stop = UINT64_MAX;
	s->path = strdup(path);
	s->cap = s->opt.block_bytes;
	s->buf = malloc(s->cap);
	if (s->path == NULL || s->buf == NULL) {
		source_close(s);
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, path, "source");
	}
	if (opt->range != NULL)
		r = open_range(s, opt->range, err);
	else if ((r = open_input(s, err)) == 0)
		r = detect(s, err);
	if (r < 0) {
		source_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void
source_close(struct source *s)
{
	if (s == NULL)
		return;
	gunzip_free(s->gz);
	input_close(&s->in);
	free(s->buf);
	free(s->path);
	free(s);
}

uint64_t
source_bytes_read(const struct source *s)
{
	return s->in.read;
}

uint64_t
source_lines(const struct source *s)
{
	return s->line - 1;
}

/* Room for more bytes behind buf[end). */
static int
make_room(struct source *s, auditq_error *err)
{
	size_t cap = s->cap;
	char *buf;

	if (s->begin > 0) {
		memmove(s->buf, s->buf + s->begin, s->end - s->begin);
		s->end -= s->begin;
		s->searched -= s->begin;
		s->begin = 0;
	}
	if (s->end == s->cap)
		cap = s->cap * 2 < BUFFER_MAX ? s->cap * 2 : BUFFER_MAX;
	else if (s->cap > s->opt.block_bytes && s->end < s->opt.block_bytes / 2)
		cap = s->opt.block_bytes; /* the long line is behind us */
	if (cap == s->cap)
		return 0;
	if ((buf = realloc(s->buf, cap)) == NULL)
		return qerror_set(
		    err, AUDITQ_ENOMEM, ENOMEM, s->path, "a line of %zu bytes", s->end);
	s->buf = buf;
	s->cap = cap;
	return 0;
}

/* Up to which place in buf reading is of use: others read what is behind the range. */
static size_t
reach(const struct source *s)
{
	const uint64_t at = s->offset + (s->end - s->begin);
	const uint64_t more = at < s->stop ? s->stop - at : TAIL_BYTES;

	return more < s->cap - s->end ? s->end + (size_t)more : s->cap;
}

/* Read once to behind buf[end). */
static int
read_more(struct source *s, auditq_error *err)
{
	char *dst = s->buf + s->end;
	size_t n = 0;
	ssize_t got;
	int r;

	if (s->gz == NULL) {
		if ((got = input_read(&s->in, dst, reach(s) - s->end, err)) < 0)
			return (int)got;
		s->eof = got == 0;
		n = (size_t)got;
	} else {
		if ((r = gunzip_read(s->gz, dst, s->cap - s->end, &n, err)) < 0)
			return r;
		s->eof = r == GUNZIP_END;
		s->gap = r == GUNZIP_GAP;
		n = r == GUNZIP_DATA ? n : 0;
	}
	s->end += n;
	return 0;
}

static void
consume(struct source *s, size_t n, uint64_t lines)
{
	s->begin += n;
	s->offset += n;
	s->line += lines;
	if (s->searched < s->begin)
		s->searched = s->begin;
}

static void
end_skipping(struct source *s)
{
	qwarn_send(&s->opt.warn, AUDITQ_ETOOBIG, true, s->path, s->line, s->skip_offset,
	    "a line of more than %u MiB was skipped", SOURCE_LINE_MAX >> 20);
	s->skipping = false;
}

/* Drop up to the end of the line that is too long. */
static void
skip_line(struct source *s)
{
	const char *p = s->buf + s->begin;
	size_t n = s->end - s->begin;
	const char *lf = memchr(p, '\n', n);

	if (lf == NULL) {
		consume(s, n, 0);
		return;
	}
	end_skipping(s);
	consume(s, (size_t)(lf + 1 - p), 1);
}

/* Drop up to the end of the line that belongs to the range before. */
static void
skip_partial(struct source *s)
{
	const char *p = s->buf + s->begin;
	size_t n = s->end - s->begin;
	const char *lf = memchr(p, '\n', n);

	consume(s, lf == NULL ? n : (size_t)(lf + 1 - p), 0);
	s->partial = lf == NULL;
}

/* Give n bytes from begin on, of the lines that begin before the stop. */
static int
give(struct source *s, size_t n, struct source_block *out)
{
	const char *p = s->buf + s->begin, *lf;

	if (n > s->stop - s->offset) {
		size_t last = (size_t)(s->stop - s->offset) - 1;

		lf = memchr(p + last, '\n', n - last);
		n = lf == NULL ? n : (size_t)(lf + 1 - p);
	}
	*out = (struct source_block){ p, n, s->offset, s->line };
	s->given = p;
	s->ngiven = n;
	consume(s, n, 0);
	return 1;
}

void
source_counted(struct source *s, uint64_t lines)
{
	s->line += lines;
	s->given = NULL;
}

static void
count_given(struct source *s)
{
	if (s->given != NULL)
		source_counted(s, scan_feeds(s->given, s->given + s->ngiven));
}

/* Bytes up to and with the last line feed. */
static size_t
whole_lines(struct source *s)
{
	const char *lf = memrchr(s->buf + s->searched, '\n', s->end - s->searched);

	s->searched = s->end;
	return lf == NULL ? 0 : (size_t)(lf + 1 - (s->buf + s->begin));
}

/* Fill the buffer until a block is worth giving; what is there when it cannot go on. */
static int
fill(struct source *s, auditq_error *err)
{
	size_t want;
	int r;

	if ((r = make_room(s, err)) < 0)
		return r;
	want = s->end < s->opt.block_bytes ? s->opt.block_bytes : s->cap;
	want = want < reach(s) ? want : reach(s);
	while (!s->eof && !s->gap && s->end < want)
		if ((r = read_more(s, err)) < 0)
			return r;
	return 0;
}

/* The data ends here, or goes on elsewhere; what is left of it has no line feed. */
static void
drop_tail(struct source *s)
{
	uint64_t lines = s->skipping || s->end > s->begin;

	if (s->skipping)
		end_skipping(s);
	consume(s, s->end - s->begin, lines);
	s->gap = false;
}

/* No line of the range is left. */
static bool
is_behind(const struct source *s)
{
	return s->offset >= s->stop && !s->partial && !s->skipping;
}

int
source_peek(struct source *s, struct source_block *out, auditq_error *err)
{
	int r = 1;

	if (!s->peeked && (r = source_next(s, &s->ahead, err)) > 0)
		s->peeked = true;
	if (r > 0)
		*out = s->ahead;
	return r;
}

void
source_hand_over(struct source *s, const struct qwarn *warn, const bool *cancel)
{
	s->opt.warn = *warn;
	s->opt.cancel = s->in.cancel = cancel;
}

int
source_next(struct source *s, struct source_block *out, auditq_error *err)
{
	size_t n;
	int r = 0;

	if (s->peeked) {
		s->peeked = false;
		*out = s->ahead;
		return 1;
	}
	count_given(s);
	for (;;) {
		if (is_behind(s))
			return 0;
		if (!s->eof && !s->gap)
			r = fill(s, err);
		if (s->partial)
			skip_partial(s);
		while (s->skipping && s->begin < s->end)
			skip_line(s);
		if (is_behind(s))
			return 0;
		/* After a failed read, first what came before it. */
		if (!s->skipping && !s->partial && (n = whole_lines(s)) > 0)
			return give(s, n, out);
		if (r < 0)
			return r;
		if (s->gap) {
			drop_tail(s);
			continue;
		}
		if (s->eof) {
			n = s->end - s->begin;
			if (n > 0 && !s->skipping && !s->opt.open_segment)
				return give(s, n, out);
			drop_tail(s);
			return 0;
		}
		if (!s->skipping && s->end - s->begin == BUFFER_MAX) {
			s->skipping = true;
			s->skip_offset = s->offset;
		}
	}
}
