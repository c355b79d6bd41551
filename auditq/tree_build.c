/* tree_build - from the lines of a run to its stages, and which of them lies in which. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "qerror.h"
#include "tree.h"

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "a run's stages");
}

/* ---- texts ---- */

/* Append a string decoded, or any other value as it stands. */
static int
append(char **text, size_t *n, const char *between, const struct field *value)
{
	size_t k = strlen(between);
	char *grown = realloc(*text, *n + k + value->n + 1);

	if (grown == NULL)
		return -1;
	memcpy(grown + *n, between, k);
	*text = grown;
	*n += k;
	if (value->type == FIELD_STRING) {
		*n += field_decode(value, grown + *n, value->n);
	} else {
		memcpy(grown + *n, value->p, value->n);
		*n += value->n;
	}
	return 0;
}

/* How much of a field a message takes at most; only the type of one that is absent is set. */
static size_t
room_for(const struct field *value)
{
	return value->type > FIELD_NULL ? value->n : 0;
}

/* What a failed record says: its message, and its field `error`. */
static int
set_message(auditq_tree_t *t, struct tree_node *node, const struct schema *schema,
    const char *line, size_t n)
{
	struct field value[SCHEMA_PATHS_MAX], error;
	struct schema_layout layout;
	struct field_path path;
	const struct field *msg;

	schema_lay_out(&layout, schema, SCHEMA_WANT(SCHEMA_MSG));
	field_path_set(&path, "error", 5);
	if (field_get(line, n, layout.path, layout.n, value) < 0 ||
	    field_get(line, n, &path, 1, &error) < 0)
		return 0;
	msg = schema_layout_value(&layout, value, SCHEMA_MSG);
	t->bytes -= node->pub.message_len;
	free(node->message);
	node->message = NULL;
	node->pub.message_len = 0;
	/* What is told of errors ends somewhere: the records themselves are there to be read. */
	if (t->bytes + room_for(msg) + room_for(&error) > TREE_BYTES_MAX) {
		t->untold++;
		return 0;
	}
	if (msg->type > FIELD_NULL &&
	    append(&node->message, &node->pub.message_len, "", msg) < 0)
		return -1;
	if (error.type > FIELD_NULL &&
	    append(&node->message, &node->pub.message_len, node->message != NULL ? ": " : "",
		&error) < 0)
		return -1;
	t->bytes += node->pub.message_len;
	return 0;
}

/* ---- names ---- */

static int
too_many(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ETOOBIG, 0, NULL,
	    "the run has more than %d stages, or %d MiB of their names", TREE_STAGES_MAX,
	    TREE_BYTES_MAX >> 20);
}

static int
names_error(int32_t r, auditq_error *err)
{
	return r == NAMES_FULL ? too_many(err) : no_memory(err);
}

/* The number of a stage's name; negative. */
static int32_t
stage_number(auditq_tree_t *t, const struct field *stage, auditq_error *err)
{
	char *name = NULL;
	size_t n = 0;
	int32_t i;

	if (append(&name, &n, "", stage) < 0)
		return no_memory(err);
	i = names_add(t->stages, name, n);
	free(name);
	return i < 0 ? names_error(i, err) : i;
}

/* The number of the process that wrote a line: who has the same service, host and pid. */
static int32_t
process_number(auditq_tree_t *t, const char *line, size_t n, auditq_error *err)
{
	static const char *const keys[] = { "service", "host", "pid" };
	static const struct field none = { .type = FIELD_STRING, .p = "" };
	struct field_path path[3];
	struct field value[3];
	char *name = NULL;
	size_t len = 0;
	int32_t i = NAMES_NOMEM;
	bool good = true;

	for (size_t k = 0; k < 3; k++)
		field_path_set(&path[k], keys[k], strlen(keys[k]));
	if (field_get(line, n, path, 3, value) < 0)
		return 0;
	for (size_t k = 0; k < 3 && good; k++) {
		if (value[k].type != FIELD_ABSENT)
			good = append(&name, &len, "\n", &value[k]) == 0;
		else
			good = append(&name, &len, "\n", &none) == 0;
	}
	if (good)
		i = names_add(t->processes, name, len);
	free(name);
	return i < 0 ? names_error(i, err) : i;
}

