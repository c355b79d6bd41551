#include "summary.h"

#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "section.h"
#include "tally.h"

struct summary {
	const struct schema *schema;
	struct keys *keys;
	struct tally *tally;
	struct format_data member; /* at hand */
	struct format_footer total;
	int64_t ts; /* effective time of the last line */
	uint16_t members;
};

/* What holds of no lines at all. */
static void
begin_member(struct summary *s)
{
	s->member = (struct format_data){
		.sorted = true,
		.seqs = true,
		.first_seq = UINT64_MAX,
		.min_ts = CLOCK_NONE,
		.max_ts = CLOCK_NONE,
		.ts_before = s->ts,
	};
}

struct summary *
summary_new(const struct schema *schema)
{
	struct summary *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->schema = schema;
	s->ts = CLOCK_NONE;
	s->total = (struct format_footer){
		.sorted = true,
		.seqs = true,
		.first_seq = UINT64_MAX,
		.min_ts = CLOCK_NONE,
		.max_ts = CLOCK_NONE,
	};
	begin_member(s);
	s->keys = keys_new(schema);
	s->tally = tally_new();
	if (s->keys == NULL || s->tally == NULL) {
		summary_free(s);
		return NULL;
	}
	return s;
}

void
summary_free(struct summary *s)
{
	if (s == NULL)
		return;
	keys_free(s->keys);
	tally_free(s->tally);
	free(s);
}

