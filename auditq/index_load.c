#include "index_load.h"
#include "schema_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "sketch.h"
#include "sys.h"

int
index_damaged(const struct index *ix, const char *what, auditq_error *err)
{
	return qerror_set_at(err, AUDITQ_ECORRUPT, ix->pages.path,
	    ix->pages.footer.index_offset, "the index is damaged: %s", what);
}

static int
out_of_memory(const struct index *ix, auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, ix->pages.path, "index");
}

static int
load_directory(struct index *ix, auditq_error *err)
{
	uint32_t total = ix->pages.footer.index_bytes;
	uint32_t n = SECTION_DIRECTORY_BYTES(SECTION_COUNT_MAX);
	uint8_t *p;
	int count, r;

	if (n > total)
		n = total;
	if ((r = pages_read(&ix->pages, 0, n, &p, err)) < 0)
		return r;
	count = section_get_directory(p, n, total, ix->section);
	free(p);
	if (count < 0)
		return index_damaged(ix, "directory", err);
	ix->sections = (size_t)count;
	return 0;
}

static const struct section *
find_section(const struct index *ix, enum section_type type)
{
	for (size_t i = 0; i < ix->sections; i++)
		if (ix->section[i].type == type)
			return &ix->section[i];
	return NULL;
}

/* Read and check a section into *buf; *in is what to decode.  1, 0: there is none; negative. */
static int
load_section(struct index *ix, enum section_type type, const char *name, uint8_t **buf,
    struct bytes_in *in, auditq_error *err)
{
	const struct section *s = find_section(ix, type);
	int r;

	if (s == NULL)
		return 0;
	if ((r = pages_read(&ix->pages, s->offset, s->length, buf, err)) < 0)
		return r;
	*in = (struct bytes_in){ .p = *buf, .n = s->length };
	if (!section_intact(s, *buf))
		return index_damaged(ix, name, err);
	return 1;
}

static int
get_members(struct index *ix, struct bytes_in *in)
{
	const struct format_footer *f = &ix->pages.footer;
	uint64_t offset = 0, plain = 0;
	uint16_t schema_bytes;

	for (size_t i = 0; i < f->members; i++) {
		size_t n = bytes_get_u16(in);
		const uint8_t *fixed = bytes_get(in, n);
		if (fixed == NULL ||
		    format_get_data(fixed, n, &ix->member[i], &schema_bytes) < 0)
			return -1;
		ix->offset[i] = offset;
		ix->plain[i] = plain;
		offset += ix->member[i].member_bytes;
		plain += ix->member[i].payload_bytes;
	}
	/* The members tile the file from byte 0 to the index. */
	return offset == f->index_offset && plain == f->payload_bytes ? 0 : -1;
}

/* Whether the footer's totals are those of the members. */
static bool
totals_hold(const struct index *ix)
{
	const struct format_footer *f = &ix->pages.footer;
	uint64_t lines = 0, unreadable = 0, untimed = 0, failed = 0, levels[8] = { 0 };
	int64_t min_ts = CLOCK_NONE, max_ts = CLOCK_NONE;

	for (size_t i = 0; i < f->members; i++) {
		const struct format_data *m = &ix->member[i];
		lines += m->lines;
		unreadable += m->unreadable;
		untimed += m->untimed;
		failed += m->failed;
		for (size_t l = 0; l < 8; l++)
			levels[l] += m->levels[l];
		if (m->min_ts != CLOCK_NONE && (min_ts == CLOCK_NONE || m->min_ts < min_ts))
			min_ts = m->min_ts;
		max_ts = m->max_ts > max_ts ? m->max_ts : max_ts;
	}
	return lines == f->lines && unreadable == f->unreadable && untimed == f->untimed &&
	    failed == f->failed && memcmp(levels, f->levels, sizeof levels) == 0 &&
	    min_ts == f->min_ts && max_ts == f->max_ts &&
	    memcmp(ix->member[f->members - 1].digest, f->digest, sizeof f->digest) == 0;
}

static int
load_members(struct index *ix, auditq_error *err)
{
	size_t n = ix->pages.footer.members;
	struct bytes_in in;
	uint8_t *buf = NULL;
	int r;

	ix->member = calloc(n, sizeof *ix->member);
	ix->offset = calloc(n, sizeof *ix->offset);
	ix->plain = calloc(n, sizeof *ix->plain);
	if (ix->member == NULL || ix->offset == NULL || ix->plain == NULL)
		return out_of_memory(ix, err);
	if ((r = load_section(ix, SECTION_MEMBERS, "members", &buf, &in, err)) == 0)
		r = index_damaged(ix, "no members", err);
	else if (r > 0)
		r = get_members(ix, &in) < 0 || !totals_hold(ix)
		    ? index_damaged(ix, "members", err)
		    : 0;
	free(buf);
	return r;
}

