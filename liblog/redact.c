#include "redact.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MATCH_LIMIT 100000
#define JSON_DEPTH  64

struct rule {
	char *field; /* NULL: every field */
	char *with;
	size_t nfield, nwith;
	pcre2_code *code; /* NULL: the whole value */
};

struct redact {
	struct rule *rule;
	size_t n;
	pcre2_match_context *limits;
};

static int
compile(struct rule *rule, const alog_redact *from, size_t index, alog_error *err)
{
	const char *with = from->with != NULL ? from->with : "[redacted]";
	PCRE2_UCHAR text[128];
	PCRE2_SIZE at;
	int code;

	if (from->field == NULL && from->pattern == NULL)
		return error_set(err, ALOG_EINVAL, 0, NULL,
		    "redact rule %zu has neither a field nor a pattern", index + 1);
	if ((from->field != NULL && (rule->field = strdup(from->field)) == NULL) ||
	    (rule->with = strdup(with)) == NULL)
		return error_set(err, ALOG_ENOMEM, ENOMEM, NULL, "redact rule");
	rule->nfield = from->field != NULL ? strlen(from->field) : 0;
	rule->nwith = strlen(with);
	if (from->pattern == NULL)
		return 0;
	rule->code = pcre2_compile((PCRE2_SPTR)from->pattern, PCRE2_ZERO_TERMINATED,
	    PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &code, &at, NULL);
	if (rule->code == NULL) {
		(void)pcre2_get_error_message(code, text, sizeof text);
		return error_set_at(err, ALOG_EREGEX, NULL, at,
		    "redact rule %zu, position %zu of its pattern: %s", index + 1, at + 1,
		    (const char *)text);
	}
	/* Where there is no JIT the interpreter does the same, slower. */
	(void)pcre2_jit_compile(rule->code, PCRE2_JIT_COMPLETE);
	return 0;
}

