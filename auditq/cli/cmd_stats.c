/* cmd_stats - how many records, how many of them failed, how long things took. */
#include <math.h>
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
	const char *by, *field, *step, *format, *fields;
	bool exact;
};

#define AT(member) offsetof(struct values, member)

/* clang-format off */
static const struct opt options[] = {
	{ NULL, 0, OPT_SECTION, 0, NULL, "What is told:" },
	{ "by", 0, OPT_TEXT, AT(by), "F,...",
	  "a row for each value of field F, such as stage; or each combination of several" },
	{ "field", 0, OPT_TEXT, AT(field), "F", "measure the numbers in F; default: duration_ms" },
	{ "hist", 0, OPT_TEXT, AT(step), "STEP",
	  "a row also for each part of time, such as 5m, 1h or 1d" },
	{ "exact", 0, OPT_FLAG, AT(exact), NULL,
	  "quantiles exactly, from every record, instead of within 1 %" },
	{ "format", 'o', OPT_TEXT, AT(format), "FORMAT",
	  "table (the default), jsonl, json, csv, tsv or md" },
	{ NULL, 0, OPT_VALUES, 0, NULL, "table jsonl json csv tsv md" },
	{ "fields", 0, OPT_TEXT, AT(fields), "F,...", "not with table: only these columns" },
	SCREEN_OPTIONS(AT(screen)),

	{ NULL, 0, OPT_SECTION, 0, NULL, "Of which records:" },
	ASK_WHICH(AT(ask)),

	{ NULL, 0, OPT_SECTION, 0, NULL, "How they are found:" },
	ASK_HOW(AT(ask)),

	{ NULL, 0, OPT_SECTION, 0, NULL, "About auditq:" },
	OPT_COMMON,
};
/* clang-format on */

const struct opt_command cmd_stats_words = {
	.name = "auditq stats",
	.words = "[OPTIONS] [PATH]...",
	.summary =
	    "Count records, those that end something (they have a status) and those that\n"
	    "failed, and measure their durations.  Without --exact, and where the question is\n"
	    "about stages and time only, sealed files answer without being read.\n",
	.opts = options,
	.asks_field = "where",
	.after =
	    "  auditq stats --by stage --since -30d logs\n"
	    "  auditq stats --by stage --hist 1d --since -7d\n"
	    "  auditq stats --by stage,status --run 0199feae -o csv\n"
	    "  auditq stats --field latency_ms --exact --where 'user == \"u0042\"'\n"
	    "\n"
	    "Exit status: 0 there are records, 1 none, 2 wrong usage or fatal, 3 answered,\n"
	    "but data that was needed could not be read.\n",
};

/* ---- the table ---- */

/* Thousandths, but where that would be too many digits, or none that says anything. */
static void
add_number(struct table *t, bool any, double x)
{
	double size = fabs(x);
	char text[40] = "-";

	if (any && (size == 0 || (size >= 0.001 && size < 1e12)))
		snprintf(text, sizeof text, "%.3f", x);
	else if (any)
		snprintf(text, sizeof text, "%.4g", x);
	table_text(t, text);
}

static void
add_groups(struct table *t, const auditq_stats_t *s, size_t row)
{
	auditq_value value;
	const char *name;

	for (size_t i = 0; auditq_stats_group(s, row, i, &name, &value) == 0; i++) {
		if (value.type == AUDITQ_ABSENT)
			table_text(t, "-");
		else
			table_cell(t, value.text, value.len);
	}
}

static void
add_time(struct table *t, const auditq_t *q, int64_t ns)
{
	char text[AUDITQ_TIME_ROOM];
	const bool known = auditq_time_text(q, ns, text) > 0;

	if (known)
		when_trim(text);
	table_text(t, known ? text : "-");
}

static void
add_row(struct table *t, const auditq_t *q, const auditq_stats_t *s, size_t row, bool timed)
{
	auditq_stats_row r = { .size = sizeof r };
	char rate[40] = "-";
	bool any;

	auditq_stats_get(s, row, &r);
	any = r.values > 0;
	add_groups(t, s, row);
	if (timed)
		add_time(t, q, r.start);
	table_count(t, r.records);
	table_count(t, r.ends);
	table_count(t, r.failed);
	table_paint(t, r.failed > 0 ? SCREEN_RED : NULL);
	if (r.ends > 0)
		snprintf(
		    rate, sizeof rate, "%.2f%%", 100.0 * (double)r.failed / (double)r.ends);
	table_text(t, rate);
	table_count(t, r.values);
	add_number(t, any, r.p50);
	add_number(t, any, r.p95);
	add_number(t, any, r.p99);
	add_number(t, any, r.max);
	add_number(t, any, r.sum);
}

