/* runs_export - runs as objects, which are exported as records are. */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "jbuf.h"
#include "output.h"

#define COLUMNS                                                                                \
	"run_id,start,end,duration_ms,stages,records,failed,status,failed_stage,failed_at"

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
put_text(struct jbuf *b, const char *name, const char *s, size_t n)
{
	put_name(b, name);
	if (s != NULL)
		jbuf_str(b, s, n);
	else
		jbuf_raw(b, "null", 4);
}

static void
put_time(struct jbuf *b, const char *name, int64_t ns)
{
	char text[CLOCK_LENGTH];

	if (ns != CLOCK_NONE)
		clock_format(text, ns);
	put_text(b, name, ns != CLOCK_NONE ? text : NULL, CLOCK_LENGTH);
}

/* Whole microseconds, as run.end has them. */
static void
put_duration(struct jbuf *b, const auditq_run_row *row)
{
	put_name(b, "duration_ms");
	if (row->first == CLOCK_NONE)
		jbuf_raw(b, "null", 4);
	else
		jbuf_double(
		    b, (double)(((uint64_t)row->last - (uint64_t)row->first) / 1000) / 1e3);
}

static void
put_row(struct jbuf *b, const auditq_run_row *row)
{
	const char *status = auditq_run_status_name(row->status);

	put_text(b, "run_id", row->id, row->id_len);
	put_time(b, "start", row->first);
	put_time(b, "end", row->last);
	put_duration(b, row);
	put_count(b, "stages", row->stages);
	put_count(b, "records", row->records);
	put_count(b, "failed", row->failed);
	put_text(b, "status", status, strlen(status));
	put_text(b, "failed_stage", row->failed_stage, row->failed_stage_len);
	put_time(b, "failed_at", row->failed_at);
	jbuf_char(b, '}');
}

/* Into a buffer that grows; the first pass may find that it has to. */
static int
make_line(struct jbuf *b, const auditq_run_row *row)
{
	char *grown;

	b->len = 0;
	put_row(b, row);
	if (!jbuf_full(b))
		return 0;
	if ((grown = realloc(b->p, b->len)) == NULL)
		return AUDITQ_ENOMEM;
	*b = (struct jbuf){ .p = grown, .cap = b->len };
	put_row(b, row);
	return 0;
}

static int
write_runs(auditq_runs_t *runs, struct output *o, auditq_error *err)
{
	auditq_run_row row = { .size = sizeof row };
	struct jbuf b = { 0 };
	int r;

	while ((r = auditq_runs_next(runs, &row, err)) > 0)
		if ((r = make_line(&b, &row)) < 0 || (r = output_record(o, b.p, b.len)) < 0)
			break;
	free(b.p);
	return r < 0 ? r : output_end(o);
}

int
auditq_runs_export_to(auditq_runs_t *runs, auditq_write_fn *fn, void *arg,
    const auditq_export_options *opt, uint64_t *n, auditq_error *err)
{
	auditq_export_options asked = { .size = sizeof asked };
	struct output *o;
	int r;

	qerror_reset(err);
	if (runs == NULL || fn == NULL)
		return qerror_set(
		    err, AUDITQ_EINVAL, 0, NULL, "no runs or nothing to write to");
	if (opt != NULL)
		memcpy(&asked, opt, opt->size < sizeof asked ? opt->size : sizeof asked);
	asked.size = sizeof asked;
	asked.source = false; /* rows stand in no file */
	if (asked.fields == NULL)
		asked.fields = COLUMNS;
	if ((r = output_new(&o, &asked, fn, arg, err)) < 0)
		return r;
	if ((r = write_runs(runs, o, err)) < 0)
		qerror_set(err, r, 0, NULL, "the output was stopped");
	else if (n != NULL)
		*n = o->records;
	output_free(o);
	return r;
}
