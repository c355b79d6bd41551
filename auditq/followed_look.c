#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "followed_inside.h"
#include "gunzip.h"
#include "index.h"
#include "known.h"
#include "schema_text.h"
#include "source.h"
#include "sys.h"

/* Of lines, to recognise their schema in. */
#define HEAD_BYTES ((size_t)64 << 10)

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
		return followed_no_memory(f->path, err);
	part.writer->met = all->now_s;
	f->part = grown;
	f->part[f->nparts++] = part;
	return 0;
}

/* Without what it says of itself its records might be given twice. */
static int
give_up(const struct followed_files *all, struct followed *f, const char *why)
{
	qwarn_send(all->warn, AUDITQ_EIO, true, f->path, 0, 0, "%s", why);
	f->over = true;
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
		return followed_no_memory(f->path, err);
	if (r == AUDITQ_EIO)
		return give_up(all, f, why.text);
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
	if ((grown = reallocarray(
		 all->schema, all->nschema + 1, sizeof(const struct schema *))) == NULL)
		return NULL;
	all->schema = grown;
	if ((copy = malloc(sizeof *copy)) == NULL)
		return NULL;
	*copy = *s;
	return all->schema[all->nschema++] = copy;
}

static bool
ends_in_gz(const char *path)
{
	const size_t n = strlen(path);

	return n >= 3 && strcmp(path + n - 3, ".gz") == 0;
}

/* Without a footer only its name tells that an archive may have been compacted. */
static bool
may_be_compacted(const struct catalog_file *in)
{
	return in->writer[0] != '\0' && in->number == 1 && ends_in_gz(in->path);
}

/* What its footer says, if it has one. */
static int
look_at_archive(struct followed_files *all, struct followed *f, int fd,
    const struct catalog_file *in, bool *found, auditq_error *err)
{
	struct format_footer footer;
	struct schema schema;
	alog_error why = { 0 };
	int r = archive_read_footer(fd, in->size, in->path, &footer, &why);

	if (r == ALOG_EIO)
		return give_up(all, f, why.text);
	if (r < 0 && may_be_compacted(in))
		qwarn_send(all->warn, AUDITQ_ECORRUPT, false, f->path, 0, why.offset,
		    "it may stand for other files, whose lines may be shown twice: %s",
		    why.text);
	if (r < 0)
		return 0;
	if (all->asked == NULL &&
	    schema_parse(footer.schema, footer.schema_bytes, &schema) == 0 &&
	    (f->schema = keep_schema(all, &schema)) == NULL)
		return followed_no_memory(f->path, err);
	*found = true;
	if (footer.compacted)
		return take_parts(all, f, fd, in->size, err);
	f->numbered = f->writer != NULL && footer.seqs && footer.unreadable == 0;
	f->first = footer.first_seq;
	f->last = footer.last_seq;
	return 0;
}

/* What is known of the lines is what they follow. */
int
followed_recognise(struct followed_files *all, struct followed *f, const char *lines, size_t n,
    auditq_error *err)
{
	const struct known *known = known_recognise(lines, n);
	struct schema schema;

	f->unknown = false;
	if (known == NULL)
		return 0;
	known_schema(known, &schema);
	f->schema = keep_schema(all, &schema);
	return f->schema == NULL ? followed_no_memory(f->path, err) : 0;
}

/* By its first lines; what there is to say of these is said when they are read. */
static int
recognise_file(struct followed_files *all, struct followed *f, auditq_error *err)
{
	struct source_options opt = { .block_bytes = HEAD_BYTES, .open_segment = true };
	struct source_block block;
	struct source *source;
	int r = source_open(&source, f->path, &opt, NULL);

	if (r == 0) {
		if ((r = source_next(source, &block, NULL)) > 0)
			r = followed_recognise(all, f, block.p, block.n, err);
		else if (r == 0)
			f->unknown = true;
		source_close(source);
	}
	return r == AUDITQ_ENOMEM ? followed_no_memory(f->path, err) : 0;
}

/* ---- any file ---- */

int
followed_look(struct followed_files *all, struct followed *f, int fd,
    const struct catalog_file *in, auditq_error *err)
{
	uint8_t magic[2];
	const ssize_t n = sys_pread_all(fd, magic, sizeof magic, 0);
	bool says = in->writer[0] != '\0' || all->asked != NULL;
	int r;

	if (n < 0) {
		qwarn_send(all->warn, AUDITQ_EIO, true, in->path, 0, 0, "cannot read: %s",
		    strerrordesc_np(errno));
		f->over = true;
		return 1;
	}
	/* What compresses makes a name, and then what is to have it. */
	if (n < 2 && ends_in_gz(in->path))
		return FOLLOWED_LATER;
	if (in->writer[0] != '\0' &&
	    (f->writer = headway_writer(all->headway, in->writer)) == NULL)
		return followed_no_memory(in->path, err);
	f->gzip = gunzip_magic(magic, (size_t)n);
	if (f->gzip && (r = look_at_archive(all, f, fd, in, &says, err)) < 0)
		return r;
	if (!says && (r = recognise_file(all, f, err)) < 0)
		return r;
	return f->numbered || f->over ? 1 : followed_take_place(all, f, fd, in, err);
}
