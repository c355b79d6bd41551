/*
 * known - the schemas that come with the library, and which of them a log follows.
 */
#ifndef KNOWN_H
#define KNOWN_H

#include "qerror.h"
#include "schema.h"

struct known {
	const char *name;
	const char *about; /* whose logs */
	const char *text;  /* the schema, as in a file of a user's */
	/* Alternatives, separated by |: keys that a record has all of, not null.  A $ behind one: a string; a #: a
	 * number. */
	const char *sure;
};

#define KNOWN_RECORDS 100 /* that are looked at */

/* NULL: there are no more. */
const struct known *known_at(size_t i);
/* By its name; NULL: there is none of that name. */
const struct known *known_find(const char *name);
/* For people: of a schema with no name, "native" or "other". */
const char *known_name(const struct schema *s);
void known_schema(const struct known *k, struct schema *out);
/* What most of the first records among these lines follow; NULL: nothing that is known.  Where several do, the
 * first of them. */
const struct known *known_recognise(const char *lines, size_t n);

/* By its name, or from a file.  AUDITQ_EINVAL: there is none, or it is wrong; AUDITQ_ENOMEM. */
int known_load(const char *name_or_file, struct schema *out, auditq_error *err);

#endif
