/* tree - a run as a tree of its stages, with its errors. */
#include "tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "a run's stages");
}

/* The run itself: its begin, end and status are those of the row. */
static int
add_run(auditq_tree_t *t, const auditq_run_row *run, auditq_error *err)
{
	struct tree_node *node = calloc(16, sizeof *node);

	if (node == NULL)
		return no_memory(err);
	t->node = node;
	t->cap = 16;
	t->n = 1;
	node->child = node->next = TREE_NONE;
	node->pub = (auditq_node){
		.size = sizeof(auditq_node), .kind = AUDITQ_NODE_RUN, .name_len = run->id_len
	};
	if ((node->name = malloc(run->id_len + 1)) == NULL)
		return no_memory(err);
	memcpy(node->name, run->id, run->id_len);
	return 0;
}

static int
tree_new(auditq_tree_t **ret, const auditq_run_row *run, auditq_error *err)
{
	auditq_tree_t *t = calloc(1, sizeof *t);
	int r;

	if (t == NULL)
		return no_memory(err);
	t->processes = names_new(TREE_STAGES_MAX, TREE_BYTES_MAX);
	t->stages = names_new(TREE_STAGES_MAX, TREE_BYTES_MAX);
	t->pairs = names_new(TREE_STAGES_MAX, SIZE_MAX);
	if (t->processes == NULL || t->stages == NULL || t->pairs == NULL)
		r = no_memory(err);
	else
		r = add_run(t, run, err);
	if (r < 0) {
		auditq_tree_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

static int
add_line(
    void *arg, const struct schema *schema, const struct batch_line *line, auditq_error *err)
{
	return tree_add(arg, schema, line->p, line->n, line->key.ts, err);
}

static int
read_run(auditq_t *q, const auditq_run_row *run, auditq_tree_t *t, auditq_error *err)
{
	const struct match_run id = { .id = run->id, .n = run->id_len, .exact = true };
	struct question ask = question_of_all(&q->ask);
	int r;

	ask.exact = &id;
	ask.nexact = 1;
	/* What auditq_runs has told is not told again. */
	q->passes.to = q->ask.warn;
	ask.warn = passes_target(&q->passes);
	r = query_each(q, &ask, add_line, t, err);
	passes_add(&q->passes, &q->counts);
	q->counts = q->passes.counts;
	return r;
}

/* What stands in files and not in the tree. */
static void
tell_untold(auditq_t *q, const auditq_tree_t *t)
{
	if (t->untold == 0)
		return;
	q->counts.warnings++;
	qwarn_send(&q->ask.warn, AUDITQ_ETOOBIG, false, "", 0, 0,
	    "%llu failed records are only counted, or shown without what they say: a tree has room for %d, and %d MiB",
	    (unsigned long long)t->untold, TREE_ERRORS_MAX, TREE_BYTES_MAX >> 20);
}

int
auditq_tree(auditq_t *q, const auditq_run_row *run, auditq_tree_t **ret, auditq_error *err)
{
	auditq_tree_t *t = NULL;
	int r;

	qerror_reset(err);
	if (q == NULL || run == NULL || ret == NULL || run->size < sizeof *run)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "no query, no run or no place");
	if ((r = tree_new(&t, run, err)) < 0)
		return r;
	if ((r = read_run(q, run, t, err)) == 0) {
		t->node[0].pub.status = run->status;
		t->node[0].pub.begin = run->first;
		t->node[0].pub.end = run->last;
		r = tree_finish(t, err);
	}
	if (r < 0) {
		auditq_tree_free(t);
		return r;
	}
	tell_untold(q, t);
	*ret = t;
	return 0;
}

void
auditq_tree_free(auditq_tree_t *tree)
{
	if (tree == NULL)
		return;
	for (size_t i = 0; i < tree->n; i++) {
		free(tree->node[i].name);
		free(tree->node[i].message);
	}
	free(tree->node);
	free(tree->order);
	free(tree->place);
	free(tree->newest);
	names_free(tree->processes);
	names_free(tree->stages);
	names_free(tree->pairs);
	free(tree);
}

size_t
auditq_tree_nodes(const auditq_tree_t *tree)
{
	return tree == NULL ? 0 : tree->n;
}

int
auditq_tree_get(const auditq_tree_t *tree, size_t node, auditq_node *out)
{
	size_t size;

	if (tree == NULL || node >= tree->n || out == NULL || out->size < sizeof out->size)
		return AUDITQ_EINVAL;
	size = out->size < sizeof *out ? out->size : sizeof *out;
	memcpy(out, &tree->node[tree->order[node]].pub, size);
	out->size = size;
	return 0;
}
