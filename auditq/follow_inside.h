/* follow_inside - what the files of `follow` have of each other. */
#ifndef FOLLOW_INSIDE_H
#define FOLLOW_INSIDE_H

#include "catalog.h"
#include "follow.h"
#include "followed.h"
#include "intake.h"
#include "names.h"
#include "steps.h"

enum follow_phase {
	FOLLOW_BEGIN,
	FOLLOW_GROWN, /* what open files have got, when no name changed */
	FOLLOW_LIST,
	FOLLOW_REST, /* the same, before what was listed: a writer had ended it when it began what comes after it */
	FOLLOW_FILES,
	FOLLOW_ROTATED,
	FOLLOW_RINGS,
	FOLLOW_IDLE,
};

struct follow {
	const struct question *q;
	struct watch *watch;
	const bool *stop;
	auditq_counts *counts;
	struct qwarn warn;
	struct names *unreadable; /* path and text of what was told of whole files */
	struct followed_files files;
	struct steps steps;
	struct intake intake;

	enum follow_phase phase;
	size_t next; /* file of the phase */
	bool names;  /* they may have changed */
	bool again;  /* they did, while files were read */
	bool
	    due; /* what no event tells is to be looked for: a path that is not there, a file in the making */
	bool told;      /* that a path is not there */
	bool rotated;   /* what the cursor knows was looked for under other names */
	int listings;   /* of this pass */
	int64_t listed; /* when, monotonic ns */
	struct catalog catalog;
	struct followed *given; /* that with the line which others gave last; or NULL */
};

/* Listings of one pass, while files come and go. */
#define FOLLOW_LISTINGS 64

int follow_no_memory(auditq_error *err);
/* follow_list: list all files, in the order in which they are to be read, and watch what was listed. */
int follow_list(struct follow *f, auditq_error *err);

#endif
