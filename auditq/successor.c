#include "successor.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "index.h"
#include "path.h"
#include "sys.h"

/* A listing can miss an archive that is itself replaced meanwhile. */
#define LISTINGS 3

struct successor {
	char *dir; /* of the archive; NULL: there is none */
	char *path;
	int fd;
	struct index *ix;
	uint64_t offset,
	    bytes; /* where the lines that are asked for are in its decompressed data */
	struct libdeflate_decompressor *inflate;
	size_t member; /* that which is in plain, if that is not NULL */
	char *plain;
};

static int
no_memory(const char *path, auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, path, "lines that were moved");
}

/* ---- finding it ---- */

/* The directory of a path, to be freed, and the file's name in it as an archive's. */
static char *
split(const char *path, char name[PATH_NAME_MAX])
{
	const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
	struct path_segment seg;

	name[0] = '\0';
	/* Nothing else is ever compacted. */
	if (path_parse_segment(base, &seg) && !seg.packed) {
		seg.kind = PATH_SEALED;
		path_segment(name, &seg);
	}
	return slash == NULL ? strdup("./") : strndup(path, (size_t)(slash + 1 - path));
}

static void
forget(struct successor *s)
{
	if (s->dir != NULL)
		(void)sys->close(s->fd);
	index_free(s->ix);
	free(s->dir);
	free(s->path);
	free(s->plain);
	s->dir = s->path = s->plain = NULL;
	s->ix = NULL;
}

/* Whether the archive at hand replaced the file of that name; then s says where. */
static bool
has_replaced(struct successor *s, const char *name)
{
	const size_t n = strlen(name);

	for (size_t i = 0; i < index_replaced(s->ix); i++) {
		const struct section_replaced *old = index_replaced_file(s->ix, i);

		if (old->nname == n && memcmp(old->name, name, n) == 0) {
			s->offset = old->offset;
			s->bytes = old->bytes;
			return true;
		}
	}
	return false;
}

/* It is this archive; fd is taken. */
static int
remember(struct successor *s, int fd, const char *dir, const char *archive, auditq_error *err)
{
	s->dir = strdup(dir);
	if (s->dir == NULL || asprintf(&s->path, "%s%s", dir, archive) < 0) {
		free(s->dir);
		s->dir = s->path = NULL;
		return no_memory(dir, err);
	}
	s->fd = fd;
	return 1;
}

/* Whether it is the archive at fd that replaced the file.  1, 0, negative. */
static int
look_at(struct successor *s, int fd, const char *dir, const char *archive, const char *name,
    auditq_error *err)
{
	struct format_footer footer;
	auditq_error why;
	struct stat st;
	int r;

	/* What cannot be read here is not what was made a moment ago. */
	if (sys->fstat(fd, &st) < 0 ||
	    archive_read_footer(fd, (uint64_t)st.st_size, NULL, &footer, NULL) < 0 ||
	    !footer.compacted)
		return 0;
	qerror_reset(&why);
	r = index_load(&s->ix, fd, (uint64_t)st.st_size, dir, INDEX_REPLACED, &why);
	if (r < 0)
		return r == AUDITQ_ENOMEM ? no_memory(dir, err) : 0;
	if (has_replaced(s, name))
		return remember(s, fd, dir, archive, err);
	index_free(s->ix);
	s->ix = NULL;
	return 0;
}

