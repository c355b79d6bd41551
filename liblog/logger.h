/*
 * logger - what all contexts of one alog_open share: settings, counters, and the writer of this
 * process.  Lives until it is closed and the last of its contexts is freed.
 */
#ifndef LOGGER_H
#define LOGGER_H

#include <stdatomic.h>

#include "record.h"
#include "settings.h"
#include "writer.h"

struct logger {
	struct settings set;
	struct monitor mon;
	struct writer *_Atomic writer; /* NULL: disabled, or a child could not start one */
	atomic_bool closed;
	atomic_int refs;             /* contexts */
	_Atomic uint32_t *fork_word; /* a page that is zero in a child */
	pthread_mutex_t lock; /* of the tree of contexts, and of starting a child's writer */
	struct record_identity identity; /* rewritten in a child */
	struct logger *next;             /* all loggers of the process, for fork */
};

/* Takes set over, on failure too.  Without a context yet: context_make_root, or logger_stop. */
int logger_start(
    struct logger **ret, struct settings *set, const alog_options *opt, alog_error *err);
/* Close the writer of a logger that has no context, and free it. */
void logger_stop(struct logger *log);

/* The writer to use now: starts a child process's own at its first use; NULL when there is none. */
struct writer *logger_writer(struct logger *log);
/* Whether this is a forked child that has not made a writer of its own yet. */
bool logger_is_child(const struct logger *log);

/* A context more, a context less; the last takes the logger along. */
void logger_ref(struct logger *log);
void logger_unref(struct logger *log);

#endif
