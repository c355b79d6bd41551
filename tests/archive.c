/*
 * archive OUT [SCHEMA] - the lines of standard input, whatever they are, as an archive of small members.
 *
 * What neither a logger nor `auditq pack` would write: unreadable lines, lines without a time, any schema.
 */
#include "archive.h"
#include "schema_text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMBER_BYTES 4096

int
main(int argc, char **argv)
{
	struct archive_options opt = { .member_bytes = MEMBER_BYTES };
	struct schema schema;
	struct archive *a;
	alog_error err;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int fd, r;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: archive OUT [SCHEMA]\n");
		return 2;
	}
	if (argc > 2) {
		if (schema_parse(argv[2], strlen(argv[2]), &schema) < 0) {
			fprintf(stderr, "archive: not a schema\n");
			return 2;
		}
		opt.schema = &schema;
	}
	if ((fd = open(argv[1], O_WRONLY | O_CREAT | O_EXCL, 0600)) < 0) {
		perror(argv[1]);
		return 1;
	}
	error_reset(&err);
	if ((r = archive_begin(&a, fd, &opt, &err)) == 0) {
		while (r == 0 && (n = getline(&line, &room, stdin)) >= 0)
			r = archive_add(a, line, (size_t)n - (line[n - 1] == '\n'), &err);
		r = archive_finish(a, NULL, &err);
	}
	free(line);
	if (r < 0)
		fprintf(stderr, "archive: %s\n", err.text);
	return close(fd) == 0 && r == 0 ? 0 : 1;
}