static int
search_names(struct successor *s, int dirfd, const struct sys_names *names, const char *dir,
    const char *name, auditq_error *err)
{
	struct path_segment seg;
	int fd, r = 0;

	for (size_t i = 0; r == 0 && i < names->n; i++) {
		if (!path_parse_segment(names->name[i], &seg) || seg.kind != PATH_SEALED ||
		    seg.packed)
			continue;
		fd = sys->openat(dirfd, names->name[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
		if (fd >= 0 && (r = look_at(s, fd, dir, names->name[i], name, err)) <= 0)
			(void)sys->close(fd);
	}
	return r;
}

/* 1; 0: there is none; negative. */
static int
find(struct successor *s, const char *dir, const char *name, auditq_error *err)
{
	int dirfd, r = 0;

	if (s->dir != NULL && strcmp(s->dir, dir) == 0 && has_replaced(s, name))
		return 1;
	forget(s);
	dirfd = name[0] == '\0'
	    ? -1
	    : sys->openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	for (int i = 0; dirfd >= 0 && r == 0 && i < LISTINGS; i++) {
		struct sys_names names = { 0 };

		if (sys_list(dirfd, &names) == 0)
			r = search_names(s, dirfd, &names, dir, name, err);
		sys_names_free(&names);
	}
	if (dirfd >= 0)
		(void)sys->close(dirfd);
	return r;
}

/* ---- reading it ---- */

/* Inflate member i to plain. */
static int
inflate(const struct successor *s, size_t i, char *stored, char *plain, auditq_error *err)
{
	const struct format_data *m = index_member(s->ix, i);
	const uint64_t at = index_offset(s->ix, i);
	size_t used, got;

	if (sys_pread_all(s->fd, stored, m->member_bytes, (off_t)at) !=
	    (ssize_t)m->member_bytes)
		return qerror_set_at(err, AUDITQ_EIO, s->path, at, "cannot read a member");
	if (libdeflate_gzip_decompress_ex(s->inflate, stored, m->member_bytes, plain,
		m->payload_bytes, &used, &got) != LIBDEFLATE_SUCCESS ||
	    used != m->member_bytes || got != m->payload_bytes)
		return qerror_set_at(err, AUDITQ_ECORRUPT, s->path, at, "damaged member");
	return 0;
}

/* Have member i in s->plain. */
static int
load_member(struct successor *s, size_t i, auditq_error *err)
{
	const struct format_data *m = index_member(s->ix, i);
	char *stored, *plain;
	int r;

	if (s->plain != NULL && s->member == i)
		return 0;
	free(s->plain);
	s->plain = NULL;
	stored = malloc(m->member_bytes);
	plain = malloc((size_t)m->payload_bytes + 1);
	if (stored == NULL || plain == NULL)
		r = no_memory(s->dir, err);
	else
		r = inflate(s, i, stored, plain, err);
	free(stored);
	if (r < 0) {
		free(plain);
		return r;
	}
	s->plain = plain;
	s->member = i;
	return 0;
}

/* Give what lies in [lo, hi) of the decompressed data. */
static int
give(struct successor *s, uint64_t lo, uint64_t hi, successor_fn *fn, void *arg,
    auditq_error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < index_members(s->ix); i++) {
		const uint64_t at = index_plain_offset(s->ix, i);
		const uint64_t end = at + index_member(s->ix, i)->payload_bytes;
		const uint64_t from = lo > at ? lo : at, to = hi < end ? hi : end;

		if (from < to && (r = load_member(s, i, err)) == 0)
			r = fn(
			    arg, s->plain + (from - at), (size_t)(to - from), from - s->offset);
	}
	return r < 0 ? r : 1;
}

static int
make(struct successor **ret, const char *path, auditq_error *err)
{
	if (*ret != NULL)
		return 0;
	if ((*ret = calloc(1, sizeof **ret)) == NULL)
		return no_memory(path, err);
	if (((*ret)->inflate = libdeflate_alloc_decompressor()) == NULL) {
		free(*ret);
		*ret = NULL;
		return no_memory(path, err);
	}
	return 0;
}

int
successor_read(struct successor **ret, const char *path, uint64_t from, uint64_t n,
    successor_fn *fn, void *arg, auditq_error *err)
{
	char name[PATH_NAME_MAX], *dir;
	int r;

	if ((r = make(ret, path, err)) < 0)
		return r;
	if ((dir = split(path, name)) == NULL)
		return no_memory(path, err);
	if ((r = find(*ret, dir, name, err)) > 0) {
		const struct successor *s = *ret;
		const uint64_t left = from < s->bytes ? s->bytes - from : 0;
		const uint64_t lo = s->offset + s->bytes - left;

		r = give(*ret, lo, lo + (n < left ? n : left), fn, arg, err);
	}
	free(dir);
	return r;
}

const char *
successor_path(const struct successor *s)
{
	return s != NULL ? s->path : NULL;
}

void
successor_free(struct successor *s)
{
	if (s == NULL)
		return;
	forget(s);
	libdeflate_free_decompressor(s->inflate);
	free(s);
}
