#include "pick.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "names.h"
#include "roster.h"
#include "tail.h"

/* Lines that a limit lets pass are remembered one by one. */
#define LINES_MAX 200000

/* The question for one schema. */
struct asked {
	struct schema schema;
	struct match *match;
};

struct pick {
	struct question ask; /* what the first search asks */
	struct search *first;
	struct roster *roster;
	const struct match_run *run;
	size_t nrun;
	struct names *lines; /* or NULL: every line that matches */
	struct bytes_out name;
	struct asked **asked;
	size_t nasked;
};

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "matching lines");
}

/* ---- the first search ---- */

/* A line's time, place and file, as a name. */
static int
name_line(struct pick *p, const struct search *s, const struct batch_line *line)
{
	const char *path = search_path(s, line->key.path);

	p->name.n = 0;
	bytes_put_u64(&p->name, (uint64_t)line->key.ts);
	bytes_put_u64(&p->name, line->key.offset);
	bytes_put(&p->name, path, strlen(path));
	return p->name.failed ? -1 : 0;
}

static int
take(struct pick *p, const struct batch_line *line, auditq_error *err)
{
	struct schema_facts facts;
	int32_t i;

	if (schema_read(search_schema(p->first, line->key.path), line->p, line->n, &facts) < 0)
		return 0;
	if (name_line(p, p->first, line) < 0)
		return no_memory(err);
	i = names_add(p->lines, (const char *)p->name.p, p->name.n);
	if (i == NAMES_FULL)
		return qerror_set(err, AUDITQ_ETOOBIG, 0, NULL,
		    "more than %d matches, each with lines around it or its run: ask for less",
		    LINES_MAX);
	return i < 0 ? no_memory(err) : roster_add(p->roster, &facts.run, err);
}

static int
take_first(struct pick *p, uint64_t n, auditq_error *err)
{
	struct batch_line line;
	int r = 0;

	while (n-- > 0 && (r = search_next(p->first, &line, err)) > 0)
		if ((r = take(p, &line, err)) < 0)
			break;
	return r < 0 ? r : 0;
}

static int
take_last(struct pick *p, uint64_t n, auditq_error *err)
{
	struct batch_line line;
	struct tail *tail;
	int r = tail_collect(&tail, p->first, n, p->ask.memory / 2, err);

	if (r < 0)
		return r;
	while ((r = tail_next(tail, &line, err)) > 0)
		if ((r = take(p, &line, err)) < 0)
			break;
	tail_free(tail);
	return r;
}

/* A limit counts in the order of answers; all lines may come in any. */
static int
search(struct pick *p, const struct question *q, bool *stop, auditq_counts *counts,
    auditq_error *err)
{
	bool last = q->tail != UINT64_MAX, some = last || q->limit != UINT64_MAX;
	int r;

	p->ask = *q;
	p->ask.expand_run = false;
	if (last) {
		p->ask.reverse = true;
		p->ask.limit = q->tail;
		p->ask.memory /= 2;
	}
	if (some)
		p->lines = names_new(LINES_MAX, SIZE_MAX);
	if (some && p->lines == NULL)
		return no_memory(err);
	if (!some)
		p->ask.taker = roster_taker(p->roster);
	if ((r = search_new(&p->first, &p->ask, stop, false, counts, err)) < 0)
		return r;
	if (!some)
		return search_take(p->first, err);
	return last ? take_last(p, q->tail, err) : take_first(p, q->limit, err);
}

int
pick_new(struct pick **ret, const struct question *q, bool *stop, auditq_counts *counts,
    auditq_error *err)
{
	struct pick *p = calloc(1, sizeof *p);
	int r;

	if (p == NULL)
		return no_memory(err);
	if ((r = roster_new(&p->roster, err)) < 0 ||
	    (r = search(p, q, stop, counts, err)) < 0 ||
	    (r = roster_finish(p->roster, &p->run, &p->nrun, err)) < 0) {
		pick_free(p);
		return r;
	}
	search_rest(p->first);
	*ret = p;
	return 0;
}

void
pick_free(struct pick *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->nasked; i++) {
		match_free(p->asked[i]->match);
		free(p->asked[i]);
	}
	free(p->asked);
	search_free(p->first);
	roster_free(p->roster);
	names_free(p->lines);
	bytes_out_free(&p->name);
	free(p);
}

/* ---- lines of later searches ---- */

const struct match_run *
pick_runs(const struct pick *p, size_t *n)
{
	*n = p->nrun;
	return p->run;
}

bool
pick_loose(const struct pick *p)
{
	return roster_loose(p->roster);
}

int
pick_is_loose(
    struct pick *p, const struct search *s, const struct batch_line *line, auditq_error *err)
{
	struct schema_facts facts;

	if (schema_read(search_schema(s, line->key.path), line->p, line->n, &facts) < 0 ||
	    facts.run.type == FIELD_STRING)
		return 0;
	return pick_is(p, s, line, err);
}

int
pick_run(const struct pick *p, const struct search *s, const struct batch_line *line,
    size_t *run, auditq_error *err)
{
	struct schema_facts facts;
	char room[512], *own = NULL, *id = room;
	size_t n;

	*run = SIZE_MAX;
	if (schema_read(search_schema(s, line->key.path), line->p, line->n, &facts) < 0 ||
	    facts.run.type != FIELD_STRING)
		return 0;
	if (facts.run.n > sizeof room && (id = own = malloc(facts.run.n)) == NULL)
		return no_memory(err);
	n = field_decode(&facts.run, id, facts.run.n);
	if ((n = match_run_find(p->run, p->nrun, id, n)) < p->nrun)
		*run = n;
	free(own);
	return 0;
}

static int
get_match(struct pick *p, const struct schema *schema, struct match **ret, auditq_error *err)
{
	struct asked *asked, **grown;
	int r;

	for (size_t i = 0; i < p->nasked; i++)
		if (schema_equal(&p->asked[i]->schema, schema)) {
			*ret = p->asked[i]->match;
			return 0;
		}
	if ((grown = realloc(p->asked, (p->nasked + 1) * sizeof(struct asked *))) == NULL)
		return no_memory(err);
	p->asked = grown;
	if ((asked = calloc(1, sizeof *asked)) == NULL)
		return no_memory(err);
	asked->schema = *schema;
	r = match_new(&asked->match, search_query(p->first), &asked->schema, err);
	if (r < 0) {
		free(asked);
		return r;
	}
	p->asked[p->nasked++] = asked;
	*ret = asked->match;
	return 0;
}

int
pick_is(
    struct pick *p, const struct search *s, const struct batch_line *line, auditq_error *err)
{
	struct match_facts facts;
	struct match *match = NULL;
	int r;

	if (p->lines != NULL) {
		if (name_line(p, s, line) < 0)
			return no_memory(err);
		return names_has(p->lines, (const char *)p->name.p, p->name.n);
	}
	if (!question_in_window(&p->ask, line->key.ts))
		return 0;
	if ((r = get_match(p, search_schema(s, line->key.path), &match, err)) < 0)
		return r;
	return match_line(match, line->p, line->n, &facts, err);
}
