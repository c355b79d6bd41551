/*
 * sift - the matching lines of one member, file or ring: what workers do.
 */
#ifndef SIFT_H
#define SIFT_H

#include "batch.h"
#include "candidates.h"
#include "notes.h"
#include "plan.h"
#include "source.h"

struct sift_slot; /* one worker's tools */

/* Takes over a sorted batch; called by workers, at any time. */
typedef int sift_flush_fn(void *arg, struct batch *sorted, auditq_error *err);

/* What all pieces of one search share; only the slots change while workers run. */
struct sift {
	const struct question *q;
	const struct match_query *query;
	struct plan *plan;
	auditq_cache_t *cache; /* or NULL */
	const bool *cancel;    /* atomic */
	bool counting;         /* count the matching lines, keep none */
	uint64_t keep;         /* of a piece's matching lines in order, the first so many */
	size_t flush_bytes;    /* of lines that a file's piece holds before they are flushed */
	sift_flush_fn *flush;
	void *arg;

	struct sift_slot *slot;
	unsigned nslot;
	struct require *require; /* by schema */
};

/* What came of a piece. */
struct sift_result {
	int r; /* negative: the search fails with err */
	auditq_error err;
	struct batch batch; /* sorted; of a member only */
	struct notes notes;
	auditq_counts counts; /* what it adds to the search's */

	/* Of a range: */
	bool cut;       /* the rest of it could not be read */
	uint64_t lines; /* that it has, though not all may have been looked at */
	int64_t ts;     /* effective time of its last line that has one by the range itself */
	uint64_t
	    head; /* end of lines that were left out, since theirs is that of a range before; or 0 */
	uint64_t first_seq, last_seq; /* numbers of the records of an open segment; or 0 */
};

/* To be given what came of a piece; what it does not take over stays the caller's. */
typedef int sift_result_fn(void *arg, struct sift_result *result, auditq_error *err);

/* The first members are set by the caller.  sift_release undoes it. */
int sift_init(struct sift *s, unsigned nslot, auditq_error *err);
void sift_release(struct sift *s);

void sift_member(struct sift *s, unsigned slot, size_t file, const struct plan_member *member,
    struct sift_result *out);
/* A file from front to back, or a ring. */
void sift_file(struct sift *s, unsigned slot, size_t file, struct sift_result *out);
/*
 * Lines of a plain file that begin in a range, their numbers counted from its start.  ts_before: the effective
 * time of the line before; NULL: not known.  again: of a range that was sifted, the lines that were left out.
 */
void sift_range(struct sift *s, unsigned slot, size_t file, const struct source_range *range,
    const int64_t *ts_before, bool again, struct sift_result *out);
/* Records of an open segment behind one number, up to another, that were moved to the next when it was cut there. */
void sift_between(struct sift *s, unsigned slot, size_t file, uint64_t cut, uint64_t after,
    uint64_t last, struct sift_result *out);
/*
 * A file in steps.  Open it, what is said of it going to notes, which must not move; read a block: 1, 0 at the
 * end, negative and out->err; and sift the lines of one, as sift_range does.
 */
int sift_open(const struct sift *s, size_t file, size_t block_bytes, struct notes *notes,
    struct source **ret, auditq_error *err);
int sift_read(struct sift *s, size_t file, struct source *source, struct source_block *block,
    struct sift_result *out);
void sift_lines(struct sift *s, unsigned slot, size_t file, const struct source_block *block,
    const int64_t *ts_before, struct sift_result *out);
/* Give a line that was kept, since its file shares records, to the question's taker; while no piece uses slot 0. */
int sift_take(struct sift *s, const struct batch_line *line, auditq_error *err);

#endif
