/*
 * spool - what a ring holds, as lines: records that were accepted and may not stand in a segment.
 */
#ifndef SPOOL_H
#define SPOOL_H

#include "qerror.h"

struct spool_line {
	uint64_t seq;
	const char *p; /* without a line feed */
	size_t n;
	uint64_t offset; /* in the lines joined, each with a line feed */
	uint64_t place;  /* of the record in the file */
};

struct spool {
	struct spool_line *line; /* by seq */
	size_t n;
	char *data;
	uint64_t head_seq,
	    tail_seq;   /* newest record accepted; newest known to stand in a segment */
	bool this_boot; /* else there are no lines: they went down with the machine */
};

/* *out is to be released, on success only. */
int spool_read(struct spool *out, int fd, const char *path, auditq_error *err);
/* Forget the lines up to a number: they stand in a segment. */
void spool_drop(struct spool *s, uint64_t seq);
void spool_release(struct spool *s);

#endif
