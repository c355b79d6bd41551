/* csv - RFC 4180: a header, CRLF, quotes where they are needed. */
#include "output_row.h"

static const char *
escape(char c)
{
	return c == '"' ? "\"\"" : NULL;
}

static const struct output_row_style style = {
	.start = "",
	.between = ",",
	.end = "\r\n",
	.quote = "\"",
	.quoted = "\",\r\n",
	.escape = escape,
	.blank = "\"\"",
};

static void
csv_begin(struct output *o)
{
	output_row_names(o, &style);
}

static int
csv_record(struct output *o, const char *line, size_t n)
{
	return output_row(o, &style, line, n);
}

static void
csv_end(struct output *o)
{
	(void)o;
}

const struct output_format output_csv = { "csv", OUTPUT_ROW_FIELDS, true, OUTPUT_ROW_ROLES,
	csv_begin, csv_record, csv_end };
