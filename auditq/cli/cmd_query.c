/* cmd_query - the default command: find records and print or export them. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditq.h"
#include "cmd.h"
#include "explain.h"
#include "opt.h"
#include "out.h"
#include "say.h"

struct values {
	struct opt_list run, stage, level, where;
	const char *after, *before, *on, *format, *fields, *output;
	uint64_t limit, tail, jobs;
	bool failed, reverse, count, force, no_index, explain, strict;
};

#define AT(member) offsetof(struct values, member)

/* clang-format off */
static const struct opt options[] = {
	{ NULL, 0, OPT_SECTION, 0, NULL, "Which records:" },
	{ "run", 0, OPT_LIST, AT(run), "ID",
	  "of this run: its id, a prefix of it, or 'last', the run that started last" },
	{ "stage", 0, OPT_LIST, AT(stage), "NAME", "of this stage" },
	{ "failed", 0, OPT_FLAG, AT(failed), NULL,
	  "that failed: status is 'failed', or there is no status and the level is error or above" },
	{ "level", 0, OPT_LIST, AT(level), "LEVEL",
	  "of this level and above; =LEVEL or a list: exactly these" },
	{ "after", 'S', OPT_TEXT, AT(after), "TIME", "at or after TIME" },
	{ "since", 0, OPT_ALIAS, 0, NULL, NULL },
	{ "before", 'U', OPT_TEXT, AT(before), "TIME", "before TIME" },
	{ "until", 0, OPT_ALIAS, 0, NULL, NULL },
	{ "on", 0, OPT_TEXT, AT(on), "DAY[..DAY]",
	  "of this day, or of the days from the first to the last, UTC" },
	{ "where", 0, OPT_LIST, AT(where), "EXPR",
	  "for which EXPR is true; repeated: all of them" },
	{ "limit", 0, OPT_U64, AT(limit), "N", "the first N only" },
	{ "tail", 'n', OPT_U64, AT(tail), "N", "the last N only, first to last" },

	{ NULL, 0, OPT_SECTION, 0, NULL, "How they are shown:" },
	{ "reverse", 'r', OPT_FLAG, AT(reverse), NULL, "latest first" },
	{ "count", 'c', OPT_FLAG, AT(count), NULL, "print only how many there are" },
	{ "format", 'o', OPT_TEXT, AT(format), "FORMAT",
	  "jsonl (each line as stored; the default), json (one array) or csv" },
	{ "fields", 0, OPT_TEXT, AT(fields), "F,...", "only these fields, in this order" },
	{ "output", 'O', OPT_TEXT, AT(output), "FILE", "to FILE, which appears when it is complete" },
	{ "force", 0, OPT_FLAG, AT(force), NULL, "overwrite FILE" },

	{ NULL, 0, OPT_SECTION, 0, NULL, "How they are found:" },
	{ "jobs", 'j', OPT_U64, AT(jobs), "N", "threads; 0, the default: one per processor" },
	{ "no-index", 0, OPT_FLAG, AT(no_index), NULL,
	  "read everything in the window; the answer is the same" },
	{ "strict", 0, OPT_FLAG, AT(strict), NULL, "stop at the first thing that cannot be read" },
	{ "explain", 0, OPT_FLAG, AT(explain), NULL,
	  "say afterwards what was read, what was not, and why" },

	{ NULL, 0, OPT_SECTION, 0, NULL, "About auditq:" },
	OPT_COMMON,
};
/* clang-format on */

