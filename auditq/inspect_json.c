/* inspect_json - an archive's description as one JSON object. */
#include "inspect.h"
#include "schema_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sketch.h"

static void
text(struct jbuf *b, const char *s)
{
	jbuf_raw(b, s, strlen(s));
}

/* "name": and the comma before it, unless it is the first in its object. */
static void
key(struct jbuf *b, const char *name)
{
	if (b->len > 0 && b->len <= b->cap && b->p[b->len - 1] != '{')
		jbuf_char(b, ',');
	jbuf_char(b, '"');
	text(b, name);
	text(b, "\":");
}

static void
put_u64(struct jbuf *b, const char *name, uint64_t v)
{
	key(b, name);
	jbuf_u64(b, v);
}

static void
put_bool(struct jbuf *b, const char *name, bool v)
{
	key(b, name);
	text(b, v ? "true" : "false");
}

static void
put_string(struct jbuf *b, const char *name, const char *s, size_t n)
{
	key(b, name);
	jbuf_str(b, s, n);
}

static void
put_double(struct jbuf *b, const char *name, double d)
{
	key(b, name);
	jbuf_double(b, d);
}

static void
put_time(struct jbuf *b, const char *name, int64_t ts)
{
	char s[CLOCK_LENGTH];

	key(b, name);
	if (ts == CLOCK_NONE) {
		text(b, "null");
		return;
	}
	clock_format(s, ts);
	jbuf_str(b, s, sizeof s);
}

static void
put_digest(struct jbuf *b, const char *name, const uint8_t digest[32])
{
	static const char hex[] = "0123456789abcdef";

	key(b, name);
	jbuf_char(b, '"');
	for (size_t i = 0; i < 32; i++) {
		jbuf_char(b, hex[digest[i] >> 4]);
		jbuf_char(b, hex[digest[i] & 15]);
	}
	jbuf_char(b, '"');
}

static void
put_levels(struct jbuf *b, const uint64_t levels[8])
{
	key(b, "levels");
	jbuf_char(b, '{');
	for (size_t i = 0; i < 8; i++)
		put_u64(b, inspect_levels[i], levels[i]);
	jbuf_char(b, '}');
}

static void
put_seqs(struct jbuf *b, bool seqs, uint64_t first, uint64_t last)
{
	if (seqs) {
		put_u64(b, "first_seq", first);
		put_u64(b, "last_seq", last);
	}
}

static void
put_footer(const struct inspect *in, struct jbuf *b)
{
	const struct format_footer *f = index_footer(in->ix);
	char schema[SCHEMA_TEXT_MAX];

	put_string(b, "path", in->path, strlen(in->path));
	put_u64(b, "format", FORMAT_VERSION);
	put_u64(b, "file_bytes", f->file_bytes);
	put_u64(b, "payload_bytes", f->payload_bytes);
	put_u64(b, "index_offset", f->index_offset);
	put_u64(b, "index_bytes", f->index_bytes);
	put_u64(b, "lines", f->lines);
	put_u64(b, "unreadable", f->unreadable);
	put_u64(b, "untimed", f->untimed);
	put_u64(b, "failed", f->failed);
	put_levels(b, f->levels);
	put_bool(b, "sorted", f->sorted);
	put_time(b, "min_ts", f->min_ts);
	put_time(b, "max_ts", f->max_ts);
	put_seqs(b, f->seqs, f->first_seq, f->last_seq);
	put_string(b, "writer", f->writer, strlen(f->writer));
	key(b, "schema");
	jbuf_raw(b, schema, schema_format(index_schema(in->ix), schema));
	put_digest(b, "digest", f->digest);
	put_digest(b, "previous", f->previous);
	put_digest(b, "whole", f->whole);
	key(b, "check");
	text(b, "{");
	put_bool(b, "ok", in->problem == NULL);
	if (in->problem != NULL)
		put_string(b, "problem", in->problem, strlen(in->problem));
	if (in->problem != NULL && in->member < index_members(in->ix))
		put_u64(b, "member", in->member);
	text(b, "}");
}

static void
put_member(const struct index *ix, size_t i, struct jbuf *b)
{
	const struct format_data *m = index_member(ix, i);
	uint64_t levels[8];

	for (size_t l = 0; l < 8; l++)
		levels[l] = m->levels[l];
	text(b, i > 0 ? ",{" : "{");
	put_u64(b, "offset", index_offset(ix, i));
	put_u64(b, "member_bytes", m->member_bytes);
	put_u64(b, "plain_offset", index_plain_offset(ix, i));
	put_u64(b, "payload_bytes", m->payload_bytes);
	put_u64(b, "lines", m->lines);
	put_u64(b, "unreadable", m->unreadable);
	put_u64(b, "untimed", m->untimed);
	put_u64(b, "failed", m->failed);
	put_levels(b, levels);
	put_bool(b, "sorted", m->sorted);
	put_time(b, "min_ts", m->min_ts);
	put_time(b, "max_ts", m->max_ts);
	put_time(b, "ts_before", m->ts_before);
	put_seqs(b, m->seqs, m->first_seq, m->last_seq);
	put_digest(b, "digest", m->digest);
	put_u64(b, "filter_bytes", index_filter_bytes(ix, i));
	put_bool(b, "unlisted_keys", index_unlisted(ix, i));
	text(b, "}");
}

/* One letter a member: - absent, c complete, p partial, u not indexed. */
static void
put_key(const struct index *ix, size_t k, struct jbuf *b)
{
	static const char letter[] = "?-cpu";
	const char *path;
	size_t n;

	path = index_key(ix, k, &n);
	text(b, k > 0 ? ",{" : "{");
	put_string(b, "path", path, n);
	key(b, "members");
	jbuf_char(b, '"');
	for (size_t i = 0; i < index_members(ix); i++)
		jbuf_char(b, letter[index_key_state(ix, i, k)]);
	text(b, "\"}");
}

