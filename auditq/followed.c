#include "followed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "gunzip.h"
#include "index.h"
#include "known.h"
#include "schema_text.h"
#include "source.h"
#include "sys.h"

/* Of lines, to recognise their schema in. */
#define HEAD_BYTES ((size_t)64 << 10)

/* Descriptors that are kept open, so that what is written to a file after it lost its name is read. */
#define FDS_MAX 256

static int
no_memory(const char *path, auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, path, "files that are followed");
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* ---- the table ---- */

/* Where it stands, or belongs. */
static size_t
find(const struct followed_files *all, uint64_t dev, uint64_t ino)
{
	size_t lo = 0, hi = all->n;

	while (lo < hi) {
		const size_t mid = (lo + hi) / 2;
		const struct followed *f = all->file[mid];

		if (f->dev < dev || (f->dev == dev && f->ino < ino))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void
close_fd(struct followed_files *all, struct followed *f)
{
	if (f->fd < 0)
		return;
	(void)sys->close(f->fd);
	f->fd = -1;
	all->fds--;
}

static void
followed_free(struct followed_files *all, struct followed *f)
{
	if (f == NULL)
		return;
	close_fd(all, f);
	free(f->part);
	free(f->path);
	free(f);
}

static struct followed *
insert(struct followed_files *all, size_t i, const struct catalog_file *in)
{
	struct followed *f;

	if (all->n == all->cap) {
		const size_t cap = all->cap == 0 ? 64 : 2 * all->cap;
		struct followed **grown = reallocarray(all->file, cap, sizeof(f));

		if (grown == NULL)
			return NULL;
		all->file = grown;
		all->cap = cap;
	}
	if ((f = calloc(1, sizeof *f)) == NULL)
		return NULL;
	*f = (struct followed){ .dev = in->dev,
		.ino = in->ino,
		.fd = -1,
		.schema = &schema_default,
		.ts = CLOCK_NONE };
	if ((f->path = strdup(in->path)) == NULL) {
		free(f);
		return NULL;
	}
	memmove(&all->file[i + 1], &all->file[i], (all->n - i) * sizeof(f));
	all->file[i] = f;
	all->n++;
	return f;
}

static void
drop(struct followed_files *all, size_t i)
{
	followed_free(all, all->file[i]);
	all->n--;
	memmove(&all->file[i], &all->file[i + 1], (all->n - i) * sizeof(*all->file));
}

/* ---- archives ---- */

static int
add_part(struct followed_files *all, struct followed *f, const struct section_replaced *old,
    auditq_error *err)
{
	struct followed_part part = { .offset = old->offset,
		.end = old->offset + old->bytes,
		.first = old->first_seq,
		.last = old->last_seq };
	char name[PATH_NAME_MAX];
	struct followed_part *grown;
	struct path_segment seg;

	/* What was compacted before is listed once more, as it was before that. */
	if (!old->numbered || old->nname >= sizeof name)
		return 0;
	memcpy(name, old->name, old->nname);
	name[old->nname] = '\0';
	if (!path_parse_segment(name, &seg) || seg.packed)
		return 0;
	if ((part.writer = headway_writer(all->headway, seg.writer)) == NULL ||
	    (grown = reallocarray(f->part, f->nparts + 1, sizeof part)) == NULL)
		return no_memory(f->path, err);
	part.writer->met = all->now_s;
	f->part = grown;
	f->part[f->nparts++] = part;
	return 0;
}

/* Whose records a compacted archive has. */
static int
take_parts(
    struct followed_files *all, struct followed *f, int fd, uint64_t size, auditq_error *err)
{
	struct index *ix = NULL;
	auditq_error why;
	int r;

	qerror_reset(&why);
	r = index_load(&ix, fd, size, f->path, INDEX_REPLACED, &why);
	if (r == AUDITQ_ENOMEM)
		return no_memory(f->path, err);
	if (r < 0) {
		qwarn_send(all->warn, r, false, f->path, 0, why.offset,
		    "what files it stands for is not known, their lines may be shown twice: %s",
		    why.text);
		return 0;
	}
	for (size_t i = 0; i < index_replaced(ix) && r == 0; i++)
		r = add_part(all, f, index_replaced_file(ix, i), err);
	f->numbered = r == 0 && f->nparts > 0;
	index_free(ix);
	return r;
}

/* Few trails have more than one.  NULL: out of memory. */
static const struct schema *
keep_schema(struct followed_files *all, const struct schema *s)
{
	const struct schema **grown;
	struct schema *copy;

	if (schema_equal(s, &schema_default))
		return &schema_default;
	for (size_t i = 0; i < all->nschema; i++)
		if (schema_equal(s, all->schema[i]))
			return all->schema[i];
	if ((grown = reallocarray(all->schema, all->nschema + 1, sizeof(*grown))) == NULL)
		return NULL;
	all->schema = grown;
	if ((copy = malloc(sizeof *copy)) == NULL)
		return NULL;
	*copy = *s;
	return all->schema[all->nschema++] = copy;
}

/* What its footer says, if it has one. */
static int
look_at_archive(struct followed_files *all, struct followed *f, int fd,
    const struct catalog_file *in, bool *found, auditq_error *err)
{
	struct format_footer footer;
	struct schema schema;

	if (archive_read_footer(fd, in->size, in->path, &footer, NULL) < 0)
		return 0;
	if (all->asked == NULL &&
	    schema_parse(footer.schema, footer.schema_bytes, &schema) == 0 &&
	    (f->schema = keep_schema(all, &schema)) == NULL)
		return no_memory(f->path, err);
	*found = true;
	if (footer.compacted)
		return take_parts(all, f, fd, in->size, err);
	f->numbered = f->writer != NULL && footer.seqs && footer.unreadable == 0;
	f->first = footer.first_seq;
	f->last = footer.last_seq;
	return 0;
}

/* The schema of others' logs, by their first lines; what there is to say of these is said when they are read. */
static int
recognise(struct followed_files *all, struct followed *f, auditq_error *err)
{
	struct source_options opt = { .block_bytes = HEAD_BYTES, .open_segment = true };
	const struct known *known = NULL;
	struct source_block block;
	struct schema schema;
	struct source *source;
	int r = source_open(&source, f->path, &opt, NULL);

	if (r == 0) {
		if ((r = source_next(source, &block, NULL)) > 0)
			known = known_recognise(block.p, block.n);
		source_close(source);
	}
	if (known != NULL) {
		known_schema(known, &schema);
		if ((f->schema = keep_schema(all, &schema)) == NULL)
			r = AUDITQ_ENOMEM;
	}
	return r == AUDITQ_ENOMEM ? no_memory(f->path, err) : 0;
}

/* ---- where lines without a number are ---- */

/* A segment is never renamed, and has its own number; the end of its name tells only whether it is sealed. */
static bool
same_segment(const char *a, const char *b)
{
	struct path_segment x, y;

	return a != NULL && path_parse_segment(base_name(a), &x) &&
	    path_parse_segment(base_name(b), &y) && x.number == y.number &&
	    strcmp(x.writer, y.writer) == 0;
}

static bool
is_used(const struct followed_files *all, const struct headway_file *place)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->file[i]->place == place)
			return true;
	return false;
}

