/* raw - each line as it is stored; where it stands before it, as grep does. */
#include "output.h"

static void
raw_begin(struct output *o)
{
	(void)o;
}

static int
raw_record(struct output *o, const char *line, size_t n)
{
	if (o->source) {
		output_text(o, o->place);
		output_char(o, ':');
	}
	output_bytes(o, line, n);
	output_char(o, '\n');
	return 0;
}

static void
raw_end(struct output *o)
{
	(void)o;
}

const struct output_format output_raw = { "raw", NULL, false, 0, raw_begin, raw_record,
	raw_end };
