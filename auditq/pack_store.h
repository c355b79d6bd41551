/*
 * pack_store - files below a root that become visible together, or not at all.
 *
 * Each is written under a temporary name that no reader looks at, and takes its own name when
 * all are complete and on the disk.  A lock keeps two packers of the same input apart, so what a
 * killed one left under a temporary name is overwritten by the next.
 */
#ifndef PACK_STORE_H
#define PACK_STORE_H

#include <sys/types.h>

#include "qerror.h"

struct pack_file {
	int base;    /* path is relative to this descriptor */
	char *path;  /* its own name */
	char *temp;  /* the name that it has first */
	size_t ndir; /* of both: the directory with its slash */
	bool made_dir, made, named;
};

struct pack_store {
	const char *root; /* borrowed */
	bool made_root;
	int dir;
	int lock;
	char tag[33]; /* of the id: in every temporary name */
	char lock_name[64];
	struct pack_file *file;
	size_t n, cap;
};

/* Make the root if it is missing, and lock it for this id.  AUDITQ_EBUSY.  Free in either case. */
int pack_store_open(struct pack_store *s, const char *root, const char *id, auditq_error *err);
/* A new file, and its directory when base is the root's: a descriptor to write to, which the
 * caller closes after an fsync. */
int pack_store_create(struct pack_store *s, int base, const char *path, auditq_error *err);
/* Forget the newest file. */
void pack_store_drop(struct pack_store *s);
/* Give all files their names. */
int pack_store_publish(struct pack_store *s, auditq_error *err);
/* Unlock; remove what was not published. */
void pack_store_free(struct pack_store *s);

#endif
