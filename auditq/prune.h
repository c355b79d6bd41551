/*
 * prune - what the summary of an archive's member says about a query, without inflating it.
 */
#ifndef PRUNE_H
#define PRUNE_H

#include "index.h"
#include "match.h"

/* Of a member's lines that are JSON objects, so many match (the time window is not asked). */
enum prune_answer { PRUNE_NONE, PRUNE_SOME, PRUNE_ALL };

/* What showed that none does. */
enum prune_reason { PRUNE_BY_COUNTS, PRUNE_BY_RUN, PRUNE_BY_FILTER };

/*
 * The answer for a match compiled for index_schema(ix); PRUNE_SOME when the summary cannot tell.  reason
 * (may be NULL) is set for PRUNE_NONE only.  Lines that are no objects (unreadable) are the caller's
 * business.  Run prefixes are too: only exact ids are looked up.
 */
enum prune_answer prune_member(const struct match_query *query, const struct index *ix,
    size_t member, enum prune_reason *reason);

#endif
