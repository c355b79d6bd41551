/*
 * forks - the loggers of this process, so that a child can let go of its parent's files at once.
 *
 * The library's only global state.  An atfork handler in the child closes the inherited descriptors: the
 * lock on a ring must die with the parent.  The child's own writer starts at its first record.
 */
#ifndef FORKS_H
#define FORKS_H

struct logger;

/* Between these no other thread forks: a logger makes descriptors that a child must close. */
void forks_hold(void);
void forks_release(void);
/* A logger that has descriptors now; under forks_hold. */
void forks_add(struct logger *log);
/* Of a logger that was never added too. */
void forks_remove(struct logger *log);

#endif
