/*
 * relay - a file that cannot be cut into pieces, such as foreign gzip: while one worker reads it, others sift
 * what was read before.
 */
#ifndef RELAY_H
#define RELAY_H

#include "sift.h"
#include "workers.h"

/* Whether it is worth while: there is much to read, and no other way to share it out. */
bool relay_suits(const struct plan_file *f, const struct workers *workers);
/*
 * Sift all of a file, and give take what came of it in order.  Nobody else adds work meanwhile.  1; 0: it
 * cannot be opened, and has to be sifted by sift_file, who says why; negative.
 */
int relay_sift(struct sift *s, struct workers *workers, size_t file, sift_result_fn *take,
    void *arg, auditq_error *err);

#endif