/* The titles: the fields that make groups, in their order, then the columns of add_row. */
static void
add_titles(struct table *t, const char *by, bool timed)
{
	static const char *const titles[] = { "records", "ends", "failed", "failed/ends",
		"values", "p50", "p95", "p99", "max", "sum" };

	for (const char *end; by != NULL; by = *end == ',' ? end + 1 : NULL) {
		end = by + strcspn(by, ",");
		table_cell(t, by, (size_t)(end - by));
		table_paint(t, SCREEN_BOLD);
		t->left++;
	}
	if (timed) {
		table_text(t, "time");
		table_paint(t, SCREEN_BOLD);
		t->left++;
	}
	t->columns = t->left + sizeof titles / sizeof titles[0];
	for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
		table_text(t, titles[i]);
		table_paint(t, SCREEN_BOLD);
	}
}

static int
print_table(const auditq_t *q, const auditq_stats_t *s, const struct values *v,
    const struct screen *screen)
{
	struct table t = { .color = screen->color };
	char *text;
	int r;

	add_titles(&t, v->by, v->step != NULL);
	for (size_t i = 0; i < auditq_stats_rows(s); i++)
		add_row(&t, q, s, i, v->step != NULL);
	text = table_format(&t);
	table_free(&t);
	if (text == NULL) {
		say("out of memory");
		return AUDITQ_ENOMEM;
	}
	r = out_text(text);
	free(text);
	if (r < 0)
		return r;
	if (v->field == NULL && (r = out_text("Durations are in ms. ")) < 0)
		return r;
	return out_text(v->exact ? "All figures are exact.\n"
				 : "p50, p95 and p99 are within 1 %, the rest is exact.\n");
}

/* ---- asking and answering ---- */

static int
print_rows(const auditq_stats_t *s, const auditq_export_options *opt, auditq_error *err)
{
	struct out out;
	int r;

	out_open(&out);
	r = auditq_stats_export_to(s, out_write, &out, opt, err);
	if (out.failed)
		err->code = 0; /* it has been said why */
	return r < 0 ? r : out_close(&out);
}

static bool
is_table(const struct values *v)
{
	return v->format == NULL || strcmp(v->format, "table") == 0;
}

/* The records that were found go to *n. */
static int
answer(struct ask *a, const struct values *v, const struct screen *screen,
    const auditq_export_options *out, uint64_t *n, auditq_error *err)
{
	auditq_stats_options opt = { .size = sizeof opt,
		.by = v->by,
		.field = v->field,
		.exact = v->exact,
		.step = v->step };
	auditq_stats_row row = { .size = sizeof row };
	auditq_stats_t *s = NULL;
	int r = auditq_stats(a->q, &opt, &s, err);

	for (size_t i = 0; r == 0 && auditq_stats_get(s, i, &row) == 0; i++)
		*n += row.records;
	if (r == 0 && !a->lost) {
		screen_begin(screen);
		r = is_table(v) ? print_table(a->q, s, v, screen) : print_rows(s, out, err);
	}
	auditq_stats_free(s);
	return r;
}

static int
stats(const struct values *v, const struct opt_list *paths)
{
	auditq_export_options out = { .size = sizeof out, .fields = v->fields };
	auditq_error err = { 0 };
	struct screen screen;
	struct ask a;
	uint64_t n = 0;
	int r, status;

	if (is_table(v) && v->fields != NULL) {
		say("--fields is about the other formats than table");
		return CMD_ERROR;
	}
	if (!is_table(v) && (out.format = auditq_format_parse(v->format)) < 0) {
		opt_say_value(&cmd_stats_words, "format", v->format, strlen(v->format));
		return CMD_ERROR;
	}
	if (!screen_open(&screen, &v->screen, true) || !ask_begin(&a, &v->ask, paths))
		return CMD_ERROR;
	r = answer(&a, v, &screen, &out, &n, &err);
	status = ask_end(&a, r, &err, n > 0);
	screen_end();
	return status;
}

int
cmd_stats(int argc, char **argv)
{
	struct values v = { 0 };
	struct opt_list paths = { 0 };
	int status;

	if (opt_parse(&cmd_stats_words, argc, argv, &v, &paths, &status))
		status = stats(&v, &paths);
	opt_list_free(&paths);
	ask_options_free(&v.ask);
	return status;
}
