/* tree_export - the nodes of a run's tree as objects, which are exported as records are. */
#include <stdlib.h>

#include "cells.h"
#include "output.h"

#define COLUMNS                                                                                \
	"node,parent,depth,kind,name,status,start,end,duration_ms,records,failed,message"

struct row {
	size_t number;
	auditq_node node;
};

static void
put_word(struct jbuf *b, const char *name, const char *word)
{
	cells_text(b, name, word, word == NULL ? 0 : strlen(word));
}

static void
put_node(struct jbuf *b, const void *arg)
{
	static const char *const kinds[] = { [AUDITQ_NODE_RUN] = "run",
		[AUDITQ_NODE_STAGE] = "stage",
		[AUDITQ_NODE_LOOSE] = "loose",
		[AUDITQ_NODE_ERROR] = "error" };
	const struct row *row = arg;
	const auditq_node *node = &row->node;

	cells_count(b, "node", row->number);
	if (row->number == 0)
		put_word(b, "parent", NULL);
	else
		cells_count(b, "parent", node->parent);
	cells_count(b, "depth", node->depth);
	put_word(b, "kind", kinds[node->kind]);
	cells_text(b, "name", node->name, node->name_len);
	put_word(b, "status", auditq_run_status_name(node->status));
	cells_time(b, "start", node->begin);
	cells_time(b, "end", node->end);
	cells_span(b, "duration_ms", node->begin, node->end);
	cells_count(b, "records", node->records);
	cells_count(b, "failed", node->failed);
	cells_text(b, "message", node->message, node->message_len);
	cells_end(b);
}

static int
write_nodes(const auditq_tree_t *tree, struct output *o)
{
	struct row row = { .node.size = sizeof row.node };
	struct jbuf b = { 0 };
	int r = 0;

	for (; r == 0 && auditq_tree_get(tree, row.number, &row.node) == 0; row.number++)
		r = cells_line(&b, put_node, &row) < 0 ? AUDITQ_ENOMEM
						       : output_record(o, b.p, b.len);
	free(b.p);
	return r < 0 ? r : output_end(o);
}

int
auditq_tree_export_to(const auditq_tree_t *tree, auditq_write_fn *fn, void *arg,
    const auditq_export_options *opt, auditq_error *err)
{
	auditq_export_options asked = { .size = sizeof asked };
	struct output *o;
	int r;

	qerror_reset(err);
	if (tree == NULL || fn == NULL)
		return qerror_set(
		    err, AUDITQ_EINVAL, 0, NULL, "no tree or nothing to write to");
	if (opt != NULL)
		memcpy(&asked, opt, opt->size < sizeof asked ? opt->size : sizeof asked);
	asked.size = sizeof asked;
	if (asked.fields == NULL)
		asked.fields = COLUMNS;
	if ((r = output_new(&o, &asked, fn, arg, err)) < 0)
		return r;
	if ((r = write_nodes(tree, o)) < 0)
		qerror_set(err, r, 0, NULL, "the output was stopped");
	output_free(o);
	return r;
}
