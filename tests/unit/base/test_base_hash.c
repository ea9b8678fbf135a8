/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/hash.h"

/*
 * The published SipHash-2-4 answers for key 00..0f and the inputs of 0 to 15
 * bytes 00, 01, ... (reference vectors of the authors, little-endian words).
 */
static const uint64_t answers[16] = {
	UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd),
	UINT64_C(0x0d6c8009d9a94f5a), UINT64_C(0x85676696d7fb7e2d),
	UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
	UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137),
	UINT64_C(0x93f5f5799a932462), UINT64_C(0x9e0082df0ba9e4b0),
	UINT64_C(0x7a5dbbc594ddb9f3), UINT64_C(0xf4b32f46226bada7),
	UINT64_C(0x751e8fbc860ee5fb), UINT64_C(0x14ea5627c0843d90),
	UINT64_C(0xf723ca908e7af2ee), UINT64_C(0xa129ca6149be45e5),
};

static void
test_siphash_reference_vectors(void **state)
{
	(void)state;
	const uint64_t key[2] = { UINT64_C(0x0706050403020100),
		UINT64_C(0x0f0e0d0c0b0a0908) };
	uint8_t in[16];
	for (size_t i = 0; i < 16; i++) {
		in[i] = (uint8_t)i;
		assert_true(hash_siphash(key, in, i) == answers[i]);
	}
	assert_true(hash_siphash(key, NULL, 0) == answers[0]);
}

static void
test_folding_hash_ignores_case_at_any_length(void **state)
{
	(void)state;
	char low[600], high[600];
	for (size_t i = 0; i < sizeof(low); i++) {
		low[i] = (char)('a' + i % 26);
		high[i] = (char)('A' + i % 26);
	}
	for (size_t n = 0; n <= sizeof(low); n++) {
		uint64_t h = hash_istr(str_of(high, n));
		assert_true(h == hash_istr(str_of(low, n)));
		assert_true(h == hash_bytes(low, n));
	}
	assert_true(hash_bytes(high, 600) != hash_bytes(low, 600));
}

struct item {
	int n;
	struct hash_node node;
};

static struct item *
find(const struct hash_table *t, int n)
{
	uint64_t hash = hash_bytes(&n, sizeof(n));
	struct hash_node *i = hash_chain(t, hash);
	for (; i != NULL; i = i->next) {
		struct item *item = CONTAINER_OF(i, struct item, node);
		if (i->hash == hash && item->n == n)
			return item;
	}
	return NULL;
}

static void
test_table_grows_and_finds(void **state)
{
	(void)state;
	enum { N = 5000 };
	struct item *items = calloc(N, sizeof(*items));
	struct hash_table t;
	assert_non_null(items);
	assert_int_equal(hash_init(&t, 0), 0);
	for (int i = 0; i < N; i++) {
		items[i].n = i;
		hash_insert(&t, &items[i].node, hash_bytes(&i, sizeof(i)));
	}
	assert_int_equal(t.count, N);
	assert_true(t.mask + 1 >= N / 2);
	for (int i = 0; i < N; i++)
		assert_ptr_equal(find(&t, i), &items[i]);
	assert_null(find(&t, N));
	for (int i = 0; i < N; i += 2)
		hash_remove(&t, &items[i].node);
	assert_int_equal(t.count, N / 2);
	for (int i = 0; i < N; i++)
		assert_ptr_equal(find(&t, i), i % 2 ? &items[i] : NULL);
	hash_fini(&t);
	free(items);
}

static void
free_item(struct hash_node *node, void *arg)
{
	size_t *freed = arg;
	free(CONTAINER_OF(node, struct item, node));
	(*freed)++;
}

static void
test_each_may_free_its_node(void **state)
{
	(void)state;
	struct hash_table t;
	size_t freed = 0;
	assert_int_equal(hash_init(&t, 100), 0);
	for (int i = 0; i < 40; i++) {
		struct item *item = calloc(1, sizeof(*item));
		assert_non_null(item);
		/* All in one chain. */
		hash_insert(&t, &item->node, 1);
	}
	hash_each(&t, free_item, &freed);
	assert_int_equal(freed, 40);
	hash_fini(&t);
	hash_each(&t, free_item, &freed);
	assert_int_equal(freed, 40);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash_reference_vectors),
		cmocka_unit_test(test_folding_hash_ignores_case_at_any_length),
		cmocka_unit_test(test_table_grows_and_finds),
		cmocka_unit_test(test_each_may_free_its_node),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
