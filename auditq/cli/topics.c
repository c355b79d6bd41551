/* topics - see topics.h */
#include "topics.h"

#include <stddef.h>
#include <string.h>

static const char times[] =
    "A TIME is one of\n"
    "\n"
    "  2025-10-23T14:05:09.123Z   RFC 3339, any offset; without one: that of --tz\n"
    "  2025-10-23 14:05           a blank for T, and no seconds, will do\n"
    "  2025-10-23                 the start of that day\n"
    "  1761228309                 since 1970: s, ms, us or ns, by magnitude\n"
    "  now, now-90m               the present, and before it\n"
    "  today, yesterday, monday   the start of that day; the last such weekday\n"
    "  14:05, yesterday 22:30     that time of today, or of the day\n"
    "  -1h, 90m, 2d12h            back from now; units w d h m s ms us ns\n"
    "\n"
    "--after is inclusive, --before exclusive; --on takes days: 2025-10-23,\n"
    "yesterday, or 2025-10-20..2025-10-23, both included.  Without --tz days are\n"
    "those of UTC; a day on which clocks change has 23 or 25 hours.  --explain says\n"
    "which window was understood.\n"
    "\n"
    "  auditq --failed --on yesterday\n"
    "  auditq --after -2h30m --before -30m\n"
    "  auditq --tz Europe/Berlin --on 2025-10-26\n";

static const char where[] =
    "--where takes tests, joined by and, or, not and parentheses:\n"
    "\n"
    "  FIELD == VALUE, != < <= > >=   of values of the same type\n"
    "  FIELD in (\"a\", \"b\")            any of these\n"
    "  FIELD in @FILE                 any of the lines of FILE\n"
    "  FIELD =~ \"RE\", FIELD !~ \"RE\"   a pattern (PCRE2) is found, or is not\n"
    "  exists FIELD                   it is there, even if null\n"
    "\n"
    "FIELD is a key, or a path: a.b is the key \"a.b\", or b in a.  A name with other\n"
    "characters is written in `backticks`.\n"
    "\n"
    "VALUE is a \"string\" or 'string', a number, true, false, null, a duration\n"
    "(1.5s, 250ms: as a number of milliseconds), a date with or without a time of\n"
    "day, or t\"...\" around any TIME (see auditq help times).\n"
    "\n"
    "A test of an absent field, or of another type, is false; a != b is not (a ==\n"
    "b). Repeated --where must all be true; -v asks for the other records.\n"
    "\n"
    "  auditq --where 'duration_ms > 1.5s and tenant in (\"a\", \"b\")'\n"
    "  auditq --where 'exists error and not (host == \"node-01\")'\n"
    "  auditq --where 'ts >= t\"now-15m\" and user in @ids.txt'\n";

static const char formats[] =
    "-o, --format is one of\n"
    "\n"
    "  pretty   for people; the default on a terminal\n"
    "  jsonl    each line as stored; the default elsewhere\n"
    "  json     one array\n"
    "  csv      RFC 4180, with a header line\n"
    "  tsv      with tabs between columns\n"
    "  md       a Markdown table, for a ticket\n"
    "  raw      lines as stored, with --source behind their place\n"
    "\n"
    "stats and runs print a table, run a tree, unless another format is asked for.\n"
    "--fields chooses the columns and their order; a field is named by its path:\n"
    "ts,stage,http.status.  Without it csv and tsv have the columns of liblog's\n"
    "records, and all else as JSON in the column extra.  --source adds where each\n"
    "record stands.\n"
    "\n"
    "-O FILE writes a file, which appears when it is complete, and never overwrites\n"
    "one without --force.  On a terminal control characters in logs are shown, not\n"
    "sent.\n"
    "\n"
    "  auditq --failed -o csv --fields ts,run_id,stage,error -O failed.csv\n"
    "  auditq --failed --since -1d -o md\n";

static const char schemas[] =
    "A schema says where the time, the run, the stage, the level, the status, the\n"
    "duration and the message of a record stand, and what it means that it failed.\n"
    "So --failed, --stage, --run, --level, the times and stats mean something on\n"
    "the logs of other programs too.\n"
    "\n"
    "Archives name theirs; in other files the keys of the first 100 records tell\n"
    "it. --explain says how many files were read under which schema.  `auditq\n"
    "schemas` lists the known ones, `auditq schemas NAME` prints one: change that,\n"
    "and give the file to --schema.\n"
    "\n"
    "  auditq --failed --explain -c conn.log\n"
    "  auditq schemas zeek >mine.json\n"
    "  auditq --schema mine.json --failed conn.log\n"
    "  auditq pack --schema generic --root packed events.jsonl.gz\n";

static const char exit_status[] =
    "0  found\n"
    "1  nothing found\n"
    "2  wrong usage, or it could not be done\n"
    "3  answered, but data that was needed could not be read: what\n"
    "   matched is printed, what is missing is said on standard error\n"
    "\n"
    "pack: 1 there were no lines, 3 lines were rejected or not read. inspect,\n"
    "recover, compact: 3 something is damaged or lost.\n"
    "\n"
    "--strict ends with 3 at the first thing that cannot be read.\n"
    "\n"
    "  if auditq --failed -c --since -1h logs; then page someone; fi\n";

static const char paths[] =
    "PATH is the root of a trail, a directory in it, a file, or - for standard\n"
    "input. Without one: $AUDITQ_ROOT, else what is piped in, else ./logs.\n"
    "\n"
    "A directory is read with all below it: names that end in .jsonl, .ndjson,\n"
    ".json or .log, with .gz or without, and do not begin with . or _.  A file that\n"
    "is named may have any name.  What liblog or auditq pack sealed carries an\n"
    "index, and only the parts that can match are read; the answer is the same\n"
    "without.\n"
    "\n"
    "The first word may be a command: a file of that name is ./stats.\n"
    "\n"
    "  auditq --failed logs/date=2025-10-23\n"
    "  zcat old.jsonl.gz | auditq --level warn -\n";

static const char examples[] =
    "What failed yesterday, where, and why\n"
    "  auditq --failed --on yesterday -o csv --fields ts,run_id,stage,error\n"
    "Which runs failed, or never ended\n"
    "  auditq runs --status failed,incomplete --since -1d\n"
    "What happened in one run\n"
    "  auditq run last\n"
    "  auditq --run 0199feae\n"
    "All of the run that last failed at a stage\n"
    "  auditq --failed --stage detection --tail 1 --expand run\n"
    "Three records of the run around each failure\n"
    "  auditq --failed -C 3\n"
    "When the failures began\n"
    "  auditq --failed --by stage --hist 1h --since -2d\n"
    "What fails most often\n"
    "  auditq --failed --top stage,error:5\n"
    "How long stages take, and how often they fail\n"
    "  auditq stats --by stage --since -30d\n"
    "A file for a colleague\n"
    "  auditq --failed --since -7d -o csv -O failed.csv\n"
    "What was read, what was not, and why\n"
    "  auditq --failed -c --explain\n"
    "\n"
    "Twenty investigations: auditq-query(7).\n";

const struct topic topics[] = {
	{ "times", "what --after, --before and --on understand", times },
	{ "where", "the expressions of --where", where },
	{ "formats", "what answers look like", formats },
	{ "schemas", "other people's logs", schemas },
	{ "paths", "what is read", paths },
	{ "exit-status", "what 0, 1, 2 and 3 mean", exit_status },
	{ "examples", "questions, and the commands that answer them", examples },
	{ NULL, NULL, NULL },
};

const struct topic *
topics_find(const char *name)
{
	for (const struct topic *t = topics; t->name != NULL; t++)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}
