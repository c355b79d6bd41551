/* cmd - the commands; argv[0] is the command's name.  Each returns the exit status. */
#ifndef CMD_H
#define CMD_H

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

#endif
