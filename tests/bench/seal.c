/*
 * seal FILE ARCHIVE - the lines of a plain file into an archive, on one core: what the keeper's thread does
 * with a finished segment, without the fsync.
 */
#include <archive.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int
seal(const char *p, size_t n, int fd, alog_error *err)
{
	struct archive_options opt = { .expected_bytes = n };
	const char *end = p + n, *eol;
	struct archive *a;
	int r;

	if ((r = archive_begin(&a, fd, &opt, err)) < 0)
		return r;
	for (; p < end; p = eol + 1) {
		if ((eol = memchr(p, '\n', (size_t)(end - p))) == NULL)
			eol = end;
		if ((r = archive_add(a, p, (size_t)(eol - p), err)) < 0) {
			archive_abort(a);
			return r;
		}
	}
	return archive_finish(a, NULL, err);
}

int
main(int argc, char **argv)
{
	struct stat st;
	alog_error err;
	const char *p;
	int in, out;

	if (argc != 3) {
		fprintf(stderr, "usage: seal FILE ARCHIVE\n");
		return 2;
	}
	in = open(argv[1], O_RDONLY | O_CLOEXEC);
	out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (in < 0 || out < 0 || fstat(in, &st) < 0 ||
	    (p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, in, 0)) == MAP_FAILED) {
		perror("seal");
		return 1;
	}
	if (seal(p, (size_t)st.st_size, out, &err) < 0) {
		fprintf(stderr, "seal: %s\n", err.text);
		return 1;
	}
	return 0;
}
