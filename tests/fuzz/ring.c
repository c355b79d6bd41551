/*
 * ring - any bytes as what a dead writer left: a ring and a segment.  Reading copies what is possible.  Recovery
 * writes each record once and in order, leaves whole lines, and has nothing to do the second time.
 *
 * Input: a byte of flags; then the ring's file as it stands (RAW), or nothing (BLANK), or what make_ring reads; then
 * with SEGMENT, but not RAW, the segment's text.
 */
#include <fcntl.h>
#include <zlib.h>

#include "bytes.h"
#include "field.h"
#include "record.h"
#include "recover.h"
#include "ring_file.h"
#include "spool.h"
#include "tree.h"

#define WRITER   "00c0ffee00c0ffee"
#define GRANULES (RING_BYTES_MIN / RING_GRAIN)
#define DATA_AT  (RING_HEADER + GRANULES * 16)
#define SIZE     (DATA_AT + RING_BYTES_MIN)

enum { RAW = 1, OTHER_BOOT = 2, SEAL = 4, SEGMENT = 8, BLANK = 16 };

static void
put_at(int fd, uint64_t at, const void *p, size_t n)
{
	FUZZ_CLAIM(pwrite(fd, p, n, (off_t)at) == (ssize_t)n);
}

/* Granule, number above the tail's, length, splice; u8 and as many bytes of text. */
static void
put_entry(int fd, struct bytes_in *in, uint64_t tail)
{
	uint16_t granule = bytes_get_u16(in) % GRANULES;
	uint8_t entry[16] = { 0 };
	const uint8_t *text;
	size_t n;

	put_le64(entry, tail + bytes_get_u16(in));
	put_le32(entry + 8, bytes_get_u16(in));
	put_le16(entry + 12, bytes_get_u16(in));
	n = bytes_get_u8(in);
	n = n < in->n ? n : in->n;
	put_at(fd, RING_HEADER + granule * 16u, entry, sizeof entry);
	if ((text = bytes_get(in, n)) != NULL && granule * RING_GRAIN + n <= RING_BYTES_MIN)
		put_at(fd, DATA_AT + granule * RING_GRAIN, text, n);
}

/* Head, tail, dropped, reported; 8 bytes of service; u8 entries, and these. */
static void
make_ring(int fd, struct bytes_in *in, unsigned flags)
{
	uint8_t h[RING_HEADER] = { 0 };
	const uint8_t *service;
	uint64_t tail;

	FUZZ_CLAIM(ftruncate(fd, SIZE) == 0);
	memcpy(h, RING_MAGIC, 8);
	put_le32(h + RING_AT_VERSION, RING_VERSION);
	put_le64(h + RING_AT_BYTES, RING_BYTES_MIN);
	(void)ring_boot_id(h + RING_AT_BOOT);
	h[RING_AT_BOOT] ^= (flags & OTHER_BOOT) != 0;
	put_le32(h + RING_AT_UID, geteuid());
	memcpy(h + RING_AT_WRITER, WRITER, 16);
	put_le64(h + RING_AT_HEAD, bytes_get_u64(in));
	put_le64(h + RING_AT_TAIL_SEQ, tail = bytes_get_u64(in));
	put_le64(h + RING_AT_DROPPED, bytes_get_u64(in));
	put_le64(h + RING_AT_REPORTED, bytes_get_u64(in));
	if ((service = bytes_get(in, 8)) != NULL)
		memcpy(h + RING_AT_SERVICE, service, 8);
	put_le32(h + RING_AT_CRC,
	    (uint32_t)crc32(0, h + RING_AT_BYTES, RING_STATIC_END - RING_AT_BYTES));
	put_at(fd, 0, h, sizeof h);
	for (size_t n = bytes_get_u8(in); n > 0 && !in->failed; n--)
		put_entry(fd, in, tail);
}

static int
make_at(const char *root, const char *dir, const char *file)
{
	char path[TREE_PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof path, "%.100s/%s", root, dir);
	FUZZ_CLAIM(mkdir(path, 0700) == 0);
	(void)snprintf(path, sizeof path, "%.100s/%s/%s", root, dir, file);
	FUZZ_CLAIM((fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) >= 0);
	return fd;
}

