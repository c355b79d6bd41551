/* monitor - what a logger counts, and the errors that no caller is there to receive; any thread. */
#ifndef MONITOR_H
#define MONITOR_H

#include <pthread.h>
#include <stdatomic.h>

#include "error.h"

struct monitor {
	_Atomic uint64_t bytes, written, durable, suppressed, truncated;
	_Atomic uint64_t rolls, sealed, retired, recovered, errors;
	void (*on_error)(void *arg, const alog_error *err);
	void *on_error_arg;
	pthread_mutex_t lock; /* of the two below */
	alog_error first, last;
};

void monitor_init(struct monitor *m, void (*on_error)(void *, const alog_error *), void *arg);
/* In a forked child, where the lock may be held by a thread that is not here: begin anew. */
void monitor_fork(struct monitor *m);
/* Call back no more: whoever is called may be gone. */
void monitor_silence(struct monitor *m);
void monitor_destroy(struct monitor *m);

static inline void
monitor_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* Count a background error, keep it, and call back. */
void monitor_error(struct monitor *m, const alog_error *err);
/* The same for one that is not this logger's own, but of what others left behind. */
void monitor_warning(struct monitor *m, const alog_error *err);
/* Code of the first error of its own, or 0. */
int monitor_first(struct monitor *m);
/* Fill everything but records and dropped. */
void monitor_read(struct monitor *m, alog_stats *out);

#endif
