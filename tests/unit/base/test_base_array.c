/* SPDX-License-Identifier: BSD-2-Clause */
/* base/array: what was added stays, whatever the array grows to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/array.h"

struct element {
	char a, b, c;
};

static void
what_was_added_stays(void **state)
{
	struct element *array = NULL;
	size_t n = 0;

	for (int i = 0; i < 100; i++) {
		struct element *e = array_add(&array, &n, sizeof(*e));

		assert_non_null(e);
		assert_int_equal(n, i + 1);
		assert_ptr_equal(e, &array[i]);
		*e = (struct element) { (char)i, (char)(i + 1), (char)-i };
	}
	for (int i = 0; i < 100; i++) {
		assert_int_equal(array[i].a, i);
		assert_int_equal(array[i].b, i + 1);
		assert_int_equal(array[i].c, -i);
	}
	free(array);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
