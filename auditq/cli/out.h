/*
 * out - standard output: all of it or a message, and nothing harmful to a terminal.
 *
 * When the reader has gone, the program ends as SIGPIPE would end it.
 */
#ifndef OUT_H
#define OUT_H

#include "auditq.h"
#include "term.h"

struct out {
	bool tty;
	bool failed; /* and said */
	struct term term;
};

void out_open(struct out *o);
/* An auditq_write_fn for a struct out.  AUDITQ_EIO: it has failed, and that has been said. */
int out_write(void *out, const void *data, size_t n);
int out_close(struct out *o);

/* For short texts of the program's own: 0 or -1. */
int out_text(const char *text);

#endif
