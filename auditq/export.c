/*
 * export - all answers of a query, in a format, to a callback or into a file.
 */
#include "auditq.h"

#include "output.h"
#include "query.h"
#include "target.h"

int
auditq_format_parse(const char *name)
{
	return output_format_parse(name);
}

/* ---- to a callback ---- */

static int
record_error(int code, const auditq_record *rec, auditq_error *err)
{
	switch (code) {
	case AUDITQ_EJSON:
		return qerror_set_at(err, code, rec->path, rec->offset, "not a JSON object");
	case AUDITQ_ENOMEM:
		return qerror_set(err, code, 0, rec->path, "a field of %zu bytes", rec->len);
	}
	return code;
}

static int
export_records(auditq_t *q, struct output *o, auditq_error *err)
{
	const struct schema *schema;
	unsigned changes, known = 0;
	auditq_record rec;
	int r;

	while ((r = auditq_next(q, &rec, err)) > 0) {
		if ((auditq_marks(q) & AUDITQ_MARK_GROUP) != 0)
			output_group(o);
		schema = query_schema(q, &changes);
		if (o->records == 0 || changes != known)
			output_under(o, schema);
		known = changes;
		output_place(o, rec.path, rec.offset, rec.ts);
		if ((r = output_record(o, rec.line, rec.len)) < 0)
			return record_error(r, &rec, err);
		/* Nothing that was given waits together with us. */
		if (auditq_may_wait(q) && (r = output_flush(o)) < 0)
			return r;
	}
	return r < 0 ? r : output_end(o);
}

int
auditq_export_to(auditq_t *q, auditq_write_fn *fn, void *arg, const auditq_export_options *opt,
    uint64_t *n, auditq_error *err)
{
	struct output *o;
	int r;

	qerror_reset(err);
	if (q == NULL || fn == NULL)
		return qerror_set(
		    err, AUDITQ_EINVAL, 0, NULL, "no query or nothing to write to");
	if ((r = output_new(&o, opt, fn, arg, err)) < 0)
		return r;
	o->zone = query_zone(q);
	if ((r = export_records(q, o, err)) < 0)
		qerror_set(err, r, 0, NULL, "the output was stopped");
	else if (n != NULL)
		*n = o->records;
	output_free(o);
	return r;
}

/* ---- into a file ---- */

int
auditq_export(auditq_t *q, const char *path, const auditq_export_options *opt, uint64_t *n,
    auditq_error *err)
{
	struct target t;
	bool force =
	    opt != NULL && opt->size > offsetof(auditq_export_options, force) && opt->force;
	uint64_t records = 0;
	int r;

	qerror_reset(err);
	if (q == NULL || path == NULL)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "no query or no path");
	if ((r = target_open(&t, path, force, err)) == 0)
		r = auditq_export_to(q, target_write, &t, opt, &records, err);
	if (r < 0 && t.os_errno != 0) {
		qerror_reset(err);
		qerror_set(err, AUDITQ_EIO, t.os_errno, path, "cannot write");
	}
	if (r == 0)
		r = target_finish(&t, err);
	if (r == 0 && n != NULL)
		*n = records;
	target_close(&t);
	return r;
}
