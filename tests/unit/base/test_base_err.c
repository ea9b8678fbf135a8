/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/err.h"

static void
test_every_code_has_its_text(void **state)
{
	(void)state;
	assert_string_equal(err_str(0), "no error");
	assert_string_equal(err_str(E_PARSE), "not well formed");
	assert_string_equal(err_str(E_CONFIG), "wrong configuration");
	assert_string_equal(err_str(-ENOENT), "No such file or directory");
}

static void
test_codes_of_the_house_are_below_errno(void **state)
{
	(void)state;
#define ERR(name, number, text) assert_int_equal(E_##name, -(5000 + number));
#include "base/err.def"
#undef ERR
}

static void
test_unknown_codes_have_a_text_too(void **state)
{
	(void)state;
	assert_string_equal(err_str(1), "unknown error");
	assert_string_equal(err_str(-4999), "unknown error");
	assert_string_equal(err_str(-6000), "unknown error");
	assert_string_equal(err_str(INT32_MIN), "unknown error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_has_its_text),
		cmocka_unit_test(test_codes_of_the_house_are_below_errno),
		cmocka_unit_test(test_unknown_codes_have_a_text_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