/* The number of a stage's name in a process; negative. */
static int32_t
pair_number(auditq_tree_t *t, int32_t process, int32_t stage, auditq_error *err)
{
	const int32_t pair[] = { process, stage };
	const int32_t i = names_add(t->pairs, (const char *)pair, sizeof pair);

	if (i < 0)
		return names_error(i, err);
	if ((size_t)i < t->npair)
		return i;
	if (t->npair == t->cap_pair) {
		const size_t cap = t->cap_pair == 0 ? 16 : 2 * t->cap_pair;
		size_t *grown = realloc(t->newest, cap * sizeof *grown);

		if (grown == NULL)
			return no_memory(err);
		t->newest = grown;
		t->cap_pair = cap;
	}
	t->newest[t->npair++] = TREE_NONE;
	return i;
}

/* ---- nodes ---- */

/* A line. */
struct said {
	const struct schema *schema;
	const char *line;
	size_t n;
	int64_t ts;
	struct schema_facts facts;
	int32_t process, stage, pair; /* numbers */
};

static int
new_node(auditq_tree_t *t, int kind, int64_t ts, size_t *out, auditq_error *err)
{
	struct tree_node *grown;

	if (kind != AUDITQ_NODE_ERROR && t->n - t->nerror > TREE_STAGES_MAX)
		return too_many(err);
	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? 16 : 2 * t->cap;

		if ((grown = realloc(t->node, cap * sizeof *grown)) == NULL)
			return no_memory(err);
		t->node = grown;
		t->cap = cap;
	}
	t->node[t->n] = (struct tree_node){ .pub = { .size = sizeof(auditq_node),
						.kind = kind,
						.begin = ts,
						.end = CLOCK_NONE },
		.child = TREE_NONE,
		.next = TREE_NONE };
	*out = t->n++;
	return 0;
}

static int
new_stage(auditq_tree_t *t, int kind, const struct said *s, int64_t ts, size_t *out,
    auditq_error *err)
{
	struct tree_node *node;
	const char *name;
	int r = new_node(t, kind, ts, out, err);

	if (r < 0)
		return r;
	node = &t->node[*out];
	name = names_get(t->stages, (uint32_t)s->stage, &node->pub.name_len);
	/* One name of any length may be there. */
	if (t->bytes > 0 && t->bytes + node->pub.name_len > TREE_BYTES_MAX)
		return too_many(err);
	t->bytes += node->pub.name_len;
	if ((node->name = malloc(node->pub.name_len + 1)) == NULL)
		return no_memory(err);
	memcpy(node->name, name, node->pub.name_len);
	node->process = s->process;
	node->older = t->newest[s->pair];
	t->newest[s->pair] = *out;
	return 0;
}

/* ---- open stages ---- */

/* The open stage of a pair that began last, or, with a time, nearest to it: where its number stands; NULL: there is none.
 * One that has a beginning comes before one that has not. */
static size_t *
find_open(auditq_tree_t *t, int32_t pair, int64_t began)
{
	size_t *best = NULL;
	double nearest = INFINITY;

	for (size_t *at = &t->newest[pair]; *at != TREE_NONE; at = &t->node[*at].older) {
		const struct tree_node *node = &t->node[*at];
		double away = began == CLOCK_NONE || node->pub.begin == CLOCK_NONE
		    ? 0
		    : fabs((double)node->pub.begin - (double)began);

		if (node->pub.kind == AUDITQ_NODE_LOOSE)
			away = 1e300;
		if (away < nearest) {
			nearest = away;
			best = at;
		}
		if (nearest == 0)
			break;
	}
	return best;
}

/* ---- lines ---- */