/* ---- what recovery should write ---- */

/* The number of the last whole line that has one. */
static uint64_t
newest(const char *text, size_t n)
{
	struct field_path path;
	struct field seq;
	uint64_t u;

	field_path_set(&path, "seq", 3);
	while (n > 0 && text[n - 1] != '\n')
		n--;
	while (n > 0) {
		size_t end = --n;
		while (n > 0 && text[n - 1] != '\n')
			n--;
		if (field_get(text + n, end - n, &path, 1, &seq) == 0 && field_u64(&seq, &u) &&
		    u > 0)
			return u;
	}
	return 0;
}

struct expected {
	struct bytes_out lines; /* each behind its length */
	uint64_t records, missing;
};

/* The records that stand in no file yet. */
static void
expect(const struct ring_copy *copy, uint64_t from, struct expected *out)
{
	const uint64_t done = from > copy->tail_seq ? from : copy->tail_seq;
	uint64_t next = done + 1;
	char text[RING_BYTES_MIN / 4 + 32];

	for (size_t i = 0; i < copy->n; i++) {
		const struct ring_record *rec = &copy->rec[i];
		struct jbuf line = { text, 0, sizeof text };
		FUZZ_CLAIM(i == 0 || rec->seq >= rec[-1].seq);
		FUZZ_CLAIM(rec->seq > copy->tail_seq && rec->seq <= copy->head_seq);
		FUZZ_CLAIM(rec->len > 0 && rec->splice <= rec->len);
		if (rec->seq < next)
			continue;
		record_line(rec->p, rec->len, rec->splice, rec->seq, &line);
		bytes_put_u32(&out->lines, (uint32_t)line.len);
		bytes_put(&out->lines, line.p, line.len);
		next = rec->seq + 1;
		out->records++;
	}
	if (copy->head_seq > done)
		out->missing = copy->head_seq - done - out->records;
}

/* ---- what it wrote ---- */

#define FILES_MAX 64

struct files {
	size_t n;
	struct file {
		char name[128];
		struct bytes_out text;
	} file[FILES_MAX];
	bool overflow;
};

