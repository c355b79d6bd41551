/* followed_inside - what the files of `followed` have of each other. */
#ifndef FOLLOWED_INSIDE_H
#define FOLLOWED_INSIDE_H

#include "followed.h"

/* followed: */
int followed_no_memory(const char *path, auditq_error *err);
/* A segment is never renamed, and has its own number; the end of its name tells only whether it is sealed. */
bool followed_same_segment(const char *a, const char *b);

/* followed_look: what an open file is that is met for the first time.  1; FOLLOWED_LATER; negative. */
int followed_look(struct followed_files *all, struct followed *f, int fd,
    const struct catalog_file *in, auditq_error *err);

/* followed_place: where of it lines without a number were considered; the results are the same. */
int followed_take_place(struct followed_files *all, struct followed *f, int fd,
    const struct catalog_file *in, auditq_error *err);

#endif
