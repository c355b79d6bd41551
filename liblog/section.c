#include "section.h"

#include <libdeflate.h>
#include <math.h>
#include <string.h>

#include "clock.h"
#include "runid.h"

void
section_put_all(
    struct bytes_out *stream, struct section *s, const struct bytes_out *content, size_t n)
{
	size_t at = SECTION_DIRECTORY_BYTES(n);

	bytes_put_u16(stream, (uint16_t)n);
	for (size_t i = 0; i < n; i++) {
		s[i].offset = (uint32_t)at;
		s[i].length = (uint32_t)content[i].n;
		s[i].crc = libdeflate_crc32(0, content[i].p, content[i].n);
		bytes_put_u16(stream, s[i].type);
		bytes_put_u16(stream, s[i].flags);
		bytes_put_u32(stream, s[i].offset);
		bytes_put_u32(stream, s[i].length);
		bytes_put_u32(stream, s[i].crc);
		at += content[i].n;
	}
	for (size_t i = 0; i < n; i++)
		bytes_put(stream, content[i].p, content[i].n);
}

int
section_get_directory(
    const uint8_t *p, size_t n, uint32_t total, struct section out[SECTION_COUNT_MAX])
{
	struct bytes_in in = { .p = p, .n = n };
	uint16_t count = bytes_get_u16(&in);

	if (count > SECTION_COUNT_MAX)
		return -1;
	for (size_t i = 0; i < count; i++) {
		out[i].type = bytes_get_u16(&in);
		out[i].flags = bytes_get_u16(&in);
		out[i].offset = bytes_get_u32(&in);
		out[i].length = bytes_get_u32(&in);
		out[i].crc = bytes_get_u32(&in);
		if (out[i].offset > total || out[i].length > total - out[i].offset)
			return -1;
	}
	return in.failed ? -1 : count;
}

bool
section_intact(const struct section *s, const uint8_t *p)
{
	return libdeflate_crc32(0, p, s->length) == s->crc;
}

void
section_put_filters(
    struct bytes_out *b, const struct section_filter *filter, size_t n, size_t nkeys)
{
	size_t nstates = (nkeys + 3) / 4, at = 4 * n;

	for (size_t i = 0; i < n; i++) {
		bytes_put_u32(b, (uint32_t)at);
		at += 6 + nstates + filter[i].bits / 8;
	}
	for (size_t i = 0; i < n; i++) {
		bytes_put_u8(b, filter[i].unlisted ? 1 : 0);
		bytes_put_u8(b, filter[i].k);
		bytes_put_u32(b, filter[i].bits);
		bytes_put(b, filter[i].states, nstates);
		bytes_put(b, filter[i].bloom, filter[i].bits / 8);
	}
}

int
section_get_filters(
    const uint8_t *p, size_t len, size_t nkeys, struct section_filter *out, size_t n)
{
	size_t nstates = (nkeys + 3) / 4;
	uint32_t offset;

	if (len / 4 < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if ((offset = get_le32(p + 4 * i)) > len)
			return -1;
		struct bytes_in in = { .p = p + offset, .n = len - offset };
		out[i].unlisted = (bytes_get_u8(&in) & 1) != 0;
		out[i].k = bytes_get_u8(&in);
		out[i].bits = bytes_get_u32(&in);
		out[i].states = bytes_get(&in, nstates);
		out[i].bloom = bytes_get(&in, out[i].bits / 8);
		if (in.failed || out[i].bits % 8 != 0 || out[i].k == 0)
			return -1;
	}
	return 0;
}

void
section_put_key(struct bytes_out *b, const char *path, size_t n)
{
	bytes_put_u16(b, (uint16_t)n);
	bytes_put(b, path, n);
}

const char *
section_get_key(struct bytes_in *in, size_t *n)
{
	*n = bytes_get_u16(in);
	return (const char *)bytes_get(in, *n);
}

/* Flags of a run. */
enum {
	RUN_BEGAN = 1,
	RUN_ENDED = 2,
	RUN_FAILED = 4,
	RUN_TIMED = 8, /* its times follow */
};

/* Of records, failed, members and a stage: they follow in any case. */
#define RUN_NUMBERS 5

/* What an id begins with: its length and one, or this for a UUID in 16 bytes. */
#define RUN_UUID 0

