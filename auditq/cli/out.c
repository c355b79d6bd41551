/* out - see out.h */
#include "out.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

/* SIGPIPE may have been ignored by who started us; the end is the same. */
static void
die_of_pipe(void)
{
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
}

static int
write_all(const char *s, size_t n)
{
	if (isatty(STDOUT_FILENO) == 1)
		say_progress(NULL);
	while (n > 0) {
		ssize_t done = write(STDOUT_FILENO, s, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			if (errno == EPIPE)
				die_of_pipe();
			say("standard output: %s", strerror(errno));
			return AUDITQ_EIO;
		}
		s += done;
		n -= (size_t)done;
	}
	return 0;
}

void
out_open(struct out *o)
{
	*o = (struct out){ .tty = isatty(STDOUT_FILENO) == 1, .term.lines = true };
}

int
out_write(void *out, const void *data, size_t n)
{
	struct out *o = out;
	const char *s = data;
	char safe[TERM_ROOM];
	int r = 0;

	if (!o->tty)
		r = write_all(s, n);
	while (o->tty && r == 0 && n > 0) {
		size_t piece = n < TERM_PIECE ? n : TERM_PIECE;
		r = write_all(safe, term_escape(&o->term, s, piece, safe));
		s += piece;
		n -= piece;
	}
	o->failed = o->failed || r < 0;
	return r;
}

int
out_close(struct out *o)
{
	char safe[TERM_ROOM];

	return write_all(safe, term_end(&o->term, safe));
}

int
out_text(const char *text)
{
	return write_all(text, strlen(text));
}
