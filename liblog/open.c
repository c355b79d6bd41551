/* open - alog_open, alog_close, and what is asked of the logger as a whole. */
#include <string.h>

#include "context.h"

int
alog_open(alog_t **ret, const alog_options *opt, alog_error *err)
{
	struct settings set;
	struct logger *log;
	int rc;

	error_reset(err);
	if ((rc = settings_init(&set, opt, err)) < 0 ||
	    (rc = logger_start(&log, &set, opt, err)) < 0)
		return rc;
	if ((rc = context_make_root(ret, log, err)) < 0)
		logger_stop(log);
	return rc;
}

int
alog_close(alog_t *ctx)
{
	struct logger *log;
	struct writer *w;
	int rc = 0, first;

	if (ctx == NULL)
		return 0;
	log = ctx->log;
	/* A child that never logged has nothing to close. */
	w = logger_is_child(log) ? NULL : logger_writer(log);
	atomic_store(&log->closed, true);
	if (w != NULL && (rc = writer_stop(w)) < 0)
		monitor_silence(&log->mon);
	first = monitor_first(&log->mon);
	context_free(ctx);
	return rc < 0 ? rc : first;
}

int
alog_sync(alog_t *ctx, int timeout_ms)
{
	struct writer *w;

	/* A child that has not logged has nothing to wait for. */
	if (ctx == NULL || logger_is_child(ctx->log))
		return 0;
	if ((w = logger_writer(ctx->log)) == NULL)
		return atomic_load(&ctx->log->closed) ? ALOG_ECLOSED : 0;
	return writer_sync_all(w, timeout_ms);
}

int
alog_get_stats(const alog_t *ctx, alog_stats *out)
{
	alog_stats s = { 0 };
	struct logger *log;
	struct writer *w;

	if (out == NULL || out->size < sizeof out->size)
		return ALOG_EINVAL;
	s.size = out->size;
	if (ctx != NULL) {
		log = ctx->log;
		monitor_read(&log->mon, &s);
		w = atomic_load(&log->writer);
		if (w != NULL && !logger_is_child(log)) {
			s.records = writer_head_seq(w);
			s.dropped = writer_dropped(w);
		}
	}
	memcpy(out, &s, s.size < sizeof s ? s.size : sizeof s);
	return 0;
}
