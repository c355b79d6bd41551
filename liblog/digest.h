/* digest - SHA-256 of pieces, by libcrypto. */
#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES 32

struct digest;

struct digest *digest_new(void); /* NULL: out of memory */
void digest_free(struct digest *d);

/* Begin, add pieces, end; then begin again.  A failure (of libcrypto) is sticky and reported by
 * digest_end: 0 or -1. */
void digest_begin(struct digest *d);
void digest_add(struct digest *d, const void *p, size_t n);
int digest_end(struct digest *d, uint8_t out[DIGEST_BYTES]);

#endif
