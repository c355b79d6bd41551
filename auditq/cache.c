#include "cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKET_BITS 12

struct auditq_cache {
	pthread_mutex_t lock;
	struct cache_entry *bucket[1 << BUCKET_BITS];
	struct cache_entry *newest, *oldest;
	uint64_t max_bytes;
	auditq_cache_stats stats;
};

auditq_cache_t *
auditq_cache_new(uint64_t max_bytes)
{
	auditq_cache_t *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	if (pthread_mutex_init(&c->lock, NULL) != 0) {
		free(c);
		return NULL;
	}
	c->max_bytes = max_bytes;
	return c;
}

static void
entry_free(struct cache_entry *e)
{
	free(e->data);
	free(e);
}

void
auditq_cache_free(auditq_cache_t *c)
{
	struct cache_entry *older;

	if (c == NULL)
		return;
	for (struct cache_entry *e = c->newest; e != NULL; e = older) {
		older = e->older;
		entry_free(e);
	}
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

int
auditq_cache_get_stats(const auditq_cache_t *cache, auditq_cache_stats *out)
{
	auditq_cache_t *c = (auditq_cache_t *)cache; /* only its lock is written */
	auditq_cache_stats stats;
	size_t size;

	if (cache == NULL || out == NULL || out->size < sizeof out->size)
		return AUDITQ_EINVAL;
	(void)pthread_mutex_lock(&c->lock);
	stats = c->stats;
	(void)pthread_mutex_unlock(&c->lock);
	stats.size = size = out->size < sizeof stats ? out->size : sizeof stats;
	memcpy(out, &stats, size);
	return 0;
}

uint64_t
cache_max(const auditq_cache_t *cache)
{
	return cache->max_bytes;
}

void
cache_bypass(auditq_cache_t *c)
{
	(void)pthread_mutex_lock(&c->lock);
	c->stats.bypassed++;
	(void)pthread_mutex_unlock(&c->lock);
}

static bool
key_equal(const struct cache_key *a, const struct cache_key *b)
{
	return a->offset == b->offset && a->ino == b->ino && a->dev == b->dev &&
	    a->size == b->size && a->mtime == b->mtime;
}

/* Fibonacci hashing of the two parts that differ between members of one trail. */
static size_t
key_bucket(const struct cache_key *key)
{
	uint64_t h = (key->ino + key->offset * UINT64_C(0xff51afd7ed558ccd)) *
	    UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(h >> (64 - BUCKET_BITS));
}

static struct cache_entry **
find(auditq_cache_t *c, const struct cache_key *key)
{
	struct cache_entry **at = &c->bucket[key_bucket(key)];

	while (*at != NULL && !key_equal(&(*at)->key, key))
		at = &(*at)->chain;
	return at;
}

static void
unlink_age(auditq_cache_t *c, struct cache_entry *e)
{
	*(e->newer != NULL ? &e->newer->older : &c->newest) = e->older;
	*(e->older != NULL ? &e->older->newer : &c->oldest) = e->newer;
}

static void
link_newest(auditq_cache_t *c, struct cache_entry *e)
{
	e->newer = NULL;
	e->older = c->newest;
	*(c->newest != NULL ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static void
evict(auditq_cache_t *c)
{
	struct cache_entry *e = c->oldest;

	*find(c, &e->key) = e->chain;
	unlink_age(c, e);
	c->stats.bytes -= e->n;
	c->stats.members--;
	c->stats.evicted++;
	if (--e->held == 0)
		entry_free(e);
}

struct cache_entry *
cache_get(auditq_cache_t *c, const struct cache_key *key)
{
	struct cache_entry *e;

	(void)pthread_mutex_lock(&c->lock);
	if ((e = *find(c, key)) != NULL) {
		c->stats.hits++;
		e->held++;
		unlink_age(c, e);
		link_newest(c, e);
	} else {
		c->stats.misses++;
	}
	(void)pthread_mutex_unlock(&c->lock);
	return e;
}

struct cache_entry *
cache_put_take(auditq_cache_t *c, const struct cache_key *key, char *data, size_t n)
{
	struct cache_entry *e = calloc(1, sizeof *e), **at;

	if (e == NULL) {
		free(data);
		return NULL;
	}
	*e = (struct cache_entry){ .key = *key, .n = n, .data = data, .held = 2 };
	(void)pthread_mutex_lock(&c->lock);
	at = find(c, key);
	if (*at != NULL) {
		/* Another query inflated the same member meanwhile. */
		entry_free(e);
		e = *at;
		e->held++;
	} else {
		*at = e;
		link_newest(c, e);
		c->stats.bytes += n;
		c->stats.members++;
		while (c->stats.bytes > c->max_bytes)
			evict(c);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return e;
}

void
cache_release(auditq_cache_t *c, struct cache_entry *e)
{
	bool last;

	if (e == NULL)
		return;
	(void)pthread_mutex_lock(&c->lock);
	last = --e->held == 0;
	(void)pthread_mutex_unlock(&c->lock);
	if (last)
		entry_free(e);
}
