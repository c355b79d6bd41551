/* logging - for tests: a logger whose root lies in a scratch directory, and what it wrote. */
#ifndef LOGGING_H
#define LOGGING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "liblog.h"
#include "root.h"
#include "sys.h"

static char scratch[SCRATCH_MAX];
static char root[SCRATCH_MAX + 8]; /* in it, not made yet */
static struct sys_ops ops;         /* sys, in a test; as in sys_posix at first */

static inline int
logging_set_up(void **state)
{
	(void)state;
	(void)unsetenv("ALOG_LEVEL");
	ops = sys_posix;
	sys = &ops;
	scratch_make(scratch);
	(void)snprintf(root, sizeof root, "%s/logs", scratch);
	return 0;
}

static inline int
logging_tear_down(void **state)
{
	(void)state;
	(void)unsetenv("ALOG_LEVEL");
	scratch_remove(scratch);
	return 0;
}

#define LOGGING_TEST(f) cmocka_unit_test_setup_teardown(f, logging_set_up, logging_tear_down)

/* Open a logger of service "svc" on root; a small ring unless opt says else. */
static inline alog_t *
logging_open(alog_options opt)
{
	alog_error err = { 0 };
	alog_t *log;

	opt.size = sizeof opt;
	opt.root = root;
	opt.service = "svc";
	if (opt.ring_bytes == 0)
		opt.ring_bytes = 1 << 20;
	if (alog_open(&log, &opt, &err) < 0)
		fail_msg("%s: %s", err.path, err.text);
	return log;
}

/* All that was written so far; it must be whole. */
static inline struct root_lines
logging_read(void)
{
	struct root_lines lines = root_read(root);

	assert_int_equal(lines.bad, 0);
	return lines;
}

/* Close without an error, and read. */
static inline struct root_lines
logging_finish(alog_t *log)
{
	assert_int_equal(alog_close(log), 0);
	return logging_read();
}

/* The writer whose file a line stands in. */
static inline const char *
logging_writer(const struct scratch_line *line)
{
	return strchr(line->file, '.') + 1;
}

static inline int
logging_by_number(const void *a, const void *b)
{
	const struct scratch_line *const *x = a, *const *y = b;
	const int c = strncmp(logging_writer(*x), logging_writer(*y), 16);

	return c != 0 ? c : ((*x)->seq > (*y)->seq) - ((*x)->seq < (*y)->seq);
}

/* Check that the records of each writer are numbered 1, 2, 3..., each once; how many writers. */
static inline size_t
logging_check_dense(const struct root_lines *lines)
{
	const struct scratch_line **line = calloc(lines->n + 1, sizeof *line);
	uint64_t want = 1;
	size_t writers = 0;

	assert_non_null(line);
	for (size_t i = 0; i < lines->n; i++)
		line[i] = &lines->text.line[i];
	qsort(line, lines->n, sizeof *line, logging_by_number);
	for (size_t i = 0; i < lines->n; i++, want++) {
		if (i == 0 ||
		    strncmp(logging_writer(line[i]), logging_writer(line[i - 1]), 16) != 0) {
			want = 1;
			writers++;
		}
		if (line[i]->seq != want)
			fail_msg("%.16s: seq %d instead of %d", logging_writer(line[i]),
			    (int)line[i]->seq, (int)want);
	}
	free(line);
	return writers;
}

/* In a child: cmocka's checks would unwind into the parent's tests. */
#define CHILD_CHECK(cond)                                                                      \
	do                                                                                     \
		if (!(cond))                                                                   \
			_exit(__LINE__ & 127);                                                 \
	while (0)

/* Wait for a child that ends well. */
static inline void
logging_join(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("child: %s %d", WIFEXITED(status) ? "line mod 128 =" : "signal",
		    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static inline void
logging_sleep_ms(long ms)
{
	const struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&ts, NULL);
}

#endif
