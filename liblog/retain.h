/* retain - pure policy: which sealed segments may go? */
#ifndef RETAIN_H
#define RETAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct retain_file {
	size_t item; /* the caller's */
	int32_t day;
	int64_t mtime; /* orders the files of a day */
	uint64_t bytes;
	bool remove; /* out */
};

struct retain_limits {
	uint32_t days;  /* keep those of today and so many days before; 0: any age */
	uint32_t count; /* keep at most so many; 0: any number */
	uint64_t bytes; /* keep at most so many bytes; 0: any */
};

/* Sort files oldest first and mark those beyond a limit.  The newest file stays
 * whatever its size, not whatever its age. */
void retain_choose(
    struct retain_file *files, size_t n, int32_t today, const struct retain_limits *limits);

#endif
