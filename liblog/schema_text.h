/*
 * schema_text - a schema as JSON text, both ways.
 *
 * In an archive it is canonical and short; in a file that a user wrote it is the same JSON, with any white
 * space, and need say only what differs from schema_default.
 */
#ifndef SCHEMA_TEXT_H
#define SCHEMA_TEXT_H

#include "schema.h"

/* Canonical compact JSON text, no NUL; returns its length, or 0 when it is longer than
 * SCHEMA_TEXT_MAX.  What version 1 could say is said in version 1. */
size_t schema_format(const struct schema *s, char dst[SCHEMA_TEXT_MAX]);
/* 0, or -1 when it is not a schema this version knows: another "v".  Members that it does not know
 * are skipped. */
int schema_parse(const char *text, size_t n, struct schema *out);

struct schema_fault {
	char member[SCHEMA_KEY_MAX +
	    1]; /* that is wrong, nmember bytes of it; 0: all of the text is */
	size_t nmember;
	const char *why;
};

/* What a user wrote: no version is needed, and every member has to be known.  0, or -1 and *fault.  n is
 * not limited; that what is said fits into SCHEMA_TEXT_MAX is made sure of. */
int schema_read_text(
    const char *text, size_t n, struct schema *out, struct schema_fault *fault);

#endif
