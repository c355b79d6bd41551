/* json - one array, a record a line; always valid UTF-8, which a stored line need not be. */
#include "output.h"

static void
json_begin(struct output *o)
{
	output_char(o, '[');
}

static int
json_record(struct output *o, const char *line, size_t n)
{
	struct field object = output_object(line, n);

	output_text(o, o->records == 0 ? "\n" : ",\n");
	if (o->ncol > 0)
		return output_columns(o, object.p, object.n, output_utf8);
	return output_whole_object(o, line, n, output_utf8);
}

static void
json_end(struct output *o)
{
	output_text(o, o->records == 0 ? "]\n" : "\n]\n");
}

const struct output_format output_json = { "json", NULL, false, 0, json_begin, json_record,
	json_end };
