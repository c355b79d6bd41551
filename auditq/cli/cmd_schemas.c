/* cmd_schemas - the schemas that auditq knows by name. */
#include <string.h>

#include "auditq.h"
#include "cmd.h"
#include "nearest.h"
#include "opt.h"
#include "out.h"
#include "say.h"

/* clang-format off */
static const struct opt options[] = {
	{ NULL, 0, OPT_SECTION, 0, NULL, "Options:" },
	OPT_COMMON,
};
/* clang-format on */

const struct opt_command cmd_schemas_words = {
	.name = "auditq schemas",
	.words = "[NAME]...",
	.summary =
	    "List the schemas: whose logs each is for.  With NAME, print that schema as JSON:\n"
	    "a beginning for one of your own, to be given to --schema.\n",
	.opts = options,
	.after =
	    "  auditq schemas\n"
	    "  auditq schemas zeek >mine.json && auditq --schema mine.json --failed conn.log\n"
	    "\n"
	    "Exit status: 0 printed, 2 wrong usage or fatal.\n",
};

static int
list(struct out *out)
{
	static const char blanks[] = "                ";
	const char *name, *about;
	int r = 0;

	for (size_t i = 0; r == 0 && auditq_known_schema(i, &name, &about, NULL) == 0; i++) {
		size_t n = strlen(name);

		r = out_write(out, name, n);
		if (r == 0)
			r = out_write(
			    out, blanks, n < sizeof blanks - 2 ? sizeof blanks - 1 - n : 1);
		if (r == 0)
			r = out_write(out, about, strlen(about));
		if (r == 0)
			r = out_write(out, "\n", 1);
	}
	return r;
}

static int
print_one(struct out *out, const char *wanted)
{
	struct nearest meant;
	const char *name, *json;

	nearest_init(&meant, wanted, strlen(wanted));
	for (size_t i = 0; auditq_known_schema(i, &name, NULL, &json) == 0; i++) {
		nearest_offer(&meant, name, strlen(name));
		if (strcmp(name, wanted) == 0)
			return out_write(out, json, strlen(json)) < 0 ||
				out_write(out, "\n", 1) < 0
			    ? -1
			    : 0;
	}
	if (meant.name[0] != '\0')
		say("no schema is called '%s'; did you mean %s?", wanted, meant.name);
	else
		say("no schema is called '%s'; auditq schemas lists them", wanted);
	return -1;
}

int
cmd_schemas(int argc, char **argv)
{
	struct opt_list names = { 0 };
	struct out out;
	int status, r;

	if (opt_parse(&cmd_schemas_words, argc, argv, NULL, &names, &status)) {
		out_open(&out);
		r = names.n == 0 ? list(&out) : 0;
		for (size_t i = 0; r == 0 && i < names.n; i++)
			r = print_one(&out, names.item[i]);
		if (out_close(&out) < 0)
			r = -1;
		status = r < 0 ? CMD_ERROR : CMD_MATCH;
	}
	opt_list_free(&names);
	return status;
}
