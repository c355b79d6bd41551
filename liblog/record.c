#include "record.h"

#include <jansson.h>
#include <string.h>

/* Appending a literal costs its length at compile time. */
#define LIT(out, s) jbuf_raw(out, s, sizeof(s) - 1)

/* Where the text of ts begins: behind {"ts":" */
#define TS_AT 7

/* Bytes of an event's name that are used: the envelope is the part of a record that is never cut. */
#define EVENT_MAX 128

bool
record_named(const alog_field *f)
{
	return f->key != NULL && f->key[0] != '\0';
}

size_t
record_key_bytes(const alog_field *f)
{
	return f->nkey > 0 ? f->nkey : strlen(f->key);
}

bool
record_reserved(const char *key, size_t n)
{
#define IS(name) (memcmp(key, name, sizeof(name) - 1) == 0)
	switch (n) {
	case 2: return IS("ts");
	case 3: return IS("seq") || IS("pid") || IS("msg");
	case 4: return IS("host");
	case 5: return IS("level") || IS("stage") || IS("event");
	case 6: return IS("run_id") || IS("status");
	case 7: return IS("service");
	case 11: return IS("duration_ms");
	}
	return false;
#undef IS
}

/* ---- values ---- */

static int
dump_to(const char *s, size_t n, void *out)
{
	jbuf_raw(out, s, n);
	return 0;
}

/* jansson refuses what is not JSON (NaN can't occur in a json_t); the record is written all the
 * same, and says so. */
static void
put_json(const struct redact *redact, const alog_field *f, struct jbuf *out)
{
	const size_t start = out->len;
	json_t *hidden = NULL;
	const json_t *v = f->v.j;

	if (v == NULL) {
		LIT(out, "null");
		return;
	}
	if (redact_concerns(redact, f->key, record_key_bytes(f)) ||
	    (redact != NULL && (json_is_object(v) || json_is_array(v))))
		v = hidden = redact_json(redact, f->key, record_key_bytes(f), v);
	if (v == NULL ||
	    json_dump_callback(v, dump_to, out, JSON_COMPACT | JSON_ENCODE_ANY) < 0) {
		out->len = start;
		LIT(out, "null,\"log.error\":\"field ");
		jbuf_str_inner(out, f->key, record_key_bytes(f));
		LIT(out, " cannot be written as JSON\"");
	}
	json_decref(hidden);
}

static void
put_string(const struct redact *redact, const alog_field *f, size_t n, struct jbuf *out)
{
	if (f->v.s == NULL)
		LIT(out, "null");
	else if (redact != NULL && redact_concerns(redact, f->key, record_key_bytes(f)))
		redact_str(redact, f->key, record_key_bytes(f), f->v.s, n, out);
	else
		jbuf_str(out, f->v.s, n);
}

static void
put_pointer(const void *p, struct jbuf *out)
{
	static const char digit[] = "0123456789abcdef";
	uintptr_t v = (uintptr_t)p;
	char text[2 + 2 * sizeof v];
	size_t at = sizeof text;

	do
		text[--at] = digit[v & 15];
	while ((v >>= 4) != 0);
	text[--at] = 'x';
	text[--at] = '0';
	jbuf_str(out, text + at, sizeof text - at);
}

static void
put_value(const struct redact *redact, const alog_field *f, struct jbuf *out)
{
	const char *whole =
	    redact != NULL ? redact_whole(redact, f->key, record_key_bytes(f)) : NULL;
	char c;

	if (whole != NULL) {
		jbuf_str(out, whole, strlen(whole));
		return;
	}
	switch ((enum alog_type)f->type) {
	case ALOG_TYPE_BOOL:
		if (f->v.i != 0)
			LIT(out, "true");
		else
			LIT(out, "false");
		return;
	case ALOG_TYPE_INT: jbuf_i64(out, f->v.i); return;
	case ALOG_TYPE_UINT: jbuf_u64(out, f->v.u); return;
	case ALOG_TYPE_DOUBLE: jbuf_double(out, f->v.d); return;
	case ALOG_TYPE_FLOAT: jbuf_float(out, (float)f->v.d); return;
	case ALOG_TYPE_CHAR:
		c = (char)f->v.i;
		if (redact_concerns(redact, f->key, record_key_bytes(f)))
			redact_str(redact, f->key, record_key_bytes(f), &c, 1, out);
		else
			jbuf_str(out, &c, 1);
		return;
	case ALOG_TYPE_STRING:
		put_string(redact, f, f->v.s != NULL ? strlen(f->v.s) : 0, out);
		return;
	case ALOG_TYPE_BYTES: put_string(redact, f, f->n, out); return;
	case ALOG_TYPE_POINTER: put_pointer(f->v.p, out); return;
	case ALOG_TYPE_JSON: put_json(redact, f, out); return;
	case ALOG_TYPE_NULL:
	case ALOG_TYPE_END: break;
	}
	LIT(out, "null");
}

