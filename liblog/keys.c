#include "keys.h"

#include <stdlib.h>
#include <string.h>

#include "bloom.h"
#include "format.h"
#include "names.h"
#include "section.h"

#define FILTER_BITS (FORMAT_FILTER_BYTES * 8)
/* Entries that fill a filter at 9.6 bits each, and strings of the run key that may crowd into
 * it. */
#define ENTRIES_MAX     (FILTER_BITS * 10 / 96)
#define RUN_ENTRIES_MAX 8192
/* Bounds the memory of a member with very many distinct strings. */
#define STRINGS_MAX (1u << 18)

enum role { ROLE_PLAIN, ROLE_RUN, ROLE_COUNTED };

/* One path; the lower part is about the member at hand. */
struct key {
	uint64_t hash; /* bloom_path */
	enum role role;
	uint32_t next;    /* the key that came behind this one in the last line, and one */
	uint32_t strings; /* distinct short ones */
	bool seen;
	bool other;   /* values that no filter holds */
	bool crowded; /* too many strings */
};

/* A short string under a key; keys are told apart, so that colliding hashes do no harm. */
struct string {
	uint64_t hash;
	uint32_t key; /* and one; 0: free */
};

/* A finished member. */
struct member {
	bool unlisted;
	uint8_t k;
	uint32_t bits;
	uint32_t nkeys;  /* known when it ended */
	uint8_t *states; /* one byte a key, then the filter */
};

struct keys {
	const struct schema *schema;
	struct names *names;
	struct key *key;  /* FORMAT_KEYS_MAX */
	uint32_t first;   /* the key that the last line began with, and one */
	uint32_t *expect; /* where the number of the next key is guessed */

	struct string *string; /* open addressing, at most half used */
	uint32_t strings, slots;
	bool unlisted;   /* in the member at hand */
	bool incomplete; /* in any */

	struct member *member;
	size_t members, cap;
};

#define SLOTS_FIRST (1u << 13)

struct keys *
keys_new(const struct schema *schema)
{
	struct keys *k = calloc(1, sizeof *k);

	if (k == NULL)
		return NULL;
	k->schema = schema;
	k->slots = SLOTS_FIRST;
	k->names = names_new(FORMAT_KEYS_MAX, SIZE_MAX);
	k->key = calloc(FORMAT_KEYS_MAX, sizeof *k->key);
	k->string = calloc(k->slots, sizeof *k->string);
	if (k->names == NULL || k->key == NULL || k->string == NULL) {
		keys_free(k);
		return NULL;
	}
	return k;
}

void
keys_free(struct keys *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->members; i++)
		free(k->member[i].states);
	free(k->member);
	free(k->string);
	free(k->key);
	names_free(k->names);
	free(k);
}

static bool
is_any(const struct schema_keys *keys, const char *path, size_t n)
{
	for (size_t i = 0; i < keys->n; i++)
		if (strlen(keys->key[i]) == n && memcmp(keys->key[i], path, n) == 0)
			return true;
	return false;
}

static enum role
role_of(const struct schema *s, const char *path, size_t n)
{
	if (is_any(&s->keys[SCHEMA_RUN], path, n))
		return ROLE_RUN;
	/* The summaries count these, which serves better than a filter. */
	return is_any(&s->keys[SCHEMA_LEVEL], path, n) ||
		is_any(&s->keys[SCHEMA_STATUS], path, n)
	    ? ROLE_COUNTED
	    : ROLE_PLAIN;
}

/* The key of a path; NULL when the dictionary is full, or *nomem. */
static struct key *
key_of(struct keys *k, const char *path, size_t n, bool *nomem)
{
	uint32_t known = names_count(k->names);
	const char *guess;
	size_t nguess;
	int32_t i;

	/* The lines of a log have their keys in the same order, mostly. */
	if (*k->expect > 0) {
		guess = names_get(k->names, *k->expect - 1, &nguess);
		if (nguess == n && memcmp(guess, path, n) == 0) {
			struct key *key = &k->key[*k->expect - 1];
			k->expect = &key->next;
			return key;
		}
	}
	if ((i = names_add(k->names, path, n)) < 0) {
		*nomem = i == NAMES_NOMEM;
		return NULL;
	}
	if ((uint32_t)i == known)
		k->key[i] = (struct key){
			.hash = bloom_path(path, n),
			.role = role_of(k->schema, path, n),
		};
	*k->expect = (uint32_t)i + 1;
	k->expect = &k->key[i].next;
	return &k->key[i];
}

