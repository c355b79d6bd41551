/* vouch: every way that this machine has, held against a reader of one byte at a time, and against field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "vouch.h"

static const enum vouch_way ways[] = { VOUCH_AVX2, VOUCH_AVX512, VOUCH_NEON };

/* ---- the kind of line that is vouched for, as vouch.h says it ---- */

static const char *
naive_string(const char *p)
{
	if (p == NULL || *p++ != '"')
		return NULL;
	while (*p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
		p++;
	return *p == '"' ? p + 1 : NULL;
}

static const char *
naive_digits(const char *p)
{
	const size_t n = strspn(p, "0123456789");

	return n == 0 ? NULL : p + n;
}

static const char *
naive_number(const char *p)
{
	p += *p == '-';
	p = *p == '0' ? p + 1 : naive_digits(p);
	if (p != NULL && *p == '.')
		p = naive_digits(p + 1);
	return p;
}

static const char *
naive_value(const char *p)
{
	if (*p == '"')
		return naive_string(p);
	if (strncmp(p, "true", 4) == 0 || strncmp(p, "null", 4) == 0)
		return p + 4;
	return strncmp(p, "false", 5) == 0 ? p + 5 : naive_number(p);
}

/* Behind the line, or NULL. */
static const char *
naive_line(const char *p)
{
	if (*p++ != '{')
		return NULL;
	for (;;) {
		if ((p = naive_string(p)) == NULL || *p++ != ':')
			return NULL;
		if ((p = naive_value(p + (*p == ' '))) == NULL)
			return NULL;
		if (*p == '}')
			return p[1] == '\n' ? p + 2 : NULL;
		if (*p++ != ',')
			return NULL;
		p += *p == ' ';
	}
}

/* ---- holding them against each other ---- */

#define BEHIND                                                                                 \
	64 /* bytes of a last line that is not of that kind: none but these is left unread */

static void
check(const char *text, size_t n)
{
	char *exact = malloc(n + BEHIND), *end = exact + n + BEHIND;
	const char *want = exact, *next;
	uint64_t nwant = 0;

	assert_non_null(exact);
	memcpy(exact, text, n);
	memset(exact + n, '!', BEHIND - 1);
	end[-1] = '\0';
	while ((next = naive_line(want)) != NULL) {
		if (field_check(want, (size_t)(next - want) - 1, NULL, NULL) < 0)
			fail_msg("field refuses: %.*s", (int)(next - want), want);
		want = next;
		nwant++;
	}
	for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
		uint64_t got = 7;
		const char *p;

		if (!vouch_has_way(ways[w]))
			continue;
		p = vouch_lines(ways[w], exact, end, &got);
		if (p != want || got != nwant + 7)
			fail_msg("way %d: %llu lines, %td bytes; not %llu, %td: %.*s",
			    (int)ways[w], (unsigned long long)got - 7, p - exact,
			    (unsigned long long)nwant, want - exact, (int)n, text);
	}
	free(exact);
}

static void
check_text(const char *text)
{
	check(text, strlen(text));
}

/* ---- cases ---- */

static void
test_values(void **state)
{
	static const char *const values[] = { "0", "-0", "00", "01", "-01", "-", "--1", "1-",
		"10", "1.", ".5", "-.5", "1.5", "1..5", "1.5.5", "0.0", "0.00.0", "1.05",
		"12345678901234567890", "1e5", "1E5", "1e", "+1", "true", "false", "null",
		"tru", "truex", "nulls", "True", "truefalse", "true false", "t", "nan", "\"\"",
		"\"a\"", "\"a\\n\"", "\"\\u0041\"", "\"a\"b", "\"a\" ", "\"a\tb\"", "\"{[,:\"",
		"\"\xc3\xa4\xff\"", "\"\x7f\"", "{}", "[]", "[1]", "{\"a\":1}", "", " ", " 1",
		"  1", "1 ", "\t1", "a", "\"a\"\"b\"", "\"a\":\"b\"", "1:2", "1,2", "1,\"b\"",
		"1,\"b\":", "1,\"b\":2", "1, \"b\":2", "1,  \"b\":2", "1 ,\"b\":2",
		"1,\"b\" :2", "1,\"b\": 2", "1,\"b\":2}", "1}", "1,", "1,}", "\n", "1\n", "1\r",
		"\"\n\"" };
	char line[400];

	(void)state;
	/* Each at every place of a word, in the first line and behind others. */
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		for (int pad = 0; pad < 130; pad++)
			for (int lines = 0; lines < 2; lines++) {
				(void)snprintf(line, sizeof line,
				    "%s{\"%0*d\":%s}\n{\"a\":1}\n",
				    lines == 0 ? "" : "{\"x\": \"y\"}\n", pad + 1, 0,
				    values[i]);
				check_text(line);
			}
}

