#include "match.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

/* What a pattern may cost on one value before the query is given up. */
#define STEPS_MAX    1000000
#define HEAP_KIB_MAX 20000
#define JIT_STACK    (512 << 10)

/* Paths that any query may need; those of the expression come behind them. */
#define PATHS_FIXED SCHEMA_PATHS_MAX

/* What compiling adds to a node of the expression. */
struct test {
	size_t path;
	pcre2_code *pattern;
};

/* A field that is wanted: of a role in the schema, or by its path. */
struct want {
	enum schema_role role; /* SCHEMA_ROLES: none */
	size_t path;
};

struct match {
	const struct match_query *query;
	struct schema_layout layout;
	struct field_path *path; /* npath of them */
	struct field *value;     /* what the line at hand has there */
	size_t npath;
	struct test *test; /* by a node's id; behind those, one for each regex of the query */
	size_t ntest;
	struct test *regex; /* the first of those */
	struct want *want;
	pcre2_match_data *found;
	pcre2_match_context *limits;
	pcre2_jit_stack *stack;
	char *decoded; /* a string with its escapes resolved, for a pattern */
	size_t room;
	auditq_error *err; /* of the call at hand */
};

/* ---- compiling ------------------------------------------------------------------------- */

static size_t
add_path(struct match *m, const char *text, size_t n)
{
	for (size_t i = 0; i < m->npath; i++)
		if (m->path[i].n == n && memcmp(m->path[i].text, text, n) == 0)
			return i;
	field_path_set(&m->path[m->npath], text, n);
	return m->npath++;
}

static void
add_fixed_paths(struct match *m, const struct schema *schema)
{
	const struct match_query *q = m->query;
	unsigned want = SCHEMA_WANT(SCHEMA_TIME);

	if (q->nrun > 0)
		want |= SCHEMA_WANT(SCHEMA_RUN);
	if (q->nstage > 0)
		want |= SCHEMA_WANT(SCHEMA_STAGE);
	if (q->levels != 0)
		want |= SCHEMA_WANT(SCHEMA_LEVEL);
	if (q->failed || q->outcome)
		want |= SCHEMA_WANT_FAILED;
	for (size_t i = 0; i < q->nwant; i++)
		if ((m->want[i].role = schema_role(q->want[i])) < SCHEMA_ROLES)
			want |= SCHEMA_WANT(m->want[i].role);
	schema_lay_out(&m->layout, schema, want);
	memcpy(m->path, m->layout.path, m->layout.n * sizeof *m->path);
	m->npath = m->layout.n;
}

static void
add_wanted(struct match *m)
{
	for (size_t i = 0; i < m->query->nwant; i++) {
		const char *name = m->query->want[i];

		if (m->want[i].role == SCHEMA_ROLES)
			m->want[i].path = add_path(m, name, strlen(name));
	}
}

static int
compile_pattern(struct match *m, const char *text, size_t n, size_t pos, pcre2_code **out)
{
	PCRE2_UCHAR why[128];
	PCRE2_SIZE at;
	int code;

	*out = pcre2_compile((PCRE2_SPTR)text, n,
	    PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (*out == NULL) {
		pcre2_get_error_message(code, why, sizeof why);
		return qerror_set_at(
		    m->err, AUDITQ_EREGEX, NULL, pos + at, "pattern: %s", (const char *)why);
	}
	/* Without JIT (the system may forbid it) the same answers come slower. */
	(void)pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE);
	return 0;
}

/* Recursion is bounded: the tree is as deep as parentheses are in EXPR_DEPTH. */
static int
compile_node(struct match *m, const struct expr_node *node)
{
	int r;

	if (node->path != NULL)
		m->test[node->id].path = add_path(m, node->path, node->npath);
	if (node->kind == EXPR_REGEX)
		return compile_pattern(m, node->value->text, node->value->n, node->value->pos,
		    &m->test[node->id].pattern);
	for (const struct expr_node *child = node->child; child != NULL; child = child->next)
		if ((r = compile_node(m, child)) < 0)
			return r;
	return 0;
}

