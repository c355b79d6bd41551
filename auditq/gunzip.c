#define ZLIB_CONST /* zlib only reads its input */

#include "gunzip.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "bytes.h"
#include "format.h"

/* A header with all its optional parts; one with a longer name or comment counts as damage. */
#define HEADER_MAX ((size_t)72 << 10)
/* Bytes of a file that may be read again behind damage, beyond as many as were passed. */
#define AGAIN_MAX ((uint64_t)64 << 20)
enum { FLAG_HCRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16, FLAG_RESERVED = 0xe0 };

struct gunzip {
	struct input *in;
	struct qwarn warn;
	bool in_member;    /* between a member's header and its trailer */
	bool gap;          /* to be told before anything else */
	bool any;          /* some member was found */
	bool ours, sealed; /* behind a data member of ours; and behind some of its index */
	bool told;         /* that something of this archive is lost */
	uint32_t members;  /* with lines, of it, that were whole; each once */
	size_t nseen;      /* of them, those that were given */
	uint8_t seen[FORMAT_MEMBERS_MAX][32]; /* their digests */
	uint64_t member;                      /* offset of the member */
	size_t header_bytes;                  /* of its header */
	uint64_t
	    again; /* bytes gone back, to look for a header in what was taken for a member */

	z_stream z;
	bool z_ready;
	uint8_t window[1 << MAX_WBITS]; /* end of the output so far */
	uint32_t crc, size;

	struct libdeflate_decompressor *whole;
	uint8_t *plain; /* of a member that was checked as a whole */
	size_t plain_pos, plain_len, plain_cap;
};