/* When what ends now began, as the line says; CLOCK_NONE: it does not. */
static int64_t
began_at(const struct said *s)
{
	int64_t began;

	if (s->ts == CLOCK_NONE || !s->facts.has_duration || s->facts.duration > 1e12)
		return CLOCK_NONE;
	if (__builtin_sub_overflow(s->ts, (int64_t)(s->facts.duration * 1e6), &began))
		return CLOCK_NONE;
	return began;
}

/* The node of a line with a stage. */
static int
find_node(auditq_tree_t *t, const struct said *s, bool begins, bool ends, size_t *out,
    auditq_error *err)
{
	int64_t began = ends ? began_at(s) : CLOCK_NONE;
	size_t *open = begins ? NULL : find_open(t, s->pair, began);
	int r;

	if (open != NULL) {
		*out = *open;
	} else {
		r = new_stage(t, begins ? AUDITQ_NODE_STAGE : AUDITQ_NODE_LOOSE, s,
		    began != CLOCK_NONE ? began : s->ts, out, err);
		if (r < 0)
			return r;
		open = &t->newest[s->pair];
	}
	if (ends)
		*open = t->node[*open].older;
	return 0;
}

static int
add_error(auditq_tree_t *t, const struct said *s, size_t parent, auditq_error *err)
{
	size_t i;
	int r;

	if (t->nerror == TREE_ERRORS_MAX) {
		t->untold++;
		return 0;
	}
	if ((r = new_node(t, AUDITQ_NODE_ERROR, s->ts, &i, err)) < 0)
		return r;
	t->nerror++;
	t->node[i].pub.end = s->ts;
	t->node[i].pub.parent = parent;
	t->node[i].pub.records = t->node[i].pub.failed = 1;
	return set_message(t, &t->node[i], s->schema, s->line, s->n) < 0 ? no_memory(err) : 0;
}

static int
add_to(auditq_tree_t *t, const struct said *s, size_t i, bool ends, auditq_error *err)
{
	struct tree_node *node = &t->node[i];

	node->pub.records++;
	node->pub.failed += s->facts.failed;
	if (ends || node->pub.kind == AUDITQ_NODE_LOOSE)
		node->pub.end = s->ts;
	if (ends)
		node->pub.status = s->facts.failed ? AUDITQ_RUN_FAILED : AUDITQ_RUN_OK;
	if (!s->facts.failed)
		return 0;
	if (!ends)
		return add_error(t, s, i, err);
	return set_message(t, node, s->schema, s->line, s->n) < 0 ? no_memory(err) : 0;
}

static bool
is_event(const struct said *s, const char *name)
{
	return s->facts.event.type == FIELD_STRING &&
	    field_equals(&s->facts.event, name, strlen(name));
}

int
tree_add(auditq_tree_t *t, const struct schema *schema, const char *line, size_t n, int64_t ts,
    auditq_error *err)
{
	struct said s = { .schema = schema, .line = line, .n = n, .ts = ts };
	bool begins, ends;
	size_t node;
	int r;

	if (schema_read(schema, line, n, &s.facts) < 0)
		return 0;
	if (s.facts.stage.type != FIELD_STRING)
		return add_to(t, &s, 0, is_event(&s, "run.end"), err);
	if ((s.process = process_number(t, line, n, err)) < 0)
		return s.process;
	if ((s.stage = stage_number(t, &s.facts.stage, err)) < 0)
		return s.stage;
	if ((s.pair = pair_number(t, s.process, s.stage, err)) < 0)
		return s.pair;
	begins = is_event(&s, "stage.begin");
	ends = is_event(&s, "stage.end");
	if ((r = find_node(t, &s, begins, ends, &node, err)) < 0)
		return r;
	return add_to(t, &s, node, ends, err);
}

/* ---- what lies in what ---- */

static int64_t
end_of(const struct tree_node *node)
{
	return node->pub.end == CLOCK_NONE ? INT64_MAX : node->pub.end;
}

/* Of one process; a stage before those that lie in it. */
static int
by_span(const void *x, const void *y, void *arg)
{
	const size_t i = *(const size_t *)x, j = *(const size_t *)y;
	const struct tree_node *node = arg, *a = &node[i], *b = &node[j];

	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	if (a->pub.begin != b->pub.begin)
		return a->pub.begin < b->pub.begin ? -1 : 1;
	if (end_of(a) != end_of(b))
		return end_of(a) > end_of(b) ? -1 : 1;
	return i < j ? -1 : 1;
}