/* Of a segment: as what it was met before, plain or sealed. */
static struct headway_file *
find_segment(const struct followed_files *all, const char *path)
{
	struct headway *p = all->headway;

	for (size_t i = 0; i < p->nfile; i++)
		if (same_segment(p->file[i]->path, path))
			return p->file[i];
	return NULL;
}

/* Of a plain file of others: the one that has what was read of it before. */
static struct headway_file *
find_content(const struct followed_files *all, int fd, uint64_t size)
{
	struct headway *p = all->headway;

	for (size_t i = 0; i < p->nordered; i++) {
		struct headway_file *place = p->file[i];

		if (place->mark.offset > 0 && place->mark.offset <= size && !place->whole &&
		    !is_used(all, place) && headway_holds(&place->mark, fd))
			return place;
	}
	return NULL;
}

static struct headway_file *
find_place(
    struct followed_files *all, const struct followed *f, int fd, const struct catalog_file *in)
{
	struct headway_file *place = headway_inode(all->headway, in->dev, in->ino);
	struct path_segment seg;

	if (path_parse_segment(base_name(in->path), &seg) && !seg.packed) {
		if (place != NULL && same_segment(place->path, in->path))
			return place;
		return f->gzip ? find_segment(all, in->path) : NULL;
	}
	if (f->gzip)
		return place != NULL && place->whole && place->size == in->size ? place : NULL;
	if (place != NULL && !place->whole && headway_done(place) <= in->size &&
	    (place->mark.offset == 0 || headway_holds(&place->mark, fd)))
		return place;
	return find_content(all, fd, in->size);
}

