/*
 * summary - what an archive says about its lines: fixed parts of members, totals, index
 * sections.
 *
 * Lines are given in the order of the file.  See docs/format.md, "Data members", for what each
 * number counts, and for effective times.
 */
#ifndef SUMMARY_H
#define SUMMARY_H

#include "bytes.h"
#include "format.h"
#include "schema.h"

struct summary;

struct summary *summary_new(const struct schema *schema); /* borrowed; NULL: out of memory */
void summary_free(struct summary *s);

/* A line of the member at hand, without its line feed.  0 or -1: out of memory. */
int summary_add(struct summary *s, const char *line, size_t n);
/* End the member.  m gets all but its sizes and its digest.  0 or -1: out of memory. */
int summary_end_member(struct summary *s, struct format_data *m);

/* Totals of the members so far: all of a footer that is a sum, a minimum or a maximum over
 * lines, but for payload_bytes. */
void summary_totals(const struct summary *s, struct format_footer *total);
/* Append the index stream; members are the finished fixed parts, replaced the content of that section or
 * empty.  0 or -1: out of memory. */
int summary_put_index(struct summary *s, const struct format_data *members, size_t n,
    uint16_t schema_bytes, const struct bytes_out *replaced, struct bytes_out *stream);

#endif
