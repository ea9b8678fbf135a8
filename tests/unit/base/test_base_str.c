/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/str.h"

static bool
is(struct str s, const char *want)
{
	return str_eq(s, str_cstr(want));
}

static void
test_compare(void **state)
{
	(void)state;
	assert_true(str_eq(STR("ab"), STR("ab")));
	assert_false(str_eq(STR("ab"), STR("aB")));
	assert_true(str_eq(STR_NULL, STR("")));
	assert_true(str_ieq(STR("Via"), STR("vIA")));
	assert_false(str_ieq(STR("Via"), STR("Vi")));
	/* Only letters fold: '@' and '`', '[' and '{' differ by bit 5 too. */
	assert_false(str_ieq(STR("@["), STR("`{")));
	assert_false(str_ieq(STR("\xc4"), STR("\xe4")));
	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("b"), STR("a")) > 0);
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
	assert_true(str_cmp(STR("ab"), STR("a")) > 0);
	assert_int_equal(str_cmp(STR("ab"), STR("ab")), 0);
	assert_int_equal(str_cmp(STR_NULL, STR_NULL), 0);
	assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
}

static void
test_starts(void **state)
{
	(void)state;
	assert_true(str_starts(STR("sips:x"), STR("sips:")));
	assert_true(str_starts(STR("x"), STR("")));
	assert_false(str_starts(STR("sip"), STR("sips")));
	assert_false(str_starts(STR("SIPS:x"), STR("sips:")));
	assert_true(str_istarts(STR("SIPS:x"), STR("sips:")));
	assert_false(str_istarts(STR("SIP"), STR("sips")));
}

static void
test_find_and_tail(void **state)
{
	(void)state;
	assert_int_equal(str_find(STR("a;b"), ';'), 1);
	assert_int_equal(str_find(STR("ab"), ';'), 2);
	assert_int_equal(str_find(STR_NULL, ';'), 0);
	assert_true(is(str_from(STR("abc"), 1), "bc"));
	assert_int_equal(str_from(STR("abc"), 9).n, 0);
	assert_null(str_from(STR_NULL, 1).p);
}

static void
test_trim(void **state)
{
	(void)state;
	assert_true(is(str_trim(STR(" \t\r\n a b \r\n\t ")), "a b"));
	assert_int_equal(str_trim(STR(" \t ")).n, 0);
	assert_int_equal(str_trim(STR_NULL).n, 0);
	assert_true(is(str_trim(STR("\v a")), "\v a"));
}

static void
test_cut(void **state)
{
	(void)state;
	struct str s = STR("a,,b");
	assert_true(is(str_cut(&s, ','), "a"));
	assert_true(is(str_cut(&s, ','), ""));
	assert_true(is(str_cut(&s, ','), "b"));
	assert_null(s.p);
	s = STR("a,");
	assert_true(is(str_cut(&s, ','), "a"));
	assert_non_null(s.p); /* empty, not absent: a comma was there */
	assert_int_equal(s.n, 0);
	s = STR_NULL;
	assert_null(str_cut(&s, ',').p);
}

static void
test_numbers(void **state)
{
	(void)state;
	uint32_t v = 7;
	uint64_t w = 7;
	assert_true(str_u32(STR("0"), &v));
	assert_int_equal(v, 0);
	assert_true(str_u32(STR("4294967295"), &v));
	assert_int_equal(v, UINT32_MAX);
	assert_true(str_u32(STR("0000000000000007"), &v));
	assert_int_equal(v, 7);
	assert_false(str_u32(STR("4294967296"), &v));
	assert_false(str_u32(STR("99999999999999999999"), &v));
	assert_false(str_u32(STR(""), &v));
	assert_false(str_u32(STR_NULL, &v));
	assert_false(str_u32(STR("-1"), &v));
	assert_false(str_u32(STR(" 1"), &v));
	assert_false(str_u32(STR("1x"), &v));
	assert_int_equal(v, 7); /* untouched by failures */
	assert_true(str_u64(STR("18446744073709551615"), &w));
	assert_true(w == UINT64_MAX);
	assert_false(str_u64(STR("18446744073709551616"), &w));
	assert_true(w == UINT64_MAX);
}

static void
test_copies(void **state)
{
	(void)state;
	char small[4];
	assert_true(str_copy(small, sizeof(small), STR("abc")));
	assert_string_equal(small, "abc");
	assert_false(str_copy(small, sizeof(small), STR("wxyz")));
	assert_string_equal(small, "wxy");
	assert_true(str_copy(small, sizeof(small), STR_NULL));
	assert_string_equal(small, "");
	assert_false(str_copy(small, 0, STR("")));
	char *heap = str_dup(STR("abc"));
	assert_string_equal(heap, "abc");
	free(heap);
	heap = str_dup(STR_NULL);
	assert_string_equal(heap, "");
	free(heap);
}

static void
test_hex(void **state)
{
	(void)state;
	char text[7];
	uint8_t bytes[3] = { 0 };
	str_hex(text, "\x00\xaf\x5b", 3);
	assert_string_equal(text, "00af5b");
	assert_true(str_unhex(bytes, 3, STR("00AF5b")));
	assert_memory_equal(bytes, "\x00\xaf\x5b", 3);
	assert_false(str_unhex(bytes, 3, STR("00af5")));
	assert_false(str_unhex(bytes, 3, STR("00af5b00")));
	assert_false(str_unhex(bytes, 3, STR("00af5g")));
	assert_false(str_unhex(bytes, 3, STR("0x0000")));
	assert_true(str_unhex(bytes, 0, STR("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_starts),
		cmocka_unit_test(test_find_and_tail),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_hex),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
