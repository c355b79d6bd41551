/*
 * zone_rule - the time zones that POSIX can say: "CET-1CEST,M3.5.0,M10.5.0/3".
 *
 *     zone = name offset [ name [ offset ] "," date [ "/" time ] "," date [ "/" time ] ] ;
 *     name = three letters or more | "<" letters, digits, "+", "-" ">" ;
 *     date = "M" month "." week "." weekday | "J" 1 to 365, never a 29 February | 0 to 365 ;
 *
 * Offsets are west of Greenwich there; everywhere else in auditq they are seconds east.  Times go from
 * -167 to 167 hours (RFC 9636, 3.3.1).
 */
#ifndef ZONE_RULE_H
#define ZONE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zone_date {
	enum { ZONE_WEEKDAY, ZONE_NO_LEAP, ZONE_DAY } kind;
	int month, week; /* week 5: the last */
	int day;         /* of the week, 0: Sunday; or of the year */
	int32_t time;    /* of that day, on the clock until then */
};

struct zone_rule {
	int32_t standard;
	bool has_summer;
	int32_t summer;
	struct zone_date begin, end; /* of summer */
};

/* All of s; 0 or -1. */
int zone_rule_parse(const char *s, size_t n, struct zone_rule *out);
/* Seconds east of UTC at an instant (seconds since 1970, within those that nanoseconds can tell). */
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t second);
/* The first instant after one at which the offset may change; INT64_MAX: never. */
int64_t zone_rule_next(const struct zone_rule *rule, int64_t second);

#endif
