/* pack_input - see pack_input.h */
#include "pack_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "field.h"
#include "known.h"
#include "schema_text.h"
#include "source.h"

/* Every day that an instant can fall on. */
enum { FIRST_DAY = -106752, LAST_DAY = 106751 };

/* In the sorter a rejected line stands behind its number. */
enum { NUMBER_BYTES = 8 };

uint64_t
pack_input_day_bytes(const struct pack_input *in, int32_t day)
{
	return in->day_bytes[day - FIRST_DAY];
}

static int
reject(struct pack_input *in, const char *text, size_t n, uint64_t offset, uint64_t line,
    auditq_error *err)
{
	struct batch_key key = { .ts = CLOCK_NONE, .path = in->path, .offset = offset };
	char *numbered;
	int r;

	if ((numbered = malloc(NUMBER_BYTES + n)) == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, in->paths[in->path], "a line");
	put_le64((uint8_t *)numbered, line);
	if (n > 0)
		memcpy(numbered + NUMBER_BYTES, text, n);
	r = sorter_add(in->sorter, &key, numbered, NUMBER_BYTES + n, err);
	free(numbered);
	in->lines++;
	in->rejected++;
	return r;
}

/* A line that was too long is known from its warning only. */
static void
on_warning(void *arg, const auditq_warning *w)
{
	struct pack_input *in = arg;

	if (w->code == AUDITQ_ETOOBIG && in->failed == 0)
		in->failed = reject(in, NULL, 0, w->offset, w->line, in->err);
	if (in->warn.fn != NULL)
		in->warn.fn(in->warn.arg, w);
}

static bool
blank(const char *s, size_t n)
{
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'))
		n--;
	return n == 0;
}

static int
add_line(struct pack_input *in, const char *s, size_t n, uint64_t offset, uint64_t number,
    auditq_error *err)
{
	struct batch_key key = { .path = in->path, .offset = offset };
	struct schema_facts facts;

	if (blank(s, n))
		return 0;
	if (schema_read(in->schema, s, n, &facts) < 0 || facts.ts == CLOCK_NONE)
		return reject(in, s, n, offset, number, err);
	in->lines++;
	in->day_bytes[clock_day(facts.ts) - FIRST_DAY] += n + 1;
	key.ts = facts.ts;
	return sorter_add(in->sorter, &key, s, n, err);
}

