/* context - bind, levels: the tree of contexts and the text that is bound to each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"

#define RUN_ID_MAX 128

/* ---- making one ---- */

/* The three pieces of text of a child, joined: what the parent has, or what replaces it. */
static void
put_pieces(const struct alog_context *parent, const struct context_more *more, struct jbuf *out,
    size_t end[3])
{
	const struct record_base *base = &parent->base;

	if (more->run_id != NULL) {
		jbuf_raw(out, ",\"run_id\":", 10);
		jbuf_str(out, more->run_id, strnlen(more->run_id, RUN_ID_MAX));
	} else {
		jbuf_raw(out, base->run, base->nrun);
	}
	end[0] = out->len;
	if (more->stage != NULL) {
		jbuf_raw(out, ",\"stage\":", 9);
		jbuf_str(out, more->stage, strlen(more->stage));
	} else {
		jbuf_raw(out, base->stage, base->nstage);
	}
	end[1] = out->len;
	jbuf_raw(out, base->bound, base->nbound);
	record_fields(base->redact, more->fields, more->n, out);
	end[2] = out->len;
}

static int
bind_text(struct alog_context *ctx, const struct alog_context *parent,
    const struct context_more *more, alog_error *err)
{
	struct jbuf out = { NULL, 0, 0 };
	size_t end[3];

	put_pieces(parent, more, &out, end);
	if (out.len > ctx->log->set.record_bytes / 2)
		return error_set(err, ALOG_ETOOBIG, 0, NULL,
		    "bound fields take %zu bytes, more than half a record", out.len);
	if ((ctx->text = malloc(out.len + 1)) == NULL)
		return error_set(err, ALOG_ENOMEM, ENOMEM, NULL, "context");
	out = (struct jbuf){ ctx->text, 0, out.len };
	put_pieces(parent, more, &out, end);
	ctx->base = (struct record_base){ .run = ctx->text,
		.nrun = end[0],
		.stage = ctx->text + end[0],
		.nstage = end[1] - end[0],
		.bound = ctx->text + end[1],
		.nbound = end[2] - end[1],
		.identity = &ctx->log->identity,
		.redact = ctx->log->set.redact };
	return 0;
}

static int
copy_run_id(struct alog_context *ctx, const char *id, alog_error *err)
{
	if (id != NULL && (ctx->run_id = strndup(id, RUN_ID_MAX)) == NULL)
		return error_set(err, ALOG_ENOMEM, ENOMEM, NULL, "context");
	return 0;
}

static void
discard(struct alog_context *ctx)
{
	free(ctx->text);
	free(ctx->run_id);
	free(ctx);
}

static void
enter(struct alog_context *ctx, struct alog_context *parent)
{
	struct logger *log = ctx->log;

	logger_ref(log);
	if (parent == NULL)
		return;
	(void)pthread_mutex_lock(&log->lock);
	ctx->parent = parent;
	ctx->next = parent->child;
	if (ctx->next != NULL)
		ctx->next->prev = ctx;
	parent->child = ctx;
	atomic_store(&ctx->level, atomic_load(&parent->level));
	(void)pthread_mutex_unlock(&log->lock);
}

int
context_make_root(struct alog_context **ret, struct logger *log, alog_error *err)
{
	struct alog_context *ctx;

	if ((ctx = calloc(1, sizeof *ctx)) == NULL)
		return error_set(err, ALOG_ENOMEM, ENOMEM, NULL, "context");
	ctx->log = log;
	ctx->own_level = true;
	atomic_store(&ctx->level, log->set.level);
	ctx->base = (struct record_base){ .run = "",
		.stage = "",
		.bound = "",
		.identity = &log->identity,
		.redact = log->set.redact };
	enter(ctx, NULL);
	*ret = ctx;
	return 0;
}

