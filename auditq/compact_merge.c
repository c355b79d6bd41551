/* compact_merge - one partition: what is left behind is finished, small archives are put into one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "archive.h"
#include "compact.h"
#include "index.h"
#include "source.h"
#include "sys.h"

#define TMP_SUFFIX ".tmp"

/* ---- the lock ---- */

int
compact_lock(struct compact_partition *p, auditq_error *err)
{
	char name[PATH_NAME_MAX];
	int e;

	p->fd = -1;
	path_partition(name, p->day);
	if (asprintf(&p->path, "%s/%s", p->root->path, name) < 0) {
		p->path = NULL;
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, p->root->path, "compact");
	}
	if ((p->fd = segment_open_partition(p->root, p->day)) < 0)
		return errno == ENOENT
		    ? 0
		    : qerror_set(err, AUDITQ_EIO, errno, p->path, "cannot open");
	if (sys->flock(p->fd, LOCK_EX | LOCK_NB) == 0)
		return 1;
	e = errno;
	if (e != EWOULDBLOCK)
		return qerror_set(err, AUDITQ_EIO, e, p->path, "cannot lock");
	qwarn_send(p->warn, AUDITQ_EBUSY, false, p->path, 0, 0,
	    "left as it is: another compaction is at work in it");
	return 0;
}

void
compact_unlock(struct compact_partition *p)
{
	if (p->fd >= 0) {
		/* A child that was forked meanwhile has the descriptor too. */
		(void)sys->flock(p->fd, LOCK_UN);
		(void)sys->close(p->fd);
	}
	free(p->path);
	p->path = NULL;
	p->fd = -1;
}

static int
file_error(
    const struct compact_partition *p, const char *name, const char *what, auditq_error *err)
{
	const int e = errno;
	char path[sizeof err->path];

	(void)snprintf(path, sizeof path, "%s/%s", p->path, name);
	return qerror_set(err, AUDITQ_EIO, e, path, "%s", what);
}

/* ---- whether a file is what it was ---- */

static int
discard(void *arg, const void *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
	return 0;
}

/* Hold the file against its digests: what is damaged, or was altered, must not get new ones. 1; 0; negative. */
static int
verify(const struct compact_partition *p, const char *path, auditq_error *err)
{
	auditq_error why = { 0 };
	const int r = auditq_inspect(path, false, discard, NULL, &why);

	if (r == 0)
		return 1;
	if (r == AUDITQ_ENOMEM)
		return qerror_set(err, r, ENOMEM, path, "compact");
	if (r != AUDITQ_ENOENT)
		qwarn_send(
		    p->warn, r, true, path, 0, why.offset, "left as it is: %s", why.text);
	return 0;
}

/* ---- what dead compactions left ---- */

/* A descriptor of a sealed segment and its footer; -1: it is none, or is gone. */
static int
open_archive(const struct compact_partition *p, const char *name, struct format_footer *footer)
{
	struct path_segment seg;
	struct stat st;
	int fd;

	if (!path_parse_segment(name, &seg) || seg.kind != PATH_SEALED || seg.packed)
		return -1;
	if ((fd = sys->openat(p->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0)) < 0)
		return -1;
	if (sys->fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    archive_read_footer(fd, (uint64_t)st.st_size, name, footer, NULL) == 0)
		return fd;
	(void)sys->close(fd);
	return -1;
}

/* Whether the file that was replaced is still there. */
static bool
is_there(const struct compact_partition *p, const struct section_replaced *old,
    char name[PATH_NAME_MAX])
{
	struct format_footer footer;
	int fd;

	if (old->nname >= PATH_NAME_MAX)
		return false;
	memcpy(name, old->name, old->nname);
	name[old->nname] = '\0';
	if ((fd = open_archive(p, name, &footer)) < 0)
		return false;
	(void)sys->close(fd);
	return memcmp(footer.whole, old->whole, sizeof footer.whole) == 0;
}

/* The name of what replaces it may have survived its maker's death and not be on the disk yet. */
static int
remove_replaced(struct compact_partition *p, const char *name, auditq_error *err)
{
	if (!p->synced && sys_sync_dir(p->fd) < 0)
		return file_error(p, name, "cannot sync its directory", err);
	p->synced = true;
	if (sys->unlinkat(p->fd, name, 0) < 0 && errno != ENOENT)
		return file_error(p, name, "cannot remove", err);
	return 0;
}

