/* cmd_runs - which runs there were, when, and how they ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "auditq.h"
#include "cmd.h"
#include "opt.h"
#include "out.h"
#include "say.h"
#include "screen.h"
#include "table.h"
#include "when.h"

struct values {
	struct ask_options ask;
	struct screen_options screen;
	struct opt_list status;
	const char *format, *fields;
	uint64_t limit, tail;
	bool reverse;
};

#define AT(member) offsetof(struct values, member)

/* clang-format off */
static const struct opt options[] = {
	{ NULL, 0, OPT_SECTION, 0, NULL, "Which runs:" },
	{ "status", 0, OPT_LIST, AT(status), "STATUS",
	  "that are ok, failed, incomplete (begun, not ended, and the writer is gone) or running" },
	{ NULL, 0, OPT_VALUES, 0, NULL, "ok failed incomplete running" },
	{ "limit", 0, OPT_U64, AT(limit), "N", "the first N only" },
	{ "tail", 'n', OPT_U64, AT(tail), "N", "the last N only, first to last" },

	{ NULL, 0, OPT_SECTION, 0, NULL, "How they are shown:" },
	{ "reverse", 'r', OPT_FLAG, AT(reverse), NULL, "latest first" },
	{ "format", 'o', OPT_TEXT, AT(format), "FORMAT",
	  "table (the default), jsonl, json, csv, tsv or md" },
	{ NULL, 0, OPT_VALUES, 0, NULL, "table jsonl json csv tsv md" },
	{ "fields", 0, OPT_TEXT, AT(fields), "F,...", "not with table: only these columns" },
	SCREEN_OPTIONS(AT(screen)),

	{ NULL, 0, OPT_SECTION, 0, NULL, "With some record:" },
	ASK_WHICH(AT(ask)),

	{ NULL, 0, OPT_SECTION, 0, NULL, "How they are found:" },
	ASK_HOW(AT(ask)),

	{ NULL, 0, OPT_SECTION, 0, NULL, "About auditq:" },
	OPT_COMMON,
};
/* clang-format on */

const struct opt_command cmd_runs_words = {
	.name = "auditq runs",
	.words = "[OPTIONS] [PATH]...",
	.summary =
	    "List runs, one a line: when they began, how long they took, how they ended, and\n"
	    "where they first failed.  What is told of a run is of all its records below\n"
	    "PATH, also of those outside the window.\n",
	.opts = options,
	.asks_field = "where",
	.after =
	    "  auditq runs --status failed,incomplete --since -1d logs\n"
	    "  auditq runs --failed --stage detection -r --limit 20\n"
	    "  auditq runs --status incomplete -o jsonl\n"
	    "\n"
	    "Exit status: 0 there are runs, 1 none, 2 wrong usage or fatal, 3 answered, but\n"
	    "data that was needed could not be read.\n",
};

/* ---- the table ---- */

static void
add_time(struct table *t, const auditq_t *q, int64_t ns)
{
	char text[WHEN_ROOM];

	when_format(text, q, ns);
	table_text(t, text);
}

static void
add_row(struct table *t, const auditq_t *q, const auditq_run_row *row)
{
	char duration[WHEN_ROOM] = "-";

	if (row->first != INT64_MIN)
		when_duration(duration, row->first, row->last);
	table_cell(t, row->id, row->id_len);
	add_time(t, q, row->first);
	table_text(t, auditq_run_status_name(row->status));
	table_paint(t, screen_status_color(row->status));
	if (row->failed == 0)
		table_text(t, "");
	else if (row->failed_stage == NULL)
		table_text(t, "-");
	else
		table_cell(t, row->failed_stage, row->failed_stage_len);
	if (row->failed > 0)
		add_time(t, q, row->failed_at);
	else
		table_text(t, "");
	table_text(t, duration);
	table_count(t, row->stages);
	table_count(t, row->records);
	table_count(t, row->failed);
}

/* Columns are as wide as what stands in them: of so many rows at a time. */
enum { ROWS = 1000 };

static int
flush_table(struct table *t, const struct screen *screen)
{
	char *text = table_format(t);
	int r = AUDITQ_ENOMEM;

	screen_begin(screen);
	if (text == NULL)
		say("out of memory");
	else
		r = out_text(text);
	free(text);
	table_free(t);
	return r;
}

static void
begin_table(struct table *t, const struct screen *screen)
{
	static const char *const titles[] = { "run", "start", "status", "failed at", "when",
		"duration", "stages", "records", "failed" };

	*t = (struct table){
		.columns = sizeof titles / sizeof titles[0], .left = 5, .color = screen->color
	};
	for (size_t i = 0; i < t->columns; i++) {
		table_text(t, titles[i]);
		table_paint(t, SCREEN_BOLD);
	}
}

