#include "plan_look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gunzip.h"
#include "known.h"
#include "schema_text.h"
#include "sequence.h"
#include "sys.h"

/* Enough for the header of a member of ours. */
#define PEEK_BYTES (FORMAT_HEADER_BYTES + FORMAT_EXTRA_MAX)
/* Of lines, to recognise their schema in: a hundred records, if they are not large. */
#define HEAD_BYTES ((size_t)256 << 10)
/* Members in the lists of all files: some megabytes. */
#define KEPT_MAX 65536

static int
no_memory(auditq_error *err)
{
	return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "plan");
}

/* ---- opening ---- */

/* A segment that was sealed since it was listed.  The .gz of a file of others may have been listed as well: the next
 * listing has it once. */
static int
open_sealed(struct catalog_file *f)
{
	size_t n = strlen(f->path);
	char *sealed;
	int fd;

	if (f->writer[0] == '\0' || n < 6 || strcmp(f->path + n - 6, ".jsonl") != 0 ||
	    asprintf(&sealed, "%s.gz", f->path) < 0) {
		errno = ENOENT;
		return -1;
	}
	fd = sys->openat(AT_FDCWD, sealed, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0) {
		free(sealed);
		return -1;
	}
	free(f->path);
	f->path = sealed;
	f->open = false;
	return fd;
}

/* A descriptor, or -1 when the file cannot be read, which was said. */
static int
open_listed(const struct planning *p, struct catalog_file *f)
{
	struct stat st;
	int fd =
	    sys->openat(AT_FDCWD, f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0 && errno == ENOENT)
		fd = open_sealed(f);
	if (fd < 0 && errno == ENOENT) {
		qwarn_send(p->warn, AUDITQ_ENOENT, false, f->path, 0, 0,
		    "removed since it was listed, as retention does");
		return -1;
	}
	if (fd < 0) {
		qwarn_send(p->warn, AUDITQ_EIO, true, f->path, 0, 0, "cannot open: %s",
		    strerrordesc_np(errno));
		return -1;
	}
	if (sys->fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		qwarn_send(p->warn, AUDITQ_EIO, true, f->path, 0, 0, "not a regular file");
		(void)sys->close(fd);
		return -1;
	}
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->size = (uint64_t)st.st_size;
	f->mtime = (int64_t)st.st_mtim.tv_sec * CLOCK_S + st.st_mtim.tv_nsec;
	return fd;
}

/* ---- schemas ---- */

/* The number of a schema, which few trails have more than one of. */
int
plan_add_schema(const struct planning *p, const struct schema *s, unsigned *out)
{
	struct plan *plan = p->plan;
	struct schema *grown;
	size_t i = 0;

	(void)pthread_mutex_lock(p->lock);
	while (i < plan->nschema && !schema_equal(&plan->schema[i], s))
		i++;
	if (i == plan->nschema &&
	    (grown = realloc(plan->schema, (i + 1) * sizeof *grown)) != NULL) {
		plan->schema = grown;
		plan->schema[plan->nschema++] = *s;
	}
	*out = (unsigned)i;
	i = plan->nschema;
	(void)pthread_mutex_unlock(p->lock);
	return *out < i ? 0 : no_memory(p->err);
}

/* The schema of a file that does not say, of a writer's own, or of all if that was asked for. */
static int
set_schema(const struct planning *p, struct plan_file *f, const struct schema *s)
{
	return plan_add_schema(p, p->q->schema != NULL ? p->q->schema : s, &f->schema);
}

/* By the first block of lines; what there is to say of it is said when it is read. */
static int
recognise(const struct planning *p, struct plan_file *f, struct source *source)
{
	const struct known *known = NULL;
	struct source_block block;
	struct schema schema = schema_default;
	auditq_error error;
	int r;

	qerror_reset(&error);
	if ((r = source_peek(source, &block, &error)) > 0)
		known = known_recognise(block.p, block.n);
	if (r == AUDITQ_ENOMEM)
		return no_memory(p->err);
	if (known != NULL)
		known_schema(known, &schema);
	return set_schema(p, f, &schema);
}

static int
recognise_file(const struct planning *p, struct plan_file *f)
{
	struct source_options opt = { .block_bytes = HEAD_BYTES, .open_segment = f->in->open };
	struct source *source;
	auditq_error error;
	int r;

	if (p->q->schema != NULL || f->in->writer[0] != '\0')
		return set_schema(p, f, &schema_default);
	qerror_reset(&error);
	if ((r = source_open(&source, f->in->path, &opt, &error)) < 0)
		return r == AUDITQ_ENOMEM ? no_memory(p->err) : 0;
	r = recognise(p, f, source);
	source_close(source);
	return r;
}