/* The slot where a string is, or would be.  The hash is on disk and so known to all: where the
 * table happens to lie keeps those who choose the strings from choosing the slots. */
static struct string *
slot_of(struct string *string, uint32_t slots, uint64_t hash, uint32_t key)
{
	uint64_t mixed = (hash ^ (uintptr_t)string) * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t at = (uint32_t)(mixed >> 32) & (slots - 1);

	while (string[at].key != 0 && (string[at].hash != hash || string[at].key != key))
		at = (at + 1) & (slots - 1);
	return &string[at];
}

static int
grow(struct keys *k)
{
	uint32_t slots = 2 * k->slots;
	struct string *string = calloc(slots, sizeof *string);

	if (string == NULL)
		return -1;
	for (uint32_t i = 0; i < k->slots; i++)
		if (k->string[i].key != 0)
			*slot_of(string, slots, k->string[i].hash, k->string[i].key) =
			    k->string[i];
	free(k->string);
	k->string = string;
	k->slots = slots;
	return 0;
}

static int
add_string(struct keys *k, struct key *key, const char *s, size_t n)
{
	uint32_t number = (uint32_t)(key - k->key) + 1;
	uint64_t hash = bloom_hash(key->hash, s, n);
	struct string *slot = slot_of(k->string, k->slots, hash, number);

	if (slot->key != 0)
		return 0;
	if (key->strings == (key->role == ROLE_RUN ? RUN_ENTRIES_MAX : ENTRIES_MAX) ||
	    k->strings == STRINGS_MAX) {
		key->crowded = true;
		return 0;
	}
	if (2 * (k->strings + 1) > k->slots) {
		if (grow(k) < 0)
			return -1;
		slot = slot_of(k->string, k->slots, hash, number);
	}
	*slot = (struct string){ .hash = hash, .key = number };
	k->strings++;
	key->strings++;
	return 0;
}

/* What add_leaf ends a walk with; the walk itself knows -1. */
#define NOMEM (-2)

static int
add_leaf(void *arg, const char *path, size_t npath, const struct field *value)
{
	char decoded[FORMAT_STRING_MAX];
	struct keys *k = arg;
	struct key *key;
	bool nomem = false;
	const char *s = value->p;
	size_t n = value->n;

	if (path == NULL || (key = key_of(k, path, npath, &nomem)) == NULL) {
		k->unlisted = k->incomplete = true;
		return nomem ? NOMEM : 0;
	}
	key->seen = true;
	if (key->role == ROLE_COUNTED || key->crowded)
		return 0;
	/* At most six bytes of a token make one byte of the string. */
	if (value->type == FIELD_STRING && value->escaped && n <= 6 * sizeof decoded) {
		n = field_decode(value, decoded, sizeof decoded);
		s = decoded;
	}
	if (value->type != FIELD_STRING || n > sizeof decoded || format_time_like(s, n)) {
		key->other = true;
		return 0;
	}
	return add_string(k, key, s, n) < 0 ? NOMEM : 0;
}

int
keys_add(struct keys *k, const char *line, size_t n)
{
	int r;

	k->expect = &k->first;
	if ((r = field_walk(line, n, add_leaf, k)) == NOMEM)
		return -1;
	/* Were it to find fault with what schema_read accepted, there are paths that we do not know. */
	if (r < 0)
		k->unlisted = k->incomplete = true;
	return 0;
}

/* A key that could go into the filter. */
struct candidate {
	bool run;
	uint32_t strings, key;
};

static int
by_worth(const void *va, const void *vb)
{
	const struct candidate *a = va, *b = vb;

	if (a->run != b->run)
		return a->run ? -1 : 1;
	if (a->strings != b->strings)
		return a->strings < b->strings ? -1 : 1;
	return a->key < b->key ? -1 : 1;
}

/* Decide the states of all keys; returns how many strings the filter will hold. */
static uint32_t
choose(const struct keys *k, struct candidate *list, uint8_t *states)
{
	uint32_t nkeys = names_count(k->names), total = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < nkeys; i++) {
		const struct key *key = &k->key[i];
		states[i] = key->seen ? SECTION_UNINDEXED : SECTION_ABSENT;
		if (key->seen && key->role != ROLE_COUNTED && !key->crowded)
			list[n++] = (struct candidate){
				.run = key->role == ROLE_RUN, .strings = key->strings, .key = i
			};
	}
	if (n > 0)
		qsort(list, n, sizeof *list, by_worth);
	for (size_t i = 0; i < n; i++) {
		uint32_t most = list[i].run ? RUN_ENTRIES_MAX : ENTRIES_MAX;

		if (total + list[i].strings > most && list[i].strings > 0)
			continue;
		total += list[i].strings;
		states[list[i].key] =
		    k->key[list[i].key].other ? SECTION_PARTIAL : SECTION_COMPLETE;
	}
	return total;
}

