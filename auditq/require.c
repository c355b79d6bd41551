#include "require.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct require_text {
	struct require_text *next;
	char bytes[];
};

/* A clause being put together. */
struct clause {
	struct require *r;
	const struct schema *schema;
	struct scan_needle needle[SCAN_NEEDLES_MAX];
	size_t n;
	bool no_memory;
};

/* ---- literals ---- */

/* Bytes that a string's text can have in JSON in two ways even without \u. */
static bool
is_plain(char c)
{
	return (unsigned char)c >= 0x20 && c != '"' && c != '\\' && c != '/';
}

/* Add a copy of s, with a quote in front or behind. */
static bool
add_needle(struct clause *c, bool before, const char *s, size_t n, bool after, bool fold)
{
	size_t len = before + n + after;
	struct require_text *text;

	/* A single byte tells nothing; one place is for \u. */
	if (len < 2 || c->n == SCAN_NEEDLES_MAX - 1)
		return false;
	if ((text = malloc(sizeof *text + len)) == NULL) {
		c->no_memory = true;
		return false;
	}
	if (before)
		text->bytes[0] = '"';
	memcpy(text->bytes + before, s, n);
	if (after)
		text->bytes[len - 1] = '"';
	text->next = c->r->text;
	c->r->text = text;
	c->needle[c->n++] = (struct scan_needle){ .p = text->bytes, .n = len, .fold = fold };
	return true;
}

/* The longest stretch of a string's value that is spelled in one way.  open: more may come before or behind
 * the value, where there is no quote then. */
static bool
add_value(struct clause *c, const char *s, size_t n, bool open_front, bool open_back)
{
	size_t best = 0, nbest = 0;
	bool found = false, before, after;

	for (size_t i = 0, start = 0; i <= n; i++) {
		if (i < n && is_plain(s[i]))
			continue;
		if (!found || i - start > nbest) {
			best = start;
			nbest = i - start;
			found = true;
		}
		start = i + 1;
	}
	before = best == 0 && !open_front;
	after = best + nbest == n && !open_back;
	return add_needle(c, before, s + best, nbest, after, false);
}

/* Some object has a key that is the path, or what follows one of its dots. */
static bool
add_key(struct clause *c, const char *path, size_t n)
{
	const char *dot = memrchr(path, '.', n);
	size_t from = dot == NULL ? 0 : (size_t)(dot + 1 - path);

	return add_value(c, path + from, n - from, dot != NULL, false);
}

/* ---- the query's own filters ---- */

static bool
add_runs(struct clause *c, const struct match_query *q)
{
	for (size_t i = 0; i < q->nrun; i++)
		if (!add_value(c, q->run[i].id, q->run[i].n, false, !q->run[i].exact))
			return false;
	return q->nrun > 0;
}

static bool
add_stages(struct clause *c, const struct match_query *q)
{
	for (size_t i = 0; i < q->nstage; i++)
		if (!add_value(c, q->stage[i], strlen(q->stage[i]), false, false))
			return false;
	return q->nstage > 0;
}

/* A word in any case. */
static bool
add_word(struct clause *c, const char *word)
{
	char lower[SCHEMA_WORD_MAX];
	size_t n = strlen(word);

	for (size_t i = 0; i < n; i++) {
		if (!is_plain(word[i]))
			return false;
		lower[i] = word[i] >= 'A' && word[i] <= 'Z' ? (char)(word[i] | 0x20) : word[i];
	}
	return add_needle(c, true, lower, n, true, true);
}

/* The words for all levels in a set of bits.  A number is spelled in too many ways. */
static bool
add_levels(struct clause *c, unsigned levels)
{
	const struct schema *s = c->schema;
	const char *name;
	int level;

	for (size_t i = 0; i < s->ngrade; i++) {
		const struct schema_grade *g = &s->grade[i];

		if ((levels >> g->level & 1) == 0)
			continue;
		if (g->number || !add_word(c, g->word))
			return false;
	}
	for (size_t i = 0; (name = schema_level_name(i, &level)) != NULL; i++)
		if ((levels >> level & 1) != 0 && !add_word(c, name))
			return false;
	return levels != 0;
}

