/* inventory - the segments below a root, by listing. */
#ifndef INVENTORY_H
#define INVENTORY_H

#include "segment.h"

struct inventory_item {
	int32_t day;
	struct path_segment id;
	char name[PATH_NAME_MAX];
	uint64_t bytes;
	int64_t mtime;
};

struct inventory {
	struct inventory_item *item; /* by writer, number, sealed first */
	size_t n;
};

/* List the segments in all partitions.  writer, service: only these; NULL: all.  What vanishes
 * meanwhile is left out. */
int inventory_list(struct inventory *out, const struct segment_root *root, const char *writer,
    const char *service, alog_error *err);
void inventory_free(struct inventory *inv);

#endif
