#include "workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct thread {
	struct workers *pool;
	unsigned slot;
	pthread_t id;
};

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t queued, done;
	struct work *head, **tail;
	unsigned running;
	bool stop;
	unsigned nthread;
	struct thread thread[];
};

/* Take the first piece off the queue and do it; called, and returns, with the lock. */
static void
run_first(struct workers *w, unsigned slot)
{
	struct work *work = w->head;

	if ((w->head = work->next) == NULL)
		w->tail = &w->head;
	work->state = WORK_RUNNING;
	w->running++;
	(void)pthread_mutex_unlock(&w->lock);
	work->run(work, slot);
	(void)pthread_mutex_lock(&w->lock);
	work->state = WORK_DONE;
	w->running--;
	(void)pthread_cond_broadcast(&w->done);
}

static void *
thread_main(void *arg)
{
	struct thread *t = arg;
	struct workers *w = t->pool;

	(void)pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		if (w->head != NULL)
			run_first(w, t->slot);
		else
			(void)pthread_cond_wait(&w->queued, &w->lock);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Fewer threads than asked for are fewer, not an error. */
static void
start_threads(struct workers *w, unsigned n)
{
	sigset_t all, before;

	/* The program's signal handlers are for the program's own threads. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (w->nthread < n) {
		struct thread *t = &w->thread[w->nthread];

		t->pool = w;
		t->slot = w->nthread + 1;
		if (pthread_create(&t->id, NULL, thread_main, t) != 0)
			break;
		w->nthread++;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int
workers_new(struct workers **ret, unsigned n, auditq_error *err)
{
	struct workers *w = calloc(1, sizeof *w + n * sizeof w->thread[0]);

	if (w == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "workers");
	w->tail = &w->head;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->queued, NULL);
	(void)pthread_cond_init(&w->done, NULL);
	start_threads(w, n > 0 ? n - 1 : 0);
	*ret = w;
	return 0;
}

unsigned
workers_count(const struct workers *w)
{
	return w->nthread + 1;
}

void
workers_add(struct workers *w, struct work *work)
{
	(void)pthread_mutex_lock(&w->lock);
	work->state = WORK_QUEUED;
	work->next = NULL;
	*w->tail = work;
	w->tail = &work->next;
	(void)pthread_cond_signal(&w->queued);
	(void)pthread_mutex_unlock(&w->lock);
}

void
workers_wait(struct workers *w, struct work *work)
{
	(void)pthread_mutex_lock(&w->lock);
	/* What is queued before it has to be done anyway. */
	while (work->state != WORK_DONE) {
		if (w->head != NULL)
			run_first(w, 0);
		else
			(void)pthread_cond_wait(&w->done, &w->lock);
	}
	(void)pthread_mutex_unlock(&w->lock);
}

void
workers_drop(struct workers *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->head = NULL;
	w->tail = &w->head;
	while (w->running > 0)
		(void)pthread_cond_wait(&w->done, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
}

void
workers_free(struct workers *w)
{
	if (w == NULL)
		return;
	workers_drop(w);
	(void)pthread_mutex_lock(&w->lock);
	w->stop = true;
	(void)pthread_cond_broadcast(&w->queued);
	(void)pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->nthread; i++)
		(void)pthread_join(w->thread[i].id, NULL);
	(void)pthread_cond_destroy(&w->done);
	(void)pthread_cond_destroy(&w->queued);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}
