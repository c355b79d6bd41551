/* digest - SHA-256 of pieces, against vectors of FIPS 180-4 and of nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "digest.h"

static const struct {
	const char *pieces[3];
	const char *hex;
} vectors[] = {
	{ { "", "", "" }, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ { "abc", "", "" },
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ { "a", "b", "c" },
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ { "abcdbcdecdefdefgefghfghighij", "", "hijkijkljklmklmnlmnomnopnopq" },
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void
known_digests(void **state)
{
	struct digest d;

	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		uint8_t out[DIGEST_BYTES];
		char hex[2 * DIGEST_BYTES + 1];
		digest_begin(&d);
		for (size_t k = 0; k < 3; k++)
			digest_add(&d, vectors[i].pieces[k], strlen(vectors[i].pieces[k]));
		digest_end(&d, out);
		for (size_t k = 0; k < sizeof out; k++)
			(void)snprintf(hex + 2 * k, 3, "%02x", out[k]);
		assert_string_equal(hex, vectors[i].hex);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(known_digests) };

	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
