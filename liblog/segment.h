/* segment - the open plain file of one writer: make, append, sync. */
#ifndef SEGMENT_H
#define SEGMENT_H

#include "path.h"

/* The root directory; fd is open for as long as it is used. */
struct segment_root {
	int fd;
	const char *path;
	mode_t file_mode, dir_mode;
};

struct segment {
	int fd;       /* -1: none */
	int dirfd;    /* its partition */
	bool entered; /* its name is durable in the directories above */
	int32_t day;
	uint32_t number;
	uint64_t bytes;   /* all whole lines */
	uint64_t begun;   /* of them on their way there */
	uint64_t durable; /* of them on stable storage */
	uint32_t crc;     /* of those that are not */
	bool inherited; /* some of those were there when it was reopened: crc is not of them */
	char name[PATH_NAME_MAX];
};

/* So much at a time goes on its way to the disk without being asked. */
#define SEGMENT_WRITEBACK (1u << 20)

#define SEGMENT_NONE      ((struct segment){ .fd = -1, .dirfd = -1 })

/* Open or make the root; its parent must exist.  Close the fd. */
int segment_root_open(struct segment_root *root, alog_error *err);

/* Make the partition where it is missing, and a new file in it. */
int segment_create(struct segment *seg, const struct segment_root *root, int32_t day,
    const struct path_segment *id, alog_error *err);
/* Open an existing one for appending, cut behind its last line feed.  *cut is what went. */
int segment_reopen(struct segment *seg, const struct segment_root *root, int32_t day,
    const char *name, uint64_t *cut, alog_error *err);

/* Append whole lines.  When that fails the file is cut to the lines it had; where not even that
 * succeeds, it must not be appended to again, and *broken is set. */
int segment_append(
    struct segment *seg, const char *lines, size_t n, bool *broken, alog_error *err);
/* Make all of it durable: fdatasync, and once, the directories. */
int segment_sync(struct segment *seg, const struct segment_root *root, alog_error *err);
/* Whether its name still exists. */
bool segment_linked(const struct segment *seg);
void segment_close(struct segment *seg);

/* Open a partition; -1 and errno. */
int segment_open_partition(const struct segment_root *root, int32_t day);

#endif
