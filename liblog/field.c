#include "field.h"

#include <string.h>

#include "quotes.h"
#include "token.h"

/* Paths that are looked for in one pass over a line. */
#define BATCH 32

/* Where a dotted path may go on: the object under a key that is the path up to some dot. */
struct lead {
	struct field object;
	size_t prefix; /* where the path goes on, behind that dot; 0: no such key yet */
	bool several;  /* keys up to another dot were seen too */
	bool whole;    /* the path itself is a key: nothing is longer */
};

void
field_path_set(struct field_path *path, const char *text, size_t n)
{
	path->text = text;
	path->n = n;
	path->dotted = n > 0 && memchr(text, '.', n) != NULL;
}

/* Stand at the opening brace of a line. */
static int
line_open(struct cursor *c, const char *line, size_t n)
{
	*c = (struct cursor){ .p = line, .end = line + n };
	if (n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
		c->p += 3;
	token_space(c);
	return token_at(c, '{') ? 0 : token_fail(c, "expected '{'");
}

/* Stand at the opening brace of a line whose quotes are known, if it is of that kind. */
static int
line_open_fast(struct cursor *c, const char *line, size_t n, uint16_t quote[QUOTES_ROOM])
{
	int r = line_open(c, line, n), quotes;

	if (r < 0 || n > QUOTES_LINE_MAX)
		return r;
	n -= n > 0 && line[n - 1] == '\r';
	quotes = quotes_find(quotes_best_way(), line, n, quote);
	if (quotes >= 0 && quotes % 2 == 0) {
		c->line = line;
		c->quote = quote;
	}
	return 0;
}

static int
line_close(struct cursor *c)
{
	token_space(c);
	return c->p == c->end ? 0 : token_fail(c, "text after the object");
}

int
field_check(const char *line, size_t n, size_t *pos, const char **why)
{
	uint16_t quote[QUOTES_ROOM];
	struct cursor c;
	struct field object;

	if (line_open_fast(&c, line, n, quote) == 0 && token_value(&c, 0, &object) == 0 &&
	    line_close(&c) == 0)
		return 0;
	if (pos != NULL)
		*pos = (size_t)(c.p - line);
	if (why != NULL)
		*why = c.why;
	return -1;
}

/* Behind '{' (first) or a member: 1 and at the value of the next member, 0 behind '}', -1. */
static inline int
next_key(struct cursor *c, bool first, struct field *key)
{
	token_space(c);
	if (token_at(c, '}')) {
		c->p++;
		return 0;
	}
	if (!first) {
		if (!token_at(c, ','))
			return token_fail(c, "expected ',' or '}'");
		c->p++;
		token_space(c);
	}
	if (token_key(c, key) < 0)
		return -1;
	return 1;
}

/*
 * When the key, decoded, is text[from..end) for some end at a dot or at the end of the text:
 * true and that end.
 */
static bool
key_leads(const struct field *key, const char *text, size_t n, size_t from, size_t *end)
{
	size_t length = key->escaped ? field_decode(key, NULL, 0) : key->n;

	if (length > n - from || (from + length < n && text[from + length] != '.'))
		return false;
	*end = from + length;
	return field_equals(key, text + from, length);
}

/* One level of the search below: an object, and which prefixes of text[from..n) were tried. */
struct level {
	struct cursor object; /* behind its '{' */
	size_t from;
	size_t below; /* ends of prefixes still to be tried are below this */
};

/* The member whose key is the longest prefix not tried yet; false when there is none. */
static bool
longest_member(
    const struct level *level, const char *text, size_t n, size_t *end, struct field *value)
{
	struct cursor c = level->object;
	struct field key, v;
	bool found = false;
	size_t e;

	for (bool first = true; next_key(&c, first, &key) > 0; first = false) {
		if (token_value(&c, 1, &v) < 0)
			break;
		if (!key_leads(&key, text, n, level->from, &e) || e >= level->below)
			continue;
		if (!found || e >= *end) {
			found = true;
			*end = e;
			*value = v;
		}
	}
	return found;
}

/* Resolve text[from..n) in an object that was found valid. */
static void
resolve(const struct field *object, const char *text, size_t n, size_t from, struct field *out)
{
	struct level stack[FIELD_DEPTH];
	struct field value;
	size_t end = 0;
	int top = 0;

	stack[0].object = (struct cursor){ .p = object->p + 1, .end = object->p + object->n };
	stack[0].from = from;
	stack[0].below = n + 1;
	while (top >= 0) {
		struct level *level = &stack[top];
		if (!longest_member(level, text, n, &end, &value)) {
			top--;
			continue;
		}
		if (end == n) {
			*out = value;
			return;
		}
		level->below = end;
		if (value.type != FIELD_OBJECT || top + 1 == FIELD_DEPTH)
			continue;
		top++;
		stack[top].object =
		    (struct cursor){ .p = value.p + 1, .end = value.p + value.n };
		stack[top].from = end + 1;
		stack[top].below = n + 1;
	}
}

/* A member of the line's object, for a dotted path. */
static void
lead_note(struct lead *lead, const struct field_path *path, const struct field *key,
    const struct field *value, struct field *out)
{
	size_t end;

	if (!key_leads(key, path->text, path->n, 0, &end))
		return;
	if (end == path->n) {
		lead->whole = true;
		*out = *value;
	} else if (lead->prefix == 0 || lead->prefix == end + 1) {
		lead->prefix = end + 1;
		lead->object = *value;
	} else {
		lead->several = true;
	}
}

static void
lead_follow(const struct lead *lead, const struct field_path *path, const struct field *line,
    struct field *out)
{
	if (lead->whole || lead->prefix == 0)
		return;
	if (lead->several)
		resolve(line, path->text, path->n, 0, out);
	else if (lead->object.type == FIELD_OBJECT)
		resolve(&lead->object, path->text, path->n, lead->prefix, out);
}

/* Keys and the paths that they might be are told apart by first byte and length. */
#define SLOTS 64

static inline size_t
slot_of(const char *p, size_t n)
{
	return (n * 7 + (n > 0 ? (unsigned char)*p : 0)) % SLOTS;
}

/* The paths that are looked for at once. */
struct wanted {
	const struct field_path *path;
	size_t n;
	struct field *out;
	uint8_t first[SLOTS]; /* of the paths without dots in a slot, its number + 1 */
	uint8_t next[BATCH];  /* of the same slot, likewise */
	uint8_t dotted[BATCH];
	size_t ndotted;
	struct lead lead[BATCH]; /* of those with dots */
};

static void
wanted_init(struct wanted *w, const struct field_path *path, size_t npath, struct field *out)
{
	w->path = path;
	w->n = npath;
	w->out = out;
	w->ndotted = 0;
	memset(w->first, 0, sizeof w->first);
	for (size_t i = 0; i < npath; i++) {
		out[i].type = FIELD_ABSENT;
		if (path[i].dotted) {
			w->lead[i] = (struct lead){ .prefix = 0 };
			w->dotted[w->ndotted++] = (uint8_t)i;
		} else {
			uint8_t *first = &w->first[slot_of(path[i].text, path[i].n)];

			w->next[i] = *first;
			*first = (uint8_t)(i + 1);
		}
	}
}

/* A member of the line's object. */
static inline void
wanted_note(struct wanted *w, const struct field *key, const struct field *value)
{
	for (size_t i = w->first[slot_of(key->p, key->n)]; i != 0; i = w->next[i - 1])
		if (key->n == w->path[i - 1].n &&
		    memcmp(key->p, w->path[i - 1].text, key->n) == 0)
			w->out[i - 1] = *value;
	for (size_t k = 0; k < w->ndotted; k++) {
		size_t i = w->dotted[k];

		lead_note(&w->lead[i], &w->path[i], key, value, &w->out[i]);
	}
}

/* The same when its key has escapes. */
static void
wanted_note_escaped(struct wanted *w, const struct field *key, const struct field *value)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->path[i].dotted)
			lead_note(&w->lead[i], &w->path[i], key, value, &w->out[i]);
		else if (field_equals(key, w->path[i].text, w->path[i].n))
			w->out[i] = *value;
}

