/* seal - turn a finished plain segment into its archive, so that at any instant one of the two is
 * complete: write .tmp, fsync, rename, fsync the directory, unlink the plain file. */
#ifndef SEAL_H
#define SEAL_H

#include <stdatomic.h>

#include "archive.h"
#include "path.h"

struct seal_options {
	int gzip_level;
	mode_t mode;
	const atomic_bool
	    *cancel; /* polled; a cancelled seal leaves the plain file; may be NULL */
};

/*
 * Seal the segment name in the partition dirfd.  digest is that of the same writer's segment before
 * (zeros: none, or unknown) and becomes this one's.  A segment without a line is removed, and leaves digest alone.
 * ALOG_ETIMEOUT: cancelled.
 */
int seal_segment(int dirfd, const char *name, const struct seal_options *opt,
    uint8_t digest[32], alog_error *err);

#endif
