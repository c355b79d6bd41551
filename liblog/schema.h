/*
 * schema - what time, run, stage, level and failed mean for a line.
 *
 * The writer of archives summarises lines under a schema; the reader filters them under one.
 * Both come here, so that they cannot disagree.  See docs/format.md, "Schema".
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "clock.h"
#include "field.h"
#include "jbuf.h"

#define SCHEMA_TS_MAX   8 /* time keys tried in order; the first that is present and parses */
#define SCHEMA_KEY_MAX  64
#define SCHEMA_TEXT_MAX 480 /* of its canonical JSON text */

struct schema {
	char ts[SCHEMA_TS_MAX][SCHEMA_KEY_MAX + 1];
	size_t nts;
	char run[SCHEMA_KEY_MAX + 1];
	char stage[SCHEMA_KEY_MAX + 1];
	char level[SCHEMA_KEY_MAX + 1];
	char status[SCHEMA_KEY_MAX + 1];
	char duration[SCHEMA_KEY_MAX + 1];
};

/* Of liblog's own records and of files that do not say: ts, @timestamp, timestamp, time,
 * eventTime; run_id; stage; level; status; duration_ms. */
extern const struct schema schema_default;

/* Canonical compact JSON text, no NUL; returns its length, or 0 when it is longer than
 * SCHEMA_TEXT_MAX. */
size_t schema_format(const struct schema *s, char dst[SCHEMA_TEXT_MAX]);
/* 0, or -1 when it is not a schema this version knows: another "v".  Members that it does not know
 * are skipped. */
int schema_parse(const char *text, size_t n, struct schema *out);
bool schema_equal(const struct schema *a, const struct schema *b);
/* The key that means here what `name` means in schema_default ("stage", say); any other name is itself. */
const char *schema_key(const struct schema *s, const char *name);

#define SCHEMA_FAILED "failed" /* the value of the status key that means so */

/* Index of the level names "trace" ... "critical"; SCHEMA_NO_LEVEL: none or not understood. */
enum { SCHEMA_LEVELS = 7, SCHEMA_NO_LEVEL = 7 };

struct schema_facts {
	int64_t ts;       /* CLOCK_NONE: no usable time */
	struct field run; /* strings; any other type counts as absent */
	struct field stage;
	struct field event;
	struct field status;
	struct field seq;
	int level;       /* 0 ... 6, or SCHEMA_NO_LEVEL */
	bool failed;     /* status is "failed"; or no status, and level error or above */
	bool has_status; /* the key is there, of any type but null */
	bool has_duration;
	double duration; /* ms, finite and >= 0 */
};

/* Read all of that from a line in one pass.  0, or -1 when the line is not a valid object. */
int schema_read(const struct schema *s, const char *line, size_t n, struct schema_facts *out);
/* Only the time; CLOCK_NONE when there is none, or the line is not a valid object. */
int64_t schema_time(const struct schema *s, const char *line, size_t n);
/* The time in one value: RFC 3339 and its variants as clock_parse; numbers and strings of
 * digits as epoch seconds, ms, µs or ns by magnitude (below 1e11, 1e14, 1e17), also with a
 * fraction or an exponent.  CLOCK_NONE when it is none of these, or out of range. */
int64_t schema_value_time(const struct field *value);
/* The first usable time of the values of a schema's time keys; CLOCK_NONE when there is none. */
int64_t schema_first_time(const struct field *value, size_t n);
/* 0 ... 6 of a level's name in any case ("warning", "err", "fatal", "crit", "emerg", "alert",
 * "information", "verbose" ... too), or SCHEMA_NO_LEVEL. */
int schema_level(const char *s, size_t n);
/* The names that it knows, in lower case, with their levels: i from 0 until NULL comes. */
const char *schema_level_name(size_t i, int *level);
/* The same of the value of the level key: a string, or else it is none. */
int schema_value_level(const struct field *value);
/* Whether a level alone means failed. */
bool schema_level_failed(int level);
/* Whether a record with this value of the status key and this level counts as failed. */
bool schema_value_failed(const struct field *status, int level);

#endif
