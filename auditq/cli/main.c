/* auditq - a subcommand as the first word, or else a query. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "nearest.h"
#include "say.h"

/* Whether the first word is a command misspelt: no file, and nearly its name. */
static bool
misspelt(const char *word)
{
	struct nearest meant;

	nearest_init(&meant, word, strlen(word));
	for (const struct cmd *c = cmd_all + 1; c->name != NULL; c++)
		nearest_offer(&meant, c->name, strlen(c->name));
	if (word[0] == '-' || meant.name[0] == '\0' || access(word, F_OK) == 0 ||
	    errno != ENOENT)
		return false;
	say("no file, and no command, is called '%s'; did you mean %s?", word, meant.name);
	return true;
}

int
main(int argc, char **argv)
{
	const struct cmd *c = argc > 1 ? cmd_find(argv[1]) : NULL;

	if (c == NULL && argc > 1 && misspelt(argv[1]))
		return CMD_ERROR;
	return c != NULL ? c->run(argc - 1, argv + 1) : cmd_query(argc, argv);
}