bool
gunzip_magic(const uint8_t *p, size_t n)
{
	return n >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

int
gunzip_new(struct gunzip **ret, struct input *in, const struct qwarn *warn, auditq_error *err)
{
	struct gunzip *g = calloc(1, sizeof *g);

	if (g == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, in->path, "gzip reader");
	g->in = in;
	g->warn = *warn;
	*ret = g;
	return 0;
}

void
gunzip_free(struct gunzip *g)
{
	if (g == NULL)
		return;
	if (g->z_ready)
		(void)inflateEnd(&g->z);
	libdeflate_free_decompressor(g->whole);
	free(g->plain);
	free(g);
}

static void
warn_lost(struct gunzip *g, uint64_t offset, const char *what)
{
	qwarn_send(&g->warn, AUDITQ_ECORRUPT, true, g->in->path, 0, offset, "%s", what);
	g->ours = false; /* an end without an index needs no second word */
	g->told = true;
}

static const uint8_t *
skip_text(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *nul = p == NULL || p >= end ? NULL : memchr(p, 0, (size_t)(end - p));

	return nul == NULL ? NULL : nul + 1;
}

/* Size of the gzip header at p; 0: there is none, or not all of it. */
static size_t
header_size(const uint8_t *p, size_t n)
{
	const uint8_t *at, *end = p + n;

	if (n < 10 || !gunzip_magic(p, n) || p[2] != Z_DEFLATED || (p[3] & FLAG_RESERVED) != 0)
		return 0;
	at = p + 10;
	if ((p[3] & FLAG_EXTRA) != 0) {
		if (end - at < 2)
			return 0;
		at += 2 + (size_t)(at[0] | at[1] << 8);
	}
	if ((p[3] & FLAG_NAME) != 0)
		at = skip_text(at, end);
	if ((p[3] & FLAG_COMMENT) != 0)
		at = skip_text(at, end);
	if (at == NULL)
		return 0;
	if ((p[3] & FLAG_HCRC) != 0)
		at += 2;
	return at <= end ? (size_t)(at - p) : 0;
}

/* Whether a header was meant to begin here: of its first three bytes, or of what there is of them, at most one of
 * three is another. */
static bool
header_begins(const uint8_t *p, size_t n)
{
	static const uint8_t first[] = { 0x1f, 0x8b, Z_DEFLATED };
	const size_t have = n < sizeof first ? n : sizeof first;
	size_t same = 0;

	for (size_t i = 0; i < have; i++)
		same += p[i] == first[i];
	return have > 0 && same + (have == sizeof first) >= have;
}

/* Stricter, for a header met while searching: what every known compressor writes there. */
static bool
header_plausible(const uint8_t *p, size_t n)
{
	return header_size(p, n) > 0 && (p[8] == 0 || p[8] == 2 || p[8] == 4) &&
	    (p[9] <= 13 || p[9] == 255);
}

/* Move to the next plausible header, or to the end. */
static int
seek_header(struct gunzip *g, auditq_error *err)
{
	struct input *in = g->in;
	int r;

	for (;;) {
		const uint8_t *p, *hit;
		size_t n;

		if ((r = input_need(in, HEADER_MAX, err)) < 0)
			return r;
		p = input_at(in);
		n = input_left(in);
		if (n == 0)
			return 0;
		if ((hit = memchr(p, 0x1f, n)) == NULL) {
			input_skip(in, n);
			continue;
		}
		input_skip(in, (size_t)(hit - p));
		if ((r = input_need(in, HEADER_MAX, err)) < 0)
			return r;
		if (header_plausible(input_at(in), input_left(in)))
			return 0;
		input_skip(in, 1);
	}
}

/* The member is damaged: what was decoded of it does not continue in what follows. */
static int
resync(struct gunzip *g, auditq_error *err)
{
	const uint64_t from = g->member + 1, at = input_offset(g->in);

	g->in_member = false;
	g->gap = true;
	/* Not from where the damage was noticed: that may be far behind the next member's start.  But members
	 * that were made to reach over one another must not be read again and again. */
	if (at <= from || g->again + (at - from) <= AGAIN_MAX + from) {
		g->again += at > from ? at - from : 0;
		input_seek(g->in, from);
	}
	return seek_header(g, err);
}

/* No member starts here, though bytes follow: padding, garbage, or damage. */
static int
skip_strange(struct gunzip *g, auditq_error *err)
{
	struct input *in = g->in;
	uint64_t from = input_offset(in);
	bool header, more;
	int r;

	while (input_left(in) > 0 && *input_at(in) == 0) {
		input_skip(in, 1);
		if ((r = input_need(in, 1, err)) < 0)
			return r;
	}
	if (input_left(in) == 0 && g->any)
		return 0; /* padding, as of a tape or a block device */
	if ((r = input_need(in, HEADER_MAX, err)) < 0)
		return r;
	header = header_begins(input_at(in), input_left(in)) &&
	    header_size(input_at(in), input_left(in)) == 0;
	if ((r = seek_header(g, err)) < 0)
		return r;
	more = input_left(in) > 0;
	g->gap = more;
	if (header)
		warn_lost(g, from, "the header of a gzip member is cut or damaged");
	else if (!g->any)
		warn_lost(g, from, "not in gzip format");
	else if (more)
		warn_lost(g, from, "not a gzip member: skipped to the next");
	else
		qwarn_send(&g->warn, AUDITQ_ECORRUPT, false, in->path, 0, from,
		    "garbage behind the last gzip member ignored");
	return 0;
}

static int
grow_plain(struct gunzip *g, size_t n, auditq_error *err)
{
	if (g->plain_cap < n) {
		free(g->plain);
		g->plain_cap = 0;
		if ((g->plain = malloc(n)) == NULL)
			return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, g->in->path, "member");
		g->plain_cap = n;
	}
	if (g->whole == NULL && (g->whole = libdeflate_alloc_decompressor()) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, g->in->path, "decompressor");
	return 0;
}

/* Members have digests that hold those before them, too: the same one again is the same member, put there
 * twice.  One that was damaged is not known here, and may have a copy that is whole. */
static bool
seen(const struct gunzip *g, const struct format_data *d)
{
	for (size_t i = 0; i < g->nseen; i++)
		if (memcmp(g->seen[i], d->digest, sizeof d->digest) == 0)
			return true;
	return false;
}

static int
skip_double(struct gunzip *g, const struct format_data *d, auditq_error *err)
{
	struct input *in = g->in;
	int r;

	if ((r = input_need(in, d->member_bytes, err)) < 0)
		return r;
	input_skip(in, input_left(in) < d->member_bytes ? input_left(in) : d->member_bytes);
	qwarn_send(&g->warn, AUDITQ_ECORRUPT, false, in->path, 0, g->member,
	    "a member that stands here twice was left out the second time");
	return 1;
}

/* Decode and check a data member of ours.  1: done, or known to be damaged; 0: it is cut, so give
 * what there is of it. */
