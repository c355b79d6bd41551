/*
 * roster - the runs of matching lines: a bounded set.
 *
 * Filled by a search whose taker it is, or line by line.
 */
#ifndef ROSTER_H
#define ROSTER_H

#include "question.h"

struct bytes_out;
struct roster;

/* What comes beyond is AUDITQ_ETOOBIG. */
#define ROSTER_MAX       200000
#define ROSTER_BYTES_MAX (16 << 20) /* of their ids */

int roster_new(struct roster **ret, auditq_error *err);
void roster_free(struct roster *r);

const struct taker *roster_taker(struct roster *r);
/* A matching line's run, of any type: all but strings are as good as absent. */
int roster_add(struct roster *r, const struct field *run, auditq_error *err);

/* The decoded id of a line's run, in room if it has escapes; NULL: no memory. */
const char *roster_id(const struct field *run, struct bytes_out *room, size_t *n);
/* A run by its decoded id; any thread. */
int roster_add_id(struct roster *r, const char *id, size_t n, auditq_error *err);

/* No more of them: all, sorted for match_query; borrowed. */
int roster_finish(struct roster *r, const struct match_run **run, size_t *n, auditq_error *err);
/* Whether some matching line has no run. */
bool roster_loose(const struct roster *r);

#endif
