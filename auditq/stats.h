/* stats - rows of statistics; shared by stats.c, who makes them, and stats_export.c, who writes them. */
#ifndef STATS_H
#define STATS_H

#include "auditq.h"
#include "census.h"

#define STATS_BY_MAX 16

struct auditq_stats {
	char *names; /* of the fields that make groups, each with its NUL */
	const char *by[STATS_BY_MAX];
	size_t nby;
	bool exact, counts;
	int64_t step;
	struct census *census;
	struct auditq_stats_row *row;
	size_t *group; /* of each row, in the census */
	size_t n;
};

/* Whether a field of that name would be taken for another column of an export. */
bool stats_is_column(const char *name);

#endif