static int
read_whole(struct gunzip *g, const struct format_data *d, auditq_error *err)
{
	struct input *in = g->in;
	size_t used, got;
	int r;

	if ((r = input_need(in, d->member_bytes, err)) < 0 ||
	    (r = grow_plain(g, d->payload_bytes, err)) < 0)
		return r;
	if (input_left(in) < d->member_bytes)
		return 0;
	if (libdeflate_gzip_decompress_ex(g->whole, input_at(in), d->member_bytes, g->plain,
		d->payload_bytes, &used, &got) != LIBDEFLATE_SUCCESS ||
	    got != d->payload_bytes || used != d->member_bytes) {
		warn_lost(g, g->member, "damaged member: its lines are lost");
		if ((r = resync(g, err)) < 0)
			return r;
		return 1;
	}
	input_skip(in, used);
	g->plain_pos = 0;
	g->plain_len = got;
	g->members++;
	if (g->nseen < FORMAT_MEMBERS_MAX)
		memcpy(g->seen[g->nseen++], d->digest, sizeof d->digest);
	return 1;
}

/*
 * A damaged stream may copy from before the start of its output, where zlib would stop.  GNU gzip copies
 * what the window holds from the member before, and leaves it to the CRC to tell: so do we, since
 * most of what follows such a spot is whole.
 */
static int
start_inflate(struct gunzip *g, auditq_error *err)
{
	uInt n = sizeof g->window;
	int z = Z_OK;

	if (!g->z_ready)
		g->z_ready = (z = inflateInit2(&g->z, -MAX_WBITS)) == Z_OK;
	else if ((z = inflateGetDictionary(&g->z, g->window, &n)) == Z_OK)
		z = inflateReset(&g->z);
	if (z == Z_OK)
		z = inflateSetDictionary(&g->z, g->window, sizeof g->window);
	if (z != Z_OK)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, g->in->path, "inflate");
	g->in_member = true;
	g->crc = g->size = 0;
	input_skip(g->in, g->header_bytes);
	return 0;
}

/* The footer knows how many members there should have been before it. */
static int
check_footer(struct gunzip *g, auditq_error *err)
{
	struct input *in = g->in;
	struct format_footer f;
	int r;

	if ((r = input_need(in, FORMAT_FOOTER_BYTES, err)) < 0)
		return r;
	if (input_left(in) < FORMAT_FOOTER_BYTES || format_get_footer(input_at(in), &f) < 0)
		return 0;
	/* Another program's members may have been put before it. */
	if (!g->told && (f.members > g->members || f.members < g->nseen))
		warn_lost(g, g->member,
		    f.members > g->members
			? "members are missing that the archive's footer knows: they were taken out"
			: "members stand here that the archive's footer does not know: "
			  "of another archive, whose index is missing");
	g->told = g->ours = false;
	g->members = 0;
	g->nseen = 0;
	return 0;
}

/* Whether a member of ours begins inside the header: then that was cut, and what it says of its length is about bytes
 * that are not there. */
static bool
has_swallowed(const struct gunzip *g)
{
	const uint8_t *p = input_at(g->in), *at = p, *end = p + g->header_bytes;
	struct format_header inner;

	while ((at = memchr(at + 1, 0x1f, (size_t)(end - at - 1))) != NULL)
		if (format_get_header(at, input_left(g->in) - (size_t)(at - p), &inner) == 1)
			return true;
	return false;
}

/* A member that may be of an archive of ours.  1: a data member, given whole; 0: to be inflated as it
 * comes. */
static int
begin_ours(struct gunzip *g, auditq_error *err)
{
	struct format_header header;
	struct format_data data;
	uint16_t schema_bytes;
	int r = format_get_header(input_at(g->in), input_left(g->in), &header);

	if (r == ALOG_EVERSION)
		return qerror_set_at(err, AUDITQ_EVERSION, g->in->path, g->member,
		    "made by a newer version in a format that this one cannot read");
	if (r != 1 && has_swallowed(g)) {
		warn_lost(g, g->member, "the header of a gzip member is cut");
		return (r = resync(g, err)) < 0 ? r : 1;
	}
	if (r != 1)
		return 0;
	g->sealed = header.kind != FORMAT_DATA;
	if (header.kind == FORMAT_FOOTER)
		return check_footer(g, err);
	if (header.kind != FORMAT_DATA ||
	    format_get_data(header.fixed, header.nfixed, &data, &schema_bytes) < 0)
		return 0;
	if (seen(g, &data))
		return skip_double(g, &data, err);
	g->ours = true;
	if (data.payload_bytes > GUNZIP_WHOLE_MAX || data.member_bytes > GUNZIP_WHOLE_MAX)
		return 0;
	return read_whole(g, &data, err);
}

