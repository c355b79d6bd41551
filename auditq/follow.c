#include "follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "followed.h"
#include "scan.h"
#include "sequence.h"
#include "source.h"
#include "steps.h"
#include "sys.h"

#define BLOCK_BYTES ((size_t)256 << 10)

/* Listings of one pass, while files come and go. */
#define LISTINGS 8
/* Names are looked at so often at most, ms: a writer may roll all the time. */
#define NAMES_MS  20
#define NS_PER_MS 1000000
/* While a path is not there, it is looked for so often. */
#define MISSING_MS 200

enum phase {
	PHASE_GROWN, /* what open files have got */
	PHASE_LIST,
	PHASE_FILES,
	PHASE_ROTATED,
	PHASE_RINGS,
	PHASE_IDLE,
};

struct follow {
	const struct question *q;
	struct watch *watch;
	const bool *stop;
	auditq_counts *counts;
	struct qwarn warn;
	struct followed_files files;
	struct steps steps;

	enum phase phase;
	size_t next;    /* file of the phase */
	bool names;     /* they may have changed */
	bool again;     /* they did, while files were read */
	int listings;   /* of this pass */
	int64_t listed; /* when, monotonic ns */
	bool missing;   /* a path is not there */
	struct catalog catalog;
	struct followed *given; /* that with the line which others gave last; or NULL */

	struct followed *reading; /* or NULL */
	uint64_t limit;           /* of a plain file: its size when its turn came */
	struct source *source;    /* of a gzip file */
	char *buf;
	size_t cap;
};

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "follow");
}

static void
on_warning(void *arg, const auditq_warning *w)
{
	struct follow *f = arg;

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
		return no_memory(err);
	f->q = q;
	f->watch = watch;
	f->stop = stop;
	f->counts = counts;
	f->warn = (struct qwarn){ on_warning, f };
	f->files =
	    (struct followed_files){ .headway = headway, .warn = &f->warn, .asked = q->schema };
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
	source_close(f->source);
	followed_release(&f->files);
	catalog_release(&f->catalog);
	steps_release(&f->steps);
	free(f->buf);
	free(f);
}

/* ---- plain files ---- */

static int
grow_buffer(struct follow *f, auditq_error *err)
{
	const size_t cap = f->cap == 0 ? BLOCK_BYTES : 2 * f->cap;
	char *grown = realloc(f->buf, cap);

	if (grown == NULL)
		return no_memory(err);
	f->buf = grown;
	f->cap = cap;
	return 0;
}

/* A file that was cut has lost what is not read so far, or was written anew. */
static int
check_size(const struct follow *f, struct followed *file, uint64_t *size)
{
	struct stat st;

	if (sys->fstat(file->fd, &st) < 0) {
		qwarn_send(&f->warn, AUDITQ_EIO, true, file->path, 0, file->at,
		    "cannot stat: %s", strerrordesc_np(errno));
		return -1;
	}
	*size = (uint64_t)st.st_size;
	if (*size >= file->at)
		return 0;
	if (file->writer == NULL)
		qwarn_send(&f->warn, AUDITQ_EIO, false, file->path, 0, 0,
		    "it is shorter than it was: read from its start");
	followed_restart(file);
	return 0;
}

/* Of a line whose end did not come within the longest one: pass by all of it. */
static void
skip_piece(const struct follow *f, struct followed *file, size_t n)
{
	const char *feed = memchr(f->buf, '\n', n);
	const size_t used = feed == NULL ? n : (size_t)(feed + 1 - f->buf);

	if (!file->skipping) {
		file->skipping = true;
		file->skip_offset = file->at;
	}
	file->at += used;
	if (feed == NULL)
		return;
	file->skipping = false;
	qwarn_send(&f->warn, AUDITQ_ETOOBIG, true, file->path, 0, file->skip_offset,
	    "a line that is too long was skipped");
}

