/*
 * field - read fields of one JSON line without building a tree.
 *
 * A line is the text of one JSON object (RFC 8259) without its line feed; white space around it, a
 * trailing CR and a leading BOM are allowed.  Any bytes are safe to pass.  Nesting is
 * limited to FIELD_DEPTH and handled without recursion.  Strings may hold invalid UTF-8 and lone
 * surrogates: bytes are kept.  Nothing here allocates.
 *
 * A path is a dotted name.  It is resolved in an object as the longest prefix of its segments
 * that is a key of the object (as a whole, dots and all), then the rest in that key's value; when
 * that fails, the next shorter prefix.  So "a.b" finds {"a.b":1} and {"a":{"b":1}}.  Of
 * duplicate keys the last wins, at every level.  Keys are compared after decoding.  Arrays
 * have no paths below them.
 */
#ifndef FIELD_H
#define FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELD_DEPTH 128

enum field_type {
	FIELD_ABSENT = 0,
	FIELD_NULL,
	FIELD_FALSE,
	FIELD_TRUE,
	FIELD_NUMBER,
	FIELD_STRING,
	FIELD_OBJECT,
	FIELD_ARRAY,
};

struct field {
	enum field_type type;
	bool escaped;  /* a string with a backslash: decode before use */
	const char *p; /* the token as it stands in the line; a string without its quotes */
	size_t n;
};

/* A compiled path; opaque but movable.  Borrow text, which must outlive it. */
struct field_path {
	const char *text;
	size_t n;
	bool dotted;
};
void field_path_set(struct field_path *path, const char *text, size_t n);

/*
 * Validate a whole line: 0 for one JSON object, else -1 with *pos at the offending byte and
 * *why (both may be NULL) a static text such as "expected ':'" or "nested too deeply".
 */
int field_check(const char *line, size_t n, size_t *pos, const char **why);

/*
 * Find several paths in one pass: out[i] for path[i] (FIELD_ABSENT when not there).  0, or -1 when
 * field_check would refuse the line (out is then undefined).  npath may be 0.
 */
int field_get(
    const char *line, size_t n, const struct field_path *path, size_t npath, struct field *out);

/* Each scalar leaf, each array (as one value) and each empty object, in order, duplicates too,
 * under its dotted, decoded path.  path is valid during the call only; path NULL: it was longer than
 * FIELD_PATH_MAX.  fn returns 0 to go on.  0, -1 for an invalid line (fn may have been called for
 * what stands before the fault), or what fn returned. */
#define FIELD_PATH_MAX 256
typedef int field_walk_fn(void *arg, const char *path, size_t npath, const struct field *value);
int field_walk(const char *line, size_t n, field_walk_fn *fn, void *arg);

/* The members of one object token (p at '{'), in order, not descending; keys raw with their
 * escapes.  *iter starts at 0.  1 and key, value; 0 at the end; -1 invalid. */
int field_members(
    const struct field *object, size_t *iter, struct field *key, struct field *value);
/* The same for the elements of an array token. */
int field_elements(const struct field *array, size_t *iter, struct field *value);

/*
 * Decode a string token to UTF-8: escapes resolved, surrogate pairs joined, a lone surrogate as
 * its three bytes (WTF-8), \u0000 as a NUL byte, other bytes kept.  Returns the decoded length; writes at most
 * cap bytes of it.  Never longer than the token.
 */
size_t field_decode(const struct field *string, char *dst, size_t cap);
/* Whether a string token decodes to exactly these bytes. */
bool field_equals(const struct field *string, const char *s, size_t n);
/* Whether it begins with them. */
bool field_starts(const struct field *string, const char *s, size_t n);
/* Order of the decoded bytes against s, as memcmp. */
int field_compare(const struct field *string, const char *s, size_t n);

/*
 * Exact order of two number tokens (any length; -0 equals 0): <0, 0, >0.  Tokens must be valid
 * JSON numbers.  Exponents beyond 10^15 are taken for that.
 */
int field_number_compare(const char *a, size_t na, const char *b, size_t nb);
/* An integer token (no fraction, no exponent) in the range of the type / a number as the nearest
 * double, ties to even, whatever the locale; false if not, also when it would be infinite. */
bool field_i64(const struct field *number, int64_t *out);
bool field_u64(const struct field *number, uint64_t *out);
bool field_double(const struct field *number, double *out);

#endif
