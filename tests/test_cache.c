/* cache - the least recently used go first, what is held stays readable, and threads may share it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache.h"

static struct cache_key
key_of(uint64_t i)
{
	return (
	    struct cache_key){ .dev = 1, .ino = i % 3, .size = 1000, .mtime = 5, .offset = i };
}

static char *
payload(uint64_t i, size_t n)
{
	char *p = malloc(n);

	assert_non_null(p);
	memset(p, (int)('a' + i % 26), n);
	return p;
}

static auditq_cache_stats
stats_of(const auditq_cache_t *c)
{
	auditq_cache_stats s = { .size = sizeof s };

	assert_int_equal(auditq_cache_get_stats(c, &s), 0);
	return s;
}

static void
put(auditq_cache_t *c, uint64_t i, size_t n)
{
	struct cache_key key = key_of(i);

	cache_release(c, cache_put_take(c, &key, payload(i, n), n));
}

static bool
has(auditq_cache_t *c, uint64_t i)
{
	struct cache_key key = key_of(i);
	struct cache_entry *e = cache_get(c, &key);
	bool found = e != NULL;

	if (found)
		assert_int_equal(e->data[0], 'a' + (int)(i % 26));
	cache_release(c, e);
	return found;
}

static void
test_order(void **state)
{
	auditq_cache_t *c = auditq_cache_new(1000);
	auditq_cache_stats s;

	(void)state;
	assert_non_null(c);
	for (uint64_t i = 0; i < 10; i++)
		put(c, i, 100);
	assert_int_equal(stats_of(c).bytes, 1000);
	assert_true(has(c, 0)); /* now the youngest */
	put(c, 10, 150);
	assert_true(has(c, 0));
	assert_false(has(c, 1));
	assert_false(has(c, 2));
	assert_true(has(c, 3));
	s = stats_of(c);
	assert_int_equal(s.members, 9);
	assert_int_equal(s.bytes, 950);
	assert_int_equal(s.evicted, 2);
	assert_int_equal(s.hits, 3);
	assert_int_equal(s.misses, 2);
	/* One that is larger than all goes at once, and takes all with it. */
	put(c, 11, 1001);
	assert_int_equal(stats_of(c).members, 0);
	cache_bypass(c);
	assert_int_equal(stats_of(c).bypassed, 1);
	auditq_cache_free(c);
	auditq_cache_free(NULL);
}

/* Every part of the key counts. */
static void
test_keys(void **state)
{
	auditq_cache_t *c = auditq_cache_new(1000);
	struct cache_key key = { 1, 2, 3, 4, 5 }, other[5];

	(void)state;
	cache_release(c, cache_put_take(c, &key, payload(0, 10), 10));
	for (int i = 0; i < 5; i++)
		other[i] = key;
	other[0].dev++;
	other[1].ino++;
	other[2].size++;
	other[3].mtime++;
	other[4].offset++;
	for (int i = 0; i < 5; i++)
		assert_null(cache_get(c, &other[i]));
	cache_release(c, cache_get(c, &key));
	assert_int_equal(stats_of(c).hits, 1);
	auditq_cache_free(c);
}

static void
test_held(void **state)
{
	auditq_cache_t *c = auditq_cache_new(100);
	struct cache_key key = key_of(1);
	struct cache_entry *first = cache_put_take(c, &key, payload(1, 100), 100), *again;

	(void)state;
	again = cache_put_take(c, &key, payload(1, 100), 100);
	assert_ptr_equal(first, again);
	put(c, 2, 100);
	assert_false(has(c, 1));
	for (size_t i = 0; i < first->n; i++)
		assert_int_equal(first->data[i], 'b');
	cache_release(c, first);
	cache_release(c, again);
	auditq_cache_free(c);
}

static void *
user(void *arg)
{
	auditq_cache_t *c = arg;

	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t k = i * 2654435761u % 40;

		if (!has(c, k))
			put(c, k, 50 + (size_t)k);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	auditq_cache_t *c = auditq_cache_new(1500);
	pthread_t id[4];
	auditq_cache_stats s;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&id[i], NULL, user, c), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(id[i], NULL);
	s = stats_of(c);
	assert_true(s.bytes <= 1500);
	assert_int_equal(s.hits + s.misses, 4 * 3000);
	auditq_cache_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
