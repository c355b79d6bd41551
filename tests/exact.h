/* exact - for tests: bytes that end where their allocation ends, so that a sanitizer sees the first one too far. */
#ifndef EXACT_H
#define EXACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A copy, to be freed. */
static inline char *
exact(const char *s, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);

	assert_non_null(copy);
	memcpy(copy, s, n);
	return copy;
}

#endif