static int
take_place(struct followed_files *all, struct followed *f, int fd,
    const struct catalog_file *in, auditq_error *err)
{
	struct headway_file *place = find_place(all, f, fd, in);
	char *path = NULL;

	if (place == NULL && (place = headway_file(all->headway, in->path)) == NULL)
		return no_memory(in->path, err);
	if (place->path == NULL || strcmp(place->path, in->path) != 0) {
		if ((path = strdup(in->path)) == NULL)
			return no_memory(in->path, err);
		free(place->path);
		place->path = path;
	}
	place->dev = in->dev;
	place->ino = in->ino;
	f->place = place;
	f->ts = place->ts;
	f->at = headway_done(place);
	f->over = f->gzip && place->whole && place->size == in->size;
	return 0;
}

/* ---- meeting a file ---- */

static int
look(struct followed_files *all, struct followed *f, int fd, const struct catalog_file *in,
    auditq_error *err)
{
	uint8_t magic[2];
	const ssize_t n = sys_pread_all(fd, magic, sizeof magic, 0);
	bool says = in->writer[0] != '\0' || all->asked != NULL;
	int r;

	if (n < 0) {
		qwarn_send(all->warn, AUDITQ_EIO, true, in->path, 0, 0, "cannot read: %s",
		    strerrordesc_np(errno));
		f->over = true;
		return 0;
	}
	if (in->writer[0] != '\0' &&
	    (f->writer = headway_writer(all->headway, in->writer)) == NULL)
		return no_memory(in->path, err);
	f->gzip = gunzip_magic(magic, (size_t)n);
	if (f->gzip && (r = look_at_archive(all, f, fd, in, &says, err)) < 0)
		return r;
	if (!says && (r = recognise(all, f, err)) < 0)
		return r;
	return f->numbered ? 0 : take_place(all, f, fd, in, err);
}

