/* tree - a directory in memory with directories of files in it, for one input at a time. */
#ifndef TREE_H
#define TREE_H

#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

#define TREE_PATH_MAX 512

/* What is called for each file. */
typedef void tree_fn(void *arg, const char *path, const char *name);

static inline const char *
tree_make(void)
{
	static char root[TREE_PATH_MAX];

	(void)snprintf(root, sizeof root, "%s/auditq-fuzz-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	FUZZ_CLAIM(mkdtemp(root) != NULL);
	return root;
}

static inline bool
tree_is_entry(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

/* The files in the directories whose names begin so. */
static inline void
tree_each(const char *root, const char *begin, tree_fn *fn, void *arg)
{
	char dir[TREE_PATH_MAX], path[2 * TREE_PATH_MAX];
	struct dirent *d, *f;
	DIR *top = opendir(root), *below;

	FUZZ_CLAIM(top != NULL);
	while ((d = readdir(top)) != NULL) {
		(void)snprintf(dir, sizeof dir, "%.200s/%.255s", root, d->d_name);
		if (!tree_is_entry(d) || strncmp(d->d_name, begin, strlen(begin)) != 0 ||
		    (below = opendir(dir)) == NULL)
			continue;
		while ((f = readdir(below)) != NULL) {
			(void)snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
			if (tree_is_entry(f))
				fn(arg, path, f->d_name);
		}
		(void)closedir(below);
	}
	(void)closedir(top);
}

static inline void
tree_unlink(void *arg, const char *path, const char *name)
{
	(void)arg;
	(void)name;
	FUZZ_CLAIM(unlink(path) == 0);
}

static inline void
tree_remove(const char *root)
{
	char path[TREE_PATH_MAX];
	struct dirent *d;
	DIR *top;

	tree_each(root, "", tree_unlink, NULL);
	FUZZ_CLAIM((top = opendir(root)) != NULL);
	while ((d = readdir(top)) != NULL) {
		(void)snprintf(path, sizeof path, "%.200s/%.255s", root, d->d_name);
		if (tree_is_entry(d))
			FUZZ_CLAIM(remove(path) == 0);
	}
	(void)closedir(top);
	FUZZ_CLAIM(rmdir(root) == 0);
}

#endif
