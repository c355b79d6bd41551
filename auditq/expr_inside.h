/* expr_inside - what the files of `expr` that read text have of each other. */
#ifndef EXPR_INSIDE_H
#define EXPR_INSIDE_H

#include "expr_tree.h"

/* An expression that is read; those that take one step over what they accept. */
struct expr_parser {
	const char *text;
	size_t at, n;
	int depth;
	int code; /* AUDITQ_ENOMEM, if that is why there is no tree */
	const struct expr_env *env;
	struct expr *e;
	auditq_error *err;
};

/* expr_words: what the text consists of, and what is wrong with it. */

/* The first error; NULL, for the functions that give a node. */
void *expr_fail(struct expr_parser *p, size_t pos, const char *fmt, ...) ALOG_PRINTF_(3, 4);
/* The same, and which word was meant by one (n bytes), if it is near any of these; the last is NULL. */
void *expr_fail_at_word(struct expr_parser *p, const char *word, size_t n, const char *text,
    const char *const *words);
/* How much of a word is shown in an error's text: for %.*s. */
int expr_shown(size_t n);
void expr_skip_space(struct expr_parser *p);
/* The length of the word at hand; 0 when there is none. */
size_t expr_peek_word(struct expr_parser *p);
/* In any case; word is in lower case. */
bool expr_accept_word(struct expr_parser *p, const char *word);
bool expr_accept(struct expr_parser *p, const char *symbol);
bool expr_is_quote(const struct expr_parser *p, size_t at);
/* Whether it is a word of the language. */
bool expr_is_keyword(const char *s, size_t n);

/* expr_literal: the values of comparisons. */

/* -?(0|[1-9]digits)(.digits)?([eE][+-]?digits)? at the start of s[0..n); 0: there is none. */
size_t expr_number_length(const char *s, size_t n);
/* At a quote.  Copies what is in the quotes: decoded, or as it stands (pattern). */
bool expr_parse_string(struct expr_parser *p, bool pattern, struct expr_value *out);
/* What stands behind this word or symbol, which an error names. */
bool expr_parse_literal(struct expr_parser *p, const char *after, struct expr_value *out);

/* expr_list: behind "in", values in parentheses, or "@" and a file of them.  Returns node; NULL after an error. */
struct expr_node *expr_parse_list(struct expr_parser *p, struct expr_node *node);

#endif
