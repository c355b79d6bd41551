/* cmd_pack - JSON Lines into sealed archives. */
#include <inttypes.h>
#include <stdio.h>

#include "auditq.h"
#include "cmd.h"
#include "opt.h"
#include "out.h"
#include "say.h"

struct values {
	const char *root, *ts, *schema, *reject;
	uint64_t gzip_level;
};

#define AT(member) offsetof(struct values, member)

/* clang-format off */
static const struct opt options[] = {
	{ NULL, 0, OPT_SECTION, 0, NULL, "Options:" },
	{ "root", 0, OPT_TEXT, AT(root), "DIR",
	  "below which the archives go; made when missing; required" },
	{ "schema", 0, OPT_TEXT, AT(schema), "NAME|FILE",
	  "what time, run, stage, level and failed mean: a schema by its name (auditq schemas), or a "
	  "JSON file; recorded in the archives (default: recognised by the first input's records)" },
	{ NULL, 0, OPT_VALUES, 0, NULL, OPT_SCHEMAS },
	{ "ts", 0, OPT_TEXT, AT(ts), "KEY",
	  "the field that holds the time; all else is as in liblog's own records" },
	{ "reject", 0, OPT_TEXT, AT(reject), "FILE",
	  "where lines go that cannot be packed (default: DIR/_pack-ID.reject.jsonl)" },
	{ "gzip-level", 0, OPT_U64, AT(gzip_level), "N", "1 to 12, fast to small (default: 6)" },
	OPT_COMMON,
};
/* clang-format on */

const struct opt_command cmd_pack_words = {
	.name = "auditq pack",
	.words = "[--schema NAME|FILE] --root DIR FILE...",
	.summary =
	    "Put JSON Lines, plain or gzip, or - for standard input, into sealed archives\n"
	    "below DIR, each record in the partition of its own day.  The input may be in any\n"
	    "order.  The same input again changes nothing.  Lines that are no JSON object or\n"
	    "have no usable time go to the reject file, with their place and the reason.\n",
	.opts = options,
	.after =
	    "  auditq pack --root logs events.jsonl.gz\n"
	    "  kubectl get events -o json | jq -c '.items[]' |\n"
	    "      auditq pack --ts lastTimestamp --root k8s -\n"
	    "\n"
	    "Exit status: 0 all packed, 1 there was nothing to pack, 2 wrong usage or fatal,\n"
	    "3 packed, but lines were rejected or input could not be read.\n",
};

static void
on_warning(void *arg, const auditq_warning *w)
{
	bool *lost = arg;

	*lost = *lost || w->lost;
	say_warning(w);
}

static int
print_result(const auditq_pack_result *r)
{
	char text[256];

	snprintf(text, sizeof text,
	    "%" PRIu64 " lines: %" PRIu64 " packed, %" PRIu64 " rejected\n"
	    "%" PRIu64 " archives in %" PRIu64 " partitions, %" PRIu64 " there already\n"
	    "id %s\n",
	    r->lines, r->packed, r->rejected, r->archives + r->skipped_archives, r->partitions,
	    r->skipped_archives, r->id);
	return out_text(text);
}

enum { GZIP_LEVEL_MAX = 12 };

static int
pack(const struct values *v, const struct opt_list *files)
{
	bool lost = false;
	auditq_pack_options opt = {
		.size = sizeof opt,
		.root = v->root,
		.ts = v->ts,
		.schema = v->schema,
		.reject = v->reject,
		.gzip_level = (int)v->gzip_level,
		.on_warning = on_warning,
		.on_warning_arg = &lost,
	};
	auditq_pack_result result = { .size = sizeof result };
	auditq_error err = { 0 };

	if (v->root == NULL || files->n == 0) {
		say(v->root == NULL ? "--root is required"
				    : "no FILE given; - is standard input");
		return CMD_ERROR;
	}
	if (v->gzip_level < 1 || v->gzip_level > GZIP_LEVEL_MAX) {
		say("--gzip-level: not from 1 to %d: %" PRIu64, GZIP_LEVEL_MAX, v->gzip_level);
		return CMD_ERROR;
	}
	if (auditq_pack(files->item, files->n, &opt, &result, &err) < 0) {
		say_error(&err);
		return CMD_ERROR;
	}
	if (result.rejected > 0)
		say("%s: %" PRIu64 " rejected lines", result.reject, result.rejected);
	if (print_result(&result) < 0)
		return CMD_ERROR;
	if (result.rejected > 0 || lost)
		return CMD_LOST;
	return result.lines > 0 ? CMD_MATCH : CMD_NONE;
}

int
cmd_pack(int argc, char **argv)
{
	struct values v = { .gzip_level = 6 };
	struct opt_list files = { 0 };
	int status;

	if (opt_parse(&cmd_pack_words, argc, argv, &v, &files, &status))
		status = pack(&v, &files);
	opt_list_free(&files);
	return status;
}
