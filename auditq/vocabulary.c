/*
 * vocabulary - the names that occur in a trail: of stages, of fields, of runs.
 *
 * For the case that nothing was found: archives tell by their summaries, other files by what they begin with.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "auditq.h"
#include "index.h"
#include "names.h"
#include "plan.h"
#include "query.h"
#include "scan.h"
#include "source.h"
#include "sys.h"
#include "workers.h"

/* What is looked at, latest files first. */
#define ARCHIVES_MAX 1024
#define STREAMS_MAX  16
#define BLOCK_BYTES  ((size_t)1 << 20) /* of each stream */
#define TOLD_MAX     100000            /* names */
#define TOLD_BYTES   ((size_t)4 << 20) /* of them */

struct telling {
	const struct question *q;
	int kind;
	auditq_name_fn *fn;
	void *arg;
	struct names *told;
	bool all; /* names are told that there are */
	int r;    /* of a walk through a line */
	auditq_error *err;
};

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "names");
}

static int
tell(struct telling *t, const char *name, size_t n)
{
	const uint32_t before = names_count(t->told);
	int32_t number;

	if (name == NULL || n == 0)
		return 0;
	number = names_add(t->told, name, n);
	if (number == NAMES_NOMEM)
		return no_memory(t->err);
	if (number == NAMES_FULL)
		t->all = false;
	return number >= 0 && (uint32_t)number == before ? t->fn(t->arg, name, n) : 0;
}

/* ---- archives ---- */

static int
tell_stages(struct telling *t, const struct index *ix)
{
	bool complete;
	int r = 0;
	const size_t n = index_rollups(ix, &complete);

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct index_rollup *rollup = index_rollup(ix, i);

		r = tell(t, rollup->stage, rollup->nstage);
	}
	t->all &= complete;
	return r;
}

static int
tell_runs(struct telling *t, const struct index *ix)
{
	bool complete;
	int r = 0;
	const size_t n = index_runs(ix, &complete);

	for (size_t i = 0; i < n && r == 0; i++)
		r = tell(t, index_run(ix, i)->id, index_run(ix, i)->nid);
	t->all &= complete;
	return r;
}

static int
tell_fields(struct telling *t, const struct index *ix)
{
	const size_t n = index_keys(ix);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		size_t length;
		const char *key = index_key(ix, i, &length);

		r = tell(t, key, length);
	}
	for (size_t i = 0; i < index_members(ix); i++)
		t->all &= !index_unlisted(ix, i);
	return r;
}

