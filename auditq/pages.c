#include "pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "sys.h"

/* Read at once: the footer, and of a small archive all of the index. */
#define TAIL_BYTES 8192

/* n bytes of the file, which must have them, or an error: it shrinks while it is read. */
static int
read_at(const struct pages *p, void *dst, size_t n, uint64_t offset, auditq_error *err)
{
	ssize_t got = sys_pread_all(p->fd, dst, n, (off_t)offset);

	if (got < 0)
		return qerror_set(err, AUDITQ_EIO, errno, p->path, "read index");
	if ((size_t)got < n)
		return qerror_set_at(
		    err, AUDITQ_ECORRUPT, p->path, offset, "the file shrank while it was read");
	return 0;
}

static int
check_footer(struct pages *p, uint64_t size, auditq_error *err)
{
	uint64_t at = size - FORMAT_FOOTER_BYTES;
	int r = format_get_footer(p->tail + p->ntail - FORMAT_FOOTER_BYTES, &p->footer);

	if (r == ALOG_EVERSION)
		return qerror_set_at(err, AUDITQ_EVERSION, p->path, at,
		    "the archive's format is newer than version %d", FORMAT_VERSION);
	if (r < 0)
		return qerror_set_at(
		    err, AUDITQ_ECORRUPT, p->path, at, "no footer of an archive at the end");
	/* Else archives were joined, or the file was cut and another put in its place. */
	if (p->footer.file_bytes != size)
		return qerror_set_at(err, AUDITQ_ECORRUPT, p->path, at,
		    "the footer is of a file of %llu bytes, not %llu",
		    (unsigned long long)p->footer.file_bytes, (unsigned long long)size);
	return 0;
}

int
pages_open(struct pages *p, int fd, uint64_t size, const char *path, auditq_error *err)
{
	int r;

	*p = (struct pages){ .fd = fd, .path = path };
	if (size <= FORMAT_FOOTER_BYTES)
		return qerror_set(
		    err, AUDITQ_ECORRUPT, 0, path, "too short for the footer of an archive");
	p->ntail = size < TAIL_BYTES ? (size_t)size : TAIL_BYTES;
	p->tail_at = size - p->ntail;
	if ((p->tail = malloc(p->ntail)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, path, "index");
	if ((r = read_at(p, p->tail, p->ntail, p->tail_at, err)) < 0 ||
	    (r = check_footer(p, size, err)) < 0) {
		pages_close(p);
		return r;
	}
	return 0;
}

void
pages_close(struct pages *p)
{
	free(p->tail);
	p->tail = NULL;
}

/* Check pages first to last, which stand at src, and copy what of them is in [from, from + n). */
static int
copy_pages(const struct pages *p, const uint8_t *src, uint32_t first, uint32_t last,
    uint32_t from, uint32_t n, uint8_t *dst, auditq_error *err)
{
	uint32_t total = p->footer.index_bytes, pages = format_pages(total);
	const uint8_t *content;

	for (uint32_t i = first; i <= last; i++) {
		uint32_t begin = i * FORMAT_PAGE_BYTES, end = begin + FORMAT_PAGE_BYTES;
		uint32_t lo, hi;
		if (end > total)
			end = total;
		content = format_get_page(
		    src, FORMAT_PAGE_OVERHEAD + end - begin, i, pages, end - begin);
		if (content == NULL)
			return qerror_set_at(err, AUDITQ_ECORRUPT, p->path,
			    p->footer.index_offset +
				(uint64_t)i * (FORMAT_PAGE_OVERHEAD + FORMAT_PAGE_BYTES),
			    "page %u of the index is damaged", i);
		lo = begin > from ? begin : from;
		hi = end < from + n ? end : from + n;
		memcpy(dst + (lo - from), content + (lo - begin), hi - lo);
		src += FORMAT_PAGE_OVERHEAD + FORMAT_PAGE_BYTES;
	}
	return 0;
}

int
pages_read(const struct pages *p, uint32_t from, uint32_t n, uint8_t **ret, auditq_error *err)
{
	const struct format_footer *f = &p->footer;
	const uint32_t page_bytes = FORMAT_PAGE_OVERHEAD + FORMAT_PAGE_BYTES;
	uint32_t first = from / FORMAT_PAGE_BYTES;
	uint32_t last = n > 0 ? (from + n - 1) / FORMAT_PAGE_BYTES : first;
	uint64_t at = f->index_offset + (uint64_t)first * page_bytes;
	uint64_t end = f->index_offset + (uint64_t)(last + 1) * page_bytes;
	uint64_t index_end = f->index_offset + format_pages_bytes(f->index_bytes);
	uint8_t *dst = malloc((size_t)n + 1), *own = NULL;
	const uint8_t *src = NULL;
	int r = 0;

	if (end > index_end)
		end = index_end;
	if (at >= p->tail_at)
		src = p->tail + (at - p->tail_at);
	else if ((src = own = malloc((size_t)(end - at) + 1)) != NULL)
		r = read_at(p, own, (size_t)(end - at), at, err);
	if (dst == NULL || src == NULL)
		r = qerror_set(err, AUDITQ_ENOMEM, ENOMEM, p->path, "index");
	else if (r == 0 && n > 0)
		r = copy_pages(p, src, first, last, from, n, dst, err);
	free(own);
	if (r == 0)
		*ret = dst;
	else
		free(dst);
	return r;
}

int
pages_whole_holds(const struct pages *p, auditq_error *err)
{
	const struct format_footer *f = &p->footer;
	const uint8_t *footer = p->tail + p->ntail - FORMAT_FOOTER_BYTES;
	uint8_t digest[DIGEST_BYTES], *stream;
	struct digest d;
	int r;

	if ((r = pages_read(p, 0, f->index_bytes, &stream, err)) < 0)
		return r;
	digest_begin(&d);
	digest_add(&d, f->digest, sizeof f->digest);
	digest_add(&d, stream, f->index_bytes);
	digest_add(&d, footer + FORMAT_FIXED_AT, FORMAT_WHOLE_AT);
	digest_end(&d, digest);
	free(stream);
	return memcmp(digest, f->whole, sizeof digest) == 0;
}