static inline void
put_key(const alog_field *f, struct jbuf *out)
{
	const size_t n = record_key_bytes(f);

	LIT(out, ",\"");
	jbuf_str_inner(out, f->key, n);
	if (record_reserved(f->key, n))
		jbuf_char(out, '_');
	LIT(out, "\":");
}

static void
put_field(const struct redact *redact, const alog_field *f, struct jbuf *out)
{
	if (f->type == ALOG_TYPE_END)
		return;
	if (!record_named(f)) {
		LIT(out, ",\"log.error\":\"a field without a name\"");
		return;
	}
	put_key(f, out);
	put_value(redact, f, out);
}

/*
 * ---- common fields: a short key, a number, a truth value or a short string ----
 *
 * They are put at a place that has room for any of them, so that nothing but the place needs to be
 * kept: a function that gives NULL has put nothing.
 */

#define SHORT_MAX  16 /* bytes of a key, or of a string */
#define COMMON_MAX (2 + SHORT_MAX + 2 + JBUF_NUMBER_MAX)

#ifdef __SSE2__
static inline char *
put_common_value(char *p, const alog_field *f)
{
	const int64_t i = f->v.i;

	switch ((enum alog_type)f->type) {
	case ALOG_TYPE_BYTES:
		if (f->v.s == NULL || f->n - 1 >= SHORT_MAX ||
		    !jbuf_copy_short(p + 1, f->v.s, f->n))
			return NULL;
		p[0] = '"';
		p[1 + f->n] = '"';
		return p + 2 + f->n;
	case ALOG_TYPE_INT:
		*p = '-';
		return digits_put(p + (i < 0), i < 0 ? 0 - (uint64_t)i : (uint64_t)i);
	case ALOG_TYPE_UINT: return digits_put(p, f->v.u);
	case ALOG_TYPE_BOOL:
		memcpy(p, i != 0 ? "true" : "fals", 4);
		p[4] = 'e';
		return p + (i != 0 ? 4 : 5);
	case ALOG_TYPE_DOUBLE: return jbuf_three_places(p, f->v.d);
	default: return NULL;
	}
}

/* Whether some key of the envelope has its length and its first letter. */
static inline bool
may_be_reserved(const char *key, size_t n)
{
#define LENGTH(first, n) [(first)&31] = 1 << (n)
	static const uint16_t lengths[32] = { LENGTH('t', 2), LENGTH('p', 3), LENGTH('m', 3),
		LENGTH('h', 4), LENGTH('l', 5), LENGTH('e', 5), LENGTH('r', 6), LENGTH('d', 11),
		['s' & 31] = 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 };
#undef LENGTH

	return (lengths[key[0] & 31] >> n & 1) != 0;
}

static inline char *
put_common(char *p, const alog_field *f)
{
	const size_t n = f->nkey;

	if (n - 1 >= SHORT_MAX || !jbuf_copy_short(p + 2, f->key, n) ||
	    (may_be_reserved(f->key, n) && record_reserved(f->key, n)))
		return NULL;
	memcpy(p, ",\"", 2);
	memcpy(p + 2 + n, "\":", 2);
	return put_common_value(p + n + 4, f);
}

/* As many as are common and have room; how many. */
static size_t
put_commons(const alog_field *fields, size_t n, struct jbuf *out)
{
	char *const start = out->p + out->len;
	const char *last; /* where one more has room */
	char *p = start, *end;
	size_t i;

	if (!jbuf_fits(out, COMMON_MAX))
		return 0;
	last = out->p + out->cap - COMMON_MAX;
	for (i = 0; i < n && p <= last; i++, p = end)
		if ((end = put_common(p, &fields[i])) == NULL)
			break;
	out->len += (size_t)(p - start);
	return i;
}
#else
static size_t
put_commons(const alog_field *fields, size_t n, struct jbuf *out)
{
	(void)fields;
	(void)n;
	(void)out;
	return 0;
}
#endif

void
record_fields(const struct redact *redact, const alog_field *fields, size_t n, struct jbuf *out)
{
	for (size_t i = 0; i < n; i++) {
		/* Rules are about names and values: with any of them no field is common. */
		if (redact == NULL)
			i += put_commons(fields + i, n - i, out);
		if (i < n)
			put_field(redact, &fields[i], out);
	}
}

/* ---- the envelope ---- */

