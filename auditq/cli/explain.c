/* explain - see explain.h */
#include "explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
	{ "  answered from summaries", AT(files_answered) },
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

/* In the query's zone, with as much of a fraction as there is. */
static void
put_time(const auditq_t *q, int64_t ns)
{
	char text[AUDITQ_TIME_ROOM];
	const char *fraction, *zone;
	int kept;

	if (auditq_time_text(q, ns, text) < 0)
		return;
	fraction = strchr(text, '.');
	zone = fraction + strspn(fraction, ".0123456789");
	for (kept = (int)(zone - text); strchr(".0", text[kept - 1]) != NULL; kept--)
		if (text[kept - 1] == '.') {
			kept--;
			break;
		}
	fprintf(stderr, "%.*s%s", kept, text, zone);
}

static void
put_bound(const auditq_t *q, const char *name, int64_t ns, int64_t open)
{
	fprintf(stderr, "%-30s ", name);
	if (ns == open)
		fputs("open", stderr);
	else
		put_time(q, ns);
	fputc('\n', stderr);
}

void
explain(const auditq_t *q, const auditq_counts *counts)
{
	put_bound(q, "window from", counts->after, INT64_MIN);
	put_bound(q, "window to (not included)", counts->before, INT64_MAX);
	for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
		fprintf(stderr, "%-30s %" PRIu64 "\n", items[i].text,
		    *(const uint64_t *)((const char *)counts + items[i].at));
	for (size_t i = 0; i < sizeof counts->schema / sizeof counts->schema[0]; i++)
		if (counts->schema[i].files > 0)
			fprintf(stderr, "files read as %-16s %" PRIu64 "\n",
			    counts->schema[i].name, counts->schema[i].files);
}
