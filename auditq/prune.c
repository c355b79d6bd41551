#include "prune.h"

#include <string.h>

/* Of more runs some member nearly always has one, or seems to. */
#define RUNS_MAX 64

/* To ask a member for more values than that costs more than it saves: one of them seems to be there. */
#define ASKED_MAX 256

/* A member, and what speaks against it first. */
struct question {
	const struct match_query *query;
	const struct index *ix;
	const struct schema *schema;
	const struct format_data *counts;
	size_t member;
	enum prune_reason reason;
};

static enum prune_answer
none(struct question *q, enum prune_reason reason)
{
	q->reason = reason;
	return PRUNE_NONE;
}

static bool
is_key(const struct expr_node *node, const char *key)
{
	return node->npath == strlen(key) && memcmp(node->path, key, node->npath) == 0;
}

/* Whether counts exclude a value of the keys that are counted. */
static bool
counted_out(const struct question *q, const struct expr_node *node, const struct expr_value *v)
{
	const struct schema *s = q->schema;
	const struct field value = { .type = FIELD_STRING, .p = v->text, .n = v->n };
	int level;

	for (size_t i = 0; q->counts->failed == 0 && i < s->ntest; i++)
		if (is_key(node, s->test[i].key) && schema_test_holds(&s->test[i], &value))
			return true;
	/* The value of another key is the level only where the first has none. */
	if (s->keys[SCHEMA_LEVEL].n == 0 || !is_key(node, s->keys[SCHEMA_LEVEL].key[0]))
		return false;
	level = schema_value_level(s, &value);
	return level != SCHEMA_NO_LEVEL && q->counts->levels[level] == 0;
}

static enum prune_answer
equal(struct question *q, const struct expr_node *node)
{
	bool counted = true;

	if (node->nvalue > ASKED_MAX)
		return PRUNE_SOME;
	for (size_t i = 0; i < node->nvalue; i++) {
		const struct expr_value *v = &node->value[i];
		if (v->type != FIELD_STRING)
			return PRUNE_SOME;
		if (counted_out(q, node, v))
			continue;
		counted = false;
		if (index_may_equal(q->ix, q->member, node->path, node->npath, v->text, v->n))
			return PRUNE_SOME;
	}
	return none(q, counted ? PRUNE_BY_COUNTS : PRUNE_BY_FILTER);
}

static enum prune_answer evaluate(struct question *q, const struct expr_node *node);

/* As soon as one operand gives the answer, it is that of all. */
static enum prune_answer
any_operand(struct question *q, const struct expr_node *node, enum prune_answer decides)
{
	enum prune_answer answer = decides == PRUNE_NONE ? PRUNE_ALL : PRUNE_NONE;

	for (const struct expr_node *child = node->child; child != NULL; child = child->next) {
		enum prune_answer one = evaluate(q, child);
		if (one == decides)
			return one;
		if (one == PRUNE_SOME)
			answer = PRUNE_SOME;
	}
	return answer;
}

/* Recursion is bounded: the tree is as deep as parentheses are in EXPR_DEPTH. */
static enum prune_answer
evaluate(struct question *q, const struct expr_node *node)
{
	enum prune_answer answer;

	switch (node->kind) {
	case EXPR_AND: return any_operand(q, node, PRUNE_NONE);
	case EXPR_OR: return any_operand(q, node, PRUNE_ALL);
	case EXPR_NOT:
		answer = evaluate(q, node->child);
		if (answer == PRUNE_ALL)
			return PRUNE_NONE;
		return answer == PRUNE_NONE ? PRUNE_ALL : PRUNE_SOME;
	default:
		if (!index_may_have(q->ix, q->member, node->path, node->npath))
			return none(q, PRUNE_BY_FILTER);
		return node->kind == EXPR_EQUAL ? equal(q, node) : PRUNE_SOME;
	}
}