static void
put_stage(const struct index *ix, const char *name, int32_t stage, struct jbuf *b)
{
	const struct index_rollup *r = stage < 0 ? NULL : index_rollup(ix, (size_t)stage);

	if (r != NULL && r->stage != NULL)
		put_string(b, name, r->stage, r->nstage);
}

/* Stages as numbers in the list of rollups. */
static void
put_course(const struct format_run *r, const struct section_course *c, const struct index *ix,
    struct jbuf *b)
{
	bool first = true;

	key(b, "stages");
	text(b, "[");
	for (unsigned i = 0; i < FORMAT_STAGES_MAX; i++)
		if ((c->stages[i / 64] >> i % 64 & 1) != 0) {
			text(b, first ? "" : ",");
			jbuf_u64(b, i + 1);
			first = false;
		}
	text(b, "]");
	if (r->began)
		put_time(b, "begin_ts", c->begin);
	if (r->ended) {
		put_time(b, "end_ts", c->end);
		put_bool(b, "end_failed", c->end_failed);
	}
	if (r->failed > 0) {
		put_time(b, "first_failure_ts", c->failed_at);
		put_stage(ix, "first_failure_stage", c->failed_stage, b);
	}
}

static void
put_run(const struct index *ix, size_t i, struct jbuf *b)
{
	const struct section_course *course = index_course(ix, i);
	const struct format_run *r = index_run(ix, i);

	text(b, i > 0 ? ",{" : "{");
	put_string(b, "id", r->id, r->nid);
	put_time(b, "first_ts", r->first_ts);
	put_time(b, "last_ts", r->last_ts);
	put_u64(b, "records", r->records);
	put_u64(b, "failed", r->failed);
	put_stage(ix, "failed_stage", r->failed_stage, b);
	put_bool(b, "began", r->began);
	put_bool(b, "ended", r->ended);
	put_bool(b, "status_failed", r->status_failed);
	put_u64(b, "first_member", r->first_member);
	put_u64(b, "last_member", r->last_member);
	if (course != NULL)
		put_course(r, course, ix, b);
	text(b, "}");
}

/* An estimate of 1 % need not be written with all the digits of a double. */
static double
six_digits(double x)
{
	int e = x > 0 ? (int)floor(log10(x)) : 0;
	double scale = pow(10, abs(5 - e)); /* exact: at most 1e14 */

	return e <= 5 ? round(x * scale) / scale : round(x / scale) * scale;
}

static void
put_quantile(struct jbuf *b, const char *name, const struct sketch *s, double q)
{
	put_double(b, name, six_digits(sketch_quantile(s, q)));
}

static void
put_rollup(const struct index *ix, size_t i, struct jbuf *b)
{
	const struct index_rollup *r = index_rollup(ix, i);

	text(b, i > 0 ? ",{" : "{");
	if (r->stage != NULL) {
		put_string(b, "stage", r->stage, r->nstage);
	} else {
		key(b, "stage");
		text(b, "null");
	}
	put_u64(b, "records", r->records);
	put_u64(b, "ends", r->ends);
	put_u64(b, "failed", r->failed);
	put_u64(b, "durations", r->durations);
	if (r->durations > 0) {
		put_double(b, "sum", r->sum);
		put_double(b, "min", r->min);
		put_double(b, "max", r->max);
		put_quantile(b, "p50", r->sketch, 0.5);
		put_quantile(b, "p95", r->sketch, 0.95);
		put_quantile(b, "p99", r->sketch, 0.99);
	}
	text(b, "}");
}

static void
put_replaced(const struct index *ix, size_t i, struct jbuf *b)
{
	const struct section_replaced *r = index_replaced_file(ix, i);

	text(b, i > 0 ? ",{" : "{");
	put_string(b, "name", r->name, r->nname);
	put_u64(b, "offset", r->offset);
	put_u64(b, "bytes", r->bytes);
	put_seqs(b, r->numbered, r->first_seq, r->last_seq);
	put_digest(b, "whole", r->whole);
	put_digest(b, "previous", r->previous);
	text(b, "}");
}

typedef void put_fn(const struct index *ix, size_t i, struct jbuf *b);

static void
put_list(const struct index *ix, const char *name, size_t n, put_fn *put, struct inspect_out *o)
{
	key(&o->b, name);
	text(&o->b, "[");
	for (size_t i = 0; i < n; i++) {
		inspect_flush(o);
		put(ix, i, &o->b);
	}
	text(&o->b, "]");
}

void
inspect_json(const struct inspect *in, struct inspect_out *o)
{
	const struct index *ix = in->ix;
	bool runs_complete, rollups_complete;
	size_t runs = index_runs(ix, &runs_complete);
	size_t rollups = index_rollups(ix, &rollups_complete);

	text(&o->b, "{");
	put_footer(in, &o->b);
	put_list(ix, "members", index_members(ix), put_member, o);
	put_list(ix, "keys", index_keys(ix), put_key, o);
	put_bool(&o->b, "runs_complete", runs_complete);
	put_list(ix, "runs", runs, put_run, o);
	put_bool(&o->b, "rollups_complete", rollups_complete);
	put_list(ix, "rollups", rollups, put_rollup, o);
	if (index_replaced(ix) > 0)
		put_list(ix, "replaces", index_replaced(ix), put_replaced, o);
	text(&o->b, "}\n");
}
