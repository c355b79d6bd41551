/* compact - auditq_compact: the small archives of partitions, put into few. */
#include "compact.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"

#define SMALL_BYTES (UINT64_C(16) << 20)
#define MOST_BYTES  (UINT64_C(64) << 20)
/* Each file takes some memory in the index of the archive that replaces it. */
#define MOST_FILES 4096

struct compaction {
	auditq_compact_options opt;
	struct qwarn warn;
	struct segment_root root;
	char *root_path;
	int32_t day;
	bool one_day; /* only that partition */
	struct compact_survey survey;
	auditq_compact_result result;
	auditq_error *err;
};

/* ---- what is asked ---- */

static int
set_options(struct compaction *c, const auditq_compact_options *options)
{
	auditq_compact_options *o = &c->opt;

	if (options != NULL)
		memcpy(o, options, options->size < sizeof *o ? options->size : sizeof *o);
	if (o->small_bytes == 0)
		o->small_bytes = SMALL_BYTES;
	if (o->max_bytes == 0)
		o->max_bytes = MOST_BYTES;
	if (o->max_bytes > FORMAT_PLAIN_MAX / 2)
		return qerror_set(c->err, AUDITQ_EINVAL, 0, NULL,
		    "an archive has at most %u bytes of lines", FORMAT_PLAIN_MAX / 2);
	if (o->gzip_level < 0 || o->gzip_level > 12)
		return qerror_set(
		    c->err, AUDITQ_EINVAL, 0, NULL, "gzip_level is from 1 to 12, or 0");
	c->warn = (struct qwarn){ o->on_warning, o->on_warning_arg };
	return 0;
}

/* A partition's root is the directory above it. */
static int
find_root(struct compaction *c, const char *path)
{
	size_t n = strlen(path);
	char *slash;

	while (n > 1 && path[n - 1] == '/')
		n--;
	if ((c->root_path = strndup(path, n)) == NULL)
		return qerror_set(c->err, AUDITQ_ENOMEM, ENOMEM, path, "compact");
	slash = strrchr(c->root_path, '/');
	c->one_day = path_parse_partition(slash == NULL ? c->root_path : slash + 1, &c->day);
	if (c->one_day && slash == NULL) {
		free(c->root_path);
		if ((c->root_path = strdup(".")) == NULL)
			return qerror_set(c->err, AUDITQ_ENOMEM, ENOMEM, path, "compact");
	} else if (c->one_day) {
		slash[slash == c->root_path] = '\0';
	}
	c->root = (struct segment_root){ .path = c->root_path };
	c->root.fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (c->root.fd >= 0 && c->one_day) {
		(void)sys->close(c->root.fd);
		c->root.fd =
		    sys->openat(AT_FDCWD, c->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	}
	if (c->root.fd < 0)
		return qerror_set(c->err, errno == ENOENT ? AUDITQ_ENOENT : AUDITQ_EIO, errno,
		    path, "cannot open");
	return 0;
}

/* ---- groups ---- */

/* How many files from i on go into one archive: of one partition and one service. */
static size_t
group(const struct compaction *c, size_t i)
{
	const struct compact_file *f = c->survey.file;
	uint64_t bytes = 0;
	size_t replaces = 0, end = i;

	for (; end < c->survey.n && end - i < MOST_FILES; end++) {
		bytes += f[end].payload;
		replaces += 1 + f[end].replaces;
		if (f[end].day != f[i].day || strcmp(f[end].service, f[i].service) != 0 ||
		    (end > i && (bytes > c->opt.max_bytes || replaces > SECTION_REPLACED_MAX)))
			break;
	}
	return end - i;
}

static void
count(struct compaction *c, const struct compact_file *f, size_t n, uint64_t made)
{
	c->result.archives++;
	c->result.bytes_after += made;
	for (size_t i = 0; i < n; i++) {
		if (f[i].stored == 0)
			continue;
		c->result.merged++;
		c->result.lines += f[i].lines;
		c->result.bytes_before += f[i].stored;
	}
}

/* All groups of the files [i, end), which are one partition's. */
static int
merge_groups(struct compaction *c, struct compact_partition *p, size_t i, size_t end)
{
	uint64_t made = 0;
	size_t n;
	int r = 0;

	for (; i < end && r == 0; i += n) {
		struct compact_file *f = &c->survey.file[i];

		if ((n = group(c, i)) < 2)
			continue;
		if (c->opt.dry_run)
			count(c, f, n, 0);
		else if ((r = compact_merge(p, f, n, &made, c->err)) == 0 && made > 0)
			count(c, f, n, made);
	}
	return r;
}

static int
do_partition(struct compaction *c, size_t i, size_t end)
{
	struct compact_partition p = { .root = &c->root,
		.day = c->survey.file[i].day,
		.fd = -1,
		.gzip_level = c->opt.gzip_level,
		.warn = &c->warn };
	const uint64_t before = c->result.archives;
	int r;

	if (c->opt.dry_run) {
		r = merge_groups(c, &p, i, end);
	} else {
		if ((r = compact_lock(&p, c->err)) > 0 && (r = compact_finish(&p, c->err)) > 0)
			r = merge_groups(c, &p, i, end);
		compact_unlock(&p);
	}
	c->result.partitions += c->result.archives > before;
	return r < 0 ? r : 0;
}

static int
do_all(struct compaction *c)
{
	const struct compact_file *f = c->survey.file;
	size_t end;
	int r = 0;

	for (size_t i = 0; i < c->survey.n && r == 0; i = end) {
		for (end = i + 1; end < c->survey.n && f[end].day == f[i].day; end++)
			;
		r = do_partition(c, i, end);
	}
	return r;
}

/* ---- the operation ---- */

/* Short-lived writers leave plain segments; and what a ring holds belongs to them. */
static int
recover(struct compaction *c)
{
	auditq_error why = { 0 };
	const int r = auditq_recover(c->root_path, c->warn.fn, c->warn.arg, NULL, &why);

	if (r == AUDITQ_EBUSY)
		qwarn_send(&c->warn, r, false, c->root_path, 0, 0,
		    "what dead writers left is not finished: %s", why.text);
	else if (r < 0 && c->err != NULL)
		*c->err = why;
	return r == AUDITQ_EBUSY ? 0 : r;
}

static int
compact(struct compaction *c, const auditq_compact_options *options, const char *path)
{
	int r;

	if (path == NULL)
		return qerror_set(c->err, AUDITQ_EINVAL, 0, NULL, "no root");
	if ((r = set_options(c, options)) < 0 || (r = find_root(c, path)) < 0)
		return r;
	if (!c->opt.dry_run && (r = recover(c)) < 0)
		return r;
	r = compact_survey(&c->survey, &c->root, c->one_day ? &c->day : NULL,
	    c->opt.small_bytes, &c->warn, c->err);
	if (r < 0)
		return r;
	c->result.files = c->survey.sealed;
	c->result.plain = c->survey.plain;
	c->result.alive = c->survey.alive;
	return do_all(c);
}

int
auditq_compact(const char *path, const auditq_compact_options *options,
    auditq_compact_result *out, auditq_error *err)
{
	struct compaction c = { .root.fd = -1, .err = err };
	int r;

	qerror_reset(err);
	if (out != NULL && out->size < sizeof out->size)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "the result's size is not set");
	r = compact(&c, options, path);
	if (out != NULL) {
		c.result.size = out->size;
		memcpy(
		    out, &c.result, out->size < sizeof c.result ? out->size : sizeof c.result);
	}
	compact_survey_release(&c.survey);
	if (c.root.fd >= 0)
		(void)sys->close(c.root.fd);
	free(c.root_path);
	return r;
}
