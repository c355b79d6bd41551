/* topics - what `auditq help TOPIC` prints. */
#ifndef TOPICS_H
#define TOPICS_H

struct topic {
	const char *name;
	const char *brief; /* what it is about, in some words */
	const char *text;  /* lines of at most 79 columns */
};

/* Up to one without a name. */
extern const struct topic topics[];

/* NULL: no such one. */
const struct topic *topics_find(const char *name);

#endif
