/* redact - rules that hide values by field name and by pattern, compiled once, used from many threads. */
#ifndef REDACT_H
#define REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "jbuf.h"

struct redact;

/* ALOG_EREGEX names the rule and the position in its pattern.  No rules: *ret is NULL. */
int redact_new(struct redact **ret, const alog_redact *rules, size_t n, alog_error *err);
void redact_free(struct redact *r);

/* Whether some rule concerns a field of this name (nfield bytes; NULL: msg) at all.  r may be NULL. */
bool redact_concerns(const struct redact *r, const char *field, size_t nfield);
/* The replacement for the field's value as a whole, whatever its type; NULL: keep it. */
const char *redact_whole(const struct redact *r, const char *field, size_t nfield);
/*
 * Append a string value (with quotes) after the patterns have been applied to it.  A pattern that exceeds its
 * match limit, or memory that runs out, hides the whole value: never less than was asked.
 */
void redact_str(const struct redact *r, const char *field, size_t nfield, const char *s,
    size_t n, struct jbuf *out);
/* A copy of a JSON value with all rules applied inside it (the value itself stands under field);
 * NULL: out of memory.  Free with json_decref. */
struct json_t *redact_json(
    const struct redact *r, const char *field, size_t nfield, const struct json_t *value);

#endif
