/*
 * target - a file that is written under a temporary name beside its own, and takes its name when it is
 * complete and on the disk: whoever sees the name sees all of it.
 */
#ifndef TARGET_H
#define TARGET_H

#include "qerror.h"

struct target {
	const char *path; /* for messages; borrowed */
	const char *name; /* its last part */
	char *temp;       /* the name that it has until it is complete */
	int dir;
	int fd;
	bool force;
	int os_errno; /* of the write that failed */
};

/* What is there may be replaced by force only: else AUDITQ_EEXIST.  To be closed, on failure too. */
int target_open(struct target *t, const char *path, bool force, auditq_error *err);
/* An auditq_write_fn. */
int target_write(void *target, const void *data, size_t n);
/* Give it its name. */
int target_finish(struct target *t, auditq_error *err);
/* Nothing of the temporary name stays, whether it was renamed, linked or is to be given up. */
void target_close(struct target *t);

#endif
