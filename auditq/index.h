/*
 * index - the summaries of one archive, loaded and checked.
 *
 * An index is an accelerator: every way it can be wrong is found here, or costs time only.
 * Loading fails with a reason when the footer, the checksums or the tiling of the members (from
 * byte 0 to the exact end) do not hold; the caller then walks the file.
 */
#ifndef INDEX_H
#define INDEX_H

#include "format.h"
#include "qerror.h"
#include "schema.h"
#include "section.h"

struct index;
struct pages;

/* What to load beyond footer and fixed parts. */
enum index_want {
	INDEX_FILTERS = 1,
	INDEX_RUNS = 2,
	INDEX_ROLLUPS = 4,
	INDEX_REPLACED = 8,
	INDEX_COURSES = 16, /* with runs and rollups */
	INDEX_ALL = 31,
	INDEX_RUN_TABLE = 32, /* as it is stored, for index_seek_run only */
};

/* fd is borrowed for the call, path for the texts of its errors.  AUDITQ_ECORRUPT: no index, or a
 * damaged one; AUDITQ_EVERSION, AUDITQ_EIO, AUDITQ_ENOMEM. */
int index_load(struct index **ret, int fd, uint64_t size, const char *path, unsigned want,
    auditq_error *err);
/* The same of the file of that name, as long as it has that size.  AUDITQ_ENOENT: it can't be opened. */
int index_load_file(
    struct index **ret, const char *path, uint64_t size, unsigned want, auditq_error *err);
/* The same of an archive whose pages are open; they are closed. */
int index_load_pages(struct index **ret, struct pages *pages, unsigned want, auditq_error *err);
void index_free(struct index *ix);

const struct format_footer *index_footer(const struct index *ix);
const struct schema *index_schema(const struct index *ix);
size_t index_members(const struct index *ix);
const struct format_data *index_member(const struct index *ix, size_t i);
uint64_t index_offset(const struct index *ix, size_t i); /* of the member in the file */
uint64_t index_plain_offset(
    const struct index *ix, size_t i); /* of its payload in the decompressed data */

/* Whether some line of member i may have the string value (n decoded bytes) at path: false only
 * when none can. Answers true whenever the filters cannot tell. */
bool index_may_equal(const struct index *ix, size_t i, const char *path, size_t npath,
    const char *value, size_t n);
/* Whether some line of member i may have the path at all. */
bool index_may_have(const struct index *ix, size_t i, const char *path, size_t npath);
/* Key states, for inspect: 0 not loaded, 1 absent, 2 complete, 3 partial, 4 not indexed. */
size_t index_keys(const struct index *ix);
const char *index_key(const struct index *ix, size_t k, size_t *n);
int index_key_state(const struct index *ix, size_t member, size_t k);
/* Whether member has paths that are no key of the dictionary. */
bool index_unlisted(const struct index *ix, size_t member);
size_t index_filter_bytes(const struct index *ix, size_t member);

/* The run table, ordered by id.  complete: every run of the file is in it. */
size_t index_runs(const struct index *ix, bool *complete);
const struct format_run *index_run(const struct index *ix, size_t r);
/* What else there is to say of it; NULL: the archive does not tell. */
const struct section_course *index_course(const struct index *ix, size_t r);
/* A way through the table as it is stored: from its start to the next run that has one of these ids.
 * 1; 0: there is no other; AUDITQ_ECORRUPT. */
struct index_walk {
	struct bytes_in in;
	size_t left;
};
struct index_walk index_walk_runs(const struct index *ix);
int index_seek_run(const struct index *ix, struct index_walk *walk, const struct section_id *id,
    size_t nid, struct format_run *out, auditq_error *err);

/* Rollups, one a stage; the one with a NULL name is of records without a stage. complete: all
 * stages are there. */
struct index_rollup {
	const char *stage; /* or NULL */
	size_t nstage;
	uint64_t records, ends, failed;
	uint64_t durations; /* records with a duration */
	double sum, min, max;
	const struct sketch *sketch; /* of durations, ms */
};
size_t index_rollups(const struct index *ix, bool *complete);
/* NULL when there is no such one: what format_run's failed_stage names may be missing. */
const struct index_rollup *index_rollup(const struct index *ix, size_t r);

/* The files that a compacted archive stands for, in the order of their lines. */
size_t index_replaced(const struct index *ix);
const struct section_replaced *index_replaced_file(const struct index *ix, size_t i);

/*
 * Walk one data member that no index vouches for: parse the gzip header at the start of p[0..n)
 * and give its summary and schema (schema_default unless the member says otherwise).  1: a data
 * member of ours; 0: some other gzip member, or not enough bytes; negative: AUDITQ_ECORRUPT,
 * AUDITQ_EVERSION.
 */
int index_peek_member(const uint8_t *p, size_t n, struct format_data *out,
    struct schema *schema, size_t *header_bytes, auditq_error *err);

#endif
