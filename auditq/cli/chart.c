/* chart - see chart.h */
#include "chart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "say.h"
#include "table.h"
#include "when.h"

enum {
	TOP_DEFAULT = 10,
	BAR_MAX = 50, /* cells */
	BAR_MIN = 10,
	EMPTY_MAX = 24, /* parts of time without records that are shown one by one */
	WIDTH = 80,     /* where there is no terminal */
};

#define FAILED_BLOCK "\u2588"
#define OTHER_BLOCK  "\u2591"

/* What is shown of a row, beside its cells. */
struct bar {
	uint64_t records, failed;
};

struct chart {
	const auditq_stats_t *stats;
	const auditq_t *q;
	const struct screen *screen;
	const char *step; /* NULL: time makes no rows */
	struct table table;
	struct bar *bar; /* of each line of the table but the first */
	size_t n, cap;
	bool failed; /* out of memory */
};

bool
chart_asked(const struct chart_options *opt)
{
	return opt->by != NULL || opt->top != NULL || opt->hist != NULL;
}

/* ---- the table ---- */

/* Times to the second: parts of time begin at one, or are shorter. */
static void
add_time(struct chart *c, int64_t ns)
{
	char text[AUDITQ_TIME_ROOM];
	const bool known = auditq_time_text(c->q, ns, text) > 0;

	if (known)
		when_trim(text);
	table_text(&c->table, known ? text : "-");
}

static void
add_line(struct chart *c, size_t row, int64_t start, uint64_t records, uint64_t failed)
{
	auditq_value value;
	const char *name;

	for (size_t i = 0; auditq_stats_group(c->stats, row, i, &name, &value) == 0; i++) {
		if (value.type == AUDITQ_ABSENT)
			table_text(&c->table, "-");
		else
			table_cell(&c->table, value.text, value.len);
	}
	if (c->step != NULL)
		add_time(c, start);
	table_count(&c->table, records);
	table_count(&c->table, failed);
	if (c->n == c->cap) {
		size_t cap = c->cap == 0 ? 64 : 2 * c->cap;
		struct bar *bar = realloc(c->bar, cap * sizeof *bar);

		if (bar == NULL) {
			c->failed = true;
			return;
		}
		c->bar = bar;
		c->cap = cap;
	}
	c->bar[c->n++] = (struct bar){ records, failed };
}

static bool
same_group(const auditq_stats_t *s, size_t a, size_t b)
{
	auditq_value x, y;
	const char *name;

	for (size_t i = 0; auditq_stats_group(s, a, i, &name, &x) == 0; i++)
		if (auditq_stats_group(s, b, i, &name, &y) < 0 || x.type != y.type ||
		    x.len != y.len || (x.len > 0 && memcmp(x.text, y.text, x.len) != 0))
			return false;
	return true;
}

/* The parts of time between a row and the next that have no records: silence shows. */
static void
add_silence(struct chart *c, size_t row, const auditq_stats_row *r)
{
	auditq_stats_row next = { .size = sizeof next };
	int64_t start = r->end, end;
	int n = 0;

	if (c->step == NULL || r->start == INT64_MIN ||
	    auditq_stats_get(c->stats, row + 1, &next) < 0 ||
	    !same_group(c->stats, row, row + 1))
		return;
	while (n <= EMPTY_MAX && start < next.start) {
		n++;
		if (auditq_part_of(c->q, c->step, start, &start, &end) < 0 || end <= start)
			return;
		start = end;
	}
	if (n > EMPTY_MAX) {
		add_line(c, row, INT64_MIN, 0, 0);
		return;
	}
	for (start = r->end; start < next.start; start = end) {
		(void)auditq_part_of(c->q, c->step, start, &start, &end);
		add_line(c, row, start, 0, 0);
	}
}

static void
add_titles(struct chart *c, const char *by)
{
	for (const char *end; by != NULL; by = *end == ',' ? end + 1 : NULL) {
		end = by + strcspn(by, ",");
		table_cell(&c->table, by, (size_t)(end - by));
		c->table.left++;
	}
	if (c->step != NULL) {
		table_text(&c->table, "time");
		c->table.left++;
	}
	c->table.columns = c->table.left + 2;
	table_text(&c->table, "records");
	table_text(&c->table, "failed");
}

/* ---- bars ---- */

static void
put_blocks(FILE *f, const struct chart *c, const char *color, const char *block, uint64_t n)
{
	if (n > 0 && c->screen->color)
		fputs(color, f);
	for (uint64_t i = 0; i < n; i++)
		fputs(block, f);
	if (n > 0 && c->screen->color)
		fputs("\033[0m", f);
}

/* n of most as cells of room: whatever there is shows. */
static uint64_t
scaled(uint64_t n, uint64_t most, unsigned room)
{
	uint64_t cells = (uint64_t)((double)n / (double)most * room + 0.5);

	return n > 0 && cells == 0 ? 1 : cells;
}

