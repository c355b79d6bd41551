/*
 * format - what stands in the gzip extra fields of an archive, encoded and decoded.
 *
 * Mirrors docs/format.md, which is normative.  All integers are little-endian.  Decoders trust
 * nothing: they check lengths, versions and checksums, and never read outside the bytes given.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_VERSION     1   /* a reader refuses a higher one */
#define FORMAT_MEMBERS_MAX 192 /* data members in one archive */
#define FORMAT_PAGE_BYTES                                                                      \
	16000 /* of the index stream in one index member; all but the last are full */
#define FORMAT_FOOTER_BYTES 1024 /* size of the footer member, always */
#define FORMAT_EXTRA_MAX    32000
#define FORMAT_LINE_MAX     (16u << 20)  /* bytes of a record; what is longer is unreadable */
#define FORMAT_PLAIN_MAX    (256u << 20) /* plain bytes in one archive (about) */
#define FORMAT_RUNS_MAX     16384
#define FORMAT_STAGES_MAX   256
#define FORMAT_NAME_MAX     128  /* bytes of a run's id or a stage's name in the tables */
#define FORMAT_KEYS_MAX     1024 /* paths in the key dictionary */
#define FORMAT_FILTER_BYTES 4096 /* of one member's filter, at most */
#define FORMAT_STRING_MAX   64   /* decoded length of a string that a filter may hold */
#define FORMAT_HEADER_BYTES 12   /* gzip header with FEXTRA: 10 bytes and XLEN */

enum format_kind { FORMAT_DATA = 1, FORMAT_INDEX = 2, FORMAT_FOOTER = 3 };

/* Summary of one data member: the fixed part. */
struct format_data {
	uint32_t member_bytes;  /* of the whole gzip member */
	uint32_t payload_bytes; /* decompressed */
	uint32_t lines;         /* blank ones too */
	uint32_t unreadable;    /* neither blank nor a JSON object */
	uint32_t untimed;       /* records without a usable time */
	uint32_t failed;        /* records */
	uint32_t levels[8];     /* records by level, [7]: none; their sum is all of them */
	bool sorted;            /* effective times never decrease */
	bool seqs;              /* every record has a seq, and there is one */
	uint64_t first_seq, last_seq; /* smallest and largest, with seqs */
	int64_t min_ts, max_ts;       /* of effective times; CLOCK_NONE both: no line has one */
	int64_t ts_before;            /* effective time before the first line, or CLOCK_NONE */
	uint8_t digest[32]; /* SHA-256 of the digest before (or zeros) and the payload */
};

struct format_footer {
	uint64_t file_bytes;   /* of the archive, footer included */
	uint64_t index_offset; /* of the first index member */
	uint32_t index_bytes;  /* of the index stream */
	uint32_t members;      /* data members */
	uint64_t payload_bytes, lines, unreadable, untimed, failed;
	uint64_t levels[8];
	bool sorted; /* the whole archive */
	bool seqs;
	bool compacted; /* its lines are those of other files, which section 6 lists */
	uint64_t first_seq, last_seq;
	int64_t min_ts, max_ts;
	char writer[33];
	uint8_t digest[32];   /* of the last data member: the chain's end */
	uint8_t previous[32]; /* `whole` of this writer's previous segment, or zeros */
	uint8_t whole[32];    /* SHA-256 of digest, index stream, and fixed part before this */
	uint16_t schema_bytes;
	char schema[480]; /* canonical text */
};

struct format_run {
	char id[FORMAT_NAME_MAX + 1];
	uint8_t nid;
	bool began, ended;         /* a run.begin, a run.end was seen */
	bool status_failed;        /* the last run.end is a failed record */
	int64_t first_ts, last_ts; /* smallest and largest effective time, or CLOCK_NONE */
	uint32_t records, failed;
	uint16_t first_member, last_member;
	int32_t failed_stage; /* rollup of the stage of its first failed record, or -1 */
};

/* Lengths of the fixed parts that this version writes; a compatible newer one may append to
 * them, and only there. */
