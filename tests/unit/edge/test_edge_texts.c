/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "edge/texts.h"

static void
test_equal_texts_are_one(void **state)
{
	struct texts t;
	const char *a, *b, *other;

	assert_int_equal(texts_init(&t), 0);
	a = texts_share(&t, STR("Cisco/SPA502G-7.6.2"));
	b = texts_share(&t, STR("Cisco/SPA502G-7.6.2"));
	other = texts_share(&t, STR("Cisco/SPA502G-7.6.1"));
	assert_string_equal(a, "Cisco/SPA502G-7.6.2");
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, other);
	assert_int_equal(t.table.count, 2);
	texts_drop(&t, other);
	texts_drop(&t, a);
	/* The one that is left is still there. */
	assert_int_equal(t.table.count, 1);
	assert_string_equal(b, "Cisco/SPA502G-7.6.2");
	texts_drop(&t, b);
	assert_int_equal(t.table.count, 0);
	texts_fini(&t);
}

static void
test_no_text_is_no_reference(void **state)
{
	struct texts t;

	assert_int_equal(texts_init(&t), 0);
	assert_null(texts_share(&t, STR("")));
	assert_null(texts_share(&t, STR_NULL));
	texts_drop(&t, NULL);
	assert_int_equal(t.table.count, 0);
	texts_fini(&t);
}

static void
test_many_texts(void **state)
{
	enum { N = 1000 };
	static const char *text[N];
	struct texts t;
	char name[32];

	assert_int_equal(texts_init(&t), 0);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "phone %d", i);
		text[i] = texts_share(&t, str_cstr(name));
	}
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "phone %d", i);
		assert_string_equal(text[i], name);
		texts_drop(&t, text[i]);
	}
	assert_int_equal(t.table.count, 0);
	texts_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_texts_are_one),
		cmocka_unit_test(test_no_text_is_no_reference),
		cmocka_unit_test(test_many_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