static void
put_id(struct bytes_out *b, const char *id, size_t n)
{
	uint8_t bin[16];

	if (runid_parse(id, n, bin)) {
		bytes_put_u8(b, RUN_UUID);
		bytes_put(b, bin, sizeof bin);
	} else {
		bytes_put_u8(b, (uint8_t)(n + 1));
		bytes_put(b, id, n);
	}
}

static void
get_id(struct bytes_in *in, struct format_run *out)
{
	uint8_t c = bytes_get_u8(in);
	const uint8_t *p = bytes_get(in, c == RUN_UUID ? 16 : (size_t)c - 1);

	if (p == NULL || c > sizeof out->id) {
		in->failed = true;
		return;
	}
	if (c == RUN_UUID) {
		runid_format(out->id, p);
		out->nid = RUNID_LENGTH;
	} else {
		out->nid = (uint8_t)(c - 1);
		memcpy(out->id, p, out->nid);
	}
	out->id[out->nid] = '\0';
}

void
section_put_run(struct bytes_out *b, const struct format_run *run, int64_t base)
{
	bool timed = run->first_ts != CLOCK_NONE;

	put_id(b, run->id, run->nid);
	bytes_put_u8(b,
	    (uint8_t)((run->began ? RUN_BEGAN : 0) | (run->ended ? RUN_ENDED : 0) |
		(run->status_failed ? RUN_FAILED : 0) | (timed ? RUN_TIMED : 0)));
	if (timed) {
		bytes_put_varint(b, (uint64_t)run->first_ts - (uint64_t)base);
		bytes_put_varint(b, (uint64_t)run->last_ts - (uint64_t)run->first_ts);
	}
	bytes_put_varint(b, run->records);
	bytes_put_varint(b, run->failed);
	bytes_put_varint(b, run->first_member);
	bytes_put_varint(b, (uint64_t)run->last_member - run->first_member);
	bytes_put_varint(b, (uint64_t)run->failed_stage + 1);
}

int
section_get_run(struct bytes_in *in, struct format_run *out, int64_t base)
{
	uint8_t flags;

	get_id(in, out);
	flags = bytes_get_u8(in);
	out->began = (flags & RUN_BEGAN) != 0;
	out->ended = (flags & RUN_ENDED) != 0;
	out->status_failed = (flags & RUN_FAILED) != 0;
	out->first_ts = out->last_ts = CLOCK_NONE;
	if ((flags & RUN_TIMED) != 0) {
		out->first_ts = (int64_t)((uint64_t)base + bytes_get_varint(in));
		out->last_ts = (int64_t)((uint64_t)out->first_ts + bytes_get_varint(in));
	}
	out->records = (uint32_t)bytes_get_varint_max(in, UINT32_MAX);
	out->failed = (uint32_t)bytes_get_varint_max(in, out->records);
	out->first_member = (uint16_t)bytes_get_varint_max(in, FORMAT_MEMBERS_MAX - 1);
	out->last_member = (uint16_t)(out->first_member +
	    bytes_get_varint_max(in, FORMAT_MEMBERS_MAX - 1u - out->first_member));
	out->failed_stage = (int32_t)bytes_get_varint_max(in, FORMAT_STAGES_MAX + 1) - 1;
	return in->failed || out->first_ts > out->last_ts ? -1 : 0;
}

/* Flags of a course. */
enum {
	COURSE_BEGIN = 1, /* the time of run.begin follows, of run.end */
	COURSE_END = 2,
	COURSE_FAILED = 4,
};

static int
course_bytes(uint32_t nstage)
{
	return (int)((nstage + 7) / 8);
}

void
section_put_courses(struct bytes_out *b, uint32_t nstage)
{
	bytes_put_u8(b, (uint8_t)course_bytes(nstage));
}

int
section_get_courses(struct bytes_in *in)
{
	int n = bytes_get_u8(in);

	return in->failed || n > course_bytes(FORMAT_STAGES_MAX) ? -1 : n;
}

static void
put_run_time(struct bytes_out *b, const struct format_run *run, int64_t ts)
{
	bytes_put_varint(b, ts == CLOCK_NONE ? 0 : (uint64_t)ts - (uint64_t)run->first_ts + 1);
}

