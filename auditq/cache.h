/*
 * cache - inflated members, kept for later queries; least recently used first to go.
 *
 * The public handle auditq_cache_t; its constructor, statistics and destructor are declared in auditq.h.
 * Any number of threads may use one.  An entry that is held survives its eviction.
 */
#ifndef CACHE_H
#define CACHE_H

#include "auditq.h"

/* What identifies the bytes of a member. */
struct cache_key {
	uint64_t dev, ino, size;
	int64_t mtime;
	uint64_t offset;
};

struct cache_entry {
	struct cache_key key;
	size_t n;
	char *data;
	unsigned held; /* by users; and by the cache itself */
	struct cache_entry *chain;
	struct cache_entry *newer, *older;
};

/* The entry, to be released, or NULL. */
struct cache_entry *cache_get(auditq_cache_t *cache, const struct cache_key *key);
/* Put a malloc'ed payload, which is the cache's from now on; the entry that holds it (or the one that was
 * there before), to be released; NULL when out of memory: then data is freed. */
struct cache_entry *cache_put_take(
    auditq_cache_t *cache, const struct cache_key *key, char *data, size_t n);
void cache_release(auditq_cache_t *cache, struct cache_entry *entry);

uint64_t cache_max(const auditq_cache_t *cache);
/* A query found its plan to be larger than the cache, and leaves it alone. */
void cache_bypass(auditq_cache_t *cache);

#endif
