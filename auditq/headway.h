/*
 * headway - what of a trail was considered so far, whatever becomes of its files' names.
 *
 * Of a writer's records the numbers: they stand in any of its files, in a compacted archive, in its ring, and are
 * the same everywhere.  Of any other line its place in its file, whose identity is its inode, or that what was
 * read of it is what it holds.
 */
#ifndef HEADWAY_H
#define HEADWAY_H

#include "mark.h"
#include "path.h"
#include "qerror.h"
#include "spans.h"

struct headway_writer {
	char writer[PATH_WRITER_LENGTH + 1];
	struct spans seen; /* numbers of its records */
	int64_t met;       /* when a file of its was there last, s since 1970 */
	uint64_t
	    held; /* pass in which one of its files was gone before it was read: those behind it wait */
};

struct headway_file {
	char *path; /* by which it was met last; NULL: not known */
	uint64_t dev, ino;
	uint64_t size;     /* stored, of a gzip file */
	bool whole;        /* of a gzip file: all was read */
	struct spans seen; /* bytes of lines, decompressed */
	int64_t ts;        /* effective time of the last line that was read */
	int64_t met;
	struct mark mark; /* of a plain file */
	bool listed;      /* of followed_place: a file that is in the listing has it */
};

struct headway {
	struct headway_writer **writer; /* in bytewise order */
	size_t nwriter, cap_writer;
	struct headway_file **file; /* those of a cursor first, ordered for headway_inode */
	size_t nfile, cap_file, nordered;
	bool changed; /* since it was stored or loaded */
};

/* Found, or made. NULL: out of memory. */
struct headway_writer *headway_writer(struct headway *p, const char *writer);
/* A new one. */
struct headway_file *headway_file(struct headway *p, const char *path);
/* One that was in the cursor, or NULL. */
struct headway_file *headway_inode(const struct headway *p, uint64_t dev, uint64_t ino);
/* No more are coming from the cursor. */
void headway_order(struct headway *p);
/* Forget what was met last before a time, s. */
void headway_forget(struct headway *p, int64_t before);
void headway_release(struct headway *p);

/* All that stands before it was read. */
uint64_t headway_done(const struct headway_file *f);

#endif
