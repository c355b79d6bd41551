#include "timespec.h"

#include <string.h>

#include "clock.h"
#include "schema.h"

/* No time is as long; a fraction may have some digits. */
#define TEXT_MAX 80

/* What is being parsed, s[at..n).  On failure at is the offending byte, and why is set. */
struct spec {
	const char *s;
	size_t at, n;
	int64_t now;
	const struct zone *zone;
	const char *why;
};

static int
fail(struct spec *t, size_t at, const char *why)
{
	t->at = at;
	t->why = why;
	return -1;
}

static bool
is_digit(const struct spec *t, size_t at)
{
	return at < t->n && t->s[at] >= '0' && t->s[at] <= '9';
}

static bool
is_letter(const struct spec *t, size_t at)
{
	return at < t->n && (t->s[at] | 0x20) >= 'a' && (t->s[at] | 0x20) <= 'z';
}

/* Step over a word, in any case. */
static bool
accept_word(struct spec *t, const char *word)
{
	size_t n = strlen(word);

	if (t->n - t->at < n || is_letter(t, t->at + n))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((t->s[t->at + i] | 0x20) != word[i])
			return false;
	t->at += n;
	return true;
}

/* ---- durations ------------------------------------------------------------------------- */

static const struct unit {
	const char *name;
	int64_t ns;
} units[] = {
	{ "w", 7 * CLOCK_DAY },
	{ "d", CLOCK_DAY },
	{ "h", 3600 * CLOCK_S },
	{ "m", 60 * CLOCK_S },
	{ "s", CLOCK_S },
	{ "ms", 1000000 },
	{ "us", 1000 },
	{ "ns", 1 },
	{ NULL, 0 },
};

/* A fraction of a unit, in ns, to which it has to come down; false: it does not. */
static bool
parse_fraction(struct spec *t, int64_t unit, int64_t *ns)
{
	*ns = 0;
	for (t->at++; is_digit(t, t->at); t->at++) {
		const int64_t digit = t->s[t->at] - '0';

		if (digit * unit % 10 != 0)
			return false;
		*ns += digit * unit / 10;
		unit = unit % 10 == 0 ? unit / 10 : 0;
	}
	return true;
}

/* Step over a number and its unit, which must be from least on; NULL on failure. */
static const struct unit *
parse_amount(struct spec *t, const struct unit *least, int64_t *ns)
{
	const struct unit *unit = units;
	size_t start = t->at, dot = 0, end;
	int64_t count = 0, part = 0;
	bool huge = false, fine = false;

	for (; is_digit(t, t->at); t->at++)
		huge = huge || __builtin_mul_overflow(count, 10, &count) ||
		    __builtin_add_overflow(count, t->s[t->at] - '0', &count);
	if (t->at < t->n && t->s[t->at] == '.' && is_digit(t, t->at + 1))
		for (dot = t->at++; is_digit(t, t->at); t->at++)
			;
	while (unit->name != NULL && !accept_word(t, unit->name))
		unit++;
	if (dot > 0 && unit->name != NULL) { /* what the digits mean is known now */
		end = t->at;
		t->at = dot;
		fine = !parse_fraction(t, unit->ns, &part);
		t->at = end;
	}
	if (unit->name == NULL)
		fail(t, t->at, "expected a unit: w, d, h, m, s, ms, us or ns");
	else if (unit < least)
		fail(t, start, "larger units come first, and each once");
	else if (fine)
		fail(t, start, "a time finer than a nanosecond");
	else if (huge || __builtin_mul_overflow(count, unit->ns, &count) ||
	    __builtin_add_overflow(count, part, &count) ||
	    __builtin_add_overflow(*ns, count, ns))
		fail(t, start, "too long a time");
	else
		return unit;
	return NULL;
}

/* To the end of the text. */
static int
parse_amounts(struct spec *t, int64_t *ns)
{
	const struct unit *unit = units;

	*ns = 0;
	do {
		if (!is_digit(t, t->at))
			return fail(t, t->at, "expected a duration such as 90m or 2d12h");
		if ((unit = parse_amount(t, unit, ns)) == NULL)
			return -1;
		unit++;
	} while (t->at < t->n);
	return 0;
}

/* now + sign * duration */
static int
parse_duration(struct spec *t, int sign, int64_t *out)
{
	int64_t ns;

	if (parse_amounts(t, &ns) < 0)
		return -1;
	if (__builtin_add_overflow(t->now, sign * ns, out) || *out == CLOCK_NONE)
		return fail(t, 0, "outside of the years that can be told");
	return 0;
}

/* ---- days ------------------------------------------------------------------------------ */

static bool
accept_weekday(struct spec *t, int *weekday)
{
	static const char *const names[] = { "sunday", "monday", "tuesday", "wednesday",
		"thursday", "friday", "saturday" };

	for (int i = 0; i < 7; i++) {
		char shorter[4] = { names[i][0], names[i][1], names[i][2], '\0' };
		if (accept_word(t, names[i]) || accept_word(t, shorter)) {
			*weekday = i;
			return true;
		}
	}
	return false;
}

