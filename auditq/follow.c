#include "follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "follow_inside.h"
#include "sys.h"

/* Names are looked at so often at most, ms: a writer may roll all the time. */
#define NAMES_MS  20
#define NS_PER_MS 1000000
/* What no event tells is looked for so often. */
#define DUE_MS 200
/* Files of which is known that it was told. */
#define UNREADABLE_MAX   4096
#define UNREADABLE_BYTES (1 << 20)

int
follow_no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "follow");
}

/* What cannot be read as a whole is met again at each listing; it is told once, so that what else there is to tell is
 * seen. */
static bool
is_told_again(struct follow *f, const auditq_warning *w)
{
	const size_t npath = strlen(w->path), ntext = strlen(w->text);
	const uint32_t before = names_count(f->unreadable);
	char *what;
	int32_t i;

	if (w->code != AUDITQ_EIO || !w->lost || w->line != 0 || w->offset != 0 ||
	    (what = malloc(npath + ntext + 1)) == NULL)
		return false;
	memcpy(what, w->path, npath + 1);
	memcpy(what + npath + 1, w->text, ntext);
	i = names_add(f->unreadable, what, npath + 1 + ntext);
	free(what);
	return i >= 0 && (uint32_t)i < before;
}

static void
on_warning(void *arg, const auditq_warning *w)
{
	struct follow *f = arg;

	if (is_told_again(f, w))
		return;
	f->counts->warnings++;
	f->counts->lost += w->lost;
	if (f->q->warn.fn != NULL)
		f->q->warn.fn(f->q->warn.arg, w);
}

int
follow_new(struct follow **ret, const struct question *q, struct headway *headway,
    struct watch *watch, const bool *stop, auditq_counts *counts, auditq_error *err)
{
	struct follow *f = calloc(1, sizeof *f);

	if (f == NULL)
		return follow_no_memory(err);
	if ((f->unreadable = names_new(UNREADABLE_MAX, UNREADABLE_BYTES)) == NULL) {
		free(f);
		return follow_no_memory(err);
	}
	f->q = q;
	f->watch = watch;
	f->stop = stop;
	f->counts = counts;
	f->warn = (struct qwarn){ on_warning, f };
	f->files =
	    (struct followed_files){ .headway = headway, .warn = &f->warn, .asked = q->schema };
	f->intake = (struct intake){ .warn = &f->warn,
		.stop = stop,
		.counts = counts,
		.files = &f->files,
		.steps = &f->steps };
	f->names = true;
	*ret = f;
	return 0;
}

int
follow_ask(struct follow *f, const char *last, auditq_error *err)
{
	return steps_init(&f->steps, f->q, last, &f->warn, f->counts, err);
}

void
follow_free(struct follow *f)
{
	if (f == NULL)
		return;
	intake_release(&f->intake);
	followed_release(&f->files);
	catalog_release(&f->catalog);
	steps_release(&f->steps);
	names_free(f->unreadable);
	free(f);
}

/* ---- the order of a writer's records ---- */

/* A file is gone: the next listing knows what became of it.  What its writer wrote after it comes after it; but not
 * for ever, where all that is listed is gone soon. */
static int
hold(struct follow *f, const char *name, auditq_error *err)
{
	struct headway_writer *writer;

	f->again = true;
	if (name[0] == '\0' || f->listings >= FOLLOW_LISTINGS)
		return 0;
	if ((writer = headway_writer(f->files.headway, name)) == NULL)
		return follow_no_memory(err);
	writer->held = f->files.pass;
	return 0;
}

static bool
is_held(const struct follow *f, const struct catalog_file *in)
{
	const struct headway_writer *writer =
	    in->writer[0] == '\0' ? NULL : headway_writer(f->files.headway, in->writer);

	return writer != NULL && writer->held == f->files.pass;
}

/* ---- passes ---- */

static int
begin_file(struct follow *f, struct followed *file, auditq_error *err)
{
	int r = intake_begin(&f->intake, file, err);

	if (r == 0)
		r = hold(f, file->writer == NULL ? "" : file->writer->writer, err);
	return r < 0 ? r : 0;
}

/* Open files that were not read to their ends. */
static int
next_grown(struct follow *f, enum follow_phase then, auditq_error *err)
{
	while (f->next < f->files.n) {
		struct followed *file = f->files.file[f->next++];

		if (!file->gzip && file->fd >= 0)
			return begin_file(f, file, err);
	}
	f->next = 0;
	f->phase = then;
	return 0;
}