/* One of the words; else the key, without which no test holds. */
static bool
add_test(struct clause *c, const struct schema_test *test)
{
	const size_t n = c->n;

	if (test->exists || test->other || test->ranged)
		return add_key(c, test->key, strlen(test->key));
	for (size_t i = 0; i < test->nword; i++)
		if (!add_value(c, test->word[i], strlen(test->word[i]), false, false)) {
			c->n = n;
			return add_key(c, test->key, strlen(test->key));
		}
	return true;
}

static bool
add_failed(struct clause *c, const struct match_query *q)
{
	const struct schema *s = c->schema;
	unsigned levels = 0;

	if (!q->failed)
		return false;
	for (size_t i = 0; i < s->ntest; i++)
		if (!add_test(c, &s->test[i]))
			return false;
	for (int level = s->failed_level; level < SCHEMA_LEVELS; level++)
		levels |= 1u << level;
	return s->keys[SCHEMA_LEVEL].n == 0 || levels == 0 ? c->n > 0 : add_levels(c, levels);
}

static bool
add_asked_levels(struct clause *c, const struct match_query *q)
{
	return add_levels(c, q->levels);
}

/* ---- the expression ---- */

static bool
add_values(struct clause *c, const struct expr_node *node)
{
	for (size_t i = 0; i < node->nvalue; i++) {
		const struct expr_value *v = &node->value[i];

		if (v->type != FIELD_STRING || !add_value(c, v->text, v->n, false, false))
			return false;
	}
	return true;
}

/* Literals of which a line has one if the node is true of it; false, and perhaps some of them, when
 * nothing is known.  Recursion is bounded: the tree is as deep as parentheses are in EXPR_DEPTH. */
static bool
add_node(struct clause *c, const struct expr_node *node)
{
	const size_t n = c->n;

	switch (node->kind) {
	case EXPR_NOT: return false;
	case EXPR_OR:
		for (node = node->child; node != NULL; node = node->next)
			if (!add_node(c, node))
				return false;
		return true;
	case EXPR_AND:
		for (node = node->child; node != NULL; node = node->next) {
			if (add_node(c, node))
				return true;
			c->n = n;
		}
		return false;
	case EXPR_EQUAL:
		if (add_values(c, node))
			return true;
		c->n = n;
		break;
	default: break;
	}
	/* Of a field that is not there no test is true. */
	return add_key(c, node->path, node->npath);
}

/* Each has to be found in a field, which is there then.  What a pattern needs is not looked into. */
static bool
add_regexes(struct clause *c, const struct match_query *q)
{
	for (size_t i = 0; i < q->nregex; i++)
		if (q->regex[i].field == NULL ||
		    !add_key(c, q->regex[i].field, q->regex[i].nfield))
			return false;
	return q->nregex > 0;
}

/* ---- clauses ---- */

/* The clause is whole: take it. */
static void
take_clause(struct clause *c)
{
	struct scan_set *set = &c->r->clause[c->r->n++];

	scan_set_init(set);
	(void)scan_set_add(set, "\\u", 2, false);
	for (size_t i = 0; i < c->n; i++)
		(void)scan_set_add(set, c->needle[i].p, c->needle[i].n, c->needle[i].fold);
}

/* One of each operand of the outermost "and". */
static void
take_expression(struct clause *c, const struct expr_node *root)
{
	const struct expr_node *node = root->kind == EXPR_AND ? root->child : root;

	for (; node != NULL && c->r->n < REQUIRE_CLAUSES_MAX; node = node->next) {
		c->n = 0;
		if (add_node(c, node))
			take_clause(c);
		if (node == root)
			break;
	}
}

int
require_init(struct require *r, const struct match_query *query, const struct schema *schema,
    auditq_error *err)
{
	static bool (*const parts[])(struct clause *, const struct match_query *) = { add_runs,
		add_stages, add_failed, add_asked_levels, add_regexes };
	struct clause c = { .r = r, .schema = schema };

	*r = (struct require){ .n = 0 };
	if (query->invert)
		return 0;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		c.n = 0;
		if (parts[i](&c, query))
			take_clause(&c);
	}
	if (query->where != NULL)
		take_expression(&c, expr_root(query->where));
	if (!c.no_memory)
		return 0;
	require_release(r);
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "literals");
}

void
require_release(struct require *r)
{
	struct require_text *next;

	for (struct require_text *text = r->text; text != NULL; text = next) {
		next = text->next;
		free(text);
	}
	*r = (struct require){ .n = 0 };
}
