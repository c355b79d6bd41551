/* opt - see opt.h */
#include "opt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"
#include "out.h"
#include "say.h"

struct parse {
	const struct opt_command *command;
	char **argv; /* the words not yet looked at */
	int argc;
	char *values;
	size_t words; /* of the whole command line: no list gets longer */
	int status;   /* to exit with when parsing stops */
};

/* ---- help ---- */

enum { WIDTH = 79, HELP_COLUMN = 27 };

struct page {
	FILE *file;
	size_t column;
};

static void
pad(struct page *p, size_t column)
{
	fprintf(p->file, "%*s", (int)(column - p->column), "");
	p->column = column;
}

/* Words of text, wrapped; each line begins at the column. */
static void
put_wrapped(struct page *p, size_t column, const char *text)
{
	while (*(text += strspn(text, " ")) != '\0') {
		size_t n = strcspn(text, " ");
		if (p->column > column && p->column + 1 + n > WIDTH) {
			fputc('\n', p->file);
			p->column = 0;
		}
		pad(p, p->column <= column ? column : p->column + 1);
		p->column += fwrite(text, 1, n, p->file);
		text += n;
	}
	fputc('\n', p->file);
	p->column = 0;
}

/* An option, its other names, its argument; then what it does, in the column for that. */
static void
put_option(struct page *p, const struct opt *o)
{
	const struct opt *alias = o + 1;

	if (o->letter != 0)
		p->column += (size_t)fprintf(p->file, "  -%c, --%s", o->letter, o->name);
	else
		p->column += (size_t)fprintf(p->file, "      --%s", o->name);
	for (; alias->type == OPT_ALIAS; alias++)
		p->column += (size_t)fprintf(p->file, ", --%s", alias->name);
	if (o->arg != NULL)
		p->column += (size_t)fprintf(p->file, " %s", o->arg);
	if (p->column + 2 > HELP_COLUMN) {
		fputc('\n', p->file);
		p->column = 0;
	}
	put_wrapped(p, HELP_COLUMN, o->help);
}

static int
print(const char *text)
{
	return out_text(text) == 0 ? 0 : OPT_USAGE;
}

static int
print_help(const struct opt_command *c)
{
	struct page page = { 0 };
	char *text = NULL;
	size_t n;
	int status = OPT_USAGE;

	if ((page.file = open_memstream(&text, &n)) == NULL) {
		say("out of memory");
		return OPT_USAGE;
	}
	fprintf(page.file, "usage: %s %s\n\n%s", c->name, c->words, c->summary);
	for (const struct opt *o = c->opts; o->type != OPT_END; o++) {
		if (o->type == OPT_SECTION)
			fprintf(page.file, "\n%s\n", o->help);
		else if (o->type != OPT_ALIAS && o->type != OPT_VALUES)
			put_option(&page, o);
	}
	fprintf(page.file, "\n%s", c->after);
	if (fclose(page.file) == 0)
		status = print(text);
	free(text);
	return status;
}

/* ---- parsing ---- */

static bool
wrong(const struct parse *p)
{
	fprintf(stderr, "Try '%s --help'.\n", p->command->name);
	return false;
}

static bool
unknown(const struct parse *p, const char *word, const char *name)
{
	struct nearest meant;
	size_t n;

	nearest_init(&meant, name, strlen(name));
	for (const struct opt *o = p->command->opts; o->type != OPT_END; o++)
		if (o->name != NULL)
			nearest_offer(&meant, o->name, strlen(o->name));
	if (meant.name[0] != '\0')
		say("unknown option '%s'; did you mean --%s?", word, meant.name);
	else
		say("unknown option '%s'", word);
	n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
	if (p->command->asks_field != NULL && n > 0 && (name[n] == '\0' || name[n] == '='))
		say("a field of that name is asked for with --%s '%.*s == \"...\"'",
		    p->command->asks_field, (int)n, name);
	return wrong(p);
}

static bool
add(const struct parse *p, struct opt_list *list, const char *item)
{
	if (list->item == NULL && (list->item = calloc(p->words, sizeof *list->item)) == NULL) {
		say("out of memory");
		return false;
	}
	list->item[list->n++] = item;
	return true;
}

/* All of text as a decimal number, UINT64_MAX for one beyond; false when it is none. */
static bool
read_number(const char *text, uint64_t *n)
{
	*n = 0;
	for (const char *c = text; *c != '\0'; c++) {
		if (*c < '0' || *c > '9')
			return false;
		uint64_t digit = (uint64_t)(*c - '0');
		*n = *n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *n * 10 + digit;
	}
	return *text != '\0';
}