static int64_t
floor_second(int64_t ns)
{
	return ns / CLOCK_S - (ns % CLOCK_S < 0);
}

static int64_t
floor_day(int64_t second)
{
	return second / 86400 - (second % 86400 < 0);
}

/* In days since 1970, where the zone is. */
static int64_t
today(const struct spec *t)
{
	const int64_t second = floor_second(t->now);

	return floor_day(second + zone_offset(t->zone, second));
}

/* A word for a day, in days since 1970. */
static bool
accept_day(struct spec *t, int64_t *day)
{
	int weekday;

	*day = today(t);
	if (accept_word(t, "yesterday"))
		*day -= 1;
	else if (accept_word(t, "tomorrow"))
		*day += 1;
	else if (accept_weekday(t, &weekday)) /* 1970 began on a Thursday */
		*day -= ((*day + 4 - weekday) % 7 + 7) % 7;
	else if (!accept_word(t, "today"))
		return false;
	return true;
}

static int
day_start(struct spec *t, int64_t day, int64_t *out)
{
	if (__builtin_mul_overflow(zone_day(t->zone, day), CLOCK_S, out))
		return fail(t, 0, "outside of the years that can be told");
	return 0;
}

/* Whether what follows is hours, a colon and more. */
static bool
is_clock(const struct spec *t)
{
	size_t at = t->at;

	while (is_digit(t, at))
		at++;
	return at > t->at && at < t->n && t->s[at] == ':';
}

/* A colon, if one is asked for, and two digits, or from least on, that are below something. */
static bool
accept_part(struct spec *t, bool colon, size_t least, int64_t below, int64_t *part)
{
	size_t start;

	if (colon && (t->at == t->n || t->s[t->at] != ':'))
		return false;
	start = t->at += colon;
	for (*part = 0; is_digit(t, t->at) && t->at < start + 2; t->at++)
		*part = 10 * *part + (t->s[t->at] - '0');
	return t->at >= start + least && *part < below;
}

/* Hours, minutes and perhaps seconds of a day, to the end of the text. */
static int
parse_clock(struct spec *t, int64_t day, int64_t *out)
{
	const size_t start = t->at;
	int64_t hour = 0, minute = 0, second = 0;

	if (!accept_part(t, false, 1, 24, &hour) || !accept_part(t, true, 2, 60, &minute) ||
	    (t->at < t->n && !accept_part(t, true, 2, 60, &second)) || t->at < t->n)
		return fail(t, start, "expected a time of day such as 14:05 or 14:05:30");
	second += 60 * (minute + 60 * hour);
	if (__builtin_mul_overflow(day, 86400, &day) ||
	    __builtin_mul_overflow(zone_second(t->zone, day + second), CLOCK_S, out))
		return fail(t, 0, "outside of the years that can be told");
	return 0;
}

/* ---- dates and epochs ------------------------------------------------------------------ */

/* An instant from what is one of UTC by its text, but was said without a zone. */
static int
to_zone(struct spec *t, int64_t *ns)
{
	const int64_t local = floor_second(*ns), second = zone_second(t->zone, local);
	int64_t change;

	if (__builtin_mul_overflow(second - local, CLOCK_S, &change) ||
	    __builtin_add_overflow(*ns, change, ns) || *ns == CLOCK_NONE)
		return fail(t, t->at, "outside of the years that can be told");
	return 0;
}

/* Parse s[at..end) with more put in at an offset from at; a failure inside of more is one there. */
static int
parse_filled(struct spec *t, size_t end, size_t offset, const char *more, int64_t *out)
{
	char text[TEXT_MAX];
	size_t n = end - t->at, nmore = strlen(more), pos;
	bool zoned;

	if (n + nmore > sizeof text)
		return fail(t, t->at, "not a time");
	memcpy(text, t->s + t->at, offset);
	memcpy(text + offset, more, nmore);
	memcpy(text + offset + nmore, t->s + t->at + offset, n - offset);
	if (clock_parse(text, n + nmore, out, &zoned, &pos) == 0) {
		if (!zoned && to_zone(t, out) < 0)
			return -1;
		t->at = end;
		return 0;
	}
	if (pos >= offset + nmore)
		pos -= nmore;
	else if (pos > offset)
		pos = offset;
	return fail(
	    t, t->at + pos, pos == n ? "here the time must go on" : "no such date or time");
}

static bool
is_date(const struct spec *t)
{
	for (size_t i = 0; i < 4; i++)
		if (!is_digit(t, t->at + i))
			return false;
	return t->n - t->at > 4 && t->s[t->at + 4] == '-';
}

/* The day of a date up to end. */
static int
parse_date(struct spec *t, size_t end, int64_t *day)
{
	const struct zone *zone = t->zone;
	int64_t midnight;
	int r;

	t->zone = NULL;
	r = parse_filled(t, end, end - t->at, "T00:00:00", &midnight);
	t->zone = zone;
	if (r == 0)
		*day = clock_day(midnight);
	return r;
}

