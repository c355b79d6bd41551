#include "format.h"

#include <libdeflate.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "liblog.h"

#define FLAG_SORTED    1u
#define FLAG_SEQS      2u
#define FLAG_COMPACTED 4u /* of the footer only */

/* ID1 ID2, deflate, FEXTRA, no time, no hints, unknown system. */
static const uint8_t gzip_start[10] = { 0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255 };
/* A final empty block of deflate; CRC32 and ISIZE of nothing. */
static const uint8_t gzip_empty[FORMAT_EMPTY_BYTES] = { 3, 0 };

/* CRC-32 of a subfield's data, its own four bytes taken as zero. */
static uint32_t
subfield_crc(const uint8_t *sub, size_t n)
{
	static const uint8_t zero[4];
	uint32_t crc = libdeflate_crc32(0, sub, 4);

	crc = libdeflate_crc32(crc, zero, sizeof zero);
	return libdeflate_crc32(crc, sub + FORMAT_SUBFIELD_BYTES, n - FORMAT_SUBFIELD_BYTES);
}

size_t
format_put_header(uint8_t *dst, enum format_kind kind, const uint8_t *fixed, size_t nfixed,
    const void *rest, size_t nrest)
{
	size_t n = FORMAT_SUBFIELD_BYTES + nfixed + nrest;
	uint8_t *sub = dst + FORMAT_HEADER_BYTES + 4;

	memcpy(dst, gzip_start, sizeof gzip_start);
	put_le16(dst + 10, (uint16_t)(n + 4));
	dst[12] = 'A';
	dst[13] = 'L';
	put_le16(dst + 14, (uint16_t)n);
	sub[0] = (uint8_t)kind;
	sub[1] = FORMAT_VERSION;
	put_le16(sub + 2, (uint16_t)nfixed);
	memcpy(sub + FORMAT_SUBFIELD_BYTES, fixed, nfixed);
	if (nrest > 0)
		memcpy(sub + FORMAT_SUBFIELD_BYTES + nfixed, rest, nrest);
	put_le32(sub + 4, subfield_crc(sub, n));
	return FORMAT_FIXED_AT + nfixed + nrest;
}

void
format_put_empty(uint8_t dst[FORMAT_EMPTY_BYTES])
{
	memcpy(dst, gzip_empty, sizeof gzip_empty);
}

/* Our subfield among those of an extra field: its data, or NULL. */
static const uint8_t *
find_subfield(const uint8_t *p, size_t n, size_t *len)
{
	while (n >= 4) {
		*len = get_le16(p + 2);
		if (*len > n - 4)
			return NULL;
		if (p[0] == 'A' && p[1] == 'L')
			return p + 4;
		p += 4 + *len;
		n -= 4 + *len;
	}
	return NULL;
}

int
format_get_header(const uint8_t *p, size_t n, struct format_header *out)
{
	const uint8_t *sub;
	size_t xlen, len;

	if (n < FORMAT_HEADER_BYTES || memcmp(p, gzip_start, 4) != 0)
		return 0;
	xlen = get_le16(p + 10);
	if (n - FORMAT_HEADER_BYTES < xlen)
		return 0;
	if ((sub = find_subfield(p + FORMAT_HEADER_BYTES, xlen, &len)) == NULL)
		return 0;
	if (len < FORMAT_SUBFIELD_BYTES || subfield_crc(sub, len) != get_le32(sub + 4))
		return ALOG_ECORRUPT;
	if (sub[1] > FORMAT_VERSION)
		return ALOG_EVERSION;
	out->kind = (enum format_kind)sub[0];
	out->fixed = sub + FORMAT_SUBFIELD_BYTES;
	out->nfixed = get_le16(sub + 2);
	if (out->nfixed > len - FORMAT_SUBFIELD_BYTES)
		return ALOG_ECORRUPT;
	out->rest = out->fixed + out->nfixed;
	out->nrest = len - FORMAT_SUBFIELD_BYTES - out->nfixed;
	out->bytes = FORMAT_HEADER_BYTES + xlen;
	return 1;
}

static uint16_t
flags_of(bool sorted, bool seqs)
{
	return (uint16_t)((sorted ? FLAG_SORTED : 0) | (seqs ? FLAG_SEQS : 0));
}