static bool
set_number(const struct parse *p, const struct opt *o, const char *text)
{
	uint64_t n;

	if (!read_number(text, &n)) {
		say("--%s: not a number: '%s'", o->name, text);
		return wrong(p);
	}
	memcpy(p->values + o->at, &n, sizeof n);
	return true;
}

static bool
set_argument(const struct parse *p, const struct opt *o, const char *text)
{
	void *at = p->values + o->at;

	if (o->type == OPT_U64)
		return set_number(p, o, text);
	if (o->type == OPT_LIST)
		return add(p, at, text);
	*(const char **)at = text;
	return true;
}

/* An option without an argument; false when there is nothing more to do. */
static bool
set_flag(struct parse *p, const struct opt *o)
{
	if (o->type == OPT_FLAG) {
		*(bool *)(p->values + o->at) = true;
		return true;
	}
	p->status =
	    o->type == OPT_HELP ? print_help(p->command) : print("auditq " AUDITQ_VERSION "\n");
	return false;
}

static const struct opt *
find_name(const struct opt *opts, const char *name)
{
	const struct opt *meant = NULL;

	for (; opts->type != OPT_END; opts++) {
		if (opts->name == NULL)
			continue;
		if (opts->type != OPT_ALIAS)
			meant = opts;
		if (strcmp(opts->name, name) == 0)
			return meant;
	}
	return NULL;
}

static const struct opt *
find_letter(const struct opt *opts, char letter)
{
	for (; opts->type != OPT_END; opts++)
		if (opts->letter == letter)
			return opts;
	return NULL;
}

/* The argument is what is attached to the option, or the next word, whatever that begins with. */
static bool
take_argument(struct parse *p, const struct opt *o, const char *attached)
{
	if (attached != NULL)
		return set_argument(p, o, attached);
	if (p->argc == 0) {
		say("--%s needs an argument: %s", o->name, o->arg);
		return wrong(p);
	}
	p->argc--;
	return set_argument(p, o, *p->argv++);
}

static bool
parse_long(struct parse *p, char *word)
{
	const struct opt *o;
	char *value = strchr(word, '=');

	if (value != NULL)
		*value++ = '\0';
	if ((o = find_name(p->command->opts, word + 2)) == NULL)
		return unknown(p, word, word + 2);
	if (o->arg != NULL)
		return take_argument(p, o, value);
	if (value != NULL) {
		say("--%s takes no argument", o->name);
		return wrong(p);
	}
	return set_flag(p, o);
}

/* One or more letters; what follows the letter of an option with an argument is that. */
static bool
parse_letters(struct parse *p, const char *word)
{
	for (const char *c = word + 1; *c != '\0'; c++) {
		const struct opt *o = find_letter(p->command->opts, *c);
		if (o == NULL) {
			const char name[] = { '-', *c, '\0' };
			return unknown(p, name, "");
		}
		if (o->arg != NULL)
			return take_argument(p, o, c[1] != '\0' ? c + 1 : NULL);
		if (!set_flag(p, o))
			return false;
	}
	return true;
}

bool
opt_parse(const struct opt_command *command, int argc, char **argv, void *values,
    struct opt_list *operands, int *status)
{
	struct parse p = { command, argv + 1, argc - 1, values, (size_t)argc, OPT_USAGE };
	bool options = true, good = true;

	while (good && p.argc > 0) {
		char *word = *p.argv++;
		p.argc--;
		if (!options || word[0] != '-' || word[1] == '\0')
			good = add(&p, operands, word);
		else if (strcmp(word, "--") == 0)
			options = false;
		else if (word[1] == '-')
			good = parse_long(&p, word);
		else
			good = parse_letters(&p, word);
	}
	*status = p.status;
	return good;
}

void
opt_say_value(
    const struct opt_command *command, const char *option, const char *value, size_t n)
{
	const struct opt *o = find_name(command->opts, option);
	char text[256];
	size_t at = 0;
	struct nearest meant;

	while (o->type != OPT_VALUES)
		o++;
	nearest_init(&meant, value, n);
	for (const char *word = o->help; *word != '\0' && at < sizeof text;) {
		const size_t len = strcspn(word, " ");
		const bool first = word == o->help, last = word[len] == '\0';

		nearest_offer(&meant, word, len);
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*s",
		    first      ? ""
			: last ? " or "
			       : ", ",
		    (int)len, word);
		word += len + !last;
	}
	say("--%s: not %s: '%.*s'%s%s%s", option, text, (int)n, value,
	    meant.name[0] != '\0' ? "; did you mean " : "", meant.name,
	    meant.name[0] != '\0' ? "?" : "");
}

void
opt_list_free(struct opt_list *list)
{
	free(list->item);
}
