/*
 * archive - lines -> a sealed .jsonl.gz: gzip members that carry summaries, then their index.
 *
 * The caller owns the file, its name and its fsync; this module writes to a descriptor, from its
 * current position (0), front to back.  See docs/format.md.
 */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include "format.h"
#include "schema.h"
#include "section.h"
#include "sys.h"

struct archive;

struct archive_options {
	const struct schema *schema; /* NULL: schema_default; copied */
	int gzip_level;              /* 1 to 12; 0: 6 */

	/* Bytes of all lines with their line feeds, or more than that: members are made large
	 * enough for FORMAT_MEMBERS_MAX of them to hold it.  0: unknown. */
	uint64_t expected_bytes;
	/* Bytes of lines in a member, about.  0: 512 KiB to 2 MiB, by how well they compress. */
	uint32_t member_bytes;

	const char *path;     /* for error texts; borrowed until the end; may be NULL */
	uint8_t previous[32]; /* `whole` of this writer's previous segment, or zeros */
	char writer[33];      /* or "" */
};

/* Begin an archive on fd, which must be empty. */
int archive_begin(
    struct archive **ret, int fd, const struct archive_options *opt, alog_error *err);

/*
 * Append one line (without its line feed; one is written after it).  Any bytes but '\n' are
 * kept as they are; a line that is no JSON object is counted in the member's summary
 * (unreadable). ALOG_EINVAL: a line feed in it.  ALOG_ETOOBIG: the line has FORMAT_PLAIN_MAX,
 * or archive_full was not heeded.  After an error archive_finish fails too.
 */
int archive_add(struct archive *a, const char *line, size_t n, alog_error *err);

/* Say in the index that lines of this archive were those of another file.  At most SECTION_REPLACED_MAX. */
int archive_replaces(struct archive *a, const struct section_replaced *file, alog_error *err);

/* Whether the next line should go to another archive (FORMAT_MEMBERS_MAX, or FORMAT_PLAIN_MAX).
 * Never before expected_bytes. */
bool archive_full(const struct archive *a);

/* Write what is buffered, the index and the footer.  total (may be NULL) gets the footer.  An
 * archive without lines is an error (ALOG_EINVAL).  Frees a on success and on failure. */
int archive_finish(struct archive *a, struct format_footer *total, alog_error *err);
/* Free without finishing. */
void archive_abort(struct archive *a);

/* Read and check the footer of a finished archive of size bytes; ALOG_ECORRUPT when there is
 * none, ALOG_EVERSION, ALOG_EIO. */
int archive_read_footer(
    int fd, uint64_t size, const char *path, struct format_footer *out, alog_error *err);

#endif