/* Of all lines, so many. */
static enum prune_answer
by_count(struct question *q, uint64_t count)
{
	if (count == 0)
		return none(q, PRUNE_BY_COUNTS);
	return count == q->counts->lines ? PRUNE_ALL : PRUNE_SOME;
}

static enum prune_answer
by_failed(struct question *q)
{
	return q->query->failed ? by_count(q, q->counts->failed) : PRUNE_ALL;
}

static enum prune_answer
by_levels(struct question *q)
{
	uint64_t count = 0;

	if (q->query->levels == 0)
		return PRUNE_ALL;
	for (int level = 0; level < SCHEMA_LEVELS; level++)
		if ((q->query->levels >> level & 1) != 0)
			count += q->counts->levels[level];
	return by_count(q, count);
}

/* Whether some line may have this string where it counts for that role. */
static bool
any_may_equal(const struct question *q, enum schema_role role, const char *s, size_t n)
{
	const struct schema_keys *keys = &q->schema->keys[role];

	for (size_t i = 0; i < keys->n; i++)
		if (index_may_equal(q->ix, q->member, keys->key[i], strlen(keys->key[i]), s, n))
			return true;
	return false;
}

static enum prune_answer
by_runs(struct question *q)
{
	if (q->query->nrun == 0)
		return PRUNE_ALL;
	if (q->query->nrun > RUNS_MAX)
		return PRUNE_SOME;
	for (size_t i = 0; i < q->query->nrun; i++) {
		const struct match_run *run = &q->query->run[i];
		if (!run->exact || any_may_equal(q, SCHEMA_RUN, run->id, run->n))
			return PRUNE_SOME;
	}
	return none(q, PRUNE_BY_RUN);
}

static enum prune_answer
by_stages(struct question *q)
{
	if (q->query->nstage == 0)
		return PRUNE_ALL;
	for (size_t i = 0; i < q->query->nstage; i++) {
		const char *stage = q->query->stage[i];
		if (any_may_equal(q, SCHEMA_STAGE, stage, strlen(stage)))
			return PRUNE_SOME;
	}
	return none(q, PRUNE_BY_FILTER);
}

static enum prune_answer
by_where(struct question *q)
{
	return q->query->where != NULL ? evaluate(q, expr_root(q->query->where)) : PRUNE_ALL;
}

static enum prune_answer
by_regexes(struct question *q)
{
	if (q->query->nregex == 0)
		return PRUNE_ALL;
	for (size_t i = 0; i < q->query->nregex; i++) {
		const struct match_regex *regex = &q->query->regex[i];
		if (regex->field == NULL ||
		    index_may_have(q->ix, q->member, regex->field, regex->nfield))
			return PRUNE_SOME;
	}
	return none(q, PRUNE_BY_FILTER);
}

/* Of the lines for which not all holds. */
static enum prune_answer
invert(struct question *q, enum prune_answer answer)
{
	if (answer == PRUNE_ALL)
		return none(q, q->query->where != NULL ? PRUNE_BY_FILTER : PRUNE_BY_COUNTS);
	return answer == PRUNE_NONE ? PRUNE_ALL : PRUNE_SOME;
}

enum prune_answer
prune_member(const struct match_query *query, const struct index *ix, size_t member,
    enum prune_reason *reason)
{
	/* The cheapest first; it also has the word on the reason. */
	static enum prune_answer (*const parts[])(struct question *) = { by_failed, by_levels,
		by_runs, by_stages, by_where, by_regexes };
	struct question q = {
		.query = query,
		.ix = ix,
		.schema = index_schema(ix),
		.counts = index_member(ix, member),
		.member = member,
	};
	enum prune_answer answer = PRUNE_ALL;

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		enum prune_answer one = parts[i](&q);
		if (one == PRUNE_ALL)
			continue;
		answer = one;
		if (one == PRUNE_NONE)
			break;
	}
	if (query->invert)
		answer = invert(&q, answer);
	if (answer == PRUNE_NONE && reason != NULL)
		*reason = q.reason;
	return answer;
}
