/* cmd_inspect - what an archive says about itself. */
#include "auditq.h"
#include "cmd.h"
#include "opt.h"
#include "out.h"
#include "say.h"

struct values {
	bool json;
};

/* clang-format off */
static const struct opt options[] = {
	{ NULL, 0, OPT_SECTION, 0, NULL, "Options:" },
	{ "json", 0, OPT_FLAG, offsetof(struct values, json), NULL, "as one JSON object" },
	OPT_COMMON,
};
/* clang-format on */

const struct opt_command cmd_inspect_words = {
	.name = "auditq inspect",
	.words = "[--json] FILE...",
	.summary =
	    "Show an archive's header, members, index, run table, rollups and digests.\n",
	.opts = options,
	.after = "  auditq inspect logs/date=2025-10-23/detector.*.jsonl.gz\n"
		 "\n"
		 "Exit status: 0 shown, 2 wrong usage or fatal, 3 a file is damaged.\n",
};

/* The worse of the two that a file can end with. */
static int
inspect(const char *path, bool json)
{
	struct out out;
	auditq_error err = { 0 };
	int r;

	out_open(&out);
	r = auditq_inspect(path, json, out_write, &out, &err);
	if (out_close(&out) < 0 || out.failed)
		return CMD_ERROR;
	if (r == 0)
		return CMD_MATCH;
	say_error(&err);
	return r == AUDITQ_ECORRUPT ? CMD_LOST : CMD_ERROR;
}

static int
inspect_all(const struct opt_list *files, bool json)
{
	int status = CMD_MATCH;

	for (size_t i = 0; i < files->n; i++) {
		int one = inspect(files->item[i], json);
		if (one == CMD_ERROR || status == CMD_MATCH)
			status = one;
	}
	if (files->n == 0) {
		say("no FILE given");
		status = CMD_ERROR;
	}
	return status;
}

int
cmd_inspect(int argc, char **argv)
{
	struct values v = { 0 };
	struct opt_list files = { 0 };
	int status;

	if (opt_parse(&cmd_inspect_words, argc, argv, &v, &files, &status))
		status = inspect_all(&files, v.json);
	opt_list_free(&files);
	return status;
}
