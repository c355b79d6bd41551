/* build - the calls that put a question together; the first wrong argument is kept. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "known.h"
#include "query.h"
#include "sys.h"
#include "timespec.h"

#define JOBS_MAX    256
#define CONTEXT_MAX 10000

/* 0 when the question may still be changed. */
static int
refuse(auditq_t *q)
{
	if (q == NULL)
		return AUDITQ_EINVAL;
	if (q->wrong.code != 0)
		return q->wrong.code;
	if (q->begun)
		return qerror_set(
		    &q->wrong, AUDITQ_EINVAL, 0, NULL, "the query has begun: rewind it first");
	return 0;
}

static int
wrong(auditq_t *q, const char *what)
{
	return qerror_set(&q->wrong, AUDITQ_EINVAL, 0, NULL, "%s", what);
}

static int
no_memory(auditq_t *q)
{
	return qerror_set(&q->wrong, AUDITQ_ENOMEM, ENOMEM, NULL, "query");
}

static int
list_add(auditq_t *q, struct question_list *list, const char *s, const char *what)
{
	char **grown;
	int r = refuse(q);

	if (r < 0)
		return r;
	if (s == NULL || s[0] == '\0')
		return wrong(q, what);
	if ((grown = realloc(list->p, (list->n + 1) * sizeof(char *))) == NULL)
		return no_memory(q);
	list->p = grown;
	if ((list->p[list->n] = strdup(s)) == NULL)
		return no_memory(q);
	list->n++;
	return 0;
}

int
auditq_path(auditq_t *q, const char *path)
{
	return q == NULL ? AUDITQ_EINVAL : list_add(q, &q->ask.path, path, "an empty path");
}

int
auditq_run(auditq_t *q, const char *id)
{
	int r = refuse(q);

	if (r < 0)
		return r;
	if (id == NULL || strcmp(id, "last") != 0)
		return list_add(q, &q->ask.run, id, "an empty run id");
	q->ask.run_last = true;
	return 0;
}

int
auditq_stage(auditq_t *q, const char *name)
{
	return q == NULL ? AUDITQ_EINVAL : list_add(q, &q->ask.stage, name, "an empty stage");
}

int
auditq_failed(auditq_t *q)
{
	int r = refuse(q);

	if (r == 0)
		q->ask.failed = true;
	return r;
}

int
auditq_level(auditq_t *q, const char *spec)
{
	bool exact;
	unsigned levels = 0;
	size_t n;
	int r = refuse(q);

	if (r < 0)
		return r;
	if (spec == NULL)
		return wrong(q, "no level");
	exact = spec[0] == '=' || strchr(spec, ',') != NULL;
	for (const char *s = spec + (spec[0] == '=');; s += n + 1) {
		int level;

		n = strcspn(s, ",");
		if ((level = schema_level(s, n)) == SCHEMA_NO_LEVEL)
			return qerror_set_at(&q->wrong, AUDITQ_EINVAL, NULL,
			    (uint64_t)(s - spec),
			    "level '%.*s': trace, debug, info, notice, warn, error or critical",
			    n < 40 ? (int)n : 40, s);
		for (int i = level; i < (exact ? level + 1 : SCHEMA_LEVELS); i++)
			levels |= 1u << i;
		if (s[n] == '\0')
			break;
	}
	q->ask.levels |= levels;
	return 0;
}

int
auditq_schema(auditq_t *q, const char *name_or_file)
{
	int r = refuse(q);

	if (r < 0)
		return r;
	if (name_or_file == NULL)
		return wrong(q, "no schema");
	if (q->ask.schema == NULL && (q->ask.schema = calloc(1, sizeof *q->ask.schema)) == NULL)
		return no_memory(q);
	return known_load(name_or_file, q->ask.schema, &q->wrong);
}

/* ---- times ---- */

static void
narrow(auditq_t *q, int64_t after, int64_t before)
{
	if (after > q->ask.after)
		q->ask.after = after;
	if (before < q->ask.before)
		q->ask.before = before;
}

static int
need_now(auditq_t *q)
{
	if (q->ask.now == CLOCK_NONE && sys->realtime(&q->ask.now) < 0)
		return qerror_set(&q->wrong, AUDITQ_EIO, errno, NULL, "the clock");
	return 0;
}