static void
read_file(void *arg, const char *path, const char *name)
{
	struct files *files = arg;
	gzFile in = gzopen(path, "rb");
	struct file *f;
	char block[4096];
	int got;

	FUZZ_CLAIM(in != NULL);
	if (files->n == FILES_MAX) {
		files->overflow = true;
		(void)gzclose(in);
		return;
	}
	f = &files->file[files->n++];
	*f = (struct file){ .text = { NULL, 0, 0, false } };
	/* Behind the service, which a damaged ring may have wrong, names differ in their number. */
	FUZZ_CLAIM(strchr(name, '.') != NULL);
	(void)snprintf(f->name, sizeof f->name, "%s", strchr(name, '.'));
	while ((got = gzread(in, block, sizeof block)) > 0)
		bytes_put(&f->text, block, (size_t)got);
	FUZZ_CLAIM(got == 0);
	(void)gzclose(in);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

/* All lines, in the order of the segments' numbers. */
static void
read_files(const char *root, struct bytes_out *out, bool *all)
{
	static struct files files;

	files.n = 0;
	files.overflow = false;
	tree_each(root, "date=", read_file, &files);
	qsort(files.file, files.n, sizeof files.file[0], by_name);
	for (size_t i = 0; i < files.n; i++) {
		struct bytes_out *text = &files.file[i].text;
		bytes_put(out, text->p, text->n);
		bytes_out_free(text);
	}
	*all = !files.overflow;
}

static void
check_lines(const struct bytes_out *found, const struct bytes_out *lines)
{
	struct bytes_in want = { lines->p, lines->n, false };
	size_t at = 0;

	while (want.n > 0) {
		uint32_t n = bytes_get_u32(&want);
		const uint8_t *line = bytes_get(&want, n);
		const uint8_t *hit =
		    found->n > at ? memmem(found->p + at, found->n - at, line, n) : NULL;
		FUZZ_CLAIM(hit != NULL);
		at = (size_t)(hit - found->p) + n;
	}
}

/* ---- recovery ---- */

static void
on_warning(void *arg, const alog_error *err)
{
	FUZZ_CLAIM(err->code < 0 && err->text[0] != '\0');
	++*(unsigned *)arg;
}

static unsigned
recover(const char *path, bool seal, struct recover_result *out)
{
	unsigned warnings = 0;
	struct segment_root root = { .path = path, .file_mode = 0600, .dir_mode = 0700 };
	const struct recover_options opt = { .root = &root,
		.orphans = true,
		.seal = seal,
		.gzip_level = 1,
		.segment_bytes = 4096,
		.warn = on_warning,
		.arg = &warnings };
	alog_error err = { 0 };

	*out = (struct recover_result){ 0 };
	FUZZ_CLAIM(segment_root_open(&root, &err) == 0);
	FUZZ_CLAIM(recover_root(&opt, out, &err) == 0);
	(void)close(root.fd);
	return warnings;
}

static void
check_recovery(const char *root, unsigned flags, const struct expected *want)
{
	struct bytes_out found = { NULL, 0, 0, false }, same = { NULL, 0, 0, false };
	struct recover_result first, second;
	unsigned warnings = recover(root, (flags & SEAL) != 0, &first);
	bool all;

	FUZZ_CLAIM(first.alive == 0 && first.rings + warnings >= 1);
	read_files(root, &found, &all);
	if (warnings == 0) {
		FUZZ_CLAIM(first.records == want->records && first.torn == want->missing);
		FUZZ_CLAIM(found.n == 0 || found.p[found.n - 1] == '\n');
		if (all)
			check_lines(&found, &want->lines);
		FUZZ_CLAIM(recover(root, (flags & SEAL) != 0, &second) == 0);
		FUZZ_CLAIM(second.rings == 0 && second.records == 0 && second.torn == 0);
		read_files(root, &same, &all);
		FUZZ_CLAIM(found.n == same.n);
		FUZZ_CLAIM(found.n == 0 || memcmp(found.p, same.p, found.n) == 0);
	}
	bytes_out_free(&same);
	bytes_out_free(&found);
}

static void
check_spool(int fd, const struct ring_copy *copy)
{
	struct spool spool;
	auditq_error err = { 0 };
	int r = spool_read(&spool, fd, "fuzz", &err);

	FUZZ_CLAIM((r == 0) == (copy != NULL));
	if (r < 0)
		return;
	FUZZ_CLAIM(spool.n == copy->n);
	for (size_t i = 0; i < spool.n; i++)
		FUZZ_CLAIM(spool.line[i].seq == copy->rec[i].seq);
	spool_release(&spool);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes_in in = { data, size, false };
	unsigned flags = bytes_get_u8(&in);
	const char *root = tree_make();
	struct expected want = { .records = 0 };
	struct ring_copy copy;
	alog_error err = { 0 };
	uint64_t from = 0, torn = 0;
	int fd = make_at(root, PATH_RING_DIR, WRITER ".ring"), segment, r;

	if ((flags & RAW) != 0)
		put_at(fd, 0, in.p, in.n);
	else if ((flags & BLANK) != 0)
		FUZZ_CLAIM(ftruncate(fd, SIZE) == 0);
	else
		make_ring(fd, &in, flags);
	if ((flags & (RAW | SEGMENT)) == SEGMENT && !in.failed) {
		segment = make_at(root, "date=2025-10-23", "svc." WRITER ".000001.jsonl");
		put_at(segment, 0, in.p, in.n);
		(void)close(segment);
		from = newest((const char *)in.p, in.n);
		torn = in.n > 0 && in.p[in.n - 1] != '\n';
	}
	r = ring_read(&copy, fd, "fuzz", &err);
	FUZZ_CLAIM(r == err.code);
	check_spool(fd, r == 0 ? &copy : NULL);
	(void)close(fd);
	if (r == 0) {
		expect(&copy, from, &want);
		want.missing += torn;
		ring_copy_free(&copy);
	}
	check_recovery(root, flags, &want);
	bytes_out_free(&want.lines);
	tree_remove(root);
	return 0;
}
