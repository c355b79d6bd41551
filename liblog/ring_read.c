/* ring_read - copy what a ring file holds, without mapping it. */
#include "ring_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "bytes.h"

/* The 32 hex digits of a text, whatever stands between them. */
static void
parse_boot_id(const char *text, uint8_t boot[16])
{
	int nibble = 0;

	for (const char *p = text; *p != '\0' && nibble < 32; p++) {
		const int v = *p >= '0' && *p <= '9' ? *p - '0'
		    : *p >= 'a' && *p <= 'f'         ? *p - 'a' + 10
						     : -1;

		if (v < 0)
			continue;
		boot[nibble / 2] = (uint8_t)(boot[nibble / 2] << 4 | v);
		nibble++;
	}
}

int
ring_boot_id(uint8_t boot[16])
{
	char text[37] = "";
	ssize_t got;
	int fd, e;

	memset(boot, 0, 16);
	fd = sys->openat(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY, 0);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	got = sys_pread_all(fd, text, 36, 0);
	e = errno;
	(void)sys->close(fd);
	parse_boot_id(text, boot);
	errno = e;
	return got < 0 ? -1 : 0;
}

static int
read_exactly(int fd, void *buf, size_t n, uint64_t off, const char *path, alog_error *err)
{
	ssize_t got = sys_pread_all(fd, buf, n, (off_t)off);

	if (got < 0)
		return error_set(err, ALOG_EIO, errno, path, "cannot read the ring");
	if ((size_t)got != n)
		return error_set_at(
		    err, ALOG_ECORRUPT, path, off + (uint64_t)got, "the ring is cut short");
	return 0;
}

static void
get_text(char *dst, const uint8_t *src, size_t n)
{
	memcpy(dst, src, n);
	dst[n] = '\0';
}

