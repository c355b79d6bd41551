/* cmd_completions - for bash, zsh and fish, from the tables of all commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditq.h"
#include "cmd.h"
#include "opt.h"
#include "out.h"
#include "say.h"
#include "topics.h"

static const struct opt options[] = {
	{ NULL, 0, OPT_SECTION, 0, NULL, "Options:" },
	OPT_COMMON,
};

const struct opt_command cmd_completions_words = {
	.name = "auditq completions",
	.words = "bash|zsh|fish",
	.summary = "Print completions for a shell: commands, options, and what these may be.\n",
	.opts = options,
	.after = "  eval \"$(auditq completions bash)\"\n"
		 "  auditq completions zsh >/usr/local/share/zsh/site-functions/_auditq\n"
		 "  auditq completions fish >~/.config/fish/completions/auditq.fish\n"
		 "\n"
		 "Exit status: 0 printed, 2 wrong usage.\n",
};

/* ---- what there is to complete ---- */

/* The values that are known of an option's argument, or NULL. */
static const char *
values_of(const struct opt *o)
{
	do
		o++;
	while (o->type == OPT_ALIAS);
	return o->type == OPT_VALUES ? o->help : NULL;
}

static bool
takes_files(const struct opt *o)
{
	return strstr(o->arg, "FILE") != NULL;
}

static bool
takes_directories(const struct opt *o)
{
	return strcmp(o->arg, "DIR") == 0;
}

/* Words with blanks between them, and those that a name stands for. */
static void
put_values(FILE *f, const char *values)
{
	const char *name;

	if (strcmp(values, OPT_SCHEMAS) == 0) {
		for (size_t i = 0; auditq_known_schema(i, &name, NULL, NULL) == 0; i++)
			fprintf(f, "%s%s", i > 0 ? " " : "", name);
	} else if (strcmp(values, CMD_TOPICS) == 0) {
		for (const struct topic *t = topics; t->name != NULL; t++)
			fprintf(f, "%s ", t->name);
		for (const struct cmd *c = cmd_all + 1; c->name != NULL; c++)
			if (topics_find(c->name) == NULL)
				fprintf(f, "%s ", c->name);
	} else
		fputs(values, f);
}

static void
put_commands(FILE *f, const char *between)
{
	for (const struct cmd *c = cmd_all + 1; c->name != NULL; c++)
		fprintf(f, "%s%s", c > cmd_all + 1 ? between : "", c->name);
}

/* All names of an option, as they are written: -S --after --since. */
static void
put_names(FILE *f, const struct opt *o, const char *between)
{
	if (o->letter != 0)
		fprintf(f, "-%c%s", o->letter, between);
	fprintf(f, "--%s", o->name);
	for (o++; o->type == OPT_ALIAS; o++)
		fprintf(f, "%s--%s", between, o->name);
}

/* Whether a row is an option, under its first name. */
static bool
is_option(const struct opt *o)
{
	return o->name != NULL && o->type != OPT_ALIAS;
}

/* What an option does, as far as it goes on one line, between single quotes; a backslash before
 * the characters in special. */
static void
put_brief(FILE *f, const struct opt *o, const char *special)
{
	size_t n = strcspn(o->help, ";:(,");

	while (n > 0 && o->help[n - 1] == ' ')
		n--;
	for (const char *c = o->help; c < o->help + n; c++) {
		if (*c == '\'')
			fputs("'\\''", f);
		else
			fprintf(f, strchr(special, *c) != NULL ? "\\%c" : "%c", *c);
	}
}

/* ---- bash ---- */

static const char bash_begin[] =
    "# Completions of auditq for bash, printed by: auditq completions bash\n"
    "\n"
    "# What begins as $cur does of some words; with \"list\", behind its last comma.\n"
    "_auditq_words()\n"
    "{\n"
    "\tlocal before=\n"
    "\tif [[ ${2-} == list && $cur == *,* ]]; then before=${cur%,*},; fi\n"
    "\tmapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$1\" -- \"${cur#\"$before\"}\")\n"
    "}\n"
    "\n"
    "# Files (-f) or directories (-d), besides what was found before.\n"
    "_auditq_paths()\n"
    "{\n"
    "\tlocal found\n"
    "\tcompopt -o filenames 2>/dev/null\n"
    "\tmapfile -t found < <(compgen \"$1\" -- \"$cur\")\n"
    "\tCOMPREPLY+=(\"${found[@]}\")\n"
    "}\n"
    "\n"
    "_auditq()\n"
    "{\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} command= i\n"
    "\tCOMPREPLY=()\n"
    "\t# --name=value is three words to readline.\n"
    "\tif [[ $cur == = ]]; then\n"
    "\t\tcur=\n"
    "\telif [[ $option == = ]]; then\n"
    "\t\toption=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "\tfi\n"
    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
    "\t\tif [[ ${COMP_WORDS[i]} == -- ]]; then _auditq_paths -f; return; fi\n"
    "\tdone\n"
    "\tif ((COMP_CWORD > 1)); then\n"
    "\t\tcase ${COMP_WORDS[1]} in\n";

