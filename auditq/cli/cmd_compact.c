/* cmd_compact - few archives in place of many small ones. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "auditq.h"
#include "cmd.h"
#include "opt.h"
#include "out.h"
#include "say.h"

struct values {
	bool dry_run;
	uint64_t small, most, gzip_level;
};

#define AT(member) offsetof(struct values, member)

/* clang-format off */
static const struct opt options[] = {
	{ NULL, 0, OPT_SECTION, 0, NULL, "Options:" },
	{ "dry-run", 'n', OPT_FLAG, AT(dry_run), NULL, "say what would be merged, change nothing" },
	{ "small", 0, OPT_U64, AT(small), "MIB",
	  "merge archives with less than so much plain text (default: 16)" },
	{ "max", 0, OPT_U64, AT(most), "MIB",
	  "into archives of at most so much, up to 128 (default: 64)" },
	{ "gzip-level", 0, OPT_U64, AT(gzip_level), "N", "1 to 12, fast to small (default: 6)" },
	OPT_COMMON,
};
/* clang-format on */

const struct opt_command cmd_compact_words = {
	.name = "auditq compact",
	.words = "[--dry-run] [PATH]...",
	.summary =
	    "Put the small archives of each partition into few.  PATH is a root or one of its\n"
	    "partitions; without one it is $AUDITQ_ROOT, else ./logs.  What writers that died\n"
	    "left is finished first, as by auditq recover.  Files of living writers are not\n"
	    "touched, nor are packed or damaged ones.  Queries may run meanwhile.\n",
	.opts = options,
	.after =
	    "  auditq compact logs\n"
	    "  auditq compact --dry-run logs/date=2025-10-23\n"
	    "\n"
	    "Exit status: 0 done, 2 wrong usage or fatal, 3 done, but something is damaged\n"
	    "or lost.\n",
};

static void
on_warning(void *arg, const auditq_warning *w)
{
	bool *lost = arg;

	*lost = *lost || w->lost;
	say_warning(w);
}

static void
add(auditq_compact_result *to, const auditq_compact_result *from)
{
	to->files += from->files;
	to->merged += from->merged;
	to->archives += from->archives;
	to->partitions += from->partitions;
	to->lines += from->lines;
	to->bytes_before += from->bytes_before;
	to->bytes_after += from->bytes_after;
	to->plain += from->plain;
	to->alive += from->alive;
}

static int
print_result(const auditq_compact_result *r, bool dry_run)
{
	char text[320];

	snprintf(text, sizeof text,
	    "%" PRIu64 " archives %s into %" PRIu64 ", in %" PRIu64 " partitions, of %" PRIu64
	    " looked at\n"
	    "%" PRIu64 " lines, %" PRIu64 " bytes before, %" PRIu64 " after\n"
	    "%" PRIu64 " segments not sealed, %" PRIu64 " living writers\n",
	    r->merged, dry_run ? "would go" : "merged", r->archives, r->partitions, r->files,
	    r->lines, r->bytes_before, r->bytes_after, r->plain, r->alive);
	return out_text(text);
}

static const char *
default_path(void)
{
	const char *root = getenv("AUDITQ_ROOT");
	struct stat st;

	if (root != NULL && *root != '\0')
		return root;
	return stat("logs", &st) == 0 && S_ISDIR(st.st_mode) ? "logs" : NULL;
}

enum { GZIP_LEVEL_MAX = 12, MIB_MAX = 128 };

static bool
in_range(const char *name, uint64_t value, uint64_t max)
{
	if (value >= 1 && value <= max)
		return true;
	say("%s: not from 1 to %" PRIu64 ": %" PRIu64, name, max, value);
	return false;
}

static int
compact(const struct values *v, const char *const *path, size_t n)
{
	bool lost = false;
	const auditq_compact_options opt = {
		.size = sizeof opt,
		.small_bytes = v->small << 20,
		.max_bytes = v->most << 20,
		.gzip_level = (int)v->gzip_level,
		.dry_run = v->dry_run,
		.on_warning = on_warning,
		.on_warning_arg = &lost,
	};
	auditq_compact_result all = { 0 };
	auditq_error err = { 0 };

	for (size_t i = 0; i < n; i++) {
		auditq_compact_result r = { .size = sizeof r };

		if (auditq_compact(path[i], &opt, &r, &err) < 0) {
			say_error(&err);
			return CMD_ERROR;
		}
		add(&all, &r);
	}
	if (print_result(&all, v->dry_run) < 0)
		return CMD_ERROR;
	return lost ? CMD_LOST : CMD_MATCH;
}

static int
compact_paths(const struct values *v, const struct opt_list *paths)
{
	const char *path;

	if (!in_range("--small", v->small, MIB_MAX) || !in_range("--max", v->most, MIB_MAX) ||
	    !in_range("--gzip-level", v->gzip_level, GZIP_LEVEL_MAX))
		return CMD_ERROR;
	if (paths->n > 0)
		return compact(v, paths->item, paths->n);
	if ((path = default_path()) != NULL)
		return compact(v, &path, 1);
	say("no PATH given, $AUDITQ_ROOT is not set, and there is no ./logs");
	return CMD_ERROR;
}

int
cmd_compact(int argc, char **argv)
{
	struct values v = { .small = 16, .most = 64, .gzip_level = 6 };
	struct opt_list paths = { 0 };
	int status;

	if (opt_parse(&cmd_compact_words, argc, argv, &v, &paths, &status))
		status = compact_paths(&v, &paths);
	opt_list_free(&paths);
	return status;
}
