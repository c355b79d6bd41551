/*
 * gunzip - the bytes in a sequence of gzip members (RFC 1952), front to back in constant memory, going on
 * at the next member behind damage.
 *
 * A data member of an archive of ours is checked as a whole before any of it is given.  What another
 * program's member holds is given as it comes: what was decoded before damage in it is kept.
 */
#ifndef GUNZIP_H
#define GUNZIP_H

#include "input.h"

struct gunzip;

/* Members of ours up to this size, stored and decompressed, are held in memory as a whole: all but those with a
 * line that is no line to us. */
#define GUNZIP_WHOLE_MAX ((size_t)18 << 20)

enum gunzip_result {
	GUNZIP_END = 0,
	GUNZIP_DATA = 1,
	GUNZIP_GAP = 2, /* bytes are missing between what was given and what follows */
};

/* Both are borrowed. */
int gunzip_new(
    struct gunzip **ret, struct input *in, const struct qwarn *warn, auditq_error *err);
/* A gunzip_result, *n bytes in dst when it is GUNZIP_DATA; negative: an error.  Damage goes to warn. */
int gunzip_read(struct gunzip *g, void *dst, size_t cap, size_t *n, auditq_error *err);
void gunzip_free(struct gunzip *g);

/* Whether data starts as a gzip member does. */
bool gunzip_magic(const uint8_t *p, size_t n);

#endif
