/* made - records as a ring holds them, for tests below the logger; each is told from its line again. */
#ifndef MADE_H
#define MADE_H

#include "clock.h"
#include "ring.h"
#include "scratch.h"

#define MADE_MAX 70000

/* A record of the instant ts with pad bytes of padding, in buf; what it says follows from seq. */
static inline struct ring_record
made_record(char buf[MADE_MAX], uint64_t seq, int64_t ts, unsigned pad)
{
	char when[CLOCK_LENGTH];
	int n;

	clock_format(when, ts);
	n = snprintf(buf, MADE_MAX,
	    "{\"ts\":\"%.*s\",\"level\":\"info\",\"seq\":,\"msg\":\"%llx\",\"pad\":\"%0*u\"}",
	    CLOCK_LENGTH, when, (unsigned long long)(seq * 0x9e3779b97f4a7c15), (int)pad, 0u);
	return (struct ring_record){ seq, buf, (uint32_t)n,
		(uint16_t)(strstr(buf, "\"seq\":") + 6 - buf) };
}

/* Whether a line is such a record with its number in it. */
static inline bool
made_intact(const struct scratch_line *line)
{
	char want[64];

	(void)snprintf(want, sizeof want, "\"seq\":%llu,\"msg\":\"%llx\",\"pad\":\"0",
	    (unsigned long long)line->seq,
	    (unsigned long long)(line->seq * 0x9e3779b97f4a7c15));
	return !line->torn && strncmp(line->text, "{\"ts\":\"", 7) == 0 &&
	    strstr(line->text, want) != NULL && scratch_ends(line->text, "0\"}");
}

#endif