static bool
blank(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

/* A line has its own time, or that of the line before it. */
static void
add_time(struct summary *s, int64_t own)
{
	struct format_data *m = &s->member;

	if (own != CLOCK_NONE) {
		if (own < s->ts)
			s->total.sorted = false;
		/* Only when the line before it is of this member. */
		if (own < s->ts && m->min_ts != CLOCK_NONE)
			m->sorted = false;
		s->ts = own;
	}
	if (s->ts == CLOCK_NONE)
		return;
	if (m->min_ts == CLOCK_NONE || s->ts < m->min_ts)
		m->min_ts = s->ts;
	if (s->ts > m->max_ts)
		m->max_ts = s->ts;
}

static void
add_seq(struct format_data *m, const struct field *field)
{
	uint64_t seq;

	if (field->type != FIELD_NUMBER || !field_u64(field, &seq)) {
		m->seqs = false;
		return;
	}
	m->first_seq = seq < m->first_seq ? seq : m->first_seq;
	m->last_seq = seq > m->last_seq ? seq : m->last_seq;
}

static int
add_record(struct summary *s, const struct schema_facts *facts, const char *line, size_t n)
{
	struct format_data *m = &s->member;

	add_time(s, facts->ts);
	add_seq(m, &facts->seq);
	m->untimed += facts->ts == CLOCK_NONE;
	m->failed += facts->failed;
	m->levels[facts->level]++;
	if (tally_add(s->tally, facts, s->ts, s->members) < 0)
		return -1;
	return keys_add(s->keys, line, n);
}

int
summary_add(struct summary *s, const char *line, size_t n)
{
	struct schema_facts facts;
	int r = 0;

	if (n <= FORMAT_LINE_MAX && blank(line, n)) {
		s->member.lines++;
		return 0;
	}
	if (n <= FORMAT_LINE_MAX && schema_read(s->schema, line, n, &facts) == 0) {
		r = add_record(s, &facts, line, n);
	} else {
		add_time(s, CLOCK_NONE);
		s->member.unreadable++;
	}
	s->member.lines++;
	return r;
}

static void
add_totals(struct format_footer *t, const struct format_data *m)
{
	t->members++;
	t->lines += m->lines;
	t->unreadable += m->unreadable;
	t->untimed += m->untimed;
	t->failed += m->failed;
	for (size_t i = 0; i < 8; i++)
		t->levels[i] += m->levels[i];
	if (m->min_ts != CLOCK_NONE && (t->min_ts == CLOCK_NONE || m->min_ts < t->min_ts))
		t->min_ts = m->min_ts;
	if (m->max_ts > t->max_ts)
		t->max_ts = m->max_ts;
	if (!m->seqs) {
		t->seqs = false;
		return;
	}
	t->first_seq = m->first_seq < t->first_seq ? m->first_seq : t->first_seq;
	t->last_seq = m->last_seq > t->last_seq ? m->last_seq : t->last_seq;
}

int
summary_end_member(struct summary *s, struct format_data *m)
{
	if (keys_end_member(s->keys) < 0)
		return -1;
	/* No readable line: no numbers. */
	if (!s->member.seqs || s->member.first_seq > s->member.last_seq) {
		s->member.seqs = false;
		s->member.first_seq = s->member.last_seq = 0;
	}
	add_totals(&s->total, &s->member);
	*m = s->member;
	s->members++;
	begin_member(s);
	return 0;
}

void
summary_totals(const struct summary *s, struct format_footer *total)
{
	const struct format_footer *t = &s->total;

	total->members = t->members;
	total->lines = t->lines;
	total->unreadable = t->unreadable;
	total->untimed = t->untimed;
	total->failed = t->failed;
	memcpy(total->levels, t->levels, sizeof total->levels);
	total->sorted = t->sorted;
	total->seqs = t->seqs;
	total->first_seq = t->seqs ? t->first_seq : 0;
	total->last_seq = t->seqs ? t->last_seq : 0;
	total->min_ts = t->min_ts;
	total->max_ts = t->max_ts;
}

static void
put_members(struct bytes_out *b, const struct format_data *m, size_t n, uint16_t schema_bytes)
{
	uint8_t *p;

	for (size_t i = 0; i < n; i++) {
		bytes_put_u16(b, FORMAT_DATA_FIXED);
		if ((p = bytes_room(b, FORMAT_DATA_FIXED)) != NULL)
			format_put_data(p, &m[i], schema_bytes);
	}
}

/* Those that have content. */
static void
put_sections(struct bytes_out *stream, const struct section *section,
    const struct bytes_out *content, size_t n)
{
	struct section used[SECTION_TYPES];
	struct bytes_out of[SECTION_TYPES];
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (content[i].n > 0) {
			used[k] = section[i];
			of[k++] = content[i];
		}
	section_put_all(stream, used, of, k);
}

int
summary_put_index(struct summary *s, const struct format_data *members, size_t n,
    uint16_t schema_bytes, const struct bytes_out *replaced, struct bytes_out *stream)
{
	enum { MEMBERS, KEYS, FILTERS, RUNS, ROLLUPS, COURSES, REPLACED, SECTIONS };
	struct section section[SECTIONS] = {
		[MEMBERS].type = SECTION_MEMBERS,
		[KEYS].type = SECTION_KEYS,
		[FILTERS].type = SECTION_FILTERS,
		[RUNS].type = SECTION_RUNS,
		[ROLLUPS].type = SECTION_ROLLUPS,
		[COURSES].type = SECTION_COURSES,
		[REPLACED].type = SECTION_REPLACED,
	};
	struct bytes_out content[SECTIONS] = { [REPLACED] = *replaced };
	bool keys = false, runs = false, rollups = false, failed;

	put_members(&content[MEMBERS], members, n, schema_bytes);
	failed = content[MEMBERS].failed ||
	    keys_put(s->keys, &content[KEYS], &content[FILTERS], &keys) < 0 ||
	    tally_put_runs(
		s->tally, &content[RUNS], &content[COURSES], s->total.min_ts, &runs) < 0 ||
	    tally_put_rollups(s->tally, &content[ROLLUPS], &rollups) < 0;
	section[KEYS].flags = keys ? SECTION_INCOMPLETE : 0;
	section[RUNS].flags = runs ? SECTION_INCOMPLETE : 0;
	section[ROLLUPS].flags = rollups ? SECTION_INCOMPLETE : 0;
	if (!failed)
		put_sections(stream, section, content, SECTIONS);
	for (size_t i = 0; i < REPLACED; i++)
		bytes_out_free(&content[i]);
	return failed || stream->failed ? -1 : 0;
}
