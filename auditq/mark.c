#include "mark.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "gunzip.h"
#include "sys.h"

static void
fingerprint(uint8_t out[MARK_PRINT], const uint8_t *p, size_t n)
{
	uint8_t all[DIGEST_BYTES];
	struct digest d;

	digest_begin(&d);
	digest_add(&d, p, n);
	digest_end(&d, all);
	memcpy(out, all, MARK_PRINT);
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
	fingerprint(out, buf, n);
	return 0;
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

/* A gzip file that is decompressed. */
struct unzipped {
	struct input in;
	struct gunzip *gunzip;
	struct qwarn warn;
	bool damaged, unreadable;
};

static void
on_damage(void *arg, const auditq_warning *w)
{
	struct unzipped *g = arg;

	g->damaged = g->damaged || w->lost;
}

static bool
open_unzipped(struct unzipped *g, int fd, const char *path)
{
	*g = (struct unzipped){ .warn = { on_damage, g } };
	if (input_open_at(&g->in, fd, 0, path, NULL, NULL) < 0)
		return false;
	if (gunzip_new(&g->gunzip, &g->in, &g->warn, NULL) == 0)
		return true;
	input_close(&g->in);
	return false;
}

static void
close_unzipped(struct unzipped *g)
{
	gunzip_free(g->gunzip);
	input_close(&g->in);
}

/* Up to n bytes; how many there are before its end. */
static size_t
read_some(struct unzipped *g, uint8_t *dst, size_t n)
{
	size_t done = 0, got;
	int r;

	for (; done < n; done += got)
		if ((r = gunzip_read(g->gunzip, dst + done, n - done, &got, NULL)) !=
		    GUNZIP_DATA) {
			g->unreadable = g->unreadable || r < 0;
			break;
		}
	return done;
}

/* Pass by up to n bytes, as read_some. */
static uint64_t
skip(struct unzipped *g, uint64_t n)
{
	uint8_t buf[8192];
	uint64_t done = 0;
	size_t want, got;

	do {
		want = n - done < sizeof buf ? (size_t)(n - done) : sizeof buf;
		got = read_some(g, buf, want);
		done += got;
	} while (got == want && done < n);
	return done;
}

/* Behind damage: what follows it would not be where it was. */
static bool
nothing_follows(struct unzipped *g)
{
	uint8_t byte;
	size_t got;

	return gunzip_read(g->gunzip, &byte, 1, &got, NULL) == GUNZIP_END;
}

/* What ends before the head does could be of anything. */
static enum mark_result
match_unzipped(const struct mark *mark, struct unzipped *g, uint64_t *bytes)
{
	const size_t n = marked_bytes(mark->offset);
	uint8_t buf[2 * MARK_BYTES], print[MARK_PRINT];
	const uint64_t rest = mark->offset - n;
	/* The tail may begin in the head. */
	const size_t more = rest < n ? (size_t)rest : n;

	if (read_some(g, buf, n) < n)
		return g->damaged ? MARK_CUT : MARK_OTHER;
	fingerprint(print, buf, n);
	if (memcmp(print, mark->head, MARK_PRINT) != 0)
		return MARK_OTHER;
	if (skip(g, rest - more) < rest - more || read_some(g, buf + n, more) < more) {
		if (!g->damaged)
			return MARK_OTHER;
		return nothing_follows(g) ? MARK_PARTLY : MARK_CUT;
	}
	fingerprint(print, buf + more, n);
	if (memcmp(print, mark->tail, MARK_PRINT) != 0)
		return MARK_OTHER;
	*bytes = mark->offset + skip(g, UINT64_MAX);
	return g->damaged ? MARK_PARTLY : MARK_HOLDS;
}

enum mark_result
mark_match_gzip(const struct mark *mark, int fd, const char *path, uint64_t *bytes)
{
	enum mark_result result;
	struct unzipped g;

	if (!open_unzipped(&g, fd, path))
		return MARK_UNREADABLE;
	result = match_unzipped(mark, &g, bytes);
	close_unzipped(&g);
	return g.unreadable ? MARK_UNREADABLE : result;
}

/* ---- heads ---- */

static void
finish_head(struct mark_head *head)
{
	if (head->n == MARK_BYTES)
		fingerprint(head->print, head->p, head->n);
}

void
mark_head_plain(struct mark_head *out, int fd)
{
	const ssize_t n = sys_pread_all(fd, out->p, sizeof out->p, 0);

	out->n = n < 0 ? 0 : (size_t)n;
	finish_head(out);
}

void
mark_head_gzip(struct mark_head *out, int fd, const char *path)
{
	struct unzipped g;

	out->n = 0;
	if (!open_unzipped(&g, fd, path))
		return;
	out->n = read_some(&g, out->p, sizeof out->p);
	close_unzipped(&g);
	finish_head(out);
}

bool
mark_may_hold(const struct mark *mark, const struct mark_head *head)
{
	const size_t n = marked_bytes(mark->offset);
	uint8_t print[MARK_PRINT];

	if (head->n < n)
		return true;
	if (n == MARK_BYTES)
		return memcmp(head->print, mark->head, MARK_PRINT) == 0;
	fingerprint(print, head->p, n);
	return memcmp(print, mark->head, MARK_PRINT) == 0;
}