#define FORMAT_DATA_FIXED     132
#define FORMAT_PAGE_FIXED     8
#define FORMAT_FOOTER_FIXED   868
#define FORMAT_WHOLE_AT       740 /* of `whole` in the footer's fixed part */

#define FORMAT_SUBFIELD_BYTES 8  /* what every subfield begins with */
#define FORMAT_EMPTY_BYTES    10 /* an empty payload and the gzip trailer */

/* From the start of a member to its fixed part. */
#define FORMAT_FIXED_AT (FORMAT_HEADER_BYTES + 4 + FORMAT_SUBFIELD_BYTES)
/* An index member: all but its part of the stream. */
#define FORMAT_PAGE_HEAD     (FORMAT_FIXED_AT + FORMAT_PAGE_FIXED)
#define FORMAT_PAGE_OVERHEAD (FORMAT_PAGE_HEAD + FORMAT_EMPTY_BYTES)

/* The index stream is at most this long: more is not believed. */
#define FORMAT_INDEX_MAX (16u << 20)

/* The gzip header of a member of ours, parsed in place. */
struct format_header {
	enum format_kind kind;
	const uint8_t *fixed;
	size_t nfixed;
	const uint8_t *rest; /* behind the fixed part */
	size_t nrest;
	size_t bytes; /* of the gzip header: the compressed data begins there */
};

/* Write the gzip header of a member: FORMAT_FIXED_AT + nfixed + nrest bytes, which is
 * returned.  nfixed + nrest is at most FORMAT_EXTRA_MAX - 12. */
size_t format_put_header(uint8_t *dst, enum format_kind kind, const uint8_t *fixed,
    size_t nfixed, const void *rest, size_t nrest);
/* What follows the header of an index member and of the footer. */
void format_put_empty(uint8_t dst[FORMAT_EMPTY_BYTES]);
/* 1: a member of ours; 0: not one, or cut within its header; ALOG_ECORRUPT: one whose checksum or
 * lengths are wrong; ALOG_EVERSION. */
int format_get_header(const uint8_t *p, size_t n, struct format_header *out);

/* Fixed part of a data member; schema_bytes of schema text stand behind it in the member
 * (0: schema_default). */
void format_put_data(
    uint8_t dst[FORMAT_DATA_FIXED], const struct format_data *d, uint16_t schema_bytes);
/* 0, or ALOG_ECORRUPT: too short, or numbers that contradict one another. */
int format_get_data(
    const uint8_t *p, size_t n, struct format_data *out, uint16_t *schema_bytes);

/* Index members: page number `page` of `pages` with n bytes of the stream.  Returns the size of
 * the member; dst has room for FORMAT_PAGE_OVERHEAD + n. */
size_t format_put_page(
    uint8_t *dst, uint32_t page, uint32_t pages, const uint8_t *stream, size_t n);
/* Check the page that p[0..n) must be, exactly; its part of the stream, or NULL. */
const uint8_t *format_get_page(
    const uint8_t *p, size_t n, uint32_t page, uint32_t pages, size_t want);
/* Pages of an index stream of that length. */
uint32_t format_pages(uint32_t index_bytes);
/* Bytes in the file of all of them. */
uint64_t format_pages_bytes(uint32_t index_bytes);

/* The footer's fixed part; then, `whole` being computed over it, the footer from its fixed
 * part. */
void format_put_footer_fixed(uint8_t dst[FORMAT_FOOTER_FIXED], const struct format_footer *f);
void format_put_footer(
    uint8_t dst[FORMAT_FOOTER_BYTES], const uint8_t fixed[FORMAT_FOOTER_FIXED]);
/* 0, ALOG_ECORRUPT (no footer, or damaged), ALOG_EVERSION. */
int format_get_footer(const uint8_t p[FORMAT_FOOTER_BYTES], struct format_footer *out);

/* Whether decoded bytes look like a time: ^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ]|$).  Such strings,
 * and those over FORMAT_STRING_MAX, are in no filter. */
bool format_time_like(const char *s, size_t n);

#endif
