#include "monitor.h"

#include <string.h>

void
monitor_init(struct monitor *m, void (*on_error)(void *, const alog_error *), void *arg)
{
	memset(m, 0, sizeof *m);
	m->on_error = on_error;
	m->on_error_arg = arg;
	(void)pthread_mutex_init(&m->lock, NULL);
}

void
monitor_fork(struct monitor *m)
{
	monitor_init(m, m->on_error, m->on_error_arg);
}

void
monitor_silence(struct monitor *m)
{
	(void)pthread_mutex_lock(&m->lock);
	m->on_error = NULL;
	(void)pthread_mutex_unlock(&m->lock);
}

void
monitor_destroy(struct monitor *m)
{
	(void)pthread_mutex_destroy(&m->lock);
}

static void
tell(struct monitor *m, const alog_error *err, bool own)
{
	void (*on_error)(void *, const alog_error *);

	(void)pthread_mutex_lock(&m->lock);
	if (own && m->first.code == 0)
		m->first = *err;
	m->last = *err;
	on_error = m->on_error;
	(void)pthread_mutex_unlock(&m->lock);
	monitor_add(&m->errors, 1);
	if (on_error != NULL)
		on_error(m->on_error_arg, err);
}

void
monitor_error(struct monitor *m, const alog_error *err)
{
	tell(m, err, true);
}

void
monitor_warning(struct monitor *m, const alog_error *err)
{
	tell(m, err, false);
}

int
monitor_first(struct monitor *m)
{
	int code;

	(void)pthread_mutex_lock(&m->lock);
	code = m->first.code;
	(void)pthread_mutex_unlock(&m->lock);
	return code;
}

static uint64_t
get(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void
monitor_read(struct monitor *m, alog_stats *out)
{
	out->bytes = get(&m->bytes);
	out->written = get(&m->written);
	out->durable = get(&m->durable);
	out->suppressed = get(&m->suppressed);
	out->truncated = get(&m->truncated);
	out->rolls = get(&m->rolls);
	out->sealed = get(&m->sealed);
	out->retired = get(&m->retired);
	out->recovered = get(&m->recovered);
	out->errors = get(&m->errors);
	(void)pthread_mutex_lock(&m->lock);
	out->last_error = m->last;
	(void)pthread_mutex_unlock(&m->lock);
}
