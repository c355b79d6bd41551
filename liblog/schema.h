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

#define SCHEMA_KEYS_MAX   8 /* of one role */
#define SCHEMA_KEY_MAX    64
#define SCHEMA_TESTS_MAX  8  /* of what failed means */
#define SCHEMA_WORDS_MAX  12 /* of one test */
#define SCHEMA_WORD_MAX   32
#define SCHEMA_GRADES_MAX 24
#define SCHEMA_NAME_MAX   31
#define SCHEMA_TEXT_MAX   480 /* of its canonical JSON text */

enum schema_role {
	SCHEMA_TIME,
	SCHEMA_RUN,
	SCHEMA_STAGE,
	SCHEMA_LEVEL,
	SCHEMA_STATUS,
	SCHEMA_DURATION,
	SCHEMA_MSG,
	SCHEMA_ROLES,
};

/* Paths that are tried in order: the first whose value is of use. */
struct schema_keys {
	size_t n;
	char key[SCHEMA_KEYS_MAX][SCHEMA_KEY_MAX + 1];
};

/* What one value has to be for its line to have failed. */
struct schema_test {
	char key[SCHEMA_KEY_MAX + 1];
	bool exists;  /* anything but null */
	bool other;   /* a string, and none of the words; else one of them */
	size_t nword; /* 0: no string */
	char word[SCHEMA_WORDS_MAX][SCHEMA_WORD_MAX + 1];
	bool ranged; /* a number from min to max */
	int64_t min, max;
};

/* What a value of the level key means, before the common names do: a word in any case; a number that is
 * at least so much, and less than the next. */
struct schema_grade {
	int level;
	bool number;
	int64_t from;
	char word[SCHEMA_WORD_MAX + 1];
};

struct schema {
	char name[SCHEMA_NAME_MAX + 1]; /* for people; "": it has none */
	struct schema_keys keys[SCHEMA_ROLES];
	double unit; /* ms in a unit of the duration key */
	struct schema_grade grade[SCHEMA_GRADES_MAX];
	size_t ngrade;
	struct schema_test test[SCHEMA_TESTS_MAX]; /* one that holds is enough */
	size_t ntest;
	int failed_level; /* from this on, of lines without a status; SCHEMA_NO_LEVEL: of none */
};

/* Of liblog's own records and of files that do not say: ts, @timestamp, timestamp, time,
 * eventTime; run_id; stage; level; status; duration_ms; msg. */
extern const struct schema schema_default;

/* The same meaning; names are not part of it. */
bool schema_equal(const struct schema *a, const struct schema *b);
/* The role of a field by its name in schema_default ("stage", say); SCHEMA_ROLES: it has none.  Times
 * have none: they are asked for otherwise. */
enum schema_role schema_role(const char *name);
/* The key that means here what `name` means in schema_default; any name that is no role's is itself.  NULL:
 * there are several keys, or none. */
const char *schema_key(const struct schema *s, const char *name);

/* Index of the level names "trace" ... "critical"; SCHEMA_NO_LEVEL: none or not understood. */
enum { SCHEMA_LEVELS = 7, SCHEMA_NO_LEVEL = 7 };

/* ---- values of a line, found together ---- */

/* Bits of roles; and all that failed depends on. */
#define SCHEMA_WANT(role)  (1u << (role))
#define SCHEMA_WANT_FAILED (1u << SCHEMA_ROLES)
#define SCHEMA_PATHS_MAX   (SCHEMA_ROLES * SCHEMA_KEYS_MAX + SCHEMA_TESTS_MAX)

/* Which paths to look up in a line, and what the values at them are for. */
struct schema_layout {
	const struct schema *schema;
	struct field_path path[SCHEMA_PATHS_MAX];
	size_t n;
	struct {
		size_t first, n;
	} role[SCHEMA_ROLES];
	size_t test[SCHEMA_TESTS_MAX];
};

/* schema is borrowed.  Of what was not wanted nothing may be asked. */
void schema_lay_out(struct schema_layout *l, const struct schema *schema, unsigned want);
/* In all of these, value is what field_get found for the layout's paths. */
int64_t schema_layout_time(const struct schema_layout *l, const struct field *value);
/* The first value of a role that is of use: a string for a run or a stage; for a level, one that is understood; a
 * number for a duration; for others anything but null.  Else the first that is there. */
const struct field *schema_layout_value(
    const struct schema_layout *l, const struct field *value, enum schema_role role);
int schema_layout_level(const struct schema_layout *l, const struct field *value);
bool schema_layout_failed(const struct schema_layout *l, const struct field *value);
/* Whether there is a status, of any type but null. */
bool schema_layout_ended(const struct schema_layout *l, const struct field *value);
/* In ms, finite and at least 0. */
bool schema_layout_duration(
    const struct schema_layout *l, const struct field *value, double *out);

struct schema_facts {
	int64_t ts;       /* CLOCK_NONE: no usable time */
	struct field run; /* strings; any other type counts as absent */
	struct field stage;
	struct field event;
	struct field seq;
	int level; /* 0 ... 6, or SCHEMA_NO_LEVEL */
	bool failed;
	bool has_status;
	bool has_duration;
	double duration; /* ms, finite and >= 0 */
};

/* Read all of that from a line in one pass.  0, or -1 when the line is not a valid object. */
int schema_read(const struct schema *s, const char *line, size_t n, struct schema_facts *out);
/* Only the time; CLOCK_NONE when there is none, or the line is not a valid object. */
int64_t schema_time(const struct schema *s, const char *line, size_t n);

/* ---- single values ---- */

/* The time in one value: RFC 3339 and its variants as clock_parse; numbers and strings of
 * digits as epoch seconds, ms, µs or ns by magnitude (below 1e11, 1e14, 1e17), also with a
 * fraction or an exponent.  CLOCK_NONE when it is none of these, or out of range. */
int64_t schema_value_time(const struct field *value);
/* 0 ... 6 of a level's name in any case ("warning", "err", "fatal", "crit", "emerg", "alert",
 * "information", "verbose" ... too), or SCHEMA_NO_LEVEL. */
int schema_level(const char *s, size_t n);
/* The names that it knows, in lower case, with their levels: i from 0 until NULL comes. */
const char *schema_level_name(size_t i, int *level);
/* The level of a value of the level key: a string, or a number where the schema says so. */
int schema_value_level(const struct schema *s, const struct field *value);
/* Whether n bytes of text are this word of a grade, in any case. */
bool schema_same_word(const char *word, const char *text, size_t n);
/* Whether a value makes its line one that failed. */
bool schema_test_holds(const struct schema_test *test, const struct field *value);

#endif
