/*
 * pack - any bytes as a file to be packed: every line that is not blank is packed or rejected, what is in the
 * archives is what was packed, and packing again changes nothing.
 */
#include <jansson.h>

#include "auditq.h"
#include "schema.h"
#include "source.h"
#include "tree.h"

/* Lines, and a sum that does not depend on their order. */
struct sum {
	uint64_t lines, hash;
};

static void
add(struct sum *sum, const char *line, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)line[i]) * UINT64_C(0x100000001b3);
	sum->lines++;
	sum->hash += h * h;
}

/* ---- what is to be packed ---- */

static bool
is_blank(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r')
			return false;
	return true;
}

static void
expect_block(const struct source_block *b, struct sum *packed, uint64_t *rejected)
{
	const char *p = b->p, *end = p + b->n, *lf;
	struct schema_facts facts;

	if (b->offset == 0 && b->n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	for (; p < end; p = lf + 1) {
		if ((lf = memchr(p, '\n', (size_t)(end - p))) == NULL)
			lf = end;
		if (is_blank(p, (size_t)(lf - p)))
			continue;
		if (schema_read(&schema_default, p, (size_t)(lf - p), &facts) == 0 &&
		    facts.ts != CLOCK_NONE)
			add(packed, p, (size_t)(lf - p));
		else
			++*rejected;
	}
}

static void
expect(const char *path, struct sum *packed, uint64_t *rejected)
{
	const struct source_options opt = { .block_bytes = 4096 };
	struct source_block block;
	struct source *s;

	FUZZ_CLAIM(source_open(&s, path, &opt, NULL) == 0);
	while (source_next(s, &block, NULL) > 0)
		expect_block(&block, packed, rejected);
	source_close(s);
}

/* ---- what was packed ---- */

static int
ignore(void *arg, const void *p, size_t n)
{
	(void)arg;
	(void)p;
	(void)n;
	return 0;
}

static void
on_warning(void *arg, const auditq_warning *w)
{
	(void)w;
	*(bool *)arg = true;
}

static void
sum_root(const char *root, struct sum *out)
{
	auditq_t *q = auditq_new();
	auditq_record rec;
	auditq_error err;
	bool warned = false;
	int r;

	(void)auditq_path(q, root);
	(void)auditq_jobs(q, 1);
	(void)auditq_on_warning(q, on_warning, &warned);
	while ((r = auditq_next(q, &rec, &err)) > 0)
		add(out, rec.line, rec.len);
	FUZZ_CLAIM(r == 0 && !warned);
	auditq_free(q);
}

static void
inspect_archive(void *arg, const char *path, const char *name)
{
	uint64_t *archives = arg;

	FUZZ_CLAIM(name[0] != '.');
	FUZZ_CLAIM(auditq_inspect(path, true, ignore, NULL, NULL) == 0);
	++*archives;
}

/* One JSON object for each rejected line. */
static void
check_rejects(const char *path, uint64_t rejected)
{
	FILE *f = rejected > 0 ? fopen(path, "r") : NULL;
	size_t cap = 0;
	char *line = NULL;
	ssize_t n;
	json_t *json;

	FUZZ_CLAIM((rejected > 0) == (path[0] != '\0'));
	while (f != NULL && (n = getline(&line, &cap, f)) > 0) {
		json = json_loadb(line, (size_t)n, JSON_ALLOW_NUL, NULL);
		FUZZ_CLAIM(json_is_string(json_object_get(json, "reason")));
		FUZZ_CLAIM(json_is_integer(json_object_get(json, "line")));
		json_decref(json);
		rejected--;
	}
	FUZZ_CLAIM(rejected == 0);
	if (f != NULL)
		(void)fclose(f);
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_path(fuzz_file(data, size));
	auditq_pack_options opt = { .size = sizeof opt, .gzip_level = 1 };
	auditq_pack_result first = { .size = sizeof first }, again = { .size = sizeof again };
	struct sum packed = { 0, 0 }, found = { 0, 0 };
	uint64_t rejected = 0, archives = 0;
	auditq_error err = { 0 };
	int r;

	opt.root = tree_make();
	expect(path, &packed, &rejected);
	r = auditq_pack(&path, 1, &opt, &first, &err);
	if (r < 0) {
		FUZZ_CLAIM(r == AUDITQ_EVERSION && err.code == r);
		tree_remove(opt.root);
		return 0;
	}
	FUZZ_CLAIM(first.lines == first.packed + first.rejected);
	FUZZ_CLAIM(first.packed == packed.lines && first.rejected == rejected);
	FUZZ_CLAIM(first.skipped_archives == 0 && first.partitions <= first.archives);
	sum_root(opt.root, &found);
	FUZZ_CLAIM(found.lines == packed.lines && found.hash == packed.hash);
	tree_each(opt.root, "date=", inspect_archive, &archives);
	FUZZ_CLAIM(archives == first.archives);
	check_rejects(first.reject, first.rejected);
	FUZZ_CLAIM(auditq_pack(&path, 1, &opt, &again, &err) == 0);
	FUZZ_CLAIM(again.archives == 0 && again.skipped_archives == first.archives);
	FUZZ_CLAIM(again.packed == first.packed && strcmp(again.id, first.id) == 0);
	tree_remove(opt.root);
	return 0;
}
