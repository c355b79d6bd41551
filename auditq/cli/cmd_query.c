/* cmd_query - the default command: find records and print or export them. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "auditq.h"
#include "chart.h"
#include "cmd.h"
#include "opt.h"
#include "out.h"
#include "say.h"
#include "screen.h"

struct values {
	struct ask_options ask;
	const char *format, *fields, *output, *expand, *cursor;
	uint64_t limit, tail, after, before, around;
	bool reverse, count, force, source, follow, exit_on_match;
	struct screen_options screen;
	struct chart_options chart;
};

/* Of records around a match; the library takes no more. */
enum { CONTEXT_MAX = 10000 };

#define AT(member) offsetof(struct values, member)

/* clang-format off */
static const struct opt options[] = {
	{ NULL, 0, OPT_SECTION, 0, NULL, "Which records:" },
	ASK_WHICH(AT(ask)),
	{ "limit", 0, OPT_U64, AT(limit), "N", "the first N only" },
	{ "tail", 'n', OPT_U64, AT(tail), "N", "the last N only, first to last" },
	{ "follow", 'f', OPT_FLAG, AT(follow), NULL,
	  "the last 10, or those of --tail or --after, and then those that come" },
	{ "exit-on-match", 0, OPT_FLAG, AT(exit_on_match), NULL, "with --follow: until there is one; with --tail 0: a new one" },
	{ "cursor-file", 0, OPT_TEXT, AT(cursor), "FILE", "those that came since the last time with FILE" },

	{ NULL, 0, OPT_SECTION, 0, NULL, "And what belongs to them:" },
	{ "after-context", 'A', OPT_U64, AT(after), "N", "also the N next records of its run" },
	{ "before-context", 'B', OPT_U64, AT(before), "N", "also the N records of its run before" },
	{ "context", 'C', OPT_U64, AT(around), "N", "both" },
	{ "expand", 0, OPT_TEXT, AT(expand), "run", "instead of each its whole run, once" },
	{ NULL, 0, OPT_VALUES, 0, NULL, "run" },

	{ NULL, 0, OPT_SECTION, 0, NULL, "How they are shown:" },
	{ "reverse", 'r', OPT_FLAG, AT(reverse), NULL, "latest first" },
	{ "count", 'c', OPT_FLAG, AT(count), NULL, "print only how many there are" },
	CHART_OPTIONS(AT(chart)),
	{ "format", 'o', OPT_TEXT, AT(format), "FORMAT",
	  "pretty (the default on a terminal), jsonl (each line as stored; the default elsewhere), "
	  "json (one array), csv, tsv, md (a Markdown table) or raw" },
	{ NULL, 0, OPT_VALUES, 0, NULL, "pretty jsonl json csv tsv md raw" },
	{ "fields", 0, OPT_TEXT, AT(fields), "F,...", "only these fields, in this order" },
	{ "source", 0, OPT_FLAG, AT(source), NULL,
	  "with each record its file and the offset of its line" },
	SCREEN_OPTIONS(AT(screen)),
	{ "output", 'O', OPT_TEXT, AT(output), "FILE", "to FILE, which appears when it is complete" },
	{ "force", 0, OPT_FLAG, AT(force), NULL, "overwrite FILE" },

	{ NULL, 0, OPT_SECTION, 0, NULL, "How they are found:" },
	ASK_HOW(AT(ask)),

	{ NULL, 0, OPT_SECTION, 0, NULL, "About auditq:" },
	OPT_COMMON,
};
/* clang-format on */

