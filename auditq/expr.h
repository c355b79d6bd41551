/*
 * expr - the language of --where: text to a tree, errors with a position.
 *
 *     expr     = and { ( "or" | "||" ) and } ;
 *     and      = unary { ( "and" | "&&" ) unary } ;
 *     unary    = { "not" | "!" } ( "(" expr ")" | test ) ;
 *     test     = "exists" ( path | "(" path ")" )
 *              | path [ "not" ] "exists"
 *              | path ( "==" | "=" | "!=" | "<" | "<=" | ">" | ">=" ) literal
 *              | path [ "not" ] "in" ( "(" literal { "," literal } ")" | "@" file )
 *              | path ( "=~" | "!~" ) pattern ;
 *     path     = word | "`" { any byte but "`" } "`" ;
 *     word     = letter or digit or one of _ @ $ . { the same, or "-" } ;
 *     literal  = string | number | duration | time | "true" | "false" | "null" ;
 *     file     = string | { any byte but white space, "(", ")" and "," } ;
 *     string   = in "" or '', with the escapes of JSON and \' ;
 *     number   = as in JSON ;
 *     duration = [ "-" ] as in timespec.h: 1.5s, 2h30m; a number, that of its milliseconds ;
 *     time     = YYYY-MM-DD and what may follow it in timespec.h, up to white space, "," or ")"
 *              | "t" "" or '' around any time of timespec.h ;
 *     pattern  = in "" or '', a PCRE2 pattern as it stands: \" is left to it ;
 *
 * Words of the language are understood in any case, and are no paths unless in backticks.  A chain
 * of "and" or "or" may be of any length; parentheses nest up to EXPR_DEPTH.
 *
 * What a test means: a comparison is of numbers with a number (exactly) or of strings with a string
 * (by their decoded bytes); true, false and null are equal to themselves.  With a time, instants are compared:
 * the field's by schema_value_time.  A line of a file stands for the string that it is and, if it is a number as in JSON,
 * for that number too.  Other types, and an absent field, make every test false.  a != b is not (a == b), a !~ b is not (a =~ b).
 */
#ifndef EXPR_H
#define EXPR_H

#include "field.h"
#include "qerror.h"
#include "zone.h"

#define EXPR_TEXT_MAX 65536
#define EXPR_DEPTH    100

enum expr_kind {
	EXPR_AND,
	EXPR_OR,
	EXPR_NOT,
	EXPR_EXISTS,
	EXPR_EQUAL, /* to any of the values */
	EXPR_LESS,  /* these four: than the one value, a string or a number */
	EXPR_LESS_EQUAL,
	EXPR_GREATER,
	EXPR_GREATER_EQUAL,
	EXPR_REGEX, /* the one value is a pattern */
};

struct expr_value {
	enum field_type type; /* null, false, true, number, string; FIELD_ABSENT: a time */
	const char *text;     /* a string decoded; a number as in JSON */
	size_t n;
	int64_t instant; /* of a time, ns since 1970 */
	size_t pos;      /* of its first byte (behind a quote) in the text */
};

/* From so many values on they are sorted: by expr_value_compare. */
#define EXPR_SORTED 9
/* By type, then by value. */
int expr_value_compare(const struct expr_value *a, const struct expr_value *b);

/* What the meaning of an expression depends on. */
struct expr_env {
	int64_t now;             /* ns since 1970 */
	const struct zone *zone; /* of times that do not say theirs */
};

struct expr_node {
	enum expr_kind kind;
	uint32_t id;                   /* 0, 1, 2 … below expr_nodes() */
	const struct expr_node *child; /* of and, or, not: the first operand */
	const struct expr_node *next;  /* the next operand of the node above */
	const char *path;              /* of a test */
	size_t npath;
	const struct expr_value *value; /* nvalue of them */
	size_t nvalue;
};

/* Whether a name may have this byte without backticks. */
bool expr_is_word(char c);

struct expr;

/* AUDITQ_EINVAL, with err->offset the position in the text, or AUDITQ_ENOMEM.  The tree is constant, and
 * independent of text.  env is borrowed for the call; NULL: in UTC, it is 1970, and no file is read. */
int expr_parse(
    struct expr **ret, const char *text, const struct expr_env *env, auditq_error *err);
/* Both hold: more, which is taken over, joins *all, which may be NULL.  Pointers to nodes of either but for
 * expr_root's stay good, their ids do not. */
void expr_join_take(struct expr **all, struct expr *more);
void expr_free(struct expr *e);

const struct expr_node *expr_root(const struct expr *e);
size_t expr_nodes(const struct expr *e);

#endif
