/*
 * ranges - a plain file in pieces that workers sift at once, put together in their order.
 *
 * What a piece says depends on those before it in two ways: its lines are numbered from theirs, and its
 * first lines, as far as they have no time of their own, have the last time before them.  Lines one after
 * another that are no records are told of together only within a piece.
 */
#ifndef RANGES_H
#define RANGES_H

#include "sift.h"

struct ranges;

/* 1; 0: the file is none, or too small, to be sifted in pieces; negative. */
int ranges_open(struct ranges **ret, struct sift *s, size_t file, auditq_error *err);
/* The next piece, while there is one; it is one more user of r. */
bool ranges_next(struct ranges *r, struct source_range *out);
void ranges_sift(
    struct ranges *r, unsigned slot, const struct source_range *range, struct sift_result *out);
/*
 * Of each piece in order: move its notes to their lines, and sift what was left out of it, to come before it.
 * Nobody else uses slot 0.
 */
void ranges_join(struct ranges *r, const struct source_range *range, struct sift_result *piece,
    struct sift_result *left_out);
/*
 * What stood between the pieces joined so far and the next, or the end (NULL), and was moved to another file before it was
 * read: each piece may have been read before or after that.  Nobody else uses slot 0.
 */
void ranges_moved(struct ranges *r, const struct sift_result *piece, struct sift_result *out);
/* Of who opened it, and of each piece: after the last the file is closed.  One thread at a time. */
void ranges_release(struct ranges *r);

#endif