const struct opt_command cmd_query_words = {
	.name = "auditq",
	.words = "[OPTIONS] [PATH]...\n"
		 "       auditq COMMAND ...     (auditq help lists commands and topics)",
	.summary =
	    "Find records in audit trails: JSON Lines, plain or gzip, in directories by date.\n"
	    "PATH is a root, a partition, a file, or - for standard input.  Without one:\n"
	    "$AUDITQ_ROOT, else what is piped in, else ./logs.\n",
	.opts = options,
	.asks_field = "where",
	.after =
	    "TIME: 2025-10-23, 2025-10-23T14:05:00Z, epoch seconds to nanoseconds, now,\n"
	    "today, yesterday 14:05, 14:05, or back from now: -90m, -1h, -2d12h.\n"
	    "No zone: --tz.\n"
	    "EXPR: comparisons (== != < <= > >=), in (...), exists FIELD, and, or, not, ( ).\n"
	    "Lists in --run, --stage and --level are separated by commas: any of them.\n"
	    "\n"
	    "  auditq --failed --on yesterday logs\n"
	    "  auditq --run 0199feae --stage detection -r --limit 20\n"
	    "  auditq --where 'duration_ms > 500 and tenant in (\"a\",\"b\")' -o csv -O slow.csv\n"
	    "  auditq --failed --stage detection --tail 1 --expand run\n"
	    "  auditq --failed --by stage --hist 1h --since -2d\n"
	    "  zcat old.jsonl.gz | auditq --level warn --since -2d -\n"
	    "\n"
	    "Exit status: 0 found, 1 nothing found, 2 wrong usage or fatal, 3 answered, but\n"
	    "data that the query needed could not be read.\n",
};

struct sink {
	struct out out;
	const struct screen *screen;
	const struct ask *ask;
};

/* After a loss --strict prints nothing more. */
static int
print_piece(void *arg, const void *data, size_t n)
{
	struct sink *sink = arg;

	screen_begin(sink->screen);
	return sink->ask->lost ? AUDITQ_ECANCELED : out_write(&sink->out, data, n);
}

static int
print_count(struct ask *a, uint64_t *n, auditq_error *err)
{
	char text[24];
	int r = auditq_count(a->q, n, err);

	if (r < 0 || a->lost)
		return r;
	snprintf(text, sizeof text, "%" PRIu64 "\n", *n);
	return out_text(text);
}

static int
print_records(struct ask *a, const struct screen *screen, const auditq_export_options *opt,
    uint64_t *n, auditq_error *err)
{
	struct sink sink = { .ask = a, .screen = screen };
	int r;

	out_open(&sink.out);
	/* What is pretty is safe, and has escape sequences of its own. */
	sink.out.tty = sink.out.tty && opt->format != AUDITQ_PRETTY;
	r = auditq_export_to(a->q, print_piece, &sink, opt, n, err);
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
write_file(struct ask *a, const char *path, const auditq_export_options *opt, uint64_t *n,
    auditq_error *err)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND };
	int r;

	interruptible = a->q;
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaction(signals[i], &action, NULL);
	r = auditq_export(a->q, path, opt, n, err);
	if (r == AUDITQ_EEXIST && !opt->force)
		snprintf(err->text, sizeof err->text, "there already; --force overwrites it");
	if (interrupted != 0 && r == AUDITQ_ECANCELED)
		raise(interrupted);
	return r;
}

/* Counting in groups leaves nothing of single records. */
static bool
check_chart(const struct values *v, const auditq_export_options *opt)
{
	if (!chart_asked(&v->chart))
		return true;
	if (v->follow || v->cursor != NULL)
		say("--by, --top and --hist count all there is: --follow and --cursor-file do not go with them");
	else if (v->chart.by != NULL && v->chart.top != NULL)
		say("--by counts all values, --top the most frequent: not both at once");
	else if (v->limit != UINT64_MAX || v->tail != UINT64_MAX || v->reverse || v->source ||
	    v->output != NULL || v->expand != NULL || v->before + v->after + v->around > 0)
		say("--by, --top and --hist count: what is about single records does not go with them");
	else if (opt->format == AUDITQ_RAW)
		say("--format raw is about records: --by, --top and --hist count them");
	else
		return true;
	return false;
}

/* Following ends when it is told to; what was found by then decides how. */
static void
end_by_signal(auditq_t *q)
{
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND };

	interruptible = q;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* What the options say together, as far as the library does not see it. */
