/*
 * taker - who takes matching lines where they are found, in any order, instead of having them merged
 * into one.
 *
 * Only records that may stand in two files come in order, so that each is taken once.
 */
#ifndef TAKER_H
#define TAKER_H

#include "match.h"

struct plan;
struct plan_literal;

struct taker {
	const char *const *want; /* fields, for match_wanted */
	size_t nwant;
	bool outcome; /* match_failed and match_ended are asked */
	/* Before anything else: what there is, and how many workers.  Both outlast the other calls. */
	int (*begin)(void *arg, const struct plan *plan, unsigned slots, auditq_error *err);
	/* A line of a file that m was just given, with its effective time; no other call has the same slot
	 * meanwhile. */
	int (*line)(void *arg, unsigned slot, size_t file, int64_t ts, const struct match *m,
	    auditq_error *err);
	/* An archive that none shares records with: 1: its summaries were all that it takes.  0: read it;
	 * with *literal set, only members' lines that hold it, or \u.  NULL: it takes lines only. */
	int (*archive)(void *arg, size_t file, struct plan_literal *literal,
	    auditq_counts *counts, auditq_error *err);
	void *arg;
};

#endif
