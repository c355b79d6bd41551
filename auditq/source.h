/*
 * source - blocks of whole lines from anything that holds lines: archive members, foreign gzip,
 * plain files, rings, standard input.  Resynchronises after damage and says what it skipped.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include "format.h"
#include "qerror.h"

#define SOURCE_LINE_MAX FORMAT_LINE_MAX /* longer lines are skipped and reported */

struct source; /* a stream of blocks, front to back, in constant memory */

/* A block of whole lines.  Every line but the last of the stream ends with '\n'; the last may. */
struct source_block {
	const char *p;
	size_t n;
	uint64_t offset; /* of p[0] in the decompressed data */
	uint64_t line;   /* number of its first line, 1-based */
};

/* Lines of a plain file: those that begin in it, to their ends. */
struct source_range {
	int fd; /* open, and borrowed */
	uint64_t begin, end;
};

struct source_options {
	size_t
	    block_bytes; /* about this much a block [1 MiB]; a longer line makes a larger one */
	bool open_segment; /* a torn last line (no line feed) is dropped and is no damage */
	struct qwarn warn;
	const bool *cancel; /* polled (atomically); may be NULL */
	/* Only these, numbered from 1 on, and not opened by path; NULL: all. */
	const struct source_range *range;
};

/*
 * Open a file relative to the working directory, or "-".  gzip is recognised by content, not by name.
 * Only regular files, and standard input of any kind.  A .jsonl that is gone is its .jsonl.gz.
 */
int source_open(
    struct source **ret, const char *path, const struct source_options *opt, auditq_error *err);
/* 1 and a block, valid until the next call; 0 at the end; negative. Damage is not an error: it goes to warn
 * (lost = true), and reading goes on behind it where it can. */
int source_next(struct source *s, struct source_block *out, auditq_error *err);
/* Of the block given last, how many lines it has: who counts them anyway spares the source to. */
void source_counted(struct source *s, uint64_t lines);
/* The block that source_next will give next. */
int source_peek(struct source *s, struct source_block *out, auditq_error *err);
/* Who is told from now on, and who may stop it; as in source_options. */
void source_hand_over(struct source *s, const struct qwarn *warn, const bool *cancel);
/* Stored bytes read so far. */
uint64_t source_bytes_read(const struct source *s);
/* Lines so far, with those that were skipped. */
uint64_t source_lines(const struct source *s);
void source_close(struct source *s);

#endif
