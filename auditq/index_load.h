/*
 * index_load - an archive's index in memory; shared by index_load.c, who reads it, and index.c,
 * who answers from it.
 */
#ifndef INDEX_LOAD_H
#define INDEX_LOAD_H

#include "index.h"
#include "pages.h"
#include "section.h"

struct index_key {
	const char *path;
	size_t n;
};

struct index {
	struct pages pages; /* open while loading */
	struct schema schema;
	struct section section[SECTION_COUNT_MAX];
	size_t sections;

	struct format_data *member;
	uint64_t *offset, *plain; /* of each member */

	/* Sections that others point into. */
	uint8_t *key_bytes, *filter_bytes, *run_bytes, *rollup_bytes, *replaced_bytes;
	struct index_key *key; /* ascending */
	size_t keys;
	struct section_filter *filter; /* one a member, or NULL: not loaded */
	struct format_run *run;        /* ascending */
	size_t runs;
	struct section_course *course; /* of each, or NULL */
	struct index_walk run_table;   /* at its start; empty: not loaded */
	struct index_rollup *rollup;
	struct section_rollup *rollup_data;
	size_t rollups;
	bool runs_complete, rollups_complete;
	struct section_replaced *replaced;
	size_t nreplaced;
};

/* Of something that stands in the index and cannot be. */
int index_damaged(const struct index *ix, const char *what, auditq_error *err);
/* A run of this archive, by what stands at `in`.  0 or -1. */
int index_get_run(const struct index *ix, struct bytes_in *in, struct format_run *out);
/* Order of two byte strings. */
int index_compare(const char *a, size_t na, const char *b, size_t nb);

#endif
