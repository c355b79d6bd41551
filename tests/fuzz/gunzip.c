/*
 * gunzip - any bytes as a file, through source, held against zlib: what zlib decodes to a clean end is given,
 * byte for byte, also behind what is no member; where it stops, the lines before are given, and the loss is told.
 */
#include <zlib.h>

#include "bytes.h"
#include "format.h"
#include "fuzz.h"
#include "source.h"
#include "sys.h"

#define GIVEN_MAX ((size_t)8 << 20) /* bombs are for the tests */

struct told {
	unsigned warnings, lost;
};

static void
on_warning(void *arg, const auditq_warning *w)
{
	struct told *told = arg;

	FUZZ_CLAIM(w->code < 0 && w->text[0] != '\0' && w->path != NULL);
	told->warnings++;
	told->lost += w->lost;
}

/* ---- what zlib makes of it ---- */

struct reference {
	struct bytes_out out;
	bool
	    clean; /* members to the end, with perhaps something else between and behind them */
	unsigned gaps;  /* between them */
	bool trailing;  /* something behind them */
	bool undecided; /* readers may differ: a header's own CRC, a bomb, a member of ours */
};

/* Of a header, which zlib checks and we do not: no line depends on it. */
static bool
has_crc(const uint8_t *p, size_t n)
{
	return n > 3 && p[0] == 0x1f && p[1] == 0x8b && (p[3] & 2) != 0;
}

/* One member at p; the bytes it took, or 0 when it is damaged. */
static size_t
decode_member(struct reference *ref, const uint8_t *p, size_t n)
{
	static uint8_t block[65536];
	z_stream z = { .next_in = (Bytef *)(uintptr_t)p, .avail_in = (uInt)n };
	struct format_header ours;
	int r;

	/* The CRC of a header, of which no line depends, we do not ask for. */
	ref->undecided =
	    ref->undecided || format_get_header(p, n, &ours) != 0 || (n > 3 && (p[3] & 2) != 0);
	FUZZ_CLAIM(inflateInit2(&z, 16 + MAX_WBITS) == Z_OK);
	do {
		z.next_out = block;
		z.avail_out = sizeof block;
		r = inflate(&z, Z_NO_FLUSH);
		bytes_put(&ref->out, block, sizeof block - z.avail_out);
	} while (r == Z_OK && ref->out.n <= GIVEN_MAX);
	n -= z.avail_in;
	ref->undecided = ref->undecided || ref->out.n > GIVEN_MAX;
	(void)inflateEnd(&z);
	return r == Z_STREAM_END ? n : 0;
}

/* Whole lines in the first n bytes. */
static size_t
whole_lines(const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] != '\n')
		n--;
	return n;
}

/* What a search for the next member stops at: a header that some compressor writes, all of it there. */
static bool
is_plausible(const uint8_t *p, size_t n)
{
	Bytef byte;
	z_stream z = { .next_in = (Bytef *)(uintptr_t)p,
		.avail_in = (uInt)n,
		.next_out = &byte,
		.avail_out = sizeof byte };
	gz_header header = { .done = 0 };

	if (n < 10 || memcmp(p, "\x1f\x8b\x08", 3) != 0 || (p[3] & 0xe0) != 0 ||
	    (p[8] & ~6u) != 0 || p[8] == 6 || (p[9] > 13 && p[9] != 255))
		return false;
	FUZZ_CLAIM(inflateInit2(&z, 16 + MAX_WBITS) == Z_OK);
	(void)inflateGetHeader(&z, &header);
	(void)inflate(&z, Z_BLOCK);
	(void)inflateEnd(&z);
	return header.done == 1;
}

