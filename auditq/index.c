#include "index_load.h"

#include <stdlib.h>
#include <string.h>

#include "bloom.h"
#include "schema_text.h"
#include "sketch.h"

void
index_free(struct index *ix)
{
	if (ix == NULL)
		return;
	for (size_t i = 0; i < ix->rollups; i++)
		sketch_release(&ix->rollup_data[i].sketch);
	free(ix->rollup_data);
	free(ix->rollup);
	free(ix->course);
	free(ix->run);
	free(ix->filter);
	free(ix->key);
	free(ix->replaced);
	free(ix->replaced_bytes);
	free(ix->rollup_bytes);
	free(ix->run_bytes);
	free(ix->filter_bytes);
	free(ix->key_bytes);
	free(ix->plain);
	free(ix->offset);
	free(ix->member);
	free(ix);
}

int
index_compare(const char *a, size_t na, const char *b, size_t nb)
{
	size_t n = na < nb ? na : nb;
	int c = n > 0 ? memcmp(a, b, n) : 0;

	if (c != 0)
		return c;
	return na < nb ? -1 : na > nb;
}

const struct format_footer *
index_footer(const struct index *ix)
{
	return &ix->pages.footer;
}

const struct schema *
index_schema(const struct index *ix)
{
	return &ix->schema;
}

size_t
index_members(const struct index *ix)
{
	return ix->pages.footer.members;
}

const struct format_data *
index_member(const struct index *ix, size_t i)
{
	return &ix->member[i];
}

uint64_t
index_offset(const struct index *ix, size_t i)
{
	return ix->offset[i];
}

uint64_t
index_plain_offset(const struct index *ix, size_t i)
{
	return ix->plain[i];
}

/* The number of the first key that is not below the path. */
static size_t
lower_bound(const struct index *ix, const char *path, size_t n)
{
	size_t lo = 0, hi = ix->keys;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (index_compare(ix->key[mid].path, ix->key[mid].n, path, n) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static enum section_state
state_of(const struct section_filter *f, size_t k)
{
	return (enum section_state)(f->states[k / 4] >> 2 * (k % 4) & 3);
}

bool
index_may_equal(const struct index *ix, size_t i, const char *path, size_t npath,
    const char *value, size_t n)
{
	const struct section_filter *f;
	bool held = n <= FORMAT_STRING_MAX && !format_time_like(value, n);
	size_t k;

	if (ix->filter == NULL)
		return true;
	f = &ix->filter[i];
	k = lower_bound(ix, path, npath);
	if (k == ix->keys || index_compare(ix->key[k].path, ix->key[k].n, path, npath) != 0)
		return f->unlisted;
	switch (state_of(f, k)) {
	case SECTION_ABSENT: return false;
	case SECTION_COMPLETE:
		if (!held)
			return false;
		break;
	case SECTION_PARTIAL:
		if (!held)
			return true;
		break;
	case SECTION_UNINDEXED: return true;
	}
	return bloom_has(
	    f->bloom, f->bits, f->k, bloom_hash(bloom_path(path, npath), value, n));
}

/* Whether the path is a key's, or begins a key's with a dot behind it. */
static bool
leads_to(const char *path, size_t n, const struct index_key *k)
{
	return k->n >= n && (n == 0 || memcmp(k->path, path, n) == 0) &&
	    (k->n == n || k->path[n] == '.');
}

bool
index_may_have(const struct index *ix, size_t i, const char *path, size_t npath)
{
	const struct section_filter *f;

	if (ix->filter == NULL)
		return true;
	f = &ix->filter[i];
	if (f->unlisted)
		return true;
	/* Objects are listed by what they have inside.  What begins with the path stands
	 * together, though not all of it has a dot there. */
	for (size_t k = lower_bound(ix, path, npath); k < ix->keys; k++) {
		const struct index_key *key = &ix->key[k];
		if (key->n < npath || (npath > 0 && memcmp(key->path, path, npath) != 0))
			break;
		if (leads_to(path, npath, key) && state_of(f, k) != SECTION_ABSENT)
			return true;
	}
	return false;
}

size_t
index_keys(const struct index *ix)
{
	return ix->keys;
}

const char *
index_key(const struct index *ix, size_t k, size_t *n)
{
	*n = ix->key[k].n;
	return ix->key[k].path;
}

int
index_key_state(const struct index *ix, size_t member, size_t k)
{
	return ix->filter == NULL ? 0 : (int)state_of(&ix->filter[member], k) + 1;
}

bool
index_unlisted(const struct index *ix, size_t member)
{
	return ix->filter == NULL || ix->filter[member].unlisted;
}

size_t
index_filter_bytes(const struct index *ix, size_t member)
{
	return ix->filter == NULL ? 0 : ix->filter[member].bits / 8;
}

size_t
index_runs(const struct index *ix, bool *complete)
{
	*complete = ix->runs_complete;
	return ix->runs;
}

const struct format_run *
index_run(const struct index *ix, size_t r)
{
	return &ix->run[r];
}

const struct section_course *
index_course(const struct index *ix, size_t r)
{
	return ix->course != NULL ? &ix->course[r] : NULL;
}

struct index_walk
index_walk_runs(const struct index *ix)
{
	return ix->run_table;
}

int
index_seek_run(const struct index *ix, struct index_walk *walk, const struct section_id *id,
    size_t nid, struct format_run *out, auditq_error *err)
{
	int r = section_seek_run(&walk->in, &walk->left, id, nid);

	if (r < 0 || (r > 0 && index_get_run(ix, &walk->in, out) < 0))
		return index_damaged(ix, "runs", err);
	return r;
}

size_t
index_rollups(const struct index *ix, bool *complete)
{
	*complete = ix->rollups_complete;
	return ix->rollups;
}

const struct index_rollup *
index_rollup(const struct index *ix, size_t r)
{
	return r < ix->rollups ? &ix->rollup[r] : NULL;
}

int
index_peek_member(const uint8_t *p, size_t n, struct format_data *out, struct schema *schema,
    size_t *header_bytes, auditq_error *err)
{
	struct format_header h;
	struct format_data data;
	struct schema own = schema_default;
	uint16_t schema_bytes;
	int r = format_get_header(p, n, &h);

	if (r == ALOG_EVERSION)
		return qerror_set(err, AUDITQ_EVERSION, 0, NULL,
		    "a member whose format is newer than version %d", FORMAT_VERSION);
	if (r < 0)
		return qerror_set(
		    err, AUDITQ_ECORRUPT, 0, NULL, "the summary of a member is damaged");
	if (r == 0 || h.kind != FORMAT_DATA)
		return 0;
	if (format_get_data(h.fixed, h.nfixed, &data, &schema_bytes) < 0 ||
	    schema_bytes > h.nrest)
		return qerror_set(
		    err, AUDITQ_ECORRUPT, 0, NULL, "the summary of a member is damaged");
	if (schema_bytes > 0 && schema_parse((const char *)h.rest, schema_bytes, &own) < 0)
		return qerror_set(err, AUDITQ_EVERSION, 0, NULL,
		    "the schema of a member is not one that this version knows");
	*out = data;
	*schema = own;
	*header_bytes = h.bytes;
	return 1;
}

size_t
index_replaced(const struct index *ix)
{
	return ix->nreplaced;
}

const struct section_replaced *
index_replaced_file(const struct index *ix, size_t i)
{
	return &ix->replaced[i];
}