/* From behind ts to behind the level. */
static const char level_text[][24] = {
#define LEVEL(name) "\",\"level\":\"" name "\""
	LEVEL("info"),
	LEVEL("trace"),
	LEVEL("debug"),
	LEVEL("info"),
	LEVEL("notice"),
	LEVEL("warn"),
	LEVEL("error"),
	LEVEL("critical"),
#undef LEVEL
};
static const uint8_t level_bytes[] = { 16, 17, 17, 16, 18, 16, 17, 20 };

void
record_identify(struct record_identity *id, const char *service, const char *host, uint32_t pid)
{
	struct jbuf out = { id->text, 0, sizeof id->text };

	LIT(&out, ",\"service\":");
	jbuf_str(&out, service, strlen(service));
	LIT(&out, ",\"host\":");
	jbuf_str(&out, host, strlen(host));
	LIT(&out, ",\"pid\":");
	jbuf_u64(&out, pid);
	id->n = jbuf_full(&out) ? 0 : out.len;
}

static void
put_named(const char *name, size_t nname, const char *value, size_t n, struct jbuf *out)
{
	jbuf_raw(out, name, nname);
	jbuf_str(out, value, n);
}

/* What records of events have. */
static void
put_event(const struct record *rec, struct jbuf *out)
{
	if (rec->event != NULL)
		put_named(",\"event\":", 9, rec->event, strnlen(rec->event, EVENT_MAX), out);
	if (rec->status != NULL)
		put_named(",\"status\":", 10, rec->status, strlen(rec->status), out);
	if (rec->timed) {
		LIT(out, ",\"duration_ms\":");
		jbuf_double(out, rec->duration_ms);
	}
}

/* In place: a processor waits before it copies bytes that it has stored in smaller pieces just now. */
JBUF_INLINE void
put_time(int64_t ts, struct jbuf *out)
{
	char text[CLOCK_LENGTH];

	LIT(out, "{\"ts\":\"");
	if (jbuf_fits(out, CLOCK_LENGTH)) {
		clock_format(out->p + out->len, ts);
		out->len += CLOCK_LENGTH;
	} else {
		clock_format(text, ts);
		jbuf_raw(out, text, sizeof text);
	}
}

/* Everything up to and with duration_ms. */
static inline void
put_envelope(const struct record_base *base, const struct record *rec, struct jbuf *out,
    uint16_t *splice)
{
	const int level = rec->level >= 1 && rec->level <= ALOG_LEVEL_CRITICAL ? rec->level : 0;
	struct jbuf b = *out; /* in registers, see jbuf.h */

	put_time(rec->ts, &b);
	jbuf_text(&b, level_text[level], level_bytes[level]);
	jbuf_text(&b, base->run, base->nrun);
	LIT(&b, ",\"seq\":");
	*splice = (uint16_t)(b.len - out->len);
	jbuf_text(&b, base->identity->text, base->identity->n);
	jbuf_text(&b, base->stage, base->nstage);
	*out = b;
	if (rec->event != NULL || rec->status != NULL || rec->timed)
		put_event(rec, out);
}

static inline void
put_msg(const struct record_base *base, const char *msg, size_t n, struct jbuf *out)
{
	struct jbuf b = *out;

	LIT(&b, ",\"msg\":");
	if (base->redact != NULL && redact_concerns(base->redact, NULL, 0)) {
		*out = b;
		redact_str(base->redact, NULL, 0, msg, n, out);
		return;
	}
	jbuf_str(&b, msg, n);
	*out = b;
}

/* What the library adds stands last, so that it wins over a caller's field of the same name. */
static void
put_extras(const struct record *rec, const alog_site *site, struct jbuf *out)
{
	if (site != NULL) {
		put_named(",\"file\":", 8, site->file, strlen(site->file), out);
		LIT(out, ",\"line\":");
		jbuf_i64(out, site->line);
		put_named(",\"func\":", 8, site->func, strlen(site->func), out);
	}
	if (rec->tid != 0) {
		LIT(out, ",\"tid\":");
		jbuf_i64(out, rec->tid);
	}
	if (rec->suppressed > 0) {
		LIT(out, ",\"suppressed\":");
		jbuf_u64(out, rec->suppressed);
	}
	if (rec->audit)
		LIT(out, ",\"audit\":true");
}

void
record_encode(const struct record_base *base, const struct record *rec, struct jbuf *out,
    uint16_t *splice)
{
	put_envelope(base, rec, out, splice);
	if (rec->msg != NULL)
		put_msg(base, rec->msg, rec->nmsg, out);
	jbuf_text(out, base->bound, base->nbound);
	record_fields(base->redact, rec->fields, rec->n, out);
	put_extras(rec, rec->site, out);
	jbuf_char(out, '}');
}

