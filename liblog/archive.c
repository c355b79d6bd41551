#include "archive.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "digest.h"
#include "schema_text.h"
#include "summary.h"

#define TARGET_FIRST (512u << 10)

/* Members are planned so that this many remain unused: lines do not fill them evenly. */
#define MEMBERS_SPARE 12

struct archive {
	int fd;
	const char *path;
	struct schema schema;
	char schema_text[SCHEMA_TEXT_MAX];
	uint16_t schema_bytes, member_schema_bytes; /* of the text; of it in data members */
	uint64_t expected;
	uint32_t member_bytes; /* as asked for, or 0 */
	struct libdeflate_compressor *compressor;
	struct digest digest;
	struct summary *summary;

	struct bytes_out payload; /* of the member at hand */
	struct bytes_out packed;  /* scratch: a whole member */
	size_t target;            /* bytes of lines for it */
	unsigned growth;          /* what the ratio of the last one made of TARGET_FIRST */
	uint64_t plain;           /* bytes of lines so far */
	uint64_t written;         /* bytes of the file so far */
	struct format_data member[FORMAT_MEMBERS_MAX];
	size_t members;
	struct bytes_out
	    replaced; /* content of that section: the files, and their number before them */
	uint32_t nreplaced;
	struct format_footer footer;
	bool failed;
};

/* How many bytes of lines the next member should have. */
static size_t
target_of(const struct archive *a)
{
	size_t target = a->member_bytes > 0 ? a->member_bytes : TARGET_FIRST * a->growth;
	size_t left = FORMAT_MEMBERS_MAX - a->members;
	uint64_t rest = a->expected > a->plain ? a->expected - a->plain : 0;
	uint64_t share;

	if (left > MEMBERS_SPARE)
		left -= MEMBERS_SPARE;
	share = left > 0 ? (rest + left - 1) / left : 0;
	return share > target ? (size_t)share : target;
}

static int
out_of_memory(struct archive *a, alog_error *err)
{
	a->failed = true;
	return error_set(err, ALOG_ENOMEM, ENOMEM, a->path, "archive");
}

int
archive_begin(struct archive **ret, int fd, const struct archive_options *opt, alog_error *err)
{
	const struct schema *schema = opt->schema != NULL ? opt->schema : &schema_default;
	int level = opt->gzip_level != 0 ? opt->gzip_level : 6;
	struct archive *a;

	if (level < 1 || level > 12)
		return error_set(err, ALOG_EINVAL, 0, opt->path, "gzip level %d is not 1 to 12",
		    opt->gzip_level);
	if ((a = calloc(1, sizeof *a)) == NULL)
		return error_set(err, ALOG_ENOMEM, ENOMEM, opt->path, "archive");
	a->fd = fd;
	a->path = opt->path;
	a->schema = *schema;
	a->schema_bytes = (uint16_t)schema_format(schema, a->schema_text);
	a->member_schema_bytes = schema_equal(schema, &schema_default) ? 0 : a->schema_bytes;
	a->expected = opt->expected_bytes;
	a->member_bytes = opt->member_bytes;
	a->growth = 1;
	a->target = target_of(a);
	memcpy(a->footer.previous, opt->previous, sizeof a->footer.previous);
	memcpy(a->footer.writer, opt->writer, sizeof a->footer.writer - 1);
	a->compressor = libdeflate_alloc_compressor(level);
	a->summary = summary_new(&a->schema);
	if (a->compressor == NULL || a->summary == NULL) {
		out_of_memory(a, err);
		archive_abort(a);
		return ALOG_ENOMEM;
	}
	*ret = a;
	return 0;
}

void
archive_abort(struct archive *a)
{
	if (a == NULL)
		return;
	if (a->compressor != NULL)
		libdeflate_free_compressor(a->compressor);
	summary_free(a->summary);
	bytes_out_free(&a->payload);
	bytes_out_free(&a->packed);
	bytes_out_free(&a->replaced);
	free(a);
}

static int
write_out(struct archive *a, const void *p, size_t n, alog_error *err)
{
	if (sys_write_all(a->fd, p, n, NULL) < 0) {
		a->failed = true;
		return error_set(err, ALOG_EIO, errno, a->path, "write archive");
	}
	a->written += n;
	return 0;
}

