/* bytes - what was put is got; nothing is read behind the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"

static void
little_endian(void **state)
{
	static const uint8_t want[] = { 1, 0x03, 0x02, 7, 6, 5, 4, 15, 14, 13, 12, 11, 10, 9, 8,
		0, 0, 0, 0, 0, 0, 0xf8, 0x3f };
	struct bytes_out b = { 0 };

	(void)state;
	bytes_put_u8(&b, 1);
	bytes_put_u16(&b, 0x0203);
	bytes_put_u32(&b, 0x04050607);
	bytes_put_u64(&b, UINT64_C(0x08090a0b0c0d0e0f));
	bytes_put_double(&b, 1.5);
	assert_int_equal(b.n, sizeof want);
	assert_memory_equal(b.p, want, sizeof want);

	struct bytes_in in = { .p = b.p, .n = b.n };
	assert_int_equal(bytes_get_u8(&in), 1);
	assert_int_equal(bytes_get_u16(&in), 0x0203);
	assert_int_equal(bytes_get_u32(&in), 0x04050607);
	assert_true(bytes_get_u64(&in) == UINT64_C(0x08090a0b0c0d0e0f));
	assert_true(bytes_get_double(&in) == 1.5);
	assert_false(in.failed);
	assert_int_equal(in.n, 0);
	bytes_out_free(&b);
}

static const struct {
	uint64_t v;
	size_t n;
	uint8_t bytes[10];
} varints[] = {
	{ 0, 1, { 0 } },
	{ 127, 1, { 0x7f } },
	{ 128, 2, { 0x80, 0x01 } },
	{ 300, 2, { 0xac, 0x02 } },
	{ UINT32_MAX, 5, { 0xff, 0xff, 0xff, 0xff, 0x0f } },
	{ UINT64_MAX, 10, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 } },
};

static void
varints_are_passed_over(void **state)
{
	const size_t kinds = sizeof varints / sizeof varints[0];

	(void)state;
	for (unsigned n = 0; n < 20; n++)
		for (size_t first = 0; first < kinds; first++)
			for (size_t behind = 0; behind < 10; behind++) {
				struct bytes_out b = { 0 };
				struct bytes_in in, cut;

				for (size_t i = 0; i < n; i++)
					bytes_put_varint(&b, varints[(first + i) % kinds].v);
				cut = (struct bytes_in){ .p = b.p, .n = b.n - (n > 0) };
				for (size_t i = 0; i < behind; i++)
					bytes_put_u8(&b, 0);
				in = (struct bytes_in){ .p = b.p, .n = b.n };
				bytes_pass_varints(&in, n);
				assert_true(in.n == behind && !in.failed);
				bytes_pass_varints(&cut, n);
				assert_int_equal(cut.failed, n > 0);
				bytes_out_free(&b);
			}
}

static void
varint(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof varints / sizeof varints[0]; i++) {
		struct bytes_out b = { 0 };
		bytes_put_varint(&b, varints[i].v);
		assert_int_equal(b.n, varints[i].n);
		assert_memory_equal(b.p, varints[i].bytes, b.n);

		struct bytes_in in = { .p = b.p, .n = b.n };
		assert_true(bytes_get_varint(&in) == varints[i].v);
		assert_false(in.failed);
		struct bytes_in cut = { .p = b.p, .n = b.n - 1 };
		assert_true(bytes_get_varint(&cut) == 0);
		assert_true(cut.failed);
		if (varints[i].v > 0) {
			struct bytes_in small = { .p = b.p, .n = b.n };
			(void)bytes_get_varint_max(&small, varints[i].v - 1);
			assert_true(small.failed);
		}
		bytes_out_free(&b);
	}
}

static void
failure_is_sticky(void **state)
{
	static const uint8_t p[] = { 1, 2, 3 };
	struct bytes_in in = { .p = p, .n = sizeof p };
	struct bytes_out out = { 0 };

	(void)state;
	assert_int_equal(bytes_get_u32(&in), 0);
	assert_true(in.failed);
	assert_int_equal(bytes_get_u8(&in), 0);
	assert_null(bytes_get(&in, 0));

	bytes_put_u8(&out, 1);
	assert_null(bytes_room(&out, SIZE_MAX - 8));
	assert_true(out.failed);
	bytes_put_u8(&out, 2);
	assert_int_equal(out.n, 1);
	bytes_out_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(little_endian),
		cmocka_unit_test(varint),
		cmocka_unit_test(varints_are_passed_over),
		cmocka_unit_test(failure_is_sticky),
	};

	return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
