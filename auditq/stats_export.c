/* stats_export - rows as objects, which are exported as records are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "jbuf.h"
#include "output.h"
#include "stats.h"

/* What stands behind the fields that make groups. */
#define COUNTS  "records,ends,failed,failure_rate"
#define COLUMNS COUNTS ",values,sum,min,max,p50,p95,p99,exact"
#define TIMES   "start,end,"

bool
stats_is_column(const char *name)
{
	size_t n = strlen(name);

	for (const char *s = TIMES COLUMNS; *s != '\0'; s += strcspn(s, ","), s += *s == ',')
		if (strcspn(s, ",") == n && memcmp(s, name, n) == 0)
			return true;
	return false;
}

static void
put_name(struct jbuf *b, const char *name)
{
	jbuf_char(b, b->len == 0 ? '{' : ',');
	jbuf_str(b, name, strlen(name));
	jbuf_char(b, ':');
}

static void
put_count(struct jbuf *b, const char *name, uint64_t n)
{
	put_name(b, name);
	jbuf_u64(b, n);
}

/* null, where there is none. */
static void
put_number(struct jbuf *b, const char *name, bool any, double x)
{
	put_name(b, name);
	if (any)
		jbuf_double(b, x);
	else
		jbuf_raw(b, "null", 4);
}

static void
put_time(struct jbuf *b, const char *name, int64_t ns)
{
	char text[CLOCK_LENGTH];

	put_name(b, name);
	if (ns == CLOCK_NONE) {
		jbuf_raw(b, "null", 4);
		return;
	}
	clock_format(text, ns);
	jbuf_str(b, text, sizeof text);
}

static void
put_groups(struct jbuf *b, const auditq_stats_t *s, size_t row)
{
	for (size_t i = 0; i < s->nby; i++) {
		struct field value = census_value(s->census, s->group[row], i);

		put_name(b, s->by[i]);
		if (value.type == FIELD_ABSENT)
			jbuf_raw(b, "null", 4);
		else if (value.type == FIELD_STRING)
			jbuf_str(b, value.p, value.n);
		else
			jbuf_raw(b, value.p, value.n);
	}
}

static void
put_row(struct jbuf *b, const auditq_stats_t *s, size_t row)
{
	const auditq_stats_row *r = &s->row[row];
	bool any = r->values > 0;

	put_groups(b, s, row);
	if (s->step > 0) {
		put_time(b, "start", r->start);
		put_time(b, "end", r->end);
	}
	put_count(b, "records", r->records);
	put_count(b, "ends", r->ends);
	put_count(b, "failed", r->failed);
	put_number(b, "failure_rate", r->ends > 0, (double)r->failed / (double)r->ends);
	if (s->counts) {
		jbuf_char(b, '}');
		return;
	}
	put_count(b, "values", r->values);
	put_number(b, "sum", any, r->sum);
	put_number(b, "min", any, r->min);
	put_number(b, "max", any, r->max);
	put_number(b, "p50", any, r->p50);
	put_number(b, "p95", any, r->p95);
	put_number(b, "p99", any, r->p99);
	put_name(b, "exact");
	if (s->exact)
		jbuf_raw(b, "true}", 5);
	else
		jbuf_raw(b, "false}", 6);
}

/* Into a buffer that grows; the first pass may find that it has to. */
static int
make_line(struct jbuf *b, const auditq_stats_t *s, size_t row)
{
	char *grown;

	b->len = 0;
	put_row(b, s, row);
	if (!jbuf_full(b))
		return 0;
	if ((grown = realloc(b->p, b->len)) == NULL)
		return AUDITQ_ENOMEM;
	*b = (struct jbuf){ .p = grown, .cap = b->len };
	put_row(b, s, row);
	return 0;
}

/* All columns, for a format that has to know them. */
static char *
all_columns(const auditq_stats_t *s)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		return NULL;
	for (size_t i = 0; i < s->nby; i++)
		fprintf(f, "%s,", s->by[i]);
	fputs(s->step > 0 ? TIMES : "", f);
	fputs(s->counts ? COUNTS : COLUMNS, f);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

static int
write_rows(const auditq_stats_t *s, struct output *o)
{
	struct jbuf b = { 0 };
	int r = 0;

	for (size_t i = 0; i < s->n && r == 0; i++)
		if ((r = make_line(&b, s, i)) == 0)
			r = output_record(o, b.p, b.len);
	free(b.p);
	return r < 0 ? r : output_end(o);
}

int
auditq_stats_export_to(const auditq_stats_t *s, auditq_write_fn *fn, void *arg,
    const auditq_export_options *opt, auditq_error *err)
{
	auditq_export_options asked = { .size = sizeof asked };
	char *columns = NULL;
	struct output *o;
	int r;

	qerror_reset(err);
	if (s == NULL || fn == NULL)
		return qerror_set(
		    err, AUDITQ_EINVAL, 0, NULL, "no statistics or nothing to write to");
	if (opt != NULL)
		memcpy(&asked, opt, opt->size < sizeof asked ? opt->size : sizeof asked);
	asked.size = sizeof asked;
	asked.source = false; /* rows stand in no file */
	if (asked.fields == NULL && (asked.fields = columns = all_columns(s)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "statistics");
	if ((r = output_new(&o, &asked, fn, arg, err)) == 0) {
		if ((r = write_rows(s, o)) < 0)
			qerror_set(err, r, 0, NULL, "the output was stopped");
		output_free(o);
	}
	free(columns);
	return r;
}
