/*
 * intake - what a file that is followed holds and was not read so far, in blocks of whole lines, as steps.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include "followed.h"
#include "source.h"
#include "steps.h"

struct intake {
	const struct qwarn *warn;
	const bool *stop; /* atomic, polled */
	auditq_counts *counts;
	struct followed_files *files;
	struct steps *steps;
	struct followed *file; /* that is read; NULL: none */
	uint64_t limit;        /* of a plain file: its size when its turn came */
	struct source *source; /* of a gzip file */
	char *buf;
	size_t cap;
};

/* Begin with what is new in a file; none may be.  1; 0: a gzip file is gone; negative. */
int intake_begin(struct intake *in, struct followed *file, auditq_error *err);
/* Make steps of its next lines.  1; 0: it has no more, or there is no file; negative. */
int intake_next(struct intake *in, auditq_error *err);
/* It has no more. */
void intake_end(struct intake *in);
/* Take what is in a plain file now as considered. */
int intake_skip(struct intake *in, struct followed *file, auditq_error *err);
void intake_release(struct intake *in);

#endif
