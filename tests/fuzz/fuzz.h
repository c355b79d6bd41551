/*
 * fuzz - what the fuzz targets share: a claim that aborts, and a file in memory.
 *
 * A target is a libFuzzer target: `make fuzz` links it with libFuzzer, `make check` with replay.c, which
 * gives it the files of fixtures/fuzz/<target>/.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is. */
#define FUZZ_CLAIM(claim)                                                                      \
	do {                                                                                   \
		if (!(claim)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #claim);    \
			abort();                                                               \
		}                                                                              \
	} while (0)

/* A file in memory that holds these bytes; the same one each time, for one target has one thread. */
static inline int
fuzz_file(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	FUZZ_CLAIM(fd >= 0 && ftruncate(fd, 0) == 0);
	FUZZ_CLAIM(pwrite(fd, data, size, 0) == (ssize_t)size);
	return fd;
}

/* A name by which it can be opened. */
static inline const char *
fuzz_path(int fd)
{
	static char path[32];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return path;
}

/* A copy of its own size, so that a sanitizer sees a byte too far; free it. */
static inline char *
fuzz_copy(const void *p, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);

	FUZZ_CLAIM(copy != NULL);
	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

/* The same with a NUL behind it: up to the first one in it, it is a text. */
static inline char *
fuzz_text(const void *p, size_t n)
{
	char *text = malloc(n + 1);

	FUZZ_CLAIM(text != NULL);
	if (n > 0)
		memcpy(text, p, n);
	text[n] = '\0';
	return text;
}

#endif
