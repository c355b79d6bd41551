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
#include "schema.h"
#include "zone.h"

enum { OUTPUT_PLACE_MAX = 4096 + 24 };

/* A field that was asked for. */
struct output_column {
	const char *name;
	enum schema_role role; /* that it shows; SCHEMA_ROLES: none */
	char *key;             /* as JSON, with its quotes and colon */
	size_t nkey;
};

/* Text that grows. */
struct output_text {
	char *p;
	size_t n, cap;
	bool failed; /* out of memory */
};

struct output {
	const struct output_format *format;
	char *names; /* of the columns, each with its NUL */
	struct output_column *col;
	struct field_path *path; /* of each column */
	struct field *value;     /* room for one of each column */
	size_t ncol;             /* 0: all fields */
	bool by_role; /* columns named as roles show what these are under the schema */
	bool extra;   /* and there is one more, of what no other shows */
	bool source;  /* say where each record stands */
	bool color;
	unsigned width;               /* of a line, in cells; 0: any */
	char place[OUTPUT_PLACE_MAX]; /* of the current record: file:offset */
	const struct zone *zone;      /* pretty: of times; borrowed */
	int64_t ts;       /* effective time of the current record; CLOCK_NONE: not known */
	uint64_t records; /* before the current one */
	struct schema_layout layout; /* where the roles of the current record stand */
	size_t *cells;               /* pretty: how wide columns are so far */
	struct output_text line;     /* pretty: the line that is put together */
	struct output_text origin;   /* pretty: run and writer of the record above */
	char *scratch;               /* decoded strings */
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
	const char *
	    fields; /* what stands for all fields, by role; NULL: it has a way of its own for them */
	bool extra;     /* with these: a last column of what they do not show */
	unsigned roles; /* SCHEMA_WANT of those that it asks for */
	void (*begin)(struct output *o);
	int (*record)(struct output *o, const char *line, size_t n);
	void (*end)(struct output *o);
};
extern const struct output_format output_jsonl, output_json, output_csv, output_tsv, output_md,
    output_raw, output_pretty;

/* An auditq_format of that name, or AUDITQ_EINVAL. */
int output_format_parse(const char *name);

/* opt NULL: JSON Lines with all fields. */
int output_new(struct output **ret, const auditq_export_options *opt, auditq_write_fn *fn,
    void *arg, auditq_error *err);
/* Where the next record stands, and its effective time; what is not said is not shown. */
void output_place(struct output *o, const char *path, uint64_t offset, int64_t ts);
/* What the next records mean, borrowed until others are said to: schema_default to begin with. */
void output_under(struct output *o, const struct schema *schema);
/* The next record begins a group: in formats for people a line "--" stands between two of them. */
void output_group(struct output *o);
/* One line without its line feed.  0, or a negative code: that of fn, AUDITQ_EJSON, AUDITQ_ENOMEM. */
int output_record(struct output *o, const char *line, size_t n);
/* Hand on what is in the buffer.  0, or what fn returned. */
int output_flush(struct output *o);
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
/* A value for people: a string decoded, the rest as it stands, null and absent as nothing; valid until the
 * next call.  AUDITQ_ENOMEM. */
int output_plain(struct output *o, const struct field *value, const char **s, size_t *n);
/* What a record has for a role, and the key where that stands; NULL: it has nothing. */
struct output_role {
	struct field value;
	const char *key;
};
/* Of what the record has at the paths of o->layout; of several times the first that is one. */
struct output_role output_role(
    const struct output *o, const struct field *value, enum schema_role role);
/* A line's object as it stands, with its source if that is asked for. */
int output_whole_object(struct output *o, const char *line, size_t n,
    void (*put)(struct output *o, const char *s, size_t n));

#endif
