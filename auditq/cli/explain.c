/* explain - see explain.h */
#include "explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define AT(member) offsetof(auditq_counts, member)

/* What belongs to the item above is indented. */
static const struct {
	const char *text;
	size_t at;
} items[] = {
	{ "partitions", AT(partitions) },
	{ "  outside the window", AT(partitions_pruned) },
	{ "files", AT(files) },
	{ "  outside the window by name", AT(files_by_date) },
	{ "  pruned by footer", AT(files_by_footer) },
	{ "  compacted into another", AT(files_replaced) },
	{ "members of archives", AT(members) },
	{ "  pruned by time", AT(members_by_time) },
	{ "  pruned by counts", AT(members_by_counts) },
	{ "  pruned by filter", AT(members_by_filter) },
	{ "  pruned by run table", AT(members_by_run) },
	{ "  answered from summaries", AT(members_answered) },
	{ "  inflated", AT(members_inflated) },
	{ "  from the cache", AT(members_cached) },
	{ "  searched without a match", AT(members_without_match) },
	{ "runs of matches, of any time", AT(runs_widened) },
	{ "bytes stored", AT(bytes_total) },
	{ "  read", AT(bytes_read) },
	{ "  searched, decompressed", AT(bytes_inflated) },
	{ "  spilled to a file", AT(spilled) },
	{ "lines searched", AT(lines) },
	{ "  matched", AT(matched) },
	{ "  unreadable", AT(unreadable) },
	{ "  duplicates", AT(duplicates) },
	{ "warnings", AT(warnings) },
	{ "  with lost data", AT(lost) },
};

/* RFC 3339 UTC, with as much of a fraction as there is. */
static void
put_time(int64_t ns)
{
	int64_t fraction = ns % 1000000000;
	time_t s = (time_t)(ns / 1000000000);
	struct tm tm;
	int digits = 9;

	if (fraction < 0) {
		fraction += 1000000000;
		s--;
	}
	gmtime_r(&s, &tm);
	fprintf(stderr, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
	    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	for (; digits > 0 && fraction % 10 == 0; digits--)
		fraction /= 10;
	if (digits > 0)
		fprintf(stderr, ".%0*" PRId64, digits, fraction);
	fputc('Z', stderr);
}

static void
put_bound(const char *name, int64_t ns, int64_t open)
{
	fprintf(stderr, "%-30s ", name);
	if (ns == open)
		fputs("open", stderr);
	else
		put_time(ns);
	fputc('\n', stderr);
}

void
explain(const auditq_counts *counts)
{
	put_bound("window from", counts->after, INT64_MIN);
	put_bound("window to (not included)", counts->before, INT64_MAX);
	for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
		fprintf(stderr, "%-30s %" PRIu64 "\n", items[i].text,
		    *(const uint64_t *)((const char *)counts + items[i].at));
}
