/*
 * timespec - instants as people write them: RFC 3339, dates, epochs, `yesterday`, `-1h`.
 *
 *     time     = rfc3339 [ zone ]         without a zone it is one of the zone asked for; seconds may be left out
 *              | YYYY-MM-DD               its start there
 *              | digits [ "." digits ]    since 1970, in s, ms, µs or ns by magnitude
 *              | "now" [ sign duration ]
 *              | word [ " " clock ]       the start of the day there, or that time of it
 *              | clock                    of today
 *              | [ "-" ] duration         back from now
 *     duration = { digits [ "." digits ] unit } ;   units w d h m s ms us ns, larger before smaller; d is 24 h
 *     word     = "today" | "yesterday" | "tomorrow" | weekday ;    the last such weekday, today included
 *     clock    = HH ":" MM [ ":" SS ]
 *     days     = day [ ".." day ]         day: YYYY-MM-DD or word
 *
 * Words are understood in any case; weekdays also by three letters.
 */
#ifndef TIMESPEC_H
#define TIMESPEC_H

#include "zone.h"

/*
 * 0, or -1 with *pos at the offending byte and *why a static text (either may be NULL).  now is
 * ns since 1970.  What times and days a zone skips or has twice: see zone.h.
 */
int timespec_parse(const char *s, int64_t now, const struct zone *zone, int64_t *out,
    size_t *pos, const char **why);

/* Days, both inclusive, as the window [*after, *before).  Errors as above. */
int timespec_days(const char *s, int64_t now, const struct zone *zone, int64_t *after,
    int64_t *before, size_t *pos, const char **why);

/* A duration alone, in ns.  Errors as above. */
int timespec_duration(const char *s, int64_t *out, size_t *pos, const char **why);

#endif
