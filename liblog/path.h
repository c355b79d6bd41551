/*
 * path - names of partitions, segments and rings, both ways.
 *
 *     date=2025-10-23                       a partition
 *     <service>.<writer>.000001.jsonl[.gz]  a segment, plain or sealed
 *     pack-<32 hex>.000001.jsonl.gz         an archive made by pack (from the SHA-256 of its input)
 *     .ring/<writer>.ring                   a ring
 */
#ifndef PATH_H
#define PATH_H

#include "runid.h"

#define PATH_SERVICE_MAX      64
#define PATH_WRITER_LENGTH    16  /* lower-case hex digits: 64 random bits */
#define PATH_PARTITION_LENGTH 15  /* "date=YYYY-MM-DD" */
#define PATH_NAME_MAX         128 /* longest name made here, with its NUL */
#define PATH_RING_DIR         ".ring"

struct path_segment {
	char service[PATH_SERVICE_MAX + 1]; /* "" for an archive made by pack or compact */
	char writer[33];                    /* 16 hex digits; pack, compact: 32 */
	uint32_t number;                    /* 1... */
	enum { PATH_PLAIN, PATH_SEALED } kind;
	bool packed; /* not written by a logger */
};

/* [A-Za-z0-9_-]{1,64} */
bool path_service_valid(const char *service);
/* 16 random hex digits and a NUL; 0 or -1 with errno. */
int path_make_writer(char dst[PATH_WRITER_LENGTH + 1]);

/* The parsers accept exactly the names that the makers make, and leave their output alone on
 * false.  Ring names are those within the ring directory. */

void path_partition(char dst[PATH_NAME_MAX], int32_t day);
/* Exactly "date=YYYY-MM-DD"; the day, or false. */
bool path_parse_partition(const char *name, int32_t *day);
void path_segment(char dst[PATH_NAME_MAX], const struct path_segment *seg);
bool path_parse_segment(const char *name, struct path_segment *seg);

void path_ring(char dst[PATH_NAME_MAX], const char *writer);
bool path_parse_ring(const char *name, char writer[PATH_WRITER_LENGTH + 1]);

#endif
