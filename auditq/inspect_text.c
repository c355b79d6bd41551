/* inspect_text - an archive's description for people, in columns; safe on a terminal. */
#include "inspect.h"
#include "schema_text.h"

#include <stdio.h>
#include <string.h>

#include "sketch.h"
#include "visible.h"

#define TIME_WIDTH CLOCK_LENGTH

static void ALOG_PRINTF_(2, 3) print(struct jbuf *b, const char *fmt, ...)
{
	char s[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s, sizeof s, fmt, ap);
	va_end(ap);
	if (n > 0)
		jbuf_raw(b, s, (size_t)n < sizeof s ? (size_t)n : sizeof s - 1);
}

/* Text without control characters below 0x20, made safe; at least so many columns wide. */
static void
safe(struct jbuf *b, const char *s, size_t n, size_t width)
{
	for (size_t columns = visible_put(b, s, n); columns < width; columns++)
		jbuf_char(b, ' ');
}

/* A name from the outside, escaped as in JSON and made safe. */
static void
name(struct jbuf *b, const char *s, size_t n, size_t width)
{
	char escaped[INSPECT_ITEM_MAX];
	struct jbuf e = { .p = escaped, .cap = sizeof escaped };

	jbuf_str_inner(&e, s, n);
	safe(b, escaped, jbuf_full(&e) ? e.cap : e.len, width);
}

static void
time_column(struct jbuf *b, int64_t ts)
{
	char s[CLOCK_LENGTH];

	if (ts == CLOCK_NONE) {
		print(b, "  %-*s", TIME_WIDTH, "-");
		return;
	}
	clock_format(s, ts);
	print(b, "  %.*s", TIME_WIDTH, s);
}

static void
hex(struct jbuf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		print(b, "%02x", p[i]);
}

static void
digest_line(struct jbuf *b, const char *what, const uint8_t digest[32], const char *note)
{
	print(b, "%-10s", what);
	hex(b, digest, 32);
	print(b, "  %s\n", note);
}

/* Milliseconds with three decimals, right-aligned; without the locale's ideas of a decimal
 * point. */
static void
ms_column(struct jbuf *b, double ms)
{
	char s[40];
	struct jbuf huge = { .p = s, .cap = sizeof s };

	if (ms < 1e12) {
		uint64_t us = (uint64_t)(ms * 1000 + 0.5);
		print(
		    b, "  %8llu.%03u", (unsigned long long)(us / 1000), (unsigned)(us % 1000));
	} else {
		jbuf_double(&huge, ms);
		print(b, "  %12.*s", (int)huge.len, s);
	}
}

static void
put_counts(const struct format_footer *f, struct jbuf *b)
{
	uint64_t tenths = f->payload_bytes * 10 / f->file_bytes;

	print(b, "%-10s%d\n", "format", FORMAT_VERSION);
	print(b, "%-10s%llu bytes, %llu plain (%llu.%llu to 1)\n", "size",
	    (unsigned long long)f->file_bytes, (unsigned long long)f->payload_bytes,
	    (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10));
	print(b, "%-10s%u, then an index of %u bytes at %llu\n", "members", f->members,
	    f->index_bytes, (unsigned long long)f->index_offset);
	print(b, "%-10s%llu: %llu failed, %llu without a time, %llu unreadable\n", "lines",
	    (unsigned long long)f->lines, (unsigned long long)f->failed,
	    (unsigned long long)f->untimed, (unsigned long long)f->unreadable);
	print(b, "%-10s", "levels");
	for (size_t i = 0; i < 8; i++)
		print(b, "%s%s %llu", i > 0 ? ", " : "", inspect_levels[i],
		    (unsigned long long)f->levels[i]);
	print(b, "\n%-8s", "times");
	time_column(b, f->min_ts);
	time_column(b, f->max_ts);
	print(b, "  %s\n", f->sorted ? "sorted" : "not sorted");
	if (f->seqs)
		print(b, "%-10s%llu to %llu\n", "seq", (unsigned long long)f->first_seq,
		    (unsigned long long)f->last_seq);
}

static void
put_header(const struct inspect *in, struct jbuf *b)
{
	const struct format_footer *f = index_footer(in->ix);
	char schema[SCHEMA_TEXT_MAX];

	print(b, "%-10s", "archive");
	name(b, in->path, strlen(in->path), 0);
	print(b, "\n");
	put_counts(f, b);
	if (f->writer[0] != '\0') {
		print(b, "%-10s", "writer");
		name(b, f->writer, strlen(f->writer), 0);
		print(b, "\n");
	}
	print(b, "%-10s", "schema");
	safe(b, schema, schema_format(index_schema(in->ix), schema), 0);
	print(b, "\n");
	digest_line(b, "digest", f->digest, "of the lines");
	digest_line(b, "previous", f->previous, "of this writer's segment before");
	digest_line(b, "whole", f->whole, "of lines and index");
	if (in->problem == NULL)
		print(b, "%-10sok\n", "checked");
	else if (in->member < index_members(in->ix))
		print(
		    b, "%-10sMISMATCH at member %zu: %s\n", "checked", in->member, in->problem);
	else
		print(b, "%-10sMISMATCH: %s\n", "checked", in->problem);
}