static void
decode(struct reference *ref, const uint8_t *p, size_t n)
{
	size_t some, run = 0; /* what was decoded without a gap */
	bool trailing = false;

	while (n > 0 && !ref->undecided) {
		if (n >= 2 && p[0] == 0x1f && p[1] == 0x8b) {
			if ((some = decode_member(ref, p, n)) == 0)
				return;
			p += some;
			n -= some;
			continue;
		}
		for (; n > 0 && !is_plausible(p, n); p++, n--)
			ref->undecided = ref->undecided || has_crc(p, n);
		if ((trailing = n == 0))
			break;
		/* The line before the gap does not go on behind it. */
		ref->out.n = run + whole_lines(ref->out.p + run, ref->out.n - run);
		run = ref->out.n;
		ref->gaps++;
	}
	ref->clean = true;
	ref->trailing = trailing;
}

/* ---- what source makes of it ---- */

static void
read_all(const char *path, size_t block_bytes, struct bytes_out *out, struct told *told)
{
	struct source_options opt = { .block_bytes = block_bytes,
		.warn = { on_warning, told } };
	struct source_block block;
	struct source *s;
	auditq_error err = { 0 };
	uint64_t line = 1, offset = 0;
	bool ended = false;
	int r;

	FUZZ_CLAIM((r = source_open(&s, path, &opt, &err)) == 0);
	while (out->n <= GIVEN_MAX && (r = source_next(s, &block, &err)) > 0) {
		FUZZ_CLAIM(block.n > 0 && !ended);
		FUZZ_CLAIM(block.offset >= offset && block.line >= line);
		offset = block.offset + block.n;
		line = block.line;
		for (size_t i = 0; i < block.n; i++)
			line += block.p[i] == '\n';
		ended = block.p[block.n - 1] != '\n';
		bytes_put(out, block.p, block.n);
	}
	FUZZ_CLAIM(r >= 0 || r == AUDITQ_EVERSION);
	source_close(s);
}

static void
check_gzip(const struct reference *ref, const struct bytes_out *out, const struct told *told)
{
	size_t lines = whole_lines(ref->out.p, ref->out.n);

	if (ref->undecided)
		return;
	if (ref->clean) {
		/* At the end, garbage that begins as a header does counts as a member that was cut. */
		FUZZ_CLAIM(
		    told->lost == ref->gaps || (ref->trailing && told->lost == ref->gaps + 1));
		FUZZ_CLAIM(out->n == ref->out.n);
		FUZZ_CLAIM(out->n == 0 || memcmp(out->p, ref->out.p, out->n) == 0);
		return;
	}
	/* Damage is told, and what came before it is there. */
	FUZZ_CLAIM(told->lost > 0);
	FUZZ_CLAIM(out->n >= lines);
	FUZZ_CLAIM(lines == 0 || memcmp(out->p, ref->out.p, lines) == 0);
}

static int memory_file;

/* Every name leads to the file in memory. */
static int
open_memory(int dir, const char *name, int flags, mode_t mode)
{
	(void)dir;
	(void)name;
	(void)flags;
	(void)mode;
	return dup(memory_file);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reference ref = { .clean = false };
	struct bytes_out out = { NULL, 0, 0, false }, same = { NULL, 0, 0, false };
	struct told told = { 0, 0 }, again = { 0, 0 };
	struct sys_ops ops = sys_posix;
	bool gzip = size >= 2 && data[0] == 0x1f && data[1] == 0x8b;

	ops.openat = open_memory;
	sys = &ops;
	memory_file = fuzz_file(data, size);
	read_all("fuzz.jsonl.gz", 4096, &out, &told);
	read_all("fuzz.jsonl.gz", 100, &same, &again);
	FUZZ_CLAIM(told.lost == again.lost && told.warnings == again.warnings);
	FUZZ_CLAIM(out.n > GIVEN_MAX ||
	    (out.n == same.n && (out.n == 0 || memcmp(out.p, same.p, out.n) == 0)));
	if (gzip) {
		decode(&ref, data, size);
		check_gzip(&ref, &out, &told);
	} else {
		out.n = 0;
		read_all("fuzz.jsonl", 4096, &out, &told);
		FUZZ_CLAIM(out.n == size && (size == 0 || memcmp(out.p, data, size) == 0));
	}
	sys = &sys_posix;
	bytes_out_free(&ref.out);
	bytes_out_free(&same);
	bytes_out_free(&out);
	return 0;
}