/* The next whole lines up to the limit.  1; 0: there are none now; negative. */
static int
read_plain(struct follow *f, struct followed *file, auditq_error *err)
{
	for (;;) {
		const uint64_t left = f->limit > file->at ? f->limit - file->at : 0;
		const size_t want = left < f->cap ? (size_t)left : f->cap;
		const char *feed;
		ssize_t n;
		int r;

		if (left == 0)
			return 0;
		if (f->cap == 0) {
			if ((r = grow_buffer(f, err)) < 0)
				return r;
			continue;
		}
		if ((n = sys_pread_all(file->fd, f->buf, want, (off_t)file->at)) <= 0) {
			if (n < 0)
				qwarn_send(&f->warn, AUDITQ_EIO, true, file->path, 0, file->at,
				    "cannot read: %s", strerrordesc_np(errno));
			return 0;
		}
		feed = memrchr(f->buf, '\n', (size_t)n);
		if (file->skipping || (feed == NULL && n > SOURCE_LINE_MAX)) {
			skip_piece(f, file, (size_t)n);
			continue;
		}
		if (feed != NULL) {
			const size_t whole = (size_t)(feed + 1 - f->buf);
			const uint64_t at = file->at;

			file->at += whole;
			f->counts->bytes_read += whole;
			r = steps_take(&f->steps, file, f->buf, whole, at, 0, err);
			return r < 0 ? r : 1;
		}
		if ((size_t)n < f->cap)
			return 0;
		if ((r = grow_buffer(f, err)) < 0)
			return r;
	}
}

/* ---- any file ---- */

/* Begin with what is new in a file; none may be. */
static int
begin_file(struct follow *f, struct followed *file, auditq_error *err)
{
	struct source_options opt = {
		.block_bytes = BLOCK_BYTES, .warn = f->warn, .cancel = f->stop
	};
	int r;

	if (file->over)
		return 0;
	if (!file->gzip) {
		/* It is not open when nothing was added. */
		if (file->fd < 0)
			return 0;
		if (check_size(f, file, &f->limit) == 0)
			f->reading = file;
		return 0;
	}
	if (followed_is_over(file)) {
		file->over = true;
		return 0;
	}
	r = source_open(&f->source, file->path, &opt, err);
	if (r == AUDITQ_ENOENT) {
		qerror_reset(err);
		f->again = true;
		return 0;
	}
	if (r == AUDITQ_EIO || r == AUDITQ_EINVAL) {
		qwarn_send(&f->warn, r, true, file->path, 0, err == NULL ? 0 : err->offset,
		    "%s", err == NULL ? "cannot read" : err->text);
		qerror_reset(err);
		file->over = true;
		return 0;
	}
	if (r == 0)
		f->reading = file;
	return r;
}

static void
end_file(struct follow *f)
{
	struct followed *file = f->reading;

	if (file == NULL)
		return;
	f->reading = NULL;
	if (!file->gzip) {
		followed_rest(&f->files, file);
		return;
	}
	f->counts->bytes_read += source_bytes_read(f->source);
	source_close(f->source);
	f->source = NULL;
	file->over = true;
	if (file->place != NULL) {
		file->place->whole = true;
		file->place->size = file->size;
		f->files.headway->changed = true;
	}
}

/* The next lines of the file that is read.  1; 0: it has no more; negative. */
static int
read_more(struct follow *f, auditq_error *err)
{
	struct source_block block;
	int r;

	if (f->reading == NULL)
		return 0;
	if (!f->reading->gzip)
		return read_plain(f, f->reading, err);
	r = source_next(f->source, &block, err);
	if (r <= 0)
		return r;
	r = steps_take(&f->steps, f->reading, block.p, block.n, block.offset, block.line, err);
	return r < 0 ? r : 1;
}

/* ---- listing ---- */

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
			return no_memory(err);
		fresh |= (r = watch_add(f->watch, dir, err)) > 0;
		free(copy);
	}
	return r < 0 ? r : fresh;
}

