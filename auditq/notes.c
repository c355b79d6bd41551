#include "notes.h"

#include <stdlib.h>
#include <string.h>

#include "fnv.h"

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
notes_deliver(struct notes *n, const struct qwarn *to)
{
	const char *path = n->n > 0 ? n->note[n->n - 1].path : "";

	for (size_t i = 0; i < n->n; i++) {
		const struct note *note = &n->note[i];

		qwarn_send(to, note->code, note->lost, note->path, note->line, note->offset,
		    "%s", note->text);
	}
	if (n->more > 0)
		qwarn_send(to, AUDITQ_ECORRUPT, n->more_lost > 0, path, 0, 0,
		    "and %llu more of the kind", (unsigned long long)n->more);
	notes_release(n);
}

void
notes_move(struct notes *n, uint64_t lines)
{
	for (size_t i = 0; i < n->n; i++)
		if (lines == UINT64_MAX)
			n->note[i].line = 0;
		else if (n->note[i].line > 0)
			n->note[i].line += lines;
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

static uint64_t
hash_warning(const auditq_warning *w)
{
	uint64_t h = fnv(FNV_START, w->path, strlen(w->path) + 1);

	h = fnv(h, w->text, strlen(w->text) + 1);
	return fnv(fnv(h, (const char *)&w->line, sizeof w->line), (const char *)&w->offset,
	    sizeof w->offset);
}

void
notes_remember(struct notes_sent *sent, const auditq_warning *w)
{
	if (sent->n < sizeof sent->hash / sizeof sent->hash[0])
		sent->hash[sent->n++] = hash_warning(w);
}

bool
notes_known(const struct notes_sent *sent, const auditq_warning *w)
{
	uint64_t hash = sent->n > 0 ? hash_warning(w) : 0;

	for (size_t i = 0; i < sent->n; i++)
		if (sent->hash[i] == hash)
			return true;
	return false;
}
