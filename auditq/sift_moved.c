#include "sift_piece.h"
#include "successor.h"

int
sift_forgive(struct piece *p, int r)
{
	auditq_error *err = &p->out->err;

	if (r != AUDITQ_EIO && r != AUDITQ_ENOENT && r != AUDITQ_EINVAL &&
	    r != AUDITQ_EVERSION && r != AUDITQ_ECORRUPT)
		return r;
	sift_note(p, r, r != AUDITQ_ENOENT, 0, err->offset, err->text);
	qerror_reset(err);
	return 0;
}

struct moved {
	struct piece *p;
	uint64_t line; /* number of the next one */
};

static int
sift_moved_lines(void *arg, const char *lines, size_t n, uint64_t offset)
{
	struct moved *m = arg;
	const uint64_t first = m->line;
	int r = sift_block(m->p, lines, n, offset, &m->line);

	m->p->out->counts.bytes_inflated += n;
	m->p->out->counts.lines += m->line - first;
	return r;
}

int
sift_moved(struct piece *p, uint64_t from, uint64_t n, uint64_t line)
{
	struct plan_file *f = &p->s->plan->file[p->rank];
	struct moved m = { p, line };
	int r = successor_read(
	    &p->slot->moved, p->path, from, n, sift_moved_lines, &m, &p->out->err);

	if (r < 0)
		return sift_forgive(p, r);
	sift_end_bad_lines(p);
	if (r == 0 && !__atomic_exchange_n(&f->gone, true, __ATOMIC_RELAXED))
		sift_note(p, AUDITQ_ENOENT, false, 0, from,
		    "removed since it was listed, as retention does");
	return 0;
}