/* List those paths that are there. */
static int
list_present(struct follow *f, const struct qwarn *warn, auditq_error *err)
{
	const char **path = calloc(f->q->path.n, sizeof *path);
	struct stat st;
	size_t n = 0;
	int r;

	if (path == NULL)
		return no_memory(err);
	for (size_t i = 0; i < f->q->path.n; i++)
		if (sys->fstatat(AT_FDCWD, f->q->path.p[i], &st, 0) == 0 || errno != ENOENT)
			path[n++] = f->q->path.p[i];
	f->missing = n < f->q->path.n;
	r = catalog_list(&f->catalog, path, n, f->q->after, f->q->before, warn, err);
	free(path);
	if (r == AUDITQ_ENOENT) {
		qerror_reset(err);
		f->missing = true;
		return 0;
	}
	return r;
}

/* What was gone when it was listed is listed again, or was retired: nothing is to be said of it. */
static void
on_listing_warning(void *arg, const auditq_warning *w)
{
	if (w->code != AUDITQ_ENOENT || w->lost)
		on_warning(arg, w);
}

static int
list(struct follow *f, auditq_error *err)
{
	const struct qwarn warn = { on_listing_warning, f };
	int64_t now;
	int r;

	if (sys->monotonic(&now) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, NULL, "the clock");
	f->listed = now;
	f->names = f->again = false;
	f->given = NULL;
	f->listings++;
	catalog_release(&f->catalog);
	/* That a path is not there is an error at first; later it may come again. */
	if (f->files.pass > 0)
		r = list_present(f, &warn, err);
	else
		r = catalog_list(&f->catalog, (const char *const *)f->q->path.p, f->q->path.n,
		    f->q->after, f->q->before, &warn, err);
	if (r < 0)
		return r;
	f->counts->files = f->catalog.listed;
	f->counts->files_by_date = f->catalog.pruned;
	f->counts->partitions = f->catalog.partitions;
	f->counts->partitions_pruned = f->catalog.partitions_pruned;
	f->counts->bytes_total = f->catalog.bytes;
	if (f->watch != NULL && (r = watch_listed(f, err)) != 0) {
		if (r < 0)
			return r;
		f->again = true;
	}
	return followed_begin(&f->files, err);
}

/* ---- passes ---- */

/* Open files that were not read to their ends. */
static int
next_grown(struct follow *f, auditq_error *err)
{
	while (f->next < f->files.n) {
		struct followed *file = f->files.file[f->next++];

		if (!file->gzip && file->fd >= 0)
			return begin_file(f, file, err);
	}
	f->phase = f->names ? PHASE_LIST : PHASE_IDLE;
	f->listings = 0;
	return 0;
}

static int
next_listed(struct follow *f, auditq_error *err)
{
	struct followed *file;
	int r;

	while (f->next < f->catalog.n) {
		const struct catalog_file *in = &f->catalog.file[f->next++];

		if (in->kind != CATALOG_REGULAR)
			continue;
		r = followed_meet(&f->files, in, &file, err);
		if (r > 0)
			return begin_file(f, file, err);
		if (r < 0)
			return r;
		f->again = true;
	}
	f->next = 0;
	f->phase = PHASE_ROTATED;
	return 0;
}

static int
next_rotated(struct follow *f, auditq_error *err)
{
	struct followed *file;
	int r = followed_rotated(&f->files, &f->next, &file, err);

	if (r > 0)
		return begin_file(f, file, err);
	f->next = 0;
	f->phase = PHASE_RINGS;
	return r;
}

/* Records that no file has: those of a dead writer, which nobody may ever put into one. */
static int
next_ring(struct follow *f, auditq_error *err)
{
	while (f->next < f->catalog.n) {
		const struct catalog_file *in = &f->catalog.file[f->next++];
		struct headway_writer *writer;

		if (in->kind != CATALOG_RING)
			continue;
		if ((writer = headway_writer(f->files.headway, in->writer)) == NULL)
			return no_memory(err);
		writer->met = f->files.now_s;
		if (in->spool.n > 0)
			return steps_take_ring(&f->steps, writer, &in->spool, in->path, err);
	}
	followed_end(&f->files);
	f->next = 0;
	f->phase = f->again && f->listings < LISTINGS ? PHASE_LIST : PHASE_IDLE;
	/* Names that go on changing are looked at again soon. */
	f->names = f->names || f->again;
	return 0;
}

