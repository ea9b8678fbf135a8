/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/wire.h"

static void
test_integers_are_big_endian(void **state)
{
	(void)state;
	struct wire w = wire_of(STR("\x01\x02\x03\x04\x05\x06"));
	assert_int_equal(wire_u8(&w), 0x01);
	assert_int_equal(wire_u16(&w), 0x0203);
	assert_int_equal(wire_u24(&w), 0x040506);
	assert_false(w.failed);
	assert_int_equal(wire_left(&w), 0);
}

static void
test_reading_past_the_end_sticks(void **state)
{
	(void)state;
	struct wire w = wire_of(STR("\x01\x02"));
	assert_int_equal(wire_u24(&w), 0);
	assert_true(w.failed);
	assert_int_equal(wire_left(&w), 0);
	assert_int_equal(wire_u8(&w), 0);
	assert_int_equal(wire_bytes(&w, 1).n, 0);
	assert_true(w.failed);
}

static void
test_vectors(void **state)
{
	(void)state;
	struct wire w = wire_of(STR("\x00\x02" "ab" "\x01" "c" "\x05" "d"));
	assert_true(str_eq(wire_vec(&w, 2), STR("ab")));
	assert_true(str_eq(wire_vec(&w, 1), STR("c")));
	assert_false(w.failed);
	assert_int_equal(wire_vec(&w, 1).n, 0);
	assert_true(w.failed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers_are_big_endian),
		cmocka_unit_test(test_reading_past_the_end_sticks),
		cmocka_unit_test(test_vectors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
