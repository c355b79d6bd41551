#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "format.h"
#include "sift_piece.h"
#include "sys.h"

/* With some to spare: the next one may be a little larger, and new pages cost as much as what is inflated to them. */
static void *
grow(void *buf, size_t *cap, size_t n)
{
	void *grown;

	if (*cap >= n)
		return buf;
	free(buf);
	*cap = 0;
	n += n / 4;
	if ((grown = malloc(n)) != NULL)
		*cap = n;
	return grown;
}

/* A descriptor; -1: it cannot be opened, which was noted, or it is gone. */
static int
open_archive(struct piece *p, const struct plan_member *m)
{
	const struct catalog_file *in = p->s->plan->file[p->rank].in;
	struct stat st;
	int fd =
	    sys->openat(AT_FDCWD, in->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);

	p->moved = fd < 0 && errno == ENOENT;
	if (fd < 0 && !p->moved)
		sift_note(p, AUDITQ_EIO, true, 0, m->offset, "cannot open");
	if (fd < 0)
		return -1;
	if (sys->fstat(fd, &st) == 0 && st.st_dev == in->dev && st.st_ino == in->ino &&
	    (uint64_t)st.st_size == in->size)
		return fd;
	sift_note(p, AUDITQ_EIO, true, 0, m->offset, "replaced since it was listed");
	(void)sys->close(fd);
	return -1;
}

/* Read the member as it is stored.  1; 0: it cannot be read, which was noted, or is gone; negative. */
static int
read_stored(struct piece *p, const struct plan_member *m)
{
	ssize_t n;
	int fd;

	p->slot->stored = grow(p->slot->stored, &p->slot->stored_cap, m->member_bytes);
	if (p->slot->stored == NULL)
		return sift_no_memory(p);
	if ((fd = open_archive(p, m)) < 0)
		return 0;
	n = sys_pread_all(fd, p->slot->stored, m->member_bytes, (off_t)m->offset);
	(void)sys->close(fd);
	if (n < 0 || (size_t)n != m->member_bytes) {
		sift_note(p, AUDITQ_EIO, true, 0, m->offset, "cannot read a member");
		return 0;
	}
	p->out->counts.bytes_read += m->member_bytes;
	return 1;
}

/* Whether what was read as this member says of itself that it is another.  A summary that is damaged says
 * nothing. */
static bool
is_another(const struct plan_member *m, const uint8_t *stored)
{
	struct format_header h;
	struct format_data d;
	uint16_t schema_bytes;

	return format_get_header(stored, m->member_bytes, &h) == 1 &&
	    (h.kind != FORMAT_DATA ||
		format_get_data(h.fixed, h.nfixed, &d, &schema_bytes) < 0 ||
		memcmp(d.digest, m->digest, sizeof m->digest) != 0);
}

/* Decompress to dst and check it.  1; 0: damaged, which was noted, or gone; negative. */
static int
inflate_to(struct piece *p, const struct plan_member *m, char *dst)
{
	size_t used, got;
	int r = read_stored(p, m);

	if (r <= 0)
		return r;
	if (is_another(m, p->slot->stored)) {
		sift_note(p, AUDITQ_ECORRUPT, true, 0, m->offset,
		    "another member stands in this place: its lines are lost");
		return 0;
	}
	if (p->slot->inflate == NULL &&
	    (p->slot->inflate = libdeflate_alloc_decompressor()) == NULL)
		return sift_no_memory(p);
	if (libdeflate_gzip_decompress_ex(p->slot->inflate, p->slot->stored, m->member_bytes,
		dst, m->payload_bytes, &used, &got) != LIBDEFLATE_SUCCESS ||
	    used != m->member_bytes || got != m->payload_bytes) {
		sift_note(p, AUDITQ_ECORRUPT, true, 0, m->offset,
		    "damaged member: its lines are lost");
		return 0;
	}
	p->out->counts.members_inflated++;
	return 1;
}

/* Through the cache; *entry is to be released. */
static int
get_cached(struct piece *p, const struct plan_member *m, struct cache_entry **entry)
{
	const struct catalog_file *in = p->s->plan->file[p->rank].in;
	struct cache_key key = { in->dev, in->ino, in->size, in->mtime, m->offset };
	char *plain;
	int r;

	if ((*entry = cache_get(p->s->cache, &key)) != NULL) {
		p->out->counts.members_cached++;
		return 1;
	}
	if ((plain = malloc((size_t)m->payload_bytes + 1)) == NULL)
		return sift_no_memory(p);
	if ((r = inflate_to(p, m, plain)) <= 0) {
		free(plain);
		return r;
	}
	*entry = cache_put_take(p->s->cache, &key, plain, m->payload_bytes);
	return *entry == NULL ? sift_no_memory(p) : 1;
}

static int
sift_payload(struct piece *p, const struct plan_member *m, const char *plain)
{
	uint64_t line = m->line;
	int r;

	p->ts = m->ts_before;
	p->out->counts.bytes_inflated += m->payload_bytes;
	p->out->counts.lines += m->lines;
	candidates_require(&p->slot->candidates,
	    &p->s->require[p->s->plan->file[p->rank].schema], m->literal.p, m->literal.n);
	if (m->readable && p->slot->candidates.n > 0)
		r = sift_candidates(p, m, plain);
	else
		r = sift_block(p, plain, m->payload_bytes, m->plain_offset, &line);
	if (r < 0)
		return r;
	sift_end_bad_lines(p);
	p->out->counts.members_without_match += p->out->counts.matched == 0;
	return sift_sort(p);
}

static int
sift_moved_member(struct piece *p, const struct plan_member *m)
{
	int r;

	p->ts = m->ts_before;
	if ((r = sift_moved(p, m->plain_offset, m->payload_bytes, m->line)) < 0)
		return r;
	return sift_sort(p);
}

void
sift_member(struct sift *s, unsigned slot, size_t file, const struct plan_member *m,
    struct sift_result *out)
{
	struct cache_entry *entry = NULL;
	struct piece p;

	if ((out->r = sift_begin(&p, s, slot, file, out)) < 0)
		return;
	if (s->cache != NULL) {
		if ((out->r = get_cached(&p, m, &entry)) > 0)
			out->r = sift_payload(&p, m, entry->data);
		cache_release(s->cache, entry);
	} else {
		p.slot->plain =
		    grow(p.slot->plain, &p.slot->plain_cap, (size_t)m->payload_bytes + 1);
		if (p.slot->plain == NULL)
			out->r = sift_no_memory(&p);
		else if ((out->r = inflate_to(&p, m, p.slot->plain)) > 0)
			out->r = sift_payload(&p, m, p.slot->plain);
	}
	if (out->r == 0 && p.moved)
		out->r = sift_moved_member(&p, m);
}
