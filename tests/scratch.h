/* scratch - a directory for one test, and what lies below a root, read without the library. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <dirent.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define SCRATCH_MAX 512

static inline void
scratch_make(char dir[SCRATCH_MAX])
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(dir, SCRATCH_MAX, "%s/alog-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL) {
		perror(dir);
		abort();
	}
}

static inline int
scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void
scratch_remove(const char *dir)
{
	(void)nftw(dir, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Of a group of tests, in which a temporary file may not be removed: that is one of the faults. */
static char scratch_tmpdir[SCRATCH_MAX];

static inline int
scratch_tmpdir_begin(void **state)
{
	(void)state;
	scratch_make(scratch_tmpdir);
	return setenv("TMPDIR", scratch_tmpdir, 1);
}

static inline int
scratch_tmpdir_end(void **state)
{
	(void)state;
	scratch_remove(scratch_tmpdir);
	return 0;
}

/* ---- what a root holds: every line of every segment; an archive hides its plain file ---- */

struct scratch_line {
	char *text; /* NUL-terminated, without its line feed */
	size_t n;
	uint64_t seq;
	char file[256]; /* "date=.../name", without .gz */
	size_t place;   /* in that file */
	bool torn;      /* it has no line feed */
};

struct scratch_lines {
	struct scratch_line *line; /* by file name, then in order of the file */
	size_t n, files;
};

static inline void
scratch_add_line(
    struct scratch_lines *out, const char *file, const char *p, size_t n, bool torn)
{
	struct scratch_line *l;
	const char *seq;

	/* Room for twice as many whenever it is full: at each power of two. */
	if ((out->n & (out->n - 1)) == 0)
		out->line = realloc(out->line, (2 * out->n + 1) * sizeof *out->line);
	if (out->line == NULL)
		abort();
	l = &out->line[out->n++];
	*l = (struct scratch_line){
		.text = malloc(n + 1), .n = n, .place = out->n, .torn = torn
	};
	if (l->text == NULL)
		abort();
	memcpy(l->text, p, n);
	l->text[n] = '\0';
	(void)snprintf(l->file, sizeof l->file, "%s", file);
	if ((seq = strstr(l->text, "\"seq\":")) != NULL)
		l->seq = strtoull(seq + 6, NULL, 10);
}

/* gzread passes plain files through. */
static inline void
scratch_read_file(struct scratch_lines *out, const char *path, const char *file)
{
	gzFile in = gzopen(path, "rb");
	char *data = NULL;
	size_t n = 0, begin = 0;
	int got;

	if (in == NULL)
		abort();
	do {
		if ((data = realloc(data, n + 65536)) == NULL)
			abort();
		got = gzread(in, data + n, 65536);
		if (got > 0)
			n += (size_t)got;
	} while (got > 0);
	if (got < 0)
		scratch_add_line(out, file, "(damaged)", 9, true);
	(void)gzclose(in);
	for (size_t i = 0; i < n; i++)
		if (data[i] == '\n') {
			scratch_add_line(out, file, data + begin, i - begin, false);
			begin = i + 1;
		}
	if (begin < n)
		scratch_add_line(out, file, data + begin, n - begin, true);
	free(data);
	out->files++;
}

static inline int
scratch_by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static inline bool
scratch_ends(const char *s, const char *end)
{
	return strlen(s) >= strlen(end) && strcmp(s + strlen(s) - strlen(end), end) == 0;
}

static inline void
scratch_read_partition(struct scratch_lines *out, const char *root, const char *partition)
{
	char dir[SCRATCH_MAX + 256], path[SCRATCH_MAX + 512], sealed[SCRATCH_MAX + 520],
	    file[256];
	struct dirent **d;
	int n;

	(void)snprintf(dir, sizeof dir, "%s/%s", root, partition);
	n = scandir(dir, &d, NULL, scratch_by_name);
	for (int i = 0; i < n; i++) {
		const char *name = d[i]->d_name;
		const bool plain = scratch_ends(name, ".jsonl");

		(void)snprintf(path, sizeof path, "%s/%s", dir, name);
		(void)snprintf(sealed, sizeof sealed, "%s.gz", path);
		(void)snprintf(file, sizeof file, "%.100s/%.150s", partition, name);
		if (!plain && scratch_ends(file, ".gz"))
			file[strlen(file) - 3] = '\0';
		if ((plain && access(sealed, F_OK) < 0) || scratch_ends(name, ".jsonl.gz"))
			scratch_read_file(out, path, file);
		free(d[i]);
	}
	if (n >= 0)
		free(d);
}

static inline struct scratch_lines
scratch_read(const char *root)
{
	struct scratch_lines out = { NULL, 0, 0 };
	struct dirent **d;
	const int n = scandir(root, &d, NULL, scratch_by_name);

	for (int i = 0; i < n; i++) {
		if (strncmp(d[i]->d_name, "date=", 5) == 0)
			scratch_read_partition(&out, root, d[i]->d_name);
		free(d[i]);
	}
	if (n >= 0)
		free(d);
	return out;
}

static inline void
scratch_free(struct scratch_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		free(lines->line[i].text);
	free(lines->line);
	*lines = (struct scratch_lines){ NULL, 0, 0 };
}

#endif