static int
step(struct follow *f, auditq_error *err)
{
	int r;

	if ((r = read_more(f, err)) != 0)
		return r < 0 ? r : 0;
	end_file(f);
	switch (f->phase) {
	case PHASE_GROWN: return next_grown(f, err);
	case PHASE_LIST:
		f->next = 0;
		f->phase = PHASE_FILES;
		return list(f, err);
	case PHASE_FILES: return next_listed(f, err);
	case PHASE_ROTATED: return next_rotated(f, err);
	case PHASE_RINGS: return next_ring(f, err);
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
		if (f->phase == PHASE_IDLE && f->reading == NULL) {
			f->phase = PHASE_GROWN;
			f->next = 0;
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

int
follow_wait(struct follow *f, int timeout_ms, auditq_error *err)
{
	unsigned changes = 0;
	int64_t now;
	int r;

	if (f->missing && (timeout_ms < 0 || timeout_ms > MISSING_MS))
		timeout_ms = MISSING_MS;
	if (f->names) {
		if (sys->monotonic(&now) < 0)
			return qerror_set(err, AUDITQ_EIO, errno, NULL, "the clock");
		timeout_ms = (int)((f->listed - now) / NS_PER_MS) + NAMES_MS;
		if (timeout_ms < 0)
			timeout_ms = 0;
	}
	if ((r = watch_wait(f->watch, timeout_ms, &changes, err)) < 0)
		return r;
	if ((changes & WATCH_NAMES) != 0 || f->missing)
		f->names = true;
	return 0;
}

void
follow_mark(struct follow *f)
{
	followed_mark(&f->files);
}

/* ---- where to begin ---- */

/* The end of the last whole line. */
static int
find_end(struct follow *f, int fd, uint64_t size, uint64_t *end, auditq_error *err)
{
	int r;

	if (f->cap == 0 && (r = grow_buffer(f, err)) < 0)
		return r;
	for (*end = size; *end > 0;) {
		const size_t n = *end < f->cap ? (size_t)*end : f->cap;
		const ssize_t got = sys_pread_all(fd, f->buf, n, (off_t)(*end - n));
		const char *feed = got <= 0 ? NULL : memrchr(f->buf, '\n', (size_t)got);

		*end -= n;
		if (feed != NULL) {
			*end += (uint64_t)(feed + 1 - f->buf);
			return 0;
		}
	}
	return 0;
}

/* The effective time at the end: of the last lines, that of the latest with a time. */
static void
find_time(struct follow *f, struct followed *file, uint64_t end)
{
	const size_t n = end < f->cap ? (size_t)end : f->cap;
	const ssize_t got = sys_pread_all(file->fd, f->buf, n, (off_t)(end - n));
	const char *at = f->buf, *line;
	size_t len;

	for (const char *stop = at + (got > 0 ? got : 0); scan_line(&at, stop, &line, &len);) {
		const int64_t ts = schema_time(file->schema, line, len);

		if (ts != CLOCK_NONE)
			file->ts = file->place->ts = ts;
	}
}

static int
skip_plain(struct follow *f, struct followed *file, auditq_error *err)
{
	uint64_t end, first, last;
	int r;

	if (file->fd < 0)
		return 0;
	if ((r = check_size(f, file, &end)) < 0 ||
	    (r = find_end(f, file->fd, end, &end, err)) < 0)
		return r == -1 ? 0 : r;
	if (end == 0)
		return 0;
	if (file->writer != NULL && sequence_of_plain(file->fd, end, &first, &last) &&
	    spans_add(&file->writer->seen, first, last) < 0)
		return no_memory(err);
	if (spans_add(&file->place->seen, 0, end - 1) < 0)
		return no_memory(err);
	file->at = end;
	if (file->writer == NULL)
		find_time(f, file, end);
	followed_rest(&f->files, file);
	return 0;
}

static int
skip_file(struct follow *f, struct followed *file, auditq_error *err)
{
	if (file->over)
		return 0;
	if (!file->gzip)
		return skip_plain(f, file, err);
	for (size_t i = 0; i < file->nparts; i++)
		if (spans_add(&file->part[i].writer->seen, file->part[i].first,
			file->part[i].last) < 0)
			return no_memory(err);
	if (file->numbered && file->nparts == 0 &&
	    spans_add(&file->writer->seen, file->first, file->last) < 0)
		return no_memory(err);
	if (file->place != NULL) {
		file->place->whole = true;
		file->place->size = file->size;
	}
	file->over = true;
	return 0;
}

static int
skip_ring(struct follow *f, const struct catalog_file *in, auditq_error *err)
{
	struct headway_writer *writer = headway_writer(f->files.headway, in->writer);

	if (writer == NULL)
		return no_memory(err);
	writer->met = f->files.now_s;
	for (size_t i = 0; i < in->spool.n; i++)
		if (spans_add(&writer->seen, in->spool.line[i].seq, in->spool.line[i].seq) < 0)
			return no_memory(err);
	return 0;
}

static int
skip_listed(struct follow *f, auditq_error *err)
{
	struct followed *file;
	int r = list(f, err);

	for (size_t i = 0; i < f->catalog.n && r >= 0; i++) {
		const struct catalog_file *in = &f->catalog.file[i];

		if (in->kind == CATALOG_RING) {
			r = skip_ring(f, in, err);
		} else if (in->kind == CATALOG_REGULAR) {
			r = followed_meet(&f->files, in, &file, err);
			if (r > 0)
				r = skip_file(f, file, err);
			else if (r == 0)
				f->again = true;
		}
	}
	return r;
}

int
follow_skip(struct follow *f, auditq_error *err)
{
	int r;

	do
		r = skip_listed(f, err);
	while (r == 0 && f->again && f->listings < LISTINGS);
	followed_end(&f->files);
	f->listings = 0;
	f->names = f->names || f->again;
	f->files.headway->changed = true;
	f->next = 0;
	f->phase = PHASE_GROWN;
	return r;
}

/* The file of that path, met now if need be; NULL: it is gone. */
static int
find_path(struct follow *f, const char *path, struct followed **ret, auditq_error *err)
{
	struct catalog_file in = { 0 };
	struct path_segment seg;
	const char *slash = strrchr(path, '/');
	struct stat st;
	int r;

	*ret = f->given;
	if (*ret != NULL && strcmp((*ret)->path, path) == 0)
		return 0;
	for (size_t i = 0; i < f->files.n; i++)
		if (strcmp(f->files.file[i]->path, path) == 0) {
			*ret = f->given = f->files.file[i];
			return 0;
		}
	*ret = NULL;
	if (sys->fstatat(AT_FDCWD, path, &st, 0) < 0)
		return 0;
	in.path = (char *)path;
	in.dev = st.st_dev;
	in.ino = st.st_ino;
	in.size = (uint64_t)st.st_size;
	if (path_parse_segment(slash == NULL ? path : slash + 1, &seg) && !seg.packed)
		memcpy(in.writer, seg.writer, sizeof in.writer);
	if ((r = followed_meet(&f->files, &in, ret, err)) > 0)
		f->given = *ret;
	return r < 0 ? r : 0;
}

int
follow_given(struct follow *f, const struct follow_line *line, auditq_error *err)
{
	const char *slash = strrchr(line->path, '/');
	char name[PATH_WRITER_LENGTH + 1];
	struct headway_writer *writer;
	struct followed *file = NULL;
	uint64_t seq;
	int r;

	if (path_parse_ring(slash == NULL ? line->path : slash + 1, name)) {
		if ((writer = headway_writer(f->files.headway, name)) == NULL)
			return no_memory(err);
	} else {
		if ((r = find_path(f, line->path, &file, err)) < 0)
			return r;
		if (file == NULL)
			return 0;
		writer = followed_writer(file, line->offset);
	}
	if (writer != NULL && steps_number(line->p, line->n, &seq))
		r = spans_add(&writer->seen, seq, seq);
	else if (file != NULL && file->place != NULL)
		r = spans_add(&file->place->seen, line->offset, line->offset + line->n);
	else
		r = 0;
	return r < 0 ? no_memory(err) : 0;
}
