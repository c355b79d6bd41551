#include "inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "digest.h"
#include "pages.h"
#include "sys.h"

/* ---- the digests ------------------------------------------------------------------------- */

struct check {
	int fd;
	struct inspect *in;
	struct libdeflate_decompressor *inflater;
	struct digest digest;
	uint8_t *packed, *plain;
	size_t npacked, nplain;
	uint8_t last[DIGEST_BYTES]; /* digest of the member before */
};

static int
grow(uint8_t **p, size_t *cap, size_t n)
{
	if (*p != NULL && n <= *cap)
		return 0;
	free(*p);
	*cap = 0;
	if ((*p = malloc(n)) == NULL)
		return -1;
	*cap = n;
	return 0;
}

/* Inflate a member whose bytes are in c->packed and hold it against the index; what is wrong
 * with it, or NULL. */
static const char *
check_member(struct check *c, const struct format_data *m)
{
	struct format_header h;
	uint8_t want[FORMAT_DATA_FIXED], digest[DIGEST_BYTES];
	size_t n = m->member_bytes;
	uint16_t schema_bytes;

	if (format_get_header(c->packed, n, &h) != 1 || h.kind != FORMAT_DATA ||
	    h.nfixed < FORMAT_DATA_FIXED || h.bytes + 8 > n)
		return "its summary is damaged";
	schema_bytes = get_le16(h.fixed + 58);
	format_put_data(want, m, schema_bytes);
	if (memcmp(h.fixed, want, sizeof want) != 0)
		return "its summary is not that of the index";
	if (libdeflate_deflate_decompress(c->inflater, c->packed + h.bytes, n - h.bytes - 8,
		c->plain, m->payload_bytes, NULL) != LIBDEFLATE_SUCCESS)
		return "its data is damaged";
	if (get_le32(c->packed + n - 8) != libdeflate_crc32(0, c->plain, m->payload_bytes) ||
	    get_le32(c->packed + n - 4) != m->payload_bytes)
		return "its checksum is wrong";
	digest_begin(&c->digest);
	digest_add(&c->digest, c->last, sizeof c->last);
	digest_add(&c->digest, c->plain, m->payload_bytes);
	digest_end(&c->digest, digest);
	memcpy(c->last, digest, sizeof digest);
	return memcmp(digest, m->digest, sizeof digest) == 0 ? NULL : "its digest is wrong";
}

static int
check_members(struct check *c, auditq_error *err)
{
	const struct index *ix = c->in->ix;
	const char *path = c->in->path;

	for (size_t i = 0; i < index_members(ix); i++) {
		const struct format_data *m = index_member(ix, i);
		ssize_t n;
		if (grow(&c->packed, &c->npacked, m->member_bytes) < 0 ||
		    grow(&c->plain, &c->nplain, m->payload_bytes) < 0)
			return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, path, "member %zu", i);
		n = sys_pread_all(
		    c->fd, c->packed, m->member_bytes, (off_t)index_offset(ix, i));
		if (n < 0)
			return qerror_set(err, AUDITQ_EIO, errno, path, "read member %zu", i);
		c->in->problem =
		    (size_t)n < m->member_bytes ? "the file shrank" : check_member(c, m);
		if (c->in->problem != NULL) {
			c->in->member = i;
			return 0;
		}
	}
	return 0;
}

/* What the footer says of the last member holds: the index was held against it, and the member itself. */
static int
check_whole(struct check *c, uint64_t size, auditq_error *err)
{
	struct pages pages;
	int r;

	if ((r = pages_open(&pages, c->fd, size, c->in->path, err)) < 0)
		return r;
	if ((r = pages_whole_holds(&pages, err)) == 0)
		c->in->problem = "the digest of the whole is wrong";
	pages_close(&pages);
	return r < 0 ? r : 0;
}

/* Read all of the archive and hold it against its digests. */
static int
check(struct inspect *in, int fd, uint64_t size, auditq_error *err)
{
	struct check c = { .fd = fd, .in = in };
	int r;

	in->member = index_members(in->ix);
	c.inflater = libdeflate_alloc_decompressor();
	if (c.inflater == NULL)
		r = qerror_set(err, AUDITQ_ENOMEM, ENOMEM, in->path, "check");
	else if ((r = check_members(&c, err)) == 0 && in->problem == NULL)
		r = check_whole(&c, size, err);
	if (c.inflater != NULL)
		libdeflate_free_decompressor(c.inflater);
	free(c.packed);
	free(c.plain);
	return r;
}

/* ---- the operation ----------------------------------------------------------------------- */

static int
describe(const struct inspect *in, bool json, auditq_write_fn *fn, void *arg, auditq_error *err)
{
	struct inspect_out *o = calloc(1, sizeof *o);
	int r;

	if (o == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, in->path, "description");
	o->b = (struct jbuf){ .p = o->buf, .cap = sizeof o->buf };
	o->fn = fn;
	o->arg = arg;
	if (json)
		inspect_json(in, o);
	else
		inspect_text(in, o);
	if (o->refused == 0 && o->b.len > 0)
		o->refused = fn(arg, o->buf, o->b.len);
	if ((r = o->refused) < 0)
		(void)qerror_set(err, r, 0, NULL, "the output was stopped");
	free(o);
	return r;
}

static int
inspect_fd(
    int fd, const char *path, bool json, auditq_write_fn *fn, void *arg, auditq_error *err)
{
	struct inspect in = { .path = path };
	struct index *ix = NULL;
	struct stat st;
	int r;

	if (sys->fstat(fd, &st) < 0)
		return qerror_set(err, AUDITQ_EIO, errno, path, "stat");
	if (!S_ISREG(st.st_mode))
		return qerror_set(err, AUDITQ_EINVAL, 0, path, "not a regular file");
	if ((r = index_load(&ix, fd, (uint64_t)st.st_size, path, INDEX_ALL, err)) < 0)
		return r;
	in.ix = ix;
	if ((r = check(&in, fd, (uint64_t)st.st_size, err)) == 0)
		r = describe(&in, json, fn, arg, err);
	if (r == 0 && in.problem != NULL)
		r = in.member < index_members(ix)
		    ? qerror_set_at(err, AUDITQ_ECORRUPT, path, index_offset(ix, in.member),
			  "member %zu: %s", in.member, in.problem)
		    : qerror_set_at(err, AUDITQ_ECORRUPT, path,
			  (uint64_t)st.st_size - FORMAT_FOOTER_BYTES, "%s", in.problem);
	index_free(ix);
	return r;
}

int
auditq_inspect(const char *path, bool json, auditq_write_fn *fn, void *arg, auditq_error *err)
{
	int fd, r;

	qerror_reset(err);
	if (path == NULL || fn == NULL)
		return qerror_set(
		    err, AUDITQ_EINVAL, 0, NULL, "no file or nothing to write to");
	/* Not blocking: the name may be a FIFO's. */
	fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0)
		return qerror_set(
		    err, errno == ENOENT ? AUDITQ_ENOENT : AUDITQ_EIO, errno, path, "open");
	r = inspect_fd(fd, path, json, fn, arg, err);
	(void)sys->close(fd);
	return r;
}