static void
put_bar(FILE *f, const struct chart *c, const struct bar *bar, uint64_t most, unsigned room)
{
	uint64_t failed, all;

	if (bar->records == 0)
		return;
	failed = scaled(bar->failed, most, room);
	all = scaled(bar->records, most, room);
	if (bar->failed < bar->records && all <= failed)
		all = failed + 1;
	fputs("  ", f);
	put_blocks(f, c, "\033[31m", FAILED_BLOCK, failed);
	put_blocks(f, c, "\033[32m", OTHER_BLOCK, all > failed ? all - failed : 0);
}

/* The lines of the table's text, each with its bar. */
static void
put_lines(FILE *f, const struct chart *c, const char *text)
{
	unsigned width = c->screen->width > 0 ? c->screen->width : WIDTH;
	size_t title = strcspn(text, "\n");
	unsigned room = title + 3 + BAR_MIN < width ? width - (unsigned)title - 3 : BAR_MIN;
	uint64_t most = 1;

	room = room < BAR_MAX ? room : BAR_MAX;
	for (size_t i = 0; i < c->n; i++)
		most = c->bar[i].records > most ? c->bar[i].records : most;
	for (size_t i = 0, n; *text != '\0'; i++, text += n + 1) {
		n = strcspn(text, "\n");
		fwrite(text, 1, n, f);
		if (i > 0 && i <= c->n)
			put_bar(f, c, &c->bar[i - 1], most, room);
		fputc('\n', f);
	}
}

static char *
format_chart(struct chart *c)
{
	char *table = table_format(&c->table), *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (f != NULL && table != NULL && !c->failed)
		put_lines(f, c, table);
	if (f != NULL && (fclose(f) != 0 || table == NULL || c->failed)) {
		free(text);
		text = NULL;
	}
	free(table);
	return text;
}

static int
print_chart(struct chart *c, const char *by)
{
	auditq_stats_row row = { .size = sizeof row };
	char *text;
	int r;

	add_titles(c, by);
	for (size_t i = 0; auditq_stats_get(c->stats, i, &row) == 0; i++) {
		add_line(c, i, row.start, row.records, row.failed);
		add_silence(c, i, &row);
	}
	text = format_chart(c);
	table_free(&c->table);
	free(c->bar);
	if (text == NULL) {
		say("out of memory");
		return AUDITQ_ENOMEM;
	}
	screen_begin(c->screen);
	r = out_text(text);
	free(text);
	return r;
}

/* ---- asking and answering ---- */

static int
print_rows(const auditq_stats_t *s, const struct screen *screen,
    const auditq_export_options *format, auditq_error *err)
{
	struct out out;
	int r;

	out_open(&out);
	screen_begin(screen);
	r = auditq_stats_export_to(s, out_write, &out, format, err);
	if (out.failed)
		err->code = 0; /* it has been said why */
	return r < 0 ? r : out_close(&out);
}

/* "F,...[:N]" in two; what is no number after the colon belongs to the name. */
static uint64_t
split_top(char *top)
{
	char *colon = strrchr(top, ':'), *end;
	unsigned long long n;

	if (colon == NULL || colon[1] < '0' || colon[1] > '9')
		return TOP_DEFAULT;
	n = strtoull(colon + 1, &end, 10);
	if (*end != '\0' || n == 0)
		return TOP_DEFAULT;
	*colon = '\0';
	return n;
}

static int
count_groups(struct ask *a, const struct chart_options *opt, const char *by, uint64_t top,
    auditq_stats_t **ret, uint64_t *n, auditq_error *err)
{
	const auditq_stats_options asked = {
		.size = sizeof asked, .by = by, .step = opt->hist, .counts = true, .top = top
	};
	auditq_stats_row row = { .size = sizeof row };
	int r = auditq_stats(a->q, &asked, ret, err);

	for (size_t i = 0; r == 0 && auditq_stats_get(*ret, i, &row) == 0; i++)
		*n += row.records;
	return r;
}

int
chart_print(struct ask *a, const struct chart_options *opt, const struct screen *screen,
    const auditq_export_options *format, uint64_t *n, auditq_error *err)
{
	char *top = opt->top != NULL ? strdup(opt->top) : NULL;
	const char *by = opt->top != NULL ? top : opt->by;
	struct chart chart = { .q = a->q, .screen = screen, .step = opt->hist };
	auditq_stats_t *s = NULL;
	int r;

	if (opt->top != NULL && top == NULL) {
		say("out of memory");
		return AUDITQ_ENOMEM;
	}
	r = count_groups(a, opt, by, top != NULL ? split_top(top) : UINT64_MAX, &s, n, err);
	chart.stats = s;
	if (r == 0 && !a->lost)
		r = format != NULL ? print_rows(s, screen, format, err)
				   : print_chart(&chart, by);
	auditq_stats_free(s);
	free(top);
	return r;
}
