/*
 * root - for tests: a scratch directory, and what the lines of the trails below it say.
 *
 * Lines are read with zlib and jansson, not with anything of ours.
 */
#ifndef ROOT_H
#define ROOT_H

#include <dirent.h>
#include <ftw.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define ROOT_FILES_MAX 4096

/* A new empty directory; path has room for 256 bytes. */
static inline int
root_make(char *path)
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(path, 256, "%s/liblog.XXXXXX", tmp != NULL ? tmp : "/tmp");
	return mkdtemp(path) != NULL ? 0 : -1;
}

static inline int
root_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

/* Remove a directory and everything in it. */
static inline void
root_remove(const char *path)
{
	(void)nftw(path, root_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- files ------------------------------------------------------------------------------- */

/* Segments, plain and sealed, as "date=.../name", in bytewise order. */
struct root_files {
	char *name[ROOT_FILES_MAX];
	size_t n;
};

static inline int
root_by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline bool
root_ends(const char *s, const char *end)
{
	const size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

/* Files below root whose name ends so. */
static inline void
root_list(const char *root, const char *end, struct root_files *out)
{
	DIR *days = opendir(root), *day;
	const struct dirent *d, *f;
	char path[1024];

	out->n = 0;
	while (days != NULL && (d = readdir(days)) != NULL) {
		if (strncmp(d->d_name, "date=", 5) != 0)
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", root, d->d_name);
		day = opendir(path);
		while (day != NULL && (f = readdir(day)) != NULL) {
			if (f->d_name[0] == '.' || !root_ends(f->d_name, end) ||
			    out->n == ROOT_FILES_MAX)
				continue;
			(void)snprintf(path, sizeof path, "%s/%s", d->d_name, f->d_name);
			out->name[out->n++] = strdup(path);
		}
		if (day != NULL)
			(void)closedir(day);
	}
	if (days != NULL)
		(void)closedir(days);
	qsort(out->name, out->n, sizeof out->name[0], root_by_name);
}

static inline void
root_files_free(struct root_files *files)
{
	while (files->n > 0)
		free(files->name[--files->n]);
}

static inline size_t
root_count(const char *root, const char *end)
{
	struct root_files files;
	size_t n;

	root_list(root, end, &files);
	n = files.n;
	root_files_free(&files);
	return n;
}

/* ---- lines ------------------------------------------------------------------------------- */

struct root_lines {
	json_t **line;
	char **file; /* of each, as in root_files */
	size_t n, cap;
	size_t bad; /* lines that are no JSON object, or not ended */
};

static inline void
root_add(struct root_lines *out, const char *text, size_t n, const char *file)
{
	json_t *o = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	if (!json_is_object(o) || text[n - 1] != '\n') {
		json_decref(o);
		out->bad++;
		return;
	}
	if (out->n == out->cap) {
		out->cap = out->cap > 0 ? out->cap * 2 : 1024;
		out->line = realloc(out->line, out->cap * sizeof *out->line);
		out->file = realloc(out->file, out->cap * sizeof *out->file);
		if (out->line == NULL || out->file == NULL)
			abort();
	}
	out->file[out->n] = strdup(file);
	out->line[out->n++] = o;
}

/* Append the lines of one file, plain or gzip. */
static inline void
root_read_file(const char *root, const char *name, struct root_lines *out)
{
	static const size_t most = 16u << 20;
	char path[1024], *line = malloc(most);
	gzFile in;

	(void)snprintf(path, sizeof path, "%s/%s", root, name);
	in = gzopen(path, "rb");
	while (in != NULL && line != NULL && gzgets(in, line, (int)most) != NULL)
		root_add(out, line, strlen(line), name);
	if (in == NULL || gzclose(in) != Z_OK)
		out->bad++;
	free(line);
}

/* All lines below root, in the order of the files' names. */
static inline void
root_read(const char *root, struct root_lines *out)
{
	struct root_files files;

	memset(out, 0, sizeof *out);
	root_list(root, "", &files);
	for (size_t i = 0; i < files.n; i++)
		if (root_ends(files.name[i], ".jsonl") || root_ends(files.name[i], ".gz"))
			root_read_file(root, files.name[i], out);
	root_files_free(&files);
}

static inline void
root_lines_free(struct root_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++) {
		json_decref(lines->line[i]);
		free(lines->file[i]);
	}
	free(lines->line);
	free(lines->file);
}

/* A string or integer member; NULL, or INT64_MIN, where there is none. */
static inline const char *
root_str(const json_t *line, const char *key)
{
	return json_string_value(json_object_get(line, key));
}

static inline int64_t
root_int(const json_t *line, const char *key)
{
	const json_t *v = json_object_get(line, key);

	return json_is_integer(v) ? json_integer_value(v) : INT64_MIN;
}

#endif
