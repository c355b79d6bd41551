/*
 * jbuf - any bytes as a string, any bits as numbers: what is written is JSON to jansson, and reads back as
 * the same value, invalid UTF-8 as U+FFFD.
 */
#include <jansson.h>
#include <math.h>

#include "field.h"
#include "fuzz.h"
#include "jbuf.h"

/* The repair in another way: the decoder of the WHATWG Encoding Standard, 8.1.1 (utf-8). */
static size_t
repair(const uint8_t *s, size_t n, char *dst)
{
	size_t len = 0, start = 0;
	unsigned needed = 0, lower = 0x80, upper = 0xbf;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = s[i];
		if (needed > 0 && (c < lower || c > upper)) {
			memcpy(dst + len, "\xef\xbf\xbd", 3);
			len += 3;
			needed = 0;
		} else if (needed > 0) {
			lower = 0x80, upper = 0xbf;
			if (--needed > 0)
				continue;
			memcpy(dst + len, s + start, i + 1 - start);
			len += i + 1 - start;
			continue;
		}
		lower = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
		upper = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
		start = i;
		if (c < 0x80) {
			dst[len++] = (char)c;
		} else if (c < 0xc2 || c > 0xf4) {
			memcpy(dst + len, "\xef\xbf\xbd", 3);
			len += 3;
		} else {
			needed = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		}
	}
	if (needed > 0) {
		memcpy(dst + len, "\xef\xbf\xbd", 3);
		len += 3;
	}
	return len;
}

static void
check_string(const uint8_t *s, size_t n)
{
	struct jbuf measured = { NULL, 0, 0 }, out, cut;
	char *want = malloc(3 * n + 1), *decoded;
	size_t nwant = repair(s, n, want), half;
	struct field f = { .type = FIELD_STRING, .escaped = true };
	json_t *json;

	jbuf_str(&measured, (const char *)s, n);
	FUZZ_CLAIM(measured.len >= n + 2 && measured.len <= 6 * n + 2);
	out = (struct jbuf){ malloc(measured.len), 0, measured.len };
	jbuf_str(&out, (const char *)s, n);
	FUZZ_CLAIM(out.len == measured.len && !jbuf_full(&out));
	json = json_loadb(out.p, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	FUZZ_CLAIM(json_is_string(json) && json_string_length(json) == nwant);
	FUZZ_CLAIM(memcmp(json_string_value(json), want, nwant) == 0);
	FUZZ_CLAIM(jbuf_is_utf8((const char *)s, n) == (nwant == n && memcmp(want, s, n) == 0));
	f.p = out.p + 1;
	f.n = out.len - 2;
	decoded = malloc(nwant + 1);
	FUZZ_CLAIM(field_decode(&f, decoded, nwant) == nwant);
	FUZZ_CLAIM(memcmp(decoded, want, nwant) == 0);
	half = measured.len / 2;
	cut = (struct jbuf){ malloc(half), 0, half };
	jbuf_str(&cut, (const char *)s, n);
	FUZZ_CLAIM(cut.len == measured.len && memcmp(cut.p, out.p, half) == 0);
	json_decref(json);
	free(cut.p);
	free(decoded);
	free(out.p);
	free(want);
}

static void
check_numbers(uint64_t bits)
{
	char text[64];
	struct jbuf out = { text, 0, sizeof text - 1 };
	double d, again;
	float f;

	memcpy(&d, &bits, sizeof d);
	memcpy(&f, &bits, sizeof f);
	jbuf_double(&out, d);
	text[out.len] = '\0';
	again = strtod(text, NULL);
	if (isfinite(d))
		FUZZ_CLAIM(memcmp(&d, &again, sizeof d) == 0);
	else
		FUZZ_CLAIM(strcmp(text, "null") == 0);
	out.len = 0;
	jbuf_float(&out, f);
	text[out.len] = '\0';
	if (isfinite(f))
		FUZZ_CLAIM(strtof(text, NULL) == f);
	out.len = 0;
	jbuf_u64(&out, bits);
	text[out.len] = '\0';
	FUZZ_CLAIM(strtoull(text, NULL, 10) == bits);
	out.len = 0;
	jbuf_i64(&out, (int64_t)bits);
	text[out.len] = '\0';
	FUZZ_CLAIM(strtoll(text, NULL, 10) == (int64_t)bits);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t bits = 0;

	memcpy(&bits, data, size < sizeof bits ? size : sizeof bits);
	check_numbers(bits);
	check_string(data, size);
	return 0;
}
