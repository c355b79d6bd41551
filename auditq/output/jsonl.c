/* jsonl - each line as it is stored, or an object of the fields asked for. */
#include "output.h"

static void
jsonl_begin(struct output *o)
{
	(void)o;
}

static int
jsonl_record(struct output *o, const char *line, size_t n)
{
	int r = 0;

	if (o->ncol > 0)
		r = output_columns(o, line, n, output_bytes);
	else if (o->source)
		r = output_whole_object(o, line, n, output_bytes);
	else
		output_bytes(o, line, n);
	output_char(o, '\n');
	return r;
}

static void
jsonl_end(struct output *o)
{
	(void)o;
}

const struct output_format output_jsonl = { "jsonl", NULL, false, 0, jsonl_begin, jsonl_record,
	jsonl_end };
