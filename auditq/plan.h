/*
 * plan - what of the catalog has to be read, and why not the rest.
 *
 * Two steps.  At the start each file is looked at once: gzip or not, its footer if it is an archive.  The
 * members of an archive are planned when the answer gets to its time, and until then nothing of its index is
 * in memory; but for a question that most archives have no answer to, they are all asked at the start.
 */
#ifndef PLAN_H
#define PLAN_H

#include "catalog.h"
#include "index.h"
#include "pages.h"
#include "question.h"
#include "source.h"
#include "workers.h"

enum plan_how {
	PLAN_SKIP,    /* it cannot match, or cannot be read (which was said) */
	PLAN_STREAM,  /* read from front to back; nothing is known of its times */
	PLAN_ARCHIVE, /* its footer holds: see plan_members */
};

/* Lines of a compacted archive that were one file of a writer who has a ring. */
struct plan_part {
	char writer[PATH_WRITER_LENGTH + 1];
	uint32_t number;        /* of that segment */
	uint64_t offset, bytes; /* in the decompressed data */
	uint64_t first, last;   /* smallest and largest number of its records */
};

/* What stands in every line that has to be looked at, but for lines with \u in them; p NULL: look at all.
 * It is valid as long as the plan, and has no line feed. */
struct plan_literal {
	const char *p;
	size_t n;
};

/* A member that has to be read. */
struct plan_member {
	uint64_t offset,
	    plain_offset; /* in the file; of its first line in the decompressed data */
	uint64_t line;    /* number of its first line */
	uint32_t member_bytes, payload_bytes, lines;
	bool readable;          /* all its lines are objects, or blank */
	bool timed;             /* each that is an object has a time of its own */
	bool untimed;           /* some of its lines may have no effective time */
	int64_t min_ts, max_ts; /* CLOCK_NONE: no line has one */
	int64_t ts_before;
	uint8_t digest[32]; /* its own, which tells it from any other */
	struct plan_literal literal;
};

struct plan_file {
	const struct catalog_file *in;
	enum plan_how how;
	unsigned schema;              /* index into the plan's schemas */
	bool plain;                   /* a file, and surely not gzip */
	bool ours;                    /* a footer was found: the times are set, and whole */
	bool untimed;                 /* some of its lines may have no effective time */
	int64_t min_ts, max_ts;       /* of effective times; CLOCK_NONE: none has one */
	bool seqs;                    /* every record has a number: */
	uint64_t first_seq, last_seq; /* smallest and largest */
	bool shared;                  /* some of its records may be in another file too */
	bool compacted;               /* it stands for other files */
	bool replaced;                /* an archive of the catalog stands for it */
	bool doubtful; /* others of its group may hold lines of it, and which can't be told */
	const char *group; /* archives with a doubtful one among them; NULL: none */
	uint8_t whole[32]; /* of a footer: its digest */
	struct plan_part *part;
	size_t nparts;
	struct source *head; /* standard input, opened to be looked at; or NULL */
	bool gone; /* atomic: it was removed while its members were read, and that was said */

	/* What plan_new found out already for plan_members, if it did. */
	bool planned, unusable;     /* its index was read; and is of no use */
	struct plan_member *member; /* that have to be read */
	size_t nmember;
};

struct plan {
	struct catalog catalog;
	struct plan_file *file; /* as in the catalog: the index is the path's rank */
	struct schema *schema;
	size_t nschema;
	size_t nparts; /* of all files */
	bool shared;   /* of any file */
	bool has_stdin;
	size_t kept; /* atomic: members in the files' lists */
};

/* For plan_new: leave out what compacted archives stand for. */
int plan_replaced(
    struct plan *p, const struct qwarn *warn, auditq_counts *counts, auditq_error *err);

/* Who wrote the line at that offset of the decompressed data, borrowed; NULL: none whose records may be elsewhere
 * too. */
const char *plan_writer(const struct plan *p, size_t file, uint64_t offset);

/*
 * Warnings go to warn, numbers to counts.  *ret is to be freed with plan_free.  With a query that indexes
 * may answer, archives none of whose members has to be read are left out at once; NULL: their time may not
 * come, or the query is not known yet.  stop (atomic, or NULL) is polled while standard input is awaited.
 */
int plan_new(struct plan **ret, const struct question *q, const struct match_query *query,
    bool counting, struct workers *workers, const bool *stop, const struct qwarn *warn,
    auditq_counts *counts, auditq_error *err);
void plan_free(struct plan *p);

/* Whether the indexes of archives say more about a query than their footers do. */
bool plan_asks_index(const struct question *q, const struct match_query *query);

/*
 * The members of an archive that have to be read, in order; *out is to be freed.  Its pages, if they are open
 * (or NULL), are closed.
 * With answered (for a count), those whose summary tells how many of their lines match are added to
 * *answered instead.  0, or 1: the index is damaged, the file has to be read as a stream; negative.
 */
int plan_members(struct plan *p, size_t file, struct pages *pages, const struct question *q,
    const struct match_query *query, struct plan_member **out, size_t *n, uint64_t *answered,
    const struct qwarn *warn, auditq_counts *counts, auditq_error *err);

#endif
