/*
 * keys - which paths the lines of an archive have, and one filter a member over their short
 * strings.
 *
 * Every path is numbered at its first sight, FORMAT_KEYS_MAX of them at most.  When a member
 * ends, a key is in its filter with all its short strings or not at all: the run key first,
 * then those with the fewest distinct strings, until FORMAT_FILTER_BYTES are used.
 */
#ifndef KEYS_H
#define KEYS_H

#include "bytes.h"
#include "schema.h"

struct keys;

struct keys *keys_new(const struct schema *schema); /* borrowed; NULL: out of memory */
void keys_free(struct keys *k);

/* Take in a line that schema_read has accepted.  0 or -1: out of memory. */
int keys_add(struct keys *k, const char *line, size_t n);
/* End a member; 0 or -1: out of memory. */
int keys_end_member(struct keys *k);

/* Append the content of the sections KEYS and FILTERS; *incomplete: some paths are in no list.
 * 0 or -1: out of memory. */
int keys_put(
    struct keys *k, struct bytes_out *keys, struct bytes_out *filters, bool *incomplete);

#endif
