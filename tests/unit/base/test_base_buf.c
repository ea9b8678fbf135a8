/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"

static bool
holds(const struct buf *b, const char *want)
{
	return str_eq(buf_as_str(b), str_cstr(want));
}

static void
test_puts_append(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1000);
	buf_puts(&b, "a");
	buf_putc(&b, 'b');
	buf_str(&b, STR("cd"));
	buf_str(&b, STR_NULL);
	buf_put(&b, "ef", 2);
	buf_u64(&b, 0);
	buf_u64(&b, UINT64_MAX);
	buf_printf(&b, "-%d", 7);
	assert_false(b.failed);
	assert_true(holds(&b, "abcdef018446744073709551615-7"));
	buf_fini(&b);
	assert_int_equal(b.cap, 1000);
	assert_null(b.p);
}

static void
test_cap_is_exact(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 300);
	for (int i = 0; i < 300; i++)
		buf_putc(&b, 'x');
	assert_false(b.failed);
	assert_int_equal(b.n, 300);
	buf_putc(&b, 'y');
	assert_true(b.failed);
	assert_int_equal(b.n, 300);
	buf_reset(&b);
	buf_puts(&b, "again");
	assert_false(b.failed);
	assert_true(holds(&b, "again"));
	buf_fini(&b);
}

static void
test_failure_is_sticky_and_changes_nothing(void **state)
{
	(void)state;
	char array[4];
	struct buf b;
	buf_init_array(&b, array, sizeof(array));
	buf_puts(&b, "abc");
	buf_puts(&b, "de");
	assert_true(b.failed);
	buf_putc(&b, 'd'); /* would fit, but comes after the failure */
	assert_true(holds(&b, "abc"));
	assert_null(buf_room(&b, 1));
	assert_ptr_equal(b.p, array);
	buf_fini(&b);
}

static void
test_array_is_used_to_its_end(void **state)
{
	(void)state;
	char array[4];
	struct buf b;
	buf_init_array(&b, array, sizeof(array));
	buf_printf(&b, "%s", "abcd");
	assert_false(b.failed);
	assert_memory_equal(array, "abcd", 4);
	buf_fini(&b);
}

static void
test_long_printf(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 2000);
	buf_printf(&b, "%01500d", 7);
	assert_false(b.failed);
	assert_int_equal(b.n, 1500);
	assert_int_equal(b.p[1499], '7');
	buf_printf(&b, "%0501d", 7);
	assert_true(b.failed);
	assert_int_equal(b.n, 1500);
	buf_fini(&b);
}

static void
test_room_and_drop(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 100);
	char *to = buf_room(&b, 3);
	assert_non_null(to);
	memcpy(to, "abc", 3);
	b.n += 3;
	buf_drop(&b, 2);
	assert_true(holds(&b, "c"));
	buf_drop(&b, 0);
	buf_drop(&b, 1);
	assert_int_equal(b.n, 0);
	assert_null(buf_room(&b, 101));
	assert_true(b.failed);
	buf_fini(&b);
}

static void
test_huge_request_does_not_wrap(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, SIZE_MAX);
	buf_puts(&b, "abc");
	assert_null(buf_room(&b, SIZE_MAX - 1));
	assert_true(b.failed);
	assert_int_equal(b.n, 3);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_puts_append),
		cmocka_unit_test(test_cap_is_exact),
		cmocka_unit_test(test_failure_is_sticky_and_changes_nothing),
		cmocka_unit_test(test_array_is_used_to_its_end),
		cmocka_unit_test(test_long_printf),
		cmocka_unit_test(test_room_and_drop),
		cmocka_unit_test(test_huge_request_does_not_wrap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
