/*
 * schema - any bytes as a schema that a user wrote: what is accepted is recorded in an archive, and means the
 * same when it is read from there.
 *
 * Input: the schema, a NUL, a line to be read under it.
 */
#include "fuzz.h"
#include "schema_text.h"

static void
check_fault(const char *text, size_t n)
{
	struct schema s = schema_default;
	struct schema_fault fault;

	FUZZ_CLAIM(schema_read_text(text, n, &s, &fault) < 0);
	FUZZ_CLAIM(fault.why != NULL && fault.nmember <= SCHEMA_KEY_MAX);
	FUZZ_CLAIM(schema_equal(&s, &schema_default));
}

static bool
same_string(const struct field *a, const struct field *b)
{
	return a->type == b->type && a->p == b->p && a->n == b->n;
}

/* A line means under both what it means under one. */
static void
check_line(const struct schema *s, const struct schema *same, const char *line, size_t n)
{
	struct schema_facts a, b;
	int r = schema_read(s, line, n, &a);

	FUZZ_CLAIM(schema_read(same, line, n, &b) == r);
	if (r < 0)
		return;
	FUZZ_CLAIM(a.ts == b.ts && a.ts == schema_time(s, line, n));
	FUZZ_CLAIM(same_string(&a.run, &b.run) && same_string(&a.stage, &b.stage));
	FUZZ_CLAIM(a.level == b.level && a.failed == b.failed && a.has_status == b.has_status);
	FUZZ_CLAIM(a.has_duration == b.has_duration);
	FUZZ_CLAIM(!a.has_duration || (a.duration >= 0 && a.duration == b.duration));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
	size_t n = nul != NULL ? (size_t)(nul - data) : size;
	size_t nline = nul != NULL ? size - n - 1 : 0;
	char *text = fuzz_copy(data, n), *line = fuzz_copy(data + size - nline, nline);
	char canonical[SCHEMA_TEXT_MAX], again[SCHEMA_TEXT_MAX];
	struct schema s, same;
	struct schema_fault fault;
	size_t length;

	/* In an archive: members of later versions are passed by. */
	if (schema_parse(text, n, &s) == 0)
		check_line(&s, &s, line, nline);
	if (schema_read_text(text, n, &s, &fault) == 0) {
		length = schema_format(&s, canonical);
		FUZZ_CLAIM(length > 0 && schema_parse(canonical, length, &same) == 0);
		FUZZ_CLAIM(schema_format(&same, again) == length);
		FUZZ_CLAIM(memcmp(canonical, again, length) == 0);
		check_line(&s, &same, line, nline);
	} else {
		check_fault(text, n);
	}
	free(line);
	free(text);
	return 0;
}
