#include "story.h"

#include <stdlib.h>
#include <string.h>

#include "fnv.h"

/* ---- stages ---- */

uint64_t
story_stage(const char *s, size_t n)
{
	return fnv(FNV_START, s, n);
}

static int
add_hash(struct story *s, uint64_t hash)
{
	uint64_t *grown;
	size_t i = s->nstage;

	while (i > 0 && s->stage[i - 1] > hash)
		i--;
	if ((i > 0 && s->stage[i - 1] == hash) || s->nstage == STORY_STAGES_MAX)
		return 0;
	/* Room for twice as many whenever it is full: at each power of two. */
	if ((s->nstage & (s->nstage - 1)) == 0) {
		grown = realloc(s->stage, (2 * s->nstage + 1) * sizeof *grown);
		if (grown == NULL)
			return -1;
		s->stage = grown;
	}
	memmove(s->stage + i + 1, s->stage + i, (s->nstage++ - i) * sizeof *s->stage);
	s->stage[i] = hash;
	return 0;
}

/* ---- the first failure ---- */

static int
copy_name(char **to, size_t *nto, const char *from, size_t n)
{
	char *copy = NULL;

	if (from != NULL) {
		if ((copy = malloc(n + 1)) == NULL)
			return -1;
		memcpy(copy, from, n);
	}
	free(*to);
	*to = copy;
	*nto = n;
	return 0;
}

/* Whether a failure in that stage counts before the one that is known. */
static bool
is_before(const struct story *s, int64_t ts, const char *stage, size_t n)
{
	int c;

	if (s->failed == 0 || ts != s->failed_at)
		return s->failed == 0 || ts < s->failed_at;
	if (stage == NULL || s->failed_stage == NULL)
		return stage != NULL;
	c = memcmp(stage, s->failed_stage, n < s->nfailed_stage ? n : s->nfailed_stage);
	return c < 0 || (c == 0 && n < s->nfailed_stage);
}

static int
add_failure(struct story *s, uint64_t count, int64_t ts, const char *stage, size_t n)
{
	if (count == 0)
		return 0;
	if (is_before(s, ts, stage, n)) {
		if (copy_name(&s->failed_stage, &s->nfailed_stage, stage, n) < 0)
			return -1;
		s->failed_at = ts;
	}
	s->failed += count;
	return 0;
}

/* ---- beginnings and ends ---- */

static void
add_begin(struct story *s, int64_t ts, bool alive)
{
	if (s->begun && ts == s->begin)
		s->begin_alive |= alive;
	else if (!s->begun || ts > s->begin)
		s->begin_alive = alive;
	s->begin = !s->begun || ts > s->begin ? ts : s->begin;
	s->begun = true;
}

static void
add_end(struct story *s, int64_t ts, bool failed)
{
	if (s->ended && ts == s->end)
		s->end_failed |= failed;
	else if (!s->ended || ts > s->end)
		s->end_failed = failed;
	s->end = !s->ended || ts > s->end ? ts : s->end;
	s->ended = true;
}

static void
add_span(struct story *s, int64_t first, int64_t last, bool alive)
{
	if (s->records == 0 || last > s->last)
		s->last_alive = alive;
	else if (last == s->last)
		s->last_alive |= alive;
	if (s->records == 0 ||
	    (first != CLOCK_NONE && (s->first == CLOCK_NONE || first < s->first)))
		s->first = first;
	if (s->records == 0 || last > s->last)
		s->last = last;
}

/* ---- lines ---- */

/* The stage's decoded bytes, in *own if they had to be made. */
static const char *
stage_name(const struct field *f, size_t *n, char **own)
{
	*n = f->n;
	if (!f->escaped)
		return f->p;
	if ((*own = malloc(f->n + 1)) == NULL)
		return NULL;
	*n = field_decode(f, *own, f->n);
	return *own;
}

static int
add_stage(struct story *s, const struct story_line *line)
{
	const char *name = NULL;
	char *own = NULL;
	size_t n = 0;
	int r = 0;

	if (line->stage->type == FIELD_STRING) {
		if ((name = stage_name(line->stage, &n, &own)) == NULL)
			return -1;
		r = add_hash(s, story_stage(name, n));
	}
	if (r == 0)
		r = add_failure(s, line->failed, line->ts, name, n);
	free(own);
	return r;
}

