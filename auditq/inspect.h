/* inspect - the description of an archive; shared by inspect.c and the two forms it writes. */
#ifndef INSPECT_H
#define INSPECT_H

#include "index.h"
#include "jbuf.h"

/* What is described. */
struct inspect {
	const char *path;
	const struct index *ix;
	const char *problem; /* NULL: the members and all digests were checked and hold */
	size_t member;       /* that the problem is about, or the number of members */
};

/* Text on its way to the caller's function; b always has INSPECT_ITEM_MAX bytes of room after
 * inspect_flush. */
#define INSPECT_ITEM_MAX 32768
struct inspect_out {
	struct jbuf b;
	auditq_write_fn *fn;
	void *arg;
	int refused; /* what fn returned, once it was negative */
	char buf[2 * INSPECT_ITEM_MAX];
};

/* Hand on what was written, when it is much. */
void inspect_flush(struct inspect_out *o);

extern const char *const inspect_levels[8];

void inspect_json(const struct inspect *in, struct inspect_out *o);
void inspect_text(const struct inspect *in, struct inspect_out *o);

#endif