int
context_make(struct alog_context **ret, struct alog_context *parent,
    const struct context_more *more, alog_error *err)
{
	struct alog_context *ctx;
	int rc;

	if ((ctx = calloc(1, sizeof *ctx)) == NULL)
		return error_set(err, ALOG_ENOMEM, ENOMEM, NULL, "context");
	ctx->log = parent->log;
	if ((rc = bind_text(ctx, parent, more, err)) < 0 ||
	    (rc = copy_run_id(ctx, more->run_id != NULL ? more->run_id : parent->run_id, err)) <
		0) {
		discard(ctx);
		return rc;
	}
	ctx->begun = settings_ticks(&ctx->log->set);
	enter(ctx, parent);
	*ret = ctx;
	return 0;
}

void
context_free(struct alog_context *ctx)
{
	struct logger *log = ctx->log;
	struct alog_context *last = NULL;

	(void)pthread_mutex_lock(&log->lock);
	for (struct alog_context *c = ctx->child; c != NULL; c = c->next) {
		c->parent = ctx->parent;
		last = c;
	}
	/* Its children take its place among its siblings. */
	if (last != NULL) {
		last->next = ctx->next;
		if (ctx->next != NULL)
			ctx->next->prev = last;
		ctx->child->prev = ctx->prev;
	} else if (ctx->next != NULL) {
		ctx->next->prev = ctx->prev;
	}
	if (ctx->prev != NULL)
		ctx->prev->next = last != NULL ? ctx->child : ctx->next;
	else if (ctx->parent != NULL)
		ctx->parent->child = last != NULL ? ctx->child : ctx->next;
	(void)pthread_mutex_unlock(&log->lock);
	discard(ctx);
	logger_unref(log);
}

void
alog_free(alog_t *ctx)
{
	if (ctx != NULL)
		context_free(ctx);
}

/* ---- bind ---- */

int
alog_bindv(alog_t **ret, alog_t *ctx, const alog_field *fields, size_t n, alog_error *err)
{
	const struct context_more more = { NULL, NULL, fields, n };

	error_reset(err);
	if (ctx == NULL) {
		*ret = NULL;
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		const alog_field *f = &fields[i];

		if (f->type == ALOG_TYPE_END)
			continue;
		if (!record_named(f))
			return error_set(
			    err, ALOG_EINVAL, 0, NULL, "field %zu has no name", i + 1);
		if (record_reserved(f->key, record_key_bytes(f)))
			return error_set(err, ALOG_ECLASH, 0, NULL,
			    "\"%.*s\" is a key of the envelope", (int)record_key_bytes(f),
			    f->key);
	}
	return context_make(ret, ctx, &more, err);
}

const char *
alog_run_id(const alog_t *ctx)
{
	return ctx != NULL ? ctx->run_id : NULL;
}

/* ---- levels ---- */

int
alog_set_level(alog_t *ctx, int level)
{
	struct alog_context *c = ctx;

	if (ctx == NULL)
		return 0;
	if (level < ALOG_LEVEL_TRACE || level > ALOG_LEVEL_OFF)
		return ALOG_EINVAL;
	if (atomic_load(&ctx->log->writer) == NULL)
		return ALOG_EDISABLED;
	(void)pthread_mutex_lock(&ctx->log->lock);
	ctx->own_level = true;
	atomic_store(&ctx->level, level);
	/* Down through those that follow it, without recursion. */
	while (c != NULL) {
		struct alog_context *to = c == ctx || !c->own_level ? c->child : NULL;

		while (to == NULL && c != ctx) {
			to = c->next;
			if (to == NULL)
				c = c->parent;
		}
		c = to;
		if (c != NULL && !c->own_level)
			atomic_store(&c->level, level);
	}
	(void)pthread_mutex_unlock(&ctx->log->lock);
	return 0;
}

int
alog_get_level(const alog_t *ctx)
{
	return ctx != NULL ? atomic_load(&ctx->level) : ALOG_LEVEL_OFF;
}