static const struct opt_command command = {
	.name = "auditq",
	.words = "[OPTIONS] [PATH]...\n"
		 "       auditq pack|inspect|recover ...     (each has its own --help)",
	.summary =
	    "Find records in audit trails: JSON Lines, plain or gzip, in directories by date.\n"
	    "PATH is a root, a partition, a file, or - for standard input.  Without one:\n"
	    "$AUDITQ_ROOT, else what is piped in, else ./logs.\n",
	.opts = options,
	.after =
	    "TIME: 2025-10-23, 2025-10-23T14:05:00Z, epoch seconds to nanoseconds, now,\n"
	    "today, yesterday, or back from now: -90m, -1h, -2d12h.  No zone means UTC.\n"
	    "EXPR: comparisons (== != < <= > >=), in (...), exists FIELD, and, or, not, ( ).\n"
	    "Lists in --run, --stage and --level are separated by commas: any of them.\n"
	    "\n"
	    "  auditq --failed --on yesterday logs\n"
	    "  auditq --run 0199feae --stage detection -r --limit 20\n"
	    "  auditq --where 'duration_ms > 500 and tenant in (\"a\",\"b\")' -o csv -O slow.csv\n"
	    "  zcat old.jsonl.gz | auditq --level warn --since -2d -\n"
	    "\n"
	    "Exit status: 0 found, 1 nothing found, 2 wrong usage or fatal, 3 answered, but\n"
	    "data that the query needed could not be read.\n",
};

/* ---- asking ---- */

struct question {
	auditq_t *q;
	const struct values *v;
	uint64_t warnings;
	bool lost; /* and --strict: it is over */
};

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
ask(auditq_t *q, ask_fn *fn, const char *text)
{
	return text == NULL || fn(q, text) == 0 || say_wrong(q, text, 0);
}

static bool
ask_all(auditq_t *q, ask_fn *fn, const struct opt_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!ask(q, fn, list->item[i]))
			return false;
	return true;
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
		for (char *part; good && (part = strsep(&rest, ",")) != NULL;)
			good = fn(q, part) == 0 ||
			    say_wrong(q, list->item[i], (size_t)(part - copy));
		free(copy);
	}
	return good;
}

static bool
build(auditq_t *q, const struct values *v)
{
	if (v->failed)
		auditq_failed(q);
	if (v->limit != UINT64_MAX)
		auditq_limit(q, v->limit);
	if (v->tail != UINT64_MAX)
		auditq_tail(q, v->tail);
	auditq_reverse(q, v->reverse);
	auditq_jobs(q, (unsigned)v->jobs);
	auditq_use_index(q, !v->no_index);
	return ask(q, auditq_after, v->after) && ask(q, auditq_before, v->before) &&
	    ask(q, auditq_on, v->on) && ask_parts(q, auditq_run, &v->run) &&
	    ask_parts(q, auditq_stage, &v->stage) && ask_all(q, auditq_level, &v->level) &&
	    ask_all(q, auditq_where, &v->where);
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
		return ask(q, auditq_path, path);
	say("no PATH given, $AUDITQ_ROOT is not set, nothing is piped in, and there is no ./logs");
	return false;
}

/* ---- answering ---- */

enum { WARNINGS_SHOWN = 100 };

static void
on_warning(void *arg, const auditq_warning *w)
{
	struct question *question = arg;

	if (question->lost)
		return;
	if (question->warnings++ < WARNINGS_SHOWN || question->v->explain)
		say_warning(w);
	if (w->lost && question->v->strict) {
		question->lost = true;
		auditq_cancel(question->q);
	}
}

struct sink {
	struct out out;
	const struct question *question;
};

/* After a loss --strict prints nothing more. */
static int
print_piece(void *arg, const void *data, size_t n)
{
	struct sink *sink = arg;

	return sink->question->lost ? AUDITQ_ECANCELED : out_write(&sink->out, data, n);
}

static int
print_count(struct question *question, uint64_t *n, auditq_error *err)
{
	char text[24];
	int r = auditq_count(question->q, n, err);

	if (r < 0 || question->lost)
		return r;
	snprintf(text, sizeof text, "%" PRIu64 "\n", *n);
	return out_text(text);
}

static int
print_records(
    struct question *question, const auditq_export_options *opt, uint64_t *n, auditq_error *err)
{
	struct sink sink = { .question = question };
	int r;

