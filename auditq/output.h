/*
 * output - matching lines as bytes of an export format.
 *
 * A format writes to the output's buffer; full buffers are handed to the caller's function.  Once
 * that function has refused, nothing more is handed to it and its code is what output_end returns.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "field.h"
#include "qerror.h"

/* A field that was asked for. */
struct output_column {
	const char *name;
	char *key; /* as JSON, with its quotes and colon */
	size_t nkey;
};

struct output {
	const struct output_format *format;
	char *names; /* of the columns, each with its NUL */
	struct output_column *col;
	struct field_path *path; /* of each column */
	struct field *value;     /* room for one of each column */
	size_t ncol;             /* 0: all fields */
	uint64_t records;        /* before the current one */
	char *scratch;           /* decoded strings */
	size_t nscratch;
	auditq_write_fn *fn;
	void *arg;
	int refused; /* what fn returned */
	size_t nbuf;
	char buf[1 << 16];
};

/* One for each auditq_format.  record returns 0, AUDITQ_EJSON or AUDITQ_ENOMEM. */
struct output_format {
	const char *name;
	void (*begin)(struct output *o);
	int (*record)(struct output *o, const char *line, size_t n);
	void (*end)(struct output *o);
};
extern const struct output_format output_jsonl, output_json, output_csv;

/* An auditq_format of that name, or AUDITQ_EINVAL. */
int output_format_parse(const char *name);

/* opt NULL: JSON Lines with all fields. */
int output_new(struct output **ret, const auditq_export_options *opt, auditq_write_fn *fn,
    void *arg, auditq_error *err);
/* One line without its line feed.  0, or a negative code: that of fn, AUDITQ_EJSON, AUDITQ_ENOMEM. */
int output_record(struct output *o, const char *line, size_t n);
/* What stands at the end, and what is still in the buffer.  Without it an output is incomplete. */
int output_end(struct output *o);
void output_free(struct output *o);

/* ---- for the formats ---- */

void output_bytes(struct output *o, const char *s, size_t n);
void output_text(struct output *o, const char *s);
void output_char(struct output *o, char c);
/* The same with every maximal invalid UTF-8 subpart replaced by U+FFFD. */
void output_utf8(struct output *o, const char *s, size_t n);
/* The object of a line: without a BOM, white space and CR around it. */
struct field output_object(const char *line, size_t n);
/* {"column":value,...} of the columns that the line has, the values' text through put. */
int output_columns(struct output *o, const char *line, size_t n,
    void (*put)(struct output *o, const char *s, size_t n));
/* A value's text as it stands in the line, a string's with its quotes. */
struct field output_token(struct field value);

#endif
