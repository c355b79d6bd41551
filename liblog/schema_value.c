#include "schema.h"

#include <string.h>

/* Longest decoded text of a time or a level that is understood. */
#define VALUE_MAX 64

/* ---- times ---- */

/* A decimal number taken apart: 0.d1d2d3... * 10^point.  More digits than there is room for are
 * finer than a nanosecond. */
struct epoch {
	bool negative;
	int digits;
	int point;
	char digit[40]; /* values, not characters */
};

/* Behind an e, in a valid number. */
static int
epoch_exponent(const char *s, const char *end)
{
	bool negative = *s == '-';
	int exponent = 0;

	for (s += *s == '-' || *s == '+'; s < end && exponent < 100; s++)
		exponent = exponent * 10 + (*s - '0');
	return negative ? -exponent : exponent;
}

/* A valid number, or (text) a string that is digits with perhaps a sign and a fraction. */
static bool
epoch_parse(const char *s, size_t n, bool text, struct epoch *out)
{
	const char *end = s + n;
	bool fraction = false;

	*out = (struct epoch){ .negative = n > 0 && *s == '-' };
	for (s += out->negative; s < end && ((*s >= '0' && *s <= '9') || *s == '.'); s++) {
		if (*s == '.') {
			if (fraction)
				return false;
			fraction = true;
			continue;
		}
		if (out->digits < (int)sizeof out->digit)
			out->digit[out->digits++] = (char)(*s - '0');
		if (!fraction && ++out->point > (int)sizeof out->digit)
			return false;
	}
	if (out->digits == 0 || (text && s < end))
		return false;
	if (s < end)
		out->point += epoch_exponent(s + 1, end);
	return true;
}

static int
epoch_digit(const struct epoch *e, int i)
{
	return i >= 0 && i < e->digits ? e->digit[i] : 0;
}

/* ns in a unit of time, by the magnitude of the whole number of them. */
static int64_t
epoch_unit(int64_t whole)
{
	if (whole < INT64_C(100000000000))
		return CLOCK_S;
	if (whole < INT64_C(100000000000000))
		return 1000000;
	return whole < INT64_C(100000000000000000) ? 1000 : 1;
}

/* What is finer than a nanosecond is cut. */
static int64_t
epoch_time(const struct epoch *e)
{
	int64_t whole = 0, unit, ns;
	int i = 0;

	for (; i < e->point; i++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, epoch_digit(e, i), &whole))
			return CLOCK_NONE;
	unit = epoch_unit(whole);
	if (__builtin_mul_overflow(whole, unit, &ns))
		return CLOCK_NONE;
	for (i = e->point; unit > 1; i++) {
		unit /= 10;
		if (__builtin_add_overflow(ns, unit * epoch_digit(e, i), &ns))
			return CLOCK_NONE;
	}
	return e->negative ? -ns : ns;
}

int64_t
schema_value_time(const struct field *value)
{
	char text[VALUE_MAX];
	const char *s = value->p;
	size_t n = value->n;
	struct epoch epoch;
	int64_t ns;

	if (value->type == FIELD_STRING && value->escaped) {
		n = field_decode(value, text, sizeof text);
		s = text;
		if (n > sizeof text)
			return CLOCK_NONE;
	} else if (value->type != FIELD_STRING && value->type != FIELD_NUMBER) {
		return CLOCK_NONE;
	}
	if (value->type == FIELD_STRING && clock_parse(s, n, &ns, NULL, NULL) == 0)
		return ns;
	if (!epoch_parse(s, n, value->type == FIELD_STRING, &epoch))
		return CLOCK_NONE;
	return epoch_time(&epoch);
}

/* ---- levels ---- */

/* The commonest first. */
static const struct {
	const char *name;
	int level;
} level_names[] = {
	{ "info", 2 },
	{ "error", 5 },
	{ "warn", 4 },
	{ "debug", 1 },
	{ "trace", 0 },
	{ "notice", 3 },
	{ "critical", 6 },
	{ "warning", 4 },
	{ "err", 5 },
	{ "fatal", 6 },
	{ "crit", 6 },
	{ "information", 2 },
	{ "informational", 2 },
	{ "verbose", 0 },
	{ "alert", 6 },
	{ "emerg", 6 },
	{ "emergency", 6 },
	{ "panic", 6 },
};

const char *
schema_level_name(size_t i, int *level)
{
	if (i >= sizeof level_names / sizeof level_names[0])
		return NULL;
	*level = level_names[i].level;
	return level_names[i].name;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool
schema_same_word(const char *word, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (word[i] == '\0' || lower(word[i]) != lower(s[i]))
			return false;
	return word[n] == '\0';
}

int
schema_level(const char *s, size_t n)
{
	for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++)
		if (schema_same_word(level_names[i].name, s, n))
			return level_names[i].level;
	return SCHEMA_NO_LEVEL;
}

static int
graded_word(const struct schema *s, const char *text, size_t n)
{
	for (size_t i = 0; i < s->ngrade; i++)
		if (!s->grade[i].number && schema_same_word(s->grade[i].word, text, n))
			return s->grade[i].level;
	return schema_level(text, n);
}

static int
graded_number(const struct schema *s, const struct field *number)
{
	int level = SCHEMA_NO_LEVEL;
	int64_t best = INT64_MIN;
	double x;

	if (s->ngrade == 0 || !field_double(number, &x))
		return SCHEMA_NO_LEVEL;
	for (size_t i = 0; i < s->ngrade; i++) {
		const struct schema_grade *g = &s->grade[i];

		if (g->number && g->from >= best && (double)g->from <= x) {
			best = g->from;
			level = g->level;
		}
	}
	return level;
}

/* Digits with perhaps a sign: systemd writes its numbers as strings. */
static bool
is_integer(const char *s, size_t n)
{
	size_t sign = n > 0 && *s == '-';

	for (size_t i = sign; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return n > sign && (s[sign] != '0' || n == sign + 1);
}

int
schema_value_level(const struct schema *s, const struct field *value)
{
	struct field number = { .type = FIELD_NUMBER };
	char text[VALUE_MAX];

	if (value->type == FIELD_NUMBER)
		return graded_number(s, value);
	if (value->type != FIELD_STRING)
		return SCHEMA_NO_LEVEL;
	number.p = value->p;
	number.n = value->n;
	if (value->escaped) {
		number.n = field_decode(value, text, sizeof text);
		number.p = text;
		if (number.n > sizeof text)
			return SCHEMA_NO_LEVEL;
	}
	if (is_integer(number.p, number.n))
		return graded_number(s, &number);
	return graded_word(s, number.p, number.n);
}
