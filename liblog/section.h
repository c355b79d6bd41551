/*
 * section - the index stream: a directory, then sections (docs/format.md, "Index").
 *
 * The stream is what the payloads of an archive's index members hold, joined.  Decoders trust
 * nothing: a section that says what cannot be is refused whole.
 */
#ifndef SECTION_H
#define SECTION_H

#include "bytes.h"
#include "format.h"
#include "sketch.h"

enum section_type {
	SECTION_MEMBERS = 1, /* the fixed parts of all data members */
	SECTION_KEYS = 2,    /* dictionary of dotted paths, in ascending order */
	SECTION_FILTERS = 3, /* per member: states of the keys, filter */
	SECTION_RUNS = 4,
	SECTION_ROLLUPS = 5,
	SECTION_REPLACED = 6, /* files whose lines stand here instead */
	SECTION_COURSES = 7,  /* what RUNS does not say of its runs */
	SECTION_TYPES
};

/* Flag of KEYS, RUNS, ROLLUPS: some did not fit and are missing. */
#define SECTION_INCOMPLETE 1u

struct section {
	uint16_t type, flags;
	uint32_t offset, length; /* in the stream */
	uint32_t crc;            /* CRC-32 of its bytes */
};

#define SECTION_DIRECTORY_BYTES(n) (2 + 16 * (size_t)(n))
#define SECTION_COUNT_MAX          64 /* in a directory */

/* Append the directory and n sections with their content; types and flags are set, the rest is
 * filled in. */
void section_put_all(
    struct bytes_out *stream, struct section *s, const struct bytes_out *content, size_t n);
/* Read the directory at the start of a stream of which n bytes are there and `total` in the file.
 * The number of sections, or -1. */
int section_get_directory(
    const uint8_t *p, size_t n, uint32_t total, struct section out[SECTION_COUNT_MAX]);
/* Whether p[0..s->length) has the section's checksum. */
bool section_intact(const struct section *s, const uint8_t *p);

/* ---- keys and filters ------------------------------------------------------------------ */

/* What a member's filter knows of a key. */
enum section_state {
	SECTION_ABSENT = 0,
	SECTION_COMPLETE = 1, /* every value is a string that the filter holds */
	SECTION_PARTIAL =
	    2, /* the filter holds all short strings; there are other values too */
	SECTION_UNINDEXED = 3, /* there are values; the filter holds none */
};

struct section_filter {
	bool unlisted; /* the member has paths that are not in the dictionary */
	uint8_t k;
	uint32_t bits;
	const uint8_t *states; /* two bits a key: key i in byte i / 4 at bit 2 (i % 4) */
	const uint8_t *bloom;  /* bits / 8 bytes */
};

/* FILTERS: n offsets from the start of the section, then n filters. */
void section_put_filters(
    struct bytes_out *b, const struct section_filter *filter, size_t n, size_t nkeys);
/* out[n], borrowing p; 0 or -1. */
int section_get_filters(
    const uint8_t *p, size_t len, size_t nkeys, struct section_filter *out, size_t n);

/* A key of the dictionary: u16 length, then its bytes. */
void section_put_key(struct bytes_out *b, const char *path, size_t n);
/* The next key, borrowed; NULL when the bytes are no key. */
const char *section_get_key(struct bytes_in *in, size_t *n);

/* ---- runs and rollups ------------------------------------------------------------------ */

/* base: the archive's min_ts. */
void section_put_run(struct bytes_out *b, const struct format_run *run, int64_t base);
/* 0 or -1. */
int section_get_run(struct bytes_in *in, struct format_run *out, int64_t base);

/* An id, or what it starts with, to be compared with ids as they are stored. */
struct section_id {
	const char *text; /* borrowed */
	size_t n;
	bool exact;
	bool hex; /* it may be a UUID, which is stored in 16 bytes: */
	uint8_t bin[16], mask[16];
};

void section_id_set(struct section_id *id, const char *text, size_t n, bool exact);
/*
 * Pass over runs, of which *left follow, as far as the next one that has any of these ids, for
 * section_get_run to read.  1; 0: there is none; -1: the bytes are no runs.
 */
int section_seek_run(
    struct bytes_in *in, size_t *left, const struct section_id *id, size_t nid);

/* What else there is to say of a run.  Latest and first by effective time. */
struct section_course {
	int64_t begin, end;   /* of the latest run.begin and run.end, if it began and ended */
	bool end_failed;      /* one of the latest run.end did */
	int64_t failed_at;    /* of the first failed record, if there is one */
	int32_t failed_stage; /* rollup of its stage, or -1 */
	uint64_t stages[FORMAT_STAGES_MAX / 64]; /* bit i: of rollup i + 1 it has a record */
};

/* The section begins with how many bytes the stages of a run take. */
void section_put_courses(struct bytes_out *b, uint32_t nstage);
/* -1: there are not so many. */
int section_get_courses(struct bytes_in *in);
void section_put_course(struct bytes_out *b, const struct format_run *run,
    const struct section_course *course, uint32_t nstage);
/* Of a run that was got; nbytes: as section_get_courses said.  0 or -1. */
int section_get_course(
    struct bytes_in *in, const struct format_run *run, int nbytes, struct section_course *out);

struct section_rollup {
	const char *stage; /* NULL: of records without a stage */
	size_t nstage;
	uint64_t records, ends, failed;
	uint64_t durations;
	double sum, min, max; /* of durations, ms; 0 when there are none */
	double rest;          /* of the sum, while it is added up; not stored */
	struct sketch sketch;
};

void section_put_rollup(struct bytes_out *b, const struct section_rollup *r);
/* Into a zeroed one; stage is borrowed, the sketch is to be released, on failure too.  0, or -1
 * (in->failed, or out of memory). */
int section_get_rollup(struct bytes_in *in, struct section_rollup *out);

/* ---- replaced files -------------------------------------------------------------------- */

#define SECTION_REPLACED_MAX 16384

/* A file of the same directory whose lines were taken over, all in one piece. */
struct section_replaced {
	const char *name; /* without a NUL, and without a slash */
	size_t nname;
	uint64_t offset, bytes; /* of its lines in the decompressed data */
	bool numbered;          /* it was one writer's, which its name tells: */
	uint64_t first_seq, last_seq;
	uint8_t whole[32],
	    previous[32]; /* its digest, and that of its writer's segment before */
};

/* Of a name of at most 255 bytes. */
void section_put_replaced(struct bytes_out *b, const struct section_replaced *r);
/* Borrows in's bytes; limit is the end of the decompressed data.  0 or -1. */
int section_get_replaced(struct bytes_in *in, struct section_replaced *out, uint64_t limit);

#endif
