#include "ranges.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"

/* Always the same, whatever the number of workers: so are the answer and what is said with it. */
#define RANGE_BYTES (UINT64_C(4) << 20)

struct ranges {
	struct sift *sift;
	size_t file;
	int fd;
	unsigned users;
	uint64_t next;  /* where the next piece begins */
	uint64_t lines; /* in the pieces joined so far; UINT64_MAX: not known */
	int64_t ts;     /* effective time of the last of them */
	uint64_t seq;   /* the last number in the pieces joined so far, or the one before all */
};

/* The file, as it was planned, or -1: whoever reads it as a whole has something to say. */
static int
open_planned(const struct catalog_file *in)
{
	struct stat st;
	int fd =
	    sys->openat(AT_FDCWD, in->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (sys->fstat(fd, &st) == 0 && st.st_dev == in->dev && st.st_ino == in->ino)
		return fd;
	(void)sys->close(fd);
	return -1;
}

int
ranges_open(struct ranges **ret, struct sift *s, size_t file, auditq_error *err)
{
	const struct plan_file *f = &s->plan->file[file];
	struct ranges *r;
	int fd;

	if (!f->plain || f->in->size <= RANGE_BYTES || (fd = open_planned(f->in)) < 0)
		return 0;
	if ((r = malloc(sizeof *r)) == NULL) {
		(void)sys->close(fd);
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, f->in->path, "search");
	}
	*r = (struct ranges){ .sift = s, .file = file, .fd = fd, .users = 1, .ts = CLOCK_NONE };
	if (f->seqs && f->first_seq > 0)
		r->seq = f->first_seq - 1;
	*ret = r;
	return 1;
}

bool
ranges_next(struct ranges *r, struct source_range *out)
{
	uint64_t size = r->sift->plan->file[r->file].in->size;

	if (r->next >= size)
		return false;
	*out = (struct source_range){ r->fd, r->next, r->next + RANGE_BYTES };
	r->next = out->end;
	/* It may have grown. */
	if (r->next >= size)
		out->end = UINT64_MAX;
	r->users++;
	return true;
}

void
ranges_sift(
    struct ranges *r, unsigned slot, const struct source_range *range, struct sift_result *out)
{
	static const int64_t none = CLOCK_NONE;

	sift_range(r->sift, slot, r->file, range, range->begin == 0 ? &none : NULL, false, out);
}

void
ranges_join(struct ranges *r, const struct source_range *range, struct sift_result *piece,
    struct sift_result *left_out)
{
	struct source_range head = { r->fd, range->begin, piece->head };

	*left_out = (struct sift_result){ 0 };
	if (piece->r == 0 && piece->head > 0)
		sift_range(r->sift, 0, r->file, &head, &r->ts, true, left_out);
	notes_move(&left_out->notes, r->lines);
	notes_move(&piece->notes, r->lines);
	if (piece->cut)
		r->lines = UINT64_MAX;
	else if (r->lines != UINT64_MAX)
		r->lines += piece->lines;
	r->ts = piece->ts != CLOCK_NONE ? piece->ts : r->ts;
	r->seq = piece->last_seq > r->seq ? piece->last_seq : r->seq;
}

void
ranges_moved(struct ranges *r, const struct sift_result *piece, struct sift_result *out)
{
	const struct plan_file *f = &r->sift->plan->file[r->file];
	uint64_t last = f->last_seq;
	struct stat st;

	*out = (struct sift_result){ 0 };
	if (piece != NULL)
		last = piece->first_seq > 0 ? piece->first_seq - 1 : 0;
	/* Where numbers are not known, all there is to say is that it was cut, at the end. */
	if (f->seqs ? r->seq >= last : piece != NULL)
		return;
	if (sys->fstat(r->fd, &st) == 0 && (uint64_t)st.st_size < f->in->size)
		sift_between(r->sift, 0, r->file, (uint64_t)st.st_size, r->seq, last, out);
}

void
ranges_release(struct ranges *r)
{
	if (r == NULL || --r->users > 0)
		return;
	(void)sys->close(r->fd);
	free(r);
}
