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

	if (o->ncol == 0)
		output_bytes(o, line, n);
	else
		r = output_columns(o, line, n, output_bytes);
	output_char(o, '\n');
	return r;
}

static void
jsonl_end(struct output *o)
{
	(void)o;
}

const struct output_format output_jsonl = { "jsonl", jsonl_begin, jsonl_record, jsonl_end };
