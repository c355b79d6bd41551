/* inspect_out - what both forms of a description are written with. */
#include "inspect.h"

const char *const inspect_levels[8] = { "trace", "debug", "info", "notice", "warn", "error",
	"critical", "none" };

void
inspect_flush(struct inspect_out *o)
{
	if (o->refused == 0 && o->b.len >= INSPECT_ITEM_MAX)
		o->refused = o->fn(o->arg, o->buf, o->b.len);
	if (o->refused != 0 || o->b.len >= INSPECT_ITEM_MAX)
		o->b.len = 0;
}
