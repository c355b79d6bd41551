/*
 * pack - JSON Lines of others into sealed archives, each line in the partition of its own day.
 *
 * All input is read and sorted before anything is written; the archives' names come from what was
 * read.  Where one archive ends and the next begins depends on the lines alone, so that the same
 * input makes the same files, and what is there already can be left as it is.
 */
#include "auditq.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "known.h"
#include "pack_input.h"
#include "pack_reject.h"
#include "pack_store.h"
#include "path.h"
#include "sys.h"

/* Lines of one archive, with their line feeds; a day with more makes more archives. */
#define ARCHIVE_BYTES (UINT64_C(128) << 20)

/* The archive being filled; or, when one of its name is there already, being counted. */
struct current {
	bool open;
	int32_t day;
	uint32_t number;
	char path[2 * PATH_NAME_MAX]; /* below the root */
	uint64_t lines, bytes;
	uint64_t day_left; /* bytes of this day's lines from this archive on */
	int fd;
	struct archive *archive; /* NULL: it is there */
	struct format_footer there;
};

struct pack {
	struct schema schema;
	const auditq_pack_options *opt;
	struct pack_input input;
	struct pack_store store;
	struct current current;
	struct pack_reject *reject;
	int reject_fd;
	auditq_pack_result result;
};

/* ---- archives ---- */

static void
name_archive(struct pack *p, int32_t day)
{
	struct current *c = &p->current;
	struct path_segment seg = {
		.number = ++c->number, .kind = PATH_SEALED, .packed = true
	};
	char partition[PATH_NAME_MAX], name[PATH_NAME_MAX];

	memcpy(seg.writer, p->input.id, sizeof seg.writer - 1);
	path_partition(partition, day);
	path_segment(name, &seg);
	(void)snprintf(c->path, sizeof c->path, "%s/%s", partition, name);
}

