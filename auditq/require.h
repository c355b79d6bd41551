/*
 * require - what must stand in a line, as bytes, for the line to match.
 *
 * A conjunction of clauses; each is a set of literals of which one must be there.  Reading lines
 * as JSON is then for those that have them all.
 */
#ifndef REQUIRE_H
#define REQUIRE_H

#include "match.h"
#include "scan.h"

#define REQUIRE_CLAUSES_MAX 6

struct require_text;

/*
 * JSON spells most bytes of a string in one way only, or else with \u.  So each clause has the
 * needle \u too, and its other needles have none of the bytes that JSON can spell in two ways without it.
 */
struct require {
	size_t n;
	struct scan_set clause[REQUIRE_CLAUSES_MAX];
	struct require_text *text; /* of needles */
};

/* Under one schema.  n is 0 when nothing is known of that kind.  query and schema are borrowed for the
 * call only.  0 or AUDITQ_ENOMEM. */
int require_init(struct require *r, const struct match_query *query,
    const struct schema *schema, auditq_error *err);
void require_release(struct require *r);

#endif
