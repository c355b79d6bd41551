/* auditq - a subcommand as the first word, or else a query. */
#include <string.h>

#include "cmd.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "stats", cmd_stats },
	{ "runs", cmd_runs },
	{ "run", cmd_run },
	{ "schemas", cmd_schemas },
	{ "pack", cmd_pack },
	{ "inspect", cmd_inspect },
	{ "recover", cmd_recover },
	{ "compact", cmd_compact },
};

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return cmd_query(argc, argv);
}