/* The digest of the member at hand, chained to the one before. */
static void
chain(struct archive *a, uint8_t out[DIGEST_BYTES])
{
	static const uint8_t zeros[DIGEST_BYTES];

	digest_begin(&a->digest);
	digest_add(&a->digest, a->members > 0 ? a->member[a->members - 1].digest : zeros,
	    DIGEST_BYTES);
	digest_add(&a->digest, a->payload.p, a->payload.n);
	digest_end(&a->digest, out);
}

/* Compress the payload into a->packed behind room for the gzip header; the member's size, or
 * 0. */
static size_t
pack(struct archive *a, size_t head)
{
	size_t bound = libdeflate_deflate_compress_bound(a->compressor, a->payload.n), n;
	uint8_t *p;

	a->packed.n = 0;
	if ((p = bytes_room(&a->packed, head + bound + 8)) == NULL)
		return 0;
	n = libdeflate_deflate_compress(
	    a->compressor, a->payload.p, a->payload.n, p + head, bound);
	if (n == 0)
		return 0;
	put_le32(p + head + n, libdeflate_crc32(0, a->payload.p, a->payload.n));
	put_le32(p + head + n + 4, (uint32_t)a->payload.n);
	return head + n + 8;
}

/* Write the member at hand. */
static int
end_member(struct archive *a, alog_error *err)
{
	size_t head = FORMAT_FIXED_AT + FORMAT_DATA_FIXED + a->member_schema_bytes, n;
	struct format_data *m = &a->member[a->members];
	uint8_t fixed[FORMAT_DATA_FIXED];
	int r;

	if (summary_end_member(a->summary, m) < 0 || (n = pack(a, head)) == 0)
		return out_of_memory(a, err);
	m->member_bytes = (uint32_t)n;
	m->payload_bytes = (uint32_t)a->payload.n;
	chain(a, m->digest);
	format_put_data(fixed, m, a->member_schema_bytes);
	format_put_header(a->packed.p, FORMAT_DATA, fixed, sizeof fixed, a->schema_text,
	    a->member_schema_bytes);
	if ((r = write_out(a, a->packed.p, n, err)) < 0)
		return r;
	a->growth = a->payload.n / n >= 24 ? 4 : a->payload.n / n >= 12 ? 2 : 1;
	a->payload.n = 0;
	a->members++;
	a->target = target_of(a);
	return 0;
}

int
archive_add(struct archive *a, const char *line, size_t n, alog_error *err)
{
	uint8_t *dst;
	int r;

	if (n >= FORMAT_PLAIN_MAX || memchr(line, '\n', n) != NULL) {
		a->failed = true;
		if (n >= FORMAT_PLAIN_MAX)
			return error_set_at(
			    err, ALOG_ETOOBIG, a->path, a->plain, "a line of %zu bytes", n);
		return error_set_at(
		    err, ALOG_EINVAL, a->path, a->plain, "a line feed within a line");
	}
	if (a->payload.n > 0 && a->payload.n + n + 1 > a->target) {
		if (a->members + 1 == FORMAT_MEMBERS_MAX) {
			a->failed = true;
			return error_set_at(err, ALOG_ETOOBIG, a->path, a->plain,
			    "the archive is full: %d members", FORMAT_MEMBERS_MAX);
		}
		if ((r = end_member(a, err)) < 0)
			return r;
	}
	if ((dst = bytes_room(&a->payload, n + 1)) == NULL)
		return out_of_memory(a, err);
	memcpy(dst, line, n);
	dst[n] = '\n';
	a->plain += n + 1;
	if (summary_add(a->summary, line, n) < 0)
		return out_of_memory(a, err);
	return 0;
}

int
archive_replaces(struct archive *a, const struct section_replaced *file, alog_error *err)
{
	if (a->nreplaced == SECTION_REPLACED_MAX) {
		a->failed = true;
		return error_set(err, ALOG_ETOOBIG, 0, a->path,
		    "the archive replaces more than %d files", SECTION_REPLACED_MAX);
	}
	if (a->nreplaced == 0)
		bytes_put_u32(&a->replaced, 0);
	section_put_replaced(&a->replaced, file);
	if (a->replaced.failed)
		return out_of_memory(a, err);
	put_le32(a->replaced.p, ++a->nreplaced);
	a->footer.compacted = true;
	return 0;
}

bool
archive_full(const struct archive *a)
{
	if (a->plain < a->expected)
		return false;
	/* The last member is kept for the line that may not fit into this one. */
	return a->plain >= FORMAT_PLAIN_MAX || a->members + 2 >= FORMAT_MEMBERS_MAX;
}

