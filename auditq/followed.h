/*
 * followed - the files of a trail that is followed: which they are, and what of them was considered.
 */
#ifndef FOLLOWED_H
#define FOLLOWED_H

#include "catalog.h"
#include "headway.h"
#include "schema.h"

/* Lines of a compacted archive that were one file of a writer. */
struct followed_part {
	struct headway_writer *writer;
	uint64_t offset, end; /* in the decompressed data */
	uint64_t first, last; /* numbers of its records */
};

struct followed {
	char *path;
	uint64_t dev, ino;
	uint64_t size; /* as it was listed when it was over */
	int64_t mtime;
	bool gzip;
	bool over;     /* all of it was considered, as long as it stays as it is */
	bool numbered; /* of an archive: every line is a record with a number: */
	uint64_t first, last;
	struct headway_writer *writer; /* NULL: none, or of the parts */
	struct headway_file *place; /* where lines without a number are; NULL: there are none */
	struct followed_part *part;
	size_t nparts;
	const struct schema *schema;
	bool unknown; /* it had no lines to recognise its schema by */
	int64_t ts;   /* effective time of the last line */

	/* Of a plain file: */
	int fd;        /* or -1 */
	uint64_t at;   /* the line that is read next */
	bool skipping; /* it is too long, and its end was not found so far */
	uint64_t skip_offset;

	uint64_t pass; /* in which it was listed last */
};

struct followed_files {
	struct headway *headway;
	const struct qwarn *warn;
	const struct schema *asked; /* of all files; NULL: each has its own */
	struct followed **file;     /* by inode */
	size_t n, cap;
	const struct schema **schema; /* of their archives; each once */
	size_t nschema;
	size_t fds; /* open ones of plain files */
	/* There were too many, or one could not be read: a listing tells which of them grew. */
	bool shut;
	int64_t now_s; /* of this pass, s since 1970 */
	uint64_t pass;
};

/* Begin a listing. */
int followed_begin(struct followed_files *all, auditq_error *err);
/* It is being made: what it holds is in no state to be read. */
#define FOLLOWED_LATER 2
/*
 * The listed file.  1 and *ret; 0: it is gone; FOLLOWED_LATER; negative.  Of a plain file the descriptor is open, unless
 * it cannot be read, which was said.  Gzip files of others come last in a listing: they are compared with files
 * that are gone.
 */
int followed_meet(struct followed_files *all, const struct catalog_file *in,
    struct followed **ret, auditq_error *err);
/* What was in the cursor and has another name now, one that is not listed, as rotation gives: 1 and the next
 * one; 0; negative.  *i begins at 0. */
int followed_rotated(
    struct followed_files *all, size_t *i, struct followed **ret, auditq_error *err);
/* End a listing: forget those that were not listed, except where there is more to read. */
void followed_end(struct followed_files *all);
/* Whether all of it was considered. */
bool followed_is_over(const struct followed *f);
/* Nothing is left of it at present: remember it, and give up its descriptor if there are too many. */
void followed_rest(struct followed_files *all, struct followed *f);
/* A plain file was cut, or written anew: read it from its start.  0; negative. */
int followed_restart(struct followed_files *all, struct followed *f, auditq_error *err);
/* The schema of others' logs, by their first lines.  0; negative. */
int followed_recognise(struct followed_files *all, struct followed *f, const char *lines,
    size_t n, auditq_error *err);
/* Who wrote the line there; NULL: not known. */
struct headway_writer *followed_writer(const struct followed *f, uint64_t offset);
/* Fingerprints of what was read, for a cursor. */
void followed_mark(struct followed_files *all);
void followed_release(struct followed_files *all);

#endif
