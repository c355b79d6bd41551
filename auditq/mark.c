#include "mark.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "gunzip.h"
#include "sys.h"

static int
fingerprint(uint8_t out[MARK_PRINT], const uint8_t *p, size_t n)
{
	uint8_t all[DIGEST_BYTES];
	struct digest *d = digest_new();
	int r;

	if (d == NULL)
		return -1;
	digest_begin(d);
	digest_add(d, p, n);
	if ((r = digest_end(d, all)) == 0)
		memcpy(out, all, MARK_PRINT);
	digest_free(d);
	return r < 0 ? -1 : 0;
}

/* How much of the content before an offset either fingerprint is of. */
static size_t
marked_bytes(uint64_t offset)
{
	return offset < MARK_BYTES ? (size_t)offset : MARK_BYTES;
}

static int
fingerprint_at(uint8_t out[MARK_PRINT], int fd, uint64_t at, size_t n)
{
	uint8_t buf[MARK_BYTES];

	if (sys_pread_all(fd, buf, n, (off_t)at) != (ssize_t)n)
		return -1;
	return fingerprint(out, buf, n);
}

int
mark_take(struct mark *out, int fd, uint64_t offset)
{
	const size_t n = marked_bytes(offset);
	struct mark mark = { .offset = offset };

	if (fingerprint_at(mark.head, fd, 0, n) < 0 ||
	    fingerprint_at(mark.tail, fd, offset - n, n) < 0)
		return -1;
	*out = mark;
	return 0;
}

enum mark_result
mark_match(const struct mark *mark, int fd)
{
	struct mark now;

	errno = 0;
	if (mark_take(&now, fd, mark->offset) < 0)
		return errno == 0 ? MARK_OTHER : MARK_UNREADABLE;
	return memcmp(now.head, mark->head, MARK_PRINT) == 0 &&
		memcmp(now.tail, mark->tail, MARK_PRINT) == 0
	    ? MARK_HOLDS
	    : MARK_OTHER;
}

/* ---- in a gzip file ---- */

static void
on_damage(void *arg, const auditq_warning *w)
{
	bool *damaged = arg;

	*damaged = *damaged || w->lost;
}

/* A gzip file that is decompressed, and whether its bytes could be read. */
struct unzipped {
	struct gunzip *gunzip;
	bool unreadable;
};

/* Read all of n bytes.  False: it ends before. */
static bool
read_whole(struct unzipped *g, uint8_t *dst, size_t n)
{
	size_t got;
	int r;

	for (; n > 0; dst += got, n -= got)
		if ((r = gunzip_read(g->gunzip, dst, n, &got, NULL)) != GUNZIP_DATA) {
			g->unreadable = g->unreadable || r < 0;
			return false;
		}
	return true;
}

/* Pass by n bytes; as read_whole. */
static bool
skip(struct unzipped *g, uint64_t n)
{
	uint8_t buf[8192];
	bool more = true;

	while (n > 0 && more) {
		const size_t part = n < sizeof buf ? (size_t)n : sizeof buf;

		more = read_whole(g, buf, part);
		n -= part;
	}
	return more;
}

/* What ends before the head does could be of anything: it may go on. */
static enum mark_result
match_unzipped(const struct mark *mark, struct unzipped *g)
{
	const size_t n = marked_bytes(mark->offset);
	uint8_t buf[2 * MARK_BYTES], print[MARK_PRINT];
	const uint64_t rest = mark->offset - n;
	/* The tail may begin in the head. */
	const size_t more = rest < n ? (size_t)rest : n;

	if (!read_whole(g, buf, n))
		return MARK_CUT;
	if (fingerprint(print, buf, n) < 0 || memcmp(print, mark->head, MARK_PRINT) != 0)
		return MARK_OTHER;
	if (!skip(g, rest - more) || !read_whole(g, buf + n, more))
		return MARK_CUT;
	if (fingerprint(print, buf + more, n) < 0 || memcmp(print, mark->tail, MARK_PRINT) != 0)
		return MARK_OTHER;
	(void)skip(g, UINT64_MAX);
	return MARK_HOLDS;
}

enum mark_result
mark_match_gzip(const struct mark *mark, int fd, const char *path)
{
	bool damaged = false;
	const struct qwarn warn = { on_damage, &damaged };
	enum mark_result result = MARK_UNREADABLE;
	struct unzipped g = { 0 };
	struct input in;

	if (input_open_at(&in, fd, 0, path, NULL, NULL) < 0)
		return MARK_UNREADABLE;
	if (gunzip_new(&g.gunzip, &in, &warn, NULL) == 0) {
		result = match_unzipped(mark, &g);
		gunzip_free(g.gunzip);
	}
	input_close(&in);
	if (g.unreadable)
		return MARK_UNREADABLE;
	if (result == MARK_CUT)
		return damaged ? MARK_CUT : MARK_OTHER;
	return result == MARK_HOLDS && damaged ? MARK_CUT : result;
}
