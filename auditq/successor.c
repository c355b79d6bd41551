#include "successor.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "index.h"
#include "path.h"
#include "sys.h"

/* A listing can miss an archive that is itself replaced meanwhile. */
#define LISTINGS 3

struct found {
	const char *path; /* of the directory, for texts */
	int fd;           /* of the archive; -1: none */
	struct index *ix;
	uint64_t offset, bytes; /* where the lines are in its decompressed data */
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
	return slash == NULL ? strdup(".") : strndup(path, (size_t)(slash + 1 - path));
}

/* Whether the archive at fd replaced the file of that name; then f says where. */
static int
look_at(struct found *f, int fd, const char *name, auditq_error *err)
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
	r = index_load(&f->ix, fd, (uint64_t)st.st_size, f->path, INDEX_REPLACED, &why);
	if (r < 0)
		return r == AUDITQ_ENOMEM ? no_memory(f->path, err) : 0;
	for (size_t i = 0; i < index_replaced(f->ix); i++) {
		const struct section_replaced *old = index_replaced_file(f->ix, i);

		if (old->nname == strlen(name) && memcmp(old->name, name, old->nname) == 0) {
			f->offset = old->offset;
			f->bytes = old->bytes;
			return 1;
		}
	}
	index_free(f->ix);
	f->ix = NULL;
	return 0;
}

static int
search_names(struct found *f, int dirfd, const struct sys_names *names, const char *name,
    auditq_error *err)
{
	struct path_segment seg;
	int fd, r;

	for (size_t i = 0; i < names->n; i++) {
		if (!path_parse_segment(names->name[i], &seg) || seg.kind != PATH_SEALED ||
		    seg.packed)
			continue;
		fd = sys->openat(dirfd, names->name[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
		if (fd < 0)
			continue;
		if ((r = look_at(f, fd, name, err)) > 0) {
			f->fd = fd;
			return 1;
		}
		(void)sys->close(fd);
		if (r < 0)
			return r;
	}
	return 0;
}

/* 1; 0: there is none; negative.  What was found is to be released. */
static int
find(struct found *f, const char *path, auditq_error *err)
{
	char name[PATH_NAME_MAX], *dir = split(path, name);
	int dirfd, r = 0;

	if (dir == NULL)
		return no_memory(path, err);
	dirfd = name[0] == '\0'
	    ? -1
	    : sys->openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	for (int i = 0; dirfd >= 0 && r == 0 && i < LISTINGS; i++) {
		struct sys_names names = { 0 };

		if (sys_list(dirfd, &names) == 0)
			r = search_names(f, dirfd, &names, name, err);
		sys_names_free(&names);
	}
	if (dirfd >= 0)
		(void)sys->close(dirfd);
	free(dir);
	return r;
}

/* ---- reading it ---- */

/* Inflate member i to plain. */
static int
inflate(const struct found *f, struct libdeflate_decompressor *d, size_t i, char *stored,
    char *plain, auditq_error *err)
{
	const struct format_data *m = index_member(f->ix, i);
	const uint64_t at = index_offset(f->ix, i);
	size_t used, got;

	if (sys_pread_all(f->fd, stored, m->member_bytes, (off_t)at) !=
	    (ssize_t)m->member_bytes)
		return qerror_set_at(err, AUDITQ_EIO, f->path, at, "cannot read a member");
	if (libdeflate_gzip_decompress_ex(d, stored, m->member_bytes, plain, m->payload_bytes,
		&used, &got) != LIBDEFLATE_SUCCESS ||
	    used != m->member_bytes || got != m->payload_bytes)
		return qerror_set_at(err, AUDITQ_ECORRUPT, f->path, at, "damaged member");
	return 0;
}

/* Give what of member i, in plain, lies in [lo, hi) of the decompressed data. */
static int
give(const struct found *f, size_t i, const char *plain, uint64_t lo, uint64_t hi,
    successor_fn *fn, void *arg)
{
	const uint64_t at = index_plain_offset(f->ix, i);
	const uint64_t end = at + index_member(f->ix, i)->payload_bytes;
	const uint64_t from = lo > at ? lo : at, to = hi < end ? hi : end;

	return fn(arg, plain + (from - at), (size_t)(to - from), from - f->offset);
}

/* Members are as long as the longest that holds a line of these. */
static int
read_members(const struct found *f, uint64_t lo, uint64_t hi, successor_fn *fn, void *arg,
    auditq_error *err)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	int r = d == NULL ? no_memory(f->path, err) : 0;

	for (size_t i = 0; r >= 0 && i < index_members(f->ix); i++) {
		const struct format_data *m = index_member(f->ix, i);
		const uint64_t at = index_plain_offset(f->ix, i);
		char *stored, *plain;

		if (at >= hi || at + m->payload_bytes <= lo)
			continue;
		stored = malloc(m->member_bytes);
		plain = malloc((size_t)m->payload_bytes + 1);
		if (stored == NULL || plain == NULL)
			r = no_memory(f->path, err);
		else if ((r = inflate(f, d, i, stored, plain, err)) == 0)
			r = give(f, i, plain, lo, hi, fn, arg);
		free(stored);
		free(plain);
	}
	libdeflate_free_decompressor(d);
	return r < 0 ? r : 1;
}

int
successor_read(
    const char *path, uint64_t from, uint64_t n, successor_fn *fn, void *arg, auditq_error *err)
{
	struct found f = { .path = path, .fd = -1 };
	int r = find(&f, path, err);

	if (r > 0) {
		const uint64_t left = from < f.bytes ? f.bytes - from : 0;
		const uint64_t lo = f.offset + f.bytes - left;

		r = read_members(&f, lo, lo + (n < left ? n : left), fn, arg, err);
	}
	index_free(f.ix);
	if (f.fd >= 0)
		(void)sys->close(f.fd);
	return r;
}
