/* cmd - the commands; argv[0] is the command's name.  Each returns the exit status. */
#ifndef CMD_H
#define CMD_H

#include "opt.h"

enum cmd_status {
	CMD_MATCH = 0,
	CMD_NONE = 1,  /* nothing matched */
	CMD_ERROR = 2, /* wrong usage, or it could not be done */
	CMD_LOST = 3,  /* done, but data that was needed could not be read */
};

int cmd_query(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_runs(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_schemas(int argc, char **argv);
int cmd_pack(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_recover(int argc, char **argv);
int cmd_compact(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_completions(int argc, char **argv);

/* What each is told, and tells. */
extern const struct opt_command cmd_query_words, cmd_stats_words, cmd_runs_words, cmd_run_words,
    cmd_schemas_words, cmd_pack_words, cmd_inspect_words, cmd_recover_words, cmd_compact_words,
    cmd_help_words, cmd_completions_words;

/* In operands: directories; topics and commands. */
#define CMD_DIRECTORIES "@directories"
#define CMD_TOPICS      "@topics"

struct cmd {
	const char *name;
	int (*run)(int argc, char **argv);
	const struct opt_command *words;
	const char *brief;    /* what it does, in some words */
	const char *operands; /* as OPT_VALUES has them; NULL: files */
};

/* All of them up to one without a name; the first is the query, whose name is empty. */
extern const struct cmd cmd_all[];

/* A subcommand; NULL: no such one. */
const struct cmd *cmd_find(const char *name);

#endif