/* A byte order mark belongs to a file, not to the record that happens to be its first. */
static size_t
bom(const struct source_block *b)
{
	return b->offset == 0 && b->n >= 3 && memcmp(b->p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static int
add_block(struct pack_input *in, const struct source_block *b, auditq_error *err)
{
	const char *end = b->p + b->n, *next;
	uint64_t number = b->line;
	int r = 0;

	digest_add(&in->digest, b->p, b->n);
	for (const char *p = b->p + bom(b); r == 0 && p < end; p = next + 1, number++) {
		if ((next = memchr(p, '\n', (size_t)(end - p))) == NULL)
			next = end;
		r = add_line(
		    in, p, (size_t)(next - p), b->offset + (uint64_t)(p - b->p), number, err);
	}
	if (end[-1] != '\n')
		digest_add(&in->digest, "\n", 1);
	return r;
}

/* All are packed under one schema. */
static void
tell_other(const struct pack_input *in, const struct known *known)
{
	struct schema other = schema_default;

	if (known != NULL)
		known_schema(known, &other);
	if (!schema_equal(&other, in->schema))
		qwarn_send(&in->warn, AUDITQ_EINVAL, false, in->paths[in->path], 0, 0,
		    "looks like schema %s, and is packed as the first input's, %s: pack it by itself, or say which",
		    known_name(&other), known_name(in->schema));
}

static bool
is_batch(const char *line, size_t n)
{
	static const char key[] = "resourceLogs";
	struct field_path path;
	struct field value;

	field_path_set(&path, key, sizeof key - 1);
	return field_get(line, n, &path, 1, &value) == 0 && value.type == FIELD_ARRAY;
}

/* Which schema the first lines follow, unless that is known; what there is to say is said when they are read. */
static int
recognise(struct pack_input *in, struct source *source, auditq_error *err)
{
	const struct known *known;
	struct source_block block;
	const char *end;
	int r = source_peek(source, &block, err);

	if (r <= 0)
		return r;
	end = memchr(block.p, '\n', block.n);
	if (is_batch(block.p, end != NULL ? (size_t)(end - block.p) : block.n))
		qwarn_send(&in->warn, AUDITQ_EINVAL, false, in->paths[in->path], 0, 0,
		    "holds OpenTelemetry batches, many records a line: take them apart first; see auditq(1), SCHEMAS");
	known = known_recognise(block.p, block.n);
	if (in->path > 0)
		tell_other(in, known);
	else if (known != NULL)
		known_schema(known, in->schema);
	return 0;
}

static void
hash_schema(struct pack_input *in)
{
	char text[SCHEMA_TEXT_MAX];

	digest_begin(&in->digest);
	if (schema_equal(in->schema, &schema_default))
		return;
	digest_add(&in->digest, "", 1);
	digest_add(&in->digest, text, schema_format(in->schema, text));
	digest_add(&in->digest, "", 1);
}

static int
read_path(struct pack_input *in, auditq_error *err)
{
	struct source_options opt = { .warn = { on_warning, in } };
	struct source_block block;
	struct source *s;
	int r;

	if ((r = source_open(&s, in->paths[in->path], &opt, err)) < 0)
		return r;
	if (in->recognise && (r = recognise(in, s, err)) < 0) {
		source_close(s);
		return r;
	}
	if (in->path == 0)
		hash_schema(in);
	while ((r = source_next(s, &block, err)) > 0)
		if ((r = add_block(in, &block, err)) < 0 || (r = in->failed) < 0)
			break;
	source_close(s);
	return r < 0 ? r : in->failed;
}

static void
set_id(struct pack_input *in)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t sum[DIGEST_BYTES];

	digest_end(&in->digest, sum);
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		in->id[2 * i] = hex[sum[i] >> 4];
		in->id[2 * i + 1] = hex[sum[i] & 15];
	}
}

int
pack_input_read(struct pack_input *in, struct schema *schema, bool recognise_it,
    const char *const *paths, size_t npath, const struct qwarn *warn, auditq_error *err)
{
	int r;

	*in = (struct pack_input){ .schema = schema,
		.recognise = recognise_it,
		.warn = *warn,
		.paths = paths,
		.npath = npath,
		.err = err };
	in->day_bytes = calloc(LAST_DAY - FIRST_DAY + 1, sizeof *in->day_bytes);
	if (in->day_bytes == NULL)
		return qerror_set(err, AUDITQ_ENOMEM, ENOMEM, NULL, "pack");
	if ((r = sorter_new(&in->sorter, PACK_MEMORY, false, err)) < 0)
		return r;
	for (in->path = 0; in->path < npath; in->path++)
		if ((r = read_path(in, err)) < 0)
			return r;
	set_id(in);
	return sorter_finish(in->sorter, err);
}

int
pack_input_next(struct pack_input *in, struct pack_line *out, auditq_error *err)
{
	struct batch_key key;
	int r;

	*out = (struct pack_line){ 0 };
	if ((r = sorter_next(in->sorter, &key, &out->text, &out->n, err)) <= 0)
		return r;
	out->ts = key.ts;
	out->rejected = key.ts == CLOCK_NONE;
	if (out->rejected) {
		out->path = in->paths[key.path];
		out->line = get_le64((const uint8_t *)out->text);
		out->n -= NUMBER_BYTES;
		out->text = out->n > 0 ? out->text + NUMBER_BYTES : NULL;
	}
	return 1;
}

void
pack_input_free(struct pack_input *in)
{
	sorter_free(in->sorter);
	free(in->day_bytes);
}