/* Go to the next member.  1: there is something to give; 0: the end. */
static int
begin_member(struct gunzip *g, auditq_error *err)
{
	struct input *in = g->in;
	int r;

	if ((r = input_need(in, HEADER_MAX, err)) < 0)
		return r;
	if (input_left(in) == 0) {
		if (g->ours && !g->sealed)
			warn_lost(g, input_offset(in),
			    "the archive ends without its index: it was cut between two members");
		g->ours = false;
		return 0;
	}
	g->member = input_offset(in);
	g->header_bytes = header_size(input_at(in), input_left(in));
	if (g->header_bytes == 0)
		return (r = skip_strange(g, err)) < 0 ? r : 1;
	g->any = true;
	if ((r = begin_ours(g, err)) != 0)
		return r;
	return (r = start_inflate(g, err)) < 0 ? r : 1;
}

/* The data ends inside the member: the file was cut; or the member is damaged, so that others were taken for a part
 * of it, which are found again. */
static int
end_early(struct gunzip *g, const char *what, auditq_error *err)
{
	const uint64_t end = input_offset(g->in);
	int r = resync(g, err);

	if (r < 0)
		return r;
	if (input_left(g->in) > 0)
		warn_lost(
		    g, g->member, "damaged gzip member: its end is not where it should be");
	else
		warn_lost(g, end, what);
	return 0;
}

/* Behind the deflate stream stand its CRC and its size. */
static int
end_member(struct gunzip *g, auditq_error *err)
{
	struct input *in = g->in;
	const uint8_t *p;
	uint32_t crc, size;
	int r;

	g->in_member = false;
	if ((r = input_need(in, 8, err)) < 0)
		return r;
	if (input_left(in) < 8) {
		input_skip(in, input_left(in));
		return end_early(g, "cut inside the trailer of a gzip member", err);
	}
	p = input_at(in);
	crc =
	    (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	size =
	    (uint32_t)p[4] | (uint32_t)p[5] << 8 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 24;
	input_skip(in, 8);
	if (crc == g->crc && size == g->size) {
		g->members += size > 0;
		return 0;
	}
	warn_lost(g, g->member,
	    crc != g->crc ? "the CRC of a gzip member is wrong: its lines may be, too"
			  : "the length of a gzip member is wrong: it may be incomplete");
	/* It may have begun, or ended, where none does. */
	return resync(g, err);
}

/* Decode some of the member; *n may be 0. */
static int
inflate_some(struct gunzip *g, void *dst, size_t cap, size_t *n, auditq_error *err)
{
	struct input *in = g->in;
	size_t left;
	int r, z;

	if ((r = input_need(in, 1, err)) < 0)
		return r;
	left = input_left(in);
	g->z.next_in = input_at(in);
	g->z.avail_in = (uInt)left;
	g->z.next_out = dst;
	g->z.avail_out = (uInt)cap;
	z = inflate(&g->z, Z_NO_FLUSH);
	input_skip(in, left - g->z.avail_in);
	*n = cap - g->z.avail_out;
	g->crc = libdeflate_crc32(g->crc, dst, *n);
	g->size += (uint32_t)*n;
	if (z == Z_STREAM_END)
		return end_member(g, err);
	if (z == Z_MEM_ERROR)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, in->path, "inflate");
	if (z != Z_OK && z != Z_BUF_ERROR) {
		g->told = true;
		qwarn_send(&g->warn, AUDITQ_ECORRUPT, true, in->path, 0, g->member,
		    "damaged gzip member, as is seen at byte %llu: %s",
		    (unsigned long long)input_offset(in),
		    g->z.msg != NULL ? g->z.msg : "invalid data");
		return resync(g, err);
	}
	return left == 0 && *n == 0 ? end_early(g, "cut inside a gzip member", err) : 0;
}

int
gunzip_read(struct gunzip *g, void *dst, size_t cap, size_t *n, auditq_error *err)
{
	int r;

	for (;;) {
		if (g->plain_pos < g->plain_len) {
			*n = g->plain_len - g->plain_pos < cap ? g->plain_len - g->plain_pos
							       : cap;
			memcpy(dst, g->plain + g->plain_pos, *n);
			g->plain_pos += *n;
			return GUNZIP_DATA;
		}
		if (g->gap) {
			g->gap = false;
			return GUNZIP_GAP;
		}
		if (!g->in_member) {
			if ((r = begin_member(g, err)) <= 0)
				return r;
			continue;
		}
		if ((r = inflate_some(g, dst, cap, n, err)) < 0)
			return r;
		if (*n > 0)
			return GUNZIP_DATA;
	}
}