static int
get_batch(
    const char *line, size_t n, const struct field_path *path, size_t npath, struct field *out)
{
	uint16_t quote[QUOTES_ROOM];
	struct field key, value, object;
	struct wanted wanted;
	struct cursor c;
	int r;

	if (line_open_fast(&c, line, n, quote) < 0)
		return -1;
	wanted_init(&wanted, path, npath, out);
	object.p = c.p++;
	for (bool first = true; (r = next_key(&c, first, &key)) > 0; first = false) {
		if (token_value(&c, 1, &value) < 0)
			return -1;
		if (key.escaped)
			wanted_note_escaped(&wanted, &key, &value);
		else
			wanted_note(&wanted, &key, &value);
	}
	object.n = (size_t)(c.p - object.p);
	if (r < 0 || line_close(&c) < 0)
		return -1;
	for (size_t i = 0; i < wanted.ndotted; i++) {
		size_t k = wanted.dotted[i];

		lead_follow(&wanted.lead[k], &path[k], &object, &out[k]);
	}
	return 0;
}

int
field_get(
    const char *line, size_t n, const struct field_path *path, size_t npath, struct field *out)
{
	size_t done = 0;

	do {
		size_t some = npath - done < BATCH ? npath - done : BATCH;
		if (get_batch(line, n, path + done, some, out + done) < 0)
			return -1;
		done += some;
	} while (done < npath);
	return 0;
}

