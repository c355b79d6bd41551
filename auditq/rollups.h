/*
 * rollups - whether what an archive says about its stages answers a question.
 */
#ifndef ROLLUPS_H
#define ROLLUPS_H

#include "index.h"
#include "plan.h"

/* Whether rollups of any archive can: they know of stages and of nothing else. */
bool rollups_suffice(const struct question *q);

/*
 * The rollups of an archive all of which the question asks for, but for its stages; to be freed.  1; 0:
 * they cannot answer, and the file has to be read (which also says what is wrong with it); negative.
 */
int rollups_load(
    struct index **ret, const struct plan_file *f, const struct question *q, auditq_error *err);

/* Whether the question's stages include this one's. */
bool rollups_asked(const struct question *q, const struct index_rollup *r);

#endif
