/*
 * pages - the footer of an archive and pieces of its index stream, checked as they are read.
 *
 * Most archives are small enough for one read of their tail to give all of it.
 */
#ifndef PAGES_H
#define PAGES_H

#include "format.h"
#include "qerror.h"

struct pages {
	int fd;           /* borrowed */
	const char *path; /* borrowed */
	struct format_footer footer;
	uint8_t *tail; /* the last bytes of the file */
	size_t ntail;
	uint64_t tail_at;
};

/* Read and check the footer of a file of size bytes.  0, AUDITQ_ECORRUPT (no archive, or not a
 * whole one), AUDITQ_EVERSION, AUDITQ_EIO, AUDITQ_ENOMEM. */
int pages_open(struct pages *p, int fd, uint64_t size, const char *path, auditq_error *err);
void pages_close(struct pages *p);

/* Bytes [from, from + n) of the stream, which must have them, in a new buffer (of n + 1 bytes,
 * for the caller to free).  0, or as pages_open. */
int pages_read(
    const struct pages *p, uint32_t from, uint32_t n, uint8_t **ret, auditq_error *err);

/* Whether the footer's `whole` is that of the index and the footer.  1, 0, or as pages_read. */
int pages_whole_holds(const struct pages *p, auditq_error *err);

#endif
