/* screen - see screen.h */
#include "screen.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auditq.h"
#include "say.h"

static pid_t pager; /* 0: there is none */

/* ---- what there is ---- */

/* auto, always and never; false: none of them. */
static bool
read_when(const char *option, const char *when, bool automatic, bool *on)
{
	*on = automatic;
	if (when == NULL || strcmp(when, "auto") == 0)
		return true;
	*on = strcmp(when, "always") == 0;
	if (*on || strcmp(when, "never") == 0)
		return true;
	say("--%s: auto, always or never, not '%s'", option, when);
	return false;
}

static unsigned
width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	long n = columns != NULL ? strtol(columns, NULL, 10) : 0;

	if (n > 0 && n < 10000)
		return (unsigned)n;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

/* Whether the terminal is for colours, and who uses it too (https://no-color.org). */
static bool
wants_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || *no == '\0') && term != NULL && *term != '\0' &&
	    strcmp(term, "dumb") != 0;
}

/* The command; NULL: it would do nothing.  As git chooses it. */
static const char *
pager_command(void)
{
	const char *command = getenv("AUDITQ_PAGER");

	if (command == NULL)
		command = getenv("PAGER");
	if (command == NULL)
		command = "less";
	return *command == '\0' || strcmp(command, "cat") == 0 ? NULL : command;
}

const char *
screen_status_color(int status)
{
	switch (status) {
	case AUDITQ_RUN_FAILED: return SCREEN_RED;
	case AUDITQ_RUN_INCOMPLETE: return SCREEN_YELLOW;
	case AUDITQ_RUN_RUNNING: return SCREEN_CYAN;
	default: return NULL;
	}
}

bool
screen_open(struct screen *s, const struct screen_options *opt, bool used)
{
	const char *term = getenv("TERM");
	bool dumb = term == NULL || strcmp(term, "dumb") == 0;

	*s = (struct screen){ .terminal = used && isatty(STDOUT_FILENO) == 1 };
	if (s->terminal)
		s->width = width();
	return read_when("color", opt->color, s->terminal && wants_color(), &s->color) &&
	    read_when("pager", opt->pager, s->terminal && !dumb, &s->paged);
}

/* ---- the pager ---- */

static void
hang_up(void)
{
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	/* NOLINTNEXTLINE(bugprone-signal-handler): a handler may look at errno. */
	while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
}

/* The pager has the terminal: the shell may have it back only when it has ended. */
static void
die_after_pager(int sig)
{
	hang_up();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void
run_pager(const char *command, const int end[2])
{
	dup2(end[0], STDIN_FILENO);
	close(end[0]);
	close(end[1]);
	setenv("LESS", "FRX", 0);
	setenv("LV", "-c", 0);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

void
screen_begin(const struct screen *s)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const char *command = pager_command();
	int end[2];

	/* Beside a file that is written it goes on. */
	if (s->terminal)
		say_progress(NULL);
	if (!s->paged || command == NULL || pager != 0)
		return;
	if (pipe(end) < 0)
		return;
	if ((pager = fork()) == 0)
		run_pager(command, end);
	close(end[0]);
	if (pager < 0) {
		pager = 0;
		close(end[1]);
		return;
	}
	dup2(end[1], STDOUT_FILENO);
	if (isatty(STDERR_FILENO) == 1)
		dup2(end[1], STDERR_FILENO);
	close(end[1]);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		signal(signals[i], die_after_pager);
}

void
screen_end(void)
{
	say_progress(NULL);
	if (pager == 0)
		return;
	fflush(stderr);
	hang_up();
	pager = 0;
}
