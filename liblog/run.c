/* run - runs and stages: contexts with a beginning and an end. */
#include "emit.h"

alog_t *
alog_run_beginv(alog_t *ctx, const char *id, const alog_field *fields, size_t n)
{
	char made[RUNID_LENGTH + 1];
	struct context_more more = { id, NULL, NULL, 0 };
	struct record rec = {
		.level = ALOG_LEVEL_INFO, .event = "run.begin", .fields = fields, .n = n
	};
	struct alog_context *run;

	if (ctx == NULL)
		return NULL;
	if (id == NULL) {
		if (runid_make(made, settings_now(&ctx->log->set)) < 0)
			return NULL;
		more.run_id = made;
	}
	if (context_make(&run, ctx, &more, NULL) < 0)
		return NULL;
	if (alog_enabled(run, rec.level))
		(void)emit_record(run, &rec, NULL);
	return run;
}

alog_t *
alog_stage_beginv(alog_t *ctx, const char *stage, const alog_field *fields, size_t n)
{
	const struct context_more more = { NULL, stage != NULL ? stage : "", NULL, 0 };
	struct record rec = {
		.level = ALOG_LEVEL_INFO, .event = "stage.begin", .fields = fields, .n = n
	};
	struct alog_context *child;

	if (ctx == NULL || context_make(&child, ctx, &more, NULL) < 0)
		return NULL;
	if (alog_enabled(child, rec.level))
		(void)emit_record(child, &rec, NULL);
	return child;
}

static int
end(alog_t *ctx, const char *event, int status, const alog_field *fields, size_t n)
{
	struct record rec = { .event = event, .timed = true, .fields = fields, .n = n };
	int64_t took;
	int rc = 0;

	if (ctx == NULL)
		return 0;
	/* A clock of the caller's may step back. */
	took = settings_ticks(&ctx->log->set) - ctx->begun;
	if (took < 0)
		took = 0;
	rec.level = status == ALOG_OK ? ALOG_LEVEL_INFO : ALOG_LEVEL_ERROR;
	rec.status = status == ALOG_OK ? "ok" : "failed";
	/* Whole microseconds: digits beyond them are noise. */
	rec.duration_ms = (double)(took / 1000) / 1e3;
	if (alog_enabled(ctx, rec.level))
		rc = emit_record(ctx, &rec, NULL);
	context_free(ctx);
	return rc;
}

int
alog_run_endv(alog_t *run, int status, const alog_field *fields, size_t n)
{
	return end(run, "run.end", status, fields, n);
}

int
alog_stage_endv(alog_t *stage, int status, const alog_field *fields, size_t n)
{
	return end(stage, "stage.end", status, fields, n);
}
