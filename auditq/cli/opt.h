/*
 * opt - command line options from a table.
 *
 * One table is all there is to know about a command's options: it parses them, and it is what
 * --help prints, and what completions are made of; the manual page is held against it by a test.
 *
 * Long names are taken in full only: a prefix that is unique today is not tomorrow.  Options and
 * operands come in any order; "--" ends options; "-" is an operand; of an option given twice
 * the last counts, unless it makes a list.
 */
#ifndef OPT_H
#define OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_type {
	OPT_END = 0,
	OPT_SECTION, /* no option: help is a title */
	OPT_FLAG,    /* bool */
	OPT_TEXT,    /* const char * */
	OPT_LIST,    /* struct opt_list: may be repeated */
	OPT_U64,     /* uint64_t */
	OPT_ALIAS,   /* another long name of the option above */
	OPT_VALUES, /* of the option above: help is what its argument may be, for completions */
	OPT_HELP,
	OPT_VERSION,
};

struct opt {
	const char *name; /* long name */
	char letter;      /* short name, or 0 */
	enum opt_type type;
	size_t at;       /* offset of the value in what opt_parse fills */
	const char *arg; /* what its argument is called; NULL: it has none */
	const char *help;
};

/* clang-format off */
/* Every table ends with these. */
#define OPT_COMMON                                                                             \
	{ "help", 'h', OPT_HELP, 0, NULL, "print this" },                                      \
	{ "version", 0, OPT_VERSION, 0, NULL, "print the version" },                           \
	{ NULL, 0, OPT_END, 0, NULL, NULL }
/* clang-format on */

/* Values are words with blanks between them; this stands for the schemas that are known. */
#define OPT_SCHEMAS "@schemas"

struct opt_list {
	const char **item; /* borrowed from argv */
	size_t n;
};

struct opt_command {
	const char *name;    /* "auditq pack" */
	const char *words;   /* what follows it: "[OPTIONS] FILE..." */
	const char *summary; /* paragraphs before the options */
	const struct opt *opts;
	const char *after; /* paragraphs after them: examples, exit status */
	/* The option whose expressions ask for a field: for who takes a field's name for an option. */
	const char *asks_field;
};

/* The exit status of those who did not ask right. */
enum { OPT_USAGE = 2 };

/*
 * Fill values and operands from the words behind argv[0].  True to go on; false: *status is what
 * to exit with, --help or --version was printed, or what is wrong has been said.  Free operands
 * and lists with opt_list_free in either case.
 */
bool opt_parse(const struct opt_command *command, int argc, char **argv, void *values,
    struct opt_list *operands, int *status);

/* Say that value (n bytes) is none of those that the table has for an option, and which one was meant. */
void opt_say_value(
    const struct opt_command *command, const char *option, const char *value, size_t n);

void opt_list_free(struct opt_list *list);

#endif