static int
next_listed(struct follow *f, auditq_error *err)
{
	struct followed *file;
	int r;

	while (f->next < f->catalog.n) {
		const struct catalog_file *in = &f->catalog.file[f->next++];

		if (in->kind != CATALOG_REGULAR || is_held(f, in))
			continue;
		r = followed_meet(&f->files, in, &file, err);
		if (r == 1)
			return begin_file(f, file, err);
		if (r == FOLLOWED_LATER)
			f->due = true;
		else if (r < 0 || (r = hold(f, in->writer, err)) < 0)
			return r;
	}
	f->next = 0;
	f->phase = FOLLOW_ROTATED;
	return 0;
}

/* What is renamed while it is followed is open. */
static int
next_rotated(struct follow *f, auditq_error *err)
{
	struct followed *file;
	int r = 0;

	if (!f->rotated && (r = followed_rotated(&f->files, &f->next, &file, err)) == 1)
		return begin_file(f, file, err);
	f->next = 0;
	f->phase = FOLLOW_RINGS;
	return r < 0 ? r : 0;
}

/* Records that no file has: those of a dead writer, which nobody may ever put into one. */
static int
next_ring(struct follow *f, auditq_error *err)
{
	while (f->next < f->catalog.n) {
		const struct catalog_file *in = &f->catalog.file[f->next++];
		struct headway_writer *writer;

		if (in->kind != CATALOG_RING || is_held(f, in))
			continue;
		if ((writer = headway_writer(f->files.headway, in->writer)) == NULL)
			return follow_no_memory(err);
		writer->met = f->files.now_s;
		if (in->spool.n > 0)
			return steps_take_ring(&f->steps, writer, &in->spool, in->path, err);
	}
	followed_end(&f->files);
	f->next = 0;
	f->rotated = f->rotated || !f->again;
	f->phase = f->again && f->listings < FOLLOW_LISTINGS ? FOLLOW_LIST : FOLLOW_IDLE;
	/* Names that go on changing are looked at again soon. */
	f->names = f->names || f->again;
	return 0;
}

static void
begin_pass(struct follow *f)
{
	f->phase = f->names ? FOLLOW_LIST : FOLLOW_GROWN;
	f->next = 0;
	f->listings = 0;
}

static int
step(struct follow *f, auditq_error *err)
{
	int r;

	if ((r = intake_next(&f->intake, err)) != 0)
		return r < 0 ? r : 0;
	intake_end(&f->intake);
	switch (f->phase) {
	case FOLLOW_BEGIN: begin_pass(f); return 0;
	case FOLLOW_GROWN: return next_grown(f, FOLLOW_IDLE, err);
	case FOLLOW_LIST:
		f->next = 0;
		f->phase = FOLLOW_REST;
		return follow_list(f, err);
	case FOLLOW_REST: return next_grown(f, FOLLOW_FILES, err);
	case FOLLOW_FILES: return next_listed(f, err);
	case FOLLOW_ROTATED: return next_rotated(f, err);
	case FOLLOW_RINGS: return next_ring(f, err);
	default: return 0;
	}
}

int
follow_next(struct follow *f, struct follow_line *out, auditq_error *err)
{
	int r;

	for (;;) {
		while ((r = steps_next(&f->steps, f->files.headway, out, err)) != 0)
			return r;
		if (__atomic_load_n(f->stop, __ATOMIC_RELAXED))
			return qerror_set(err, AUDITQ_ECANCELED, 0, NULL, "canceled");
		if (f->phase == FOLLOW_IDLE && f->intake.file == NULL) {
			f->phase = FOLLOW_BEGIN;
			return 0;
		}
		if ((r = step(f, err)) < 0)
			return r;
	}
}

bool
follow_ready(const struct follow *f)
{
	return steps_ready(&f->steps);
}

void
follow_mark(struct follow *f)
{
	followed_mark(&f->files);
}

/* ---- waiting ---- */

int
follow_wait(struct follow *f, int timeout_ms, auditq_error *err)
{
	unsigned changes = 0;
	int64_t now;
	int r;

	if (f->due && (timeout_ms < 0 || timeout_ms > DUE_MS))
		timeout_ms = DUE_MS;
	if (f->names) {
		if (sys->monotonic(&now) < 0)
			return qerror_set(err, AUDITQ_EIO, errno, NULL, "the clock");
		timeout_ms = (int)((f->listed - now) / NS_PER_MS) + NAMES_MS;
		if (timeout_ms < 0)
			timeout_ms = 0;
	}
	if ((r = watch_wait(f->watch, timeout_ms, &changes, err)) < 0)
		return r;
	if ((changes & WATCH_NAMES) != 0 || f->due ||
	    ((changes & WATCH_DATA) != 0 && f->files.shut))
		f->names = true;
	return 0;
}