/* 1: told; 0: it has no index, or one of another schema; negative. */
static int
tell_archive(struct telling *t, const struct catalog_file *file)
{
	static const unsigned want[] = { [AUDITQ_NAMES_STAGES] = INDEX_ROLLUPS,
		[AUDITQ_NAMES_FIELDS] = INDEX_FILTERS,
		[AUDITQ_NAMES_RUNS] = INDEX_RUNS };
	struct index *ix;
	int fd, r;

	fd = sys->openat(AT_FDCWD, file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return 0;
	r = index_load(&ix, fd, file->size, file->path, want[t->kind], NULL);
	(void)sys->close(fd);
	if (r < 0)
		return 0;
	if (t->q->schema != NULL && t->kind != AUDITQ_NAMES_FIELDS &&
	    !schema_equal(t->q->schema, index_schema(ix))) {
		index_free(ix);
		return 0;
	}
	if (t->kind == AUDITQ_NAMES_STAGES)
		r = tell_stages(t, ix);
	else if (t->kind == AUDITQ_NAMES_RUNS)
		r = tell_runs(t, ix);
	else
		r = tell_fields(t, ix);
	index_free(ix);
	return r < 0 ? r : 1;
}

/* ---- lines ---- */

static int
tell_leaf(void *arg, const char *path, size_t n, const struct field *value)
{
	struct telling *t = arg;

	(void)value;
	t->all &= path != NULL;
	t->r = tell(t, path, n);
	return t->r;
}

/* One with escapes stands for itself too seldom to be told. */
static int
tell_value(struct telling *t, const struct field *value)
{
	if (value->type != FIELD_STRING)
		return 0;
	t->all &= !value->escaped;
	return value->escaped ? 0 : tell(t, value->p, value->n);
}

static int
tell_line(struct telling *t, const struct schema *schema, const char *line, size_t n)
{
	struct schema_facts facts;

	t->r = 0;
	if (t->kind == AUDITQ_NAMES_FIELDS)
		(void)field_walk(line, n, tell_leaf, t);
	else if (schema_read(schema, line, n, &facts) == 0)
		t->r = tell_value(t, t->kind == AUDITQ_NAMES_RUNS ? &facts.run : &facts.stage);
	return t->r;
}

static int
tell_lines(struct telling *t, const struct schema *schema, const char *lines, size_t n)
{
	const char *at = lines, *line;
	size_t length;
	int r = 0;

	while (r == 0 && scan_line(&at, lines + n, &line, &length))
		r = tell_line(t, schema, line, length);
	return r;
}

/* What it begins with; what cannot be read was told by the search. */
static int
tell_stream(struct telling *t, const struct catalog_file *file, const struct schema *schema)
{
	const struct source_options opt = { .block_bytes = BLOCK_BYTES,
		.open_segment = file->open };
	struct source_block block;
	struct source *source;
	int r = source_open(&source, file->path, &opt, NULL);

	if (r < 0) {
		t->all = false;
		return 0;
	}
	if ((r = source_next(source, &block, NULL)) > 0)
		r = tell_lines(t, schema, block.p, block.n);
	else
		r = 0;
	if (r == 0 && source_next(source, &block, NULL) != 0)
		t->all = false;
	source_close(source);
	return r;
}

static int
tell_ring(struct telling *t, const struct spool *spool)
{
	int r = 0;

	for (size_t i = 0; i < spool->n && r == 0; i++)
		r = tell_line(t, &schema_default, spool->line[i].p, spool->line[i].n);
	return r;
}

/* ---- all files ---- */

static int
tell_all(struct telling *t, const struct plan *plan)
{
	size_t archives = 0, streams = 0;
	int r = 0;

	for (size_t i = plan->catalog.n; i-- > 0 && r >= 0;) {
		const struct plan_file *f = &plan->file[i];
		const bool archive = f->how == PLAN_ARCHIVE;

		if (f->how == PLAN_SKIP)
			continue;
		if (f->in->kind == CATALOG_RING)
			r = tell_ring(t, &f->in->spool);
		else if (archive ? archives++ >= ARCHIVES_MAX : streams++ >= STREAMS_MAX)
			t->all = false;
		else if (!archive || (r = tell_archive(t, f->in)) == 0)
			r = tell_stream(t, f->in, &plan->schema[f->schema]);
	}
	return r < 0 ? r : 0;
}

/* The files that a question looks in, whatever else it asks. */
static int
look(struct telling *t, auditq_error *err)
{
	struct question where = question_of_all(t->q);
	const struct qwarn nobody = { 0 };
	struct workers *workers = NULL;
	struct plan *plan = NULL;
	auditq_counts counts = { 0 };
	int r;

	where.after = t->q->after;
	where.before = t->q->before;
	if ((r = workers_new(&workers, 1, err)) == 0)
		r = plan_new(&plan, &where, NULL, false, workers, NULL, &nobody, &counts, err);
	if (r == 0)
		r = tell_all(t, plan);
	plan_free(plan);
	workers_free(workers);
	return r;
}

int
auditq_names(auditq_t *q, int kind, auditq_name_fn *fn, void *arg, auditq_error *err)
{
	struct telling t = { .kind = kind, .fn = fn, .arg = arg, .all = true, .err = err };
	int r;

	qerror_reset(err);
	if (q == NULL || fn == NULL || kind < AUDITQ_NAMES_STAGES || kind > AUDITQ_NAMES_RUNS)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "no query, or no such names");
	if (q->wrong.code != 0 || q->ask.path.n == 0)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "not a query that can be asked");
	for (size_t i = 0; i < q->ask.path.n; i++)
		if (strcmp(q->ask.path.p[i], "-") == 0)
			return 0;
	t.q = &q->ask;
	if ((t.told = names_new(TOLD_MAX, TOLD_BYTES)) == NULL)
		return no_memory(err);
	r = look(&t, err);
	names_free(t.told);
	return r < 0 ? r : t.all;
}

/* ---- what is asked ---- */

/* Test number *i below these nodes; as deep as parentheses are in EXPR_DEPTH. */
static const struct expr_node *
find_test(const struct expr_node *node, size_t *i)
{
	const struct expr_node *found = NULL;

	for (; node != NULL && found == NULL; node = node->next)
		if (node->path == NULL)
			found = find_test(node->child, i);
		else if ((*i)-- == 0)
			found = node;
	return found;
}

int
auditq_asked_field(const auditq_t *q, size_t i, const char **name, size_t *n)
{
	const struct expr_node *test = NULL;

	if (q == NULL || name == NULL || n == NULL)
		return AUDITQ_EINVAL;
	if (q->ask.where != NULL)
		test = find_test(expr_root(q->ask.where), &i);
	if (test != NULL) {
		*name = test->path;
		*n = test->npath;
		return 0;
	}
	for (size_t k = 0; k < q->ask.regex.n; k++) {
		const struct match_regex *regex = &q->ask.regex.p[k];

		if (regex->field == NULL || i-- > 0)
			continue;
		*name = regex->field;
		*n = regex->nfield;
		return 0;
	}
	return AUDITQ_ENOENT;
}
