#include "zone_rule.h"

#include <string.h>

#include "clock.h"

#define HOUR       3600
#define DAY        86400
#define OFFSET_MAX (25 * HOUR - 1)
#define TIME_MAX   (168 * HOUR - 1)

/* ---- parsing ---- */

struct text {
	const char *s;
	size_t n, at;
};

static char
peek(const struct text *t)
{
	return t->at < t->n ? t->s[t->at] : '\0';
}

static bool
accept(struct text *t, char c)
{
	if (t->at == t->n || t->s[t->at] != c)
		return false;
	t->at++;
	return true;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
get_number(struct text *t, int min, int max, int *out)
{
	int v = 0;

	if (!is_digit(peek(t)))
		return false;
	for (; is_digit(peek(t)); t->at++)
		if ((v = 10 * v + (peek(t) - '0')) > max)
			return false;
	*out = v;
	return v >= min;
}

static bool
skip_name(struct text *t)
{
	const bool quoted = accept(t, '<');
	const size_t start = t->at;
	bool long_enough;

	while (is_letter(peek(t)) ||
	    (quoted && (is_digit(peek(t)) || peek(t) == '+' || peek(t) == '-')))
		t->at++;
	long_enough = t->at - start >= 3;
	return (!quoted || accept(t, '>')) && long_enough;
}

/* [+-]h[:mm[:ss]] in seconds. */
static bool
get_time(struct text *t, int32_t max, int32_t *out)
{
	const int sign = accept(t, '-') ? -1 : 1;
	int h, m = 0, s = 0;

	if (sign > 0)
		(void)accept(t, '+');
	if (!get_number(t, 0, max / HOUR, &h))
		return false;
	if (accept(t, ':') &&
	    (!get_number(t, 0, 59, &m) || (accept(t, ':') && !get_number(t, 0, 59, &s))))
		return false;
	*out = sign * (h * HOUR + m * 60 + s);
	return true;
}

static bool
get_east(struct text *t, int32_t *out)
{
	if (!get_time(t, OFFSET_MAX, out))
		return false;
	*out = -*out;
	return true;
}

static bool
get_day(struct text *t, struct zone_date *date)
{
	if (accept(t, 'M')) {
		date->kind = ZONE_WEEKDAY;
		return get_number(t, 1, 12, &date->month) && accept(t, '.') &&
		    get_number(t, 1, 5, &date->week) && accept(t, '.') &&
		    get_number(t, 0, 6, &date->day);
	}
	if (accept(t, 'J')) {
		date->kind = ZONE_NO_LEAP;
		return get_number(t, 1, 365, &date->day);
	}
	date->kind = ZONE_DAY;
	return get_number(t, 0, 365, &date->day);
}

static bool
get_date(struct text *t, struct zone_date *date)
{
	date->time = 2 * HOUR;
	return accept(t, ',') && get_day(t, date) &&
	    (!accept(t, '/') || get_time(t, TIME_MAX, &date->time));
}

int
zone_rule_parse(const char *s, size_t n, struct zone_rule *out)
{
	struct text t = { .s = s, .n = n };
	struct zone_rule rule = { .standard = 0 };

	if (!skip_name(&t) || !get_east(&t, &rule.standard))
		return -1;
	if (t.at < t.n) {
		rule.has_summer = true;
		rule.summer = rule.standard + HOUR;
		if (!skip_name(&t) || (peek(&t) != ',' && !get_east(&t, &rule.summer)) ||
		    !get_date(&t, &rule.begin) || !get_date(&t, &rule.end) || t.at < t.n)
			return -1;
	}
	*out = rule;
	return 0;
}

/* ---- instants ---- */

static int
year_of(int64_t second)
{
	int y, m, d;

	clock_civil_from_days(second / DAY - (second % DAY < 0), &y, &m, &d);
	return y;
}

/* Weekday `day` of a month for the week-th time. */
static int64_t
weekday(int year, const struct zone_date *date)
{
	const int64_t first = clock_days_from_civil(year, date->month, 1);
	const int64_t next = date->month == 12
	    ? clock_days_from_civil(year + 1, 1, 1)
	    : clock_days_from_civil(year, date->month + 1, 1);
	/* 1970 began on a Thursday. */
	const int64_t ahead = ((date->day - first - 4) % 7 + 7) % 7;
	int64_t day = first + ahead + 7 * (date->week - 1);

	while (day >= next)
		day -= 7;
	return day;
}

static int64_t
day_of(int year, const struct zone_date *date)
{
	const int64_t first = clock_days_from_civil(year, 1, 1);

	switch (date->kind) {
	case ZONE_WEEKDAY: return weekday(year, date);
	case ZONE_NO_LEAP:
		return first + date->day - 1 +
		    (date->day > 59 && clock_date_valid(year, 2, 29));
	default: return first + date->day;
	}
}

static int64_t
begin_of(const struct zone_rule *rule, int year)
{
	return day_of(year, &rule->begin) * DAY + rule->begin.time - rule->standard;
}

static int64_t
end_of(const struct zone_rule *rule, int year)
{
	return day_of(year, &rule->end) * DAY + rule->end.time - rule->summer;
}

int32_t
zone_rule_offset(const struct zone_rule *rule, int64_t second)
{
	const int year = year_of(second);
	int64_t latest = INT64_MIN;
	bool summer = false;

	/* A summer that ends when the next begins goes on. */
	for (int y = year - 1; rule->has_summer && y <= year + 1; y++) {
		const int64_t begin = begin_of(rule, y), end = end_of(rule, y);

		if (end <= second && end > latest) {
			latest = end;
			summer = false;
		}
		if (begin <= second && begin >= latest) {
			latest = begin;
			summer = true;
		}
	}
	return summer ? rule->summer : rule->standard;
}

int64_t
zone_rule_next(const struct zone_rule *rule, int64_t second)
{
	const int year = year_of(second);
	int64_t next = INT64_MAX;

	for (int y = year - 1; rule->has_summer && y <= year + 1; y++) {
		const int64_t begin = begin_of(rule, y), end = end_of(rule, y);

		if (begin > second && begin < next)
			next = begin;
		if (end > second && end < next)
			next = end;
	}
	return next;
}