/* 1: an archive of that name is there, with its footer; 0: none is. */
static int
look_for_archive(struct pack *p, auditq_error *err)
{
	struct current *c = &p->current;
	alog_error aerr = { 0 };
	struct stat st;
	int fd, r;

	fd = sys->openat(p->store.dir, c->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return errno == ENOENT
		    ? 0
		    : qerror_set(err, AUDITQ_EIO, errno, c->path, "cannot open");
	if (sys->fstat(fd, &st) < 0)
		r = qerror_set(err, AUDITQ_EIO, errno, c->path, "cannot stat");
	else if (archive_read_footer(fd, (uint64_t)st.st_size, c->path, &c->there, &aerr) < 0)
		r = qerror_from(err, &aerr);
	else
		r = 1;
	sys->close(fd);
	return r;
}

static int
begin_archive(struct pack *p, int32_t day, uint64_t day_left, auditq_error *err)
{
	struct current *c = &p->current;
	struct archive_options opt = { .schema = &p->schema, .gzip_level = p->opt->gzip_level };
	alog_error aerr = { 0 };
	int r;

	p->result.partitions += p->result.partitions == 0 || day != c->day;
	c->day = day;
	c->day_left = day_left;
	c->lines = c->bytes = 0;
	name_archive(p, day);
	if ((r = look_for_archive(p, err)) < 0)
		return r;
	c->open = true;
	if (r > 0)
		return 0;
	if ((c->fd = pack_store_create(&p->store, p->store.dir, c->path, err)) < 0)
		return c->fd;
	opt.path = c->path;
	opt.expected_bytes = day_left < ARCHIVE_BYTES ? day_left : ARCHIVE_BYTES;
	if (archive_begin(&c->archive, c->fd, &opt, &aerr) < 0)
		return qerror_from(err, &aerr);
	return 0;
}

/* What is there must be what we would have made. */
static int
compare_archive(struct pack *p, auditq_error *err)
{
	const struct current *c = &p->current;

	if (c->there.lines != c->lines || c->there.payload_bytes != c->bytes)
		return qerror_set(
		    err, AUDITQ_EEXIST, 0, c->path, "there already, with other lines");
	p->result.skipped_archives++;
	return 0;
}

static int
finish_archive(struct pack *p, auditq_error *err)
{
	struct current *c = &p->current;
	struct archive *a = c->archive;
	alog_error aerr = { 0 };

	if (!c->open)
		return 0;
	c->open = false;
	if (a == NULL)
		return compare_archive(p, err);
	c->archive = NULL;
	if (archive_finish(a, NULL, &aerr) < 0)
		return qerror_from(err, &aerr);
	if (sys->fsync(c->fd) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, c->path, "cannot write");
	sys->close(c->fd);
	c->fd = -1;
	p->result.archives++;
	return 0;
}

static int
add_line(struct pack *p, const struct pack_line *line, auditq_error *err)
{
	struct current *c = &p->current;
	const int32_t day = clock_day(line->ts);
	alog_error aerr = { 0 };
	bool fits = c->open && day == c->day && c->bytes + line->n + 1 <= ARCHIVE_BYTES;
	int r;

	if (!fits) {
		uint64_t left = c->open && day == c->day ? c->day_left - c->bytes
							 : pack_input_day_bytes(&p->input, day);
		if ((r = finish_archive(p, err)) < 0 ||
		    (r = begin_archive(p, day, left, err)) < 0)
			return r;
	}
	c->lines++;
	c->bytes += line->n + 1;
	p->result.packed++;
	if (c->archive != NULL && archive_add(c->archive, line->text, line->n, &aerr) < 0)
		return qerror_from(err, &aerr);
	return 0;
}

/* ---- the reject file ---- */

static int
name_reject(struct pack *p, auditq_error *err)
{
	const size_t cap = sizeof p->result.reject;
	int n;

	if (p->opt->reject != NULL)
		n = snprintf(p->result.reject, cap, "%s", p->opt->reject);
	else
		n = snprintf(p->result.reject, cap, "%s/_pack-%.16s.reject.jsonl", p->opt->root,
		    p->input.id);
	if (n < 0 || (size_t)n >= cap)
		return qerror_set(
		    err, AUDITQ_ETOOBIG, ENAMETOOLONG, NULL, "name of the reject file");
	return 0;
}

/* One of our own name is from the same input, and stays. */
static int
begin_reject(struct pack *p, auditq_error *err)
{
	struct stat st;
	int r;

	if ((r = name_reject(p, err)) < 0)
		return r;
	if (p->opt->reject == NULL &&
	    sys->fstatat(AT_FDCWD, p->result.reject, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if ((p->reject = malloc(sizeof *p->reject)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, p->result.reject, "pack");
	p->reject_fd = pack_store_create(&p->store, AT_FDCWD, p->result.reject, err);
	if (p->reject_fd < 0)
		return p->reject_fd;
	pack_reject_open(p->reject, &p->schema, p->reject_fd, p->result.reject);
	return 0;
}

/* 1: both hold the same bytes; 0: they do not; -1 and errno. */
static int
same_bytes(int a, int b)
{
	char pa[4096], pb[sizeof pa];
	off_t at = 0;

	for (;;) {
		ssize_t na = sys_pread_all(a, pa, sizeof pa, at);
		ssize_t nb = sys_pread_all(b, pb, sizeof pb, at);
		if (na < 0 || nb < 0)
			return -1;
		if (na != nb || memcmp(pa, pb, (size_t)na) != 0)
			return 0;
		if (na == 0)
			return 1;
		at += na;
	}
}

/* A file that is there is nobody's to overwrite; the same one again need not be. */
static int
spare_existing(struct pack *p, auditq_error *err)
{
	const char *path = p->result.reject;
	int fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0), same;

	if (fd < 0)
		return errno == ENOENT
		    ? 0
		    : qerror_set(err, AUDITQ_EIO, errno, path, "cannot open");
	same = same_bytes(fd, p->reject_fd);
	if (same < 0)
		qerror_set(err, AUDITQ_EIO, errno, path, "cannot read");
	sys->close(fd);
	if (same == 0)
		return qerror_set(
		    err, AUDITQ_EEXIST, 0, path, "there already, with other lines");
	if (same > 0)
		pack_store_drop(&p->store);
	return same < 0 ? AUDITQ_EIO : 0;
}

/* Before any archive is made: then the reject file is the store's newest. */
static int
finish_reject(struct pack *p, auditq_error *err)
{
	int r;

	if (p->reject == NULL)
		return 0;
	if ((r = pack_reject_flush(p->reject, err)) < 0)
		return r;
	if (sys->fsync(p->reject_fd) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, p->result.reject, "cannot write");
	if ((r = spare_existing(p, err)) < 0)
		return r;
	sys->close(p->reject_fd);
	p->reject_fd = -1;
	free(p->reject);
	p->reject = NULL;
	return 0;
}

static int
add_reject(struct pack *p, const struct pack_line *line, auditq_error *err)
{
	int r;

	if (p->result.rejected++ == 0 && (r = begin_reject(p, err)) < 0)
		return r;
	return p->reject != NULL ? pack_reject_add(p->reject, line, err) : 0;
}

/* ---- all of it ---- */

static int
write_lines(struct pack *p, auditq_error *err)
{
	struct pack_line line;
	int r;

	while ((r = pack_input_next(&p->input, &line, err)) > 0) {
		if (line.rejected)
			r = add_reject(p, &line, err);
		else if ((r = finish_reject(p, err)) == 0)
			r = add_line(p, &line, err);
		if (r < 0)
			return r;
	}
	if (r < 0 || (r = finish_reject(p, err)) < 0 || (r = finish_archive(p, err)) < 0)
		return r;
	return pack_store_publish(&p->store, err);
}

static int
make_schema(struct pack *p, auditq_error *err)
{
	const char *key = p->opt->ts;

	p->schema = schema_default;
	if (p->opt->schema != NULL && key != NULL)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL,
		    "ts and schema at once: a schema says where the time stands");
	if (p->opt->schema != NULL)
		return known_load(p->opt->schema, &p->schema, err);
	if (key == NULL)
		return 0;
	if (*key == '\0' || strlen(key) > SCHEMA_KEY_MAX)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL,
		    "the time key has 1 to %d bytes, not %zu", SCHEMA_KEY_MAX, strlen(key));
	p->schema.keys[SCHEMA_TIME] = (struct schema_keys){ .n = 1 };
	memcpy(p->schema.keys[SCHEMA_TIME].key[0], key, strlen(key) + 1);
	return 0;
}

static int
pack(struct pack *p, const char *const *paths, size_t npath, auditq_error *err)
{
	struct qwarn warn = { p->opt->on_warning, p->opt->on_warning_arg };
	int r;

	if ((r = make_schema(p, err)) < 0 ||
	    (r = pack_input_read(&p->input, &p->schema,
		 p->opt->ts == NULL && p->opt->schema == NULL, paths, npath, &warn, err)) < 0)
		return r;
	memcpy(p->result.id, p->input.id, sizeof p->result.id);
	p->result.lines = p->input.lines;
	if (p->input.lines == 0)
		return 0;
	if ((r = pack_store_open(&p->store, p->opt->root, p->input.id, err)) < 0)
		return r;
	return write_lines(p, err);
}

static void
pack_free(struct pack *p)
{
	archive_abort(p->current.archive);
	if (p->current.fd >= 0)
		sys->close(p->current.fd);
	if (p->reject_fd >= 0)
		sys->close(p->reject_fd);
	free(p->reject);
	pack_store_free(&p->store);
	pack_input_free(&p->input);
	free(p);
}

int
auditq_pack(const char *const *paths, size_t npath, const auditq_pack_options *options,
    auditq_pack_result *out, auditq_error *err)
{
	auditq_pack_options opt = { 0 };
	struct pack *p;
	int r;

	qerror_reset(err);
	if (options != NULL)
		memcpy(&opt, options, options->size < sizeof opt ? options->size : sizeof opt);
	if (opt.root == NULL || npath == 0)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "no root, or no input");
	if (opt.gzip_level < 0 || opt.gzip_level > 12)
		return qerror_set(
		    err, AUDITQ_EINVAL, 0, NULL, "gzip_level is from 1 to 12, or 0");
	if ((p = calloc(1, sizeof *p)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "pack");
	p->opt = &opt;
	p->current.fd = p->reject_fd = p->store.dir = p->store.lock = -1;
	if ((r = pack(p, paths, npath, err)) == 0 && out != NULL) {
		size_t size = out->size < sizeof p->result ? out->size : sizeof p->result;
		p->result.size = size;
		memcpy(out, &p->result, size);
	}
	pack_free(p);
	return r;
}