static int
get_keys(struct index *ix, struct bytes_in *in)
{
	for (size_t i = 0; i < ix->keys; i++) {
		struct index_key *k = &ix->key[i];
		if ((k->path = section_get_key(in, &k->n)) == NULL)
			return -1;
		if (i > 0 && index_compare(k[-1].path, k[-1].n, k->path, k->n) >= 0)
			return -1;
	}
	return 0;
}

static int
load_filters(struct index *ix, auditq_error *err)
{
	size_t members = ix->pages.footer.members;
	struct bytes_in keys, filters;
	int r;

	if ((r = load_section(ix, SECTION_KEYS, "keys", &ix->key_bytes, &keys, err)) <= 0)
		return r;
	ix->keys = bytes_get_u16(&keys);
	if (ix->keys > FORMAT_KEYS_MAX)
		return index_damaged(ix, "keys", err);
	if ((ix->key = calloc(ix->keys + 1, sizeof *ix->key)) == NULL)
		return out_of_memory(ix, err);
	if (get_keys(ix, &keys) < 0)
		return index_damaged(ix, "keys", err);
	r = load_section(ix, SECTION_FILTERS, "filters", &ix->filter_bytes, &filters, err);
	if (r <= 0)
		return r;
	if ((ix->filter = calloc(members, sizeof *ix->filter)) == NULL)
		return out_of_memory(ix, err);
	if (section_get_filters(filters.p, filters.n, ix->keys, ix->filter, members) < 0)
		return index_damaged(ix, "filters", err);
	return 0;
}

int
index_get_run(const struct index *ix, struct bytes_in *in, struct format_run *out)
{
	const struct format_footer *f = &ix->pages.footer;

	return section_get_run(in, out, f->min_ts) < 0 || out->last_member >= f->members ? -1
											 : 0;
}

/* All of them, in order. */
static int
get_runs(struct index *ix, struct bytes_in in)
{
	for (size_t i = 0; i < ix->runs; i++) {
		struct format_run *r = &ix->run[i];
		if (index_get_run(ix, &in, r) < 0)
			return -1;
		if (i > 0 && index_compare(r[-1].id, r[-1].nid, r->id, r->nid) >= 0)
			return -1;
	}
	return 0;
}

static int
load_runs(struct index *ix, bool decoded, auditq_error *err)
{
	const struct section *s = find_section(ix, SECTION_RUNS);
	struct bytes_in in;
	size_t n;
	int r;

	if ((r = load_section(ix, SECTION_RUNS, "runs", &ix->run_bytes, &in, err)) <= 0)
		return r;
	if ((n = bytes_get_u32(&in)) > FORMAT_RUNS_MAX)
		return index_damaged(ix, "runs", err);
	ix->run_table = (struct index_walk){ in, n };
	ix->runs_complete = (s->flags & SECTION_INCOMPLETE) == 0;
	if (!decoded)
		return 0;
	if ((ix->run = calloc(n + 1, sizeof *ix->run)) == NULL)
		return out_of_memory(ix, err);
	ix->runs = n;
	return get_runs(ix, in) < 0 ? index_damaged(ix, "runs", err) : 0;
}

static int
get_rollups(struct index *ix, struct bytes_in *in, auditq_error *err)
{
	for (size_t i = 0; i < ix->rollups; i++) {
		struct section_rollup *d = &ix->rollup_data[i];
		if (section_get_rollup(in, d) < 0)
			return in->failed ? index_damaged(ix, "rollups", err)
					  : out_of_memory(ix, err);
		ix->rollup[i] = (struct index_rollup){
			.stage = d->stage,
			.nstage = d->nstage,
			.records = d->records,
			.ends = d->ends,
			.failed = d->failed,
			.durations = d->durations,
			.sum = d->sum,
			.min = d->min,
			.max = d->max,
			.sketch = &d->sketch,
		};
	}
	return 0;
}

static int
load_rollups(struct index *ix, auditq_error *err)
{
	const struct section *s = find_section(ix, SECTION_ROLLUPS);
	struct bytes_in in;
	size_t n;
	int r;

	if ((r = load_section(ix, SECTION_ROLLUPS, "rollups", &ix->rollup_bytes, &in, err)) <=
	    0)
		return r;
	if ((n = bytes_get_u32(&in)) > FORMAT_STAGES_MAX + 1)
		return index_damaged(ix, "rollups", err);
	ix->rollup = calloc(n + 1, sizeof *ix->rollup);
	ix->rollup_data = calloc(n + 1, sizeof *ix->rollup_data);
	if (ix->rollup == NULL || ix->rollup_data == NULL)
		return out_of_memory(ix, err);
	ix->rollups = n;
	ix->rollups_complete = (s->flags & SECTION_INCOMPLETE) == 0;
	return get_rollups(ix, &in, err);
}

