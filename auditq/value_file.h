/*
 * value_file - a file of values for an expression, one a line.
 *
 * Blank lines are left out, as are a carriage return at the end of a line and a byte order mark.
 */
#ifndef VALUE_FILE_H
#define VALUE_FILE_H

#include "qerror.h"

#define VALUE_FILE_BYTES_MAX ((size_t)4 << 20)
#define VALUE_FILE_LINES_MAX 100000
#define VALUE_FILE_LINE_MAX  65536

struct value_file {
	char *text;
	size_t n;
	size_t at; /* of the line after the one given last */
};

/* All of it, from a file or a pipe.  On failure, err->text names the file, and the line where there is one:
 * AUDITQ_EIO, AUDITQ_ETOOBIG, AUDITQ_ENOMEM. */
int value_file_read(struct value_file *f, const char *path, auditq_error *err);
/* The next value; borrowed. */
bool value_file_next(struct value_file *f, const char **value, size_t *n);
void value_file_release(struct value_file *f);

#endif