static bool
check(const struct values *v, auditq_export_options *opt)
{
	if (v->format != NULL && (opt->format = auditq_format_parse(v->format)) < 0)
		opt_say_value(&cmd_query_words, "format", v->format, strlen(v->format));
	else if (v->count && !chart_asked(&v->chart) &&
	    (v->format != NULL || v->fields != NULL || v->output != NULL || v->source))
		say("--count prints a number: --format, --fields, --source and --output do not go with it");
	else if (v->exit_on_match && !v->follow)
		say("--exit-on-match is about --follow, which is not given");
	else if (v->follow && (v->count || v->output != NULL || v->reverse))
		say("--follow prints records as they come: --count, --output and --reverse do not go "
		    "with it");
	else if (v->cursor != NULL && v->count)
		say("--cursor-file says what was printed: --count does not go with it");
	else if (v->tail != UINT64_MAX && v->limit != UINT64_MAX && !v->follow)
		say("--limit is the first, --tail the last: not both at once");
	else if (v->tail != UINT64_MAX && v->reverse)
		say("--tail is printed first to last; the latest first are --reverse --limit");
	else if (v->expand != NULL && strcmp(v->expand, "run") != 0)
		opt_say_value(&cmd_query_words, "expand", v->expand, strlen(v->expand));
	else if (v->expand != NULL && (v->after > 0 || v->before > 0 || v->around > 0))
		say("--expand run has all that --context could show: not both at once");
	else if (v->after > CONTEXT_MAX || v->before > CONTEXT_MAX || v->around > CONTEXT_MAX)
		say("--context: at most %d records", CONTEXT_MAX);
	else if (v->force && v->output == NULL)
		say("--force is about --output, which is not given");
	else
		return true;
	return false;
}

static void
ask_order(auditq_t *q, const struct values *v)
{
	if (v->limit != UINT64_MAX)
		auditq_limit(q, v->limit);
	if (v->exit_on_match)
		auditq_limit(q, 1);
	if (v->tail != UINT64_MAX)
		auditq_tail(q, v->tail);
	if (v->cursor != NULL)
		auditq_cursor(q, v->cursor);
	auditq_reverse(q, v->reverse);
	auditq_follow(q, v->follow);
	auditq_expand_run(q, v->expand != NULL);
	auditq_context(q, (uint32_t)(v->before > 0 ? v->before : v->around),
	    (uint32_t)(v->after > 0 ? v->after : v->around));
}

static int
answer(struct ask *a, const struct values *v, const struct screen *screen,
    auditq_export_options *opt, uint64_t *n, auditq_error *err)
{
	if (chart_asked(&v->chart))
		return chart_print(a, &v->chart, screen,
		    v->format != NULL && opt->format != AUDITQ_PRETTY ? opt : NULL, n, err);
	if (v->count)
		return print_count(a, n, err);
	if (v->format == NULL && screen->terminal)
		opt->format = AUDITQ_PRETTY;
	opt->color = screen->color;
	opt->width = screen->width;
	if (v->output != NULL)
		return write_file(a, v->output, opt, n, err);
	if (v->follow)
		end_by_signal(a->q);
	return print_records(a, screen, opt, n, err);
}

static int
query(const struct values *v, const struct opt_list *paths)
{
	auditq_export_options opt = {
		.size = sizeof opt, .fields = v->fields, .force = v->force, .source = v->source
	};
	struct screen screen;
	auditq_error err = { 0 };
	struct ask a;
	uint64_t n = 0;
	int r, status;

	if (!check(v, &opt) || !check_chart(v, &opt) ||
	    !screen_open(&screen, &v->screen, v->output == NULL) ||
	    !ask_begin(&a, &v->ask, paths))
		return CMD_ERROR;
	ask_order(a.q, v);
	/* A pager shows nothing before there is a page of it. */
	screen.paged = screen.paged && !v->follow;
	r = answer(&a, v, &screen, &opt, &n, &err);
	/* What was not printed is to be printed the next time. */
	if (r == 0 && v->cursor != NULL && !a.lost)
		r = auditq_cursor_store(a.q, &err);
	status = ask_end(&a, r, &err, n > 0);
	screen_end();
	return status;
}

int
cmd_query(int argc, char **argv)
{
	struct values v = { .limit = UINT64_MAX, .tail = UINT64_MAX };
	struct opt_list paths = { 0 };
	int status;

	if (opt_parse(&cmd_query_words, argc, argv, &v, &paths, &status))
		status = query(&v, &paths);
	opt_list_free(&paths);
	ask_options_free(&v.ask);
	return status;
}
