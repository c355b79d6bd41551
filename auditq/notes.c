#include "notes.h"

#include <stdlib.h>
#include <string.h>

static bool
note_add(struct notes *n, const auditq_warning *w)
{
	struct note note = {
		.code = w->code, .lost = w->lost, .line = w->line, .offset = w->offset
	};

	if (n->n == NOTES_MAX)
		return false;
	if (n->note == NULL && (n->note = malloc(NOTES_MAX * sizeof *n->note)) == NULL)
		return false;
	note.path = strdup(w->path);
	note.text = strdup(w->text);
	if (note.path == NULL || note.text == NULL) {
		free(note.path);
		free(note.text);
		return false;
	}
	n->note[n->n++] = note;
	return true;
}

static void
collect(void *arg, const auditq_warning *w)
{
	struct notes *n = arg;

	if (note_add(n, w))
		return;
	n->more++;
	n->more_lost += w->lost;
}

struct qwarn
notes_target(struct notes *n)
{
	return (struct qwarn){ collect, n };
}

void
notes_deliver(struct notes *n, const struct qwarn *to, uint64_t *warnings, uint64_t *lost)
{
	const char *path = n->n > 0 ? n->note[n->n - 1].path : "";

	for (size_t i = 0; i < n->n; i++) {
		const struct note *note = &n->note[i];

		qwarn_send(to, note->code, note->lost, note->path, note->line, note->offset,
		    "%s", note->text);
		*lost += note->lost;
	}
	if (n->more > 0)
		qwarn_send(to, AUDITQ_ECORRUPT, n->more_lost > 0, path, 0, 0,
		    "and %llu more of the kind", (unsigned long long)n->more);
	*warnings += n->n + n->more;
	*lost += n->more_lost;
	notes_release(n);
}

bool
notes_lost(const struct notes *n)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->note[i].lost)
			return true;
	return n->more_lost > 0;
}

void
notes_release(struct notes *n)
{
	for (size_t i = 0; i < n->n; i++) {
		free(n->note[i].path);
		free(n->note[i].text);
	}
	free(n->note);
	*n = (struct notes){ 0 };
}
