/*
 * expr_tree - what an expression is made of, for those who make it.
 */
#ifndef EXPR_TREE_H
#define EXPR_TREE_H

#include "expr.h"
#include "value_file.h"

/* A duration takes so much as a number; 20 digits at most are written for two bytes of text. */
#define EXPR_DURATION_ROOM 24

struct expr {
	struct expr_node
	    *node; /* room for all that the text can hold, so that none ever moves */
	struct expr_value *value;
	char *text; /* decoded strings and paths */
	size_t nnode, nvalue, ntext;
	struct expr_node *root;
	struct expr_list *list; /* of files */
	/* Of what was joined to it: */
	struct expr *more;
	struct expr_node all; /* the root then, if it was none of its own nodes */
	size_t nall;          /* ids given */
};

/* The values of a file. */
struct expr_list {
	struct expr_list *next;
	struct value_file file;
	struct expr_value value[];
};

/* Room for what n bytes of text can hold; NULL: no memory. */
struct expr *expr_new(size_t n);
/* As lists are kept. */
void expr_sort(struct expr_value *value, size_t n);

#endif
