/*
 * sift_piece - for sift: a piece under way, and what happens to each of its lines.
 */
#ifndef SIFT_PIECE_H
#define SIFT_PIECE_H

#include <libdeflate.h>

#include "sift.h"

struct sift_slot {
	struct match **match; /* one a schema, made when it is needed */
	struct libdeflate_decompressor *inflate;
	struct successor *moved;
	uint8_t *stored; /* a member as it is in the file */
	char *plain;
	size_t stored_cap, plain_cap;
	struct candidates candidates;
};

/* A piece under way. */
struct piece {
	struct sift *s;
	struct sift_slot *slot;
	struct sift_result *out;
	struct match *match;
	const char *path;
	uint32_t rank;
	const struct spool_line *record;          /* of a ring, that is looked at */
	int64_t ts;                               /* effective time of the line before */
	bool moved;                               /* the file has no name any more */
	bool waiting;                             /* for a line with a time: ts is not known */
	uint64_t bad_line, bad_count, bad_offset; /* unreadable lines one after another */
	uint64_t end,
	    last_seq; /* of an open segment: behind the lines that were read; of the last one */
};

int sift_begin(
    struct piece *p, struct sift *s, unsigned slot, size_t file, struct sift_result *out);

/* Something to be told of the piece's file. */
void sift_note(
    struct piece *p, int code, bool lost, uint64_t line, uint64_t offset, const char *text);
/* To be called when no line follows. */
void sift_end_bad_lines(struct piece *p);
int sift_no_memory(struct piece *p);

/* Line number 0: not known. */
int sift_line(struct piece *p, const char *line, size_t n, uint64_t offset, uint64_t number);
/*
 * All lines of a block; *number is moved on.  Of a line that cannot match only that it can be read is
 * made sure of, and its time is read when a line behind it needs it.
 */
int sift_block(struct piece *p, const char *block, size_t n, uint64_t offset, uint64_t *number);
/* Only the lines of a member that could match; it has no unreadable ones, which would have to be told. */
int sift_candidates(struct piece *p, const struct plan_member *m, const char *block);

/* Bring what was found into order, no more than is wanted; and give it away. */
int sift_sort(struct piece *p);
int sift_flush(struct piece *p);

/* A file that cannot be read is lost to the answer; the rest goes on. */
int sift_forgive(struct piece *p, int r);
/* n bytes of lines of a file that is gone: by compaction, which put them into another; or by retention, which
 * is said once. */
int sift_moved(struct piece *p, uint64_t from, uint64_t n, uint64_t line);
/* Of an open segment all was read that is there: the records behind p->last_seq up to `last` that were there when it was
 * planned, and were moved to the next since, as they could not be made durable. */
int sift_rescued(struct piece *p, uint64_t last);

#endif