/* A case for an option with an argument: what that may be. */
static void
put_bash_argument(FILE *f, const struct cmd *c, const struct opt *o)
{
	char between[40];
	const char *values = values_of(o);

	snprintf(between, sizeof between, " | %s,", c->name);
	fprintf(f, "\t%s,", c->name);
	put_names(f, o, between);
	fputs(")", f);
	if (values != NULL) {
		fputs(" _auditq_words '", f);
		put_values(f, values);
		fputs(o->type == OPT_LIST ? "' list;" : "';", f);
	}
	if (takes_files(o))
		fputs(" _auditq_paths -f;", f);
	if (takes_directories(o))
		fputs(" _auditq_paths -d;", f);
	fputs(" return ;;\n", f);
}

static void
put_bash_options(FILE *f, const struct cmd *c)
{
	fprintf(f, "\t\t'%s') _auditq_words '", c->name);
	for (const struct opt *o = c->words->opts; o->type != OPT_END; o++)
		if (is_option(o)) {
			put_names(f, o, " ");
			fputs(" ", f);
		}
	fputs("' ;;\n", f);
}

static void
put_bash(FILE *f)
{
	fputs(bash_begin, f);
	fputs("\t\t", f);
	put_commands(f, " | ");
	fputs(") command=${COMP_WORDS[1]} ;;\n\t\tesac\n\tfi\n\tcase $command,$option in\n", f);
	for (const struct cmd *c = cmd_all; c->name != NULL; c++)
		for (const struct opt *o = c->words->opts; o->type != OPT_END; o++)
			if (o->arg != NULL)
				put_bash_argument(f, c, o);
	fputs("\tesac\n\tif [[ $cur == -* ]]; then\n\t\tcase $command in\n", f);
	for (const struct cmd *c = cmd_all; c->name != NULL; c++)
		put_bash_options(f, c);
	fputs("\t\tesac\n\t\treturn\n\tfi\n\tcase $command in\n", f);
	for (const struct cmd *c = cmd_all; c->name != NULL; c++) {
		if (c->operands == NULL)
			continue;
		fprintf(f, "\t%s) ", c->name);
		if (strcmp(c->operands, CMD_DIRECTORIES) == 0)
			fputs("_auditq_paths -d ;;\n", f);
		else {
			fputs("_auditq_words '", f);
			put_values(f, c->operands);
			fputs("' ;;\n", f);
		}
	}
	fputs("\t*)\n\t\tif ((COMP_CWORD == 1)); then _auditq_words '", f);
	put_commands(f, " ");
	fputs("'; fi\n\t\t_auditq_paths -f\n\t\t;;\n\tesac\n}\n"
	      "complete -F _auditq auditq\n",
	    f);
}

/* ---- zsh ---- */

/* '(-S --after)'{-S+,--after=}'[at or after]:TIME:' */
static void
put_zsh_option(FILE *f, const struct opt *o)
{
	const char *values = values_of(o), *equals = o->arg != NULL ? "=" : "";
	bool several = o->letter != 0 || o[1].type == OPT_ALIAS;

	fputs(" \\\n\t\t\t", f);
	if (o->type == OPT_LIST)
		fputs("'*'", f);
	else {
		fputs("'(", f);
		put_names(f, o, " ");
		fputs(")'", f);
	}
	fputs(several ? "{" : "", f);
	if (o->letter != 0)
		fprintf(f, "-%c%s,", o->letter, o->arg != NULL ? "+" : "");
	fprintf(f, "--%s%s", o->name, equals);
	for (const struct opt *a = o + 1; a->type == OPT_ALIAS; a++)
		fprintf(f, ",--%s%s", a->name, equals);
	fputs(several ? "}'[" : "'[", f);
	put_brief(f, o, "[]:\\");
	fputs("]", f);
	if (o->arg != NULL) {
		fprintf(f, ":%s:", o->arg);
		if (values != NULL) {
			fputs(o->type == OPT_LIST ? "_sequence compadd - " : "{ compadd - ", f);
			put_values(f, values);
			fputs(takes_files(o) ? "; _files" : "", f);
			fputs(o->type == OPT_LIST ? "" : " }", f);
		} else if (takes_files(o))
			fputs("_files", f);
		else if (takes_directories(o))
			fputs("_files -/", f);
	}
	fputs("'", f);
}

static void
put_zsh_command(FILE *f, const struct cmd *c)
{
	fprintf(f, "\t'%s')\n\t\t_arguments -s -S", c->name);
	for (const struct opt *o = c->words->opts; o->type != OPT_END; o++)
		if (is_option(o))
			put_zsh_option(f, o);
	fputs(" \\\n\t\t\t'*::", f);
	if (c->operands == NULL)
		fputs("path:_files'\n", f);
	else if (strcmp(c->operands, CMD_DIRECTORIES) == 0)
		fputs("directory:_files -/'\n", f);
	else {
		fputs("name:(", f);
		put_values(f, c->operands);
		fputs(")'\n", f);
	}
	fputs("\t\t;;\n", f);
}

