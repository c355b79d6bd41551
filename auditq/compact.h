/*
 * compact - few archives in place of many small ones; shared by compact.c, the operation, compact_survey.c,
 * which chooses, and compact_merge.c, which does it for one partition.
 *
 * The protocol stands in docs/format.md, "Compaction": a new archive takes its name when it is on
 * the disk and says in its index what it replaces; then the replaced files go.
 */
#ifndef COMPACT_H
#define COMPACT_H

#include "inventory.h"
#include "qerror.h"
#include "section.h"

#define COMPACT_TMP_PREFIX ".compact-"

/* A sealed segment, or an archive made of such, that may be merged. */
struct compact_file {
	int32_t day;
	char name[PATH_NAME_MAX];
	char service[PATH_SERVICE_MAX + 1];
	uint64_t stored, payload, lines; /* bytes, bytes, number */
	uint64_t first_seq, last_seq;
	int64_t min_ts;
	size_t replaces; /* files that it stands for itself */
	bool compacted;
	uint8_t whole[32], previous[32];
};

struct compact_survey {
	struct compact_file
	    *file; /* in the order in which they are merged: by day, service, first time */
	size_t n;
	uint64_t sealed; /* that were looked at */
	uint64_t plain, alive;
};

/* What of a root may be merged: files of less than small bytes of lines.  day: of this partition only, unless NULL. */
int compact_survey(struct compact_survey *out, const struct segment_root *root,
    const int32_t *day, uint64_t small, const struct qwarn *warn, auditq_error *err);
void compact_survey_release(struct compact_survey *s);

/* One partition, locked. */
struct compact_partition {
	const struct segment_root *root;
	int32_t day;
	int fd;
	char *path;  /* for opening its files, and for texts */
	bool synced; /* all names in it are on the disk */
	int gzip_level;
	const struct qwarn *warn;
};

/* Open and lock it.  1; 0: gone, or another compaction is in it, which was said; negative. */
int compact_lock(struct compact_partition *p, auditq_error *err);
void compact_unlock(struct compact_partition *p);
/* Do what compactions that died have left: remove files that are replaced, and what has no name yet.  1; 0: nothing of it
 * may be merged, which was said; negative. */
int compact_finish(struct compact_partition *p, auditq_error *err);
/*
 * Put n files, 2 or more, into one archive and remove them.  What turns out to be gone or damaged is left out, its
 * stored set to 0; with less than two left nothing is done.  *made gets the new archive's stored size, or 0.
 */
int compact_merge(struct compact_partition *p, struct compact_file *file, size_t n,
    uint64_t *made, auditq_error *err);

#endif