int
redact_new(struct redact **ret, const alog_redact *rules, size_t n, alog_error *err)
{
	struct redact *r;
	int rc = 0;

	*ret = NULL;
	if (n == 0)
		return 0;
	if ((r = calloc(1, sizeof *r)) == NULL ||
	    (r->rule = calloc(n, sizeof *r->rule)) == NULL ||
	    (r->limits = pcre2_match_context_create(NULL)) == NULL) {
		redact_free(r);
		return error_set(err, ALOG_ENOMEM, ENOMEM, NULL, "redact rules");
	}
	(void)pcre2_set_match_limit(r->limits, MATCH_LIMIT);
	for (r->n = 0; rc == 0 && r->n < n; r->n++)
		rc = compile(&r->rule[r->n], &rules[r->n], r->n, err);
	if (rc < 0) {
		redact_free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void
redact_free(struct redact *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++) {
		free(r->rule[i].field);
		free(r->rule[i].with);
		pcre2_code_free(r->rule[i].code);
	}
	free(r->rule);
	pcre2_match_context_free(r->limits);
	free(r);
}

static bool
applies(const struct rule *rule, const char *field, size_t nfield)
{
	return rule->field == NULL ||
	    (field != NULL && rule->nfield == nfield &&
		memcmp(rule->field, field, nfield) == 0);
}

bool
redact_concerns(const struct redact *r, const char *field, size_t nfield)
{
	if (r != NULL)
		for (size_t i = 0; i < r->n; i++)
			if (applies(&r->rule[i], field, nfield))
				return true;
	return false;
}

const char *
redact_whole(const struct redact *r, const char *field, size_t nfield)
{
	if (r != NULL)
		for (size_t i = 0; i < r->n; i++)
			if (r->rule[i].code == NULL && applies(&r->rule[i], field, nfield))
				return r->rule[i].with;
	return NULL;
}

/* ---- replacing matches ---- */

struct text {
	char *p;
	size_t n;
};

/* Replace every match of rule in *t, which is then ours to free.  False: hide the value. */
static bool
substitute(const struct redact *r, const struct rule *rule, struct text *t)
{
	pcre2_match_data *md = pcre2_match_data_create_from_pattern(rule->code, NULL);
	PCRE2_SIZE len = t->n + rule->nwith + 16;
	char *to = NULL;
	int rc = PCRE2_ERROR_NOMEMORY;
	const uint32_t opt = PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_LITERAL |
	    PCRE2_SUBSTITUTE_OVERFLOW_LENGTH;

	/* The first try may tell what the second one needs. */
	for (int tries = 0; tries < 2 && md != NULL && rc == PCRE2_ERROR_NOMEMORY; tries++) {
		free(to);
		if ((to = malloc(len)) == NULL)
			break;
		rc = pcre2_substitute(rule->code, (PCRE2_SPTR)t->p, t->n, 0, opt, md, r->limits,
		    (PCRE2_SPTR)rule->with, rule->nwith, (PCRE2_UCHAR *)to, &len);
	}
	pcre2_match_data_free(md);
	if (rc < 0 || to == NULL) {
		free(to);
		return false;
	}
	free(t->p);
	t->p = to;
	t->n = len;
	return true;
}

/* Apply all patterns to a copy of s: its text in *out, to be freed; false: hide it. */
static bool
patterns(const struct redact *r, const char *field, size_t nfield, const char *s, size_t n,
    struct text *out)
{
	out->n = n;
	if ((out->p = malloc(n + 1)) == NULL)
		return false;
	memcpy(out->p, s, n);
	for (size_t i = 0; i < r->n; i++)
		if (r->rule[i].code != NULL && applies(&r->rule[i], field, nfield) &&
		    !substitute(r, &r->rule[i], out)) {
			free(out->p);
			return false;
		}
	return true;
}

void
redact_str(const struct redact *r, const char *field, size_t nfield, const char *s, size_t n,
    struct jbuf *out)
{
	struct text t;

	if (!patterns(r, field, nfield, s, n, &t)) {
		jbuf_str(out, "[redacted]", 10);
		return;
	}
	jbuf_str(out, t.p, t.n);
	free(t.p);
}

/* ---- inside JSON values ---- */

static json_t *copy(
    const struct redact *r, const char *field, size_t nfield, const json_t *v, int depth);

static json_t *
copy_object(const struct redact *r, const json_t *v, int depth)
{
	json_t *to = json_object(), *child;
	const char *key;
	size_t nkey;

	for (void *it = json_object_iter((json_t *)(uintptr_t)v); to != NULL && it != NULL;
	     it = json_object_iter_next((json_t *)(uintptr_t)v, it)) {
		key = json_object_iter_key(it);
		nkey = json_object_iter_key_len(it);
		child = copy(r, key, nkey, json_object_iter_value(it), depth + 1);
		if (child == NULL || json_object_setn_new_nocheck(to, key, nkey, child) < 0) {
			json_decref(to);
			to = NULL;
		}
	}
	return to;
}

static json_t *
copy_array(const struct redact *r, const char *field, size_t nfield, const json_t *v, int depth)
{
	json_t *to = json_array(), *child;

	for (size_t i = 0; to != NULL && i < json_array_size(v); i++) {
		child = copy(r, field, nfield, json_array_get(v, i), depth + 1);
		if (child == NULL || json_array_append_new(to, child) < 0) {
			json_decref(to);
			to = NULL;
		}
	}
	return to;
}

static json_t *
copy(const struct redact *r, const char *field, size_t nfield, const json_t *v, int depth)
{
	const char *whole = redact_whole(r, field, nfield);
	struct text t;
	json_t *to;

	if (whole != NULL || depth > JSON_DEPTH)
		return json_string(whole != NULL ? whole : "[redacted]");
	if (json_is_object(v))
		return copy_object(r, v, depth);
	if (json_is_array(v))
		return copy_array(r, field, nfield, v, depth);
	if (!json_is_string(v))
		return json_deep_copy(v);
	if (!patterns(r, field, nfield, json_string_value(v), json_string_length(v), &t))
		return json_string("[redacted]");
	to = json_stringn_nocheck(t.p, t.n);
	free(t.p);
	return to;
}

struct json_t *
redact_json(
    const struct redact *r, const char *field, size_t nfield, const struct json_t *value)
{
	return copy(r, field, nfield, value, 0);
}