/* Forget the member at hand. */
static void
begin_member(struct keys *k)
{
	for (uint32_t i = 0; i < names_count(k->names); i++) {
		k->key[i].strings = 0;
		k->key[i].seen = k->key[i].other = k->key[i].crowded = false;
	}
	memset(k->string, 0, k->slots * sizeof *k->string);
	k->strings = 0;
	k->unlisted = false;
}

static struct member *
new_member(struct keys *k)
{
	if (k->members == k->cap) {
		size_t cap = k->cap == 0 ? 16 : 2 * k->cap;
		struct member *m = realloc(k->member, cap * sizeof *m);
		if (m == NULL)
			return NULL;
		k->member = m;
		k->cap = cap;
	}
	return &k->member[k->members];
}

int
keys_end_member(struct keys *k)
{
	uint32_t nkeys = names_count(k->names), total, bits;
	struct candidate *list = calloc(nkeys + 1, sizeof *list);
	uint8_t *states = calloc(1, nkeys + FORMAT_FILTER_BYTES), *fit;
	struct member *m = new_member(k);

	if (list == NULL || states == NULL || m == NULL) {
		free(list);
		free(states);
		return -1;
	}
	total = choose(k, list, states);
	free(list);
	bits = bloom_bits(total, FILTER_BITS);
	*m = (struct member){
		.unlisted = k->unlisted,
		.k = bloom_k(total, bits),
		.bits = bits,
		.nkeys = nkeys,
		.states = states,
	};
	for (uint32_t i = 0; i < k->slots; i++) {
		const struct string *s = &k->string[i];
		if (s->key != 0 && states[s->key - 1] != SECTION_UNINDEXED)
			bloom_add(states + nkeys, bits, m->k, s->hash);
	}
	if ((fit = realloc(states, nkeys + bits / 8 + 1)) != NULL)
		m->states = fit;
	k->members++;
	begin_member(k);
	return 0;
}

struct ordered {
	const char *path;
	size_t n;
	uint32_t key;
};

static int
by_path(const void *va, const void *vb)
{
	const struct ordered *a = va, *b = vb;
	size_t n = a->n < b->n ? a->n : b->n;
	int c = n > 0 ? memcmp(a->path, b->path, n) : 0;

	if (c != 0)
		return c;
	return a->n < b->n ? -1 : a->n > b->n;
}

/* The states of one member in the order of the dictionary, packed. */
static void
pack_states(uint8_t *dst, const struct member *m, const struct ordered *order, size_t nkeys)
{
	for (size_t i = 0; i < nkeys; i++) {
		uint32_t key = order[i].key;
		unsigned state = key < m->nkeys ? m->states[key] : SECTION_ABSENT;
		dst[i / 4] = (uint8_t)(dst[i / 4] | state << 2 * (i % 4));
	}
}

int
keys_put(struct keys *k, struct bytes_out *keys, struct bytes_out *filters, bool *incomplete)
{
	size_t nkeys = names_count(k->names), nstates = (nkeys + 3) / 4;
	struct ordered *order = calloc(nkeys + 1, sizeof *order);
	struct section_filter *filter = calloc(k->members + 1, sizeof *filter);
	uint8_t *states = calloc(k->members + 1, nstates + 1);
	bool nomem = order == NULL || filter == NULL || states == NULL;

	for (uint32_t i = 0; !nomem && i < nkeys; i++) {
		order[i].path = names_get(k->names, i, &order[i].n);
		order[i].key = i;
	}
	if (!nomem) {
		qsort(order, nkeys, sizeof *order, by_path);
		bytes_put_u16(keys, (uint16_t)nkeys);
		for (size_t i = 0; i < nkeys; i++)
			section_put_key(keys, order[i].path, order[i].n);
		for (size_t i = 0; i < k->members; i++) {
			const struct member *m = &k->member[i];
			pack_states(states + i * nstates, m, order, nkeys);
			filter[i] = (struct section_filter){
				.unlisted = m->unlisted,
				.k = m->k,
				.bits = m->bits,
				.states = states + i * nstates,
				.bloom = m->states + m->nkeys,
			};
		}
		section_put_filters(filters, filter, k->members, nkeys);
		*incomplete = k->incomplete;
	}
	free(order);
	free(filter);
	free(states);
	return nomem || keys->failed || filters->failed ? -1 : 0;
}