/* Remove what the archive replaced, if all of the archive is as it was made: else that is the better copy, and as
 * nothing but this archive knows that it is one, the partition stays as it is.  1; 0: so it does; negative. */
static int
remove_all(
    struct compact_partition *p, const char *archive, const struct index *ix, auditq_error *err)
{
	bool verified = false;
	char name[PATH_NAME_MAX];
	int r = 1;

	for (size_t i = 0; r > 0 && i < index_replaced(ix); i++) {
		if (!is_there(p, index_replaced_file(ix, i), name))
			continue;
		if (!verified && (r = verify(p, archive, err)) <= 0)
			return r;
		verified = true;
		if ((r = remove_replaced(p, name, err)) == 0)
			r = 1;
	}
	return r;
}

/* As remove_all. */
static int
finish_archive(struct compact_partition *p, const char *name, auditq_error *err)
{
	struct format_footer footer;
	struct index *ix = NULL;
	auditq_error why = { 0 };
	int fd = open_archive(p, name, &footer), r = 0;
	char *path;

	if (fd < 0)
		return 1;
	if (asprintf(&path, "%s/%s", p->path, name) < 0) {
		(void)sys->close(fd);
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, p->path, "compact");
	}
	if (footer.compacted)
		r = index_load(&ix, fd, footer.file_bytes, path, INDEX_REPLACED, &why);
	(void)sys->close(fd);
	if (r == AUDITQ_ECORRUPT || r == AUDITQ_EVERSION) {
		qwarn_send(p->warn, r, true, path, 0, why.offset,
		    "left as it is, and its partition: what it replaced is not known: %s",
		    why.text);
		r = 0;
	} else if (r < 0 && err != NULL) {
		*err = why;
	} else if (r == 0) {
		r = ix == NULL ? 1 : remove_all(p, path, ix, err);
	}
	index_free(ix);
	free(path);
	return r;
}

static bool
is_unnamed(const char *name)
{
	const size_t n = strlen(name), end = strlen(TMP_SUFFIX);

	return strncmp(name, COMPACT_TMP_PREFIX, strlen(COMPACT_TMP_PREFIX)) == 0 && n > end &&
	    strcmp(name + n - end, TMP_SUFFIX) == 0;
}

int
compact_finish(struct compact_partition *p, auditq_error *err)
{
	struct sys_names names;
	bool stays = false;
	int r = 0;

	if (sys_list(p->fd, &names) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, p->path, "cannot list");
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		/* Whoever made it is dead: the lock is ours. */
		if (!is_unnamed(names.name[i])) {
			r = finish_archive(p, names.name[i], err);
			stays = stays || r == 0;
		} else if (sys->unlinkat(p->fd, names.name[i], 0) < 0 && errno != ENOENT) {
			r = file_error(p, names.name[i], "cannot remove", err);
		}
	}
	sys_names_free(&names);
	return r < 0 ? r : !stays;
}

/* ---- reading ---- */

struct reading {
	const struct compact_partition *p;
	struct archive *archive;
	uint64_t bytes, lines;
	bool damaged;
};

static void
on_warning(void *arg, const auditq_warning *w)
{
	struct reading *r = arg;

	r->damaged = r->damaged || w->lost;
}

static int
add_block(struct reading *in, const struct source_block *b, auditq_error *err)
{
	const char *end = b->p + b->n, *lf;
	alog_error from = { 0 };

	for (const char *line = b->p; line < end; line = lf + 1) {
		if ((lf = memchr(line, '\n', (size_t)(end - line))) == NULL)
			lf = end;
		if (archive_add(in->archive, line, (size_t)(lf - line), &from) < 0)
			return qerror_from(err, &from);
		in->lines++;
		in->bytes += (uint64_t)(lf - line) + 1;
	}
	return 0;
}