int
plan_look_ahead(const struct planning *p, struct plan_file *f)
{
	struct source_options opt = {
		.block_bytes = HEAD_BYTES, .warn = *p->warn, .cancel = p->stop
	};

	if (p->q->schema != NULL)
		return set_schema(p, f, p->q->schema);
	if (source_open(&f->head, f->in->path, &opt, NULL) < 0)
		return 0;
	return recognise(p, f, f->head);
}

/* ---- one file ---- */

static void
refuse(
    const struct planning *p, struct plan_file *f, int code, uint64_t offset, const char *why)
{
	qwarn_send(p->warn, code, true, f->in->path, 0, offset, "%s", why);
	f->how = PLAN_SKIP;
}

/* A gzip file without a footer of ours: another program's, or an archive that is damaged or cut. */
static int
look_at_start(const struct planning *p, struct plan_file *f, int fd, const auditq_error *why)
{
	struct format_data data;
	struct schema schema;
	auditq_error error;
	uint8_t *start;
	size_t header;
	ssize_t n;
	int r;

	if ((start = malloc(PEEK_BYTES)) == NULL)
		return no_memory(p->err);
	n = sys_pread_all(fd, start, PEEK_BYTES, 0);
	qerror_reset(&error);
	r = n <= 0 ? 0 : index_peek_member(start, (size_t)n, &data, &schema, &header, &error);
	free(start);
	if (r == AUDITQ_EVERSION && p->q->schema == NULL) {
		refuse(p, f, r, error.offset, error.text);
		return 0;
	}
	if (r == 0)
		return recognise_file(p, f);
	qwarn_send(p->warn, AUDITQ_ECORRUPT, false, f->in->path, 0, why->offset,
	    "no usable index%s: %s", p->q->use_index ? ", so all of it is read" : "",
	    why->text);
	return set_schema(p, f, r == 1 ? &schema : &schema_default);
}

/* Whether the totals show that no line matches. */
static bool
footer_excludes(const struct question *q, const struct format_footer *footer)
{
	uint64_t levels = 0;

	if (footer->min_ts == CLOCK_NONE || footer->max_ts < q->after ||
	    (q->before != INT64_MAX && footer->min_ts >= q->before))
		return q->after != INT64_MIN || q->before != INT64_MAX;
	/* The last run may be that of an archive without a failure. */
	if (footer->unreadable > 0 || q->invert || q->run_last)
		return false;
	for (int i = 0; i < SCHEMA_LEVELS; i++)
		levels += (q->levels >> i & 1) != 0 ? footer->levels[i] : 0;
	return (q->failed && footer->failed == 0) || (q->levels != 0 && levels == 0);
}

static int
take_footer(const struct planning *p, struct plan_file *f, const struct format_footer *footer)
{
	struct schema schema;
	bool known = schema_parse(footer->schema, footer->schema_bytes, &schema) == 0;

	if (!known && p->q->schema == NULL) {
		refuse(p, f, AUDITQ_EVERSION, f->in->size - FORMAT_FOOTER_BYTES,
		    "made under a schema that this version does not know");
		return 0;
	}
	f->ours = true;
	f->untimed = footer->untimed > 0;
	f->min_ts = footer->min_ts;
	f->max_ts = footer->max_ts;
	f->compacted = footer->compacted;
	memcpy(f->whole, footer->whole, sizeof f->whole);
	f->seqs = footer->seqs;
	f->first_seq = footer->first_seq;
	f->last_seq = footer->last_seq;
	/* Summaries answer only what is asked under their own schema. */
	if (p->q->use_index &&
	    (p->q->schema == NULL || (known && schema_equal(&schema, p->q->schema)))) {
		f->how = PLAN_ARCHIVE;
		if (footer_excludes(p->q, footer)) {
			f->how = PLAN_SKIP;
			p->counts->files_by_footer++;
		}
	}
	return set_schema(p, f, &schema);
}

void
plan_add_counts(auditq_counts *to, const auditq_counts *from)
{
	to->files_by_footer += from->files_by_footer;
	to->files_replaced += from->files_replaced;
	to->members += from->members;
	to->members_by_time += from->members_by_time;
	to->members_by_counts += from->members_by_counts;
	to->members_by_filter += from->members_by_filter;
	to->members_by_run += from->members_by_run;
}

/* Whether there is room for the members that have to be read of a file, until they are. */
static bool
keep_members(struct plan *plan, struct plan_file *f, struct plan_member *member, size_t n)
{
	struct plan_member *shrunk;

	if (__atomic_add_fetch(&plan->kept, n, __ATOMIC_RELAXED) > KEPT_MAX) {
		(void)__atomic_sub_fetch(&plan->kept, n, __ATOMIC_RELAXED);
		free(member);
		return false;
	}
	if ((shrunk = realloc(member, n * sizeof *member)) != NULL)
		member = shrunk;
	f->member = member;
	f->nmember = n;
	return true;
}