static bool
all_zero(const uint8_t *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static int
parse_header(
    struct ring_copy *out, const uint8_t *h, uint64_t *bytes, const char *path, alog_error *err)
{
	uint8_t boot[16];
	uint32_t version = get_le32(h + RING_AT_VERSION);

	/* All of it is one sector, which a disk writes or does not. */
	out->blank = all_zero(h, RING_STATIC_END);
	if (out->blank)
		return 0;
	if (memcmp(h + RING_AT_MAGIC, RING_MAGIC, 8) != 0)
		return error_set(err, ALOG_ECORRUPT, 0, path, "not a ring");
	if (version > RING_VERSION)
		return error_set(err, ALOG_EVERSION, 0, path,
		    "a ring of format version %" PRIu32 ", this program knows %d", version,
		    RING_VERSION);
	if (version == 0 ||
	    get_le32(h + RING_AT_CRC) !=
		(uint32_t)crc32(0, h + RING_AT_BYTES, RING_STATIC_END - RING_AT_BYTES))
		return error_set(err, ALOG_ECORRUPT, 0, path, "the ring's header is damaged");
	*bytes = get_le64(h + RING_AT_BYTES);
	if (*bytes < RING_BYTES_MIN || *bytes > RING_BYTES_MAX || (*bytes & (*bytes - 1)) != 0)
		return error_set(err, ALOG_ECORRUPT, 0, path, "the ring's size is impossible");
	memcpy(out->boot, h + RING_AT_BOOT, 16);
	/* To take this boot for another would be to give up the records. */
	if (ring_boot_id(boot) < 0)
		return error_set(err, ALOG_EIO, errno, path, "cannot tell the boot");
	out->this_boot = memcmp(boot, out->boot, 16) == 0;
	out->owner.pid = get_le32(h + RING_AT_PID);
	out->owner.uid = get_le32(h + RING_AT_UID);
	get_text(out->owner.writer, h + RING_AT_WRITER, 16);
	get_text(out->owner.service, h + RING_AT_SERVICE, 64);
	get_text(out->owner.host, h + RING_AT_HOST, 64);
	return 0;
}

/* The live words; false when they can't be of one moment, for no more records than granules can
 * be in a ring. */
static bool
parse_live(struct ring_copy *out, const uint8_t *h, uint64_t bytes)
{
	uint64_t dropped = get_le64(h + RING_AT_DROPPED), told = get_le64(h + RING_AT_REPORTED);

	out->tail_seq = get_le64(h + RING_AT_TAIL_SEQ);
	out->head_seq = ring_widen(ring_head_count(get_le64(h + RING_AT_HEAD)), out->tail_seq);
	out->lost = dropped > told ? dropped - told : 0;
	/* Numbers never come to an end: one that does is damage. */
	return out->head_seq >= out->tail_seq &&
	    out->head_seq - out->tail_seq <= bytes / RING_GRAIN;
}

static int
by_seq(const void *a, const void *b)
{
	const struct ring_record *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Take the entries that are committed and not freed, as far as they are possible. */
static int
collect(struct ring_copy *out, const uint8_t *entries, uint32_t granules, alog_error *err)
{
	size_t cap = 0;

	for (uint32_t g = 0; g < granules; g++) {
		const uint8_t *e = entries + (size_t)g * sizeof(struct ring_entry);
		uint64_t seq = get_le64(e);
		uint32_t len = get_le32(e + 8);
		struct ring_record *grown;

		if (seq <= out->tail_seq || seq > out->head_seq || len == 0 ||
		    len > granules / 4 * RING_GRAIN || g + ring_granules(len) > granules ||
		    get_le16(e + 12) > len)
			continue;
		if (out->n == cap) {
			cap = cap > 0 ? cap * 2 : 256;
			if ((grown = realloc(out->rec, cap * sizeof *grown)) == NULL)
				return error_set(err, ALOG_ENOMEM, ENOMEM, NULL, "ring");
			out->rec = grown;
		}
		out->rec[out->n++] = (struct ring_record){ .seq = seq,
			.p = out->data + (size_t)g * RING_GRAIN,
			.len = len,
			.splice = get_le16(e + 12) };
	}
	if (out->n > 0)
		qsort(out->rec, out->n, sizeof *out->rec, by_seq);
	return 0;
}

/* Order of reading: the head; the entries; the data; the tail again.  What is committed in an entry has its
 * data complete; what the second tail has not freed was not overwritten. */
static int
read_records(struct ring_copy *out, int fd, uint64_t bytes, const char *path, alog_error *err)
{
	uint32_t granules = (uint32_t)(bytes / RING_GRAIN);
	size_t table = (size_t)granules * sizeof(struct ring_entry);
	uint8_t *entries = malloc(table), tail[8];
	size_t keep = 0;
	int rc;

	out->data_offset = RING_HEADER + table;
	out->data = malloc(bytes);
	if (entries == NULL || out->data == NULL)
		rc = error_set(err, ALOG_ENOMEM, ENOMEM, path, "ring");
	else if ((rc = read_exactly(fd, entries, table, RING_HEADER, path, err)) == 0 &&
	    (rc = read_exactly(fd, out->data, bytes, out->data_offset, path, err)) == 0 &&
	    (rc = read_exactly(fd, tail, 8, RING_AT_TAIL_SEQ, path, err)) == 0)
		rc = collect(out, entries, granules, err);
	free(entries);
	if (rc < 0)
		return rc;
	out->tail_seq = get_le64(tail);
	if (out->head_seq < out->tail_seq)
		out->head_seq = out->tail_seq;
	for (size_t i = 0; i < out->n; i++)
		if (out->rec[i].seq > out->tail_seq)
			out->rec[keep++] = out->rec[i];
	out->n = keep;
	return 0;
}

/* Read and parse the header.  What is not there reads as zeros: its writer never leaves a ring short, but the
 * loss of power may. */
static int
read_header(struct ring_copy *out, int fd, uint64_t *bytes, bool *live, const char *path,
    alog_error *err)
{
	uint8_t h[RING_HEADER] = { 0 };
	const ssize_t got = sys_pread_all(fd, h, sizeof h, 0);
	int rc;

	if (got < 0)
		return error_set(err, ALOG_EIO, errno, path, "cannot read the ring");
	if ((rc = parse_header(out, h, bytes, path, err)) < 0)
		return rc;
	if (out->this_boot && (size_t)got < sizeof h)
		return error_set_at(
		    err, ALOG_ECORRUPT, path, (uint64_t)got, "the ring is cut short");
	*live = parse_live(out, h, *bytes);
	/* Of another boot it may be of any moment, or not be there: what was lost is not known then. */
	if (!*live && !out->this_boot) {
		out->tail_seq = out->head_seq = out->lost = 0;
		*live = true;
	}
	return 0;
}

int
ring_read(struct ring_copy *out, int fd, const char *path, alog_error *err)
{
	struct ring_copy copy = { 0 };
	uint64_t bytes = 0;
	bool live = false;
	int rc = 0;

	/* A ring in use moves on while its header is read. */
	for (int tries = 0; rc == 0 && !live && tries < 16; tries++)
		rc = read_header(&copy, fd, &bytes, &live, path, err);
	if (rc == 0 && !live)
		rc = error_set_at(err, ALOG_ECORRUPT, path, RING_AT_HEAD,
		    "the ring's head and tail are impossible");
	if (rc == 0 && copy.head_seq != copy.tail_seq && copy.this_boot)
		rc = read_records(&copy, fd, bytes, path, err);
	if (rc < 0) {
		ring_copy_free(&copy);
		return rc;
	}
	*out = copy;
	return 0;
}

void
ring_copy_free(struct ring_copy *copy)
{
	free(copy->rec);
	free(copy->data);
	memset(copy, 0, sizeof *copy);
}