static int
bad_time(auditq_t *q, const char *option, const char *text, size_t pos, const char *why)
{
	return qerror_set_at(
	    &q->wrong, AUDITQ_EINVAL, NULL, pos, "%s '%.80s': %s", option, text, why);
}

static int
parse_time(auditq_t *q, const char *option, const char *when, int64_t *out)
{
	const char *why;
	size_t pos;
	int r = refuse(q);

	if (r < 0)
		return r;
	if (when == NULL)
		return wrong(q, "no time");
	if ((r = need_now(q)) < 0)
		return r;
	if (timespec_parse(when, q->ask.now, q->ask.zone, out, &pos, &why) < 0)
		return bad_time(q, option, when, pos, why);
	return 0;
}

int
auditq_after(auditq_t *q, const char *when)
{
	int64_t t;
	int r = parse_time(q, "after", when, &t);

	if (r == 0)
		narrow(q, t, INT64_MAX);
	return r;
}

int
auditq_before(auditq_t *q, const char *when)
{
	int64_t t;
	int r = parse_time(q, "before", when, &t);

	if (r == 0)
		narrow(q, INT64_MIN, t);
	return r;
}

int
auditq_on(auditq_t *q, const char *days)
{
	int64_t after, before;
	const char *why;
	size_t pos;
	int r = refuse(q);

	if (r < 0)
		return r;
	if (days == NULL)
		return wrong(q, "no days");
	if ((r = need_now(q)) < 0)
		return r;
	if (timespec_days(days, q->ask.now, q->ask.zone, &after, &before, &pos, &why) < 0)
		return bad_time(q, "on", days, pos, why);
	narrow(q, after, before);
	return 0;
}

int
auditq_between(auditq_t *q, int64_t after_ns, int64_t before_ns)
{
	int r = refuse(q);

	if (r == 0)
		narrow(q, after_ns, before_ns);
	return r;
}

int
auditq_now(auditq_t *q, int64_t now_ns)
{
	int r = refuse(q);

	if (r == 0)
		q->ask.now = now_ns;
	return r;
}

int
auditq_zone(auditq_t *q, const char *name)
{
	struct zone *zone;
	int r = refuse(q);

	if (r < 0)
		return r;
	if (name == NULL)
		return wrong(q, "no time zone");
	if ((r = zone_open(&zone, name, &q->wrong)) < 0)
		return r;
	zone_free(q->ask.zone);
	q->ask.zone = zone;
	return 0;
}

/* ---- expressions ---- */

/* Whether all patterns compile; the error's offset is the position in the text. */
static int
check_patterns(const struct match_query *query, auditq_error *err)
{
	struct match *m = NULL;
	int r = match_new(&m, query, &schema_default, err);

	match_free(m);
	return r;
}

int
auditq_where(auditq_t *q, const char *text)
{
	struct expr *where = NULL;
	struct expr_env env;
	int r = refuse(q);

	if (r < 0)
		return r;
	if (text == NULL)
		return wrong(q, "no expression");
	if ((r = need_now(q)) < 0)
		return r;
	env = (struct expr_env){ q->ask.now, q->ask.zone };
	if ((r = expr_parse(&where, text, &env, &q->wrong)) == 0)
		r = check_patterns(&(struct match_query){ .where = where }, &q->wrong);
	if (r < 0) {
		expr_free(where);
		return r;
	}
	expr_join_take(&q->ask.where, where);
	return 0;
}

/* ---- patterns ---- */

static bool
is_field(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!expr_is_word(s[i]))
			return false;
	return n > 0 && s[0] != '-';
}

/* "FIELD~RE"; what stands before the first "~" is the pattern's unless it is a name, or nothing. */
static void
split_regex(const char *text, struct match_regex *out)
{
	const char *tilde = strchr(text, '~');
	size_t n = tilde == NULL ? 0 : (size_t)(tilde - text);
	bool quoted = n > 2 && text[0] == '`' && text[n - 1] == '`';

	*out = (struct match_regex){ .pattern = text };
	if (quoted || is_field(text, n)) {
		out->field = text + quoted;
		out->nfield = n - 2 * quoted;
	}
	if (out->field != NULL || tilde == text)
		out->pattern = tilde + 1;
	out->npattern = strlen(out->pattern);
}