void
format_put_data(
    uint8_t dst[FORMAT_DATA_FIXED], const struct format_data *d, uint16_t schema_bytes)
{
	put_le32(dst, d->member_bytes);
	put_le32(dst + 4, d->payload_bytes);
	put_le32(dst + 8, d->lines);
	put_le32(dst + 12, d->unreadable);
	put_le32(dst + 16, d->untimed);
	put_le32(dst + 20, d->failed);
	for (size_t i = 0; i < 8; i++)
		put_le32(dst + 24 + 4 * i, d->levels[i]);
	put_le16(dst + 56, flags_of(d->sorted, d->seqs));
	put_le16(dst + 58, schema_bytes);
	put_le64(dst + 60, d->first_seq);
	put_le64(dst + 68, d->last_seq);
	put_le64(dst + 76, (uint64_t)d->min_ts);
	put_le64(dst + 84, (uint64_t)d->max_ts);
	put_le64(dst + 92, (uint64_t)d->ts_before);
	memcpy(dst + 100, d->digest, 32);
}

/* Whether the numbers of a data member can be true together. */
static bool
data_plausible(const struct format_data *d)
{
	uint64_t records = 0;

	for (size_t i = 0; i < 8; i++)
		records += d->levels[i];
	/* Every line has its line feed; deflate expands at most 1032 times. */
	return d->lines >= 1 && d->lines <= d->payload_bytes &&
	    d->member_bytes > FORMAT_FIXED_AT + FORMAT_DATA_FIXED &&
	    d->payload_bytes / 1032 <= d->member_bytes && records + d->unreadable <= d->lines &&
	    d->untimed <= records && d->failed <= records && d->min_ts <= d->max_ts &&
	    (d->min_ts == CLOCK_NONE) == (d->max_ts == CLOCK_NONE) &&
	    (!d->seqs || d->first_seq <= d->last_seq);
}

int
format_get_data(const uint8_t *p, size_t n, struct format_data *out, uint16_t *schema_bytes)
{
	uint16_t flags;

	if (n < FORMAT_DATA_FIXED)
		return ALOG_ECORRUPT;
	out->member_bytes = get_le32(p);
	out->payload_bytes = get_le32(p + 4);
	out->lines = get_le32(p + 8);
	out->unreadable = get_le32(p + 12);
	out->untimed = get_le32(p + 16);
	out->failed = get_le32(p + 20);
	for (size_t i = 0; i < 8; i++)
		out->levels[i] = get_le32(p + 24 + 4 * i);
	flags = get_le16(p + 56);
	out->sorted = (flags & FLAG_SORTED) != 0;
	out->seqs = (flags & FLAG_SEQS) != 0;
	*schema_bytes = get_le16(p + 58);
	out->first_seq = get_le64(p + 60);
	out->last_seq = get_le64(p + 68);
	out->min_ts = (int64_t)get_le64(p + 76);
	out->max_ts = (int64_t)get_le64(p + 84);
	out->ts_before = (int64_t)get_le64(p + 92);
	memcpy(out->digest, p + 100, 32);
	return data_plausible(out) ? 0 : ALOG_ECORRUPT;
}

uint32_t
format_pages(uint32_t index_bytes)
{
	return index_bytes / FORMAT_PAGE_BYTES + (index_bytes % FORMAT_PAGE_BYTES != 0);
}

uint64_t
format_pages_bytes(uint32_t index_bytes)
{
	return (uint64_t)format_pages(index_bytes) * FORMAT_PAGE_OVERHEAD + index_bytes;
}

size_t
format_put_page(uint8_t *dst, uint32_t page, uint32_t pages, const uint8_t *stream, size_t n)
{
	uint8_t fixed[FORMAT_PAGE_FIXED];
	size_t head;

	put_le32(fixed, page);
	put_le32(fixed + 4, pages);
	head = format_put_header(dst, FORMAT_INDEX, fixed, sizeof fixed, stream, n);
	format_put_empty(dst + head);
	return head + FORMAT_EMPTY_BYTES;
}

const uint8_t *
format_get_page(const uint8_t *p, size_t n, uint32_t page, uint32_t pages, size_t want)
{
	struct format_header h;

	if (n != FORMAT_PAGE_OVERHEAD + want || format_get_header(p, n, &h) != 1 ||
	    h.kind != FORMAT_INDEX || h.nfixed != FORMAT_PAGE_FIXED || h.nrest != want ||
	    h.bytes != n - FORMAT_EMPTY_BYTES)
		return NULL;
	if (get_le32(h.fixed) != page || get_le32(h.fixed + 4) != pages ||
	    memcmp(p + h.bytes, gzip_empty, sizeof gzip_empty) != 0)
		return NULL;
	return h.rest;
}

