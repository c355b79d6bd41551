/* logger - start, fork, the end. */
#include "logger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "forks.h"

#define NOT_A_CHILD 1u

static void
identify(struct logger *log)
{
	record_identify(&log->identity, log->set.service, log->set.host, (uint32_t)getpid());
}

static int
make_fork_word(struct logger *log, alog_error *err)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return error_set(err, ALOG_ENOMEM, errno, NULL, "logger");
	log->fork_word = p;
	if (madvise(p, page, MADV_WIPEONFORK) < 0)
		return error_set(err, ALOG_EIO, errno, NULL, "MADV_WIPEONFORK");
	atomic_store(log->fork_word, NOT_A_CHILD);
	return 0;
}

bool
logger_is_child(const struct logger *log)
{
	return log->fork_word != NULL &&
	    atomic_load_explicit(log->fork_word, memory_order_acquire) != NOT_A_CHILD;
}

static void
destroy(struct logger *log)
{
	forks_remove(log);
	if (logger_is_child(log))
		writer_fork_free(atomic_load(&log->writer));
	else if (!writer_free(atomic_load(&log->writer)))
		return;
	if (log->fork_word != NULL)
		(void)munmap((void *)log->fork_word, (size_t)sysconf(_SC_PAGESIZE));
	monitor_destroy(&log->mon);
	(void)pthread_mutex_destroy(&log->lock);
	settings_destroy(&log->set);
	free(log);
}

void
logger_ref(struct logger *log)
{
	atomic_fetch_add(&log->refs, 1);
}

void
logger_unref(struct logger *log)
{
	if (atomic_fetch_sub(&log->refs, 1) == 1)
		destroy(log);
}

static int
start_writer(struct logger *log, alog_error *err)
{
	struct writer *w = NULL;
	int rc;

	if ((rc = make_fork_word(log, err)) < 0)
		return rc;
	identify(log);
	if (log->set.level == ALOG_LEVEL_OFF)
		return 0;
	forks_hold();
	rc = writer_start(&w, &log->set, &log->identity, &log->mon, err);
	if (rc == 0) {
		atomic_store(&log->writer, w);
		forks_add(log);
	}
	forks_release();
	if (rc == 0)
		writer_warn(w);
	return rc;
}

int
logger_start(
    struct logger **ret, struct settings *set, const alog_options *opt, alog_error *err)
{
	const bool calls = opt->size > offsetof(alog_options, on_error_arg);
	struct logger *log;
	int rc;

	if ((log = calloc(1, sizeof *log)) == NULL) {
		settings_destroy(set);
		return error_set(err, ALOG_ENOMEM, ENOMEM, NULL, "logger");
	}
	log->set = *set;
	monitor_init(&log->mon, calls ? opt->on_error : NULL, calls ? opt->on_error_arg : NULL);
	(void)pthread_mutex_init(&log->lock, NULL);
	if ((rc = start_writer(log, err)) < 0) {
		destroy(log);
		return rc;
	}
	*ret = log;
	return 0;
}

void
logger_stop(struct logger *log)
{
	if (atomic_load(&log->writer) != NULL)
		(void)writer_stop(atomic_load(&log->writer));
	destroy(log);
}

/* ---- fork ---- */

/* The first use in a child: become a writer of its own. */
static struct writer *
start_child(struct logger *log)
{
	struct writer *w = atomic_load(&log->writer);
	alog_error err = { 0 };
	bool made = false;

	(void)pthread_mutex_lock(&log->lock);
	if (logger_is_child(log)) {
		writer_fork_free(w);
		w = NULL;
		identify(log);
		made = writer_start(&w, &log->set, &log->identity, &log->mon, &err) == 0;
		atomic_store(&log->writer, w);
		atomic_store(log->fork_word, NOT_A_CHILD);
	}
	w = atomic_load(&log->writer);
	(void)pthread_mutex_unlock(&log->lock);
	if (made)
		writer_warn(w);
	else if (err.code != 0)
		monitor_error(&log->mon, &err);
	return w;
}

struct writer *
logger_writer(struct logger *log)
{
	/* First the word: it says that the writer is ours, so the writer must not be older. */
	const bool child = logger_is_child(log);
	struct writer *w = atomic_load_explicit(&log->writer, memory_order_acquire);

	if (w == NULL || atomic_load_explicit(&log->closed, memory_order_relaxed))
		return NULL;
	return child ? start_child(log) : w;
}
