/* auditq - a subcommand as the first word, or else a query. */
#include <stddef.h>

#include "cmd.h"

int
main(int argc, char **argv)
{
	const struct cmd *c = argc > 1 ? cmd_find(argv[1]) : NULL;

	return c != NULL ? c->run(argc - 1, argv + 1) : cmd_query(argc, argv);
}