static int
compile_regexes(struct match *m)
{
	for (size_t i = 0; i < m->query->nregex; i++) {
		const struct match_regex *regex = &m->query->regex[i];
		struct test *test = &m->regex[i];
		int r;

		if (regex->field != NULL)
			test->path = add_path(m, regex->field, regex->nfield);
		r = compile_pattern(m, regex->pattern, regex->npattern, 0, &test->pattern);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool
allocate(struct match *m)
{
	const size_t nodes = m->query->where != NULL ? expr_nodes(m->query->where) : 0;
	size_t most;

	m->ntest = nodes + m->query->nregex;
	most = PATHS_FIXED + m->query->nwant + m->ntest;
	m->path = calloc(most, sizeof *m->path);
	m->value = calloc(most, sizeof *m->value);
	m->test = calloc(m->ntest + 1, sizeof *m->test);
	m->want = calloc(m->query->nwant + 1, sizeof *m->want);
	m->found = pcre2_match_data_create(1, NULL);
	m->limits = pcre2_match_context_create(NULL);
	m->stack = pcre2_jit_stack_create(32 << 10, JIT_STACK, NULL);
	if (m->path == NULL || m->value == NULL || m->test == NULL || m->want == NULL ||
	    m->found == NULL || m->limits == NULL)
		return false;
	m->regex = m->test + nodes;
	pcre2_set_match_limit(m->limits, STEPS_MAX);
	pcre2_set_heap_limit(m->limits, HEAP_KIB_MAX);
	if (m->stack != NULL) /* NULL also where there is no JIT */
		pcre2_jit_stack_assign(m->limits, NULL, m->stack);
	return true;
}

int
match_new(struct match **ret, const struct match_query *query, const struct schema *schema,
    auditq_error *err)
{
	struct match *m = calloc(1, sizeof *m);
	int r = 0;

	qerror_reset(err);
	if (m == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, 0, NULL, "match");
	m->query = query;
	m->err = err;
	if (!allocate(m)) {
		match_free(m);
		return qerror_set(err, AUDITQ_ENOMEM, 0, NULL, "match");
	}
	add_fixed_paths(m, schema);
	add_wanted(m);
	if (query->where != NULL)
		r = compile_node(m, expr_root(query->where));
	if (r == 0)
		r = compile_regexes(m);
	if (r < 0) {
		match_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

void
match_free(struct match *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; m->test != NULL && i < m->ntest; i++)
		pcre2_code_free(m->test[i].pattern);
	pcre2_match_context_free(m->limits);
	pcre2_jit_stack_free(m->stack);
	pcre2_match_data_free(m->found);
	free(m->decoded);
	free(m->want);
	free(m->test);
	free(m->value);
	free(m->path);
	free(m);
}

/* ---- tests of the expression ----------------------------------------------------------- */

static bool
equal(const struct field *f, const struct expr_value *v)
{
	if (v->type == FIELD_ABSENT)
		return schema_value_time(f) == v->instant;
	if (f->type != v->type)
		return false;
	if (f->type == FIELD_STRING)
		return field_equals(f, v->text, v->n);
	return f->type != FIELD_NUMBER || field_number_compare(f->p, f->n, v->text, v->n) == 0;
}

/* The order of a field's value among sorted ones. */
static int
compare(const struct field *f, const struct expr_value *v)
{
	if (f->type != v->type)
		return f->type < v->type ? -1 : 1;
	if (f->type == FIELD_STRING)
		return field_compare(f, v->text, v->n);
	return f->type == FIELD_NUMBER ? field_number_compare(f->p, f->n, v->text, v->n) : 0;
}

/* Of many values, sorted; times, which values of two types can be, come first. */
static bool
equal_any_sorted(const struct field *f, const struct expr_node *node)
{
	size_t lo = 0, hi = node->nvalue;

	for (; lo < hi && node->value[lo].type == FIELD_ABSENT; lo++)
		if (equal(f, &node->value[lo]))
			return true;
	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;
		const int r = compare(f, &node->value[mid]);

		if (r == 0)
			return true;
		if (r < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

static bool
equal_any(const struct field *f, const struct expr_node *node)
{
	if (node->nvalue >= EXPR_SORTED)
		return equal_any_sorted(f, node);
	for (size_t i = 0; i < node->nvalue; i++)
		if (equal(f, &node->value[i]))
			return true;
	return false;
}

/* Of a field's value with a number, a string or a time; false: they have none. */
static bool
get_order(const struct field *f, const struct expr_value *v, int *order)
{
	int64_t instant;

	if (v->type == FIELD_ABSENT) {
		instant = schema_value_time(f);
		*order = (instant > v->instant) - (instant < v->instant);
		return instant != CLOCK_NONE;
	}
	if (f->type != v->type)
		return false;
	*order = compare(f, v);
	return true;
}

static bool
in_order(const struct field *f, const struct expr_node *node)
{
	int r;

	if (!get_order(f, node->value, &r))
		return false;
	switch (node->kind) {
	case EXPR_LESS: return r < 0;
	case EXPR_LESS_EQUAL: return r <= 0;
	case EXPR_GREATER: return r > 0;
	default: return r >= 0;
	}
}

/* The bytes of a string, decoded where they must be. */
static const char *
decode(struct match *m, const struct field *f, size_t *n)
{
	*n = f->n;
	if (!f->escaped)
		return f->p;
	if (f->n > m->room) {
		char *p = realloc(m->decoded, f->n);
		if (p == NULL)
			return NULL;
		m->decoded = p;
		m->room = f->n;
	}
	*n = field_decode(f, m->decoded, m->room);
	return m->decoded;
}

/* field: which string it is, nfield bytes of it, for the message; pos: of the pattern in its text. */
static int
match_bytes(struct match *m, const pcre2_code *pattern, const char *s, size_t n,
    const char *field, size_t nfield, size_t pos)
{
	PCRE2_UCHAR why[128];
	int r = pcre2_match(pattern, (PCRE2_SPTR)s, n, 0, 0, m->found, m->limits);

	if (r >= 0)
		return 1;
	if (r == PCRE2_ERROR_NOMATCH)
		return 0;
	pcre2_get_error_message(r, why, sizeof why);
	return qerror_set_at(m->err, AUDITQ_EREGEX, NULL, pos, "pattern on '%.*s' given up: %s",
	    nfield < 64 ? (int)nfield : 64, field, (const char *)why);
}

static int
match_field(
    struct match *m, const struct test *test, const char *path, size_t npath, size_t pos)
{
	const struct field *f = &m->value[test->path];
	const char *s;
	size_t n;

	if (f->type != FIELD_STRING)
		return 0;
	if ((s = decode(m, f, &n)) == NULL)
		return qerror_set(m->err, AUDITQ_ENOMEM, 0, NULL, "match");
	return match_bytes(m, test->pattern, s, n, path, npath, pos);
}
static int evaluate(struct match *m, const struct expr_node *node);

/* 1 when an operand gives want, 0 when none does; as many are looked at as it takes. */
static int
any_operand(struct match *m, const struct expr_node *node, int want)
{
	for (const struct expr_node *child = node->child; child != NULL; child = child->next) {
		int r = evaluate(m, child);
		if (r < 0 || r == want)
			return r < 0 ? r : 1;
	}
	return 0;
}

static int
evaluate(struct match *m, const struct expr_node *node)
{
	const struct field *f = &m->value[m->test[node->id].path];
	int r;

	switch (node->kind) {
	case EXPR_OR: return any_operand(m, node, 1);
	case EXPR_AND:
	case EXPR_NOT: r = any_operand(m, node, node->kind == EXPR_NOT); return r < 0 ? r : !r;
	case EXPR_EXISTS: return f->type != FIELD_ABSENT;
	case EXPR_EQUAL: return equal_any(f, node);
	case EXPR_REGEX:
		return match_field(
		    m, &m->test[node->id], node->path, node->npath, node->value->pos);
	default: return in_order(f, node);
	}
}

/* ---- lines ----------------------------------------------------------------------------- */

static bool
is_run(const struct field *f, const struct match_run *run)
{
	return run->exact ? field_equals(f, run->id, run->n) : field_starts(f, run->id, run->n);
}

int
match_run_compare(const char *a, size_t na, const char *b, size_t nb)
{
	int c = memcmp(a, b, na < nb ? na : nb);

	return c != 0 ? c : (na > nb) - (na < nb);
}

size_t
match_run_find(const struct match_run *run, size_t n, const char *id, size_t nid)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = match_run_compare(run[mid].id, run[mid].n, id, nid);

		if (c == 0)
			return mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return n;
}

static bool
is_sorted_run(const struct match_query *q, const struct field *f)
{
	size_t lo = 0, hi = q->nrun;

	while (f->type == FIELD_STRING && lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = field_compare(f, q->run[mid].id, q->run[mid].n);

		if (c == 0)
			return true;
		if (c > 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static bool
is_any_run(const struct match *m)
{
	const struct match_query *q = m->query;
	const struct field *f;

	if (q->nrun == 0)
		return true;
	f = schema_layout_value(&m->layout, m->value, SCHEMA_RUN);
	if (q->runs_sorted)
		return is_sorted_run(q, f);
	for (size_t i = 0; f->type == FIELD_STRING && i < q->nrun; i++)
		if (is_run(f, &q->run[i]))
			return true;
	return false;
}

static bool
is_any_stage(const struct match *m)
{
	const struct match_query *q = m->query;
	const struct field *f;

	if (q->nstage == 0)
		return true;
	f = schema_layout_value(&m->layout, m->value, SCHEMA_STAGE);
	for (size_t i = 0; f->type == FIELD_STRING && i < q->nstage; i++)
		if (field_equals(f, q->stage[i], strlen(q->stage[i])))
			return true;
	return false;
}

static bool
has_level(const struct match *m)
{
	unsigned levels = m->query->levels;
	int level;

	if (levels == 0)
		return true;
	level = schema_layout_level(&m->layout, m->value);
	return level != SCHEMA_NO_LEVEL && (levels >> level & 1) != 0;
}

static int
is_any_regex(struct match *m, const char *line, size_t n)
{
	static const char whole[] = "the line";

	for (size_t i = 0; i < m->query->nregex; i++) {
		const struct match_regex *regex = &m->query->regex[i];
		const struct test *test = &m->regex[i];
		int r = regex->field != NULL
		    ? match_field(m, test, regex->field, regex->nfield, 0)
		    : match_bytes(m, test->pattern, line, n, whole, sizeof whole - 1, 0);

		if (r != 0)
			return r;
	}
	return m->query->nregex == 0;
}

/* All but the time; 1, 0 or why the query is given up. */
static int
has_content(struct match *m, const char *line, size_t n)
{
	const struct match_query *q = m->query;
	int r = 1;

	if (!is_any_stage(m) || !is_any_run(m) || !has_level(m) ||
	    (q->failed && !match_failed(m)))
		return 0;
	if (q->where != NULL)
		r = evaluate(m, expr_root(q->where));
	return r > 0 ? is_any_regex(m, line, n) : r;
}

int
match_line(
    struct match *m, const char *line, size_t n, struct match_facts *facts, auditq_error *err)
{
	int r;

	facts->ts = CLOCK_NONE;
	if (field_get(line, n, m->path, m->npath, m->value) < 0)
		return AUDITQ_EJSON;
	facts->ts = schema_layout_time(&m->layout, m->value);
	m->err = err;
	if ((r = has_content(m, line, n)) < 0)
		return r;
	return r != m->query->invert;
}

const struct field *
match_wanted(const struct match *m, size_t i)
{
	const struct want *want = &m->want[i];

	if (want->role == SCHEMA_ROLES)
		return &m->value[want->path];
	return schema_layout_value(&m->layout, m->value, want->role);
}

bool
match_wanted_ms(const struct match *m, size_t i, double *out)
{
	if (m->want[i].role == SCHEMA_DURATION)
		return schema_layout_duration(&m->layout, m->value, out);
	return field_double(match_wanted(m, i), out);
}

bool
match_failed(const struct match *m)
{
	return schema_layout_failed(&m->layout, m->value);
}

bool
match_ended(const struct match *m)
{
	return schema_layout_ended(&m->layout, m->value);
}