static int64_t
get_run_time(struct bytes_in *in, const struct format_run *run)
{
	uint64_t most = run->first_ts == CLOCK_NONE
	    ? 0
	    : (uint64_t)run->last_ts - (uint64_t)run->first_ts + 1;
	uint64_t n = bytes_get_varint_max(in, most);

	return n == 0 ? CLOCK_NONE : (int64_t)((uint64_t)run->first_ts + n - 1);
}

void
section_put_course(struct bytes_out *b, const struct format_run *run,
    const struct section_course *course, uint32_t nstage)
{
	bool begin = run->began && course->begin != run->first_ts;
	bool end = run->ended && course->end != run->last_ts;

	bytes_put_u8(b,
	    (uint8_t)((begin ? COURSE_BEGIN : 0) | (end ? COURSE_END : 0) |
		(course->end_failed ? COURSE_FAILED : 0)));
	for (int i = 0; i < course_bytes(nstage); i++)
		bytes_put_u8(b, (uint8_t)(course->stages[i / 8] >> 8 * (i % 8)));
	if (begin)
		put_run_time(b, run, course->begin);
	if (end)
		put_run_time(b, run, course->end);
	if (run->failed == 0)
		return;
	put_run_time(b, run, course->failed_at);
	bytes_put_varint(b, (uint64_t)course->failed_stage + 1);
}

int
section_get_course(
    struct bytes_in *in, const struct format_run *run, int nbytes, struct section_course *out)
{
	uint8_t flags = bytes_get_u8(in);

	*out = (struct section_course){ .begin = run->first_ts,
		.end = run->last_ts,
		.end_failed = (flags & COURSE_FAILED) != 0,
		.failed_at = CLOCK_NONE,
		.failed_stage = -1 };
	for (int i = 0; i < nbytes; i++)
		out->stages[i / 8] |= (uint64_t)bytes_get_u8(in) << 8 * (i % 8);
	if ((flags & COURSE_BEGIN) != 0)
		out->begin = get_run_time(in, run);
	if ((flags & COURSE_END) != 0)
		out->end = get_run_time(in, run);
	if (run->failed > 0) {
		out->failed_at = get_run_time(in, run);
		out->failed_stage =
		    (int32_t)bytes_get_varint_max(in, FORMAT_STAGES_MAX + 1) - 1;
	}
	return in->failed ? -1 : 0;
}

void
section_id_set(struct section_id *id, const char *text, size_t n, bool exact)
{
	char low[RUNID_LENGTH], high[RUNID_LENGTH];

	*id = (struct section_id){ .text = text, .n = n, .exact = exact };
	if (n > RUNID_LENGTH || (exact && n < RUNID_LENGTH))
		return;
	/* All UUIDs that start with the text lie between these; where they differ, any digit may stand. */
	runid_format(low, (const uint8_t[16]){ 0 });
	memcpy(high, low, sizeof high);
	for (size_t i = n; i < sizeof high; i++)
		high[i] = high[i] == '0' ? 'f' : high[i];
	memcpy(low, text, n);
	memcpy(high, text, n);
	id->hex =
	    runid_parse(low, sizeof low, id->bin) && runid_parse(high, sizeof high, id->mask);
	for (size_t i = 0; i < sizeof id->mask; i++)
		id->mask[i] = (uint8_t) ~(id->mask[i] ^ id->bin[i]);
}

static bool
is_uuid_of(const struct section_id *id, const uint8_t *p)
{
	uint64_t a[2], want[2], mask[2];

	memcpy(a, p, sizeof a);
	memcpy(want, id->bin, sizeof want);
	memcpy(mask, id->mask, sizeof mask);
	return id->hex && (((a[0] ^ want[0]) & mask[0]) | ((a[1] ^ want[1]) & mask[1])) == 0;
}

static bool
is_text_of(const struct section_id *id, const uint8_t *p, size_t n)
{
	return n >= id->n && (!id->exact || n == id->n) &&
	    (id->n == 0 || memcmp(p, id->text, id->n) == 0);
}

static bool
is_any_of(const struct section_id *id, size_t nid, bool uuid, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < nid; i++)
		if (uuid ? is_uuid_of(&id[i], p) : is_text_of(&id[i], p, n))
			return true;
	return false;
}