/* The question's own, by the text that it owns. */
static int
keep_regex(auditq_t *q, const char *text)
{
	struct question_regexes *list = &q->ask.regex;
	struct match_regex *grown = realloc(list->p, (list->n + 1) * sizeof *grown);
	int r;

	if (grown == NULL)
		return no_memory(q);
	list->p = grown;
	if ((r = list_add(q, &q->ask.regex_text, text, "an empty pattern")) == 0)
		split_regex(q->ask.regex_text.p[list->n], &list->p[list->n]);
	if (r == 0)
		list->n++;
	return r;
}

int
auditq_regex(auditq_t *q, const char *text)
{
	struct match_regex regex;
	int r = refuse(q);

	if (r < 0)
		return r;
	if (text == NULL || text[0] == '\0')
		return wrong(q, "an empty pattern");
	split_regex(text, &regex);
	r = check_patterns(&(struct match_query){ .regex = &regex, .nregex = 1 }, &q->wrong);
	if (r == AUDITQ_EREGEX)
		q->wrong.offset += (uint64_t)(regex.pattern - text);
	return r < 0 ? r : keep_regex(q, text);
}

int
auditq_invert(auditq_t *q, bool on)
{
	int r = refuse(q);

	if (r == 0)
		q->ask.invert = on;
	return r;
}

/* ---- how it is answered ---- */

int
auditq_limit(auditq_t *q, uint64_t n)
{
	int r = refuse(q);

	if (r == 0)
		q->ask.limit = n;
	return r;
}

int
auditq_tail(auditq_t *q, uint64_t n)
{
	int r = refuse(q);

	if (r == 0)
		q->ask.tail = n;
	return r;
}

int
auditq_expand_run(auditq_t *q, bool on)
{
	int r = refuse(q);

	if (r == 0)
		q->ask.expand_run = on;
	return r;
}

int
auditq_context(auditq_t *q, uint32_t before, uint32_t after)
{
	int r = refuse(q);

	if (r < 0)
		return r;
	if (before > CONTEXT_MAX || after > CONTEXT_MAX)
		return wrong(q, "more than 10000 records around a match");
	q->ask.lines_before = before;
	q->ask.lines_after = after;
	return 0;
}

int
auditq_reverse(auditq_t *q, bool on)
{
	int r = refuse(q);

	if (r == 0)
		q->ask.reverse = on;
	return r;
}

int
auditq_follow(auditq_t *q, bool on)
{
	int r = refuse(q);

	if (r < 0)
		return r;
	/* Made now: auditq_cancel may come from another thread. */
	if (on && q->watch == NULL && (r = watch_new(&q->watch, &q->wrong)) < 0)
		return r;
	q->ask.follow = on;
	return 0;
}

int
auditq_cursor(auditq_t *q, const char *path)
{
	char *copy;
	int r = refuse(q);

	if (r < 0)
		return r;
	if (path == NULL || path[0] == '\0')
		return wrong(q, "an empty name of a cursor file");
	if ((copy = strdup(path)) == NULL)
		return no_memory(q);
	free(q->ask.cursor);
	q->ask.cursor = copy;
	return 0;
}

int
auditq_jobs(auditq_t *q, unsigned n)
{
	int r = refuse(q);

	if (r < 0)
		return r;
	if (n > JOBS_MAX)
		return wrong(q, "more than 256 jobs");
	q->ask.jobs = n;
	return 0;
}

int
auditq_use_index(auditq_t *q, bool on)
{
	int r = refuse(q);

	if (r == 0)
		q->ask.use_index = on;
	return r;
}

int
auditq_memory(auditq_t *q, uint64_t bytes)
{
	int r = refuse(q);

	if (r == 0)
		q->ask.memory = bytes;
	return r;
}

int
auditq_on_progress(auditq_t *q, auditq_progress_fn *fn, void *arg)
{
	int r = refuse(q);

	if (r < 0)
		return r;
	q->ask.progress = fn;
	q->ask.progress_arg = arg;
	return 0;
}

int
auditq_on_warning(auditq_t *q, auditq_warning_fn *fn, void *arg)
{
	int r = refuse(q);

	if (r == 0)
		q->ask.warn = (struct qwarn){ fn, arg };
	return r;
}

int
auditq_set_cache(auditq_t *q, auditq_cache_t *cache)
{
	int r = refuse(q);

	if (r == 0)
		q->ask.cache = cache;
	return r;
}
