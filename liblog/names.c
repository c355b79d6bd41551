#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define SLOTS_FIRST 64

struct name {
	size_t at; /* in text */
	size_t n;
	uint64_t hash;
};

struct names {
	struct bytes_out text;
	struct name *name;
	uint32_t *slot; /* number + 1, 0: free; at most half of them used */
	uint32_t count, cap, slots, max;
	size_t max_bytes;
};

struct names *
names_new(uint32_t max, size_t max_bytes)
{
	struct names *set = calloc(1, sizeof *set);

	if (set == NULL)
		return NULL;
	set->max = max;
	set->max_bytes = max_bytes;
	set->slots = SLOTS_FIRST;
	if ((set->slot = calloc(set->slots, sizeof *set->slot)) == NULL) {
		free(set);
		return NULL;
	}
	return set;
}

void
names_free(struct names *set)
{
	if (set == NULL)
		return;
	bytes_out_free(&set->text);
	free(set->name);
	free(set->slot);
	free(set);
}

/* Private to the process, so that any mixing of eight bytes at a time will do.  It begins with
 * where the set happens to lie: who chooses the names cannot choose the slots. */
static uint64_t
hash_of(const struct names *set, const char *s, size_t n)
{
	uint64_t h = n ^ (uint64_t)(uintptr_t)set, word;

	for (; n > 0; s += sizeof word, n -= sizeof word) {
		word = 0;
		if (n < sizeof word) {
			memcpy(&word, s, n);
			n = sizeof word;
		} else {
			memcpy(&word, s, sizeof word);
		}
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return h;
}

static void
place(struct names *set, uint32_t i)
{
	uint32_t at = (uint32_t)set->name[i].hash & (set->slots - 1);

	while (set->slot[at] != 0)
		at = (at + 1) & (set->slots - 1);
	set->slot[at] = i + 1;
}

/* Room for one more name, in the list and in the table. */
static int
grow(struct names *set)
{
	if (set->count == set->cap) {
		uint32_t cap = set->cap == 0 ? SLOTS_FIRST / 2 : 2 * set->cap;
		struct name *name = realloc(set->name, cap * sizeof *name);
		if (name == NULL)
			return -1;
		set->name = name;
		set->cap = cap;
	}
	if (2 * (set->count + 1) > set->slots) {
		uint32_t *slot = calloc(2 * (size_t)set->slots, sizeof *slot);
		if (slot == NULL)
			return -1;
		free(set->slot);
		set->slot = slot;
		set->slots *= 2;
		for (uint32_t i = 0; i < set->count; i++)
			place(set, i);
	}
	return 0;
}

/* The number of a name and one; 0: it is not in the set. */
static uint32_t
find(const struct names *set, uint64_t hash, const char *s, size_t n)
{
	uint32_t at = (uint32_t)hash & (set->slots - 1);
	const struct name *name;

	for (; set->slot[at] != 0; at = (at + 1) & (set->slots - 1)) {
		name = &set->name[set->slot[at] - 1];
		if (name->hash == hash && name->n == n &&
		    (n == 0 || memcmp(set->text.p + name->at, s, n) == 0))
			break;
	}
	return set->slot[at];
}

bool
names_has(const struct names *set, const char *s, size_t n)
{
	return find(set, hash_of(set, s, n), s, n) != 0;
}

int32_t
names_add(struct names *set, const char *s, size_t n)
{
	uint64_t hash = hash_of(set, s, n);
	uint32_t known = find(set, hash, s, n);

	if (known != 0)
		return (int32_t)(known - 1);
	if (set->count == set->max || (set->text.n > 0 && set->text.n + n > set->max_bytes))
		return NAMES_FULL;
	if (grow(set) < 0)
		return NAMES_NOMEM;
	bytes_put(&set->text, s, n);
	if (set->text.failed)
		return NAMES_NOMEM;
	set->name[set->count] = (struct name){ .at = set->text.n - n, .n = n, .hash = hash };
	place(set, set->count);
	return (int32_t)set->count++;
}

uint32_t
names_count(const struct names *set)
{
	return set->count;
}

const char *
names_get(const struct names *set, uint32_t i, size_t *n)
{
	*n = set->name[i].n;
	return (const char *)set->text.p + set->name[i].at;
}
