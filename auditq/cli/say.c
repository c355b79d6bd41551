/* say - see say.h */
#include "say.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "term.h"

/* Write text safely; returns the columns that it took. */
static size_t
show(const char *s, size_t n)
{
	struct term t = { 0 };
	char safe[TERM_ROOM];
	size_t columns = 0;

	for (;;) {
		size_t piece = n < TERM_PIECE ? n : TERM_PIECE;
		size_t len = piece > 0 ? term_escape(&t, s, piece, safe) : term_end(&t, safe);
		fwrite(safe, 1, len, stderr);
		columns += term_cells(safe, len);
		if (piece == 0)
			return columns;
		s += piece;
		n -= piece;
	}
}

static bool drawn, over; /* a line of progress */

static void
erase(void)
{
	if (drawn)
		fputs("\r\033[K", stderr);
	drawn = false;
}

void
say_progress(const char *text)
{
	erase();
	if (text == NULL)
		over = true;
	else if (!over)
		drawn = fputs(text, stderr) >= 0;
}

void
say(const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	erase();
	fputs("auditq: ", stderr);
	if (n >= 0) {
		show(text, (size_t)n);
		free(text);
	}
	fputc('\n', stderr);
}

void
say_error(const auditq_error *err)
{
	if (err->path[0] == '\0')
		say("%s", err->text);
	else
		say("%s: %s", err->path, err->text);
}

void
say_argument(const char *argument, const auditq_error *err)
{
	size_t n = strlen(argument), at = err->offset < n ? (size_t)err->offset : n, columns;

	say_error(err);
	fputs("  ", stderr);
	columns = show(argument, at);
	show(argument + at, n - at);
	fprintf(stderr, "\n  %*s^\n", (int)columns, "");
}

void
say_warning(const auditq_warning *w)
{
	if (w->line > 0)
		say("%s:%" PRIu64 ": %s", w->path, w->line, w->text);
	else if (w->offset > 0)
		say("%s: byte %" PRIu64 ": %s", w->path, w->offset, w->text);
	else if (w->path[0] != '\0')
		say("%s: %s", w->path, w->text);
	else
		say("%s", w->text);
}
