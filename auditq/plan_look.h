/*
 * plan_look - for plan_new: what one file of the catalog is, by its first and last bytes.
 */
#ifndef PLAN_LOOK_H
#define PLAN_LOOK_H

#include <pthread.h>

#include "plan.h"

struct planning {
	struct plan *plan;
	const struct question *q;
	const struct match_query *query; /* or NULL: indexes are not asked */
	bool counting;
	const bool *stop;
	pthread_mutex_t *lock; /* of the plan's schemas */
	const struct qwarn *warn;
	auditq_counts *counts;
	auditq_error *err;
};

/* Fill f from the file `in`, which may be under another name by now.  Called by workers. */
int plan_look(const struct planning *p, struct plan_file *f, struct catalog_file *in);
/* Which schema the lines of standard input follow; what was read of it stays in f->head. */
int plan_look_ahead(const struct planning *p, struct plan_file *f);
/* The number of a schema, which few trails have more than one of. */
int plan_add_schema(const struct planning *p, const struct schema *s, unsigned *out);
void plan_add_counts(auditq_counts *to, const auditq_counts *from);

#endif
