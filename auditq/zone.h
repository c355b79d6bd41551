/*
 * zone - time zones: from the files of the IANA database (TZif, RFC 9636), or said in POSIX's way.
 *
 * Seconds count since 1970; offsets are seconds east of UTC.  A local time is what a clock on the
 * wall shows, as if it were one of UTC.  NULL is UTC everywhere.  A zone is constant: any thread may use it.
 */
#ifndef ZONE_H
#define ZONE_H

#include "qerror.h"

struct zone;

/*
 * "UTC"; a name of the database ("Europe/Berlin"); an offset (+02:00, -0330, +2 digits); a rule of POSIX's
 * ("EST5EDT,M3.2.0,M11.1.0"); or "local": what $TZ names, else the machine's zone.  *ret is NULL for UTC, else to be
 * freed.  AUDITQ_EINVAL: there is no such zone; AUDITQ_ECORRUPT, AUDITQ_EIO, AUDITQ_ENOMEM.
 */
int zone_open(struct zone **ret, const char *name, auditq_error *err);
/* The same from the bytes of such a file; path is for the message. */
int zone_read(
    struct zone **ret, const uint8_t *data, size_t n, const char *path, auditq_error *err);
void zone_free(struct zone *z);

int32_t zone_offset(const struct zone *z, int64_t second);
/* The instant of a local time.  One that comes twice, when clocks go back, is the first of them; one that does
 * not come, when clocks go forward, is counted on by the clock until then (02:30 is 03:30). */
int64_t zone_second(const struct zone *z, int64_t local);
/* The first instant of a local day, in days since 1970; of a day that does not come, that of the next. */
int64_t zone_day(const struct zone *z, int64_t day);

#endif
