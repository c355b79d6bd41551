#include "forks.h"

#include "logger.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct logger *all;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Around fork the list holds still; so does each logger's tree, and no child's writer is being
 * made: their locks are free in the child. */
static void
before(void)
{
	(void)pthread_mutex_lock(&lock);
	for (struct logger *log = all; log != NULL; log = log->next)
		(void)pthread_mutex_lock(&log->lock);
}

static void
in_parent(void)
{
	for (struct logger *log = all; log != NULL; log = log->next)
		(void)pthread_mutex_unlock(&log->lock);
	(void)pthread_mutex_unlock(&lock);
}

static void
in_child(void)
{
	for (struct logger *log = all; log != NULL; log = log->next) {
		struct writer *w = atomic_load(&log->writer);

		if (w != NULL)
			writer_fork_close(w);
		monitor_fork(&log->mon);
		(void)pthread_mutex_init(&log->lock, NULL);
	}
	(void)pthread_mutex_init(&lock, NULL);
}

static void
install(void)
{
	(void)pthread_atfork(before, in_parent, in_child);
}

void
forks_hold(void)
{
	(void)pthread_once(&once, install);
	(void)pthread_mutex_lock(&lock);
}

void
forks_release(void)
{
	(void)pthread_mutex_unlock(&lock);
}

void
forks_add(struct logger *log)
{
	log->next = all;
	all = log;
}

void
forks_remove(struct logger *log)
{
	(void)pthread_mutex_lock(&lock);
	for (struct logger **p = &all; *p != NULL; p = &(*p)->next)
		if (*p == log) {
			*p = log->next;
			break;
		}
	(void)pthread_mutex_unlock(&lock);
}