int
section_seek_run(struct bytes_in *in, size_t *left, const struct section_id *id, size_t nid)
{
	for (; *left > 0; --*left) {
		const struct bytes_in run = *in;
		uint8_t c = bytes_get_u8(in);
		size_t n = c == RUN_UUID ? 16 : (size_t)c - 1;
		const uint8_t *p = bytes_get(in, n);

		if (p == NULL || n > FORMAT_NAME_MAX)
			return -1;
		if (is_any_of(id, nid, c == RUN_UUID, p, n)) {
			*in = run;
			--*left;
			return 1;
		}
		bytes_pass_varints(
		    in, (bytes_get_u8(in) & RUN_TIMED) != 0 ? 2 + RUN_NUMBERS : RUN_NUMBERS);
		if (in->failed)
			return -1;
	}
	return 0;
}

void
section_put_rollup(struct bytes_out *b, const struct section_rollup *r)
{
	bytes_put_varint(b, r->stage == NULL ? 0 : r->nstage + 1);
	if (r->stage != NULL)
		bytes_put(b, r->stage, r->nstage);
	bytes_put_varint(b, r->records);
	bytes_put_varint(b, r->ends);
	bytes_put_varint(b, r->failed);
	bytes_put_varint(b, r->durations);
	if (r->durations == 0)
		return;
	bytes_put_double(b, r->sum);
	bytes_put_double(b, r->min);
	bytes_put_double(b, r->max);
	sketch_put(&r->sketch, b);
}

int
section_get_rollup(struct bytes_in *in, struct section_rollup *out)
{
	uint64_t n = bytes_get_varint_max(in, FORMAT_NAME_MAX + 1);

	if (n > 0) {
		out->nstage = (size_t)(n - 1);
		out->stage = (const char *)bytes_get(in, out->nstage);
	}
	out->records = bytes_get_varint(in);
	out->ends = bytes_get_varint_max(in, out->records);
	out->failed = bytes_get_varint_max(in, out->records);
	out->durations = bytes_get_varint_max(in, out->records);
	if (in->failed)
		return -1;
	if (out->durations == 0)
		return 0;
	out->sum = bytes_get_double(in);
	out->min = bytes_get_double(in);
	out->max = bytes_get_double(in);
	if (sketch_get(&out->sketch, in) < 0)
		return -1;
	/* Also refuses a NaN; a sum may have overflowed to infinity. */
	if (out->sketch.count != out->durations || !(out->min >= 0) ||
	    !(out->min <= out->max) || !isfinite(out->max) || !(out->sum >= 0))
		in->failed = true;
	return in->failed ? -1 : 0;
}

#define REPLACED_NUMBERED 1u

void
section_put_replaced(struct bytes_out *b, const struct section_replaced *r)
{
	bytes_put_u8(b, r->numbered ? REPLACED_NUMBERED : 0);
	bytes_put_u8(b, (uint8_t)r->nname);
	bytes_put(b, r->name, r->nname);
	bytes_put(b, r->whole, sizeof r->whole);
	bytes_put(b, r->previous, sizeof r->previous);
	bytes_put_varint(b, r->offset);
	bytes_put_varint(b, r->bytes);
	if (!r->numbered)
		return;
	bytes_put_varint(b, r->first_seq);
	bytes_put_varint(b, r->last_seq - r->first_seq);
}

int
section_get_replaced(struct bytes_in *in, struct section_replaced *out, uint64_t limit)
{
	struct section_replaced r = { 0 };
	const uint8_t *whole, *previous;

	r.numbered = (bytes_get_u8(in) & REPLACED_NUMBERED) != 0;
	r.nname = bytes_get_u8(in);
	r.name = (const char *)bytes_get(in, r.nname);
	whole = bytes_get(in, sizeof r.whole);
	previous = bytes_get(in, sizeof r.previous);
	r.offset = bytes_get_varint_max(in, limit);
	r.bytes = bytes_get_varint_max(in, limit - r.offset);
	if (r.numbered) {
		r.first_seq = bytes_get_varint(in);
		r.last_seq = r.first_seq + bytes_get_varint_max(in, UINT64_MAX - r.first_seq);
	}
	/* A name must not lead to another directory. */
	if (in->failed || r.nname == 0 || memchr(r.name, '/', r.nname) != NULL ||
	    memchr(r.name, '\0', r.nname) != NULL)
		return -1;
	memcpy(r.whole, whole, sizeof r.whole);
	memcpy(r.previous, previous, sizeof r.previous);
	*out = r;
	return 0;
}
