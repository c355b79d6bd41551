#include "digest.h"

void
digest_begin(struct digest *d)
{
	sha256_init(&d->sha);
}

void
digest_add(struct digest *d, const void *p, size_t n)
{
	sha256_update(&d->sha, n, p);
}

void
digest_end(struct digest *d, uint8_t out[DIGEST_BYTES])
{
	sha256_digest(&d->sha, DIGEST_BYTES, out);
}
