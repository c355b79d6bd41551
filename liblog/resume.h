/*
 * resume - where a dead writer's files end: its newest record that stands in a segment, and the
 * segment to go on with.
 */
#ifndef RESUME_H
#define RESUME_H

#include "archive.h"
#include "inventory.h"

struct resume {
	struct segment seg; /* the newest, open, when it is plain; else SEGMENT_NONE */
	uint32_t number;    /* of the newest; 0: there is none */
	uint64_t seq;       /* newest record in a file; 0: there is none */
	uint64_t torn;      /* tails that were cut */
};

/*
 * Cut the torn tail of the newest segment and find the newest record.  item: all n segments of one
 * writer, in the order of an inventory.  An archive that can't be read, or is gone, says nothing: what
 * it holds may then be written again, which readers notice by the numbers.
 */
int resume_open(struct resume *out, const struct segment_root *root,
    const struct inventory_item *item, size_t n, alog_error *err);

/* The footer of the sealed segment item. */
int resume_footer(const struct segment_root *root, const struct inventory_item *item,
    struct format_footer *out, alog_error *err);
/* Whether the plain segment item[i] is also there as an archive that can be read. */
bool resume_sealed(
    const struct segment_root *root, const struct inventory_item *item, size_t i);

#endif