/* A stage that the last one does not hold ends later: whatever follows and lies in the last one lies in it too. */
static void
nest(auditq_tree_t *t, const size_t *stage, size_t n, size_t *around)
{
	size_t depth = 0;

	for (size_t i = 0; i < n; i++) {
		struct tree_node *node = &t->node[stage[i]];

		while (depth > 0 &&
		    (t->node[around[depth - 1]].process != node->process ||
			end_of(&t->node[around[depth - 1]]) < end_of(node)))
			depth--;
		node->pub.parent = depth > 0 ? around[depth - 1] : 0;
		if (node->pub.kind == AUDITQ_NODE_STAGE)
			around[depth++] = stage[i];
	}
}

/* ---- their order ---- */

static int
by_begin(const void *x, const void *y, void *arg)
{
	const size_t i = *(const size_t *)x, j = *(const size_t *)y;
	const struct tree_node *node = arg;

	if (node[i].pub.begin != node[j].pub.begin)
		return node[i].pub.begin < node[j].pub.begin ? -1 : 1;
	return i < j ? -1 : 1;
}

/* Below each node its own, the first in time first. */
static void
link_nodes(auditq_tree_t *t, size_t *order)
{
	for (size_t i = 0; i < t->n; i++)
		order[i] = i;
	qsort_r(order + 1, t->n - 1, sizeof *order, by_begin, t->node);
	for (size_t k = t->n; k-- > 1;) {
		struct tree_node *node = &t->node[order[k]];

		node->next = t->node[node->pub.parent].child;
		t->node[node->pub.parent].child = order[k];
	}
}

static void
walk(auditq_tree_t *t)
{
	unsigned depth = 0;

	for (size_t at = 0, k = 0;;) {
		struct tree_node *node = &t->node[at];

		node->pub.depth = depth;
		t->place[at] = k;
		t->order[k++] = at;
		if (node->child != TREE_NONE) {
			at = node->child;
			depth++;
			continue;
		}
		for (; at != 0 && t->node[at].next == TREE_NONE; depth--)
			at = t->node[at].pub.parent;
		if (at == 0)
			return;
		at = t->node[at].next;
	}
}

/* Stages that did not end are as the run is; records that have no stage.begin are judged one by one. */
static void
judge(auditq_tree_t *t, size_t i)
{
	struct tree_node *node = &t->node[i];
	bool running = t->node[0].pub.status == AUDITQ_RUN_RUNNING;

	if (i == 0 || node->pub.status != 0 || node->pub.kind == AUDITQ_NODE_ERROR)
		return;
	if (node->pub.kind == AUDITQ_NODE_STAGE)
		node->pub.status = running ? AUDITQ_RUN_RUNNING : AUDITQ_RUN_INCOMPLETE;
	else
		node->pub.status = node->pub.failed > 0 ? AUDITQ_RUN_FAILED : AUDITQ_RUN_OK;
}

int
tree_finish(auditq_tree_t *t, auditq_error *err)
{
	size_t n = 0;

	t->order = calloc(t->n, sizeof *t->order);
	t->place = calloc(t->n, sizeof *t->place);
	if (t->order == NULL || t->place == NULL)
		return no_memory(err);
	for (size_t i = 1; i < t->n; i++)
		if (t->node[i].pub.kind != AUDITQ_NODE_ERROR)
			t->order[n++] = i;
	qsort_r(t->order, n, sizeof *t->order, by_span, t->node);
	nest(t, t->order, n, t->place);
	link_nodes(t, t->order);
	walk(t);
	for (size_t i = 0; i < t->n; i++) {
		struct tree_node *node = &t->node[i];

		judge(t, i);
		node->pub.parent = t->place[node->pub.parent];
		node->pub.name = node->name;
		node->pub.message = node->message;
	}
	return 0;
}