int
story_add(struct story *s, const struct story_line *line)
{
	if (line->event->type == FIELD_STRING) {
		if (field_equals(line->event, "run.begin", 9))
			add_begin(s, line->ts, line->alive);
		else if (field_equals(line->event, "run.end", 7))
			add_end(s, line->ts, line->failed);
	}
	add_span(s, line->ts, line->ts, line->alive);
	s->records++;
	return add_stage(s, line);
}

int
story_join(struct story *s, const struct story *more)
{
	s->chosen |= more->chosen;
	if (more->records == 0)
		return 0;
	if (more->begun)
		add_begin(s, more->begin, more->begin_alive);
	if (more->ended)
		add_end(s, more->end, more->end_failed);
	add_span(s, more->first, more->last, more->last_alive);
	s->records += more->records;
	for (size_t i = 0; i < more->nstage; i++)
		if (add_hash(s, more->stage[i]) < 0)
			return -1;
	return add_failure(
	    s, more->failed, more->failed_at, more->failed_stage, more->nfailed_stage);
}

/* One that was begun again after it had ended has not ended. */
enum story_status
story_status(const struct story *s)
{
	if (s->ended && (!s->begun || s->end >= s->begin))
		return s->end_failed ? STORY_FAILED : STORY_OK;
	if (s->begin_alive || s->last_alive)
		return STORY_RUNNING;
	if (s->begun)
		return STORY_INCOMPLETE;
	return s->failed > 0 ? STORY_FAILED : STORY_OK;
}

/* ---- as bytes ---- */

enum {
	BEGUN = 1,
	ENDED = 2,
	END_FAILED = 4,
	BEGIN_ALIVE = 8,
	LAST_ALIVE = 16,
	CHOSEN = 32,
	STAGE = 64
};

void
story_put(const struct story *s, struct bytes_out *b)
{
	bytes_put_u8(b,
	    (uint8_t)((s->begun ? BEGUN : 0) | (s->ended ? ENDED : 0) |
		(s->end_failed ? END_FAILED : 0) | (s->begin_alive ? BEGIN_ALIVE : 0) |
		(s->last_alive ? LAST_ALIVE : 0) | (s->chosen ? CHOSEN : 0) |
		(s->failed_stage != NULL ? STAGE : 0)));
	bytes_put_varint(b, s->records);
	bytes_put_varint(b, s->failed);
	bytes_put_u64(b, (uint64_t)s->first);
	bytes_put_u64(b, (uint64_t)s->last);
	bytes_put_u64(b, (uint64_t)s->begin);
	bytes_put_u64(b, (uint64_t)s->end);
	bytes_put_u64(b, (uint64_t)s->failed_at);
	bytes_put_varint(b, s->nfailed_stage);
	bytes_put(b, s->failed_stage, s->nfailed_stage);
	bytes_put_varint(b, s->nstage);
	for (size_t i = 0; i < s->nstage; i++)
		bytes_put_u64(b, s->stage[i]);
}

int
story_get(struct story *s, struct bytes_in *in)
{
	uint8_t flags = bytes_get_u8(in);
	const uint8_t *name;
	size_t n;

	s->begun = (flags & BEGUN) != 0;
	s->ended = (flags & ENDED) != 0;
	s->end_failed = (flags & END_FAILED) != 0;
	s->begin_alive = (flags & BEGIN_ALIVE) != 0;
	s->last_alive = (flags & LAST_ALIVE) != 0;
	s->chosen = (flags & CHOSEN) != 0;
	s->records = bytes_get_varint(in);
	s->failed = bytes_get_varint(in);
	s->first = (int64_t)bytes_get_u64(in);
	s->last = (int64_t)bytes_get_u64(in);
	s->begin = (int64_t)bytes_get_u64(in);
	s->end = (int64_t)bytes_get_u64(in);
	s->failed_at = (int64_t)bytes_get_u64(in);
	n = (size_t)bytes_get_varint(in);
	name = bytes_get(in, n);
	if (name != NULL && (flags & STAGE) != 0 &&
	    copy_name(&s->failed_stage, &s->nfailed_stage, (const char *)name, n) < 0)
		return -1;
	n = (size_t)bytes_get_varint_max(in, STORY_STAGES_MAX);
	for (size_t i = 0; i < n; i++)
		if (add_hash(s, bytes_get_u64(in)) < 0)
			return -1;
	return in->failed ? -1 : 0;
}

void
story_release(struct story *s)
{
	free(s->failed_stage);
	free(s->stage);
	*s = (struct story){ 0 };
}
