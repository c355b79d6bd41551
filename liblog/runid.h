/* runid - UUIDv7 (RFC 9562, 5.7) make and parse. */
#ifndef RUNID_H
#define RUNID_H

#include "clock.h"

#define RUNID_LENGTH 36

/* Write RUNID_LENGTH lower-case bytes and a NUL: the milliseconds of now (0 before 1970), 74
 * random bits.  0, or -1 with errno. */
int runid_make(char dst[RUNID_LENGTH + 1], int64_t now_ns);
/* Whether s is a UUID in canonical lower-case text; bin (may be NULL) gets its 16 bytes. */
bool runid_parse(const char *s, size_t n, uint8_t bin[16]);
/* The canonical text of 16 bytes, no NUL. */
void runid_format(char dst[RUNID_LENGTH], const uint8_t bin[16]);
/* The instant in a UUIDv7, or CLOCK_NONE for any other UUID and an instant after 2262. */
int64_t runid_time(const uint8_t bin[16]);

#endif
