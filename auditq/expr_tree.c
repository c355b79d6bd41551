#include "expr_tree.h"

#include <stdlib.h>
#include <string.h>

struct expr *
expr_new(size_t n)
{
	struct expr *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	/* A test takes three bytes and a value two; each other node has an operator of its own. */
	e->node = calloc(n + 1, sizeof *e->node);
	e->value = calloc(n + 1, sizeof *e->value);
	/* A duration is the longest compared with its text, and its end is written over. */
	e->text = malloc(n * (EXPR_DURATION_ROOM / 2) + EXPR_DURATION_ROOM);
	if (e->node == NULL || e->value == NULL || e->text == NULL) {
		expr_free(e);
		return NULL;
	}
	return e;
}

int
expr_value_compare(const struct expr_value *a, const struct expr_value *b)
{
	int r = 0;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->type == FIELD_ABSENT)
		return (a->instant > b->instant) - (a->instant < b->instant);
	if (a->type == FIELD_NUMBER)
		return field_number_compare(a->text, a->n, b->text, b->n);
	if (a->type == FIELD_STRING)
		r = memcmp(a->text, b->text, a->n < b->n ? a->n : b->n);
	return r != 0 ? r : (a->n > b->n) - (a->n < b->n);
}

static int
by_value(const void *a, const void *b)
{
	return expr_value_compare(a, b);
}

void
expr_sort(struct expr_value *value, size_t n)
{
	if (n >= EXPR_SORTED)
		qsort(value, n, sizeof *value, by_value);
}

/* The operands of an "and", or the one that there is. */
static struct expr_node *
operands(struct expr_node *root)
{
	return root->kind == EXPR_AND ? (struct expr_node *)root->child : root;
}

void
expr_join_take(struct expr **all, struct expr *more)
{
	struct expr *first = *all;
	struct expr_node *last;

	if (first == NULL) {
		*all = more;
		return;
	}
	if (first->root->kind != EXPR_AND) {
		first->all = (struct expr_node){
			.kind = EXPR_AND, .id = (uint32_t)first->nall++, .child = first->root
		};
		first->root = &first->all;
	}
	for (size_t i = 0; i < more->nnode; i++)
		more->node[i].id += (uint32_t)first->nall;
	first->nall += more->nnode;
	for (last = operands(first->root); last->next != NULL;)
		last = (struct expr_node *)last->next;
	last->next = operands(more->root);
	more->more = first->more;
	first->more = more;
}

static void
free_lists(struct expr_list *list)
{
	struct expr_list *next;

	for (; list != NULL; list = next) {
		next = list->next;
		value_file_release(&list->file);
		free(list);
	}
}

void
expr_free(struct expr *e)
{
	struct expr *more;

	for (; e != NULL; e = more) {
		more = e->more;
		free_lists(e->list);
		free(e->node);
		free(e->value);
		free(e->text);
		free(e);
	}
}

const struct expr_node *
expr_root(const struct expr *e)
{
	return e->root;
}

size_t
expr_nodes(const struct expr *e)
{
	return e->nall;
}
