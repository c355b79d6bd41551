/* follow_begin - where following begins: what is there, or was given by others, is considered. */
#include <fcntl.h>
#include <string.h>

#include "follow_inside.h"
#include "sequence.h"
#include "sys.h"

static int
skip_file(struct follow *f, struct followed *file, auditq_error *err)
{
	if (file->over)
		return 0;
	if (!file->gzip)
		return intake_skip(&f->intake, file, err);
	for (size_t i = 0; i < file->nparts; i++)
		if (spans_add(&file->part[i].writer->seen, file->part[i].first,
			file->part[i].last) < 0)
			return follow_no_memory(err);
	if (file->numbered && file->nparts == 0 &&
	    spans_add(&file->writer->seen, file->first, file->last) < 0)
		return follow_no_memory(err);
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
		return follow_no_memory(err);
	writer->met = f->files.now_s;
	for (size_t i = 0; i < in->spool.n; i++)
		if (spans_add(&writer->seen, in->spool.line[i].seq, in->spool.line[i].seq) < 0)
			return follow_no_memory(err);
	return 0;
}

static int
skip_listed(struct follow *f, auditq_error *err)
{
	struct followed *file;
	int r = follow_list(f, err);

	for (size_t i = 0; i < f->catalog.n && r >= 0; i++) {
		const struct catalog_file *in = &f->catalog.file[i];

		if (in->kind == CATALOG_RING) {
			r = skip_ring(f, in, err);
		} else if (in->kind == CATALOG_REGULAR) {
			r = followed_meet(&f->files, in, &file, err);
			if (r == 1)
				r = skip_file(f, file, err);
			else if (r == FOLLOWED_LATER)
				f->due = true;
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
	while (r == 0 && f->again && f->listings < FOLLOW_LISTINGS);
	followed_end(&f->files);
	f->names = f->names || f->again;
	f->files.headway->changed = true;
	f->phase = FOLLOW_BEGIN;
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
	if ((r = followed_meet(&f->files, &in, ret, err)) == 1)
		f->given = *ret;
	return r < 0 ? r : 0;
}

/* Whose segment has that name. */
static bool
names_writer(const char *base, char writer[PATH_WRITER_LENGTH + 1])
{
	struct path_segment seg;

	if (!path_parse_segment(base, &seg) || seg.packed ||
	    strlen(seg.writer) != PATH_WRITER_LENGTH)
		return false;
	memcpy(writer, seg.writer, PATH_WRITER_LENGTH + 1);
	return true;
}

int
follow_given(struct follow *f, const struct follow_line *line, auditq_error *err)
{
	const char *slash = strrchr(line->path, '/');
	const char *base = slash == NULL ? line->path : slash + 1;
	char name[PATH_WRITER_LENGTH + 1];
	struct headway_writer *writer;
	struct followed *file = NULL;
	uint64_t seq;
	int r;

	if (!path_parse_ring(base, name)) {
		if ((r = find_path(f, line->path, &file, err)) < 0)
			return r;
		/* It is gone: sealed since it was searched, its records are the same. */
		if (file == NULL && !names_writer(base, name))
			return 0;
	}
	if (file != NULL)
		writer = followed_writer(file, line->offset);
	else if ((writer = headway_writer(f->files.headway, name)) == NULL)
		return follow_no_memory(err);
	if (writer != NULL && sequence_number(line->p, line->n, &seq))
		r = spans_add(&writer->seen, seq, seq);
	else if (file != NULL && file->place != NULL)
		r = spans_add(&file->place->seen, line->offset, line->offset + line->n);
	else
		r = 0;
	return r < 0 ? follow_no_memory(err) : 0;
}
