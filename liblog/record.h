/*
 * record - envelope, bound fields and a call's fields -> one JSON line.
 *
 *     {"ts":"…","level":"…","run_id":"…","seq":N,"service":"…","host":"…","pid":N,"stage":"…",
 *      "event":"…","status":"…","duration_ms":N,"msg":"…", bound fields, the call's fields}
 *
 * The digits of seq are not in the line: splice says where they go.  There is no line feed.
 */
#ifndef RECORD_H
#define RECORD_H

#include "clock.h"
#include "jbuf.h"
#include "redact.h"
#include "runid.h"

/* What is the same in all records of a process: ,"service":"…","host":"…","pid":N */
struct record_identity {
	size_t n;
	char text[2040]; /* a host name of 255 control characters is the longest there is */
};

/* What is the same in all records of a context, as JSON text made once. */
struct record_base {
	const char *run;   /* ,"run_id":"…"  or "" */
	const char *stage; /* ,"stage":"…"  or "" */
	const char *bound; /* ,"k":v…  or "" */
	size_t nrun, nstage, nbound;
	const struct record_identity *identity;
	const struct redact *redact; /* may be NULL */
};

struct record {
	int64_t ts;
	int level;
	const char *event, *status; /* may be NULL */
	bool timed;
	double duration_ms;
	const char *msg; /* may be NULL */
	size_t nmsg;
	bool audit;
	uint64_t suppressed;
	const alog_site *site; /* NULL: no file, line, func */
	int64_t tid;           /* 0: none */
	const alog_field *fields;
	size_t n;
};

void record_identify(
    struct record_identity *out, const char *service, const char *host, uint32_t pid);

/*
 * Append the record to out (which may be too small: then out->len says what it takes).  The
 * position of the sequence number's digits from the start goes to *splice.
 */
void record_encode(const struct record_base *base, const struct record *rec, struct jbuf *out,
    uint16_t *splice);

/*
 * The same in at most max bytes: strings are cut at a UTF-8 boundary, later fields left out, and
 * "truncated":true appended.  out->cap must be at least max, and max at least RECORD_MIN plus the base.
 */
#define RECORD_MIN 2048
void record_encode_cut(const struct record_base *base, const struct record *rec, size_t max,
    struct jbuf *out, uint16_t *splice);

/* Append ,"key":value for each field, with redaction; what record_base.bound holds. */
void record_fields(
    const struct redact *redact, const alog_field *fields, size_t n, struct jbuf *out);

/* Append an encoded record with the digits of its sequence number and a line feed. */
void record_line(const char *rec, size_t n, uint16_t splice, uint64_t seq, struct jbuf *out);

/* Append a record that stands for lost ones: "event":"log.gap", their number, and why. */
void record_gap(const struct record_base *base, int64_t ts, uint64_t lost, const char *reason,
    struct jbuf *out, uint16_t *splice);

/* The day in an encoded record's ts, for its partition: within a day of it.  0 for what is no time. */
int32_t record_day(const char *rec, size_t n);

/* Whether a field has a name; the bytes of it, which need not end in a NUL. */
bool record_named(const alog_field *f);
size_t record_key_bytes(const alog_field *f);

/* Whether a caller's field must not have this name. */
bool record_reserved(const char *key, size_t n);

#endif
