/*
 * catalog - the files below the given paths, and what their names say about them.
 *
 * Directories are read with all below them, but not through symlinks; names that begin with "." or
 * "_" and names that end in ".tmp" are passed by.  Directories date=YYYY-MM-DD, and directories and
 * files called exactly YYYY-MM-DD, are left out when that day, with one day's slack on both sides, lies
 * outside the window.  A plain segment of liblog's beside its .jsonl.gz does not count; nor does a file
 * that was found before under another name.
 */
#ifndef CATALOG_H
#define CATALOG_H

#include "path.h"
#include "qerror.h"
#include "spool.h"

enum catalog_kind { CATALOG_REGULAR, CATALOG_STDIN, CATALOG_RING };

struct catalog_file {
	char *path;
	enum catalog_kind kind;
	uint64_t dev, ino, size;
	int64_t mtime;                       /* ns */
	char writer[PATH_WRITER_LENGTH + 1]; /* of a segment or a ring of liblog's; else "" */
	uint32_t number;                     /* of a segment, 1... */
	bool open; /* its last line may be in the making: a plain segment of liblog's */
	struct spool spool; /* of a ring; it was read before the files were listed */
};

struct catalog {
	struct catalog_file *file; /* in bytewise order of their paths, which is their rank */
	size_t n;
	char **dir; /* directories that were read, those of rings among them */
	size_t ndir;
	uint64_t partitions, partitions_pruned;
	uint64_t listed, pruned; /* files; by their names */
	uint64_t bytes;          /* of the files that were not pruned */
};

/* What cannot be read goes to warn; a given path that does not exist is AUDITQ_ENOENT, or, where `missing` is not
 * NULL, passed by, and *missing is set.
 * [after, before) in ns; INT64_MIN and INT64_MAX: open.  *out is to be released, on failure too. */
int catalog_list(struct catalog *out, const char *const *paths, size_t npath, int64_t after,
    int64_t before, bool *missing, const struct qwarn *warn, auditq_error *err);
void catalog_release(struct catalog *c);

#endif