/* Ask an archive's index, now that it is open.  What there is to read is kept for its time; but of a count
 * only that there is nothing, since it is not known yet whether summaries may answer. */
static int
ask_index(const struct planning *p, struct plan_file *f, struct pages *pages)
{
	auditq_counts counts = { 0 };
	struct plan_member *member = NULL;
	uint64_t answered = 0;
	size_t n = 0;
	int r = plan_members(p->plan, (size_t)(f - p->plan->file), pages, p->q, p->query,
	    &member, &n, p->counting ? &answered : NULL, p->warn, &counts, p->err);

	if (r < 0)
		return r;
	if (r > 0) {
		f->planned = f->unusable = true;
	} else if (n == 0 && answered == 0) {
		free(member);
		f->how = PLAN_SKIP;
	} else if (n == 0 || p->counting) {
		free(member);
		return 0;
	} else if (!(f->planned = keep_members(p->plan, f, member, n))) {
		return 0;
	}
	plan_add_counts(p->counts, &counts);
	return 0;
}

static int
look_at_archive(const struct planning *p, struct plan_file *f, struct pages *pages)
{
	int r = take_footer(p, f, &pages->footer);

	if (r == 0 && f->how == PLAN_ARCHIVE && p->query != NULL)
		r = ask_index(p, f, pages);
	pages_close(pages);
	return r;
}

static bool
is_called_gzip(const struct catalog_file *in)
{
	size_t n = strlen(in->path);

	return n >= 3 && strcmp(in->path + n - 3, ".gz") == 0;
}

static int
look_at_plain(const struct planning *p, struct plan_file *f, int fd)
{
	const struct catalog_file *in = f->in;

	/* What is called gzip may be taken for damaged gzip when it is read. */
	f->plain = !is_called_gzip(in);
	if (in->writer[0] != '\0')
		f->seqs = sequence_of_plain(fd, in->size, &f->first_seq, &f->last_seq);
	return recognise_file(p, f);
}

/* 1: it is gzip; 0: it is not, or cannot be read; negative. */
static int
look_at_magic(const struct planning *p, struct plan_file *f, int fd)
{
	uint8_t magic[2];
	ssize_t n = sys_pread_all(fd, magic, sizeof magic, 0);

	if (n < 0)
		refuse(p, f, AUDITQ_EIO, 0, "cannot read");
	else if (gunzip_magic(magic, (size_t)n))
		return 1;
	else
		return look_at_plain(p, f, fd);
	return 0;
}

/* Of what is called gzip its end first, which most often says all there is to know. */
static int
look_inside(const struct planning *p, struct plan_file *f, int fd)
{
	const struct catalog_file *in = f->in;
	bool called = is_called_gzip(in);
	struct pages pages;
	auditq_error why;
	int r, magic;

	if (!called && (r = look_at_magic(p, f, fd)) <= 0)
		return r;
	qerror_reset(&why);
	r = pages_open(&pages, fd, in->size, in->path, &why);
	if (r == 0)
		return look_at_archive(p, f, &pages);
	if (r == AUDITQ_ENOMEM)
		return no_memory(p->err);
	if (called && (magic = look_at_magic(p, f, fd)) <= 0)
		return magic;
	if (r == AUDITQ_EVERSION) {
		refuse(p, f, r, why.offset, why.text);
		return 0;
	}
	return look_at_start(p, f, fd, &why);
}

/* A writer that cannot make its last lines durable moves them to another segment, which may not have been listed, and
 * cuts the one that they stood in: while that was looked at, too, so that what was found of it does not hold. */
static bool
was_cut(const struct catalog_file *in, int fd, uint64_t listed)
{
	struct stat st;

	if (!in->open || in->writer[0] == '\0')
		return false;
	return in->size < listed ||
	    (sys->fstat(fd, &st) == 0 && (uint64_t)st.st_size < in->size);
}

int
plan_look(const struct planning *p, struct plan_file *f, struct catalog_file *in)
{
	const uint64_t listed = in->size;
	int fd, r;

	f->in = in;
	f->how = PLAN_STREAM;
	if (in->kind == CATALOG_RING)
		return set_schema(p, f, &schema_default);
	if (in->kind != CATALOG_REGULAR)
		return 0;
	if ((fd = open_listed(p, in)) < 0) {
		f->how = PLAN_SKIP;
		return 0;
	}
	r = look_inside(p, f, fd);
	if (was_cut(in, fd, listed))
		qwarn_send(p->warn, AUDITQ_ENOENT, false, in->path, 0, 0,
		    "cut since it was listed, by its writer");
	(void)sys->close(fd);
	return r;
}
