/* ask - see ask.h */
#include "ask.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "explain.h"
#include "hint.h"
#include "nearest.h"
#include "say.h"

enum { JOBS_MAX = 256, WARNINGS_SHOWN = 100 };

void
ask_options_free(struct ask_options *opt)
{
	opt_list_free(&opt->run);
	opt_list_free(&opt->stage);
	opt_list_free(&opt->level);
	opt_list_free(&opt->where);
	opt_list_free(&opt->regex);
}

/* ---- the question ---- */

typedef int ask_fn(auditq_t *q, const char *text);

/* The query keeps its first error, and gives it when it is asked for a record.  part stands in
 * the argument as it was written. */
static bool
say_wrong(auditq_t *q, const char *argument, size_t part)
{
	auditq_record rec;
	auditq_error err = { 0 };

	auditq_next(q, &rec, &err);
	err.offset += part;
	say_argument(argument, &err);
	return false;
}

static bool
ask_one(auditq_t *q, ask_fn *fn, const char *text)
{
	return text == NULL || fn(q, text) == 0 || say_wrong(q, text, 0);
}

static bool
ask_all(auditq_t *q, ask_fn *fn, const struct opt_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!ask_one(q, fn, list->item[i]))
			return false;
	return true;
}

/* A level that is none, among those of a list. */
static void
suggest_level(const char *spec)
{
	static const char *const levels[] = { "trace", "debug", "info", "notice", "warn",
		"error", "critical", NULL };
	struct nearest near;
	char name[16];
	size_t n;

	for (const char *s = spec + (*spec == '='); *s != '\0'; s += n + (s[n] == ',')) {
		n = strcspn(s, ",");
		if (n >= sizeof name)
			continue;
		memcpy(name, s, n);
		name[n] = '\0';
		nearest_of(&near, name, levels);
		if (near.name[0] != '\0' && near.distance > 0)
			say("did you mean %s?", near.name);
	}
}

static bool
ask_levels(auditq_t *q, const struct opt_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!ask_one(q, auditq_level, list->item[i])) {
			suggest_level(list->item[i]);
			return false;
		}
	return true;
}

/* Without blanks around it. */
static char *
trim(char *s)
{
	char *end = s + strlen(s);

	while (*s == ' ' || *s == '\t')
		s++;
	while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return s;
}

/* Each part of each item: a comma is "any of", as repetition is. */
static bool
ask_parts(auditq_t *q, ask_fn *fn, const struct opt_list *list)
{
	bool good = true;

	for (size_t i = 0; good && i < list->n; i++) {
		char *copy = strdup(list->item[i]), *rest = copy;
		if (copy == NULL) {
			say("out of memory");
			return false;
		}
		for (char *part; good && (part = strsep(&rest, ",")) != NULL;) {
			part = trim(part);
			good = fn(q, part) == 0 ||
			    say_wrong(q, list->item[i], (size_t)(part - copy));
		}
		free(copy);
	}
	return good;
}

/* What is wrong with it stands in a file, not in the argument. */
static bool
ask_schema(auditq_t *q, const char *schema)
{
	auditq_error err = { 0 };
	auditq_record rec;

	if (schema == NULL || auditq_schema(q, schema) == 0)
		return true;
	auditq_next(q, &rec, &err);
	say_error(&err);
	return false;
}

static bool
build(auditq_t *q, const struct ask_options *opt)
{
	if (opt->failed)
		auditq_failed(q);
	auditq_jobs(q, (unsigned)opt->jobs);
	auditq_use_index(q, !opt->no_index);
	auditq_invert(q, opt->invert);
	return ask_schema(q, opt->schema) && ask_one(q, auditq_zone, opt->zone) &&
	    ask_one(q, auditq_after, opt->after) && ask_one(q, auditq_before, opt->before) &&
	    ask_one(q, auditq_on, opt->on) && ask_parts(q, auditq_run, &opt->run) &&
	    ask_parts(q, auditq_stage, &opt->stage) && ask_levels(q, &opt->level) &&
	    ask_all(q, auditq_where, &opt->where) && ask_all(q, auditq_regex, &opt->regex);
}

