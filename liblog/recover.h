/*
 * recover - finish what dead writers left below a root.
 *
 * A ring that nobody holds the lock of belongs to the dead.  Its records that stand in no segment yet are
 * appended to the writer's segments, its torn tails are cut, its segments sealed, and the ring is removed last: whoever is
 * killed on the way leaves all to the next, and two at once exclude each other by the ring's
 * lock.  In <root>/.ring the name of a ring that lies elsewhere (ring_dir) is a symbolic link.
 */
#ifndef RECOVER_H
#define RECOVER_H

#include <stdatomic.h>

#include "segment.h"

struct recover_options {
	const struct segment_root *root;
	const char *host; /* only rings of this host; NULL: of any */
	bool orphans;     /* segments whose writer has no ring, too */
	bool seal;
	int gzip_level;
	uint64_t segment_bytes;
	const atomic_bool *cancel; /* polled; may be NULL */
	/* Called for what could not be finished; the rest goes on. */
	void (*warn)(void *arg, const alog_error *err);
	void *arg;
};

struct recover_result {
	uint64_t rings, alive, records, torn, segments, sealed;
};

/* Counts are added to *out.  Fails only when the root cannot be listed. */
int recover_root(
    const struct recover_options *opt, struct recover_result *out, alog_error *err);

#endif