	out_open(&sink.out);
	r = auditq_export_to(question->q, print_piece, &sink, opt, n, err);
	if (sink.out.failed)
		err->code = 0; /* it has been said why */
	return r < 0 ? r : out_close(&sink.out);
}

/* The query that a signal ends, so that no temporary file stays. */
static auditq_t *interruptible;
static volatile sig_atomic_t interrupted;

static void
interrupt(int sig)
{
	interrupted = sig;
	auditq_cancel(interruptible);
}

static int
write_file(
    struct question *question, const auditq_export_options *opt, uint64_t *n, auditq_error *err)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND };
	int r;

	interruptible = question->q;
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaction(signals[i], &action, NULL);
	r = auditq_export(question->q, question->v->output, opt, n, err);
	if (interrupted != 0 && r == AUDITQ_ECANCELED)
		raise(interrupted);
	return r;
}

static int
answer(struct question *question, const auditq_export_options *opt)
{
	auditq_counts counts = { .size = sizeof counts };
	auditq_error err = { 0 };
	uint64_t n = 0;
	int r;

	if (question->v->count)
		r = print_count(question, &n, &err);
	else if (question->v->output != NULL)
		r = write_file(question, opt, &n, &err);
	else
		r = print_records(question, opt, &n, &err);
	if (question->warnings > WARNINGS_SHOWN && !question->v->explain)
		say("%" PRIu64 " more warnings; --explain shows them all",
		    question->warnings - WARNINGS_SHOWN);
	if (question->lost) {
		say("stopped, because of --strict");
		return CMD_LOST;
	}
	if (r < 0) {
		if (err.code != 0)
			say_error(&err);
		return CMD_ERROR;
	}
	auditq_get_counts(question->q, &counts);
	if (question->v->explain)
		explain(&counts);
	if (counts.lost > 0)
		return CMD_LOST;
	return n > 0 ? CMD_MATCH : CMD_NONE;
}

enum { JOBS_MAX = 1024 };

/* What the options say together, as far as the library does not see it. */
static bool
check(const struct values *v, auditq_export_options *opt)
{
	if (v->format != NULL && (opt->format = auditq_format_parse(v->format)) < 0)
		say("--format: not jsonl, json or csv: '%s'", v->format);
	else if (v->count && (v->format != NULL || v->fields != NULL || v->output != NULL))
		say("--count prints a number: --format, --fields and --output do not go with it");
	else if (v->tail != UINT64_MAX && v->limit != UINT64_MAX)
		say("--limit is the first, --tail the last: not both at once");
	else if (v->tail != UINT64_MAX && v->reverse)
		say("--tail is printed first to last; the latest first are --reverse --limit");
	else if (v->force && v->output == NULL)
		say("--force is about --output, which is not given");
	else if (v->jobs > JOBS_MAX)
		say("--jobs: %" PRIu64 " threads are too many; at most %d", v->jobs, JOBS_MAX);
	else
		return true;
	return false;
}

static int
query(const struct values *v, const struct opt_list *paths)
{
	auditq_export_options opt = {
		.size = sizeof opt, .fields = v->fields, .force = v->force
	};
	struct question question = { .v = v };
	int status = CMD_ERROR;

	if (!check(v, &opt))
		return CMD_ERROR;
	if ((question.q = auditq_new()) == NULL) {
		say("out of memory");
		return CMD_ERROR;
	}
	auditq_on_warning(question.q, on_warning, &question);
	if (build(question.q, v) && set_paths(question.q, paths))
		status = answer(&question, &opt);
	auditq_free(question.q);
	return status;
}

int
cmd_query(int argc, char **argv)
{
	struct values v = { .limit = UINT64_MAX, .tail = UINT64_MAX };
	struct opt_list paths = { 0 };
	int status;

	if (opt_parse(&command, argc, argv, &v, &paths, &status))
		status = query(&v, &paths);
	opt_list_free(&paths);
	opt_list_free(&v.run);
	opt_list_free(&v.stage);
	opt_list_free(&v.level);
	opt_list_free(&v.where);
	return status;
}
