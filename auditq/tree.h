/* tree - one run's stages and errors; shared by tree.c, who reads, tree_build.c, who makes it, and tree_export.c. */
#ifndef TREE_H
#define TREE_H

#include "auditq.h"
#include "names.h"
#include "schema.h"

#define TREE_STAGES_MAX 100000
#define TREE_ERRORS_MAX 10000
#define TREE_BYTES_MAX  (16 << 20) /* of names and messages */
#define TREE_NONE       SIZE_MAX

struct tree_node {
	auditq_node pub; /* its texts are `name` and `message` */
	char *name, *message;
	int32_t process;    /* number of its name */
	size_t older;       /* of its pair, open, and begun before it; TREE_NONE */
	size_t child, next; /* the first below it; the next beside it; TREE_NONE */
};

struct auditq_tree {
	struct tree_node *node; /* as they came; [0] is the run */
	size_t n, cap, nerror;
	uint64_t untold; /* failed records that have no node, or no message, for want of room */
	size_t bytes;    /* of names and messages */
	size_t *order;   /* of nodes as they are given: indexes of node */
	size_t *place;   /* and the place of each node in it */
	struct names *processes, *stages;
	struct names *pairs; /* of numbers of a process and of a stage */
	size_t *newest;      /* of each: the open stage that began last; TREE_NONE */
	size_t npair, cap_pair;
};

/* A line of the run, with its effective time; they come in order.  The codes of auditq_tree. */
int tree_add(auditq_tree_t *t, const struct schema *schema, const char *line, size_t n,
    int64_t ts, auditq_error *err);
/* All lines were added: put the nodes in their places. */
int tree_finish(auditq_tree_t *t, auditq_error *err);

#endif
