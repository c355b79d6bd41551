/* emit - from a call to a record in the ring. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "emit.h"
#include "sys.h"
#include "visible.h"

#define ON_STACK 4096 /* liblog.h: a longer record takes a buffer of its own */
#define AUDIT_MS 30000
#define LIMIT_NS INT64_C(1000000000)

/* ---- putting ---- */

/* In one piece, without what a terminal would obey. */
static void
mirror_visibly(const struct iovec *part, int n)
{
	struct jbuf out = { 0 };

	for (int i = 0; i < n; i++)
		(void)visible_put(&out, part[i].iov_base, part[i].iov_len);
	out = (struct jbuf){ malloc(out.len), 0, out.len };
	if (out.p == NULL)
		return;
	for (int i = 0; i < n; i++)
		(void)visible_put(&out, part[i].iov_base, part[i].iov_len);
	(void)sys_write_all(STDERR_FILENO, out.p, out.len, NULL);
	free(out.p);
}

/* The line as it will stand in the file, for people who watch.  Nobody is to be told when this fails: the record itself
 * is safe. */
static void
mirror(const char *rec, size_t n, uint16_t splice, uint64_t seq)
{
	char digits[24];
	struct jbuf out = { digits, 0, sizeof digits };
	struct iovec part[4];

	jbuf_u64(&out, seq);
	part[0] = (struct iovec){ (void *)(uintptr_t)rec, splice };
	part[1] = (struct iovec){ digits, out.len };
	part[2] = (struct iovec){ (void *)(uintptr_t)(rec + splice), n - splice };
	part[3] = (struct iovec){ (void *)(uintptr_t) "\n", 1 };
	if (isatty(STDERR_FILENO))
		mirror_visibly(part, 4);
	else if (writev(STDERR_FILENO, part, 4) < 0)
		return;
}

static int
put(struct logger *log, struct writer *w, const char *rec, size_t n, uint16_t splice,
    uint64_t *ret)
{
	uint64_t seq = 0;
	int rc = writer_put(w, rec, n, splice, &seq);

	if (rc == 0 && (log->set.flags & ALOG_MIRROR) != 0)
		mirror(rec, n, splice, seq);
	if (ret != NULL)
		*ret = seq;
	/* Only one policy tells its callers; what is lost is counted, and in a gap record. */
	if (rc == ALOG_EDROPPED && log->set.overflow != ALOG_FAIL && ret == NULL)
		return 0;
	return rc;
}

/* A record that is too long. */
static int
put_cut(struct logger *log, struct writer *w, const struct record_base *base,
    const struct record *rec, uint64_t *seq)
{
	const size_t max = log->set.record_bytes;
	struct jbuf out = { malloc(max), 0, max };
	uint16_t splice;
	int rc;

	if (out.p == NULL)
		return ALOG_ENOMEM;
	record_encode_cut(base, rec, max, &out, &splice);
	monitor_add(&log->mon.truncated, 1);
	rc = put(log, w, out.p, out.len, splice, seq);
	free(out.p);
	return rc;
}

/* A record that the stack has no room for. */
static int
put_long(struct logger *log, struct writer *w, const struct record_base *base,
    const struct record *rec, size_t len, uint64_t *seq)
{
	struct jbuf out = { malloc(len), 0, len };
	uint16_t splice;
	int rc;

	if (out.p == NULL)
		return ALOG_ENOMEM;
	record_encode(base, rec, &out, &splice);
	/* A value may have grown since it was measured. */
	rc = jbuf_full(&out) ? put_cut(log, w, base, rec, seq)
			     : put(log, w, out.p, out.len, splice, seq);
	free(out.p);
	return rc;
}

int
emit_record(struct alog_context *ctx, struct record *rec, uint64_t *seq)
{
	struct logger *log = ctx->log;
	struct writer *w = logger_writer(log);
	char text[ON_STACK];
	struct jbuf out = { text, 0, sizeof text };
	uint16_t splice;

	if (w == NULL)
		return atomic_load(&log->closed) ? ALOG_ECLOSED : ALOG_EDISABLED;
	rec->ts = settings_now(&log->set);
	if ((log->set.flags & ALOG_SOURCE) == 0)
		rec->site = NULL;
	if ((log->set.flags & ALOG_THREAD) != 0)
		rec->tid = (int64_t)syscall(SYS_gettid);
	record_encode(&ctx->base, rec, &out, &splice);
	if (out.len > log->set.record_bytes)
		return put_cut(log, w, &ctx->base, rec, seq);
	if (jbuf_full(&out))
		return put_long(log, w, &ctx->base, rec, out.len, seq);
	return put(log, w, out.p, out.len, splice, seq);
}

