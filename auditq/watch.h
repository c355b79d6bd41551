/*
 * watch - wait for files to grow and for names to come and go.
 *
 * By inotify.  Where that cannot be had, or does not see what others do (a network file system), the time of the
 * next look is all there is to wait for.
 */
#ifndef WATCH_H
#define WATCH_H

#include "qerror.h"

struct watch;

enum watch_change {
	WATCH_DATA = 1,  /* a file may have grown */
	WATCH_NAMES = 2, /* names have come or gone, or a writer has closed its ring */
	WATCH_WOKEN = 4, /* by watch_wake: each time, until watch_calm */
};

int watch_new(struct watch **ret, auditq_error *err);
void watch_free(struct watch *w);

/* Watch a directory, or what a ring's name leads to.  1: from now on; 0: it was watched before, or is not there;
 * AUDITQ_ENOMEM. */
int watch_add(struct watch *w, const char *path, auditq_error *err);
/* Block until something changes, at most so many ms (-1: for ever); *changes gets what, 0 when nothing did. */
int watch_wait(struct watch *w, int timeout_ms, unsigned *changes, auditq_error *err);
/* From any thread, and from a signal handler. */
void watch_wake(struct watch *w);
void watch_calm(struct watch *w);

#endif