/* Put the lines of a file into the archive.  1; 0: not all of them can be read; negative. */
static int
add_lines(struct reading *in, const char *path, const struct compact_file *f, auditq_error *err)
{
	const struct source_options opt = { .warn = { on_warning, in } };
	struct source_block block;
	auditq_error why = { 0 };
	struct source *s;
	int r, written = 0;

	in->bytes = in->lines = 0;
	if ((r = source_open(&s, path, &opt, &why)) == 0) {
		while (written == 0 && (r = source_next(s, &block, &why)) > 0)
			written = add_block(in, &block, err);
		source_close(s);
	}
	if (written < 0)
		return written;
	if (r == AUDITQ_ENOMEM)
		return qerror_set(err, r, ENOMEM, path, "compact");
	if (r < 0 && r != AUDITQ_ENOENT)
		qwarn_send(
		    in->p->warn, r, true, path, 0, why.offset, "left as it is: %s", why.text);
	if (in->damaged)
		qwarn_send(in->p->warn, AUDITQ_ETOOBIG, false, path, 0, 0,
		    "left as it is: not all of its lines can be read");
	return r == 0 && !in->damaged && in->bytes == f->payload && in->lines == f->lines;
}

/* ---- what is replaced ---- */

/* The files that f stands for itself, which are now in the new archive, too.  1; 0: f is gone; negative. */
static int
replace_more(struct archive *archive, const char *path, const struct compact_file *f,
    uint64_t offset, auditq_error *err)
{
	const int fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	alog_error from = { 0 };
	struct index *ix = NULL;
	int r;

	if (fd < 0)
		return errno == ENOENT
		    ? 0
		    : qerror_set(err, AUDITQ_EIO, errno, path, "cannot open");
	r = index_load(&ix, fd, f->stored, path, INDEX_REPLACED, err);
	for (size_t i = 0; r == 0 && i < index_replaced(ix); i++) {
		struct section_replaced old = *index_replaced_file(ix, i);

		old.offset += offset;
		if (archive_replaces(archive, &old, &from) < 0)
			r = qerror_from(err, &from);
	}
	index_free(ix);
	(void)sys->close(fd);
	return r < 0 ? r : 1;
}

/* 1; 0: f is gone; negative. */
static int
replace(struct archive *archive, const char *path, const struct compact_file *f,
    uint64_t offset, auditq_error *err)
{
	struct section_replaced old = { .name = f->name,
		.nname = strlen(f->name),
		.offset = offset,
		.bytes = f->payload,
		.numbered = !f->compacted,
		.first_seq = f->first_seq,
		.last_seq = f->last_seq };
	alog_error from = { 0 };

	memcpy(old.whole, f->whole, sizeof old.whole);
	memcpy(old.previous, f->previous, sizeof old.previous);
	if (archive_replaces(archive, &old, &from) < 0)
		return qerror_from(err, &from);
	return f->compacted ? replace_more(archive, path, f, offset, err) : 1;
}

/* ---- writing ---- */

struct made {
	char name[PATH_NAME_MAX], tmp[PATH_NAME_MAX];
	struct path_segment id;
	int fd;
};