void
format_put_footer_fixed(uint8_t dst[FORMAT_FOOTER_FIXED], const struct format_footer *f)
{
	memset(dst, 0, FORMAT_FOOTER_FIXED);
	put_le64(dst, f->file_bytes);
	put_le64(dst + 8, f->index_offset);
	put_le32(dst + 16, f->index_bytes);
	put_le32(dst + 20, f->members);
	put_le64(dst + 24, f->payload_bytes);
	put_le64(dst + 32, f->lines);
	put_le64(dst + 40, f->unreadable);
	put_le64(dst + 48, f->untimed);
	put_le64(dst + 56, f->failed);
	for (size_t i = 0; i < 8; i++)
		put_le64(dst + 64 + 8 * i, f->levels[i]);
	put_le16(dst + 128,
	    (uint16_t)(flags_of(f->sorted, f->seqs) | (f->compacted ? FLAG_COMPACTED : 0)));
	put_le16(dst + 130, f->schema_bytes);
	put_le64(dst + 132, f->first_seq);
	put_le64(dst + 140, f->last_seq);
	put_le64(dst + 148, (uint64_t)f->min_ts);
	put_le64(dst + 156, (uint64_t)f->max_ts);
	memcpy(dst + 164, f->writer, strnlen(f->writer, 32));
	memcpy(dst + 196, f->digest, 32);
	memcpy(dst + 228, f->previous, 32);
	memcpy(dst + 260, f->schema, f->schema_bytes);
	memcpy(dst + FORMAT_WHOLE_AT, f->whole, 32);
}

void
format_put_footer(uint8_t dst[FORMAT_FOOTER_BYTES], const uint8_t fixed[FORMAT_FOOTER_FIXED])
{
	static const uint8_t spare[FORMAT_FOOTER_BYTES - FORMAT_FIXED_AT - FORMAT_FOOTER_FIXED -
	    FORMAT_EMPTY_BYTES];

	format_put_empty(dst +
	    format_put_header(
		dst, FORMAT_FOOTER, fixed, FORMAT_FOOTER_FIXED, spare, sizeof spare));
}

static bool
footer_plausible(const struct format_footer *f)
{
	return f->members >= 1 && f->members <= FORMAT_MEMBERS_MAX && f->index_bytes >= 1 &&
	    f->index_bytes <= FORMAT_INDEX_MAX && f->schema_bytes <= sizeof f->schema &&
	    f->index_offset < f->file_bytes &&
	    f->file_bytes - f->index_offset ==
	    format_pages_bytes(f->index_bytes) + FORMAT_FOOTER_BYTES;
}

int
format_get_footer(const uint8_t p[FORMAT_FOOTER_BYTES], struct format_footer *out)
{
	struct format_header h;
	const uint8_t *f;
	uint16_t flags;
	int r;

	if ((r = format_get_header(p, FORMAT_FOOTER_BYTES, &h)) < 0)
		return r;
	if (r == 0 || h.kind != FORMAT_FOOTER || h.nfixed < FORMAT_FOOTER_FIXED ||
	    h.bytes != FORMAT_FOOTER_BYTES - FORMAT_EMPTY_BYTES ||
	    memcmp(p + h.bytes, gzip_empty, sizeof gzip_empty) != 0)
		return ALOG_ECORRUPT;
	f = h.fixed;
	memset(out, 0, sizeof *out);
	out->file_bytes = get_le64(f);
	out->index_offset = get_le64(f + 8);
	out->index_bytes = get_le32(f + 16);
	out->members = get_le32(f + 20);
	out->payload_bytes = get_le64(f + 24);
	out->lines = get_le64(f + 32);
	out->unreadable = get_le64(f + 40);
	out->untimed = get_le64(f + 48);
	out->failed = get_le64(f + 56);
	for (size_t i = 0; i < 8; i++)
		out->levels[i] = get_le64(f + 64 + 8 * i);
	flags = get_le16(f + 128);
	out->sorted = (flags & FLAG_SORTED) != 0;
	out->seqs = (flags & FLAG_SEQS) != 0;
	out->compacted = (flags & FLAG_COMPACTED) != 0;
	out->schema_bytes = get_le16(f + 130);
	out->first_seq = get_le64(f + 132);
	out->last_seq = get_le64(f + 140);
	out->min_ts = (int64_t)get_le64(f + 148);
	out->max_ts = (int64_t)get_le64(f + 156);
	memcpy(out->writer, f + 164, 32);
	memcpy(out->digest, f + 196, 32);
	memcpy(out->previous, f + 228, 32);
	memcpy(out->schema, f + 260, sizeof out->schema);
	memcpy(out->whole, f + FORMAT_WHOLE_AT, 32);
	return footer_plausible(out) ? 0 : ALOG_ECORRUPT;
}

static bool
digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

bool
format_time_like(const char *s, size_t n)
{
	if (n < 10 || s[4] != '-' || s[7] != '-')
		return false;
	if (!digits(s, 4) || !digits(s + 5, 2) || !digits(s + 8, 2))
		return false;
	return n == 10 || s[10] == 'T' || s[10] == 't' || s[10] == ' ';
}
