/* cmd_recover - finish what writers left that died. */
#include <inttypes.h>
#include <stdio.h>

#include "auditq.h"
#include "cmd.h"
#include "opt.h"
#include "out.h"
#include "say.h"

static const struct opt options[] = {
	{ NULL, 0, OPT_SECTION, 0, NULL, "Options:" },
	OPT_COMMON,
};

const struct opt_command cmd_recover_words = {
	.name = "auditq recover",
	.words = "ROOT",
	.summary =
	    "Finish what writers that died left below ROOT: what their rings hold is written,\n"
	    "torn tails are cut, segments are sealed.  A living writer's files are not\n"
	    "touched.\n",
	.opts = options,
	.after = "Exit status: 0 done, 2 wrong usage or fatal, 3 done, but data was lost.\n",
};

static void
on_warning(void *arg, const auditq_warning *w)
{
	bool *lost = arg;

	*lost = *lost || w->lost;
	say_warning(w);
}

static int
recover(const struct opt_list *roots)
{
	auditq_recover_result r = { .size = sizeof r };
	auditq_error err = { 0 };
	bool lost = false;
	char text[256];

	if (roots->n != 1) {
		say("one ROOT is needed");
		return CMD_ERROR;
	}
	if (auditq_recover(roots->item[0], on_warning, &lost, &r, &err) < 0) {
		say_error(&err);
		return CMD_ERROR;
	}
	snprintf(text, sizeof text,
	    "%" PRIu64 " rings of dead writers, %" PRIu64 " records saved from them\n"
	    "%" PRIu64 " segments, %" PRIu64 " sealed, %" PRIu64 " torn\n"
	    "%" PRIu64 " living writers\n",
	    r.rings, r.records, r.segments, r.sealed, r.torn, r.alive);
	if (out_text(text) < 0)
		return CMD_ERROR;
	return lost ? CMD_LOST : CMD_MATCH;
}

int
cmd_recover(int argc, char **argv)
{
	struct opt_list roots = { 0 };
	int status, none = 0;

	if (opt_parse(&cmd_recover_words, argc, argv, &none, &roots, &status))
		status = recover(&roots);
	opt_list_free(&roots);
	return status;
}
