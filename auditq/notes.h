/*
 * notes - warnings that a worker collects, for the query's own thread to deliver.
 */
#ifndef NOTES_H
#define NOTES_H

#include "qerror.h"

/* Of one piece of work; what comes after them is counted. */
#define NOTES_MAX 64

struct note {
	int code;
	bool lost;
	char *path, *text;
	uint64_t line, offset;
};

/* All zeros is empty. */
struct notes {
	struct note *note;
	size_t n;
	uint64_t more, more_lost;
};

/* A warning function's target that adds to n, which must not move. */
struct qwarn notes_target(struct notes *n);
/* Send all to `to` in the order in which they came, and empty n. */
void notes_deliver(struct notes *n, const struct qwarn *to);
/* Lines were counted from behind so many others; UINT64_MAX: it is not known how many. */
void notes_move(struct notes *n, uint64_t lines);
void notes_release(struct notes *n);

/* Warnings that were sent: the first of them, which is more than anyone reads.  All zeros is none. */
struct notes_sent {
	uint64_t hash[256];
	size_t n;
};
void notes_remember(struct notes_sent *sent, const auditq_warning *w);
bool notes_known(const struct notes_sent *sent, const auditq_warning *w);

#endif
