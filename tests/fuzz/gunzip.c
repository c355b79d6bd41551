/*
 * gunzip - any bytes as a file, through source, held against zlib: what zlib decodes to a clean end is given,
 * byte for byte; where it stops, the lines before are given, and the loss is told.
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
	bool clean;     /* members to the end, or to what is none behind them */
	bool undecided; /* other readers differ: a header's own CRC, a bomb, a member of ours */
};

/* One member at p; the bytes it took, or 0 when it is damaged. */
static size_t
decode_member(struct reference *ref, const uint8_t *p, size_t n)
{
	static uint8_t block[65536];
	z_stream z = { .next_in = (Bytef *)(uintptr_t)p, .avail_in = (uInt)n };
	gz_header header = { .done = 0 };
	struct format_header ours;
	int r;

	ref->undecided = ref->undecided || format_get_header(p, n, &ours) != 0;
	FUZZ_CLAIM(inflateInit2(&z, 16 + MAX_WBITS) == Z_OK);
	(void)inflateGetHeader(&z, &header);
	do {
		z.next_out = block;
		z.avail_out = sizeof block;
		r = inflate(&z, Z_NO_FLUSH);
		bytes_put(&ref->out, block, sizeof block - z.avail_out);
	} while (r == Z_OK && ref->out.n <= GIVEN_MAX);
	n -= z.avail_in;
	ref->undecided = ref->undecided || header.hcrc != 0 || ref->out.n > GIVEN_MAX;
	(void)inflateEnd(&z);
	return r == Z_STREAM_END ? n : 0;
}

static void
decode(struct reference *ref, const uint8_t *p, size_t n)
{
	size_t some;

	while (n >= 2 && p[0] == 0x1f && p[1] == 0x8b && !ref->undecided) {
		if ((some = decode_member(ref, p, n)) == 0)
			return;
		p += some;
		n -= some;
	}
	ref->clean = true;
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

/* Whole lines in the first n bytes. */
static size_t
whole_lines(const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] != '\n')
		n--;
	return n;
}

static void
check_gzip(const struct reference *ref, const struct bytes_out *out, const struct told *told)
{
	size_t lines = whole_lines(ref->out.p, ref->out.n);

	if (ref->undecided)
		return;
	if (ref->clean && told->lost == 0) {
		FUZZ_CLAIM(out->n == ref->out.n);
		FUZZ_CLAIM(out->n == 0 || memcmp(out->p, ref->out.p, out->n) == 0);
		return;
	}
	/* Damage, or bytes between members: told, and what came before it is there. */
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
