/* cmd_run - one run: its stages, how long they took, what failed. */
#include <inttypes.h>
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
	const char *format, *fields;
};

#define AT(member) offsetof(struct values, member)

/* clang-format off */
static const struct opt options[] = {
	{ NULL, 0, OPT_SECTION, 0, NULL, "How it is shown:" },
	{ "format", 'o', OPT_TEXT, AT(format), "FORMAT",
	  "tree (the default), jsonl, json, csv, tsv or md: a row for each stage and error" },
	{ NULL, 0, OPT_VALUES, 0, NULL, "tree jsonl json csv tsv md" },
	{ "fields", 0, OPT_TEXT, AT(fields), "F,...", "not with tree: only these columns" },
	ASK_ZONE(AT(ask)),
	SCREEN_OPTIONS(AT(screen)),

	{ NULL, 0, OPT_SECTION, 0, NULL, "How it is found:" },
	ASK_HOW(AT(ask)),

	{ NULL, 0, OPT_SECTION, 0, NULL, "About auditq:" },
	OPT_COMMON,
};
/* clang-format on */

const struct opt_command cmd_run_words = {
	.name = "auditq run",
	.words = "[OPTIONS] ID|PREFIX|last [PATH]...",
	.summary =
	    "Show a run as a tree of its stages, with their times and its errors.  A stage\n"
	    "stands below the one of the same process that it lies in.\n",
	.opts = options,
	.after =
	    "  auditq run last logs\n"
	    "  auditq run 0199feae -o json\n"
	    "\n"
	    "Exit status: 0 shown, 1 there is no such run, 2 wrong usage, several runs begin\n"
	    "so, or fatal, 3 shown, but data that was needed could not be read.\n",
};

/* ---- the tree ---- */

/* Behind as many blanks as it is deep. */
static void
add_label(struct table *t, const auditq_node *node)
{
	char label[TABLE_CELL_MAX + 8];
	int indent = node->depth < 40 ? (int)(2 * node->depth) : 80;
	const char *name = node->kind == AUDITQ_NODE_ERROR ? "error" : node->name;
	size_t n = node->kind == AUDITQ_NODE_ERROR ? 5 : node->name_len;
	int room = (int)sizeof label - indent - 1;

	if (node->kind == AUDITQ_NODE_RUN)
		room =
		    snprintf(label, sizeof label, "run %.*s", (int)(n < 150 ? n : 150), name);
	else
		room = snprintf(label, sizeof label, "%*s%.*s", indent, "",
		    n < (size_t)room ? (int)n : room, name);
	table_cell(t, label, room < (int)sizeof label ? (size_t)room : sizeof label - 1);
}

static void
add_time(struct table *t, const auditq_t *q, const auditq_node *node, int64_t start)
{
	char text[WHEN_ROOM + 1] = "-";

	if (node->kind == AUDITQ_NODE_RUN)
		when_format(text, q, node->begin);
	else if (node->begin != INT64_MIN && start != INT64_MIN && node->begin >= start) {
		text[0] = '+';
		when_duration(text + 1, start, node->begin);
	}
	table_text(t, text);
}

static void
add_node(struct table *t, const auditq_t *q, const auditq_node *node, int64_t start)
{
	bool error = node->kind == AUDITQ_NODE_ERROR;
	const char *status = auditq_run_status_name(node->status);
	char duration[WHEN_ROOM] = "-";

	if (node->begin != INT64_MIN && node->end != INT64_MIN && node->end >= node->begin)
		when_duration(duration, node->begin, node->end);
	add_label(t, node);
	table_text(t, error ? "!" : status);
	table_paint(t, error ? SCREEN_RED : screen_status_color(node->status));
	add_time(t, q, node, start);
	table_text(t, error ? "" : duration);
	if (error)
		table_text(t, "");
	else
		table_count(t, node->records);
	table_cell(t, node->message != NULL ? node->message : "", node->message_len);
	table_paint(t, error ? SCREEN_RED : NULL);
}

static int
print_tree(const auditq_t *q, const auditq_tree_t *tree, const struct screen *screen)
{
	static const char *const titles[] = { "stage", "status", "at", "duration", "records",
		"what" };
	struct table t = { .columns = sizeof titles / sizeof titles[0],
		.left = sizeof titles / sizeof titles[0],
		.color = screen->color };
	auditq_node node = { .size = sizeof node };
	int64_t start = INT64_MIN;
	char *text;
	int r;

	for (size_t i = 0; i < t.columns; i++) {
		table_text(&t, titles[i]);
		table_paint(&t, SCREEN_BOLD);
	}
	for (size_t i = 0; auditq_tree_get(tree, i, &node) == 0; i++) {
		start = i == 0 ? node.begin : start;
		add_node(&t, q, &node, start);
	}
	text = table_format(&t);
	table_free(&t);
	if (text == NULL) {
		say("out of memory");
		return AUDITQ_ENOMEM;
	}
	r = out_text(text);
	free(text);
	return r;
}

/* ---- which run ---- */

