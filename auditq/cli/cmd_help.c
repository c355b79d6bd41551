/* cmd_help - topics, and the --help of commands, by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "nearest.h"
#include "opt.h"
#include "out.h"
#include "say.h"
#include "topics.h"

static const struct opt options[] = {
	{ NULL, 0, OPT_SECTION, 0, NULL, "Options:" },
	OPT_COMMON,
};

const struct opt_command cmd_help_words = {
	.name = "auditq help",
	.words = "[TOPIC|COMMAND]",
	.summary =
	    "Explain a topic, or print the --help of a command.  Without a name, list them.\n",
	.opts = options,
	.after = "  auditq help times\n"
		 "  auditq help stats\n"
		 "\n"
		 "Exit status: 0 printed, 2 there is no such topic.\n",
};

static void
put_entry(FILE *f, const char *name, const char *brief)
{
	fprintf(f, "  %-12s %s\n", name, brief);
}

static int
list(void)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	int r = -1;

	if (f == NULL) {
		say("out of memory");
		return -1;
	}
	fputs("Topics:\n", f);
	for (const struct topic *t = topics; t->name != NULL; t++)
		put_entry(f, t->name, t->brief);
	fputs("\nCommands (auditq alone finds records: auditq --help):\n", f);
	for (const struct cmd *c = cmd_all + 1; c->name != NULL; c++)
		put_entry(f, c->name, c->brief);
	fputs("\nThe manual: auditq(1); investigations: auditq-query(7).\n", f);
	if (fclose(f) == 0)
		r = out_text(text);
	free(text);
	return r;
}

static int
unknown(const char *name)
{
	struct nearest meant;

	nearest_init(&meant, name, strlen(name));
	for (const struct topic *t = topics; t->name != NULL; t++)
		nearest_offer(&meant, t->name, strlen(t->name));
	for (const struct cmd *c = cmd_all + 1; c->name != NULL; c++)
		nearest_offer(&meant, c->name, strlen(c->name));
	if (meant.name[0] != '\0')
		say("no topic or command is called '%s'; did you mean %s?", name, meant.name);
	else
		say("no topic or command is called '%s'; auditq help lists them", name);
	return CMD_ERROR;
}

/* A topic, a command's --help; where both have the name, one after the other. */
static int
explain(const char *name)
{
	const struct topic *t = topics_find(name);
	const struct cmd *c = cmd_find(name);
	char help[] = "--help";
	char *argv[] = { help, help, NULL };

	if (t == NULL && c == NULL)
		return unknown(name);
	if (t != NULL && out_text(t->text) < 0)
		return CMD_ERROR;
	if (t != NULL && c != NULL && out_text("\n") < 0)
		return CMD_ERROR;
	return c != NULL ? c->run(2, argv) : CMD_MATCH;
}

int
cmd_help(int argc, char **argv)
{
	struct opt_list names = { 0 };
	int status;

	if (opt_parse(&cmd_help_words, argc, argv, NULL, &names, &status)) {
		if (names.n > 1) {
			say("one TOPIC or COMMAND at a time");
			status = CMD_ERROR;
		} else if (names.n == 1)
			status = explain(names.item[0]);
		else
			status = list() == 0 ? CMD_MATCH : CMD_ERROR;
	}
	opt_list_free(&names);
	return status;
}