static void
put_members(const struct index *ix, struct inspect_out *o)
{
	struct jbuf *b = &o->b;

	print(b,
	    "\nmember      offset     bytes     plain   lines  failed  untimed  unread  filter"
	    "  %-*s  %-*s  order     digest\n",
	    TIME_WIDTH, "first time", TIME_WIDTH, "last time");
	for (size_t i = 0; i < index_members(ix); i++) {
		const struct format_data *m = index_member(ix, i);
		inspect_flush(o);
		print(b, "%6zu  %10llu  %8u  %8u  %6u  %6u  %7u  %6u  %6zu", i,
		    (unsigned long long)index_offset(ix, i), m->member_bytes, m->payload_bytes,
		    m->lines, m->failed, m->untimed, m->unreadable, index_filter_bytes(ix, i));
		time_column(b, m->min_ts);
		time_column(b, m->max_ts);
		print(b, "  %-8s  ", m->sorted ? "sorted" : "unsorted");
		hex(b, m->digest, 8);
		print(b, "\n");
	}
}

static void
put_keys(const struct index *ix, struct inspect_out *o)
{
	struct jbuf *b = &o->b;
	size_t unlisted = 0;

	print(b, "\nin members: complete  partial  unindexed  absent  key\n");
	for (size_t k = 0; k < index_keys(ix); k++) {
		size_t count[5] = { 0 }, n;
		const char *key = index_key(ix, k, &n);
		for (size_t i = 0; i < index_members(ix); i++)
			count[index_key_state(ix, i, k)]++;
		inspect_flush(o);
		print(b, "%20zu  %7zu  %9zu  %6zu  ", count[2], count[3], count[4], count[1]);
		name(b, key, n, 0);
		print(b, "\n");
	}
	for (size_t i = 0; i < index_members(ix); i++)
		unlisted += index_unlisted(ix, i);
	if (unlisted > 0)
		print(b, "%zu members have more keys than these\n", unlisted);
}

static void
put_runs(const struct index *ix, struct inspect_out *o)
{
	struct jbuf *b = &o->b;
	bool complete;
	size_t n = index_runs(ix, &complete);

	print(b, "\n%-36s  %-*s  %-*s  records  failed  members  state    first failed stage\n",
	    "run", TIME_WIDTH, "first time", TIME_WIDTH, "last time");
	for (size_t i = 0; i < n; i++) {
		const struct format_run *r = index_run(ix, i);
		const struct index_rollup *stage =
		    r->failed_stage < 0 ? NULL : index_rollup(ix, (size_t)r->failed_stage);
		inspect_flush(o);
		name(b, r->id, r->nid, 36);
		time_column(b, r->first_ts);
		time_column(b, r->last_ts);
		print(b, "  %7u  %6u  %3u-%-3u  %-7s  ", r->records, r->failed, r->first_member,
		    r->last_member,
		    !r->ended              ? r->began ? "open" : "part"
			: r->status_failed ? "failed"
					   : "ended");
		if (stage != NULL && stage->stage != NULL)
			name(b, stage->stage, stage->nstage, 0);
		print(b, "\n");
	}
	if (!complete)
		print(b, "there are more runs than these\n");
}

static void
put_rollups(const struct index *ix, struct inspect_out *o)
{
	struct jbuf *b = &o->b;
	bool complete;
	size_t n = index_rollups(ix, &complete);

	print(b,
	    "\n%-20s  records     ends   failed  timed     p50 ms        p95 ms        p99 ms"
	    "        max ms\n",
	    "stage");
	for (size_t i = 0; i < n; i++) {
		const struct index_rollup *r = index_rollup(ix, i);
		inspect_flush(o);
		if (r->stage == NULL && r->records == 0)
			continue;
		if (r->stage != NULL)
			name(b, r->stage, r->nstage, 20);
		else
			print(b, "%-20s", "(none)");
		print(b, "  %7llu  %7llu  %7llu  %5llu", (unsigned long long)r->records,
		    (unsigned long long)r->ends, (unsigned long long)r->failed,
		    (unsigned long long)r->durations);
		if (r->durations > 0) {
			ms_column(b, sketch_quantile(r->sketch, 0.5));
			ms_column(b, sketch_quantile(r->sketch, 0.95));
			ms_column(b, sketch_quantile(r->sketch, 0.99));
			ms_column(b, r->max);
		}
		print(b, "\n");
	}
	if (!complete)
		print(b, "there are more stages than these\n");
}

static void
put_replaced(const struct index *ix, struct inspect_out *o)
{
	struct jbuf *b = &o->b;
	const size_t n = index_replaced(ix);

	if (n > 0)
		print(b, "\n%-48s  %12s  %12s\n", "replaces", "offset", "bytes");
	for (size_t i = 0; i < n; i++) {
		const struct section_replaced *r = index_replaced_file(ix, i);

		inspect_flush(o);
		name(b, r->name, r->nname, 48);
		print(b, "  %12llu  %12llu\n", (unsigned long long)r->offset,
		    (unsigned long long)r->bytes);
	}
}

void
inspect_text(const struct inspect *in, struct inspect_out *o)
{
	put_header(in, &o->b);
	put_members(in->ix, o);
	put_keys(in->ix, o);
	put_runs(in->ix, o);
	put_rollups(in->ix, o);
	put_replaced(in->ix, o);
}
