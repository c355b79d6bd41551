/*
 * around - lines around matches, each within its run: in groups, as grep has them.
 *
 * A group is what is shown of one run without a gap.  Groups come by the time of their first line, whole: lines
 * of other runs do not stand between theirs.
 */
#ifndef AROUND_H
#define AROUND_H

#include "pick.h"

struct around;

/* Of a line in a group. */
struct around_line {
	struct batch_line line; /* its path is that in `from` */
	const struct search *from;
	bool match; /* else it is shown for one */
	bool first; /* of its group */
};

/*
 * lines gives all lines of the picked runs, in order; NULL: there are none.  loose gives, among others, the picked
 * lines without a run, each of which is a group; or NULL.  Both are to live as long as this.  Of q, the order and the
 * numbers of lines count.  What is more than max_bytes is sorted in temporary files.  AUDITQ_ETOOBIG: the lines before a
 * match take more than 16 MiB.
 */
int around_new(struct around **ret, const struct question *q, struct pick *pick,
    struct search *lines, struct search *loose, size_t max_bytes, auditq_error *err);
void around_free(struct around *a);

/* 1, and the next line, valid until the next call; 0; negative. */
int around_next(struct around *a, struct around_line *out, auditq_error *err);
uint64_t around_spilled(const struct around *a); /* bytes */

#endif
