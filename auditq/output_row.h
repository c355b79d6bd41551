/*
 * output_row - a record as cells in a row: what csv, tsv and md have in common.
 *
 * Strings are decoded, numbers copied as they stand, objects and arrays given as JSON text; null and
 * absent are empty.  Without columns asked for: those of liblog's envelope, by their roles under the
 * schema, and in csv and tsv a last one, with the members that no other shows as a JSON object.  Always
 * valid UTF-8.
 */
#ifndef OUTPUT_ROW_H
#define OUTPUT_ROW_H

#include "output.h"

#define OUTPUT_ROW_FIELDS                                                                      \
	"ts,level,run_id,seq,service,host,pid,stage,event,status,duration_ms,msg"
#define OUTPUT_ROW_ROLES (SCHEMA_WANT(SCHEMA_ROLES) - 1)
enum { OUTPUT_ROLE_COLUMNS = 12 }; /* at most, of what stands for all fields */

struct output_row_style {
	const char *start, *between, *end;
	const char *quote;             /* around cells that need it; "": never */
	const char *quoted;            /* characters that need it */
	const char *(*escape)(char c); /* what stands for c in a (quoted) cell; NULL: c */
	const char *blank;             /* for an empty cell that is the only one */
};

/* The columns' names. */
void output_row_names(struct output *o, const struct output_row_style *style);
size_t output_row_columns(const struct output *o);
/* 0, AUDITQ_EJSON, AUDITQ_ENOMEM. */
int output_row(
    struct output *o, const struct output_row_style *style, const char *line, size_t n);

#endif