/* A descriptor; -1: it is gone; -2: it cannot be read, which was said. */
static int
open_listed(const struct followed_files *all, const struct catalog_file *in)
{
	const int fd =
	    sys->openat(AT_FDCWD, in->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return -1;
	if (fd < 0) {
		qwarn_send(all->warn, AUDITQ_EIO, true, in->path, 0, 0, "cannot open: %s",
		    strerrordesc_np(errno));
		return -2;
	}
	/* What has that name now is what the next listing is about. */
	if (sys->fstat(fd, &st) < 0 || st.st_dev != in->dev || st.st_ino != in->ino) {
		(void)sys->close(fd);
		return -1;
	}
	return fd;
}

static bool
is_same(const struct followed *f, const struct catalog_file *in)
{
	struct path_segment seg;

	/* An inode is soon used again. */
	if (path_parse_segment(base_name(in->path), &seg))
		return same_segment(f->path, in->path) && f->gzip == (seg.kind == PATH_SEALED);
	return f->gzip || f->fd >= 0 || f->place == NULL || f->place->mark.offset == 0 ||
	    f->at <= in->size;
}

static int
rename_to(struct followed *f, const char *path, auditq_error *err)
{
	char *copy;

	if (strcmp(f->path, path) == 0)
		return 0;
	if ((copy = strdup(path)) == NULL)
		return no_memory(path, err);
	free(f->path);
	f->path = copy;
	return 0;
}

static void
touch(const struct followed_files *all, struct followed *f)
{
	f->pass = all->pass;
	if (f->writer != NULL)
		f->writer->met = all->now_s;
	if (f->place != NULL)
		f->place->met = all->now_s;
	for (size_t i = 0; i < f->nparts; i++)
		f->part[i].writer->met = all->now_s;
}

/* It was met before.  1; 0: it cannot be opened any more. */
static int
meet_again(struct followed_files *all, struct followed *f, const struct catalog_file *in,
    auditq_error *err)
{
	int fd, r;

	if ((r = rename_to(f, in->path, err)) < 0)
		return r;
	touch(all, f);
	if (f->over && (f->size != in->size || f->mtime != in->mtime))
		f->over = false;
	f->size = in->size;
	f->mtime = in->mtime;
	if (f->over || f->gzip || f->fd >= 0)
		return 1;
	if (in->size == f->at)
		return 1;
	if ((fd = open_listed(all, in)) < 0) {
		f->over = fd == -2;
		return f->over;
	}
	f->fd = fd;
	all->fds++;
	if (f->place->mark.offset > 0 && !headway_holds(&f->place->mark, f->fd))
		followed_restart(f);
	return 1;
}

int
followed_begin(struct followed_files *all, auditq_error *err)
{
	int64_t now;

	if (sys->realtime(&now) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, NULL, "the clock");
	all->now_s = now / CLOCK_S;
	all->pass++;
	return 0;
}

int
followed_meet(struct followed_files *all, const struct catalog_file *in, struct followed **ret,
    auditq_error *err)
{
	size_t i = find(all, in->dev, in->ino);
	struct followed *f;
	int fd, r;

	if (i < all->n && all->file[i]->dev == in->dev && all->file[i]->ino == in->ino) {
		if (is_same(all->file[i], in)) {
			*ret = all->file[i];
			return meet_again(all, *ret, in, err);
		}
		drop(all, i);
	}
	if ((fd = open_listed(all, in)) == -1)
		return 0;
	if ((f = insert(all, i, in)) == NULL)
		r = no_memory(in->path, err);
	else if (all->asked != NULL && (f->schema = keep_schema(all, all->asked)) == NULL)
		r = no_memory(in->path, err);
	else
		r = fd < 0 ? 0 : look(all, f, fd, in, err);
	if (fd < 0 && r == 0) {
		f->over = true;
	} else if (r < 0 || f->gzip || f->over) {
		if (fd >= 0)
			(void)sys->close(fd);
	} else {
		f->fd = fd;
		all->fds++;
	}
	if (r < 0)
		return r;
	f->size = in->size;
	f->mtime = in->mtime;
	touch(all, f);
	*ret = f;
	return 1;
}

/* ---- rotated files ---- */

/* The file of a directory that has what was read of a plain file of others; it gets the path, to be freed. */
static char *
find_beside(const struct headway_file *place, struct stat *st)
{
	const char *base = base_name(place->path);
	char *dir = strndup(place->path, (size_t)(base - place->path)), *path = NULL;
	struct sys_names names = { 0 };
	int dirfd = -1, fd;

	if (dir != NULL)
		dirfd = sys->openat(AT_FDCWD, dir[0] == '\0' ? "." : dir,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dirfd >= 0)
		(void)sys_list(dirfd, &names);
	for (size_t i = 0; i < names.n && path == NULL; i++) {
		if (strncmp(names.name[i], base, strlen(base)) != 0)
			continue;
		fd = sys->openat(
		    dirfd, names.name[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
		if (fd < 0)
			continue;
		if (sys->fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
		    headway_holds(&place->mark, fd) &&
		    asprintf(&path, "%s%s", dir, names.name[i]) < 0)
			path = NULL;
		(void)sys->close(fd);
	}
	sys_names_free(&names);
	if (dirfd >= 0)
		(void)sys->close(dirfd);
	free(dir);
	return path;
}

int
followed_rotated(
    struct followed_files *all, size_t *i, struct followed **ret, auditq_error *err)
{
	const struct headway *p = all->headway;

	for (; *i < p->nordered; ++*i) {
		const struct headway_file *place = p->file[*i];
		struct catalog_file in = { 0 };
		struct stat st;
		int r;

		if (place->path == NULL || place->mark.offset == 0 || place->whole ||
		    is_used(all, place) || (in.path = find_beside(place, &st)) == NULL)
			continue;
		in.dev = st.st_dev;
		in.ino = st.st_ino;
		in.size = (uint64_t)st.st_size;
		r = followed_meet(all, &in, ret, err);
		free(in.path);
		if (r != 0) {
			++*i;
			return r;
		}
	}
	return 0;
}

/* ---- what becomes of them ---- */

void
followed_end(struct followed_files *all)
{
	for (size_t i = all->n; i > 0; i--) {
		const struct followed *f = all->file[i - 1];
		struct stat st;

		if (f->pass == all->pass)
			continue;
		/* What still has a name may be written by who has it open; what has none, too: but not for long. */
		if (f->fd < 0 || sys->fstat(f->fd, &st) < 0 ||
		    (st.st_nlink == 0 && (uint64_t)st.st_size == f->at))
			drop(all, i - 1);
	}
}

bool
followed_is_over(const struct followed *f)
{
	if (f->over)
		return true;
	if (!f->numbered)
		return false;
	for (size_t i = 0; i < f->nparts; i++)
		if (!spans_has_all(&f->part[i].writer->seen, f->part[i].first, f->part[i].last))
			return false;
	return f->nparts > 0 || spans_has_all(&f->writer->seen, f->first, f->last);
}

void
followed_rest(struct followed_files *all, struct followed *f)
{
	if (f->fd < 0 || all->fds <= FDS_MAX)
		return;
	if (f->at > 0)
		(void)headway_mark(&f->place->mark, f->fd, f->at);
	close_fd(all, f);
}

void
followed_restart(struct followed *f)
{
	spans_release(&f->place->seen);
	f->place->mark.offset = 0;
	f->place->ts = f->ts = CLOCK_NONE;
	f->at = 0;
	f->skipping = false;
}

struct headway_writer *
followed_writer(const struct followed *f, uint64_t offset)
{
	for (size_t i = 0; i < f->nparts; i++)
		if (offset >= f->part[i].offset && offset < f->part[i].end)
			return f->part[i].writer;
	return f->writer;
}

static void
mark(const struct followed *f)
{
	const uint64_t done = headway_done(f->place);
	int fd = f->fd;
	struct stat st;

	if (done == f->place->mark.offset)
		return;
	if (fd < 0)
		fd = sys->openat(
		    AT_FDCWD, f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return;
	/* An older mark is one, too. */
	if (sys->fstat(fd, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino)
		(void)headway_mark(&f->place->mark, fd, done);
	if (fd != f->fd)
		(void)sys->close(fd);
}

void
followed_mark(struct followed_files *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (!all->file[i]->gzip && all->file[i]->place != NULL &&
		    all->file[i]->writer == NULL)
			mark(all->file[i]);
}

void
followed_release(struct followed_files *all)
{
	for (size_t i = 0; i < all->n; i++)
		followed_free(all, all->file[i]);
	for (size_t i = 0; i < all->nschema; i++)
		free((void *)all->schema[i]);
	free(all->schema);
	free(all->file);
	*all = (struct followed_files){ 0 };
}
