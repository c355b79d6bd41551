/* tsv - tabs between cells; in them a tab is \t, a line feed \n, a carriage return \r, a backslash \\. */
#include "output_row.h"

static const char *
escape(char c)
{
	switch (c) {
	case '\t': return "\\t";
	case '\n': return "\\n";
	case '\r': return "\\r";
	case '\\': return "\\\\";
	}
	return NULL;
}

static const struct output_row_style style = {
	.start = "",
	.between = "\t",
	.end = "\n",
	.quote = "",
	.quoted = "",
	.escape = escape,
	.blank = "",
};

static void
tsv_begin(struct output *o)
{
	output_row_names(o, &style);
}

static int
tsv_record(struct output *o, const char *line, size_t n)
{
	return output_row(o, &style, line, n);
}

static void
tsv_end(struct output *o)
{
	(void)o;
}

const struct output_format output_tsv = { "tsv", OUTPUT_ROW_FIELDS, true, OUTPUT_ROW_ROLES,
	tsv_begin, tsv_record, tsv_end };