static int
print_table(const auditq_t *q, auditq_runs_t *runs, const struct screen *screen, uint64_t *n,
    auditq_error *err)
{
	auditq_run_row row = { .size = sizeof row };
	struct table t;
	int r;

	begin_table(&t, screen);
	while ((r = auditq_runs_next(runs, &row, err)) > 0) {
		if (*n > 0 && *n % ROWS == 0) {
			if ((r = flush_table(&t, screen)) < 0)
				return r;
			begin_table(&t, screen);
		}
		add_row(&t, q, &row);
		++*n;
	}
	if (r < 0 || *n == 0) {
		table_free(&t);
		return r;
	}
	return flush_table(&t, screen);
}

/* ---- asking and answering ---- */

static int
print_rows(auditq_runs_t *runs, const struct screen *screen, const auditq_export_options *opt,
    uint64_t *n, auditq_error *err)
{
	struct out out;
	int r;

	screen_begin(screen);
	out_open(&out);
	r = auditq_runs_export_to(runs, out_write, &out, opt, n, err);
	if (out.failed)
		err->code = 0; /* it has been said why */
	return r < 0 ? r : out_close(&out);
}

static bool
is_table(const struct values *v)
{
	return v->format == NULL || strcmp(v->format, "table") == 0;
}

/* One of the names; 0: it is none. */
static unsigned
status_bit(const char *name, size_t n)
{
	for (int bit = AUDITQ_RUN_OK; bit <= AUDITQ_RUN_RUNNING; bit <<= 1) {
		const char *known = auditq_run_status_name(bit);

		if (strlen(known) == n && memcmp(known, name, n) == 0)
			return (unsigned)bit;
	}
	return 0;
}

static bool
get_status(const struct opt_list *list, unsigned *status)
{
	for (size_t i = 0; i < list->n; i++)
		for (const char *s = list->item[i], *end; s != NULL;
		     s = *end == ',' ? end + 1 : NULL) {
			unsigned bit = status_bit(s, strcspn(s, ","));

			end = s + strcspn(s, ",");
			if (bit == 0) {
				opt_say_value(&cmd_runs_words, "status", s, (size_t)(end - s));
				return false;
			}
			*status |= bit;
		}
	return true;
}

static bool
check(const struct values *v, auditq_export_options *out)
{
	if (is_table(v) && v->fields != NULL)
		say("--fields is about the other formats than table");
	else if (!is_table(v) && (out->format = auditq_format_parse(v->format)) < 0)
		opt_say_value(&cmd_runs_words, "format", v->format, strlen(v->format));
	else if (v->tail != UINT64_MAX && v->limit != UINT64_MAX)
		say("--limit is the first, --tail the last: not both at once");
	else if (v->tail != UINT64_MAX && v->reverse)
		say("--tail is printed first to last; the latest first are --reverse --limit");
	else
		return true;
	return false;
}

static int
runs(const struct values *v, const struct opt_list *paths)
{
	auditq_export_options out = { .size = sizeof out, .fields = v->fields };
	auditq_runs_options opt = { .size = sizeof opt };
	auditq_runs_t *found = NULL;
	auditq_error err = { 0 };
	struct screen screen;
	struct ask a;
	uint64_t n = 0;
	int r, status;

	if (!check(v, &out) || !get_status(&v->status, &opt.status) ||
	    !screen_open(&screen, &v->screen, true) || !ask_begin(&a, &v->ask, paths))
		return CMD_ERROR;
	if (v->limit != UINT64_MAX)
		auditq_limit(a.q, v->limit);
	if (v->tail != UINT64_MAX)
		auditq_tail(a.q, v->tail);
	auditq_reverse(a.q, v->reverse);
	r = auditq_runs(a.q, &opt, &found, &err);
	if (r == 0 && !a.lost)
		r = is_table(v) ? print_table(a.q, found, &screen, &n, &err)
				: print_rows(found, &screen, &out, &n, &err);
	auditq_runs_free(found);
	status = ask_end(&a, r, &err, n > 0);
	screen_end();
	return status;
}

int
cmd_runs(int argc, char **argv)
{
	struct values v = { .limit = UINT64_MAX, .tail = UINT64_MAX };
	struct opt_list paths = { 0 };
	int status;

	if (opt_parse(&cmd_runs_words, argc, argv, &v, &paths, &status))
		status = runs(&v, &paths);
	opt_list_free(&paths);
	opt_list_free(&v.status);
	ask_options_free(&v.ask);
	return status;
}