/* Write the index stream in pages. */
static int
write_index(struct archive *a, const struct bytes_out *stream, alog_error *err)
{
	uint32_t pages = format_pages((uint32_t)stream->n);
	uint8_t *dst;
	int r;

	for (uint32_t i = 0; i < pages; i++) {
		size_t at = (size_t)i * FORMAT_PAGE_BYTES, n = stream->n - at;
		if (n > FORMAT_PAGE_BYTES)
			n = FORMAT_PAGE_BYTES;
		a->packed.n = 0;
		if ((dst = bytes_room(&a->packed, FORMAT_PAGE_OVERHEAD + n)) == NULL)
			return out_of_memory(a, err);
		n = format_put_page(dst, i, pages, stream->p + at, n);
		if ((r = write_out(a, dst, n, err)) < 0)
			return r;
	}
	return 0;
}

/* The digest of the whole: of the chain's end, the index stream, and the footer before it. */
static void
seal_whole(
    struct archive *a, const struct bytes_out *stream, uint8_t fixed[FORMAT_FOOTER_FIXED])
{
	digest_begin(&a->digest);
	digest_add(&a->digest, a->footer.digest, DIGEST_BYTES);
	digest_add(&a->digest, stream->p, stream->n);
	digest_add(&a->digest, fixed, FORMAT_WHOLE_AT);
	digest_end(&a->digest, a->footer.whole);
	memcpy(fixed + FORMAT_WHOLE_AT, a->footer.whole, DIGEST_BYTES);
}

static int
write_footer(struct archive *a, const struct bytes_out *stream, alog_error *err)
{
	struct format_footer *f = &a->footer;
	uint8_t fixed[FORMAT_FOOTER_FIXED], footer[FORMAT_FOOTER_BYTES];

	f->index_bytes = (uint32_t)stream->n;
	f->file_bytes =
	    f->index_offset + format_pages_bytes(f->index_bytes) + FORMAT_FOOTER_BYTES;
	f->payload_bytes = a->plain;
	memcpy(f->digest, a->member[a->members - 1].digest, DIGEST_BYTES);
	f->schema_bytes = a->schema_bytes;
	memcpy(f->schema, a->schema_text, a->schema_bytes);
	format_put_footer_fixed(fixed, f);
	seal_whole(a, stream, fixed);
	format_put_footer(footer, fixed);
	return write_out(a, footer, sizeof footer, err);
}

static int
finish(struct archive *a, alog_error *err)
{
	struct bytes_out stream = { 0 };
	int r;

	if (a->failed)
		return error_set(err, ALOG_EIO, 0, a->path, "the archive failed before");
	if (a->plain == 0)
		return error_set(err, ALOG_EINVAL, 0, a->path, "an archive without lines");
	if ((r = end_member(a, err)) < 0)
		return r;
	a->footer.index_offset = a->written;
	summary_totals(a->summary, &a->footer);
	if (summary_put_index(a->summary, a->member, a->members, a->member_schema_bytes,
		&a->replaced, &stream) < 0)
		r = out_of_memory(a, err);
	if (r == 0)
		r = write_index(a, &stream, err);
	if (r == 0)
		r = write_footer(a, &stream, err);
	bytes_out_free(&stream);
	return r;
}

int
archive_finish(struct archive *a, struct format_footer *total, alog_error *err)
{
	int r = finish(a, err);

	if (r == 0 && total != NULL)
		*total = a->footer;
	archive_abort(a);
	return r;
}

int
archive_read_footer(
    int fd, uint64_t size, const char *path, struct format_footer *out, alog_error *err)
{
	uint8_t tail[FORMAT_FOOTER_BYTES];
	ssize_t n;
	int r;

	if (size <= sizeof tail)
		return error_set(err, ALOG_ECORRUPT, 0, path, "too short for an archive");
	if ((n = sys_pread_all(fd, tail, sizeof tail, (off_t)(size - sizeof tail))) < 0)
		return error_set(err, ALOG_EIO, errno, path, "read footer");
	r = (size_t)n == sizeof tail ? format_get_footer(tail, out) : ALOG_ECORRUPT;
	if (r == ALOG_EVERSION)
		return error_set_at(err, r, path, size - sizeof tail,
		    "the archive's format is newer than version %d", FORMAT_VERSION);
	if (r < 0 || out->file_bytes != size)
		return error_set_at(err, ALOG_ECORRUPT, path, size - sizeof tail,
		    "no footer of an archive at the end");
	return 0;
}