static void
put_zsh(FILE *f)
{
	fputs("#compdef auditq\n"
	      "# Completions of auditq for zsh, printed by: auditq completions zsh\n"
	      "\n"
	      "_auditq() {\n"
	      "\tlocal command=\n"
	      "\tlocal -a commands=(\n",
	    f);
	for (const struct cmd *c = cmd_all + 1; c->name != NULL; c++)
		fprintf(f, "\t\t'%s:%s'\n", c->name, c->brief);
	fputs("\t)\n"
	      "\tif ((CURRENT == 2)) && [[ $PREFIX != -* ]]; then\n"
	      "\t\t_describe -t commands command commands\n"
	      "\tfi\n"
	      "\tif ((CURRENT > 2 && ${commands[(I)$words[2]:*]})); then\n"
	      "\t\tcommand=$words[2]\n"
	      "\t\tshift words\n"
	      "\t\t((CURRENT--))\n"
	      "\tfi\n"
	      "\tcase $command in\n",
	    f);
	for (const struct cmd *c = cmd_all; c->name != NULL; c++)
		put_zsh_command(f, c);
	fputs(
	    "\tesac\n"
	    "}\n"
	    "\n"
	    "if [[ $funcstack[1] == _auditq ]]; then _auditq \"$@\"; else compdef _auditq auditq; fi\n",
	    f);
}

/* ---- fish ---- */

static void
put_fish_option(FILE *f, const struct cmd *c, const struct opt *o)
{
	const char *values = values_of(o);

	fprintf(f, "complete -c auditq -n '__auditq_is \"%s\"'", c->name);
	if (o->letter != 0)
		fprintf(f, " -s %c", o->letter);
	fprintf(f, " -l %s", o->name);
	for (const struct opt *a = o + 1; a->type == OPT_ALIAS; a++)
		fprintf(f, " -l %s", a->name);
	if (o->arg != NULL)
		fputs(takes_files(o) ? " -r -F" : " -x", f);
	if (values != NULL) {
		fputs(" -a '", f);
		put_values(f, values);
		fputs("'", f);
	} else if (o->arg != NULL && takes_directories(o))
		fputs(" -a '(__fish_complete_directories)'", f);
	fputs(" -d '", f);
	put_brief(f, o, "\\");
	fputs("'\n", f);
}

static void
put_fish_operands(FILE *f, const struct cmd *c)
{
	fprintf(f, "complete -c auditq -n '__auditq_is \"%s\"' -f -a '", c->name);
	if (strcmp(c->operands, CMD_DIRECTORIES) == 0)
		fputs("(__fish_complete_directories)", f);
	else
		put_values(f, c->operands);
	fputs("'\n", f);
}

static void
put_fish(FILE *f)
{
	fputs("# Completions of auditq for fish, printed by: auditq completions fish\n"
	      "\n"
	      "# A command is one as the first word only.\n"
	      "function __auditq_is\n"
	      "\tset -l words (commandline -opc)\n"
	      "\tset -l command ''\n"
	      "\tif set -q words[2]; and contains -- $words[2] ",
	    f);
	put_commands(f, " ");
	fputs("\n"
	      "\t\tset command $words[2]\n"
	      "\tend\n"
	      "\ttest \"$command\" = \"$argv[1]\"\n"
	      "end\n"
	      "\n",
	    f);
	for (const struct cmd *c = cmd_all + 1; c->name != NULL; c++)
		fprintf(f,
		    "complete -c auditq -n 'test (count (commandline -opc)) -eq 1' -a %s -d '%s'\n",
		    c->name, c->brief);
	for (const struct cmd *c = cmd_all; c->name != NULL; c++) {
		for (const struct opt *o = c->words->opts; o->type != OPT_END; o++)
			if (is_option(o))
				put_fish_option(f, c, o);
		if (c->operands != NULL)
			put_fish_operands(f, c);
	}
}

/* ---- the command ---- */

static const struct {
	const char *name;
	void (*put)(FILE *f);
} shells[] = { { "bash", put_bash }, { "zsh", put_zsh }, { "fish", put_fish } };

static int
print(void (*put)(FILE *f))
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	int status = CMD_ERROR;

	if (f == NULL) {
		say("out of memory");
		return CMD_ERROR;
	}
	put(f);
	if (fclose(f) != 0)
		say("out of memory");
	else if (out_text(text) == 0)
		status = CMD_MATCH;
	free(text);
	return status;
}

static int
completions(const struct opt_list *names)
{
	if (names->n == 1)
		for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
			if (strcmp(names->item[0], shells[i].name) == 0)
				return print(shells[i].put);
	say("of which shell: bash, zsh or fish?");
	return CMD_ERROR;
}

int
cmd_completions(int argc, char **argv)
{
	struct opt_list names = { 0 };
	int status;

	if (opt_parse(&cmd_completions_words, argc, argv, NULL, &names, &status))
		status = completions(&names);
	opt_list_free(&names);
	return status;
}
