/* digest - SHA-256 of pieces, by nettle: small to load, and nothing of it can fail. */
#ifndef DIGEST_H
#define DIGEST_H

#include <nettle/sha2.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES SHA256_DIGEST_SIZE

struct digest {
	struct sha256_ctx sha;
};

/* Begin, add pieces, end; then begin again. */
void digest_begin(struct digest *d);
void digest_add(struct digest *d, const void *p, size_t n);
void digest_end(struct digest *d, uint8_t out[DIGEST_BYTES]);

#endif
