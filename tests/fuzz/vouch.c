/*
 * vouch - any bytes as lines: each that is vouched for is an object to field as well, and all ways agree.
 *
 * Input: the lines. Behind them stands what makes their last bytes be looked at, and is not vouched for.
 */
#include "vouch.h"
#include "field.h"
#include "fuzz.h"

#define BEHIND 64

/* All lines of [p, end) are objects; their number. */
static uint64_t
count_objects(const char *p, const char *end)
{
	uint64_t n = 0;
	const char *why;
	size_t pos;

	for (const char *feed; p < end; p = feed + 1, n++) {
		feed = memchr(p, '\n', (size_t)(end - p));
		FUZZ_CLAIM(feed != NULL);
		FUZZ_CLAIM(field_check(p, (size_t)(feed - p), &pos, &why) == 0);
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum vouch_way ways[] = { VOUCH_NONE, VOUCH_AVX2, VOUCH_AVX512,
		VOUCH_NEON };
	char *text = malloc(size + BEHIND);
	const char *first = NULL;

	FUZZ_CLAIM(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	memset(text + size, '!', BEHIND - 1);
	text[size + BEHIND - 1] = '\n';
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		uint64_t lines = 0;
		const char *to;

		if (!vouch_has_way(ways[i]))
			continue;
		to = vouch_lines(ways[i], text, text + size + BEHIND, &lines);
		FUZZ_CLAIM(to >= text && to <= text + size);
		FUZZ_CLAIM(lines == count_objects(text, to));
		if (ways[i] == VOUCH_NONE)
			FUZZ_CLAIM(to == text);
		else if (first == NULL)
			first = to;
		FUZZ_CLAIM(first == NULL || to == first);
	}
	free(text);
	return 0;
}