/* What is read when no PATH is given; NULL: there is nothing. */
static const char *
default_path(void)
{
	const char *root = getenv("AUDITQ_ROOT");
	struct stat st;

	if (root != NULL && *root != '\0')
		return root;
	if (fstat(STDIN_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode)))
		return "-";
	if (stat("logs", &st) == 0 && S_ISDIR(st.st_mode))
		return "logs";
	return NULL;
}

static bool
set_paths(auditq_t *q, const struct opt_list *paths)
{
	const char *path;

	if (paths->n > 0)
		return ask_all(q, auditq_path, paths);
	if ((path = default_path()) != NULL)
		return ask_one(q, auditq_path, path);
	say("no PATH given, $AUDITQ_ROOT is not set, nothing is piped in, and there is no ./logs");
	return false;
}

/* ---- what the options say together ---- */

static bool
asks_content(const struct ask_options *opt)
{
	return opt->failed || opt->run.n > 0 || opt->stage.n > 0 || opt->level.n > 0 ||
	    opt->where.n > 0 || opt->regex.n > 0;
}

static bool
check(const struct ask_options *opt)
{
	if (opt->jobs > JOBS_MAX)
		say("--jobs: %" PRIu64 " threads are too many; at most %d", opt->jobs,
		    JOBS_MAX);
	else if (opt->invert && !asks_content(opt))
		say("--invert needs --run, --stage, --failed, --level, --where or --regex to invert");
	else if (opt->utc && opt->zone != NULL)
		say("--utc is one zone, --tz another: not both at once");
	else
		return true;
	return false;
}

/* A window in which no time is was not meant. */
static bool
check_window(auditq_t *q, const struct ask_options *opt)
{
	auditq_counts counts = { .size = sizeof counts };
	char after[AUDITQ_TIME_ROOM], before[AUDITQ_TIME_ROOM];

	auditq_get_counts(q, &counts);
	if (counts.after < counts.before)
		return true;
	auditq_time_text(q, counts.after, after);
	auditq_time_text(q, counts.before, before);
	if (opt->on == NULL)
		say("--after '%s' (%s) is not before --before '%s' (%s): no time is in between",
		    opt->after, after, opt->before, before);
	else
		say("no time is on '%s' and%s%s%s%s: from %s to %s", opt->on,
		    opt->after != NULL ? " at or after " : "",
		    opt->after != NULL ? opt->after : "", opt->before != NULL ? " before " : "",
		    opt->before != NULL ? opt->before : "", after, before);
	return false;
}

/* ---- beginning and end ---- */

static void
on_warning(void *arg, const auditq_warning *w)
{
	struct ask *a = arg;

	if (a->lost)
		return;
	if (a->warnings++ < WARNINGS_SHOWN || a->opt->explain)
		say_warning(w);
	if (w->lost && a->opt->strict) {
		a->lost = true;
		auditq_cancel(a->q);
	}
}

bool
ask_begin(struct ask *a, const struct ask_options *opt, const struct opt_list *paths)
{
	*a = (struct ask){ .opt = opt };
	if (!check(opt))
		return false;
	if ((a->q = auditq_new()) == NULL) {
		say("out of memory");
		return false;
	}
	auditq_on_warning(a->q, on_warning, a);
	progress_begin(&a->progress, a->q);
	if (build(a->q, opt) && check_window(a->q, opt) && set_paths(a->q, paths))
		return true;
	auditq_free(a->q);
	return false;
}

static int
status_of(const struct ask *a, int r, const auditq_error *err, bool any)
{
	auditq_counts counts = { .size = sizeof counts };

	if (a->warnings > WARNINGS_SHOWN && !a->opt->explain)
		say("%" PRIu64 " more warnings; --explain shows them all",
		    a->warnings - WARNINGS_SHOWN);
	if (a->lost) {
		say("stopped, because of --strict");
		return CMD_LOST;
	}
	if (r < 0) {
		if (err->code != 0)
			say_error(err);
		return CMD_ERROR;
	}
	auditq_get_counts(a->q, &counts);
	if (a->opt->explain)
		explain(a->q, &counts);
	if (counts.lost > 0)
		return CMD_LOST;
	if (!any && !a->opt->invert)
		hint(a);
	return any ? CMD_MATCH : CMD_NONE;
}

int
ask_end(struct ask *a, int r, const auditq_error *err, bool any)
{
	int status;

	say_progress(NULL);
	status = status_of(a, r, err, any);

	auditq_free(a->q);
	a->q = NULL;
	return status;
}
