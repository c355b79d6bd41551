/* root - for tests: the lines below a root as JSON values, parsed by jansson, not by anything of ours. */
#ifndef ROOT_H
#define ROOT_H

#include <jansson.h>

#include "scratch.h"

struct root_lines {
	json_t **line; /* NULL where a line is torn, or no JSON object */
	size_t n, bad; /* bad: such lines */
	struct scratch_lines text;
};

/* All lines below root, by file name, then in the order of the file. */
static inline struct root_lines
root_read(const char *root)
{
	struct root_lines out = { .text = scratch_read(root) };

	out.n = out.text.n;
	if ((out.line = calloc(out.n + 1, sizeof *out.line)) == NULL)
		abort();
	for (size_t i = 0; i < out.n; i++) {
		const struct scratch_line *l = &out.text.line[i];

		if (!l->torn)
			out.line[i] = json_loadb(
			    l->text, l->n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
		if (!json_is_object(out.line[i]))
			out.bad++;
	}
	return out;
}

static inline void
root_free(struct root_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		json_decref(lines->line[i]);
	free(lines->line);
	scratch_free(&lines->text);
}

/* A member that is a string, or NULL; an integer, or INT64_MIN. */
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

/* The first line whose string member key is value, or NULL. */
static inline const json_t *
root_find(const struct root_lines *lines, const char *key, const char *value)
{
	for (size_t i = 0; i < lines->n; i++) {
		const char *s = root_str(lines->line[i], key);

		if (s != NULL && strcmp(s, value) == 0)
			return lines->line[i];
	}
	return NULL;
}

/* How many entries a directory has. */
static inline size_t
root_entries(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *e;
	size_t n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	if (d != NULL)
		(void)closedir(d);
	return n;
}

/* How many files in the partitions have names that end so. */
static inline size_t
root_count(const char *root, const char *end)
{
	char path[SCRATCH_MAX + 64];
	const struct dirent *day, *file;
	DIR *days = opendir(root), *files;
	size_t n = 0;

	while (days != NULL && (day = readdir(days)) != NULL) {
		(void)snprintf(path, sizeof path, "%s/%.40s", root, day->d_name);
		if (strncmp(day->d_name, "date=", 5) != 0 || (files = opendir(path)) == NULL)
			continue;
		while ((file = readdir(files)) != NULL)
			n += file->d_name[0] != '.' && scratch_ends(file->d_name, end);
		(void)closedir(files);
	}
	if (days != NULL)
		(void)closedir(days);
	return n;
}

#endif
