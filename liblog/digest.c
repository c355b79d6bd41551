#include "digest.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

struct digest {
	EVP_MD_CTX *ctx;
	bool failed;
};

struct digest *
digest_new(void)
{
	struct digest *d = calloc(1, sizeof *d);

	if (d != NULL && (d->ctx = EVP_MD_CTX_new()) == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

void
digest_free(struct digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

void
digest_begin(struct digest *d)
{
	d->failed = EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1;
}

void
digest_add(struct digest *d, const void *p, size_t n)
{
	if (!d->failed)
		d->failed = EVP_DigestUpdate(d->ctx, p, n) != 1;
}

int
digest_end(struct digest *d, uint8_t out[DIGEST_BYTES])
{
	if (!d->failed)
		d->failed = EVP_DigestFinal_ex(d->ctx, out, NULL) != 1;
	return d->failed ? -1 : 0;
}
