/* runs_export - runs as objects, which are exported as records are. */
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "output.h"

#define COLUMNS                                                                                \
	"run_id,start,end,duration_ms,stages,records,failed,status,failed_stage,failed_at"

static void
put_run(struct jbuf *b, const void *arg)
{
	const auditq_run_row *row = arg;
	const char *status = auditq_run_status_name(row->status);

	cells_text(b, "run_id", row->id, row->id_len);
	cells_time(b, "start", row->first);
	cells_time(b, "end", row->last);
	cells_span(b, "duration_ms", row->first, row->last);
	cells_count(b, "stages", row->stages);
	cells_count(b, "records", row->records);
	cells_count(b, "failed", row->failed);
	cells_text(b, "status", status, strlen(status));
	cells_text(b, "failed_stage", row->failed_stage, row->failed_stage_len);
	cells_time(b, "failed_at", row->failed_at);
	cells_end(b);
}

static int
write_runs(auditq_runs_t *runs, struct output *o, auditq_error *err)
{
	auditq_run_row row = { .size = sizeof row };
	struct jbuf b = { 0 };
	int r;

	while ((r = auditq_runs_next(runs, &row, err)) > 0)
		if ((r = cells_line(&b, put_run, &row) < 0 ? AUDITQ_ENOMEM
							   : output_record(o, b.p, b.len)) < 0)
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
