/* SPDX-License-Identifier: BSD-2-Clause */
/* edge/proxy_choice: which failure of a fork the caller is told (16.7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/compiler.h"
#include "edge/proxy_choice.h"

static void
the_better_one_of_two(void **state)
{
	static const struct {
		int better, worse;
	} rows[] = {
		{ 603, 486 }, /* 6xx before all */
		{ 600, 302 },
		{ 302, 404 }, /* then the lowest class */
		{ 404, 500 },
		{ 480, 503 },
		{ 401, 404 }, /* what can be mended */
		{ 407, 486 },
		{ 415, 486 },
		{ 420, 404 },
		{ 484, 480 },
		{ 486, 404 }, /* a phone said so */
		{ 404, 480 }, /* who was not reached says least */
		{ 404, 408 },
		{ 480, 408 },
		{ 486, 487 },
		{ 500, 503 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(proxy_choice_better(rows[i].better,
		    rows[i].worse));
		assert_false(proxy_choice_better(rows[i].worse,
		    rows[i].better));
	}
}

static void
the_first_of_equals_stays(void **state)
{
	for (int status = 300; status < 700; status++) {
		assert_true(proxy_choice_better(status, 0));
		assert_false(proxy_choice_better(status, status));
	}
	assert_false(proxy_choice_better(401, 407));
	assert_false(proxy_choice_better(407, 401));
	assert_false(proxy_choice_better(600, 603));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_better_one_of_two),
		cmocka_unit_test(the_first_of_equals_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