/* A date is its start; a time of day may leave out its seconds. */
static int
parse_date_time(struct spec *t, int64_t *out)
{
	int64_t day = 0;

	if (t->n <= 10)
		return parse_date(t, t->n, &day) < 0 ? -1 : day_start(t, day, out);
	if (t->n >= 16 && t->s[13] == ':' && (t->n == 16 || t->s[16] != ':'))
		return parse_filled(t, t->n, 16, ":00", out);
	return parse_filled(t, t->n, 0, "", out);
}

/* Digits, perhaps with a fraction, and nothing else. */
static bool
is_epoch(const struct spec *t)
{
	size_t at = t->at;

	while (is_digit(t, at))
		at++;
	if (at == t->at)
		return false;
	if (at < t->n && t->s[at] == '.' && is_digit(t, at + 1))
		for (at++; is_digit(t, at);)
			at++;
	return at == t->n;
}

static int
parse_epoch(struct spec *t, int64_t *out)
{
	const struct field digits = {
		.type = FIELD_STRING, .p = t->s + t->at, .n = t->n - t->at
	};

	*out = schema_value_time(&digits);
	if (*out == CLOCK_NONE)
		return fail(t, t->at, "outside of the years that can be told");
	t->at = t->n;
	return 0;
}

/* ---- the whole ------------------------------------------------------------------------- */

static int
parse_now(struct spec *t, int64_t *out)
{
	*out = t->now;
	if (t->at == t->n)
		return 0;
	if (t->s[t->at] != '+' && t->s[t->at] != '-')
		return fail(t, t->at, "expected '+' or '-' and a duration");
	t->at++;
	return parse_duration(t, t->s[t->at - 1] == '-' ? -1 : 1, out);
}

static int
parse_time(struct spec *t, int64_t *out)
{
	int64_t day = 0;

	if (accept_word(t, "now"))
		return parse_now(t, out);
	if (accept_day(t, &day)) {
		if (t->at == t->n)
			return day_start(t, day, out);
		if (t->s[t->at] != ' ')
			return fail(t, t->at, "a time ends here");
		t->at++;
		return parse_clock(t, day, out);
	}
	if (is_clock(t))
		return parse_clock(t, today(t), out);
	if (is_date(t))
		return parse_date_time(t, out);
	if (is_epoch(t))
		return parse_epoch(t, out);
	if (is_digit(t, 0))
		return parse_duration(t, -1, out);
	if (t->n > 0 && t->s[0] == '-') {
		t->at = 1;
		return parse_duration(t, -1, out);
	}
	return fail(
	    t, 0, "expected a time such as 2025-10-20, 2025-10-20T14:05:00Z, yesterday or -1h");
}

static int
report(const struct spec *t, int r, size_t *pos, const char **why)
{
	if (r < 0 && pos != NULL)
		*pos = t->at;
	if (r < 0 && why != NULL)
		*why = t->why;
	return r;
}

int
timespec_parse(const char *s, int64_t now, const struct zone *zone, int64_t *out, size_t *pos,
    const char **why)
{
	struct spec t = { .s = s, .n = strlen(s), .now = now, .zone = zone };
	int64_t ns;
	int r = parse_time(&t, &ns);

	if (r == 0)
		*out = ns;
	return report(&t, r, pos, why);
}

/* A day up to end, in days since 1970. */
static int
parse_day(struct spec *t, size_t end, int64_t *day)
{
	if (accept_day(t, day))
		return t->at == end ? 0 : fail(t, t->at, "a day ends here");
	if (is_date(t) && end - t->at <= 10)
		return parse_date(t, end, day);
	return fail(t, is_date(t) ? t->at + 10 : t->at,
	    is_date(t) ? "a day ends here" : "expected a day such as 2025-10-20 or yesterday");
}

static int
parse_days(struct spec *t, int64_t *after, int64_t *before)
{
	const char *dots = strstr(t->s, "..");
	int64_t first, last;
	size_t second;

	if (parse_day(t, dots != NULL ? (size_t)(dots - t->s) : t->n, &first) < 0)
		return -1;
	last = first;
	second = t->at;
	if (dots != NULL) {
		second = t->at += 2;
		if (parse_day(t, t->n, &last) < 0)
			return -1;
	}
	if (last < first)
		return fail(t, second, "the last day is before the first");
	t->at = second;
	return day_start(t, first, after) < 0 || day_start(t, last + 1, before) < 0 ? -1 : 0;
}

int
timespec_days(const char *s, int64_t now, const struct zone *zone, int64_t *after,
    int64_t *before, size_t *pos, const char **why)
{
	struct spec t = { .s = s, .n = strlen(s), .now = now, .zone = zone };
	int64_t first, end;
	int r = parse_days(&t, &first, &end);

	if (r == 0) {
		*after = first;
		*before = end;
	}
	return report(&t, r, pos, why);
}

int
timespec_duration(const char *s, int64_t *out, size_t *pos, const char **why)
{
	struct spec t = { .s = s, .n = strlen(s) };
	int64_t ns;
	int r = parse_amounts(&t, &ns);

	if (r == 0)
		*out = ns;
	return report(&t, r, pos, why);
}
