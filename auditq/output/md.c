/*
 * md - a Markdown table (GitHub Flavored Markdown, "Tables"), to be pasted into a ticket.
 *
 * What would be markup is escaped, so that a cell shows what was logged.
 */
#include "output_row.h"

static const char *
escape(char c)
{
	switch (c) {
	case '|': return "\\|";
	case '\\': return "\\\\";
	case '`': return "\\`";
	case '*': return "\\*";
	case '_': return "\\_";
	case '~': return "\\~";
	case '[': return "\\[";
	case ']': return "\\]";
	case '<': return "&lt;";
	case '&': return "&amp;";
	case '\n': return "<br>";
	case '\r':
	case '\t': return " ";
	}
	return NULL;
}

static const struct output_row_style style = {
	.start = "| ",
	.between = " | ",
	.end = " |\n",
	.quote = "",
	.quoted = "",
	.escape = escape,
	.blank = "",
};

static void
md_begin(struct output *o)
{
	output_row_names(o, &style);
	for (size_t i = output_row_columns(o); i > 0; i--)
		output_text(o, "|---");
	output_text(o, "|\n");
}

static int
md_record(struct output *o, const char *line, size_t n)
{
	return output_row(o, &style, line, n);
}

static void
md_end(struct output *o)
{
	(void)o;
}

const struct output_format output_md = { "md",
	"ts,level,run_id,stage,event,status,duration_ms,msg", false, OUTPUT_ROW_ROLES, md_begin,
	md_record, md_end };
