/*
 * format - what stands in the gzip extra fields of an archive, encoded and decoded.
 *
 * Mirrors docs/format.md, which is normative.  All integers are little-endian.  Decoders trust nothing: they
 * check lengths, versions and checksums, and never read outside the bytes given.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_VERSION       1     /* a reader refuses a higher one */
#define FORMAT_MEMBERS_MAX   192   /* data members in one archive */
#define FORMAT_PAGE_BYTES    16000 /* of the index stream in one index member; all but the last are full */
#define FORMAT_FOOTER_BYTES  1024  /* size of the footer member, always */
#define FORMAT_EXTRA_MAX     32000
#define FORMAT_PLAIN_MAX     (256u << 20) /* plain bytes in one archive (about) */
#define FORMAT_RUNS_MAX      16384
#define FORMAT_STAGES_MAX    256
#define FORMAT_KEYS_MAX      1024  /* paths in the key dictionary */
#define FORMAT_FILTER_BYTES  4096  /* of one member's filter, at most */
#define FORMAT_STRING_MAX    64    /* decoded length of a string that a filter may hold */
#define FORMAT_HEADER_BYTES  12    /* gzip header with FEXTRA: 10 bytes and XLEN */

enum format_kind { FORMAT_DATA = 1, FORMAT_INDEX = 2, FORMAT_FOOTER = 3 };

/* Summary of one data member: the fixed part. */
struct format_data {
	uint32_t member_bytes;  /* of the whole gzip member */
	uint32_t payload_bytes; /* decompressed */
	uint32_t lines;
	uint32_t unreadable;    /* lines that are no JSON object */
	uint32_t untimed;       /* readable lines without a usable time */
	uint32_t failed;
	uint32_t levels[8];     /* by level, [7]: none */
	bool sorted;            /* effective times never decrease */
	bool seqs;              /* first_seq and last_seq are set: every readable line has a seq */
	uint64_t first_seq, last_seq; /* smallest and largest */
	int64_t min_ts, max_ts; /* of effective times; CLOCK_NONE both: no line has one */
	int64_t ts_before;      /* effective time before the first line; CLOCK_NONE: none */
	uint8_t digest[32];     /* SHA-256(digest of the member before, or zeros, then the payload) */
};

/* Where the index says something stands. */
enum format_section {
	FORMAT_SECTION_MEMBERS = 1, /* all fixed parts */
	FORMAT_SECTION_KEYS = 2,    /* dictionary of paths */
	FORMAT_SECTION_FILTERS = 3, /* per member: states of keys, bloom filter */
	FORMAT_SECTION_RUNS = 4,
	FORMAT_SECTION_ROLLUPS = 5,
};

struct format_footer {
	uint64_t file_bytes;   /* of the archive, footer included */
	uint64_t index_offset; /* of the first index member */
	uint32_t index_bytes;  /* of the index stream */
	uint32_t members;      /* data members */
	uint64_t payload_bytes, lines, unreadable, untimed, failed;
	uint64_t levels[8];
	bool sorted;           /* the whole archive */
	bool seqs;
	uint64_t first_seq, last_seq;
	int64_t min_ts, max_ts;
	char writer[33];
	uint8_t digest[32];    /* of the last data member: the chain's end */
	uint8_t previous[32];  /* digest of this writer's previous segment, or zeros */
	uint8_t whole[32];     /* SHA-256 over digest, the index stream, and the footer's bytes before this one */
	uint16_t schema_bytes;
	char schema[480];      /* canonical text */
};

struct format_run {
	char id[129];
	uint8_t nid;
	bool began, ended, status_failed; /* run.begin, run.end seen; status of the run.end */
	int64_t first_ts, last_ts;
	uint32_t records, failed;
	uint16_t first_member, last_member;
	int32_t failed_stage;  /* index into the rollups of the stage of its first failed record; -1 none */
};

#endif
