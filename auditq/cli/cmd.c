/* cmd - see cmd.h */
#include "cmd.h"

#include <stddef.h>
#include <string.h>

/* clang-format off */
const struct cmd cmd_all[] = {
	{ "", cmd_query, &cmd_query_words, "find records", NULL },
	{ "stats", cmd_stats, &cmd_stats_words, "count and measure them", NULL },
	{ "runs", cmd_runs, &cmd_runs_words, "list runs, and how they ended", NULL },
	{ "run", cmd_run, &cmd_run_words, "show a run as a tree of its stages", NULL },
	{ "schemas", cmd_schemas, &cmd_schemas_words, "list whose logs are understood", OPT_SCHEMAS },
	{ "pack", cmd_pack, &cmd_pack_words, "put JSON Lines into sealed archives", NULL },
	{ "inspect", cmd_inspect, &cmd_inspect_words, "show what an archive says of itself", NULL },
	{ "recover", cmd_recover, &cmd_recover_words, "finish what dead writers left", CMD_DIRECTORIES },
	{ "compact", cmd_compact, &cmd_compact_words, "put many small archives into few", CMD_DIRECTORIES },
	{ "help", cmd_help, &cmd_help_words, "explain a topic or a command", CMD_TOPICS },
	{ "completions", cmd_completions, &cmd_completions_words, "print completions for a shell",
	  "bash zsh fish" },
	{ NULL, NULL, NULL, NULL, NULL },
};
/* clang-format on */

const struct cmd *
cmd_find(const char *name)
{
	for (const struct cmd *c = cmd_all + 1; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}
