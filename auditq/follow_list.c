#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "follow_inside.h"
#include "sys.h"

static const char *
directory_of(const char *path, char **copy)
{
	const char *slash = strrchr(path, '/');

	*copy = NULL;
	if (slash == NULL)
		return ".";
	if (slash == path)
		return "/";
	return *copy = strndup(path, (size_t)(slash - path));
}

/* Watch what was listed before it changes again.  1: some of it was not watched until now. */
static int
watch_listed(struct follow *f, auditq_error *err)
{
	int fresh = 0, r = 0;

	for (size_t i = 0; i < f->catalog.ndir && r >= 0; i++)
		fresh |= (r = watch_add(f->watch, f->catalog.dir[i], err)) > 0;
	for (size_t i = 0; i < f->catalog.n && r >= 0; i++)
		if (f->catalog.file[i].kind == CATALOG_RING)
			fresh |= (r = watch_add(f->watch, f->catalog.file[i].path, err)) > 0;
	for (size_t i = 0; i < f->q->path.n && r >= 0; i++) {
		const char *path = f->q->path.p[i], *dir;
		struct stat st;
		char *copy;

		if (sys->fstatat(AT_FDCWD, path, &st, 0) < 0 || S_ISDIR(st.st_mode))
			continue;
		if ((dir = directory_of(path, &copy)) == NULL)
			return follow_no_memory(err);
		fresh |= (r = watch_add(f->watch, dir, err)) > 0;
		free(copy);
	}
	return r < 0 ? r : fresh;
}

/* It is waited for; so would be one that was spelled wrong. */
static void
tell_missing(struct follow *f)
{
	struct stat st;

	for (size_t i = 0; i < f->q->path.n && !f->told; i++)
		if (sys->fstatat(AT_FDCWD, f->q->path.p[i], &st, 0) < 0 && errno == ENOENT)
			qwarn_send(&f->warn, AUDITQ_ENOENT, false, f->q->path.p[i], 0, 0,
			    "not there so far: waiting for it");
	f->told = true;
}

/* What was gone when it was listed is listed again, or was retired: nothing is to be said of it. */
static void
on_listing_warning(void *arg, const auditq_warning *w)
{
	const struct follow *f = arg;

	if (w->code != AUDITQ_ENOENT || w->lost)
		f->warn.fn(f->warn.arg, w);
}

/* ---- the order in which files are read ---- */

static bool
is_gzip_of_others(const struct catalog_file *in)
{
	const size_t n = strlen(in->path);

	return in->writer[0] == '\0' && n >= 3 && strcmp(in->path + n - 3, ".gz") == 0;
}

static bool
is_of_writer(const struct catalog_file *in)
{
	return in->kind == CATALOG_REGULAR && in->writer[0] != '\0';
}

/* Gzip files of others last: followed_meet compares them with files that are gone. */
static int
put_gzip_last(struct catalog *c, auditq_error *err)
{
	struct catalog_file *gzip = calloc(c->n + 1, sizeof *gzip);
	size_t n = 0, ngzip = 0;

	if (gzip == NULL)
		return follow_no_memory(err);
	for (size_t i = 0; i < c->n; i++) {
		if (is_gzip_of_others(&c->file[i]))
			gzip[ngzip++] = c->file[i];
		else
			c->file[n++] = c->file[i];
	}
	if (ngzip > 0)
		memcpy(&c->file[n], gzip, ngzip * sizeof *gzip);
	free(gzip);
	return 0;
}

static int
by_number(const void *x, const void *y)
{
	const struct catalog_file *a = x, *b = y;
	const int c = strcmp(a->writer, b->writer);

	return c != 0 ? c : (a->number > b->number) - (a->number < b->number);
}

struct position {
	const char *writer;
	size_t at;
};

static int
by_position(const void *x, const void *y)
{
	const struct position *a = x, *b = y;
	const int c = strcmp(a->writer, b->writer);

	return c != 0 ? c : (a->at > b->at) - (a->at < b->at);
}

/* A writer's files among each other by their numbers: its clock may have gone back to an earlier day. */
static int
put_writers_in_order(struct catalog *c, auditq_error *err)
{
	struct catalog_file *file = calloc(c->n + 1, sizeof *file);
	struct position *position = calloc(c->n + 1, sizeof *position);
	size_t n = 0;

	for (size_t i = 0; i < c->n && file != NULL && position != NULL; i++)
		if (is_of_writer(&c->file[i])) {
			file[n] = c->file[i];
			position[n++] = (struct position){ c->file[i].writer, i };
		}
	if (file == NULL || position == NULL) {
		free(file);
		free(position);
		return follow_no_memory(err);
	}
	if (n > 1) {
		qsort(position, n, sizeof *position, by_position);
		qsort(file, n, sizeof *file, by_number);
	}
	for (size_t i = 0; i < n; i++)
		c->file[position[i].at] = file[i];
	free(file);
	free(position);
	return 0;
}

/* ---- the whole ---- */

static void
count(struct follow *f)
{
	f->counts->files = f->catalog.listed;
	f->counts->files_by_date = f->catalog.pruned;
	f->counts->partitions = f->catalog.partitions;
	f->counts->partitions_pruned = f->catalog.partitions_pruned;
	f->counts->bytes_total = f->catalog.bytes;
}

int
follow_list(struct follow *f, auditq_error *err)
{
	const struct qwarn warn = { on_listing_warning, f };
	const struct question *q = f->q;
	bool missing = false;
	int r;

	if (sys->monotonic(&f->listed) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, NULL, "the clock");
	f->names = f->again = false;
	f->given = NULL;
	f->listings++;
	catalog_release(&f->catalog);
	/* What is followed may come, or come again. */
	r = catalog_list(&f->catalog, (const char *const *)q->path.p, q->path.n, q->after,
	    q->before, q->follow ? &missing : NULL, &warn, err);
	if (r < 0 || (r = put_gzip_last(&f->catalog, err)) < 0 ||
	    (r = put_writers_in_order(&f->catalog, err)) < 0)
		return r;
	f->due = missing;
	if (missing)
		tell_missing(f);
	count(f);
	if (f->watch != NULL) {
		if ((r = watch_listed(f, err)) < 0)
			return r;
		f->again = r > 0;
	}
	return followed_begin(&f->files, err);
}