/* ---- the public ways in ---- */

/* Whether one more may pass in this second; *held gets what was held back before it. */
static bool
limit_pass(alog_limit *limit, uint32_t per_second, uint64_t *held)
{
	int64_t now = 0;
	uint64_t second, old;

	(void)sys->monotonic(&now);
	second = (uint64_t)(now / LIMIT_NS) + 1;
	old = __atomic_load_n(&limit->second, __ATOMIC_RELAXED);
	if (old != second &&
	    __atomic_compare_exchange_n(
		&limit->second, &old, second, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		__atomic_store_n(&limit->passed, 0, __ATOMIC_RELAXED);
	if (__atomic_fetch_add(&limit->passed, 1, __ATOMIC_RELAXED) >= per_second) {
		(void)__atomic_fetch_add(&limit->held, 1, __ATOMIC_RELAXED);
		return false;
	}
	*held = __atomic_exchange_n(&limit->held, 0, __ATOMIC_RELAXED);
	return true;
}

int
alog_emitv_at(alog_t *ctx, int level, const alog_site *site, alog_limit *limit,
    uint32_t per_second, const char *msg, const alog_field *fields, size_t n)
{
	struct record rec;

	if (!alog_enabled(ctx, level))
		return 0;
	if (level < ALOG_LEVEL_TRACE || level > ALOG_LEVEL_CRITICAL)
		return ALOG_EINVAL;
	/* Every member by its name: compilers clear what is left out by an instruction that takes
	 * longer to start than all of these. */
	rec = (struct record){ .ts = 0,
		.level = level,
		.event = NULL,
		.status = NULL,
		.timed = false,
		.duration_ms = 0,
		.msg = msg,
		.nmsg = msg != NULL ? strlen(msg) : 0,
		.audit = false,
		.suppressed = 0,
		.site = site,
		.tid = 0,
		.fields = fields,
		.n = n };
	if (limit != NULL && !limit_pass(limit, per_second, &rec.suppressed)) {
		monitor_add(&ctx->log->mon.suppressed, 1);
		return 0;
	}
	return emit_record(ctx, &rec, NULL);
}

int
alog_emitv(alog_t *ctx, int level, const char *msg, const alog_field *fields, size_t n)
{
	return alog_emitv_at(ctx, level, NULL, NULL, 0, msg, fields, n);
}

int
alog_auditv(
    alog_t *ctx, const alog_site *site, const char *event, const alog_field *fields, size_t n)
{
	struct record rec = { .level = ALOG_LEVEL_NOTICE,
		.event = event != NULL ? event : "audit",
		.site = site,
		.audit = true,
		.fields = fields,
		.n = n };
	struct writer *w;
	uint64_t seq;
	int rc;

	if (ctx == NULL)
		return ALOG_EDISABLED;
	if ((rc = emit_record(ctx, &rec, &seq)) < 0)
		return rc;
	w = logger_writer(ctx->log);
	return w != NULL ? writer_sync(w, seq, AUDIT_MS) : ALOG_ECLOSED;
}

int
alog_vprintf(alog_t *ctx, int level, const char *fmt, va_list ap)
{
	struct record rec = { .level = level };
	char text[1024], *big = NULL;
	va_list again;
	int n, rc;

	if (!alog_enabled(ctx, level))
		return 0;
	if (level < ALOG_LEVEL_TRACE || level > ALOG_LEVEL_CRITICAL)
		return ALOG_EINVAL;
	va_copy(again, ap);
	n = vsnprintf(text, sizeof text, fmt, ap);
	if (n >= (int)sizeof text && (big = malloc((size_t)n + 1)) != NULL)
		n = vsnprintf(big, (size_t)n + 1, fmt, again);
	va_end(again);
	if (n < 0) {
		/* The format itself is the best that is left to say. */
		const alog_field why = alog_kv_str("log.error", "the printf format failed");

		rec.msg = fmt;
		rec.nmsg = strlen(fmt);
		rec.fields = &why;
		rec.n = 1;
		rc = emit_record(ctx, &rec, NULL);
		free(big);
		return rc < 0 ? rc : ALOG_EFORMAT;
	}
	rec.msg = big != NULL ? big : text;
	rec.nmsg = big != NULL || n < (int)sizeof text ? (size_t)n : sizeof text - 1;
	rc = emit_record(ctx, &rec, NULL);
	free(big);
	return rc;
}

int
alog_printf(alog_t *ctx, int level, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = alog_vprintf(ctx, level, fmt, ap);
	va_end(ap);
	return rc;
}