/* Whether the stages that a course names are listed. */
static bool
stages_listed(const struct index *ix, const struct section_course *c)
{
	size_t i = FORMAT_STAGES_MAX;

	while (i > 0 && (c->stages[(i - 1) / 64] >> (i - 1) % 64 & 1) == 0)
		i--;
	return (i == 0 || i < ix->rollups) &&
	    (c->failed_stage < 0 || (size_t)c->failed_stage < ix->rollups);
}

static int
get_courses(struct index *ix, struct bytes_in *in)
{
	const int nbytes = section_get_courses(in);

	if (nbytes < 0)
		return -1;
	for (size_t i = 0; i < ix->runs; i++)
		if (section_get_course(in, &ix->run[i], nbytes, &ix->course[i]) < 0 ||
		    !stages_listed(ix, &ix->course[i]))
			return -1;
	return 0;
}

/* One for each run: of runs and stages that are all there. */
static int
load_courses(struct index *ix, auditq_error *err)
{
	struct bytes_in in;
	uint8_t *buf = NULL;
	int r;

	if (!ix->runs_complete || !ix->rollups_complete)
		return 0;
	r = load_section(ix, SECTION_COURSES, "courses of runs", &buf, &in, err);
	if (r > 0) {
		ix->course = calloc(ix->runs + 1, sizeof *ix->course);
		if (ix->course == NULL)
			r = out_of_memory(ix, err);
		else if ((r = get_courses(ix, &in)) < 0)
			r = index_damaged(ix, "courses of runs", err);
	}
	free(buf);
	return r;
}

static int
load_replaced(struct index *ix, auditq_error *err)
{
	const uint64_t limit = ix->pages.footer.payload_bytes;
	struct bytes_in in;
	size_t n;
	int r;

	r = load_section(ix, SECTION_REPLACED, "replaced files", &ix->replaced_bytes, &in, err);
	if (r < 0)
		return r;
	/* An archive that stands for others says for which. */
	if (r == 0)
		return ix->pages.footer.compacted ? index_damaged(ix, "no replaced files", err)
						  : 0;
	if ((n = bytes_get_u32(&in)) > SECTION_REPLACED_MAX)
		return index_damaged(ix, "replaced files", err);
	if ((ix->replaced = calloc(n + 1, sizeof *ix->replaced)) == NULL)
		return out_of_memory(ix, err);
	for (; ix->nreplaced < n; ix->nreplaced++)
		if (section_get_replaced(&in, &ix->replaced[ix->nreplaced], limit) < 0)
			return index_damaged(ix, "replaced files", err);
	return 0;
}

static int
load(struct index *ix, unsigned want, auditq_error *err)
{
	const struct format_footer *f = &ix->pages.footer;
	int r;

	if (schema_parse(f->schema, f->schema_bytes, &ix->schema) < 0)
		return qerror_set(err, AUDITQ_EVERSION, 0, ix->pages.path,
		    "the archive's schema is not one that this version knows");
	if ((r = load_directory(ix, err)) < 0 || (r = load_members(ix, err)) < 0)
		return r;
	if ((want & INDEX_FILTERS) != 0 && (r = load_filters(ix, err)) < 0)
		return r;
	if ((want & (INDEX_RUNS | INDEX_RUN_TABLE)) != 0 &&
	    (r = load_runs(ix, (want & INDEX_RUNS) != 0, err)) < 0)
		return r;
	if ((want & INDEX_ROLLUPS) != 0 && (r = load_rollups(ix, err)) < 0)
		return r;
	if ((want & INDEX_COURSES) != 0 && (r = load_courses(ix, err)) < 0)
		return r;
	if ((want & INDEX_REPLACED) != 0 && (r = load_replaced(ix, err)) < 0)
		return r;
	return 0;
}

int
index_load_pages(struct index **ret, struct pages *pages, unsigned want, auditq_error *err)
{
	struct index *ix = calloc(1, sizeof *ix);
	int r;

	if (ix == NULL) {
		pages_close(pages);
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, pages->path, "index");
	}
	ix->pages = *pages;
	r = load(ix, want, err);
	pages_close(pages);
	ix->pages.tail = NULL;
	if (r < 0) {
		index_free(ix);
		return r;
	}
	*ret = ix;
	return 0;
}

int
index_load(struct index **ret, int fd, uint64_t size, const char *path, unsigned want,
    auditq_error *err)
{
	struct pages pages;
	int r = pages_open(&pages, fd, size, path, err);

	return r < 0 ? r : index_load_pages(ret, &pages, want, err);
}

int
index_load_file(
    struct index **ret, const char *path, uint64_t size, unsigned want, auditq_error *err)
{
	int fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	int r;

	if (fd < 0)
		return qerror_set(err, AUDITQ_ENOENT, errno, path, "cannot open");
	r = index_load(ret, fd, size, path, want, err);
	(void)sys->close(fd);
	return r;
}