enum { NAMED_MAX = 20 };

/* The run that was meant: the only one that begins so, or that is called so.  1; 0: there is none, or several, which
 * has been said; negative. */
static int
find_run(struct ask *a, const char *id, auditq_runs_t **runs, auditq_run_row *row,
    uint64_t *found, auditq_error *err)
{
	auditq_runs_options opt = { .size = sizeof opt };
	int r;

	if (strcmp(id, "last") == 0)
		auditq_tail(a->q, 1);
	else
		auditq_run(a->q, id);
	if ((r = auditq_runs(a->q, &opt, runs, err)) < 0)
		return r;
	while ((r = auditq_runs_next(*runs, row, err)) > 0) {
		++*found;
		if (strcmp(id, "last") == 0 ||
		    (row->id_len == strlen(id) && memcmp(row->id, id, row->id_len) == 0))
			return 1;
	}
	return r;
}

/* Those that begin so, when it is not one. */
static int
list_runs(struct ask *a, const char *id, uint64_t found, auditq_error *err)
{
	auditq_runs_options opt = { .size = sizeof opt };
	auditq_run_row row = { .size = sizeof row };
	auditq_runs_t *runs;
	char when[WHEN_ROOM];
	int r = auditq_runs(a->q, &opt, &runs, err);

	if (r < 0)
		return r;
	say("%" PRIu64 " runs begin with '%s':", found, id);
	for (int i = 0; i < NAMED_MAX && (r = auditq_runs_next(runs, &row, err)) > 0; i++) {
		when_format(when, a->q, row.first);
		say("  %.*s  %s  %s", (int)row.id_len, row.id, when,
		    auditq_run_status_name(row.status));
	}
	if (r > 0)
		say("  ...");
	auditq_runs_free(runs);
	return r < 0 ? r : AUDITQ_EINVAL;
}

/* ---- asking and answering ---- */

static bool
is_tree(const struct values *v)
{
	return v->format == NULL || strcmp(v->format, "tree") == 0;
}

static int
print_rows(const auditq_tree_t *tree, const auditq_export_options *opt, auditq_error *err)
{
	struct out out;
	int r;

	out_open(&out);
	r = auditq_tree_export_to(tree, out_write, &out, opt, err);
	if (out.failed)
		err->code = 0; /* it has been said why */
	return r < 0 ? r : out_close(&out);
}

static int
print_run(struct ask *a, const auditq_run_row *row, const struct values *v,
    const struct screen *screen, const auditq_export_options *out, auditq_error *err)
{
	auditq_tree_t *tree = NULL;
	int r = auditq_tree(a->q, row, &tree, err);

	if (r == 0 && !a->lost) {
		screen_begin(screen);
		r = is_tree(v) ? print_tree(a->q, tree, screen) : print_rows(tree, out, err);
	}
	auditq_tree_free(tree);
	return r;
}

static int
answer(struct ask *a, const char *id, const struct values *v, const struct screen *screen,
    const auditq_export_options *out, bool *any, auditq_error *err)
{
	auditq_run_row row = { .size = sizeof row };
	auditq_runs_t *runs = NULL;
	uint64_t found = 0;
	int r = find_run(a, id, &runs, &row, &found, err);

	*any = r > 0 || (r == 0 && found == 1);
	if (*any && !a->lost)
		r = print_run(a, &row, v, screen, out, err);
	else if (r == 0 && found > 1)
		r = list_runs(a, id, found, err);
	auditq_runs_free(runs);
	return r;
}

static int
run(const struct values *v, struct opt_list *words)
{
	auditq_export_options out = { .size = sizeof out, .fields = v->fields };
	struct opt_list paths = { .item = words->item + 1, .n = words->n - 1 };
	auditq_error err = { 0 };
	struct screen screen;
	struct ask a;
	bool any = false;
	int r, status;

	if (is_tree(v) && v->fields != NULL) {
		say("--fields is about the other formats than tree");
		return CMD_ERROR;
	}
	if (!is_tree(v) && (out.format = auditq_format_parse(v->format)) < 0) {
		opt_say_value(&cmd_run_words, "format", v->format, strlen(v->format));
		return CMD_ERROR;
	}
	if (!screen_open(&screen, &v->screen, true) || !ask_begin(&a, &v->ask, &paths))
		return CMD_ERROR;
	a.shown = words->item[0];
	r = answer(&a, a.shown, v, &screen, &out, &any, &err);
	status = ask_end(&a, r, &err, any);
	screen_end();
	return status;
}

int
cmd_run(int argc, char **argv)
{
	struct values v = { 0 };
	struct opt_list words = { 0 };
	int status;

	if (opt_parse(&cmd_run_words, argc, argv, &v, &words, &status)) {
		status = CMD_ERROR;
		if (words.n > 0)
			status = run(&v, &words);
		else
			say("which run? Its id, a prefix of it, or 'last'; auditq runs lists them");
	}
	opt_list_free(&words);
	ask_options_free(&v.ask);
	return status;
}
