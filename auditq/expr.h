/*
 * expr - the language of --where: text to a tree, errors with a position.
 *
 *     expr     = and { ( "or" | "||" ) and } ;
 *     and      = unary { ( "and" | "&&" ) unary } ;
 *     unary    = { "not" | "!" } ( "(" expr ")" | test ) ;
 *     test     = "exists" ( path | "(" path ")" )
 *              | path [ "not" ] "exists"
 *              | path ( "==" | "=" | "!=" | "<" | "<=" | ">" | ">=" ) literal
 *              | path [ "not" ] "in" "(" literal { "," literal } ")"
 *              | path ( "=~" | "!~" ) pattern ;
 *     path     = word | "`" { any byte but "`" } "`" ;
 *     word     = letter or digit or one of _ @ $ . { the same, or "-" } ;
 *     literal  = string | number | "true" | "false" | "null" ;
 *     string   = in "" or '', with the escapes of JSON and \' ;
 *     number   = as in JSON ;
 *     pattern  = in "" or '', a PCRE2 pattern as it stands: \" is left to it ;
 *
 * Words of the language are understood in any case, and are no paths unless in backticks.  A chain
 * of "and" or "or" may be of any length; parentheses nest up to EXPR_DEPTH.
 *
 * What a test means: a comparison is of numbers with a number (exactly) or of strings with a string
 * (by their decoded bytes); true, false and null are equal to themselves.  Other types, and an
 * absent field, make every test false.  a != b is not (a == b), a !~ b is not (a =~ b).
 */
#ifndef EXPR_H
#define EXPR_H

#include "field.h"
#include "qerror.h"

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
	enum field_type type; /* null, false, true, number, string */
	const char *text;     /* a string decoded; a number as it was written */
	size_t n;
	size_t pos; /* of its first byte (behind a quote) in the text */
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
 * independent of text. */
int expr_parse(struct expr **ret, const char *text, auditq_error *err);
void expr_free(struct expr *e);

const struct expr_node *expr_root(const struct expr *e);
size_t expr_nodes(const struct expr *e);

#endif