/* 1; 0: the file that it is to be like is gone; negative. */
static int
create(const struct compact_partition *p, const struct compact_file *like, struct made *m,
    auditq_error *err)
{
	struct stat st;

	m->id = (struct path_segment){ .number = 1, .kind = PATH_SEALED };
	memcpy(m->id.service, like->service, sizeof m->id.service);
	m->fd = -1;
	if (path_make_writer(m->id.writer) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, p->path, "no random numbers");
	path_segment(m->name, &m->id);
	(void)snprintf(m->tmp, sizeof m->tmp, COMPACT_TMP_PREFIX "%s" TMP_SUFFIX, m->id.writer);
	/* Who could read the files can read the archive. */
	if (sys->fstatat(p->fd, like->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : file_error(p, like->name, "cannot stat", err);
	m->fd = sys->openat(p->fd, m->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    st.st_mode & 0666);
	if (m->fd < 0)
		return file_error(p, m->tmp, "cannot make", err);
	return 1;
}

/* Retention removes a day's files in the order of their modification: the archive is as old as the newest of what it
 * stands for.  Where that can't be set it stays longer. */
static void
set_age(const struct compact_partition *p, const struct made *m,
    const struct compact_file *file, size_t n)
{
	struct timespec age[2] = { { 0, UTIME_OMIT }, { 0, 0 } };
	struct stat st;

	for (size_t i = 0; i < n; i++)
		if (file[i].stored > 0 &&
		    sys->fstatat(p->fd, file[i].name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (st.st_mtim.tv_sec > age[1].tv_sec ||
			(st.st_mtim.tv_sec == age[1].tv_sec &&
			    st.st_mtim.tv_nsec > age[1].tv_nsec)))
			age[1] = st.st_mtim;
	(void)futimens(m->fd, age);
}

/* Put the lines of all files into the archive.  1; 0: one of them is bad, and is left out now; negative. */
static int
fill(const struct compact_partition *p, struct archive *archive, struct compact_file *file,
    size_t n, auditq_error *err)
{
	struct reading in = { .p = p, .archive = archive };
	uint64_t offset = 0;
	int r = 1;

	for (size_t i = 0; r > 0 && i < n; i++) {
		struct compact_file *f = &file[i];
		char *path;

		if (f->stored == 0)
			continue;
		if (asprintf(&path, "%s/%s", p->path, f->name) < 0)
			return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, p->path, "compact");
		if ((r = verify(p, path, err)) > 0 &&
		    (r = replace(archive, path, f, offset, err)) > 0)
			r = add_lines(&in, path, f, err);
		free(path);
		if (r == 0)
			f->stored = 0;
		offset += f->payload;
	}
	return r;
}

/* Write the archive under its temporary name.  1; 0: as fill; negative. */
static int
write_archive(const struct compact_partition *p, const struct made *m,
    struct compact_file *file, size_t n, uint64_t *stored, auditq_error *err)
{
	struct archive_options opt = { .gzip_level = p->gzip_level, .path = m->name };
	struct format_footer total;
	struct archive *archive;
	alog_error from = { 0 };
	int r;

	memcpy(opt.writer, m->id.writer, sizeof opt.writer);
	for (size_t i = 0; i < n; i++)
		opt.expected_bytes += file[i].stored > 0 ? file[i].payload : 0;
	if (archive_begin(&archive, m->fd, &opt, &from) < 0)
		return qerror_from(err, &from);
	if ((r = fill(p, archive, file, n, err)) <= 0) {
		archive_abort(archive);
		return r;
	}
	if (archive_finish(archive, &total, &from) < 0)
		return qerror_from(err, &from);
	set_age(p, m, file, n);
	if (sys->fsync(m->fd) < 0)
		return file_error(p, m->name, "fsync", err);
	*stored = total.file_bytes;
	return 1;
}

/* From here on the archive counts; what it replaces goes when its name is on the disk. */
static int
publish(const struct compact_partition *p, const struct made *m,
    const struct compact_file *file, size_t n, auditq_error *err)
{
	if (sys->renameat(p->fd, m->tmp, p->fd, m->name) < 0) {
		const int r = file_error(p, m->name, "cannot rename", err);

		(void)sys->unlinkat(p->fd, m->tmp, 0);
		return r;
	}
	if (sys_sync_dir(p->fd) < 0)
		return file_error(p, m->name, "cannot sync its directory", err);
	for (size_t i = 0; i < n; i++)
		if (file[i].stored > 0 && sys->unlinkat(p->fd, file[i].name, 0) < 0 &&
		    errno != ENOENT)
			return file_error(p, file[i].name, "cannot remove", err);
	return 0;
}

/* 1; 0: one of the files is bad, and is left out now; negative. */
static int
merge(const struct compact_partition *p, const struct compact_file *like,
    struct compact_file *file, size_t n, uint64_t *stored, auditq_error *err)
{
	struct made m;
	int r;

	if ((r = create(p, like, &m, err)) <= 0)
		return r;
	if ((r = write_archive(p, &m, file, n, stored, err)) <= 0)
		(void)sys->unlinkat(p->fd, m.tmp, 0);
	else if ((r = publish(p, &m, file, n, err)) == 0)
		r = 1;
	(void)sys->close(m.fd);
	return r;
}

int
compact_merge(struct compact_partition *p, struct compact_file *file, size_t n, uint64_t *made,
    auditq_error *err)
{
	int r = 0;

	*made = 0;
	while (r == 0) {
		const struct compact_file *like = NULL;
		uint64_t stored = 0;
		size_t left = 0;

		for (size_t i = 0; i < n; i++) {
			struct stat st;

			/* Retired since, or finished here a moment ago. */
			if (file[i].stored > 0 &&
			    sys->fstatat(p->fd, file[i].name, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
			    errno == ENOENT)
				file[i].stored = 0;
			if (file[i].stored > 0) {
				left++;
				like = &file[i];
			}
		}
		if (left < 2)
			return 0;
		if ((r = merge(p, like, file, n, &stored, err)) > 0)
			*made = stored;
	}
	return r < 0 ? r : 0;
}