void
record_gap(const struct record_base *base, int64_t ts, uint64_t lost, const char *reason,
    struct jbuf *out, uint16_t *splice)
{
	const alog_field fields[] = {
		alog_kv_uint("lost", lost),
		alog_kv_str("reason", reason),
	};
	const struct record rec = { .ts = ts,
		.level = ALOG_LEVEL_ERROR,
		.event = "log.gap",
		.msg = "records were lost",
		.nmsg = 17,
		.fields = fields,
		.n = 2 };

	record_encode(base, &rec, out, splice);
}

void
record_line(const char *rec, size_t n, uint16_t splice, uint64_t seq, struct jbuf *out)
{
	jbuf_raw(out, rec, splice);
	jbuf_u64(out, seq);
	jbuf_raw(out, rec + splice, n - splice);
	jbuf_char(out, '\n');
}

int32_t
record_day(const char *rec, size_t n)
{
	int32_t day;
	int64_t ts;

	/* It stands where put_envelope put it; only a damaged ring has anything else there. */
	if (n >= TS_AT + 10 && clock_parse_day(rec + TS_AT, 10, &day) == 0)
		return day;
	if (n < TS_AT + CLOCK_LENGTH ||
	    clock_parse(rec + TS_AT, CLOCK_LENGTH, &ts, NULL, NULL) < 0)
		return 0;
	/* The first and the last day of all have no partition, for they are no whole days: theirs is the one next to
	 * them. */
	return clock_day(ts) + (ts < 0 ? 1 : -1);
}

/* ---- too long ---- */

/* Bytes of the UTF-8 character at s (at least 1, at most n); an invalid byte counts as one. */
static size_t
char_bytes(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0];
	size_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

	return want <= n ? want : n;
}

/* Append as much of a string as leaves the buffer at most end long, closing quote included. */
static void
put_cut_str(const char *s, size_t n, size_t end, struct jbuf *out)
{
	jbuf_char(out, '"');
	for (size_t i = 0, k; i < n; i += k) {
		const size_t before = out->len;

		k = char_bytes(s + i, n - i);
		jbuf_str_inner(out, s + i, k);
		if (out->len + 1 > end) {
			out->len = before;
			break;
		}
	}
	jbuf_char(out, '"');
}

/* Append a field if it ends by end, a string cut if it must be; false: it did not fit whole. */
static bool
put_cut_field(const struct redact *redact, const alog_field *f, size_t end, struct jbuf *out)
{
	const size_t start = out->len;
	const bool text = f->type == ALOG_TYPE_STRING || f->type == ALOG_TYPE_BYTES;

	put_field(redact, f, out);
	if (out->len <= end)
		return true;
	out->len = start;
	/* A redacted string is left out: the cut must not fall before what was to be hidden. */
	if (!record_named(f) || !text || f->v.s == NULL ||
	    redact_concerns(redact, f->key, record_key_bytes(f)))
		return false;
	put_key(f, out);
	if (out->len + 2 > end)
		out->len = start;
	else
		put_cut_str(
		    f->v.s, f->type == ALOG_TYPE_STRING ? strlen(f->v.s) : f->n, end, out);
	return false;
}

void
record_encode_cut(const struct record_base *base, const struct record *rec, size_t max,
    struct jbuf *out, uint16_t *splice)
{
	static const char tail[] = ",\"truncated\":true}";
	char extra_text[RECORD_MIN / 2];
	struct jbuf extra = { extra_text, 0, sizeof extra_text };
	const size_t start = out->len;
	size_t end, before;
	bool whole = true;

	put_extras(rec, rec->site, &extra);
	if (jbuf_full(&extra)) {
		extra.len = 0;
		put_extras(rec, NULL, &extra);
	}
	end = start + max - extra.len - (sizeof tail - 1);
	put_envelope(base, rec, out, splice);
	before = out->len;
	if (rec->msg != NULL) {
		put_msg(base, rec->msg, rec->nmsg, out);
		/* Leave bound fields, which say whose record this is, before its text. */
		if (out->len + base->nbound > end) {
			out->len = before;
			whole = false;
			if (!redact_concerns(base->redact, NULL, 0) &&
			    before + base->nbound + 16 < end) {
				LIT(out, ",\"msg\":");
				put_cut_str(rec->msg, rec->nmsg, end - base->nbound, out);
			}
		}
	}
	if (out->len + base->nbound <= end)
		jbuf_raw(out, base->bound, base->nbound);
	for (size_t i = 0; whole && i < rec->n; i++)
		whole = put_cut_field(base->redact, &rec->fields[i], end, out);
	jbuf_raw(out, extra.p, extra.len);
	jbuf_raw(out, tail, sizeof tail - 1);
}