/* Put '.' (below the top level) and the decoded key behind the first len bytes; the new length,
 * or one over FIELD_PATH_MAX when that has no room. */
static size_t
path_append(char path[FIELD_PATH_MAX], size_t len, bool top, const struct field *key)
{
	if (!top) {
		if (len >= FIELD_PATH_MAX)
			return FIELD_PATH_MAX + 1;
		path[len++] = '.';
	}
	len += field_decode(key, path + len, FIELD_PATH_MAX - len);
	return len <= FIELD_PATH_MAX ? len : FIELD_PATH_MAX + 1;
}

/* Whether an object with members starts here. */
static bool
descends(const struct cursor *c)
{
	struct cursor inside = *c;

	if (!token_at(&inside, '{'))
		return false;
	inside.p++;
	token_space(&inside);
	return !token_at(&inside, '}');
}

static int
walk_object(struct cursor *c, field_walk_fn *fn, void *arg)
{
	char path[FIELD_PATH_MAX];
	size_t length[FIELD_DEPTH] = { 0 }; /* of the path of each open object */
	struct field key, value;
	bool first = true;
	int depth = 1;
	size_t len;
	int r;

	while (depth > 0) {
		if ((r = next_key(c, first, &key)) < 0)
			return -1;
		first = false;
		if (r == 0) {
			depth--;
			continue;
		}
		len = path_append(path, length[depth - 1], depth == 1, &key);
		if (descends(c) && depth < FIELD_DEPTH) {
			c->p++;
			length[depth++] = len;
			first = true;
			continue;
		}
		if (token_value(c, depth, &value) < 0)
			return -1;
		if ((r = fn(arg, len <= FIELD_PATH_MAX ? path : NULL, len, &value)) != 0)
			return r;
	}
	return line_close(c);
}

int
field_walk(const char *line, size_t n, field_walk_fn *fn, void *arg)
{
	uint16_t quote[QUOTES_ROOM];
	struct cursor c;

	if (line_open_fast(&c, line, n, quote) < 0)
		return -1;
	c.p++;
	return walk_object(&c, fn, arg);
}

int
field_members(const struct field *object, size_t *iter, struct field *key, struct field *value)
{
	struct cursor c = { .p = object->p + *iter, .end = object->p + object->n };
	bool first = *iter == 0;
	int r;

	if (first) {
		if (object->type != FIELD_OBJECT || !token_at(&c, '{'))
			return -1;
		c.p++;
	}
	if ((r = next_key(&c, first, key)) <= 0)
		return r;
	if (token_value(&c, 1, value) < 0)
		return -1;
	*iter = (size_t)(c.p - object->p);
	return 1;
}

int
field_elements(const struct field *array, size_t *iter, struct field *value)
{
	struct cursor c = { .p = array->p + *iter, .end = array->p + array->n };

	if (*iter == 0) {
		if (array->type != FIELD_ARRAY || !token_at(&c, '['))
			return -1;
		c.p++;
		token_space(&c);
		if (token_at(&c, ']'))
			return 0;
	} else {
		token_space(&c);
		if (token_at(&c, ']'))
			return 0;
		if (!token_at(&c, ','))
			return -1;
		c.p++;
		token_space(&c);
	}
	if (token_value(&c, 1, value) < 0)
		return -1;
	*iter = (size_t)(c.p - array->p);
	return 1;
}
