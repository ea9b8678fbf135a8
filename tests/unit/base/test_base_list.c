/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
	int n;
	struct list node;
};

static void
test_order_and_removal(void **state)
{
	(void)state;
	struct list head;
	struct item items[3] = { { .n = 0 }, { .n = 1 }, { .n = 2 } };
	list_init(&head);
	assert_true(list_empty(&head));
	assert_null(LIST_FIRST(&head, struct item, node));
	for (int i = 0; i < 3; i++)
		list_append(&head, &items[i].node);
	assert_ptr_equal(LIST_FIRST(&head, struct item, node), &items[0]);
	int next = 0;
	LIST_FOREACH(it, &head)
		assert_int_equal(CONTAINER_OF(it, struct item, node)->n,
		    next++);
	assert_int_equal(next, 3);
	list_remove(&items[1].node);
	list_remove(&items[1].node); /* twice is harmless */
	LIST_FOREACH_SAFE(it, after, &head)
		list_remove(it);
	assert_true(list_empty(&head));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_removal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
