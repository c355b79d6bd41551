/*
 * pack_input - the lines of all inputs, sorted: first those that cannot be packed, in input order,
 * then the others by time.
 *
 * Input is read once, since it may be a pipe; what exceeds the sorter's memory is spilled.
 */
#ifndef PACK_INPUT_H
#define PACK_INPUT_H

#include "digest.h"
#include "qerror.h"
#include "schema.h"
#include "sorter.h"

#define PACK_MEMORY ((size_t)32 << 20) /* for lines, before they spill */

struct pack_input {
	struct schema *schema;
	bool recognise;
	struct qwarn warn;
	const char *const *paths; /* borrowed */
	size_t npath;
	uint64_t lines, rejected; /* blank lines are neither */
	char id[2 * DIGEST_BYTES + 1];

	/* private */
	struct sorter *sorter;
	struct digest digest;
	uint64_t *day_bytes; /* of the lines of each day, with their line feeds */
	uint32_t path;       /* the one being read */
	int failed;          /* within a warning */
	auditq_error *err;
};

/* A line as it comes out. */
struct pack_line {
	bool rejected;
	const char *text; /* NULL: it was too long to be read */
	size_t n;
	int64_t ts;       /* rejected: CLOCK_NONE */
	const char *path; /* rejected: where it came from */
	uint64_t line;
};

/*
 * Read all of paths[npath].  The id is the SHA-256 of the decompressed lines, each with its line
 * feed; with recognise, *schema is what the first lines of the first path follow, if that is known.  A schema other than the default is hashed before them, behind a NUL.  Free in either case.
 */
int pack_input_read(struct pack_input *in, struct schema *schema, bool recognise,
    const char *const *paths, size_t npath, const struct qwarn *warn, auditq_error *err);
/* 1 and a line, valid until the next call; 0 at the end; negative. */
int pack_input_next(struct pack_input *in, struct pack_line *out, auditq_error *err);
/* Bytes of the lines of a day that can be packed. */
uint64_t pack_input_day_bytes(const struct pack_input *in, int32_t day);
void pack_input_free(struct pack_input *in);

#endif