static void
test_lines(void **state)
{
	static const char *const lines[] = { "", "\n", "{}\n", "{\n", "}\n", " {\"a\":1}\n",
		"{\"a\":1} \n", "{\"a\":1}\r\n", "{\"a\":1}\n\n{\"a\":1}\n", "{ \"a\":1}\n",
		"{\"a\":1 }\n", "[\"a\",1]\n", "{\"a\",1}\n", "{\"a\":1:2}\n", "{1:2}\n",
		"{\"a\"}\n", "{\"a\":1,\"b\"}\n", "{:1}\n", "{,}\n", "{\"a\":1}{\"a\":1}\n",
		"{\"a\":1},{\"a\":1}\n", "{\"a:1}\n", "\xef\xbb\xbf{\"a\":1}\n", "{a:1}\n",
		"{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n", "{\"a\":1}\n{\"b\":x}\n{\"c\":3}\n",
		"{\"a\":1}\n\"{\"b\":2}\n", "{{\"a\":1}}\n", "{\"a\":1}}\n", "{\"a\":-}\n",
		"\\{\"a\":1}\n" };

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		check_text(lines[i]);
}

/* Every byte, where it may stand and where it may not, at every place of eight words and a bit. */
static void
test_bytes(void **state)
{
	static const char *const format[] = { "%*s{\"%c\":1}\n{\"a\":1}\n",
		"%*s{\"a\":%c}\n{\"a\":1}\n", "%*s{\"a\":1%c2}\n",
		"%*s{\"a\":\"b\"%c\"c\":1}\n" };
	char line[700];

	(void)state;
	for (int byte = 1; byte < 256; byte++)
		for (int before = 0; before < 600; before += 9)
			for (size_t i = 0; i < sizeof format / sizeof format[0]; i++) {
				int n =
				    snprintf(line, sizeof line, format[i], before, "", byte);

				/* A line as long as what is to stand before. */
				if (before > 0) {
					memset(line, 'x', (size_t)before);
					memcpy(line, "{\"", 2);
					memcpy(line + before - 5, "\":1}\n", 5);
				}
				check(line, (size_t)n);
			}
}

/* More digits than a word has bits are at most not vouched for. */
static void
test_long_numbers(void **state)
{
	static char line[1000];

	(void)state;
	for (int digits = 50; digits < 400; digits++)
		for (int kind = 0; kind < 4; kind++) {
			static const char *const format[] = { "{\"a\":1%0*d}\n",
				"{\"a\":0.%0*d}\n", "{\"a\":0.%0*d.1}\n", "{\"a\":0%0*d}\n" };
			int n = snprintf(line, sizeof line - BEHIND, format[kind], digits, 0);

			memset(line + n, ' ', BEHIND);
			for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
				uint64_t got = 0;

				if (!vouch_has_way(ways[w]))
					continue;
				(void)vouch_lines(ways[w], line, line + n + BEHIND, &got);
				if (got > 0 && kind >= 2)
					fail_msg("way %d: %s", (int)ways[w], line);
			}
		}
}

static uint32_t
draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*seed >> 33) % below);
}

/* Lines of the kind, and now and then a byte of them that is another. */
static void
test_random(void **state)
{
	static const char *const parts[] = { "\"\"", "\"ts\"", "\"run_id\"",
		"\"a longer text, with: {all}\"", "0", "-1.25", "17", "true", "false", "null",
		"\"2025-10-10T00:00:00.288000000Z\"", "0.5" };
	static const char bytes[] = "\"\"\":,{}0159.- \n\\tefn\t\x7f\xc3[]+";
	static char text[12000];
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 60000; round++) {
		const uint32_t most = draw(&seed, 100) == 0 ? 10000 : 700;
		size_t n = 0;

		while (n < most) {
			for (uint32_t left = 1 + draw(&seed, 8), first = 1; left > 0;
			     left--, first = 0)
				n += (size_t)snprintf(text + n, sizeof text - n, "%s%s:%s%s",
				    first                     ? "{"
					: draw(&seed, 4) == 0 ? ", "
							      : ",",
				    parts[draw(&seed, 4)], draw(&seed, 4) == 0 ? " " : "",
				    parts[draw(&seed, sizeof parts / sizeof parts[0])]);
			n += (size_t)snprintf(text + n, sizeof text - n, "}\n");
		}
		for (uint32_t wrong = draw(&seed, 4); wrong > 0; wrong--)
			text[draw(&seed, (uint32_t)n)] = bytes[draw(&seed, sizeof bytes - 1)];
		check(text, n);
	}
}

/* What is not a whole word of bits is not looked at, nor is what is behind the end. */
static void
test_end(void **state)
{
	static const char line[] = "{\"a\":1}\n";
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = line[i % (sizeof line - 1)];
	for (size_t n = 0; n <= sizeof text; n++)
		for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
			char *exact = malloc(n + 1);
			uint64_t got = 0;

			assert_non_null(exact);
			memcpy(exact, text, n);
			if (vouch_has_way(ways[w])) {
				assert_ptr_equal(vouch_lines(ways[w], exact, exact + n, &got),
				    exact + n / 64 * 64);
				assert_int_equal(got, n / 64 * 8);
			}
			free(exact);
		}
}

static void
test_ways(void **state)
{
	static const char line[] = "{\"a\":1}\n";
	uint64_t got = 0;

	(void)state;
	assert_true(vouch_has_way(VOUCH_NONE));
	assert_true(vouch_has_way(vouch_best_way()));
	assert_ptr_equal(vouch_lines(VOUCH_NONE, line, line + sizeof line - 1, &got), line);
	assert_int_equal(got, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_long_numbers),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
