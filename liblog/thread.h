/* thread - threads that take no signals, and waits with a deadline on the monotonic clock. */
#ifndef THREAD_H
#define THREAD_H

#include <pthread.h>
#include <stdint.h>

/* 0 or an errno. */
int thread_start(pthread_t *thread, void *(*fn)(void *), void *arg);
void thread_cond_init(pthread_cond_t *cond);
/* Wait until signalled or deadline (CLOCK_MONOTONIC ns; INT64_MAX: for ever): 0 or ETIMEDOUT. */
int thread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline);

/* Sleep while *word is value, until deadline; wake sleepers.  Linux futexes, process-private. */
void thread_wait(const _Atomic uint32_t *word, uint32_t value, int64_t deadline);
void thread_wake(const _Atomic uint32_t *word, int n);

#endif
